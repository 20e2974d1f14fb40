#!/bin/sh
# Each false claim of tests/failing.c, run alone, must end with a non-zero status; true
# ones with 0.  Takes CC, GREATEST (a directory, or empty) and BUILD from the environment.
CC=${CC:-cc} BUILD=${BUILD:-build}
pass=0 fail=0
check() {       # check WANTED_STATUS(0 or 1) ARGUMENTS
    want=$1; shift
    $BUILD/failing "$@" >$BUILD/failing.out 2>&1; got=$?
    if [ $got -gt 1 ] || [ $got -ne $want ]; then
        fail=$((fail + 1)); echo "failing $*: status $got, not $want"
    else pass=$((pass + 1)); fi
}
mkdir -p $BUILD
$CC ${GREATEST:+-include "$GREATEST/greatest.h"} -o $BUILD/failing tests/failing.c -lm ||
    { echo "0 passed, 1 failed"; exit 1; }
names=$($BUILD/failing -l -s false_claims | sed -n 's/^ *\(f_[a-z_]*\).*/\1/p')
for t in $names; do check 1 -e -s false_claims -t $t; done
check 1 -s false_claims -f
check 0 -s true_claims
check 0 -s true_claims -v
check 0 -l
check 0 -h
if [ -z "$GREATEST" ]; then check 1 -t no_such_test; check 1 --no-such-option; fi
[ $pass -ge 30 ] || { fail=$((fail + 1)); echo "only $pass claims were tried"; }
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
