/* tool.c - the command-line tool `snl`: one function per command, a table of them below.
 *
 * Results go to standard output or --out, messages to standard error.  Exit status: 0
 * success, 1 the run failed, 2 the request was wrong: one line that says where and what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../snl.h"
#include "io.h"

typedef struct options {
    const char *cases, *frequencies, *config, *out;
    unsigned long seed;
    int quiet;
    int model, tdi, response, noise, foreground;
    double years;
    snl_qnm *qnm;
} options;

/* One line for a refused argument of the library. */
static int refuse(io_error *e, const char *where, snl_status s, const snl_fault *why)
{
    if (s == SNL_ENOMEM || !why->name)
        return io_fail(e, IO_FAILED, "%s: %s", where, snl_status_text(s));
    if (why->lo <= why->hi)
        return io_fail(e, IO_REFUSED, "%s: %s = %.17g is outside [%g, %g]", where, why->name,
                       why->value, why->lo, why->hi);
    return io_fail(e, IO_REFUSED, "%s: %s = %.17g: %s", where, why->name, why->value,
                   snl_status_text(s));
}

/* A refused row of a table: FILE:LINE in front. */
static int refuse_row(io_error *e, const table *t, size_t row, snl_status s,
                      const snl_fault *why)
{
    char where[600];
    snprintf(where, sizeof where, "%.500s:%lu", t->path, (unsigned long)t->line[row]);
    return refuse(e, where, s, why);
}

static void print_row(FILE *f, size_t n, const double *v)
{
    size_t i;
    for (i = 0; i < n; i++) fprintf(f, "\t%.17g", v[i]);
    fputc('\n', f);
}

/* ---- waveform: LAL's conventions, 2 sqrt(5/64 pi) times the mode for PhenomD */

static int cmd_waveform(options *o, io_error *e)
{
    static const char *const names[] = { "m1", "m2", "chi1", "chi2", "dist_Mpc", "fref",
                                         "phiref", "f", "l", "m" };
    const int hm = o->model == SNL_PHENOMHM;
    const size_t n = hm ? 10 : 8;
    table t = { 0 };
    out_file out = { 0 };
    double *v = NULL;
    size_t i;
    int c, rc = table_read(&t, o->cases, e);
    if (rc) return rc;
    c = table_find(&t, "case");
    if (c < 0) rc = io_fail(e, IO_REFUSED, "%s: no column named case", t.path);
    if (!rc && !(v = malloc((t.rows + 1) * n * sizeof *v)))
        rc = io_fail(e, IO_FAILED, "%s: out of memory", t.path);
    if (!rc) rc = table_numbers(&t, n, names, 0, v, e);
    if (!rc) rc = out_open(&out, o->out, e);
    if (!rc) {
        fprintf(out.file, hm ? "case\tl\tm\tf\tamp\tphase\n" : "case\tf\tamp\tphase\n");
        for (i = 0; !rc && i < t.rows; i++) {
            const double *r = v + i*n;
            double row[3];
            snl_phenom p;
            snl_fault why = { 0 };
            const int l = hm ? (int)r[8] : 2, m = hm ? (int)r[9] : 2;
            snl_status s = snl_phenom_prepare(&p, o->qnm, (snl_model)o->model, r[0], r[1],
                                              r[2], r[3], r[4], NULL, &why);
            if (s == SNL_OK && !(r[5] > 0)) s = snl_refuse(&why, "fref", r[5], 0, 1e30);
            if (s == SNL_OK) s = snl_phenom_check(&p, 1, r + 7, &why);
            if (s == SNL_OK) {
                snl_phenom_align_lal(&p, r[5], r[6]);
                row[0] = r[7];
                s = snl_phenom_mode(&p, l, m, 1, r + 7, row + 1, row + 2, NULL);
                if (s != SNL_OK) s = snl_refuse(&why, "l", l, 2, 4);
            }
            if (s != SNL_OK) { rc = refuse_row(e, &t, i, s, &why);  break; }
            if (!hm) row[1] *= 2 * sqrt(5 / (64*SNL_PI));
            fprintf(out.file, "%s", t.cell[i*t.cols + (size_t)c]);
            if (hm) fprintf(out.file, "\t%d\t%d", l, m);
            print_row(out.file, 3, row);
        }
        { const int rc2 = out_close(&out, !rc, e);  if (!rc) rc = rc2; }
    }
    free(v);
    table_free(&t);
    return rc;
}

/* ---- response and snr */

static const char *const source_columns[] = {
    "m1", "m2", "chi1", "chi2", "dist_Mpc", "phi_ref", "inc", "lambda", "beta", "psi",
    "t_ref", "f"
};

static snl_source source_of_row(const double *r)
{
    snl_source s;
    s.m1 = r[0];        s.m2 = r[1];      s.chi1 = r[2];   s.chi2 = r[3];
    s.distance = r[4];  s.phi_ref = r[5]; s.inclination = r[6];
    s.lambda = r[7];    s.beta = r[8];    s.psi = r[9];    s.t_ref = r[10];
    return s;
}

static snl_status response_row(const snl_lisa_cfg *cfg, const snl_source *s, double f,
                               double row[18], snl_fault *why)
{
    snl_phenom p;
    double t, T[6];
    snl_status st = snl_phenom_prepare(&p, cfg->qnm, cfg->model, s->m1, s->m2, s->chi1,
                                       s->chi2, s->distance, NULL, why);
    if (st == SNL_OK) st = snl_phenom_check(&p, 1, &f, why);
    if (st == SNL_OK) st = snl_phenom_mode(&p, 2, 2, 1, &f, row + 2, row + 3, &t);
    if (st != SNL_OK) return st;
    t += s->t_ref;
    row[0] = f;
    row[1] = t;
    row[3] += 2*SNL_PI * f * s->t_ref;
    st = snl_lisa_transfer(cfg, s, 2, 2, 1, &f, &t, T, NULL, row + 4, why);
    if (st != SNL_OK) return st;
    memcpy(row + 5, T, sizeof T);
    return snl_lisa_signal(cfg, s, 1, &f, row + 11, row + 13, row + 15, why);
}

static int cmd_source(options *o, io_error *e, int snr)
{
    const size_t n = snr ? 11 : 12;
    snl_lisa_cfg cfg = snl_lisa_defaults(o->qnm);
    snl_noise noise = snl_noise_defaults();
    table t = { 0 };
    out_file out = { 0 };
    double *v = NULL;
    size_t i;
    int c, rc = table_read(&t, o->cases, e);
    if (rc) return rc;
    cfg.model = (snl_model)o->model;
    cfg.tdi = (snl_tdi)o->tdi;
    cfg.response = (snl_response)o->response;
    noise.model = (snl_noise_model)o->noise;
    noise.tdi = cfg.tdi;
    noise.foreground = (snl_foreground)o->foreground;
    noise.years = o->years;
    c = table_find(&t, "case");
    if (c < 0) rc = io_fail(e, IO_REFUSED, "%s: no column named case", t.path);
    if (!rc && !(v = malloc((t.rows + 1) * n * sizeof *v)))
        rc = io_fail(e, IO_FAILED, "%s: out of memory", t.path);
    if (!rc) rc = table_numbers(&t, n, source_columns, 0, v, e);
    if (!rc) rc = out_open(&out, o->out, e);
    if (!rc) {
        const char *last = "";
        fprintf(out.file, snr ? "case\tsnr_A\tsnr_E\tsnr_AE\tsnr_T\n"
                : "case\tf\tt_f\tamp\tphase\tphase_R\tTA_re\tTA_im\tTE_re\tTE_im\tTT_re\t"
                  "TT_im\tA_re\tA_im\tE_re\tE_im\tT_re\tT_im\n");
        for (i = 0; !rc && i < t.rows; i++) {
            const char *name = t.cell[i*t.cols + (size_t)c];
            const snl_source s = source_of_row(v + i*n);
            snl_fault why = { 0 };
            double row[18];
            snl_status st;
            if (snr && !strcmp(name, last)) continue;     /* one row per case */
            last = name;
            if (snr) {
                double lo = 1e-5;
                st = snl_lisa_start(&cfg, &s, 0.0, 1e-5, 5e-2, &lo, &why);
                if (st == SNL_OK)
                    st = snl_snr(&cfg, &s, &noise, lo, 5e-2,
                                 o->model == SNL_PHENOMHM ? 1 << 17 : 1 << 14, row, &why);
            } else st = response_row(&cfg, &s, v[i*n + 11], row, &why);
            if (st != SNL_OK) { rc = refuse_row(e, &t, i, st, &why);  break; }
            fprintf(out.file, "%s", name);
            print_row(out.file, snr ? 4 : 17, row);
        }
        { const int rc2 = out_close(&out, !rc, e);  if (!rc) rc = rc2; }
    }
    free(v);
    table_free(&t);
    return rc;
}

static int cmd_response(options *o, io_error *e) { return cmd_source(o, e, 0); }
static int cmd_snr(options *o, io_error *e)      { return cmd_source(o, e, 1); }

/* ---- noise */

static int cmd_noise(options *o, io_error *e)
{
    static const char *const names[] = { "f" };
    snl_noise noise = snl_noise_defaults();
    table t = { 0 };
    out_file out = { 0 };
    double *f = NULL;
    size_t i;
    int rc = table_read(&t, o->frequencies, e);
    if (rc) return rc;
    noise.model = (snl_noise_model)o->noise;
    noise.tdi = (snl_tdi)o->tdi;
    noise.foreground = (snl_foreground)o->foreground;
    noise.years = o->years;
    if (!(f = malloc((t.rows + 1) * sizeof *f)))
        rc = io_fail(e, IO_FAILED, "%s: out of memory", t.path);
    if (!rc) rc = table_numbers(&t, 1, names, 0, f, e);
    if (!rc) rc = out_open(&out, o->out, e);
    if (!rc) {
        fprintf(out.file, "f\tS_A\tS_T\n");
        for (i = 0; i < t.rows; i++) {
            double S[2];
            snl_fault why = { 0 };
            snl_status s = snl_noise_psd(&noise, SNL_CHANNEL_A, 1, f + i, S, &why);
            if (s == SNL_OK) s = snl_noise_psd(&noise, SNL_CHANNEL_T, 1, f + i, S + 1, &why);
            if (s != SNL_OK) { rc = refuse_row(e, &t, i, s, &why);  break; }
            fprintf(out.file, "%.17g", f[i]);
            print_row(out.file, 2, S);
        }
        { const int rc2 = out_close(&out, !rc, e);  if (!rc) rc = rc2; }
    }
    free(f);
    table_free(&t);
    return rc;
}

/* ---- events: configuration and series to a band of frequency-domain data */

static int event_data(const event_config *c, snl_data **data, io_error *e)
{
    char *path = path_join(c->path, c->data, 1);
    size_t rows = 0, i, k, k0, k1;
    double *x = NULL, *w = NULL, *half, *work, df;
    snl_noise noise = snl_noise_defaults();
    snl_fft plan;
    int rc, ch;
    if (!path) return io_fail(e, IO_FAILED, "out of memory");
    rc = npy_read(path, &rows, &x, e);
    if (rc) { free(path);  return rc; }
    df = 1 / ((double)rows * c->dt);
    k0 = (size_t)ceil(c->f_min / df * (1 - 1e-12));
    k1 = (size_t)floor(c->f_max / df * (1 + 1e-12));
    if (k0 < 1) k0 = 1;
    if (k1 > rows/2) k1 = rows/2;
    if (k1 <= k0) rc = io_fail(e, IO_REFUSED, "%s: %lu samples hold no frequency between f_min and f_max", path, (unsigned long)rows);
    if (!rc && !(w = malloc((rows + snl_fft_size(rows) + snl_fft_work(rows) + rows + 4) * sizeof *w)))
        rc = io_fail(e, IO_FAILED, "%s: out of memory", path);
    if (!rc && (snl_fft_init(&plan, rows, w) != SNL_OK || snl_data_create(data, df, k0, k1 - k0 + 1) != SNL_OK))
        rc = io_fail(e, IO_FAILED, "%s: out of memory", path);
    if (!rc) {
        work = w + snl_fft_size(rows);
        half = work + snl_fft_work(rows);
        noise.model = (snl_noise_model)c->noise_model;
        noise.tdi = (snl_tdi)c->tdi;
        noise.foreground = (snl_foreground)c->foreground;
        noise.years = c->years;
        for (ch = 0; !rc && ch < 2; ch++) {
            snl_fault why = { 0 };
            for (i = 0; i < rows; i++) half[i] = x[3*i + 1 + (size_t)ch];
            snl_fft_real_forward(&plan, half, half, work);
            for (k = 0; k < 2*(*data)->n; k++)
                (*data)->d[2*(size_t)ch*(*data)->n + k] = half[2*k0 + k] * c->dt;
            if (snl_noise_psd(&noise, SNL_CHANNEL_A, (*data)->n, (*data)->f,
                              (*data)->S + (size_t)ch*(*data)->n, &why) != SNL_OK)
                rc = refuse(e, c->path, SNL_EINVAL, &why);
        }
    }
    free(w);
    free(x);
    free(path);
    return rc;
}

static int event_priors(const event_config *c, snl_prior *p, io_error *e)
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
            o->lo = event_params[q->param].lo;
            o->hi = event_params[q->param].hi;
        } else return io_fail(e, IO_REFUSED, "%s:%d: fixed parameters are not supported yet",
                              c->path, q->line);
    }
    return 0;
}

static int report_search(void *user, const snl_run_progress *p)
{
    if (*(const int *)user) return 0;
    if (!strcmp(p->stage, "search")) fprintf(stderr, "search %3.0f %%  SNR %.2f\r", 100*p->done, p->value);
    else fprintf(stderr, "round %lu: %-10s\r", (unsigned long)p->round + 1, p->stage);
    return 0;
}

/* Columns in the order of the configuration's priors, then ln L of the surrogate. */
static int write_posterior(const event_config *c, const char *dir, size_t n,
                           const double *theta, const double *ll, io_error *e)
{
    const char *names[SNL_NPAR + 1];
    double *v = malloc(n * (SNL_NPAR + 1) * sizeof *v);
    char *path = path_join(dir, "posterior.tsv", 0);
    size_t i, k;
    int rc = v && path ? 0 : io_fail(e, IO_FAILED, "out of memory");
    for (k = 0; k < SNL_NPAR; k++) names[k] = snl_parameter_name[c->prior[k].param];
    names[SNL_NPAR] = "log_likelihood";
    for (i = 0; !rc && i < n; i++) {
        for (k = 0; k < SNL_NPAR; k++)
            v[i*(SNL_NPAR + 1) + k] = theta[i*SNL_NPAR + (size_t)c->prior[k].param];
        v[i*(SNL_NPAR + 1) + SNL_NPAR] = ll[i];
    }
    if (!rc) rc = table_write(path, 1, 12, n, SNL_NPAR + 1, names, v, e);
    free(path);
    free(v);
    return rc;
}

static int cmd_infer(options *o, io_error *e)
{
    event_config c;
    snl_event_cfg cfg;
    snl_data *data = NULL;
    snl_event *event = NULL;
    snl_search_result found;
    snl_problem problem;
    snl_run_cfg rc_cfg = snl_run_defaults();
    snl_run *run = NULL;
    snl_run_view v;
    snl_fault why = { 0 };
    snl_status st = SNL_OK;
    double *theta = NULL;
    int rc;
    memset(&cfg, 0, sizeof cfg);
    memset(&found, 0, sizeof found);
    memset(&v, 0, sizeof v);
    rc = event_read(&c, o->config, e);
    if (!rc && c.waveform != SNL_PHENOMD)
        rc = io_fail(e, IO_REFUSED, "%s: waveform: infer knows PhenomD only so far", c.path);
    if (!rc) rc = event_priors(&c, cfg.prior, e);
    if (!rc) rc = dir_make(o->out, e);
    if (!rc) rc = event_data(&c, &data, e);
    if (rc) goto done;
    cfg.lisa = snl_lisa_defaults(o->qnm);
    cfg.lisa.tdi = (snl_tdi)c.tdi;
    cfg.lisa.response = (snl_response)c.response;
    cfg.nodes = 192;
    cfg.search = 1000;
    cfg.seed = rc_cfg.seed = o->seed;
    st = snl_event_create(&event, &cfg, data, NULL, &why);
    if (st == SNL_OK) st = snl_event_search(event, &found, report_search, &o->quiet, &why);
    if (st == SNL_OK) {
        if (!o->quiet) fprintf(stderr, "search: SNR %.2f, %lu waveforms\n", found.snr, (unsigned long)found.calls);
        snl_event_problem(event, &problem);
        st = snl_run_create(&run, &problem, &rc_cfg, &why);
    }
    while (st == SNL_OK && !v.done) {
        st = snl_run_round(run, report_search, &o->quiet, &why);
        v = snl_run_state(run);
        if (!o->quiet && st == SNL_OK)
            fprintf(stderr, "round %lu: %lu simulations, temperature %.3g, error of ln L %.3f, divergence %.4f\n",
                    (unsigned long)v.round, (unsigned long)v.calls, 1/v.beta, v.error, v.divergence);
    }
    if (st != SNL_OK) { rc = refuse(e, c.path, st, &why);  goto done; }
    if (!(theta = malloc(v.n * SNL_NPAR * sizeof *theta))) rc = io_fail(e, IO_FAILED, "out of memory");
    else {
        out_file out = { 0 };
        char *path = path_join(o->out, "summary.tsv", 0);
        snl_event_theta(event, v.n, v.y, o->seed, theta);
        rc = write_posterior(&c, o->out, v.n, theta, v.log_like, e);
        if (!rc) rc = out_open(&out, path, e);
        if (!rc) {
            fprintf(out.file, "name\tvalue\ncalls_search\t%lu\ncalls_training\t%lu\ncalls\t%lu\n"
                    "rounds\t%lu\nsnr\t%.17g\nerror_log_likelihood\t%.17g\ndivergence\t%.17g\n"
                    "tau_steps\t%.17g\nchain_too_short\t%d\nstopped\t%s\n", (unsigned long)found.calls,
                    (unsigned long)v.calls, (unsigned long)(found.calls + v.calls),
                    (unsigned long)v.round, found.snr, v.error, v.divergence, v.tau, v.too_short, v.why);
            rc = out_close(&out, 1, e);
        }
        free(path);
        if (!rc && !o->quiet) fprintf(stderr, "done: %s\n", v.why);
        if (!rc && v.too_short)
            fprintf(stderr, "warning: the chain is shorter than 50 autocorrelation times (%.0f "
                    "steps): weights of sky images are rough\n", v.tau);
    }
done:
    free(theta);
    snl_run_free(run);
    snl_event_free(event);
    snl_data_free(data);
    return rc;
}

/* ---- commands and options */

typedef struct command {
    const char *name;
    int (*run)(options *o, io_error *e);
    const char *needs, *help;
} command;

static const command commands[] = {
    { "waveform", cmd_waveform, "--cases",
      "amplitude and phase of IMRPhenomD or IMRPhenomHM\n"
      "  snl waveform --cases cases.tsv [--model PhenomD|PhenomHM] [--out FILE]" },
    { "response", cmd_response, "--cases",
      "transfer functions and the (2,2) signal in A, E, T\n"
      "  snl response --cases cases.tsv [--tdi 1.5|2.0] [--response full|longwave]" },
    { "snr", cmd_snr, "--cases",
      "optimal signal-to-noise ratios, from t = 0 s on\n"
      "  snl snr --cases cases.tsv [--noise_model SciRDv1|MRDv1|Sangria]" },
    { "noise", cmd_noise, "--frequencies",
      "one-sided noise PSDs of A (= E) and T\n"
      "  snl noise --frequencies f.tsv [--model SciRDv1|MRDv1|Sangria] [--tdi 1.5|2.0]\n"
      "            [--foreground none|ldc|robson|babak] [--years Y]" },
    { "infer", cmd_infer, "CONFIG",
      "posterior of a binary by Sequential Neural Likelihood (PhenomD, so far serial)\n"
      "  snl infer event.cfg --out DIR [--seed N]" },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void help(void)
{
    int i;
    printf("snl %s: massive black hole binaries in LISA data\n"
           "usage: snl COMMAND --option value ...\n\n", snl_version());
    for (i = 0; i < COMMANDS; i++) printf("%s: %s\n\n", commands[i].name, commands[i].help);
    printf("common options: --out FILE, --seed N, --threads N, --quiet\n");
}

static int parse(options *o, const command *c, int argc, char **argv, io_error *e)
{
    int i;
    for (i = 2; i < argc; i++) {
        const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        char *end;
        int rc = 0;
        if (!strcmp(k, "--quiet")) { o->quiet = 1;  continue; }
        if (k[0] != '-' && !strcmp(c->needs, "CONFIG") && !o->config) { o->config = k;  continue; }
        if (!v) return io_fail(e, IO_REFUSED, "%s: %s: a value is missing", c->name, k);
        if (!strcmp(k, "--cases")) o->cases = v;
        else if (!strcmp(k, "--frequencies")) o->frequencies = v;
        else if (!strcmp(k, "--out")) o->out = v;
        else if (!strcmp(k, "--seed") || !strcmp(k, "--threads")) {
            const unsigned long number = strtoul(v, &end, 10);
            if (*end || end == v)
                return io_fail(e, IO_REFUSED, "%s: %s: %s is not a number", c->name, k, v);
            if (k[2] == 's') o->seed = number;
        }
        else if (!strcmp(k, "--model") && c->run == cmd_noise)
            rc = event_choice("noise_model", v, &o->noise, e);
        else if (!strcmp(k, "--noise_model")) rc = event_choice("noise_model", v, &o->noise, e);
        else if (!strcmp(k, "--model")) rc = event_choice("waveform", v, &o->model, e);
        else if (!strcmp(k, "--tdi")) rc = event_choice("tdi", v, &o->tdi, e);
        else if (!strcmp(k, "--response")) rc = event_choice("response", v, &o->response, e);
        else if (!strcmp(k, "--foreground"))
            rc = event_choice("foreground", v, &o->foreground, e);
        else if (!strcmp(k, "--years")) {
            o->years = strtod(v, &end);
            if (*end || end == v || !(o->years > 0))
                return io_fail(e, IO_REFUSED, "%s: --years: %s is not in (0, inf)", c->name, v);
        }
        else return io_fail(e, IO_REFUSED, "%s: unknown option %s", c->name, k);
        if (rc) return rc;
        i++;
    }
    if (!strcmp(c->needs, "CONFIG")) {
        if (!o->config) return io_fail(e, IO_REFUSED, "%s: the configuration is missing", c->name);
        if (!o->out) return io_fail(e, IO_REFUSED, "%s: --out is missing", c->name);
    } else if (!strcmp(c->needs, "--cases") ? !o->cases : !o->frequencies)
        return io_fail(e, IO_REFUSED, "%s: %s is missing", c->name, c->needs);
    return 0;
}

int main(int argc, char **argv)
{
    options o = { NULL, NULL, NULL, NULL, 1, 0, 0, 0, 0, 0, 0, 1, NULL };
    io_error e = { "" };
    int i, rc;
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        help();
        return argc < 2 ? 2 : 0;
    }
    if (!strcmp(argv[1], "--version")) { printf("snl %s\n", snl_version());  return 0; }
    for (i = 0; i < COMMANDS; i++) if (!strcmp(argv[1], commands[i].name)) break;
    if (i == COMMANDS) {
        fprintf(stderr, "snl: %s: unknown command; snl --help lists them\n", argv[1]);
        return 2;
    }
    if (argc > 2 && !strcmp(argv[2], "--help")) {
        printf("%s: %s\n", commands[i].name, commands[i].help);
        return 0;
    }
    rc = parse(&o, &commands[i], argc, argv, &e);
    if (!rc && snl_qnm_create(&o.qnm) != SNL_OK) rc = io_fail(&e, IO_FAILED, "out of memory");
    if (!rc) rc = commands[i].run(&o, &e);
    snl_qnm_free(o.qnm);
    if (rc) fprintf(stderr, "snl: %s\n", e.text);
    return rc;
}
