#!/bin/sh
# Every compiler and target found here builds the library and passes the C tests; what is
# not installed, or cannot run, is named as skipped.  Last line: the sum over targets.
pass=0 fail=0
top=build/portable
mkdir -p $top
echo '#include <math.h>
#include <stdlib.h>
int main(int c, char **v) { (void)v; return sqrt(4.0*c) == 2.0 ? 0 : 1; }' >$top/probe.c

target() {      # target NAME COMPILER FLAGS RUNNER
    d=$top/$1; mkdir -p $d
    if ! command -v ${2%% *} >/dev/null; then echo "skipped $1: ${2%% *} is not installed"; return; fi
    if ! $2 $3 -o $d/probe.exe $top/probe.c -lm >$d/probe.log 2>&1; then
        echo "skipped $1: $2 $3 does not link a small program"; return; fi
    if ! $4 $d/probe.exe >>$d/probe.log 2>&1; then
        echo "skipped $1: its programs do not run here${4:+ (by ${4%% *})}"; return; fi
    if SCRIPTS=no CC="$2" CFLAGS="$3" RUNNER="$4" BUILD=$d sh tests/run.sh >$d/log 2>&1
    then pass=$((pass + 1)); else fail=$((fail + 1)); grep 'FAIL\|error\|does not build\|no result' $d/log | head -5; fi
    echo "$1: $(tail -1 $d/log)"
}

c99="-std=c99 -pedantic -O2"
target gcc          gcc         "$c99 -Wall -Wextra"                ""
target gcc-plain    gcc         ""                                  ""
target gcc-gnu99-fma gcc        "-std=gnu99 -O2 -march=native"      ""
target gcc-sanitize gcc         "-std=c99 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover" ""
target clang        clang       "$c99 -Wall -Wextra"                ""
target clang-native clang       "-std=c99 -O3 -march=native"        ""
target tcc          tcc         ""                                  ""
target x86-32       "gcc -m32"  "$c99 -msse2 -mfpmath=sse"          ""
target musl         musl-gcc    "$c99 -static"                      ""
target aarch64      aarch64-linux-gnu-gcc     "$c99 -static"        qemu-aarch64
target arm          arm-linux-gnueabihf-gcc   "$c99 -static"        qemu-arm
target riscv64      riscv64-linux-gnu-gcc     "$c99 -static"        qemu-riscv64
target ppc64-big-endian powerpc64-linux-gnu-gcc "$c99 -static"      qemu-ppc64
target s390x-big-endian s390x-linux-gnu-gcc   "$c99 -static"        qemu-s390x
target windows      x86_64-w64-mingw32-gcc    "$c99 -static"        wine
echo "$pass passed, $fail failed"
[ $fail -eq 0 ] && [ $pass -gt 0 ]
