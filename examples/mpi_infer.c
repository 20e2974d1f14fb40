/* mpi_infer.c - recover.c on the processes of an MPI job, through the same snl_pool.
 *     mpicc examples/mpi_infer.c snl.c waveform.c lisa.c nn.c mcmc.c -lm -o build/mpi_infer
 *     mpirun -n 4 build/mpi_infer         (--oversubscribe on fewer than four cores)
 * Every process runs the whole program, with the same seeds and so to the same bits: nothing
 * has to be sent for it to know the data, the network or the next proposals.  Only where the
 * library hands rows to the pool do they part: each computes its share of the blocks, and all
 * get all results.  So the posterior is the same with any number of processes, given that
 * their processors round alike.  Short calls, which cost less than to meet, all do alone.
 * Prints the sum of the posterior's bits, to compare.
 *
 * make test runs: mpirun -n 4 ./build/mpi_infer quick */
#define RECOVER_ELSEWHERE
#include "recover.c"
#include <limits.h>
#include <mpi.h>

enum { ALONE = 256 };                           /* rows */
enum { SIMULATE, WEIGH, STAGES };

typedef struct processes {
    int rank, ranks, weighing;
    int *rows, *start;                          /* [ranks] share of each {doubles} */
    const recovery *r;
    double spent[STAGES];                       /* s */
} processes;

/* Compute the blocks from b to end. */
static long run_blocks(snl_map_fn fn, void *ctx, size_t b, size_t end, size_t n, size_t block,
                       const double *in, size_t din, double *out, size_t dout)
{
    for (; b < end; b++) {
        const size_t i = b*block, m = n - i < block ? n - i : block;
        const snl_status st = fn(ctx, 0, m, in + i*din, out + i*dout);
        if (st != SNL_OK) return (long)b*16 + (long)st;     /* least: first in row order */
    }
    return LONG_MAX;
}

static snl_status mpi_map(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                          const double *in, size_t din, double *out, size_t dout)
{
    processes *p = self;
    const size_t blocks = (n + block - 1)/block, R = (size_t)p->ranks;
    const double began = MPI_Wtime();
    long mine, first;
    if (n < ALONE || n*dout > INT_MAX)
        first = run_blocks(fn, ctx, 0, blocks, n, block, in, din, out, dout);
    else {
        for (size_t k = 0; k < R; k++) {
            const size_t from = blocks*k/R*block, to = blocks*(k + 1)/R*block;
            p->start[k] = (int)((from < n ? from : n)*dout);
            p->rows[k] = (int)((to < n ? to : n)*dout) - p->start[k];
        }
        mine = run_blocks(fn, ctx, blocks*(size_t)p->rank/R, blocks*((size_t)p->rank + 1)/R, n,
                          block, in, din, out, dout);
        MPI_Allreduce(&mine, &first, 1, MPI_LONG, MPI_MIN, MPI_COMM_WORLD);
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, out, p->rows, p->start, MPI_DOUBLE,
                       MPI_COMM_WORLD);
    }
    if (p->weighing || fn == p->r->problem.simulate)
        p->spent[p->weighing ? WEIGH : SIMULATE] += MPI_Wtime() - began;
    return first == LONG_MAX ? SNL_OK : (snl_status)(first % 16);
}

int main(int argc, char **argv)
{
    recovery r;
    processes p = { 0, 1, 0, NULL, NULL, NULL, { 0, 0 } };
    snl_pool pool = { mpi_map, NULL, 1 };
    snl_fault why = { "memory", 0, 0, 0, 0 };
    snl_status st = SNL_ENOMEM;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &p.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &p.ranks);
    memset(&r, 0, sizeof r);
    p.r = &r;
    p.rows = malloc(2*(size_t)p.ranks*sizeof *p.rows);
    p.start = p.rows + p.ranks;
    pool.self = &p;
    if (p.rows) st = infer(&r, &pool, argc > 1, &why);
    p.weighing = 1;
    if (st == SNL_OK) st = weigh(&r);
    if (p.rank == 0) {
        if (st == SNL_OK) st = tell(&r);
        if (st == SNL_OK)
            printf("%d processes: simulations %.4f s, exact likelihoods %.4f s\n"
                   "posterior %016llx\n", p.ranks, p.spent[SIMULATE], p.spent[WEIGH],
                   (unsigned long long)
                   (snl_fnv1a((unsigned char *)r.theta, r.n*SNL_NPAR*sizeof *r.theta)
                    ^ snl_fnv1a((unsigned char *)r.weight, r.n*sizeof *r.weight)));
        else fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    }
    forget(&r);
    free(p.rows);
    MPI_Finalize();
    return st != SNL_OK;
}
