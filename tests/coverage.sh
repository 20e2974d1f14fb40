#!/bin/sh
# Lines and branches of the five files that the C tests reach (gcov): sh tests/coverage.sh
# The tool's tests are not counted.  Leaves FILE.c.gcov in build/coverage: ##### is not reached.
D=build/coverage
rm -rf $D; mkdir -p $D
CFLAGS="-std=c99 -O0 --coverage"
for f in snl waveform lisa nn mcmc; do gcc $CFLAGS -c -o $D/$f.o $f.c || exit 1; done
for t in tests/test_*.c; do
    with="$D/snl.o $D/waveform.o $D/lisa.o $D/nn.o $D/mcmc.o"
    grep -q '^#include "../snl.c"' $t && with=
    gcc $CFLAGS -I. -o $D/$(basename $t .c) $t $with -lm && $D/$(basename $t .c) >/dev/null || echo "$t is red"
done
for x in $D/*.gcda; do gcov -b -o $D ${x%.gcda}.gcno 2>/dev/null; mv -f *.gcov $D 2>/dev/null; done >$D/all
# A file that a test includes is counted there too: the best count of each line
cat >$D/best.awk <<'A'
/^File/ { split($0, q, "'"); f = q[2]; sub(/.*\//, "", f) }
/^Lines executed/ { split($2, q, ":"); v = q[2] + 0; if (v > line[f]) line[f] = v }
/^Taken at least once/ { split($4, q, ":"); v = q[2] + 0; if (v > taken[f]) taken[f] = v }
END { for (f in line) if (f ~ /^(snl|waveform|lisa|nn|mcmc)\.c$/) printf "%s\tlines %.1f %%\tbranches taken %.1f %%\n", f, line[f], taken[f] }
A
awk -f $D/best.awk $D/all
