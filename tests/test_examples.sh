#!/bin/sh
# Every program in examples/ does what its page says: "make test runs: COMMAND" is run, and what
# it prints is held against what is true; pages that use a part of the library are built from
# that part.  What needs OpenMP, MPI, Python or h5py is named as skipped where there is none.
CC=${CC:-cc} MPICC=${MPICC:-mpicc} CFLAGS=${CFLAGS--std=c99 -pedantic -Wall -Wextra -O3} LDLIBS=${LDLIBS--lm}
D=${BUILD:-build}/examples.d
OMP_WAIT_POLICY=passive; export OMP_WAIT_POLICY     # the machine may have other work
pass=0 fail=0
rm -rf $D; mkdir -p $D
yes() { pass=$((pass + 1)); }
no() { fail=$((fail + 1)); echo "not so: $1"; [ -z "$2" ] || sed 's/^/    /' "$2" | head -8; }
ok() {          # ok WHAT COMMAND...: ends with 0
    what=$1; shift
    if "$@" >$D/log 2>&1; then yes; else no "$what" $D/log; fi
}
prints() {      # prints NAME PROGRAM: awk finds in its output what ends it with 0
    if awk "function near(a, b, tol) { return a - b <= tol && b - a <= tol }
            $2" $D/$1.out; then yes; else no "$1 prints what is true" $D/$1.out; fi
}
runs() { sed -n 's/.*make test runs: *\(.*[^ *\/]\).*/\1/p' $1 | head -1; }

for page in examples/*.c; do
    name=$(basename $page .c)
    run=$(runs $page)
    case $run in *mpirun*) continue;;
    "") ! grep -q '^int main' $page || [ $name = tool ] || no "$page does not say how to run it"; continue;; esac
    if sh -c "$run" >$D/$name.out 2>$D/$name.err; then yes; else no "$run" $D/$name.err; fi
done

# A page by the line that stands in it, without OpenMP; those that need a part alone also run
for page in $(grep -l '^int main' examples/*.c); do
    line=$(sed -n 's/^ \*     cc \(-fopenmp \)*\(examples.*\) -lm.*$/\2/p' $page)
    case $page in *_only.c)
        ok "cc $line" $CC $CFLAGS -o $D/alone $line $LDLIBS
        ok "$page alone" $D/alone;;
    */tool.c|*/mpi_infer.c) ;;                  # make, mpicc
    *)  [ -n "$line" ] || no "$page does not say how to build it"
        ok "cc $line" $CC -std=c99 -o $D/alone $line $LDLIBS;;
    esac
done
ok "pool_openmp.c without OpenMP" $CC $CFLAGS -c -o $D/plain.o examples/pool_openmp.c

# ---- what is printed

# At 0.1 mHz the binary is slow, x = (pi M f)^(2/3) = 0.021: the next term of the post-Newtonian
# series of t is 4/3 (743/336 + 11/4 eta) x = 8 %; the amplitude falls as f^(-7/6).
prints waveform_only '$1 == 1e-4 { t = $4/$5; a = $2 } $1 == 3e-4 { a /= $2 }
    END { exit !(near(t, 1, 0.08) && near(a, 3^(7/6), 0.2)) }'
# Truths of the target; some 300 crossings between the peaks: 0.25 +- 0.025.
prints sampler_only '/^share/ { s = $9 } /^place/ { p = $8; w = $10 } /^ln/ { z = $6 }
    END { exit !(near(s, 0.25, 0.1) && near(p, 5, 0.05) && near(w, 0.5, 0.05) && near(z, -3*log(40), 0.15)) }'
# A divergence is not negative, but by the scatter of 2000 pairs; a Gaussian loses 0.9 nats here.
prints flow_only '/^divergence/ { d = $5 } /^mean/ { m = $NF }
    END { exit !(near(d, 0.075, 0.125) && near(m, 0.5, 0.1)) }'
# Each parameter is inside its 95 % interval in 19 of 20 noises.
prints recover '/ inside the 95 % interval: / { n = $8; for (i = 1; i < NF; i++) if ($i == "efficiency") e = $(i + 1) }
    END { exit !(n >= 8 && n <= 11 && e > 50) }'
prints pool_openmp '/^posterior the same bits$/ { same = 1 } END { exit !same }'

# ---- Open MPI: as many processes as one likes, the same bits

if ! command -v $MPICC >/dev/null || ! command -v mpirun >/dev/null; then
    echo "skipped mpi_infer: no $MPICC or no mpirun (Debian: openmpi-bin, libopenmpi-dev)"
else
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_btl_base_warn_component_unused=0 OMPI_MCA_mpi_yield_when_idle=1
    export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe \
        OMPI_MCA_btl_base_warn_component_unused OMPI_MCA_mpi_yield_when_idle
    ok "make mpi" make build/mpi_infer CC="$CC" MPICC="$MPICC" CFLAGS="$CFLAGS" LDLIBS="$LDLIBS"
    run=$(runs examples/mpi_infer.c)
    ok "$run" sh -c "$run >$D/mpi4.out"
    ok "one process" sh -c "$(echo "$run" | sed 's/-n 4/-n 1/') >$D/mpi1.out"
    four=$(sed -n 's/^posterior //p' $D/mpi4.out)
    [ -n "$four" ] && grep -q "^posterior $four$" $D/mpi1.out && grep -q '4_together_s' $D/mpi4.out &&
        grep -q '1_together_s' $D/mpi1.out && yes || no "4 processes and 1: the same posterior" $D/mpi4.out
fi

# ---- Python: the shared library against the tool, and files of the Data Challenges

if ! command -v python3 >/dev/null; then echo "skipped snl_ctypes.py and ldc_to_npy.py: no python3"
elif ! make build/libsnl.so CC="$CC" CFLAGS="$CFLAGS" LDLIBS="$LDLIBS" >$D/log 2>&1; then
    echo "skipped snl_ctypes.py: $CC makes no shared library"
else
    ok snl_ctypes.py sh -c "python3 examples/snl_ctypes.py build/libsnl.so >$D/snl_ctypes.out"
    printf 'case\tm1\tm2\tchi1\tchi2\tdist_Mpc\tphi_ref\tinc\tlambda\tbeta\tpsi\tt_ref\nx\t1.4e6\t0.6e6\t0.6\t0.3\t50e3\t1\t1.1\t2\t0.3\t0.9\t5e6\n' >$D/case.tsv
    ./snl snr --cases $D/case.tsv >$D/snr.tsv 2>$D/log || no "snl snr" $D/log
    awk 'NR > 1 { print "tool", $4 }' $D/snr.tsv >>$D/snl_ctypes.out
    # x and y of the crescent: 32 walkers, 4000 steps of a time of some 100: 0.03
    prints snl_ctypes '/^PhenomD:/ { d = $10 } /^tool/ { t = $2 } /^x/ { x = $7; s = $9 } /^y/ { y = $6 }
        END { exit !(t > 0 && near(d + 0, t, 0.01) && near(x, 0, 0.15) && near(s, 1, 0.15) && near(y, 1, 0.3)) }'
fi
py=
for p in python3 /usr/bin/python3; do $p -c 'import h5py' 2>/dev/null && { py=$p; break; }; done
if [ -z "$py" ]; then echo "skipped ldc_to_npy.py: no h5py (Debian: python3-h5py)"
else
    $py tests/ldc_file.py $D >$D/ldc.out 2>&1; cat $D/ldc.out
    set -- $(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' $D/ldc.out)
    if [ $# -eq 2 ]; then pass=$((pass + $1)) fail=$((fail + $2)); else no "tests/ldc_file.py"; fi
    printf 'duration = 5000\nf_max = 0.02\n' >>$D/source.cfg
    ok "snl reads what ldc_to_npy.py tells" ./snl simulate $D/source.cfg --out $D/source.npy
fi
echo "$pass passed, $fail failed"
[ $fail -eq 0 ]
