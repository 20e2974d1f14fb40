/* Tests of nn.c: kernels against naive twins, densities against quadrature and closed forms,
 * training against distributions of known entropy, saved bytes against damage.  The
 * derivatives are in test_nn_gradients.c. */
#include "nn_inside.h"
#include "greatest.h"
#include "near.h"

/* ---- kernels ------------------------------------------------------------ */

static void naive_gemm(double *C, const double *A, size_t rs, size_t cs, const double *B,
                       size_t n, size_t k, size_t w)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < w; j++)
            for (size_t p = 0; p < k; p++) C[i*w + j] += A[i*rs + p*cs]*B[p*w + j];
}

static float *floats(size_t n, const double *v)
{
    float *p = malloc((n ? n : 1)*sizeof *p);
    if (!p) exit(1);
    for (size_t i = 0; i < n; i++) p[i] = (float)v[i];
    return p;
}

TEST products_agree_with_the_triple_loop_whatever_the_shape(void)
{
    for (size_t n = 1; n <= 9; n++)
        for (size_t k = 0; k <= 9; k++)
            for (size_t w = 1; w <= 600; w = w < 19 ? w + 3 : w*3) {
                double *A = normals(n*k, 1), *B = normals(k*w, 2), *D = normals(n*w, 3);
                float *a = floats(n*k, A), *b = floats(k*w, B);
                for (int trans = 0; trans < 2; trans++) {
                    const size_t rs = trans ? 1 : k, cs = trans ? n : 1;
                    float *c = floats(n*w, D);
                    double *C = doubles(n*w);
                    memcpy(C, D, n*w*sizeof *C);
                    naive_gemm(D, A, rs, cs, B, n, k, w);
                    nn_gemm(c, w, a, rs, cs, b, w, n, k, w);
                    for (size_t i = 0; i < n; i++)
                        nn_mix(C + i*w, 1, A + i*rs, cs, B, w, k, w);
                    /* ten terms of size 1 to 10, each rounded to 6e-8 of it */
                    for (size_t i = 0; i < n*w; i++) {
                        ASSERT_NEAR(D[i], c[i], 1e-5);
                        ASSERT_NEAR(D[i], C[i], 1e-14);
                        D[i] = C[i];
                    }
                    free(c);  free(C);
                }
                free(A);  free(B);  free(D);  free(a);  free(b);
            }
    PASS();
}

TEST elementary_functions_agree_with_libm_and_pass_nan(void)
{
    for (double x = -87; x < 87; x += 0.00137)
        ASSERT_REL(exp((double)(float)x), nn_exp((float)x), 2.5e-7);
    for (double x = -10; x < 10; x += 1.37e-4) {
        ASSERT_REL(exp((double)(float)x), nn_exp((float)x), 2.5e-7);
        ASSERT_NEAR(tanh((double)(float)x), nn_tanh((float)x), 2.5e-7);
    }
    ASSERT_NEAR(1, nn_tanh(1e30f), 0);
    ASSERT_NEAR(-1, nn_tanh(-1e30f), 0);
    ASSERT(nn_exp(-1e9f) < 1e-37f && nn_exp(1e9f) > 1e37f);
    ASSERT(nn_exp(NAN) != nn_exp(NAN));
    for (double x = 1e-30; x < 1e30; x *= 1.3)
        ASSERT_REL(sqrt(x), nn_sqrt((float)x), 1e-6);
    ASSERT(nn_sqrt(0) < 1e-18f);
    PASS();
}

TEST cholesky_solves_and_refuses_an_indefinite_matrix(void)
{
    for (size_t n = 1; n <= 100; n += 11) {
        double *X = normals(n*(n + 2), 4), *A = doubles(n*n), *U = doubles(n*n);
        double *b = normals(n*3, 6), *y = doubles(n*3);
        memset(A, 0, n*n*sizeof *A);
        naive_gemm(A, X, 1, n, X, n, n + 2, n);
        for (size_t i = 0; i < n; i++) A[i*n + i] += 1;
        memcpy(U, A, n*n*sizeof *A);
        memset(y, 0, n*3*sizeof *y);
        naive_gemm(y, A, n, 1, b, n, n, 3);
        ASSERT_EQ(0, nn_cholesky(U, n, 0));
        nn_cholesky_solve(U, n, y, 3);
        for (size_t i = 0; i < 3*n; i++) ASSERT_NEAR(b[i], y[i], 1e-11);
        A[n*n - 1] -= 1e4;
        ASSERT_EQ(1, nn_cholesky(A, n, 0));
        free(X);  free(A);  free(U);  free(b);  free(y);
    }
    PASS();
}

TEST whitener_whitens_and_drops_a_copied_component(void)
{
    enum { N = 40, W = 5 };
    double *v = normals(N*W, 7), cov[W*W] = { 0 }, keep[W*W], B[W*W], out[W*W] = { 0 };
    for (size_t i = 0; i < N; i++) v[i*W + 3] = 2*v[i*W] - v[i*W + 1];
    naive_gemm(cov, v, 1, W, v, W, N, W);
    memcpy(keep, cov, sizeof cov);
    ASSERT_EQ(1, nn_whitener(cov, W, 1e-10, B));
    for (size_t i = 0; i < W; i++)
        for (size_t j = 0; j < W; j++)
            for (size_t a = 0; a < W; a++)
                for (size_t b = 0; b < W; b++) out[i*W + j] += B[a*W + i]*keep[a*W + b]*B[b*W + j];
    for (size_t i = 0; i < W; i++)
        for (size_t j = 0; j < W; j++)
            ASSERT_NEAR(i == j && i != 3, out[i*W + j], 1e-12);
    free(v);
    PASS();
}

TEST monomials_are_all_products_once(void)
{
    enum { M = 3, F = 35 };     /* binomial(3 + 4, 4) */
    const double c[M] = { 2, 3, 5 };
    double phi[F];
    nn_poly_forward(1, M, 4, c, phi);
    /* 35 different numbers 2^a 3^b 5^c, a + b + c <= 4: there are no more than 35 of these */
    for (size_t i = 0; i < F; i++) {
        double v = phi[i];
        int e = 0;
        for (size_t j = 0; j < i; j++) ASSERT(phi[i] != phi[j]);
        for (size_t j = 0; j < M; j++)
            while (fmod(v, c[j]) == 0) { v /= c[j];  e++; }
        ASSERT_NEAR(1, v, 0);
        ASSERT(e <= 4);
    }
    PASS();
}

/* ---- densities ---------------------------------------------------------- */

/* Random weights, trapezoid rule on a wide grid: exact to far below 1e-3 where the density
 * is smooth; the kinks of a spline cost some h^2 = 1e-3 of its share, of either sign. */
TEST density_of_a_random_flow_integrates_to_one(void)
{
    for (size_t way = 0; way < 4; way++) {
        const size_t d = 1 + way % 2, bins = way < 2 ? 0 : 8;
        snl_flow *f = random_flow(d, 2, 2, 2, 3, 10, bins, 0.15);
        enum { G = 801 };
        const size_t ny = d == 2 ? G : 1;
        const double c0[2] = { 0.4, -0.8 }, h = 32.0/(G - 1);
        double *work = doubles(snl_flow_work(f)), *x = doubles(G*2), *c = doubles(G*2);
        double *out = doubles(G), sum = 0;
        for (size_t i = 0; i < G; i++) { c[2*i] = c0[0];  c[2*i + 1] = c0[1]; }
        for (size_t j = 0; j < ny; j++) {
            for (size_t i = 0; i < G; i++) {
                x[d*i] = -16 + h*(double)i;
                if (d == 2) x[2*i + 1] = -16 + h*(double)j;
            }
            snl_flow_logp(f, G, x, G, c, out, work);
            for (size_t i = 0; i < G; i++) sum += exp(out[i])*(d == 2 ? h*h : h);
        }
        ASSERT_NEAR(1, sum, 1e-3);
        free(work);  free(x);  free(c);  free(out);
        snl_flow_free(f);
    }
    PASS();
}

/* One transform whose spline is known: z of slopes 1 at the ends of [-4, 4] and the identity
 * beyond, monotonous, with du/dz the density's ratio to the normal at u. */
TEST splines_are_monotonous_and_the_identity_outside(void)
{
    for (size_t bins = 1; bins <= 9; bins += 4) {
        enum { N = 64 };
        nn_real e[(3*9 - 1)*N], v[N], u[N], back[N];
        double ld[N] = { 0 };
        snl_rng r;
        snl_rng_seed(&r, bins, 0);
        for (size_t q = 0; q < 3*bins - 1; q++) {
            const nn_real s = nn_exp((nn_real)snl_rng_normal(&r));
            for (size_t i = 0; i < N; i++) e[q*N + i] = s;
        }
        for (size_t i = 0; i < N; i++) v[i] = -5 + (nn_real)(10*i)/(N - 1);
        nn_spline_forward(bins, N, e, v, u, ld);
        memcpy(back, u, sizeof u);
        nn_spline_inverse(bins, N, e, back);
        for (size_t i = 0; i < N; i++) {
            if (fabs(v[i]) >= 4) { ASSERT(u[i] == v[i]);  ASSERT(ld[i] == 0); }
            else ASSERT(bins == 1 || u[i] != v[i]);
            if (i) ASSERT(u[i] > u[i-1]);
            ASSERT_NEAR(v[i], back[i], 1e-5);
        }
        for (double end = -4; end <= 4; end += 8) {     /* slope 1: just inside, log 1 */
            for (size_t i = 0; i < N; i++) v[i] = (nn_real)(end*(1 - 1e-6));
            memset(ld, 0, sizeof ld);
            nn_spline_forward(bins, N, e, v, u, ld);
            ASSERT_NEAR(0, ld[0], 2e-3);
            ASSERT_NEAR(end, u[0], 2e-5);
        }
    }
    PASS();
}

/* What snl_flow_sample draws comes back as the normals it was made of: floats of size 1 to
 * 10 through four transforms. */
TEST sampling_inverts_the_density(void)
{
    ASSERT_NEAR(0, sampling_error(130, 0, 0.05), 1e-5);
    ASSERT_NEAR(0, sampling_error(130, 8, 0.05), 1e-5);
    PASS();
}

TEST untrained_flow_is_the_standard_normal(void)
{
    snl_flow_shape s = snl_flow_shape_defaults(3, 2);
    const double x[3] = { 0.5, -1, 2 }, c[2] = { 3, 4 };
    snl_flow *f;
    double out, *work;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    work = doubles(snl_flow_work(f));
    snl_flow_logp(f, 1, x, 1, c, &out, work);
    ASSERT_NEAR(-0.5*(0.25 + 1 + 4) - 1.5*log(2*SNL_PI), out, 1e-14);
    free(work);
    snl_flow_free(f);
    PASS();
}

TEST rows_have_the_same_bits_in_any_company(void)
{
    enum { N = 301, D = 7, M = 3 };
    for (size_t bins = 0; bins <= 5; bins += 5) {
        snl_flow *f = random_flow(D, M, 3, 2, 3, 21, bins, 0.2);
        double *c = normals(N*M, 1), *x = normals(N*D, 2), *a = doubles(N), *b = doubles(N);
        double *work = doubles(snl_flow_work(f)), *mean = doubles(N*D), one[D];
        snl_flow_logp(f, N, x, N, c, a, work);
        snl_flow_mean(f, N, c, mean, work);
        for (size_t i = 0, n; i < N; i += n) {
            n = 1 + i % 13 < N - i ? 1 + i % 13 : N - i;
            snl_flow_logp(f, n, x + i*D, n, c + i*M, b + i, work);
            snl_flow_mean(f, 1, c + i*M, one, work);
            ASSERT_EQ(0, memcmp(one, mean + i*D, sizeof one));
        }
        ASSERT_EQ(0, memcmp(a, b, N*sizeof *a));
        for (size_t i = 0; i < N; i++) snl_flow_logp(f, 1, x + i*D, 1, c + i*M, b + i, work);
        ASSERT_EQ(0, memcmp(a, b, N*sizeof *a));
        /* one x at many contexts is the same as that x repeated */
        memcpy(one, x, sizeof one);
        snl_flow_logp(f, N, x, 1, c, b, work);
        for (size_t i = 0; i < N; i++) memcpy(x + i*D, one, sizeof one);
        snl_flow_logp(f, N, x, N, c, a, work);
        ASSERT_EQ(0, memcmp(a, b, N*sizeof *a));
        c[M*5] = NAN;
        x[D*6 + 2] = NAN;
        snl_flow_logp(f, N, x, N, c, b, work);
        for (size_t i = 0; i < N; i++) ASSERT_EQ(i == 5 || i == 6, b[i] != b[i]);
        free(c);  free(x);  free(a);  free(b);  free(work);  free(mean);
        snl_flow_free(f);
    }
    PASS();
}

static int same(double a, double b) { return a == b || (a != a && b != b); }

/* One number of row 4 is odd: alone or among nine, for every degree, without networks, with
 * an MLP and transforms, and with transforms alone. */
TEST numbers_that_are_not_finite_give_the_same_alone_and_in_company(void)
{
    enum { N = 9, D = 6, M = 3 };
    const double odd[] = { NAN, INFINITY, -INFINITY, 1e300, -1e60 };
    for (size_t way = 0; way < 18; way++) {
        snl_flow *f = random_flow(D, M, way % 3, way/3 % 3 == 1, way/3 % 3 ? 2 : 0, 9,
                                  way/9 ? 4 : 0, 0.3);
        double *c = normals(N*M, 1), *x = normals(N*D, 2), out[N], one, mean[N*D], mu[D];
        double *work = doubles(snl_flow_work(f));
        for (size_t e = 0; e < 5*(D + M); e++) {
            const size_t j = e/5;
            const double v = odd[e % 5], keep = j < D ? x[4*D + j] : c[4*M + j - D];
            *(j < D ? x + 4*D + j : c + 4*M + j - D) = v;
            snl_flow_logp(f, N, x, N, c, out, work);
            snl_flow_logp(f, 1, x + 4*D, 1, c + 4*M, &one, work);
            snl_flow_mean(f, N, c, mean, work);
            snl_flow_mean(f, 1, c + 4*M, mu, work);
            for (size_t i = 0; i < D; i++) ASSERT(same(mu[i], mean[4*D + i]));
            for (size_t i = 0; i < N; i++) if (i != 4) ASSERT(fabs(out[i]) < INFINITY);
            ASSERT(same(one, out[4]));
            if (j < D && fabs(v) == INFINITY) ASSERT(one == -INFINITY);
            else if (!(fabs(v) < INFINITY)) ASSERT(one != one);
            *(j < D ? x + 4*D + j : c + 4*M + j - D) = keep;
        }
        free(c);  free(x);  free(work);
        snl_flow_free(f);
    }
    PASS();
}

/* ---- training ----------------------------------------------------------- */

/* x = A c + B c^2 + L e: the best mean log p is -(d/2) log(2 pi e) - log|L|. */
enum { GD = 3, GM = 2 };
static const double gauss_L[GD][GD] = { { 0.5, 0, 0 }, { 0.3, 0.2, 0 }, { -0.2, 0.1, 0.7 } };

static void gauss_row(const double *c, double *x)
{
    x[0] = c[0] + 2*c[1] + 0.5*c[0]*c[0];
    x[1] = -c[0] + 0.3*c[0]*c[1];
    x[2] = 5 + c[1] - c[1]*c[1];
}

static void gauss_noise(snl_rng *r, double *x)
{
    double e[GD];
    for (size_t j = 0; j < GD; j++) e[j] = snl_rng_normal(r);
    for (size_t j = 0; j < GD; j++)
        for (size_t k = 0; k <= j; k++) x[j] += gauss_L[j][k]*e[k];
}

static double gauss_best(void)
{
    double v = -0.5*GD*(log(2*SNL_PI) + 1);
    for (size_t j = 0; j < GD; j++) v -= log(gauss_L[j][j]);
    return v;
}

static void gauss_data(size_t n, uint64_t seed, int noise, double *c, double *x)
{
    snl_rng r;
    snl_rng_seed(&r, seed, 0);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < GM; j++) c[i*GM + j] = snl_rng_normal(&r);
        gauss_row(c + i*GM, x + i*GD);
        if (noise) gauss_noise(&r, x + i*GD);
    }
}

static double held_out(const snl_flow *f, size_t n, const double *c, const double *x)
{
    double *out = doubles(n), *work = doubles(snl_flow_work(f)), sum = 0;
    snl_flow_logp(f, n, x, n, c, out, work);
    for (size_t i = 0; i < n; i++) sum += out[i];
    free(out);  free(work);
    return sum/(double)n;
}

/* 4000 rows and some 24 numbers to learn: -24/2/4000 = -0.003 of log density is lost; the
 * mean of 4000 held-out log densities scatters by sqrt(d/2/4000) = 0.02. */
TEST known_conditional_gaussian_is_learned(void)
{
    enum { N = 4000 };
    snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_report rep;
    double *c = doubles(N*GM), *x = doubles(N*GD), *c2 = doubles(N*GM), *x2 = doubles(N*GD);
    for (int way = 0; way < 2; way++) {
        snl_flow *f;
        gauss_data(N, 1, 1, c, x);
        gauss_data(N, 2, 1, c2, x2);
        data.c = c;  data.x = x;
        s.transforms = way ? 3 : 0;     /* 0: polynomial and whitening; 1: all by the flow */
        s.degree = way ? 0 : 2;
        s.mean_layers = 0;
        s.width = 24;
        cfg.flow.epochs = 40;
        ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
        ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
        ASSERT_NEAR(gauss_best(), held_out(f, N, c2, x2), way ? 0.12 : 0.07);
        ASSERT(rep.logp_val > rep.logp_linear + 0.3);
        ASSERT_NEAR(rep.logp_train, rep.logp_val, 0.2);
        snl_flow_free(f);
    }
    free(c);  free(x);  free(c2);  free(x2);
    PASS();
}

/* x = (c, -c) + noise of scales 0.5 and 2, with the scales given, and found one by one. */
TEST scales_are_the_given_ones_or_those_of_the_residuals(void)
{
    enum { N = 4000 };
    const double scale[2] = { 0.5, 2 };
    double at[2];
    snl_flow_shape s = snl_flow_shape_defaults(2, 1);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_report rep;
    double *c = normals(N, 1), *x = normals(2*N, 2), mu[2], out, want, *work;
    snl_flow *f;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 2; j++) x[2*i + j] = (j ? -1 : 1)*c[i] + scale[j]*x[2*i + j];
    data.c = c;  data.x = x;
    s.transforms = 0;
    s.mean_layers = 0;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    work = doubles(snl_flow_work(f));
    for (int given = 0; given < 2; given++) {
        if (given) data.s = scale;
        ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
        /* the baseline is the truth here: the mean of 400 log p scatters by 1/sqrt(400) */
        ASSERT_NEAR(-log(2*SNL_PI) - 1, rep.logp_linear, 0.2);
        snl_flow_mean(f, 1, c, mu, work);
        for (size_t j = 0; j < 2; j++) at[j] = mu[j] + 0.5*scale[j];
        snl_flow_logp(f, 1, at, 1, c, &out, work);
        want = -log(2*SNL_PI);
        for (size_t j = 0; j < 2; j++) {
            const double e = (at[j] - mu[j])/scale[j];
            want -= 0.5*e*e + log(scale[j]);
            ASSERT_NEAR((j ? -1 : 1)*c[0], mu[j], 5*scale[j]*sqrt(3.0/N));
        }
        ASSERT_NEAR(want, out, given ? 1e-12 : 0.08);
        /* found: each scale is good to 1/sqrt(2 N) = 1.1%, and log p moves by 0.75 of that:
         * 1.2% for both; 0.08 is above six times it, and below log 2 for a wrong scale */
    }
    free(c);  free(x);  free(work);
    snl_flow_free(f);
    PASS();
}

/* Banana: x0 = (1 + c) e0, x1 = x0^2/2 + 0.3 e1. */
TEST banana_is_learned_to_its_entropy(void)
{
    enum { N = 6000 };
    snl_flow_shape s = snl_flow_shape_defaults(2, 1);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_report rep;
    double *c = doubles(2*N), *x = doubles(4*N), best = 0;
    snl_flow *f;
    snl_rng r;
    snl_rng_seed(&r, 3, 0);
    for (size_t i = 0; i < 2*N; i++) {
        const double e0 = snl_rng_normal(&r), e1 = snl_rng_normal(&r);
        c[i] = snl_rng_uniform(&r);
        x[2*i] = (1 + c[i])*e0;
        x[2*i + 1] = 0.5*x[2*i]*x[2*i] + 0.3*e1;
        if (i >= N) best -= (0.5*(e0*e0 + e1*e1) + log(2*SNL_PI*0.3*(1 + c[i])))/N;
    }
    data.c = c;  data.x = x;
    cfg.flow.epochs = 60;
    s.mean_layers = 0;
    s.degree = 1;
    s.width = 32;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
    /* the same held-out rows on both sides: what is left is the error of the model */
    ASSERT_NEAR(best, held_out(f, N, c + N, x + 2*N), 0.06);
    ASSERT(rep.logp_val > rep.logp_linear + 0.8);
    snl_flow_free(f);
    free(c);  free(x);
    PASS();
}

typedef struct redraw_case { const double *x;  size_t calls, wrong;  int fault; } redraw_case;

static snl_status redraw_noise(void *self, snl_rng *rng, int stage, size_t epoch, size_t n,
                               const size_t *rows, double *x)
{
    redraw_case *t = self;
    (void)epoch;
    t->calls++;
    for (size_t i = 0; i < n; i++) {
        t->wrong += memcmp(x + i*GD, t->x + rows[i]*GD, GD*sizeof *x) != 0;
        if (stage == 2) gauss_noise(rng, x + i*GD);
        if (t->fault && stage == 2 && epoch > 2) x[i*GD] = INFINITY;
    }
    return t->fault == 2 ? SNL_EINVAL : SNL_OK;
}

TEST fresh_noise_makes_a_few_noiseless_rows_enough(void)
{
    enum { N = 600 };
    snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_hooks hooks = { NULL, redraw_noise, NULL };
    snl_train_report rep;
    redraw_case t = { NULL, 0, 0, 0 };
    double *c = doubles(N*GM), *x = doubles(N*GD), *c2 = doubles(4000*GM);
    double *x2 = doubles(4000*GD);
    snl_flow *f;
    gauss_data(N, 1, 0, c, x);
    gauss_data(4000, 2, 1, c2, x2);
    data.c = c;  data.x = t.x = x;
    hooks.self = &t;
    s.mean_layers = 1;
    s.transforms = 2;
    cfg.mean.epochs = 5;
    cfg.flow.epochs = 15;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, &hooks, &rep, NULL));
    ASSERT(t.calls > 0);
    ASSERT_EQ(0, t.wrong);
    ASSERT(rep.poly_val < 1e-20);       /* stage 1 saw no noise: the mean is exact */
    ASSERT_NEAR(gauss_best(), held_out(f, 4000, c2, x2), 0.08);

    t.fault = 1;                        /* an infinity in stage 2: named, weights kept */
    ASSERT_EQ(SNL_EFAILED, snl_flow_train(f, &cfg, &data, &hooks, &rep, NULL));
    ASSERT_EQ(2, rep.failed_stage);
    ASSERT_EQ(3, rep.failed_epoch);
    ASSERT_EQ(0, rep.failed_batch);
    ASSERT_NEAR(gauss_best(), held_out(f, 4000, c2, x2), 0.2);
    t.fault = 2;                        /* an error of the hook is handed on */
    ASSERT_EQ(SNL_EINVAL, snl_flow_train(f, &cfg, &data, &hooks, &rep, NULL));
    snl_flow_free(f);
    free(c);  free(x);  free(c2);  free(x2);
    PASS();
}

/* Rows for the hook to draw anew, mean and all: x itself then says nothing. */
static snl_status redraw_all(void *self, snl_rng *rng, int stage, size_t epoch, size_t n,
                             const size_t *rows, double *x)
{
    const double *c = self;
    (void)stage;  (void)epoch;
    for (size_t i = 0; i < n; i++) {
        gauss_row(c + rows[i]*GM, x + i*GD);
        gauss_noise(rng, x + i*GD);
    }
    return SNL_OK;
}

/* The truth is a polynomial of degree 2 and noise, which is the share below of the variance,
 * by the mean over components; 400 rows of validation show it to sqrt(2/3/400) = 4%. */
TEST x_that_is_all_drawn_anew_may_come_empty(void)
{
    enum { N = 4000 };
    snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_hooks hooks = { NULL, redraw_all, NULL };
    snl_train_report rep;
    /* variances of gauss_row with normal contexts: 1 + 4 + 0.5, 1 + 0.09, 1 + 2 */
    const double signal[GD] = { 5.5, 1.09, 3 };
    double *c = doubles(N*GM), *x = doubles(N*GD), share = 0;
    snl_flow *f;
    for (size_t j = 0; j < GD; j++) {
        double noise = 0;
        for (size_t k = 0; k <= j; k++) noise += gauss_L[j][k]*gauss_L[j][k];
        share += noise/(noise + signal[j])/GD;
    }
    gauss_data(N, 1, 1, c, x);
    for (size_t i = 0; i < N*GD; i++) x[i] = 0;
    data.c = hooks.self = c;  data.x = x;
    s.mean_layers = s.transforms = 0;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, &hooks, &rep, NULL));
    ASSERT_EQ(2, rep.degree);
    ASSERT_NEAR(share, rep.poly_val, 0.2*share);
    gauss_data(N, 2, 1, c, x);
    ASSERT_NEAR(gauss_best(), held_out(f, N, c, x), 0.07);
    snl_flow_free(f);
    free(c);  free(x);
    PASS();
}

static double smooth_fn(const double *c, size_t j)
{
    const double a = c[j % 4], b = c[(j + 1) % 4];
    return a + 0.4*a*b + 0.3*sin(1.5*a + b) + 0.2*(double)j*b;
}

TEST polynomial_is_found_exactly_and_the_network_learns_the_rest(void)
{
    enum { N = 1500, D = 5, M = 4 };
    double *c = normals(2*N*M, 1), *x = doubles(2*N*D), *mean = doubles(N*D), *work;
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_report rep;
    for (int way = 0; way < 2; way++) {
        snl_flow_shape s = snl_flow_shape_defaults(D, M);
        double left = 0, all = 0;
        snl_flow *f;
        for (size_t i = 0; i < 2*N; i++)
            for (size_t j = 0; j < D; j++) {
                const double *a = c + i*M;
                x[i*D + j] = way ? smooth_fn(a, j)
                                 : 1e3 + a[0] - a[j % M]*a[1]*a[2] + 0.5*a[j % M]*a[j % M];
            }
        s.degree = way ? 2 : 4;
        s.transforms = 0;
        s.mean_layers = way ? 2 : 0;
        cfg.mean.epochs = 150;
        data.c = c;  data.x = x;
        ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
        ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
        work = doubles(snl_flow_work(f));
        snl_flow_mean(f, N, c + N*M, mean, work);
        for (size_t i = 0; i < N*D; i++) {
            const double e = x[N*D + i] - mean[i], a = x[N*D + i] - (way ? 0 : 1e3);
            left += e*e;
            all += a*a;
        }
        if (way) {
            ASSERT(rep.poly_val > 1e-3);
            ASSERT(rep.mean_val < 0.2*rep.poly_val);
            ASSERT(left/all < 0.2*rep.poly_val);
        } else {
            ASSERT(left/all < 1e-18);           /* a cubic: exact up to rounding */
            ASSERT(rep.poly_val < 1e-18);
            ASSERT(rep.degree >= 3);
        }
        free(work);
        snl_flow_free(f);
    }
    free(c);  free(x);  free(mean);
    PASS();
}

typedef struct watch { size_t epoch, last;  double val[12]; } watch;

static int watch_progress(void *self, const snl_train_progress *p)
{
    watch *t = self;
    t->epoch = p->epoch;
    t->val[p->epoch - 1] = p->val;
    return p->epoch == t->last;
}

TEST training_continues_stops_and_keeps_the_best(void)
{
    enum { N = 800, E = 12 };
    snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_hooks hooks = { NULL, NULL, NULL };
    snl_train_report rep, again;
    double *c = doubles(N*GM), *x = doubles(N*GD), lowest = INFINITY;
    watch seen = { 0, 0, { 0 } };
    snl_flow *f, *g;
    gauss_data(N, 1, 1, c, x);
    data.c = c;  data.x = x;
    s.degree = 0;
    s.mean_layers = 0;
    s.transforms = 2;
    cfg.mean.epochs = 0;
    cfg.flow.epochs = E;
    cfg.flow.lr = cfg.flow.lr_end = 0.03;               /* so large that it does not settle */
    hooks.progress = watch_progress;
    hooks.self = &seen;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_create(&g, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, &hooks, &rep, NULL));
    ASSERT_EQ(E, rep.epochs[1]);
    ASSERT(rep.best[1] < E);
    for (size_t i = 0; i < E; i++) lowest = fmin(lowest, seen.val[i]);
    ASSERT_NEAR(-lowest, rep.logp_val, 1e-12);          /* the best weights are in place */
    ASSERT_NEAR(lowest, seen.val[rep.best[1] - 1], 0);

    ASSERT_EQ(SNL_OK, snl_flow_train(g, &cfg, &data, NULL, &again, NULL));  /* same seed */
    ASSERT_EQ(0, memcmp(f->theta, g->theta, f->np*sizeof *f->theta));

    seen.last = 3;
    cfg.fresh = 0;
    ASSERT_EQ(SNL_ESTOPPED, snl_flow_train(f, &cfg, &data, &hooks, &again, NULL));
    ASSERT_EQ(3, seen.epoch);
    ASSERT_EQ(3, again.epochs[1]);
    ASSERT(again.logp_val >= rep.logp_val - 1e-12);     /* continued from there */
    snl_flow_free(f);
    snl_flow_free(g);
    free(c);  free(x);
    PASS();
}

typedef struct stage_end {
    int stage;                          /* redraws fail there; 0: never            */
    size_t epoch;
    int for_good, failed;               /* from there on, not at that epoch alone  */
    double bad;                         /* is drawn; 0: an error is returned       */
    int stop;                           /* stage that progress ends                */
} stage_end;

static snl_status redraw_end(void *self, snl_rng *rng, int stage, size_t epoch, size_t n,
                             const size_t *rows, double *x)
{
    stage_end *t = self;
    (void)rng;  (void)n;  (void)rows;
    if (!t->failed && (stage != t->stage || epoch != t->epoch)) return SNL_OK;
    t->failed = t->for_good;
    if (t->bad == 0) return SNL_EINVAL;
    x[0] = t->bad;
    return SNL_OK;
}

static int progress_end(void *self, const snl_train_progress *p)
{ return p->stage == ((const stage_end *)self)->stop; }

/* A flow of data ten times as large is trained again, and that ends early.  What is left must
 * be the flow as it was, in every bit, or a fit of the new data by a polynomial, which is
 * their truth, and their scales: the old ones would cost some d log 10 = 7 nats.  Two cases
 * overflow: the sums of squares of all, and with a given s only those of the residuals. */
TEST training_that_ends_early_leaves_old_or_new_but_no_mixture(void)
{
    enum { N = 2000 };
    const double wide[GD] = { 1e100, 1e100, 1e100 };
    const struct {
        double scale, one;              /* of x; x[0] of a training row, 0: as it is */
        size_t nets;
        stage_end end;
        snl_status want;
        int old;
    } cases[] = {
        { 1e200, 0, 1, { 0, 0, 0, 0, 0, 0 }, SNL_EFAILED, 1 },
        { 1, 5e154, 0, { 0, 0, 0, 0, 0, 0 }, SNL_EFAILED, 1 },
        { 1, 0, 1, { 1, 2, 1, 0, 0, 0 }, SNL_EINVAL, 1 },
        { 1, 0, 1, { 1, 2, 0, 0, 0, 0 }, SNL_EINVAL, 0 },
        { 1, 0, 1, { 1, 2, 0, 0, INFINITY, 0 }, SNL_EFAILED, 0 },
        { 1, 0, 1, { 2, 0, 1, 0, 0, 0 }, SNL_EINVAL, 1 },
        { 1, 0, 1, { 2, 0, 1, 0, INFINITY, 0 }, SNL_EFAILED, 1 },
        { 1, 0, 1, { 2, 2, 0, 0, 0, 0 }, SNL_EINVAL, 0 },
        { 1, 0, 1, { 0, 0, 0, 0, 0, 1 }, SNL_ESTOPPED, 0 },
        { 1, 0, 1, { 0, 0, 0, 0, 0, 2 }, SNL_ESTOPPED, 0 } };
    double *c = doubles(N*GM), *x = doubles(N*GD), *c2 = doubles(N*GM), *x2 = doubles(N*GD);
    gauss_data(N, 1, 1, c, x);
    gauss_data(N, 2, 1, c2, x2);
    for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
        snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
        snl_train_cfg cfg = snl_train_defaults();
        snl_train_data data = { N, NULL, NULL, NULL };
        stage_end end = cases[k].end;
        const snl_train_hooks hooks = { &end, redraw_end, progress_end };
        unsigned char was[9000], now[9000];
        double *y = doubles(N*GD);
        size_t len;
        snl_flow *f, *g;
        s.mean_layers = s.transforms = cases[k].nets;
        s.mean_width = s.width = 8;
        cfg.mean.epochs = cfg.flow.epochs = 3;
        data.c = c;  data.x = y;
        for (size_t i = 0; i < N*GD; i++) y[i] = 10*x[i];
        ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
        ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, NULL, NULL));
        ASSERT_EQ(SNL_OK, snl_flow_save(f, was, sizeof was, &len));
        for (size_t i = 0; i < N*GD; i++) y[i] = cases[k].scale*x[i];
        if (cases[k].one != 0) { y[0] = cases[k].one;  data.s = wide; }
        ASSERT_EQ_FMT(cases[k].want, snl_flow_train(f, &cfg, &data, &hooks, NULL, NULL), "%d");
        ASSERT_EQ(SNL_OK, snl_flow_save(f, now, sizeof now, &len));
        ASSERT_EQ(SNL_OK, snl_flow_load(&g, now, len));
        ASSERT_EQ(cases[k].old, memcmp(was, now, len) == 0);
        if (!cases[k].old) ASSERT_NEAR(gauss_best(), held_out(f, N, c2, x2), 0.1);
        snl_flow_free(f);
        snl_flow_free(g);
        free(y);
    }
    free(c);  free(x);  free(c2);  free(x2);
    PASS();
}

/* Full batches by any number, and a fall of the step so long that there is none: the same
 * as a batch of the training rows, and as a step that is to stay. */
TEST batches_and_epochs_may_be_as_many_as_a_size_t_holds(void)
{
    enum { N = 100, TRAIN = 90 };
    snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
    snl_train_cfg cfg = snl_train_defaults(), big;
    snl_train_data data = { N, NULL, NULL, NULL };
    snl_train_hooks hooks = { NULL, NULL, watch_progress };
    snl_train_report rep;
    double *c = doubles(N*GM), *x = doubles(N*GD);
    snl_flow *f, *g;
    gauss_data(N, 1, 1, c, x);
    data.c = c;  data.x = x;
    s.mean_layers = 0;
    s.degree = 0;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_create(&g, &s, NULL));
    for (int way = 0; way < 2; way++) {
        watch seen = { 0, 3, { 0 } };
        hooks.self = &seen;
        cfg.flow.batch = way ? TRAIN/2 : TRAIN;
        cfg.flow.lr_end = way ? cfg.flow.lr : 0;
        big = cfg;
        if (way) { big.flow.epochs = SIZE_MAX/2 + 1;  big.flow.lr_end = 0; }
        else big.flow.batch = SIZE_MAX;
        ASSERT_EQ(SNL_ESTOPPED, snl_flow_train(f, &cfg, &data, &hooks, NULL, NULL));
        ASSERT_EQ(SNL_ESTOPPED, snl_flow_train(g, &big, &data, &hooks, &rep, NULL));
        ASSERT(rep.best[1] > 0);
        ASSERT_EQ(0, memcmp(f->theta, g->theta, f->np*sizeof *f->theta));
    }
    snl_flow_free(f);
    snl_flow_free(g);
    free(c);  free(x);
    PASS();
}

/* ---- refusals ----------------------------------------------------------- */

TEST bad_settings_and_data_are_named(void)
{
    snl_flow_shape s = snl_flow_shape_defaults(2, 1);
    snl_train_cfg cfg = snl_train_defaults();
    double c[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, x[16] = { 0 };
    snl_train_data data = { 8, NULL, NULL, NULL };
    snl_fault why;
    snl_flow *f;
    data.c = c;  data.x = x;
    s.d = 0;
    ASSERT_EQ(SNL_EINVAL, snl_flow_create(&f, &s, &why));
    ASSERT_STR_EQ("d", why.name);
    ASSERT(f == NULL);
    s = snl_flow_shape_defaults(2, 1024);
    s.degree = 2;
    ASSERT_EQ(SNL_EINVAL, snl_flow_create(&f, &s, &why));
    ASSERT_STR_EQ("degree", why.name);
    s = snl_flow_shape_defaults(2, 1);
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    cfg.flow.lr = NAN;
    ASSERT_EQ(SNL_ENOTFINITE, snl_flow_train(f, &cfg, &data, NULL, NULL, &why));
    ASSERT_STR_EQ("lr", why.name);
    cfg = snl_train_defaults();
    cfg.val_frac = 1;
    ASSERT_EQ(SNL_EINVAL, snl_flow_train(f, &cfg, &data, NULL, NULL, &why));
    ASSERT_STR_EQ("val_frac", why.name);
    cfg = snl_train_defaults();
    x[11] = NAN;
    ASSERT_EQ(SNL_ENOTFINITE, snl_flow_train(f, &cfg, &data, NULL, NULL, &why));
    ASSERT_STR_EQ("x", why.name);
    ASSERT_EQ(5, why.index);
    snl_flow_free(f);
    snl_flow_free(NULL);
    PASS();
}

TEST failed_allocations_return_enomem(void)
{
    snl_flow_shape s = snl_flow_shape_defaults(2, 1);
    const snl_train_cfg cfg = snl_train_defaults();
    double *c = normals(8, 1), *x = normals(16, 2);
    snl_train_data data = { 8, NULL, NULL, NULL };
    snl_train_report rep;
    unsigned char buf[100000], now[100000];
    size_t len;
    snl_flow *f, *g;
    data.c = c;  data.x = x;
    for (long k = 0; k < 2; k++) {
        test_alloc_left = k;
        ASSERT_EQ(SNL_ENOMEM, snl_flow_create(&f, &s, NULL));
        ASSERT(f == NULL);
    }
    test_alloc_left = -1;
    s.width = 8;
    s.mean_width = 8;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_save(f, buf, sizeof buf, &len));
    test_alloc_left = 0;
    ASSERT_EQ(SNL_ENOMEM, snl_flow_train(f, &cfg, &data, NULL, NULL, NULL));
    ASSERT_EQ(SNL_ENOMEM, snl_flow_load(&g, buf, len));
    for (long k = 0; k < 4; k++) {      /* with a report: three of its line, one of its own */
        test_alloc_left = k;
        ASSERT_EQ(SNL_ENOMEM, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
        ASSERT_EQ(SNL_OK, snl_flow_save(f, now, sizeof now, &len));
        ASSERT_EQ(0, memcmp(buf, now, len));
    }
    test_alloc_left = 4;
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
    ASSERT(fabs(rep.logp_linear) < INFINITY);
    test_alloc_left = -1;
    snl_flow_free(f);
    free(c);  free(x);
    PASS();
}

/* ---- saving ------------------------------------------------------------- */

TEST loaded_flow_predicts_the_same_bits(void)
{
    enum { N = 20, D = 4, M = 3 };
    snl_flow *f = random_flow(D, M, 2, 2, 3, 9, 4, 0.3), *g;
    double *c = normals(N*M, 1), *x = normals(N*D, 2), a[N], b[N];
    double *work = doubles(snl_flow_work(f));
    unsigned char *buf;
    size_t len, got;
    ASSERT_EQ(SNL_OK, snl_flow_save(f, NULL, 0, &len));
    buf = malloc(len);
    ASSERT_EQ(SNL_EINVAL, snl_flow_save(f, buf, len - 1, &got));
    ASSERT_EQ(SNL_OK, snl_flow_save(f, buf, len, &got));
    ASSERT_EQ(len, got);
    ASSERT_EQ(SNL_OK, snl_flow_load(&g, buf, len));
    snl_flow_logp(f, N, x, N, c, a, work);
    snl_flow_logp(g, N, x, N, c, b, work);
    ASSERT_EQ(0, memcmp(a, b, sizeof a));
    ASSERT_EQ(0, memcmp(snl_flow_get_shape(f), snl_flow_get_shape(g), sizeof(snl_flow_shape)));
    free(buf);  free(c);  free(x);  free(work);
    snl_flow_free(f);
    snl_flow_free(g);
    PASS();
}

TEST damage_to_any_byte_and_any_cut_is_refused(void)
{
    snl_flow *f = random_flow(2, 1, 1, 1, 1, 3, 0, 0.3), *g;
    unsigned char buf[4096];
    size_t len;
    ASSERT_EQ(SNL_OK, snl_flow_save(f, buf, sizeof buf, &len));
    for (size_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            buf[i] = (unsigned char)(buf[i] ^ 1 << bit);
            ASSERT_EQ(SNL_EFORMAT, snl_flow_load(&g, buf, len));
            ASSERT(g == NULL);
            buf[i] = (unsigned char)(buf[i] ^ 1 << bit);
        }
        ASSERT_EQ(SNL_EFORMAT, snl_flow_load(&g, buf, i));
    }
    /* a NaN, and a shape too large for its bytes, under a good checksum */
    memset(buf + NN_HEADER, 0xff, 8);
    snl_put(buf + len - 8, snl_fnv1a(buf, len - 8));
    ASSERT_EQ(SNL_EFORMAT, snl_flow_load(&g, buf, len));
    memset(buf + NN_HEADER, 0, 8);
    buf[8] = 200;
    snl_put(buf + len - 8, snl_fnv1a(buf, len - 8));
    ASSERT_EQ(SNL_EFORMAT, snl_flow_load(&g, buf, len));
    buf[8] = 2;
    snl_put(buf + len - 8, snl_fnv1a(buf, len - 8));
    ASSERT_EQ(SNL_OK, snl_flow_load(&g, buf, len));
    snl_flow_free(f);
    snl_flow_free(g);
    PASS();
}

TEST ensemble_average_survives_large_logs(void)
{
    const double v[3] = { -1000, -1000 + log(2), -1000 + log(3) };
    const double none[2] = { -INFINITY, -INFINITY };
    ASSERT_NEAR(-1000 + log(2), snl_log_mean_exp(3, v), 1e-12);
    ASSERT(snl_log_mean_exp(2, none) == -INFINITY);
    PASS();
}

SUITE(nn)
{
    RUN_TEST(products_agree_with_the_triple_loop_whatever_the_shape);
    RUN_TEST(elementary_functions_agree_with_libm_and_pass_nan);
    RUN_TEST(cholesky_solves_and_refuses_an_indefinite_matrix);
    RUN_TEST(whitener_whitens_and_drops_a_copied_component);
    RUN_TEST(monomials_are_all_products_once);
    RUN_TEST(density_of_a_random_flow_integrates_to_one);
    RUN_TEST(untrained_flow_is_the_standard_normal);
    RUN_TEST(splines_are_monotonous_and_the_identity_outside);
    RUN_TEST(sampling_inverts_the_density);
    RUN_TEST(rows_have_the_same_bits_in_any_company);
    RUN_TEST(numbers_that_are_not_finite_give_the_same_alone_and_in_company);
    RUN_TEST(known_conditional_gaussian_is_learned);
    RUN_TEST(scales_are_the_given_ones_or_those_of_the_residuals);
    RUN_TEST(banana_is_learned_to_its_entropy);
    RUN_TEST(fresh_noise_makes_a_few_noiseless_rows_enough);
    RUN_TEST(x_that_is_all_drawn_anew_may_come_empty);
    RUN_TEST(polynomial_is_found_exactly_and_the_network_learns_the_rest);
    RUN_TEST(training_continues_stops_and_keeps_the_best);
    RUN_TEST(training_that_ends_early_leaves_old_or_new_but_no_mixture);
    RUN_TEST(batches_and_epochs_may_be_as_many_as_a_size_t_holds);
    RUN_TEST(bad_settings_and_data_are_named);
    RUN_TEST(failed_allocations_return_enomem);
    RUN_TEST(loaded_flow_predicts_the_same_bits);
    RUN_TEST(damage_to_any_byte_and_any_cut_is_refused);
    RUN_TEST(ensemble_average_survives_large_logs);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(nn);
    GREATEST_MAIN_END();
}
