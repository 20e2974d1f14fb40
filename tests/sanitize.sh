#!/bin/sh
# Nothing for the sanitizers and valgrind to find: the C tests and one infer of the tool under
# ASan and UBSan, by gcc and by clang; under valgrind the tests of faults, readers and gradients
# and a simulation (a whole inference would take an hour).     sh tests/sanitize.sh
D=build/sanitize fail=0
mkdir -p $D
finding() { fail=$((fail + 1)); echo "$1"; grep '==\|rror' $D/log | sed 's/^/    /' | head -5; }
sh tests/portable.sh gcc-sanitize clang-sanitize || fail=$((fail + 1))
cp tests/data/small.cfg $D/event.cfg
for cc in gcc clang; do
    snl=build/portable/$cc-sanitize/snl.exe began=$(date +%s)
    [ -x $snl ] || { echo "skipped: $snl"; continue; }
    $snl simulate $D/event.cfg --out $D/data.npy --quiet 2>$D/log &&
        $snl infer $D/event.cfg --out $D/$cc --quiet >/dev/null 2>$D/log ||
        { finding "infer under $cc's sanitizers"; continue; }
    echo "infer	$cc, address and undefined	$(($(date +%s) - began)) s	clean"
done
if command -v valgrind >/dev/null; then
    for t in test_faults test_io test_nn_gradients test_bytes snl; do
        began=$(date +%s) p=build/test/$t job=
        [ $t = snl ] && p=./snl job="simulate $D/event.cfg --out $D/data.npy --quiet --threads 1"
        [ -x $p ] || { echo "skipped: $p is not there, run make test"; continue; }
        valgrind -q --error-exitcode=99 --leak-check=full $p $job >$D/log 2>&1 ||
            { finding "$p under valgrind"; continue; }
        echo "$t	valgrind	$(($(date +%s) - began)) s	clean"
    done
else echo "skipped: valgrind is not installed"; fi
echo "sanitizers: $fail findings"
[ $fail -eq 0 ]
