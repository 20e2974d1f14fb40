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
untouched() { if cmp -s $1 $2 && ! ls $2.part* >/dev/null 2>&1; then yes; else no "$2 was touched"; fi; }
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
locked=$D/locked; mkdir $locked; chmod 555 $locked
[ -w $locked ] && locked=/proc              # root may write everywhere but there
if [ -d $locked ]; then fails 1 "$locked: not a directory that can be written to" $SNL infer $K/event.cfg --out $locked --quiet
else echo "skipped: a read-only directory (root may write there)"; fi

# A disk that is full indeed: a tmpfs that only this shell and its children see
cat >$D/disk.sh <<'X'
mount -t tmpfs -o size=$1 none $2 || exit 77
shift 2; exec "$@"
X
cat >$D/resume.sh <<'X'
whole=$1 disk=$2; shift 2
cp -r $whole $disk/whole; "$@"; status=$?           # room for a part of what is written
cp $disk/whole/posterior.tsv $disk/../kept.tsv; ls $disk/whole | grep part; exit $status
X
mkdir $D/disk
disk() { size=$1; shift; unshare -m sh $D/disk.sh $size $D/disk "$@"; }
if command -v unshare >/dev/null && disk 100k true 2>/dev/null; then
    fails 1 "disk/data.npy: No space" disk 100k $SNL simulate $K/event.cfg --out $D/disk/data.npy --quiet
    fails 1 "disk/whole/.*: No space" disk $(($(du -sk $K/whole | cut -f1) + 500))k \
        sh $D/resume.sh $K/whole $D/disk $SNL infer $K/event.cfg --out $D/disk/whole --resume --quiet
    cmp -s $K/whole/posterior.tsv $D/kept.tsv && ! grep -q part $D/out && yes || no "a full disk leaves parts, or no results"
else echo "skipped: a small tmpfs (no unshare, or not root)"; fi
sed 's/^data = .*/data = gone.npy/' $K/event.cfg >$D/gone.cfg
cp $D/data.npy $D/gone.npy; rm $D/gone.npy
fails 2 "gone.npy: " $SNL infer $D/gone.cfg --out $D/whole --resume --quiet
untouched $K/whole/posterior.tsv $D/whole/posterior.tsv
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
