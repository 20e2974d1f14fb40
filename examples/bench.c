/* bench.c - how long the library takes: a section per file, the list of them last.
 *
 * A section makes its inputs and calls timed() with jobs, functions of type snl_status
 * (void *), or row() with what it has timed otherwise. */
#include <stdlib.h>
#include <time.h>
#include "bench.h"
#include "io.h"

typedef struct bench {
    FILE *out;
    const snl_qnm *qnm;
    double plain;                   /* one sin + exp + log {s} */
} bench;

typedef snl_status (*job)(void *self);

static double cpu(void) { return (double)clock()/CLOCKS_PER_SEC; }

/* CPU time of one call {s}.  The clock is coarse: calls are bunched to 20 ms or more.
 * Others use the machine: the least of all bunches within half a second, two or more. */
static snl_status time_of(job f, void *self, double *best)
{
    unsigned long calls = 1, bunches = 0;
    double total = 0;
    *best = HUGE_VAL;
    while (total < 0.5 || bunches < 2) {
        const double start = cpu();
        double t;
        for (unsigned long i = 0; i < calls; i++) {
            const snl_status s = f(self);
            if (s != SNL_OK) return s;
        }
        t = cpu() - start;
        if (t < 0.02) { calls *= 2;  continue; }
        if (t/(double)calls < *best) *best = t/(double)calls;
        total += t;
        bunches++;
    }
    return SNL_OK;
}

static void row(bench *b, const char *name, double value, const char *unit)
{
    fprintf(b->out, "%s\t%.5g\t%s\n", name, value, unit);
    fflush(b->out);
}

/* A job of so many items: microseconds per item, and the same in plain loops */
static snl_status timed(bench *b, const char *name, job f, void *self, double items,
                        const char *unit)
{
    double t;
    const snl_status s = time_of(f, self, &t);
    if (s != SNL_OK) return s;
    row(b, name, 1e6*t/items, unit);
    fprintf(b->out, "%s_relative\t%.4g\tsin+exp+log\n", name, t/items/b->plain);
    return SNL_OK;
}

/* [n] numbers from lo to hi, at equal ratios */
static void spread(size_t n, double lo, double hi, double *x)
{
    for (size_t i = 0; i < n; i++) x[i] = lo*pow(hi/lo, (double)i/(double)(n - 1));
}

static double *numbers(size_t n) { return calloc(n, sizeof(double)); }

/* ---- the measure of the others */

enum { PLAIN = 10000 };

static snl_status plain_loop(void *self)
{
    double *x = self, sum = 0;
    for (int i = 0; i < PLAIN; i++) sum += sin(x[i]) + exp(x[i]) + log(x[i]);
    x[PLAIN] = sum;
    return SNL_OK;
}

static snl_status bench_plain(bench *b)
{
    double *x = numbers(PLAIN + 1);
    snl_status s = x ? SNL_OK : SNL_ENOMEM;
    if (s == SNL_OK) {
        spread(PLAIN, 1e-3, 10, x);
        s = time_of(plain_loop, x, &b->plain);
        b->plain /= PLAIN;
        row(b, "plain_loop", 1e6*b->plain, "us/(sin+exp+log)");
    }
    free(x);
    return s;
}

/* ---- waveform.c */

typedef struct wave {
    const snl_qnm *qnm;
    snl_phenom p;
    size_t n;
    double *f, *amp, *phase, *t;
} wave;

static snl_status wave_setup(void *self)
{
    wave *w = self;
    return snl_phenom_prepare(&w->p, w->qnm, w->p.model, 1.2e6, 7e5, 0.6, -0.3, 1e4, NULL,
                              NULL);
}

static snl_status wave_modes(void *self)
{
    wave *w = self;
    snl_status s = SNL_OK;
    for (int j = 0; s == SNL_OK && j < w->p.modes; j++)
        s = snl_phenom_mode(&w->p, w->p.mode[j].l, w->p.mode[j].m, w->n, w->f, w->amp,
                            w->phase, w->t);
    return s;
}

static snl_status bench_waveform(bench *b)
{
    enum { N = 10000 };
    double *mem = numbers(4*N);
    snl_status s = mem ? SNL_OK : SNL_ENOMEM;
    wave w;
    w.qnm = b->qnm;
    w.n = N;
    w.f = mem;
    if (mem) {
        w.amp = mem + N;  w.phase = mem + 2*N;  w.t = mem + 3*N;
        spread(N, 1e-5, 2e-2, w.f);                     /* Mf from 1e-4 to 0.19 */
    }
    w.p.model = SNL_PHENOMD;
    if (s == SNL_OK) s = timed(b, "phenomd_setup", wave_setup, &w, 1, "us/source");
    if (s == SNL_OK) s = timed(b, "phenomd", wave_modes, &w, N, "us/frequency");
    w.p.model = SNL_PHENOMHM;
    if (s == SNL_OK) s = timed(b, "phenomhm_setup", wave_setup, &w, 1, "us/source");
    if (s == SNL_OK)
        s = timed(b, "phenomhm", wave_modes, &w, N*SNL_PHENOM_MODES,
                  "us/(mode and frequency)");
    free(mem);
    return s;
}

/* ---- lisa.c */

typedef struct fft { snl_fft plan;  double *x, *out, *work; } fft;

static snl_status fft_real(void *self)
{
    fft *t = self;
    snl_fft_real_forward(&t->plan, t->x, t->out, t->work);
    return SNL_OK;
}

static snl_status bench_fft(bench *b)
{
    const size_t n = 1 << 20;
    double *mem = numbers(snl_fft_size(n) + snl_fft_work(n) + 2*n + 2);
    snl_status s = SNL_ENOMEM;
    if (mem) {
        fft t;
        t.work = mem + snl_fft_size(n);
        t.x = t.work + snl_fft_work(n);
        t.out = t.x + n;
        for (size_t i = 0; i < n; i++) t.x[i] = (double)(i*i % 1009) - 504;
        s = snl_fft_init(&t.plan, n, mem);
        if (s == SNL_OK) s = timed(b, "fft_real_2^20", fft_real, &t, 1, "us/transform");
    }
    free(mem);
    return s;
}

typedef struct event {
    snl_lisa_cfg cfg;
    snl_source source;
    snl_data *data;
    snl_het *het;
    size_t n;
    double *f, *A, *E, *work, lnL;
} event;

static snl_status event_signal(void *self)
{
    event *e = self;
    return snl_lisa_signal(&e->cfg, &e->source, e->n, e->f, e->A, e->E, NULL, NULL);
}

static snl_status event_dense(void *self)
{
    event *e = self;
    return snl_likelihood_dense(e->data, &e->cfg, &e->source, &e->lnL, NULL);
}

static snl_status event_heterodyned(void *self)
{
    event *e = self;
    return snl_het_loglike(e->het, &e->source, &e->lnL, e->work, NULL);
}

static snl_status heterodyned(bench *b, const char *name, event *e, snl_model model)
{
    snl_status s;
    e->cfg.model = model;
    s = snl_het_create(&e->het, e->data, &e->cfg, &e->source, 512, NULL);
    e->work = s == SNL_OK ? numbers(2*snl_het_work(e->het)) : NULL;
    if (s == SNL_OK && !e->work) s = SNL_ENOMEM;
    if (s == SNL_OK) s = timed(b, name, event_heterodyned, e, 1, "us/call");
    free(e->work);
    snl_het_free(e->het);
    return s;
}

/* A, E from 1e-5 to 0.1 Hz, as of 30 days in steps of 5 s */
static snl_status bench_likelihood(bench *b)
{
    enum { BINS = 1 << 18, FEW = 1024 };
    const snl_source source = { 1.5e6, 5e5, 0.5, 0.2, 36594.3, 1.05, 0.8, 2.1, 0.4, 0.3,
                                1e6 };
    const snl_noise noise = snl_noise_defaults();
    double *mem = numbers(5*FEW);
    snl_status s = mem ? SNL_OK : SNL_ENOMEM;
    event e;
    e.cfg = snl_lisa_defaults(b->qnm);
    e.source = source;
    e.data = NULL;
    if (s == SNL_OK) s = snl_data_create(&e.data, 0.1/BINS, 27, BINS);
    for (int c = 0; s == SNL_OK && c < 2; c++)
        s = snl_noise_psd(&noise, SNL_CHANNEL_A, BINS, e.data->f, e.data->S + c*BINS,
                          NULL);
    if (s == SNL_OK) s = snl_data_add_signal(e.data, &e.cfg, &source, NULL);
    if (s == SNL_OK) {
        e.n = FEW;
        e.f = mem;  e.A = mem + FEW;  e.E = mem + 3*FEW;
        spread(FEW, 1e-5, 2e-2, e.f);
        s = timed(b, "signal_phenomd_1024", event_signal, &e, FEW, "us/frequency");
    }
    if (s == SNL_OK) s = timed(b, "likelihood_dense_2^18", event_dense, &e, 1, "us/call");
    if (s == SNL_OK) s = heterodyned(b, "likelihood_phenomd_512", &e, SNL_PHENOMD);
    if (s == SNL_OK) s = heterodyned(b, "likelihood_phenomhm_512", &e, SNL_PHENOMHM);
    snl_data_free(e.data);
    free(mem);
    return s;
}

/* ---- nn.c */

typedef struct density {
    snl_flow *flow;
    size_t n;
    double *c, *x, *out, *work;
    double last, epoch;             /* when the last epoch ended, the shortest {s} */
} density;

static snl_status density_logp(void *self)
{
    density *d = self;
    snl_flow_logp(d->flow, d->n, d->x, 1, d->c, d->out, d->work);
    return SNL_OK;
}

static int density_epoch(void *self, const snl_train_progress *p)
{
    density *d = self;
    const double now = cpu();
    if (p->epoch > 1 && now - d->last < d->epoch) d->epoch = now - d->last;
    d->last = now;
    return 0;
}

static snl_status density_train(bench *b, const char *name, density *d, size_t n,
                                size_t batch)
{
    const snl_train_data data = { n, d->c, d->x, NULL };
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_hooks hooks = { NULL, NULL, NULL };
    snl_status s;
    cfg.mean.epochs = 0;
    cfg.flow.epochs = 3;
    cfg.flow.batch = batch;
    hooks.self = d;
    hooks.progress = density_epoch;
    d->epoch = HUGE_VAL;
    s = snl_flow_train(d->flow, &cfg, &data, &hooks, NULL, NULL);
    if (s == SNL_OK) row(b, name, d->epoch, "s/epoch");
    return s;
}

/* x [64] given theta [11]: masked autoregressive flow of 5 transforms, each with an input
 * layer and two blocks of 50 units; an epoch is 45,000 pairs of training, 5,000 of
 * validation. */
static snl_status bench_flow(bench *b)
{
    enum { D = 64, M = 11, N = 50000, THETAS = 10000 };
    snl_flow_shape shape = snl_flow_shape_defaults(D, M);
    density d = { NULL, THETAS, NULL, NULL, NULL, NULL, 0, 0 };
    snl_status s;
    snl_rng r;
    double t, *mem = numbers(N*(D + M) + THETAS);
    shape.degree = shape.mean_layers = 0;
    shape.transforms = 5;
    shape.layers = 3;
    shape.width = 50;
    s = snl_flow_create(&d.flow, &shape, NULL);
    if (s == SNL_OK) d.work = numbers(snl_flow_work(d.flow));
    if (s == SNL_OK && !(mem && d.work)) s = SNL_ENOMEM;
    if (s == SNL_OK) {
        d.c = mem;  d.x = mem + N*M;  d.out = d.x + N*D;
        snl_rng_seed(&r, 1, 0);
        for (size_t i = 0; i < N; i++) {
            double *c = d.c + i*M, *x = d.x + i*D;
            for (int k = 0; k < M; k++) c[k] = snl_rng_normal(&r);
            for (int k = 0; k < D; k++) x[k] = c[k % M]*c[k % 3] + snl_rng_normal(&r);
        }
        s = density_train(b, "flow_epoch_batch_1000", &d, N, 1000);
    }
    if (s == SNL_OK) s = density_train(b, "flow_epoch_batch_50", &d, N, 50);
    if (s == SNL_OK) s = time_of(density_logp, &d, &t);
    if (s == SNL_OK) row(b, "flow_logp_10000", THETAS/t, "theta/s");
    d.n = 1;
    if (s == SNL_OK) s = time_of(density_logp, &d, &t);
    if (s == SNL_OK) row(b, "flow_logp_1", 1/t, "theta/s");
    snl_flow_free(d.flow);
    free(d.work);
    free(mem);
    return s;
}

/* ---- mcmc.c */

enum { DIM = 11, WALKERS = 64, STEPS = 100 };

static snl_status gaussian(void *ctx, size_t n, const double *theta, double *log_prior,
                           double *log_like)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < DIM; k++) sum += theta[i*DIM + k]*theta[i*DIM + k];
        log_prior[i] = 0;
        log_like[i] = -sum/2;
    }
    return SNL_OK;
}

static snl_status ensemble_steps(void *self)
{
    const snl_mcmc_run_cfg run = snl_mcmc_run_defaults(STEPS);
    return snl_mcmc_run(self, &run, NULL, NULL);
}

static snl_status bench_mcmc(bench *b)
{
    snl_mcmc_cfg cfg = snl_mcmc_defaults(DIM, WALKERS, 1);
    double start[WALKERS*DIM], t;
    snl_mcmc *sampler;
    snl_status s;
    snl_rng r;
    cfg.target = gaussian;
    s = snl_mcmc_create(&sampler, &cfg, NULL);
    snl_rng_seed(&r, 1, 0);
    for (int i = 0; i < WALKERS*DIM; i++) start[i] = snl_rng_normal(&r);
    if (s == SNL_OK) s = snl_mcmc_start(sampler, start, NULL);
    if (s == SNL_OK) s = time_of(ensemble_steps, sampler, &t);
    if (s == SNL_OK) row(b, "mcmc_gauss_11d_64_walkers", STEPS*WALKERS/t, "updates/s");
    snl_mcmc_free(sampler);
    return s;
}

/* ---- all */

static const struct { const char *name;  snl_status (*run)(bench *); } sections[] = {
    { "plain loop", bench_plain },              /* first: the others need it */
    { "waveform",   bench_waveform },
    { "FFT",        bench_fft },
    { "likelihood", bench_likelihood },
    { "flow",       bench_flow },
    { "MCMC",       bench_mcmc }
};

int bench_run(FILE *out, const snl_qnm *qnm)
{
    bench b = { NULL, NULL, 1 };
    int rc = IO_OK;
    b.out = out;
    b.qnm = qnm;
    fprintf(out, "name\tvalue\tunit\n");
    for (size_t i = 0; i < sizeof sections/sizeof *sections; i++) {
        const snl_status s = sections[i].run(&b);
        if (s != SNL_OK) {
            fprintf(out, "# %s: %s\n", sections[i].name, snl_status_text(s));
            rc = IO_FAILED;
        }
    }
    return rc;
}
