/* What must not go wrong whatever comes in: each allocation failing in turn, extreme numbers
 * in every argument, and hot paths that allocate.  The five files are part of this test (as
 * in `make single`), their allocator counts and fails on demand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <float.h>
#include <limits.h>

static long allocs, live, fail_at = -1;     /* the fail_at-th allocation fails; < 0: none */
static void *test_calloc(size_t n, size_t size)
{
    void *p = allocs++ == fail_at ? NULL : calloc(n, size);
    live += p != NULL;
    return p;
}
static void test_free(void *p) { live -= p != NULL;  free(p); }
#define SNL_CALLOC(n, size) test_calloc((n), (size))
#define SNL_FREE(p)         test_free(p)
#include "../snl.c"
#include "../waveform.c"
#include "../lisa.c"
#include "../nn.c"
#include "../mcmc.c"
#include "greatest.h"
#include "near.h"

#define LEN(a) (sizeof (a) / sizeof (a)[0])
#define TRY(call) do { if ((st = (call)) != SNL_OK) goto done; } while (0)

static snl_qnm *qnm;
static const snl_source binary = { 1.2e6, 7e5, 0.5, 0.2, 3e4, 1.1, 0.7, 2.2, 0.3, 0.9, 2e5 };

/* ---- small jobs, each with everything from create to free ----------------- */

/* 2.3 days at 20 s, white noise of unit PSD scaled to some SNR of 300; 400 bins */
static snl_status data_make(snl_data **data)
{
    const double T = 200000;
    const snl_lisa_cfg lisa = snl_lisa_defaults(qnm);
    const size_t k0 = 100, n = 900;
    const snl_noise noise = snl_noise_defaults();
    snl_source s = binary;
    snl_status st = snl_data_create(data, 1/T, k0, n);
    s.t_ref = 150000;
    for (size_t c = 0; st == SNL_OK && c < 2; c++)
        st = snl_noise_psd(&noise, SNL_CHANNEL_A, n, (*data)->f, (*data)->S + c*n, NULL);
    if (st == SNL_OK) st = snl_data_add_signal(*data, &lisa, &s, NULL);
    return st;
}

static void event_cfg_make(snl_event_cfg *c)
{
    static const snl_prior prior[SNL_NPAR] = {
        { SNL_UNIFORM, 6e5, 1e6, 0, 0 },           { SNL_UNIFORM, 1, 5, 0, 0 },
        { SNL_UNIFORM, -0.99, 0.99, 0, 0 },        { SNL_UNIFORM, -0.99, 0.99, 0, 0 },
        { SNL_UNIFORM, 149500, 150500, 0, 0 },     { SNL_LOG_UNIFORM, 100, 1e7, 0, 0 },
        { SNL_UNIFORM, -1, 1, 0, 0 },              { SNL_UNIFORM, 0, 2*SNL_PI, 0, 0 },
        { SNL_UNIFORM, 0, 2*SNL_PI, 0, 0 },        { SNL_UNIFORM, -1, 1, 0, 0 },
        { SNL_UNIFORM, 0, SNL_PI, 0, 0 } };
    memset(c, 0, sizeof *c);
    c->lisa = snl_lisa_defaults(qnm);
    memcpy(c->prior, prior, sizeof prior);
    c->nodes = 64;
    c->search = 200;
    c->false_alarm = 0.01;
    c->seed = 1;
}

static snl_status job_event(void)
{
    snl_data *data = NULL;
    snl_event *e = NULL, *twin = NULL;
    snl_event_cfg c;
    snl_search_result f;
    unsigned char *bytes = NULL;
    double lnL;
    snl_status st;
    snl_problem p;
    TRY(data_make(&data));
    event_cfg_make(&c);
    TRY(snl_event_create(&e, &c, data, NULL, NULL));
    TRY(snl_event_search(e, &f, NULL, NULL, NULL));
    snl_event_problem(e, &p);
    { snl_rng r;  double y[16];  snl_rng_seed(&r, 1, 1);
      if (!p.draw(p.ctx, &r, y)) { st = SNL_EFAILED;  goto done; }
      TRY(snl_log_likelihood(&p, 1, y, &lnL)); }
    bytes = malloc(snl_event_save_size(e));
    snl_event_save(e, bytes);
    TRY(snl_event_create(&twin, &c, data, NULL, NULL));
    TRY(snl_event_load(twin, bytes, snl_event_save_size(e)));
done:
    free(bytes);
    snl_event_free(e);
    snl_event_free(twin);
    snl_data_free(data);
    return st;
}

static snl_status toy_prior(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    (void)ctx; (void)worker;
    for (size_t i = 0; i < n; i++, y += 2)
        out[i] = fabs(y[0]) < 8 && fabs(y[1]) < 8 ? -0.5*(y[0]*y[0] + y[1]*y[1]) : -INFINITY;
    return SNL_OK;
}
static snl_status toy_simulate(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    (void)ctx; (void)worker;
    for (size_t i = 0; i < n; i++, in += 3, out += 3) {
        out[0] = 2*in[0];  out[1] = in[1] - in[0];  out[2] = 0.3*in[0]*in[1];
    }
    return SNL_OK;
}
static snl_status toy_context(void *ctx, size_t worker, size_t n, const double *y, double *out)
{ (void)ctx; (void)worker;  memcpy(out, y, 2*n*sizeof *y);  return SNL_OK; }
static int toy_draw(void *ctx, snl_rng *r, double *y)
{ (void)ctx;  y[0] = snl_rng_normal(r);  y[1] = snl_rng_normal(r);  return 1; }

static const double toy_x[3] = { 1, 0.2, 0.1 };
static snl_problem toy_problem(void)
{
    snl_problem p;
    memset(&p, 0, sizeof p);
    p.dim = p.nc = 2;   p.nx = 3;   p.x_obs = toy_x;   p.unit_noise = 1;   p.heat = 4;
    p.simulate = toy_simulate;      p.log_prior = toy_prior;
    p.context = toy_context;        p.draw = toy_draw;
    return p;
}
static snl_run_cfg toy_cfg(size_t transforms)
{
    static const snl_sample_cfg chain = { 8, 2, 2, 12, 30, 100, 0, 0, 0 };
    snl_run_cfg c = snl_run_defaults();
    c.first = c.each = 60;   c.rounds = 2;   c.layers = 1;   c.width = 4;   c.epochs = 2;
    c.transforms = transforms;
    c.error = c.divergence = 1e-9;
    c.chain = chain;
    return c;
}

static snl_status run_job(snl_compression kind, size_t transforms, size_t networks)
{
    const snl_problem p = toy_problem();
    snl_run_cfg c = toy_cfg(transforms);
    snl_run *r = NULL, *twin = NULL;
    unsigned char *bytes = NULL;
    double both[2], truth[2*2], post[2*100*2], y[2*100], ll[100];
    snl_sample_report rep;
    snl_status st;
    c.compression = kind;
    c.networks = networks;
    TRY(snl_run_create(&r, &p, &c, NULL));
    TRY(snl_run_round(r, NULL, NULL, NULL));
    TRY(snl_run_round(r, NULL, NULL, NULL));
    bytes = malloc(snl_run_save_size(r));
    TRY(snl_run_save(r, bytes));
    TRY(snl_run_create(&twin, &p, &c, NULL));
    TRY(snl_run_load(twin, bytes, snl_run_save_size(r)));
    TRY(snl_run_sample(twin, &rep, NULL, NULL, NULL));
    TRY(snl_run_budget(r, 1, snl_run_state(r).y, both));
    TRY(snl_run_calibrate(r, 2, 100, 2, 1, truth, post, NULL, NULL, NULL));
    TRY(snl_sample_exact(&p, &c.chain, 1, y, ll, &rep, NULL, NULL, NULL));
done:
    free(bytes);
    snl_run_free(r);
    snl_run_free(twin);
    return st;
}
static snl_status job_run(void) { return run_job(SNL_COMPRESS_PCA, 0, 1); }
static snl_status job_flow(void) { return run_job(SNL_COMPRESS_PCA, 1, 1); }
static snl_status job_networks(void) { return run_job(SNL_COMPRESS_PCA, 0, 3); }
static snl_status job_score(void) { return run_job(SNL_COMPRESS_SCORE, 0, 1); }
static snl_status job_both(void) { return run_job(SNL_COMPRESS_BOTH, 0, 2); }
static snl_status job_learned(void) { return run_job(SNL_COMPRESS_LEARNED, 1, 1); }

static snl_status job_lisa(void)
{
    const snl_lisa_cfg lisa = snl_lisa_defaults(qnm);
    static double x[4096], S[129];
    snl_data *data = NULL;
    snl_het *het = NULL;
    snl_qnm *q = NULL;
    snl_source s = binary;
    snl_rng r;
    snl_status st;
    s.t_ref = 150000;
    snl_rng_seed(&r, 1, 0);
    for (size_t i = 0; i < LEN(x); i++) x[i] = snl_rng_normal(&r);
    TRY(snl_qnm_create(&q));
    TRY(data_make(&data));
    TRY(snl_het_create(&het, data, &lisa, &s, 64, NULL));
    TRY(snl_series_psd(LEN(x), x, 5, 256, S, NULL));
done:
    snl_qnm_free(q);
    snl_het_free(het);
    snl_data_free(data);
    return st;
}

TEST every_failed_allocation_is_reported_and_nothing_leaks(snl_status (*job)(void), long least)
{
    const long before = live;
    long n;
    allocs = 0;
    ASSERT_EQ_FMT(SNL_OK, job(), "%d");
    ASSERT_EQ_FMT(before, live, "%ld");
    n = allocs;
    ASSERT(n >= least);
    for (long i = 0; i < n; i++) {
        snl_status st;
        allocs = 0;
        fail_at = i;
        st = job();
        fail_at = -1;
        if (st != SNL_ENOMEM || live != before)
            printf("\nallocation %ld of %ld failed: status %d, %ld blocks left\n", i, n, st, live - before);
        ASSERT_EQ_FMT(SNL_ENOMEM, st, "%d");
        ASSERT_EQ_FMT(before, live, "%ld");
    }
    PASS();
}

/* 2^26 weights are announced, a hundred bytes are there. */
TEST no_memory_for_what_a_file_only_announces(void)
{
    unsigned char b[8 + 8*10 + 8] = "SNLFLOW\003";
    const uint64_t shape[10] = { 2, 2, 1, 4, 4096, 0, 1, 1, 0, 0 };
    unsigned char *p = b + 8;
    const long before = allocs;
    snl_flow *f;
    for (size_t i = 0; i < LEN(shape); i++) p = snl_put(p, shape[i]);
    snl_put(p, snl_fnv1a(b, sizeof b - 8));
    ASSERT_EQ_FMT(SNL_EFORMAT, snl_flow_load(&f, b, sizeof b), "%d");
    ASSERT_EQ_FMT(before, allocs, "%ld");
    PASS();
}

/* ---- hot paths ------------------------------------------------------------ */

static snl_status normal_2(void *ctx, size_t n, const double *x, double *lp, double *ll)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        lp[i] = fabs(x[2*i]) < 50 && fabs(x[2*i+1]) < 50 ? 0 : -INFINITY;
        ll[i] = -0.5*(x[2*i]*x[2*i] + x[2*i+1]*x[2*i+1]);
    }
    return SNL_OK;
}

/* Two doublings of the work: the number of allocations after set-up stays at none. */
TEST hot_paths_do_not_allocate(void)
{
    enum { N = 300 };
    snl_lisa_cfg lisa = snl_lisa_defaults(qnm);
    snl_source s = binary;
    snl_phenom p;
    snl_data *data;
    snl_het *het;
    snl_flow *flow;
    snl_flow_shape shape = snl_flow_shape_defaults(2, 2);
    snl_mcmc_cfg cfg = snl_mcmc_defaults(2, 12, 2);
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(500);
    snl_mcmc *mc;
    snl_rng r;
    static double f[N], a[N], ph[N], t[N], A[2*N], E[2*N], T[2*N], x[2*N], c[2*N], out[2*N], start[48];
    double *work, *flow_work, *grad_work, lnL;
    long before;
    s.t_ref = 150000;
    shape.bins = 4;
    snl_rng_seed(&r, 1, 0);
    for (int i = 0; i < N; i++) f[i] = 1e-3 + 1e-5*i;
    for (int i = 0; i < 2*N; i++) { x[i] = snl_rng_normal(&r);  c[i] = snl_rng_normal(&r); }
    for (int i = 0; i < 48; i++) start[i] = snl_rng_normal(&r);
    cfg.target = normal_2;
    ASSERT_EQ(SNL_OK, data_make(&data));
    ASSERT_EQ(SNL_OK, snl_het_create(&het, data, &lisa, &s, 64, NULL));
    ASSERT_EQ(SNL_OK, snl_flow_create(&flow, &shape, NULL));
    ASSERT_EQ(SNL_OK, snl_mcmc_create(&mc, &cfg, NULL));
    work = malloc(13*snl_het_work(het)*sizeof *work);
    flow_work = malloc(snl_flow_work(flow)*sizeof *work);
    grad_work = malloc(snl_flow_grad_work(flow)*sizeof *work);
    ASSERT(work && flow_work && grad_work);

    before = allocs;
    ASSERT_EQ(SNL_OK, snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, s.m1, s.m2, s.chi1, s.chi2, s.distance, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, N, f, a, ph, t));
    ASSERT_EQ(SNL_OK, snl_lisa_signal(&lisa, &s, N, f, A, E, T, NULL));
    ASSERT_EQ(SNL_OK, snl_likelihood_dense(data, &lisa, &s, &lnL, NULL));
    ASSERT_EQ(SNL_OK, snl_het_loglike(het, &s, &lnL, work, NULL));
    ASSERT_EQ(SNL_OK, snl_het_phase_max(het, &s, &lnL, work, NULL));
    snl_flow_logp(flow, N, x, N, c, out, flow_work);
    snl_flow_logp_grad(flow, N, x, N, c, out, NULL, NULL, grad_work);
    snl_flow_mean(flow, N, c, out, flow_work);
    snl_flow_sample(flow, N, c, &r, out, flow_work);
    ASSERT_EQ(SNL_OK, snl_mcmc_start(mc, start, NULL));
    ASSERT_EQ(SNL_OK, snl_mcmc_run(mc, &run, NULL, NULL));
    snl_mcmc_freeze(mc);
    ASSERT_EQ(SNL_OK, snl_mcmc_run(mc, &run, NULL, NULL));
    ASSERT_EQ_FMT(before, allocs, "%ld");
    free(work);  free(flow_work);  free(grad_work);
    snl_mcmc_free(mc);
    snl_flow_free(flow);
    snl_het_free(het);
    snl_data_free(data);
    PASS();
}

/* ---- extreme numbers ------------------------------------------------------ */

/* One public function with its numeric arguments a [n], which the table below fills: results
 * to out, how many to *k. */
typedef snl_status call(const double *a, double *out, size_t *k);

static snl_source source_of(const double *a)
{ snl_source s;  memcpy(&s, a, sizeof s);  return s; }

static snl_status c_prepare(const double *a, double *out, size_t *k)
{
    snl_phenom p;
    const snl_status st = snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, a[0], a[1], a[2], a[3], a[4], NULL, NULL);
    if (st != SNL_OK) return st;
    *k = 3;
    return snl_phenom_mode(&p, 3, 3, 1, a + 5, out, out + 1, out + 2);
}
static snl_status c_polarisations(const double *a, double *out, size_t *k)
{
    snl_phenom p;
    const snl_status st = snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, 1e6, 5e5, 0, 0, 1e4, NULL, NULL);
    if (st != SNL_OK) return st;
    *k = 4;
    return snl_phenom_polarisations(&p, a[0], 1, a + 1, (double (*)[2])out, (double (*)[2])(out + 2));
}
static snl_status c_signal(const double *a, double *out, size_t *k)
{
    const snl_source s = source_of(a);
    snl_lisa_cfg c = snl_lisa_defaults(qnm);
    c.model = SNL_PHENOMHM;
    c.epoch = a[12];  c.t0 = a[13];  c.t1 = a[14];
    *k = 6;
    return snl_lisa_signal(&c, &s, 1, a + 11, out, out + 2, out + 4, NULL);
}
static snl_status c_transfer(const double *a, double *out, size_t *k)
{
    const snl_lisa_cfg c = snl_lisa_defaults(qnm);
    const snl_source s = { NAN, NAN, NAN, NAN, NAN, a[2], a[3], a[4], a[5], a[6], NAN };
    *k = 13;
    return snl_lisa_transfer(&c, &s, 2, 2, 1, a, a + 1, out, out + 6, out + 12, NULL);
}
static snl_status c_start(const double *a, double *out, size_t *k)
{
    const snl_lisa_cfg c = snl_lisa_defaults(qnm);
    const snl_source s = source_of(a);
    *k = 1;
    return snl_lisa_start(&c, &s, a[11], a[12], a[13], out, NULL);
}
static snl_status c_snr(const double *a, double *out, size_t *k)
{
    const snl_lisa_cfg c = snl_lisa_defaults(qnm);
    const snl_source s = source_of(a);
    const snl_noise noise = snl_noise_defaults();
    *k = 4;
    return snl_snr(&c, &s, &noise, a[11], a[12], 64, out, NULL);
}
static snl_status c_noise(const double *a, double *out, size_t *k)
{
    snl_noise noise = snl_noise_defaults();
    noise.foreground = SNL_FOREGROUND_BABAK;
    noise.years = a[0];
    *k = 1;
    return snl_noise_psd(&noise, SNL_CHANNEL_A, 1, a + 1, out, NULL);
}
static snl_status c_noise_table(const double *a, double *out, size_t *k)
{ *k = 1;  return snl_noise_table(2, a, a + 2, 1, a + 4, out, NULL); }
static snl_status c_window(const double *a, double *out, size_t *k)
{ *k = 16;  return snl_window(SNL_WINDOW_PLANCK, 16, a[0], out, NULL); }
static snl_status c_psd(const double *a, double *out, size_t *k)
{
    double x[32];
    for (int i = 0; i < 32; i++) x[i] = a[1]*(i % 5 - 0.3*(i % 3));
    *k = 5;
    return snl_series_psd(32, x, a[0], 8, out, NULL);
}
static snl_data *shared_data;
static snl_het *shared_het;
static double *shared_work;
static snl_status c_dense(const double *a, double *out, size_t *k)
{
    const snl_lisa_cfg c = snl_lisa_defaults(qnm);
    const snl_source s = source_of(a);
    *k = 1;
    return snl_likelihood_dense(shared_data, &c, &s, out, NULL);
}
static snl_status c_het(const double *a, double *out, size_t *k)
{
    const snl_lisa_cfg c = snl_lisa_defaults(qnm);
    const snl_source s = source_of(a);
    snl_het *het;
    const snl_status st = snl_het_create(&het, shared_data, &c, &s, 64, NULL);
    *k = 1;
    if (st != SNL_OK) return st;
    memcpy(out, het->x, sizeof *out);
    snl_het_free(het);
    return SNL_OK;
}
static snl_status c_loglike(const double *a, double *out, size_t *k)
{ const snl_source s = source_of(a);  *k = 1;  return snl_het_loglike(shared_het, &s, out, shared_work, NULL); }
static snl_status c_phase_max(const double *a, double *out, size_t *k)
{
    snl_source s = source_of(a);
    const snl_status st = snl_het_phase_max(shared_het, &s, out, shared_work, NULL);
    out[1] = s.phi_ref;
    *k = 2;
    return st;
}
static snl_status c_fisher(const double *a, double *out, size_t *k)
{
    const snl_source s = source_of(a);
    *k = SNL_SOURCE_FIELDS*SNL_SOURCE_FIELDS;
    return snl_het_fisher(shared_het, &s, (double (*)[SNL_SOURCE_FIELDS])out, shared_work, NULL);
}
static snl_status c_basis(const double *a, double *out, size_t *k)
{
    const snl_source s = source_of(a);
    double *both = shared_work + 4*snl_het_work(shared_het);
    const snl_status st = snl_het_basis(shared_het, &s, both, shared_work, NULL);
    *k = 120;
    memcpy(out, both, *k*sizeof *out);
    return st;
}
static snl_status c_data(const double *a, double *out, size_t *k)
{
    snl_data *d;
    const snl_status st = snl_data_create(&d, a[0], 3, 4);
    if (st != SNL_OK) return st;
    *k = 4;
    memcpy(out, d->f, 4*sizeof *out);
    snl_data_free(d);
    return SNL_OK;
}

static snl_status c_train(const double *a, double *out, size_t *k)
{
    snl_flow_shape shape = snl_flow_shape_defaults(1, 1);
    snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { 12, NULL, NULL, NULL };
    double x[12], c[12], *work;
    snl_flow *f;
    snl_status st;
    shape.width = shape.mean_width = 4;
    shape.transforms = 1;
    for (int i = 0; i < 12; i++) { c[i] = i*0.3 - 1;  x[i] = c[i]*c[i] + 0.1*(i % 4); }
    cfg.mean.epochs = cfg.flow.epochs = 2;
    cfg.mean.lr = a[0];  cfg.mean.lr_end = a[1];  cfg.clip = a[2];  cfg.decay = a[3];
    cfg.val_frac = a[4]; x[5] = a[5];             c[7] = a[6];
    data.x = x;  data.c = c;  data.s = a + 7;
    if ((st = snl_flow_create(&f, &shape, NULL)) != SNL_OK) return st;
    st = snl_flow_train(f, &cfg, &data, NULL, NULL, NULL);
    if (st == SNL_OK) {
        work = malloc(snl_flow_work(f)*sizeof *work);
        snl_flow_logp(f, 1, x, 1, c, out, work);
        snl_flow_mean(f, 1, c, out + 1, work);
        free(work);
        *k = 2;
    }
    snl_flow_free(f);
    return st;
}
static snl_status c_mcmc(const double *a, double *out, size_t *k)
{
    static const double zero[2] = { 0, 0 };
    snl_mcmc_cfg c = snl_mcmc_defaults(2, 12, 2);
    snl_mcmc_run_cfg run = snl_mcmc_run_defaults(60);
    snl_mcmc_chain chain;
    snl_mcmc *s;
    snl_status st;
    snl_rng r;
    double start[48], period[2], lo[2], theta[60*24], work[120];
    snl_rng_seed(&r, 1, 0);
    for (int i = 0; i < 48; i++) start[i] = snl_rng_normal(&r);
    memcpy(period, zero, sizeof zero);
    memcpy(lo, zero, sizeof zero);
    memset(&chain, 0, sizeof chain);
    c.target = normal_2;
    c.weight[0] = a[0];  c.stretch = a[1];     c.hop = a[2];       c.gauss = a[3];
    c.ratio = a[4];      c.adapt_time = a[5];  c.adapt_lag = a[6]; lo[0] = a[7];
    period[0] = a[8];    start[3] = a[9];      run.ess = a[10];
    c.weight[SNL_MOVE_GAUSS] = 0.3;
    c.lo = lo;  c.period = period;
    run.every = 20;
    chain.theta = theta;
    chain.work = work;
    if ((st = snl_mcmc_create(&s, &c, NULL)) != SNL_OK) return st;
    if ((st = snl_mcmc_start(s, start, NULL)) == SNL_OK) st = snl_mcmc_run(s, &run, &chain, NULL);
    if (st == SNL_OK) {
        const snl_mcmc_view v = snl_mcmc_state(s);
        memcpy(out, v.theta, 48*sizeof *out);
        memcpy(out + 48, v.beta, 2*sizeof *out);
        *k = 50;
    }
    snl_mcmc_free(s);
    return st;
}
static snl_status c_tau(const double *a, double *out, size_t *k)
{
    double x[40], work[80];
    for (int i = 0; i < 40; i++) x[i] = i % 7;
    x[3] = a[0];
    *k = 1;
    return snl_mcmc_tau(40, 1, 1, x, out, NULL, work);
}
static snl_status c_ess(const double *a, double *out, size_t *k)
{
    double x[40], work[40];
    for (int i = 0; i < 40; i++) x[i] = i % 7;
    x[3] = a[0];
    *k = 1;
    return snl_mcmc_ess(40, 1, 1, x, out, work);
}
static snl_status c_quantiles(const double *a, double *out, size_t *k)
{ double work[8];  *k = 1;  return snl_quantiles(3, a, a + 3, 1, a + 6, out, work); }
static snl_status c_hpd(const double *a, double *out, size_t *k)
{ double work[8];  *k = 2;  return snl_hpd(3, a, a + 3, a[6], out, work); }
static snl_status c_resample(const double *a, double *out, size_t *k)
{
    size_t index[4];
    snl_rng r;
    snl_status st;
    snl_rng_seed(&r, 1, 0);
    st = snl_resample(3, a, 4, index, &r);
    for (*k = 0; st == SNL_OK && *k < 4; ++*k) out[*k] = index[*k] < 3 ? 0 : NAN;
    return st;
}
static snl_status c_pareto(const double *a, double *out, size_t *k)
{
    double w[30], work[30];
    for (int i = 0; i < 30; i++) w[i] = 1 + i % 7 + (i == 4)*30;
    w[9] = a[0];
    *k = 1;
    return snl_pareto_k(30, w, out, work);
}
static snl_status c_smooth(const double *a, double *out, size_t *k)
{
    double work[30];
    for (int i = 0; i < 30; i++) out[i] = 1 + i % 7 + (i == 4)*30;
    out[9] = a[0];
    *k = 31;
    return snl_pareto_smooth(30, out, out + 30, work);
}
static snl_status c_jsd(const double *a, double *out, size_t *k)
{
    static double work[4*SNL_JSD_GRID];
    *k = 1;
    return snl_jsd(3, a, a + 3, 3, a + 6, a + 9, out, work);
}
static snl_status c_ks(const double *a, double *out, size_t *k)
{ double work[3];  *k = 2;  return snl_ks(3, a, out, out + 1, work); }

static snl_status c_event(const double *a, double *out, size_t *k)
{
    snl_event_cfg c;
    snl_event *e;
    snl_search_result f;
    snl_status st;
    event_cfg_make(&c);
    for (int i = 0; i < SNL_NPAR; i++) { c.prior[i].lo = a[i];  c.prior[i].hi = a[SNL_NPAR + i]; }
    st = snl_event_create(&e, &c, shared_data, NULL, NULL);
    if (st != SNL_OK) return st;
    st = snl_event_search(e, &f, NULL, NULL, NULL);
    if (st == SNL_OK) {
        memcpy(out, f.theta, sizeof f.theta);
        out[SNL_NPAR] = f.snr;
        out[SNL_NPAR + 1] = f.log_like;
        *k = SNL_NPAR + 2;
    }
    snl_event_free(e);
    return st;
}
static snl_status c_run(const double *a, double *out, size_t *k)
{
    snl_problem p = toy_problem();
    snl_run_cfg c = toy_cfg(0);
    snl_run *r;
    snl_status st;
    p.x_obs = a;
    p.heat = a[3];  c.lost = a[4];  c.error = a[5];  c.divergence = a[6];  c.chain.ratio = a[7];
    if ((st = snl_run_create(&r, &p, &c, NULL)) != SNL_OK) return st;
    while (st == SNL_OK && !snl_run_state(r).done) st = snl_run_round(r, NULL, NULL, NULL);
    if (st == SNL_OK) {
        const snl_run_view v = snl_run_state(r);
        *k = 100;
        memcpy(out, v.y, 100*sizeof *out);
        memcpy(out + 100, v.log_like, 20*sizeof *out);
        *k = 120;
    }
    snl_run_free(r);
    return st;
}

#define SOURCE 1.2e6, 7e5, 0.5, 0.2, 3e4, 1.1, 0.7, 2.2, 0.3, 0.9, 1.5e5
static const struct row {
    const char *name;
    call *f;
    size_t n;
    unsigned infinite;      /* arguments, as bits, that may be an infinity             */
    unsigned unused;        /* ... and that the function does not look at              */
    double a[24];
} rows[] = {
    { "snl_phenom_mode", c_prepare, 6, 0, 0, { 1.2e6, 7e5, 0.5, 0.2, 3e4, 1e-3 } },
    { "snl_phenom_polarisations", c_polarisations, 2, 0, 0, { 1, 1e-3 } },
    { "snl_lisa_signal", c_signal, 15, 3u << 13, 0, { SOURCE, 1e-3, 0, -1e9, 1e9 } },
    { "snl_lisa_transfer", c_transfer, 7, 0, 0, { 1e-3, 1e5, 1.1, 0.7, 2.2, 0.3, 0.9 } },
    { "snl_lisa_start", c_start, 14, 1u << 11, 0, { SOURCE, 0, 1e-4, 1e-2 } },
    { "snl_lisa_signal, far in time", c_signal, 15, 3u << 13, 0, { 1.2e6, 7e5, 0.5, 0.2, 3e4, 1.1,
        0.7, 2.2, 0.3, 0.9, 1e300, 1e12, 0, -1e301, 1e301 } },
    { "snl_snr", c_snr, 13, 0, 0, { SOURCE, 1e-4, 1e-2 } },
    { "snl_noise_psd", c_noise, 2, 0, 0, { 1, 1e-3 } },
    { "snl_noise_table", c_noise_table, 5, 0, 0, { 1e-4, 1e-2, 1e-40, 1e-41, 1e-3 } },
    { "snl_window", c_window, 1, 0, 0, { 0.5 } },
    { "snl_series_psd", c_psd, 2, 0, 0, { 5, 1 } },
    { "snl_data_create", c_data, 1, 0, 0, { 1e-6 } },
    { "snl_likelihood_dense", c_dense, 11, 0, 0, { SOURCE } },
    { "snl_het_create", c_het, 11, 0, 0, { SOURCE } },
    { "snl_het_loglike", c_loglike, 11, 0, 0, { SOURCE } },
    { "snl_het_phase_max", c_phase_max, 11, 0, 0, { SOURCE } },
    { "snl_het_fisher", c_fisher, 11, 0, 0, { SOURCE } },
    { "snl_het_basis", c_basis, 11, 0, 0x270, { SOURCE } },
    { "snl_flow_train", c_train, 8, 1u << 2, 0, { 1e-3, 0, 5, 0, 0.2, 0.5, 0.2, 0.7 } },
    { "snl_mcmc_run", c_mcmc, 11, 1u << 5 | 1u << 10, 0, { 0.5, 2, 0.1, 1, 2, 100, 1000, -9, 20, 0.3, 0 } },
    { "snl_mcmc_tau", c_tau, 1, 0, 0, { 3 } },
    { "snl_mcmc_ess", c_ess, 1, 0, 0, { 3 } },
    { "snl_quantiles", c_quantiles, 7, 0, 0, { 1, 2, 4, 1, 2, 1, 0.3 } },
    { "snl_quantiles", c_quantiles, 7, 0, 0, { 1, 2, 4, 4, 4.9e-324, 4.9e-324, 1 } },
    { "snl_hpd", c_hpd, 7, 0, 0, { 1, 2, 4, 1, 2, 1, 0.3 } },
    { "snl_resample", c_resample, 3, 0, 0, { 1, 2, 1 } },
    { "snl_pareto_k", c_pareto, 1, 0, 0, { 3 } },
    { "snl_pareto_smooth", c_smooth, 1, 0, 0, { 3 } },
    { "snl_jsd", c_jsd, 12, 0, 0, { 1, 2, 4, 1, 2, 1, 2, 3, 7, 1, 1, 1 } },
    { "snl_ks", c_ks, 3, 0, 0, { 0.2, 0.5, 0.8 } },
    { "snl_event_search", c_event, 22, 0, 0, { 6e5, 1, -0.99, -0.99, 149500, 100, -1, 0, 0, -1, 0,
        1e6, 5, 0.99, 0.99, 150500, 1e7, 1, 6.28, 6.28, 1, 3.14 } },
    { "snl_run_round", c_run, 8, 1u << 4 | 1u << 5 | 1u << 6, 0, { 1, 0.2, 0.1, 4, 0.02, 1e-9, 1e-9, 2 } },
};

/* As they stand all are legal.  Then each argument takes each of these: what is not refused
 * must have finite results. */
TEST extreme_numbers_are_refused_or_give_finite_results(const struct row *r)
{
    const double extreme[] = { NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, 1e300, -1e300,
                               0, -0.0, 4.9e-324, -4.9e-324, 1e-300, 1e-30, 1e30, 1e100, 1e200, -1, -1e30 };
    const size_t values = r->f == c_event ? 7 : LEN(extreme);       /* a search takes its time */
    double a[24], out[128];
    size_t k = 0;
    memset(out, 0, sizeof out);
    ASSERT_EQ_FMT(SNL_OK, r->f(r->a, out, &k), "%d");
    for (size_t i = 0; i < k; i++) ASSERT(fabs(out[i]) <= DBL_MAX);
    ASSERT(k > 0);
    for (size_t j = 0; j < r->n; j++)
        for (size_t v = 0; v < values; v++) {
            const long before = live;
            snl_status st;
            int wrong;
            memcpy(a, r->a, sizeof a);
            memset(out, 0, sizeof out);
            a[j] = extreme[v];
            k = 0;
            st = r->f(a, out, &k);
            wrong = st != SNL_OK && st != SNL_EINVAL && st != SNL_ENOTFINITE && st != SNL_EFAILED;
            if (v < 3 && !(v && r->infinite >> j & 1) && !(r->unused >> j & 1)) wrong |= st == SNL_OK;
            for (size_t i = 0; st == SNL_OK && i < k; i++) wrong |= !(fabs(out[i]) <= DBL_MAX);
            if (wrong || live != before) {
                printf("\n%s: argument %lu = %g: status %d", r->name, (unsigned long)j, extreme[v], st);
                for (size_t i = 0; st == SNL_OK && i < k; i++)
                    if (!(fabs(out[i]) <= DBL_MAX)) { printf(", result %lu = %g", (unsigned long)i, out[i]);  break; }
                printf("\n");
            }
            ASSERT_FALSE(wrong);
            ASSERT_EQ_FMT(before, live, "%ld");
        }
    PASS();
}

SUITE(faults)
{
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_lisa, 5);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_run, 30);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_flow, 30);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_networks, 40);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_score, 30);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_both, 40);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_learned, 40);
    RUN_TESTp(every_failed_allocation_is_reported_and_nothing_leaks, job_event, 10);
    RUN_TEST(no_memory_for_what_a_file_only_announces);
    RUN_TEST(hot_paths_do_not_allocate);
    for (size_t i = 0; i < LEN(rows); i++)
        RUN_TESTp(extreme_numbers_are_refused_or_give_finite_results, &rows[i]);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    const snl_lisa_cfg lisa = snl_lisa_defaults(NULL);
    snl_lisa_cfg c = lisa;
    snl_source s = binary;
    s.t_ref = 150000;
    GREATEST_MAIN_BEGIN();
    if (snl_qnm_create(&qnm) != SNL_OK || data_make(&shared_data) != SNL_OK) return 1;
    c.qnm = qnm;
    if (snl_het_create(&shared_het, shared_data, &c, &s, 64, NULL) != SNL_OK) return 1;
    if (!(shared_work = malloc(16*snl_het_work(shared_het)*sizeof *shared_work))) return 1;
    RUN_SUITE(faults);
    free(shared_work);
    snl_het_free(shared_het);
    snl_data_free(shared_data);
    snl_qnm_free(qnm);
    GREATEST_MAIN_END();
}
