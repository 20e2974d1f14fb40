#!/bin/sh
# What the README promises of the five files: the bare cc line, parts that stand alone,
# one file out of five, no writable state, a header for C++.
CC=${CC:-cc} BUILD=${BUILD:-build}/promises
SRC="snl.c waveform.c lisa.c nn.c mcmc.c"
pass=0 fail=0
mkdir -p $BUILD
ok() {          # ok WHAT COMMAND...
    what=$1; shift
    if "$@" >$BUILD/out 2>&1; then pass=$((pass + 1))
    else fail=$((fail + 1)); echo "not so: $what"; sed 's/^/    /' $BUILD/out | head -5; fi
}
skip() { echo "skipped: $1"; }
none() { if grep "$@"; then return 1; else return 0; fi; }     # no such line

cat >$BUILD/app.c <<'X'
#include "snl.h"
#include <stdio.h>
int main(void) { return puts(snl_status_text(SNL_OK)) < 0; }
X
ok "cc app.c and the five files, no flags" $CC -I. -o $BUILD/app $BUILD/app.c $SRC -lm
ok "the program runs" $BUILD/app
ok "the same as -std=c99 -pedantic" $CC -std=c99 -pedantic -I. -o $BUILD/app $BUILD/app.c $SRC -lm
{ cat snl.h; for f in $SRC; do echo "#line 1 \"$f\""; sed 's/^#include "snl.h"$//' $f; done; } >$BUILD/snl_all.c
ok "the five files in one" $CC -std=c99 -c -o $BUILD/snl_all.o $BUILD/snl_all.c

for f in $SRC; do ok "$f alone" $CC -std=c99 -c -o $BUILD/$(basename $f .c).o $f; done
case $($CC -v 2>&1) in *tcc*) linkable=no;; *) linkable=yes;; esac    # tcc: constants in .data
if command -v nm >/dev/null && [ $linkable = yes ]; then
    for f in waveform nn mcmc; do
        nm -u $BUILD/$f.o >$BUILD/nm
        ok "$f.c calls nothing of ours" none snl_ $BUILD/nm
    done
    nm -u $BUILD/lisa.o | grep snl_ | awk '{ print $NF }' >$BUILD/need
    nm $BUILD/waveform.o | awk '$2 == "T" { print $3 }' >$BUILD/have
    ok "lisa.c calls waveform.c only" none -v -x -F -f $BUILD/have $BUILD/need
    for f in $SRC; do
        nm -f sysv $BUILD/$(basename $f .c).o | grep '|' >$BUILD/nm
        ok "$f has no writable state" none -E '\| *(\*COM\*|\.(data|bss|tbss|tdata)(\..*)?)$' $BUILD/nm
        nm $BUILD/$(basename $f .c).o | awk '$2 ~ /^[TRDBV]$/ { print $3 }' >$BUILD/nm
        ok "$f exports snl_ names only" none -v '^_*snl_' $BUILD/nm
        nm -u $BUILD/$(basename $f .c).o >$BUILD/nm
        ok "$f neither prints, exits nor looks at a clock" \
            none -E ' _*(printf|puts|fwrite|fprintf|putchar|exit|abort|time|clock|rand|fopen|getenv)$' $BUILD/nm
    done
else skip "symbols: no nm, or tcc"; fi
if command -v c++ >/dev/null; then
    echo '#include "snl.h"
#include "snl.h"
int main() { return snl_status_text(SNL_OK) == 0; }' >$BUILD/app.cc
    ok "C++ can include snl.h" c++ -Wall -Wextra -Werror -I. -c -o $BUILD/app_cc.o $BUILD/app.cc
    [ $linkable = no ] || ok "C++ can link the C objects" c++ -o $BUILD/app_cc $BUILD/app_cc.o $BUILD/snl.o \
        $BUILD/waveform.o $BUILD/lisa.o $BUILD/nn.o $BUILD/mcmc.o -lm
else skip "C++: no c++"; fi
echo 'int main(void) { return 0; }' >$BUILD/nothing.c
ok "-ffast-math is refused" sh -c "! $CC -ffast-math -D__FAST_MATH__ -I. -include snl.h -c -o $BUILD/x.o $BUILD/nothing.c"
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
