/* Tests of mcmc.c.  Truths: closed-form moments and distribution functions, quadrature,
 * autoregressive series.  A moment agrees if it is within 4.5 of its own Monte Carlo
 * standard errors, the autocorrelation included (some 100 moments are looked at: one in
 * a thousand builds would fail by chance); a Kolmogorov-Smirnov test if p > 1e-4. */
#include "snl.h"
#include "greatest.h"
#include "near.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>
#ifndef FLT_EVAL_METHOD                 /* tcc's float.h says nothing; it computes in doubles */
#define FLT_EVAL_METHOD 0
#endif

#define MAX_SIGMA 4.5
#define MIN_P     1e-4

/* ---- targets ------------------------------------------------------------ */

typedef struct density {
    size_t dim;
    double (*prior)(const double *x), (*like)(const double *x);
    size_t rows;            /* of the last batch */
} density;

static snl_status evaluate(void *ctx, size_t n, const double *x, double *lp, double *ll)
{
    density *d = ctx;
    d->rows = n;
    for (size_t i = 0; i < n; i++, x += d->dim) {
        lp[i] = d->prior(x);
        ll[i] = lp[i] > -INFINITY ? d->like(x) : NAN;       /* must not be read */
    }
    return SNL_OK;
}

static double flat(const double *x) { (void)x;  return 0; }
static double box_unit(const double *x)
{
    for (int j = 0; j < 3; j++) if (!(x[j] > 0 && x[j] < 1)) return -INFINITY;
    return 0;
}
static double box_40(const double *x)
{ return fabs(x[0]) < 20 && fabs(x[1]) < 20 ? -2*log(40) : -INFINITY; }

static double normal_prior10(const double *x)   /* N(0, 10^2) in 11 dimensions */
{
    double s = 0;
    for (int j = 0; j < 11; j++) s += x[j]*x[j];
    return -0.005*s - 11*(log(10) + 0.5*log(2*SNL_PI));
}
static double normal_11(const double *x)
{
    double s = 0;
    for (int j = 0; j < 11; j++) s += x[j]*x[j];
    return -0.5*s - 5.5*log(2*SNL_PI);
}

/* Independent unit normals u of x = H D u: D = 10^(-4 j/10), H a reflection along
 * (1, .., 1), so that the covariance has condition number 1e8. */
static void whiten(const double *x, double *u)
{
    double s = 0;
    for (int j = 0; j < 11; j++) s += x[j];
    for (int j = 0; j < 11; j++) u[j] = (x[j] - 2*s/11) * pow(10, 0.4*j);
}
static double normal_skewed(const double *x)
{
    double u[11], s = 0;
    whiten(x, u);
    for (int j = 0; j < 11; j++) s += u[j]*u[j];
    return -0.5*s;
}

/* exp(-(10 (y - x^2)^2 + (1 - x)^2)/2): x is N(1, 1), y - x^2 is N(0, 0.1) */
static double rosenbrock(const double *x)
{ return -(10*(x[1] - x[0]*x[0])*(x[1] - x[0]*x[0]) + (1 - x[0])*(1 - x[0]))/2; }

static double two_modes(const double *x)
{
    const double a = log(0.8) - 0.5*((x[0] - 10)*(x[0] - 10) + x[1]*x[1]);
    const double b = log(0.2) - 0.5*((x[0] + 10)*(x[0] + 10) + x[1]*x[1]);
    return fmax(a, b) + log1p(exp(-fabs(a - b))) - log(2*SNL_PI);
}
/* 0.99 N(0, 1) + 0.01 N((12, 0, ...), 1) in 11 dimensions, correlated by 0.9 along the first two */
static double rare_mode(const double *x)
{
    double s = 0, a, b;
    for (int j = 2; j < 11; j++) s += x[j]*x[j];
    a = (x[0]*x[0] - 1.8*x[0]*x[1] + x[1]*x[1])/0.19;
    b = ((x[0] - 12)*(x[0] - 12) - 1.8*(x[0] - 12)*x[1] + x[1]*x[1])/0.19;
    a = log(0.99) - 0.5*a;
    b = log(0.01) - 0.5*b;
    return fmax(a, b) + log1p(exp(-fabs(a - b))) - 0.5*s;
}
static double ring(const double *x)
{ const double r = sqrt(x[0]*x[0] + x[1]*x[1]);  return -50*(r - 5)*(r - 5); }

static double von_mises(const double *x) { return 0.7*cos(x[0] - 3) - 0.5*x[1]*x[1]; }

/* ---- helpers ------------------------------------------------------------ */

typedef struct chain {
    size_t n, walkers, dim;
    double *theta, *f, *work, *sorted;      /* f: a function of the samples */
} chain;

static double normal_cdf(double x) { return 0.5*erfc(-x/sqrt(2)); }

/* Start at centre + scale N(0, 1), burn a fifth, fit the mixture to it if there is one, keep
 * n samples `thin` apart. */
static snl_status sample(chain *c, snl_mcmc_cfg *cfg, density *d, double centre,
                         double scale, size_t n, size_t thin)
{
    const size_t cells = cfg->temps*cfg->walkers*cfg->dim;
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(n/5*thin);
    snl_mcmc_chain kept = { NULL, NULL, NULL, NULL, 0 };
    snl_mcmc *s = NULL;
    snl_status st;
    snl_rng r;
    double *x0 = malloc(cells*sizeof *x0);
    c->n = n;
    c->walkers = cfg->walkers;
    c->dim = cfg->dim;
    c->theta = malloc(n*c->walkers*c->dim*sizeof *c->theta);
    c->f = malloc(n*c->walkers*sizeof *c->f);
    c->sorted = malloc(n*c->walkers*sizeof *c->f);
    c->work = malloc(snl_mcmc_tau_work(n)*sizeof *c->work);
    kept.theta = c->theta;
    snl_rng_seed(&r, 5, 0);
    for (size_t i = 0; i < cells; i++) x0[i] = centre + scale*snl_rng_normal(&r);
    cfg->target = evaluate;
    cfg->target_ctx = d;
    st = snl_mcmc_create(&s, cfg, NULL);
    if (st == SNL_OK) st = snl_mcmc_start(s, x0, NULL);
    run.thin = thin;
    if (st == SNL_OK) st = snl_mcmc_run(s, &run, &kept, NULL);
    if (st == SNL_OK && cfg->components) st = snl_mcmc_fit(s, kept.kept*c->walkers, c->theta);
    kept.kept = 0;
    run.steps = n*thin;
    if (st == SNL_OK) st = snl_mcmc_run(s, &run, &kept, NULL);
    snl_mcmc_free(s);
    free(x0);
    return st;
}

static void drop(chain *c)
{ free(c->theta);  free(c->f);  free(c->work);  free(c->sorted); }

#define EACH(c, x) \
    for (size_t i_ = 0; i_ < (c)->n*(c)->walkers; i_++) \
        for (const double *x = (c)->theta + i_*(c)->dim, *once_ = x; once_; once_ = NULL)

/* (mean of f - truth) in its standard errors; INFINITY for a chain below 50 tau. */
static double sigmas(chain *c, double truth)
{
    const double N = (double)(c->n*c->walkers);
    double m = 0, v = 0, tau;
    int too_short;
    if (snl_mcmc_tau(c->n, c->walkers, 1, c->f, &tau, &too_short, c->work) || too_short)
        return INFINITY;
    for (size_t i = 0; i < c->n*c->walkers; i++) m += c->f[i]/N;
    for (size_t i = 0; i < c->n*c->walkers; i++) v += (c->f[i] - m)*(c->f[i] - m)/N;
    return (m - truth)/sqrt(v*tau/N);
}

/* p of f, already put through its distribution function, on samples 2 tau apart. */
static double ks_p(chain *c)
{
    double tau, D, p;
    size_t m = 0;
    if (snl_mcmc_tau(c->n, c->walkers, 1, c->f, &tau, NULL, c->work)) return -1;
    for (size_t i = 0; i < c->n; i += 1 + (size_t)(2*tau))
        for (size_t w = 0; w < c->walkers; w++) c->sorted[m++] = c->f[i*c->walkers + w];
    double *work = malloc(m*sizeof *work);
    if (snl_ks(m, c->sorted, &D, &p, work)) p = -1;
    free(work);
    return p;
}

/* f as independent N(mean, sd): mean, variance, shape. */
static enum greatest_test_res check_normal(chain *c, double mean, double sd)
{
    const size_t n = c->n*c->walkers;
    ASSERT_NEAR(0, sigmas(c, mean), MAX_SIGMA);
    for (size_t i = 0; i < n; i++) c->f[i] = (c->f[i] - mean)*(c->f[i] - mean);
    ASSERT_NEAR(0, sigmas(c, sd*sd), MAX_SIGMA);
    PASS();
}

static snl_mcmc_cfg only(snl_move move, size_t dim, size_t walkers)
{
    snl_mcmc_cfg c = snl_mcmc_defaults(dim, walkers, 1);
    for (int m = 0; m < SNL_MOVES; m++) c.weight[m] = m == (int)move;
    c.components = move == SNL_MOVE_MIXTURE ? 4 : 0;
    return c;
}

/* ---- the sampler -------------------------------------------------------- */

TEST gaussian_of_condition_1e8_has_its_moments_and_shape(void)
{
    density d = { 11, flat, normal_skewed, 0 };
    snl_mcmc_cfg cfg = snl_mcmc_defaults(11, 64, 1);
    chain c;
    double u[11];
    size_t i;
    ASSERT_EQ(SNL_OK, sample(&c, &cfg, &d, 0, 1, 4000, 10));
    ASSERT_EQ(32, d.rows);
    for (int j = 0; j < 11; j++) {
        i = 0;
        EACH(&c, x) { whiten(x, u);  c.f[i++] = normal_cdf(u[j]); }
        ASSERT(ks_p(&c) > MIN_P);
        i = 0;
        EACH(&c, x) { whiten(x, u);  c.f[i++] = u[j]; }
        CHECK_CALL(check_normal(&c, 0, 1));
    }
    i = 0;                                      /* the control: 10% too wide is seen */
    EACH(&c, x) { whiten(x, u);  c.f[i++] = normal_cdf(u[0]/1.1); }
    ASSERT(ks_p(&c) < 1e-6);
    drop(&c);
    PASS();
}

/* Affine invariance: the acceptance does not know the axes.  Tolerance: 1e5 tries. */
TEST acceptance_does_not_depend_on_the_condition_number(void)
{
    const snl_move moves[3] = { SNL_MOVE_STRETCH, SNL_MOVE_DE, SNL_MOVE_GAUSS };
    for (int m = 0; m < 3; m++) {
        double accept[2][SNL_MOVES], x0[64*11];
        for (int k = 0; k < 2; k++) {
            density d = { 11, flat, k ? normal_skewed : normal_11, 0 };
            snl_mcmc_cfg cfg = only(moves[m], 11, 64);
            snl_mcmc_run_cfg run = snl_mcmc_run_defaults(2000);
            snl_mcmc *s;
            snl_rng r;
            snl_rng_seed(&r, 4, 0);
            for (int i = 0; i < 64*11; i++) x0[i] = snl_rng_normal(&r);
            for (int i = 0; k && i < 64; i++) {         /* x = H D u */
                double sum = 0, *x = x0 + 11*i;
                for (int j = 0; j < 11; j++) sum += x[j] *= pow(10, -0.4*j);
                for (int j = 0; j < 11; j++) x[j] -= 2*sum/11;
            }
            cfg.target = evaluate;
            cfg.target_ctx = &d;
            ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &cfg, NULL));
            ASSERT_EQ(SNL_OK, snl_mcmc_start(s, x0, NULL));
            ASSERT_EQ(SNL_OK, snl_mcmc_run(s, &run, NULL, NULL));
            snl_mcmc_rates(s, accept[k], NULL);
            snl_mcmc_free(s);
        }
        ASSERT(accept[0][moves[m]] > 0.15 && accept[0][moves[m]] < 0.6);
        ASSERT_NEAR(accept[0][moves[m]], accept[1][moves[m]], 0.01);
        ASSERT(accept[0][SNL_MOVE_SNOOKER] != accept[0][SNL_MOVE_SNOOKER]);
    }
    PASS();
}

/* A jump with a Hastings ratio: x to x + e s(x), s = sqrt(1 + x^2); `lie` hides it. */
typedef struct jumper { int lie; } jumper;
static double jump(void *ctx, snl_rng *r, const double *from, double *to)
{
    double q = 0;
    for (int j = 0; j < 2; j++) {
        const double s = sqrt(1 + from[j]*from[j]), e = snl_rng_normal(r);
        to[j] = from[j] + s*e;
        const double back = sqrt(1 + to[j]*to[j]), b = (from[j] - to[j])/back;
        q += 0.5*(e*e - b*b) + log(s/back);
    }
    return ((jumper *)ctx)->lie ? 0 : q;
}

TEST rosenbrock_is_left_invariant_by_each_move_alone(void)
{
    for (int m = 0; m < SNL_MOVES; m++) {
        density d = { 2, flat, rosenbrock, 0 };
        jumper honest = { 0 };
        snl_mcmc_cfg cfg = only((snl_move)m, 2, 40);
        chain c;
        size_t i = 0;
        cfg.jump = jump;
        cfg.jump_ctx = &honest;
        ASSERT_EQ(SNL_OK, sample(&c, &cfg, &d, 1, 0.5, 10000, 16));
        EACH(&c, x) c.f[i++] = normal_cdf(x[0] - 1);
        ASSERT(ks_p(&c) > MIN_P);
        i = 0;
        EACH(&c, x) c.f[i++] = normal_cdf((x[1] - x[0]*x[0])/sqrt(0.1));
        ASSERT(ks_p(&c) > MIN_P);
        i = 0;
        EACH(&c, x) c.f[i++] = x[0];
        CHECK_CALL(check_normal(&c, 1, 1));
        drop(&c);
    }
    PASS();
}

static double normal_2(const double *x) { return -0.5*(x[0]*x[0] + x[1]*x[1]); }

TEST a_hidden_hastings_ratio_is_seen(void)
{
    for (int lie = 0; lie < 2; lie++) {
        density d = { 2, flat, normal_2, 0 };
        jumper j = { 0 };
        snl_mcmc_cfg cfg = only(SNL_MOVE_JUMP, 2, 16);
        chain c;
        size_t i = 0;
        j.lie = lie;
        cfg.jump = jump;
        cfg.jump_ctx = &j;
        ASSERT_EQ(SNL_OK, sample(&c, &cfg, &d, 0, 1, 20000, 2));
        EACH(&c, x) c.f[i++] = x[0]*x[0];
        if (lie) ASSERT(fabs(sigmas(&c, 1)) > 10);
        else ASSERT_NEAR(0, sigmas(&c, 1), MAX_SIGMA);
        drop(&c);
    }
    PASS();
}

/* A peak that 10 of 3000 points show gets a component with the shape of the other peak, and so
 * chains that start elsewhere give it its hundredth, whatever their seed. */
TEST the_mixture_reaches_a_rare_peak(void)
{
    enum { W = 40, N = 4000, D = 11, X = 3000, CHAINS = 6 };
    density d = { D, flat, rare_mode, 0 };
    snl_mcmc_cfg cfg = only(SNL_MOVE_STRETCH, D, W);
    double *x = malloc(X*D*sizeof *x), *theta = malloc(N*W*D*sizeof *theta);
    double mean = 0, least = 1;
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(N);
    size_t i, j;
    cfg.components = 16;
    cfg.weight[SNL_MOVE_MIXTURE] = 1;
    cfg.target = evaluate;
    cfg.target_ctx = &d;
    for (cfg.seed = 1; cfg.seed <= CHAINS; cfg.seed++) {
        snl_mcmc_chain kept = { theta, NULL, NULL, NULL, 0 };
        double share = 0;
        snl_mcmc *s;
        snl_rng r;
        snl_rng_seed(&r, cfg.seed, 31);
        for (i = 0; i < X; i++) {
            for (j = 0; j < D; j++) x[i*D + j] = snl_rng_normal(&r);
            x[i*D + 1] = 0.9*x[i*D] + sqrt(0.19)*x[i*D + 1];
            if (i % 300 == 299) x[i*D] += 12;
        }
        ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &cfg, NULL));
        ASSERT_EQ(SNL_OK, snl_mcmc_start(s, x, NULL));
        ASSERT_EQ(SNL_OK, snl_mcmc_fit(s, X, x));
        snl_mcmc_freeze(s);
        ASSERT_EQ(SNL_OK, snl_mcmc_run(s, &run, &kept, NULL));
        for (i = 0; i < N*W; i++) share += (theta[i*D] > 6)/(double)(N*W);
        mean += share/CHAINS;
        least = fmin(least, share);
        snl_mcmc_free(s);
    }
    ASSERT(least > 0.003);
    ASSERT_NEAR(0.01, mean, 0.004);
    free(x);
    free(theta);
    PASS();
}

/* Modes that no other move connects.  Half of the walkers start in each, so the mixture is
 * fitted to shares of 1/2; q(x)/q(y) must turn them into 0.8 and keep the shape, which
 * without it would be that of the product of target and mixture, as narrow as sqrt(1/2). */
TEST the_mixture_weighs_what_it_was_fitted_to_wrongly(void)
{
    for (int with = 0; with < 2; with++) {
        enum { W = 20, N = 5000 };
        density d = { 2, flat, two_modes, 0 };
        snl_mcmc_cfg cfg = only(SNL_MOVE_STRETCH, 2, W);
        chain c = { N, W, 2, malloc(N*W*2*sizeof(double)), malloc(N*W*sizeof(double)),
                    malloc(snl_mcmc_tau_work(N)*sizeof(double)), malloc(N*W*sizeof(double)) };
        snl_mcmc_chain kept = { c.theta, NULL, NULL, NULL, 0 };
        snl_mcmc_run_cfg run = snl_mcmc_run_defaults(2000);
        double x0[W*2], rate[SNL_MOVES], share = 0;
        snl_mcmc *s;
        snl_rng r;
        size_t i;
        snl_rng_seed(&r, 30, 0);
        for (i = 0; i < W*2; i++) x0[i] = snl_rng_normal(&r) + (i % 4 ? i % 4 == 2 ? -10 : 0 : 10);
        cfg.components = with ? 3 : 0;
        if (with) cfg.weight[SNL_MOVE_MIXTURE] = 1;
        cfg.target = evaluate;
        cfg.target_ctx = &d;
        ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &cfg, NULL));
        ASSERT_EQ(SNL_OK, snl_mcmc_start(s, x0, NULL));
        ASSERT_EQ(SNL_OK, snl_mcmc_run(s, &run, &kept, NULL));
        if (with) ASSERT_EQ(SNL_OK, snl_mcmc_fit(s, kept.kept*W, c.theta));
        else ASSERT_EQ(SNL_EINVAL, snl_mcmc_fit(s, kept.kept*W, c.theta));
        snl_mcmc_freeze(s);
        run.steps = N;
        kept.kept = 0;
        ASSERT_EQ(SNL_OK, snl_mcmc_run(s, &run, &kept, NULL));
        snl_mcmc_rates(s, rate, NULL);
        i = 0;
        EACH(&c, x) { share += (x[0] > 0)/(double)(N*W);  c.f[i++] = x[0] > 0; }
        if (!with) ASSERT_NEAR(0.5, share, 1e-9);           /* the control: they stay */
        else {
            ASSERT(rate[SNL_MOVE_MIXTURE] > 0.4);           /* about 0.7 of the draws */
            ASSERT_NEAR(0, sigmas(&c, 0.8), MAX_SIGMA);
            i = 0;
            EACH(&c, x) c.f[i++] = normal_cdf(fabs(x[0]) - 10);
            ASSERT(ks_p(&c) > MIN_P);
            i = 0;
            EACH(&c, x) c.f[i++] = normal_cdf((fabs(x[0]) - 10)/sqrt(0.5));
            ASSERT(ks_p(&c) < 1e-6);
        }
        if (with) {                                         /* the density integrates to 1 */
            enum { DRAWS = 2000 };
            double *lp = malloc((2*N*W + DRAWS)*sizeof *lp), *work = lp + N*W, ln_z, error;
            ASSERT(lp);
            ASSERT_EQ(SNL_OK, evaluate(&d, N*W, c.theta, lp, c.f));
            for (i = 0; i < N*W; i++) lp[i] += c.f[i];
            ln_z = error = 7;                               /* unchanged on an error */
            ASSERT_EQ(SNL_EINVAL, snl_mcmc_bridge(s, N*W, c.theta, lp, 0, DRAWS, &ln_z, &error,
                                                  work, NULL));
            ASSERT(ln_z == 7 && error == 7);
            ASSERT_EQ(SNL_OK, snl_mcmc_bridge(s, N*W, c.theta, lp, N, DRAWS, &ln_z, &error,
                                              work, NULL));
            ASSERT(error > 1e-3 && error < 0.05);
            ASSERT_NEAR(0, ln_z, MAX_SIGMA*error);
            for (i = 0; i < N*W; i++) lp[i] += 1;           /* the control: it reads logp */
            ASSERT_EQ(SNL_OK, snl_mcmc_bridge(s, N*W, c.theta, lp, N, DRAWS, &ln_z, &error,
                                              work, NULL));
            ASSERT(ln_z > MAX_SIGMA*error);
            free(lp);
        }
        snl_mcmc_free(s);
        drop(&c);
    }
    PASS();
}

TEST ring_is_uniform_in_angle(void)
{
    density d = { 2, flat, ring, 0 };
    snl_mcmc_cfg cfg = snl_mcmc_defaults(2, 40, 1);
    chain c;
    size_t i = 0;
    ASSERT_EQ(SNL_OK, sample(&c, &cfg, &d, 0, 5, 10000, 10));
    EACH(&c, x) c.f[i++] = 0.5 + atan2(x[1], x[0])/(2*SNL_PI);
    ASSERT(ks_p(&c) > MIN_P);
    i = 0;      /* density r exp(-(r - 5)^2/(2 0.01)): <r> = (25 + 0.01)/5 */
    EACH(&c, x) c.f[i++] = sqrt(x[0]*x[0] + x[1]*x[1]);
    ASSERT_NEAR(0, sigmas(&c, 5.002), MAX_SIGMA);
    ASSERT(fabs(sigmas(&c, 5.000)) > MAX_SIGMA);            /* the area element counts */
    drop(&c);
    PASS();
}

TEST box_is_uniform_up_to_its_edges(void)
{
    density d = { 3, box_unit, flat, 0 };
    snl_mcmc_cfg cfg = snl_mcmc_defaults(3, 24, 1);
    chain c;
    cfg.weight[SNL_MOVE_GAUSS] = 0.5;
    ASSERT_EQ(SNL_OK, sample(&c, &cfg, &d, 0.5, 0.1, 10000, 10));
    for (int j = 0; j < 3; j++) {
        size_t i = 0;
        double lo = 1, hi = 0;
        EACH(&c, x) { c.f[i++] = x[j];  lo = fmin(lo, x[j]);  hi = fmax(hi, x[j]); }
        ASSERT(lo > 0 && lo < 1e-4 && hi < 1 && hi > 1 - 1e-4);
        ASSERT(ks_p(&c) > MIN_P);
        ASSERT_NEAR(0, sigmas(&c, 0.5), MAX_SIGMA);
    }
    drop(&c);
    PASS();
}

TEST von_mises_is_kept_by_each_move_across_the_seam(void)
{
    const double lo[2] = { -SNL_PI, 0 }, period[2] = { 2*SNL_PI, 0 };
    enum { K = 20000 };
    static double cdf[K + 1];
    double mean_cos = 0;
    cdf[0] = 0;                             /* midpoint rule, exact to rounding here */
    for (int k = 0; k < K; k++) {
        const double a = -SNL_PI + (k + 0.5)*2*SNL_PI/K, f = exp(0.7*cos(a - 3));
        cdf[k + 1] = cdf[k] + f;
        mean_cos += f*cos(a - 3);
    }
    mean_cos /= cdf[K];
    for (int m = 0; m < SNL_MOVE_JUMP; m++) {
        density d = { 2, flat, von_mises, 0 };
        snl_mcmc_cfg cfg = only((snl_move)m, 2, 16);
        chain c;
        size_t i = 0, outside = 0;
        cfg.lo = lo;
        cfg.period = period;
        ASSERT_EQ(SNL_OK, sample(&c, &cfg, &d, 0, 2, 20000, 8));
        EACH(&c, x) {
            const double k = (x[0] + SNL_PI)/(2*SNL_PI)*K;
            outside += !(x[0] >= -SNL_PI && x[0] < SNL_PI);
            c.f[i++] = cdf[(size_t)k]/cdf[K];
        }
        ASSERT_EQ(0, outside);
        ASSERT(ks_p(&c) > MIN_P);
        i = 0;
        EACH(&c, x) c.f[i++] = cos(x[0] - 3);
        ASSERT_NEAR(0, sigmas(&c, mean_cos), MAX_SIGMA);
        i = 0;
        EACH(&c, x) c.f[i++] = sin(x[0] - 3);
        ASSERT_NEAR(0, sigmas(&c, 0), MAX_SIGMA);
        i = 0;
        EACH(&c, x) c.f[i++] = x[1];
        CHECK_CALL(check_normal(&c, 0, 1));
        drop(&c);
    }
    PASS();
}

/* ---- tempering ---------------------------------------------------------- */

/* From x0 = centre, the others 0: share with x0 > 0 at beta = 1, evidence, swap rates. */
static snl_status temper(snl_mcmc_cfg *cfg, density *d, double centre, double scale,
                         size_t steps, double *share, snl_evidence *z, double *swap)
{
    const size_t cells = cfg->temps*cfg->walkers*cfg->dim;
    double *x0 = malloc(cells*sizeof *x0);
    double *theta = malloc(steps/10*cfg->walkers*cfg->dim*sizeof *theta);
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(steps);
    snl_mcmc_chain c = { NULL, NULL, NULL, NULL, 0 };
    snl_mcmc *s = NULL;
    snl_status st;
    snl_rng r;
    snl_rng_seed(&r, 6, 0);
    for (size_t i = 0; i < cells; i++)
        x0[i] = (i % cfg->dim ? 0 : centre) + scale*snl_rng_normal(&r);
    cfg->target = evaluate;
    cfg->target_ctx = d;
    c.theta = theta;
    st = snl_mcmc_create(&s, cfg, NULL);
    if (st == SNL_OK) st = snl_mcmc_start(s, x0, NULL);
    if (st == SNL_OK) st = snl_mcmc_run(s, &run, NULL, NULL);
    if (st == SNL_OK) snl_mcmc_freeze(s);
    run.thin = 10;
    if (st == SNL_OK) st = snl_mcmc_run(s, &run, &c, NULL);
    if (st == SNL_OK && cfg->temps > 1) st = snl_mcmc_evidence(s, z);
    if (st == SNL_OK) {
        size_t right = 0;
        for (size_t i = 0; i < c.kept*cfg->walkers; i++) right += theta[i*cfg->dim] > 0;
        *share = (double)right/(double)(c.kept*cfg->walkers);
        snl_mcmc_rates(s, NULL, swap);
    }
    snl_mcmc_free(s);
    free(theta);
    free(x0);
    return st;
}

TEST tempering_weighs_modes_20_sigma_apart(void)
{
    density d = { 2, box_40, two_modes, 0 };
    snl_mcmc_cfg cfg = snl_mcmc_defaults(2, 20, 8), cold = snl_mcmc_defaults(2, 20, 1);
    snl_evidence z;
    double share, swap[7];
    ASSERT_EQ(SNL_OK, temper(&cfg, &d, 10, 1, 30000, &share, &z, swap));
    ASSERT_EQ(80, d.rows);
    ASSERT_NEAR(0.8, share, 0.02);
    ASSERT_NEAR(-2*log(40), z.ss, 0.1);
    ASSERT_NEAR(-2*log(40), z.ti, 0.1);
    ASSERT(z.ss_error > 0 && z.ss_error < 0.05 && z.ti_error > 0 && z.ti_error < 0.5);
    ASSERT_EQ(SNL_OK, temper(&cold, &d, 10, 1, 3000, &share, &z, swap));
    ASSERT_EQ(1, share);                        /* the control never finds the other */
    PASS();
}

/* Z of N(0, 1) likelihood and N(0, 10^2) prior in 11-d: N(0; 0, 101 I). */
TEST evidence_of_a_gaussian_and_equal_swap_rates(void)
{
    const double truth = -5.5*log(2*SNL_PI*101);
    density d = { 11, normal_prior10, normal_11, 0 };
    snl_mcmc_cfg cfg = snl_mcmc_defaults(11, 24, 12);
    snl_evidence z;
    double share, swap[11], lo = 1, hi = 0;
    ASSERT_EQ(SNL_OK, temper(&cfg, &d, 0, 2, 20000, &share, &z, swap));
    ASSERT_NEAR(truth, z.ss, 0.1);
    ASSERT_NEAR(truth, z.ti, 0.1);
    ASSERT_NEAR(truth, z.ss, 5*z.ss_error);
    ASSERT_NEAR(truth, z.ti, 5*z.ti_error);
    ASSERT(z.ss_error < 0.05);
    for (int k = 0; k < 11; k++) { lo = fmin(lo, swap[k]);  hi = fmax(hi, swap[k]); }
    ASSERT(lo > 0.2 && hi - lo < 0.1);
    PASS();
}

/* L = 1 on a quarter of the box, else 0: the hottest rung visits L = 0. */
static double quarter(const double *x) { return x[0] > 0 && x[1] > 0 ? 0 : -INFINITY; }

TEST evidence_where_the_likelihood_has_zeros(void)
{
    density d = { 2, box_40, quarter, 0 };
    snl_mcmc_cfg cfg = snl_mcmc_defaults(2, 20, 2);
    snl_evidence z;
    double share, swap[1];
    ASSERT_EQ(SNL_OK, temper(&cfg, &d, 1, 3, 10000, &share, &z, swap));
    ASSERT_EQ(1, share);
    ASSERT_NEAR(-log(4), z.ss, 0.1);
    ASSERT_NEAR(-log(4), z.ss, 5*z.ss_error);
    ASSERT_EQ(-INFINITY, z.ti);                 /* thermodynamic integration cannot */
    PASS();
}

/* ---- running, saving, refusing ------------------------------------------ */

static snl_mcmc *small(density *d, size_t temps, uint64_t seed)
{
    snl_mcmc_cfg cfg = snl_mcmc_defaults(2, 12, temps);
    double x0[3*12*2];
    snl_mcmc *s;
    snl_rng r;
    d->dim = 2;
    d->prior = box_40;
    d->like = rosenbrock;
    cfg.target = evaluate;
    cfg.target_ctx = d;
    cfg.seed = seed;
    cfg.weight[SNL_MOVE_GAUSS] = 0.2;
    cfg.weight[SNL_MOVE_MIXTURE] = 0.2;
    cfg.components = 3;
    snl_rng_seed(&r, 7, seed);
    for (size_t i = 0; i < temps*24; i++) x0[i] = snl_rng_normal(&r);
    if (snl_mcmc_create(&s, &cfg, NULL)) return NULL;
    if (snl_mcmc_start(s, x0, NULL)) { snl_mcmc_free(s);  return NULL; }
    return s;
}

TEST a_loaded_state_continues_bit_for_bit(void)
{
    density d;
    snl_mcmc *a = small(&d, 3, 1), *b = small(&d, 3, 2), *other = small(&d, 2, 1);
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(300);
    static double xa[300*24], pa[300*12], la[300*12], xb[300*24], pb[300*12], lb[300*12];
    snl_mcmc_chain ca = { xa, pa, la, NULL, 0 }, cb = { xb, pb, lb, NULL, 0 };
    snl_evidence za, zb;
    ASSERT(a && b && other);
    ASSERT_EQ(SNL_OK, snl_mcmc_run(a, &run, &ca, NULL));
    ASSERT_EQ(SNL_OK, snl_mcmc_fit(a, 300*12, xa));
    ca.kept = 0;
    snl_mcmc_freeze(a);
    ASSERT_EQ(SNL_OK, snl_mcmc_run(a, &run, NULL, NULL));
    const size_t size = snl_mcmc_save_size(a);
    unsigned char *bytes = malloc(size);
    snl_mcmc_save(a, bytes);
    ASSERT_EQ(SNL_OK, snl_mcmc_run(a, &run, &ca, NULL));
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_load(other, bytes, size));
    for (size_t i = 0; i < size; i += 7) {
        bytes[i] ^= 1;
        ASSERT_EQ(SNL_EFORMAT, snl_mcmc_load(b, bytes, size));
        bytes[i] ^= 1;
    }
    for (size_t n = 0; n < size; n += 5)
        ASSERT_EQ(SNL_EFORMAT, snl_mcmc_load(b, bytes, n));
    unsigned char *bad = malloc(size);          /* under a good sum: flags, batch, rows of a   */
    const struct { size_t at; uint64_t v; } lie[] = {           /* batch; a NaN among settings */
        { 4, 2 }, { 5, 2 }, { 10, 2 }, { 7, 1000 }, { 7, UINT64_MAX }, { 8, 1000000 }, { 9, 0 },
        { 11, UINT64_MAX } };
    for (size_t i = 0; i < sizeof lie / sizeof lie[0]; i++) {
        memcpy(bad, bytes, size);
        snl_put(bad + 40 + 8*lie[i].at, lie[i].v);
        snl_put(bad + size - 8, snl_fnv1a(bad, size - 8));
        ASSERT_EQ(SNL_EFORMAT, snl_mcmc_load(b, bad, size));
    }
    {                                           /* fitted, of no components; an endless time is */
        snl_mcmc_cfg c = only(SNL_MOVE_STRETCH, 2, 4);  /* legal, more or less than that is not */
        snl_mcmc *none;
        c.target = evaluate;
        c.target_ctx = &d;
        c.adapt_time = INFINITY;
        ASSERT_EQ(0, c.components);
        ASSERT_EQ(SNL_OK, snl_mcmc_create(&none, &c, NULL));
        const size_t few = snl_mcmc_save_size(none);
        ASSERT(few <= size);
        snl_mcmc_save(none, bad);
        ASSERT_EQ(SNL_OK, snl_mcmc_load(none, bad, few));
        snl_put(bad + 40 + 8*10, 1);
        snl_put(bad + few - 8, snl_fnv1a(bad, few - 8));
        ASSERT_EQ(SNL_EFORMAT, snl_mcmc_load(none, bad, few));
        for (size_t at = 11; at < 11 + 6; at++) {       /* settings that are no numbers */
            const double wrong[3] = { NAN, -INFINITY, INFINITY };
            for (size_t i = 0; i < (at == 14 ? 2 : 3); i++) {
                snl_mcmc_save(none, bad);
                snl_put_doubles(bad + 40 + 8*at, 1, wrong + i);
                snl_put(bad + few - 8, snl_fnv1a(bad, few - 8));
                ASSERT_EQ(SNL_EFORMAT, snl_mcmc_load(none, bad, few));
            }
        }
        for (int m = 0; m < SNL_MOVE_JUMP; m++) {       /* moves that need more walkers than 4 */
            double share[SNL_MOVES];
            for (int j = 0; j < SNL_MOVES; j++) share[j] = j < m ? 0.9 : 1;
            snl_mcmc_save(none, bad);
            snl_put_doubles(bad + 40 + 8*17, SNL_MOVES, share);
            snl_put(bad + few - 8, snl_fnv1a(bad, few - 8));
            ASSERT_EQ(m == SNL_MOVE_SNOOKER || m == SNL_MOVE_GAUSS ? SNL_EFORMAT : SNL_OK,
                      snl_mcmc_load(none, bad, few));
        }
        snl_mcmc_free(none);
    }
    free(bad);
    ASSERT_EQ(SNL_OK, snl_mcmc_load(b, bytes, size));
    run.steps = 100;                            /* and in pieces */
    for (int i = 0; i < 3; i++) ASSERT_EQ(SNL_OK, snl_mcmc_run(b, &run, &cb, NULL));
    ASSERT_EQ(300, ca.kept);
    ASSERT_EQ(300, cb.kept);
    ASSERT_EQ(0, memcmp(xa, xb, sizeof xa));
    ASSERT_EQ(0, memcmp(pa, pb, sizeof pa));
    ASSERT_EQ(0, memcmp(la, lb, sizeof la));
    ASSERT_EQ(SNL_OK, snl_mcmc_evidence(a, &za));
    ASSERT_EQ(SNL_OK, snl_mcmc_evidence(b, &zb));
    ASSERT_EQ(0, memcmp(&za, &zb, sizeof za));
    for (size_t i = 0; i < 300*12; i++) {       /* the chain holds what the target says */
        ASSERT_EQ(box_40(xa + 2*i), pa[i]);
        ASSERT_EQ(rosenbrock(xa + 2*i), la[i]);
    }
    free(bytes);
    snl_mcmc_free(a);
    snl_mcmc_free(b);
    snl_mcmc_free(other);
    PASS();
}

static int stop_at_200(void *user, const snl_mcmc_progress *p)
{
    *(snl_mcmc_progress *)user = *p;
    return p->step >= 200;
}

TEST runs_stop_when_asked_or_when_enough(void)
{
    density d;
    snl_mcmc *s = small(&d, 1, 1);
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(10000);
    snl_mcmc_chain c = { NULL, NULL, NULL, NULL, 0 };
    snl_mcmc_progress last;
    double tau[2];
    int too_short;
    ASSERT(s);
    d.like = normal_2;
    c.theta = malloc(11000*24*sizeof *c.theta);
    c.work = malloc(snl_mcmc_tau_work(11000)*sizeof *c.work);
    run.every = 50;
    run.thin = 3;
    run.progress = stop_at_200;
    run.user = &last;
    ASSERT_EQ(SNL_ESTOPPED, snl_mcmc_run(s, &run, &c, NULL));
    ASSERT_EQ(66, c.kept);
    ASSERT(last.step == 200 && last.kept == 66 && last.steps == 10000);
    ASSERT(last.accept > 0.05 && last.accept < 0.9);
    run.progress = NULL;
    run.thin = 1;
    run.every = 500;
    run.ess = 500;
    c.kept = 0;
    ASSERT_EQ(SNL_OK, snl_mcmc_run(s, &run, &c, NULL));
    ASSERT(c.kept < 10000 && c.kept % 500 == 0);
    ASSERT_EQ(SNL_OK, snl_mcmc_tau(c.kept, 12, 2, c.theta, tau, &too_short, c.work));
    ASSERT(!too_short && (double)c.kept*12/fmax(tau[0], tau[1]) >= 500);
    free(c.theta);
    free(c.work);
    snl_mcmc_free(s);
    PASS();
}

static double nan_beyond_1(const double *x) { return x[0] > 1 ? NAN : -0.5*x[0]*x[0]; }
static double nowhere(const double *x) { (void)x;  return -INFINITY; }
static double nan_jump(void *ctx, snl_rng *r, const double *from, double *to)
{ (void)ctx; (void)r; (void)from; (void)to;  return NAN; }

/* In one dimension, each move alone: two for the other half of the ensemble to be one point,
 * differences of two others, a third for the snooker's axis, a covariance of the other half. */
TEST the_least_number_of_walkers_is_that_of_the_moves(void)
{
    static const struct { snl_move move;  size_t least; } of[] = {
        { SNL_MOVE_STRETCH, 2 }, { SNL_MOVE_DE, 4 }, { SNL_MOVE_SNOOKER, 6 }, { SNL_MOVE_GAUSS, 4 } };
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        snl_mcmc_cfg c = only(of[i].move, 1, of[i].least);
        snl_mcmc *s;
        snl_fault why;
        c.target = evaluate;
        ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &c, &why));
        snl_mcmc_free(s);
        c.walkers -= 2;
        ASSERT_EQ(SNL_EINVAL, snl_mcmc_create(&s, &c, &why));
        ASSERT_STR_EQ("walkers", why.name);
    }
    PASS();
}

TEST bad_settings_and_starts_are_refused_by_name(void)
{
    density d = { 2, flat, normal_2, 0 };
    snl_mcmc_cfg good = snl_mcmc_defaults(2, 12, 2), c;
    const double lo[2] = { 0, NAN }, zero[2] = { 0, 0 }, period[2] = { 1, 1 };
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(1000);
    snl_mcmc *s;
    snl_fault why;
    snl_evidence z;
    double x0[48], x[48];
    snl_rng r;
    snl_rng_seed(&r, 8, 0);
    for (int i = 0; i < 48; i++) x0[i] = 0.3*snl_rng_normal(&r);
    good.target = evaluate;
    good.target_ctx = &d;
#define REFUSES(change, status, field) \
    do { c = good;  change;  ASSERT_EQ(status, snl_mcmc_create(&s, &c, &why)); \
         ASSERT_STR_EQ(field, why.name);  ASSERT(!s); } while (0)
    REFUSES(c.target = NULL, SNL_EINVAL, "target");
    REFUSES(c.dim = 0, SNL_EINVAL, "dim");
    REFUSES(c.temps = 0, SNL_EINVAL, "temps");
    REFUSES(c.walkers = 11, SNL_EINVAL, "walkers");
    REFUSES(c.walkers = 4, SNL_EINVAL, "walkers");              /* the snooker needs 6 */
    REFUSES(c.dim = 7, SNL_EINVAL, "walkers");                  /* W < 2 dim           */
    REFUSES(c.weight[1] = NAN, SNL_ENOTFINITE, "weight");
    REFUSES(memset(c.weight, 0, sizeof c.weight), SNL_EINVAL, "weight");
    REFUSES(c.weight[0] = c.weight[1] = 1e308, SNL_EINVAL, "weight");       /* their sum */
    REFUSES(c.weight[SNL_MOVE_JUMP] = 1, SNL_EINVAL, "jump");
    REFUSES(c.weight[SNL_MOVE_MIXTURE] = 1, SNL_EINVAL, "components");
    REFUSES(c.components = 65, SNL_EINVAL, "components");
    REFUSES(c.stretch = 1, SNL_EINVAL, "stretch");
    REFUSES(c.hop = 2, SNL_EINVAL, "hop");
    REFUSES(c.gauss = 0, SNL_EINVAL, "gauss");
    REFUSES(c.ratio = NAN, SNL_ENOTFINITE, "ratio");
    REFUSES(c.adapt_time = 0, SNL_EINVAL, "adapt_time");
    REFUSES(c.adapt_lag = -1, SNL_EINVAL, "adapt_lag");
    REFUSES(c.period = period, SNL_EINVAL, "lo");
    REFUSES((c.period = period, c.lo = lo), SNL_ENOTFINITE, "lo");
    ASSERT_EQ(1, why.index);

    c = good;                   /* -1e-20 + 1 rounds to 1, which is not in [0, 1) */
    c.period = period;
    c.lo = zero;
    memcpy(x, x0, sizeof x);
    x[3] = -1e-20;
    ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &c, &why));
    ASSERT_EQ(SNL_OK, snl_mcmc_start(s, x, &why));
    for (int i = 0; i < 48; i++)
        ASSERT(snl_mcmc_state(s).theta[i] >= 0 && snl_mcmc_state(s).theta[i] < 1);
    snl_mcmc_free(s);

    ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &good, &why));
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_run(s, &run, NULL, &why));
    ASSERT_STR_EQ("started", why.name);
    memcpy(x, x0, sizeof x);
    x[5] = NAN;
    ASSERT_EQ(SNL_ENOTFINITE, snl_mcmc_start(s, x, &why));
    ASSERT(!strcmp(why.name, "theta") && why.index == 5);
    for (int i = 0; i < 24; i++) { x[2*i] = 1e9 + x0[2*i];  x[2*i + 1] = 7 - 2*x[2*i]; }
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_start(s, x, &why));          /* x1 = 7 - 2 x0 */
    ASSERT(!strcmp(why.name, "spread") && why.index == 1);
    for (int i = 0; i < 24; i++) x[2*i] = 0.1;
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_start(s, x, &why));          /* x0 constant */
    ASSERT(!strcmp(why.name, "spread") && why.index == 0);
    d.prior = nowhere;
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_start(s, x0, &why));
    ASSERT(!strcmp(why.name, "log_posterior") && why.index == 0);
    d.prior = flat;
    d.like = nan_beyond_1;
    ASSERT_EQ(SNL_OK, snl_mcmc_start(s, x0, &why));
    ASSERT_EQ(SNL_ENOTFINITE, snl_mcmc_run(s, &run, NULL, &why));
    ASSERT_STR_EQ("target", why.name);
    ASSERT(snl_mcmc_state(s).bad[0] > 1 && why.value != why.value);
    for (int i = 0; i < 24; i++) ASSERT(snl_mcmc_state(s).theta[2*i] <= 1);
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_evidence(s, &z));            /* not frozen */
    run.thin = 0;
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_run(s, &run, NULL, &why));
    ASSERT_STR_EQ("thin", why.name);
    snl_mcmc_free(s);

    c = only(SNL_MOVE_JUMP, 2, 12);
    c.target = evaluate;
    c.target_ctx = &d;
    c.jump = nan_jump;
    run.thin = 1;
    ASSERT_EQ(SNL_OK, snl_mcmc_create(&s, &c, &why));
    ASSERT_EQ(SNL_OK, snl_mcmc_start(s, x0, &why));
    ASSERT_EQ(SNL_ENOTFINITE, snl_mcmc_run(s, &run, NULL, &why));
    ASSERT_STR_EQ("jump", why.name);
    snl_mcmc_free(s);
    snl_mcmc_free(NULL);
    PASS();
}

/* ---- diagnostics -------------------------------------------------------- */

/* x_t = phi x_t-1 + e: tau = (1 + phi)/(1 - phi) */
TEST tau_of_an_autoregressive_series(void)
{
    enum { N = 20000, W = 16 };
    const double phi[2] = { 0.9, 0 };
    double *x = malloc(N*W*2*sizeof *x);
    double *work = malloc(snl_mcmc_tau_work(N)*sizeof *work);
    double tau[2];
    int too_short;
    snl_rng r;
    snl_rng_seed(&r, 9, 0);
    for (size_t i = 0; i < N*W*2; i++)
        x[i] = i < W*2 ? snl_rng_normal(&r)/sqrt(1 - phi[i & 1]*phi[i & 1])
                       : phi[i & 1]*x[i - W*2] + snl_rng_normal(&r);
    ASSERT_EQ(SNL_OK, snl_mcmc_tau(N, W, 2, x, tau, &too_short, work));
    ASSERT(!too_short);
    ASSERT_REL(19, tau[0], 0.14);       /* 4 sqrt(2 (2 5 tau + 1)/(N W)) */
    ASSERT_REL(1, tau[1], 0.04);
    ASSERT_EQ(SNL_OK, snl_mcmc_tau(900, W, 2, x, tau, &too_short, work));
    ASSERT(too_short && tau[0] > 10 && tau[0] < 30);    /* still an estimate */
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_tau(9, W, 2, x, tau, &too_short, work));
    for (size_t i = 0; i < 100*W; i++) x[i] = 3;
    ASSERT_EQ(SNL_OK, snl_mcmc_tau(100, W, 1, x, tau, &too_short, work));
    ASSERT(too_short && tau[0] == INFINITY);
    free(x);
    free(work);
    PASS();
}

/* Series in J dimensions of tau = 19 (phi = 0.9): n walkers/ess is tau on average, each of
 * the J known to sqrt(2 (2 M + 1)/n) = 0.11, M some 30 being where rho drowns in its noise;
 * walkers that are copies of one count once. */
TEST ess_counts_walkers_that_are_copies_once(void)
{
    enum { N = 10000, W = 4, J = 60 };
    const double phi = 0.9, error = 4*0.11/sqrt(J);
    double *x = malloc(N*W*J*sizeof *x), ess[J], work[N], tau = 0, rms = 0;
    snl_rng r;
    ASSERT(x);
    snl_rng_seed(&r, 21, 0);
    for (size_t i = 0; i < N*W*J; i++)
        x[i] = i < W*J ? snl_rng_normal(&r)/sqrt(1 - phi*phi)
                       : phi*x[i - W*J] + snl_rng_normal(&r);
    ASSERT_EQ(SNL_OK, snl_mcmc_ess(N, W, J, x, ess, work));
    for (int j = 0; j < J; j++) {
        tau += N*W/ess[j]/J;
        rms += pow(N*W/ess[j]/19 - 1, 2)/J;
    }
    ASSERT_REL(19, tau, error);
    ASSERT_REL(0.11, sqrt(rms), 0.4);       /* 4/sqrt(2 J) */
    for (size_t i = 0; i < N; i++)
        for (size_t w = 1; w < W; w++) memcpy(x + (i*W + w)*J, x + i*W*J, J*sizeof *x);
    ASSERT_EQ(SNL_OK, snl_mcmc_ess(N, W, J, x, ess, work));
    tau = 0;
    for (int j = 0; j < J; j++) tau += N/ess[j]/J;
    ASSERT_REL(19, tau, error);
    for (size_t i = 0; i < N*W*J; i++) x[i] = snl_rng_normal(&r) + 1e6;
    ASSERT_EQ(SNL_OK, snl_mcmc_ess(N, W, J, x, ess, work));
    tau = 0;
    for (int j = 0; j < J; j++) {
        ASSERT(ess[j] <= N*W);              /* never more than there are */
        tau += N*W/ess[j]/J;
    }
    ASSERT_NEAR(1, tau, 2*error);           /* the cut at 1 makes it larger */
    for (size_t i = 0; i < N*W*J; i++) x[i] = 3;
    ASSERT_EQ(SNL_OK, snl_mcmc_ess(N, W, J, x, ess, work));
    for (int j = 0; j < J; j++) ASSERT_EQ(0.0, ess[j]);
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_ess(39, W, J, x, ess, work));
    free(x);
    PASS();
}

TEST r_hat_tells_good_chains_from_bad(void)
{
    enum { N = 1000, W = 8 };
    static double good[N*W*3], apart[N*W*3];
    const double *runs[2];
    double R[3];
    snl_rng r;
    snl_rng_seed(&r, 10, 0);
    for (size_t i = 0; i < N*W*3; i++) {
        const size_t j = i % 3, w = i/3 % W, t = i/3/W;
        good[i] = snl_rng_normal(&r);
        apart[i] = snl_rng_normal(&r) + (j == 0 ? (w < 4) : j == 1 ? (t < N/2) : 0);
    }
    runs[0] = good;
    ASSERT_EQ(SNL_OK, snl_mcmc_rhat(1, N, W, 3, runs, R));
    for (int j = 0; j < 3; j++) ASSERT_NEAR(1, R[j], 0.005);
    /* between = 1/4 16/15 of the offsets 0 and 1: R = sqrt(1 + 4/15); in time likewise */
    runs[0] = apart;
    ASSERT_EQ(SNL_OK, snl_mcmc_rhat(1, N, W, 3, runs, R));
    ASSERT_NEAR(sqrt(1 + 4./15), R[0], 0.02);
    ASSERT_NEAR(sqrt(1 + 4./15), R[1], 0.02);
    ASSERT_NEAR(1, R[2], 0.005);
    /* two ensembles whose means differ by 1/2 in j = 0: within 1 + 1/8, between 1/12 */
    runs[1] = good;
    ASSERT_EQ(SNL_OK, snl_mcmc_rhat(2, N, W, 3, runs, R));
    ASSERT_NEAR(sqrt(1 + 1./12/1.125), R[0], 0.01);
    ASSERT_NEAR(1, R[2], 0.002);
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_rhat(1, 3, W, 3, runs, R));
    PASS();
}

static double gauss(double x, double m, double s)
{ return exp(-0.5*(x - m)*(x - m)/(s*s))/(s*sqrt(2*SNL_PI)); }

TEST jsd_of_two_gaussians_is_the_integral(void)
{
    enum { N = 100000 };
    static double x[N], y[N], work[4*SNL_JSD_GRID], ones[N];
    /* the kernel widens both: compare with the integral of the widened ones */
    const double h = pow(N, -0.2), s = sqrt(1 + h*h), t = 1.3*s;
    double truth = 0, jsd;
    snl_rng r;
    snl_rng_seed(&r, 11, 0);
    for (int i = 0; i < N; i++) {
        x[i] = snl_rng_normal(&r);
        y[i] = 0.5 + 1.3*snl_rng_normal(&r);
        ones[i] = 0.3;
    }
    for (int i = 0; i < 4000; i++) {
        const double z = -20 + 0.01*(i + 0.5), p = gauss(z, 0, s), q = gauss(z, 0.5, t);
        const double m = 0.5*(p + q);
        if (p > 0) truth += 0.005*p*log(p/m);
        if (q > 0) truth += 0.005*q*log(q/m);
    }
    ASSERT_EQ(SNL_OK, snl_jsd(N, x, NULL, N, y, NULL, &jsd, work));
    ASSERT_REL(truth, jsd, 0.04);       /* 4 sqrt(jsd/(2 N))/jsd or so, jsd = 0.048 */
    const double plain = jsd;
    ASSERT_EQ(SNL_OK, snl_jsd(N, y, ones, N, x, NULL, &jsd, work));
    ASSERT_REL(plain, jsd, 1e-10);      /* symmetric; equal weights are no weights */
    for (int i = 0; i < N; i += 2) ones[i] = 0;
    for (int i = 0; i < N/2; i++) y[i] = y[2*i + 1];
    ASSERT_EQ(SNL_OK, snl_jsd(N, x, ones, N/2, y, NULL, &jsd, work));
    for (int i = 0; i < N/2; i++) x[i] = x[2*i + 1];
    /* zero weights are no samples, up to the ends of the grid */
    double half;
    ASSERT_EQ(SNL_OK, snl_jsd(N/2, x, NULL, N/2, y, NULL, &half, work));
    ASSERT_REL(half, jsd, 1e-3);
    ASSERT_EQ(SNL_OK, snl_jsd(N/4, x, NULL, N/4, x + N/4, NULL, &jsd, work));
    ASSERT(jsd < 0.002);
    for (int i = 0; i < N; i++) y[i] = 1;
    ASSERT_EQ(SNL_EFAILED, snl_jsd(N, x, NULL, N, y, NULL, &jsd, work));
    y[3] = NAN;
    ASSERT_EQ(SNL_ENOTFINITE, snl_jsd(N, x, NULL, N, y, NULL, &jsd, work));
    /* disjoint: ln 2 in any unit, or refused where the variance is none, jsd as it was */
    for (int e = -100; e <= 300; e += 100) {
        const double far[4] = { 1*pow(10, e), 2*pow(10, e), 101*pow(10, e), 102*pow(10, e) };
        jsd = 7;
        ASSERT_EQ(e < 200 ? SNL_OK : SNL_EFAILED,
                  snl_jsd(2, far, NULL, 2, far + 2, NULL, &jsd, work));
        ASSERT_REL(e < 200 ? log(2) : 7, jsd, 1e-12);
    }
    const double wide[4] = { -1e308, 1, 2, 1e308 }, inner[4] = { 0, 1, 1, 0 };
    jsd = 0;                /* refused, or 0 where x87 has a number for 2e308 */
    { const snl_status st = snl_jsd(4, wide, inner, 4, wide, inner, &jsd, work);
      ASSERT(st == SNL_EFAILED || (st == SNL_OK && FLT_EVAL_METHOD == 2));
      ASSERT_EQ(0.0, jsd); }
    PASS();
}

/* The same estimator in numpy (float64): np.convolve of np.bincount, np.std(ddof=1) */
TEST jsd_of_fixed_samples_is_numpys(void)
{
    static double x[500], y[300], work[4*SNL_JSD_GRID];
    double jsd;
    for (int i = 0; i < 500; i++) x[i] = 2*sin(0.1*i*i) + 0.001*i;
    for (int i = 0; i < 300; i++) y[i] = cos(0.3*i) + 0.4;
    ASSERT_EQ(SNL_OK, snl_jsd(500, x, NULL, 300, y, NULL, &jsd, work));
    ASSERT_REL(0.19684583478884005, jsd, 1e-9);
    PASS();
}

TEST quantiles_intervals_and_resampling(void)
{
    const double x[5] = { 5, 1, 4, 2, 10 }, q[5] = { 0, 0.1, 0.5, 0.8, 1 };
    const double want[5] = { 1, 1.4, 4, 6, 10 };        /* numpy.quantile(x, q) */
    const double w[5] = { 0, 2, 2, 2, 0 };
    double out[5], work[10], big[4000], many[2000];
    size_t index[7];
    snl_rng r;
    snl_rng_seed(&r, 12, 0);
    ASSERT_EQ(SNL_OK, snl_quantiles(5, x, NULL, 5, q, out, work));
    for (int k = 0; k < 5; k++) ASSERT_NEAR(want[k], out[k], 1e-12);
    ASSERT_EQ(SNL_OK, snl_quantiles(5, x, w, 5, q, out, work));   /* those of 1, 2, 4 */
    ASSERT_NEAR(1, out[0], 1e-12);
    ASSERT_NEAR(1.2, out[1], 1e-12);
    ASSERT_NEAR(2, out[2], 1e-12);
    ASSERT_NEAR(3.2, out[3], 1e-12);
    ASSERT_NEAR(4, out[4], 1e-12);
    ASSERT_EQ(SNL_OK, snl_quantiles(1, x, NULL, 1, q + 2, out, work));
    ASSERT_EQ(5, out[0]);
    ASSERT_EQ(3, snl_sample_ess(5, w));
    const double unit[5] = { 1e-320, 1e-200, 1, 1e200, 1e308 };     /* ess has none */
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < 4; i++) out[i] = unit[k];
        ASSERT_EQ(4, snl_sample_ess(4, out));
    }
    out[0] = out[1] = 0;
    ASSERT_EQ(2, snl_sample_ess(4, out));
    ASSERT_EQ(0, snl_sample_ess(2, out));
    const double little[3] = { 4, 5e-324, 5e-324 };     /* the last sample is the largest */
    ASSERT_EQ(SNL_OK, snl_quantiles(3, q, little, 1, q + 4, out, work));
    ASSERT_EQ(0.5, out[0]);

    ASSERT_EQ(SNL_OK, snl_hpd(5, x, NULL, 0.6, out, work));       /* 1 2 4, and 2 4 5 */
    ASSERT_NEAR(3, out[1] - out[0], 1e-12);
    ASSERT_EQ(SNL_OK, snl_hpd(5, x, NULL, 1, out, work));
    ASSERT(out[0] == 1 && out[1] == 10);
    for (int i = 0; i < 2000; i++) many[i] = -log((i + 0.5)/2000);  /* exponential */
    ASSERT_EQ(SNL_OK, snl_hpd(2000, many, NULL, 0.9, out, big));
    ASSERT_NEAR(0, out[0], 0.001);
    ASSERT_NEAR(log(10), out[1], 0.01);

    ASSERT_EQ(SNL_OK, snl_resample(5, w, 7, index, &r));
    for (size_t k = 1; k < 4; k++) {
        size_t count = 0;
        for (int i = 0; i < 7; i++) count += index[i] == k;
        ASSERT(count == 2 || count == 3);
    }
    ASSERT(index[0] == 1 && index[6] == 3);
    ASSERT_EQ(SNL_EINVAL, snl_hpd(5, x, NULL, 0, out, work));
    ASSERT_EQ(SNL_EINVAL, snl_quantiles(0, x, NULL, 1, q, out, work));
    PASS();
}

/* Kolmogorov's distribution at x = 1: 2 sum (-1)^(k-1) exp(-2 k^2) = 0.26999967 */
TEST ks_of_a_shifted_grid(void)
{
    enum { N = 10000 };
    static double u[N], work[N];
    double D, p;
    for (int i = 0; i < N; i++) u[i] = fmin((i + 0.5)/N + 0.00995, 1);
    ASSERT_EQ(SNL_OK, snl_ks(N, u, &D, &p, work));
    ASSERT_NEAR(0.01, D, 1e-12);
    ASSERT_NEAR(0.26999967, p, 0.002);      /* Stephens' x is 1.0012 */
    for (int i = 0; i < N; i++) u[i] = (i + 0.5)/N;
    ASSERT_EQ(SNL_OK, snl_ks(N, u, &D, &p, work));
    ASSERT_NEAR(0.5/N, D, 1e-12);
    ASSERT_EQ(1, p);
    const double bad[3] = { -1e-9, 1 + 1e-9, NAN };     /* no distribution function's */
    for (int k = 0; k < 3; k++) {
        u[7] = bad[k];
        ASSERT_EQ(k < 2 ? SNL_EINVAL : SNL_ENOTFINITE, snl_ks(N, u, &D, &p, work));
        ASSERT_EQ(1, p);
    }
    u[7] = 0;  u[8] = 1;
    ASSERT_EQ(SNL_OK, snl_ks(N, u, &D, &p, work));
    PASS();
}

/* w = u^-k has the tail of a generalised Pareto distribution of shape k; the estimate from
 * its 424 largest scatters by (1 + k)/sqrt(424). */
TEST the_shape_of_a_pareto_tail_is_found(void)
{
    enum { N = 20000 };
    static double w[N], work[N];
    const double shape[4] = { 0.2, 0.5, 0.8, 1.2 };
    double k;
    snl_rng r;
    snl_rng_seed(&r, 5, 0);
    for (int j = 0; j < 4; j++) {
        for (size_t i = 0; i < N; i++) w[i] = pow(snl_rng_uniform(&r), -shape[j]);
        ASSERT_EQ(SNL_OK, snl_pareto_k(N, w, &k, work));
        ASSERT_NEAR(shape[j], k, 4*(1 + shape[j])/sqrt(424));
    }
    for (size_t i = 0; i < N; i++) w[i] = 3;
    ASSERT_EQ(SNL_OK, snl_pareto_k(N, w, &k, work));
    ASSERT_EQ(0.0, k);
    ASSERT_EQ(SNL_EINVAL, snl_pareto_k(24, w, &k, work));
    w[7] = NAN;
    ASSERT_EQ(SNL_ENOTFINITE, snl_pareto_k(N, w, &k, work));
    PASS();
}

/* One draw that holds all, or each exp(-rate) of the one before: k is past all trust (0.7), and
 * INFINITY, with the weights left alone, where the others are nothing beside it. */
TEST weights_of_which_few_hold_all_are_not_trusted(void)
{
    enum { N = 1300 };
    static double w[N], was[N], work[N];
    double k;
    for (double rate = 1; rate < 1500; rate *= 1.05)
        for (int e = 0; e < 3; e++) {
            for (size_t i = 0; i < N; i++)
                was[i] = w[i] = exp(-rate*(double)i)*(e ? e < 2 ? 1e-300 : 1e300 : 1);
            ASSERT_EQ(SNL_OK, snl_pareto_k(N, w, &k, work));
            ASSERT(k > 0.7);
            if (rate > 10) ASSERT_EQ(INFINITY, k);
            ASSERT_EQ(SNL_OK, snl_pareto_smooth(N, w, &k, work));
            if (k == INFINITY) ASSERT_MEM_EQ(was, w, sizeof w);
            for (size_t i = 0; i < N; i++) ASSERT(w[i] >= 0 && w[i] <= was[0]);
        }
    for (size_t i = 0; i < N; i++) w[i] = 4.9e-324*(double)(i + 1);      /* too small to tell */
    ASSERT_EQ(SNL_OK, snl_pareto_k(N, w, &k, work));
    ASSERT_EQ(INFINITY, k);
    /* two values, where a step of the fit falls on 0/0: bounded, so not heavy */
    for (size_t i = 0; i < N; i++) w[i] = i < 100 ? 2 : 1;
    ASSERT_EQ(SNL_OK, snl_pareto_k(N, w, &k, work));
    ASSERT(k < 0.5);
    PASS();
}

/* The mean of w = u^-k is 1/(1 - k): over 200 samples the smoothed weights miss it by less, as [PS]
 * has it, for tails of k = 0.7 and 0.9; only the largest change, none of them beyond what was the
 * largest or out of order.  A weight of 250 among 10,000 near 1, as one draw in a gap of the
 * surrogate has, is one of the others' kind then. */
TEST smoothed_weights_miss_the_mean_by_less(void)
{
    enum { N = 1000, BIG = 10000 };
    static double w[BIG], raw[BIG], work[BIG];
    const size_t tail = (size_t)(3*sqrt(N));
    double k;
    snl_rng r;
    snl_rng_seed(&r, 6, 0);
    for (int j = 0; j < 2; j++) {
        const double shape = j ? 0.9 : 0.7;
        double miss[2] = { 0, 0 };
        for (int again = 0; again < 200; again++) {
            double mean[2] = { 0, 0 }, largest = 0, cut;
            for (size_t i = 0; i < N; i++) {
                raw[i] = w[i] = pow(snl_rng_uniform(&r), -shape);
                largest = fmax(largest, w[i]);
            }
            ASSERT_EQ(SNL_OK, snl_pareto_smooth(N, w, &k, work));
            cut = work[N - tail - 1];
            for (size_t i = 0; i < N; i++) {
                mean[0] += raw[i]/N;
                mean[1] += w[i]/N;
                if (raw[i] <= cut) ASSERT_EQ(raw[i], w[i]);
                ASSERT(w[i] <= largest);
                ASSERT(i == 0 || (raw[i] > raw[i - 1]) == (w[i] > w[i - 1]));
            }
            for (int s = 0; s < 2; s++) miss[s] += pow(mean[s]*(1 - shape) - 1, 2)/200;
        }
        ASSERT(miss[1] < 0.8*miss[0]);
    }
    for (size_t i = 0; i < BIG; i++) w[i] = exp(0.2*snl_rng_normal(&r));
    w[77] = 250;
    ASSERT(snl_sample_ess(BIG, w) < 2000);
    ASSERT_EQ(SNL_OK, snl_pareto_smooth(BIG, w, &k, work));
    ASSERT(w[77] < 25);
    ASSERT(snl_sample_ess(BIG, w) > 9000);
    for (size_t i = 0; i < N; i++) w[i] = 3;
    ASSERT_EQ(SNL_OK, snl_pareto_smooth(N, w, &k, work));
    for (size_t i = 0; i < N; i++) ASSERT_EQ(3.0, w[i]);
    w[5] = NAN;
    ASSERT_EQ(SNL_ENOTFINITE, snl_pareto_smooth(N, w, &k, work));
    PASS();
}

SUITE(mcmc)
{
    RUN_TEST(gaussian_of_condition_1e8_has_its_moments_and_shape);
    RUN_TEST(rosenbrock_is_left_invariant_by_each_move_alone);
    RUN_TEST(acceptance_does_not_depend_on_the_condition_number);
    RUN_TEST(a_hidden_hastings_ratio_is_seen);
    RUN_TEST(the_mixture_reaches_a_rare_peak);
    RUN_TEST(the_mixture_weighs_what_it_was_fitted_to_wrongly);
    RUN_TEST(ring_is_uniform_in_angle);
    RUN_TEST(box_is_uniform_up_to_its_edges);
    RUN_TEST(von_mises_is_kept_by_each_move_across_the_seam);
    RUN_TEST(tempering_weighs_modes_20_sigma_apart);
    RUN_TEST(evidence_of_a_gaussian_and_equal_swap_rates);
    RUN_TEST(evidence_where_the_likelihood_has_zeros);
    RUN_TEST(a_loaded_state_continues_bit_for_bit);
    RUN_TEST(runs_stop_when_asked_or_when_enough);
    RUN_TEST(the_least_number_of_walkers_is_that_of_the_moves);
    RUN_TEST(bad_settings_and_starts_are_refused_by_name);
    RUN_TEST(tau_of_an_autoregressive_series);
    RUN_TEST(ess_counts_walkers_that_are_copies_once);
    RUN_TEST(r_hat_tells_good_chains_from_bad);
    RUN_TEST(jsd_of_two_gaussians_is_the_integral);
    RUN_TEST(jsd_of_fixed_samples_is_numpys);
    RUN_TEST(quantiles_intervals_and_resampling);
    RUN_TEST(ks_of_a_shifted_grid);
    RUN_TEST(the_shape_of_a_pareto_tail_is_found);
    RUN_TEST(weights_of_which_few_hold_all_are_not_trusted);
    RUN_TEST(smoothed_weights_miss_the_mean_by_less);
}

GREATEST_MAIN_DEFS();
int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(mcmc);
    GREATEST_MAIN_END();
}
