/* Tests of nn.c: matrix kernels against a naive twin, every derivative against finite
 * differences, densities against quadrature and closed forms, training against
 * distributions of known entropy, saved bytes against damage.
 *
 * nn.c is included, under other public names, so that its static parts can be reached and
 * its allocations made to fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long test_alloc_left = -1;       /* allocations until one fails; < 0: never */
static void *test_calloc(size_t n, size_t size)
{
    if (test_alloc_left == 0) return NULL;
    if (test_alloc_left > 0) test_alloc_left--;
    return calloc(n, size);
}
#define SNL_CALLOC(n, size) test_calloc((n), (size))
#define SNL_FREE(p)         free(p)

#define snl_flow_create     test_flow_create
#define snl_flow_free       test_flow_free
#define snl_flow_get_shape  test_flow_get_shape
#define snl_flow_work       test_flow_work
#define snl_flow_grad_work  test_flow_grad_work
#define snl_flow_logp       test_flow_logp
#define snl_flow_logp_grad  test_flow_logp_grad
#define snl_flow_mean       test_flow_mean
#define snl_flow_sample     test_flow_sample
#define snl_flow_train      test_flow_train
#define snl_flow_save       test_flow_save
#define snl_flow_load       test_flow_load
#include "../nn.c"

#include "greatest.h"
#include "near.h"

static double *doubles(size_t n)
{
    double *p = malloc((n ? n : 1)*sizeof *p);
    if (!p) exit(1);
    return p;
}

static double *normals(size_t n, uint64_t seed)
{
    double *p = doubles(n);
    snl_rng r;
    snl_rng_seed(&r, seed, 0);
    for (size_t i = 0; i < n; i++) p[i] = snl_rng_normal(&r);
    return p;
}

/* A flow of which no part is trivial: random weights, scales, polynomial, whitening. */
static snl_flow *random_flow(size_t d, size_t m, size_t degree, size_t mlp, size_t transforms,
                             size_t width, snl_activation act, double size)
{
    snl_flow_shape s = snl_flow_shape_defaults(d, m);
    snl_flow *f;
    snl_rng r;
    s.degree = degree;          s.mean_layers = mlp;    s.mean_width = 7;
    s.transforms = transforms;  s.width = width;        s.act = act;
    if (snl_flow_create(&f, &s, NULL) != SNL_OK) exit(1);
    snl_rng_seed(&r, 5, 5);
    for (size_t i = 0; i < f->F*d; i++) f->S[i] = 0.3*snl_rng_normal(&r);
    *f->logdet = 0;
    for (size_t i = 0; i < d; i++) {
        f->rs[i] = 0.5 + snl_rng_uniform(&r);
        for (size_t j = i; j < d; j++) f->B[i*d + j] = (i == j) + 0.2*snl_rng_uniform(&r);
        *f->logdet += log(f->B[i*d + i]);
    }
    for (size_t i = 0; i < m; i++) {
        f->cm[i] = 0.3*snl_rng_normal(&r);
        for (size_t j = i; j < m; j++) f->cB[i*m + j] = (i == j) + 0.2*snl_rng_uniform(&r);
    }
    /* heads are zero and masks are in place after create: fill only where weights may be */
    for (size_t t = 0; t <= transforms; t++) {
        const nn_net *net = t < transforms ? &f->made : &f->mlp;
        double *p = t < transforms ? f->theta + nn_transform(f, t) : f->theta;
        for (size_t l = 0; net->layers && l < net->heads; l++) {
            double *q = p + nn_offset(net, net->layers + l);
            const nn_mat a = nn_matrix(net, NN_OUT);
            for (size_t j = 0; j < d; j++) q[j] = size*snl_rng_normal(&r);
            q += nn_pad(d);
            for (size_t i = 0; i < a.in; i++)
                for (size_t j = nn_first(a, i); j < d; j++)
                    q[i*d + j] = size*snl_rng_normal(&r);
            q += a.in*d;
            for (size_t j = 0; j < m*d; j++) q[j] = size*snl_rng_normal(&r);
        }
    }
    return f;
}

/* ---- kernels ------------------------------------------------------------ */

static void naive_gemm(double *C, const double *A, size_t rs, size_t cs, const double *B,
                       size_t n, size_t k, size_t w)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < w; j++)
            for (size_t p = 0; p < k; p++) C[i*w + j] += A[i*rs + p*cs]*B[p*w + j];
}

TEST products_agree_with_the_triple_loop_whatever_the_shape(void)
{
    for (size_t n = 1; n <= 9; n++)
        for (size_t k = 0; k <= 9; k++)
            for (size_t w = 1; w <= 600; w = w < 19 ? w + 3 : w*3) {
                double *A = normals(n*k, 1), *B = normals(k*w, 2);
                double *C = normals(n*w, 3), *D = normals(n*w, 3);
                for (int trans = 0; trans < 2; trans++) {
                    const size_t rs = trans ? 1 : k, cs = trans ? n : 1;
                    nn_gemm(C, w, 1, A, rs, cs, B, w, n, k, w);
                    naive_gemm(D, A, rs, cs, B, n, k, w);
                    /* the same order of 9 terms: only fused roundings may differ */
                    for (size_t i = 0; i < n*w; i++) ASSERT_NEAR(D[i], C[i], 1e-14);
                }
                free(A);  free(B);  free(C);  free(D);
            }
    PASS();
}

TEST exponential_is_within_a_few_ulp_of_libm_and_passes_nan(void)
{
    for (double x = -700; x < 700; x += 0.137) ASSERT_REL(exp(x), nn_exp(x), 6e-16);
    for (double x = -1; x < 1; x += 1.37e-4) {
        ASSERT_REL(exp(x), nn_exp(x), 6e-16);
        ASSERT_NEAR(tanh(x), nn_tanh(x), 4e-16);
    }
    ASSERT_NEAR(1, nn_tanh(1e300), 0);
    ASSERT_NEAR(-1, nn_tanh(-INFINITY), 0);
    ASSERT(nn_exp(-1e9) < 1e-300);
    ASSERT(nn_exp(NAN) != nn_exp(NAN));
    for (double x = 1e-30; x < 1e30; x *= 3.3) ASSERT_REL(sqrt(x), nn_sqrt(x), 1e-9);
    ASSERT_NEAR(0, nn_sqrt(0), 0);
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
        ASSERT(nn_cholesky(U, n, n));
        nn_cholesky_solve(U, n, n, y, 3);
        for (size_t i = 0; i < 3*n; i++) ASSERT_NEAR(b[i], y[i], 1e-11);
        A[n*n - 1] -= 1e4;
        ASSERT(!nn_cholesky(A, n, n));
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
    nn_poly_forward(1, M, 4, F, c, phi);
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

/* ---- derivatives -------------------------------------------------------- */

/* Central difference of fn at v[i]; error O(h^2) + eps/h, below 1e-8 for values of order 1. */
typedef double (*scalar_fn)(void *ctx);
static double difference(scalar_fn fn, void *ctx, double *v)
{
    const double x = *v, h = 1e-4*(1 + fabs(x));
    double a, b, c, e;
    *v = x + h;    a = fn(ctx);
    *v = x - h;    b = fn(ctx);
    *v = x + 2*h;  c = fn(ctx);
    *v = x - 2*h;  e = fn(ctx);
    *v = x;
    return (8*(a - b) - (c - e))/(12*h);
}

typedef struct net_case {
    nn_net net;
    nn_cache k;
    double *p, *x, *c, *w;
    size_t n;
} net_case;

static double net_sum(void *ctx)
{
    net_case *t = ctx;
    const size_t nd = t->n*t->net.d;
    double sum = 0;
    nn_net_forward(&t->net, t->p, t->n, t->x, t->c, &t->k);
    for (size_t l = 0; l < t->net.heads; l++)
        for (size_t i = 0; i < nd; i++) sum += t->w[l*nd + i]*t->k.out[l][i];
    return sum;
}

static enum greatest_test_res check_net(int masked, snl_activation act, size_t d, size_t h,
                                        size_t layers)
{
    net_case t;
    double *mem, *pt, *dp, *dx, *dc, *da, *db, *dout[2];
    size_t used = 0, np, nonzero = 0, m = 3;
    snl_rng rng;
    memset(&t, 0, sizeof t);
    h = nn_pad(h);          t.net.m = m;
    t.net.d = d;            t.net.h = h;    t.net.layers = layers;
    t.net.masked = masked;  t.net.act = act;        t.net.heads = masked ? 2 : 1;
    t.n = 5;
    np = nn_net_size(&t.net);
    nn_cache_take(&t.k, &t.net, NULL, &used);
    mem = doubles(used);
    used = 0;
    nn_cache_take(&t.k, &t.net, mem, &used);
    t.p = normals(np, 1);
    snl_rng_seed(&rng, 1, 1);
    nn_net_each(&t.net, t.p, NULL, &rng);               /* masks; zero heads ... */
    for (size_t l = 0; l < t.net.heads; l++) {          /* ... filled here       */
        double *q = t.p + nn_offset(&t.net, layers + l) + nn_pad(d);
        const nn_mat a = nn_matrix(&t.net, NN_OUT);
        for (size_t i = 0; i < h; i++)
            for (size_t j = nn_first(a, i); j < d; j++) q[i*d + j] = snl_rng_normal(&rng);
    }
    t.x = normals(t.n*d, 2);
    t.c = normals(t.n*m, 3);
    t.w = normals(2*t.n*d, 4);
    pt = doubles(np);       memcpy(pt, t.p, np*sizeof *pt);
    nn_net_each(&t.net, t.p, pt, NULL);
    dp = calloc(np, sizeof *dp);
    dx = calloc(t.n*d, sizeof *dx);
    dc = calloc(t.n*m, sizeof *dc);
    da = doubles(t.n*h);    db = doubles(t.n*h);
    dout[0] = t.w;          dout[1] = t.w + t.n*d;
    net_sum(&t);
    nn_net_backward(&t.net, pt, t.n, t.x, t.c, &t.k, dout, dp, masked ? dx : NULL, dc, da, db);
    for (size_t i = 0; i < np; i++) {
        /* a masked weight is no parameter: its gradient must be 0, its effect is not looked at */
        const double fd = difference(net_sum, &t, t.p + i);
        if (dp[i] != 0) { ASSERT_NEAR(fd, dp[i], 1e-6*(1 + fabs(fd)));  nonzero++; }
        else if (!masked || t.p[i] != 0) ASSERT_NEAR(0, fd, 1e-9);
    }
    ASSERT(nonzero > np/3);
    for (size_t i = 0; masked && i < t.n*d; i++) {
        const double fd = difference(net_sum, &t, t.x + i);
        ASSERT_NEAR(fd, dx[i], 1e-6*(1 + fabs(fd)));
        if (d > 1 && i % d == 0) ASSERT(dx[i] != 0);
    }
    for (size_t i = 0; i < t.n*m; i++) {
        const double fd = difference(net_sum, &t, t.c + i);
        ASSERT_NEAR(fd, dc[i], 1e-6*(1 + fabs(fd)));
        ASSERT(dc[i] != 0);
    }
    free(mem);  free(t.p);  free(t.x);  free(t.c);  free(t.w);
    free(pt);   free(dp);   free(dx);   free(dc);   free(da);   free(db);
    PASS();
}

TEST network_gradients_agree_with_finite_differences(void)
{
    for (int masked = 0; masked < 2; masked++)
        for (int act = 0; act < 2; act++)
            for (size_t layers = 1; layers <= 3; layers++) {
                CHECK_CALL(check_net(masked, (snl_activation)act, 6, 13, layers));
                CHECK_CALL(check_net(masked, (snl_activation)act, 11, 9, layers));
                CHECK_CALL(check_net(masked, (snl_activation)act, 1, 4, layers));
            }
    PASS();
}

TEST outputs_depend_only_on_the_components_before_them(void)
{
    const size_t ds[] = { 2, 5, 8, 20 }, hs[] = { 3, 8, 16, 50 };
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 4; b++) {
            const size_t d = ds[a];
            snl_flow *f = random_flow(d, 2, 1, 0, 1, hs[b], SNL_TANH, 0.5);
            double *mem = doubles(snl_flow_work(f)), *x = normals(d, 8);
            double *shift = doubles(d), *scale = doubles(d);
            size_t felt = 0;
            nn_pass k;
            nn_pass_layout(&k, f, mem, 0);
            k.cw[0] = 0.3;  k.cw[1] = -0.4;
            nn_net_forward(&f->made, f->theta, 1, x, k.cw, &k.made[0]);
            memcpy(shift, k.made[0].out[0], d*sizeof *shift);
            memcpy(scale, k.made[0].out[1], d*sizeof *scale);
            for (size_t p = 0; p < d; p++) {
                const double keep = x[p];
                x[p] += 0.7;
                nn_net_forward(&f->made, f->theta, 1, x, k.cw, &k.made[0]);
                for (size_t j = 0; j < d; j++) {
                    const int same = shift[j] == k.made[0].out[0][j]
                                  && scale[j] == k.made[0].out[1][j];
                    if (j <= p) ASSERT(same);
                    else felt += !same;
                }
                x[p] = keep;
            }
            /* with a unit of every degree, every later output feels every component */
            if (hs[b] >= d) ASSERT_EQ(d*(d - 1)/2, felt);
            else ASSERT(felt > 0);
            free(mem);  free(x);  free(shift);  free(scale);
            snl_flow_free(f);
        }
    PASS();
}

typedef struct logp_case { snl_flow *f;  double *x, *c, *out, *work;  size_t n; } logp_case;

static double logp_sum(void *ctx)
{
    logp_case *t = ctx;
    double sum = 0;
    snl_flow_logp(t->f, t->n, t->x, t->n, t->c, t->out, t->work);
    for (size_t i = 0; i < t->n; i++) sum += t->out[i];
    return sum;
}

TEST density_gradients_in_c_and_x_agree_with_finite_differences(void)
{
    for (size_t degree = 0; degree <= 4; degree++)
        for (size_t T = 0; T <= 3; T += 3) {
            enum { N = 3, D = 5, M = 3 };
            logp_case t;
            double dc[N*M], dx[N*D], out[N], *work;
            t.f = random_flow(D, M, degree, degree % 3, T, 12, degree & 1, 0.3);
            t.x = normals(N*D, 1);
            t.c = normals(N*M, 2);
            t.n = N;
            t.out = doubles(N);
            t.work = doubles(snl_flow_work(t.f));
            work = doubles(snl_flow_grad_work(t.f));
            logp_sum(&t);
            snl_flow_logp_grad(t.f, N, t.x, N, t.c, out, dc, dx, work);
            for (size_t i = 0; i < N; i++) ASSERT_NEAR(t.out[i], out[i], 0);
            for (size_t i = 0; i < N*M; i++) {
                const double fd = difference(logp_sum, &t, t.c + i);
                ASSERT_NEAR(fd, dc[i], 1e-6*(1 + fabs(fd)));
                if (degree || T) ASSERT(dc[i] != 0);
            }
            for (size_t i = 0; i < N*D; i++) {
                const double fd = difference(logp_sum, &t, t.x + i);
                ASSERT_NEAR(fd, dx[i], 1e-6*(1 + fabs(fd)));
                ASSERT(dx[i] != 0);
            }
            free(t.x);  free(t.c);  free(t.out);  free(t.work);  free(work);
            snl_flow_free(t.f);
        }
    PASS();
}

typedef struct loss_case { nn_trainer t;  int stage;  size_t n;  double *x; } loss_case;

static double loss_sum(void *ctx)
{
    loss_case *l = ctx;
    return nn_loss(&l->t, l->stage, l->n, l->t.rows, l->x, 1, NULL);
}

TEST training_losses_have_the_right_gradients(void)
{
    enum { N = 6, D = 4, M = 2 };
    snl_flow *f = random_flow(D, M, 2, 2, 2, 9, SNL_SILU, 0.3);
    const snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
    double *c = normals(N*M, 1), *x = normals(N*D, 2), w[N], *mem;
    loss_case l;
    memset(&l, 0, sizeof l);
    for (size_t i = 0; i < N; i++) w[i] = 0.5 + (double)i;
    data.c = c;  data.x = x;  data.w = w;
    l.t.f = f;   l.t.cfg = &cfg;  l.t.data = &data;  l.t.nval = 1;  l.t.ntrain = N - 1;
    mem = calloc(nn_trainer_layout(&l.t, NULL) + NN_STEP, sizeof *mem);
    nn_trainer_layout(&l.t, mem);
    for (size_t i = 0; i < N; i++) l.t.rows[i] = i;
    for (size_t j = 0; j < D; j++) l.t.q[j] = 0.1 + (double)j;
    nn_contexts(&l.t);
    nn_transpose_fixed(f, &l.t.pass);
    nn_transpose_params(f, &l.t.pass, 1, 1);
    l.t.mean_on = 1;
    l.n = N;
    l.x = x;
    for (l.stage = 1; l.stage <= 2; l.stage++) {
        const size_t np = l.stage == 1 ? nn_transform(f, 0) : f->np;
        size_t nonzero = 0;
        memset(l.t.grad, 0, f->np*sizeof *l.t.grad);
        nn_loss(&l.t, l.stage, N, l.t.rows, x, 1, l.t.grad);
        for (size_t i = 0; i < np; i++) {
            const double fd = difference(loss_sum, &l, f->theta + i);
            if (l.t.grad[i] == 0 && f->theta[i] == 0) continue;         /* masked */
            ASSERT_NEAR(fd, l.t.grad[i], 1e-6*(1 + fabs(fd)));
            nonzero += l.t.grad[i] != 0;
        }
        ASSERT(nonzero > np/3);
    }
    free(c);  free(x);  free(mem);
    snl_flow_free(f);
    PASS();
}

/* ---- densities ---------------------------------------------------------- */

/* Random weights, trapezoid rule on a wide grid: exact to far below 1e-3 for smooth tails. */
TEST density_of_a_random_flow_integrates_to_one(void)
{
    for (size_t d = 1; d <= 2; d++) {
        snl_flow *f = random_flow(d, 2, 2, 2, 3, 10, SNL_TANH, 0.15);
        enum { G = 801 };
        const size_t ny = d == 2 ? G : 1;
        const double c0[2] = { 0.4, -0.8 }, h = 80.0/(G - 1);
        double *work = doubles(snl_flow_work(f)), *x = doubles(G*2), *c = doubles(G*2);
        double *out = doubles(G), sum = 0, mid = 0;
        for (size_t i = 0; i < G; i++) { c[2*i] = c0[0];  c[2*i + 1] = c0[1]; }
        for (size_t j = 0; j < ny; j++) {
            for (size_t i = 0; i < G; i++) {
                x[d*i] = -40 + h*(double)i;
                if (d == 2) x[2*i + 1] = -40 + h*(double)j;
            }
            snl_flow_logp(f, G, x, G, c, out, work);
            for (size_t i = 0; i < G; i++) {
                sum += exp(out[i])*(d == 2 ? h*h : h);
                if (fabs(x[d*i]) < 0.5) mid = fmax(mid, exp(out[i]));
            }
        }
        ASSERT_NEAR(1, sum, 1e-3);
        free(work);  free(x);  free(c);  free(out);
        snl_flow_free(f);
    }
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

/* The draws of snl_flow_sample must come back as the normals they were made of. */
TEST samples_map_back_to_their_normals(void)
{
    enum { N = 70, D = 6, M = 3 };      /* more than one block of rows */
    snl_flow *f = random_flow(D, M, 2, 1, 4, 20, SNL_SILU, 0.2);
    double *c = normals(N*M, 1), *x = doubles(N*D), logp[NN_ROWS];
    double *work = doubles(snl_flow_work(f));
    nn_pass k;
    snl_rng rng, twin;
    snl_rng_seed(&rng, 9, 0);
    twin = rng;
    snl_flow_sample(f, N, c, &rng, x, work);
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < N; i++) {
        nn_context_forward(f, 1, c + i*M, &k);
        nn_mean_forward(f, 1, &k);
        nn_density_forward(f, 1, x + i*D, D, &k, logp);
        for (size_t j = 0; j < D; j++) ASSERT_NEAR(snl_rng_normal(&twin), k.z[4][j], 1e-8);
    }
    free(c);  free(x);  free(work);
    snl_flow_free(f);
    PASS();
}

TEST rows_have_the_same_bits_in_any_company(void)
{
    enum { N = 301, D = 7, M = 3 };
    snl_flow *f = random_flow(D, M, 3, 2, 3, 21, SNL_SILU, 0.2);
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
    /* one x at many contexts is the same as that x repeated */
    memcpy(one, x, sizeof one);
    snl_flow_logp(f, N, x, 1, c, b, work);
    for (size_t i = 0; i < N; i++) memcpy(x + i*D, one, sizeof one);
    snl_flow_logp(f, N, x, N, c, a, work);
    ASSERT_EQ(0, memcmp(a, b, N*sizeof *a));
    c[M*5] = NAN;
    snl_flow_logp(f, N, x, 1, c, b, work);
    for (size_t i = 0; i < N; i++) ASSERT_EQ(i == 5, b[i] != b[i]);
    free(c);  free(x);  free(a);  free(b);  free(work);  free(mean);
    snl_flow_free(f);
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
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
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
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
    double *c = normals(N, 1), *x = normals(2*N, 2), mu[2], out, want, *work;
    snl_flow *f;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 2; j++) x[2*i + j] = (j ? -1 : 1)*c[i] + scale[j]*x[2*i + j];
    data.c = c;  data.x = x;
    s.transforms = 0;
    s.mean_layers = 0;
    cfg.whiten = 0;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    work = doubles(snl_flow_work(f));
    for (int given = 0; given < 2; given++) {
        if (given) data.s = scale;
        ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, NULL, NULL));
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
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
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
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
    snl_train_hooks hooks = { NULL, redraw_noise, NULL, NULL };
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
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
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

static int stop_at_three(void *self, const snl_train_progress *p)
{
    *(size_t *)self = p->epoch;
    return p->epoch == 3;
}

TEST training_continues_stops_and_keeps_the_best(void)
{
    enum { N = 800, E = 12 };
    snl_flow_shape s = snl_flow_shape_defaults(GD, GM);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL, NULL };
    snl_train_hooks hooks = { NULL, NULL, NULL, NULL };
    snl_train_report rep, again;
    double *c = doubles(N*GM), *x = doubles(N*GD), w[N], history[2*E], lowest = INFINITY;
    size_t epoch = 0;
    snl_flow *f, *g;
    gauss_data(N, 1, 1, c, x);
    data.c = c;  data.x = x;
    s.degree = 0;
    s.mean_layers = 0;
    s.transforms = 2;
    cfg.mean.epochs = 0;
    cfg.flow.epochs = E;
    cfg.flow.lr = cfg.flow.lr_end = 0.03;               /* so large that it does not settle */
    hooks.history = history;
    ASSERT_EQ(SNL_OK, snl_flow_create(&f, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_create(&g, &s, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, &hooks, &rep, NULL));
    ASSERT_EQ(E, rep.epochs[1]);
    ASSERT(rep.best[1] < E);
    for (size_t i = 0; i < E; i++) lowest = fmin(lowest, history[2*i + 1]);
    ASSERT_NEAR(-lowest, rep.logp_val, 1e-12);          /* the best weights are in place */
    ASSERT_NEAR(lowest, history[2*rep.best[1] - 1], 0);

    ASSERT_EQ(SNL_OK, snl_flow_train(g, &cfg, &data, NULL, &again, NULL));  /* same seed */
    ASSERT_EQ(0, memcmp(f->theta, g->theta, f->np*sizeof *f->theta));

    hooks.progress = stop_at_three;
    hooks.self = &epoch;
    cfg.fresh = 0;
    ASSERT_EQ(SNL_ESTOPPED, snl_flow_train(f, &cfg, &data, &hooks, &again, NULL));
    ASSERT_EQ(3, epoch);
    ASSERT_EQ(3, again.epochs[1]);
    ASSERT(again.logp_val >= rep.logp_val - 1e-12);     /* continued from there */

    for (size_t i = 0; i < N; i++) w[i] = i % 2;        /* weight 0 is as good as absent */
    data.w = w;
    cfg.fresh = 1;
    cfg.flow.epochs = 1;
    ASSERT_EQ(SNL_OK, snl_flow_train(f, &cfg, &data, NULL, &rep, NULL));
    for (size_t i = 0; i < N; i += 2) x[i*GD] = 1e6;
    ASSERT_EQ(SNL_OK, snl_flow_train(g, &cfg, &data, NULL, &again, NULL));
    ASSERT_NEAR(rep.logp_val, again.logp_val, 1e-9);
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
    snl_train_data data = { 8, NULL, NULL, NULL, NULL };
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
    snl_train_data data = { 8, NULL, NULL, NULL, NULL };
    unsigned char buf[100000];
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
    test_alloc_left = -1;
    snl_flow_free(f);
    free(c);  free(x);
    PASS();
}

/* ---- saving ------------------------------------------------------------- */

TEST loaded_flow_predicts_the_same_bits(void)
{
    enum { N = 20, D = 4, M = 3 };
    snl_flow *f = random_flow(D, M, 2, 2, 3, 9, SNL_TANH, 0.3), *g;
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
    ASSERT_EQ(SNL_TANH, snl_flow_get_shape(g)->act);
    free(buf);  free(c);  free(x);  free(work);
    snl_flow_free(f);
    snl_flow_free(g);
    PASS();
}

TEST damage_to_any_byte_and_any_cut_is_refused(void)
{
    snl_flow *f = random_flow(2, 1, 1, 1, 1, 3, SNL_SILU, 0.3), *g;
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
    RUN_TEST(exponential_is_within_a_few_ulp_of_libm_and_passes_nan);
    RUN_TEST(cholesky_solves_and_refuses_an_indefinite_matrix);
    RUN_TEST(whitener_whitens_and_drops_a_copied_component);
    RUN_TEST(monomials_are_all_products_once);
    RUN_TEST(network_gradients_agree_with_finite_differences);
    RUN_TEST(outputs_depend_only_on_the_components_before_them);
    RUN_TEST(density_gradients_in_c_and_x_agree_with_finite_differences);
    RUN_TEST(training_losses_have_the_right_gradients);
    RUN_TEST(density_of_a_random_flow_integrates_to_one);
    RUN_TEST(untrained_flow_is_the_standard_normal);
    RUN_TEST(samples_map_back_to_their_normals);
    RUN_TEST(rows_have_the_same_bits_in_any_company);
    RUN_TEST(known_conditional_gaussian_is_learned);
    RUN_TEST(scales_are_the_given_ones_or_those_of_the_residuals);
    RUN_TEST(banana_is_learned_to_its_entropy);
    RUN_TEST(fresh_noise_makes_a_few_noiseless_rows_enough);
    RUN_TEST(polynomial_is_found_exactly_and_the_network_learns_the_rest);
    RUN_TEST(training_continues_stops_and_keeps_the_best);
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
