/* pool_openmp.c - recover.c on threads.  The library has none of its own: it hands rows to a
 * function of yours, an snl_pool.  pool.h has one for OpenMP; here the search, the simulations,
 * the surrogate and the exact likelihoods all go through it.
 *     cc -fopenmp examples/pool_openmp.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
 *     build/pool_openmp [THREADS [quick]]
 * Runs with THREADS and with one: the same posterior to the last bit, sooner.  How much sooner
 * is measured on the two stages that call the simulator: with one thread and with THREADS in
 * turn, on the same rows, so that caches are warm for both, and the best of several is taken.
 * Without OpenMP all have one thread.
 *
 * make test runs: ./build/pool_openmp 2 quick */
#define RECOVER_ELSEWHERE
#include "recover.c"
#include "pool.h"
#include <time.h>

static double seconds(void)
{
#ifdef _OPENMP
    return omp_get_wtime();
#else
    return (double)clock()/CLOCKS_PER_SEC;
#endif
}

/* The whole inference; the sum of the bits of what came out. */
static snl_status once(recovery *r, const snl_pool *pool, int quick, uint64_t *sum, double *spent,
                       snl_fault *why)
{
    const double began = seconds();
    snl_status st = infer(r, pool, quick, why);
    if (st == SNL_OK) st = weigh(r);
    *spent = seconds() - began;
    if (st == SNL_OK)
        *sum = snl_fnv1a((unsigned char *)r->theta, r->n*SNL_NPAR*sizeof *r->theta)
             ^ snl_fnv1a((unsigned char *)r->weight, r->n*sizeof *r->weight);
    return st;
}

int main(int argc, char **argv)
{
    const size_t threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    const int quick = argc > 2;
    snl_fault why = { "memory", 0, 0, 0, 0 };
    recovery one, many;
    snl_pool pool;
    uint64_t a = 0, b = 0;
    double best[STAGES][2], whole[2];
    snl_status st;
    memset(&one, 0, sizeof one);
    pool_start(&pool, threads);
    st = once(&many, &pool, quick, &b, &whole[1], &why);
    if (st == SNL_OK) st = once(&one, NULL, quick, &a, &whole[0], &why);
    if (st == SNL_OK) st = tell(&many);
    if (st == SNL_OK) st = race(&many, NULL, &pool, quick ? 3 : 30, seconds, best);
    if (st == SNL_OK) {
        tell_race("thread", pool.workers, best);
        printf("all_at_once\t%.4f\t%.4f\t%.2f\n", whole[0], whole[1], whole[0]/whole[1]);
        printf("posterior %s\n", a == b ? "the same bits" : "DIFFERS");
    } else
        fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    forget(&one);
    forget(&many);
    return st != SNL_OK || a != b;
}
