/* nn.c - conditional density estimation by masked autoregressive flows, and regression.
 *
 * [P2] Papamakarios et al. 2017, arXiv:1705.07057     masked autoregressive flow
 * [G]  Germain et al. 2015, arXiv:1502.03509          masks (MADE)
 * [KB] Kingma & Ba 2015, arXiv:1412.6980              Adam
 *
 * Symbols: x (d) data, c (m) context, cw = (c - cm) cB whitened context, phi (F) monomials
 * of cw, base = phi S, mu = base + rs MLP(cw), r = x - mu, z0 = r B, z1 .. zT the outputs of
 * the transforms, h the units of a hidden layer.  Rows are samples; they are taken NN_ROWS
 * at a time, so that a pass stays in the cache and its memory does not depend on n.
 *
 * Layers come as pairs x_forward, x_backward: gradients have the prefix d and are
 * accumulated, and what forward leaves for backward is said at forward. */
#include "snl.h"
#include <stdlib.h>

enum { NN_ROWS = 64, NN_LAYERS = 8, NN_TRANSFORMS = 64, NN_DIM = 1024, NN_WIDTH = 4096,
       NN_FEATURES = 8192, NN_STEP = 8, NN_PANEL = 32, NN_COLS = 256 };

#define NN_BOUND 4.0        /* |scale_i| stays below: one transform cannot run away */

static size_t nn_min(size_t a, size_t b) { return a < b ? a : b; }
static size_t nn_max(size_t a, size_t b) { return a > b ? a : b; }

/* Rows and blocks start at multiples of NN_STEP doubles where they can: vectors that cross
 * cache lines, and remainders of rows, halve the speed of the products. */
static size_t nn_pad(size_t n) { return (n + NN_STEP - 1)/NN_STEP*NN_STEP; }

static double *nn_align(double *p)      /* up to NN_STEP - 1 doubles are skipped */
{
    while (p && (uintptr_t)p % (NN_STEP*sizeof *p) && (uintptr_t)p % sizeof *p == 0) p++;
    return p;
}

static double *nn_take(double *base, size_t *used, size_t n)    /* base NULL: only count */
{ double *p = base ? base + *used : NULL;  *used += nn_pad(n);  return p; }

/* ==== Matrix kernels ===================================================== */

/* One row c (w) += sign * a B;  a (k) with stride cs, B (k, w).  Every element is one chain
 * of multiply-adds in the order of k, here and in nn_rows4: whatever the compiler fuses, a
 * row has the same bits in both. */
static void nn_row(double *restrict c, double sign, const double *restrict a, size_t cs,
                   const double *restrict B, size_t ldb, size_t k, size_t w)
{
    size_t p = 0;
    for (; p + 4 <= k; p += 4, B += 4*ldb) {
        const double a0 = sign*a[p*cs], a1 = sign*a[(p+1)*cs];
        const double a2 = sign*a[(p+2)*cs], a3 = sign*a[(p+3)*cs];
        const double *b1 = B + ldb, *b2 = b1 + ldb, *b3 = b2 + ldb;
        for (size_t j = 0; j < w; j++) {
            double t = c[j];
            t += a0*B[j];
            t += a1*b1[j];
            t += a2*b2[j];
            t += a3*b3[j];
            c[j] = t;
        }
    }
    for (; p < k; p++, B += ldb) {
        const double a0 = sign*a[p*cs];
        for (size_t j = 0; j < w; j++) c[j] += a0*B[j];
    }
}

/* Four rows at once, so that each element of B that is loaded is used four times. */
static void nn_rows4(double *restrict c0, double *restrict c1, double *restrict c2,
                     double *restrict c3, double sign, const double *restrict a, size_t rs,
                     size_t cs, const double *restrict B, size_t ldb, size_t k, size_t w)
{
    size_t p = 0;
    for (; p + 4 <= k; p += 4, B += 4*ldb) {
        const double *e = a + p*cs, *b1 = B + ldb, *b2 = b1 + ldb, *b3 = b2 + ldb;
        const double a00 = sign*e[0], a01 = sign*e[cs];
        const double a02 = sign*e[2*cs], a03 = sign*e[3*cs];
        const double a10 = sign*e[rs], a11 = sign*e[rs + cs];
        const double a12 = sign*e[rs + 2*cs], a13 = sign*e[rs + 3*cs];
        const double a20 = sign*e[2*rs], a21 = sign*e[2*rs + cs];
        const double a22 = sign*e[2*rs + 2*cs], a23 = sign*e[2*rs + 3*cs];
        const double a30 = sign*e[3*rs], a31 = sign*e[3*rs + cs];
        const double a32 = sign*e[3*rs + 2*cs], a33 = sign*e[3*rs + 3*cs];
        for (size_t j = 0; j < w; j++) {
            const double v0 = B[j], v1 = b1[j], v2 = b2[j], v3 = b3[j];
            double t0 = c0[j], t1 = c1[j], t2 = c2[j], t3 = c3[j];
            t0 += a00*v0;  t1 += a10*v0;  t2 += a20*v0;  t3 += a30*v0;
            t0 += a01*v1;  t1 += a11*v1;  t2 += a21*v1;  t3 += a31*v1;
            t0 += a02*v2;  t1 += a12*v2;  t2 += a22*v2;  t3 += a32*v2;
            t0 += a03*v3;  t1 += a13*v3;  t2 += a23*v3;  t3 += a33*v3;
            c0[j] = t0;    c1[j] = t1;    c2[j] = t2;    c3[j] = t3;
        }
    }
    for (; p < k; p++, B += ldb) {
        const double *e = a + p*cs;
        const double a0 = sign*e[0], a1 = sign*e[rs], a2 = sign*e[2*rs], a3 = sign*e[3*rs];
        for (size_t j = 0; j < w; j++) {
            const double v = B[j];
            c0[j] += a0*v;  c1[j] += a1*v;  c2[j] += a2*v;  c3[j] += a3*v;
        }
    }
}

/* C (n, w) += sign * A B;  A (n, k), element (i, p) at A[i rs + p cs], so that rs = 1 takes
 * it transposed; B (k, w).  C overlaps neither.  This is the only product in the file. */
static void nn_gemm(double *C, size_t ldc, double sign, const double *A, size_t rs, size_t cs,
                    const double *B, size_t ldb, size_t n, size_t k, size_t w)
{
    for (size_t j = 0; j < w; j += NN_COLS) {
        const size_t v = nn_min(NN_COLS, w - j);
        double *c = C + j;
        size_t i = 0;
        for (; i + 4 <= n; i += 4, c += 4*ldc)
            nn_rows4(c, c + ldc, c + 2*ldc, c + 3*ldc, sign, A + i*rs, rs, cs,
                     B + j, ldb, k, v);
        for (; i < n; i++, c += ldc) nn_row(c, sign, A + i*rs, cs, B + j, ldb, k, v);
    }
}

/* out (cols, rows) = in (rows, cols) transposed. */
static void nn_transpose(double *restrict out, const double *restrict in, size_t rows,
                         size_t cols)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) out[j*rows + i] = in[i*cols + j];
}

/* A = U^T U in the upper triangle of A (n, n); 0 if A is not positive definite.  A panel of
 * rows is finished, then taken off the rows below it. */
static int nn_cholesky(double *A, size_t n, size_t ld)
{
    for (size_t k0 = 0; k0 < n; k0 += NN_PANEL) {
        const size_t nb = nn_min(NN_PANEL, n - k0), end = k0 + nb;
        for (size_t k = k0; k < end; k++) {
            double *row = A + k*ld;
            if (!(row[k] > 0) || !(row[k] < INFINITY)) return 0;
            const double s = 1/sqrt(row[k]);
            for (size_t j = k; j < n; j++) row[j] *= s;
            for (size_t i = k + 1; i < end; i++)
                nn_row(A + i*ld + i, -1, row + i, 1, row + i, ld, 1, n - i);
        }
        for (size_t i = end; i < n; i += NN_PANEL)
            nn_gemm(A + i*ld + i, ld, -1, A + k0*ld + i, 1, ld, A + k0*ld + i, ld,
                    nn_min(NN_PANEL, n - i), nb, n - i);
    }
    return 1;
}

/* Solve U^T U X = R in place, R (n, w). */
static void nn_cholesky_solve(const double *U, size_t n, size_t ld, double *R, size_t w)
{
    for (size_t k = 0; k < n; k++) {
        nn_row(R + k*w, -1, U + k, ld, R, w, k, w);
        for (size_t j = 0; j < w; j++) R[k*w + j] /= U[k*ld + k];
    }
    for (size_t k = n; k-- > 0; ) {
        nn_row(R + k*w, -1, U + k*ld + k + 1, 1, R + (k + 1)*w, w, n - k - 1, w);
        for (size_t j = 0; j < w; j++) R[k*w + j] /= U[k*ld + k];
    }
}

/* B upper triangular (n, n) with B^T cov B = 1, so that rows times B are white; cov is
 * overwritten.  A component that the earlier ones determine to `tol` of its variance gets a
 * zero column; their number is returned. */
static size_t nn_whitener(double *cov, size_t n, double tol, double *B)
{
    size_t dropped = 0;
    memset(B, 0, n*n*sizeof *B);
    for (size_t i = 0; i < n; i++) B[i*n + i] = cov[i*n + i];      /* variances */
    for (size_t k = 0; k < n; k++) {
        double *row = cov + k*n;
        const int keep = row[k] > tol*B[k*n + k];
        const double s = keep ? 1/sqrt(row[k]) : 0;
        dropped += !keep;
        for (size_t j = k; j < n; j++) row[j] *= s;
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = i; j < n; j++) cov[i*n + j] -= row[i]*row[j];
    }
    for (size_t k = 0; k < n; k++) {                                /* the inverse of U */
        const double s = cov[k*n + k] > 0 ? 1/cov[k*n + k] : 0;
        for (size_t i = 0; i < k; i++) {
            double t = 0;
            for (size_t p = i; p < k; p++) t += B[i*n + p]*cov[p*n + k];
            B[i*n + k] = -t*s;
        }
        B[k*n + k] = s;
    }
    return dropped;
}

/* ==== Elementwise functions ============================================== */

/* exp to 2 ulp on [-708, 709], beyond which the argument is clamped: a loop of it
 * vectorises, one of libm's does not.  x = k ln 2 + r, Taylor series of r; adding 1.5 2^52
 * leaves k in the low bits, from where it goes to the exponent. */
static inline double nn_exp(double x)
{
    const double big = 6755399441055744.0;
    double t, k, r, y;
    uint64_t bits;
    x = x < -708.0 ? -708.0 : x;
    x = x > 709.0 ? 709.0 : x;
    t = x*1.44269504088896340736 + big;
    memcpy(&bits, &t, sizeof bits);
    k = t - big;
    r = x - k*6.93147180369123816490e-01;   /* high bits of ln 2: k times it is exact */
    r = r - k*1.90821492927058770002e-10;
    y = 1.0/6227020800.0;
    y = y*r + 1.0/479001600.0;
    y = y*r + 1.0/39916800.0;
    y = y*r + 1.0/3628800.0;
    y = y*r + 1.0/362880.0;
    y = y*r + 1.0/40320.0;
    y = y*r + 1.0/5040.0;
    y = y*r + 1.0/720.0;
    y = y*r + 1.0/120.0;
    y = y*r + 1.0/24.0;
    y = y*r + 1.0/6.0;
    y = y*r + 0.5;
    y = y*r + 1.0;
    y = y*r + 1.0;
    bits = (bits << 52) + (UINT64_C(1023) << 52);
    memcpy(&t, &bits, sizeof t);
    return y*t;
}

static inline double nn_tanh(double x)          /* to 2e-16 absolute */
{ return 1 - 2/(nn_exp(2*x) + 1); }

/* h = act(g); leaves the derivative in g. */
static void nn_act_forward(snl_activation act, size_t n, double *restrict g,
                           double *restrict h)
{
    if (act == SNL_TANH)
        for (size_t i = 0; i < n; i++) {
            const double y = nn_tanh(g[i]);
            h[i] = y;
            g[i] = (1 - y)*(1 + y);
        }
    else
        for (size_t i = 0; i < n; i++) {        /* SiLU, a/(1 + exp(-a)) */
            const double a = g[i], s = 1/(1 + nn_exp(-a));
            h[i] = a*s;
            g[i] = s*(1 + a*(1 - s));
        }
}

static void nn_act_backward(size_t n, const double *restrict g, double *restrict dh)
{
    for (size_t i = 0; i < n; i++) dh[i] *= g[i];
}

/* ==== Masked matrices ==================================================== */

/* Hidden unit j of h has degree floor(j d/h), in 0 .. d-1, and may depend on the components
 * of x before that one, i.e. on x_p with p < degree; output k on units of degree <= k.  As
 * degrees ascend, each row p of a matrix (in, out) is zero left of a column first(p), which
 * does not descend with p: the products skip the zero half in steps of NN_STEP rows. */
typedef enum nn_mask { NN_FULL, NN_IN, NN_HID, NN_OUT, NN_TRI } nn_mask;

typedef struct nn_mat { nn_mask mask; size_t in, out, d, h; } nn_mat;

static size_t nn_first(nn_mat t, size_t p)
{
    switch (t.mask) {
    case NN_FULL: return 0;
    case NN_IN:   return ((p + 1)*t.h + t.d - 1)/t.d;           /* degree >= p + 1       */
    case NN_HID:  return (p*t.d/t.h*t.h + t.d - 1)/t.d;         /* degree >= degree of p */
    case NN_OUT:  return p*t.d/t.h;
    case NN_TRI:  return p;
    }
    return 0;
}

/* Y (n, out) += X (n, in) W. */
static void nn_mat_forward(nn_mat t, const double *W, size_t n, const double *X, double *Y)
{
    const size_t step = t.mask == NN_FULL ? t.in : NN_STEP;
    for (size_t p = 0; p < t.in; p += step) {
        const size_t lo = nn_first(t, p)/NN_STEP*NN_STEP;
        if (lo >= t.out) break;
        nn_gemm(Y + lo, t.out, 1, X + p, t.in, 1, W + p*t.out + lo, t.out,
                n, nn_min(step, t.in - p), t.out - lo);
    }
}

/* dX (n, in) += dY W^T, from the transpose Wt (out, in), and dW += X^T dY where W may be
 * non-zero.  dX or dW may be NULL. */
static void nn_mat_backward(nn_mat t, const double *Wt, size_t n, const double *X,
                            const double *dY, double *dX, double *dW)
{
    if (dX) {
        const size_t step = t.mask == NN_FULL ? t.out : NN_STEP;
        for (size_t q = 0, hi = 0; q < t.out; q += step) {
            const size_t k = nn_min(step, t.out - q);
            while (hi < t.in && nn_first(t, hi) < q + k) hi++;
            nn_gemm(dX, t.in, 1, dY + q, t.out, 1, Wt + q*t.in, t.in, n, k,
                    nn_min((hi + NN_STEP - 1)/NN_STEP*NN_STEP, t.in));
        }
    }
    if (dW) {
        const size_t step = t.mask == NN_FULL ? t.in : NN_STEP;
        for (size_t p = 0; p < t.in; p += step) {
            const size_t lo = nn_first(t, p)/NN_STEP*NN_STEP, k = nn_min(step, t.in - p);
            if (lo >= t.out) break;
            nn_gemm(dW + p*t.out + lo, t.out, 1, X + p, 1, t.in, dY + lo, t.out,
                    k, n, t.out - lo);
            for (size_t i = p; t.mask != NN_FULL && i < p + k; i++)
                for (size_t j = lo; j < nn_min(nn_first(t, i), t.out); j++)
                    dW[i*t.out + j] = 0;
        }
    }
}

/* ==== Networks =========================================================== */

/* Hidden layers h_1 = act(b + x W + c V), h_l = act(b + h_(l-1) W), and up to two heads
 * b + h_L W + c V of size d.  With masks this is MADE [G]; without there is no x.
 * Parameters, in order: b, W (masked only), V;  b, W for each further layer;
 * b, W, V for each head.  h is a multiple of NN_STEP, b and V of the heads are padded. */
typedef struct nn_net {
    size_t d, m, h, layers, heads;
    int masked;
    snl_activation act;
} nn_net;

typedef struct nn_cache {       /* what nn_net_forward leaves, NN_ROWS rows each            */
    double *h[NN_LAYERS];       /* units                                                    */
    double *g[NN_LAYERS];       /* derivatives of their activations                         */
    double *out[2];             /* heads                                                    */
} nn_cache;

static nn_mat nn_matrix(const nn_net *t, nn_mask mask)
{
    nn_mat a = { NN_FULL, 0, 0, 0, 0 };
    a.d = t->d;
    a.h = t->h;
    a.in  = mask == NN_IN ? t->d : t->h;
    a.out = mask == NN_OUT ? t->d : t->h;
    if (t->masked) a.mask = mask;
    return a;
}

static nn_mat nn_full(size_t in, size_t out)
{
    nn_mat a = { NN_FULL, 0, 0, 0, 0 };
    a.in = in;
    a.out = out;
    return a;
}

/* Doubles before hidden layer l; before head l - layers for l >= layers. */
static size_t nn_offset(const nn_net *t, size_t l)
{
    const size_t first = t->h*(1 + t->m + (t->masked ? t->d : 0)), more = t->h*(1 + t->h);
    const size_t hidden = nn_min(l, t->layers), heads = l - hidden;
    return (hidden ? first + (hidden - 1)*more : 0)
         + heads*(nn_pad(t->d) + t->d*t->h + nn_pad(t->d*t->m));
}

static size_t nn_net_size(const nn_net *t)
{ return t->layers ? nn_offset(t, t->layers + t->heads) : 0; }

static void nn_bias_forward(size_t n, size_t w, const double *b, double *Y)
{
    for (size_t i = 0; i < n; i++) memcpy(Y + i*w, b, w*sizeof *b);
}

static void nn_bias_backward(size_t n, size_t w, const double *restrict dY,
                             double *restrict db)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < w; j++) db[j] += dY[i*w + j];
}

/* Parameters p; x (n, d), NULL without masks; c (n, m); results and derivatives in k. */
static void nn_net_forward(const nn_net *t, const double *p, size_t n, const double *x,
                           const double *c, nn_cache *k)
{
    for (size_t l = 0; l < t->layers; l++) {
        const double *q = p + nn_offset(t, l), *W = q + t->h;
        nn_bias_forward(n, t->h, q, k->g[l]);
        if (l) {
            nn_mat_forward(nn_matrix(t, NN_HID), W, n, k->h[l-1], k->g[l]);
        } else {
            if (t->masked) nn_mat_forward(nn_matrix(t, NN_IN), W, n, x, k->g[0]);
            nn_mat_forward(nn_full(t->m, t->h), W + (t->masked ? t->d*t->h : 0), n, c,
                           k->g[0]);
        }
        nn_act_forward(t->act, n*t->h, k->g[l], k->h[l]);
    }
    for (size_t l = 0; l < t->heads; l++) {
        const double *q = p + nn_offset(t, t->layers + l), *W = q + nn_pad(t->d);
        nn_bias_forward(n, t->d, q, k->out[l]);
        nn_mat_forward(nn_matrix(t, NN_OUT), W, n, k->h[t->layers-1], k->out[l]);
        nn_mat_forward(nn_full(t->m, t->d), W + t->h*t->d, n, c, k->out[l]);
    }
}

/* From dout[head] (n, d) to dp, dx, dc (each may be NULL); pt holds the parameters with all
 * matrices transposed; da, db (NN_ROWS, h) are scratch. */
static void nn_net_backward(const nn_net *t, const double *pt, size_t n, const double *x,
                            const double *c, const nn_cache *k, double *const *dout,
                            double *dp, double *dx, double *dc, double *da, double *db)
{
    memset(da, 0, n*t->h*sizeof *da);
    for (size_t l = 0; l < t->heads; l++) {
        const size_t o = nn_offset(t, t->layers + l), W = o + nn_pad(t->d);
        const size_t V = W + t->h*t->d;
        if (dp) nn_bias_backward(n, t->d, dout[l], dp + o);
        nn_mat_backward(nn_matrix(t, NN_OUT), pt + W, n, k->h[t->layers-1], dout[l],
                        da, dp ? dp + W : NULL);
        nn_mat_backward(nn_full(t->m, t->d), pt + V, n, c, dout[l], dc, dp ? dp + V : NULL);
    }
    for (size_t l = t->layers; l-- > 0; ) {
        const size_t o = nn_offset(t, l), W = o + t->h, V = W + (t->masked ? t->d*t->h : 0);
        double *swap = da;
        nn_act_backward(n*t->h, k->g[l], da);
        if (dp) nn_bias_backward(n, t->h, da, dp + o);
        if (l) {
            memset(db, 0, n*t->h*sizeof *db);
            nn_mat_backward(nn_matrix(t, NN_HID), pt + W, n, k->h[l-1], da,
                            db, dp ? dp + W : NULL);
            da = db;
            db = swap;
        } else {
            if (t->masked)
                nn_mat_backward(nn_matrix(t, NN_IN), pt + W, n, x, da,
                                dx, dp ? dp + W : NULL);
            nn_mat_backward(nn_full(t->m, t->h), pt + V, n, c, da, dc, dp ? dp + V : NULL);
        }
    }
}

/* Visit every matrix: transpose it into pt, or (pt NULL) draw it, with the masked part zero,
 * variance 1/in and zero heads, so that the network starts as 0. */
static void nn_net_each(const nn_net *t, double *p, double *pt, snl_rng *rng)
{
    for (size_t l = 0; t->layers && l < t->layers + t->heads; l++) {
        const int head = l >= t->layers, first = l == 0;
        const size_t w = head ? t->d : t->h;
        nn_mat a[2];
        size_t o = nn_offset(t, l), count = 0;
        if (!first || t->masked)
            a[count++] = nn_matrix(t, head ? NN_OUT : first ? NN_IN : NN_HID);
        if (first || head) a[count++] = nn_full(t->m, w);
        for (size_t j = 0; !pt && j < w; j++) p[o + j] = head ? 0 : 0.5*snl_rng_normal(rng);
        o += nn_pad(w);
        for (size_t i = 0; i < count; o += a[i].in*a[i].out, i++) {
            double *W = p + o;
            if (pt) { nn_transpose(pt + o, W, a[i].in, a[i].out);  continue; }
            memset(W, 0, a[i].in*a[i].out*sizeof *W);
            for (size_t r = 0; !head && r < a[i].in; r++)
                for (size_t j = nn_first(a[i], r); j < a[i].out; j++)
                    W[r*a[i].out + j] = snl_rng_normal(rng)/sqrt((double)a[i].in);
        }
    }
}

/* ==== Affine autoregressive transform ==================================== */

/* u_(d-1-j) = (z_j - a_j) exp(-s_j), s_j = NN_BOUND tanh(b_j/NN_BOUND), for heads a, b;
 * ld_j += s_j.  The reversal lets every transform use the same masks.
 * Leaves exp(-s) in a and ds/db in b. */
static void nn_affine_forward(size_t n, size_t d, const double *restrict z,
                              double *restrict a, double *restrict b,
                              double *restrict u, double *restrict ld)
{
    for (size_t i = 0; i < n*d; i++) {
        const double t = nn_tanh(b[i]*(1/NN_BOUND)), s = NN_BOUND*t, e = nn_exp(-s);
        const double v = z[i] - a[i];
        ld[i] += s;
        b[i] = (1 - t)*(1 + t);
        a[i] = e;
        u[i] = v*e;
    }
    for (size_t i = 0; i < n; i++, u += d)
        for (size_t j = 0; j < d/2; j++) {
            const double t = u[j];
            u[j] = u[d-1-j];
            u[d-1-j] = t;
        }
}

/* From du and the row's weight g = d loss/d(-log p), which reaches every s_j directly:
 * da, db for the heads, and dz (overwritten: the first of its two contributions). */
static void nn_affine_backward(size_t n, size_t d, const double *restrict e,
                               const double *restrict ds, const double *restrict u,
                               const double *restrict du, const double *restrict g,
                               double *restrict dz, double *restrict da, double *restrict db)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++) {
            const double v = du[d-1-j];
            dz[j] = v*e[j];
            da[j] = -dz[j];
            db[j] = (g[i] - v*u[d-1-j])*ds[j];
        }
        e += d;   ds += d;  u += d;  du += d;
        dz += d;  da += d;  db += d;
    }
}

/* ==== Polynomial features ================================================ */

/* Monomials of degree k in v variables, binomial(v + k - 1, k). */
static size_t nn_monomials(size_t v, size_t k)
{
    size_t n = 1;
    for (size_t i = 1; i <= k; i++) n = n*(v + i - 1)/i;
    return n;
}

/* phi (n, F), rows F apart.  The monomials of degree k with first variable c_i are c_i times
 * those of degree k-1 without a variable before c_i, which end the block of degree k-1. */
static void nn_poly_forward(size_t n, size_t m, size_t degree, size_t F, const double *c,
                            double *phi)
{
    size_t end = 1, o = 1;
    for (size_t r = 0; r < n; r++) phi[r*F] = 1;
    for (size_t k = 1; k <= degree; k++, end = o)
        for (size_t i = 0; i < m; i++) {
            const size_t len = nn_monomials(m - i, k - 1);
            for (size_t r = 0; r < n; r++) {
                const double *restrict src = phi + r*F + end - len;
                double *restrict out = phi + r*F + o, v = c[r*m + i];
                for (size_t j = 0; j < len; j++) out[j] = v*src[j];
            }
            o += len;
        }
}

/* dc += ..., from dphi, whose contents are lost. */
static void nn_poly_backward(size_t n, size_t m, size_t degree, size_t F, const double *c,
                             const double *phi, double *dphi, double *dc)
{
    size_t o = F;
    for (size_t k = degree; k > 0; k--) {
        const size_t end = o - nn_monomials(m, k);
        for (size_t i = m; i-- > 0; ) {
            const size_t len = nn_monomials(m - i, k - 1);
            o -= len;
            for (size_t r = 0; r < n; r++) {
                const double *src = phi + r*F + end - len, *dout = dphi + r*F + o;
                double *dsrc = dphi + r*F + end - len, sum = 0;
                for (size_t j = 0; j < len; j++) {
                    sum += dout[j]*src[j];
                    dsrc[j] += dout[j]*c[r*m + i];
                }
                dc[r*m + i] += sum;
            }
        }
    }
}

/* ==== The flow =========================================================== */

struct snl_flow {
    snl_flow_shape s;
    size_t F, np;                   /* features; trainable parameters                 */
    nn_net mlp, made;
    double *mem, *cm, *cB, *S, *rs, *B, *logdet, *theta;
};

static size_t nn_flow_layout(snl_flow *f, double *base)
{
    size_t used = 0, d = f->s.d, m = f->s.m;
    f->cm     = nn_take(base, &used, m);
    f->cB     = nn_take(base, &used, m*m);
    f->S      = nn_take(base, &used, f->F*d);
    f->rs     = nn_take(base, &used, d);
    f->B      = nn_take(base, &used, d*d);
    f->logdet = nn_take(base, &used, 1);
    f->theta  = nn_take(base, &used, f->np);       /* MLP, then the transforms */
    return used;
}

/* Parameters of transform t. */
static size_t nn_transform(const snl_flow *f, size_t t)
{ return nn_net_size(&f->mlp) + t*nn_net_size(&f->made); }

static void nn_flow_init(snl_flow *f, uint64_t seed)
{
    snl_rng rng;
    snl_rng_seed(&rng, seed, 1);
    nn_net_each(&f->mlp, f->theta, NULL, &rng);
    for (size_t t = 0; t < f->s.transforms; t++)
        nn_net_each(&f->made, f->theta + nn_transform(f, t), NULL, &rng);
}

static snl_status nn_shape_check(const snl_flow_shape *s, snl_fault *why)
{
    const struct { const char *name; size_t v, lo, hi; } field[] = {
        { "d", s->d, 1, NN_DIM },                   { "m", s->m, 1, NN_DIM },
        { "degree", s->degree, 0, 4 },
        { "mean_layers", s->mean_layers, 0, NN_LAYERS },
        { "mean_width", s->mean_width, 1, NN_WIDTH }, { "layers", s->layers, 1, NN_LAYERS },
        { "transforms", s->transforms, 0, NN_TRANSFORMS }, { "width", s->width, 1, NN_WIDTH },
        { "act", (size_t)s->act, 0, 1 } };
    double features = 1, size;
    for (size_t i = 0; i < sizeof field/sizeof *field; i++)
        if (field[i].v < field[i].lo || field[i].v > field[i].hi)
            return snl_refuse(why, field[i].name, (double)field[i].v, (double)field[i].lo,
                              (double)field[i].hi);
    for (size_t i = 1; i <= s->degree; i++) features *= (double)(s->m + i)/(double)i;
    if (features > NN_FEATURES + 0.5)
        return snl_refuse(why, "degree", (double)s->degree, 0, (double)s->degree - 1);
    /* below 2^27 weights, sizes in bytes do not overflow even in 32 bits */
    size = (double)s->mean_layers*(double)s->mean_width*(double)(s->mean_width + s->m + s->d)
         + (double)s->transforms*(double)s->width
           *((double)s->layers*(double)s->width + 3.0*(double)(s->d + s->m));
    if (size > 134217728.0) return snl_refuse(why, "width", (double)s->width, 1, NN_WIDTH);
    return SNL_OK;
}

snl_status snl_flow_create(snl_flow **out, const snl_flow_shape *shape, snl_fault *why)
{
    snl_flow *f;
    snl_status st;
    *out = NULL;
    if ((st = nn_shape_check(shape, why)) != SNL_OK) return st;
    if (!(f = SNL_CALLOC(1, sizeof *f))) return SNL_ENOMEM;
    f->s = *shape;
    f->mlp.d = f->made.d = shape->d;
    f->mlp.m = f->made.m = shape->m;
    f->mlp.act = f->made.act = shape->act;
    f->mlp.layers = shape->mean_layers;     f->made.layers = shape->layers;
    f->mlp.h = nn_pad(shape->mean_width);   f->made.h = nn_pad(shape->width);
    f->mlp.heads = 1;                       f->made.heads = 2;
    f->made.masked = 1;
    for (size_t k = 0; k <= shape->degree; k++) f->F += nn_monomials(shape->m, k);
    f->np = nn_transform(f, shape->transforms);
    if (!(f->mem = SNL_CALLOC(nn_flow_layout(f, NULL) + NN_STEP, sizeof *f->mem))) goto fail;
    nn_flow_layout(f, nn_align(f->mem));
    for (size_t i = 0; i < shape->m; i++) f->cB[i*shape->m + i] = 1;
    for (size_t i = 0; i < shape->d; i++) f->B[i*shape->d + i] = f->rs[i] = 1;
    nn_flow_init(f, 1);
    *out = f;
    return SNL_OK;
fail:
    snl_flow_free(f);
    return SNL_ENOMEM;
}

void snl_flow_free(snl_flow *f)
{
    if (!f) return;
    if (f->mem) SNL_FREE(f->mem);
    SNL_FREE(f);
}

const snl_flow_shape *snl_flow_get_shape(const snl_flow *f) { return &f->s; }

/* ---- one pass over up to NN_ROWS rows */

typedef struct nn_pass {
    double *c0, *cw, *phi, *base;       /* (m): c - cm, and whitened; (F); (d)             */
    double *x, *r, *ld, *u;             /* (d): data; residual; sum of s_j; scratch        */
    double *z[NN_TRANSFORMS + 1];       /* (d)                                             */
    nn_cache mlp, made[NN_TRANSFORMS];
    double *g, *dz, *du, *da, *db, *dr, *dout[2], *dcw, *dphi;  /* backward only           */
    double *pt, *Bt, *cBt, *St;         /* backward only: transposed theta, B, cB, S       */
} nn_pass;

static void nn_cache_take(nn_cache *k, const nn_net *t, double *base, size_t *used)
{
    for (size_t l = 0; l < t->layers; l++) {
        k->h[l] = nn_take(base, used, NN_ROWS*t->h);
        k->g[l] = nn_take(base, used, NN_ROWS*t->h);
    }
    for (size_t l = 0; l < t->heads; l++) k->out[l] = nn_take(base, used, NN_ROWS*t->d);
}

/* Without backward the transforms share one cache and two z. */
static size_t nn_pass_layout(nn_pass *k, const snl_flow *f, double *base, int backward)
{
    const size_t R = NN_ROWS, d = f->s.d, m = f->s.m, T = f->s.transforms;
    size_t used = 0;
    base = nn_align(base);
    k->c0   = nn_take(base, &used, R*m);
    k->cw   = nn_take(base, &used, R*m);
    k->phi  = nn_take(base, &used, R*f->F);
    k->base = nn_take(base, &used, R*d);
    k->x    = nn_take(base, &used, R*d);
    k->r    = nn_take(base, &used, R*d);
    k->ld   = nn_take(base, &used, R*d);
    k->u    = nn_take(base, &used, R*d);
    nn_cache_take(&k->mlp, &f->mlp, base, &used);
    for (size_t t = 0; t <= T; t++)
        k->z[t] = backward || t < 2 ? nn_take(base, &used, R*d) : k->z[t-2];
    for (size_t t = 0; t < T; t++)
        if (backward || t == 0) nn_cache_take(&k->made[t], &f->made, base, &used);
        else k->made[t] = k->made[0];
    if (backward) {
        const size_t h = nn_max(f->mlp.h, f->made.h);
        k->g       = nn_take(base, &used, R);
        k->dz      = nn_take(base, &used, R*d);
        k->du      = nn_take(base, &used, R*d);
        k->dr      = nn_take(base, &used, R*d);
        k->dout[0] = nn_take(base, &used, R*d);
        k->dout[1] = nn_take(base, &used, R*d);
        k->da      = nn_take(base, &used, R*h);
        k->db      = nn_take(base, &used, R*h);
        k->dcw     = nn_take(base, &used, R*m);
        k->dphi    = nn_take(base, &used, R*f->F);
        k->pt      = nn_take(base, &used, f->np);
        k->Bt      = nn_take(base, &used, d*d);
        k->cBt     = nn_take(base, &used, m*m);
        k->St      = nn_take(base, &used, d*f->F);
    }
    return used;
}

static nn_mat nn_tri(size_t n)
{
    nn_mat a = nn_full(n, n);
    a.mask = NN_TRI;
    return a;
}

/* c (n, m) to k->cw, k->phi, k->base. */
static void nn_context_forward(const snl_flow *f, size_t n, const double *c, nn_pass *k)
{
    const size_t d = f->s.d, m = f->s.m;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) k->c0[i*m + j] = c[i*m + j] - f->cm[j];
    memset(k->cw, 0, n*m*sizeof *k->cw);
    nn_mat_forward(nn_tri(m), f->cB, n, k->c0, k->cw);
    nn_poly_forward(n, m, f->s.degree, f->F, k->cw, k->phi);
    memset(k->base, 0, n*d*sizeof *k->base);
    nn_mat_forward(nn_full(f->F, d), f->S, n, k->phi, k->base);
}

/* k->base += rs MLP(k->cw): the mean. */
static void nn_mean_forward(const snl_flow *f, size_t n, nn_pass *k)
{
    const size_t d = f->s.d;
    if (!f->s.mean_layers) return;
    nn_net_forward(&f->mlp, f->theta, n, NULL, k->cw, &k->mlp);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) k->base[i*d + j] += f->rs[j]*k->mlp.out[0][i*d + j];
}

/* log p of x, rows xstep apart, from the mean in k->base and k->cw. */
static void nn_density_forward(const snl_flow *f, size_t n, const double *x, size_t xstep,
                               nn_pass *k, double *logp)
{
    const size_t d = f->s.d, T = f->s.transforms;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) k->r[i*d + j] = x[i*xstep + j] - k->base[i*d + j];
    memset(k->z[0], 0, n*d*sizeof *k->z[0]);
    memset(k->ld, 0, n*d*sizeof *k->ld);
    nn_mat_forward(nn_tri(d), f->B, n, k->r, k->z[0]);
    for (size_t t = 0; t < T; t++) {
        nn_net_forward(&f->made, f->theta + nn_transform(f, t), n, k->z[t], k->cw,
                       &k->made[t]);
        nn_affine_forward(n, d, k->z[t], k->made[t].out[0], k->made[t].out[1],
                          k->z[t+1], k->ld);
    }
    for (size_t i = 0; i < n; i++) {
        const double *u = k->z[T] + i*d, *ld = k->ld + i*d;
        double s[4] = { 0, 0, 0, 0 };
        for (size_t j = 0; j < d; j++) s[j & 3] += 0.5*u[j]*u[j] + ld[j];
        logp[i] = *f->logdet - 0.5*(double)d*log(2*SNL_PI) - ((s[0] + s[1]) + (s[2] + s[3]));
    }
}

/* Derivatives of -sum k->g[i] log p_i, after nn_density_forward, with k->pt, k->Bt in place:
 * k->dr = d/dx = -d/dmu, and either dp of the transforms or, dp NULL, k->dcw (set). */
static void nn_density_backward(const snl_flow *f, size_t n, nn_pass *k, double *dp)
{
    const size_t d = f->s.d, T = f->s.transforms;
    memset(k->dcw, 0, n*f->s.m*sizeof *k->dcw);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) k->dz[i*d + j] = k->g[i]*k->z[T][i*d + j];
    for (size_t t = T; t-- > 0; ) {
        const size_t o = nn_transform(f, t);
        double *swap = k->du;
        k->du = k->dz;
        k->dz = swap;
        nn_affine_backward(n, d, k->made[t].out[0], k->made[t].out[1], k->z[t+1], k->du, k->g,
                           k->dz, k->dout[0], k->dout[1]);
        nn_net_backward(&f->made, k->pt + o, n, k->z[t], k->cw, &k->made[t], k->dout,
                        dp ? dp + o : NULL, k->dz, dp ? NULL : k->dcw, k->da, k->db);
    }
    memset(k->dr, 0, n*d*sizeof *k->dr);
    nn_mat_backward(nn_tri(d), k->Bt, n, k->r, k->dz, k->dr, NULL);
}

/* From dbase = d/d mean (n, d): dp of the MLP or, dp NULL, k->dcw += ... */
static void nn_mean_backward(const snl_flow *f, size_t n, nn_pass *k, const double *dbase,
                             double *dp)
{
    const size_t d = f->s.d;
    if (!f->s.mean_layers) return;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) k->dout[0][i*d + j] = f->rs[j]*dbase[i*d + j];
    nn_net_backward(&f->mlp, k->pt, n, NULL, k->cw, &k->mlp, k->dout, dp, NULL,
                    dp ? NULL : k->dcw, k->da, k->db);
}

/* Transposes of the parameters, for backward. */
static void nn_transpose_params(const snl_flow *f, nn_pass *k, int mlp, int transforms)
{
    if (mlp) nn_net_each(&f->mlp, f->theta, k->pt, NULL);
    for (size_t t = 0; transforms && t < f->s.transforms; t++) {
        const size_t o = nn_transform(f, t);
        nn_net_each(&f->made, f->theta + o, k->pt + o, NULL);
    }
}

static void nn_transpose_fixed(const snl_flow *f, nn_pass *k)
{
    nn_transpose(k->Bt, f->B, f->s.d, f->s.d);
    nn_transpose(k->cBt, f->cB, f->s.m, f->s.m);
    nn_transpose(k->St, f->S, f->F, f->s.d);
}

size_t snl_flow_work(const snl_flow *f)
{ nn_pass k;  return nn_pass_layout(&k, f, NULL, 0) + NN_STEP; }

size_t snl_flow_grad_work(const snl_flow *f)
{ nn_pass k;  return nn_pass_layout(&k, f, NULL, 1) + NN_STEP; }

void snl_flow_logp(const snl_flow *f, size_t n, const double *x, size_t nx,
                   const double *c, double *out, double *work)
{
    const size_t d = f->s.d, xstep = nx == 1 ? 0 : d;
    nn_pass k;
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        nn_context_forward(f, b, c + i*f->s.m, &k);
        nn_mean_forward(f, b, &k);
        nn_density_forward(f, b, x + i*xstep, xstep, &k, out + i);
    }
}

void snl_flow_logp_grad(const snl_flow *f, size_t n, const double *x, size_t nx,
                        const double *c, double *out, double *dc, double *dx, double *work)
{
    const size_t d = f->s.d, m = f->s.m, xstep = nx == 1 ? 0 : d;
    nn_pass k;
    nn_pass_layout(&k, f, work, 1);
    nn_transpose_fixed(f, &k);
    nn_transpose_params(f, &k, 1, 1);
    for (size_t i = 0; i < NN_ROWS; i++) k.g[i] = -1;
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        nn_context_forward(f, b, c + i*m, &k);
        nn_mean_forward(f, b, &k);
        nn_density_forward(f, b, x + i*xstep, xstep, &k, out + i);
        nn_density_backward(f, b, &k, NULL);
        if (dx) memcpy(dx + i*d, k.dr, b*d*sizeof *dx);
        if (!dc) continue;
        for (size_t j = 0; j < b*d; j++) k.u[j] = -k.dr[j];
        nn_mean_backward(f, b, &k, k.u, NULL);
        memset(k.dphi, 0, b*f->F*sizeof *k.dphi);
        nn_mat_backward(nn_full(f->F, d), k.St, b, k.phi, k.u, k.dphi, NULL);
        nn_poly_backward(b, m, f->s.degree, f->F, k.cw, k.phi, k.dphi, k.dcw);
        memset(dc + i*m, 0, b*m*sizeof *dc);
        nn_mat_backward(nn_tri(m), k.cBt, b, k.c0, k.dcw, dc + i*m, NULL);
    }
}

void snl_flow_mean(const snl_flow *f, size_t n, const double *c, double *out, double *work)
{
    nn_pass k;
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        nn_context_forward(f, b, c + i*f->s.m, &k);
        nn_mean_forward(f, b, &k);
        memcpy(out + i*f->s.d, k.base, b*f->s.d*sizeof *out);
    }
}

/* Component j of z needs the heads at j, which see z_<j only: d passes give them all. */
void snl_flow_sample(const snl_flow *f, size_t n, const double *c, snl_rng *rng,
                     double *x, double *work)
{
    const size_t d = f->s.d;
    nn_pass k;
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        double *z = k.z[0];
        nn_context_forward(f, b, c + i*f->s.m, &k);
        nn_mean_forward(f, b, &k);
        for (size_t j = 0; j < b*d; j++) z[j] = snl_rng_normal(rng);
        for (size_t t = f->s.transforms; t-- > 0; ) {
            const double *a = k.made[0].out[0], *s = k.made[0].out[1];
            memcpy(k.u, z, b*d*sizeof *z);
            memset(z, 0, b*d*sizeof *z);
            for (size_t j = 0; j < d; j++) {
                nn_net_forward(&f->made, f->theta + nn_transform(f, t), b, z, k.cw,
                               &k.made[0]);
                for (size_t r = 0; r < b; r++)
                    z[r*d + j] = a[r*d + j] + k.u[r*d + d-1-j]
                               * nn_exp(NN_BOUND*nn_tanh(s[r*d + j]*(1/NN_BOUND)));
            }
        }
        for (size_t r = 0; r < b; r++)                      /* x = mu + z B^-1 */
            for (size_t j = 0; j < d; j++) {
                double t = z[r*d + j];
                for (size_t p = 0; p < j; p++) t -= k.r[r*d + p]*f->B[p*d + j];
                k.r[r*d + j] = t/f->B[j*d + j];
                x[(i + r)*d + j] = k.base[r*d + j] + k.r[r*d + j];
            }
    }
}

/* ==== Training =========================================================== */

typedef struct nn_trainer {
    snl_flow *f;
    const snl_train_cfg   *cfg;
    const snl_train_data  *data;
    const snl_train_hooks *hooks;   /* not NULL                                             */
    snl_train_report      *rep;     /* not NULL                                             */
    size_t ntrain, nval;
    int    mean_on;                 /* base lacks the MLP: add it in each pass              */
    double *cw, *base, *xval;       /* (n, m), (n, d), (nval, d)                            */
    double *grad, *m1, *m2, *best;  /* (np): gradient, Adam's moments, best weights         */
    double *gram, *chol;            /* (F1, F1), F1 = max(F, 1 + m)                         */
    double *rhs, *coef;             /* (F1, d)                                              */
    double *cov, *white;            /* (k, k), k = max(d, m)                                */
    double *xm, *qx, *q;            /* (d): mean of x; weights of reports and of stage 1    */
    size_t *rows;                   /* (n): training rows, then validation rows             */
    nn_pass pass;
} nn_trainer;

static size_t nn_trainer_layout(nn_trainer *t, double *base)
{
    const snl_flow *f = t->f;
    const size_t n = t->data->n, d = f->s.d, m = f->s.m, k = nn_max(d, m);
    const size_t F1 = nn_max(f->F, 1 + m);
    size_t used = nn_pass_layout(&t->pass, f, base, 1);
    base = nn_align(base);
    t->cw   = nn_take(base, &used, n*m);
    t->base = nn_take(base, &used, n*d);
    t->xval = nn_take(base, &used, t->nval*d);
    t->grad = nn_take(base, &used, f->np);
    t->m1   = nn_take(base, &used, f->np);
    t->m2   = nn_take(base, &used, f->np);
    t->best = nn_take(base, &used, f->np);
    t->gram = nn_take(base, &used, F1*F1);
    t->chol = nn_take(base, &used, F1*F1);
    t->rhs  = nn_take(base, &used, F1*d);
    t->coef = nn_take(base, &used, F1*d);
    t->cov  = nn_take(base, &used, k*k);
    t->white = nn_take(base, &used, k*k);
    t->xm   = nn_take(base, &used, d);
    t->qx   = nn_take(base, &used, d);
    t->q    = nn_take(base, &used, d);
    t->rows = (size_t *)(void *)nn_take(base, &used, n);    /* a size_t fits in a double */
    return used;
}

static double nn_weight(const nn_trainer *t, size_t row)
{ return t->data->w ? t->data->w[row] : 1; }

static void nn_shuffle(size_t *rows, size_t n, snl_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = snl_rng_below(rng, i), swap = rows[i-1];
        rows[i-1] = rows[j];
        rows[j] = swap;
    }
}

/* x of up to NN_ROWS rows, through the redraw hook for stage 1 or 2. */
static snl_status nn_fetch(const nn_trainer *t, snl_rng *rng, int stage, size_t epoch,
                           size_t n, const size_t *rows, double *x)
{
    const size_t d = t->f->s.d;
    for (size_t i = 0; i < n; i++) memcpy(x + i*d, t->data->x + rows[i]*d, d*sizeof *x);
    if (!t->hooks->redraw || stage == 0) return SNL_OK;
    return t->hooks->redraw(t->hooks->self, rng, stage, epoch, n, rows, x);
}

static void nn_load_rows(nn_trainer *t, size_t n, const size_t *rows)
{
    const size_t d = t->f->s.d, m = t->f->s.m;
    for (size_t i = 0; i < n; i++) {
        memcpy(t->pass.cw + i*m, t->cw + rows[i]*m, m*sizeof *t->cw);
        memcpy(t->pass.base + i*d, t->base + rows[i]*d, d*sizeof *t->base);
    }
}

/* ---- least squares */

/* gram = sum w phi^T phi, rhs = sum w phi^T (x - xm) over the training rows, for the F
 * monomials up to `degree`. */
static snl_status nn_normal_equations(nn_trainer *t, int stage, size_t degree, size_t F)
{
    const size_t d = t->f->s.d, m = t->f->s.m;
    nn_pass *k = &t->pass;
    snl_rng rng;
    snl_rng_seed(&rng, t->cfg->seed, 2);
    memset(t->gram, 0, F*F*sizeof *t->gram);
    memset(t->rhs, 0, F*d*sizeof *t->rhs);
    for (size_t i = 0; i < t->ntrain; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->ntrain - i);
        const snl_status st = nn_fetch(t, &rng, stage, 0, n, t->rows + i, k->x);
        if (st != SNL_OK) return st;
        nn_load_rows(t, n, t->rows + i);
        nn_poly_forward(n, m, degree, F, k->cw, k->phi);
        for (size_t r = 0; r < n; r++) {
            const double w = sqrt(nn_weight(t, t->rows[i + r]));
            for (size_t j = 0; j < d; j++) k->x[r*d + j] = w*(k->x[r*d + j] - t->xm[j]);
            for (size_t j = 0; j < F; j++) k->phi[r*F + j] *= w;
        }
        for (size_t p = 0; p < F; p += NN_PANEL)
            nn_gemm(t->gram + p*F + p, F, 1, k->phi + p, 1, F, k->phi + p, F,
                    nn_min(NN_PANEL, F - p), n, F - p);
        nn_gemm(t->rhs, d, 1, k->phi, 1, F, k->x, d, F, n, d);
    }
    return SNL_OK;
}

/* coef (D, d) for the first D of F features, penalty lam sum_w on all but the constant. */
static int nn_ridge(nn_trainer *t, size_t D, size_t F, double lam)
{
    const size_t d = t->f->s.d;
    for (size_t i = 0; i < D; i++) {
        memcpy(t->chol + i*D + i, t->gram + i*F + i, (D - i)*sizeof *t->chol);
        if (i) t->chol[i*D + i] += lam*t->gram[0];
    }
    if (!nn_cholesky(t->chol, D, D)) return 0;
    memcpy(t->coef, t->rhs, D*d*sizeof *t->coef);
    nn_cholesky_solve(t->chol, D, D, t->coef, d);
    return 1;
}

/* Residuals of n rows to k->r: data minus xm and the polynomial coef (D of F features). */
static void nn_poly_residual(nn_trainer *t, size_t n, const size_t *rows, const double *x,
                             size_t degree, size_t D, size_t F)
{
    const size_t d = t->f->s.d;
    nn_pass *k = &t->pass;
    nn_load_rows(t, n, rows);
    nn_poly_forward(n, t->f->s.m, degree, F, k->cw, k->phi);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) k->r[i*d + j] = x[i*d + j] - t->xm[j];
    nn_gemm(k->r, d, -1, k->phi, F, 1, t->coef, d, n, D, d);
}

/* Validation error sum w qx r^2 of the polynomial in coef. */
static double nn_poly_error(nn_trainer *t, size_t degree, size_t D, size_t F)
{
    const size_t d = t->f->s.d;
    double sum = 0;
    for (size_t i = 0; i < t->nval; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->nval - i), *rows = t->rows + t->ntrain + i;
        nn_poly_residual(t, n, rows, t->xval + i*d, degree, D, F);
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < d; j++)
                sum += nn_weight(t, rows[r])*t->qx[j]*t->pass.r[r*d + j]*t->pass.r[r*d + j];
    }
    return sum;
}

/* S: degree and ridge by the validation rows.  Lower degrees come almost free, because
 * their normal equations are the leading block of the highest one's. */
static snl_status nn_fit_poly(nn_trainer *t)
{
    static const double grid[] = { 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1 };
    snl_flow *f = t->f;
    const size_t d = f->s.d, F = f->F;
    double best = INFINITY;
    const snl_status st = nn_normal_equations(t, 1, f->s.degree, F);
    if (st != SNL_OK) return st;
    for (size_t k = 0, D = 0; k <= f->s.degree; k++) {
        D += nn_monomials(f->s.m, k);
        for (size_t g = 0; g < (k ? sizeof grid/sizeof *grid : 1); g++) {
            double e;
            if (!nn_ridge(t, D, F, grid[g])) continue;
            e = nn_poly_error(t, f->s.degree, D, F);
            if (!(e < best)) continue;
            best = e;
            memset(f->S, 0, F*d*sizeof *f->S);
            memcpy(f->S, t->coef, D*d*sizeof *f->S);
            t->rep->degree = k;
            t->rep->ridge = k ? grid[g] : 0;
        }
    }
    if (!(best < INFINITY)) return SNL_EFAILED;
    for (size_t j = 0; j < d; j++) f->S[j] += t->xm[j];
    return SNL_OK;
}

/* ---- scales */

/* Weighted mean (w) and upper triangle of the covariance (w, w) of all rows of v (n, w). */
static void nn_moments(const nn_trainer *t, const double *v, size_t w, double *mean,
                       double *cov)
{
    const size_t n = t->data->n;
    double sum = 0;
    memset(mean, 0, w*sizeof *mean);
    memset(cov, 0, w*w*sizeof *cov);
    for (size_t i = 0; i < n; i++) sum += nn_weight(t, i);
    for (size_t i = 0; i < n; i++) {
        const double p = nn_weight(t, i)/sum;
        for (size_t a = 0; a < w; a++) mean[a] += p*v[i*w + a];
    }
    for (size_t i = 0; i < n; i++) {
        const double p = nn_weight(t, i)/sum;
        for (size_t a = 0; a < w; a++) {
            const double e = p*(v[i*w + a] - mean[a]);
            for (size_t b = a; b < w; b++) cov[a*w + b] += e*(v[i*w + b] - mean[b]);
        }
    }
}

/* cw and base of all rows. */
static void nn_contexts(nn_trainer *t)
{
    const size_t d = t->f->s.d, m = t->f->s.m;
    for (size_t i = 0; i < t->data->n; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->data->n - i);
        nn_context_forward(t->f, n, t->data->c + i*m, &t->pass);
        memcpy(t->cw + i*m, t->pass.cw, n*m*sizeof *t->cw);
        memcpy(t->base + i*d, t->pass.base, n*d*sizeof *t->base);
    }
}

/* x of the validation rows, drawn once per stage. */
static snl_status nn_fetch_validation(nn_trainer *t, int stage)
{
    snl_rng rng;
    snl_rng_seed(&rng, t->cfg->seed, 3);
    for (size_t i = 0; i < t->nval; i += NN_ROWS) {
        const snl_status st = nn_fetch(t, &rng, stage, 0, nn_min(NN_ROWS, t->nval - i),
                                       t->rows + t->ntrain + i, t->xval + i*t->f->s.d);
        if (st != SNL_OK) return st;
    }
    return SNL_OK;
}

/* cov: mean of w r r^T over the training rows, r from the mean or the linear fit in coef. */
static snl_status nn_residual_cov(nn_trainer *t, int stage, int linear)
{
    const size_t d = t->f->s.d, F1 = 1 + t->f->s.m;
    nn_pass *k = &t->pass;
    double sum = 0;
    snl_rng rng;
    snl_rng_seed(&rng, t->cfg->seed, 2);
    memset(t->cov, 0, d*d*sizeof *t->cov);
    for (size_t i = 0; i < t->ntrain; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->ntrain - i), *rows = t->rows + i;
        const snl_status st = nn_fetch(t, &rng, stage, 0, n, rows, k->x);
        if (st != SNL_OK) return st;
        if (linear) {
            nn_poly_residual(t, n, rows, k->x, 1, F1, F1);
        } else {
            nn_load_rows(t, n, rows);
            if (t->mean_on) nn_mean_forward(t->f, n, k);
            for (size_t j = 0; j < n*d; j++) k->r[j] = k->x[j] - k->base[j];
        }
        for (size_t r = 0; r < n; r++) {
            const double w = nn_weight(t, rows[r]);
            sum += w;
            for (size_t j = 0; j < d; j++) k->u[r*d + j] = w*k->r[r*d + j];
        }
        nn_gemm(t->cov, d, 1, k->u, 1, d, k->r, d, d, n, d);
    }
    for (size_t j = 0; j < d*d; j++) t->cov[j] /= sum;
    return SNL_OK;
}

/* B and its determinant: 1/s, or from the residuals of the mean. */
static snl_status nn_fit_scale(nn_trainer *t)
{
    snl_flow *f = t->f;
    const size_t d = f->s.d;
    const snl_status st = nn_residual_cov(t, 2, 0);
    int diagonal = !t->cfg->whiten || t->data->s;
    if (st != SNL_OK) return st;
    for (size_t j = 0; j < d; j++) {
        const double v = t->cov[j*d + j];
        t->q[j] = t->data->s ? t->data->s[j] : v > 0 ? sqrt(v) : 1;
    }
    if (!diagonal) diagonal = nn_whitener(t->cov, d, 1e-12, f->B) > 0;
    if (diagonal) {
        memset(f->B, 0, d*d*sizeof *f->B);
        for (size_t j = 0; j < d; j++) f->B[j*d + j] = 1/t->q[j];
    }
    *f->logdet = 0;
    for (size_t j = 0; j < d; j++) *f->logdet += log(f->B[j*d + j]);
    return SNL_OK;
}

/* Validation log density of the linear Gaussian model, NaN if its covariance is singular. */
static snl_status nn_fit_linear(nn_trainer *t)
{
    const size_t d = t->f->s.d, F1 = 1 + t->f->s.m;
    double sum = 0, wsum = 0, logdet = -0.5*(double)d*log(2*SNL_PI);
    snl_status st = nn_normal_equations(t, 2, 1, F1);
    t->rep->logp_linear = NAN;
    if (st != SNL_OK || !nn_ridge(t, F1, F1, 1e-10)) return st;
    if ((st = nn_residual_cov(t, 2, 1)) != SNL_OK) return st;
    if (nn_whitener(t->cov, d, 1e-14, t->white)) return SNL_OK;
    for (size_t j = 0; j < d; j++) logdet += log(t->white[j*d + j]);
    for (size_t i = 0; i < t->nval; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->nval - i), *rows = t->rows + t->ntrain + i;
        nn_poly_residual(t, n, rows, t->xval + i*d, 1, F1, F1);
        memset(t->pass.u, 0, n*d*sizeof *t->pass.u);
        nn_mat_forward(nn_tri(d), t->white, n, t->pass.r, t->pass.u);
        for (size_t r = 0; r < n; r++) {
            const double w = nn_weight(t, rows[r]);
            wsum += w;
            for (size_t j = 0; j < d; j++) sum += 0.5*w*t->pass.u[r*d + j]*t->pass.u[r*d + j];
        }
    }
    t->rep->logp_linear = logdet - sum/wsum;
    return SNL_OK;
}

/* ---- losses */

/* Sum of w times the loss of n rows with data x; with dp, also dp += scale d/dp of it.
 * Stage 1: sum_j q_j ((x - base)/rs - MLP)_j^2;  stage 2: -log p. */
static double nn_loss(nn_trainer *t, int stage, size_t n, const size_t *rows, const double *x,
                      double scale, double *dp)
{
    const snl_flow *f = t->f;
    const size_t d = f->s.d;
    nn_pass *k = &t->pass;
    double loss = 0;
    nn_load_rows(t, n, rows);
    for (size_t i = 0; i < n; i++) k->g[i] = scale*nn_weight(t, rows[i]);
    if (stage == 1) {
        nn_net_forward(&f->mlp, f->theta, n, NULL, k->cw, &k->mlp);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++) {
                const double e = (x[i*d + j] - k->base[i*d + j])/f->rs[j]
                               - k->mlp.out[0][i*d + j];
                k->dout[0][i*d + j] = -2*k->g[i]*t->q[j]*e;
                sum += t->q[j]*e*e;
            }
            loss += nn_weight(t, rows[i])*sum;
        }
        if (dp) nn_net_backward(&f->mlp, k->pt, n, NULL, k->cw, &k->mlp, k->dout, dp, NULL,
                                NULL, k->da, k->db);
        return loss;
    }
    if (t->mean_on) nn_mean_forward(f, n, k);
    nn_density_forward(f, n, x, d, k, k->u);
    for (size_t i = 0; i < n; i++) loss -= nn_weight(t, rows[i])*k->u[i];
    if (dp) nn_density_backward(f, n, k, dp);
    if (dp && t->mean_on) {
        for (size_t j = 0; j < n*d; j++) k->u[j] = -k->dr[j];
        nn_mean_backward(f, n, k, k->u, dp);
    }
    return loss;
}

/* Mean loss of the validation rows (validation 1) or, as the caller gave them, of the
 * training rows. */
static double nn_mean_loss(nn_trainer *t, int stage, int validation)
{
    const size_t *rows = t->rows + (validation ? t->ntrain : 0), d = t->f->s.d;
    const size_t count = validation ? t->nval : t->ntrain;
    double sum = 0, wsum = 0;
    for (size_t i = 0; i < count; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, count - i);
        const double *x = t->xval + i*d;
        if (!validation) {
            (void)nn_fetch(t, NULL, 0, 0, n, rows + i, t->pass.x);
            x = t->pass.x;
        }
        sum += nn_loss(t, stage, n, rows + i, x, 1, NULL);
        for (size_t r = 0; r < n; r++) wsum += nn_weight(t, rows[i + r]);
    }
    return sum/wsum;
}

/* Share of the caller's weighted variance that base, plus the MLP if mean_on, leaves. */
static double nn_left(nn_trainer *t, const size_t *rows, size_t count)
{
    const size_t d = t->f->s.d;
    double left = 0, all = 0;
    for (size_t i = 0; i < count; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, count - i);
        nn_load_rows(t, n, rows + i);
        if (t->mean_on) nn_mean_forward(t->f, n, &t->pass);
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < d; j++) {
                const double x = t->data->x[rows[i + r]*d + j], w = nn_weight(t, rows[i + r]);
                const double e = x - t->pass.base[r*d + j], a = x - t->xm[j];
                left += w*t->qx[j]*e*e;
                all  += w*t->qx[j]*a*a;
            }
    }
    return all > 0 ? left/all : 0;
}

/* ---- optimisation */

/* sqrt to 1e-10 by Newton's method for 1/sqrt: unlike libm's, a loop of it vectorises. */
static inline double nn_sqrt(double v)
{
    uint64_t bits;
    double y;
    memcpy(&bits, &v, sizeof bits);
    bits = UINT64_C(0x5fe6eb50c7b537a9) - (bits >> 1);
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 3; i++) y *= 1.5 - 0.5*v*y*y;
    return v*y;
}

/* Step number `step` (from 1) of Adam [KB] on n parameters. */
static void nn_adam(size_t n, double *restrict p, const double *restrict g,
                    double *restrict m1, double *restrict m2, double scale,
                    double lr, double decay, size_t step)
{
    const double b1 = 0.9, b2 = 0.999, c2 = sqrt(1 - pow(b2, (double)step));
    const double a = lr*c2/(1 - pow(b1, (double)step)), eps = 1e-8*c2, keep = 1 - lr*decay;
    for (size_t i = 0; i < n; i++) {
        const double e = scale*g[i];
        m1[i] = b1*m1[i] + (1 - b1)*e;
        m2[i] = b2*m2[i] + (1 - b2)*e*e;
        p[i] = keep*p[i] - a*m1[i]/(nn_sqrt(m2[i]) + eps);
    }
}

static double nn_norm(size_t n, const double *v)
{
    double s[4] = { 0, 0, 0, 0 };
    for (size_t i = 0; i < n; i++) s[i & 3] += v[i]*v[i];
    return sqrt((s[0] + s[1]) + (s[2] + s[3]));
}

/* One minibatch: gradient, clip, Adam.  *loss += its sum of w loss, *wsum += its sum of w. */
static snl_status nn_step(nn_trainer *t, int stage, snl_rng *rng, size_t epoch, size_t count,
                          const size_t *rows, size_t from, size_t np, double lr, size_t step,
                          double *loss, double *wsum)
{
    snl_flow *f = t->f;
    double w = 0, sum = 0, norm;
    for (size_t i = 0; i < count; i++) w += nn_weight(t, rows[i]);
    if (!(w > 0)) return SNL_OK;
    memset(t->grad + from, 0, np*sizeof *t->grad);
    for (size_t i = 0; i < count; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, count - i);
        const snl_status st = nn_fetch(t, rng, stage, epoch, n, rows + i, t->pass.x);
        if (st != SNL_OK) return st;
        sum += nn_loss(t, stage, n, rows + i, t->pass.x, 1/w, t->grad);
    }
    norm = nn_norm(np, t->grad + from);
    if (!(fabs(sum) < INFINITY) || !(norm < INFINITY)) return SNL_EFAILED;
    nn_adam(np, f->theta + from, t->grad + from, t->m1 + from, t->m2 + from,
            norm > t->cfg->clip ? t->cfg->clip/norm : 1, lr, t->cfg->decay, step);
    nn_transpose_params(f, &t->pass, from == 0, stage == 2);
    *loss += sum;
    *wsum += w;
    return SNL_OK;
}

/* Stage 1 or 2 on its own share of the weights, which end as the best by validation. */
static snl_status nn_fit(nn_trainer *t, int stage)
{
    const snl_train_stage *s = stage == 1 ? &t->cfg->mean : &t->cfg->flow;
    snl_flow *f = t->f;
    const size_t nmlp = nn_transform(f, 0), from = stage == 2 && !t->mean_on ? nmlp : 0;
    const size_t np = (stage == 1 ? nmlp : f->np) - from;
    const size_t steps = (t->ntrain + s->batch - 1)/s->batch;
    double *theta = f->theta + from, *best = t->best + from, lowest;
    double *history = t->hooks->history;
    size_t since = 0, batch = 0, epoch = 0;
    snl_status st = SNL_OK;
    snl_rng rng;
    if (history && stage == 2) history += 2*t->cfg->mean.epochs;
    snl_rng_seed(&rng, t->cfg->seed, 3 + (uint64_t)stage);
    memset(t->m1 + from, 0, np*sizeof *t->m1);
    memset(t->m2 + from, 0, np*sizeof *t->m2);
    memcpy(best, theta, np*sizeof *best);
    nn_transpose_params(f, &t->pass, 1, 1);
    lowest = nn_mean_loss(t, stage, 1);
    if (!(fabs(lowest) < INFINITY)) st = SNL_EFAILED;
    while (st == SNL_OK && epoch < s->epochs && since < s->patience) {
        double loss = 0, wsum = 0, val;
        nn_shuffle(t->rows, t->ntrain, &rng);
        for (batch = 0, epoch++; batch < steps; batch++) {
            const size_t i = batch*s->batch, step = (epoch - 1)*steps + batch;
            const double x = (double)step/((double)steps*(double)s->epochs);
            const double lr = s->lr_end + 0.5*(s->lr - s->lr_end)*(1 + cos(SNL_PI*x));
            st = nn_step(t, stage, &rng, epoch, nn_min(s->batch, t->ntrain - i), t->rows + i,
                         from, np, lr, step + 1, &loss, &wsum);
            if (st != SNL_OK) break;
        }
        if (st != SNL_OK) break;
        val = nn_mean_loss(t, stage, 1);
        if (!(fabs(val) < INFINITY)) { st = SNL_EFAILED;  break; }
        since++;
        if (val < lowest) {
            lowest = val;
            since = 0;
            t->rep->best[stage-1] = epoch;
            memcpy(best, theta, np*sizeof *best);
        }
        if (history) { history[2*epoch-2] = loss/wsum;  history[2*epoch-1] = val; }
        t->rep->epochs[stage-1] = epoch;
        if (t->hooks->progress) {
            snl_train_progress p;
            p.stage = stage;      p.epoch = epoch;  p.epochs = s->epochs;
            p.train = loss/wsum;  p.val = val;      p.best = lowest;
            if (t->hooks->progress(t->hooks->self, &p)) st = SNL_ESTOPPED;
        }
    }
    if (st == SNL_EFAILED) {
        t->rep->failed_stage = stage;
        t->rep->failed_epoch = epoch;
        t->rep->failed_batch = batch;
    }
    memcpy(theta, best, np*sizeof *best);
    return st;
}

/* ---- the whole */

static snl_status nn_stage_check(const snl_train_stage *s, snl_fault *why)
{
    if (s->batch < 1) return snl_refuse(why, "batch", (double)s->batch, 1, INFINITY);
    if (s->patience < 1) return snl_refuse(why, "patience", (double)s->patience, 1, INFINITY);
    if (!(s->lr > 0 && s->lr < INFINITY)) return snl_refuse(why, "lr", s->lr, 0, INFINITY);
    if (!(s->lr_end >= 0 && s->lr_end <= s->lr))
        return snl_refuse(why, "lr_end", s->lr_end, 0, s->lr);
    return SNL_OK;
}

/* Every v[i] (n rows of w) finite and above or at lo; NULL passes. */
static snl_status nn_data_check(const char *name, const double *v, size_t n, size_t w,
                                double lo, snl_fault *why)
{
    for (size_t i = 0; v && i < n*w; i++)
        if (!(v[i] >= lo && fabs(v[i]) < INFINITY)) {
            (void)snl_refuse(why, name, v[i], lo, INFINITY);
            if (why) why->index = i/w;
            return fabs(v[i]) < INFINITY ? SNL_EINVAL : SNL_ENOTFINITE;
        }
    return SNL_OK;
}

static snl_status nn_train_check(const snl_flow *f, const snl_train_cfg *c,
                                 const snl_train_data *data, snl_fault *why)
{
    const size_t n = data->n;
    snl_status st;
    if ((st = nn_stage_check(&c->mean, why)) != SNL_OK) return st;
    if ((st = nn_stage_check(&c->flow, why)) != SNL_OK) return st;
    if (!(c->clip > 0)) return snl_refuse(why, "clip", c->clip, 0, INFINITY);
    if (!(c->decay >= 0 && c->decay < INFINITY))
        return snl_refuse(why, "decay", c->decay, 0, INFINITY);
    if (!(c->val_frac > 0 && c->val_frac < 1))
        return snl_refuse(why, "val_frac", c->val_frac, 0, 1);
    if (n < 4 || n > (size_t)-1/sizeof(double)/(f->s.m + 3*f->s.d))
        return snl_refuse(why, "n", (double)n, 4, INFINITY);
    if ((st = nn_data_check("c", data->c, n, f->s.m, -INFINITY, why)) != SNL_OK) return st;
    if ((st = nn_data_check("x", data->x, n, f->s.d, -INFINITY, why)) != SNL_OK) return st;
    if ((st = nn_data_check("w", data->w, n, 1, 0, why)) != SNL_OK) return st;
    return nn_data_check("s", data->s, f->s.d, 1, 1e-300, why);
}

/* Whitening of c, polynomial, scales of the MLP, new weights. */
static snl_status nn_refresh(nn_trainer *t)
{
    snl_flow *f = t->f;
    const size_t d = f->s.d;
    snl_status st;
    nn_moments(t, t->data->c, f->s.m, f->cm, t->cov);
    (void)nn_whitener(t->cov, f->s.m, 1e-10, f->cB);
    nn_contexts(t);
    if ((st = nn_fit_poly(t)) != SNL_OK) return st;
    nn_contexts(t);
    if ((st = nn_residual_cov(t, 1, 0)) != SNL_OK) return st;
    for (size_t j = 0; j < d; j++) {
        const double v = t->cov[j*d + j];
        f->rs[j] = v > 0 ? sqrt(v) : 1;
    }
    nn_flow_init(f, t->cfg->seed);
    return SNL_OK;
}

static snl_status nn_train(nn_trainer *t)
{
    snl_flow *f = t->f;
    const size_t n = t->data->n, d = f->s.d, *val = t->rows + t->ntrain;
    double sum = 0;
    snl_status st;
    snl_rng rng;

    snl_rng_seed(&rng, t->cfg->seed, 0);                        /* split and units */
    for (size_t i = 0; i < n; i++) t->rows[i] = i;
    nn_shuffle(t->rows, n, &rng);
    nn_moments(t, t->data->x, d, t->xm, t->cov);
    for (size_t j = 0; j < d; j++) {
        const double v = t->data->s ? t->data->s[j]*t->data->s[j] : t->cov[j*d + j];
        t->qx[j] = v > 0 ? 1/v : 0;
    }
    if ((st = nn_fetch_validation(t, 1)) != SNL_OK) return st;

    if (t->cfg->fresh) st = nn_refresh(t);                      /* polynomial */
    else nn_contexts(t);
    if (st != SNL_OK) return st;
    t->rep->poly_val = nn_left(t, val, t->nval);

    for (size_t j = 0; j < d; j++) {                            /* MLP of the mean */
        t->q[j] = t->data->s ? f->rs[j]/t->data->s[j] : 1;
        t->q[j] *= t->q[j];
        sum += t->q[j];
    }
    for (size_t j = 0; j < d; j++) t->q[j] /= sum;
    t->mean_on = f->s.mean_layers > 0;
    if (t->mean_on && t->cfg->mean.epochs) st = nn_fit(t, 1);
    t->rep->mean_train = nn_left(t, t->rows, t->ntrain);
    t->rep->mean_val   = nn_left(t, val, t->nval);
    if (st != SNL_OK) return st;
    if (t->mean_on && !t->cfg->joint) {
        for (size_t i = 0; i < n; i += NN_ROWS) {
            const size_t b = nn_min(NN_ROWS, n - i);
            size_t rows[NN_ROWS];
            for (size_t r = 0; r < b; r++) rows[r] = i + r;
            nn_load_rows(t, b, rows);
            nn_mean_forward(f, b, &t->pass);
            memcpy(t->base + i*d, t->pass.base, b*d*sizeof *t->base);
        }
        t->mean_on = 0;
    }

    if ((st = nn_fetch_validation(t, 2)) != SNL_OK) return st;  /* transforms */
    if (t->cfg->fresh && (st = nn_fit_scale(t)) != SNL_OK) return st;
    if ((st = nn_fit_linear(t)) != SNL_OK) return st;
    nn_transpose_fixed(f, &t->pass);
    if (t->cfg->flow.epochs && (f->s.transforms || t->mean_on)) st = nn_fit(t, 2);
    t->rep->logp_val   = -nn_mean_loss(t, 2, 1);
    t->rep->logp_train = -nn_mean_loss(t, 2, 0);
    return st;
}

snl_status snl_flow_train(snl_flow *f, const snl_train_cfg *cfg, const snl_train_data *data,
                          const snl_train_hooks *hooks, snl_train_report *report,
                          snl_fault *why)
{
    const snl_train_hooks none = { NULL, NULL, NULL, NULL };
    snl_train_report rep;
    nn_trainer t;
    double *mem;
    snl_status st = nn_train_check(f, cfg, data, why);
    if (st != SNL_OK) return st;
    memset(&rep, 0, sizeof rep);
    memset(&t, 0, sizeof t);
    t.f = f;
    t.cfg = cfg;
    t.data = data;
    t.hooks = hooks ? hooks : &none;
    t.rep = report ? report : &rep;
    *t.rep = rep;
    t.nval = (size_t)(cfg->val_frac*(double)data->n + 0.5);
    t.nval = nn_min(nn_max(t.nval, 1), data->n - 1);
    t.ntrain = data->n - t.nval;
    mem = SNL_CALLOC(nn_trainer_layout(&t, NULL) + NN_STEP, sizeof *mem);
    if (!mem) return SNL_ENOMEM;
    nn_trainer_layout(&t, mem);
    st = nn_train(&t);
    SNL_FREE(mem);
    return st;
}

/* ==== Saving ============================================================= */

/* "SNLFLOW", version; the nine fields of the shape, 8 bytes each; the flow's doubles in the
 * order of nn_flow_layout; checksum of all that. */
enum { NN_VERSION = 1, NN_FIELDS = 9, NN_HEADER = 8 + 8*NN_FIELDS };

static const char nn_tag[8] = { 'S', 'N', 'L', 'F', 'L', 'O', 'W', NN_VERSION };

snl_status snl_flow_save(const snl_flow *f, unsigned char *buf, size_t cap, size_t *len)
{
    const snl_flow_shape *s = &f->s;
    const size_t field[NN_FIELDS] = { s->d, s->m, s->degree, s->mean_layers, s->mean_width,
                                      s->transforms, s->layers, s->width, (size_t)s->act };
    snl_flow copy = *f;
    const size_t n = nn_flow_layout(&copy, NULL);
    unsigned char *p = buf;
    *len = NN_HEADER + 8*n + 8;
    if (!buf) return SNL_OK;
    if (cap < *len) return SNL_EINVAL;
    memcpy(p, nn_tag, 8);
    p += 8;
    for (size_t i = 0; i < NN_FIELDS; i++) p = snl_put(p, field[i]);
    p = snl_put_doubles(p, n, f->cm);                    /* the first tensor */
    snl_put(p, snl_fnv1a(buf, (size_t)(p - buf)));
    return SNL_OK;
}

snl_status snl_flow_load(snl_flow **out, const unsigned char *buf, size_t len)
{
    const unsigned char *p = buf + 8;
    size_t field[NN_FIELDS], n;
    snl_flow_shape s;
    snl_flow *f = NULL, copy;
    snl_status st;
    *out = NULL;
    if (!snl_bytes_ok(buf, len, nn_tag) || len < NN_HEADER + 8) return SNL_EFORMAT;
    for (size_t i = 0; i < NN_FIELDS; i++) {
        uint64_t v;
        p = snl_get(p, &v);
        if (v > NN_FEATURES) return SNL_EFORMAT;
        field[i] = (size_t)v;
    }
    s.d = field[0];            s.m = field[1];           s.degree = field[2];
    s.mean_layers = field[3];  s.mean_width = field[4];  s.transforms = field[5];
    s.layers = field[6];       s.width = field[7];       s.act = (snl_activation)field[8];
    st = snl_flow_create(&f, &s, NULL);
    if (st != SNL_OK) return st == SNL_ENOMEM ? st : SNL_EFORMAT;
    copy = *f;
    n = nn_flow_layout(&copy, NULL);
    if (len != NN_HEADER + 8*n + 8) goto damaged;
    snl_get_doubles(p, n, f->cm);
    for (size_t i = 0; i < n; i++) if (!(fabs(f->cm[i]) < INFINITY)) goto damaged;
    *out = f;
    return SNL_OK;
damaged:
    snl_flow_free(f);
    return SNL_EFORMAT;
}
