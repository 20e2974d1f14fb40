/* mpi_infer.c - recover.c on the processes of an MPI job, through the same snl_pool.
 *     mpicc examples/mpi_infer.c snl.c waveform.c lisa.c nn.c mcmc.c -lm -o build/mpi_infer
 *     mpirun -n 4 build/mpi_infer         (--oversubscribe on fewer than four cores)
 * Every process runs the whole program, with the same seeds and so to the same bits: nothing
 * has to be sent for it to know the data, the network or the next proposals.  Only where the
 * library hands rows to the pool do they part: each computes its share of the blocks, and all
 * get all results.  So the posterior is the same with any number of processes, given that
 * their processors round alike.  Short calls, which cost less than to meet, all do alone.
 * Prints the sum of the posterior's bits, to compare, and how much sooner the two stages that
 * call the simulator are done by all than by one while the others wait: in turn, after all have
 * met.  (In the inference a clock would also count waiting for who is late from training.)
 *
 * make test runs: mpirun -n 4 ./build/mpi_infer quick */
#define RECOVER_ELSEWHERE
#include "recover.c"
#include <limits.h>
#include <mpi.h>

enum { ALONE = 256 };                           /* rows */

typedef struct processes {
    int rank, ranks;
    int *rows, *start;                          /* [ranks] share of each {doubles} */
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
    return first == LONG_MAX ? SNL_OK : (snl_status)(first % 16);
}

/* For a race: the process waits while others compute. */
static snl_status idle_map(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                           const double *in, size_t din, double *out, size_t dout)
{
    (void)self;  (void)fn;  (void)ctx;  (void)n;  (void)block;
    (void)in;    (void)din; (void)out;  (void)dout;
    return SNL_OK;
}

/* When all processes are here. */
static double seconds(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
    return MPI_Wtime();
}

int main(int argc, char **argv)
{
    recovery r;
    processes p = { 0, 1, NULL, NULL };
    snl_pool pool = { mpi_map, NULL, 1 }, idle = { idle_map, NULL, 1 };
    double best[STAGES][2];
    snl_fault why = { "memory", 0, 0, 0, 0 };
    snl_status st = SNL_ENOMEM;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &p.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &p.ranks);
    memset(&r, 0, sizeof r);
    p.rows = malloc(2*(size_t)p.ranks*sizeof *p.rows);
    p.start = p.rows + p.ranks;
    pool.self = &p;
    if (p.rows) st = infer(&r, &pool, argc > 1, &why);
    if (st == SNL_OK) st = weigh(&r);
    if (st == SNL_OK)
        st = race(&r, p.rank ? &idle : NULL, &pool, argc > 1 ? 3 : 30, seconds, best);
    if (p.rank == 0) {
        if (st == SNL_OK) st = tell(&r);
        if (st == SNL_OK) {
            tell_race("process", (size_t)p.ranks, best);
            printf("posterior %016llx\n", (unsigned long long)
                   (snl_fnv1a((unsigned char *)r.theta, r.n*SNL_NPAR*sizeof *r.theta)
                    ^ snl_fnv1a((unsigned char *)r.weight, r.n*sizeof *r.weight)));
        }
        else fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    }
    forget(&r);
    free(p.rows);
    MPI_Finalize();
    return st != SNL_OK;
}
