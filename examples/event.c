/* event.c - the commands that work on an event: simulate, infer, mcmc, calibrate, run. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tool.h"
#include "plot.h"
#include "report.h"
#include "terminal.h"
#include "pool.h"

/* ---- from the configuration to data ------------------------------------- */

static snl_lisa_cfg lisa_of(const event_config *c, const snl_qnm *qnm)
{
    snl_lisa_cfg l = snl_lisa_defaults(qnm);
    l.model = (snl_model)c->waveform;
    l.tdi = (snl_tdi)c->tdi;
    l.response = (snl_response)c->response;
    if (c->phases) l.epoch = c->t_start;
    return l;
}

/* The PSD of A and E from the configuration's table, columns f {Hz} and S {1/Hz} */
static int noise_read(const event_config *c, snl_data *d, io_error *e)
{
    static const char *const names[2] = { "f", "S" };
    char *path = path_join(c->path, c->noise_table, 1);
    table t = { 0 };
    double *v = NULL, *f, *S;
    size_t i;
    snl_fault why = { 0 };
    snl_status st;
    int rc = path ? table_read(&t, path, e) : io_fail(e, IO_FAILED, "out of memory");
    if (!rc && !(v = malloc(4*t.rows * sizeof *v))) rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc) rc = table_numbers(&t, 2, names, 0, v, e);
    if (!rc) {
        f = v + 2*t.rows;
        S = f + t.rows;
        for (i = 0; i < t.rows; i++) { f[i] = v[2*i];  S[i] = v[2*i + 1]; }
        st = snl_noise_table(t.rows, f, S, d->n, d->f, d->S, &why);
        if (st != SNL_OK && why.name && (*why.name == 'f' || *why.name == 'S')) {   /* of a row */
            char where[600];
            i = why.index;
            snprintf(where, sizeof where, "%.500s:%lu", path, (unsigned long)t.line[i]);
            rc = *why.name == 'f' && i && f[i] <= f[i - 1]
                ? io_fail(e, IO_REFUSED, "%s: f = %.12g is not above %.12g, the row before: f has to rise", where,
                          f[i], f[i - 1]) : refuse(e, where, st, &why);
        } else if (st != SNL_OK) rc = refuse(e, path, st, &why);
        else memcpy(d->S + d->n, d->S, d->n * sizeof *d->S);
    }
    free(v);
    table_free(&t);
    free(path);
    return rc;
}

/* Empty data of a band with the PSD of the configuration; rows samples in all. */
static int data_empty(const event_config *c, size_t rows, double f_min, double f_max,
                      snl_data **data, io_error *e)
{
    const double df = 1 / ((double)rows * c->dt);
    snl_noise noise = snl_noise_defaults();
    snl_fault why = { 0 };
    size_t k0 = (size_t)ceil(f_min / df * (1 - 1e-12));
    size_t k1 = (size_t)floor(f_max / df * (1 + 1e-12));
    snl_status st;
    int ch;
    if (k0 < 1) k0 = 1;
    if (k1 > (rows - 1)/2) k1 = (rows - 1)/2;
    if (rows < 3 || k1 <= k0)
        return io_fail(e, IO_REFUSED, "%s: %lu samples hold no frequency between f_min and f_max",
                       c->path, (unsigned long)rows);
    noise.model = (snl_noise_model)c->noise_model;
    noise.tdi = (snl_tdi)c->tdi;
    noise.foreground = (snl_foreground)c->foreground;
    noise.years = c->years;
    st = snl_data_create(data, df, k0, k1 - k0 + 1);
    if (st == SNL_OK && *c->noise_table) return noise_read(c, *data, e);
    for (ch = 0; st == SNL_OK && ch < 2; ch++)
        st = snl_noise_psd(&noise, SNL_CHANNEL_A, (*data)->n, (*data)->f,
                           (*data)->S + (size_t)ch*(*data)->n, &why);
    return st == SNL_OK ? 0 : refuse(e, c->path, st, &why);
}

/* A Fourier transform of that many samples, with its scratch: free(*mem). */
static int fft_plan(size_t rows, snl_fft *plan, double **mem, double **work, io_error *e)
{
    *mem = malloc((snl_fft_size(rows) + snl_fft_work(rows)) * sizeof **mem);
    if (!*mem || snl_fft_init(plan, rows, *mem) != SNL_OK)
        return io_fail(e, IO_FAILED, "out of memory");
    *work = *mem + snl_fft_size(rows);
    return 0;
}

/* The .npy of the configuration as data of its band {1/Hz}, rfft(window series) dt.  Its phases
 * refer to the first sample: that is SSB t = t_start {s} with phases = start, and else, the segment
 * being periodic, t = 0 modulo its length, whatever the column t says.  Neither signals nor PSD know of the
 * window, which has to be flat wherever the signal matters. */
static int data_read(const event_config *c, snl_data **data, io_error *e)
{
    const size_t columns = c->channels ? 4 : 3;
    char *path = path_join(c->path, c->data, 1);
    size_t rows = 0, i, k, k0, ch;
    double *x = NULL, *mem = NULL, *work = NULL, *series = NULL, *w;
    char word[EVENT_WORD];
    snl_fft plan;
    snl_fault why = { 0 };
    int rc = path ? npy_read(path, columns, &rows, &x, e) : io_fail(e, IO_FAILED, "out of memory");
    if (!rc) rc = data_empty(c, rows, c->f_min, c->f_max, data, e);
    if (!rc) rc = fft_plan(rows, &plan, &mem, &work, e);
    if (!rc && !(series = malloc((columns*rows + 2) * sizeof *series))) rc = io_fail(e, IO_FAILED, "out of memory");
    for (i = 0; !rc && i < rows; i++) {     /* the file knows its times: a wrong dt is found out */
        const double t = c->t_start + (double)i*c->dt;
        if (!(fabs(x[columns*i] - t) < 0.01*c->dt))
            rc = io_fail(e, IO_REFUSED, "%s: row %lu (counted from 0) is at t = %.12g s; t_start and dt of %s "
                         "make it %.12g s", path, (unsigned long)i, x[columns*i], c->path, t);
    }
    if (rc) goto done;
    w = series + (columns - 1)*rows;                    /* channels, then the window */
    for (i = 0; i < rows; i++)
        for (ch = 0; ch + 1 < columns; ch++) series[ch*rows + i] = x[columns*i + 1 + ch];
    if (!strcmp(event_word("channels", c->channels, word), "XYZ"))
        snl_tdi_aet(rows, series, series + rows, series + 2*rows);
    if (c->window) {
        const int tukey = !strcmp(event_word("window", c->window, word), "tukey");
        const snl_window_kind kind = tukey ? SNL_WINDOW_TUKEY : SNL_WINDOW_PLANCK;
        const snl_status st = snl_window(kind, rows, c->taper, w, &why);
        if (st != SNL_OK) { rc = refuse(e, c->path, st, &why);  goto done; }
        for (i = 0; i < 2*rows; i++) series[i] *= w[i % rows];
    }
    k0 = (size_t)((*data)->f[0] / (*data)->df + 0.5);
    for (ch = 0; ch < 2; ch++) {
        double *half = x;                               /* 3 or 4 rows >= rows + 2 */
        snl_fft_real_forward(&plan, series + ch*rows, half, work);
        for (k = 0; k < 2*(*data)->n; k++)
            (*data)->d[2*ch*(*data)->n + k] = half[2*k0 + k] * c->dt;
    }
done:
    free(series);
    free(mem);
    free(x);
    free(path);
    return rc;
}

/* Does the noise look like the model's?  |d|^2 2 df/S is exponential for noise, its lower
 * quartile ln(4/3).  A signal lifts it, but hardly in all of eight parts of the band: the
 * lowest of them tells if there is too much, the highest if too little.  A warning only, as
 * data without noise are legal. */
static void noise_check(const event_config *c, const snl_data *d)
{
    static const double quarter = 0.25;
    double *u = malloc(3*d->n * sizeof *u), least = HUGE_VAL, most = 0, q;
    size_t i, k, m, part;
    for (k = 0, part = 1; u && part <= 8; part++) {
        const double end = d->f[0]*pow(d->f[d->n - 1]/d->f[0], (double)part/8)*(1 + 1e-9);
        for (m = 0, i = k; k < d->n && d->f[k] <= end; k++)
            u[m++] = (d->d[2*k]*d->d[2*k] + d->d[2*k + 1]*d->d[2*k + 1]) * 2*d->df / d->S[k];
        if (m < 30 && part < 8) { k = i;  continue; }           /* with the next */
        if (!m || snl_quantiles(m, u, NULL, 1, &quarter, &q, u + d->n) != SNL_OK) continue;
        least = fmin(least, q/log(4.0/3));
        most = fmax(most, q/log(4.0/3));
    }
    q = least > 10 ? least : most;
    if (u && (least > 10 || most < 0.5))
        fprintf(stderr, "warning: %s: the power of the noise is %.3g of what the noise keys of %s say: wrong unit, "
                "model or band?\n", c->data, q, c->path);
    free(u);
}

/* ---- simulate ----------------------------------------------------------- */

/* Distances of the injected sources where the configuration gives an SNR in the band. */
static int distances_set(event_config *c, const snl_qnm *qnm, const snl_data *band, io_error *e)
{
    const snl_lisa_cfg lisa = lisa_of(c, qnm);
    size_t i;
    for (i = 0; i < c->sources; i++) {
        snl_data *one = NULL;
        snl_fault why = { 0 };
        snl_source s = snl_source_from_theta(c->inject[i]);
        snl_status st = SNL_OK;
        if (!(c->inject_snr[i] > 0)) continue;
        st = snl_data_create(&one, band->df, (size_t)(band->f[0]/band->df + 0.5), band->n);
        if (st == SNL_OK) {
            memcpy(one->S, band->S, 2*band->n * sizeof *one->S);
            st = snl_data_add_signal(one, &lisa, &s, &why);
        }
        if (st == SNL_OK)
            c->inject[i][P_DISTANCE] *= snl_data_snr(one, one->d) / c->inject_snr[i];
        snl_data_free(one);
        if (st != SNL_OK) return refuse(e, c->path, st, &why);
        if (!(c->inject[i][P_DISTANCE] > 0))
            return io_fail(e, IO_REFUSED, "%s: source %lu has no signal between f_min and f_max: no distance "
                           "gives it the SNR of inject.snr", c->path, (unsigned long)i + 1);
    }
    return 0;
}

/* Injected signals in the band, their distances set. */
static int signals_add(event_config *c, const snl_qnm *qnm, snl_data *band, io_error *e)
{
    const snl_lisa_cfg lisa = lisa_of(c, qnm);
    size_t i;
    int rc = distances_set(c, qnm, band, e);
    for (i = 0; !rc && i < c->sources; i++) {
        const snl_source s = snl_source_from_theta(c->inject[i]);
        snl_fault why = { 0 };
        const snl_status st = snl_data_add_signal(band, &lisa, &s, &why);
        if (st != SNL_OK) rc = refuse(e, c->path, st, &why);
    }
    return rc;
}

/* Noise of that seed at all frequencies plus the signals in their band, as a periodic series by
 * the same convention; its column t {s, SSB} begins at t_start, its others are the configuration's
 * channels, with T = 0. */
static int simulate_to(event_config *c, const snl_qnm *qnm, uint64_t seed, const char *path, io_error *e)
{
    const size_t rows = (size_t)(c->duration / c->dt + 0.5), columns = c->channels ? 4 : 3;
    char word[EVENT_WORD];
    const int xyz = !strcmp(event_word("channels", c->channels, word), "XYZ");
    snl_data *all = NULL, *band = NULL;
    double *x = NULL, *mem = NULL, *work = NULL, *half = NULL;
    snl_fft plan;
    snl_rng rng;
    size_t i, k, k0;
    int ch, rc = data_empty(c, rows, 0, 1/c->dt, &all, e);
    if (!rc) rc = data_empty(c, rows, c->f_min, c->f_max, &band, e);
    if (!rc) rc = fft_plan(rows, &plan, &mem, &work, e);
    x = malloc(rows * columns * sizeof *x);
    half = malloc((rows + 2) * sizeof *half);
    if (!rc && (!x || !half)) rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc) rc = signals_add(c, qnm, band, e);
    if (!rc) {
        snl_rng_seed(&rng, seed, 0);
        snl_data_add_noise(all, &rng);
        k0 = (size_t)(band->f[0] / band->df + 0.5);
        for (ch = 0; ch < 2; ch++) {
            memset(half, 0, (rows + 2) * sizeof *half);
            memcpy(half + 2, all->d + 2*(size_t)ch*all->n, 2*all->n * sizeof *half);
            for (k = 0; k < 2*band->n; k++) half[2*k0 + k] += band->d[2*(size_t)ch*band->n + k];
            snl_fft_real_inverse(&plan, half, half, work);
            for (i = 0; i < rows; i++) x[columns*i + 1 + (size_t)ch] = half[i] / c->dt;
        }
        for (i = 0; i < rows; i++) {
            double *v = x + columns*i;
            const double A = v[1]*sqrt(0.5), E = v[2]*sqrt(1/6.0);
            v[0] = c->t_start + (double)i * c->dt;
            if (columns == 4) v[3] = 0;
            if (xyz) { v[1] = E - A;  v[2] = -2*E;  v[3] = E + A; }
        }
        rc = npy_write(path, rows, columns, x, e);
    }
    free(half);
    free(x);
    free(mem);
    snl_data_free(band);
    snl_data_free(all);
    return rc;
}

int cmd_simulate(options *o, io_error *e)
{
    event_config c;
    size_t i;
    int rc = event_read(&c, o->file[0], e);
    if (!rc && !(c.duration > 0))
        rc = io_fail(e, IO_REFUSED, "%s: duration is missing, the length of the series in s", c.path);
    if (!rc) rc = simulate_to(&c, o->qnm, o->seed_given ? o->seed : (uint64_t)c.seed, o->out, e);
    if (!rc && !o->quiet && !c.sources) fprintf(stderr, "no source is injected: noise alone\n");
    for (i = 0; !rc && !o->quiet && i < c.sources; i++)
        fprintf(stderr, "source %lu: distance %.9g Mpc\n", (unsigned long)i + 1, c.inject[i][P_DISTANCE]);
    return rc;
}

/* ---- an event under work ------------------------------------------------- */

typedef struct second {             /* posterior beside ours, of --with; value NULL: none       */
    plot_samples set;
    double  width[SNL_NPAR];        /* of the 90 % intervals                                 */
    double *value, *weight;
} second;

typedef struct session {
    event_config  c;
    second        with;
    snl_data     *data;
    snl_event    *event;
    snl_problem   problem;
    snl_pool      pool;
    uint64_t      mark;             /* of configuration, data and noise: a checkpoint's      */
    double        wall, cpu;        /* seconds used by earlier sittings                      */
    time_t        began;
    terminal      tell;
    const snl_run *run;             /* of which progress is told, or NULL                    */
    int           kept;             /* the checkpoint: -1 none, 0 the search, n its rounds   */
    report_rows   training, history;
    double        trained;          /* share of its epochs that a stage of training has done */
} session;

static int priors_of(const event_config *c, snl_prior *p, io_error *e)
{
    size_t i;
    if (c->priors != SNL_NPAR)
        return io_fail(e, IO_REFUSED, "%s: %lu of 11 prior.NAME lines are given", c->path,
                       (unsigned long)c->priors);
    for (i = 0; i < c->priors; i++) {
        const event_prior *q = &c->prior[i];
        snl_prior *o = &p[q->param];
        o->lo = q->a;
        o->hi = q->b;
        if (q->kind == PRIOR_UNIFORM) o->kind = SNL_UNIFORM;
        else if (q->kind == PRIOR_LOGUNIFORM) o->kind = SNL_LOG_UNIFORM;
        else if (q->kind == PRIOR_NORMAL) {
            o->kind = SNL_NORMAL;
            o->mean = q->a;
            o->sd = q->b;
            o->lo = fmax(event_params[q->param].lo, q->a - 6*q->b);   /* the search needs an end */
            o->hi = fmin(event_params[q->param].hi, q->a + 6*q->b);
            if (!(o->lo < o->hi))
                return io_fail(e, IO_REFUSED, "%s:%d: prior.%s: the standard deviation %g is too small: no "
                               "number lies within six of it about %.12g", c->path, q->line,
                               event_params[q->param].name, q->b, q->a);
        } else return io_fail(e, IO_REFUSED, "%s:%d: fixed parameters are not supported yet",
                              c->path, q->line);
    }
    return 0;
}

/* As refuse(), with the line of the prior where it is one that the library refuses. */
static int refuse_prior(io_error *e, const event_config *c, snl_status st, const snl_fault *why)
{
    char where[EVENT_TEXT + 64];
    size_t i;
    snprintf(where, sizeof where, "%s", c->path);
    for (i = 0; i < c->priors; i++)
        if (why->name && !strcmp(why->name, snl_parameter_name[c->prior[i].param]))
            snprintf(where, sizeof where, "%s:%d: prior.%s", c->path, c->prior[i].line, why->name);
    return refuse(e, where, st, why);
}

/* Waveforms of the blind search, more where the range of masses is wide */
static size_t search_calls(const snl_prior *p)
{ return (size_t)(1000 + 700*fmax(0, log(p[SNL_CHIRP_MASS].hi/p[SNL_CHIRP_MASS].lo) - 0.5)); }

static void session_close(session *s)
{
    terminal_clear(&s->tell);
    free(s->training.v);
    free(s->history.v);
    free(s->with.value);
    free(s->with.weight);
    snl_event_free(s->event);
    snl_data_free(s->data);
}

/* Another posterior to set beside ours, --with: a table that holds our parameters. */
static int second_read(second *z, const event_config *c, const char *path, io_error *e)
{
    static const char *const weight_name[] = { "log_weight" };
    static const double q[2] = { 0.05, 0.95 };
    const char *names[SNL_NPAR];
    table t = { 0 };
    double *x = NULL, out[2], top = -INFINITY;
    size_t i, k;
    int rc = table_read(&t, path, e);
    if (rc) return rc;
    for (k = 0; k < SNL_NPAR; k++) names[k] = snl_parameter_name[c->prior[k].param];
    z->value = malloc((t.rows + 1) * SNL_NPAR * sizeof *x);
    z->weight = calloc(t.rows + 1, sizeof *x);
    x = malloc((t.rows + 1) * 3 * sizeof *x);
    if (!z->value || !z->weight || !x) rc = io_fail(e, IO_FAILED, "%s: out of memory", path);
    if (!rc) rc = table_numbers(&t, SNL_NPAR, names, 0, z->value, e);
    if (!rc && table_find(&t, "log_weight") >= 0) rc = table_numbers(&t, 1, weight_name, 1, z->weight, e);
    if (!rc && t.rows < 10)                             /* as the plot has it */
        rc = io_fail(e, IO_REFUSED, "%s: %lu samples are too few: 10 at least", path, (unsigned long)t.rows);
    for (i = 0; !rc && i < t.rows; i++) {
        if (!(z->weight[i] < HUGE_VAL))
            rc = io_fail(e, IO_REFUSED, "%s:%lu: log_weight: %g is no weight", path, (unsigned long)t.line[i], z->weight[i]);
        top = fmax(top, z->weight[i]);
    }
    if (!rc && !(top > -HUGE_VAL)) rc = io_fail(e, IO_REFUSED, "%s: log_weight: no row has any weight", path);
    for (i = 0; !rc && i < t.rows; i++) z->weight[i] = exp(z->weight[i] - top);
    for (k = 0; !rc && k < SNL_NPAR; k++) {
        for (i = 0; i < t.rows; i++) x[i] = z->value[i*SNL_NPAR + k];
        if (snl_quantiles(t.rows, x, z->weight, 2, q, out, x + t.rows) != SNL_OK)
            rc = io_fail(e, IO_REFUSED, "%s: %s cannot be read as samples", path, names[k]);
        z->width[k] = out[1] - out[0];
    }
    z->set.label = path;
    z->set.rows = t.rows;
    z->set.value = z->value;
    z->set.weight = z->weight;
    free(x);
    table_free(&t);
    return rc;
}

/* What a long run needs at its end: found out before it begins. */
static int end_check(session *s, const options *o, io_error *e)
{
    event_config other;
    snl_prior prior[SNL_NPAR];
    int rc = 0;
    if (o->prior && !(rc = event_read(&other, o->prior, e))) rc = priors_of(&other, prior, e);
    return !rc && o->with ? second_read(&s->with, &s->c, o->with, e) : rc;
}

static int session_open(session *s, const options *o, const char *path, io_error *e)
{
    snl_event_cfg cfg;
    snl_fault why = { 0 };
    snl_status st;
    char *text = NULL;
    size_t size = 0;
    int rc;
    memset(s, 0, sizeof *s);
    memset(&cfg, 0, sizeof cfg);
    s->began = time(NULL);
    s->kept = -1;
    terminal_start(&s->tell, o->quiet);
    rc = event_read(&s->c, path, e);
    if (!rc && o->compression >= 0) s->c.compression = o->compression;
    if (!rc && o->points) s->c.points = (double)o->points;
    if (!rc) rc = priors_of(&s->c, cfg.prior, e);
    if (!rc) rc = end_check(s, o, e);
    if (!rc) rc = data_read(&s->c, &s->data, e);
    if (!rc) noise_check(&s->c, s->data);
    if (!rc) rc = distances_set(&s->c, o->qnm, s->data, e);     /* as the configuration's waveform has it */
    if (!rc && o->model_given) s->c.waveform = o->model;
    if (!rc) rc = file_read(path, &text, &size, e);
    if (rc) return rc;
    s->mark = snl_fnv1a((unsigned char *)text, size)
            ^ snl_fnv1a((unsigned char *)s->data->d, 4*s->data->n * sizeof *s->data->d)
            ^ snl_fnv1a((const unsigned char *)&o->seed, sizeof o->seed) ^ (uint64_t)s->c.waveform;
    if (*s->c.noise_table)                  /* whose content the configuration does not tell */
        s->mark ^= snl_fnv1a((unsigned char *)s->data->S, 2*s->data->n * sizeof *s->data->S);
    free(text);
    pool_start(&s->pool, o->threads);
    cfg.lisa = lisa_of(&s->c, o->qnm);
    cfg.nodes = 256;
    cfg.search = search_calls(cfg.prior);
    cfg.false_alarm = 0.01;
    cfg.seed = o->seed;
    st = snl_event_create(&s->event, &cfg, s->data, &s->pool, &why);
    return st == SNL_OK ? dir_make(o->out, e) : refuse_prior(e, &s->c, st, &why);
}

static int rows_add(report_rows *r, size_t columns, const double *v)
{
    if (r->rows == r->room) {
        const size_t room = 2*r->room + 64;
        double *more = realloc(r->v, room * columns * sizeof *more);
        if (!more) return 0;
        r->v = more;
        r->room = room;
    }
    memcpy(r->v + r->rows++ * columns, v, columns * sizeof *v);
    return 1;
}

static int report_progress(void *user, const snl_run_progress *p)
{
    session *s = user;
    const int epoch = !strcmp(p->stage, "train") && p->done > 0;
    const int search = !strcmp(p->stage, "search") || !strcmp(p->stage, "climb");
    char stage[48], more[64] = "";
    if (epoch) {
        const double *was = s->training.rows ? s->training.v + (s->training.rows - 1)*REPORT_EPOCH : NULL;
        const int same = was && was[0] == (double)p->round + 1, next = p->done <= s->trained;
        double v[REPORT_EPOCH];
        v[0] = (double)p->round + 1;
        v[1] = same ? was[1] + next : 1;
        v[2] = same && !next ? was[2] + 1 : 1;
        v[3] = p->train;
        v[4] = p->value;
        s->trained = p->done;
        rows_add(&s->training, REPORT_EPOCH, v);
    }
    if (s->run && strcmp(p->stage, "calibrate"))
        snprintf(stage, sizeof stage, "round %lu: %s", (unsigned long)p->round + 1, p->stage);
    else snprintf(stage, sizeof stage, "%s", p->stage);
    if (search) snprintf(more, sizeof more, ", SNR %.2f, %lu calls", p->value, (unsigned long)p->calls);
    else if (epoch) snprintf(more, sizeof more, ", loss %.3g", p->value);
    else if (!strcmp(p->stage, "sample") && p->done > 0)
        snprintf(more, sizeof more, ", acceptance %.2f", p->value);
    if (!search && p->done > 0)
        snprintf(more + strlen(more), sizeof more - strlen(more), ", %lu calls", (unsigned long)
                 (snl_event_calls(s->event) + (s->run ? snl_run_state(s->run).calls : p->calls)));
    terminal_progress(&s->tell, stage, p->done, more);
    return terminal_stopped();
}

/* As a word of a shell's command line: in quotes where it has to be, each ' in it as '\''. */
static void put_word(char *line, size_t size, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,";
    const char *quote = word[strspn(word, plain)] || !*word ? "'" : "";
    size_t n = strlen(line);
    snprintf(line + n, size - n, "%s%s", n ? " " : "", quote);
    for (; *word; word++) {
        n += strlen(line + n);
        snprintf(line + n, size - n, "%s%c%s", *word == '\'' ? "'\\" : "", *word, *word == '\'' ? "'" : "");
    }
    n += strlen(line + n);
    snprintf(line + n, size - n, "%s", quote);
}

static snl_run_cfg run_settings(const event_config *e, const options *o)
{
    snl_run_cfg c = snl_run_defaults();
    c.compression = (snl_compression)e->compression;
    c.points = (size_t)e->points;
    if (o->plain) {
        c.once = 1;                 /* the flow of [P] */
        c.networks = 1;
        c.width = 50;
    }
    if (o->plain || c.compression == SNL_COMPRESS_LEARNED) c.transforms = 5;
    return c;
}

/* The call that o was read from. */
static void command_line(const options *o, int resume, char *line, size_t size)
{
    char number[32], word[EVENT_WORD];
    *line = '\0';
    put_word(line, size, "./snl");
    put_word(line, size, o->command);
    if (o->files) put_word(line, size, o->file[0]);
    if (o->out) { put_word(line, size, "--out");  put_word(line, size, o->out); }
    put_word(line, size, "--seed");
    sprintf(number, "%lu", o->seed);
    put_word(line, size, number);
    if (o->model_given) {
        put_word(line, size, "--model");
        put_word(line, size, event_word("waveform", o->model, word));
    }
    if (o->prior) { put_word(line, size, "--prior");  put_word(line, size, o->prior); }
    if (o->with) { put_word(line, size, "--with");  put_word(line, size, o->with); }
    if (o->compression >= 0) {
        put_word(line, size, "--compression");
        put_word(line, size, event_word("compression", o->compression, word));
    }
    if (o->points) {
        put_word(line, size, "--points");
        sprintf(number, "%lu", o->points);
        put_word(line, size, number);
    }
    if (o->calls) {
        put_word(line, size, "--calls");
        sprintf(number, "%lu", o->calls);
        put_word(line, size, number);
    }
    if (o->minutes < HUGE_VAL) {
        put_word(line, size, "--minutes");
        sprintf(number, "%g", o->minutes);
        put_word(line, size, number);
    }
    if (o->trials != TRIALS) {
        put_word(line, size, "--trials");
        sprintf(number, "%lu", o->trials);
        put_word(line, size, number);
    }
    if (o->plain) put_word(line, size, "--plain");
    if (resume) put_word(line, size, "--resume");
}

/* After Ctrl-C: what is kept, and how to go on.  rc as it comes if nobody asked to stop. */
static int session_end(const session *s, const options *o, int rc, io_error *e)
{
    char again[2400];
    if (!rc || !terminal_stopped()) return rc;
    command_line(o, s->kept >= 0, again, sizeof again);
    return s->kept > 0
        ? io_fail(e, IO_FAILED, "stopped; search and %d round%s are kept; go on with: %s", s->kept,
                  s->kept == 1 ? "" : "s", again)
        : io_fail(e, IO_FAILED, "stopped; %s; %s: %s", s->kept ? "nothing is kept yet" : "the search is kept",
                  s->kept ? "start again with" : "go on with", again);
}

static int session_search(session *s, io_error *e)
{
    snl_search_result found;
    snl_fault why = { 0 };
    const snl_status st = snl_event_search(s->event, &found, report_progress, s, &why);
    if (st == SNL_EFAILED)
        return io_fail(e, IO_FAILED, "%s: no signal was found inside the priors; ./snl detect looks everywhere%s",
                       s->c.path, s->c.phases || fabs(remainder(s->c.t_start, 1/s->data->df)) < s->c.dt ? "" :
                       "; if this is a cut of longer data, it needs phases = start");
    if (st != SNL_OK) return refuse(e, s->c.path, st, &why);
    terminal_line(&s->tell, "search: SNR %.2f, %lu waveforms", found.snr, (unsigned long)found.calls);
    return 0;
}

/* ---- checkpoints --------------------------------------------------------- */
/* Tag, mark, seconds so far, bytes of the event and of the run (0: none), both, the sum. */

static const char checkpoint_tag[8] = { 's', 'n', 'l', 'C', 'H', 'K', 0, 1 };

static double cpu_seconds(const session *s) { return s->cpu + (double)clock() / CLOCKS_PER_SEC; }
static double wall_seconds(const session *s) { return s->wall + difftime(time(NULL), s->began); }

static int checkpoint_write(session *s, const snl_run *run, const char *path, io_error *e)
{
    const size_t ne = snl_event_save_size(s->event), nr = run ? snl_run_save_size(run) : 0;
    const size_t size = 8*6 + ne + nr + 8;
    const double spent[2] = { wall_seconds(s), cpu_seconds(s) };
    unsigned char *bytes = malloc(size), *p;
    out_file out = { 0 };
    int rc;
    if (!bytes) return io_fail(e, IO_FAILED, "%s: out of memory", path);
    memcpy(bytes, checkpoint_tag, 8);
    p = snl_put_doubles(snl_put(bytes + 8, s->mark), 2, spent);
    p = snl_put(snl_put(p, ne), nr);
    snl_event_save(s->event, p);
    if (run && snl_run_save(run, p + ne) != SNL_OK) {
        free(bytes);
        return io_fail(e, IO_FAILED, "%s: the run could not be saved", path);
    }
    snl_put(p + ne + nr, snl_fnv1a(bytes, size - 8));
    rc = out_open(&out, path, e);
    if (!rc) {
        fwrite(bytes, 1, size, out.file);
        rc = out_close(&out, 1, e);
        if (!rc) s->kept = run ? (int)snl_run_state(run).round : 0;
    }
    free(bytes);
    return rc;
}

/* *found = 0: there is none.  run NULL: only the event. */
static int checkpoint_read(session *s, snl_run_cfg *cfg, snl_run **run, const char *path,
                           int *found, io_error *e)
{
    char *text = NULL;
    const unsigned char *p, *bytes;
    uint64_t mark, ne, nr;
    double spent[2];
    size_t size;
    snl_fault why = { 0 };
    snl_status st;
    FILE *there = fopen(path, "rb");
    int rc;
    *found = there != NULL;
    if (!there) return 0;
    fclose(there);
    if ((rc = file_read(path, &text, &size, e)) != 0) return rc;
    bytes = (unsigned char *)text;
    st = size >= 56 && snl_bytes_ok(bytes, size, checkpoint_tag) ? SNL_OK : SNL_EFORMAT;
    if (st == SNL_OK) {
        p = snl_get_doubles(snl_get(bytes + 8, &mark), 2, spent);
        p = snl_get(snl_get(p, &ne), &nr);
        if (ne > size || nr > size || 56 + ne + nr != size) st = SNL_EFORMAT;
        else if (mark != s->mark) {
            rc = io_fail(e, IO_REFUSED, "%s: belongs to another configuration, seed, data or noise table", path);
            st = SNL_EINVAL;
        } else st = snl_event_load(s->event, p, (size_t)ne);
        if (st == SNL_OK) snl_event_problem(s->event, &s->problem);
        if (st == SNL_OK && nr) {
            st = snl_run_create(run, &s->problem, cfg, &why);
            if (st == SNL_OK) st = snl_run_load(*run, p + ne, (size_t)nr);
            if (st == SNL_EINVAL)
                rc = io_fail(e, IO_REFUSED, "%s: belongs to a run with another seed or other settings", path);
        }
    }
    if (st == SNL_OK) {
        s->wall = spent[0];
        s->cpu = spent[1];
        s->kept = nr ? (int)snl_run_state(*run).round : 0;
    }
    else if (!rc) rc = io_fail(e, IO_REFUSED, "%s: %s", path, snl_status_text(st));
    free(text);
    return rc;
}

/* ---- what was met on the way ---------------------------------------------- */
/* training.tsv and rounds.tsv, for the report also of a run that was resumed. */

static const char *const history_epoch[REPORT_EPOCH] = { "round", "stage", "epoch", "training_loss",
                                                        "validation_loss" };
static const char *const history_file[4] = { "training.tsv", "rounds.tsv", "ranks.tsv", "coverage.tsv" };

static void history_names(const session *s, char text[REPORT_ROUND][32], const char **names)
{
    static const char *const part[3] = { "5", "50", "95" };
    size_t k;
    for (k = 0; k < 3*SNL_NPAR; k++)
        snprintf(text[k + 2], 32, "%s_%s", snl_parameter_name[s->c.prior[k/3].param], part[k % 3]);
    strcpy(text[0], "round");
    strcpy(text[1], "temperature");
    for (k = 0; k < REPORT_ROUND; k++) names[k] = text[k];
}

/* The posterior of the last round, as its draws are; then both files. */
static int history_write(session *s, const snl_run *run, const options *o, io_error *e)
{
    static const double q[3] = { 0.05, 0.5, 0.95 };
    const snl_run_view v = snl_run_state(run);
    char text[REPORT_ROUND][32], *path[2];
    const char *names[REPORT_ROUND];
    double row[REPORT_ROUND], *theta = malloc(v.n * (SNL_NPAR + 3) * sizeof *theta), *x = theta + v.n*SNL_NPAR;
    size_t i, k;
    int rc = theta ? 0 : io_fail(e, IO_FAILED, "out of memory");
    if (rc) return rc;
    snl_event_theta(s->event, v.n, v.y, o->seed, theta);
    row[0] = (double)v.round;
    row[1] = 1/v.beta;
    for (k = 0; k < SNL_NPAR; k++) {
        for (i = 0; i < v.n; i++) x[i] = theta[i*SNL_NPAR + (size_t)s->c.prior[k].param];
        if (snl_quantiles(v.n, x, NULL, 3, q, row + 2 + 3*k, x + v.n) != SNL_OK) row[2 + 3*k] = row[3 + 3*k] = row[4 + 3*k] = 0;
    }
    free(theta);
    if (!rows_add(&s->history, REPORT_ROUND, row)) return io_fail(e, IO_FAILED, "out of memory");
    history_names(s, text, names);
    for (k = 0; k < 2; k++)
        if (!(path[k] = path_join(o->out, history_file[k], 0))) rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc) rc = table_write(path[0], 1, 12, s->training.rows, REPORT_EPOCH, history_epoch, s->training.v, e);
    if (!rc) rc = table_write(path[1], 1, 12, s->history.rows, REPORT_ROUND, names, s->history.v, e);
    for (k = 0; k < 2; k++) free(path[k]);
    return rc;
}

/* One of the files; its absence, or columns of another kind, only leave a panel out. */
static void history_read(const char *dir, int file, size_t columns, const char *const *names, size_t rounds,
                         report_rows *out)
{
    char *path = path_join(dir, history_file[file], 0);
    FILE *there = path ? fopen(path, "rb") : NULL;
    table t = { 0 };
    io_error none;
    double *v = NULL;
    size_t i;
    if (there) fclose(there);
    if (there && !table_read(&t, path, &none) && (v = malloc((t.rows + 1) * columns * sizeof *v)) != NULL
        && !table_numbers(&t, columns, names, 0, v, &none))
        for (i = 0; i < t.rows && (!rounds || v[i*columns] <= (double)rounds); i++)
            if (!rows_add(out, columns, v + i*columns)) break;
    free(v);
    free(path);
    table_free(&t);
}

/* resume: those of the rounds that are kept; else none, and no files of another run. */
static void history_begin(session *s, const options *o, int resume, size_t rounds)
{
    char text[REPORT_ROUND][32];
    const char *names[REPORT_ROUND];
    int k;
    if (resume && rounds) {
        history_names(s, text, names);
        history_read(o->out, 0, REPORT_EPOCH, history_epoch, rounds, &s->training);
        history_read(o->out, 1, REPORT_ROUND, names, rounds, &s->history);
    }
    for (k = 0; k < 4 && !resume; k++) {
        char *path = path_join(o->out, history_file[k], 0);
        if (path) remove(path);
        free(path);
    }
}

/* ---- results ------------------------------------------------------------- */

enum { COLUMNS = SNL_NPAR + 3 };    /* and ln L of the surrogate, exact, and ln weight */

typedef struct result {
    size_t  n;
    size_t  columns;                /* COLUMNS, or up to the surrogate's ln L              */
    double *v;                      /* [n][columns], parameters in the order of the priors */
    const char *names[COLUMNS];
    double *weight;                 /* [n], mean 1                                         */
    int     refined;                /* the surrogate's draws, weighted to be exact         */
    double  cost[SNL_NPAR][3];      /* {nats} of compression, of the network, of both      */
    double  pareto;                 /* shape of the weights' tail                          */
    double  ess, accept;            /* effective samples of the chain, its acceptance      */
    double  calls;                  /* of the simulator                                    */
    const char *stopped;            /* why the rounds ended                                */
    const event_config *prior;      /* whose prior it is, of --prior; or NULL              */
    size_t  rounds;
    const snl_round *round;         /* [rounds], of the run                                */
    double  raise;                  /* ln of their mean before they were normalised        */
    double  evidence[2];            /* ln of it, signal and noise to noise alone; 1 sigma  */
    double  efficiency;             /* effective share of the weighted draws               */
    double  quantile[SNL_NPAR][5];  /* 2.5, 5, 50, 95, 97.5 %                              */
    double  truth[SNL_NPAR];        /* NaN: not known                                      */
    double  image[8];               /* shares by quadrant of LISA-frame longitude, south   */
                                    /* and then north: one sky image in each               */
} result;

static void result_free(result *r) { free(r->v);  free(r->weight); }

/* What lies between exact, exact but compressed, and surrogate, per parameter: the same
 * draws under three weights.  x [n] and work [n + 4 SNL_JSD_GRID] are scratch. */
static snl_status result_budget(result *r, const double *squeezed, double *x, double *work)
{
    const double *w[3][2] = { { r->weight, squeezed }, { squeezed, NULL }, { r->weight, NULL } };
    size_t i, k;
    int j;
    for (k = 0; k < SNL_NPAR; k++) {
        for (i = 0; i < r->n; i++) x[i] = r->v[i*r->columns + k];
        for (j = 0; j < 3; j++) {
            const snl_status st = snl_jsd(r->n, x, w[j][0], r->n, x, w[j][1], &r->cost[k][j], work);
            if (st != SNL_OK) return st;
        }
    }
    return SNL_OK;
}

/* exp(a - beta b), the largest smoothed, mean 1; ln of their mean before that and the shape of
 * their tail.  work [n]. */
static snl_status weights(size_t n, const double *a, size_t stride, double beta, const double *b,
                          double *w, double *raise, double *shape, double *work)
{
    double top = -INFINITY, sum = 0;
    size_t i;
    snl_status st;
    for (i = 0; i < n; i++) top = fmax(top, a[i*stride] - beta*b[i]);
    for (i = 0; i < n; i++) w[i] = exp(a[i*stride] - beta*b[i] - top);
    st = snl_pareto_smooth(n, w, shape, work);
    for (i = 0; i < n; i++) sum += w[i];
    for (i = 0; i < n; i++) w[i] *= (double)n / sum;
    *raise = top + log(sum/(double)n);
    return st;
}

/* From draws y and their ln L.  run: it was the surrogate's, exact ones are computed as
 * weights.  NULL: ll is exact, or with columns = SNL_NPAR + 1 the surrogate's, left alone. */
static int result_make(result *r, session *s, const options *o, size_t columns, size_t n,
                       const double *y, const double *ll, const snl_run *run, io_error *e)
{
    static const double q[5] = { 0.025, 0.05, 0.5, 0.95, 0.975 };
    const double beta = run ? snl_run_state(run).beta : 1;      /* stopped while tempered: not 1 */
    double none[2], *theta = malloc((n * (SNL_NPAR + 5) + 4*SNL_JSD_GRID) * sizeof *theta), *both, *squeezed, *work;
    size_t i, k;
    snl_status st = SNL_OK;
    r->n = n;
    r->columns = columns;
    r->refined = run != NULL;
    r->v = malloc(n * columns * sizeof *r->v);
    r->weight = malloc(n * sizeof *r->weight);
    if (!theta || !r->v || !r->weight) { free(theta);  return io_fail(e, IO_FAILED, "out of memory"); }
    both = theta + n*SNL_NPAR;
    squeezed = both + 2*n;
    work = squeezed + n;
    snl_event_theta(s->event, n, y, o->seed, theta);
    for (i = 0; run && st == SNL_OK && i < n; i += 500) {
        terminal_progress(&s->tell, "refine", (double)i/(double)n, ", exact likelihood of the draws");
        if (terminal_stopped()) st = SNL_ESTOPPED;
        else st = snl_run_budget(run, n - i < 500 ? n - i : 500, y + i*s->problem.dim, both + 2*i);
    }
    if (!run) for (i = 0; i < n; i++) both[2*i] = both[2*i + 1] = ll[i];
    if (st == SNL_OK) st = weights(n, both, 2, beta, ll, r->weight, &r->raise, &r->pareto, work);
    if (st == SNL_OK) st = weights(n, both + 1, 2, beta, ll, squeezed, none, none + 1, work);
    if (st == SNL_OK) r->efficiency = snl_sample_ess(n, r->weight) / (double)n;
    for (i = 0; st == SNL_OK && i < n; i++) {
        double *v = r->v + i*columns;
        snl_source at = snl_source_from_theta(theta + i*SNL_NPAR);
        snl_ssb_to_lisa(&at);
        r->image[((int)floor(at.lambda/(SNL_PI/2)) & 3) + (at.beta > 0 ? 4 : 0)] += r->weight[i]/(double)n;
        for (k = 0; k < SNL_NPAR; k++) v[k] = theta[i*SNL_NPAR + (size_t)s->c.prior[k].param];
        v[SNL_NPAR] = ll[i];
        if (columns < COLUMNS) continue;
        v[SNL_NPAR + 1] = both[2*i];
        v[SNL_NPAR + 2] = log(r->weight[i]);
    }
    if (st == SNL_OK && run) st = result_budget(r, squeezed, theta, work);
    for (k = 0; st == SNL_OK && k < SNL_NPAR; k++) {
        const int par = s->c.prior[k].param;
        r->names[k] = snl_parameter_name[par];
        r->truth[k] = s->c.sources == 1 ? s->c.inject[0][par] : (double)NAN;
        for (i = 0; i < n; i++) theta[i] = r->v[i*columns + k];
        st = snl_quantiles(n, theta, r->weight, 5, q, r->quantile[k], theta + n);
    }
    r->names[SNL_NPAR] = "log_likelihood";
    r->names[SNL_NPAR + 1] = "log_likelihood_exact";
    r->names[SNL_NPAR + 2] = "log_weight";
    free(theta);
    return st == SNL_OK ? 0 : io_fail(e, IO_FAILED, "%s: %s", o->out, snl_status_text(st));
}

static int result_plot(const result *r, const session *s, const char *path, io_error *e)
{
    double *v = malloc(r->n * SNL_NPAR * sizeof *v);
    plot_samples set[2];
    size_t i;
    int rc;
    if (!v) return io_fail(e, IO_FAILED, "%s: out of memory", path);
    for (i = 0; i < r->n; i++) memcpy(v + i*SNL_NPAR, r->v + i*r->columns, SNL_NPAR * sizeof *v);
    set[0].label = "posterior";
    set[0].rows = r->n;
    set[0].value = v;
    set[0].weight = r->weight;
    set[1] = s->with.set;
    rc = plot_corner(path, s->with.value ? 2 : 1, set, SNL_NPAR, r->names, r->truth, e);
    free(v);
    return rc;
}

static int result_budget_write(const result *r, const char *path, io_error *e)
{
    out_file out = { 0 };
    size_t k;
    const int rc = out_open(&out, path, e);
    if (rc) return rc;
    fprintf(out.file, "param\tcompression_mnat\tnetwork_mnat\tboth_mnat\n");
    for (k = 0; k < SNL_NPAR; k++)
        fprintf(out.file, "%s\t%.9g\t%.9g\t%.9g\n", r->names[k], 1000*r->cost[k][0],
                1000*r->cost[k][1], 1000*r->cost[k][2]);
    return out_close(&out, 1, e);
}

static int result_summary(const result *r, const session *s, const char *path, const char *text,
                          io_error *e)
{
    out_file out = { 0 };
    size_t k;
    const int rc = out_open(&out, path, e);
    if (rc) return rc;
    fprintf(out.file, "name\tvalue\n%s", text);
    fprintf(out.file, "wall_seconds\t%.0f\ncpu_seconds\t%.2f\nthreads\t%lu\n", wall_seconds(s),
            cpu_seconds(s), (unsigned long)s->pool.workers);
    for (k = 0; k < SNL_NPAR; k++) {
        const double *q = r->quantile[k];
        fprintf(out.file, "%s_median\t%.12g\n%s_5\t%.12g\n%s_95\t%.12g\n", r->names[k], q[2],
                r->names[k], q[1], r->names[k], q[3]);
    }
    for (k = 0; k < 8; k++)
        fprintf(out.file, "image_%s_%lu\t%.4f\n", k < 4 ? "south" : "north", (unsigned long)(k & 3) + 1, r->image[k]);
    return out_close(&out, 1, e);
}

typedef struct lines { char text[4000];  size_t n; } lines;

static void put_line(lines *t, const char *name, const char *format, ...)
{
    va_list ap;
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s\t", name);
    va_start(ap, format);
    t->n += (size_t)vsnprintf(t->text + t->n, sizeof t->text - t->n, format, ap);
    va_end(ap);
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "\n");
}

/* Every setting, as NAME TAB VALUE. */
static void settings_of(const result *r, const session *s, const options *o, lines *t)
{
    const event_config *e = &s->c;
    const snl_run_cfg c = run_settings(e, o);
    const snl_sample_cfg m = c.chain;
    char word[EVENT_WORD];
    size_t i;
    t->n = 0;
    put_line(t, "version", "%s", snl_version());
    put_line(t, "seed", "%lu", o->seed);
    put_line(t, "threads", "%lu", (unsigned long)s->pool.workers);
    put_line(t, "waveform", "%s", event_word("waveform", e->waveform, word));
    put_line(t, "response", "%s", event_word("response", e->response, word));
    put_line(t, "tdi", "%s", event_word("tdi", e->tdi, word));
    put_line(t, "noise_model", "%s", event_word("noise_model", e->noise_model, word));
    put_line(t, "foreground", "%s", event_word("foreground", e->foreground, word));
    put_line(t, "band {Hz}", "%.4g to %.4g", s->data->f[0], s->data->f[s->data->n - 1]);
    put_line(t, "length of the data {s}", "%.12g", 1/s->data->df);
    put_line(t, "frequencies", "%lu", (unsigned long)s->data->n);
    if (s->run) {
        put_line(t, "simulations, first round", "%lu", (unsigned long)c.first);
        put_line(t, "simulations, later rounds, at most", "%lu", (unsigned long)c.each);
        put_line(t, "rounds at most", "%lu", (unsigned long)c.rounds);
        put_line(t, "compression", "%s", event_word("compression", (int)c.compression, word));
        if (c.compression == SNL_COMPRESS_SCORE || c.compression == SNL_COMPRESS_BOTH)
            put_line(t, "points of expansion", "%lu", (unsigned long)c.points);
        put_line(t, "components at most", "%lu", (unsigned long)c.components);
        put_line(t, "lost by compression {sigma}", "%g", c.lost);
        put_line(t, "degree of the polynomial", "%lu", (unsigned long)c.degree);
        put_line(t, "networks", "%lu", (unsigned long)c.networks);
        put_line(t, "each", "%lu layers of %lu", (unsigned long)c.layers, (unsigned long)c.width);
        put_line(t, "epochs at most", "%lu", (unsigned long)c.epochs);
        put_line(t, "transforms of the flow", "%lu", (unsigned long)c.transforms);
        put_line(t, "stop below an error {nats}", "%g", c.error);
        put_line(t, "and a divergence {nats}", "%g", c.divergence);
    }
    put_line(t, "walkers", "%lu", (unsigned long)m.walkers);
    put_line(t, "temperatures", "%lu, ratio %g at the start", (unsigned long)m.temps, m.ratio);
    put_line(t, "steps dropped, kept", "%lu, %lu", (unsigned long)m.burn, (unsigned long)m.steps);
    put_line(t, "samples", "%lu", (unsigned long)m.samples);
    for (i = 0; r->prior && i < r->prior->priors; i++) {
        const event_prior *p = &r->prior->prior[i];
        char name[32];
        sprintf(name, "prior.%s", event_params[p->param].name);
        put_line(t, name, "%s %.12g %.12g", prior_kind_name[p->kind], p->a, p->b);
    }
}

static int result_report(const result *r, const session *s, const options *o, const char *text,
                         const char *corner, const char *path, io_error *e)
{
    const snl_lisa_cfg lisa = lisa_of(&s->c, o->qnm);
    report_rows rank = { 0, 0, NULL };
    report page;
    lines settings;
    char *config = NULL, command[2400];
    size_t size, i, like = r->columns > SNL_NPAR + 1 ? SNL_NPAR + 1 : SNL_NPAR;
    int rc = file_read(s->c.path, &config, &size, e);
    if (rc) return rc;
    memset(&page, 0, sizeof page);
    command_line(o, 0, command, sizeof command);
    settings_of(r, s, o, &settings);
    if (r->rounds) history_read(o->out, 2, SNL_NPAR, r->names, 0, &rank);
    for (i = 0; i < r->n; i++)
        if (r->v[i*r->columns + like] > r->v[page.best*r->columns + like]) page.best = i;
    page.how = o->command;           page.source = s->c.path;
    page.config = config;            page.command = command;
    page.summary = text;             page.settings = settings.text;
    page.corner = corner;            page.names = r->names;
    page.quantile = r->quantile;     page.truth = r->truth;
    page.n = r->n;                   page.columns = r->columns;
    page.v = r->v;                   page.weight = r->weight;
    page.other = s->with.value ? s->with.set.label : NULL;
    page.other_width = s->with.width;
    page.data = s->data;             page.lisa = &lisa;
    page.efficiency = r->refined ? r->efficiency : -1;
    page.pareto = r->pareto;
    page.ess = r->ess;               page.accept = r->accept;
    page.calls = r->calls;           page.seconds = wall_seconds(s);
    page.stopped = r->stopped;
    page.prior = r->prior ? r->prior->path : NULL;
    page.rounds = r->rounds;         page.round = r->round;
    page.cost = r->refined ? r->cost : NULL;
    if (r->rounds) { page.training = s->training;  page.history = s->history; }
    page.flow = run_settings(&s->c, o).transforms > 0;
    page.trials = rank.rows;         page.rank = rank.v;
    rc = report_write(path, &page, e);
    free(rank.v);
    free(config);
    return rc;
}

/* All files of a posterior; text are the first lines of summary.tsv. */
static int result_write(const result *r, const session *s, const options *o, const char *text,
                        io_error *e)
{
    static const char *const name[] = { "posterior.tsv", "budget.tsv", "corner.svg", "summary.tsv",
                                        "report.html" };
    char *path[5];
    size_t k;
    int rc = 0;
    for (k = 0; k < 5; k++)
        if (!(path[k] = path_join(o->out, name[k], 0))) rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc) rc = table_write(path[0], 1, 12, r->n, r->columns, r->names, r->v, e);
    if (!rc && r->refined) rc = result_budget_write(r, path[1], e);
    else if (!rc) remove(path[1]);          /* of an earlier posterior */
    if (!rc) rc = result_plot(r, s, path[2], e);
    if (!rc) rc = result_summary(r, s, path[3], text, e);
    if (!rc) rc = result_report(r, s, o, text, path[2], path[4], e);
    for (k = 0; k < 5; k++) free(path[k]);
    return rc;
}

static void result_print(const result *r)
{
    size_t k, inside = 0, known = 0;
    printf("%-16s %14s %14s %14s %14s\n", "parameter", "true", "median", "5 %", "95 %");
    for (k = 0; k < SNL_NPAR; k++) {
        const double *q = r->quantile[k], t = r->truth[k];
        char truth[32] = "-";
        if (t == t) {
            snprintf(truth, sizeof truth, "%.8g", t);
            known++;
            inside += t >= q[0] && t <= q[4];
        }
        printf("%-16s %14s %14.8g %14.8g %14.8g\n", r->names[k], truth, q[2], q[1], q[3]);
    }
    if (r->refined) {
        double most[3] = { 0, 0, 0 };
        int j;
        for (k = 0; k < SNL_NPAR; k++)
            for (j = 0; j < 3; j++) most[j] = fmax(most[j], 1000*r->cost[k][j]);
        printf("error budget, largest over the parameters: compression %.3f mnat, network %.3f mnat, "
               "both %.3f mnat; %s\n", most[0], most[1], most[2], r->efficiency >= 0.1
               ? "taken out by the refinement" : "more than the refinement can take out");
    }
    if (r->evidence[0] == r->evidence[0])
        printf("ln Bayes factor of signal and noise against noise alone: %.2f +- %.2f\n",
               r->evidence[0], r->evidence[1]);
    if (known) printf("inside the 95 %% interval: %lu of %lu\n", (unsigned long)inside, (unsigned long)known);
}

/* ---- infer --------------------------------------------------------------- */

/* A trained run under another prior: no simulation.  stopped: why its rounds ended. */
static int infer_again(session *s, snl_run *run, const char *stopped, const options *o, io_error *e)
{
    event_config other;
    snl_prior prior[SNL_NPAR];
    snl_sample_report rep = { 0 };
    snl_fault why = { 0 };
    snl_run_view v;
    snl_status st;
    result r = { 0 };
    char text[256];
    int rc = event_read(&other, o->prior, e);
    if (!rc) rc = priors_of(&other, prior, e);
    if (rc) return rc;
    if ((st = snl_event_prior(s->event, prior, &why)) != SNL_OK) {
        char where[600];
        snprintf(where, sizeof where, "%.500s: wider than the prior that was trained", o->prior);
        return refuse(e, where, st, &why);
    }
    st = snl_run_sample(run, &rep, report_progress, s, &why);
    if (st == SNL_EFAILED)
        return io_fail(e, IO_REFUSED, "%s: leaves the trained region: it allows none of the posterior's draws", o->prior);
    if (st != SNL_OK) return refuse(e, o->prior, st, &why);
    v = snl_run_state(run);
    rc = result_make(&r, s, o, SNL_NPAR + 1, v.n, v.y, v.log_like, NULL, e);
    r.ess = rep.ess;
    r.accept = rep.accept;
    r.evidence[0] = rep.evidence;
    r.evidence[1] = rep.evidence_error;
    r.stopped = stopped;
    r.rounds = v.round;
    r.round = v.report;
    r.prior = &other;
    snprintf(text, sizeof text, "calls\t0\nchain_effective_samples\t%.0f\nlog_bayes_factor\t%.4f\n"
             "log_bayes_factor_error\t%.4f\n", rep.ess, rep.evidence, rep.evidence_error);
    if (!rc) rc = result_write(&r, s, o, text, e);
    if (!rc) result_print(&r);
    result_free(&r);
    return rc;
}

/* more: done with the trained run before the results are written, or NULL. */
static int infer_to(session *s, const options *o,
                    int (*more)(session *, snl_run *, const options *, io_error *), io_error *e)
{
    snl_run_cfg cfg = run_settings(&s->c, o);
    snl_run *run = NULL;
    snl_run_view v;
    snl_fault why = { 0 };
    snl_status st = SNL_OK;
    const snl_round *last;
    result r = { 0 };
    const char *stopped = "";
    char *path = path_join(o->out, "checkpoint.snl", 0), text[1024];
    const int resume = o->resume || o->prior;
    size_t search, refined;
    int found = 0, line, rc = path ? 0 : io_fail(e, IO_FAILED, "out of memory");
    cfg.seed = o->seed;
    if (!rc && resume) {
        rc = checkpoint_read(s, &cfg, &run, path, &found, e);
        if (!rc && !found) terminal_line(&s->tell, "%s: there is no checkpoint: starting anew", path);
    }
    if (!rc && !found) {
        rc = session_search(s, e);
        if (!rc) {
            snl_event_problem(s->event, &s->problem);
            rc = checkpoint_write(s, NULL, path, e);
        }
    }
    if (!rc && !run && (st = snl_run_create(&run, &s->problem, &cfg, &why)) != SNL_OK)
        rc = refuse(e, s->c.path, st, &why);
    if (rc) goto done;
    s->run = run;
    history_begin(s, o, found, snl_run_state(run).round);
    for (v = snl_run_state(run); !rc && !v.done; ) {
        st = snl_run_round(run, report_progress, s, &why);
        if (st == SNL_EINVAL && why.name && !strcmp(why.name, "spread")) {
            rc = io_fail(e, IO_FAILED, "%s: round %lu: the surrogate's posterior collapsed to a point: with "
                         "this compression the network did not learn enough", s->c.path, (unsigned long)v.round + 1);
            goto done;
        }
        if (st != SNL_OK) { rc = refuse(e, s->c.path, st, &why);  goto done; }
        v = snl_run_state(run);
        last = &v.report[v.round - 1];
        line = snprintf(text, sizeof text, "round %lu: %lu simulations, temperature %.3g", (unsigned long)v.round,
                        (unsigned long)v.calls, 1/v.beta);
        if (last->error == last->error)
            line += snprintf(text + line, sizeof text - (size_t)line, ", error of ln L %.3f", last->error);
        if (last->divergence == last->divergence)
            snprintf(text + line, sizeof text - (size_t)line, ", divergence %.4f", last->divergence);
        terminal_line(&s->tell, "%s", text);
        rc = history_write(s, run, o, e);
        if (!rc) rc = checkpoint_write(s, run, path, e);
        if (o->calls && snl_event_calls(s->event) + v.calls + v.next > o->calls)
            stopped = "the budget of calls is used up";
        if (wall_seconds(s) > 60*o->minutes) stopped = "the time is used up";
        if (!v.done && *stopped) break;
    }
    if (rc) goto done;
    if (v.done) stopped = v.why;
    if (o->prior && v.beta < 1) {   /* without the weights that make heated draws right */
        rc = io_fail(e, IO_REFUSED, "%s: the rounds ended at temperature %.3g (%s): a heated posterior cannot be "
                     "put under another prior", o->out, 1/v.beta, stopped);
        goto done;
    }
    if (!v.done) {                  /* the chain as long as it would be at the end */
        snl_sample_report rep = { 0 };
        if ((st = snl_run_sample(run, &rep, report_progress, s, &why)) != SNL_OK) {
            rc = refuse(e, s->c.path, st, &why);
            goto done;
        }
        v = snl_run_state(run);
    }
    if (strcmp(stopped, "the posterior stands still"))
        fprintf(stderr, "warning: %s before the posterior stood still: parts of it may be missing\n", stopped);
    if (v.beta < 1)
        fprintf(stderr, "warning: the rounds ended at temperature %.3g: only log_weight makes the draws "
                "those of the posterior\n", 1/v.beta);
    if (o->prior) { rc = infer_again(s, run, stopped, o, e);  goto done; }
    if (more && (rc = more(s, run, o, e)) != 0) goto done;
    last = &v.report[v.round - 1];
    search = snl_event_calls(s->event);
    refined = v.n;
    rc = result_make(&r, s, o, COLUMNS, v.n, v.y, v.log_like, run, e);
    r.ess = last->ess;
    r.accept = last->accept;
    r.evidence[0] = last->evidence + r.raise;
    r.evidence[1] = hypot(last->evidence_error, sqrt((1/r.efficiency - 1)/last->ess));
    r.calls = (double)(search + v.calls + refined);
    r.stopped = stopped;
    r.rounds = v.round;
    r.round = v.report;
    snprintf(text, sizeof text,
             "calls_search\t%lu\ncalls_training\t%lu\ncalls_refinement\t%lu\ncalls\t%lu\nrounds\t%lu\n"
             "error_log_likelihood\t%.9g\ndivergence\t%.9g\ncomponents\t%.0f\nlost_sigma\t%.9g\n"
             "pareto_k\t%.4f\nefficiency\t%.9g\neffective_samples\t%.0f\nchain_effective_samples\t%.0f\n"
             "log_bayes_factor\t%.4f\nlog_bayes_factor_error\t%.4f\nstopped\t%s\n",
             (unsigned long)search, (unsigned long)v.calls, (unsigned long)refined,
             (unsigned long)(search + v.calls + refined), (unsigned long)v.round, last->error,
             last->divergence, last->components, last->lost, r.pareto, r.efficiency,
             fmin(last->ess, r.efficiency*(double)v.n), last->ess, r.evidence[0], r.evidence[1], stopped);
    if (!rc) rc = result_write(&r, s, o, text, e);
    terminal_clear(&s->tell);
    if (!rc) {
        result_print(&r);
        printf("%lu simulator calls (search %lu, training %lu, refinement %lu), %.0f s; efficiency "
               "of the refinement %.1f %%\n", (unsigned long)(search + v.calls + refined),
               (unsigned long)search, (unsigned long)v.calls, (unsigned long)refined,
               wall_seconds(s), 100*r.efficiency);
        terminal_line(&s->tell, "done: %s", stopped);
        if (last->ess < 500)
            fprintf(stderr, "warning: the last chain holds only %.0f effective samples: weights of "
                    "sky images are rough\n", last->ess);
        if (r.efficiency < 0.1)
            fprintf(stderr, "warning: the refinement is %.2f %% efficient: the surrogate is not to be "
                    "trusted, and log_weight rests on few samples\n", 100*r.efficiency);
    }
done:
    s->run = NULL;
    result_free(&r);
    snl_run_free(run);
    free(path);
    return rc;
}

int cmd_infer(options *o, io_error *e)
{
    session s;
    int rc = session_open(&s, o, o->file[0], e);
    if (!rc) rc = infer_to(&s, o, NULL, e);
    rc = session_end(&s, o, rc, e);
    session_close(&s);
    return rc;
}

/* ---- mcmc ---------------------------------------------------------------- */

int cmd_mcmc(options *o, io_error *e)
{
    snl_sample_cfg chain = snl_sample_defaults();
    snl_sample_report rep = { 0 };
    snl_fault why = { 0 };
    session s;
    result r = { 0 };
    double *y = NULL, *ll = NULL;
    size_t search;
    char text[512];
    int rc = session_open(&s, o, o->file[0], e);
    chain.plain = o->plain;
    if (o->plain) chain.temps = 1;
    if (!rc) rc = session_search(&s, e);
    if (!rc) {
        snl_event_problem(s.event, &s.problem);
        y = malloc(chain.samples * s.problem.dim * sizeof *y);
        ll = malloc(chain.samples * sizeof *ll);
        if (!y || !ll) rc = io_fail(e, IO_FAILED, "out of memory");
    }
    if (!rc) {
        const snl_status st = snl_sample_exact(&s.problem, &chain, o->seed, y, ll, &rep,
                                               report_progress, &s, &why);
        if (st != SNL_OK) rc = refuse(e, s.c.path, st, &why);
    }
    if (!rc) rc = result_make(&r, &s, o, COLUMNS, chain.samples, y, ll, NULL, e);
    r.ess = rep.ess;
    r.accept = rep.accept;
    r.evidence[0] = rep.evidence;
    r.evidence[1] = rep.evidence_error;
    if (!rc) {
        search = snl_event_calls(s.event);
        r.calls = (double)(search + rep.calls);
        snprintf(text, sizeof text, "calls_search\t%lu\ncalls_sampling\t%lu\ncalls\t%lu\n"
                 "effective_samples\t%.0f\neffective_samples_per_call\t%.6f\nacceptance\t%.4f\n"
                 "log_bayes_factor\t%.4f\nlog_bayes_factor_error\t%.4f\n",
                 (unsigned long)search, (unsigned long)rep.calls, (unsigned long)(search + rep.calls),
                 rep.ess, rep.ess/(double)(search + rep.calls), rep.accept, rep.evidence,
                 rep.evidence_error);
        rc = result_write(&r, &s, o, text, e);
    }
    terminal_clear(&s.tell);
    if (!rc) {
        result_print(&r);
        printf("%lu simulator calls, %.0f effective samples, %.0f s\n",
               (unsigned long)(search + rep.calls), rep.ess, wall_seconds(&s));
        if (rep.ess < 500)
            fprintf(stderr, "warning: only %.0f effective samples: weights of sky images are rough\n", rep.ess);
    }
    rc = session_end(&s, o, rc, e);
    result_free(&r);
    free(y);
    free(ll);
    session_close(&s);
    return rc;
}

/* ---- calibrate ----------------------------------------------------------- */

enum { RANKED = 100 };

/* ranks.tsv: where each truth stands among its draws, in 0 .. RANKED; coverage.tsv: how often
 * the central interval of a level holds the truth, with the binomial 99 % band. */
static int calibrate_write(const session *s, const char *dir, size_t trials, const double *rank, io_error *e)
{
    const char *names[SNL_NPAR + 3] = { "level", "low", "high" };
    char *ranks = path_join(dir, "ranks.tsv", 0), *cover = path_join(dir, "coverage.tsv", 0);
    double table[19][SNL_NPAR + 3];
    size_t i, k, l;
    int rc = ranks && cover ? 0 : io_fail(e, IO_FAILED, "out of memory");
    for (k = 0; k < SNL_NPAR; k++) names[k + 3] = snl_parameter_name[s->c.prior[k].param];
    for (l = 0; l < 19; l++) {
        const double p = 0.05*(double)(l + 1), band = 2.576*sqrt(p*(1 - p)/(double)trials);
        table[l][0] = p;
        table[l][1] = fmax(0, p - band);
        table[l][2] = fmin(1, p + band);
        for (k = 0; k < SNL_NPAR; k++)
            for (table[l][k + 3] = 0, i = 0; i < trials; i++)
                table[l][k + 3] += fabs(2*rank[i*SNL_NPAR + k] - 1) <= p ? 1/(double)trials : 0;
    }
    if (!rc) rc = table_write(ranks, 1, 12, trials, SNL_NPAR, names + 3, rank, e);
    if (!rc) rc = table_write(cover, 1, 12, 19, SNL_NPAR + 3, names, table[0], e);
    free(ranks);
    free(cover);
    return rc;
}

static int calibrate_run(session *s, snl_run *run, const options *o, io_error *e)
{
    const size_t d = s->problem.dim, trials = o->trials;
    double *truth = malloc((trials*(d + RANKED*d + SNL_NPAR) + (RANKED + 1)*SNL_NPAR + 2*trials) * sizeof *truth);
    double *post, *rank, *a, *b, worst = 1;
    snl_fault why = { 0 };
    size_t i, j, k;
    snl_status st;
    int rc;
    if (!truth) return io_fail(e, IO_FAILED, "out of memory");
    post = truth + trials*d;        rank = post + trials*RANKED*d;
    a = rank + trials*SNL_NPAR;     b = a + SNL_NPAR;
    st = snl_run_calibrate(run, trials, RANKED, 4, o->seed, truth, post, report_progress, s, &why);
    if (st != SNL_OK) { free(truth);  return refuse(e, s->c.path, st, &why); }
    for (i = 0; i < trials; i++) {
        snl_event_theta(s->event, 1, truth + i*d, o->seed + 2*i, a);
        snl_event_theta(s->event, RANKED, post + i*RANKED*d, o->seed + 2*i + 1, b);
        for (k = 0; k < SNL_NPAR; k++) {
            const int p = s->c.prior[k].param;
            double below = 0.5;
            for (j = 0; j < RANKED; j++) below += b[j*SNL_NPAR + (size_t)p] < a[p];
            rank[i*SNL_NPAR + k] = below / (RANKED + 1);
        }
    }
    rc = calibrate_write(s, o->out, trials, rank, e);
    terminal_clear(&s->tell);
    printf("%-16s %12s %12s\n", "parameter", "KS distance", "p");
    for (k = 0; !rc && k < SNL_NPAR; k++) {
        double distance, p;
        for (i = 0; i < trials; i++) truth[i] = rank[i*SNL_NPAR + k];
        if (snl_ks(trials, truth, &distance, &p, truth + trials) != SNL_OK) continue;
        printf("%-16s %12.4f %12.4f\n", snl_parameter_name[s->c.prior[k].param], distance, p);
        worst = fmin(worst, p);
    }
    if (!rc) printf("smallest p, corrected for %d tests: %.4f; %lu simulations\n", SNL_NPAR,
                    fmin(1, worst*SNL_NPAR), (unsigned long)trials);
    free(truth);
    return rc;
}

int cmd_calibrate(options *o, io_error *e)
{
    session s;
    int rc = session_open(&s, o, o->file[0], e);
    o->resume = 1;                                  /* the run that is there, or a new one */
    if (!rc) rc = infer_to(&s, o, calibrate_run, e);
    rc = session_end(&s, o, rc, e);
    session_close(&s);
    return rc;
}

/* ---- detect --------------------------------------------------------------- */

enum { CANDIDATES = 8, ROW = 12, IMAGE = 4 + SNL_NPAR };

/* Anything that the band may hold: total mass 1e5 .. 1e7 Msun and mass ratio 1 .. 10 are
 * inside this range of chirp masses.  At any time, with any spin, wherever it is. */
static void prior_blind(const snl_data *d, double t_start, snl_prior *p)
{
    static const double range[SNL_NPAR][2] = {
        { 2.2e4, 4.4e6 }, { 1, 10 }, { -0.99, 0.99 }, { -0.99, 0.99 }, { 0, 0 }, { 1, 1e7 }, { -1, 1 },
        { 0, SNL_PI }, { 0, 2*SNL_PI }, { -1, 1 }, { 0, SNL_PI } };
    size_t i;
    memset(p, 0, SNL_NPAR * sizeof *p);
    for (i = 0; i < SNL_NPAR; i++) { p[i].lo = range[i][0];  p[i].hi = range[i][1]; }
    p[SNL_DISTANCE].kind = SNL_LOG_UNIFORM;
    p[SNL_T_REF].lo = t_start;
    p[SNL_T_REF].hi = t_start + 1/d->df;
}

/* The images that the configuration's priors allow, if they allow any */
static size_t detect_images(snl_event *event, const snl_prior *blind, const snl_prior *prior,
                            snl_search_result *image)
{
    snl_prior both[SNL_NPAR];
    size_t i, n = 0;
    for (i = 0; prior && i < SNL_NPAR; i++) {
        both[i] = prior[i];
        both[i].lo = fmax(prior[i].lo, blind[i].lo);
        both[i].hi = fmin(prior[i].hi, blind[i].hi);
    }
    if (prior && snl_event_prior(event, both, NULL) == SNL_OK) n = snl_event_images(event, image);
    if (n || snl_event_prior(event, blind, NULL) != SNL_OK) return n;
    return snl_event_images(event, image);
}

/* Arrival at LISA's centre, t_ref and its spread, masses and spins.  The arrival is what is
 * measured; t_ref {SSB} differs by up to 499 s between the images, as light takes to the Sun,
 * so the row has their mean; of one image alone the spread is that of any sky. */
static void detect_row(const snl_search_result *best, size_t n, const snl_search_result *im,
                       double *row)
{
    snl_source s = snl_source_from_theta(best->theta);
    double mean = n ? 0 : s.t_ref, var = 0;
    size_t i;
    for (i = 0; i < n; i++) mean += im[i].weight * im[i].theta[SNL_T_REF];
    for (i = 0; i < n; i++) var += im[i].weight * pow(im[i].theta[SNL_T_REF] - mean, 2);
    snl_ssb_to_lisa(&s);
    row[0] = s.t_ref;
    row[1] = mean;
    row[2] = n > 1 ? sqrt(var) : 499/sqrt(3.0);
    memcpy(row + 3, n ? im[0].theta : best->theta, 4 * sizeof *row);
}

/* Rows [CANDIDATES + 1][ROW] and images [..][IMAGE] of one candidate after the
 * other, each subtracted from the data before the next search; the first that noise explains
 * ends it and is not counted, but is in its row. */
static int detect_all(session *s, const options *o, size_t *found, double *row,
                      size_t *images, double *image, size_t *calls, io_error *e)
{
    snl_event_cfg cfg;
    snl_prior prior[SNL_NPAR] = { { 0 } };
    snl_fault why = { 0 };
    snl_status st = SNL_OK;
    const int known = s->c.priors > 0 && !priors_of(&s->c, prior, e);
    memset(&cfg, 0, sizeof cfg);
    cfg.lisa = lisa_of(&s->c, o->qnm);
    prior_blind(s->data, s->c.t_start, cfg.prior);
    cfg.nodes = 256;
    cfg.search = search_calls(cfg.prior);
    cfg.false_alarm = o->false_alarm;
    cfg.seed = o->seed;
    for (*found = *images = *calls = 0; st == SNL_OK && *found < CANDIDATES; ) {
        snl_search_result best, im[SNL_IMAGES];
        snl_event *event;
        snl_data *signal = NULL;
        size_t i, k, n = 0;
        st = snl_event_create(&event, &cfg, s->data, &s->pool, &why);
        if (st != SNL_OK) break;
        s->event = event;                       /* whose calls are told */
        st = snl_event_search(event, &best, report_progress, s, &why);
        if (st == SNL_OK) n = detect_images(event, cfg.prior, known ? prior : NULL, im);
        *calls += snl_event_calls(event);
        snl_event_free(event);
        s->event = NULL;
        row[0] = (double)*found + 1;  row[1] = best.snr;  row[2] = best.false_alarm;
        row[3] = best.scan_snr;       row[4] = (double)n;
        detect_row(&best, n, im, row + 5);
        if (st != SNL_OK) break;
        for (i = 0; i < n; i++, ++*images, image += IMAGE) {
            image[0] = row[0];  image[1] = (double)i + 1;  image[2] = im[i].snr;
            image[3] = im[i].weight;
            memcpy(image + 4, im[i].theta, sizeof im[i].theta);
        }
        row += ROW;
        ++*found;
        st = snl_data_create(&signal, s->data->df, (size_t)(s->data->f[0]/s->data->df + 0.5), s->data->n);
        if (st == SNL_OK) {
            const snl_source src = snl_source_from_theta(best.theta);
            st = snl_data_add_signal(signal, &cfg.lisa, &src, &why);
        }
        for (k = 0; st == SNL_OK && k < 4*s->data->n; k++) s->data->d[k] -= signal->d[k];
        snl_data_free(signal);
    }
    return st == SNL_OK || st == SNL_EFAILED ? 0 : refuse(e, s->c.path, st, &why);
}

int cmd_detect(options *o, io_error *e)
{
    const char *names[ROW] = { "candidate", "snr", "false_alarm_probability", "scan_snr", "images",
                               "t_lisa", "t_ref", "t_ref_spread", "chirp_mass", "mass_ratio", "chi1", "chi2" };
    const char *image_names[IMAGE] = { "candidate", "image", "snr", "weight" };
    double row[CANDIDATES + 1][ROW] = { { 0 } }, image[CANDIDATES*SNL_IMAGES][IMAGE];
    session s;
    size_t i, found = 0, images = 0, calls = 0;
    char *path = NULL;
    int rc;
    memset(&s, 0, sizeof s);
    s.kept = -1;
    terminal_start(&s.tell, o->quiet);
    for (i = 0; i < SNL_NPAR; i++) image_names[4 + i] = snl_parameter_name[i];
    rc = event_read(&s.c, o->file[0], e);
    if (!rc && o->model_given) s.c.waveform = o->model;
    if (!rc) rc = data_read(&s.c, &s.data, e);
    if (!rc) noise_check(&s.c, s.data);
    if (!rc && o->out) rc = dir_make(o->out, e);
    if (!rc) pool_start(&s.pool, o->threads);
    if (!rc) rc = detect_all(&s, o, &found, row[0], &images, image[0], &calls, e);
    terminal_clear(&s.tell);
    if (!rc && !o->quiet) {
        fprintf(stderr, "%lu candidates, %lu waveforms, %.1f s of CPU\n", (unsigned long)found,
                (unsigned long)calls, (double)clock() / CLOCKS_PER_SEC);
        if (found < CANDIDATES)
            fprintf(stderr, "the loudest left has rho %.2f; noise alone is as loud with probability %.2g\n",
                    row[found][3], row[found][2]);
    }
    if (!rc && !o->out) rc = table_write(NULL, 0, 17, found, ROW, names, row[0], e);
    if (!rc && o->out && !(path = path_join(o->out, "candidates.tsv", 0))) rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc && o->out) rc = table_write(path, 0, 17, found, ROW, names, row[0], e);
    free(path);
    path = NULL;
    if (!rc && o->out && !(path = path_join(o->out, "images.tsv", 0))) rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc && o->out) rc = table_write(path, 0, 17, images, IMAGE, image_names, image[0], e);
    free(path);
    rc = session_end(&s, o, rc, e);
    snl_data_free(s.data);
    return rc;
}

/* ---- run: the main job on an embedded event ------------------------------ */

static const char run_config[] =
    "# A month of LISA data with one massive black hole binary, made by `snl run`.\n"
    "data = data.npy\n"
    "channels = AE\n"
    "tdi = 1.5\n"
    "response = full\n"
    "waveform = PhenomD\n"
    "dt = 10\n"
    "t_start = 0\n"
    "duration = 2621440\n"
    "f_min = 1.5e-4\n"
    "f_max = 0.02\n"
    "window = none\n"
    "noise_model = SciRDv1\n"
    "foreground = none\n"
    "seed = 3\n"
    "prior.chirp_mass = uniform 650000 950000\n"
    "prior.mass_ratio = uniform 1 10\n"
    "prior.chi1 = uniform -0.99 0.99\n"
    "prior.chi2 = uniform -0.99 0.99\n"
    "prior.t_ref = uniform 2199400 2200600\n"
    "prior.distance = uniform 1000 200000\n"
    "prior.cos_inclination = uniform -1 1\n"
    "prior.phi_ref = uniform 0 3.1415926535897931\n"
    "prior.lambda = uniform 0 6.2831853071795862\n"
    "prior.sin_beta = uniform -1 1\n"
    "prior.psi = uniform 0 3.1415926535897931\n"
    "inject.chirp_mass = 814000\n"
    "inject.mass_ratio = 2.1\n"
    "inject.chi1 = 0.55\n"
    "inject.chi2 = 0.2\n"
    "inject.t_ref = 2200000\n"
    "inject.snr = 300\n"
    "inject.cos_inclination = 0.5\n"
    "inject.phi_ref = 1.1\n"
    "inject.lambda = 2.2\n"
    "inject.sin_beta = 0.4\n"
    "inject.psi = 0.9\n";

int cmd_run(options *o, io_error *e)
{
    char *cfg = NULL, *npy = NULL;
    char *text = NULL;
    size_t size;
    event_config c;
    session s;
    out_file out = { 0 };
    FILE *there;
    int rc = dir_make(o->out, e);
    memset(&s, 0, sizeof s);
    if (!rc && (!(cfg = path_join(o->out, "event.cfg", 0)) || !(npy = path_join(o->out, "data.npy", 0))))
        rc = io_fail(e, IO_FAILED, "out of memory");
    if (!rc && ((there = fopen(cfg, "rb")) != NULL || (there = fopen(npy, "rb")) != NULL)) {
        fclose(there);                  /* of a run before, or somebody's own */
        if (file_read(cfg, &text, &size, e) || strcmp(text, run_config))
            rc = io_fail(e, IO_REFUSED, "run: --out: %s holds an event.cfg or data.npy that run did not write", o->out);
    }
    if (!rc) rc = event_parse(&c, "the embedded event", run_config, e);
    if (!rc) rc = out_open(&out, cfg, e);
    if (!rc) {
        fputs(run_config, out.file);
        rc = out_close(&out, 1, e);
    }
    if (!rc) rc = simulate_to(&c, o->qnm, (uint64_t)c.seed, npy, e);
    if (!rc) rc = session_open(&s, o, cfg, e);
    if (!rc) rc = infer_to(&s, o, NULL, e);
    if (!rc && !o->quiet) printf("results: %s\n", o->out);
    rc = session_end(&s, o, rc, e);
    session_close(&s);
    free(text);
    free(cfg);
    free(npy);
    return rc;
}
