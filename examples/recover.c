/* recover.c - a black hole binary, put into four days of LISA noise and found again, through
 * the functions of snl.h alone: no file, no tool.
 *     cc examples/recover.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
 * pool_openmp.c and mpi_infer.c do the same on several processors.
 *
 * make test runs: ./build/recover */
#include <stdio.h>
#include <stdlib.h>
#include "../snl.h"

static const double duration = 327680;          /* s */
static const double injected[SNL_NPAR] =        /* as enum snl_parameter has them */
    { 8e5, 1.8, 0.5, 0.2, 262144, 240e3, 0.5, 1.1, 2.2, 0.3, 0.9 };
static const snl_prior prior[SNL_NPAR] = {
    { SNL_UNIFORM, 6.5e5, 9.5e5, 0, 0 },        { SNL_UNIFORM, 1, 10, 0, 0 },
    { SNL_UNIFORM, -0.99, 0.99, 0, 0 },         { SNL_UNIFORM, -0.99, 0.99, 0, 0 },
    { SNL_UNIFORM, 261544, 262744, 0, 0 },      { SNL_UNIFORM, 1e3, 1e6, 0, 0 },
    { SNL_UNIFORM, -1, 1, 0, 0 },               { SNL_UNIFORM, 0, SNL_PI, 0, 0 },
    { SNL_UNIFORM, 0, 2*SNL_PI, 0, 0 },         { SNL_UNIFORM, -1, 1, 0, 0 },
    { SNL_UNIFORM, 0, SNL_PI, 0, 0 }
};

typedef struct recovery {
    snl_qnm *qnm;
    snl_data *data;
    snl_event *event;
    snl_problem problem;
    snl_run *run;
    double *theta, *weight;                     /* [n][SNL_NPAR], [n]: the posterior */
    size_t n;
    double snr;                                 /* found */
} recovery;

/* What one would have measured: noise and the signal in A and E from 0.3 to 10 mHz. */
static snl_status measure(recovery *r, const snl_lisa_cfg *lisa, snl_fault *why)
{
    const snl_source source = snl_source_from_theta(injected);
    const snl_noise noise = snl_noise_defaults();
    const size_t first = (size_t)(3e-4*duration), last = (size_t)(0.01*duration);
    snl_status st = snl_data_create(&r->data, 1/duration, first, last - first + 1);
    snl_rng rng;
    for (size_t ch = 0; st == SNL_OK && ch < 2; ch++)
        st = snl_noise_psd(&noise, SNL_CHANNEL_A, r->data->n, r->data->f,
                           r->data->S + ch*r->data->n, why);
    if (st != SNL_OK) return st;
    snl_rng_seed(&rng, 6, 0);
    snl_data_add_noise(r->data, &rng);
    return snl_data_add_signal(r->data, lisa, &source, why);
}

/* Search, then rounds of SNL until nothing moves any more; quick: one, to see that it runs. */
static snl_status infer(recovery *r, const snl_pool *pool, int quick, snl_fault *why)
{
    snl_event_cfg cfg;
    snl_run_cfg run = snl_run_defaults();
    snl_search_result found;
    snl_status st;
    memset(r, 0, sizeof *r);
    memset(&cfg, 0, sizeof cfg);
    cfg.nodes = 256;
    cfg.search = 1000;
    cfg.false_alarm = 0.01;
    cfg.seed = 1;
    if (quick) run.rounds = 1;
    run.chain.burn = quick ? 100 : 500;         /* a short chain: this is an example */
    run.chain.steps = quick ? 200 : 1500;
    run.chain.ess = quick ? 0 : 2000;           /* one round's posterior mixes badly: as it stands */
    run.chain.samples = 4000;
    st = snl_qnm_create(&r->qnm);
    cfg.lisa = snl_lisa_defaults(r->qnm);
    memcpy(cfg.prior, prior, sizeof prior);
    if (st == SNL_OK) st = measure(r, &cfg.lisa, why);
    if (st == SNL_OK) st = snl_event_create(&r->event, &cfg, r->data, pool, why);
    if (st == SNL_OK) st = snl_event_search(r->event, &found, NULL, NULL, why);
    if (st != SNL_OK) return st;
    r->snr = found.snr;
    snl_event_problem(r->event, &r->problem);
    st = snl_run_create(&r->run, &r->problem, &run, why);
    while (st == SNL_OK && !snl_run_state(r->run).done)
        st = snl_run_round(r->run, NULL, NULL, why);
    return st;
}

/* The surrogate's draws, each weighted by exact over surrogate likelihood, the largest smoothed. */
static snl_status weigh(recovery *r)
{
    const snl_run_view v = snl_run_state(r->run);
    double *both = malloc(2*v.n*sizeof *both), top = -INFINITY, k;  /* exact, and compressed */
    snl_status st = SNL_ENOMEM;
    r->n = v.n;
    r->theta = malloc(v.n*SNL_NPAR*sizeof *r->theta);
    r->weight = malloc(v.n*sizeof *r->weight);
    if (both && r->theta && r->weight) st = snl_run_budget(r->run, v.n, v.y, both);
    if (st == SNL_OK) {
        snl_event_theta(r->event, v.n, v.y, 1, r->theta);
        for (size_t i = 0; i < v.n; i++) top = fmax(top, both[2*i] - v.log_like[i]);
        for (size_t i = 0; i < v.n; i++) r->weight[i] = exp(both[2*i] - v.log_like[i] - top);
        st = snl_pareto_smooth(v.n, r->weight, &k, both);
    }
    free(both);
    return st;
}

/* Quantiles beside what was put in. */
static snl_status tell(const recovery *r)
{
    static const double q[5] = { 0.025, 0.05, 0.5, 0.95, 0.975 };
    double *x = malloc(3*r->n*sizeof *x), out[5];
    snl_status st = x ? SNL_OK : SNL_ENOMEM;
    int inside = 0;
    printf("%-16s %12s %12s %12s %12s\n", "parameter", "true", "median", "5 %", "95 %");
    for (size_t k = 0; st == SNL_OK && k < SNL_NPAR; k++) {
        for (size_t i = 0; i < r->n; i++) x[i] = r->theta[i*SNL_NPAR + k];
        st = snl_quantiles(r->n, x, r->weight, 5, q, out, x + r->n);
        printf("%-16s %12.7g %12.7g %12.7g %12.7g\n", snl_parameter_name[k], injected[k], out[2],
               out[1], out[3]);
        inside += injected[k] >= out[0] && injected[k] <= out[4];
    }
    if (st == SNL_OK)
        printf("SNR %.1f; inside the 95 %% interval: %d of %d; waveforms: %lu to search, %lu to "
               "learn from, %lu to weigh; efficiency %.1f %%\n", r->snr, inside, (int)SNL_NPAR,
               (unsigned long)snl_event_calls(r->event), (unsigned long)snl_run_state(r->run).calls,
               (unsigned long)r->n, 100*snl_sample_ess(r->n, r->weight)/(double)r->n);
    free(x);
    return st;
}

static void forget(recovery *r)
{
    snl_run_free(r->run);       snl_event_free(r->event);
    snl_data_free(r->data);     snl_qnm_free(r->qnm);
    free(r->theta);             free(r->weight);
}

#ifdef RECOVER_ELSEWHERE
enum { SIMULATE, WEIGH, STAGES };
static const char *const stage_name[STAGES] = { "simulations", "exact_likelihood" };

/* A stage as pool does it, for n rows; room [n][nx + SNL_NPAR + 1]. */
static snl_status stage_again(const recovery *r, int stage, const snl_pool *pool, size_t n,
                              double *room)
{
    const snl_run_view v = snl_run_state(r->run);
    const size_t d = r->problem.dim;
    snl_problem p = r->problem;
    double *in = room + n*p.nx;
    p.pool = pool;
    if (stage == WEIGH) return snl_log_likelihood(&p, n, v.y, room);
    for (size_t i = 0; i < n; i++) {
        memcpy(in + i*(d + 1), v.y + i*d, d*sizeof *in);
        in[i*(d + 1) + d] = (double)i;
    }
    return snl_pool_map(pool, p.simulate, p.ctx, n, 16, in, d + 1, room, p.nx);
}

/* best [STAGES][2]: the shortest of so many times of each stage by pool one and by pool many.
 * They take turns on the same rows, after a lap that warms up: a first run finds cold caches
 * and memory that is not there yet, and would lose to any second one. */
static snl_status race(const recovery *r, const snl_pool *one, const snl_pool *many, int laps,
                       double (*seconds)(void), double best[STAGES][2])
{
    const size_t have = snl_run_state(r->run).n, n = have < 2000 ? have : 2000;
    double *room = malloc(n*(r->problem.nx + SNL_NPAR + 1)*sizeof *room);
    snl_status st = room ? SNL_OK : SNL_ENOMEM;
    for (int lap = 0; lap <= laps; lap++)
        for (int s = 0; s < STAGES; s++)
            for (int k = 0; st == SNL_OK && k < 2; k++) {
                double t = seconds();
                st = stage_again(r, s, k ? many : one, n, room);
                t = seconds() - t;
                if (lap < 2 || t < best[s][k]) best[s][k] = t;
            }
    free(room);
    return st;
}

static void tell_race(const char *what, size_t workers, double best[STAGES][2])
{
    printf("# stage\tone_%s_s\t%lu_together_s\tspeedup\n", what, (unsigned long)workers);
    for (int s = 0; s < STAGES; s++)
        printf("%s\t%.4f\t%.4f\t%.2f\n", stage_name[s], best[s][0], best[s][1],
               best[s][0]/best[s][1]);
}
#else
int main(void)
{
    recovery r;
    snl_fault why = { "memory", 0, 0, 0, 0 };
    snl_status st = infer(&r, NULL, 0, &why);
    if (st == SNL_OK) st = weigh(&r);
    if (st == SNL_OK) st = tell(&r);
    if (st != SNL_OK) fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    forget(&r);
    return st != SNL_OK;
}
#endif
