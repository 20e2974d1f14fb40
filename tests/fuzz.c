/* Readers under libFuzzer: clang -DREADER=n, n = 0 configuration, 1 table, 2 .npy,
 * 3 saved network, 4 saved run (the tool's checkpoint is an envelope of this and 5),
 * 5 saved event, 6 saved chain.  tests/fuzz.sh builds, seeds and runs them.
 * Checksums are set right before reading (but where the last byte is 255), so that what lies
 * behind them is reached.  Without libFuzzer (-DALONE) the files named as arguments are read once:
 * so the seeds that ever failed, tests/data/fuzz/READER-*, stay tests. */
#include "../examples/io.c"
#include "../snl.h"

#ifndef READER
#define READER 0
#endif

static io_error why;

/* Files of the readers that want a path; a RAM disk where there is one. */
static const char *file_of(const unsigned char *b, size_t n)
{
    static char path[64];
    FILE *f;
    if (!path[0]) sprintf(path, "%s/fuzz.%d", getenv("FUZZ_DIR") ? getenv("FUZZ_DIR") : "build", READER);
    if (!(f = fopen(path, "wb"))) abort();
    if (fwrite(b, 1, n, f) != n || fclose(f)) abort();
    return path;
}

static snl_status flat(void *ctx, size_t n, const double *x, double *lp, double *ll)
{
    size_t i;
    (void)ctx;
    for (i = 0; i < n; i++) { lp[i] = 0;  ll[i] = -0.5*(x[2*i]*x[2*i] + x[2*i+1]*x[2*i+1]); }
    return SNL_OK;
}
static snl_status f_prior(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    size_t i;
    (void)ctx; (void)worker;
    for (i = 0; i < n; i++) out[i] = fabs(y[2*i]) < 9 && fabs(y[2*i+1]) < 9 ? 0 : -INFINITY;
    return SNL_OK;
}
static snl_status f_simulate(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    size_t i;
    (void)ctx; (void)worker;
    for (i = 0; i < n; i++) { out[2*i] = in[3*i];  out[2*i+1] = in[3*i+1]; }
    return SNL_OK;
}
static snl_status f_context(void *ctx, size_t worker, size_t n, const double *y, double *out)
{ (void)ctx; (void)worker;  memcpy(out, y, 2*n*sizeof *y);  return SNL_OK; }
static int f_draw(void *ctx, snl_rng *r, double *y)
{ (void)ctx;  y[0] = snl_rng_normal(r);  y[1] = snl_rng_normal(r);  return 1; }

/* Of principal components and two networks, or of one learned number a parameter. */
static snl_run *run_make(int learned)
{
    static snl_problem p;
    static const double x[2] = { 0.5, 0.1 };
    static const snl_sample_cfg chain = { 6, 1, 2, 10, 10, 100, 0, 0, 0 };
    snl_run_cfg c = snl_run_defaults();
    snl_run *r;
    p.dim = p.nx = p.nc = 2;   p.x_obs = x;       p.unit_noise = 1;  p.heat = 1;
    p.simulate = f_simulate;   p.log_prior = f_prior;  p.context = f_context;  p.draw = f_draw;
    c.first = c.each = 50;  c.rounds = 2;  c.layers = 1;  c.width = 2;  c.epochs = 1;  c.components = 2;
    c.chain = chain;
    if (learned) { c.compression = SNL_COMPRESS_LEARNED;  c.transforms = c.once = 1; }
    else c.networks = 2;
    if (snl_run_create(&r, &p, &c, NULL) != SNL_OK) abort();
    return r;
}
/* Of data with a noise PSD, or of data that nothing can be heterodyned with. */
static snl_event *event_make(int noisy)
{
    const snl_noise noise = snl_noise_defaults();
    snl_data *data;
    snl_qnm *q;
    snl_event_cfg c;
    snl_event *e;
    int i;
    memset(&c, 0, sizeof c);
    if (snl_data_create(&data, 1e-5, 30, 260) != SNL_OK || snl_qnm_create(&q) != SNL_OK) abort();
    for (i = 0; noisy && i < 2; i++)
        if (snl_noise_psd(&noise, SNL_CHANNEL_A, data->n, data->f, data->S + (size_t)i*data->n, NULL)) abort();
    c.lisa = snl_lisa_defaults(q);
    c.nodes = 64;
    c.search = 200;
    c.false_alarm = 0.01;
    for (i = 0; i < SNL_NPAR; i++) { c.prior[i].lo = -1;  c.prior[i].hi = 1; }
    c.prior[0].lo = 7e5;  c.prior[0].hi = 9e5;  c.prior[1].lo = 1;  c.prior[1].hi = 9;
    c.prior[SNL_DISTANCE].lo = 1e3;  c.prior[SNL_DISTANCE].hi = 1e6;
    if (snl_event_create(&e, &c, data, NULL, NULL) != SNL_OK) abort();
    return e;
}
static snl_mcmc *mcmc_make(void)
{
    snl_mcmc_cfg c = snl_mcmc_defaults(2, 8, 2);
    snl_mcmc *s;
    c.target = flat;
    if (snl_mcmc_create(&s, &c, NULL) != SNL_OK) abort();
    return s;
}

/* What takes long is done in one case of n, chosen by the sum at the end of the bytes. */
static int one_of(unsigned n, const unsigned char *b, size_t size)
{
    uint64_t sum = 0;
    if (size >= 8) snl_get(b + size - 8, &sum);
    return (sum >> 40) % n == 0;
}

/* What was accepted is saved as the bytes that were loaded, the first n; frees the former. */
static void must_be_same(unsigned char *saved, const unsigned char *b, size_t n)
{
    if (memcmp(saved, b, n)) abort();
    free(saved);
}

/* b ends with its sum, but where its last byte asks for a wrong one. */
static void sum_set(unsigned char *b, size_t size)
{
    if (size >= 16 && b[size - 1] != 255) snl_put(b + size - 8, snl_fnv1a(b, size - 8));
}

/* The same of the networks inside a saved run, whose sizes are two of the counts.  Where they
 * begin. */
static size_t sums_inside(unsigned char *b, size_t size)
{
    enum { NETWORKS = 8*12, COUNTS = 8*14 };
    uint64_t n, bytes[2];
    size_t end = size - 8;
    if (size < COUNTS + 8*9) return 0;
    snl_get(b + NETWORKS, &n);
    snl_get(snl_get(b + COUNTS + 8*6, bytes), bytes + 1);
    for (; n-- > 0 && bytes[1] >= 16 && bytes[1] <= end; end -= (size_t)bytes[1])
        sum_set(b + end - bytes[1], (size_t)bytes[1]);
    if (bytes[0] > end) return 0;
    sum_set(b + end - bytes[0], (size_t)bytes[0]);
    return end - (size_t)bytes[0];
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const size_t text = READER == 0;                /* ends with a 0; else not a byte more */
    unsigned char *b = malloc(size + text), *again = NULL;
    size_t inside = 0;
    memcpy(b, data, size);
    if (text) b[size] = 0;
    (void)again; (void)inside;
    if (READER == 4) inside = sums_inside(b, size);
    if (READER >= 3) sum_set(b, size);
#if READER == 0
    { event_config c;  (void)event_parse(&c, "f.cfg", (char *)b, &why); }
#elif READER == 1
    {
        table t;
        if (table_read(&t, file_of(b, size), &why) == IO_OK) {
            const char *const name[1] = { t.name[0] };
            double *v = malloc((t.rows + 1)*sizeof *v);
            if (t.cols) (void)table_numbers(&t, 1, name, 1, v, &why);
            free(v);
            table_free(&t);
        }
    }
#elif READER == 2
    { double *v;  size_t rows;  if (npy_read(file_of(b, size), 3, &rows, &v, &why) == IO_OK) free(v); }
#elif READER == 3
    {
        snl_flow *f;
        if (snl_flow_load(&f, b, size) == SNL_OK) {
            const snl_flow_shape *s = snl_flow_get_shape(f);
            double *x = calloc(s->d + s->m + snl_flow_work(f) + 1, sizeof *x);
            snl_flow_logp(f, 1, x, 1, x + s->d, x + s->d + s->m, x + s->d + s->m + 1);
            free(x);
            snl_flow_free(f);
        }
    }
#elif READER == 4
    {
        static snl_run *run[2];         /* what is loaded takes the place of all they hold */
        const int kind = size > 8*11 && b[8*10] == SNL_COMPRESS_LEARNED;
        snl_run *r = run[kind] ? run[kind] : (run[kind] = run_make(kind));
        if (snl_run_load(r, b, size) == SNL_OK) {
            if (snl_run_save_size(r) != size) abort();
            again = malloc(size);
            if (snl_run_save(r, again) != SNL_OK) abort();
            must_be_same(again, b, inside);     /* the networks' weights get rounded */
            if (one_of(524288, b, size)) {
                const snl_status st = snl_run_state(r).done ? snl_run_sample(r, NULL, NULL, NULL, NULL)
                                                            : snl_run_round(r, NULL, NULL, NULL);
                (void)st;
            }
        }
    }
#elif READER == 5
    {
        static snl_event *event[2];     /* to heterodyne is 40 times all the rest */
        const int noisy = one_of(32, b, size);
        snl_event *e = event[noisy] ? event[noisy] : (event[noisy] = event_make(noisy));
        if (snl_event_load(e, b, size) == SNL_OK) {
            snl_problem p;
            snl_rng rng;
            double y[16];
            again = malloc(size);
            snl_event_save(e, again);
            must_be_same(again, b, size - 16);  /* a count may have been -0 */
            snl_event_problem(e, &p);
            memset(y, 0, sizeof y);
            (void)(snl_log_likelihood(&p, 1, y, y + 15) == SNL_OK);
            snl_rng_seed(&rng, 1, 0);
            if (one_of(512, b, size)) (void)p.draw(p.ctx, &rng, y);
        }
    }
#else
    {
        static snl_mcmc *s;
        const snl_mcmc_run_cfg run = snl_mcmc_run_defaults(3);
        if (!s) s = mcmc_make();
        if (snl_mcmc_load(s, b, size) == SNL_OK) {
            again = malloc(size);
            snl_mcmc_save(s, again);
            must_be_same(again, b, size);
            if (snl_mcmc_run(s, &run, NULL, NULL) == SNL_OK) snl_mcmc_freeze(s);
        }
    }
#endif
    free(b);
    return 0;
}

#ifdef ALONE
/* "+0": write a good seed to standard output; "+1": another one of a run. */
int main(int argc, char **argv)
{
    const int kind = argc > 1 && !strcmp(argv[1], "+1");
    int i;
    (void)kind;
    for (i = 1; i < argc && argv[1][0] != '+'; i++) {
        char *text;
        size_t n;
        if (file_read(argv[i], &text, &n, &why) != IO_OK) return 1;
        LLVMFuzzerTestOneInput((unsigned char *)text, n);
        free(text);
    }
    if (i > 1 || argc < 2) return argc < 2;
#if READER == 0
    event_template(stdout);
#elif READER == 1
    puts("# a\tb\n1\t2\n3\tx");
#elif READER == 2
    { const double v[6] = { 0, 1, 2, 1, 3, 4 };  return npy_write(NULL, 2, 3, v, &why); }
#else
    {
        unsigned char *b = NULL;
        size_t n = 0;
#if READER == 3
        snl_flow *f;
        snl_flow_shape s = snl_flow_shape_defaults(2, 2);
        s.width = s.mean_width = 3;  s.transforms = 1;  s.bins = 2;  s.mean_layers = s.layers = 1;
        if (snl_flow_create(&f, &s, NULL) != SNL_OK || snl_flow_save(f, NULL, 0, &n) != SNL_OK
            || !(b = malloc(n)) || snl_flow_save(f, b, n, &n) != SNL_OK) return 1;
#elif READER == 4
        snl_run *r = run_make(kind);
        if (snl_run_round(r, NULL, NULL, NULL) != SNL_OK) return 1;
        n = snl_run_save_size(r);
        if (!(b = malloc(n)) || snl_run_save(r, b) != SNL_OK) return 1;
#elif READER == 5
        static const double ref[] = { 1.2e6, 7e5, 0.5, 0.2, 3e4, 1.1, 0.7, 2.2, 0.3, 0.9, 5e4,
                                      1e-3, 5e4, 1e-20, 0.3, 1 };
        snl_event *e = event_make(1);
        n = snl_event_save_size(e);
        if (!(b = malloc(n))) return 1;
        snl_event_save(e, b);           /* before any search: the reference is missing */
        snl_put_doubles(b + 8, sizeof ref / sizeof ref[0], ref);
        snl_put(b + n - 8, snl_fnv1a(b, n - 8));
#elif READER == 6
        snl_mcmc *s = mcmc_make();
        double x[32];
        for (i = 0; i < 32; i++) x[i] = 0.1*(i*7 % 11);
        if (snl_mcmc_start(s, x, NULL) != SNL_OK) return 1;
        n = snl_mcmc_save_size(s);
        if (!(b = malloc(n))) return 1;
        snl_mcmc_save(s, b);
#endif
        fwrite(b, 1, n, stdout);
    }
#endif
    return 0;
}
#endif
