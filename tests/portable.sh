#!/bin/sh
# Every compiler and target found here builds the library and passes the C tests; natively
# also tests/test_build.sh (the bare cc line, one file of five, C++).  The jobs of the tool
# (tests/test_tool.sh) are left to `make test`: emulated, they would take hours.  Each target
# builds the tool and recomputes a table of waveforms by it.  Emulated, s390x runs all C tests
# but the slow suite of test_snl, which would take it three hours, the others those named below
# and the quick suite: every file of the library, not the long chains.
# On each a posterior is made by rounds of SNL and has, to its Monte Carlo errors, the moments
# of the closed form (rounds_recover_a_linear_gaussian): so targets agree with each other.
#   TESTS="test_io ..." sh tests/portable.sh      these C tests only
#   ROUNDS="-t NAME" sh tests/portable.sh   where test_snl is not run whole, this of it, not
#                                           the quick suite
#   sh tests/portable.sh [NAME...]      these targets only; log: build/portable/NAME/log
# Prints target, compiler, tests passed, seconds; what is not installed, or cannot run, is
# named as skipped.  Last line: the sum over targets.
pass=0 fail=0 want=" $* "
top=build/portable
mkdir -p $top
echo '#include <math.h>
#include <stdlib.h>
int main(int c, char **v) { (void)v; return sqrt(4.0*c) == 2.0 ? 0 : 1; }' >$top/probe.c
row() { printf '%-16s %-34s %-22s %6s\n' "$@"; }
row target compiler passed seconds

# The tool's waveforms must be those of the table, to 1e-9 (tests/data/phenomd.tsv, LAL's)
cat >$top/agree.awk <<'X2'
/^#/ { next }
FNR == NR { if (!h++) for (i = 1; i <= NF; i++) c[$i] = i
            else { n++; amp[n] = $c["amp"]; phase[n] = $c["phase"] }  next }
!g++ { for (i = 1; i <= NF; i++) d[$i] = i; next }
{ r++; a = $d["amp"]/amp[r] - 1; p = ($d["phase"] - phase[r])/(1 + (phase[r] < 0 ? -1 : 1)*phase[r])
  if (!(a*a < 1e-18 && p*p < 1e-18)) { print "row " r " differs"; bad = 1; exit 1 } }
END { if (!bad && (r != n || r < 5)) { print r " rows of " n; exit 1 } }
X2

target() {      # target NAME COMPILER FLAGS RUNNER SCRIPTS
    case $want in "  "|*" $1 "*) ;; *) return;; esac
    d=$top/$1 began=$(date +%s); mkdir -p $d
    if ! command -v ${2%% *} >/dev/null; then
        row "$1" "$2" "skipped: not installed" -; return; fi
    if ! $2 $3 -o $d/probe.exe $top/probe.c -lm >$d/probe.log 2>&1; then
        row "$1" "$2" "skipped: does not link" -; return; fi
    if ! $4 $d/probe.exe >>$d/probe.log 2>&1; then
        row "$1" "$2" "skipped: does not run" -; return; fi
    SCRIPTS=$5 CC="$2" CFLAGS="$3" RUNNER="$4" BUILD=$d sh tests/run.sh >$d/log 2>&1
    bad=$?
    $2 $3 -I. -o $d/snl.exe examples/tool.c examples/event.c examples/bench.c examples/io.c \
        examples/plot.c examples/report.c examples/terminal.c $d/*.o -lm >>$d/log 2>&1 &&
    $4 $d/snl.exe waveform --cases tests/data/phenomd.tsv >$d/table.tsv 2>>$d/log &&
    awk -F'	' -f $top/agree.awk tests/data/phenomd.tsv $d/table.tsv >>$d/log 2>&1 ||
        { bad=1; echo "FAIL the tool" >>$d/log; }
    more=0
    case "$TESTS" in ""|*test_snl*) ;; *)
        { $2 $3 -I. -o $d/rounds.exe tests/test_snl.c $d/*.o -lm &&
          $4 $d/rounds.exe ${ROUNDS:--s quick}; } >$d/rounds.out 2>&1 || { bad=1; echo "FAIL the rounds" >>$d/log; }
        grep FAIL $d/rounds.out >>$d/log
        more=$(tr -d '\r' <$d/rounds.out | sed -n 's/^Pass: \([0-9]*\), .*/\1/p');;
    esac
    count=$(sed -n 's/ passed, 0 failed$//p;s/ passed, \(.* failed\)$/, \1/p' $d/log | tail -1)
    case $count in *,*|"") ;; *) count=$((count + ${more:-0}));; esac
    row "$1" "$2" "$count" $(($(date +%s) - began))
    if [ $bad -eq 0 ]; then pass=$((pass + 1))
    else
        fail=$((fail + 1))
        grep 'FAIL\|error\|does not build\|no result\|not so' $d/log | sed 's/^/    /' | head -8
    fi
}

c99="-std=c99 -pedantic -Wall -Wextra -Werror" build=test_build
find_wine() { for w in wine64 /usr/lib/wine/wine64 wine; do
    if command -v $w >/dev/null; then echo $w; return; fi; done; echo wine; }
quick="test_base test_bytes test_io test_nn_gradients test_inside test_waveform"
most="$quick test_fft test_lisa test_faults"
# 32-bit programs run by themselves where the kernel lets them; qemu takes x87's 80 bits one
# operation after the other
i386= short= long=
if command -v i686-linux-gnu-gcc >/dev/null; then
    i686-linux-gnu-gcc -static -o $top/probe32 $top/probe.c -lm 2>/dev/null
    $top/probe32 2>/dev/null || {
        i386=qemu-i386-static short=$quick long=$most; }
fi
WINEDEBUG=-all NODE_PATH=${NODE_PATH:-/usr/share/nodejs}; export WINEDEBUG NODE_PATH    # acorn, for emcc
target gcc           gcc                  "$c99 -O2"                     "" $build
target gcc-O0        gcc                  "$c99 -O0"                     "" no
target gcc-O3-native gcc                  "$c99 -O3 -march=native"       "" no
target gcc-plain     gcc                  ""                             "" no
target gcc-gnu99-fma gcc                  "-std=gnu99 -O2 -march=native" "" no
target clang         clang                "$c99 -O2"                     "" $build
target clang-native  clang                "$c99 -O3 -march=native"       "" no
san="-std=c99 -g -O1 -fno-sanitize-recover=all"
target gcc-sanitize  gcc                  "$san -fsanitize=address,undefined" "" no
target clang-sanitize clang               "$san -fsanitize=address,undefined" "" no
target tcc           tcc                  "-std=c99 -Wall"               "" $build
make -s single || exit 1
SRC=build/snl_all.c; export SRC       # one file of the five: inline functions of snl.h unused there
target single-gcc    gcc                  "$c99 -O2"                     "" no
target single-clang  clang   "$c99 -O2 -Wno-unused-function"                     "" no
target single-tcc    tcc                  "-std=c99 -Wall"               "" no
SRC=
target musl          musl-gcc             "$c99 -O2 -static"             "" no
some() { asked=$TESTS TESTS=${TESTS:-$1}; export TESTS; shift; target "$@"; TESTS=$asked; }
some "$short" i686-x87 i686-linux-gnu-gcc "$c99 -O2 -static"             "$i386" no
some "$long" i686-sse2 i686-linux-gnu-gcc "$c99 -O2 -static -msse2 -mfpmath=sse" "$i386" no
some "$most test_mcmc test_nn test_sbibm" s390x s390x-linux-gnu-gcc "$c99 -O2 -static" qemu-s390x-static no
some "$most" armhf   arm-linux-gnueabihf-gcc "$c99 -O2 -static" qemu-arm-static no
some "$most" riscv64 riscv64-linux-gnu-gcc "$c99 -O2 -static" qemu-riscv64-static no
some "$most" aarch64 aarch64-linux-gnu-gcc "$c99 -O2 -static" qemu-aarch64-static no
target windows       x86_64-w64-mingw32-gcc "$c99 -O2 -static" "$(find_wine)"    no
target wasm          emcc "-std=c99 -O2 -sALLOW_MEMORY_GROWTH=1 -sTOTAL_STACK=4MB -sWASM_ASYNC_COMPILATION=0 -sNODERAWFS=1" node no
echo "$pass passed, $fail failed"
[ $fail -eq 0 ] && [ $pass -gt 0 ]
