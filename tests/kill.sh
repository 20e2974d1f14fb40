#!/bin/sh
# kill -9 of ./snl infer N times (default 100), each at a random moment, --resume after each:
# the posterior must have the bytes of an uninterrupted run, whatever was cut.  A moment that
# comes after the end of the run kills nothing and is not counted.  sh tests/kill.sh [N [SEED]]
N=${1:-100} SEED=${2:-1} SNL=./snl D=${BUILD:-build}/kill
OMP_WAIT_POLICY=passive; export OMP_WAIT_POLICY
rm -rf $D; mkdir -p $D
sed 's/^dt = .*/dt = 20/; s/^duration = .*/duration = 163840/; s/^seed = .*/seed = 3/
     s/261544 262744/130472 131672/; s/= 262144/= 131072/' tests/data/small.cfg >$D/event.cfg
fail() { echo "$1"; echo "$killed kills, 1 failed"; exit 1; }
killed=0 ended=0
$SNL simulate $D/event.cfg --out $D/data.npy --quiet || fail simulate
began=$(date +%s)
$SNL infer $D/event.cfg --out $D/whole --threads 2 --quiet >/dev/null || fail "the uninterrupted run"
took=$(($(date +%s) - began + 1))
rm -rf $D/cut
moment=0
while [ $killed -lt $N ]; do
    moment=$((moment + 1))
    m=$(awk -v k=$moment -v seed=$SEED -v t=$took 'BEGIN { srand(seed)
        while (k--) x = rand();  printf "%.2f\n", t*x }')
    $SNL infer $D/event.cfg --out $D/cut --threads 2 --resume --quiet >/dev/null 2>$D/err & p=$!
    sleep $m
    kill -9 $p 2>/dev/null; wait $p 2>/dev/null
    [ $? -eq 137 ] && killed=$((killed + 1))             # by the signal, not before it
    [ -s $D/err ] && grep '^snl:' $D/err && fail "refused what was left by a kill"
    if [ -f $D/cut/posterior.tsv ]; then                 # whole, or not there
        cmp $D/whole/posterior.tsv $D/cut/posterior.tsv || fail "another posterior"
        ended=$((ended + 1)); rm -r $D/cut
    fi
done
$SNL infer $D/event.cfg --out $D/cut --threads 1 --resume --quiet >/dev/null || fail "the last run"
cmp $D/whole/posterior.tsv $D/cut/posterior.tsv || fail "another posterior"
echo "$killed kills at $moment moments, $((ended + 1)) runs to the end, 0 failed"
