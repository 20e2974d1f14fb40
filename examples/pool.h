/* pool.h - an snl_pool on OpenMP threads; without OpenMP it runs in order, alone. */
#ifndef POOL_H
#define POOL_H

#include "../snl.h"
#ifdef _OPENMP
#include <omp.h>
#endif

static inline size_t pool_worker(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_thread_num();
#else
    return 0;
#endif
}

/* Processors that OpenMP would use. */
static inline size_t pool_processors(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_max_threads();
#else
    return 1;
#endif
}

static snl_status pool_map(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                           const double *in, size_t din, double *out, size_t dout)
{
    const snl_pool *pool = self;
    const long blocks = (long)((n + block - 1) / block), threads = (long)pool->workers;
    long b, first = blocks;
    snl_status worst = SNL_OK;
    (void)threads;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic) num_threads((int)threads) if(blocks > 1)
#endif
    for (b = 0; b < blocks; b++) {
        const size_t i = (size_t)b * block, m = n - i < block ? n - i : block;
        const snl_status s = fn(ctx, pool_worker(), m, in + i*din, out + i*dout);
        if (s == SNL_OK) continue;
#ifdef _OPENMP
#pragma omp critical
#endif
        if (b < first) { first = b;  worst = s; }
    }
    return worst;
}

/* A pool of so many threads, 0: one for each processor.  It must not be moved. */
static inline void pool_start(snl_pool *pool, size_t threads)
{
    const size_t most = pool_processors();
    pool->map = pool_map;
    pool->self = pool;
    pool->workers = threads < 1 ? most : threads;
#ifndef _OPENMP
    pool->workers = 1;
#endif
}

#endif
