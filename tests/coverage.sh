#!/bin/sh
# Lines and branches of the five files that the C tests reach (gcov): sh tests/coverage.sh
# The tool's tests are not counted.  Leaves what was not reached in build/coverage/left.
# What is left is of these kinds:
#   statuses handed on of calls that cannot fail there, as their arguments are checked before
#     (a waveform inside the prior, a point of the chart that was just made: "return st",
#     "return 0", "SNL_EFAILED", "-INFINITY" and "goto done" after them)
#   allocations that fail: counted in test_faults.c only for jobs that reach them there
#   sizes that overflow with 32 bits; a flow in a saved run with a good sum that does not fit it
#   numbers at the end of a representation: a pivot of 0, 30 sweeps of Jacobi, an index at a
#     table's last knot, the last of 1000 tries
D=build/coverage
rm -rf $D; mkdir -p $D
# selections by a constant, inlined everywhere, would count as branches that nothing can take
CFLAGS="-std=c99 -O0 --coverage -Dalways_inline=unused"
for f in snl waveform lisa nn mcmc; do gcc $CFLAGS -c -o $D/$f.o $f.c || exit 1; done
for t in tests/test_*.c; do
    with="$D/snl.o $D/waveform.o $D/lisa.o $D/nn.o $D/mcmc.o"
    grep -q '^#include "../snl.c"' $t && with=
    gcc $CFLAGS -I. -o $D/$(basename $t .c) $t $with -lm && $D/$(basename $t .c) >/dev/null || echo "$t is red"
done
# A file that a test includes is counted there too: of each line and branch the largest count
for x in $D/*.gcda; do gcov -b -c -t -o $D ${x%.gcda}.gcno 2>/dev/null; done >$D/all
cat >$D/union.awk <<'A'
/^ *-: *0:Source:/ { f = $0; sub(/.*:/, "", f); sub(/.*\//, "", f)
                     ours = f ~ /^(snl|waveform|lisa|nn|mcmc)\.c$/; next }
!ours { next }
/^ *[0-9#=*-]+:/ { split($0, q, ":"); n = q[2] + 0; count = q[1]; gsub(/[ *]/, "", count); at = f SUBSEP n
    if (count == "-" || n == 0) next
    if (!(at in text)) { text[at] = substr($0, length(q[1] q[2]) + 3); line[f]++; order[++rows] = at }
    if (count + 0 > 0) hit[at] = 1 }
/^branch/ { b = at SUBSEP $2; if (!(b in branch)) { branch[b]; all[f]++; of[at] = of[at] " " $2 }
            if ($3 == "taken" && $4 + 0 > 0) taken[b] = 1 }
END { for (b in taken) { split(b, q, SUBSEP); went[q[1]]++ }
      for (at in hit) { split(at, q, SUBSEP); seen[q[1]]++ }
      for (f in line) { printf "%s\tlines %.1f %%\tbranches taken %.1f %%\n", f, 100*seen[f]/line[f], 100*went[f]/all[f]
                        a += line[f]; as += seen[f]; c += all[f]; ct += went[f] }
      printf "all\tlines %.1f %%\tbranches taken %.1f %%\n", 100*as/a, 100*ct/c
      for (i = 1; i <= rows; i++) { at = order[i]; split(at, q, SUBSEP); miss = ""
          m = split(of[at], k, " "); for (j = 1; j <= m; j++) if (!((at SUBSEP k[j]) in taken)) miss = miss " " k[j]
          if (!(at in hit)) print q[1] ":" q[2] "\tline" text[at] >LEFT
          else if (miss != "") print q[1] ":" q[2] "\tbranch" miss "\t" text[at] >LEFT } }
A
awk -v LEFT=$D/left -f $D/union.awk $D/all
