#!/bin/sh
# Build and run every tests/test_*.c; last line: N passed, N failed.
# CC, CFLAGS and GREATEST (the folder of greatest.h) come from the Makefile.
lib="snl.c waveform.c lisa.c nn.c mcmc.c"
mkdir -p build/tests
passed=0 failed=0
for f in tests/test_*.c; do
    name=$(basename "$f" .c)
    log=build/tests/$name.log
    if ! ${CC:-cc} ${CFLAGS:--std=c99 -O2} -I"${GREATEST:-tests}" -I. -Itests \
         -o build/tests/$name "$f" $lib -lm; then
        echo "$name: does not compile"
        failed=$((failed + 1))
        continue
    fi
    build/tests/$name > "$log" 2>&1
    status=$?
    line=$(sed -n 's/.*Pass: \([0-9]*\), fail: \([0-9]*\), skip: \([0-9]*\).*/\1 \2 \3/p' "$log" | tail -n 1)
    set -- $line
    p=${1:-0} q=${2:-1}
    if [ $status -ne 0 ]; then
        [ "$q" -gt 0 ] || q=1
        cat "$log"
    fi
    echo "$name: $p passed, $q failed"
    passed=$((passed + p)) failed=$((failed + q))
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
