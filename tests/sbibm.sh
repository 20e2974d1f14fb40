#!/bin/sh
# The tasks of the benchmark of arXiv:2101.04653 by build/sbibm, one after the other, and how
# far its draws are from the reference posteriors: a table in Markdown.  Takes about an hour.
#     make sbibm DATA=DIR C2ST=COMMAND
#   DATA   directory with TASK/obs_N.tsv and TASK/posterior_N.tsv, published_c2st.tsv
#   C2ST   command that prints the C2ST accuracy of two files, REFERENCE and OURS
#   TASKS  OBSERVATIONS  SIMULATIONS  SEED     what to run
# Results newer than the program are kept in build/sbibm_SIMULATIONS/ and not made again.
TASKS=${TASKS:-two_moons slcp gaussian_linear gaussian_linear_uniform gaussian_mixture \
bernoulli_glm sir lotka_volterra}
OBSERVATIONS=${OBSERVATIONS:-1 2 3 4 5} SIMULATIONS=${SIMULATIONS:-10000} SEED=${SEED:-1}
if [ -z "$C2ST" ] || [ ! -f "$DATA/published_c2st.tsv" ]; then
    echo "usage: make sbibm DATA=DIR C2ST=COMMAND, see tests/sbibm.sh" >&2; exit 2
fi
dir=build/sbibm_$SIMULATIONS
mkdir -p $dir

published() {       # published TASK ALGORITHM: mean over the same observations
    awk -F '\t' -v task=$1 -v algorithm=$2 -v sims=$SIMULATIONS -v obs="$OBSERVATIONS" '
        $2 == task && $3 == algorithm && $4 == sims &&
        $1 == (task == "gaussian_mixture" ? "rerun" : "paper") {
            n = split(obs, o, " ")
            for (k = 1; k <= n; k++) sum += $(6 + o[k])
            printf "%.3f", sum/n
        }' "$DATA/published_c2st.tsv"
}

echo "| C2ST, $SIMULATIONS simulations | mean | each observation | SNLE | SNPE | SNRE | CPU {s} |"
echo "|---|---|---|---|---|---|---|"
for task in $TASKS; do
    all= cpu=
    for o in $OBSERVATIONS; do
        out=$dir/${task}_$o
        [ -f $DATA/$task/posterior_$o.tsv ] || continue
        if [ ! -s $out.c2st ] || [ ! "$(find $out.c2st -newer build/sbibm)" ]; then
            rm -f $out.c2st
            ./build/sbibm $task --observation $DATA/$task/obs_$o.tsv --seed $SEED \
                --simulations $SIMULATIONS --out $out.tsv 2>$out.log || { tail -1 $out.log; exit 1; }
            $C2ST $DATA/$task/posterior_$o.tsv $out.tsv >$out.tmp 2>/dev/null &&
                mv $out.tmp $out.c2st || { echo "$C2ST failed" >&2; exit 1; }
        fi
        all="$all $(cat $out.c2st)" cpu="$cpu $(sed -n 's/^CPU \(.*\) s$/\1/p' $out.log)"
    done
    [ "$all" ] || continue
    echo "$all" | awk -v task=$task -v cpu="$cpu" -v snle=$(published $task SNLE) \
        -v snpe=$(published $task SNPE) -v snre=$(published $task SNRE) '{
        for (k = 1; k <= NF; k++) { mean += $k/NF;  each = each sprintf(" %.3f", $k) }
        n = split(cpu, c, " ")
        for (k = 1; k <= n; k++) time += c[k]/n
        printf "| %s | %.3f |%s | %s | %s | %s | %.0f |\n", task, mean, each, snle, snpe, snre, time
    }'
done
