/* The transforms against the defining sum in long double, known transforms, and
 * identities.  Error model: rounding grows like sqrt(log n) at random, log n at worst;
 * 5e-16 log2(n) rms is promised, with a floor of 5e-16 for the shortest lengths. */
#include "../snl.h"
#include "greatest.h"
#include "near.h"

enum { TOP = 256 };
typedef struct bench { snl_fft plan; double *mem, *work; } bench;

static int open_fft(bench *b, size_t n)
{
    b->mem = malloc(snl_fft_size(n) * sizeof *b->mem);
    b->work = malloc(snl_fft_work(n) * sizeof *b->work);
    return b->mem && b->work && snl_fft_init(&b->plan, n, b->mem) == SNL_OK;
}
static void close_fft(bench *b) { free(b->mem);  free(b->work); }

static double allowed(size_t n) { return 5e-16 * fmax(1, log2((double)n)); }

static void fill(double *x, size_t n, uint64_t seed)
{
    snl_rng r;
    snl_rng_seed(&r, seed, n);
    for (size_t i = 0; i < n; i++) x[i] = snl_rng_normal(&r);
}

/* sqrt(sum |a - b|^2 / sum |b|^2) */
static double distance(const double *a, const double *b, size_t n)
{
    double up = 0, down = 0;
    for (size_t i = 0; i < n; i++) { up += (a[i] - b[i])*(a[i] - b[i]);  down += b[i]*b[i]; }
    return sqrt(up/down);
}

/* The definition; angles from a table whose entries are the library's long sine. */
static void slow_dft(size_t n, const double *in, double *out)
{
    static long double c[TOP], s[TOP];
    for (size_t k = 0; k < n; k++) {
        const long double x = 6.28318530717958647692528676655900577L * (long double)k / (long double)n;
        c[k] = cosl(x);
        s[k] = -sinl(x);
    }
    for (size_t k = 0; k < n; k++) {
        long double re = 0, im = 0;
        for (size_t j = 0, q = 0; j < n; j++, q = (q + k) % n) {
            re += in[2*j]*c[q] - in[2*j + 1]*s[q];
            im += in[2*j]*s[q] + in[2*j + 1]*c[q];
        }
        out[2*k] = (double)re;
        out[2*k + 1] = (double)im;
    }
}

TEST agrees_with_the_defining_sum(size_t n)
{
    static double x[2*TOP], want[2*TOP], got[2*TOP + 2], z[2*TOP];
    bench b;
    double forward, back, real, imag_ends, real_back;
    ASSERT(open_fft(&b, n));
    fill(x, 2*n, 7);
    slow_dft(n, x, want);
    snl_fft_forward(&b.plan, x, got, b.work);
    forward = distance(got, want, 2*n);
    snl_fft_inverse(&b.plan, got, got, b.work);                 /* in place */
    back = distance(got, x, 2*n);

    for (size_t j = 0; j < n; j++) { z[2*j] = x[j];  z[2*j + 1] = 0; }
    slow_dft(n, z, want);
    snl_fft_real_forward(&b.plan, x, got, b.work);
    real = distance(got, want, 2*(n/2 + 1));
    imag_ends = fabs(got[1]) + (n % 2 == 0 ? fabs(got[n + 1]) : 0);
    snl_fft_real_inverse(&b.plan, got, got, b.work);            /* in place */
    real_back = distance(got, x, n);
    close_fft(&b);

    if (!(fmax(fmax(forward, real), fmax(back, real_back)/2) <= allowed(n)))
        printf("\nlength %lu", (unsigned long)n);
    ASSERT_NEAR(0, forward, allowed(n));
    ASSERT_NEAR(0, back, 2*allowed(n));
    ASSERT_NEAR(0, real, allowed(n));
    ASSERT_NEAR(0, real_back, 2*allowed(n));
    ASSERT_EQ(0, imag_ends);
    PASS();
}

TEST agrees_with_the_defining_sum_at_every_length_to_256(void)
{
    for (size_t n = 1; n <= 256; n++) CHECK_CALL(agrees_with_the_defining_sum(n));
    PASS();
}

/* At random bins of long double sums: rms over bins, of X and of the same for real x.  Where a
 * long double is a double, sums of a million terms need to be taken in parts. */
TEST agrees_at_some_bins(size_t n, size_t bins)
{
    double *x = malloc(6*(n + 1)*sizeof *x), *X = x + 2*n, *R = X + 2*n;
    long double up[2] = { 0, 0 }, down[2] = { 0, 0 }, *c = malloc(2*n*sizeof *c), *s = c + n;
    bench b;
    snl_rng r;
    ASSERT(x && c && open_fft(&b, n));
    fill(x, 2*n, 13);
    snl_fft_forward(&b.plan, x, X, b.work);
    snl_fft_real_forward(&b.plan, x, R, b.work);
    close_fft(&b);
    for (size_t k = 0; k < n; k++) {
        const long double a = 6.28318530717958647692528676655900577L*(long double)k/(long double)n;
        c[k] = cosl(a);
        s[k] = -sinl(a);
    }
    snl_rng_seed(&r, n, 2);
    for (size_t i = 0; i < bins; i++) {
        const size_t k = (size_t)((double)n*snl_rng_uniform(&r)), m = k/2;
        long double re = 0, im = 0, rr = 0, ri = 0;
        for (size_t j = 0, q = 0, o = 0; j < n; ) {
            long double part[4] = { 0 };
            for (const size_t end = n - j < 256 ? n : j + 256; j < end; j++) {
                part[0] += x[2*j]*c[q] - x[2*j + 1]*s[q];
                part[1] += x[2*j]*s[q] + x[2*j + 1]*c[q];
                part[2] += x[j]*c[o];
                part[3] += x[j]*s[o];
                q += k < n - q ? k : k - n;
                o += m < n - o ? m : m - n;
            }
            re += part[0];  im += part[1];  rr += part[2];  ri += part[3];
        }
        up[0] += (re - X[2*k])*(re - X[2*k]) + (im - X[2*k + 1])*(im - X[2*k + 1]);
        down[0] += re*re + im*im;
        up[1] += (rr - R[2*m])*(rr - R[2*m]) + (ri - R[2*m + 1])*(ri - R[2*m + 1]);
        down[1] += rr*rr + ri*ri;
    }
    free(x);
    free(c);
    for (int i = 0; i < 2; i++) {
        const double error = (double)sqrtl(up[i]/down[i]);
        if (!(error <= allowed(n))) printf("\nlength %lu", (unsigned long)n);
        ASSERT_NEAR(0, error, allowed(n));
    }
    PASS();
}

/* All lengths to 4096 were tried once: the worst had 0.31 of what is allowed. */
TEST agrees_at_some_bins_of_lengths_to_4096_and_of_2_to_20(void)
{
    for (size_t n = 257; n <= 4096; n += n < 1024 ? 1 : 3) CHECK_CALL(agrees_at_some_bins(n, 4));
    CHECK_CALL(agrees_at_some_bins((size_t)1 << 20, 24));
    PASS();
}

/* A delta at j gives exp(-2 pi i j k/n), a damped exponential r^j a geometric sum. */
TEST knows_closed_forms(void)
{
    static const size_t length[] = { 1 << 16, 50000, 3*5*7*11*13, 65537 };
    for (size_t i = 0; i < 4; i++) {
        const size_t n = length[i], h = n/2 + 1, at = n/3;
        double *x = malloc(2*(n + 2)*sizeof *x), *want = x + n + 2, delta, geometric;
        const double r = exp(-20.0/(double)n), q = -expm1(-20.0/(double)n);     /* q = 1 - r */
        bench b;
        ASSERT(x && open_fft(&b, n));
        for (size_t j = 0; j < n; j++) x[j] = j == at;
        for (size_t k = 0; k < h; k++) {
            const double a = 2*SNL_PI*(double)(at*k % n)/(double)n;
            want[2*k] = cos(a);
            want[2*k + 1] = -sin(a);
        }
        snl_fft_real_forward(&b.plan, x, x, b.work);
        delta = distance(x, want, 2*h);
        x[0] = 1;
        for (size_t j = 1; j < n; j++) x[j] = exp(-20.0*(double)j/(double)n);
        for (size_t k = 0; k < h; k++) {             /* (1 - r^n) / (1 - r e^(-ia)) */
            const double a = 2*SNL_PI*(double)k/(double)n, s = sin(a/2);
            const double re = q + 2*r*s*s, im = r*sin(a), d = -expm1(-20)/(re*re + im*im);
            want[2*k] = d*re;
            want[2*k + 1] = -d*im;
        }
        snl_fft_real_forward(&b.plan, x, x, b.work);
        geometric = distance(x, want, 2*h);
        free(x);
        close_fft(&b);
        ASSERT_NEAR(0, delta, allowed(n));
        ASSERT_NEAR(0, geometric, allowed(n));
    }
    PASS();
}

TEST keeps_parseval_and_comes_back_at_2_to_18(void)
{
    const size_t n = (size_t)1 << 18;
    double *x = malloc(2*(n + 2)*sizeof *x), *y = x + n + 2, t = 0, f = 0, back;
    bench b;
    ASSERT(x && open_fft(&b, n));
    fill(x, n, 3);
    snl_fft_real_forward(&b.plan, x, y, b.work);
    for (size_t j = 0; j < n; j++) t += x[j]*x[j];
    for (size_t k = 0; k <= n/2; k++)
        f += (k == 0 || k == n/2 ? 1 : 2)*(y[2*k]*y[2*k] + y[2*k + 1]*y[2*k + 1])/(double)n;
    snl_fft_real_inverse(&b.plan, y, y, b.work);
    back = distance(y, x, n);
    free(x);
    close_fft(&b);
    ASSERT_REL(t, f, 1e-12);                         /* two plain sums of 2^18 terms */
    ASSERT_NEAR(0, back, allowed(n));
    PASS();
}

/* sum_j x[j] y[k - j] at a length that is not smooth, where padding could leak. */
TEST turns_circular_convolution_into_products(void)
{
    enum { N = 1009 };
    static double x[N], y[N], c[N + 1], X[N + 1], Y[N + 1];
    double error;
    bench b;
    ASSERT(open_fft(&b, N));
    fill(x, N, 11);
    fill(y, N, 12);
    snl_fft_real_forward(&b.plan, x, X, b.work);
    snl_fft_real_forward(&b.plan, y, Y, b.work);
    for (size_t k = 0; k <= N/2; k++) {
        c[2*k] = X[2*k]*Y[2*k] - X[2*k + 1]*Y[2*k + 1];
        c[2*k + 1] = X[2*k]*Y[2*k + 1] + X[2*k + 1]*Y[2*k];
    }
    snl_fft_real_inverse(&b.plan, c, c, b.work);
    for (size_t k = 0; k < N; k++) {
        long double s = 0;
        for (size_t j = 0; j < N; j++) s += (long double)x[j]*y[(k + N - j) % N];
        X[k] = (double)s;
    }
    error = distance(c, X, N);
    close_fft(&b);
    ASSERT_NEAR(0, error, 3*allowed(N));
    PASS();
}

TEST refuses_what_it_cannot_plan(void)
{
    snl_fft p;
    double d[64];
    ASSERT_EQ(0, snl_fft_size(0));
    ASSERT_EQ(0, snl_fft_work(0));
    ASSERT_EQ(0, snl_fft_size((size_t)SNL_FFT_MAX + 1));
    ASSERT_EQ(SNL_EINVAL, snl_fft_init(&p, 0, d));
    ASSERT_EQ(SNL_EINVAL, snl_fft_init(&p, 4, NULL));
    ASSERT_EQ(SNL_EINVAL, snl_fft_init(NULL, 4, d));
    ASSERT_EQ(SNL_EINVAL, snl_fft_init(&p, (size_t)SNL_FFT_MAX + 1, d));
    PASS();
}

/* Guard words after each array: sizes reported are sizes used, at every length. */
TEST stays_inside_its_memory(void)
{
    for (size_t n = 1; n <= 300; n++) {
        const size_t size = snl_fft_size(n), work = snl_fft_work(n);
        double *m = malloc((size + work + 3*n + 16)*sizeof *m), *w = m + size + 1;
        double *x = w + work + 1, *y = x + 2*n + 1;
        snl_fft p;
        int clean;
        ASSERT(m);
        m[size] = w[work] = x[2*n] = 1234;
        y[2*(n/2 + 1)] = 1234;
        ASSERT_EQ(SNL_OK, snl_fft_init(&p, n, m));
        fill(x, 2*n, 5);
        snl_fft_forward(&p, x, x, w);
        snl_fft_inverse(&p, x, x, w);
        snl_fft_real_forward(&p, x, y, w);
        snl_fft_real_inverse(&p, y, x, w);
        clean = m[size] == 1234 && w[work] == 1234 && x[2*n] == 1234 && y[2*(n/2 + 1)] == 1234;
        free(m);
        ASSERT(clean);
    }
    PASS();
}

SUITE(fft)
{
    RUN_TEST(agrees_with_the_defining_sum_at_every_length_to_256);
    RUN_TEST(agrees_at_some_bins_of_lengths_to_4096_and_of_2_to_20);
    RUN_TEST(knows_closed_forms);
    RUN_TEST(keeps_parseval_and_comes_back_at_2_to_18);
    RUN_TEST(turns_circular_convolution_into_products);
    RUN_TEST(refuses_what_it_cannot_plan);
    RUN_TEST(stays_inside_its_memory);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(fft);
    GREATEST_MAIN_END();
}
