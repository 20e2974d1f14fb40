#!/bin/sh
# The tool ./snl as make built it: refusals, one small event from simulate to the posterior,
# kill and resume, tables against references.  About 75 s on two cores.
SNL=./snl D=${BUILD:-build}/tool
OMP_WAIT_POLICY=passive; export OMP_WAIT_POLICY     # threads of several runs share the cores
pass=0 fail=0
yes() { pass=$((pass + 1)); }
no() { fail=$((fail + 1)); echo "not so: $1"; [ -z "$2" ] || sed 's/^/    /' "$2" | head -5; }
ok() {          # ok WHAT COMMAND...: ends with 0
    what=$1; shift
    if "$@" >$D/out 2>&1; then yes; else no "$what" $D/out; fi
}
refused() {     # refused PATTERN COMMAND...: status 2, and one line, which names it
    pattern=$1; shift
    "$@" >$D/out 2>$D/err; status=$?
    if [ $status -eq 2 ] && [ $(wc -l <$D/err) -eq 1 ] && [ ! -s $D/out ] &&
        grep -q "^snl: .*$pattern" $D/err; then yes
    else no "status $status: $*, wanted: $pattern" $D/err; fi
}
rm -rf $D; mkdir -p $D
TAB=$(printf '\t')

# ---- a small event: 3.8 days, SNR 100, a part of the sky
cp tests/data/small.cfg $D/event.cfg
$SNL simulate $D/event.cfg --out $D/data.npy 2>$D/err || no simulate $D/err
distance=$(sed -n 's/^source 1: distance \([0-9.e+]*\) Mpc$/\1/p' $D/err)
case $distance in [1-9]*) yes;; *) no "simulate tells the distance" $D/err;; esac
[ $(wc -c <$D/data.npy) -eq $((128 + 24*32768)) ] && yes || no "the series has 32768 rows of 3"
ok "the same seed" $SNL simulate $D/event.cfg --out $D/again.npy
ok "gives the same series" cmp $D/data.npy $D/again.npy
sed 's/^seed = 6/seed = 7/' $D/event.cfg >$D/seed.cfg
ok "another seed" $SNL simulate $D/seed.cfg --out $D/again.npy
cmp -s $D/data.npy $D/again.npy && no "another seed gives another series" || yes
ok "the seed of the command line" $SNL simulate $D/event.cfg --out $D/seven.npy --seed 7
ok "is that of a configuration" cmp $D/again.npy $D/seven.npy

# The long runs: A to the end and C beside it; B is killed and resumed further down.
rm -f $D/again.npy $D/seven.npy
$SNL infer $D/event.cfg --out $D/A --threads 1 >$D/A.out 2>$D/A.err & A=$!
$SNL mcmc $D/event.cfg --out $D/C --threads 1 --quiet >$D/C.out 2>$D/C.err & C=$!

# ---- detect: the event in its series, whatever the priors say; nothing in noise
ok "detect" $SNL detect $D/event.cfg --out $D/found --quiet
# arrival at LISA: t_ref - 499 s cos(beta) cos(lambda - 2 pi t/yr) = 262403.7
awk -F'\t' 'NR == 2 { good = $2 > 95 && $2 < 106 && $3 < 1e-30 && ($6 - 262403.7)^2 < 15^2 &&
    ($7 - 262144)^2 < 520^2 && ($9/800000 - 1)^2 < 0.01^2 } END { exit !(good && NR == 2) }' \
    $D/found/candidates.tsv && yes || no "detect finds it" $D/found/candidates.tsv
[ $(wc -l <$D/found/images.tsv) -ge 3 ] && yes || no "images of the sky" $D/found/images.tsv
# of one image alone t_ref is known to the light time of any sky, 499 s/sqrt(3)
ok "detect with higher modes" $SNL detect $D/event.cfg --model PhenomHM --out $D/found_hm --quiet
awk -F'\t' 'NR == 2 { good = $5 > 1 || ($8 - 288.1)^2 < 0.01 } END { exit !good }' $D/found_hm/candidates.tsv && yes ||
    no "a spread of 0" $D/found_hm/candidates.tsv
sed '/^inject/d; /^prior/d; s/^data = .*/data = noise.npy/' $D/event.cfg >$D/noise.cfg
ok "simulate noise" $SNL simulate $D/noise.cfg --out $D/noise.npy
grep -q "^no source is injected: noise alone\$" $D/out && yes || no "noise alone is said to be" $D/out
$SNL detect $D/noise.cfg >$D/out 2>$D/err
[ $? -eq 0 ] && [ $(wc -l <$D/out) -eq 1 ] && grep -q '^0 candidates' $D/err && yes ||
    no "nothing is detected in noise" $D/out
# four times the PSD, from a table; Hann's window, (1 - cos(0.4 pi))/2 = 0.345 at the merger,
# which is 0.2 of the series from its end; X, Y, Z with A = (Z-X)/sqrt2 ...
awk 'BEGIN { print "f"; for (f = 2e-4; f < 0.011; f *= 1.002) print f }' >$D/f.tsv
$SNL noise --frequencies $D/f.tsv | awk -F'\t' 'NR == 1 { print "f\tS"; next } { print $1 "\t" 4*$2 }' >$D/psd.tsv
{ cat $D/event.cfg; echo 'noise_table = psd.tsv'; } >$D/table.cfg
{ cat $D/event.cfg; printf 'window = tukey\ntaper = 1\n'; } >$D/hann.cfg
snr_is() {      # snr_is CONFIG RATIO TOLERANCE: to that of found/
    ok "detect $1" $SNL detect $D/$1 --out $D/other --quiet
    awk -F'\t' 'FNR == 2 { s[++n] = $2 } END { d = s[2]/s[1]/'$2' - 1; exit !(n == 2 && d*d < '$3'^2) }' \
        $D/found/candidates.tsv $D/other/candidates.tsv && yes || no "SNR of $1" $D/other/candidates.tsv
}
snr_is table.cfg 0.5 0.01
snr_is hann.cfg 0.345 0.2
if command -v python3 >/dev/null; then
    python3 -c "
import struct
b = open('$D/data.npy', 'rb').read()
x = [v for t, a, e in struct.iter_unpack('<3d', b[128:])
     for v in (t, e/6**.5 - a/2**.5, -2*e/6**.5, e/6**.5 + a/2**.5)]
h = b[:128].replace(b', 3)', b', 4)')
open('$D/xyz.npy', 'wb').write(h + struct.pack('<%dd' % len(x), *x))"
    { sed 's/^data = .*/data = xyz.npy/' $D/event.cfg; echo 'channels = XYZ'; } >$D/xyz.cfg
    snr_is xyz.cfg 1 1e-6
fi
# ... and so is the series of X, Y, Z that simulate makes, to be read back
{ sed 's/^data = .*/data = own.npy/' $D/event.cfg; echo 'channels = XYZ'; } >$D/own.cfg
ok "simulate X, Y, Z" $SNL simulate $D/own.cfg --out $D/own.npy
snr_is own.cfg 1 1e-6
sed 's/XYZ/AET/' $D/own.cfg >$D/aet.cfg
ok "simulate A, E, T" $SNL simulate $D/aet.cfg --out $D/own.npy
snr_is aet.cfg 1 1e-6
rm -f $D/own.npy
py=
for p in python3 /usr/bin/python3; do $p -c 'import h5py' 2>/dev/null && { py=$p; break; }; done
# the middle half of a series twice as long, in which the column t is the time
if [ -n "$py" ]; then
    sed 's/^duration = .*/duration = 655360/; s/262144/400000/' $D/event.cfg >$D/long.cfg
    ok "simulate a long series" $SNL simulate $D/long.cfg --out $D/long.npy
    ok "cut it" $py -c "import numpy; numpy.save('$D/cut.npy', numpy.load('$D/long.npy')[16384:49152])"
    { sed 's/^data = .*/data = cut.npy/' $D/long.cfg; printf 't_start = 163840\nphases = start\n'; } |
        sed 's/^duration = 655360/duration = 327680/' >$D/cut.cfg
    ok "detect a cut" $SNL detect $D/cut.cfg --out $D/other --quiet
    # t_ref - 499 s cos(beta) cos(lambda - 2 pi t/yr) at t = 400000
    awk -F'\t' 'NR == 2 { exit !(($6 - 400248.6)^2 < 15^2 && ($7 - 400000)^2 < 520^2) }' $D/other/candidates.tsv && yes ||
        no "the event of a cut is where it was" $D/other/candidates.tsv
fi
# the same series as a file of the Data Challenges, by the converter and the lines it prints
if [ -n "$py" ]; then
    ok "a file of the challenges" $py -c "
import h5py, numpy
h5py.File('$D/ldc.h5', 'w')['H5LISA/PreProcess/TDIdata'] = numpy.load('$D/xyz.npy')"
    sed '/^data =/d; /^dt =/d; /^t_start =/d; /^channels =/d' $D/event.cfg >$D/ldc.cfg
    $py examples/ldc_to_npy.py $D/ldc.h5 $D/ldc.npy --channels XYZ >>$D/ldc.cfg 2>$D/err || no ldc_to_npy $D/err
    grep -q '^channels = XYZ$' $D/ldc.cfg && yes || no "ldc_to_npy names the channels" $D/ldc.cfg
    snr_is ldc.cfg 1 1e-6
else echo "skipped: X, Y, Z of ldc_to_npy.py in the tool, no h5py (Debian: python3-h5py)"
fi
{ cat $D/event.cfg; echo 'channels = XYZ'; } >$D/three.cfg
refused "shape is (32768, 3), not (N, 4)" $SNL detect $D/three.cfg
refused "false_alarm: 0" $SNL detect $D/event.cfg --false_alarm 0
$SNL detect $D/event.cfg --out $D/event.cfg/x >$D/out 2>$D/err; status=$?     # before the search, which tells its progress
[ $status -eq 1 ] && [ $(wc -l <$D/err) -eq 1 ] && yes || no "detect looks at --out first, status $status" $D/err

# ---- what is refused
refused "nothing: unknown command" $SNL nothing
refused "infer: unknown option --colour" $SNL infer $D/event.cfg --out $D/x --colour blue
refused "infer: --out: a value is missing" $SNL infer $D/event.cfg --out
refused "infer: --out: a value is missing" $SNL infer $D/event.cfg --out --seed 2
refused "infer: --out is missing" $SNL infer $D/event.cfg
refused "infer: CONFIG is wanted" $SNL infer --out $D/x
refused "infer: --seed: one" $SNL infer $D/event.cfg --out $D/x --seed one
refused "infer: --seed:  -1 is not a whole number" $SNL infer $D/event.cfg --out $D/x --seed " -1"
refused "infer: --out: a value is missing" $SNL infer $D/event.cfg --out ""
refused "infer: --model: \"Foo\" is none of PhenomD|PhenomHM" $SNL infer $D/event.cfg --out $D/x --model Foo
refused "noise: --years: years = 100 is outside \[0.1, 10\]" $SNL noise --frequencies tests/data/noise.tsv --foreground babak --years 100
mkdir $D/mine; cp $D/event.cfg $D/mine/
refused "run: --out: $D/mine holds an event.cfg" $SNL run --out $D/mine
cmp -s $D/event.cfg $D/mine/event.cfg && yes || no "somebody's event.cfg is kept"
mv $D/mine/event.cfg $D/mine/data.npy
refused "run: --out: $D/mine holds an event.cfg or data.npy" $SNL run --out $D/mine
refused "infer: --seed: 18446744073709551616 is outside" $SNL infer $D/event.cfg --out $D/x --seed 18446744073709551616
refused "infer: --threads: 0 is outside \[1, 1024\]" $SNL infer $D/event.cfg --out $D/x --threads 0
refused "infer: --calls: 0 is outside" $SNL infer $D/event.cfg --out $D/x --calls 0
refused "calibrate: --trials: 5 is outside \[20, 2000\]" $SNL calibrate $D/event.cfg --out $D/x --trials 5
refused "mcmc: has no option --resume" $SNL mcmc $D/event.cfg --out $D/x --resume
refused "simulate: has no option --plain" $SNL simulate $D/event.cfg --out $D/x.npy --plain
# what a run needs at its end is looked at before it begins
refused "$D/none.tsv: " $SNL infer $D/event.cfg --out $D/x --with $D/none.tsv
refused "f.tsv: .*chirp_mass" $SNL infer $D/event.cfg --out $D/x --with $D/f.tsv
names="chirp_mass mass_ratio chi1 chi2 t_ref distance cos_inclination phi_ref lambda sin_beta psi"
with() {        # with ROWS WEIGHT: a table to set beside
    echo "# $names log_weight" | tr ' ' '\t' | sed 's/^#./# /'
    awk -v n=$1 -v w=$2 'BEGIN { for (i = 0; i < n; i++) { for (k = 0; k < 11; k++) printf "%g\t", 1 + i*k/n; print w } }'
}
with 0 0 >$D/with.tsv; refused "with.tsv: 0 samples are too few" $SNL mcmc $D/event.cfg --out $D/x --with $D/with.tsv
with 9 0 >$D/with.tsv; refused "with.tsv: 9 samples are too few" $SNL infer $D/event.cfg --out $D/x --with $D/with.tsv
with 20 nan >$D/with.tsv; refused "with.tsv:2: log_weight: nan" $SNL infer $D/event.cfg --out $D/x --with $D/with.tsv
with 20 -inf >$D/with.tsv; refused "with.tsv: log_weight: no row" $SNL infer $D/event.cfg --out $D/x --with $D/with.tsv
[ -e $D/x ] && no "what is refused leaves no directory" || yes
refused "$D/none.cfg: " $SNL infer $D/event.cfg --out $D/x --prior $D/none.cfg
refused "infer: --points: 65 is outside \[1, 64\]" $SNL infer $D/event.cfg --out $D/x --points 65
refused "infer: --minutes: 0 is not in (0, inf)" $SNL infer $D/event.cfg --out $D/x --minutes 0
refused "compression.*pca|score|both|learned" $SNL infer $D/event.cfg --out $D/x --compression zip
refused "compare: A.tsv B.tsv is wanted" $SNL compare $D/event.cfg
refused "waveform: --cases is missing" $SNL waveform
refused "noise: --model: .*Sangria" $SNL noise --frequencies tests/data/noise.tsv --model nothing

changed() {     # changed PATTERN SED-COMMAND: the event with one line of it changed
    sed "$2" $D/event.cfg >$D/bad.cfg
    refused "$1" $SNL infer $D/bad.cfg --out $D/x
}
line() { grep -n "^$1" $D/event.cfg | cut -d: -f1; }
refused "$D/none.cfg: " $SNL infer $D/none.cfg --out $D/x
changed "$D/none.npy: " 's/^data = .*/data = none.npy/'
changed "bad.cfg:$(line dt): unknown key colour" 's/^dt = 10/colour = blue/'
changed "bad.cfg:$(line prior.chi1): prior.chi1: .*0.5" 's/^prior.chi1 = .*/prior.chi1 = uniform 0.5 0.5/'
changed "bad.cfg:$(line prior.chi2): prior.chi2: .*1.2" 's/^prior.chi2 = .*/prior.chi2 = uniform -0.9 1.2/'
changed "bad.cfg:$(line inject.chi1): inject.chi1: 1.2 .*\[-1, 1\]" 's/^inject.chi1 = .*/inject.chi1 = 1.2/'
changed "bad.cfg:$(line f_max): f_max: .*f_min" 's/^f_max = .*/f_max = 2e-4/'
changed "prior.psi" '/^prior.psi/d'
changed "bad.cfg:$(line prior.chi1): prior.chi1: the standard deviation 1e-30 is too small" 's/^prior.chi1 = .*/prior.chi1 = normal 0.5 1e-30/'
changed "source 1 has no signal between f_min and f_max" 's/^inject.chirp_mass = .*/inject.chirp_mass = 1e10/'
[ -e $D/x ] && no "what is refused leaves no directory" || yes
changed "bad.cfg:$(line prior.t_ref): prior.t_ref: t_ref = 1100000000 is outside" 's/^prior.t_ref = .*/prior.t_ref = uniform 1e9 1.1e9/'
changed "data.npy: row 1 (counted from 0) is at t = 10 s; .* make it 20 s" 's/^dt = 10/dt = 20/'
changed "data.npy: row 0 (counted from 0) is at t = 0 s; .* make it 100 s" 's/^dt = 10/dt = 10\
t_start = 100/'
# no signal where the prior has it: the run fails, in one line; data of another unit are suspected
sed 's/^prior.t_ref = .*/prior.t_ref = uniform 0 600/' $D/event.cfg >$D/bad.cfg
$SNL infer $D/bad.cfg --out $D/x --quiet >$D/out 2>$D/err
[ $? -eq 1 ] && [ $(wc -l <$D/err) -eq 1 ] && grep -q "^snl: $D/bad.cfg: no signal was found" $D/err && yes || no "nothing found" $D/err
$SNL detect $D/event.cfg --quiet >$D/out 2>$D/err
[ -s $D/err ] && no "no warning of the noise's power" $D/err || yes
{ cat $D/event.cfg; echo 'noise_table = quiet.tsv'; } >$D/bad.cfg         # the model's PSD / 100
awk -F'\t' 'NR > 1 { $2 = sprintf("%.17g", $2/400) } { print $1 "\t" $2 }' $D/psd.tsv >$D/quiet.tsv
$SNL detect $D/bad.cfg --quiet >$D/out 2>$D/err
grep -q "^warning: data.npy: the power of the noise is \([789]\|1[0123]\)[0-9.]* of" $D/err && yes || no "power of the noise" $D/err
head -c 5000 $D/data.npy >$D/cut.npy
changed "cut.npy: .*32768 rows" 's/^data = .*/data = cut.npy/'
header() { printf '\223NUMPY\001\000\166\000'; printf '%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (16, $1), }"; }
{ header 2; head -c 256 /dev/zero; } >$D/two.npy
changed "two.npy: the shape is (16, 2), not (N, 3)" 's/^data = .*/data = two.npy/'
{ head -c 2528 $D/data.npy; printf '\000\000\000\000\000\000\370\177'; tail -c +2537 $D/data.npy; } >$D/nan.npy
changed "nan.npy: row 100, column 0" 's/^data = .*/data = nan.npy/'
printf 'case\tm1\tm2\tchi1\tchi2\tdist_Mpc\tfref\tphiref\tf\na\t1e6\t1e6\t0\t0\t1e4\t1e-3\t0\t1e-3\nb\t1e6\t1e6\t1.2\t0\t1e4\t1e-3\t0\t1e-3\n' >$D/spin.tsv
refused "$D/spin.tsv:3: chi1 = 1.2 is outside \[-1, 1\]" $SNL waveform --cases $D/spin.tsv --out $D/x.tsv
ls $D/x.tsv* >/dev/null 2>&1 && no "a refused table leaves a file" || yes
noise_row() {   # noise_row PATTERN ROW: the third of a table of the noise
    printf 'f\tS\n1e-5\t1e-40\n%b\n1\t1e-40\n' "$2" >$D/rows.tsv
    { cat $D/event.cfg; echo 'noise_table = rows.tsv'; } >$D/bad.cfg
    refused "rows.tsv:3: $1" $SNL detect $D/bad.cfg
}
noise_row "f = 1e-05 is not above 1e-05, the row before: f has to rise" '1e-5\t1e-40'
noise_row "S = 0 is outside" '1e-3\t0'
# files through symbolic links, pipes as they are
mkdir $D/real
ln -s real/x.cfg $D/link.cfg
for n in 1 2; do                # to no file, then to one
    ok "init through a link, $n" $SNL init --out $D/link.cfg
    [ -L $D/link.cfg ] && grep -q '^dt = ' $D/real/x.cfg && yes || no "a link's file is written, $n"
    echo old >$D/real/x.cfg
done
mkfifo $D/pipe
cat $D/pipe >$D/piped & P=$!
ok "init into a pipe" $SNL init --out $D/pipe
[ -p $D/pipe ] && yes || { no "a pipe stays one"; kill $P 2>/dev/null; }
wait $P; $SNL init | cmp -s - $D/piped && yes || no "a pipe has all" $D/piped
# tables of samples: column k of row i is (i + ((7 k + 10) i mod 93))/10, a constant in "flat"
samples() {     # samples FILE ROWS NAMES...
    file=$1 rows=$2; shift 2
    { echo "$*"; awk -v n=$# -v rows=$rows 'BEGIN { for (i = 0; i < rows; i++) for (k = 0; k < n; k++)
        printf "%g%s", (i + (7*k + 10)*i % 93)/10, k + 1 < n ? " " : "\n" }'; } | tr ' ' '\t' >$D/$file
}
samples a.tsv 100 a b c; samples d.tsv 100 c b; samples e.tsv 100 a b; samples f.tsv 1 a b c
awk 'NR > 1 { $1 = 3 } { print $1 "\t" $2 "\t" $3 }' $D/a.tsv >$D/flat.tsv
many=$(awk 'BEGIN { for (k = 1; k <= 17; k++) print "p" k }')
samples many.tsv 100 $many
awk -F"$TAB" -v OFS="$TAB" 'NR > 1 { $17 += 20 } { print }' $D/many.tsv >$D/moved.tsv
ok "compare 17 columns" $SNL compare $D/many.tsv $D/moved.tsv
awk '$1 == "p17" { p = $2 } $1 == "p16" { q = $2 } $1 == "max" { m = $2 } END { exit !(NR == 19 && q == 0 && p > 500 && p == m) }' $D/out &&
    yes || no "the last counts" $D/out
refused "17 shared columns, 1 to 16 can be drawn" $SNL plot $D/many.tsv --out $D/x.svg
refused "$D/f.tsv: a is constant, or has too few rows" $SNL compare $D/a.tsv $D/f.tsv
refused "$D/f.tsv: a is constant, or has too few rows" $SNL compare $D/f.tsv $D/a.tsv
refused "$D/flat.tsv: a is constant, or has too few rows" $SNL compare $D/a.tsv $D/flat.tsv
for order in "a e d" "a d e" "d e a"; do        # b alone is in all
    ok "plot $order" $SNL plot $(for t in $order; do echo $D/$t.tsv; done) --out $D/x.svg
    [ $(grep -c "text-anchor='middle'.*>[abc]<" $D/x.svg) -eq 1 ] && grep -q ">b<" $D/x.svg && yes || no "draws b of $order"
done
for c in 1000 -1000; do         # weights are known up to a factor
    awk -v c=$c 'BEGIN { print "a\tlog_weight" } NR > 1 { print $1 "\t" c + $2/10 }' $D/a.tsv >$D/w$c.tsv
    ok "plot with weights of e^$c" $SNL plot $D/w$c.tsv --out $D/x.svg
    ok "compare with weights of e^$c" $SNL compare $D/w$c.tsv $D/e.tsv --weighted --out $D/w$c.out
done
cmp -s $D/w1000.out $D/w-1000.out && yes || no "a factor of the weights does not count" $D/w1000.out
awk 'BEGIN { print "a\tlog_weight" } NR > 1 { print $1 "\t" (NR == 5 ? "inf" : 0) }' $D/a.tsv >$D/inf.tsv
refused "inf.tsv:5: log_weight: inf is neither finite nor -inf" $SNL plot $D/inf.tsv --out $D/x.svg
mode() {        # mode L M FREF PATTERN
    printf 'case\tm1\tm2\tchi1\tchi2\tdist_Mpc\tfref\tphiref\tf\tl\tm\na\t1e6\t5e5\t0\t0\t1e4\t%s\t0\t1e-3\t%s\t%s\n' $3 $1 $2 >$D/mode.tsv
    refused "mode.tsv:2: $4" $SNL waveform --cases $D/mode.tsv --model PhenomHM --out $D/x.tsv
}
mode 2 0 1e-3 "mode (2,0) is none of (2,2), (2,1), (3,3), (3,2), (4,4), (4,3)\$"
mode 2.7 2.2 1e-3 "mode (2.7,2.2) is none of"
mode 1e300 2 1e-3 "mode (1e+300,2) is none of"
mode 2 2 1e-300 "amp = .*, phase = -inf with fref = 1e-300"
rm -f $D/cut.npy $D/two.npy $D/nan.npy

# ---- help
ok "--help" $SNL --help
ok "run -h" $SNL run -h
ok "--version" $SNL --version
for c in run infer mcmc calibrate simulate init compare plot waveform response snr noise bench; do
    ok "$c --help" $SNL $c --help
    grep -q "^ *snl $c" $D/out && yes || no "$c --help shows a call" $D/out
    grep -q "^example: ./snl $c" $D/out && yes || no "$c --help shows an example" $D/out
done
for c in waveform response snr noise; do        # those whose files are in the tree
    ok "the example of $c" sh -c "$($SNL $c --help | sed -n 's/^example: //p')"
done

# ---- tables against references, the columns that are named, to 1e-9 of each value
cat >$D/agree.awk <<'X'
/^#/ { next }
FNR == NR { if (!h++) for (i = 1; i <= NF; i++) c[$i] = i
            else { n++; for (k in c) ref[n, k] = $c[k] }
            next }
!g++ { for (i = 1; i <= NF; i++) d[$i] = i; m = split(cols, col, ","); next }
{
    r++
    if (("inband" in c) && !ref[r, "inband"]) next
    for (j = 1; j <= m; j++) {
        split(col[j], name, "=")                # reference=output
        a = name[1]; b = name[2] == "" ? a : name[2]
        if ((a "_re") in c) {                   # complex
            x = $d[b "_re"] - ref[r, a "_re"]; y = $d[b "_im"] - ref[r, a "_im"]
            e = sqrt(x*x + y*y); size = sqrt(ref[r, a "_re"]^2 + ref[r, a "_im"]^2)
        } else {
            if (!(a in c) || !(b in d)) { print "no column " a " or " b; exit 1 }
            e = $d[b] - ref[r, a]; if (e < 0) e = -e
            size = ref[r, a]; if (size < 0) size = -size
        }
        if (!(e <= 1e-9*size)) { print "row " r ", " a ": off by " e " of " size; bad = 1; exit 1 }
    }
}
END { if (!bad && (r != n || r < 5)) { print r " rows of " n; exit 1 } }
X
agrees() {      # agrees COLUMNS REFERENCE OPTIONS...: snl OPTIONS writes the same
    cols=$1 reference=$2; shift 2
    ok "$*" $SNL "$@" --out $D/table.tsv
    ok "$1 agrees with $reference" awk -F"$TAB" -v cols=$cols -f $D/agree.awk $reference $D/table.tsv
}
R=tests/data
agrees f,amp,phase $R/phenomd.tsv waveform --cases $R/phenomd.tsv
agrees l,m,f,amp,phase $R/phenomhm.tsv waveform --cases $R/phenomhm.tsv --model PhenomHM
# its solar mass is not ours
awk -F"$TAB" -v OFS="$TAB" '/^#/ { next }
    !h++ { for (i = 1; i <= NF; i++) c[$i] = i; print; next }
    { k = 4.925491025873693e-06/4.925490947641266978e-06
      $c["m1"] = sprintf("%.17g", $c["m1"]*k); $c["m2"] = sprintf("%.17g", $c["m2"]*k); print }
    ' $R/response.tsv >$D/cases.tsv
agrees f,t_f,amp,phase,phase_R,TA,TE,TT,A,E,T $R/response.tsv response --cases $D/cases.tsv
agrees snr_A,snr_E,snr_AE,snr_T $R/response_snr.tsv snr --cases $D/cases.tsv
awk -F"$TAB" -v OFS="$TAB" -v CONVFMT=%.17g 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i }
    NR == 2 { print; $c["f"] *= 2; print; $c["dist_Mpc"] *= 2; print; next } NR == 1' $D/cases.tsv >$D/two.tsv
ok "snr" $SNL snr --cases $D/two.tsv --out $D/table.tsv
ok "has a row for each source of a case" awk -F"$TAB" 'NR > 1 { s[NR] = $2 } END { d = s[2]/s[3]/2 - 1; exit !(NR == 3 && d*d < 1e-20) }' $D/table.tsv
agrees f,AE15_scirdv1=S_A,T15_scirdv1=S_T $R/noise.tsv noise --frequencies $R/noise.tsv
agrees AE20_sangria=S_A,T20_sangria=S_T $R/noise.tsv noise --frequencies $R/noise.tsv --model Sangria --tdi 2.0
awk -F"$TAB" -v OFS="$TAB" '/^#/ { next }
    !h++ { for (i = 1; i <= NF; i++) c[$i] = i; print "f", "sum"; next }
    { print $c["f"], sprintf("%.17g", $c["AE15_scirdv1"] + $c["AE15_conf_ldc_1yr"]) }' $R/noise.tsv >$D/sum.tsv
agrees f,sum=S_A $D/sum.tsv noise --frequencies $R/noise.tsv --foreground ldc --years 1
ok "snl init" $SNL init --out $D/init.cfg
sed 's/^dt = [0-9]*/dt = 160/; s/^f_max = [0-9.]*/f_max = 3e-3/' $D/init.cfg >$D/init2.cfg
ok "the template can be simulated" $SNL simulate $D/init2.cfg --out $D/again.npy
rm -f $D/again.npy

# ---- A: truth inside the 99.9 % interval of each parameter, files as documented
wait $A; [ $? -eq 0 ] && yes || no "infer" $D/A.err
inside() {      # inside TABLE NAME TRUTH
    awk -F"$TAB" -v name=$2 -v truth=$3 '
        /^#/ { sub(/^# */, ""); for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
        { n++; low += $c < truth }
        END { print name ": " low " of " n " below " truth; exit !(c && low > 0.0005*n && low < 0.9995*n) }' $1
}
truth() { sed -n "s/^inject.$1 = //p" $D/event.cfg; }
for p in $names; do
    t=$(truth $p); [ $p = distance ] && t=$distance
    ok "the true $p is in the posterior" inside $D/A/posterior.tsv $p $t
done
ok "infer prints the injected distance" awk -v d=$distance '$1 == "distance" { e = $2/d - 1; n++ }
    END { exit !(n == 1 && e < 1e-7 && e > -1e-7) }' $D/A.out
want="# $(echo $names | tr ' ' '\t')${TAB}log_likelihood${TAB}log_likelihood_exact${TAB}log_weight"
[ "$(grep '^#' $D/A/posterior.tsv | tail -1)" = "$want" ] && yes || no "columns of posterior.tsv" $D/A/posterior.tsv
ok "posterior.tsv is 10000 rows of 14 finite numbers" awk '/^#/ { next }
    { n++; for (i = 1; i <= NF; i++) if ($i !~ /^-?[0-9][0-9.]*(e[-+][0-9]+)?$/) exit 1; if (NF != 14) exit 1 }
    END { exit n != 10000 }' $D/A/posterior.tsv
# Of 10,000 the 3 sqrt(10000) largest are smoothed: they keep their order, and none is larger
# than the largest was
awk '!/^#/ { printf "%.9f %s\n", $13 - $12, $14 }' $D/A/posterior.tsv | LC_ALL=C sort -n >$D/A.weights
ok "log_weight is exact - surrogate, the 300 largest smoothed" awk '
    NR == 1 { c = $2 - $1 } NR <= 9700 { d = $2 - $1 - c; if (d > 1e-6 || d < -1e-6) exit 1 }
    NR > 9700 { if ($2 < last - 1e-6) exit 1 } { last = $2; top = $1 + c }
    END { exit !(NR == 10000 && last <= top + 1e-6) }' $D/A.weights
value() { awk -F"$TAB" -v name=$2 '$1 == name { print $2; n++ } END { exit n != 1 }' $1; }
for n in calls_search calls_training calls_refinement calls rounds error_log_likelihood divergence \
    components lost_sigma efficiency effective_samples chain_effective_samples stopped \
    wall_seconds cpu_seconds threads chirp_mass_median psi_5 psi_95; do
    ok "summary.tsv has $n" value $D/A/summary.tsv $n
done
[ "$(head -1 $D/A/summary.tsv)" = "name${TAB}value" ] && yes || no "head of summary.tsv" $D/A/summary.tsv
s() { value $D/A/summary.tsv $1; }
[ $(s calls) -eq $(($(s calls_search) + $(s calls_training) + $(s calls_refinement))) ] && yes ||
    no "calls add up" $D/A/summary.tsv
# As snl.h has it: 1300, 800, then 320 after temperature 1 and an error of at most a nat in units of
# the temperature before that, else 800
ok "calls_training" awk -v c=$(s calls_training) -v r=$(s rounds) '
    match($0, /^round [0-9]+: [0-9]+ simulations, temperature /) {
        gsub(/[:,]/, ""); k = $2; t[k] = $6; e[k] = $NF
        for (i = 7; i < NF; i++) if ($i == "error") e[k] = $(i + 4)
        want += k == 1 ? 1300 : k > 2 && t[k-1] == 1 && e[k-1] <= t[k-2] ? 320 : 800
        if ($3 != want) exit bad = 1 }
    END { exit bad || k != r || want != c || k < 2 }' $D/A.err
[ $(s threads) -eq 1 ] && yes || no "--threads 1" $D/A/summary.tsv
ok "the refinement is efficient" awk -v e=$(s efficiency) 'BEGIN { exit !(e > 0.5 && e <= 1) }'
plain() {       # plain FILE: whole lines, no control characters
    [ -s "$1" ] && [ "$(LC_ALL=C tr -d '\n\t -~' <"$1" | wc -c)" -eq 0 ] && [ -z "$(tail -c 1 "$1" | tr -d '\n')" ]
}
ok "progress in a file is plain lines" plain $D/A.err
for l in "search  *[0-9]* %, SNR [0-9.]*, [0-9]* calls" "round 1: train" \
    "round 2: sample  *[0-9]* %, acceptance 0.[0-9]*, [0-9]* calls" "round 2: 2100 simulations"; do
    grep -q "^$l" $D/A.err && yes || no "progress tells: $l" $D/A.err
done
grep -q nan $D/A.err && no "no number that is not one in the progress" $D/A.err || yes
if command -v xmllint >/dev/null; then xml() { xmllint --noout "$1"; }
elif command -v python3 >/dev/null; then
    xml() { python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$1"; }
else xml() { grep -q '^<svg' "$1" && [ "$(tail -1 "$1")" = "</svg>" ]; }; fi
ok "corner.svg is XML" xml $D/A/corner.svg
grep -q "<svg" $D/A/corner.svg && yes || no "corner.svg is an SVG"

# ---- B: killed in its second round, resumed with other threads: the same bytes
(
    $SNL infer $D/event.cfg --out $D/B --threads 1 >/dev/null 2>$D/B.err & B=$!
    n=0
    while [ $n -lt 3000 ] && ! tr '\r' '\n' <$D/B.err | grep -q '^round 2: train'; do n=$((n + 1)); sleep 0.1; done
    kill -9 $B; wait $B
) >/dev/null 2>&1
[ -f $D/B/checkpoint.snl ] && [ ! -e $D/B/posterior.tsv ] && yes || no "killed before the end" $D/B.err
cp -r $D/B $D/hurt
size=$(wc -c <$D/hurt/checkpoint.snl)
printf 'x' | dd of=$D/hurt/checkpoint.snl bs=1 seek=$((size/2)) conv=notrunc 2>/dev/null
refused "$D/hurt/checkpoint.snl: the saved bytes are damaged" $SNL infer $D/event.cfg --out $D/hurt --resume --quiet
head -c $((size - 1)) $D/B/checkpoint.snl >$D/hurt/checkpoint.snl
refused "$D/hurt/checkpoint.snl: the saved bytes are damaged" $SNL infer $D/event.cfg --out $D/hurt --resume --quiet
rm -r $D/hurt
: >$D/B.err        # it has the line that is waited for
(               # once more in its second round, by Ctrl-C
    $SNL infer $D/event.cfg --out $D/B --threads 1 --resume >/dev/null 2>$D/B.err & B=$!
    n=0
    while [ $n -lt 3000 ] && ! grep -q '^round 2: train' $D/B.err; do n=$((n + 1)); sleep 0.1; done
    kill -INT $B; wait $B; echo $? >$D/B.status
) >/dev/null 2>&1
[ "$(cat $D/B.status)" = 1 ] && [ ! -e $D/B/posterior.tsv ] && yes || no "Ctrl-C ends with status 1" $D/B.err
tail -1 $D/B.err | grep -q "^snl: stopped; search and 1 round are kept; go on with: ./snl infer .*--resume\$" && yes ||
    no "and says how to go on" $D/B.err
ok "resume" $SNL infer $D/event.cfg --out $D/B --threads 2 --resume --quiet
ok "resumed, the posterior is the same" cmp $D/A/posterior.tsv $D/B/posterior.tsv
cksum $D/B/* >$D/sums
cp $D/event.cfg $D/other.cfg; echo "# another" >>$D/other.cfg
refused "$D/B/checkpoint.snl: belongs to another configuration" $SNL infer $D/other.cfg --out $D/B --resume --quiet
refused "$D/B/checkpoint.snl: belongs to another configuration, seed" $SNL infer $D/event.cfg --out $D/B --resume --quiet --seed 2
ok "refused, the results are as they were" sh -c "cksum $D/B/* | cmp - $D/sums"
ok "a finished run resumes at once" $SNL infer $D/event.cfg --out $D/B --resume --quiet
ok "and has the same posterior" cmp $D/A/posterior.tsv $D/B/posterior.tsv
ok "and the same story of its rounds" sh -c "cmp $D/A/rounds.tsv $D/B/rounds.tsv && cmp $D/A/training.tsv $D/B/training.tsv"
if script -qec true /dev/null >/dev/null 2>&1; then     # of util-linux: a terminal
    script -qec "$SNL infer $D/event.cfg --out $D/B --resume" /dev/null >$D/tty 2>&1
    tr '\r' '\n' <$D/tty | grep -q "^refine  *50 %" && yes || no "a terminal sees progress in one line" $D/tty
    script -qec "$SNL infer $D/event.cfg --out $D/B --resume --quiet" /dev/null >$D/tty 2>&1
    tr '\r' '\n' <$D/tty | grep -q "^refine  *[0-9]" && no "--quiet shows none" $D/tty || yes
else echo "skipped: no terminal, script(1) of util-linux is missing"; fi

# ---- C: the exact sampler.  5 mnat are a shift of a marginal by a fifth of its width;
# samples of some 2000 effective draws differ by 1.
wait $C; [ $? -eq 0 ] && yes || no "mcmc" $D/C.err
[ -s $D/C.err ] && no "--quiet is quiet" $D/C.err || yes
ok "infer and mcmc agree to 5 mnat" sh -c "$SNL compare $D/A/posterior.tsv $D/C/posterior.tsv |
    awk '{ print } \$1 == \"max\" { n++; top = \$2 } END { exit !(NR == 13 && n == 1 && top > 0 && top < 5) }'"
for n in calls_search calls_sampling calls effective_samples acceptance; do
    ok "summary.tsv of mcmc has $n" value $D/C/summary.tsv $n
done
# ---- stopped early, with four times the noise's PSD, by scores: 33 numbers of three expansions, 22 simulations each
# beside a table of large weights, one column of which is constant; in a directory that a shell needs quoted
{ cat $D/table.cfg; echo 'waveform = PhenomHM'; } >$D/hm.cfg
sed '/^noise_table/d' $D/hm.cfg >$D/bad.cfg             # at half its distance of the same SNR in twice the noise
distance_hm=$($SNL simulate $D/bad.cfg --out $D/hm.npy 2>&1 | sed -n 's/^source 1: distance \([0-9.e+]*\) Mpc$/\1/p')
mkdir "$D/it's E"; ln -s "it's E" $D/E; rm -f $D/hm.npy
with 20 1000 >$D/with.tsv
ok "--compression score --calls" $SNL infer $D/hm.cfg --model PhenomD --out "$D/it's E" --with $D/with.tsv \
    --compression score --points 3 --calls 3500
cp $D/out $D/E.out
grep -q "^warning: the budget of calls is used up before the posterior stood still" $D/out && yes ||
    no "says that parts may be missing" $D/out
[ "$(value $D/E/summary.tsv stopped)" = "the budget of calls is used up" ] && yes || no "says why it stopped" $D/E/summary.tsv
[ $(value $D/E/summary.tsv calls_training) -eq 1366 ] && yes || no "counts the expansions" $D/E/summary.tsv
[ $(value $D/E/summary.tsv components) -eq 33 ] && yes || no "three times eleven numbers" $D/E/summary.tsv
grep -q "compression<.*>score<" $D/E/report.html && yes || no "the report names the compression"
grep -q "<pre>./snl infer .*--compression score --points 3 --calls 3500</pre>" $D/E/report.html && yes || no "and the command"
ok "what is kept of a round is doubted" grep -q '"bad".*The rounds ended because: the budget of calls is used up' $D/E/report.html
# what the signal leaves has a mean square of 1/4
grep -q '"bad".*the whitened data have a mean square of 0.2[45]' $D/E/report.html && yes || no "wrong noise is doubted"
grep -q '"good".*the whitened data have a mean square of [01].[09]' $D/A/report.html && yes || no "right noise is not"
grep -qw 'nan\|inf' $D/E/report.html && no "numbers that are not known are dashes" || yes
# the truth is that of the configuration's waveform; a shell reads the command as it was given
ok "the injected distance is kept" awk -v d=$distance_hm '$1 == "distance" { e = 2*$2/d - 1; n++ }
    END { exit !(n == 1 && e < 1e-4 && e > -1e-4) }' $D/E.out
eval "set -- $(sed -n 's/^<pre>\(.*--calls 3500\)<.pre>$/\1/p' $D/E/report.html)"
[ "$5" = "$D/it's E" ] && yes || no "the command of the report, $5"
# its checkpoint is that of its noise; its heated draws cannot be put under another prior
cp $D/psd.tsv $D/psd.keep
awk -F"$TAB" 'NR > 1 { $2 = sprintf("%.17g", 1.1*$2) } { print $1 "\t" $2 }' $D/psd.keep >$D/psd.tsv
refused "E/checkpoint.snl: belongs to another .*noise table" $SNL infer $D/hm.cfg --model PhenomD --out $D/E \
    --compression score --points 3 --resume --quiet
mv $D/psd.keep $D/psd.tsv
refused "E: the rounds ended at temperature [1-9].*budget of calls" $SNL infer $D/hm.cfg --model PhenomD --out $D/E \
    --compression score --points 3 --calls 3500 --prior $D/event.cfg --quiet
ok "compare with itself" $SNL compare $D/A/posterior.tsv $D/A/posterior.tsv --out $D/self.tsv
# 200 rows, of which log_weight leaves the second half nothing: then as the first half alone
seq 1 200 | awk 'BEGIN { print "# a\tlog_weight" } { print $1 % 7 + $1/100 "\t" ($1 > 100 ? -1000 : 0) }' >$D/w.tsv
seq 1 200 | awk 'BEGIN { print "# a" } { print $1 % 7 + $1/100 + ($1 > 100 ? 1 : 0) }' >$D/v.tsv
ok "compare" $SNL compare $D/w.tsv $D/v.tsv --out $D/plain.tsv
ok "compare --weighted" $SNL compare $D/w.tsv $D/v.tsv --weighted --out $D/weighted.tsv
head -101 $D/w.tsv | cut -f1 >$D/half.tsv
ok "compare the half" $SNL compare $D/half.tsv $D/v.tsv --out $D/half.out
cmp -s $D/plain.tsv $D/weighted.tsv && no "--weighted changes nothing" || yes
ok "weights count as rows do" awk -F"$TAB" 'NR == FNR { a[NR] = $2; next } FNR > 1 && ($2/a[FNR] > 1.05 || $2/a[FNR] < 0.95) { exit 1 }' $D/half.out $D/weighted.tsv
ok "gives 0" awk -F"$TAB" 'NR > 1 && $2 != 0 { exit 1 } END { exit NR != 13 }' $D/self.tsv
ok "plot" $SNL plot $D/A/posterior.tsv $D/C/posterior.tsv --out $D/both.svg
ok "gives XML" xml $D/both.svg
ok "of both tables" sh -c "grep -q A/posterior.tsv $D/both.svg && grep -q C/posterior.tsv $D/both.svg"

# ---- another prior: the draws of the first posterior that it allows are the truth
sed 's/^prior.sin_beta = .*/prior.sin_beta = uniform -0.2 0.3/' $D/event.cfg >$D/half.cfg
sed 's/^prior.sin_beta = .*/prior.sin_beta = uniform -0.9 0.8/' $D/event.cfg >$D/wide.cfg
column=$(head -1 $D/A/posterior.tsv | sed 's/^# *//' | tr "$TAB" '\n' | grep -n '^sin_beta$' | cut -d: -f1)
awk -F"$TAB" -v c=$column '/^#/ || $c <= 0.3' $D/A/posterior.tsv >$D/half.tsv
ok "half of the draws, about" sh -c "n=\$(wc -l <$D/half.tsv); [ \$n -gt 1000 ] && [ \$n -lt 9900 ]"
ok "another prior" $SNL infer $D/event.cfg --out $D/B --prior $D/half.cfg --quiet
ok "costs nothing" grep -q "^calls${TAB}0\$" $D/B/summary.tsv
ok "and is the first one cut, to 5 mnat" sh -c "$SNL compare $D/half.tsv $D/B/posterior.tsv |
    awk '\$1 == \"max\" { n++; top = \$2 } END { exit !(n == 1 && top < 5) }'"
grep -q "log_likelihood_exact" $D/B/posterior.tsv && no "and claims no exact likelihood" || yes
[ -e $D/B/budget.tsv ] && no "and leaves no budget of the first prior" || yes
for l in "The rounds ended because: the posterior stands still" "On simulations that it had not seen" \
    "<td>prior.sin_beta</td><td>uniform -0.2 0.3</td>" "under Settings, is that of <code>$D/half.cfg"; do
    grep -q "$l" $D/B/report.html && yes || no "its report has $l"
done
refused "$D/wide.cfg: wider than the prior that was trained: sin_beta = -0.9" \
    $SNL infer $D/event.cfg --out $D/B --prior $D/wide.cfg --quiet
ok "a second posterior beside it" $SNL infer $D/event.cfg --out $D/A --resume --with $D/C/posterior.tsv --quiet
ok "in the report" grep -q "width over" $D/A/report.html

# ---- the report.  Calibration: ranks that are uniform, and ranks that are not.
panels() { sed -n 's/^.*<h2>\([^<]*\)<.h2>.*/\1/p' $1 | tr '\n' ';'; }
valid() {       # valid REPORT: one file under 3 MB, no other is asked for, only numbers in its pictures
    [ $(wc -c <$1) -lt 3000000 ] || { echo "too large"; return 1; }
    sed "s|http://www.w3.org/2000/svg||" $1 | grep -i -n 'https\{0,1\}://\|src=\|href=\|@import\|url(' | grep -v "url(#" && return 1
    grep -n -w 'nan\|inf' $1 && return 1
    if command -v tidy >/dev/null; then tidy -q -e $1; [ $? -lt 2 ]; fi
}
all="What was found;Can it be trusted?;Where on the sky;Data and recovered signal;Corner plot;"
rm -f $D/A/ranks.tsv
cp $D/A/report.html $D/before.html
k=$(awk '$1 == "pareto_k" { print $2 }' $D/A/summary.tsv)
ranks() {       # ranks EXPRESSION: 200 rows of 11
    { echo "# $names" | tr ' ' '\t' | sed 's/^#./# /'
      awk 'BEGIN { for (i = 0; i < 200; i++) { for (k = 0; k < 11; k++) {
          u = ((i*(2*k + 7)) % 200 + 0.5)/200; printf "%s%.6f", k ? "\t" : "", '"$1"' } print "" } }'; } >$D/A/ranks.tsv
}
[ "$(panels $D/before.html)" = "${all}How it was learned;Error budget;Numbers and settings;" ] && yes ||
    no "panels of infer: $(panels $D/before.html)"
[ "$(panels $D/C/report.html)" = "${all}Numbers and settings;" ] && yes || no "panels of mcmc: $(panels $D/C/report.html)"
[ "$(panels $D/B/report.html)" = "${all}Numbers and settings;" ] && yes || no "panels of --prior: $(panels $D/B/report.html)"
for r in before.html B/report.html C/report.html; do ok "$r is a page" valid $D/$r; done
says='verdict good.*Trust it'      # from 0.7 on the weights do not tell the tails
awk "BEGIN { exit !($k >= 0.7) }" && says='verdict mid.*Trust medians'
ok "it says how far to trust, k being $k" grep -q "$says" $D/before.html
for l in ">true<" "Posterior of each round" "class='l0 thin dash'" "degree of the polynomial" \
    "./snl infer $D/event.cfg --out $D/A --seed 1" "stopped<" "prior.chirp_mass = uniform 650000 950000"; do
    grep -q -- "$l" $D/before.html && yes || no "the report has $l"
done
ranks u
ok "calibrated" $SNL infer $D/event.cfg --out $D/A --resume --quiet
ok "calibration in the report" grep -q "<h2>Calibration" $D/A/report.html
ok "is trusted" grep -q '"good".*the ranks of 200 simulated truths are uniform' $D/A/report.html
ranks 'u*u'
ok "badly calibrated" $SNL infer $D/event.cfg --out $D/A --resume --quiet
ok "is doubted" grep -q '"bad".*the ranks of 200 simulated truths are not uniform' $D/A/report.html
ok "and above all" grep -q 'verdict bad.*the calibration failed' $D/A/report.html

echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
