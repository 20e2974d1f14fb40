/* sbibm.c - tasks of the public benchmark of simulation-based inference (Lueckmann et al.
 * 2021, arXiv:2101.04653) by sequential neural likelihood, on the public functions only.
 *
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
#include "../snl.h"
#include "io.h"

enum { MAX_DIM = 10, MAX_X = 20, WALKERS = 100, BURN = 500, THIN = 10, LAST_THIN = 100 };

/* ---- the tasks: theta ~ uniform on [lo, hi]^dim or N(0, sd^2), x ~ simulate(theta) */

typedef struct task {
    const char *name;
    size_t dim, nx;
    double lo, hi, sd;                      /* sd 0: uniform */
    void (*simulate)(snl_rng *r, const double *theta, double *x);
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

static const task tasks[] = {
    { "two_moons",                2,  2,  -1,  1, 0,         two_moons },
    { "gaussian_linear",         10, 10,   0,  0, 0.3162278, gaussian_linear },
    { "gaussian_linear_uniform", 10, 10,  -1,  1, 0,         gaussian_linear },
    { "slcp",                     5,  8,  -3,  3, 0,         slcp },
    { "gaussian_mixture",         2,  2, -10, 10, 0,         gaussian_mixture }
};

static void draw_prior(const task *t, snl_rng *r, double *theta)
{
    for (size_t i = 0; i < t->dim; i++)
        theta[i] = t->sd > 0 ? t->sd*snl_rng_normal(r)
                             : t->lo + (t->hi - t->lo)*snl_rng_uniform(r);
}

static double log_prior(const task *t, const double *theta)     /* up to a constant */
{
    double sum = 0;
    for (size_t i = 0; i < t->dim; i++) {
        if (t->sd > 0) sum -= 0.5*theta[i]*theta[i]/(t->sd*t->sd);
        else if (!(theta[i] >= t->lo && theta[i] <= t->hi)) return -INFINITY;
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
    double *work;                       /* of the flow                                  */
    snl_flow *flow;
    snl_rng rng;
} run;

/* What the sampler asks for. */
static snl_status surrogate(void *ctx, size_t n, const double *theta, double *prior,
                            double *like)
{
    const run *r = ctx;
    for (size_t i = 0; i < n; i++) prior[i] = log_prior(r->t, theta + i*r->t->dim);
    snl_flow_logp(r->flow, n, r->x_obs, 1, theta, like, r->work);
    return SNL_OK;
}

/* Fit the flow to the simulations. */
static snl_status fit(run *r, uint64_t seed, snl_fault *why)
{
    const snl_train_data data = { r->n, r->theta, r->x, NULL, NULL };
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
    snl_flow_free(r->flow);
    free(r->work);
    r->work = NULL;
    if ((st = snl_flow_create(&r->flow, &shape, why)) != SNL_OK) return st;
    if (!(r->work = malloc(snl_flow_work(r->flow)*sizeof *r->work))) return SNL_ENOMEM;
    st = snl_flow_train(r->flow, &cfg, &data, NULL, &rep, why);
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
            r->t->simulate(&r->rng, theta, r->x + r->n*nx);
        }
        st = fit(r, seed + k, why);
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
        r->t->simulate(&r->rng, theta, r->x_obs);
        for (size_t i = 0; i < r->t->dim; i++)
            fprintf(stderr, "%s%g", i ? " " : "true: ", theta[i]);
        fputc('\n', stderr);
        return IO_OK;
    }
    for (size_t i = 0; i < r->t->nx; i++) {
        snprintf(name[i], sizeof name[i], "x%lu", (unsigned long)i + 1);
        names[i] = name[i];
    }
    rc = table_read(&t, path, e);
    if (!rc && t.rows != 1) rc = io_fail(e, IO_REFUSED, "%s: not one row", path);
    if (!rc) rc = table_numbers(&t, r->t->nx, names, 0, r->x_obs, e);
    table_free(&t);
    return rc;
}

static int finish(run *r, const options *o, io_error *e)
{
    char name[MAX_DIM][8];
    const char *names[MAX_DIM];
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
        mem = calloc(o.simulations*(r.t->dim + r.t->nx) + r.want*(r.t->dim + 3), sizeof *mem);
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
        st = infer(&r, o.simulations, o.rounds, o.seed, &why);
        if (st != SNL_OK)
            rc = io_fail(&e, IO_FAILED, "%s: %s", why.name, snl_status_text(st));
    }
    if (!rc) rc = finish(&r, &o, &e);
    if (rc) fprintf(stderr, "sbibm: %s\n", e.text);
    snl_flow_free(r.flow);
    free(r.work);
    free(mem);
    return rc;
}
