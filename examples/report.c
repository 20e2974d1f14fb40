/* report.c - see report.h.  The page stands alone: styles, pictures and numbers are inside
 * it, and it asks for nothing else. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"
#include "plot.h"

/* Blue, vermilion and green of Okabe and Ito, lighter on a dark page. */
static const char report_style[] =
    ":root{color-scheme:light dark;--ink:#1c2126;--faint:#59636e;--paper:#fff;--line:#c9d1d9;--soft:#f2f5f8;"
    "--good:#00694d;--mid:#745600;--bad:#a63a00;--c0:#0072b2;--c1:#c04f00;--c2:#007d5a;--c3:#a8518a}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--faint:#9aa6b2;--paper:#14181c;--line:#3a444e;"
    "--soft:#1d242b;--good:#4fd1a5;--mid:#e6c65c;--bad:#ff9d66;--c0:#56b4e9;--c1:#f08a3c;--c2:#2fc79a;--c3:#e29ac6}}\n"
    "*{box-sizing:border-box}body{font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;color:var(--ink);"
    "background:var(--paper);margin:0 auto;max-width:82rem;padding:1rem}\n"
    "h1{font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.25rem;margin:2.2rem 0 .6rem}\n"
    "p{max-width:48rem;overflow-wrap:anywhere}figure{margin:0;min-width:0}"
    "figcaption{color:var(--faint);font-size:.9rem;max-width:48rem}\n"
    ".phone{display:none}.grid>*{min-width:0}.lines td{white-space:normal}.wide{overflow-x:auto;margin-top:.6rem}table{border-collapse:collapse}\n"
    "th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left}\n"
    "small,.note{color:var(--faint);font-weight:normal}\n"
    ".verdict{border-left:.35rem solid;padding:.4rem .9rem;background:var(--soft);font-size:1.1rem}\n"
    ".checks{list-style:none;padding:0;max-width:60rem}.checks li{margin:.4rem 0;padding-left:6.2rem;text-indent:-6.2rem}\n"
    ".checks b{display:inline-block;width:6.2rem;text-indent:0}\n"
    ".good b,.verdict.good{color:var(--good)}.mid b,.verdict.mid{color:var(--mid)}.bad b,.verdict.bad{color:var(--bad)}\n"
    ".grid{display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,23rem),1fr))}\n"
    ".two{grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr))}.small{max-width:30rem}.tiles{display:grid;gap:.4rem;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr))}\n"
    "pre{background:var(--soft);padding:.7rem;overflow-x:auto}summary{cursor:pointer}\n"
    "svg{display:block;width:100%;height:auto;font:12px 'DejaVu Sans',Verdana,sans-serif}svg text{fill:var(--ink)}\n"
    ".frame{stroke:var(--faint)}.chart .grid{stroke:var(--line);stroke-width:.7}.chart .frame{stroke-width:.8}\n"
    ".corner svg{min-width:62rem;font-size:10px}.corner .paper{fill:var(--paper)}.corner .frame text{fill:var(--ink)}\n"
    ".corner .s0,.f0{fill:var(--c0)}.corner .s1,.f1{fill:var(--c1)}.f2{fill:var(--c2)}\n"
    ".corner .c0,.l0{stroke:var(--c0)}.corner .c1,.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}\n"
    ".l0,.l1,.l2{stroke-width:1.6;stroke-linejoin:round}.thin{stroke-width:1}.dash{stroke-dasharray:6 3}\n"
    ".haze{stroke:var(--faint);stroke-width:.8;opacity:.75}.broad{stroke-width:3.5;stroke-linejoin:round;opacity:.5}.hazy{fill:var(--faint);opacity:.3}.part{opacity:.2}\n"
    ".truth{stroke:var(--ink)}.chart .truth{stroke-width:1.2;stroke-dasharray:4 2;fill:none}\n"
    ".key span{margin-right:1.2em;display:inline-block}.key span::before{content:'';display:inline-block;width:1.7em;border-top:.2em solid;"
    "margin:0 .4em .25em 0}.key .kh::before{border-color:var(--faint)}.key .k0::before{border-color:var(--c0)}"
    ".key .k1::before{border-color:var(--c1)}.key .kd::before{border-top-style:dashed}.t0{color:var(--c0)}.t1{color:var(--c1)}"
    ".t2{color:var(--c2)}\n"
    "@media(max-width:40rem){body{padding:.7rem}th,td{padding:.2rem .25rem}table{font-size:.78rem}th{white-space:normal}.desk{display:none}.phone{display:inline}p.phone{display:block}"
    ".checks li{padding-left:0;text-indent:0}.checks b{width:auto;margin-right:.5em}.sky text{font-size:20px}.long text{font-size:16px}.verdict{font-size:1rem}}\n"
    "@media print{body{max-width:none}.wide{overflow:visible}.corner svg{min-width:0}}\n";

/* ---- text ---------------------------------------------------------------- */

/* Text with the characters that HTML gives a meaning. */
static void escaped(FILE *f, const char *s)
{
    for (; *s; s++)
        if (*s == '&') fputs("&amp;", f);
        else if (*s == '<') fputs("&lt;", f);
        else if (*s == '>') fputs("&gt;", f);
        else if (*s == '"') fputs("&quot;", f);
        else fputc(*s, f);
}

/* x with two digits of its error */
static void put_value(FILE *f, double x, double error)
{
    int digits = error > 0 ? 1 - (int)floor(log10(error)) : 6;
    digits = digits < 0 ? 0 : digits > 9 ? 9 : digits;
    if (fabs(x) < 0.5*pow(10, -digits)) x = 0;
    fprintf(f, "%s%.*f", x < 0 ? "&minus;" : "", digits, fabs(x));
}

/* A number; a format that begins with ~ is for wide pages only. */
static void put_cell(FILE *f, double x, const char *format)
{
    const int wide = *format == '~';
    format += wide;
    fputs(wide ? "<td class=\"desk\">" : "<td>", f);
    if (x == x) fprintf(f, format, x);
    else fputs("&ndash;", f);
    fputs("</td>", f);
}

/* chirp_mass as a symbol, M with subscript c */
static void html_symbol(FILE *f, const char *name)
{
    const char *unit, *s = plot_symbol_of(name, &unit), *sub = s ? strchr(s, '_') : NULL;
    if (!s) escaped(f, name);
    else if (!sub) fprintf(f, "<i>%s</i>", s);
    else fprintf(f, "<i>%.*s</i><sub>%s</sub>", (int)(sub - s), s, sub + 1);
}

/* Names as "a|b|c"; those after a ~ stand on wide pages only. */
static void table_head(FILE *f, const char *columns)
{
    fputs("<div class=\"wide\"><table>\n<tr>", f);
    while (*columns) {
        const int wide = *columns == '~', n = (int)strcspn(columns += wide, "|");
        fprintf(f, "<th%s>%.*s</th>", wide ? " class=\"desk\"" : "", n, columns);
        columns += n + (columns[n] == '|');
    }
    fputs("</tr>\n", f);
}

static void table_end(FILE *f) { fputs("</table></div>\n", f); }

/* Lines NAME TAB VALUE. */
static void table_lines(FILE *f, const char *text)
{
    fputs("<div class=\"wide\"><table class=\"lines\">\n", f);
    while (*text) {
        const size_t n = strcspn(text, "\n"), tab = strcspn(text, "\t");
        char cell[640];
        if (tab < n && n < sizeof cell) {
            fputs("<tr><td>", f);
            sprintf(cell, "%.*s", (int)tab, text);
            escaped(f, cell);
            fputs("</td><td>", f);
            sprintf(cell, "%.*s", (int)(n - tab - 1), text + tab + 1);
            escaped(f, strcmp(cell, "nan") ? cell : "\xe2\x80\x93");
            fputs("</td></tr>\n", f);
        }
        text += n + (text[n] == '\n');
    }
    table_end(f);
}

static void picture(FILE *f, double w, double h, const char *kind, const char *what)
{
    fprintf(f, "<figure><svg class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n",
            kind, w, h, what);
}

static void picture_end(FILE *f, const char *caption)
{ fprintf(f, "</svg><figcaption>%s</figcaption></figure>\n", caption); }

/* A chart that leaves room for its axes in a picture of w x h. */
static chart chart_of(FILE *f, double w, double h, double x0, double x1, double y0, double y1)
{
    chart c = { NULL, 52, 28, 0, 0, { 0, 0 }, { 0, 0 }, { 0, 0 } };
    c.f = f;
    if (w > 500) c.x = 66;
    c.w = w - c.x - 14;
    c.h = h - c.y - 42;
    c.lo[0] = x0;  c.hi[0] = x1;  c.lo[1] = y0;  c.hi[1] = y1;
    return c;
}

/* ---- what was found ------------------------------------------------------ */

static double column(const report *r, size_t row, int parameter)
{
    size_t k;
    for (k = 0; k < SNL_NPAR; k++)
        if (!strcmp(r->names[k], snl_parameter_name[parameter])) return r->v[row*r->columns + k];
    return (double)NAN;
}

static double truth_of(const report *r, int parameter)
{
    size_t k;
    for (k = 0; k < SNL_NPAR; k++)
        if (!strcmp(r->names[k], snl_parameter_name[parameter])) return r->truth[k];
    return (double)NAN;
}

/* One row; where: share of the posterior below the true value; compared: has another width. */
static void row_found(FILE *f, const char *name, const char *unit, const double q[3], double truth,
                      double where, int compared, double ratio)
{
    const double error = fmin(q[2] - q[1], q[1] - q[0]) > 0 ? fmin(q[2] - q[1], q[1] - q[0]) : q[2] - q[0];
    static const int order[3] = { 1, 0, 2 };
    int i;
    fprintf(f, "<tr><td><span class=\"desk\">%s</span> ", name);
    html_symbol(f, name);
    if (*unit) fprintf(f, " <small class=\"phone\">%s</small></td><td class=\"desk\"><small>%s</small></td>", unit, unit);
    else fputs("</td><td class=\"desk\"></td>", f);
    for (i = 0; i < 3; i++) {
        fputs("<td>", f);
        put_value(f, q[order[i]], error);
        fputs("</td>", f);
    }
    if (truth == truth) {
        fputs("<td>", f);
        put_value(f, truth, error);
        fprintf(f, "</td><td class=\"desk\">%.1f&nbsp;%%</td>", 100*where);
    }
    if (ratio < HUGE_VAL) fprintf(f, "<td class=\"desk\">%.3g</td>", ratio);       /* else NaN, or to a constant */
    else if (compared) fputs("<td class=\"desk\">&ndash;</td>", f);
    fputs("</tr>\n", f);
}

static double below(const report *r, const double *x, double value)
{
    double sum = 0, all = 0;
    size_t i;
    for (i = 0; i < r->n; i++) { all += r->weight[i];  sum += x[i] < value ? r->weight[i] : 0; }
    return sum/all;
}

static void table_found(FILE *f, const report *r, double *x)
{
    static const double p[3] = { 0.05, 0.5, 0.95 };
    const int known = r->truth[0] == r->truth[0];
    size_t i, k;
    int m;
    fputs("<h2>What was found</h2>\n", f);
    table_head(f, known ? r->other
               ? "parameter|~unit|median|5&nbsp;%|95&nbsp;%|true|~true at|~width ratio"
                                   : "parameter|~unit|median|5&nbsp;%|95&nbsp;%|true|~true at"
                  : r->other ? "parameter|~unit|median|5&nbsp;%|95&nbsp;%|~width ratio"
                             : "parameter|~unit|median|5&nbsp;%|95&nbsp;%");
    for (k = 0; k < SNL_NPAR; k++) {
        const char *unit;
        const double *q = r->quantile[k];
        plot_symbol_of(r->names[k], &unit);
        for (i = 0; i < r->n; i++) x[i] = r->v[i*r->columns + k];
        row_found(f, r->names[k], unit, q + 1, r->truth[k], below(r, x, r->truth[k]),
                  r->other != NULL, r->other ? (q[3] - q[1])/r->other_width[k] : (double)NAN);
    }
    for (m = 1; m <= 2; m++) {                  /* m1 = Mc (1 + q)^(1/5) q^(3/5), m2 = m1/q */
        const double tc = truth_of(r, SNL_CHIRP_MASS), tq = truth_of(r, SNL_MASS_RATIO);
        double q[3], truth;
        for (i = 0; i <= r->n; i++) {
            const double mc = i < r->n ? column(r, i, SNL_CHIRP_MASS) : tc;
            const double s = i < r->n ? column(r, i, SNL_MASS_RATIO) : tq;
            truth = mc*pow(1 + s, 0.2)*pow(s, m == 1 ? 0.6 : -0.4);
            if (i < r->n) x[i] = truth;
        }
        if (snl_quantiles(r->n, x, r->weight, 3, p, q, x + r->n) != SNL_OK) continue;
        row_found(f, m == 1 ? "m1" : "m2", "M\xe2\x98\x89", q, truth, below(r, x, truth),
                  r->other != NULL, (double)NAN);
    }
    table_end(f);
    fputs("<p class=\"note\">Masses in the detector frame; m1 and m2 follow from the others. 5&nbsp;% and 95&nbsp;% "
          "enclose 90&nbsp;% of the posterior.", f);
    if (known)
        fputs("<span class=\"desk\"> True at: share of the posterior below the true value.</span>", f);
    if (r->other) {
        fputs("<span class=\"desk\"> Width ratio: of the 90&nbsp;% interval to that of "
              "<code>", f);
        escaped(f, r->other);
        fputs("</code>, the second posterior in the corner plot (width over the "
              "other's).</span>", f);
    }
    fputs("</p>\n", f);
}

/* ---- verdicts ------------------------------------------------------------ */

typedef struct verdicts {
    FILE *f;
    int doubts, heavy;                  /* heavy: good weights on the whole, but a heavy tail */
    const char *gravest;
} verdicts;

static void judge(verdicts *v, int good, const char *short_reason, const char *text)
{
    if (!good && !v->doubts++) v->gravest = short_reason;
    if (v->f) fprintf(v->f, "<li class=\"%s\"><b>%s</b>%s</li>\n", good ? "good" : "bad",
                      good ? "\xe2\x9c\x93 trust" : "\xe2\x9c\x97 doubt", text);
}

static double calibration_p(const report *r, double *work)
{
    double distance, p, least = 1;
    size_t i, k;
    for (k = 0; k < SNL_NPAR; k++) {
        for (i = 0; i < r->trials; i++) work[i] = r->rank[i*SNL_NPAR + k];
        if (snl_ks(r->trials, work, &distance, &p, work + r->trials) != SNL_OK) p = 0;  /* no ranks */
        least = fmin(least, p);
    }
    return fmin(1, least*SNL_NPAR);
}

/* The most likely signal, in a band of its own; NULL: not to be had. */
static snl_data *best_signal(const report *r)
{
    double theta[SNL_NPAR];
    snl_data *model = NULL;
    snl_source s;
    int p;
    if (!r->data) return NULL;
    for (p = 0; p < SNL_NPAR; p++) theta[p] = column(r, r->best, p);
    s = snl_source_from_theta(theta);
    if (snl_data_create(&model, r->data->df, (size_t)(r->data->f[0]/r->data->df + 0.5), r->data->n) == SNL_OK
        && snl_data_add_signal(model, r->lisa, &s, NULL) == SNL_OK) return model;
    snl_data_free(model);
    return NULL;
}

/* Mean square of the whitened data less that signal, 1 for noise as its model has it; NaN:
 * not known.  The noise of it is 1/sqrt(2 n). */
static double mean_square_left(const report *r)
{
    snl_data *model = best_signal(r);
    double square = (double)NAN;
    size_t k;
    if (!model) return square;
    for (k = 0; k < 4*r->data->n; k++) model->d[k] = r->data->d[k] - model->d[k];
    memcpy(model->S, r->data->S, 2*r->data->n*sizeof *model->S);
    square = snl_data_inner(model, model->d, model->d)/(4*(double)r->data->n);
    snl_data_free(model);
    return square;
}

/* Pareto's k; where a few weights hold everything it is infinite. */
static const char *shape_of(double k, char text[32])
{
    if (k < HUGE_VAL) snprintf(text, 32, "%.2f", k);
    else snprintf(text, 32, "\xe2\x88\x9e");
    return text;
}

/* All that speaks for and against; f NULL: only count. */
static verdicts judge_all(FILE *f, const report *r, double *work)
{
    verdicts v = { NULL, 0, 0, "" };
    const snl_round *last = r->rounds ? &r->round[r->rounds - 1] : NULL;
    const double left = mean_square_left(r), allowed = r->prior ? 0.25 : 1;     /* without weights, {nats} */
    const char *const mend = r->prior ? "there are no weights here to mend more" : "up to 1 is mended by the weights";
    char text[400], k[32];
    v.f = f;
    if (left == left) {
        const int good = fabs(left - 1) < fmax(0.03, 5/sqrt(2*(double)r->data->n));
        snprintf(text, sizeof text, "Less the most likely signal, the whitened data have a mean square of %.3f; noise of the "
                 "assumed spectrum has 1. %s", left, good ? "Signal and noise model describe the data." : "Noise model or signal "
                 "are not those of the data: widths, and maybe values, are wrong.");
        judge(&v, good, "the data are not such a signal in such noise", text);
    }
    if (r->efficiency >= 0) {
        const int good = r->efficiency >= 0.1;
        snprintf(text, sizeof text, "The surrogate is %s the exact likelihood: weighing its draws keeps %.*f&nbsp;%% of their "
                 "information. Below 10&nbsp;%% it is wrong somewhere.", good ? "close to" : "far from",
                 r->efficiency < 0.01 ? 2 : 1, 100*r->efficiency);
        judge(&v, good, "the surrogate differs from the exact likelihood", text);
        v.heavy = !(r->pareto < 0.7) && r->efficiency > 0.9;
        if (v.heavy && f)
            fprintf(f, "<li class=\"mid\"><b>~ in part</b>The tail of the weights is heavy: "
                    "Pareto shape k&nbsp;=&nbsp;%s, above 0.7. The weights hardly differ for "
                    "most draws, so medians and intervals are right; far tails, and an evidence "
                    "from these weights, would rest on a few draws.</li>\n", shape_of(r->pareto, k));
        snprintf(text, sizeof text, "The largest weights have a Pareto shape of k&nbsp;=&nbsp;%s. "
                 "Above 0.7 a few draws carry the result.", shape_of(r->pareto, k));
        if (!v.heavy) judge(&v, r->pareto < 0.7, "a few draws carry the result", text);
    }
    if (r->ess >= 0) {
        snprintf(text, sizeof text, "The chain holds %.0f independent samples. Below 500 the shares of the sky images "
                 "and the ends of the intervals are rough.", r->ess);
        judge(&v, r->ess >= 500, "the chain is short", text);
    }
    if (r->accept == r->accept) {
        snprintf(text, sizeof text, "The sampler accepts %.0f&nbsp;%% of its stretch moves. Below 5&nbsp;%% it would be "
                 "stuck, above 90&nbsp;%% hardly move.", 100*r->accept);
        judge(&v, r->accept > 0.05 && r->accept < 0.9, "the sampler hardly moves", text);
    }
    if (last && last->error == last->error) {
        snprintf(text, sizeof text, "On simulations that it had not seen the surrogate's ln&nbsp;L was off by %.2f (rms). "
                 "Below 0.25 it is as good as exact; %s.", last->error, mend);
        judge(&v, last->error < allowed, "the surrogate still errs on new simulations", text);
    }
    if (last && last->spread == last->spread) {
        snprintf(text, sizeof text, "Networks that learned the same from different starts disagree by %.2f in ln&nbsp;L (rms over "
                 "the posterior). Where they disagree the simulations do not tell; %s.", last->spread, mend);
        judge(&v, last->spread < allowed, "the networks disagree", text);
    }
    if (last && last->beta < 1) {
        snprintf(text, sizeof text, "The rounds ended while the posterior was heated, at temperature %.3g: without the weights "
                 "its draws are spread too widely.", 1/last->beta);
        judge(&v, 0, "the rounds ended while the posterior was heated", text);
    }
    if (r->stopped) {
        const int still = last && last->divergence == last->divergence && last->divergence <= 0.01;
        snprintf(text, sizeof text, "The rounds ended because: %.200s. %s", r->stopped,
                 still ? "Another round would not have changed the result."
                       : "The last two posteriors were not yet the same: more rounds may change the result.");
        judge(&v, still, "the rounds ended before the posterior stood still", text);
    }
    if (r->cost) {
        double most = 0;
        size_t k;
        for (k = 0; k < SNL_NPAR; k++) most = fmax(most, 1000*r->cost[k][2]);
        snprintf(text, sizeof text, "Compression and network together moved the marginals by %s %.*f&nbsp;mnat (a shift by a tenth "
                 "of a standard deviation is about 1); %s.", most < 20 ? "no more than" : "up to", most < 1 ? 2 : most < 20, most,
                 most < 20 ? "the weights take this out" : "from 20 on the weights may not make up for it");
        judge(&v, most < 20, "the surrogate's marginals are off", text);
    }
    if (r->trials) {
        const double p = calibration_p(r, work);
        snprintf(text, sizeof text, "Calibration: the ranks of %lu simulated truths are %suniform (smallest p of %d "
                 "tests, corrected: %.2g).", (unsigned long)r->trials, p < 0.01 ? "not " : "", (int)SNL_NPAR, p);
        judge(&v, p >= 0.01, "the calibration failed", text);
    }
    return v;
}

/* ---- the sky -------------------------------------------------------------- */

enum { SKY_X = 240, SKY_Y = 120, SKY_NX = SKY_X + 2, SKY_NY = SKY_Y + 2, SKY = SKY_NX*SKY_NY,
       IMAGES = 8, ZOOM = 60, ZOOM_N = ZOOM + 2 };

/* Hammer's equal-area map, longitudes to the left as seen from inside: x, y in [-1, 1]. */
static void hammer(double dlon, double sin_b, double *x, double *y)
{
    const double cos_b = sqrt(fmax(0, 1 - sin_b*sin_b));
    const double z = sqrt(1 + cos_b*cos(dlon/2));
    *x = -cos_b*sin(dlon/2)/z;
    *y = sin_b/z;
}

static double around(double a) { return a - 2*SNL_PI*floor(a/(2*SNL_PI) + 0.5); }

typedef struct image { double share, x, y, z, area; } image;

typedef struct sky {
    double  center;                     /* longitude in the middle           */
    double *grid;                       /* [SKY_NY][SKY_NX]                  */
    int    *label;                      /* [SKY]: 0 outside, image number    */
    int    *cell;                       /* [n] of the samples                */
    double  level[2];                   /* 90 %, 50 %                        */
    size_t  images;
    image   image[IMAGES];
} sky;

static int by_share(const void *a, const void *b)
{ return (((const image *)a)->share < ((const image *)b)->share) - (((const image *)a)->share > ((const image *)b)->share); }

/* Connected parts of the 90 % region, the largest first; their grid labels follow. */
static void sky_images(sky *s, const report *r, int *stack)
{
    image *all = calloc(SKY, sizeof *all);
    int *rank = calloc(SKY, sizeof *rank), parts = 0, i, k, top;
    double total = 0;
    size_t j;
    if (!all || !rank) { free(all);  free(rank);  return; }
    memset(s->label, 0, SKY*sizeof *s->label);
    for (i = 0; i < SKY; i++) {
        if (s->label[i] || !(s->grid[i] > s->level[0])) continue;
        s->label[i] = ++parts;
        stack[0] = i;
        for (top = 1; top; ) {
            const int at = stack[--top];
            for (k = 0; k < 9; k++) {
                const int to = at + (k/3 - 1)*SKY_NX + k % 3 - 1;
                if (to < 0 || to >= SKY || s->label[to] || !(s->grid[to] > s->level[0])) continue;
                s->label[to] = parts;
                stack[top++] = to;
            }
        }
    }
    for (j = 0; j < r->n; j++) {
        const int part = s->label[s->cell[j]];
        const double sb = column(r, j, SNL_SIN_BETA), l = column(r, j, SNL_LAMBDA), w = r->weight[j];
        if (!part) continue;
        all[part - 1].share += w;
        all[part - 1].x += w*sqrt(1 - sb*sb)*cos(l);
        all[part - 1].y += w*sqrt(1 - sb*sb)*sin(l);
        all[part - 1].z += w*sb;
        all[part - 1].area = part;                      /* its number, for now */
        total += w;
    }
    qsort(all, (size_t)parts, sizeof *all, by_share);
    for (i = 0; i < parts && i < IMAGES && all[i].share >= 0.005*total; i++) {
        s->image[i] = all[i];
        s->image[i].share /= total;
        rank[(int)all[i].area - 1] = i + 1;
        s->images++;
    }
    for (i = 0; i < SKY; i++) if (s->label[i]) s->label[i] = rank[s->label[i] - 1];
    free(all);
    free(rank);
}

/* Samples of one image over (longitude - its middle, sin latitude): equal-area as well. */
static double sky_zoom(const sky *s, const report *r, int number, double *xy, double *grid,
                       double box[4], double *level)
{
    static const double p[2] = { 0.002, 0.998 };
    const double l0 = atan2(s->image[number].y, s->image[number].x);
    double *work = xy + 3*r->n, q[2], inside = 0;
    size_t i, n = 0;
    int k;
    for (i = 0; i < r->n; i++) {
        if (s->label[s->cell[i]] != number + 1) continue;
        xy[n] = around(column(r, i, SNL_LAMBDA) - l0);
        xy[r->n + n] = column(r, i, SNL_SIN_BETA);
        xy[2*r->n + n] = r->weight[i];
        n++;
    }
    if (n < 50) return 0;
    for (k = 0; k < 2; k++) {
        if (snl_quantiles(n, xy + (size_t)k*r->n, xy + 2*r->n, 2, p, q, work) != SNL_OK) return 0;
        box[2*k] = q[0] - 0.1*(q[1] - q[0]);
        box[2*k + 1] = q[1] + 0.1*(q[1] - q[0]);
        if (!(q[1] > q[0])) return 0;
    }
    memset(grid, 0, ZOOM_N*ZOOM_N*sizeof *grid);
    for (i = 0; i < n; i++) {
        const double u = (xy[i] - box[0])/(box[1] - box[0])*ZOOM;
        const double v = (xy[r->n + i] - box[2])/(box[3] - box[2])*ZOOM;
        if (u >= 0 && u < ZOOM && v >= 0 && v < ZOOM)
            grid[((size_t)v + 1)*ZOOM_N + (size_t)u + 1] += xy[2*r->n + i];
    }
    plot_blur(ZOOM_N, ZOOM_N, fmax(1, 6*pow((double)n, -1.0/6)), grid);
    for (k = 0; k < 2; k++) level[k] = plot_level(ZOOM_N*ZOOM_N, grid, k ? 0.5 : 0.9, grid + ZOOM_N*ZOOM_N);
    for (i = 0; i < ZOOM_N*ZOOM_N; i++) inside += grid[i] > level[0];
    return inside * (box[1] - box[0])*(box[3] - box[2])/(ZOOM*ZOOM) * pow(180/SNL_PI, 2);
}

static void sky_map(FILE *f, const sky *s, const report *r)
{
    const double w = 640, h = 320, left = 30, top = 14, tb = truth_of(r, SNL_SIN_BETA);
    double x, y, at[IMAGES][2];
    int i, j;
    size_t k;
    picture(f, w + 60, h + 28, "chart sky", "Sky map of the posterior in ecliptic coordinates");
    for (i = -2; i <= 2; i++) {                             /* parallels, every 30 degrees */
        fputs("<path class=\"grid\" fill=\"none\" d=\"", f);
        for (j = -36; j <= 36; j++) {
            hammer(SNL_PI*j/36.0, sin(SNL_PI*i/6), &x, &y);
            fprintf(f, "%s%.1f %.1f", j == -36 ? "M" : " ", left + w/2*(1 + x), top + h/2*(1 - y));
        }
        fputs("\"/>", f);
    }
    for (i = -6; i <= 6; i++) {                             /* meridians, the edge */
        fprintf(f, "<path class=\"%s\" fill=\"none\" d=\"", abs(i) == 6 ? "frame" : "grid");
        for (j = -30; j <= 30; j++) {
            hammer(SNL_PI*i/6, sin(SNL_PI*j/60), &x, &y);
            fprintf(f, "%s%.1f %.1f", j == -30 ? "M" : " ", left + w/2*(1 + x), top + h/2*(1 - y));
        }
        fputs("\"/>\n", f);
    }
    for (i = 0; i < 2; i++) {
        fprintf(f, "<g transform=\"translate(%.0f %.0f)\"><path class=\"f0 l0\" fill-opacity=\"%s\" fill-rule=\"evenodd\" d=\"",
                left, top, i ? ".45" : ".25");
        plot_contour(f, SKY_NX, SKY_NY, s->grid, s->level[i], w, h);
        fputs("\"/></g>\n", f);
    }
    for (i = -2; i <= 2; i++) {
        if (!i) continue;
        hammer(SNL_PI, sin(SNL_PI*i/6), &x, &y);
        fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s%d&#176;</text>", left + w/2*(1 + x) - 9,
                top + h/2*(1 - y) + (i < 0 ? 8 : 0), i < 0 ? "&#8722;" : "", 30*abs(i));
    }
    for (k = 0; k < s->images; k++) {                       /* numbers, off each other */
        static const double beside[6][2] = { { 20, -8 }, { -20, -8 }, { 20, 22 }, { -20, 22 }, { 40, 6 }, { -40, 6 } };
        const image *m = &s->image[k];
        const double norm = sqrt(m->x*m->x + m->y*m->y + m->z*m->z);
        hammer(around(atan2(m->y, m->x) - s->center), m->z/norm, &x, &y);
        for (i = x > 0.9; i < 6; i++) {
            size_t n;
            at[k][0] = left + w/2*(1 + x) + beside[i][0];
            at[k][1] = top + h/2*(1 - y) + beside[i][1];
            for (n = 0; n < k && (fabs(at[k][0] - at[n][0]) > 18 || fabs(at[k][1] - at[n][1]) > 22); n++) ;
            if (n == k) break;
        }
        fprintf(f, "<text font-weight=\"bold\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%lu</text>",
                at[k][0], at[k][1], (unsigned long)k + 1);
    }
    if (tb == tb) {
        hammer(around(truth_of(r, SNL_LAMBDA) - s->center), tb, &x, &y);
        fprintf(f, "<path class=\"l1\" d=\"M%.1f %.1fm-9 0h18m-9 -9v18\"/>", left + w/2*(1 + x), top + h/2*(1 - y));
    }
    fputs("</svg><figcaption>", f);
    fprintf(f, "The whole sky, ecliptic coordinates (SSB), Hammer's equal-area projection; longitude %.0f&#176; in the middle, "
            "growing to the left; grid 30&#176;. Shaded: 50&nbsp;%% and 90&nbsp;%% of the posterior.%s</figcaption></figure>\n",
            s->center*180/SNL_PI, tb == tb ? " Cross: truth." : "");
}

static void sky_detail(FILE *f, const sky *s, const report *r, const double *grid, const double box[4],
                       const double *level)
{
    const double deg = 180/SNL_PI, l0 = atan2(s->image[0].y, s->image[0].x);
    const double shift = l0 < 0 ? 360 : 0;
    const double tb = truth_of(r, SNL_SIN_BETA), tl = l0 + around(truth_of(r, SNL_LAMBDA) - l0);
    chart c;
    int i;
    picture(f, 420, 300, "chart small", "The heaviest image of the sky, enlarged");
    c = chart_of(f, 420, 300, (l0 + box[0])*deg + shift, (l0 + box[1])*deg + shift, box[2], box[3]);
    chart_frame(&c, "ecliptic longitude &#955; {&#176;}", "sin &#946;");
    for (i = 0; i < 2; i++) {
        fprintf(f, "<g transform=\"translate(%.0f %.0f)\"><path class=\"f0 l0\" fill-opacity=\"%s\" fill-rule=\"evenodd\" d=\"",
                c.x, c.y, i ? ".45" : ".25");
        plot_contour(f, ZOOM_N, ZOOM_N, grid, level[i], c.w, c.h);
        fputs("\"/></g>\n", f);
    }
    if (tb > box[2] && tb < box[3] && tl > l0 + box[0] && tl < l0 + box[1])
        fprintf(f, "<path class=\"l1\" d=\"M%.1f %.1fm-9 0h18m-9 -9v18\"/>", chart_x(&c, tl*deg + shift), chart_y(&c, tb));
    picture_end(f, "Image 1 enlarged: 50&nbsp;% and 90&nbsp;% of what lies in it.");
}

static void section_sky(FILE *f, const report *r)
{
    sky s;
    double *mem = malloc((2*SKY + 6*r->n + 2*ZOOM_N*ZOOM_N)*sizeof *mem), *grid, *xy, box[4], level[2];
    int *whole = malloc((2*SKY + r->n)*sizeof *whole);
    double cx = 0, cy = 0, occupied = 0, spread, x, y;
    size_t i, k;
    memset(&s, 0, sizeof s);
    if (!mem || !whole) goto done;
    s.grid = mem;
    grid = mem + 2*SKY;
    xy = grid + 2*ZOOM_N*ZOOM_N;
    s.label = whole;
    s.cell = whole + 2*SKY;
    for (i = 0; i < r->n; i++) {
        cx += r->weight[i]*cos(column(r, i, SNL_LAMBDA));
        cy += r->weight[i]*sin(column(r, i, SNL_LAMBDA));
    }
    s.center = SNL_PI/6*floor(atan2(cy, cx)*6/SNL_PI + 0.5);
    if (s.center < 0) s.center += 2*SNL_PI;
    memset(s.grid, 0, SKY*sizeof *s.grid);
    for (i = 0; i < r->n; i++) {
        hammer(around(column(r, i, SNL_LAMBDA) - s.center), column(r, i, SNL_SIN_BETA), &x, &y);
        s.cell[i] = ((int)fmin((y + 1)/2*SKY_Y, SKY_Y - 1) + 1)*SKY_NX + (int)fmin((x + 1)/2*SKY_X, SKY_X - 1) + 1;
        s.grid[s.cell[i]] += r->weight[i];
    }
    for (i = 0; i < SKY; i++) occupied += s.grid[i] > 0;
    spread = sqrt(occupied*30/(double)r->n/(4*SNL_PI));
    plot_blur(SKY_NX, SKY_NY, fmin(fmax(spread, 0.8), 4), s.grid);
    for (k = 0; k < 2; k++) s.level[k] = plot_level(SKY, s.grid, k ? 0.5 : 0.9, s.grid + SKY);
    sky_images(&s, r, whole + SKY);
    fputs("<h2>Where on the sky</h2>\n<div class=\"grid two\">\n", f);
    sky_map(f, &s, r);
    for (k = s.images; k-- > 0; ) s.image[k].area = sky_zoom(&s, r, (int)k, xy, grid, box, level);
    if (s.images && s.image[0].area > 0) sky_detail(f, &s, r, grid, box, level);
    fputs("</div>\n", f);
    if (s.images) {
        table_head(f, "image|share|&#955; {&#176;}|&#946; {&#176;}|90&nbsp;% area {deg&#178;}");
        for (k = 0; k < s.images; k++) {
            const image *m = &s.image[k];
            const double l = atan2(m->y, m->x)*180/SNL_PI;
            fprintf(f, "<tr><td>%lu</td><td>%.1f&nbsp;%%</td><td>%.1f</td><td>%s%.1f</td>", (unsigned long)k + 1, 100*m->share,
                    l < 0 ? l + 360 : l, m->z < 0 ? "&minus;" : "",
                    fabs(atan2(m->z, sqrt(m->x*m->x + m->y*m->y))*180/SNL_PI));
            put_cell(f, m->area > 0 ? m->area : (double)NAN, m->area < 100 ? "%.3g" : "%.0f");
            fputs("</tr>\n", f);
        }
        table_end(f);
        fputs("<p class=\"note\">Images: separate parts of the 90&nbsp;% region, with their share of it and their mean direction. "
              "LISA at rest sees up to eight positions alike; its motion and the high frequencies tell them apart.</p>\n", f);
    }
done:
    free(mem);
    free(whole);
}

/* ---- data and signal ------------------------------------------------------ */

enum { BANDS = 220 };

/* The whitened series of h [2][n][2], one channel, in which noise has unit variance: |h|^2 is
 * S/(2 df) on average, and irfft of n bins of mean square N^2/(2n) has unit variance. */
static void whiten(const snl_data *d, int ch, const double *h, const snl_fft *plan, size_t rows,
                   double *x, double *work)
{
    const size_t k0 = (size_t)(d->f[0]/d->df + 0.5);
    size_t k;
    memset(x, 0, (rows + 2)*sizeof *x);
    for (k = 0; k < d->n && k0 + k <= rows/2; k++) {
        const double s = (double)rows*sqrt(d->df/((double)d->n*d->S[(size_t)ch*d->n + k]));
        x[2*(k0 + k)] = s*h[2*((size_t)ch*d->n + k)];
        x[2*(k0 + k) + 1] = s*h[2*((size_t)ch*d->n + k) + 1];
    }
    snl_fft_real_inverse(plan, x, x, work);
}

/* Where the signal's energy is: from 15 % to all of it, with a margin. */
static void loud_part(size_t rows, const double *x, size_t *from, size_t *to)
{
    double total = 0, sum = 0, peak = 0;
    size_t i, at = 0, start, a = 0, b = 0;
    for (i = 0; i < rows; i++) {
        total += x[i]*x[i];
        if (x[i]*x[i] > peak) { peak = x[i]*x[i];  at = i; }
    }
    start = rows ? (at + rows/2) % rows : 0;                     /* the series is periodic */
    for (i = 0; i < rows; i++) {
        const double v = x[(start + i) % rows];
        sum += v*v;
        if (sum <= 0.15*total) a = i;
        if (sum <= 0.999*total) b = i;
    }
    i = (b - a)/5 + 4;
    a = a > i ? a - i : 0;
    b = b + i < rows - 1 ? b + i : rows - 1;
    if (b - a > 4000) a = b - 4000;
    *from = start + a;
    *to = start + b;
}

static void series_chart(FILE *f, const report *r, int ch, const double *data, const double *signal,
                         size_t rows, size_t from, size_t to, double t_ref, double *buf)
{
    const double dt = 1/(r->data->df*(double)rows), T = 1/r->data->df;
    const size_t m = to - from + 1;
    double *t = buf, *a = buf + m, *b = buf + 2*m, top = 0, origin;
    chart c;
    size_t i;
    origin = (double)from*dt + r->lisa->epoch - t_ref;
    origin -= T*floor((origin + (double)m*dt/2)/T + 0.5);
    for (i = 0; i < m; i++) {
        t[i] = (origin + (double)i*dt);
        a[i] = data[(from + i) % rows];
        b[i] = signal[(from + i) % rows];
        top = fmax(top, fmax(fabs(a[i]), fabs(b[i])));
    }
    picture(f, 620, 300, "chart long", ch ? "Whitened series of channel E" : "Whitened series of channel A");
    c = chart_of(f, 620, 300, t[0], t[m - 1], -1.08*top, 1.08*top);
    chart_frame(&c, "time since t<tspan dy=\"3\" font-size=\"75%\">ref</tspan><tspan dy=\"-3\">, SSB {s}</tspan>",
                ch ? "E, whitened {sigma of the noise}" : "A, whitened {sigma of the noise}");
    chart_line(&c, m, t, a, "haze broad");
    chart_line(&c, m, t, b, "l1");
    fputs("</svg></figure>\n", f);
}

/* sqrt(2 df) |d|: the root of the one-sided periodogram, in bins even in ln f. */
static void spectrum_chart(FILE *f, const report *r, int ch, const double *h, double *buf)
{
    const snl_data *d = r->data;
    const double f0 = d->f[0], f1 = d->f[d->n - 1], *S = d->S + (size_t)ch*d->n;
    const double *x = d->d + 2*(size_t)ch*d->n, *y = h + 2*(size_t)ch*d->n;
    static const double p[3] = { 0.05, 0.5, 0.95 };
    double at[BANDS], q[BANDS][3], band[2][BANDS], mid[BANDS], noise[BANDS], signal[BANDS], lo = HUGE_VAL, hi = 0;
    size_t i = 0, n = 0, b;
    chart c;
    for (b = 0; b < BANDS && i < d->n; b++) {
        const double end = f0*pow(f1/f0, (double)(b + 1)/BANDS)*(1 + 1e-9);
        size_t m = 0;
        double s = 0, z = 0;
        for (; i < d->n && d->f[i] <= end; i++, m++) {
            buf[m] = sqrt(2*d->df)*hypot(x[2*i], x[2*i + 1]);
            s += S[i];
            z += 2*d->df*(y[2*i]*y[2*i] + y[2*i + 1]*y[2*i + 1]);
        }
        if (!m || snl_quantiles(m, buf, NULL, 3, p, q[n], buf + m) != SNL_OK) continue;
        at[n] = d->f[i - m/2 - 1];
        noise[n] = sqrt(s/(double)m);
        signal[n] = sqrt(z/(double)m);
        mid[n] = q[n][1];
        band[0][n] = q[n][0];
        band[1][n] = q[n][2];
        lo = fmin(lo, noise[n]);
        hi = fmax(hi, fmax(band[1][n], fmax(noise[n], signal[n])));
        n++;
    }
    if (n < 3) return;
    picture(f, 620, 300, "chart long", ch ? "Spectrum of channel E" : "Spectrum of channel A");
    c = chart_of(f, 620, 300, log10(at[0]), log10(at[n - 1]), log10(lo) - 0.7, log10(hi) + 0.2);
    c.log[0] = c.log[1] = 1;
    chart_frame(&c, "frequency {Hz}", ch ? "E, amplitude spectral density {1/&#8730;Hz}" : "A, amplitude spectral density {1/&#8730;Hz}");
    chart_band(&c, n, at, band[0], band[1], "hazy");
    chart_line(&c, n, at, mid, "haze");
    chart_line(&c, n, at, noise, "l0 dash");
    for (b = 0; b < n; b++) if (log10(signal[b]) < c.lo[1]) signal[b] = (double)NAN;     /* below the panel */
    chart_line(&c, n, at, signal, "l1");
    fputs("</svg></figure>\n", f);
}

static void section_data(FILE *f, const report *r)
{
    const snl_data *d = r->data;
    size_t rows = 4, k0 = (size_t)(d->f[0]/d->df + 0.5), from, to, k;
    double *mem = NULL, *series[4], *plan_mem, *work, *buf, t_ref = column(r, r->best, SNL_T_REF);
    snl_data *model = best_signal(r);
    snl_fft plan;
    int ch;
    while (rows < 8*(k0 + d->n)) rows *= 2;             /* finer than the data: a smooth line */
    mem = malloc((4*(rows + 2) + snl_fft_size(rows) + snl_fft_work(rows) + 3*rows + 4*d->n)*sizeof *mem);
    if (!mem || !model) goto done;
    for (k = 0; k < 4; k++) series[k] = mem + k*(rows + 2);
    plan_mem = mem + 4*(rows + 2);
    work = plan_mem + snl_fft_size(rows);
    buf = work + snl_fft_work(rows);
    if (snl_fft_init(&plan, rows, plan_mem) != SNL_OK) goto done;
    for (ch = 0; ch < 2; ch++) {
        whiten(d, ch, d->d, &plan, rows, series[ch], work);
        whiten(d, ch, model->d, &plan, rows, series[2 + ch], work);
    }
    loud_part(rows, series[2], &from, &to);
    fputs("<h2>Data and recovered signal</h2>\n<p class=\"key\"><span class=\"kh\">data</span> <span class=\"k1\">most likely "
          "signal</span> <span class=\"k0 kd\">noise curve</span></p>\n<div class=\"grid two\">\n", f);
    for (ch = 0; ch < 2; ch++) series_chart(f, r, ch, series[ch], series[2 + ch], rows, from, to, t_ref, buf);
    for (ch = 0; ch < 2; ch++) spectrum_chart(f, r, ch, model->d, buf);
    fprintf(f, "</div>\n<p class=\"note\">The signal has SNR %.1f in A and E. Less it, the whitened data have a mean square of %.4f "
            "(1 is noise alone, to %.4f). Spectra: median and 5&ndash;95&nbsp;%% of the data in each of %d bins; the signal's "
            "height depends on the length of the data.</p>\n", snl_data_snr(d, model->d), mean_square_left(r), sqrt(1/(2*(double)d->n)), BANDS);
done:
    snl_data_free(model);
    free(mem);
}

/* ---- how it was learned ---------------------------------------------------- */

/* Loss by epoch.  flow: of the flows, -log p; else of the stages before, what a network leaves. */
static void chart_training(FILE *f, const report *r, double *buf, int flow)
{
    const report_rows *t = &r->training;
    const double last = t->rows ? t->v[(t->rows - 1)*REPORT_EPOCH] : 0;
    double lo = HUGE_VAL, hi = -HUGE_VAL, epochs = 1;
    double *x = buf, *a = buf + t->rows + 1, *b = buf + 2*t->rows + 2;
    size_t i, j, k;
    chart c;
    int pass;
    for (pass = 0; pass < 2; pass++) {          /* what the axes hold, then the lines */
        for (i = 0; i < t->rows; i = j) {
            const double *v = t->v + i*REPORT_EPOCH;
            for (j = i; j < t->rows && t->v[j*REPORT_EPOCH] == v[0] && t->v[j*REPORT_EPOCH + 1] == v[1]; j++) ;
            if (flow != (r->flow && (j == t->rows || t->v[j*REPORT_EPOCH] != v[0]))) continue;
            for (k = 0; k < j - i; k++) {
                x[k] = v[k*REPORT_EPOCH + 2];
                a[k] = flow || v[k*REPORT_EPOCH + 3] > 0 ? v[k*REPORT_EPOCH + 3] : (double)NAN;
                b[k] = flow || v[k*REPORT_EPOCH + 4] > 0 ? v[k*REPORT_EPOCH + 4] : (double)NAN;
                if (pass) continue;
                lo = fmin(lo, fmin(a[k], b[k]));
                hi = fmax(hi, fmax(a[k], b[k]));
                epochs = fmax(epochs, x[k]);
            }
            if (!pass) continue;
            fprintf(f, "<g opacity=\"%.2f\">", 0.4 + 0.6*v[0]/last);
            chart_line(&c, j - i, x, a, "l0 thin dash");
            chart_line(&c, j - i, x, b, "l0");
            fputs("</g>", f);
            if (b[j - i - 1] == b[j - i - 1])
                fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n", chart_x(&c, x[j - i - 1]) - 1,
                        chart_y(&c, b[j - i - 1]) - 6, v[0]);
        }
        if (!(hi > lo)) return;
        if (pass) break;
        picture(f, 420, 300, "chart small", "Training and validation loss by epoch, one curve per round");
        if (!flow) { lo = log10(lo);  hi = log10(hi); }
        c = chart_of(f, 420, 300, 0, epochs + 1, lo - 0.05*(hi - lo), hi + 0.1*(hi - lo));
        c.log[1] = !flow;
        chart_frame(&c, "epoch", flow ? "loss of the flow, &#8722;ln p {nats}" : "loss (share of variance left)");
    }
    picture_end(f, flow ? "Training of the flow: loss of new rows (solid) and of those learned from (dashed); numbers: the round. "
                          "The best epoch is kept."
                        : "Training: loss of new rows (solid) and of those learned from (dashed) of each round's first network; "
                          "numbers: the round. 1 is what the polynomial leaves of the rows it was fitted to. The best epoch is kept.");
}

static void chart_rounds(FILE *f, const report *r, double *buf)
{
    double *x = buf, *a = buf + r->rounds, *b = buf + 2*r->rounds, lo = 0.1, hi = 0.3;
    size_t i, known = 0;
    chart c;
    for (i = 0; i < r->rounds; i++) {
        x[i] = r->round[i].calls;
        a[i] = r->round[i].error > 0 ? r->round[i].error : (double)NAN;
        b[i] = r->round[i].divergence > 0 ? 1000*r->round[i].divergence : (double)NAN;
        if (a[i] == a[i]) { lo = fmin(lo, a[i]);  hi = fmax(hi, a[i]);  known++; }
        if (b[i] == b[i]) { lo = fmin(lo, b[i]);  hi = fmax(hi, b[i]); }
    }
    if (!known) return;
    picture(f, 420, 300, "chart small", "Error of the surrogate and motion of the posterior by simulations");
    c = chart_of(f, 420, 300, 0, 1.08*x[r->rounds - 1], log10(lo) - 0.2, log10(hi) + 0.3);
    c.log[1] = 1;
    chart_frame(&c, "simulations", "rms error {nats}; divergence {mnat}");
    chart_line(&c, r->rounds, x, a, "l0");
    chart_line(&c, r->rounds, x, b, "l1 dash");
    for (i = 0; i < r->rounds; i++) {
        if (a[i] == a[i]) fprintf(f, "<circle class=\"f0\" r=\"3.5\" cx=\"%.1f\" cy=\"%.1f\"/>", chart_x(&c, x[i]), chart_y(&c, a[i]));
        if (b[i] == b[i]) fprintf(f, "<path class=\"f1\" d=\"M%.1f %.1fm-4 -4h8v8h-8z\"/>", chart_x(&c, x[i]), chart_y(&c, b[i]));
    }
    picture_end(f, "Rounds: error of the surrogate's ln&nbsp;L on simulations it had not seen (circles), largest divergence of "
                "a marginal from the round before (squares).");
}

static void tiles_rounds(FILE *f, const report *r)
{
    size_t i, k;
    fputs("<h3>Posterior of each round</h3>\n<div class=\"tiles\">\n", f);
    for (k = 0; k < SNL_NPAR; k++) {
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        const double left = 10, w = 180, top = 24, h = 84, t = r->truth[k];
        for (i = 0; i < r->history.rows; i++) {
            const double *q = r->history.v + i*REPORT_ROUND + 2 + 3*k;
            lo = fmin(lo, q[0]);
            hi = fmax(hi, q[2]);
        }
        if (t == t) { lo = fmin(lo, t);  hi = fmax(hi, t); }
        if (!(hi > lo)) continue;
        picture(f, 200, 132, "chart", "Posterior by round");
        fprintf(f, "<text x=\"%.0f\" y=\"15\">%s</text><rect class=\"frame\" fill=\"none\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\"/>\n",
                left, r->names[k], left, top, w, h);
        for (i = 0; i < r->history.rows; i++) {
            const double *v = r->history.v + i*REPORT_ROUND, *q = v + 2 + 3*k;
            const double x = left + w*((double)i + 0.5)/(double)r->history.rows, s = (h - 12)/(hi - lo), base = top + h - 6;
            const double wide = fmin(16, 0.7*w/(double)r->history.rows);
            fprintf(f, "<rect class=\"f0\" fill-opacity=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
                    "<path class=\"l0\" d=\"M%.1f %.1fh%.1f\"/>", v[1] > 1.0001 ? ".2" : ".5", x - wide/2, base - s*(q[2] - lo),
                    wide, fmax(1, s*(q[2] - q[0])), x - wide/2, base - s*(q[1] - lo), wide);
            if (r->history.rows <= 8) fprintf(f, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%.0f</text>\n", x, top + h + 15, v[0]);
        }
        if (t == t) fprintf(f, "<path class=\"truth\" d=\"M%.0f %.1fh%.0f\"/>", left, top + h - 6 - (h - 12)/(hi - lo)*(t - lo), w);
        fputs("</svg></figure>\n", f);
    }
    fprintf(f, "</div>\n<p class=\"note\">Bars: 5&ndash;95&nbsp;%% of each round's surrogate posterior, pale while it is heated; line: "
            "median%s. Each panel has its own scale.</p>\n", r->truth[0] == r->truth[0] ? "; dashed: truth" : "");
}

static void section_learned(FILE *f, const report *r, double *buf)
{
    size_t i;
    if (!r->rounds || r->prior) return;
    fputs("<h2>How it was learned</h2>\n<div class=\"grid\">\n", f);
    chart_training(f, r, buf, 0);
    if (r->flow) chart_training(f, r, buf, 1);
    chart_rounds(f, r, buf);
    fputs("</div>\n", f);
    table_head(f, "round|simulations|~learned from|~components|temperature|error of ln&nbsp;L|~spread|divergence|~acceptance|~effective samples");
    for (i = 0; i < r->rounds; i++) {
        const snl_round *q = r->round + i;
        fprintf(f, "<tr><td>%lu</td>", (unsigned long)i + 1);
        put_cell(f, q->calls, "%.0f");
        put_cell(f, q->trained, "~%.0f");
        put_cell(f, q->components, "~%.0f");
        put_cell(f, 1/q->beta, "%.3g");
        put_cell(f, q->error, "%.3f");
        put_cell(f, q->spread, "~%.3f");
        put_cell(f, 1000*q->divergence, "%.2f");
        put_cell(f, q->accept, "~%.2f");
        put_cell(f, q->ess, "~%.0f");
        fputs("</tr>\n", f);
    }
    table_end(f);
    fputs("<p class=\"note\">Error: rms over new simulations, before learning from them {nats}. <span class=\"desk\">Spread: rms of "
          "what the networks' ln&nbsp;L differ {nats}. </span>Divergence: Jensen-Shannon, the largest of the marginals from the "
          "round before {mnat}.</p>\n", f);
    if (r->history.rows) tiles_rounds(f, r);
}

/* ---- error budget and calibration ------------------------------------------ */

static void section_budget(FILE *f, const report *r)
{
    static const char *const mark[3] = { "<circle class=\"f2\" r=\"4\" cx=\"%.1f\" cy=\"%.1f\"/>",
        "<path class=\"f1\" d=\"M%.1f %.1fm-4 -4h8v8h-8z\"/>", "<path class=\"l0\" d=\"M%.1f %.1fm0 -7v14\"/>" };
    const double left = 118, w = 280, top = 8, row = 22;
    double lo = -3, hi = 0;
    size_t k;
    int j, t;
    if (!r->cost) return;
    for (k = 0; k < SNL_NPAR; k++)
        for (j = 0; j < 3; j++)
            if (r->cost[k][j] > 0) {
                lo = fmin(lo, floor(log10(1000*r->cost[k][j])));
                hi = fmax(hi, ceil(log10(1000*r->cost[k][j])));
            }
    lo = fmax(lo, hi - 6);
    fputs("<h2>Error budget</h2>\n<p>How far each marginal of the surrogate was from the exact posterior, and why "
          "(Jensen-Shannon divergence).", f);
    if (r->efficiency >= 0.1) fputs(" The weights take it out of the result.", f);
    fputs("</p>\n<p><b class=\"t2\">&#9679;</b> compression &nbsp; <b class=\"t1\">&#9632;</b> network &nbsp; <b class=\"t0\">|</b> both</p>\n<div class=\"grid\">\n", f);
    picture(f, 420, top + SNL_NPAR*row + 44, "chart small", "Error budget by parameter");
    for (t = (int)lo; t <= (int)hi; t++) {
        const double x = left + w*(t - lo)/(hi - lo);
        fprintf(f, "<path class=\"grid\" d=\"M%.1f %.1fv%.1f\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>\n", x, top,
                SNL_NPAR*row, x, top + SNL_NPAR*row + 16, pow(10, t));
    }
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">mnat</text>", left + w/2, top + SNL_NPAR*row + 36);
    for (k = 0; k < SNL_NPAR; k++) {
        const double y = top + row*((double)k + 0.5);
        fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text><path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>", left - 8, y + 4,
                r->names[k], left, y, w);
        for (j = 0; j < 3; j++)
            fprintf(f, mark[j], left + w*fmax(0, ((r->cost[k][j] > 0 ? log10(1000*r->cost[k][j]) : lo) - lo)/(hi - lo)), y);
        fputc('\n', f);
    }
    fputs("</svg></figure>\n", f);
    table_head(f, "{mnat}|compression|network|both");
    for (k = 0; k < SNL_NPAR; k++)
        fprintf(f, "<tr><td>%s</td><td>%.4f</td><td>%.4f</td><td>%.4f</td></tr>\n", r->names[k],
                1000*r->cost[k][0], 1000*r->cost[k][1], 1000*r->cost[k][2]);
    table_end(f);
    fputs("</div>\n", f);
}

static void section_calibration(FILE *f, const report *r, double *buf)
{
    enum { LEVELS = 51 };
    double p[LEVELS], y[LEVELS], lo[LEVELS], hi[LEVELS], distance, pk, most = 0;
    size_t i, k, l, worst = 0;
    chart c;
    if (!r->trials) return;
    for (l = 0; l < LEVELS; l++) {
        const double band = 2.576*sqrt(fmax(0, (double)l/(LEVELS - 1)*(1 - (double)l/(LEVELS - 1)))/(double)r->trials);
        p[l] = (double)l/(LEVELS - 1);
        lo[l] = fmax(0, p[l] - band);
        hi[l] = fmin(1, p[l] + band);
    }
    fprintf(f, "<h2>Calibration</h2>\n<p>%lu observations were simulated from the trained region; if the intervals are right, the "
            "share of truths below each quantile is that quantile.</p>\n<div class=\"grid\">\n", (unsigned long)r->trials);
    picture(f, 420, 380, "chart small", "Share of truths below each quantile, by parameter");
    c = chart_of(f, 420, 380, 0, 1, 0, 1);
    chart_frame(&c, "quantile of the posterior", "share of truths below it");
    chart_band(&c, LEVELS, p, lo, hi, "hazy");
    for (k = 0; k < SNL_NPAR; k++) {
        for (i = 0; i < r->trials; i++) buf[i] = r->rank[i*SNL_NPAR + k];
        if (snl_ks(r->trials, buf, &distance, &pk, buf + r->trials) == SNL_OK && distance > most) { most = distance;  worst = k; }
    }
    for (k = 0; k < SNL_NPAR; k++) {            /* the worst one last, on top of the others */
        const size_t at = (worst + 1 + k) % SNL_NPAR;
        for (l = 0; l < LEVELS; l++)
            for (y[l] = 0, i = 0; i < r->trials; i++) y[l] += r->rank[i*SNL_NPAR + at] <= p[l] ? 1/(double)r->trials : 0;
        chart_line(&c, LEVELS, p, y, at == worst ? "l1" : "l0 thin");
    }
    chart_line(&c, 2, c.lo, c.hi, "truth");
    fprintf(f, "</svg><figcaption>One line per parameter, the thick one %s, which is farthest off; shaded: where 99&nbsp;%% of the "
            "points of a right posterior lie.</figcaption></figure>\n", r->names[worst]);
    table_head(f, "parameter|KS distance|p");
    for (k = 0; k < SNL_NPAR; k++) {
        for (i = 0; i < r->trials; i++) buf[i] = r->rank[i*SNL_NPAR + k];
        if (snl_ks(r->trials, buf, &distance, &pk, buf + r->trials) == SNL_OK)
            fprintf(f, "<tr><td>%s</td><td>%.3f</td><td>%.3f</td></tr>\n", r->names[k], distance, pk);
    }
    table_end(f);
    fputs("</div>\n", f);
}

/* ---- the page --------------------------------------------------------------- */

/* The sum of the checks, in one sentence. */
static void put_verdict(FILE *f, const report *r, const verdicts *v)
{
    char k[32];
    if (v->doubts)
        fprintf(f, "<p class=\"verdict bad\"><b>\xe2\x9c\x97 %s</b>: %s%s.</p>\n",
                v->doubts > 1 ? "Do not trust it" : "With care", v->gravest,
                v->doubts > 2 ? ", and more below" : v->doubts > 1 ? ", and one more below" : "");
    else if (v->heavy)
        fprintf(f, "<p class=\"verdict mid\"><b>~ Trust medians and intervals</b>, not far tails "
                "or an evidence: the draws are efficient (%.1f&nbsp;%%), but the tail of their "
                "weights is heavy (Pareto k&nbsp;=&nbsp;%s, above 0.7).</p>\n",
                100*r->efficiency, shape_of(r->pareto, k));
    else
        fprintf(f, "<p class=\"verdict good\"><b>\xe2\x9c\x93 Trust it</b>: all checks below passed%s.</p>\n",
                r->prior ? ", none of which asks the exact likelihood about these draws" : "");
}

static void page(FILE *f, const report *r, const char *corner, double *buf)
{
    const verdicts v = judge_all(NULL, r, buf);
    const char *method = r->prior ? "the trained surrogate under another prior" : r->rounds
        ? "Sequential Neural Likelihood" : "sampling the exact likelihood";
    fprintf(f, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>snl: posterior</title>\n<style>\n%s</style></head>\n<body>\n<h1>Posterior of ", report_style);
    escaped(f, r->source);
    fprintf(f, "</h1>\n<p>Made by <code>snl %s</code>, version %s: %s, %.0f waveforms in %.0f&nbsp;s.</p>\n", r->how, snl_version(),
            method, r->calls, r->seconds);
    put_verdict(f, r, &v);
    table_found(f, r, buf);
    fputs("<h2>Can it be trusted?</h2>\n<ul class=\"checks\">\n", f);
    judge_all(f, r, buf);
    fputs("</ul>\n", f);
    section_sky(f, r);
    section_data(f, r);
    fputs("<h2>Corner plot</h2>\n<p class=\"phone note\">Wider than the page: move it sideways.</p>\n<div class=\"corner wide\">\n", f);
    fputs(corner, f);
    fputs("</div>\n", f);
    section_learned(f, r, buf);
    section_budget(f, r);
    section_calibration(f, r, buf);
    fputs("<h2>Numbers and settings</h2>\n<div class=\"grid\"><div><h3>Results</h3>\n", f);
    table_lines(f, r->summary);
    fputs("</div><div><h3>Settings</h3>\n", f);
    table_lines(f, r->settings);
    fputs("</div></div>\n<h3>Configuration</h3>\n", f);
    if (r->prior) {
        fputs("<p>Its priors are those of the training; the prior used, under Settings, is that of <code>", f);
        escaped(f, r->prior);
        fputs("</code>.</p>\n", f);
    }
    fputs("<pre>", f);
    escaped(f, r->config);
    fputs("</pre>\n<h3>The command that makes it again</h3>\n<pre>", f);
    escaped(f, r->command);
    fputs("</pre>\n</body></html>\n", f);
}

int report_write(const char *path, const report *r, io_error *e)
{
    const size_t room = 3*r->n + 3*(r->training.rows + r->rounds + 2) + 2*r->trials;
    out_file out = { 0 };
    char *svg = NULL, *at;
    double *buf = malloc(room*sizeof *buf);
    size_t size;
    int rc = buf ? file_read(r->corner, &svg, &size, e) : io_fail(e, IO_FAILED, "out of memory");
    if (!rc) rc = out_open(&out, path, e);
    if (!rc) {
        at = strstr(svg, "<svg");               /* without its XML declaration */
        page(out.file, r, at ? at : svg, buf);
        rc = out_close(&out, 1, e);
    }
    free(svg);
    free(buf);
    return rc;
}
