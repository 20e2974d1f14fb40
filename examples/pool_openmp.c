/* pool_openmp.c - recover.c on threads.  The library has none of its own: it hands rows to a
 * function of yours, an snl_pool.  pool.h has one for OpenMP; here it is given, with a clock
 * around it, to the search, the simulations, the surrogate and the exact likelihoods at once.
 *     cc -fopenmp examples/pool_openmp.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
 *     build/pool_openmp [THREADS [quick]]
 * Runs with one thread and with THREADS: the same posterior to the last bit, sooner.  Without
 * OpenMP both runs have one thread.
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

enum { SIMULATE, WEIGH, REST, STAGES };
typedef struct timed {
    snl_pool threads;                           /* of pool.h */
    const recovery *r;
    int weighing;
    double spent[STAGES];
} timed;

static snl_status timed_map(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                            const double *in, size_t din, double *out, size_t dout)
{
    timed *t = self;
    const double began = seconds();
    const snl_status st = pool_map(&t->threads, fn, ctx, n, block, in, din, out, dout);
    t->spent[t->weighing ? WEIGH : fn == t->r->problem.simulate ? SIMULATE : REST]
        += seconds() - began;
    return st;
}

/* The whole inference with so many threads; the sum of the bits of what came out. */
static snl_status once(size_t threads, int quick, timed *t, int say, uint64_t *sum,
                       snl_fault *why)
{
    recovery r;
    snl_pool pool = { timed_map, NULL, 0 };
    snl_status st;
    memset(t, 0, sizeof *t);
    t->r = &r;
    pool_start(&t->threads, threads);
    pool.self = t;
    pool.workers = t->threads.workers;
    st = infer(&r, &pool, quick, why);
    t->weighing = 1;
    if (st == SNL_OK) st = weigh(&r);
    if (st == SNL_OK && say) st = tell(&r);
    if (st == SNL_OK)
        *sum = snl_fnv1a((unsigned char *)r.theta, r.n*SNL_NPAR*sizeof *r.theta)
             ^ snl_fnv1a((unsigned char *)r.weight, r.n*sizeof *r.weight);
    forget(&r);
    return st;
}

int main(int argc, char **argv)
{
    static const char *const stage[STAGES] = {
        "simulations", "exact_likelihood", "search_and_surrogate" };
    const size_t threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    const int quick = argc > 2;
    snl_fault why = { "memory", 0, 0, 0, 0 };
    timed one, many;
    uint64_t a = 0, b = 0;
    snl_status st = once(1, quick, &one, 0, &a, &why);
    if (st == SNL_OK) st = once(threads, quick, &many, 1, &b, &why);
    if (st != SNL_OK) {
        fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
        return 1;
    }
    printf("# stage\tone_thread_s\t%lu_threads_s\tspeedup\n", (unsigned long)many.threads.workers);
    for (int i = 0; i < STAGES; i++)
        printf("%s\t%.4f\t%.4f\t%.2f\n", stage[i], one.spent[i], many.spent[i],
               one.spent[i]/many.spent[i]);
    printf("posterior %s\n", a == b ? "the same bits" : "DIFFERS");
    return a != b;
}
