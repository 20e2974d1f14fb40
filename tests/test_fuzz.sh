#!/bin/sh
# What make fuzz found stays a test: every reader of tests/fuzz.c reads good files, these cut at
# many places, and the inputs that ever failed, tests/data/fuzz/READER-*, to the end.
CC=${CC:-cc} LIB=${BUILD:-build} BUILD=${BUILD:-build}/fuzz_seeds
pass=0 fail=0 reader=0
mkdir -p $BUILD
FUZZ_DIR=$BUILD; export FUZZ_DIR
lib="$LIB/snl.o $LIB/waveform.o $LIB/lisa.o $LIB/nn.o $LIB/mcmc.o"
ls $lib >/dev/null 2>&1 || lib="snl.c waveform.c lisa.c nn.c mcmc.c"
for name in configuration table npy network run event chain; do
    exe=$BUILD/$name
    if $CC ${CFLAGS--std=c99} -w -DALONE -DREADER=$reader -I. -o $exe tests/fuzz.c $lib -lm; then
        for seed in 0 1; do
            $exe +$seed >$exe.$seed
            size=$(wc -c <$exe.$seed)
            for k in 1 2 3 4 5 6 7; do head -c $((size*k/8)) $exe.$seed >$exe.$seed.$k; done
        done
        if $exe $exe.[01] $exe.[01].? $(ls tests/data/fuzz/$name-* 2>/dev/null); then pass=$((pass + 1))
        else fail=$((fail + 1)); echo "reader $name ended with status $?"; fi
    else fail=$((fail + 1)); echo "reader $name does not build"; fi
    reader=$((reader + 1))
done
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
