#!/bin/sh
# kill -9 at N random moments (default 100) of ./snl infer, --resume after each: the posterior
# must have the bytes of an uninterrupted run, whatever was cut.  sh tests/kill.sh [N [SEED]]
N=${1:-100} SEED=${2:-1} SNL=./snl D=${BUILD:-build}/kill
OMP_WAIT_POLICY=passive; export OMP_WAIT_POLICY
rm -rf $D; mkdir -p $D
cat >$D/event.cfg <<'E'
data = data.npy
dt = 20
duration = 163840
f_min = 3e-4
f_max = 0.01
seed = 3
prior.chirp_mass = uniform 650000 950000
prior.mass_ratio = uniform 1 10
prior.chi1 = uniform -0.99 0.99
prior.chi2 = uniform -0.99 0.99
prior.t_ref = uniform 130472 131672
prior.distance = uniform 1000 1000000
prior.cos_inclination = uniform 0 1
prior.phi_ref = uniform 0 3.1415926535897931
prior.lambda = uniform 1.7 2.7
prior.sin_beta = uniform -0.2 0.8
prior.psi = uniform 0 3.1415926535897931
inject.chirp_mass = 800000
inject.mass_ratio = 1.8
inject.chi1 = 0.5
inject.chi2 = 0.2
inject.t_ref = 131072
inject.snr = 100
inject.cos_inclination = 0.4
inject.phi_ref = 1.1
inject.lambda = 2.2
inject.sin_beta = 0.3
inject.psi = 0.9
E
fail() { echo "$1"; echo "$killed kills, 1 failed"; exit 1; }
killed=0 ended=0
$SNL simulate $D/event.cfg --out $D/data.npy --quiet || fail simulate
began=$(date +%s)
$SNL infer $D/event.cfg --out $D/whole --threads 2 --quiet >/dev/null || fail "the uninterrupted run"
took=$(($(date +%s) - began + 1))
moments=$(awk -v n=$N -v seed=$SEED -v t=$took 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.2f\n", t*rand() }')
rm -rf $D/cut
for m in $moments; do
    $SNL infer $D/event.cfg --out $D/cut --threads 2 --resume --quiet >/dev/null 2>$D/err & p=$!
    sleep $m
    if kill -9 $p 2>/dev/null; then killed=$((killed + 1)); fi
    wait $p 2>/dev/null
    [ -s $D/err ] && grep '^snl:' $D/err && fail "refused what was left by a kill"
    if [ -f $D/cut/posterior.tsv ]; then                 # whole, or not there
        cmp $D/whole/posterior.tsv $D/cut/posterior.tsv || fail "another posterior"
        ended=$((ended + 1)); rm -r $D/cut
    fi
done
$SNL infer $D/event.cfg --out $D/cut --threads 1 --resume --quiet >/dev/null || fail "the last run"
cmp $D/whole/posterior.tsv $D/cut/posterior.tsv || fail "another posterior"
echo "$killed kills, $((ended + 1)) runs to the end, 0 failed"
