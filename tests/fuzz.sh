#!/bin/sh
# Fuzz every reader: sh tests/fuzz.sh [EXECUTIONS each, default 10000000 [READER...]]
# Needs clang with libFuzzer (Debian: libclang-rt-14-dev).  Prints reader, executions,
# seconds, result (SECONDS_EACH=n ends each after n seconds); inputs that failed are left in build/fuzz and belong into tests/data/fuzz.
N=${1:-10000000}; [ $# -gt 0 ] && shift
D=build/fuzz fail=0
mkdir -p $D
# freed blocks are kept back in 16 MB: enough for runs of milliseconds, and in the cache
ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=8; export ASAN_OPTIONS
FUZZ_DIR=$D; [ -w /dev/shm ] && FUZZ_DIR=/dev/shm; export FUZZ_DIR
for reader in ${*:-0 1 2 3 4 5 6}; do
    name=$(echo configuration table npy network run event chain | cut -d' ' -f$((reader + 1)))
    flags="-std=gnu99 -g -O2 -DREADER=$reader -I. tests/fuzz.c snl.c waveform.c lisa.c nn.c mcmc.c -lm"
    mkdir -p $D/$name
    cp tests/data/fuzz/$name-* $D/$name 2>/dev/null
    clang -fsanitize=fuzzer,address,undefined -fsanitize-coverage-ignorelist=tests/fuzz.ignore \
        -fno-sanitize-recover=all -o $D/$name.exe $flags &&
        clang -DALONE -fsanitize=address -o $D/$name.seed $flags &&
        for seed in 0 1; do ASAN_OPTIONS=detect_leaks=0 $D/$name.seed +$seed >$D/$name/good$seed || exit 1; done ||
        { echo "$name does not build"; fail=$((fail + 1)); continue; }
    began=$(date +%s)
    # leaks are looked for once, over all inputs that reached something new
    if $D/$name.exe -runs=$N -max_total_time=${SECONDS_EACH:-0} -detect_leaks=0 -timeout=20 -rss_limit_mb=1000 -max_len=10000 -artifact_prefix=$D/$name- \
        $D/$name >$D/$name.log 2>&1 &&
        ls $D/$name/* | xargs $D/$name.seed >>$D/$name.log 2>&1; then result=clean
    else result=FAILED; fail=$((fail + 1)); grep 'ERROR\|runtime error\|Test unit' $D/$name.log | head -3; fi
    echo "$name	$(sed -n 's/^#\([0-9]*\).*DONE.*/\1/p' $D/$name.log)	$(($(date +%s) - began)) s	$result"
done
[ $fail -eq 0 ]
