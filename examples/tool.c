/* tool.c - the command-line tool `snl`: one function per command, a table of them below.
 *
 * Results go to standard output or --out, messages to standard error.  Exit status: 0
 * success, 1 the run failed, 2 the request was wrong: one line that says where and what. */
#if defined(_OPENMP) && (defined(__unix__) || defined(__APPLE__))
#define _POSIX_C_SOURCE 200112L     /* setenv, execvp */
#include <unistd.h>
#define TOOL_RESTARTS
#endif
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tool.h"
#include "plot.h"
#include "bench.h"

/* One line for a refused argument of the library. */
int refuse(io_error *e, const char *where, snl_status s, const snl_fault *why)
{
    if (s == SNL_ENOMEM || !why->name)
        return io_fail(e, IO_FAILED, "%s: %s", where, snl_status_text(s));
    if (why->lo <= why->hi)
        return io_fail(e, IO_REFUSED, "%s: %s = %.12g is outside [%.9g, %.9g]", where, why->name,
                       why->value, why->lo, why->hi);
    return io_fail(e, IO_REFUSED, "%s: %s = %.12g: %s", where, why->name, why->value,
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

/* ... of a mode that the model does not have */
static int refuse_mode(io_error *e, const table *t, size_t row, const snl_phenom *p, double l, double m)
{
    char list[16*SNL_PHENOM_MODES] = "";
    int j;
    for (j = 0; j < p->modes; j++)
        sprintf(list + strlen(list), "%s(%d,%d)", j ? ", " : "", p->mode[j].l, p->mode[j].m);
    return io_fail(e, IO_REFUSED, "%s:%lu: mode (%.9g,%.9g) is none of %s", t->path,
                   (unsigned long)t->line[row], l, m, list);
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
            const double l = hm ? r[8] : 2, m = hm ? r[9] : 2;
            snl_fault why = { 0 };
            int j = 0;
            snl_status s = snl_phenom_prepare(&p, o->qnm, (snl_model)o->model, r[0], r[1],
                                              r[2], r[3], r[4], NULL, &why);
            if (s == SNL_OK && !(r[5] > 0)) s = snl_refuse(&why, "fref", r[5], 0, 1e30);
            if (s == SNL_OK) s = snl_phenom_check(&p, 1, r + 7, &why);
            if (s == SNL_OK) {
                while (j < p.modes && (p.mode[j].l != l || p.mode[j].m != m)) j++;
                if (j == p.modes) { rc = refuse_mode(e, &t, i, &p, l, m);  break; }
                snl_phenom_align_lal(&p, r[5], r[6]);
                row[0] = r[7];
                s = snl_phenom_mode(&p, p.mode[j].l, p.mode[j].m, 1, r + 7, row + 1, row + 2, NULL);
            }
            if (s != SNL_OK) { rc = refuse_row(e, &t, i, s, &why);  break; }
            if (row[1] - row[1] != 0 || row[2] - row[2] != 0) {
                rc = io_fail(e, IO_REFUSED, "%s:%lu: amp = %g, phase = %g with fref = %g", t.path,
                             (unsigned long)t.line[i], row[1], row[2], r[5]);
                break;
            }
            if (!hm) row[1] *= 2 * sqrt(5 / (64*SNL_PI));
            fprintf(out.file, "%s", t.cell[i*t.cols + (size_t)c]);
            if (hm) fprintf(out.file, "\t%.0f\t%.0f", l, m);
            print_row(out.file, 3, row);
        }
        { const int rc2 = out_close(&out, !rc, e);  if (!rc) rc = rc2; }
    }
    free(v);
    table_free(&t);
    return rc;
}

/* The noise of the options; its years are refused here, not at the first row. */
static int noise_of(const options *o, snl_noise *noise, io_error *e)
{
    const double f = 1e-3;
    double S;
    char where[64];
    snl_fault why = { 0 };
    snl_status st;
    *noise = snl_noise_defaults();
    noise->model = (snl_noise_model)o->noise;
    noise->tdi = (snl_tdi)o->tdi;
    noise->foreground = (snl_foreground)o->foreground;
    noise->years = o->years;
    st = snl_noise_psd(noise, SNL_CHANNEL_A, 1, &f, &S, &why);
    snprintf(where, sizeof where, "%.40s: --years", o->command);
    return st == SNL_OK ? 0 : refuse(e, where, st, &why);
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
    snl_noise noise;
    table t = { 0 };
    out_file out = { 0 };
    double *v = NULL;
    size_t i;
    int c, rc = noise_of(o, &noise, e);
    if (!rc) rc = table_read(&t, o->cases, e);
    if (rc) return rc;
    cfg.model = (snl_model)o->model;
    cfg.tdi = (snl_tdi)o->tdi;
    cfg.response = (snl_response)o->response;
    c = table_find(&t, "case");
    if (c < 0) rc = io_fail(e, IO_REFUSED, "%s: no column named case", t.path);
    if (!rc && !(v = malloc((t.rows + 1) * n * sizeof *v)))
        rc = io_fail(e, IO_FAILED, "%s: out of memory", t.path);
    if (!rc) rc = table_numbers(&t, n, source_columns, 0, v, e);
    if (!rc) rc = out_open(&out, o->out, e);
    if (!rc) {
        fprintf(out.file, snr ? "case\tsnr_A\tsnr_E\tsnr_AE\tsnr_T\n"
                : "case\tf\tt_f\tamp\tphase\tphase_R\tTA_re\tTA_im\tTE_re\tTE_im\tTT_re\t"
                  "TT_im\tA_re\tA_im\tE_re\tE_im\tT_re\tT_im\n");
        for (i = 0; !rc && i < t.rows; i++) {
            const char *name = t.cell[i*t.cols + (size_t)c];
            const snl_source s = source_of_row(v + i*n);
            snl_fault why = { 0 };
            double row[18];
            snl_status st;
            if (snr && i && !strcmp(name, t.cell[(i - 1)*t.cols + (size_t)c])
                && !memcmp(v + i*n, v + (i - 1)*n, n * sizeof *v)) continue;    /* one row per source */
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
    snl_noise noise;
    table t = { 0 };
    out_file out = { 0 };
    double *f = NULL;
    size_t i;
    int rc = noise_of(o, &noise, e);
    if (!rc) rc = table_read(&t, o->frequencies, e);
    if (rc) return rc;
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

/* ---- compare and plot: tables of samples */

/* Names that all tables share, in the order of the first, free() them; ln L and weights are none. */
static int shared_columns(int tables, const table *t, const char ***names, int *n, io_error *e)
{
    const int room = (int)t[0].cols;
    int i, k, m;
    if (!(*names = malloc((t[0].cols + 1) * sizeof **names))) return io_fail(e, IO_FAILED, "out of memory");
    for (i = *n = 0; i < room; i++)
        if (strncmp(t[0].name[i], "log_", 4)) (*names)[(*n)++] = t[0].name[i];
    for (k = 1; k < tables; k++) {
        for (i = m = 0; i < *n; i++)
            if (table_find(&t[k], (*names)[i]) >= 0) (*names)[m++] = (*names)[i];
        if (!(*n = m)) return io_fail(e, IO_REFUSED, "%s: shares no column with %s%s", t[k].path, t[0].path,
                                      k > 1 ? " and those after it" : "");
    }
    return *n ? 0 : io_fail(e, IO_REFUSED, "%s: no column of a parameter", t[0].path);
}

/* exp(log_weight) of each row, NULL where there is no such column; over the largest where the
 * exponential, or its square, would leave the range of numbers. */
static int table_weights(const table *t, double **w, io_error *e)
{
    static const char *const name[] = { "log_weight" };
    double top = -HUGE_VAL;
    size_t i;
    int rc;
    if (table_find(t, name[0]) < 0) return 0;
    if (!(*w = malloc((t->rows + 1) * sizeof **w))) return io_fail(e, IO_FAILED, "out of memory");
    if ((rc = table_numbers(t, 1, name, 1, *w, e)) != 0) return rc;
    for (i = 0; i < t->rows; i++) {
        if (!((*w)[i] < HUGE_VAL))
            return io_fail(e, IO_REFUSED, "%s:%lu: log_weight: %g is neither finite nor -inf", t->path,
                           (unsigned long)t->line[i], (*w)[i]);
        top = fmax(top, (*w)[i]);
    }
    if (t->rows && top == -HUGE_VAL) return io_fail(e, IO_REFUSED, "%s: log_weight: -inf in all rows", t->path);
    for (i = 0; i < t->rows; i++) (*w)[i] = exp(fabs(top) > 100 ? (*w)[i] - top : (*w)[i]);
    return 0;
}

static int cmd_compare(options *o, io_error *e)
{
    const char **names = NULL;
    table t[2];
    out_file out = { 0 };
    double *v[2] = { NULL, NULL }, *w[2] = { NULL, NULL }, *x = NULL, *mnat = NULL, j, top = 0;
    int n = 0, k, rc = 0;
    size_t i;
    memset(t, 0, sizeof t);
    for (k = 0; !rc && k < 2; k++) rc = table_read(&t[k], o->file[k], e);
    if (!rc) rc = shared_columns(2, t, &names, &n, e);
    for (k = 0; !rc && k < 2; k++) {
        v[k] = malloc((t[k].rows + 1) * (size_t)n * sizeof *x);
        if (!v[k]) rc = io_fail(e, IO_FAILED, "out of memory");
        else rc = table_numbers(&t[k], (size_t)n, names, 0, v[k], e);
        if (!rc && o->weighted) rc = table_weights(&t[k], &w[k], e);
    }
    if (!rc && (!(x = malloc((t[0].rows + t[1].rows + 4*SNL_JSD_GRID) * sizeof *x))
                || !(mnat = calloc((size_t)n, sizeof *mnat))))
        rc = io_fail(e, IO_FAILED, "out of memory");
    for (k = 0; !rc && k < n; k++) {
        double *y = x + t[0].rows, *work = y + t[1].rows;
        for (i = 0; i < t[0].rows; i++) x[i] = v[0][i*(size_t)n + (size_t)k];
        for (i = 0; i < t[1].rows; i++) y[i] = v[1][i*(size_t)n + (size_t)k];
        if (snl_jsd(t[0].rows, x, w[0], t[1].rows, y, w[1], &j, work) != SNL_OK) {      /* whose fault? */
            const int second = snl_jsd(t[0].rows, x, w[0], t[0].rows, x, w[0], &j, work) == SNL_OK;
            rc = io_fail(e, IO_REFUSED, "%s: %s is constant, or has too few rows", o->file[second], names[k]);
        } else top = fmax(top, mnat[k] = 1000*j);
    }
    if (!rc) rc = out_open(&out, o->out, e);
    if (!rc) {
        fprintf(out.file, "param\tjsd_mnat\n");
        for (k = 0; k < n; k++) fprintf(out.file, "%s\t%.17g\n", names[k], mnat[k]);
        fprintf(out.file, "max\t%.17g\n", top);
        rc = out_close(&out, 1, e);
    }
    for (k = 0; k < 2; k++) { table_free(&t[k]);  free(v[k]);  free(w[k]); }
    free(names);
    free(mnat);
    free(x);
    return rc;
}

static int cmd_plot(options *o, io_error *e)
{
    const char **names = NULL;
    plot_samples set[TOOL_FILES];
    table t[TOOL_FILES];
    double *v[TOOL_FILES] = { NULL }, *w[TOOL_FILES] = { NULL };
    int n = 0, k, rc = 0;
    memset(t, 0, sizeof t);
    for (k = 0; !rc && k < o->files; k++) rc = table_read(&t[k], o->file[k], e);
    if (!rc) rc = shared_columns(o->files, t, &names, &n, e);
    for (k = 0; !rc && k < o->files; k++) {
        v[k] = malloc((t[k].rows + 1) * (size_t)n * sizeof **v);
        if (!v[k]) rc = io_fail(e, IO_FAILED, "out of memory");
        else rc = table_numbers(&t[k], (size_t)n, names, 0, v[k], e);
        set[k].label = o->file[k];
        set[k].rows = t[k].rows;
        set[k].value = v[k];
        if (!rc) rc = table_weights(&t[k], &w[k], e);
        set[k].weight = w[k];
    }
    if (!rc) rc = plot_corner(o->out, (size_t)o->files, set, (size_t)n, names, NULL, e);
    for (k = 0; k < TOOL_FILES; k++) { table_free(&t[k]);  free(v[k]);  free(w[k]); }
    free(names);
    return rc;
}

static int cmd_bench(options *o, io_error *e)
{
    out_file out = { 0 };
    int rc = out_open(&out, o->out, e), rc2;
    if (rc) return rc;
    if (bench_run(out.file, o->qnm) != 0) rc = io_fail(e, IO_FAILED, "bench: out of memory");
    rc2 = out_close(&out, !rc, e);
    return rc ? rc : rc2;
}

static int cmd_init(options *o, io_error *e)
{
    out_file out = { 0 };
    const int rc = out_open(&out, o->out, e);
    if (rc) return rc;
    event_template(out.file);
    return out_close(&out, 1, e);
}

/* ---- commands and options */

/* needs: the option without which nothing can be done, or files' names in order; those in
 * brackets may be missing.  out: must --out be given? */
typedef struct command {
    const char *name;
    int (*run)(options *o, io_error *e);
    const char *needs;
    int out;
    const char *help, *example;
} command;

/* Options of all that trains networks */
#define TRAINING \
      "            [--compression pca|score|both|learned] [--points N: of expansion, for the score]\n" \
      "            [--calls N] [--minutes M]: stop there if the posterior does not stand still before\n" \
      "            [--plain: the published method, noise drawn once and a masked flow, to compare]\n" \
      "            [--with posterior.tsv: another one to set beside it in plot and report]"

static const command commands[] = {
    { "run", cmd_run, "", 1,
      "simulate a binary in LISA noise and recover it: the main job, without any file\n"
      "  snl run --out DIR [--seed N] [--threads N] [--resume]\n" TRAINING,
      "snl run --out build/run" },
    { "detect", cmd_detect, "CONFIG", 0,
      "mergers anywhere in the data, of any mass and spin; candidates, best first, with the\n"
      "probability that noise alone is as loud.  The priors of the configuration choose among the\n"
      "images of the sky, no more.  t_lisa is measured; t_ref, at the Sun, is up to 499 s before or\n"
      "after it, as the sky is, and t_ref_spread that of the images: a prior is t_lisa -+ 510 s\n"
      "  snl detect event.cfg [--out DIR: candidates.tsv, images.tsv] [--false_alarm 1e-3]\n"
      "             [--model PhenomD|PhenomHM, in place of the configuration's]",
      "snl detect event.cfg --out candidates" },
    { "infer", cmd_infer, "CONFIG", 1,
      "posterior of a binary by Sequential Neural Likelihood; with --prior, the run that is in\n"
      "DIR under the prior of another configuration, without a simulation\n"
      "  snl infer event.cfg --out DIR [--seed N] [--threads N] [--resume] [--prior other.cfg]\n"
      "            [--model PhenomD|PhenomHM, in place of the configuration's]\n"
      TRAINING,
      "snl infer event.cfg --out results --threads 2" },
    { "mcmc", cmd_mcmc, "CONFIG", 1,
      "the same by sampling the exact likelihood, for comparison\n"
      "  snl mcmc event.cfg --out DIR [--seed N] [--threads N] [--with posterior.tsv]\n"
      "           [--model PhenomD|PhenomHM, in place of the configuration's]\n"
      "           [--plain: an ensemble of stretch moves alone, to compare]",
      "snl mcmc event.cfg --out exact" },
    { "calibrate", cmd_calibrate, "CONFIG", 1,
      "are the surrogate's intervals right? Ranks of the truths of simulated observations,\n"
      "of the run that is in DIR, or of a new one\n"
      "  snl calibrate event.cfg --out DIR [--seed N] [--threads N] [--resume: as it does anyway]\n"
      "            [--trials N: of them, default 200; a coarse look takes 50]\n"
      "            [--model PhenomD|PhenomHM, in place of the configuration's]\n" TRAINING,
      "snl calibrate event.cfg --out results" },
    { "simulate", cmd_simulate, "CONFIG", 1,
      "time series of the injected sources in noise: t and the configuration's channels, T = 0\n"
      "  snl simulate event.cfg --out data.npy [--seed N: of the noise, in place of the configuration's]",
      "snl simulate event.cfg --out data.npy" },
    { "init", cmd_init, "", 0,
      "a commented configuration to start from\n"
      "  snl init > event.cfg",
      "snl init > event.cfg" },
    { "compare", cmd_compare, "A.tsv B.tsv", 0,
      "Jensen-Shannon divergence of the marginals of two sample tables {mnat}\n"
      "  snl compare A.tsv B.tsv [--weighted: by log_weight, where there is one]",
      "snl compare results/posterior.tsv exact/posterior.tsv" },
    { "plot", cmd_plot, "A.tsv [B.tsv C.tsv D.tsv]", 1,
      "corner plot of sample tables over each other\n"
      "  snl plot A.tsv B.tsv --out corner.svg",
      "snl plot results/posterior.tsv exact/posterior.tsv --out both.svg" },
    { "waveform", cmd_waveform, "--cases", 0,
      "amplitude and phase of IMRPhenomD or IMRPhenomHM\n"
      "  snl waveform --cases cases.tsv [--model PhenomD|PhenomHM] [--out FILE]",
      "snl waveform --cases tests/data/phenomd.tsv" },
    { "response", cmd_response, "--cases", 0,
      "transfer functions and the (2,2) signal in A, E, T\n"
      "  snl response --cases cases.tsv [--tdi 1.5|2.0] [--response full|longwave]\n"
      "               [--model PhenomD|PhenomHM]",
      "snl response --cases tests/data/response.tsv" },
    { "snr", cmd_snr, "--cases", 0,
      "optimal signal-to-noise ratios, from t = 0 s on\n"
      "  snl snr --cases cases.tsv [--noise_model SciRDv1|MRDv1|Sangria] [--tdi 1.5|2.0]\n"
      "          [--response full|longwave] [--model PhenomD|PhenomHM]\n"
      "          [--foreground none|ldc|robson|babak] [--years Y]",
      "snl snr --cases tests/data/response.tsv" },
    { "noise", cmd_noise, "--frequencies", 0,
      "one-sided noise PSDs of A (= E) and T\n"
      "  snl noise --frequencies f.tsv [--model SciRDv1|MRDv1|Sangria] [--tdi 1.5|2.0]\n"
      "            [--foreground none|ldc|robson|babak] [--years Y]",
      "snl noise --frequencies tests/data/noise.tsv --model Sangria --tdi 2.0" },
    { "bench", cmd_bench, "", 0,
      "speed of the parts, as a table of name, value, unit\n"
      "  snl bench",
      "snl bench" },
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char common_options[] =
    "common options: --out FILE or DIR; --seed N (default 1); --threads N (default: all);\n"
    "--quiet: only results and warnings.  Ctrl-C ends a long run and says how to go on with it.";

static void help(void)
{
    int i;
    printf("snl %s: massive black hole binaries in LISA data\n"
           "usage: snl COMMAND --option value ...\n\n", snl_version());
    for (i = 0; i < COMMANDS; i++) printf("%s: %s\n\n", commands[i].name, commands[i].help);
    printf("%s\n", common_options);
}

static int number(const command *c, const char *key, const char *text, unsigned long lo, unsigned long hi,
                  unsigned long *out, io_error *e)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    if (*end || *text < '0' || *text > '9')
        return io_fail(e, IO_REFUSED, "%s: %s: %s is not a whole number >= %lu", c->name, key, text, lo);
    if (errno || *out < lo || *out > hi)
        return io_fail(e, IO_REFUSED, "%s: %s: %s is outside [%lu, %lu]", c->name, key, text, lo, hi);
    return 0;
}

static int choice(const command *c, const char *key, const char *name, const char *word, int *out, io_error *e)
{
    io_error why = { "" };
    if (!event_choice(name, word, out, &why)) return 0;
    return io_fail(e, IO_REFUSED, "%s: %s%s", c->name, key, why.text + strlen(name));
}

/* Does the command's help name the option?  Then it has it, as it has those of all. */
static int has_option(const command *c, const char *option)
{
    const size_t n = strlen(option);
    const char *at;
    if (!strcmp(option, "--out") || !strcmp(option, "--seed") || !strcmp(option, "--threads")
        || !strcmp(option, "--quiet")) return 1;
    for (at = c->help; n > 2 && (at = strstr(at, option)) != NULL; at += n)
        if (!strchr("abcdefghijklmnopqrstuvwxyz_", at[n]) || !at[n]) return 1;
    return 0;
}

static int one_of_all(const char *option)
{
    int i;
    for (i = 0; i < COMMANDS; i++) if (has_option(&commands[i], option)) return 1;
    return 0;
}

static int parse(options *o, const command *c, int argc, char **argv, io_error *e)
{
    const char *p = c->needs;
    int i, want = 0, most = 0, optional = 0;
    for (i = 2; i < argc; i++) {
        const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
        char *end;
        int rc = 0;
        if (k[0] == '-' && !has_option(c, k))
            return io_fail(e, IO_REFUSED, "%s: %s %s; ./snl %s --help lists those it has", c->name,
                           one_of_all(k) ? "has no option" : "unknown option", k, c->name);
        if (!strcmp(k, "--quiet")) { o->quiet = 1;  continue; }
        if (!strcmp(k, "--resume")) { o->resume = 1;  continue; }
        if (!strcmp(k, "--plain")) { o->plain = 1;  continue; }
        if (!strcmp(k, "--weighted")) { o->weighted = 1;  continue; }
        if (k[0] != '-') {
            if (o->files == TOOL_FILES) return io_fail(e, IO_REFUSED, "%s: too many files: %s", c->name, k);
            o->file[o->files++] = k;
            continue;
        }
        if (!v || !*v || !strncmp(v, "--", 2)) return io_fail(e, IO_REFUSED, "%s: %s: a value is missing", c->name, k);
        if (!strcmp(k, "--cases")) o->cases = v;
        else if (!strcmp(k, "--frequencies")) o->frequencies = v;
        else if (!strcmp(k, "--out")) o->out = v;
        else if (!strcmp(k, "--prior")) o->prior = v;
        else if (!strcmp(k, "--with")) o->with = v;
        else if (!strcmp(k, "--seed")) {
            rc = number(c, k, v, 0, ULONG_MAX, &o->seed, e);
            o->seed_given = 1;
        }
        else if (!strcmp(k, "--threads")) rc = number(c, k, v, 1, 1024, &o->threads, e);
        else if (!strcmp(k, "--points")) rc = number(c, k, v, 1, 64, &o->points, e);
        else if (!strcmp(k, "--trials")) rc = number(c, k, v, 20, 2000, &o->trials, e);
        else if (!strcmp(k, "--calls")) rc = number(c, k, v, 1, ULONG_MAX, &o->calls, e);
        else if (!strcmp(k, "--compression")) rc = choice(c, k, "compression", v, &o->compression, e);
        else if (!strcmp(k, "--model") && c->run == cmd_noise)
            rc = choice(c, k, "noise_model", v, &o->noise, e);
        else if (!strcmp(k, "--noise_model")) rc = choice(c, k, "noise_model", v, &o->noise, e);
        else if (!strcmp(k, "--model")) {
            rc = choice(c, k, "waveform", v, &o->model, e);
            o->model_given = 1;
        }
        else if (!strcmp(k, "--tdi")) rc = choice(c, k, "tdi", v, &o->tdi, e);
        else if (!strcmp(k, "--response")) rc = choice(c, k, "response", v, &o->response, e);
        else if (!strcmp(k, "--foreground"))
            rc = choice(c, k, "foreground", v, &o->foreground, e);
        else if (!strcmp(k, "--years")) {
            o->years = strtod(v, &end);
            if (*end || end == v || !(o->years > 0))
                return io_fail(e, IO_REFUSED, "%s: --years: %s is not in (0, inf)", c->name, v);
        }
        else if (!strcmp(k, "--minutes")) {
            o->minutes = strtod(v, &end);
            if (*end || end == v || !(o->minutes > 0))
                return io_fail(e, IO_REFUSED, "%s: --minutes: %s is not in (0, inf)", c->name, v);
        }
        else if (!strcmp(k, "--false_alarm")) {
            o->false_alarm = strtod(v, &end);
            if (*end || end == v || !(o->false_alarm > 0 && o->false_alarm <= 1))
                return io_fail(e, IO_REFUSED, "%s: --false_alarm: %s is not in (0, 1]", c->name, v);
        }
        if (rc) return rc;
        i++;
    }
    if (!strcmp(p, "--cases") ? !o->cases : !strcmp(p, "--frequencies") ? !o->frequencies : 0)
        return io_fail(e, IO_REFUSED, "%s: %s is missing", c->name, p);
    while (*p && *p != '-') {                       /* count the files that are wanted */
        optional |= *p == '[';
        most++;
        want += !optional;
        while (*p && *p != ' ') p++;
        while (*p == ' ') p++;
    }
    if (o->files < want || o->files > most)
        return io_fail(e, IO_REFUSED, "%s: %s is wanted, not %d files", c->name,
                       *c->needs && most ? c->needs : "no file", o->files);
    if (c->out && !o->out) return io_fail(e, IO_REFUSED, "%s: --out is missing", c->name);
    return 0;
}

/* Threads that spin while they wait make a run on a busy machine many times longer, and only the
 * environment that a program starts with can tell OpenMP not to. */
#ifdef TOOL_RESTARTS
static void wait_asleep(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1)) return;
    execvp(argv[0], argv);          /* returns only if that failed: then as it is */
}
#else
static void wait_asleep(char **argv) { (void)argv; }
#endif

int main(int argc, char **argv)
{
    options o;
    io_error e = { "" };
    int i, k, rc;
    wait_asleep(argv);
    memset(&o, 0, sizeof o);
    o.seed = 1;
    o.years = 1;
    o.compression = -1;
    o.trials = TRIALS;
    o.minutes = HUGE_VAL;
    o.false_alarm = 1e-3;
    o.command = argc > 1 ? argv[1] : "";
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
    for (k = 2; k < argc; k++) if (!strcmp(argv[k], "--help") || !strcmp(argv[k], "-h")) {
        printf("%s: %s\n\nexample: ./%s\n\n%s\n", commands[i].name, commands[i].help,
               commands[i].example, common_options);
        return 0;
    }
    rc = parse(&o, &commands[i], argc, argv, &e);
    if (!rc && snl_qnm_create(&o.qnm) != SNL_OK) rc = io_fail(&e, IO_FAILED, "out of memory");
    if (!rc) rc = commands[i].run(&o, &e);
    snl_qnm_free(o.qnm);
    if (rc) fprintf(stderr, "snl: %s\n", e.text);
    return rc;
}
