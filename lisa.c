/* lisa.c - what LISA records of a binary, and how likely data are given one.
 *
 *     h_lm(f), t_lm(f)      waveform.c                   amplitude, phase, time of passing
 *     a+, ax                lisa_amplitudes              Y_lm, inclination, polarisation
 *     six links -> A, E, T  lisa_arms, lisa_channels     orbit, delays, TDI
 *     sum over modes        lisa_signal                  every mode at its own t(f)
 *     ln L                  snl_likelihood_dense         all bins, h from series in panels
 *                           snl_het_...                  a few nodes
 *
 * SYMBOLS  k propagation direction, u, v polarisation vectors (west and north at psi = 0,
 *   u x v = k); e+ = uu - vv, ex = uv + vu; alpha = 2 pi t/yr; x = pi f L/c, half of the X
 *   in noise formulas; n_j unit vector along the arm opposite to spacecraft j, n_1 = 2 -> 3,
 *   n_2 = 3 -> 1, n_3 = 1 -> 2; p_j spacecraft relative to the centre, p0 the centre.
 *
 * The response part is written for h~(f) = int h exp(+2 pi i f t) dt, the convention of [M]
 * and [B], and conjugated at the end. */
#include "snl.h"
#include <stdlib.h>

/* z = (a + i b)(c + i d) */
static inline void lisa_mul(double *z, double a, double b, double c, double d)
{ z[0] = a*c - b*d;  z[1] = a*d + b*c; }

/* z += conj(a + i b) w */
static inline void lisa_conj_add(double *z, double a, double b, const double *w)
{ z[0] += a*w[0] + b*w[1];  z[1] += a*w[1] - b*w[0]; }

static size_t lisa_min(size_t a, size_t b) { return a < b ? a : b; }
static size_t lisa_max(size_t a, size_t b) { return a > b ? a : b; }

/* ==== Fast Fourier transforms ============================================
 *
 * A length n = n1 n2 is done as n2 transforms of n1 points down the columns of
 * [n1][n2], a multiplication by exp(-2 pi i k1 j2/n), and n1 transforms of n2
 * points along the rows.  LISA_LANES columns, then rows, are done side by side, so
 * that each pass works in the cache, its inner loops have unit stride, and the
 * memory is crossed twice however long the series.  The short transforms are
 * Stockham's, which need no reordering.  Between passes the lanes are kept as
 * planes, real parts before imaginary ones. */

enum { LISA_LANES = 8 };

/* exp(-2 pi i k/n), k < n: reduced in integers to the first octant, where sine and
 * cosine lose nothing, so that the error does not grow with n. */
static void lisa_root(size_t k, size_t n, double *w)
{
    const size_t oct = 8*k / n, r = 8*k - oct*n;
    const double x = 0.25*SNL_PI * ((double)(oct & 1 ? n - r : r) / (double)n);
    const double c = cos(x), s = sin(x), u = (oct + 1) & 2 ? s : c, v = (oct + 1) & 2 ? c : s;
    w[0] = oct >= 2 && oct < 6 ? -u : u;
    w[1] = oct < 4 ? -v : v;
}

/* One pass over s interleaved columns: y[p][k] = w^(pk) sum_j x[p + j m] W_r^(jk),
 * w = exp(-2 pi i/(r m)), W_r = exp(-2 pi i/r), p < m;  x (r m, s), y (m, r, s),
 * tw (m, r-1) pairs. */
static void lisa_radix2(size_t m, size_t s, const double *restrict tw,
                        const double *restrict xr, const double *restrict xi,
                        double *restrict yr, double *restrict yi)
{
    for (size_t p = 0; p < m; p++, tw += 2, xr += s, xi += s, yr += 2*s, yi += 2*s) {
        const double c = tw[0], d = tw[1];
        for (size_t q = 0; q < s; q++) {
            const double ar = xr[q], ai = xi[q], br = xr[q + m*s], bi = xi[q + m*s];
            const double er = ar - br, ei = ai - bi;
            yr[q] = ar + br;            yi[q] = ai + bi;
            yr[q + s] = c*er - d*ei;    yi[q + s] = c*ei + d*er;
        }
    }
}

static void lisa_radix4(size_t m, size_t s, const double *restrict tw,
                        const double *restrict xr, const double *restrict xi,
                        double *restrict yr, double *restrict yi)
{
    for (size_t p = 0; p < m; p++, tw += 6, xr += s, xi += s, yr += 4*s, yi += 4*s) {
        const double c1 = tw[0], d1 = tw[1], c2 = tw[2], d2 = tw[3], c3 = tw[4], d3 = tw[5];
        for (size_t q = 0; q < s; q++) {
            const double ar = xr[q], ai = xi[q], br = xr[q + m*s], bi = xi[q + m*s];
            const double cr = xr[q + 2*m*s], ci = xi[q + 2*m*s];
            const double dr = xr[q + 3*m*s], di = xi[q + 3*m*s];
            const double tr = ar + cr, ti = ai + ci, ur = br + dr, ui = bi + di;
            const double vr = ar - cr, vi = ai - ci, zr = bi - di, zi = dr - br;
            const double er = vr + zr, ei = vi + zi, fr = tr - ur, fi = ti - ui;
            const double gr = vr - zr, gi = vi - zi;
            yr[q] = tr + ur;                yi[q] = ti + ui;
            yr[q + s]   = c1*er - d1*ei;    yi[q + s]   = c1*ei + d1*er;
            yr[q + 2*s] = c2*fr - d2*fi;    yi[q + 2*s] = c2*fi + d2*fr;
            yr[q + 3*s] = c3*gr - d3*gi;    yi[q + 3*s] = c3*gi + d3*gr;
        }
    }
}

/* r = 3 or 5, known where it is inlined.  With t_j, d_j = x_j +- x_(r-j)
 *     X_k, X_(r-k) = x_0 + sum_j [cos(2 pi jk/r) t_j -+ i sin(2 pi jk/r) d_j],  j <= r/2. */
static inline void lisa_radix_odd(size_t r, size_t m, size_t s, const double *restrict tw,
                                  const double *restrict xr, const double *restrict xi,
                                  double *restrict yr, double *restrict yi)
{
    static const double cs[2][5] = {
        { 1, -0.5, -0.5, 0, 0 },
        { 1, 0.30901699437494742410, -0.80901699437494742410, -0.80901699437494742410,
          0.30901699437494742410 } };
    static const double sn[2][5] = {
        { 0, 0.86602540378443864676, -0.86602540378443864676, 0, 0 },
        { 0, 0.95105651629515357212, 0.58778525229247312917, -0.58778525229247312917,
          -0.95105651629515357212 } };
    for (size_t p = 0; p < m; p++, tw += 2*(r - 1), xr += s, xi += s, yr += r*s, yi += r*s)
        for (size_t q = 0; q < s; q++) {
            double tr[2], ti[2], dr[2], di[2];
            yr[q] = xr[q];
            yi[q] = xi[q];
            for (size_t j = 1; j <= r/2; j++) {
                const size_t a = q + j*m*s, b = q + (r - j)*m*s;
                tr[j-1] = xr[a] + xr[b];    ti[j-1] = xi[a] + xi[b];
                dr[j-1] = xr[a] - xr[b];    di[j-1] = xi[a] - xi[b];
                yr[q] += tr[j-1];           yi[q] += ti[j-1];
            }
            for (size_t k = 1; k <= r/2; k++) {
                const double *v = tw + 2*(k - 1), *w = tw + 2*(r - k - 1);
                double er = xr[q], ei = xi[q], fr = 0, fi = 0;
                for (size_t j = 1; j <= r/2; j++) {
                    const double c = cs[r == 5][j*k % r], d = sn[r == 5][j*k % r];
                    er += c*tr[j-1];    ei += c*ti[j-1];
                    fr += d*di[j-1];    fi -= d*dr[j-1];
                }
                yr[q + k*s] = v[0]*(er + fr) - v[1]*(ei + fi);
                yi[q + k*s] = v[0]*(ei + fi) + v[1]*(er + fr);
                yr[q + (r - k)*s] = w[0]*(er - fr) - w[1]*(ei - fi);
                yi[q + (r - k)*s] = w[0]*(ei - fi) + w[1]*(er - fr);
            }
        }
}

/* w = exp(-2 pi i k/n) */
static void lisa_root_at(const snl_fft_roots *t, size_t k, double w[2])
{
    const size_t mask = ((size_t)1 << t->shift) - 1;
    const double *hi = t->hi + 2*(k >> t->shift), *lo = t->lo + 2*(k & mask);
    lisa_mul(w, hi[0], hi[1], lo[0], lo[1]);
}

/* Transform s columns, planes [n][s], from src by way of x and y (y may be src);
 * returns which of the three holds the result. */
static double *lisa_core_run(const snl_fft_core *c, size_t s, double *src, double *x, double *y)
{
    const size_t im = c->n*s;
    const double *tw = c->tw;
    size_t m = c->n;
    for (size_t i = 0; i < c->stages; i++) {
        const size_t r = c->radix[i];
        m /= r;
        if (r == 2)      lisa_radix2(m, s, tw, src, src + im, x, x + im);
        else if (r == 3) lisa_radix_odd(3, m, s, tw, src, src + im, x, x + im);
        else if (r == 4) lisa_radix4(m, s, tw, src, src + im, x, x + im);
        else             lisa_radix_odd(5, m, s, tw, src, src + im, x, x + im);
        tw += 2*m*(r - 1);
        s *= r;
        src = x;  x = y;  y = src;
    }
    return src;
}

/* Complex transform of length f->m; sign -1 conjugates what goes in and what comes
 * out, which makes it the inverse.  work: 2 m + 4 LISA_LANES max(n1, n2). */
static void lisa_smooth_run(const snl_fft_part *f, double sign, double scale,
                            const double *in, double *out, double *work)
{
    enum { L = LISA_LANES };
    const size_t n1 = f->a.n, n2 = f->b.n;
    double *x = work + 2*n1*n2, *y = x + 2*L*lisa_max(n1, n2);
    for (size_t j0 = 0; j0 < n2; j0 += L) {                     /* columns j0 .. j0+s */
        const size_t s = lisa_min(n2 - j0, L), im = n1*s;
        const double *z;
        for (size_t j = 0; j < n1; j++)
            for (size_t b = 0; b < s; b++) {
                x[j*s + b]      =      in[2*(j*n2 + j0 + b)];
                x[im + j*s + b] = sign*in[2*(j*n2 + j0 + b) + 1];
            }
        z = lisa_core_run(&f->a, s, x, y, x);
        for (size_t k = 0; k < n1; k++) {          /* row k is lane k % L of its block */
            const size_t k0 = k - k % L, t = lisa_min(n1 - k0, L);
            const double *w = f->lane + 2*L*k;
            double r[2], u[2], *to = work + 2*n2*k0 + j0*t + (k - k0);
            lisa_root_at(&f->roots, k*j0, r);
            for (size_t b = 0; b < s; b++) {
                lisa_mul(u, r[0], r[1], w[2*b], w[2*b + 1]);
                to[b*t]        = u[0]*z[k*s + b] - u[1]*z[im + k*s + b];
                to[b*t + n2*t] = u[0]*z[im + k*s + b] + u[1]*z[k*s + b];
            }
        }
    }
    for (size_t k0 = 0; k0 < n1; k0 += L) {                     /* rows k0 .. k0+t */
        const size_t t = lisa_min(n1 - k0, L), im = n2*t;
        const double *z = lisa_core_run(&f->b, t, work + 2*n2*k0, x, y);
        for (size_t k = 0; k < n2; k++)
            for (size_t b = 0; b < t; b++) {
                out[2*(k*n1 + k0 + b)]     = scale*z[k*t + b];
                out[2*(k*n1 + k0 + b) + 1] = sign*scale*z[im + k*t + b];
            }
    }
}

/* to = x w on n pairs; signs -1 conjugate x before and the product after. */
static void lisa_times(size_t n, const double *x, double before, const double *w, double scale,
                       double after, double *to)
{
    for (size_t j = 0; j < n; j++) {
        const double re = x[2*j], im = before*x[2*j + 1];
        to[2*j]     = scale*(re*w[2*j] - im*w[2*j + 1]);
        to[2*j + 1] = after*scale*(re*w[2*j + 1] + im*w[2*j]);
    }
}

/* Complex transform of any length.  Bluestein: jk = (j^2 + k^2 - (k-j)^2)/2 turns the
 * sum into a convolution with a chirp, done at the padded length m >= 2n - 1. */
static void lisa_part_run(const snl_fft_part *f, double sign, double scale,
                          const double *in, double *out, double *work)
{
    double *a = work, *rest = work + 2*f->m;
    if (!f->chirp) { lisa_smooth_run(f, sign, scale, in, out, work);  return; }
    lisa_times(f->n, in, sign, f->chirp, 1, 1, a);
    memset(a + 2*f->n, 0, 2*(f->m - f->n)*sizeof *a);
    lisa_smooth_run(f, 1, 1, a, a, rest);
    lisa_times(f->m, a, 1, f->chirp_ft, 1, 1, a);
    lisa_smooth_run(f, -1, 1.0/(double)f->m, a, a, rest);
    lisa_times(f->n, a, 1, f->chirp, scale, sign, out);
}

/* ---- plans: measuring (base NULL), placing and filling share one function ---- */

static double *lisa_take(double *base, size_t *used, size_t n)
{ double *p = base ? base + *used : NULL;  *used += n;  return p; }

static void lisa_core_plan(snl_fft_core *c, size_t n, double *base, size_t *used)
{
    static const size_t radix[4] = { 4, 2, 3, 5 };
    size_t m = n;
    c->n = n;
    c->stages = 0;
    c->tw = lisa_take(base, used, 0);
    for (size_t i = 0; i < 4; i++)
        while (m % radix[i] == 0) {
            const size_t r = c->radix[c->stages++] = radix[i], len = m;
            double *tw = lisa_take(base, used, 2*(m /= r)*(r - 1));
            for (size_t j = 0; tw && j < m*(r - 1); j++)
                lisa_root(j/(r - 1) * (j % (r - 1) + 1), len, tw + 2*j);
        }
}

static void lisa_roots_plan(snl_fft_roots *t, size_t n, double *base, size_t *used)
{
    size_t len = 1;
    for (t->shift = 0; len*len < n; t->shift++) len *= 2;
    t->lo = lisa_take(base, used, 2*len);
    t->hi = lisa_take(base, used, 2*(n/len + 1));
    for (size_t i = 0; base && i < len; i++) lisa_root(i % n, n, t->lo + 2*i);
    for (size_t i = 0; base && i < n/len + 1; i++) lisa_root(i*len % n, n, t->hi + 2*i);
}

static int lisa_is_smooth(size_t n)
{
    for (size_t p = 2; p <= 5; p++) while (n % p == 0) n /= p;
    return n == 1;
}

/* The work of a part: the core's two crossings, and Bluestein's series before them. */
static size_t lisa_part_work(const snl_fft_part *f)
{ return 2*f->m*(f->n == f->m ? 1 : 2) + 4*LISA_LANES*lisa_max(f->a.n, f->b.n); }

static void lisa_part_plan(snl_fft_part *f, size_t n, double *base, size_t *used)
{
    size_t n1, q = 0;
    f->n = f->m = n;
    f->chirp = f->chirp_ft = NULL;
    if (!lisa_is_smooth(n)) for (f->m = 2*n - 1; !lisa_is_smooth(f->m); f->m++) ;
    n1 = f->m;                          /* short: one crossing; else nearly square */
    if (f->m >= 64) for (size_t d = 1; d <= f->m/d; d++) if (f->m % d == 0) n1 = d;
    lisa_core_plan(&f->a, n1, base, used);
    lisa_core_plan(&f->b, f->m/n1, base, used);
    lisa_roots_plan(&f->roots, f->m, base, used);
    f->lane = lisa_take(base, used, 2*LISA_LANES*n1);
    for (size_t k = 0; base && k < LISA_LANES*n1; k++)
        lisa_root(k/LISA_LANES * (k % LISA_LANES) % f->m, f->m, f->lane + 2*k);
    if (f->m != n) {
        double *w = lisa_take(base, used, 2*n), *g = lisa_take(base, used, 2*f->m);
        double *work = lisa_take(base, used, lisa_part_work(f));
        if (base) memset(g, 0, 2*f->m*sizeof *g);
        for (size_t k = 0; base && k < n; k++) {    /* q = k^2 mod 2n, without overflow */
            double *twin = g + 2*(k ? f->m - k : 0);
            lisa_root(q, 2*n, w + 2*k);
            g[2*k] = twin[0] = w[2*k];
            g[2*k + 1] = twin[1] = -w[2*k + 1];
            q = (q + 2*k + 1) % (2*n);
        }
        if (base) lisa_smooth_run(f, 1, 1, g, g, work);
        f->chirp = w;
        f->chirp_ft = g;
    }
}

static size_t lisa_fft_layout(snl_fft *p, size_t n, double *base)
{
    size_t used = 0;
    p->n = n;
    lisa_part_plan(&p->full, n, base, &used);
    lisa_part_plan(&p->half, n % 2 ? 1 : n/2, base, &used);
    lisa_roots_plan(&p->split, n, base, &used);
    return used;
}

size_t snl_fft_size(size_t n)
{
    snl_fft p;
    return n >= 1 && n <= SNL_FFT_MAX ? lisa_fft_layout(&p, n, NULL) : 0;
}

size_t snl_fft_work(size_t n)
{
    snl_fft p;
    if (n < 1 || n > SNL_FFT_MAX) return 0;
    lisa_fft_layout(&p, n, NULL);               /* n/2 may factor less evenly than n */
    return lisa_max(lisa_part_work(&p.full) + (n % 2 ? 2*n : 0), lisa_part_work(&p.half));
}

snl_status snl_fft_init(snl_fft *plan, size_t n, double *mem)
{
    if (!plan || !mem || n < 1 || n > SNL_FFT_MAX) return SNL_EINVAL;
    lisa_fft_layout(plan, n, mem);
    return SNL_OK;
}

void snl_fft_forward(const snl_fft *plan, const double *in, double *out, double *work)
{ lisa_part_run(&plan->full, 1, 1, in, out, work); }

void snl_fft_inverse(const snl_fft *plan, const double *in, double *out, double *work)
{ lisa_part_run(&plan->full, -1, 1.0/(double)plan->n, in, out, work); }

/* Even n: z[j] = x[2j] + i x[2j+1] has Z[k] = E[k] + i O[k], the spectra of the even
 * and odd samples, and X[k] = E[k] + w^k O[k], X[h-k] = conj(E[k] - w^k O[k]), h = n/2.
 * back = 0 takes Z to X, back = 1 takes X to Z, in place for k = 1 .. h-1. */
static void lisa_split(const snl_fft_roots *t, size_t h, int back, double *restrict z)
{
    const double g = back ? -1 : 1;
    for (size_t k = 1; k <= h/2; k++) {
        double w[2], *a = z + 2*k, *b = z + 2*(h - k);
        const double er = 0.5*(a[0] + b[0]), ei = 0.5*(a[1] - b[1]);
        const double dr = 0.5*(a[0] - b[0]), di = 0.5*(a[1] + b[1]);
        double pr, pi;      /* forward: w^k (-i)(dr + i di);  back: i conj(w^k) (dr + i di) */
        lisa_root_at(t, k, w);
        pr = w[0]*di + g*w[1]*dr;
        pi = g*w[1]*di - w[0]*dr;
        a[0] = er + g*pr;  a[1] = ei + g*pi;
        b[0] = er - g*pr;  b[1] = g*pi - ei;
    }
}

void snl_fft_real_forward(const snl_fft *plan, const double *in, double *out, double *work)
{
    const size_t n = plan->n, h = n/2;
    if (n % 2 == 0) {
        double re, im;
        lisa_part_run(&plan->half, 1, 1, in, out, work);
        re = out[0];  im = out[1];
        lisa_split(&plan->split, h, 0, out);
        out[0] = re + im;    out[1] = 0;
        out[2*h] = re - im;  out[2*h + 1] = 0;
    } else {
        double *z = work;
        for (size_t j = 0; j < n; j++) { z[2*j] = in[j];  z[2*j + 1] = 0; }
        snl_fft_forward(plan, z, z, work + 2*n);
        memcpy(out, z, 2*(h + 1)*sizeof *z);
        out[1] = 0;
    }
}

void snl_fft_real_inverse(const snl_fft *plan, const double *in, double *out, double *work)
{
    const size_t n = plan->n, h = n/2;
    if (n % 2 == 0) {
        const double first = in[0], last = in[2*h];
        for (size_t k = 2; k < 2*h; k++) out[k] = in[k];
        out[0] = 0.5*(first + last);
        out[1] = 0.5*(first - last);
        lisa_split(&plan->split, h, 1, out);
        lisa_part_run(&plan->half, -1, 1.0/(double)h, out, out, work);
    } else {
        double *z = work;
        z[0] = in[0];
        z[1] = 0;
        for (size_t k = 1; k <= h; k++) {
            z[2*k] = z[2*(n - k)] = in[2*k];
            z[2*k + 1] = in[2*k + 1];
            z[2*(n - k) + 1] = -in[2*k + 1];
        }
        snl_fft_inverse(plan, z, z, work + 2*n);
        for (size_t j = 0; j < n; j++) out[j] = z[2*j];
    }
}

/* ==== Time series ======================================================== */

static snl_status lisa_refuse_row(snl_fault *why, const char *name, double value, double lo,
                                  double hi, size_t index)
{
    const snl_status st = snl_refuse(why, name, value, lo, hi);
    if (why) why->index = index;
    return st;
}

static snl_status lisa_check_rows(size_t n, const double *x, const char *name, double lo,
                                  double hi, snl_fault *why)
{
    for (size_t i = 0; i < n; i++)
        if (!(x[i] >= lo && x[i] <= hi)) return lisa_refuse_row(why, name, x[i], lo, hi, i);
    return SNL_OK;
}

snl_status snl_window(snl_window_kind kind, size_t n, double share, double *w, snl_fault *why)
{
    if (!(share >= 0 && share <= 1)) return snl_refuse(why, "share", share, 0, 1);
    for (size_t j = 0; j < n; j++) {        /* x is NaN where share = 0 */
        const double x = (double)(j < n - 1 - j ? j : n - 1 - j)/(0.5*share*(double)(n - 1));
        w[j] = !(x < 1) ? 1 : kind == SNL_WINDOW_TUKEY ? 0.5*(1 - cos(SNL_PI*x))
             : 1/(1 + exp(1/x - 1/(1 - x)));
    }
    return SNL_OK;
}

void snl_tdi_aet(size_t n, double *x, double *y, double *z)
{
    for (size_t i = 0; i < n; i++) {
        const double X = x[i], Y = y[i], Z = z[i];
        x[i] = (Z - X)*sqrt(0.5);
        y[i] = (X - 2*Y + Z)*sqrt(1/6.0);
        z[i] = (X + Y + Z)*sqrt(1/3.0);
    }
}

size_t snl_series_gaps(size_t n, const double *x, size_t *missing)
{
    size_t gaps = 0;
    *missing = 0;
    for (size_t i = 0; i < n; i++)
        if (x[i] != x[i]) { gaps += i == 0 || x[i-1] == x[i-1];  ++*missing; }
    return gaps;
}

static int lisa_order(const void *a, const void *b)
{ const double x = *(const double *)a, y = *(const double *)b;  return (x > y) - (x < y); }

snl_status snl_series_psd(size_t n, const double *x, double dt, size_t length, double *S,
                          snl_fault *why)
{
    const size_t bins = length/2 + 1, size = snl_fft_size(length), used = snl_fft_work(length);
    size_t most, count = 0, i, j;
    double *mem, *work, *w, *y, *power, norm = 0, bias = 0;
    snl_fft plan;
    if (!(dt >= 1e-30 && dt <= 1e30)) return snl_refuse(why, "dt", dt, 1e-30, 1e30);
    if (length < 8 || length > n || length > SNL_FFT_MAX)
        return snl_refuse(why, "length", (double)length, 8, (double)n);
    most = (n - length)/(length/2) + 1;
    mem = (double *)SNL_CALLOC(size + used + 2*length + 2 + most*bins, sizeof *mem);
    if (!mem || snl_fft_init(&plan, length, mem) != SNL_OK) return SNL_ENOMEM;
    work = mem + size;  w = work + used;  y = w + length;  power = y + length + 2;
    if (snl_window(SNL_WINDOW_TUKEY, length, 1, w, why) == SNL_OK)
        for (j = 0; j < length; j++) norm += w[j]*w[j];
    for (i = 0; i < most; i++) {
        const double *from = x + i*(length/2);
        double mean = 0, size = 0;
        for (j = 0; j < length; j++) mean += from[j]/(double)length;
        for (j = 0; j < length; j++) { y[j] = w[j]*(from[j] - mean);  size += y[j]*y[j]; }
        if (!(size < 1e250)) continue;              /* a gap, or a power that would overflow */
        snl_fft_real_forward(&plan, y, y, work);
        for (j = 0; j < bins; j++) power[j*most + count] = y[2*j]*y[2*j] + y[2*j+1]*y[2*j+1];
        count++;
    }
    for (i = 0; 2*i <= count && count; i++)     /* expectation of the median of exponentials */
        bias += (2*i == count ? 0.5 : 1)/(double)(count - i);
    for (j = 0; j < bins && count; j++) {
        double *p = power + j*most;
        qsort(p, count, sizeof *p, lisa_order);
        S[j] = (j && 2*j < length ? 1 : 0.5)*dt*(p[(count - 1)/2] + p[count/2])/(norm*bias);
    }
    SNL_FREE(mem);
    return count ? SNL_OK : snl_refuse(why, "length", (double)length, 8, (double)n);
}

/* ==== Sources ============================================================ */

snl_status snl_source_check(const snl_source *s, snl_fault *why)
{
    const double inf = HUGE_VAL, big = 1e300;           /* multiples stay finite */
    const struct { const char *name; double x, lo, hi; int open; } field[] = {
        { "m1", s->m1, 0, inf, 1 },              { "m2", s->m2, 0, inf, 1 },
        { "chi1", s->chi1, -1, 1, 0 },           { "chi2", s->chi2, -1, 1, 0 },
        { "distance", s->distance, 0, inf, 1 },
        { "inclination", s->inclination, 0, SNL_PI, 0 },
        { "phi_ref", s->phi_ref, -big, big, 0 }, { "lambda", s->lambda, -big, big, 0 },
        { "beta", s->beta, -SNL_PI/2, SNL_PI/2, 0 },
        { "psi", s->psi, -big, big, 0 },         { "t_ref", s->t_ref, -big, big, 0 },
    };
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
        const double x = field[i].x, lo = field[i].lo, hi = field[i].hi;
        if (!(field[i].open ? x > lo && x < hi : x >= lo && x <= hi))
            return snl_refuse(why, field[i].name, x, lo, hi);
    }
    return SNL_OK;
}

static double lisa_wrap(double x, double period)        /* to [0, period) */
{
    const double r = fabs(x) < 1e6 ? x : fmod(x, period);  /* far away a product is off by turns */
    const double y = r - period*floor(r/period);
    return y >= 0 && y < period ? y : 0.0;
}

/* In a+ +- i ax = N/D exp(-2i (phi_ref -+ psi)) (1 +- cos inc)^2/2 both the moduli and the
 * phases separate, which is why the map can be inverted in closed form. */
void snl_amplitudes_from_source(const snl_source *s, double a[4])
{
    const double co = cos(s->inclination), norm = sqrt(0.3125/SNL_PI)/s->distance;
    const double R = 0.5*norm*(1 + co)*(1 + co), pR = 2*(s->psi - s->phi_ref);
    const double L = 0.5*norm*(1 - co)*(1 - co), pL = -2*(s->psi + s->phi_ref);
    const double Rr = R*cos(pR), Ri = R*sin(pR), Lr = L*cos(pL), Li = L*sin(pL);
    a[0] = 0.5*(Rr + Lr);  a[1] = 0.5*(Ri + Li);        /* (R + L)/2  */
    a[2] = 0.5*(Ri - Li);  a[3] = 0.5*(Lr - Rr);        /* (R - L)/2i */
}

void snl_source_from_amplitudes(const double a[4], snl_source *s)
{
    const double Rr = a[0] - a[3], Ri = a[1] + a[2], Lr = a[0] + a[3], Li = a[1] - a[2];
    const double R = sqrt(hypot(Rr, Ri)), L = sqrt(hypot(Lr, Li)), sum = R + L;
    const double pR = atan2(Ri, Rr), pL = atan2(Li, Lr);
    s->distance = 2*sqrt(0.3125/SNL_PI)/(sum*sum);
    s->inclination = sum > 0 ? 2*atan2(sqrt(L), sqrt(R)) : 0.0;     /* tan^2(inc/2) = L/R */
    s->phi_ref = lisa_wrap(-0.25*(pR + pL), SNL_PI);
    s->psi = lisa_wrap(0.25*(pR - pL), SNL_PI);
}

/* ==== The LISA frame [M2] ================================================ */

static const double lisa_h3 = 0.5*1.73205080756887729353;       /* sqrt(3)/2 */

static double lisa_alpha(double t) { return 2*SNL_PI/SNL_YEAR * t; }

/* lambda, beta and psi into the frame of the triangle at angle alpha (way = 1) or out of it
 * (-1).  Rows of axes are xL, away from spacecraft 1, and yL in its plane, zL normal to it. */
static void lisa_turn(snl_source *s, double alpha, int way)
{
    const double C = cos(alpha), S = sin(alpha), l = s->lambda, b = s->beta, h = lisa_h3*way;
    const double axes[3][3] = { { S*S + 0.5*C*C,  -0.5*S*C,       h*C },
                                { -0.5*S*C,       C*C + 0.5*S*S,  h*S },
                                { -h*C,           -h*S,           0.5 } };
    const double d[3] = { cos(b)*cos(l), cos(b)*sin(l), sin(b) };
    double e[3];
    for (int i = 0; i < 3; i++) e[i] = axes[i][0]*d[0] + axes[i][1]*d[1] + axes[i][2]*d[2];
    s->lambda = lisa_wrap(atan2(e[1], e[0]), 2*SNL_PI);
    s->beta = atan2(e[2], hypot(e[0], e[1]));
    s->psi = lisa_wrap(s->psi + atan2(h*sin(alpha - l),
                                      0.5*cos(b) + h*cos(alpha - l)*sin(b)), SNL_PI);
}

void snl_ssb_to_lisa(snl_source *s)
{
    const double a = lisa_alpha(s->t_ref);
    s->t_ref -= SNL_AU/SNL_C * cos(s->beta)*cos(a - s->lambda);
    lisa_turn(s, a, 1);
}

void snl_lisa_to_ssb(snl_source *s)
{
    const double l = s->lambda, b = s->beta, tL = s->t_ref, R = SNL_AU/SNL_C;
    /* The centre's direction in the frame itself is (C/2, S/2, -sqrt3/2): Newton for the t
     * whose delay is right; the error shrinks by 1e-8 in each step. */
    for (int i = 0; i < 4; i++) {
        const double p = lisa_alpha(s->t_ref) - l;
        const double g = s->t_ref - tL - R*(0.5*cos(b)*cos(p) - lisa_h3*sin(b));
        s->t_ref -= g / (1 + R*0.5*cos(b)*sin(p) * 2*SNL_PI/SNL_YEAR);
    }
    lisa_turn(s, lisa_alpha(s->t_ref), -1);
}

/* ==== Response =========================================================== */

enum { LISA_BLOCK = 64 };       /* frequencies done side by side */

/* sin and cos of n angles scale*a, absolute error 3e-16, in a loop without branches or calls,
 * which compilers turn into vector code: gcc's was four times slower with (int) and ?: for
 * the rounding.  (Sums with shift are rounded by being stored: x87 keeps what stands in one
 * expression to 64 bits.)  Reduced to [-pi/2, pi/2] by multiples k of pi in parts of 24, 24 and 53
 * bits (k times either of the first two is exact), then polynomials in y = -r^2 of least
 * maximum error, 2e-17. */
static void lisa_sincos(size_t n, double scale, const double *restrict a, double *restrict s,
                        double *restrict c)
{
    static const double limit = 1e9;    /* k fits 29 bits; beyond it libm */
    static const double pi1 = 3.141592502593994, pi2 = 1.5099578831723193e-07,
                        pi3 = 1.0780605716316238e-14, shift = 6755399441055744.0;
    size_t far = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = scale*a[i], up = x*(1/SNL_PI) + shift, k = up - shift;
        const double r = ((x - k*pi1) - k*pi2) - k*pi3;
        const double even = 0.5*k + shift, half = 0.5*k - (even - shift);   /* k odd: +-1/2 */
        const double y = -r*r;
        const double sign = 1 - 8*half*half;
        const double ps = y*(0.16666666666666666 + y*(0.008333333333333316
            + y*(0.00019841269841254974 + y*(2.755731921916323e-06 + y*(2.5052107616995878e-08
            + y*(1.6058977312444268e-10 + y*(7.643970296165793e-13 + y*2.73144475909634e-15)))))));
        const double pc = y*(0.5 + y*(0.04166666666666634 + y*(0.0013888888888860709
            + y*(2.4801587292446207e-05 + y*(2.755731776731995e-07 + y*(2.087663086738545e-09
            + y*(1.1464689884521268e-11 + y*4.6276759700711356e-14)))))));
        s[i] = sign*(r + r*ps);
        c[i] = sign*(1 + pc);
        far += !(fabs(x) < limit);
    }
    for (size_t i = 0; far > 0 && i < n; i++)
        if (!(fabs(scale*a[i]) < limit)) { s[i] = sin(scale*a[i]);  c[i] = cos(scale*a[i]); }
}

/* The source's sky position: k, u, v at psi = 0. */
typedef struct lisa_sky { double k[3], u[3], v[3]; } lisa_sky;

static lisa_sky lisa_sky_of(const snl_source *s)
{
    const double cl = cos(s->lambda), sl = sin(s->lambda), cb = cos(s->beta), sb = sin(s->beta);
    const lisa_sky sky = { { -cb*cl, -cb*sl, -sb }, { sl, -cl, 0 }, { -sb*cl, -sb*sl, cb } };
    return sky;
}

/* What a block of frequencies needs to know of the detector, and the wave there. */
typedef struct lisa_block {
    double plus[3][LISA_BLOCK];     /* n.e+.n of arm j, psi = 0                          */
    double cross[3][LISA_BLOCK];    /* n.ex.n                                            */
    double er[3][LISA_BLOCK], ei[3][LISA_BLOCK];    /* exp[i x k.(p_r + p_s)/L] of arm j */
    double even[3][LISA_BLOCK], odd[3][LISA_BLOCK]; /* see lisa_channels                 */
    double g[LISA_BLOCK];           /* common factor of all channels, real part          */
    double zr[LISA_BLOCK], zi[LISA_BLOCK];          /* and its phase                     */
    double doppler[LISA_BLOCK];     /* phase_R                                           */
    double amp[LISA_BLOCK], phase[LISA_BLOCK];  /* h_lm exp(i phase_R)                   */
    double hc[LISA_BLOCK], hs[LISA_BLOCK];      /* = amp (hc + i hs)                     */
    double side[LISA_BLOCK];        /* -1 before, 1 after the observation, where amp = 0 */
    double aet[3][2*LISA_BLOCK];    /* transfer functions of A, E, T                     */
} lisa_block;

/* num/den where num = sin den.  Near 0, where both are differences, it tends to 1; what is
 * added changes the result by less than 2e-17. */
static double lisa_sinc(double num, double den) { return (num*den + 1e-16)/(den*den + 1e-16); }

/* Geometry and delays at n <= LISA_BLOCK frequencies f passing at t.  In the plane of the
 * triangle n_1 = yL and n_2, n_3 follow by turns of 120 degrees, so k.n_j and k.p_j need
 * only k.xL and k.yL.  Since p1 + p2 + p3 = 0, k.(p_r + p_s)/L = -k.p_j/L
 * = (k.n_{j+1+1} - k.n_{j+1})/3: with w_j = exp(i x k.n_j/3), w_1 w_2 w_3 = 1, all
 * exponentials are products of two. */
static void lisa_arms(const snl_lisa_cfg *cfg, const lisa_sky *sky, size_t n,
                      const double *f, const double *t, lisa_block *b)
{
    const int longwave = cfg->response != SNL_RESPONSE_FULL, tdi2 = cfg->tdi == SNL_TDI_20;
    const double X = longwave ? 0 : SNL_PI*SNL_ARM/SNL_C;
    const double h3 = lisa_h3, nx[3] = { 0, -h3, h3 }, ny[3] = { 1, -0.5, -0.5 };
    const double *k = sky->k, *u = sky->u, *v = sky->v;
    double arg[3][LISA_BLOCK], s[3][LISA_BLOCK], c[3][LISA_BLOCK], kn[3][LISA_BLOCK];

    lisa_sincos(n, 2*SNL_PI/SNL_YEAR, t, s[0], c[0]);
    for (size_t i = 0; i < n; i++) {
        const double C = c[0][i], S = s[0][i], x = X*f[i];
        const double xx = S*S + 0.5*C*C, xy = -0.5*S*C, xz = h3*C;      /* as in lisa_turn */
        const double yy = C*C + 0.5*S*S, yz = h3*S;
        const double kx = xx*k[0] + xy*k[1] + xz*k[2], ky = xy*k[0] + yy*k[1] + yz*k[2];
        const double ux = xx*u[0] + xy*u[1] + xz*u[2], uy = xy*u[0] + yy*u[1] + yz*u[2];
        const double vx = xx*v[0] + xy*v[1] + xz*v[2], vy = xy*v[0] + yy*v[1] + yz*v[2];
        for (int j = 0; j < 3; j++) {
            const double un = nx[j]*ux + ny[j]*uy, vn = nx[j]*vx + ny[j]*vy;
            b->plus[j][i] = un*un - vn*vn;
            b->cross[j][i] = 2*un*vn;
            kn[j][i] = nx[j]*kx + ny[j]*ky;
        }
        arg[0][i] = x;
        arg[1][i] = x*kn[0][i]/3;
        arg[2][i] = x*kn[1][i]/3;
        b->doppler[i] = 2*SNL_PI*SNL_AU/SNL_C * f[i]*(k[0]*C + k[1]*S);
    }
    for (int j = 0; j < 3; j++) lisa_sincos(n, 1, arg[j], s[j], c[j]);
    for (size_t i = 0; i < n; i++) {
        const double x = arg[0][i], sx = s[0][i], cx = c[0][i];
        const double c1 = c[1][i], s1 = s[1][i], c2 = c[2][i], s2 = s[2][i];
        const double c3 = c1*c2 - s1*s2, s3 = -(s1*c2 + c1*s2);
        const double sin2 = 2*sx*cx, cos2 = (cx - sx)*(cx + sx);
        const double sin4 = 2*sin2*cos2, cos4 = (cos2 - sin2)*(cos2 + sin2);
        const double w[3][2] = { { c1, s1 }, { c2, s2 }, { c3, s3 } };
        for (int j = 0; j < 3; j++) {
            const double *p = w[(j + 1) % 3], *q = w[(j + 2) % 3];
            const double wc = w[j][0], ws = w[j][1], y = x*kn[j][i];
            const double cy = wc*(1 - 4*ws*ws), sy = ws*(4*wc*wc - 1);    /* w_j^3 */
            const double minus = lisa_sinc(sx*cy - cx*sy, x - y);
            const double plus  = lisa_sinc(sx*cy + cx*sy, x + y);
            b->er[j][i] = q[0]*p[0] + q[1]*p[1];                         /* q conj(p) */
            b->ei[j][i] = q[1]*p[0] - q[0]*p[1];
            b->even[j][i] = cx*(plus + minus);
            b->odd[j][i]  = sx*(plus - minus);
        }
        b->g[i] = -2*x*sin2 * (tdi2 ? 2*sin4 : 1);
        b->zr[i] = tdi2 ? 2*sin4*cos4 : cos4;
        b->zi[i] = tdi2 ? (sin4 - cos4)*(sin4 + cos4) : sin4;
    }
    for (size_t i = 0; longwave && i < n; i++) {    /* x = 0 but in g, which is of first order */
        const double x = SNL_PI*SNL_ARM/SNL_C * f[i];
        b->g[i] = -4*x*x * (tdi2 ? 8*x : 1);
    }
}

/* Transfer functions for complex amplitudes ap, ac of e+, ex.  Along arm j the two links
 *
 *     G = i x (n.H.n) sinc[x (1 -+ k.n)] exp[i x (1 + k.(p_r + p_s)/L)]
 *
 * enter TDI as G_there + z G_back and G_back + z G_there, z = exp(2ix): exp(ix) (c_j +- d_j),
 * c_j = D_j (sinc+ + sinc-) cos x and d_j = i D_j (sinc+ - sinc-) sin x, D_j = n.H.n e_j.
 * Then X = F (c3 - c2 - d3 - d2) and so on around, F = (z^2 - 1) i x exp(2ix)
 * = -2 x sin 2x exp(4ix), for TDI 2.0 times 1 - z^4 = -2i sin 4x exp(4ix); A, E and T are
 * written out, so that T, the small difference, loses nothing. */
static void lisa_channels(const lisa_block *b, size_t n, const double ap[2], const double ac[2],
                          double *restrict A, double *restrict E, double *restrict T,
                          double *restrict xyz, size_t stride)
{
    const double r2 = sqrt(0.5), r6 = sqrt(1/6.0), t3 = -2*sqrt(1/3.0);
    for (size_t i = 0; i < n; i++) {
        const double fr = b->g[i]*b->zr[i], fi = b->g[i]*b->zi[i];
        double cr[3], ci[3], dr[3], di[3];
        for (int j = 0; j < 3; j++) {
            const double p = b->plus[j][i], q = b->cross[j][i], er = b->er[j][i], ei = b->ei[j][i];
            const double nr = ap[0]*p + ac[0]*q, ni = ap[1]*p + ac[1]*q;
            const double Dr = nr*er - ni*ei, Di = nr*ei + ni*er;
            cr[j] = b->even[j][i]*Dr;  ci[j] = b->even[j][i]*Di;
            dr[j] = -b->odd[j][i]*Di;  di[j] = b->odd[j][i]*Dr;
        }
        lisa_mul(A + 2*i, fr, fi, r2*(2*cr[1] - cr[0] - cr[2] + dr[2] - dr[0]),
                                  r2*(2*ci[1] - ci[0] - ci[2] + di[2] - di[0]));
        lisa_mul(E + 2*i, fr, fi, r6*(3*(cr[2] - cr[0]) + dr[2] + dr[0] - 2*dr[1]),
                                  r6*(3*(ci[2] - ci[0]) + di[2] + di[0] - 2*di[1]));
        lisa_mul(T + 2*i, fr, fi, t3*(dr[0] + dr[1] + dr[2]), t3*(di[0] + di[1] + di[2]));
        for (int j = 0; xyz && j < 3; j++) {
            const int p = (j + 1) % 3, q = (j + 2) % 3;
            lisa_mul(xyz + 2*(j*stride + i), fr, fi, cr[q] - cr[p] - dr[q] - dr[p],
                                                     ci[q] - ci[p] - di[q] - di[p]);
        }
    }
}

/* Amplitudes of e+ and ex at psi = 0 for a unit mode: K+ = [Y_lm + (-1)^l conj Y_l-m]/2,
 * Kx = i [Y_lm - (-1)^l conj Y_l-m]/2, turned by psi: u + iv goes to exp(-i psi)(u + iv). */
static void lisa_amplitudes(const snl_source *s, int l, int m, double ap[2], double ac[2])
{
    const double c2 = cos(2*s->psi), s2 = sin(2*s->psi), sign = l & 1 ? -1 : 1;
    double y[2], z[2], plus[2], cross[2];
    snl_ylm(l, m, s->inclination, s->phi_ref, y);
    snl_ylm(l, -m, s->inclination, s->phi_ref, z);
    plus[0] = 0.5*(y[0] + sign*z[0]);    plus[1] = 0.5*(y[1] - sign*z[1]);
    cross[0] = -0.5*(y[1] + sign*z[1]);  cross[1] = 0.5*(y[0] - sign*z[0]);
    for (int i = 0; i < 2; i++) {
        ap[i] = plus[i]*c2 - cross[i]*s2;
        ac[i] = plus[i]*s2 + cross[i]*c2;
    }
}

/* ==== Signal ============================================================= */

static const struct { int l, m; } lisa_mode[SNL_MODES] =     /* by bit of the set */
    { { 2, 2 }, { 2, 1 }, { 3, 3 }, { 3, 2 }, { 4, 4 }, { 4, 3 } };

/* A source made ready: everything that does not depend on frequency. */
typedef struct lisa_ready {
    snl_phenom    wave;
    lisa_sky      sky;
    snl_lisa_cfg  cfg;
    double        t_ref;
    size_t        modes;
    struct { int l, m;  double plus[2], cross[2]; } mode[SNL_MODES];    /* amplitudes of e+, ex */
    snl_fault    *why;          /* where lisa_wave names a frequency */
} lisa_ready;

static snl_status lisa_prepare(lisa_ready *r, const snl_lisa_cfg *c, const snl_source *s,
                               snl_fault *why)
{
    const double inf = HUGE_VAL;
    const unsigned set = c->modes & (c->model == SNL_PHENOMD ? (unsigned)SNL_MODE_22 : 63u);
    snl_status st;
    if (!c->qnm) return snl_refuse(why, "qnm", 0, 1, -1);
    if (!set) return snl_refuse(why, "modes", c->modes, 1, 63);
    if (!(c->epoch > -inf && c->epoch < inf)) return snl_refuse(why, "epoch", c->epoch, -inf, inf);
    if (!(c->t0 < c->t1)) return snl_refuse(why, "t0", c->t0, -inf, c->t1);
    if ((st = snl_source_check(s, why)) != SNL_OK) return st;
    st = snl_phenom_prepare(&r->wave, c->qnm, c->model, s->m1, s->m2, s->chi1, s->chi2,
                            s->distance, NULL, why);
    if (st != SNL_OK) return st;
    r->sky = lisa_sky_of(s);
    r->cfg = *c;
    r->t_ref = s->t_ref;
    r->why = why;
    r->modes = 0;
    for (int a = 0; a < SNL_MODES; a++)
        if (set >> a & 1) {
            const int l = r->mode[r->modes].l = lisa_mode[a].l;
            const int m = r->mode[r->modes].m = lisa_mode[a].m;
            lisa_amplitudes(s, l, m, r->mode[r->modes].plus, r->mode[r->modes].cross);
            r->modes++;
        }
    return SNL_OK;
}

/* Mode a on n <= LISA_BLOCK frequencies: geometry, wave and transfer functions. */
static snl_status lisa_wave(const lisa_ready *r, size_t a, size_t n, const double *f,
                            lisa_block *b)
{
    /* beyond 1e200 s a phase could overflow; its digits are lost long before */
    const double delay = fmax(-1e200, fmin(r->t_ref - r->cfg.epoch, 1e200));
    double t[LISA_BLOCK];
    const snl_status st = snl_phenom_mode(&r->wave, r->mode[a].l, r->mode[a].m, n, f, b->amp,
                                          b->phase, t);
    if (st != SNL_OK) return snl_phenom_check(&r->wave, n, f, r->why);
    for (size_t i = 0; i < n; i++) {
        t[i] += r->t_ref;
        b->side[i] = (t[i] > r->cfg.t1) - (t[i] < r->cfg.t0);
        b->amp[i] = b->side[i] == 0 ? b->amp[i] : 0.0;
    }
    lisa_arms(&r->cfg, &r->sky, n, f, t, b);
    for (size_t i = 0; i < n; i++) b->phase[i] += 2*SNL_PI*f[i]*delay + b->doppler[i];
    lisa_sincos(n, 1, b->phase, b->hs, b->hc);
    lisa_channels(b, n, r->mode[a].plus, r->mode[a].cross, b->aet[0], b->aet[1], b->aet[2], NULL, 0);
    return SNL_OK;
}

/* A, E and, unless NULL, T: the sum over modes of conj(transfer h) */
static snl_status lisa_signal(const lisa_ready *r, size_t nf, const double *f, double *A,
                              double *E, double *T)
{
    lisa_block b;
    for (size_t k = 0; k < nf; k += LISA_BLOCK) {
        const size_t n = lisa_min(nf - k, LISA_BLOCK);
        double *to[3] = { A + 2*k, E + 2*k, T ? T + 2*k : NULL };
        for (int c = 0; c < 3 && to[c]; c++) memset(to[c], 0, 2*n*sizeof *A);
        for (size_t a = 0; a < r->modes; a++) {
            const snl_status st = lisa_wave(r, a, n, f + k, &b);
            if (st != SNL_OK) return st;
            for (int c = 0; c < 3 && to[c]; c++) {
                double *h = to[c], *aet = b.aet[c];
                for (size_t i = 0; i < n; i++) {
                    const double re = b.amp[i]*b.hc[i], im = b.amp[i]*b.hs[i];
                    h[2*i]   += aet[2*i]*re - aet[2*i+1]*im;
                    h[2*i+1] -= aet[2*i]*im + aet[2*i+1]*re;
                }
            }
        }
    }
    return SNL_OK;
}

snl_status snl_lisa_transfer(const snl_lisa_cfg *cfg, const snl_source *s, int l, int m,
                             size_t nf, const double *f, const double *t, double *aet,
                             double *xyz, double *phase_R, snl_fault *why)
{
    const lisa_sky sky = lisa_sky_of(s);
    const snl_source angles = { 1, 1, 0, 0, 1, s->inclination, s->phi_ref, s->lambda, s->beta,
                                s->psi, 0 };
    lisa_block b;
    double ap[2], ac[2];
    int known = 0;
    snl_status st = snl_source_check(&angles, why);
    if (st != SNL_OK) return st;
    for (int a = 0; a < SNL_MODES; a++) known |= lisa_mode[a].l == l && lisa_mode[a].m == m;
    if (!known) return snl_refuse(why, "m", m, 1, l);
    if ((st = lisa_check_rows(nf, f, "f", 1e-30, 1e30, why)) != SNL_OK) return st;
    if ((st = lisa_check_rows(nf, t, "t", -1e30, 1e30, why)) != SNL_OK) return st;
    lisa_amplitudes(s, l, m, ap, ac);
    for (size_t i = 0; i < nf; i += LISA_BLOCK) {
        const size_t n = lisa_min(nf - i, LISA_BLOCK);
        lisa_arms(cfg, &sky, n, f + i, t + i, &b);
        lisa_channels(&b, n, ap, ac, aet + 2*i, aet + 2*(nf + i), aet + 2*(2*nf + i),
                      xyz ? xyz + 2*i : NULL, nf);
        memcpy(phase_R + i, b.doppler, n*sizeof *phase_R);
    }
    return SNL_OK;
}

snl_status snl_lisa_signal(const snl_lisa_cfg *cfg, const snl_source *s, size_t nf,
                           const double *f, double *A, double *E, double *T, snl_fault *why)
{
    lisa_ready r;
    snl_status st = lisa_prepare(&r, cfg, s, why);
    if (st == SNL_OK) st = snl_phenom_check(&r.wave, nf, f, why);
    return st == SNL_OK ? lisa_signal(&r, nf, f, A, E, T) : st;
}

snl_status snl_lisa_start(const snl_lisa_cfg *cfg, const snl_source *s, double t,
                          double lo, double hi, double *f, snl_fault *why)
{
    lisa_ready r;
    double at;
    snl_status st = lisa_prepare(&r, cfg, s, why);
    if (st != SNL_OK) return st;
    if (!(lo > 0 && lo <= hi)) return snl_refuse(why, "lo", lo, 0, hi);
    if (t != t) return snl_refuse(why, "t", t, -HUGE_VAL, HUGE_VAL);
    if ((st = snl_phenom_check(&r.wave, 1, &lo, why)) != SNL_OK) return st;
    if ((st = snl_phenom_check(&r.wave, 1, &hi, why)) != SNL_OK) return st;
    if ((st = snl_phenom_mode(&r.wave, 2, 2, 1, &lo, NULL, NULL, &at)) != SNL_OK) return st;
    if (at + s->t_ref >= t) hi = lo;
    while (hi > lo*(1 + 1e-14)) {
        const double mid = sqrt(lo*hi);
        if (!(mid > lo && mid < hi)) break;
        if ((st = snl_phenom_mode(&r.wave, 2, 2, 1, &mid, NULL, NULL, &at)) != SNL_OK) return st;
        if (at + s->t_ref >= t) hi = mid;
        else lo = mid;
    }
    *f = hi;
    return SNL_OK;
}

/* ==== Noise ============================================================== */

/* Tanh fit of the confusion noise in X's strain for years of 365.25 d, its three parameters
 * linear in time between the nodes. */
static void lisa_ldc(double days, double par[3])
{
    static const double node[7][4] = {      /* days, knee fk {Hz}, s1, s2 */
        { 1,      1.15120924e-2, 941.315118, 103.239773 },
        { 91.5,   4.01884128e-3, 1368.87568, 1033.51646 },
        { 183,    3.47302482e-3, 1687.29474, 1622.04855 },
        { 365.25, 2.77606177e-3, 1763.27234, 1686.31844 },
        { 730.5,  2.41178384e-3, 2326.78814, 2068.21665 },
        { 1461,   2.09278117e-3, 3014.30978, 2957.74596 },
        { 3652.5, 1.57362626e-3, 3749.70124, 3151.99454 }
    };
    size_t i = 0;
    while (i < 5 && days > node[i + 1][0]) i++;
    for (size_t j = 0; j < 3; j++)
        par[j] = node[i][j + 1] + (node[i + 1][j + 1] - node[i][j + 1])
                                * (days - node[i][0])/(node[i + 1][0] - node[i][0]);
}

/* The row of table 1 of [R]: years, alpha, beta, kappa, gamma, fk; NULL if it has none. */
static const double *lisa_robson(double years)
{
    static const double table[4][6] = {
        { 0.5, 0.133, 243, 482, 917, 0.00258 },   { 1, 0.171, 292, 1020, 1680, 0.00215 },
        { 2, 0.165, 299, 611, 1340, 0.00173 },    { 4, 0.138, -221, 521, 1680, 0.00113 }
    };
    for (int i = 0; i < 4; i++) if (years == table[i][0]) return table[i];
    return NULL;
}

/* Strain PSD of the foreground, g included (see snl.h).  1 + tanh y is 2/(1 + exp(-2y)). */
static double lisa_foreground(const snl_noise *ns, double f)
{
    const double T = ns->years, f73 = pow(f, -7/3.0);
    double p[3];
    switch (ns->foreground) {
    case SNL_FOREGROUND_LDC:
        lisa_ldc(365.25*T, p);
        return 6*0.5*3.26651613e-44*f73*exp(-p[1]*pow(f, 1.18300266))
             * 2/(1 + exp(2*p[2]*(f - p[0])));
    case SNL_FOREGROUND_ROBSON: {
        const double *q = lisa_robson(T);
        /* an exponent above 700 would overflow, but then 1 + tanh is 0 */
        return 7.2*9e-45*f73*exp(fmin(-pow(f, q[1]) + q[2]*f*sin(q[3]*f), 700))
             * 2/(1 + exp(2*q[4]*(f - q[5])));
    }
    case SNL_FOREGROUND_BABAK: {
        const double f1 = pow(10, -0.25*log10(T) - 2.70), fk = pow(10, -0.27*log10(T) - 2.47);
        return 7.2*0.5*1.14e-44*f73*exp(-pow(f/f1, 1.8)) * 2/(1 + exp(2*(f - fk)/0.31e-3));
    }
    default:
        return 0;
    }
}

static snl_status lisa_check_years(const snl_noise *ns, snl_fault *why)
{
    const double T = ns->years, lo = ns->foreground == SNL_FOREGROUND_LDC ? 1/365.25 : 0.1;
    if (ns->foreground == SNL_FOREGROUND_NONE) return SNL_OK;
    if (ns->foreground == SNL_FOREGROUND_ROBSON)
        return lisa_robson(T) ? SNL_OK : snl_refuse(why, "years (0.5, 1, 2 or 4)", T, 0.5, 4);
    return T >= lo && T <= 10 ? SNL_OK : snl_refuse(why, "years", T, lo, 10);
}

snl_status snl_noise_psd(const snl_noise *noise, snl_channel channel, size_t nf,
                         const double *f, double *S, snl_fault *why)
{
    static const double level[3][2] = {     /* by model: readout {m}, acceleration {m/s^2} */
        { 15e-12, 3e-15 }, { 10e-12, 2.4e-15 }, { 7.9e-12, 2.4e-15 }
    };
    const double *lv = level[noise->model];
    snl_status st = lisa_check_years(noise, why);
    if (st == SNL_OK) st = lisa_check_rows(nf, f, "f", 1e-30, 1e30, why);
    if (st != SNL_OK) return st;
    for (size_t i = 0; i < nf; i++) {
        const double w = 2*SNL_PI*f[i], X = w*SNL_ARM/SNL_C, sX = sin(X), sh = sin(0.5*X);
        const double a4 = f[i]/8e-3, o4 = 2e-3/f[i], knee = 0.4e-3/f[i];
        const double tm = lv[1]*lv[1]*(1 + knee*knee)*(1 + a4*a4*a4*a4)/(w*w*SNL_C*SNL_C);
        const double oms = lv[0]*lv[0]*(1 + o4*o4*o4*o4)*(w*w)/(SNL_C*SNL_C);
        const double s2X = sin(2*X), gen = noise->tdi == SNL_TDI_20 ? 4*s2X*s2X : 1;
        if (channel == SNL_CHANNEL_T)
            S[i] = 16*gen*sX*sX*(2*sh*sh*oms + 8*sh*sh*sh*sh*tm);
        else
            S[i] = gen*sX*sX*(8*((2 + cos(X))*oms + 2*(3 + 2*cos(X) + cos(2*X))*tm)
                            + X*X*lisa_foreground(noise, f[i]));
    }
    return SNL_OK;
}

snl_status snl_noise_table(size_t rows, const double *f, const double *S, size_t nf,
                           const double *at, double *out, snl_fault *why)
{
    snl_status st;
    if (rows < 2) return snl_refuse(why, "rows", (double)rows, 2, HUGE_VAL);
    for (size_t i = 0; i < rows; i++) {
        const double lo = i ? f[i-1] : 1e-30, big = 1e150;       /* ratios stay finite */
        if (!(f[i] > lo && f[i] < 1e30)) return lisa_refuse_row(why, "f", f[i], lo, 1e30, i);
        if (!(S[i] > 1/big && S[i] < big)) return lisa_refuse_row(why, "S", S[i], 1/big, big, i);
    }
    if ((st = lisa_check_rows(nf, at, "at", f[0], f[rows - 1], why)) != SNL_OK) return st;
    for (size_t k = 0; k < nf; k++) {
        size_t a = 0, b = rows - 1;
        while (b - a > 1) *(at[k] < f[(a + b)/2] ? &b : &a) = (a + b)/2;
        out[k] = S[a]*pow(S[b]/S[a], log(at[k]/f[a])/log(f[b]/f[a]));
    }
    return SNL_OK;
}

snl_status snl_snr(const snl_lisa_cfg *cfg, const snl_source *s, const snl_noise *noise,
                   double lo, double hi, size_t n, double snr[4], snl_fault *why)
{
    static const snl_channel channel[3] = { SNL_CHANNEL_A, SNL_CHANNEL_E, SNL_CHANNEL_T };
    lisa_ready r;
    snl_noise ns = *noise;
    double h[3][2*LISA_BLOCK], f[LISA_BLOCK], S[LISA_BLOCK], sum[3] = { 0, 0, 0 };
    snl_status st = lisa_prepare(&r, cfg, s, why);
    if (st != SNL_OK) return st;
    if (!(lo > 0 && lo <= hi)) return snl_refuse(why, "lo", lo, 0, hi);
    if (n < 2 || n % 2) return snl_refuse(why, "n (even)", (double)n, 2, HUGE_VAL);
    ns.tdi = cfg->tdi;
    for (size_t k = 0; k <= n; k += LISA_BLOCK) {
        const size_t m = lisa_min(n + 1 - k, LISA_BLOCK);
        for (size_t i = 0; i < m; i++) f[i] = lo*pow(hi/lo, (double)(k + i)/(double)n);
        if ((st = lisa_signal(&r, m, f, h[0], h[1], h[2])) != SNL_OK) return st;
        for (int c = 0; c < 3; c++) {
            if ((st = snl_noise_psd(&ns, channel[c], m, f, S, why)) != SNL_OK) return st;
            for (size_t i = 0; i < m; i++) {
                const double simpson = k + i == 0 || k + i == n ? 1 : (k + i) % 2 ? 4 : 2;
                sum[c] += simpson*f[i]*(h[c][2*i]*h[c][2*i] + h[c][2*i+1]*h[c][2*i+1])/S[i];
            }
        }
    }
    for (int c = 0; c < 3; c++) sum[c] *= 4*log(hi/lo)/(3*(double)n);
    snr[0] = sqrt(sum[0]);           snr[1] = sqrt(sum[1]);
    snr[2] = sqrt(sum[0] + sum[1]);  snr[3] = sqrt(sum[2]);
    return SNL_OK;
}

/* ==== Data and likelihood ================================================ */

/* An object and its arrays share one block: doubles before the arrays begin. */
#define LISA_HEAD(type) ((sizeof(type) + sizeof(double) - 1)/sizeof(double))

/* The block of an object that begins with head [bytes] and has `doubles` in all, or NULL */
static double *lisa_new(size_t doubles, const void *head, size_t bytes)
{
    double *block = (double *)SNL_CALLOC(doubles, sizeof *block);
    if (block) memcpy(block, head, bytes);
    return block;
}

static size_t lisa_data_layout(snl_data *d, double *base)
{
    size_t used = LISA_HEAD(snl_data);
    d->f = lisa_take(base, &used, d->n);
    d->d = lisa_take(base, &used, 4*d->n);
    d->S = lisa_take(base, &used, 2*d->n);
    return used;
}

snl_status snl_data_create(snl_data **out, double df, size_t k0, size_t n)
{
    const double top = df*((double)k0 + (double)n);
    snl_data head, *d;
    double *block;
    *out = NULL;
    if (!(df > 0 && top < HUGE_VAL) || k0 < 1 || n < 1
        || n > (size_t)-1/128) return SNL_EINVAL;
    head.n = n;
    head.df = df;
    if (!(block = lisa_new(lisa_data_layout(&head, NULL), &head, sizeof head))) return SNL_ENOMEM;
    d = (snl_data *)(void *)block;
    lisa_data_layout(d, block);
    for (size_t k = 0; k < n; k++) d->f[k] = (double)(k0 + k)*df;
    for (size_t k = 0; k < 2*n; k++) d->S[k] = 1;
    *out = d;
    return SNL_OK;
}

void snl_data_free(snl_data *data) { SNL_FREE(data); }

/* Re sum conj(a) b / S over n pairs, two running sums of each part. */
static double lisa_over(size_t n, const double *a, const double *b, const double *S)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 1 < n; i += 2) {
        const double p = 1/S[i], q = 1/S[i + 1];
        s0 += a[2*i]*b[2*i]*p;      s1 += a[2*i+1]*b[2*i+1]*p;
        s2 += a[2*i+2]*b[2*i+2]*q;  s3 += a[2*i+3]*b[2*i+3]*q;
    }
    if (i < n) s0 += (a[2*i]*b[2*i] + a[2*i+1]*b[2*i+1])/S[i];
    return (s0 + s1) + (s2 + s3);
}

double snl_data_inner(const snl_data *data, const double *a, const double *b)
{
    const size_t n = data->n;
    return 4*data->df*(lisa_over(n, a, b, data->S) + lisa_over(n, a + 2*n, b + 2*n, data->S + n));
}

double snl_data_snr(const snl_data *data, const double *a)
{ return sqrt(snl_data_inner(data, a, a)); }

void snl_data_add_noise(snl_data *data, snl_rng *rng)
{
    for (size_t i = 0; i < 4*data->n; i++)
        data->d[i] += sqrt(data->S[i/2]/(4*data->df))*snl_rng_normal(rng);
}

snl_status snl_data_filter(const snl_data *data, const double *h, const snl_fft *plan,
                           double *z, double *work)
{
    const size_t N = plan->n, n = data->n, first = (size_t)(data->f[0]/data->df + 0.5);
    if (N < first + n) return SNL_EINVAL;
    memset(z, 0, 2*N*sizeof *z);
    for (size_t i = 0; i < 2*n; i++) {
        const double q = 4*data->df*(double)N/data->S[i], *a = h + 2*i, *d = data->d + 2*i;
        double *at = z + 2*(first + i % n);
        at[0] += q*(a[0]*d[0] + a[1]*d[1]);
        at[1] += q*(a[0]*d[1] - a[1]*d[0]);
    }
    snl_fft_inverse(plan, z, z, work);
    return SNL_OK;
}

snl_status snl_data_add_signal(snl_data *data, const snl_lisa_cfg *cfg, const snl_source *s,
                               snl_fault *why)
{
    lisa_ready r;
    double h[2][2*LISA_BLOCK];
    snl_status st = lisa_prepare(&r, cfg, s, why);
    if (st == SNL_OK) st = snl_phenom_check(&r.wave, data->n, data->f, why);
    for (size_t k = 0; k < data->n && st == SNL_OK; k += LISA_BLOCK) {
        const size_t n = lisa_min(data->n - k, LISA_BLOCK);
        if ((st = lisa_signal(&r, n, data->f + k, h[0], h[1], NULL)) != SNL_OK) break;
        for (size_t i = 0; i < 2*n; i++) {
            data->d[2*k + i] += h[0][i];
            data->d[2*(data->n + k) + i] += h[1][i];
        }
    }
    return st;
}

/* ==== Likelihood on every bin ============================================
 *
 * In a panel of neighbouring bins the phase of a mode and its amplitudes are Chebyshev series
 * through LISA_NODES points.  A panel whose last two terms are not negligible, or in which
 * the observation begins or ends, is halved, until its bins themselves are the points. */

enum { LISA_NODES = 8, LISA_PANELS = LISA_BLOCK/LISA_NODES };

static const double lisa_width = 0.04, lisa_miss = 1e-9;    /* df/f; relative, and of a phase */

typedef struct lisa_panel { size_t k, n; } lisa_panel;      /* bins k .. k+n-1 */

/* A, E (re, im) before the phase, the phase and the side of a mode at all panels' points */
typedef double lisa_slow[6][LISA_BLOCK];

/* The largest amplitude in the panel whose points begin at `at`, infinite if the observation
 * of a mode begins or ends there. */
static double lisa_size(size_t modes, lisa_slow *slow, size_t at)
{
    double size = 0;
    for (size_t a = 0; a < modes; a++)
        for (size_t j = at; j < at + LISA_NODES; j++) {
            for (int k = 0; k < 4; k++) size = fmax(size, fabs(slow[a][k][j]));
            if (slow[a][5][j] != slow[a][5][at]) return HUGE_VAL;
        }
    return size;
}

/* Values v at u = cos(pi j/7) to Chebyshev's coefficients c = C v, then to those of powers of
 * u; returns the size of the last two c. */
static double lisa_series(double C[LISA_NODES][LISA_NODES], double *v)
{
    double c[LISA_NODES] = { 0 };
    for (int j = 0; j < LISA_NODES; j++)
        for (int m = 0; m < LISA_NODES; m++) c[m] += C[j][m]*v[j];
    v[0] = c[0] - c[2] + c[4] - c[6];       v[1] = c[1] - 3*c[3] + 5*c[5] - 7*c[7];
    v[2] = 2*c[2] - 8*c[4] + 18*c[6];       v[3] = 4*c[3] - 20*c[5] + 56*c[7];
    v[4] = 8*c[4] - 48*c[6];                v[5] = 16*c[5] - 112*c[7];
    v[6] = 32*c[6];                         v[7] = 64*c[7];
    return fabs(c[6]) + fabs(c[7]);
}

/* Make the values series; true if those are good. */
static int lisa_resolve(double C[LISA_NODES][LISA_NODES], size_t modes, lisa_slow *slow,
                        size_t at, double size)
{
    double miss = 0;
    for (size_t a = 0; a < modes; a++) {        /* a phase is not better than its rounding */
        const double far = fmax(fabs(slow[a][4][at]), fabs(slow[a][4][at + LISA_NODES - 1]));
        for (int k = 0; k < 5; k++)
            miss = fmax(miss, lisa_series(C, slow[a][k] + at)
                              / (lisa_miss*(k < 4 ? size : 1) + (k < 4 ? 0 : 4e-15*far)));
    }
    return miss < 1;
}

/* A series at u0, u0 + du .. (n) */
static void lisa_series_at(const double *v, int n, double u0, double du, double *restrict out)
{
    for (int i = 0; i < n; i++) {
        const double u = u0 + du*i;
        out[i] = v[0] + u*(v[1] + u*(v[2] + u*(v[3] + u*(v[4] + u*(v[5] + u*(v[6] + u*v[7]))))));
    }
}

/* sum += Re conj(d - h/2) h/S over the bins of a panel: <d|h> - <h|h>/2 = <d - h/2|h>. */
static void lisa_panel_add(const snl_data *data, lisa_panel p, size_t modes, lisa_slow *slow,
                           size_t at, double *restrict sum)
{
    const double du = p.n > 1 ? 2/(double)(p.n - 1) : 0;
    double h[4][LISA_BLOCK], q[5][LISA_BLOCK], s[LISA_BLOCK], c[LISA_BLOCK];
    for (size_t j = 0; j < p.n; j += LISA_BLOCK) {
        const size_t n = lisa_min(p.n - j, LISA_BLOCK);
        memset(h, 0, sizeof h);
        for (size_t a = 0; a < modes; a++) {
            for (int k = 0; k < 5; k++) {
                const double *v = slow[a][k] + at;
                if (p.n <= LISA_NODES) memcpy(q[k], v, n*sizeof *v);
                else lisa_series_at(v, (int)n, (double)j*du - 1, du, q[k]);
            }
            lisa_sincos(n, 1, q[4], s, c);
            for (int k = 0; k < 4; k += 2)
                for (size_t i = 0; i < n; i++) {
                    h[k][i]   += q[k][i]*c[i] - q[k+1][i]*s[i];
                    h[k+1][i] -= q[k][i]*s[i] + q[k+1][i]*c[i];
                }
        }
        for (size_t k = 0; k < 2; k++) {
            const double *d = data->d + 2*(k*data->n + p.k + j), *re = h[2*k], *im = h[2*k+1];
            const double *S = data->S + k*data->n + p.k + j;
            for (size_t i = 0; i < n; i++)
                sum[i] += ((d[2*i] - 0.5*re[i])*re[i] + (d[2*i+1] - 0.5*im[i])*im[i])/S[i];
        }
    }
}

/* All modes at n frequencies */
static snl_status lisa_slow_at(const lisa_ready *r, size_t n, const double *f, lisa_slow *slow)
{
    lisa_block b;
    for (size_t a = 0; a < r->modes; a++) {
        const snl_status st = lisa_wave(r, a, n, f, &b);
        if (st != SNL_OK) return st;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 4; k++) slow[a][k][i] = b.amp[i]*b.aet[k/2][2*i + k%2];
        memcpy(slow[a][4], b.phase, n*sizeof *f);
        memcpy(slow[a][5], b.side, n*sizeof *f);
    }
    return SNL_OK;
}

/* Panels are taken from the left, LISA_PANELS at a time, halves of halved ones first.  Of
 * those that wait no more than 2 LISA_PANELS have been halved equally often. */
snl_status snl_likelihood_dense(const snl_data *data, const snl_lisa_cfg *cfg,
                                const snl_source *s, double *lnL, snl_fault *why)
{
    enum { N = LISA_NODES, MOST = 2*LISA_PANELS*8*sizeof(size_t) };
    lisa_panel halves[MOST], now[LISA_PANELS];
    lisa_ready r;
    lisa_slow slow[SNL_MODES];
    double f[LISA_BLOCK], x[N], C[N][N], sum[LISA_BLOCK] = { 0 }, top = 0;
    size_t waiting = 0, next = 0, count, j;
    snl_status st = lisa_prepare(&r, cfg, s, why);
    for (j = 0; j < N; j++) {
        x[j] = cos(SNL_PI*(double)j/(N - 1));
        for (size_t m = 0; m < N; m++)
            C[j][m] = cos(SNL_PI*(double)(j*m % (2*N - 2))/(N - 1))*2/(N - 1)
                    * (j % (N - 1) ? 1 : 0.5)*(m % (N - 1) ? 1 : 0.5);
    }
    while (st == SNL_OK && (waiting || next < data->n)) {
        for (count = 0; count < LISA_PANELS && (waiting || next < data->n); count++) {
            lisa_panel p = { next, data->n - next };
            if (waiting) p = halves[--waiting];
            else {      /* no wider than a turn of the arms' phases, 8x */
                const double n = fmin(lisa_width*data->f[next], SNL_C/(8*SNL_ARM))/data->df;
                if (n < (double)p.n) p.n = lisa_min(p.n, n > N ? (size_t)n : N);
                next += p.n;
            }
            for (j = 0; j < N; j++)
                f[count*N + j] = p.n <= N ? data->f[p.k + lisa_min(j, p.n - 1)]
                    : data->f[p.k] + 0.5*(1 + x[j])*(double)(p.n - 1)*data->df;
            now[count] = p;
        }
        st = lisa_slow_at(&r, count*N, f, slow);    /* where it fails, the bin is named */
        if (st != SNL_OK && snl_phenom_check(&r.wave, data->n, data->f, why) != SNL_OK) return st;
        for (j = count; j-- > 0 && st == SNL_OK; ) {
            const lisa_panel p = now[j], left = { p.k, p.n/2 };
            const lisa_panel right = { p.k + p.n/2, p.n - p.n/2 };
            const double size = lisa_size(r.modes, slow, j*N);
            const int whole = size < HUGE_VAL;
            if (whole) top = fmax(top, size);
            if (whole && size <= 1e-20*top) continue;       /* below the last digit */
            if (p.n <= N || (whole && lisa_resolve(C, r.modes, slow, j*N, size)))
                lisa_panel_add(data, p, r.modes, slow, j*N, sum);
            else { halves[waiting++] = left;  halves[waiting++] = right; }
        }
    }
    for (j = 1; j < LISA_BLOCK; j++) sum[0] += sum[j];
    if (st == SNL_OK) *lnL = 4*data->df*sum[0];
    return st;
}

/* ==== Search ============================================================= */

enum { LISA_SIZES = 6 };            /* transforms of length N, N/2 .. N/32 */
static const double lisa_light = 520;       /* 1 AU/c, rounded up {s} */

struct snl_scan {
    const snl_data *data;
    snl_lisa_cfg cfg;
    double  centre, half;           /* times are centre - half .. centre + half            */
    size_t  block, blocks;          /* bins summed before the transform, and what is left  */
    snl_fft plan[LISA_SIZES];
    double *g;                      /* [n]  response to h~ in the long-wavelength limit     */
    double *turn;                   /* [n]  2 pi f (centre - epoch), whole turns left out   */
};

static size_t lisa_scan_layout(snl_scan *s, size_t N, double *base)
{
    size_t used = LISA_HEAD(snl_scan);
    s->g = lisa_take(base, &used, s->data->n);
    s->turn = lisa_take(base, &used, s->data->n);
    for (size_t i = 0; i < LISA_SIZES; i++)
        used += lisa_fft_layout(&s->plan[i], N >> i, base ? base + used : NULL);
    return used;
}

snl_status snl_scan_create(snl_scan **out, const snl_data *data, const snl_lisa_cfg *cfg,
                           double t_lo, double t_hi)
{
    const double period = 1/data->df;
    size_t N = 64;
    snl_scan head, *s;
    double *block;
    *out = NULL;
    if (!(t_lo < t_hi && t_hi - t_lo < HUGE_VAL)) return SNL_EINVAL;
    memset(&head, 0, sizeof head);
    head.data = data;
    head.cfg = *cfg;
    head.centre = 0.5*(t_lo + t_hi);
    head.half = fmin(0.5*(t_hi - t_lo) + lisa_light, 0.5*period);
    /* within a block phases turn by less than 0.4 rad from its middle */
    head.block = (size_t)fmin(32, fmax(1, 0.4/(SNL_PI*data->df*head.half)));
    head.blocks = (data->n + head.block - 1)/head.block;
    while (N < 2*head.blocks) N *= 2;
    if (N > SNL_FFT_MAX) return SNL_EINVAL;
    if (!(block = lisa_new(lisa_scan_layout(&head, N, NULL), &head, sizeof head)))
        return SNL_ENOMEM;
    s = (snl_scan *)(void *)block;
    lisa_scan_layout(s, N, block);
    for (size_t k = 0; k < data->n; k++) {
        const double x = 2*SNL_PI*SNL_ARM/SNL_C*data->f[k];
        s->g[k] = x*sin(x)*(cfg->tdi == SNL_TDI_20 ? 2*sin(2*x) : 1);
        s->turn[k] = 2*SNL_PI*fmod(data->f[k]*(s->centre - cfg->epoch), 1.0);
    }
    *out = s;
    return SNL_OK;
}

void snl_scan_free(snl_scan *s) { SNL_FREE(s); }

size_t snl_scan_work(const snl_scan *s)
{ return 4*s->plan[0].n + snl_fft_work(s->plan[0].n); }

snl_status snl_scan_merger(const snl_scan *s, const double *series, double m1, double m2,
                           double chi1, double chi2, double *rho2, double *t, double *work)
{
    const snl_data *d = s->data;
    const double *x = series ? series : d->d;
    double amp[LISA_BLOCK], phase[LISA_BLOCK], si[LISA_BLOCK], co[LISA_BLOCK];
    double norm[2] = { 0, 0 }, *z[2], step;
    size_t bins, blocks, need, size = 0, N, most;
    snl_phenom p;
    snl_status st = snl_phenom_prepare(&p, s->cfg.qnm, SNL_PHENOMD, m1, m2, chi1, chi2, 1e5,
                                       NULL, NULL);
    if (st != SNL_OK) return st;
    /* Bins up to Mf = 0.2; times at half the step that those up to 0.1, where the signal is,
     * demand: at the whole step a band cut off by data->n loses a fifth between two times. */
    bins = (size_t)fmin((double)d->n, fmax(1, (0.2/p.M_sec - d->f[0])/d->df));
    blocks = (bins + s->block - 1)/s->block;
    need = (size_t)fmax((double)blocks, 2*fmin((double)blocks,
                        (0.1/p.M_sec - d->f[0])/(d->df*(double)s->block)));
    while (size + 1 < LISA_SIZES && s->plan[size + 1].n >= need) size++;
    N = s->plan[size].n;
    z[0] = work;
    z[1] = work + 2*N;
    memset(work, 0, 4*N*sizeof *work);
    for (size_t k = 0; k < bins; k += LISA_BLOCK) {
        const size_t n = lisa_min(bins - k, LISA_BLOCK);
        st = snl_phenom_mode(&p, 2, 2, n, d->f + k, amp, phase, NULL);
        if (st != SNL_OK) return st;
        for (size_t i = 0; i < n; i++) phase[i] += s->turn[k + i];
        lisa_sincos(n, 1, phase, si, co);
        for (size_t c = 0; c < 2; c++) {
            const double *v = x + 2*(c*d->n + k), *S = d->S + c*d->n + k;
            for (size_t i = 0; i < n; i++) {        /* conj(h) d/S, h = a exp(-i phase) */
                const double a = amp[i]*s->g[k + i], w = a/S[i];
                double *to = z[c] + 2*((k + i)/s->block);
                to[0] += w*(co[i]*v[2*i] - si[i]*v[2*i+1]);
                to[1] += w*(co[i]*v[2*i+1] + si[i]*v[2*i]);
                norm[c] += a*w;
            }
        }
    }
    *rho2 = 0;
    *t = s->centre;
    if (!(norm[0] > 0 && norm[1] > 0)) return SNL_OK;
    for (size_t c = 0; c < 2; c++) snl_fft_inverse(&s->plan[size], z[c], z[c], work + 4*N);
    step = 1/((double)(N*s->block)*d->df);
    most = (size_t)fmin((double)(N/2), s->half/step);
    for (size_t j = 0; j < N; j == most && most < N/2 ? j = N - most : j++) {
        const double *u = z[0] + 2*j, *v = z[1] + 2*j;
        const double r = (u[0]*u[0] + u[1]*u[1])/norm[0] + (v[0]*v[0] + v[1]*v[1])/norm[1];
        if (r > *rho2) { *rho2 = r;  *t = s->centre + step*((double)j - (j < N/2 ? 0 : (double)N)); }
    }
    *rho2 *= 4*d->df*((double)N*(double)N);
    return SNL_OK;
}

/* ==== Heterodyned likelihood ============================================= */

/* Carrier of a mode on n <= LISA_BLOCK frequencies, w [n][2]; floor f^(-7/6) is the part of
 * its amplitude that does not die out in the ringdown. */
static snl_status lisa_carrier(const lisa_ready *r, double floor, size_t a, size_t n,
                               const double *f, double *w)
{
    lisa_block b;
    const snl_status st = lisa_wave(r, a, n, f, &b);
    if (st != SNL_OK) return st;
    for (size_t i = 0; i < n; i++) {
        const double size = b.g[i]*(b.amp[i] + floor*pow(f[i], -7/6.0));
        w[2*i] = size*b.hc[i];
        w[2*i+1] = -size*b.hs[i];
    }
    return SNL_OK;
}

enum { LISA_BAND = 4 };         /* nodes that share a bin: those of the cubic */

static size_t lisa_het_layout(snl_het *h, double *base)
{
    const size_t K = h->K, M = h->modes;
    size_t used = LISA_HEAD(snl_het);
    h->f = lisa_take(base, &used, K);
    h->w = lisa_take(base, &used, 2*M*K);
    h->x = lisa_take(base, &used, 4*M*K);
    h->T = lisa_take(base, &used, 2*2*M*K*LISA_BAND*M);
    return used;
}

/* K nodes from lo to hi: f_{k+1} = max(f_k exp(step), f_k + gap), step by bisection.
 * ([Z] has bins; with nodes closer than the data some would weigh nothing or less.) */
static void lisa_nodes(size_t K, double lo, double hi, double gap, double *f)
{
    double a = 0, b = log(hi/lo)/(double)(K - 1);
    for (int i = 0; i < 60; i++) {
        const double step = exp(0.5*(a + b));
        f[0] = lo;
        for (size_t k = 1; k < K; k++) f[k] = fmax(f[k-1]*step, f[k-1] + gap);
        if (f[K-1] < hi) a = 0.5*(a + b);
        else b = 0.5*(a + b);
    }
    f[K-1] = hi;
}

/* Lagrange weights at u of the four nodes x. */
static void lisa_lagrange(const double *x, double u, double L[LISA_BAND])
{
    for (int i = 0; i < LISA_BAND; i++) {
        L[i] = 1;
        for (int j = 0; j < LISA_BAND; j++) if (j != i) L[i] *= (u - x[j])/(x[i] - x[j]);
    }
}

/* Add n <= LISA_BLOCK bins, from bin k on, to W (in x) and G (its lower half in T); u [K] is
 * ln f of the nodes, w [M] the carriers.  *node is the interval of the last bin, which only
 * grows. */
static void lisa_het_add(snl_het *h, const snl_data *data, size_t k, size_t n, const double *u,
                         double w[SNL_MODES][2*LISA_BLOCK], size_t *node)
{
    const size_t K = h->K, M = h->modes, band = LISA_BAND*M;
    for (size_t i = 0; i < n; i++) {
        const double t = log(data->f[k + i]);
        double L[LISA_BAND], v[2*LISA_BAND*SNL_MODES];
        size_t first;
        while (*node + 2 < K && t > u[*node + 1]) ++*node;
        first = *node > 0 ? lisa_min(*node - 1, K - LISA_BAND) : 0;
        lisa_lagrange(u + first, t, L);
        for (size_t p = 0; p < band; p++) {     /* the bin's signal is sum_p v_p r_p */
            v[2*p]   = L[p/M]*w[p % M][2*i];
            v[2*p+1] = L[p/M]*w[p % M][2*i+1];
        }
        for (size_t c = 0; c < 2; c++) {
            const double *d = data->d + 2*(c*data->n + k + i);
            const double q = 4*data->df/data->S[c*data->n + k + i];
            double *x = h->x + 2*M*(c*K + first), *T = h->T + 2*band*M*(c*K + first);
            for (size_t p = 0; p < band; p++, T += 2*band) {
                const double re = q*v[2*p], im = q*v[2*p+1];
                lisa_conj_add(x + 2*p, re, im, d);
                for (size_t s = p; s < band; s++)       /* T_p,s-p = conj G_sp */
                    lisa_conj_add(T + 2*(s - p), re, im, v + 2*s);
            }
        }
    }
}

/* In each channel G = L L^H, T_p,j = conj L_p+j,p, and x = L^-1 W.  Where modes cannot be
 * told apart within a few bins G is singular but for rounding; a share of 1e-11 more on the
 * diagonal changes no ln L.  Returns the row that is not positive, or their number. */
static size_t lisa_het_factor(snl_het *h)
{
    const size_t rows = h->K*h->modes, band = LISA_BAND*h->modes;
    for (size_t c = 0; c < 2; c++) {
        double *T = h->T + 2*c*rows*band, *x = h->x + 2*c*rows;
        for (size_t p = 0; p < rows; p++) T[2*p*band] *= 1 + 1e-11;
        for (size_t p = 0; p < rows; p++) {
            double *P = T + 2*p*band;
            const size_t most = lisa_min(band, rows - p);
            if (!(P[0] > 0)) return p;
            const double q = 1/sqrt(P[0]);
            for (size_t j = 0; j < 2*most; j++) P[j] *= q;
            x[2*p] *= q;
            x[2*p+1] *= q;
            for (size_t a = 1; a < most; a++) {         /* what row p leaves to row p + a */
                double *Q = T + 2*(p + a)*band;
                const double re = -P[2*a], im = -P[2*a+1];      /* -conj L_p+a,p */
                for (size_t b = a; b < most; b++) lisa_conj_add(Q + 2*(b - a), re, im, P + 2*b);
                lisa_conj_add(x + 2*(p + a), re, im, x + 2*p);
            }
        }
    }
    return rows;
}

snl_status snl_het_create(snl_het **out, const snl_data *data, const snl_lisa_cfg *cfg,
                          const snl_source *ref, size_t K, snl_fault *why)
{
    const size_t most = (data->n - 1)/4 + 1;
    lisa_ready r;
    double floor, amp;
    snl_het head, *h;
    double *block, *u, w[SNL_MODES][2*LISA_BLOCK];
    size_t node = 0;
    snl_status st;

    *out = NULL;
    if ((st = lisa_prepare(&r, cfg, ref, why)) != SNL_OK) return st;
    r.cfg.t0 = -HUGE_VAL;       /* the carrier has no gaps */
    r.cfg.t1 = HUGE_VAL;
    if ((st = snl_phenom_check(&r.wave, data->n, data->f, why)) != SNL_OK) return st;
    if ((st = snl_phenom_mode(&r.wave, 2, 2, 1, data->f, &amp, NULL, NULL)) != SNL_OK) return st;
    floor = 1e-2*amp*pow(data->f[0], 7/6.0);
    if (K < 8 || K > most) return snl_refuse(why, "K", (double)K, 8, (double)most);
    for (size_t i = 0; i < 2*data->n; i++)
        if (!(data->S[i] > 0)) return lisa_refuse_row(why, "S", data->S[i], 0, HUGE_VAL, i);

    head.K = K;
    head.modes = r.modes;
    for (size_t a = 0; a < r.modes; a++) { head.l[a] = r.mode[a].l;  head.m[a] = r.mode[a].m; }
    head.cfg = *cfg;
    head.ref = *ref;
    if (!(block = lisa_new(lisa_het_layout(&head, NULL), &head, sizeof head))) return SNL_ENOMEM;
    h = (snl_het *)(void *)block;
    lisa_het_layout(h, block);
    st = SNL_ENOMEM;
    if (!(u = (double *)SNL_CALLOC(K, sizeof *u))) goto fail;

    lisa_nodes(K, data->f[0], data->f[data->n - 1], 4*data->df, h->f);
    for (size_t k = 0; k < K; k++) u[k] = log(h->f[k]);
    for (size_t a = 0; a < h->modes; a++)
        for (size_t k = 0; k < K; k += LISA_BLOCK)
            if ((st = lisa_carrier(&r, floor, a, lisa_min(K - k, LISA_BLOCK), h->f + k,
                                   h->w + 2*(a*K + k))) != SNL_OK) goto fail;
    for (size_t k = 0; k < data->n; k += LISA_BLOCK) {
        const size_t n = lisa_min(data->n - k, LISA_BLOCK);
        for (size_t a = 0; a < h->modes; a++)
            if ((st = lisa_carrier(&r, floor, a, n, data->f + k, w[a])) != SNL_OK) goto fail;
        lisa_het_add(h, data, k, n, u, w, &node);
    }
    if ((node = lisa_het_factor(h)) < h->modes*K) {
        lisa_refuse_row(why, "G", 0, 0, HUGE_VAL, node/h->modes);
        st = SNL_EFAILED;
        goto fail;
    }
    SNL_FREE(u);
    *out = h;
    return SNL_OK;
fail:
    SNL_FREE(u);
    snl_het_free(h);
    return st;
}

void snl_het_free(snl_het *het) { SNL_FREE(het); }

/* Ratios conj(transfer h)/w, [M][2][K][2], of a source made ready for h->cfg */
static snl_status lisa_ratios(const snl_het *h, const lisa_ready *r, double *out)
{
    const size_t K = h->K;
    lisa_block b;
    for (size_t a = 0; a < h->modes; a++)
        for (size_t k = 0; k < K; k += LISA_BLOCK) {
            const size_t n = lisa_min(K - k, LISA_BLOCK);
            const double *w = h->w + 2*(a*K + k);
            const snl_status st = lisa_wave(r, a, n, h->f + k, &b);
            if (st != SNL_OK) return st;
            for (size_t c = 0; c < 2; c++) {
                double *to = out + 2*((2*a + c)*K + k), *T = b.aet[c];
                for (size_t i = 0; i < n; i++) {
                    const double re = T[2*i]*b.hc[i] - T[2*i+1]*b.hs[i];
                    const double im = T[2*i]*b.hs[i] + T[2*i+1]*b.hc[i];
                    const double q = b.amp[i]/(w[2*i]*w[2*i] + w[2*i+1]*w[2*i+1]);
                    to[2*i]   = q*(re*w[2*i] - im*w[2*i+1]);
                    to[2*i+1] = -q*(im*w[2*i] + re*w[2*i+1]);
                }
            }
        }
    return SNL_OK;
}

/* Over n pairs, the sums of re re', im im', re im' and im re' */
static inline void lisa_sums(size_t n, const double *a, const double *b, double s[4])
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t i = 0; i < 2*n; i += 2) {
        s0 += a[i]*b[i];    s1 += a[i+1]*b[i+1];
        s2 += a[i]*b[i+1];  s3 += a[i+1]*b[i];
    }
    s[0] = s0;  s[1] = s1;  s[2] = s2;  s[3] = s3;
}

/* s = L^H r in each channel. */
static void lisa_whiten(const snl_het *h, const double *r, double *s)
{
    const size_t K = h->K, M = h->modes, band = LISA_BAND*M;
    double v[2*LISA_BAND*SNL_MODES];            /* r of the next nodes, modes inside */
    for (size_t c = 0; c < 2; c++)
        for (size_t k = 0; k < K; k++, s += 2*M) {
            const size_t n = lisa_min(LISA_BAND, K - k)*M;
            for (size_t p = 0; p < n; p++) {
                const double *q = r + 2*((2*(p % M) + c)*K + k + p/M);
                v[2*p] = q[0];
                v[2*p+1] = q[1];
            }
            for (size_t a = 0; a < M; a++) {
                double z[4];
                lisa_sums(n - a, h->T + 2*((c*K + k)*M + a)*band, v + 2*a, z);
                s[2*a] = z[0] - z[1];
                s[2*a+1] = z[2] + z[3];
            }
        }
}

snl_status snl_het_signal(const snl_het *h, const snl_source *source, double *s, double *work,
                          snl_fault *why)
{
    lisa_ready ready;
    snl_status st = lisa_prepare(&ready, &h->cfg, source, why);
    if (st == SNL_OK) st = lisa_ratios(h, &ready, work);
    if (st == SNL_OK) lisa_whiten(h, work, s);
    return st;
}

snl_status snl_het_basis(const snl_het *h, const snl_source *s, double *out, double *work,
                         snl_fault *why)
{
    const size_t each = 4*h->K, n = each*h->modes;
    double *one = work + n;                     /* ratios of a single mode */
    lisa_ready ready;
    snl_source unit = *s;
    unit.distance = 1;
    snl_status st = lisa_prepare(&ready, &h->cfg, &unit, why);
    for (size_t p = 0; p < 2 && st == SNL_OK; p++) {
        for (size_t a = 0; a < h->modes; a++) {
            ready.mode[a].plus[0] = p == 0;     ready.mode[a].plus[1] = 0;
            ready.mode[a].cross[0] = p == 1;    ready.mode[a].cross[1] = 0;
        }
        st = lisa_ratios(h, &ready, work);
        memset(one, 0, n * sizeof *one);
        for (size_t a = 0; a < h->modes && st == SNL_OK; a++) {
            memcpy(one + a*each, work + a*each, each * sizeof *one);
            lisa_whiten(h, one, out + (2*a + p)*n);
            memset(one + a*each, 0, each * sizeof *one);
        }
    }
    return st;
}

void snl_complex_dot(size_t n, const double *a, const double *b, double z[2])
{
    double s[4];
    lisa_sums(n, a, b, s);
    z[0] = s[0] + s[1];
    z[1] = s[2] - s[3];
}

size_t snl_het_work(const snl_het *het) { return 4*het->modes*het->K; }

/* Whitened signal, the complex <d|h> and <h|h> of a source. */
static snl_status lisa_het_products(const snl_het *h, const snl_source *s, double *work,
                                    double dh[2], double *hh, snl_fault *why)
{
    const size_t n = snl_het_work(h);
    double zero[2];
    const snl_status st = snl_het_signal(h, s, work, work + n, why);
    if (st != SNL_OK) return st;
    snl_complex_dot(n/2, work, h->x, dh);
    snl_complex_dot(n/2, work, work, zero);
    *hh = zero[0];
    return SNL_OK;
}

snl_status snl_het_loglike(const snl_het *het, const snl_source *s, double *lnL, double *work,
                           snl_fault *why)
{
    double dh[2], hh;
    const snl_status st = lisa_het_products(het, s, work, dh, &hh, why);
    if (st == SNL_OK) *lnL = dh[0] - 0.5*hh;
    return st;
}

/* h turns with exp(-2i phi_ref) */
snl_status snl_het_phase_max(const snl_het *het, snl_source *s, double *lnL, double *work,
                             snl_fault *why)
{
    double dh[2], hh;
    snl_status st;
    if (het->modes > 1 || het->l[0] != 2 || het->m[0] != 2)
        return snl_refuse(why, "modes", het->cfg.modes, 1, 1);
    if ((st = lisa_het_products(het, s, work, dh, &hh, why)) != SNL_OK) return st;
    *lnL = hypot(dh[0], dh[1]) - 0.5*hh;
    s->phi_ref = lisa_wrap(s->phi_ref - 0.5*atan2(dh[1], dh[0]), SNL_PI);
    return SNL_OK;
}

snl_status snl_het_error(const snl_het *het, const snl_data *data, const snl_source *s,
                         double *error, double *work, snl_fault *why)
{
    double fast, dense;
    snl_status st = snl_het_loglike(het, s, &fast, work, why);
    if (st == SNL_OK) st = snl_likelihood_dense(data, &het->cfg, s, &dense, why);
    if (st == SNL_OK) *error = fast - dense;
    return st;
}

/* A first, small step of each field tells how large the second has to be. */
snl_status snl_het_fisher(const snl_het *het, const snl_source *s,
                          double F[SNL_SOURCE_FIELDS][SNL_SOURCE_FIELDS], double *work,
                          snl_fault *why)
{
    enum { D = SNL_SOURCE_FIELDS };
    const size_t n = snl_het_work(het);
    double *other = work + D*n, *scratch = other + n, dh[2], hh, dd[2], step, x[D], y[D];
    snl_source q;
    snl_status st = lisa_het_products(het, s, other, dh, &hh, why);
    if (st != SNL_OK) return st;
    memcpy(x, s, sizeof x);
    for (int i = 0; i < D; i++) {
        double *d = work + (size_t)i*n;
        step = i < 2 || i == 4 ? 1e-6*x[i] : 1e-6;          /* masses, distance */
        for (int turn = 0; turn < 2; turn++) {
            for (int side = 0; side < 2; side++) {
                memcpy(y, x, sizeof y);
                y[i] += side ? -step : step;
                memcpy(&q, y, sizeof q);
                st = snl_het_signal(het, &q, side ? other : d, scratch, why);
                if (st != SNL_OK) return st;
            }
            for (size_t j = 0; j < n; j++) d[j] = (d[j] - other[j])/(2*step);
            snl_complex_dot(n/2, d, d, dd);
            if (turn == 0) step = fmin(1e-4*sqrt(hh/dd[0]), (i == D - 1 ? 1e6 : 1e4)*step);
        }
    }
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++) {
            snl_complex_dot(n/2, work + i*n, work + j*n, dd);
            F[i][j] = dd[0];
        }
    return SNL_OK;
}
