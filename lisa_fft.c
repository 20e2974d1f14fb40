/* The FFT section of lisa.c, to be spliced in at its top: until then the next two
 * lines make it a file of its own. */
#include "snl.h"
#include "h_fft.h"

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

static void lisa_radix3(size_t m, size_t s, const double *restrict tw,
                        const double *restrict xr, const double *restrict xi,
                        double *restrict yr, double *restrict yi)
{
    const double h = 0.86602540378443864676;                    /* sin(pi/3) */
    for (size_t p = 0; p < m; p++, tw += 4, xr += s, xi += s, yr += 3*s, yi += 3*s) {
        const double c1 = tw[0], d1 = tw[1], c2 = tw[2], d2 = tw[3];
        for (size_t q = 0; q < s; q++) {
            const double br = xr[q + m*s], bi = xi[q + m*s];
            const double cr = xr[q + 2*m*s], ci = xi[q + 2*m*s];
            const double tr = br + cr, ti = bi + ci;
            const double ur = xr[q] - 0.5*tr, ui = xi[q] - 0.5*ti;
            const double vr = h*(bi - ci), vi = h*(cr - br);    /* -i sin (b - c) */
            const double er = ur + vr, ei = ui + vi, fr = ur - vr, fi = ui - vi;
            yr[q] = xr[q] + tr;             yi[q] = xi[q] + ti;
            yr[q + s]   = c1*er - d1*ei;    yi[q + s]   = c1*ei + d1*er;
            yr[q + 2*s] = c2*fr - d2*fi;    yi[q + 2*s] = c2*fi + d2*fr;
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

static void lisa_radix5(size_t m, size_t s, const double *restrict tw,
                        const double *restrict xr, const double *restrict xi,
                        double *restrict yr, double *restrict yi)
{
    const double A = 0.30901699437494742410, B = -0.80901699437494742410;  /* cos 72, 144 */
    const double C = 0.95105651629515357212, D = 0.58778525229247312917;   /* sin 72, 144 */
    for (size_t p = 0; p < m; p++, tw += 8, xr += s, xi += s, yr += 5*s, yi += 5*s)
        for (size_t q = 0; q < s; q++) {
            const double ar = xr[q], ai = xi[q];
            const double b1r = xr[q + m*s], b1i = xi[q + m*s];
            const double b2r = xr[q + 2*m*s], b2i = xi[q + 2*m*s];
            const double b3r = xr[q + 3*m*s], b3i = xi[q + 3*m*s];
            const double b4r = xr[q + 4*m*s], b4i = xi[q + 4*m*s];
            const double s1r = b1r + b4r, s1i = b1i + b4i, s2r = b2r + b3r, s2i = b2i + b3i;
            const double t1r = b1r - b4r, t1i = b1i - b4i, t2r = b2r - b3r, t2i = b2i - b3i;
            const double u1r = ar + A*s1r + B*s2r, u1i = ai + A*s1i + B*s2i;
            const double u2r = ar + B*s1r + A*s2r, u2i = ai + B*s1i + A*s2i;
            const double v1r = C*t1i + D*t2i, v1i = -C*t1r - D*t2r;
            const double v2r = D*t1i - C*t2i, v2i = -D*t1r + C*t2r;
            const double e1r = u1r + v1r, e1i = u1i + v1i, e2r = u2r + v2r, e2i = u2i + v2i;
            const double e3r = u2r - v2r, e3i = u2i - v2i, e4r = u1r - v1r, e4i = u1i - v1i;
            yr[q] = ar + s1r + s2r;
            yi[q] = ai + s1i + s2i;
            yr[q + s]   = tw[0]*e1r - tw[1]*e1i;    yi[q + s]   = tw[0]*e1i + tw[1]*e1r;
            yr[q + 2*s] = tw[2]*e2r - tw[3]*e2i;    yi[q + 2*s] = tw[2]*e2i + tw[3]*e2r;
            yr[q + 3*s] = tw[4]*e3r - tw[5]*e3i;    yi[q + 3*s] = tw[4]*e3i + tw[5]*e3r;
            yr[q + 4*s] = tw[6]*e4r - tw[7]*e4i;    yi[q + 4*s] = tw[6]*e4i + tw[7]*e4r;
        }
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
        (r == 4 ? lisa_radix4 : r == 2 ? lisa_radix2 : r == 3 ? lisa_radix3 : lisa_radix5)
            (m, s, tw, src, src + im, x, x + im);
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
    const size_t n1 = f->a.n, n2 = f->b.n, mask = ((size_t)1 << f->roots.shift) - 1;
    double *x = work + 2*n1*n2, *y = x + 2*L*(n1 > n2 ? n1 : n2);
    for (size_t j0 = 0; j0 < n2; j0 += L) {                     /* columns j0 .. j0+s */
        const size_t s = n2 - j0 < L ? n2 - j0 : L, im = n1*s;
        const double *z;
        for (size_t j = 0; j < n1; j++)
            for (size_t b = 0; b < s; b++) {
                x[j*s + b]      =      in[2*(j*n2 + j0 + b)];
                x[im + j*s + b] = sign*in[2*(j*n2 + j0 + b) + 1];
            }
        z = lisa_core_run(&f->a, s, x, y, x);
        for (size_t k = 0; k < n1; k++) {          /* row k is lane k % L of its block */
            const size_t k0 = k - k % L, t = n1 - k0 < L ? n1 - k0 : L;
            const double *lo = f->roots.lo + 2*(k*j0 & mask);
            const double *hi = f->roots.hi + 2*(k*j0 >> f->roots.shift);
            const double c = hi[0]*lo[0] - hi[1]*lo[1], d = hi[0]*lo[1] + hi[1]*lo[0];
            const double *w = f->lane + 2*L*k;
            double *to = work + 2*n2*k0 + j0*t + (k - k0);
            for (size_t b = 0; b < s; b++) {
                const double u = c*w[2*b] - d*w[2*b + 1], v = c*w[2*b + 1] + d*w[2*b];
                to[b*t]        = u*z[k*s + b] - v*z[im + k*s + b];
                to[b*t + n2*t] = u*z[im + k*s + b] + v*z[k*s + b];
            }
        }
    }
    for (size_t k0 = 0; k0 < n1; k0 += L) {                     /* rows k0 .. k0+t */
        const size_t t = n1 - k0 < L ? n1 - k0 : L, im = n2*t;
        const double *z = lisa_core_run(&f->b, t, work + 2*n2*k0, x, y);
        for (size_t k = 0; k < n2; k++)
            for (size_t b = 0; b < t; b++) {
                out[2*(k*n1 + k0 + b)]     = scale*z[k*t + b];
                out[2*(k*n1 + k0 + b) + 1] = sign*scale*z[im + k*t + b];
            }
    }
}

/* Complex transform of any length.  Bluestein: jk = (j^2 + k^2 - (k-j)^2)/2 turns the
 * sum into a convolution with a chirp, done at the padded length m >= 2n - 1. */
static void lisa_part_run(const snl_fft_part *f, double sign, double scale,
                          const double *in, double *out, double *work)
{
    const double *w = f->chirp, *g = f->chirp_ft;
    double *a = work, *rest = work + 2*f->m;
    if (!w) { lisa_smooth_run(f, sign, scale, in, out, work);  return; }
    for (size_t j = 0; j < f->n; j++) {
        const double re = in[2*j], im = sign*in[2*j + 1];
        a[2*j] = re*w[2*j] - im*w[2*j + 1];
        a[2*j + 1] = re*w[2*j + 1] + im*w[2*j];
    }
    for (size_t j = 2*f->n; j < 2*f->m; j++) a[j] = 0;
    lisa_smooth_run(f, 1, 1, a, a, rest);
    for (size_t j = 0; j < f->m; j++) {
        const double re = a[2*j], im = a[2*j + 1];
        a[2*j] = re*g[2*j] - im*g[2*j + 1];
        a[2*j + 1] = re*g[2*j + 1] + im*g[2*j];
    }
    lisa_smooth_run(f, -1, 1.0/(double)f->m, a, a, rest);
    for (size_t k = 0; k < f->n; k++) {
        const double re = a[2*k], im = a[2*k + 1];
        out[2*k] = scale*(re*w[2*k] - im*w[2*k + 1]);
        out[2*k + 1] = sign*scale*(re*w[2*k + 1] + im*w[2*k]);
    }
}

/* ---- plans: measuring (base NULL), placing and filling share one function ---- */

static double *lisa_take(double *base, size_t *used, size_t n)
{ double *p = base ? base + *used : NULL;  *used += n;  return p; }

static void lisa_core_plan(snl_fft_core *c, size_t n, double *base, size_t *used)
{
    static const size_t radix[4] = { 4, 2, 3, 5 };
    size_t m = n, i, j;
    double *tw;
    c->n = n;
    c->stages = 0;
    for (i = 0; i < 4; i++)
        for (; m % radix[i] == 0; m /= radix[i]) c->radix[c->stages++] = radix[i];
    c->tw = base ? base + *used : NULL;
    for (i = 0, m = n; i < c->stages; i++) {
        const size_t r = c->radix[i], len = m;
        m /= r;
        tw = lisa_take(base, used, 2*m*(r - 1));
        for (j = 0; tw && j < m*(r - 1); j++)
            lisa_root(j/(r - 1) * (j % (r - 1) + 1), len, tw + 2*j);
    }
}

static void lisa_roots_plan(snl_fft_roots *t, size_t n, double *base, size_t *used)
{
    size_t len, i;
    for (t->shift = 0; (size_t)1 << 2*t->shift < n; t->shift++) ;
    len = (size_t)1 << t->shift;
    t->lo = lisa_take(base, used, 2*len);
    t->hi = lisa_take(base, used, 2*(n/len + 1));
    for (i = 0; base && i < len; i++) lisa_root(i % n, n, t->lo + 2*i);
    for (i = 0; base && i < n/len + 1; i++) lisa_root(i*len % n, n, t->hi + 2*i);
}

static int lisa_is_smooth(size_t n)
{
    while (n % 2 == 0) n /= 2;
    while (n % 3 == 0) n /= 3;
    while (n % 5 == 0) n /= 5;
    return n == 1;
}

/* The work of a part: the core's two crossings, and Bluestein's series before them. */
static size_t lisa_part_work(const snl_fft_part *f)
{
    const size_t n1 = f->a.n, n2 = f->b.n;
    return 2*f->m*(f->n == f->m ? 1 : 2) + 4*LISA_LANES*(n1 > n2 ? n1 : n2);
}

static void lisa_part_plan(snl_fft_part *f, size_t n, double *base, size_t *used)
{
    size_t n1, d, k, q = 0;
    f->n = f->m = n;
    f->chirp = f->chirp_ft = NULL;
    if (!lisa_is_smooth(n)) for (f->m = 2*n - 1; !lisa_is_smooth(f->m); f->m++) ;
    n1 = f->m;                          /* short: one crossing; else nearly square */
    if (f->m >= 64) for (d = 1; d <= f->m/d; d++) if (f->m % d == 0) n1 = d;
    lisa_core_plan(&f->a, n1, base, used);
    lisa_core_plan(&f->b, f->m/n1, base, used);
    lisa_roots_plan(&f->roots, f->m, base, used);
    f->lane = lisa_take(base, used, 2*LISA_LANES*n1);
    for (k = 0; base && k < LISA_LANES*n1; k++)
        lisa_root(k/LISA_LANES * (k % LISA_LANES) % f->m, f->m, f->lane + 2*k);
    if (f->m != n) {
        double *w = lisa_take(base, used, 2*n), *g = lisa_take(base, used, 2*f->m);
        double *work = lisa_take(base, used, lisa_part_work(f));
        for (k = 0; base && k < 2*f->m; k++) g[k] = 0;
        for (k = 0; base && k < n; k++) {       /* q = k^2 mod 2n, without overflow */
            lisa_root(q, 2*n, w + 2*k);
            g[2*k] = g[2*(k ? f->m - k : 0)] = w[2*k];
            g[2*k + 1] = g[2*(k ? f->m - k : 0) + 1] = -w[2*k + 1];
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
    size_t full, half;
    if (n < 1 || n > SNL_FFT_MAX) return 0;
    lisa_fft_layout(&p, n, NULL);
    full = lisa_part_work(&p.full) + (n % 2 ? 2*n : 0);
    half = lisa_part_work(&p.half);             /* n/2 may factor less evenly than n */
    return full > half ? full : half;
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
    const size_t mask = ((size_t)1 << t->shift) - 1;
    const double g = back ? -1 : 1;
    for (size_t k = 1; k <= h/2; k++) {
        const double *lo = t->lo + 2*(k & mask), *hi = t->hi + 2*(k >> t->shift);
        const double c = hi[0]*lo[0] - hi[1]*lo[1], d = hi[0]*lo[1] + hi[1]*lo[0];
        double *a = z + 2*k, *b = z + 2*(h - k);
        const double er = 0.5*(a[0] + b[0]), ei = 0.5*(a[1] - b[1]);
        const double dr = 0.5*(a[0] - b[0]), di = 0.5*(a[1] + b[1]);
        /* forward: w^k (-i)(dr + i di);  back: i conj(w^k) (dr + i di) */
        const double pr = c*di + g*d*dr, pi = g*d*di - c*dr;
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
        for (size_t k = 0; k < 2*(h + 1); k++) out[k] = z[k];
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
