/* ==== lisa.c: fast Fourier transforms ==================================== */

/* Transforms of one length n, complex and real, any n from 1 to SNL_FFT_MAX.
 *
 *     X[k] = sum_j x[j] exp(-2 pi i j k / n)             forward
 *     x[j] = 1/n sum_k X[k] exp(+2 pi i j k / n)         inverse
 *
 * Lengths 2^a 3^b 5^c are fast; others (Bluestein) cost about five times as much.
 * A plan lives in the caller's memory, is not changed by use and may be shared by
 * threads that each bring their own work.  Error: below 5e-16 log2(n) rms. */
enum { SNL_FFT_MAX = 1 << 26, SNL_FFT_STAGES = 16 };

/* The fields of these structs are for the transforms only. */
typedef struct snl_fft_core {       /* length n, one radix after the other        */
    size_t n, stages, radix[SNL_FFT_STAGES];
    double *tw;
} snl_fft_core;

typedef struct snl_fft_roots {      /* exp(-2 pi i k/n) = hi[k >> shift] lo[rest]  */
    size_t shift;
    double *lo, *hi;
} snl_fft_roots;

typedef struct snl_fft_part {       /* complex transform of length n               */
    size_t n, m;                    /* m = a.n b.n: n, or the padded length        */
    snl_fft_core a, b;
    snl_fft_roots roots;
    double *lane;                   /* exp(-2 pi i k b/m), [a.n][lanes][2]         */
    double *chirp, *chirp_ft;       /* Bluestein, else NULL                        */
} snl_fft_part;

typedef struct snl_fft {
    size_t n;
    snl_fft_part full, half;        /* lengths n and, for even n, n/2              */
    snl_fft_roots split;            /* roots of n: real from half-length complex   */
} snl_fft;

/* Doubles that a plan of length n needs as mem, and that a transform needs as work;
 * 0 if n is 0 or above SNL_FFT_MAX. */
size_t snl_fft_size(size_t n);
size_t snl_fft_work(size_t n);

/* Make a plan; mem [snl_fft_size(n)] must outlive it.  SNL_EINVAL: n, or a NULL. */
SNL_MUST_USE snl_status snl_fft_init(snl_fft *plan, size_t n, double *mem);

/* Complex transforms, in [n][2] to out [n][2]; the two may be the same array.
 * work [snl_fft_work(n)], contents lost.  Nothing is allocated; reentrant. */
void snl_fft_forward(const snl_fft *plan, const double *in, double *out, double *work);
void snl_fft_inverse(const snl_fft *plan, const double *in, double *out, double *work);

/* Real series in [n] to the half of its spectrum that determines it, out [n/2 + 1][2],
 * and back; the imaginary parts of in[0] and, for even n, of in[n/2] are taken as 0.
 * in and out may start at the same address.  work as above. */
void snl_fft_real_forward(const snl_fft *plan, const double *in, double *out, double *work);
void snl_fft_real_inverse(const snl_fft *plan, const double *in, double *out, double *work);
