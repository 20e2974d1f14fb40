#!/bin/sh
# Are the tests awake?  Breaks N (default 50) constants and operators of the five files, one
# at a time, drawn with a fixed SEED, and runs the C tests until one is red.
#   sh tests/mutate.sh [N [SEED]]
#   PART=0/2 sh tests/mutate.sh 25      every second of the draw, from the first: for two cores
# Prints what was broken and by what it was caught; SURVIVED deserves a look: a test that is
# missing, or a change that changes nothing.  The latter, once proven, stand in
# tests/mutate.same with the reason; they, and what does not compile, are drawn again.  A test
# that takes more than LIMIT (150) seconds of CPU, or stops at a first failure, is red.  The
# tool's tests are not run.
N=${1:-50} SEED=${2:-1} same=$PWD/tests/mutate.same D=$PWD/build/mutate
D=$D${PART%/*}
rm -rf $D; mkdir -p $D/tree/build $D/good
cp -r snl.h waveform.c lisa.c nn.c mcmc.c snl.c tests examples $D/tree
cd $D/tree || exit 1
CC="${CC:-cc} -std=c99 -O1 -I."
for f in waveform lisa nn mcmc snl; do $CC -c -o $D/good/$f.o $f.c || exit 1; done

# line, column, length, replacement of every spaced operator and every number in code
cat >$D/sites.awk <<'A'
BEGIN { r["+"] = "-"; r["-"] = "+"; r["*"] = "/"; r["/"] = "*"; r["<"] = "<="; r[">"] = ">="
        r["<="] = "<"; r[">="] = ">"; r["&&"] = "||"; r["||"] = "&&"; r["=="] = "!="; r["!="] = "==" }
{ s = $0
  if (inside) { if ((e = index(s, "*/"))) { s = sprintf("%" e + 1 "s", "") substr(s, e + 2); inside = 0 } else next }
  while ((b = index(s, "/*"))) {
      if ((e = index(substr(s, b), "*/"))) s = substr(s, 1, b - 1) sprintf("%" e + 1 "s", "") substr(s, b + e + 1)
      else { s = substr(s, 1, b - 1); inside = 1 } }
  if (s ~ /^#/ || s ~ /refuse|SNL_MUST|^ *enum/) next
  while (match(s, /"[^"]*"/)) s = substr(s, 1, RSTART - 1) sprintf("%" RLENGTH "s", "") substr(s, RSTART + RLENGTH)
  t = s; at = 0
  while (match(t, / ([-+*\/<>]|<=|>=|&&|\|\||==|!=) |[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?/)) {
      w = substr(t, RSTART, RLENGTH); before = RSTART > 1 ? substr(t, RSTART - 1, 1) : " "
      o = w; gsub(/ /, "", o)
      if (o in r) new = " " r[o] " "
      else if (before ~ /[A-Za-z_0-9.]/) new = ""
      else if (w ~ /[.e]/) new = sprintf("(%s*1.01)", w)
      else new = w + 0 > 99 ? int(w*1.01) + 1 : w + 1
      if (new != "") print FILENAME "\t" FNR "\t" at + RSTART "\t" RLENGTH "\t" new
      at += RSTART + RLENGTH - 1; t = substr(t, RSTART + RLENGTH) } }
A
awk -f $D/sites.awk waveform.c lisa.c nn.c mcmc.c snl.c >$D/sites
awk -v seed=$SEED -v n=$((8*N)) 'BEGIN { srand(seed) } { line[NR] = $0 }
    END { while (n-- > 0) print line[1 + int(NR*rand())] }' $D/sites |
    awk -v part=${PART:-0/1} 'BEGIN { split(part, p, "/") } (NR - 1) % p[2] == p[1]' >$D/drawn

run() {         # run TEST: 0 if it is red
    with=; for o in waveform lisa nn mcmc snl; do
        if [ $o = $base ]; then with="$with $D/bad.o"; else with="$with $D/good/$o.o"; fi; done
    grep -q '^#include "../snl.c"' tests/$1.c && with=
    $CC -o $D/$1 tests/$1.c $with -lm 2>/dev/null || return 0
    { ! (ulimit -t ${LIMIT:-150}; exec $D/$1 -a) >$D/$1.out; } 2>/dev/null      # nor "Aborted"
}
base=none               # nothing is caught by tests that are red anyway
for t in test_waveform test_lisa test_fft test_nn_gradients test_nn test_mcmc test_inside test_snl test_faults; do
    if run $t; then echo "$t is red as it is"; exit 1; fi
done
tried=0 caught=0
TAB=$(printf '\t')
while IFS=$TAB read -r file line col len new && [ $tried -lt $N ]; do
    base=${file%.c}
    cp $file $D/keep.c
    awk -v l=$line -v c=$col -v n=$len -v new="$new" 'NR == l { $0 = substr($0, 1, c - 1) new substr($0, c + n) }
        { print }' $D/keep.c >$file
    sed -n "${line}s/^ *//p" $file >$D/line             # as it is in mutate.same
    if grep -qxFf $D/line $same; then echo "the same: $file:$line: $(cat $D/line)"
    elif ! cmp -s $file $D/keep.c && $CC -c -o $D/bad.o $file 2>/dev/null; then
        tried=$((tried + 1)) by=
        case $base in
            waveform) list="test_waveform test_lisa test_snl test_faults";;
            lisa) list="test_lisa test_fft test_snl test_faults";;
            nn) list="test_nn_gradients test_nn test_snl test_faults";;
            mcmc) list="test_mcmc test_snl test_faults";;
            *) list="test_inside test_snl test_faults";;
        esac
        for t in $list; do if run $t; then by=$t; break; fi; done
        if [ -n "$by" ]; then caught=$((caught + 1)); else by=SURVIVED; fi
        echo "$by: $file:$line: $(sed -n "${line}s/^ *//p" $D/keep.c | cut -c1-60)  ->$new at $col"
    fi
    cp $D/keep.c $file
done <$D/drawn
echo "$caught of $tried caught"
