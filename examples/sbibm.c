/* sbibm.c - tasks of the public benchmark of simulation-based inference (Lueckmann et al.
 * 2021, arXiv:2101.04653) by sequential neural likelihood, on the public functions only.
 *
 *     cc examples/sbibm.c examples/io.c snl.c waveform.c lisa.c nn.c mcmc.c -lm -o build/sbibm
 *     build/sbibm TASK --observation obs.tsv --simulations N --rounds R --seed S --out T.tsv
 *
 * One set of defaults for all tasks.  Each round simulates at draws from the last round's
 * posterior (first: the prior), fits a flow p(x | theta) to all simulations so far, and
 * samples flow times prior with an ensemble.  Without --observation the data are simulated
 * at a draw from the prior, which is printed.
 *
 * make test runs: ./build/sbibm gaussian_linear --simulations 400 --rounds 2 --samples 500 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../snl.h"
#include "io.h"

enum { MAX_DIM = 10, MAX_X = 20, WALKERS = 100, BURN = 500, THIN = 10, LAST_THIN = 100,
       FLOWS = 3 };                         /* of the last round: the mean of their densities */

/* ---- the tasks: theta = map(u), u ~ uniform on [lo, hi]^dim or N(0, sd^2); data by
 * simulate(theta).  Everything below `draw_data` works with u, and with the data as `prepare`
 * leaves them. */

typedef struct task {
    const char *name;
    size_t dim, nx;
    double lo, hi, sd;                      /* sd 0: uniform */
    void (*simulate)(snl_rng *r, const double *theta, double *x);
    void (*map)(double *u);                 /* u to theta, in place; NULL: the same         */
    size_t counts;                          /* the first x are whole numbers                */
    int log;                                /* the x are positive and span many decades     */
} task;

static void two_moons(snl_rng *r, const double *t, double *x)
{
    const double a = SNL_PI*(snl_rng_uniform(r) - 0.5), p = 0.1 + 0.01*snl_rng_normal(r);
    x[0] = p*cos(a) + 0.25 - fabs(t[0] + t[1])/sqrt(2);
    x[1] = p*sin(a) + (t[1] - t[0])/sqrt(2);
}

static void gaussian_linear(snl_rng *r, const double *t, double *x)
{
    for (size_t i = 0; i < 10; i++) x[i] = t[i] + sqrt(0.1)*snl_rng_normal(r);
}

static void slcp(snl_rng *r, const double *t, double *x)
{
    const double s1 = t[2]*t[2], s2 = t[3]*t[3], rho = tanh(t[4]);
    for (size_t i = 0; i < 8; i += 2) {
        const double u = snl_rng_normal(r), v = snl_rng_normal(r);
        x[i] = t[0] + s1*u;
        x[i + 1] = t[1] + s2*(rho*u + sqrt(1 - rho*rho)*v);
    }
}

static void gaussian_mixture(snl_rng *r, const double *t, double *x)
{
    const double sd = snl_rng_uniform(r) < 0.5 ? 1 : 0.1;
    for (size_t i = 0; i < 2; i++) x[i] = t[i] + sd*snl_rng_normal(r);
}

/* Spikes of a neuron, one Bernoulli draw per time: logit p(t) = theta_0 + sum_j theta_(1+j)
 * I(t - j).  x: their number, and sum_t y(t) I(t - j), sufficient.  I is white noise frozen
 * by the benchmark: numpy.random.RandomState(42).randn(100). */
static void bernoulli_glm(snl_rng *r, const double *t, double *x)
{
    static const double I[100] = {
        0.4967141, -0.1382643, 0.6476886, 1.52303, -0.2341534, -0.234137, 1.579213,
        0.7674347, -0.4694744, 0.54256, -0.4634177, -0.4657297, 0.2419623, -1.91328,
        -1.724918, -0.5622875, -1.012831, 0.3142473, -0.9080241, -1.412304, 1.465649,
        -0.2257763, 0.0675282, -1.424748, -0.5443828, 0.1109226, -1.150994, 0.375698,
        -0.6006387, -0.2916937, -0.6017066, 1.852278, -0.01349723, -1.057711, 0.8225449,
        -1.220844, 0.2088636, -1.95967, -1.328186, 0.1968612, 0.7384666, 0.1713683,
        -0.1156483, -0.3011037, -1.478522, -0.7198442, -0.4606388, 1.057122, 0.3436183,
        -1.76304, 0.324084, -0.3850823, -0.676922, 0.6116763, 1.031, 0.9312801,
        -0.8392175, -0.3092124, 0.3312634, 0.9755451, -0.4791742, -0.185659, -1.106335,
        -1.196207, 0.8125258, 1.35624, -0.07201012, 1.003533, 0.361636, -0.6451197,
        0.3613956, 1.538037, -0.03582604, 1.564644, -2.619745, 0.8219025, 0.08704707,
        -0.2990074, 0.09176078, -1.987569, -0.2196719, 0.3571126, 1.477894, -0.5182702,
        -0.8084936, -0.501757, 0.9154021, 0.3287511, -0.5297602, 0.5132675, 0.09707755,
        0.968645, -0.7020531, -0.3276621, -0.3921081, -1.463515, 0.2961203, 0.2610553,
        0.005113457, -0.2345871
    };
    memset(x, 0, 10*sizeof *x);
    for (size_t k = 0; k < 100; k++) {
        double logit = t[0];
        for (size_t j = 0; j < 9 && j <= k; j++) logit += t[1 + j]*I[k - j];
        if (!(snl_rng_uniform(r) < 1/(1 + exp(-logit)))) continue;
        x[0]++;
        for (size_t j = 0; j < 9 && j <= k; j++) x[1 + j] += I[k - j];
    }
}

/* Prior: theta_0 ~ N(0, 2); F theta_1.. ~ N(0, 1), F = second differences + diag sqrt(i/9). */
static void glm_map(double *u)
{
    u[0] *= sqrt(2);
    for (size_t i = 0; i < 9; i++) {
        double *f = u + 1 + i;
        if (i > 0) *f += 2*f[-1];
        if (i > 1) *f -= f[-2];
        *f /= 1 + sqrt((double)i/9);
    }
}

enum { ODE = 2 };                           /* unknowns */
typedef void (*slope)(const double *theta, const double *y, double *dy);

/* One step of the classical Runge-Kutta method of order 4. */
static void rk4(slope f, const double *theta, const double *y, double h, double *out)
{
    static const double at[4] = { 0, 0.5, 0.5, 1 }, weight[4] = { 1, 2, 2, 1 };
    double k[ODE] = { 0 }, v[ODE], sum[ODE] = { 0 };
    for (int s = 0; s < 4; s++) {
        for (int i = 0; i < ODE; i++) v[i] = y[i] + h*at[s]*k[i];
        f(theta, v, k);
        for (int i = 0; i < ODE; i++) sum[i] += weight[s]*k[i];
    }
    for (int i = 0; i < ODE; i++) out[i] = y[i] + h*sum[i]/6;
}

/* y over the time dt, to about 1e-6 per step: two half steps against a whole one. */
static void integrate(slope f, const double *theta, double *y, double dt)
{
    double done = 0, h = dt/8;
    while (done < dt) {
        double one[ODE], half[ODE], two[ODE], error = 0;
        if (h > dt - done) h = dt - done;
        rk4(f, theta, y, h, one);
        rk4(f, theta, y, h/2, half);
        rk4(f, theta, half, h/2, two);
        for (int i = 0; i < ODE; i++) error = fmax(error, fabs(two[i] - one[i])/15);
        if (error < 1e-6 || h < 1e-9*dt) {
            done += h;
            for (int i = 0; i < ODE; i++) y[i] = two[i] + (two[i] - one[i])/15;
        }
        h *= error > 0 && error < INFINITY ? fmin(4, fmax(0.2, 0.9*pow(1e-6/error, 0.2))) : 0.2;
    }
}

/* ln S and ln I of an epidemic: dS/dt = -beta S I/N, dI/dt = beta S I/N - gamma I. */
static void sir_slope(const double *t, const double *y, double *dy)
{
    dy[0] = -t[0]*exp(y[1])/1e6;
    dy[1] = t[0]*exp(y[0])/1e6 - t[1];
}

/* x: of 1,000 tested every 17 days from day 0 on, those who are infected. */
static void sir(snl_rng *r, const double *t, double *x)
{
    double y[ODE] = { log(1e6 - 1), 0 };
    for (size_t i = 0; i < 10; i++) {
        const double p = exp(y[1])/1e6;
        x[i] = 0;
        for (int k = 0; k < 1000; k++) x[i] += snl_rng_uniform(r) < p;
        integrate(sir_slope, t, y, 17);
    }
}

static void sir_map(double *u)
{
    u[0] = 0.4*exp(0.5*u[0]);
    u[1] = 0.125*exp(0.2*u[1]);
}

/* ln of prey and predators: dX/dt = alpha X - beta X Y, dY/dt = -gamma Y + delta X Y. */
static void lotka_slope(const double *t, const double *y, double *dy)
{
    dy[0] = t[0] - t[1]*exp(y[1]);
    dy[1] = t[3]*exp(y[0]) - t[2];
}

/* x: both, every 2.1 days from day 0 on, with lognormal noise of 0.1. */
static void lotka_volterra(snl_rng *r, const double *t, double *x)
{
    double y[ODE] = { log(30), 0 };
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < ODE; k++)
            x[10*k + i] = exp(fmin(fmax(y[k], log(1e-10)), log(1e4)) + 0.1*snl_rng_normal(r));
        integrate(lotka_slope, t, y, 2.1);
    }
}

static void lotka_map(double *u)
{
    for (size_t i = 0; i < 4; i++) u[i] = exp((i % 2 ? -3 : -0.125) + 0.5*u[i]);
}

static const task tasks[] = {
    { "two_moons",                2,  2,  -1,  1, 0,         two_moons,        NULL, 0, 0 },
    { "gaussian_linear",         10, 10,   0,  0, 0.3162278, gaussian_linear,  NULL, 0, 0 },
    { "gaussian_linear_uniform", 10, 10,  -1,  1, 0,         gaussian_linear,  NULL, 0, 0 },
    { "slcp",                     5,  8,  -3,  3, 0,         slcp,             NULL, 0, 0 },
    { "gaussian_mixture",         2,  2, -10, 10, 0,         gaussian_mixture, NULL, 0, 0 },
    { "bernoulli_glm",           10, 10,   0,  0, 1,         bernoulli_glm,    glm_map, 1, 0 },
    { "sir",                      2, 10,   0,  0, 1,         sir,              sir_map, 10, 0 },
    { "lotka_volterra",           4, 20,   0,  0, 1,         lotka_volterra,   lotka_map, 0, 1 }
};

/* Data as the flow sees them: its density is smooth, so whole numbers k become sqrt(k + v),
 * v ~ uniform on [0, 1), whose density is p(k) up to a known factor; positive ones ln x. */
static void prepare(const task *t, snl_rng *r, double *x)
{
    for (size_t i = 0; i < t->counts; i++) x[i] = sqrt(x[i] + (r ? snl_rng_uniform(r) : 0.5));
    for (size_t i = 0; t->log && i < t->nx; i++) x[i] = log(x[i]);
}

static void draw_data(const task *t, snl_rng *r, const double *u, double *x)
{
    double theta[MAX_DIM];
    memcpy(theta, u, t->dim*sizeof *theta);
    if (t->map) t->map(theta);
    t->simulate(r, theta, x);
}

static void draw_prior(const task *t, snl_rng *r, double *u)
{
    for (size_t i = 0; i < t->dim; i++)
        u[i] = t->sd > 0 ? t->sd*snl_rng_normal(r) : t->lo + (t->hi - t->lo)*snl_rng_uniform(r);
}

static double log_prior(const task *t, const double *u)     /* up to a constant */
{
    double sum = 0;
    for (size_t i = 0; i < t->dim; i++) {
        if (t->sd > 0) sum -= 0.5*u[i]*u[i]/(t->sd*t->sd);
        else if (!(u[i] >= t->lo && u[i] <= t->hi)) return -INFINITY;
    }
    return sum;
}

/* ---- sequential neural likelihood */

typedef struct run {
    const task *t;
    size_t n, have, want;               /* simulations; draws there are and are to be   */
    double x_obs[MAX_X];
    double *theta, *x;                  /* [n][dim], [n][nx]: simulations               */
    double *draws, *log_post, *prior;   /* [want][dim], [want], [want]: of the last round */
    double *weight;                     /* [want]                                       */
    double *work;                       /* of a flow                                    */
    double *each;                       /* [want]: what one flow says                   */
    size_t flows;                       /* there are                                    */
    snl_flow *flow[FLOWS];
    snl_rng rng;
} run;

/* What the sampler asks for. */
static snl_status surrogate(void *ctx, size_t n, const double *theta, double *prior,
                            double *like)
{
    const run *r = ctx;
    for (size_t i = 0; i < n; i++) prior[i] = log_prior(r->t, theta + i*r->t->dim);
    for (size_t k = 0; k < r->flows; k++)
        snl_flow_logp(r->flow[k], n, r->x_obs, 1, theta, k ? r->each + k*n : like, r->work);
    for (size_t i = 0; r->flows > 1 && i < n; i++) {
        double v[FLOWS] = { like[i] };
        for (size_t k = 1; k < r->flows; k++) v[k] = r->each[k*n + i];
        like[i] = snl_log_mean_exp(r->flows, v);
    }
    return SNL_OK;
}

static void forget(run *r)
{
    while (r->flows > 0) snl_flow_free(r->flow[--r->flows]);
    free(r->work);
    r->work = NULL;
}

/* Fit one more flow to the simulations. */
static snl_status fit(run *r, uint64_t seed, snl_fault *why)
{
    const snl_train_data data = { r->n, r->theta, r->x, NULL };
    snl_flow_shape shape = snl_flow_shape_defaults(r->t->nx, r->t->dim);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_report rep;
    snl_status st;
    shape.degree = 1;
    shape.mean_layers = 0;
    shape.layers = 3;
    cfg.flow.batch = 100;
    cfg.flow.lr_end = 0;
    cfg.decay = 0.1;
    cfg.seed = seed;
    if ((st = snl_flow_create(&r->flow[r->flows], &shape, why)) != SNL_OK) return st;
    r->flows++;
    if (!r->work && !(r->work = malloc(snl_flow_work(r->flow[0])*sizeof *r->work)))
        return SNL_ENOMEM;
    st = snl_flow_train(r->flow[r->flows - 1], &cfg, &data, NULL, &rep, why);
    fprintf(stderr, "%lu simulations: log p %.3f, held out %.3f, linear %.3f, epoch %lu of %lu\n",
            (unsigned long)r->n, rep.logp_train, rep.logp_val, rep.logp_linear,
            (unsigned long)rep.best[1], (unsigned long)rep.epochs[1]);
    return st;
}

/* Places for the walkers: the draws that there are, weighted by new over old density, or
 * draws from the prior weighted by the likelihood; tempered so that enough of them count. */
static snl_status choose(run *r, double *start)
{
    const size_t n = r->want, dim = r->t->dim;
    const int fresh = r->have == 0;
    double top = -INFINITY, power = 1, *w = r->weight;
    size_t pick[WALKERS];
    snl_status st;
    for (size_t i = 0; fresh && i < n; i++) draw_prior(r->t, &r->rng, r->draws + i*dim);
    st = surrogate(r, n, r->draws, r->prior, w);
    if (st != SNL_OK) return st;
    for (size_t i = 0; i < n; i++) {
        r->log_post[i] = fresh ? w[i] : r->prior[i] + w[i] - r->log_post[i];
        if (r->log_post[i] > top) top = r->log_post[i];
    }
    for (; power > 1e-6; power /= 2) {
        for (size_t i = 0; i < n; i++) w[i] = exp(power*(r->log_post[i] - top));
        if (snl_sample_ess(n, w) > 4*WALKERS) break;
    }
    if ((st = snl_resample(n, w, WALKERS, pick, &r->rng)) != SNL_OK) return st;
    for (size_t k = 0; k < WALKERS; k++)
        memcpy(start + k*dim, r->draws + pick[k]*dim, dim*sizeof *start);
    return SNL_OK;
}

/* New draws from flow times prior: the walkers' places every `thin` steps. */
static snl_status sample(run *r, uint64_t seed, size_t thin, snl_fault *why)
{
    const size_t dim = r->t->dim, keep = (r->want + WALKERS - 1)/WALKERS;
    snl_mcmc_cfg cfg = snl_mcmc_defaults(dim, WALKERS, 1);
    snl_mcmc_run_cfg burn = snl_mcmc_run_defaults(BURN), steps = burn;
    snl_mcmc_chain chain = { NULL, NULL, NULL, NULL, 0 };
    double *mem = malloc((WALKERS*dim + keep*WALKERS*(dim + 2))*sizeof *mem), *like;
    snl_mcmc *s = NULL;
    snl_status st;
    if (!mem) return SNL_ENOMEM;
    chain.theta = mem + WALKERS*dim;
    chain.log_prior = chain.theta + keep*WALKERS*dim;
    chain.log_like = like = chain.log_prior + keep*WALKERS;
    steps.thin = thin;
    steps.steps = keep*thin;
    cfg.target = surrogate;
    cfg.target_ctx = r;
    cfg.seed = seed;
    st = choose(r, mem);
    if (st == SNL_OK) st = snl_mcmc_create(&s, &cfg, why);
    if (st == SNL_OK) st = snl_mcmc_start(s, mem, why);
    if (st == SNL_OK) st = snl_mcmc_run(s, &burn, NULL, why);
    if (st == SNL_OK) st = snl_mcmc_run(s, &steps, &chain, why);
    if (st == SNL_OK) {
        memcpy(r->draws, chain.theta, r->want*dim*sizeof *mem);
        for (size_t i = 0; i < r->want; i++) r->log_post[i] = chain.log_prior[i] + like[i];
        r->have = r->want;
    }
    snl_mcmc_free(s);
    free(mem);
    return st;
}

/* [P, algorithm 1] */
static snl_status infer(run *r, size_t simulations, size_t rounds, uint64_t seed,
                        snl_fault *why)
{
    const size_t dim = r->t->dim, nx = r->t->nx;
    snl_status st = SNL_OK;
    for (size_t k = 0; st == SNL_OK && k < rounds; k++) {
        for (; r->n < simulations*(k + 1)/rounds; r->n++) {
            double *theta = r->theta + r->n*dim;
            if (!k) draw_prior(r->t, &r->rng, theta);
            else memcpy(theta, r->draws + snl_rng_below(&r->rng, r->have)*dim, dim*sizeof *theta);
            draw_data(r->t, &r->rng, theta, r->x + r->n*nx);
            prepare(r->t, &r->rng, r->x + r->n*nx);
        }
        forget(r);
        for (size_t i = 0; st == SNL_OK && i < (k + 1 < rounds ? 1 : FLOWS); i++)
            st = fit(r, seed + k + i, why);
        if (st == SNL_OK) st = sample(r, seed + k, k + 1 < rounds ? THIN : LAST_THIN, why);
    }
    return st;
}

/* ---- the command */

typedef struct options {
    const char *observation, *out;
    unsigned long simulations, rounds, seed, samples;
} options;

static int number(const char *name, const char *text, unsigned long *v, io_error *e)
{
    char *end;
    *v = strtoul(text, &end, 10);
    if (end == text || *end || *text == '-')
        return io_fail(e, IO_REFUSED, "%s: not a whole number: %s", name, text);
    return IO_OK;
}

static int parse(int argc, char **argv, options *o, io_error *e)
{
    for (int i = 2; i < argc; i += 2) {
        const char *a = argv[i], *v = argv[i + 1];
        int rc = IO_OK;
        if (!v) return io_fail(e, IO_REFUSED, "%s: needs a value", a);
        if (!strcmp(a, "--observation")) o->observation = v;
        else if (!strcmp(a, "--out")) o->out = v;
        else if (!strcmp(a, "--simulations")) rc = number(a, v, &o->simulations, e);
        else if (!strcmp(a, "--rounds")) rc = number(a, v, &o->rounds, e);
        else if (!strcmp(a, "--seed")) rc = number(a, v, &o->seed, e);
        else if (!strcmp(a, "--samples")) rc = number(a, v, &o->samples, e);
        else return io_fail(e, IO_REFUSED, "%s: no such option", a);
        if (rc) return rc;
    }
    if (o->rounds < 1 || o->simulations/o->rounds < 50 || o->simulations > 10000000)
        return io_fail(e, IO_REFUSED, "--simulations: %lu, should be 50 per round or more",
                       o->simulations);
    if (o->samples < 500 || o->samples > 10000000)
        return io_fail(e, IO_REFUSED, "--samples: %lu is outside [500, 10000000]", o->samples);
    return IO_OK;
}

/* x_obs from the file, or simulated. */
static int observe(run *r, const char *path, io_error *e)
{
    char name[MAX_X][8];
    const char *names[MAX_X];
    table t = { 0 };
    double theta[MAX_DIM];
    int rc = IO_OK;
    if (!path) {
        draw_prior(r->t, &r->rng, theta);
        draw_data(r->t, &r->rng, theta, r->x_obs);
        if (r->t->map) r->t->map(theta);
        for (size_t i = 0; i < r->t->dim; i++)
            fprintf(stderr, "%s%g", i ? " " : "true: ", theta[i]);
        fputc('\n', stderr);
        prepare(r->t, NULL, r->x_obs);
        return IO_OK;
    }
    for (size_t i = 0; i < r->t->nx; i++) {
        snprintf(name[i], sizeof name[i], "x%lu", (unsigned long)i + 1);
        names[i] = name[i];
    }
    rc = table_read(&t, path, e);
    if (!rc && t.rows != 1) rc = io_fail(e, IO_REFUSED, "%s: not one row", path);
    if (!rc) rc = table_numbers(&t, r->t->nx, names, 0, r->x_obs, e);
    if (!rc) prepare(r->t, NULL, r->x_obs);
    table_free(&t);
    return rc;
}

static int finish(run *r, const options *o, io_error *e)
{
    char name[MAX_DIM][8];
    const char *names[MAX_DIM];
    for (size_t k = 0; r->t->map && k < r->have; k++) r->t->map(r->draws + k*r->t->dim);
    for (size_t i = 0; i < r->t->dim; i++) {
        double mean = 0, var = 0;
        snprintf(name[i], sizeof name[i], "theta%lu", (unsigned long)i + 1);
        names[i] = name[i];
        for (size_t k = 0; k < r->have; k++) mean += r->draws[k*r->t->dim + i]/(double)r->have;
        for (size_t k = 0; k < r->have; k++)
            var += pow(r->draws[k*r->t->dim + i] - mean, 2)/(double)r->have;
        fprintf(stderr, "%s %.4g +- %.2g\n", names[i], mean, sqrt(var));
    }
    return o->out ? table_write(o->out, 1, 12, r->have, r->t->dim, names, r->draws, e) : IO_OK;
}

int main(int argc, char **argv)
{
    options o = { NULL, NULL, 10000, 10, 1, 10000 };
    io_error e = { "" };
    snl_fault why = { "memory", 0, 1, 0, 0 };
    run r = { 0 };
    double *mem = NULL;
    int rc;
    for (size_t i = 0; argc > 1 && i < sizeof tasks/sizeof *tasks; i++)
        if (!strcmp(argv[1], tasks[i].name)) r.t = tasks + i;
    if (r.t) rc = parse(argc, argv, &o, &e);
    else {
        rc = io_fail(&e, IO_REFUSED, "TASK is not one of");
        for (size_t i = 0; i < sizeof tasks/sizeof *tasks; i++)
            snprintf(strchr(e.text, 0), 40, " %s", tasks[i].name);
    }
    snl_rng_seed(&r.rng, o.seed, 0);
    r.want = o.samples;
    if (!rc) rc = observe(&r, o.observation, &e);
    if (!rc) {
        mem = calloc(o.simulations*(r.t->dim + r.t->nx) + r.want*(r.t->dim + 3 + FLOWS), sizeof *mem);
        if (!mem) rc = io_fail(&e, IO_FAILED, "out of memory");
    }
    if (!rc) {
        snl_status st;
        r.theta = mem;
        r.x = r.theta + o.simulations*r.t->dim;
        r.draws = r.x + o.simulations*r.t->nx;
        r.log_post = r.draws + r.want*r.t->dim;
        r.prior = r.log_post + r.want;
        r.weight = r.prior + r.want;
        r.each = r.weight + r.want;
        st = infer(&r, o.simulations, o.rounds, o.seed, &why);
        if (st != SNL_OK)
            rc = io_fail(&e, IO_FAILED, "%s: %s", why.name, snl_status_text(st));
    }
    if (!rc) rc = finish(&r, &o, &e);
    if (!rc) fprintf(stderr, "CPU %.1f s\n", (double)clock()/CLOCKS_PER_SEC);
    if (rc) fprintf(stderr, "sbibm: %s\n", e.text);
    forget(&r);
    free(mem);
    return rc;
}
