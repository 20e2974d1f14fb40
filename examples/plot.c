/* plot.c - see plot.h.
 *
 * Densities are histograms smoothed by a Gaussian whose width follows the number of
 * samples; at the ends of a panel the samples are reflected, so that a posterior that
 * leans on its prior's edge does not seem to fall there.  Contours are marching squares
 * on the bin centres, with a ring of zeros around them, so that every one closes. */
#include "plot.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 44, CURVE = 128, RING = BINS + 2 };

static const char *const set_color[PLOT_SETS] =     /* Okabe and Ito: colour-blind safe */
    { "#0072B2", "#D55E00", "#009E73", "#CC79A7" };

/* Known parameters; in a symbol _ starts the subscript. */
static const struct { const char *name, *symbol, *unit; } plot_symbol[] = {
    { "chirp_mass", "M_c", "M\xe2\x98\x89" },      { "mass_ratio", "q", "" },
    { "chi1", "\xcf\x87_1", "" },                  { "chi2", "\xcf\x87_2", "" },
    { "t_ref", "t_ref", "s" },                     { "distance", "d_L", "Mpc" },
    { "cos_inclination", "cos\xe2\x80\x89\xce\xb9", "" },
    { "phi_ref", "\xcf\x86_ref", "rad" },          { "lambda", "\xce\xbb", "rad" },
    { "sin_beta", "sin\xe2\x80\x89\xce\xb2", "" }, { "psi", "\xcf\x88", "rad" },
    { "m1", "m_1", "M\xe2\x98\x89" },             { "m2", "m_2", "M\xe2\x98\x89" }
};

typedef struct axis {
    double lo, hi, step, offset, scale;     /* shown: (value - offset)/scale */
    int    exponent, decimals;
} axis;

typedef struct sorted { double x, w; } sorted;

/* ---- numbers ------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = ((const sorted *)a)->x, y = ((const sorted *)b)->x;
    return (x > y) - (x < y);
}

static double quantile(const sorted *s, size_t n, double total, double p)
{
    double sum = 0;
    size_t i;
    for (i = 0; i < n; i++)
        if ((sum += s[i].w) >= p*total) return s[i].x;
    return s[n - 1].x;
}

/* Shortest interval that holds a fifth of the weight, as the standard deviation of the
 * Gaussian that would have it: the width of a mode, even where there are several. */
static double mode_width(const sorted *s, size_t n, double total)
{
    double sum = 0, best = s[n - 1].x - s[0].x;
    size_t a = 0, b;
    for (b = 0; b < n; b++) {
        sum += s[b].w;
        while (a < b && sum - s[a].w >= 0.2*total) sum -= s[a++].w;
        if (sum >= 0.2*total) best = fmin(best, s[b].x - s[a].x);
    }
    return best/0.507;
}

/* Column d of a set, sorted; returns the sum of weights. */
static double sort_column(const plot_samples *p, size_t dims, size_t d, sorted *s)
{
    double total = 0;
    size_t i;
    for (i = 0; i < p->rows; i++) {
        s[i].x = p->value[i*dims + d];
        s[i].w = p->weight ? p->weight[i] : 1;
        total += s[i].w;
    }
    qsort(s, p->rows, sizeof *s, by_value);
    return total;
}

static double nice_step(double width, double ticks)
{
    const double raw = width/ticks, p = pow(10, floor(log10(raw))), m = raw/p;
    return p*(m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
}

/* Few digits on the ticks: a common power of ten where numbers are large, a common
 * offset where they hardly differ. */
static void axis_set(axis *a, double lo, double hi, double ticks)
{
    double top = fmax(fabs(lo), fabs(hi));
    int tick;
    if (!(hi - lo > fmax(100*DBL_EPSILON*top, 1e-290))) {       /* one value, to rounding */
        const double w = fmax(1e-3*fabs(lo), 1e-9);
        lo -= w;
        hi += w;
        if (top < w) top = w;
    }
    a->lo = lo;
    a->hi = hi;
    a->step = nice_step(hi - lo, ticks);
    a->offset = 0;
    a->exponent = (int)floor(log10(top > 0 ? top : 1));
    tick = (int)floor(log10(a->step*1.0001));
    if (a->exponent - tick > 3) {
        const double unit = pow(10, tick + 2);
        a->offset = unit*floor(lo/unit + 0.5);
        a->exponent = tick + 1;
    }
    if (a->exponent > -3 && a->exponent < 4) a->exponent = 0;
    a->scale = pow(10, a->exponent);
    a->decimals = a->exponent > tick ? a->exponent - tick : 0;
}

/* ---- densities ----------------------------------------------------------- */

/* Smooth a line of n values, `stride` apart, with reflecting ends. */
static void smooth(double *v, size_t n, size_t stride, double sigma)
{
    double out[PLOT_BINS], k[4*CURVE];
    const int half = (int)ceil(3.5*sigma), m = (int)n;
    int i, j;
    double norm = 0;
    if (!(sigma > 0.1) || half >= 2*CURVE || n > PLOT_BINS) return;
    for (j = -half; j <= half; j++) norm += k[j + half] = exp(-0.5*j*j/(sigma*sigma));
    for (i = 0; i < m; i++) {
        out[i] = 0;
        for (j = -half; j <= half; j++) {
            int q = ((i + j) % (2*m) + 2*m) % (2*m);
            if (q >= m) q = 2*m - 1 - q;
            out[i] += k[j + half]*v[(size_t)q*stride];
        }
    }
    for (i = 0; i < m; i++) v[(size_t)i*stride] = out[i]/norm;
}

static double effective_rows(const plot_samples *p)
{
    double s = 0, q = 0;
    size_t i;
    if (!p->weight) return (double)p->rows;
    for (i = 0; i < p->rows; i++) { s += p->weight[i];  q += p->weight[i]*p->weight[i]; }
    return s*s/q;
}

static double position(const axis *a, double x, size_t bins)
{ return (x - a->lo)/(a->hi - a->lo)*(double)bins; }

/* The bin of a value, or -1; the axis's upper end belongs to the last. */
static int bin_of(const axis *a, double x, int bins)
{
    const double u = position(a, x, (size_t)bins);
    return !(u >= 0 && u <= bins) ? -1 : u < bins ? (int)u : bins - 1;
}

/* Density over one axis, v [CURVE]. */
static void density1(const plot_samples *p, size_t dims, size_t d, const axis *a, double width,
                     double *v)
{
    size_t i;
    double sum = 0;
    for (i = 0; i < CURVE; i++) v[i] = 0;
    for (i = 0; i < p->rows; i++) {
        const int x = bin_of(a, p->value[i*dims + d], CURVE);
        if (x >= 0) v[x] += p->weight ? p->weight[i] : 1;
    }
    smooth(v, CURVE, 1, 0.8*width/(a->hi - a->lo)*CURVE*pow(effective_rows(p), -0.2));
    for (i = 0; i < CURVE; i++) sum += v[i];
    for (i = 0; sum > 0 && i < CURVE; i++) v[i] /= sum;
}

/* Density over two axes, v [RING][RING] rows upwards, zero on the ring. */
static void density2(const plot_samples *p, size_t dims, size_t dx, size_t dy, const axis *ax,
                     const axis *ay, double wx, double wy, double *v)
{
    const double f = 0.8*pow(effective_rows(p), -1.0/6)*BINS;
    size_t i;
    for (i = 0; i < RING*RING; i++) v[i] = 0;
    for (i = 0; i < p->rows; i++) {
        const int x = bin_of(ax, p->value[i*dims + dx], BINS);
        const int y = bin_of(ay, p->value[i*dims + dy], BINS);
        if (x >= 0 && y >= 0) v[(y + 1)*RING + x + 1] += p->weight ? p->weight[i] : 1;
    }
    for (i = 1; i <= BINS; i++) smooth(v + i*RING + 1, BINS, 1, f*wx/(ax->hi - ax->lo));
    for (i = 1; i <= BINS; i++) smooth(v + RING + i, BINS, RING, f*wy/(ay->hi - ay->lo));
}

static int falling(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

double plot_level(size_t n, const double *v, double mass, double *scratch)
{
    double total = 0, sum = 0;
    size_t i;
    memcpy(scratch, v, n*sizeof *v);
    qsort(scratch, n, sizeof *scratch, falling);
    for (i = 0; i < n; i++) total += scratch[i];
    for (i = 0; i < n; i++) if ((sum += scratch[i]) >= mass*total) break;
    return i + 1 < n ? 0.5*(scratch[i] + scratch[i + 1]) : 0;
}

void plot_blur(size_t nx, size_t ny, double sigma, double *v)
{
    size_t i;
    for (i = 1; i + 1 < ny; i++) smooth(v + i*nx + 1, nx - 2, 1, sigma);
    for (i = 1; i + 1 < nx; i++) smooth(v + nx + i, ny - 2, nx, sigma);
}

/* ---- contours ------------------------------------------------------------ */

typedef struct field { const double *v;  int nx, ny;  double level, w, h; } field;

/* Where an edge, 2*node + (0: to the right, 1: upwards), crosses the level, y downwards. */
static void crossing(const field *g, int edge, double *x, double *y)
{
    const int node = edge/2, to = node + (edge % 2 ? g->nx : 1);
    const double t = (g->level - g->v[node])/(g->v[to] - g->v[node]);
    const double bx = node % g->nx - 0.5 + (edge % 2 ? 0 : t);
    const double by = (double)(node/g->nx) - 0.5 + (edge % 2 ? t : 0);
    *x = g->w*fmin(fmax(bx/(g->nx - 2), 0), 1);
    *y = g->h*(1 - fmin(fmax(by/(g->ny - 2), 0), 1));
}

/* Each cell links the edges that its corners' signs say are crossed; a saddle is cut as if
 * its centre were low. */
void plot_contour(FILE *f, size_t nx, size_t ny, const double *v, double level, double w, double h)
{
    static const signed char pair[16][4] = {        /* edges: 0 below 1 right 2 above 3 left */
        {-1,-1,-1,-1}, {3,0,-1,-1}, {0,1,-1,-1}, {3,1,-1,-1}, {1,2,-1,-1}, {3,0,1,2},
        {0,2,-1,-1}, {3,2,-1,-1}, {2,3,-1,-1}, {2,0,-1,-1}, {0,1,2,3}, {2,1,-1,-1},
        {1,3,-1,-1}, {1,0,-1,-1}, {0,3,-1,-1}, {-1,-1,-1,-1} };
    const int row = (int)nx, edges = 2*(int)(nx*ny);
    const field g = { v, row, (int)ny, level, w, h };
    int *next = malloc((size_t)edges*sizeof *next), e;
    int cx, cy, k;
    if (!next) return;
    for (e = 0; e < edges; e++) next[e] = -1;
    for (cy = 0; cy + 1 < (int)ny; cy++)
        for (cx = 0; cx + 1 < row; cx++) {
            const int n = cy*row + cx;
            const int edge[4] = { 2*n, 2*(n + 1) + 1, 2*(n + row), 2*n + 1 };
            const int code = (v[n] > level) | (v[n + 1] > level) << 1
                           | (v[n + row + 1] > level) << 2 | (v[n + row] > level) << 3;
            for (k = 0; k < 4 && pair[code][k] >= 0; k += 2)
                next[edge[(int)pair[code][k]]] = edge[(int)pair[code][k + 1]];
        }
    for (e = 0; e < edges; e++) {
        long px = 0, py = 0;                        /* tenths, drawn so far */
        int at = e, first = 1;
        if (next[e] < 0) continue;
        while (next[at] >= 0) {
            const int then = next[at];
            double x, y;
            long ix, iy;
            crossing(&g, at, &x, &y);
            ix = lround(10*x);
            iy = lround(10*y);
            if (first) fprintf(f, "M%g %gl", 0.1*(double)ix, 0.1*(double)iy);
            else if (ix != px || iy != py)
                fprintf(f, "%g %g ", 0.1*(double)(ix - px), 0.1*(double)(iy - py));
            px = ix;
            py = iy;
            first = 0;
            next[at] = -1;
            at = then;
        }
        fputs("0 0z", f);
    }
    free(next);
}

/* ---- text ---------------------------------------------------------------- */

/* Bytes of the character at s; 0: none of UTF-8, or none that XML may hold. */
static size_t character(const char *s)
{
    static const long least[5] = { 0, 0x20, 0x80, 0x800, 0x10000 };
    const unsigned char *b = (const unsigned char *)s;
    const size_t n = b[0] < 0x80 ? 1 : b[0] < 0xC0 ? 0 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : b[0] < 0xF8 ? 4 : 0;
    long c = n > 1 ? b[0] & 0x7F >> n : b[0];
    size_t i;
    for (i = 1; i < n; i++) {
        if (b[i] >> 6 != 2) return 0;
        c = c << 6 | (b[i] & 0x3F);
    }
    return c < least[n] || (c >= 0xD800 && c < 0xE000) || c == 0xFFFE || c == 0xFFFF || c > 0x10FFFF ? 0 : n;
}

/* At most so many characters, the last ones: of a path the end tells more. */
static void put_escaped(FILE *f, const char *s, size_t most)
{
    const char *p;
    size_t n, count = 0;
    for (p = s; *p; p += (n = character(p)) ? n : 1) count++;
    if (count > most) fputs("\xe2\x80\xa6", f);
    for (; *s; s += n ? n : 1, count--) {
        n = character(s);
        if (count > most) continue;
        if (*s == '<') fputs("&lt;", f);
        else if (*s == '>') fputs("&gt;", f);
        else if (*s == '&') fputs("&amp;", f);
        else if (!n) fputs("\xef\xbf\xbd", f);
        else fwrite(s, 1, n, f);
    }
}

const char *plot_symbol_of(const char *name, const char **unit)
{
    size_t i;
    *unit = "";
    for (i = 0; i < sizeof plot_symbol / sizeof plot_symbol[0]; i++)
        if (!strcmp(plot_symbol[i].name, name)) {
            *unit = plot_symbol[i].unit;
            return plot_symbol[i].symbol;
        }
    return NULL;
}

static void put_symbol(FILE *f, const char *name)
{
    const char *unit, *s = plot_symbol_of(name, &unit), *sub = s ? strchr(s, '_') : NULL;
    if (!s) put_escaped(f, name, strlen(name));
    else if (!sub) fprintf(f, "<tspan font-style='italic'>%s</tspan>", s);
    else fprintf(f, "<tspan font-style='italic'>%.*s</tspan>"
                 "<tspan dy='2.5' font-size='75%%'>%s</tspan><tspan dy='-2.5'>\xe2\x80\x8b</tspan>",
                 (int)(sub - s), s, sub + 1);
}

/* "M_c [10^5 Msun]" or "t_ref - 4.8e6 [s]" */
static void put_axis_name(FILE *f, const char *name, const axis *a)
{
    const char *unit;
    plot_symbol_of(name, &unit);
    put_symbol(f, name);
    if (a->offset != 0)
        fprintf(f, " %s %.12g", a->offset > 0 ? "\xe2\x88\x92" : "+", fabs(a->offset));
    if (a->exponent != 0 || *unit) {
        fputs(" [", f);
        if (a->exponent != 0)
            fprintf(f, "10<tspan dy='-3.5' font-size='75%%'>%d</tspan><tspan dy='3.5'>\xe2\x80\x8b</tspan>",
                    a->exponent);
        fprintf(f, "%s%s]", a->exponent != 0 && *unit ? " " : "", unit);
    }
}

static void put_number(FILE *f, double x, int decimals)
{
    if (fabs(x) < 0.5*pow(10, -decimals)) x = 0;
    fprintf(f, "%s%.*f", x < 0 ? "\xe2\x88\x92" : "", decimals, fabs(x));
}

/* median +up -down, in the axis's units, two digits of the smaller error */
static void put_title(FILE *f, const axis *a, const sorted *s, size_t n, double total,
                      double x, double y)
{
    const double mid = quantile(s, n, total, 0.5);
    const double up = (quantile(s, n, total, 0.95) - mid)/a->scale;
    const double down = (mid - quantile(s, n, total, 0.05))/a->scale;
    const double small = fmin(up, down) > 0 ? fmin(up, down) : fmax(up, down);
    int digits = small > 0 ? 1 - (int)floor(log10(small)) : 3;
    digits = digits < 0 ? 0 : digits > 9 ? 9 : digits;
    fprintf(f, "<text x='%.1f' y='%.1f'>", x, y);
    put_number(f, (mid - a->offset)/a->scale, digits);
    fprintf(f, " +%.*f \xe2\x88\x92%.*f</text>\n", digits, up, digits, down);
}

/* ---- the picture ---------------------------------------------------------- */

static int refuse_samples(size_t sets, const plot_samples *set, size_t dims, io_error *e)
{
    size_t s, i;
    if (sets < 1 || sets > PLOT_SETS)
        return io_fail(e, IO_REFUSED, "plot: %lu tables, 1 to %d can be overlaid",
                       (unsigned long)sets, PLOT_SETS);
    if (dims < 1 || dims > PLOT_DIMS)
        return io_fail(e, IO_REFUSED, "plot: %lu shared columns, 1 to %d can be drawn",
                       (unsigned long)dims, PLOT_DIMS);
    for (s = 0; s < sets; s++) {
        const double most = 1e290;      /* a double also where constants are wider */
        double sum = 0;
        if (set[s].rows < 10)
            return io_fail(e, IO_REFUSED, "%s: %lu samples are too few for a plot", set[s].label,
                           (unsigned long)set[s].rows);
        for (i = 0; i < set[s].rows*dims; i++)
            if (!(fabs(set[s].value[i]) <= most))
                return io_fail(e, IO_REFUSED, "%s: sample %lu is not finite, or above 1e290", set[s].label,
                               (unsigned long)(i/dims));
        for (i = 0; set[s].weight && i < set[s].rows; i++) {
            if (!(set[s].weight[i] >= 0))
                return io_fail(e, IO_REFUSED, "%s: weight %lu is negative or not a number",
                               set[s].label, (unsigned long)i);
            sum += set[s].weight[i];
        }
        if (set[s].weight && !(sum > 0 && sum < HUGE_VAL))
            return io_fail(e, IO_REFUSED, "%s: the weights add up to %g", set[s].label, sum);
    }
    return IO_OK;
}

/* Ticks along the bottom or the left of a panel at (x, y); numbers if it is an outer one. */
static void put_ticks(FILE *f, const axis *a, double x, double y, double size, int vertical,
                      int numbers)
{
    const double first = ceil(a->lo/a->step);
    int k;
    for (k = 0; k < 16 && (first + k)*a->step <= a->hi; k++) {
        const double t = (first + k)*a->step, u = (t - a->lo)/(a->hi - a->lo);
        const double p = vertical ? y + size*(1 - u) : x + size*u;
        if (vertical) fprintf(f, "<path d='M%.1f %.1fh3'/>", x, p);
        else fprintf(f, "<path d='M%.1f %.1fv-3'/>", p, y + size);
        if (!numbers || u < 0.05 || u > 0.95) continue;
        if (vertical)
            fprintf(f, "<text stroke='none' fill='#222' x='%.1f' y='%.1f' text-anchor='end'>", x - 4, p + 3);
        else
            fprintf(f, "<text stroke='none' fill='#222' transform='translate(%.1f %.1f) rotate(-45)'"
                    " text-anchor='end'>", p + 3, y + size + 10);
        put_number(f, (t - a->offset)/a->scale, a->decimals);
        fputs("</text>", f);
    }
    fputc('\n', f);
}

int plot_corner(const char *path, size_t sets, const plot_samples *set, size_t dims,
                const char *const *names, const double *truth, io_error *e)
{
    const double size = fmin(fmax(1056.0/(double)(dims ? dims : 1), 84), 220), gap = 6;
    const double left = 66, top = 26 + 11*(double)sets, width = left + (double)dims*(size + gap) + 50;
    const double below = top + (double)dims*(size + gap) + 62;
    double height = below;
    axis ax[PLOT_DIMS];
    double width_of[PLOT_SETS][PLOT_DIMS], curve[PLOT_SETS][CURVE];
    double *grid = malloc(2*RING*RING*sizeof *grid);
    sorted *s = NULL;
    size_t most = 0, i, j = 0, k;
    out_file out;
    FILE *f;
    int status;
    if (!grid) return io_fail(e, IO_FAILED, "out of memory");
    for (j = 0; truth && j < dims && truth[j] != truth[j]; j++) ;
    if (j == dims) truth = NULL;                            /* none is known */
    if (dims == 1) height += 17.6*(double)(sets + !!truth); /* no half is empty: the legend is below */
    if ((status = refuse_samples(sets, set, dims, e)) != IO_OK) goto done;
    for (k = 0; k < sets; k++) if (set[k].rows > most) most = set[k].rows;
    if (!(s = malloc(most*sizeof *s))) { status = io_fail(e, IO_FAILED, "out of memory");  goto done; }

    for (j = 0; j < dims; j++) {                            /* what each axis shows */
        double lo = HUGE_VAL, hi = -HUGE_VAL;
        for (k = 0; k < sets; k++) {
            const double total = sort_column(&set[k], dims, j, s);
            const double a = quantile(s, set[k].rows, total, 0.003);
            const double b = quantile(s, set[k].rows, total, 0.997);
            lo = fmin(lo, fmax(s[0].x, a - 0.15*(b - a)));
            hi = fmax(hi, fmin(s[set[k].rows - 1].x, b + 0.15*(b - a)));
            width_of[k][j] = fmin(mode_width(s, set[k].rows, total), 0.25*(b - a));
        }
        if (truth && truth[j] == truth[j] && truth[j] > lo - (hi - lo) && truth[j] < hi + (hi - lo)) {
            lo = fmin(lo, truth[j] - 0.02*(hi - lo));
            hi = fmax(hi, truth[j] + 0.02*(hi - lo));
        }
        axis_set(&ax[j], lo, hi, size > 120 ? 4 : 3);
    }

    if ((status = out_open(&out, path, e)) != IO_OK) goto done;
    f = out.file;
    fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' viewBox='0 0 %.0f %.0f'"
            " font-family='DejaVu Sans, Verdana, Helvetica, sans-serif' font-size='10'"
            " role='img' aria-label='Corner plot'>\n"
            "<rect class='paper' width='100%%' height='100%%' fill='white'/>\n"
            "<defs><clipPath id='p'><rect width='%.1f' height='%.1f'/></clipPath></defs>\n",
            width, height, width, height, size, size);
    for (i = 0; i < dims; i++)
        for (j = 0; j <= i; j++) {
            const double x = left + (double)j*(size + gap), y = top + (double)i*(size + gap);
            fprintf(f, "<g transform='translate(%.1f %.1f)' clip-path='url(#p)'>\n", x, y);
            if (i == j) {
                double peak = 0;
                for (k = 0; k < sets; k++) {
                    density1(&set[k], dims, j, &ax[j], width_of[k][j], curve[k]);
                    for (size_t b = 0; b < CURVE; b++) peak = fmax(peak, curve[k][b]);
                }
                for (k = 0; k < sets; k++) {
                    fprintf(f, "<path class='s%d' fill='%s' fill-opacity='.12' stroke='none' d='M0 %.1f", (int)k, set_color[k], size);
                    for (int pass = 0; pass < 2; pass++) {          /* area, then curve */
                        if (pass) fprintf(f, "<path class='c%d' fill='none' stroke='%s' stroke-width='1.3' d='M", (int)k, set_color[k]);
                        else fputs("L", f);
                        for (size_t b = 0; b < CURVE; b++)
                            fprintf(f, "%.1f %.1f ", size*((double)b + 0.5)/CURVE,
                                    size*(1 - 0.92*curve[k][b]/peak));
                        fprintf(f, pass ? "'/>\n" : "L%.1f %.1fz'/>\n", size, size);
                    }
                }
            } else
                for (k = 0; k < sets; k++)
                    for (int c = 0; c < 2; c++) {                   /* 90 %, 50 % */
                        double level;
                        if (c == 0)
                            density2(&set[k], dims, j, i, &ax[j], &ax[i], width_of[k][j], width_of[k][i], grid);
                        level = plot_level(RING*RING, grid, c ? 0.5 : 0.9, grid + RING*RING);
                        fprintf(f, "<path class='s%d c%d' fill='%s' fill-opacity='%s' fill-rule='evenodd' stroke='%s'"
                                " stroke-width='1.1' stroke-linejoin='round' d='", (int)k, (int)k, set_color[k],
                                c ? ".30" : ".15", set_color[k]);
                        plot_contour(f, RING, RING, grid, level, size, size);
                        fputs("'/>\n", f);
                    }
            if (truth) {
                fputs("<path class='truth' stroke='black' stroke-width='.9' stroke-dasharray='4 2' fill='none' d='", f);
                if (truth[j] == truth[j]) fprintf(f, "M%.1f 0V%.1f", position(&ax[j], truth[j], 1)*size, size);
                if (i != j && truth[i] == truth[i])
                    fprintf(f, "M0 %.1fH%.1f", size*(1 - position(&ax[i], truth[i], 1)), size);
                fputs("'/>\n", f);
            }
            fprintf(f, "</g>\n<g class='frame' stroke='#444' stroke-width='.8' fill='none'>"
                    "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f'/>", x, y, size, size);
            put_ticks(f, &ax[j], x, y, size, 0, i + 1 == dims);
            if (i != j) put_ticks(f, &ax[i], x, y, size, 1, j == 0);
            fputs("</g>\n", f);
            if (i + 1 == dims) {
                fprintf(f, "<text font-size='11' text-anchor='middle' x='%.1f' y='%.1f'>", x + size/2, y + size + 48);
                put_axis_name(f, names[j], &ax[j]);
                fputs("</text>\n", f);
            }
            if (j == 0 && i > 0) {
                fprintf(f, "<text font-size='11' text-anchor='middle' transform='translate(%.1f %.1f)"
                        " rotate(-90)'>", 14.0, y + size/2);
                put_axis_name(f, names[i], &ax[i]);
                fputs("</text>\n", f);
            }
            if (i == j) {
                fprintf(f, "<text font-size='11' x='%.1f' y='%.1f'>", x + 1,
                        y - 6 - 11*(double)sets);
                put_axis_name(f, names[j], &ax[j]);
                fputs("</text>\n", f);
                for (k = 0; k < sets; k++) {
                    const double total = sort_column(&set[k], dims, j, s);
                    fprintf(f, "<g class='%s%d' fill='%s'>", sets > 1 ? "s" : "t", (int)k, sets > 1 ? set_color[k] : "#222");
                    put_title(f, &ax[j], s, set[k].rows, total, x + 1, y - 4 - 11*(double)(sets - 1 - k));
                    fputs("</g>", f);
                }
            }
        }
    {   /* legend, in the empty half */
        const double lx = dims > 2 ? left + 0.62*(double)dims*(size + gap) : dims == 1 ? 14 : left + size + gap + 8;
        double ly = dims > 2 ? top + 0.06*(double)dims*(size + gap) : dims == 1 ? below + 6 : top - 6;
        const double em = dims > 4 ? 15 : 11;
        for (k = 0; k < sets; k++, ly += 1.6*em) {
            fprintf(f, "<rect class='s%d c%d' x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s' fill-opacity='.45'"
                    " stroke='%s'/><text x='%.1f' y='%.1f' font-size='%.0f'>", (int)k, (int)k, lx, ly - 0.8*em, 2*em,
                    em, set_color[k], set_color[k], lx + 2.6*em, ly + 0.1*em, em);
            put_escaped(f, set[k].label, (size_t)((width - lx - 2.6*em)/(0.65*em)));
            fputs("</text>\n", f);
        }
        if (truth) {
            fprintf(f, "<path class='truth' stroke='black' stroke-width='1.2' stroke-dasharray='4 2' d='M%.1f %.1fh%.1f'/>"
                    "<text x='%.1f' y='%.1f' font-size='%.0f'>true values</text>\n", lx, ly - 0.3*em, 2*em,
                    lx + 2.6*em, ly + 0.1*em, em);
            ly += 1.6*em;
        }
        if (dims > 2)
            fprintf(f, "<text x='%.1f' y='%.1f' font-size='%.0f' fill='#444'>regions: 50 %% and 90 %%; "
                    "titles: median, 90 %% interval</text>\n", lx, ly + 0.1*em, 0.72*em);
    }
    fputs("</svg>\n", f);
    status = out_close(&out, 1, e);
done:
    free(s);
    free(grid);
    return status;
}

/* ---- charts --------------------------------------------------------------- */

static double chart_at(const chart *c, int axis, double v)
{
    const double u = ((c->log[axis] ? log10(v) : v) - c->lo[axis])/(c->hi[axis] - c->lo[axis]);
    return fmin(fmax(u, 0), 1);
}

double chart_x(const chart *c, double v) { return c->x + c->w*chart_at(c, 0, v); }
double chart_y(const chart *c, double v) { return c->y + c->h*(1 - chart_at(c, 1, v)); }

static void chart_ticks(const chart *c, int up)
{
    static const int part[3] = { 1, 2, 5 };
    const double lo = c->lo[up], hi = c->hi[up], length = up ? c->h : c->w;
    const double step = c->log[up] ? fmax(1, ceil((hi - lo)*(up ? 24 : 44)/length))
                                   : nice_step(hi - lo, length/(up ? 36 : c->w > 450 ? 110 : 70));
    const int digits = (int)floor(log10(step*1.0001));
    const int parts = c->log[up] && floor(hi) - ceil(lo) < 1 ? 3 : 1;   /* of few powers of ten */
    const double first = floor(lo/step);
    int i, k;
    for (i = 0; i < 64 && (first + i)*step <= hi + 1e-9*step; i++)
        for (k = 0; k < parts; k++) {
            const double t = (first + i)*step, at = t + log10(part[k]), u = (at - lo)/(hi - lo);
            const double p = up ? c->y + c->h*(1 - u) : c->x + c->w*u;
            if (at < lo - 1e-9*step || at > hi + 1e-9*step) continue;
            if (up) fprintf(c->f, "<path class='grid' d='M%.1f %.1fh%.1f'/><text x='%.1f' y='%.1f' "
                            "text-anchor='end'>", c->x, p, c->w, c->x - 5, p + 4);
            else fprintf(c->f, "<path class='grid' d='M%.1f %.1fv%.1f'/><text x='%.1f' y='%.1f' "
                         "text-anchor='middle'>", p, c->y, c->h, p, c->y + c->h + 15);
            if (!c->log[up]) put_number(c->f, t, digits < 0 ? -digits : 0);
            else if (lo > -2.5 && hi < 4.5) fprintf(c->f, "%g", part[k]*pow(10, t));
            else {
                if (k) fprintf(c->f, "%d&#183;", part[k]);
                fputs("10<tspan dy='-4' font-size='80%'>", c->f);
                put_number(c->f, t, 0);
                fputs("</tspan>", c->f);
            }
            fputs("</text>\n", c->f);
        }
}

void chart_frame(const chart *c, const char *xname, const char *yname)
{
    chart_ticks(c, 0);
    chart_ticks(c, 1);
    fprintf(c->f, "<rect class='frame' x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='none'/>\n",
            c->x, c->y, c->w, c->h);
    if (*xname) fprintf(c->f, "<text x='%.1f' y='%.1f' text-anchor='middle'>%s</text>\n",
                        c->x + c->w/2, c->y + c->h + 35, xname);
    if (*yname) fprintf(c->f, "<text x='%.1f' y='%.1f'>%s</text>\n", c->x > 40 ? 4 : c->x, c->y - 15, yname);
}

/* Points to tenths, those that would not be seen left out. */
static void chart_points(const chart *c, size_t n, const double *x, const double *y, int back,
                         int go_on)
{
    double px = -1, py = -1;
    size_t i;
    for (i = 0; i < n; i++) {
        const size_t k = back ? n - 1 - i : i;
        const double u = chart_x(c, x[k]), v = chart_y(c, y[k]);
        if (!(y[k] - y[k] == 0)) { go_on = 0;  continue; }
        if (go_on && fabs(u - px) < 0.25 && fabs(v - py) < 0.25) continue;
        fprintf(c->f, "%s%.1f %.1f", go_on ? " " : "M", u, v);
        go_on = 1;
        px = u;
        py = v;
    }
}

void chart_line(const chart *c, size_t n, const double *x, const double *y, const char *kind)
{
    fprintf(c->f, "<path class='%s' fill='none' d='", kind);
    chart_points(c, n, x, y, 0, 0);
    fputs("'/>\n", c->f);
}

void chart_band(const chart *c, size_t n, const double *x, const double *lo, const double *hi,
                const char *kind)
{
    fprintf(c->f, "<path class='%s' stroke='none' d='", kind);
    chart_points(c, n, x, lo, 0, 0);
    chart_points(c, n, x, hi, 1, 1);
    fputs("z'/>\n", c->f);
}
