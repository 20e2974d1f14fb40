/* gemm.c - the matrix product of nn.c against OpenBLAS on one thread, for the shapes of
 * training: a layer forward, its inputs' gradient and its weights', 64 samples at once, of
 * the flow that "make bench" times.  Built and run by "make bench" where OpenBLAS is found:
 *     cc -O3 -march=native tests/gemm.c -lopenblas -lm && OPENBLAS_NUM_THREADS=1 ./a.out
 * Prints how many times as fast as OpenBLAS ours is. */
#include "../nn.c"
#include <stdio.h>
#include <time.h>

/* Of the Fortran interface, which needs no header: column-major C = alpha A B + beta C. */
extern void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
                   const float *alpha, const float *a, const int *lda, const float *b,
                   const int *ldb, const float *beta, float *c, const int *ldc);

typedef struct shape { const char *name;  int trans;  size_t n, k, w; } shape;

/* C (n, w) += A B or A^T B, row-major, ours or theirs. */
static void product(const shape *s, int theirs, const float *A, const float *B, float *C)
{
    if (theirs) {
        const int n = (int)s->n, k = (int)s->k, w = (int)s->w, lda = s->trans ? n : k;
        const float one = 1;
        sgemm_("N", s->trans ? "T" : "N", &w, &n, &k, &one, B, &w, A, &lda, &one, C, &w);
    } else
        nn_gemm(C, s->w, A, s->trans ? 1 : s->k, s->trans ? s->n : 1, B, s->w, s->n, s->k,
                s->w);
}

/* CPU time of one product {s}: the least of ten bunches. */
static double time_of(const shape *s, int theirs, const float *A, const float *B, float *C)
{
    const int calls = (int)(2e8/(double)(s->n*s->k*s->w));
    double best = HUGE_VAL;
    for (int bunch = 0; bunch < 10; bunch++) {
        const double start = (double)clock();
        for (int i = 0; i < calls; i++) product(s, theirs, A, B, C);
        best = fmin(best, ((double)clock() - start)/CLOCKS_PER_SEC/calls);
    }
    return best;
}

int main(void)
{
    static const shape shapes[] = {
        { "gemm_first_forward",   1,  50,  76,  64 }, { "gemm_hidden_forward", 1, 50, 51, 64 },
        { "gemm_last_forward",    1, 128,  62,  64 }, { "gemm_hidden_inputs",  0, 51, 50, 64 },
        { "gemm_last_inputs",     0,  62, 128,  64 }, { "gemm_hidden_weights", 0, 51, 64, 56 },
        { "gemm_last_weights",    0,  62,  64, 128 }, { "gemm_first_weights",  0, 76, 64, 56 } };
    static float A[16384], B[16384], C[2][16384];
    snl_rng r;
    snl_rng_seed(&r, 1, 0);
    for (int i = 0; i < 16384; i++) {
        A[i] = (float)snl_rng_normal(&r);
        B[i] = (float)snl_rng_normal(&r);
    }
    for (size_t i = 0; i < sizeof shapes/sizeof *shapes; i++) {
        double t[2], off = 0;
        for (int theirs = 0; theirs < 2; theirs++) {
            memset(C[theirs], 0, sizeof C[theirs]);
            product(shapes + i, theirs, A, B, C[theirs]);
        }
        for (int j = 0; j < 16384; j++) off = fmax(off, fabs(C[0][j] - C[1][j]));
        if (!(off < 1e-3)) { printf("# %s: off by %g\n", shapes[i].name, off);  return 1; }
        for (int theirs = 0; theirs < 2; theirs++)
            t[theirs] = time_of(shapes + i, theirs, A, B, C[0]);
        printf("%s\t%.3g\tof OpenBLAS (%.3g GFLOP/s)\n", shapes[i].name, t[1]/t[0],
               2e-9*(double)(shapes[i].n*shapes[i].k*shapes[i].w)/t[0]);
    }
    return 0;
}
