#!/bin/sh
# The tool when the system does not oblige: full disks, vanished and unwritable files, kill -9.
# One line says what is wrong, the status is 1 or 2, what was there before is untouched.
SNL=./snl D=${BUILD:-build}/system
pass=0 fail=0
yes() { pass=$((pass + 1)); }
no() { fail=$((fail + 1)); echo "not so: $1"; [ -z "$2" ] || sed 's/^/    /' "$2" | head -5; }
rm -rf $D; mkdir -p $D
# A disk of so many blocks of 512 bytes: no file can grow further
small() { n=$1; shift; ( trap '' XFSZ; ulimit -f $n; "$@" ) >$D/out 2>$D/err; }
fails() {       # fails STATUS PATTERN COMMAND...
    want=$1 pattern=$2; shift 2
    "$@" >$D/out 2>$D/err; status=$?
    if [ $status -eq $want ] && [ $(wc -l <$D/err) -eq 1 ] && grep -q "^snl: .*$pattern" $D/err; then yes
    else no "status $status, not $want: $*" $D/err; fi
}
untouched() { if cmp -s $1 $2 && [ ! -e $2.part ]; then yes; else no "$2 was touched"; fi; }
sh tests/kill.sh 1 >$D/kill.out 2>&1 && yes || no "killed and resumed" $D/kill.out
K=${BUILD:-build}/kill

$SNL simulate $K/event.cfg --out $D/data.npy --quiet && cmp -s $D/data.npy $K/data.npy && yes || no simulate
small 100 $SNL simulate $K/event.cfg --out $D/data.npy --quiet; status=$?
[ $status -eq 1 ] && [ $(wc -l <$D/err) -eq 1 ] && grep -q "^snl: .*data.npy: " $D/err && yes ||
    no "a full disk under simulate, status $status" $D/err
untouched $K/data.npy $D/data.npy
cp -r $K/whole $D/whole
small 100 $SNL infer $K/event.cfg --out $D/whole --resume --quiet; status=$?
[ $status -eq 1 ] && [ $(wc -l <$D/err) -eq 1 ] && grep -q "^snl: .*whole/.*: " $D/err && yes ||
    no "a full disk under infer, status $status" $D/err
untouched $K/whole/posterior.tsv $D/whole/posterior.tsv
small 20 $SNL infer $K/event.cfg --out $D/new --quiet; status=$?
[ $status -eq 1 ] && [ $(wc -l <$D/err) -eq 1 ] && yes || no "a full disk from the start, status $status" $D/err
[ ! -e $D/new/posterior.tsv ] && ! ls $D/new | grep -q part && yes || no "a full disk leaves parts of files"
if [ -c /dev/full ]; then
    for c in "noise --frequencies tests/data/noise.tsv" "waveform --cases tests/data/phenomd.tsv" init \
        "compare $K/whole/posterior.tsv $K/whole/posterior.tsv"; do
        $SNL $c >/dev/full 2>$D/err; status=$?
        [ $status -eq 1 ] && [ $(wc -l <$D/err) -eq 1 ] && grep -q "^snl: standard output: " $D/err && yes ||
            no "a full standard output, status $status: $c" $D/err
    done
fi
echo file >$D/file
fails 1 "file/x: " $SNL infer $K/event.cfg --out $D/file/x --quiet
fails 1 "none/plot.svg: " $SNL plot $K/whole/posterior.tsv --out $D/none/plot.svg
mkdir $D/locked; chmod 555 $D/locked
if [ ! -w $D/locked ]; then fails 1 "locked: " $SNL infer $K/event.cfg --out $D/locked --quiet
else echo "skipped: a read-only directory (root may write there)"; fi
sed 's/^data = .*/data = gone.npy/' $K/event.cfg >$D/gone.cfg
cp $D/data.npy $D/gone.npy; rm $D/gone.npy
fails 2 "gone.npy: " $SNL infer $D/gone.cfg --out $D/whole --resume --quiet
untouched $K/whole/posterior.tsv $D/whole/posterior.tsv
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
