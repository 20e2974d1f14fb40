#!/bin/sh
# Build and run every tests/test_*.c and every tests/test_*.sh; the last line is the sum.
#   CC, CFLAGS, LDLIBS   how to build                     BUILD     where (build/test)
#   GREATEST             directory of another greatest.h  RUNNER    e.g. an emulator
#   TESTS                names of the C tests to run; empty: all
#   SCRIPTS              no: only the C tests; or the names of tests/NAME.sh that run too
#   SRC                  the library's files, or build/snl_all.c (make single)
# A test that needs more than the five library files includes it.
CC=${CC:-cc} CFLAGS=${CFLAGS--std=c99 -pedantic -Wall -Wextra -O2} LDLIBS=${LDLIBS--lm}
BUILD=${BUILD:-build/test}
export CC CFLAGS LDLIBS GREATEST
SRC=${SRC:-snl.c waveform.c lisa.c nn.c mcmc.c}
pass=0 fail=0
mkdir -p $BUILD
one_failed() { fail=$((fail + 1)); echo "$1"; }

obj=
for f in $SRC; do
    o=$BUILD/$(basename $f .c).o
    $CC $CFLAGS -c -o $o $f || { echo "0 passed, 1 failed"; exit 1; }
    obj="$obj $o"
done

for f in tests/test_*.c; do
    name=$(basename $f .c)
    case " $TESTS " in "  "|*" $name "*) ;; *) continue;; esac
    echo "== $name"
    with=$obj
    if grep -q '^#include "../snl.c"' $f; then with=; fi     # it has all five inside
    if ! $CC $CFLAGS ${GREATEST:+-include "$GREATEST/greatest.h"} -I. -o $BUILD/$name $f $with $LDLIBS; then
        one_failed "$name does not build"; continue
    fi
    exe=$BUILD/$name; [ -f $exe ] || exe=$exe.exe           # of a compiler for Windows
    $RUNNER $exe >$BUILD/$name.out 2>&1; status=$?
    set -- $(tr -d '\r' <$BUILD/$name.out | sed -n 's/^Pass: \([0-9]*\), fail: \([0-9]*\), skip: \([0-9]*\).*/\1 \2 \3/p')
    if [ $# -ne 3 ] || [ $(($1 + $2 + $3)) -eq 0 ]; then
        tail -5 $BUILD/$name.out; one_failed "$name ended with status $status and no result"; continue
    fi
    pass=$((pass + $1)) fail=$((fail + $2))
    if [ $status -ne 0 ]; then
        grep -v '^[.s]*$' $BUILD/$name.out
        [ $2 -eq 0 ] && one_failed "$name ended with status $status"
    else grep '^Total\|^Pass' $BUILD/$name.out; fi
done

[ "$SCRIPTS" = no ] || for f in tests/test_*.sh; do
    name=$(basename $f .sh)
    case "$SCRIPTS" in ""|*$name*) ;; *) continue;; esac
    echo "== $name"
    BUILD=$BUILD sh $f >$BUILD/$name.out 2>&1; status=$?
    cat $BUILD/$name.out
    set -- $(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' $BUILD/$name.out)
    if [ $# -ne 2 ]; then one_failed "$name ended with status $status and no result"; continue; fi
    pass=$((pass + $1)) fail=$((fail + $2))
    if [ $status -ne 0 ] && [ $2 -eq 0 ]; then one_failed "$name ended with status $status"; fi
done

[ $((pass + fail)) -gt 0 ] || fail=1
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
