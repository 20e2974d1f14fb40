/* nn.c - conditional density estimation by masked autoregressive flows, and regression.
 *
 * Beside [P2] and [D] of snl.h:
 * [MADE] Germain et al. 2015, arXiv:1502.03509        masks
 * [KB]   Kingma & Ba 2015, arXiv:1412.6980            Adam
 *
 * Symbols: x (d) data, c (m) context, cw = (c - cm) cB whitened context, phi (F) monomials
 * of cw, base = phi S, mu = base + rs MLP(cw), r = x - mu, z = r B, then through the
 * transforms, h the units of a hidden layer.
 *
 * Samples come NN_ROWS at a time, so that a pass stays in the cache.  Inside, an array
 * (w, n) holds w quantities of n samples, samples side by side: loops over them vectorise,
 * and a sample never meets its neighbours.  n is 1 or a multiple of NN_LANES, filled up with
 * copies of the last sample.  Networks compute in nn_real, all else in double.
 *
 * Operations come as pairs x_forward, x_backward: gradients have the prefix d and are
 * accumulated, and what forward leaves for backward is said at forward. */
#include "snl.h"
#include <stdlib.h>

#ifdef NN_DOUBLE                /* for tests: differences of floats show no derivatives */
typedef double nn_real;
#else
typedef float nn_real;
#endif

enum { NN_ROWS = 64, NN_LANES = 8, NN_LAYERS = 8, NN_TRANSFORMS = 64, NN_DIM = 1024,
       NN_WIDTH = 4096, NN_FEATURES = 8192, NN_BINS = 64 };

#define NN_BOUND ((nn_real)4)   /* |scale_i| and the logits of splines stay below: no
                                 * transform runs away                                  */
#define NN_TAIL  ((nn_real)4)   /* splines act on [-NN_TAIL, NN_TAIL]                   */

static size_t nn_min(size_t a, size_t b) { return a < b ? a : b; }
static size_t nn_max(size_t a, size_t b) { return a > b ? a : b; }
static size_t nn_ceil(size_t a, size_t b) { return (a + b - 1)/b; }   /* b > 0: NOLINT */
static size_t nn_pad(size_t n) { return nn_ceil(n, NN_LANES)*NN_LANES; }
static size_t nn_fill(size_t n) { return n == 1 ? 1 : nn_pad(n); }

static double *nn_align(double *p)      /* to cache lines: up to 7 doubles are skipped */
{
    while (p && (uintptr_t)p % 64 && (uintptr_t)p % sizeof *p == 0) p++;
    return p;
}

static double *nn_take(double *base, size_t *used, size_t n)    /* base NULL: only count */
{ double *p = base ? base + *used : NULL;  *used += nn_pad(n);  return p; }

static nn_real *nn_take_real(double *base, size_t *used, size_t n)
{ return (nn_real *)(void *)nn_take(base, used, nn_ceil(n*sizeof(nn_real), sizeof(double))); }

/* ==== Matrix kernels ===================================================== */

/* a*b + c in whichever way is fast: the same one everywhere, for the same bits. */
static inline nn_real nn_fma(nn_real a, nn_real b, nn_real c)
{
#if defined FP_FAST_FMAF && !defined NN_DOUBLE
    return fmaf(a, b, c);
#else
    return a*b + c;
#endif
}

/* One row c (w) += a B;  a (k) with stride cs, B (k, w).  Every element is one chain of
 * multiply-adds in the order of k, here and in nn_rows4: a row has the same bits in both. */
static void nn_row(nn_real *restrict c, const nn_real *restrict a, size_t cs,
                   const nn_real *restrict B, size_t ldb, size_t k, size_t w)
{
    for (; k >= 4; k -= 4, a += 4*cs, B += 4*ldb) {
        const nn_real a0 = a[0], a1 = a[cs], a2 = a[2*cs], a3 = a[3*cs];
        const nn_real *b1 = B + ldb, *b2 = b1 + ldb, *b3 = b2 + ldb;
        for (size_t j = 0; j < w; j++)
            c[j] = nn_fma(a3, b3[j], nn_fma(a2, b2[j], nn_fma(a1, b1[j],
                   nn_fma(a0, B[j], c[j]))));
    }
    for (; k > 0; k--, a += cs, B += ldb) {
        const nn_real a0 = a[0];
        for (size_t j = 0; j < w; j++) c[j] = nn_fma(a0, B[j], c[j]);
    }
}

/* Four rows at once, so that each element of B that is loaded is used four times. */
static void nn_rows4(nn_real *restrict c0, nn_real *restrict c1, nn_real *restrict c2,
                     nn_real *restrict c3, const nn_real *restrict a, size_t rs, size_t cs,
                     const nn_real *restrict B, size_t ldb, size_t k, size_t w)
{
    for (; k >= 4; k -= 4, a += 4*cs, B += 4*ldb) {
        const nn_real *e = a + rs, *f = e + rs, *g = f + rs;
        const nn_real *b1 = B + ldb, *b2 = b1 + ldb, *b3 = b2 + ldb;
        const nn_real a0 = a[0], a1 = a[cs], a2 = a[2*cs], a3 = a[3*cs];
        const nn_real e0 = e[0], e1 = e[cs], e2 = e[2*cs], e3 = e[3*cs];
        const nn_real f0 = f[0], f1 = f[cs], f2 = f[2*cs], f3 = f[3*cs];
        const nn_real g0 = g[0], g1 = g[cs], g2 = g[2*cs], g3 = g[3*cs];
        for (size_t j = 0; j < w; j++) {
            const nn_real u0 = B[j], u1 = b1[j], u2 = b2[j], u3 = b3[j];
            c0[j] = nn_fma(a3, u3, nn_fma(a2, u2, nn_fma(a1, u1, nn_fma(a0, u0, c0[j]))));
            c1[j] = nn_fma(e3, u3, nn_fma(e2, u2, nn_fma(e1, u1, nn_fma(e0, u0, c1[j]))));
            c2[j] = nn_fma(f3, u3, nn_fma(f2, u2, nn_fma(f1, u1, nn_fma(f0, u0, c2[j]))));
            c3[j] = nn_fma(g3, u3, nn_fma(g2, u2, nn_fma(g1, u1, nn_fma(g0, u0, c3[j]))));
        }
    }
    for (; k > 0; k--, a += cs, B += ldb) {
        const nn_real a0 = a[0], e0 = a[rs], f0 = a[2*rs], g0 = a[3*rs];
        for (size_t j = 0; j < w; j++) {
            const nn_real u = B[j];
            c0[j] = nn_fma(a0, u, c0[j]);  c1[j] = nn_fma(e0, u, c1[j]);
            c2[j] = nn_fma(f0, u, c2[j]);  c3[j] = nn_fma(g0, u, c3[j]);
        }
    }
}

/* C (n, w) += A B;  A (n, k), element (i, p) at A[i rs + p cs], so that rs = 1 takes it
 * transposed; B (k, w).  C overlaps neither.  The only product of the networks. */
static void nn_gemm(nn_real *C, size_t ldc, const nn_real *A, size_t rs, size_t cs,
                    const nn_real *B, size_t ldb, size_t n, size_t k, size_t w)
{
    for (; n >= 4; n -= 4, C += 4*ldc, A += 4*rs)
        nn_rows4(C, C + ldc, C + 2*ldc, C + 3*ldc, A, rs, cs, B, ldb, k, w);
    for (; n > 0; n--, C += ldc, A += rs) nn_row(C, A, cs, B, ldb, k, w);
}

/* y (w) += sign * sum_i a_i X_i, in double: a (k) with stride cs, X (k, w). */
static void nn_mix(double *restrict y, double sign, const double *restrict a, size_t cs,
                   const double *restrict X, size_t ldx, size_t k, size_t w)
{
    for (; k >= 4; k -= 4, a += 4*cs, X += 4*ldx) {
        const double a0 = sign*a[0], a1 = sign*a[cs], a2 = sign*a[2*cs], a3 = sign*a[3*cs];
        const double *x1 = X + ldx, *x2 = x1 + ldx, *x3 = x2 + ldx;
        for (size_t j = 0; j < w; j++)
            y[j] = y[j] + a0*X[j] + a1*x1[j] + a2*x2[j] + a3*x3[j];
    }
    for (; k > 0; k--, a += cs, X += ldx) {
        const double a0 = sign*a[0];
        for (size_t j = 0; j < w; j++) y[j] += a0*X[j];
    }
}

static double nn_dot(size_t n, const double *a, const double *b)
{
    double s[4] = { 0, 0, 0, 0 };
    for (; n >= 4; n -= 4, a += 4, b += 4)
        for (size_t k = 0; k < 4; k++) s[k] += a[k]*b[k];
    for (; n > 0; n--) s[0] += *a++ * *b++;
    return (s[0] + s[1]) + (s[2] + s[3]);
}

/* Y (w, n) = M^T X, M (k, w), upper triangular if tri, X (k, n): the same bits for n = 1. */
static void nn_apply_forward(size_t n, size_t k, size_t w, int tri, const double *M,
                             const double *X, double *Y)
{
    memset(Y, 0, w*n*sizeof *Y);
    if (n == 1) nn_mix(Y, 1, X, 1, M, w, k, w);
    else
        for (size_t j = 0; j < w; j++)
            nn_mix(Y + j*n, 1, M + j, w, X, n, tri ? j + 1 : k, n);
}

/* dX (k, n) = M dY */
static void nn_apply_backward(size_t n, size_t k, size_t w, int tri, const double *M,
                              const double *dY, double *dX)
{
    memset(dX, 0, k*n*sizeof *dX);
    for (size_t p = 0; p < k; p++) {
        const size_t q = tri ? p : 0;
        nn_mix(dX + p*n, 1, M + p*w + q, 1, dY + q*n, n, w - q, n);
    }
}

/* A = U^T U in the upper triangle of A (n, n).  A component that the earlier ones determine
 * to `tol` of its variance gets a zero row; their number is returned. */
static size_t nn_cholesky(double *A, size_t n, double tol)
{
    size_t dropped = 0;
    for (size_t k = 0; k < n; k++) {
        double *row = A + k*n;
        const double var = row[k];
        nn_mix(row + k, -1, A + k, n, A + k, n, k, n - k);
        const int keep = row[k] > tol*var && row[k] < INFINITY;
        const double s = keep ? 1/sqrt(row[k]) : 0;
        for (size_t j = k; j < n; j++) row[j] = keep ? row[j]*s : 0;
        dropped += !keep;
    }
    return dropped;
}

/* Solve U^T U X = R in place, R (n, w). */
static void nn_cholesky_solve(const double *U, size_t n, double *R, size_t w)
{
    for (size_t k = 0; k < n; k++) {
        nn_mix(R + k*w, -1, U + k, n, R, w, k, w);
        for (size_t j = 0; j < w; j++) R[k*w + j] /= U[k*n + k];
    }
    for (size_t k = n; k-- > 0; ) {
        nn_mix(R + k*w, -1, U + k*n + k + 1, 1, R + (k + 1)*w, w, n - k - 1, w);
        for (size_t j = 0; j < w; j++) R[k*w + j] /= U[k*n + k];
    }
}

/* B = U^-1 upper triangular, so that B^T cov B = 1 and rows times B are white; cov is
 * overwritten.  Dropped components get a zero column; their number is returned. */
static size_t nn_whitener(double *cov, size_t n, double tol, double *B)
{
    const size_t dropped = nn_cholesky(cov, n, tol);
    memset(B, 0, n*n*sizeof *B);
    for (size_t k = n; k-- > 0; ) {
        double *row = B + k*n, s = cov[k*n + k];
        if (!(s > 0)) continue;
        row[k] = 1;
        nn_mix(row, -1, cov + k*n + k + 1, 1, B + (k + 1)*n, n, n - k - 1, n);
        for (size_t j = k; j < n; j++) row[j] /= s;
    }
    return dropped;
}

/* ==== Elementwise functions ============================================== */

/* exp to 2 ulp for |x| <= 87, clamped beyond, without a comparison of floats: so a loop of it
 * vectorises everywhere.  x = k ln 2 + r, Taylor series of r; adding 1.5 2^23 leaves k in
 * the low bits, from where it goes to the exponent.  NaN and infinity give NaN. */
static inline nn_real nn_exp(nn_real x)
{
#ifdef NN_DOUBLE
    return exp(x);
#else
    const int32_t limit = 0x42ae0000;           /* the bits of 87 */
    const float big = 12582912;
    float t, k, r, y;
    int32_t size, sign;
    uint32_t bits;
    memcpy(&size, &x, sizeof size);
    sign = size & INT32_MIN;
    size &= INT32_MAX;
    size = (size > limit ? limit : size) | sign;
    memcpy(&r, &size, sizeof r);
    t = r*1.44269504f + big;
    memcpy(&bits, &t, sizeof bits);
    k = t - big;
    r = r - k*0.693359375f;                     /* ln 2 in two parts: this one is exact */
    r = r + k*2.12194440e-4f;
    y = nn_fma(r, 1/5040.0f, 1/720.0f);
    y = nn_fma(y, r, 1/120.0f);
    y = nn_fma(y, r, 1/24.0f);
    y = nn_fma(y, r, 1/6.0f);
    y = nn_fma(y, r, 0.5f);
    y = nn_fma(y, r, 1.0f);
    y = nn_fma(y, r, 1.0f);
    bits = (bits << 23) + (UINT32_C(127) << 23);
    memcpy(&t, &bits, sizeof t);
    return y*t + 0*x;
#endif
}

static inline nn_real nn_tanh(nn_real x)            /* absolute, to the last bit of 1 */
{ return 1 - 2/(nn_exp(2*x) + 1); }

/* sqrt by Newton's method from half the exponent: unlike libm's, a loop of it vectorises. */
static inline nn_real nn_sqrt(nn_real v)
{
#ifdef NN_DOUBLE
    return sqrt(v);
#else
    uint32_t bits;
    float y;
    memcpy(&bits, &v, sizeof bits);
    bits = (bits >> 1) + (UINT32_C(127) << 22);
    memcpy(&y, &bits, sizeof y);
    for (int i = 0; i < 3; i++) y = 0.5f*(y + v/y);
    return y;
#endif
}

/* h = g/(1 + exp(-g)), SiLU; leaves the derivative in g. */
static void nn_act_forward(size_t n, nn_real *restrict g, nn_real *restrict h)
{
    for (size_t i = 0; i < n; i++) {
        const nn_real a = g[i], s = 1/(1 + nn_exp(-a));
        h[i] = a*s;
        g[i] = s*(1 + a*(1 - s));
    }
}

/* ==== Masked layers ====================================================== */

/* Y (out, n) = W^T X, X (m + 1 + in, n) = m contexts (m may be 0), a row of ones, inputs.
 * Inputs and outputs belong to components 0 .. d-1 of what is modelled, in ascending order,
 * evenly: output q to q d/out, input p to p d/in, or with shift = 1 to the one after it.  An
 * output sees the inputs of its own component and of those before it [MADE], all contexts and
 * the 1.  So W (m + 1 + in, ld), rows ld >= out apart, is zero in row p left of a column
 * nn_seen(p), which does not descend, and below row nn_sees(q) of column q: the products
 * leave out the zero half.  d = 1: no masks. */
typedef struct nn_layer { size_t in, out, m, d, shift, ld, at; } nn_layer;

static size_t nn_seen(const nn_layer *a, size_t p)
{ return p <= a->m ? 0 : nn_ceil(((p - a->m - 1)*a->d/a->in + a->shift)*a->out, a->d); }

static size_t nn_sees(const nn_layer *a, size_t q)
{ return a->m + 1 + nn_ceil((q*a->d/a->out + 1 - a->shift)*a->in, a->d); }

/* Outputs lo .. hi-1.  One sample alone goes by rows of W, with the same bits. */
static void nn_layer_forward(const nn_layer *a, const nn_real *W, size_t lo, size_t hi,
                             size_t n, const nn_real *X, nn_real *Y)
{
    const size_t rows = a->m + 1 + a->in;
    memset(Y + lo*n, 0, (hi - lo)*n*sizeof *Y);
    for (size_t p = 0; n == 1 && p < rows; p += NN_LANES) {
        const size_t q = nn_max(lo, nn_seen(a, p));
        if (q >= hi) return;
        nn_row(Y + q, X + p, 1, W + p*a->ld + q, a->ld, nn_min(NN_LANES, rows - p), hi - q);
    }
    for (size_t q = lo; n > 1 && q < hi; q += 4) {
        const size_t k = nn_min(4, hi - q);
        nn_gemm(Y + q*n, n, W + q, 1, a->ld, X, n, k, nn_sees(a, q + k - 1), n);
    }
}

/* dX (m + 1 + in, n) += ... from row `from` on, if not NULL; dW += ... where W may be
 * non-zero, if not NULL.  yt (n, ld) is scratch. */
static void nn_layer_backward(const nn_layer *a, const nn_real *W, size_t n, const nn_real *X,
                              const nn_real *dY, size_t from, nn_real *dX, nn_real *dW,
                              nn_real *yt)
{
    const size_t rows = a->m + 1 + a->in, ld = a->ld;
    for (size_t p = from; dX && p < rows; p += 4) {
        const size_t q = nn_seen(a, p);
        nn_gemm(dX + p*n, n, W + p*ld + q, ld, 1, dY + q*n, n, nn_min(4, rows - p),
                a->out - q, n);
    }
    for (size_t i = 0; dW && i < n; i++)
        for (size_t q = 0; q < ld; q++) yt[i*ld + q] = q < a->out ? dY[q*n + i] : 0;
    for (size_t p = 0; dW && p < rows; p += 4) {
        const size_t k = nn_min(4, rows - p), lo = nn_seen(a, p)/NN_LANES*NN_LANES;
        if (lo >= a->out) break;
        nn_gemm(dW + p*ld + lo, ld, X + p*n, n, 1, yt + lo, ld, k, n, ld - lo);
        for (size_t i = p; i < p + k; i++)
            for (size_t q = lo; q < nn_min(nn_seen(a, i), a->out); q++) dW[i*ld + q] = 0;
    }
}

/* ==== Networks =========================================================== */

/* h_1 = act(W (c, 1, x)), h_l = act(W (1, h_(l-1))), plus h_(l-1) if residual, and out =
 * W (c, 1, h_L), P numbers per component.  With masks this is a [MADE]; without there
 * is no x. */
typedef struct nn_net {
    size_t layers, m, size;         /* hidden layers; contexts; parameters                  */
    size_t residual;
    nn_layer l[NN_LAYERS + 1];
} nn_net;

typedef struct nn_cache {           /* what a pass leaves for backward                      */
    nn_real *in[NN_LAYERS + 1];     /* (m + 1 + in): c, 1 and x or units, for each layer    */
    nn_real *g[NN_LAYERS];          /* derivatives of the units' activations                */
    nn_real *out, *slope, *v;       /* (P d), (P d), (d): see the transform                 */
} nn_cache;

static void nn_net_init(nn_net *t, size_t d, size_t m, int masked, size_t layers, size_t h,
                        size_t P, const snl_flow_shape *s)
{
    t->m = m;
    t->layers = layers;
    t->residual = s->residual;
    for (size_t l = 0; layers && l <= layers; l++) {
        nn_layer *a = t->l + l;
        a->in = l ? h : masked ? d : 0;
        a->out = l < layers ? h : P*d;
        a->m = l == 0 || l == layers ? m : 0;
        a->d = masked ? d : 1;
        a->shift = masked && l == 0;
        a->ld = nn_pad(a->out);
        a->at = t->size;
        t->size += (a->m + 1 + a->in)*a->ld;
    }
}

static void nn_cache_take(nn_cache *k, const nn_net *t, double *base, size_t *used)
{
    const nn_layer *last = t->l + t->layers;
    for (size_t l = 0; l <= t->layers; l++) {
        k->in[l] = nn_take_real(base, used, NN_ROWS*(t->m + 1 + t->l[l].in));
        if (l < t->layers) k->g[l] = nn_take_real(base, used, NN_ROWS*t->l[l].out);
    }
    k->out   = nn_take_real(base, used, NN_ROWS*last->out);
    k->slope = nn_take_real(base, used, NN_ROWS*last->out);
    k->v     = nn_take_real(base, used, NN_ROWS*last->d);
}

/* Place for x or the units behind the contexts and the 1. */
static nn_real *nn_input(const nn_net *t, const nn_cache *k, size_t l, size_t n)
{ return k->in[l] + (t->m + 1)*n; }

/* The contexts c (m, n) and the ones. */
static void nn_net_context(const nn_net *t, size_t n, const double *c, const nn_cache *k)
{
    for (size_t l = 0; l <= t->layers; l++) {
        for (size_t i = 0; i < t->l[l].m*n; i++) k->in[l][i] = (nn_real)c[i];
        for (size_t i = t->m*n; i < (t->m + 1)*n; i++) k->in[l][i] = 1;
    }
}

/* The units and outputs of components j0 .. j1-1, those before being there. */
static void nn_net_forward(const nn_net *t, const nn_real *p, size_t j0, size_t j1, size_t n,
                           const nn_cache *k)
{
    for (size_t l = 0; l <= t->layers; l++) {
        const nn_layer *a = t->l + l;
        const size_t lo = nn_ceil(j0*a->out, a->d), hi = nn_ceil(j1*a->out, a->d);
        nn_real *Y = l < t->layers ? k->g[l] : k->out, *h;
        nn_layer_forward(a, p + a->at, lo, hi, n, k->in[l] + (t->m - a->m)*n, Y);
        if (l == t->layers) break;
        h = nn_input(t, k, l + 1, n);
        nn_act_forward((hi - lo)*n, Y + lo*n, h + lo*n);
        for (size_t i = lo*n; t->residual && l > 0 && i < hi*n; i++)
            h[i] += nn_input(t, k, l, n)[i];
    }
}

/* From dout (P d, n) to dp, dx (d, n), dc (m, n), each may be NULL; da, db (m + 1 + h, n)
 * and yt (n, ld) are scratch. */
static void nn_net_backward(const nn_net *t, const nn_real *p, size_t n, const nn_cache *k,
                            const nn_real *dout, nn_real *dp, nn_real *dx, nn_real *dc,
                            nn_real *da, nn_real *db, nn_real *yt)
{
    const size_t front = (t->m + 1)*n;
    for (size_t l = t->layers + 1; l-- > 0; ) {
        const nn_layer *a = t->l + l;
        const size_t skip = (t->m - a->m)*n, size = a->in*n;
        nn_real *swap = da, *dY = da + front;           /* da: by c, 1, h_(l+1); db: h_l */
        memset(db, 0, front*sizeof *db + size*sizeof *db);
        if (l > 0 && l < t->layers && t->residual) memcpy(db + front, dY, size*sizeof *db);
        for (size_t i = 0; l < t->layers && i < a->out*n; i++) dY[i] *= k->g[l][i];
        nn_layer_backward(a, p + a->at, n, k->in[l] + skip, l < t->layers ? dY : dout,
                          dc && a->m ? 0 : a->m + 1, l || dx || dc ? db + skip : NULL,
                          dp ? dp + a->at : NULL, yt);
        for (size_t i = 0; dc && i < a->m*n; i++) dc[i] += db[i];
        for (size_t i = 0; l == 0 && dx && i < size; i++) dx[i] += db[front + i];
        da = db;
        db = swap;
    }
}

/* Hidden layers of variance 1/in, zero outputs: the network starts as 0. */
static void nn_net_draw(const nn_net *t, nn_real *p, snl_rng *rng)
{
    memset(p, 0, t->size*sizeof *p);
    for (size_t l = 0; l < t->layers; l++) {
        const nn_layer *a = t->l + l;
        const size_t rows = a->m + 1 + a->in;
        for (size_t r = 0; r < rows; r++) {             /* bias, inputs, contexts */
            const size_t i = (a->m + r) % rows;
            const double var = i < a->m ? 1/(double)a->m : r ? 1/(double)a->in : 0.25;
            for (size_t q = nn_seen(a, i); q < a->out; q++)
                p[a->at + i*a->ld + q] = (nn_real)(sqrt(var)*snl_rng_normal(rng));
        }
    }
}

/* ==== Transforms ========================================================= */

/* Of each component z, from P outputs of the network (rows P i ... of k->out):
 *
 *     v = (z - shift) exp(-scale),   u = spline(v) if there are bins, else v,
 *
 * u_(d-1-i) the i-th result, so that every transform can use the same masks.  The scale
 * and all numbers of the spline are bounded, s = NN_BOUND tanh(b/NN_BOUND).
 *
 * Splines [D] have K bins: widths w and heights y' as softmax of s over [-NN_TAIL, NN_TAIL],
 * slopes exp(s) at the inner knots and 1 at the ends, the identity outside.  With zero
 * outputs they are the identity. */

typedef struct nn_bin {                 /* where v fell: the bin of each sample             */
    nn_real k[NN_ROWS], x[NN_ROWS], w[NN_ROWS], y[NN_ROWS], h[NN_ROWS];
    nn_real d0[NN_ROWS], d1[NN_ROWS];   /* number; corner, width and height; slopes         */
    nn_real sw[NN_ROWS], sh[NN_ROWS];   /* width and height per exp(s)                      */
} nn_bin;

/* e: rows exp(s), K of the widths, K of the heights, K - 1 of the slopes.  The bin is found
 * by v among the widths, or, inverse, by u among the heights. */
static void nn_bin_find(size_t K, size_t n, const nn_real *e, const nn_real *restrict v,
                        int inverse, nn_bin *restrict b)
{
    nn_real x[NN_ROWS], y[NN_ROWS];
    memset(b, 0, sizeof *b);
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < n; i++) {
            b->sw[i] += e[k*n + i];
            b->sh[i] += e[(K + k)*n + i];
        }
    for (size_t i = 0; i < n; i++) {
        x[i] = y[i] = -NN_TAIL;
        b->sw[i] = 2*NN_TAIL/b->sw[i];
        b->sh[i] = 2*NN_TAIL/b->sh[i];
    }
    for (size_t k = 0; k < K; k++) {
        const nn_real *ew = e + k*n, *eh = ew + K*n;
        const nn_real *e1 = eh + K*n, *e0 = e1 - n;
        const int first = k == 0, last = k + 1 == K;
        for (size_t i = 0; i < n; i++) {
            const nn_real w = b->sw[i]*ew[i], h = b->sh[i]*eh[i];
            const nn_real d0 = first ? 1 : e0[i], d1 = last ? 1 : e1[i];
            const int in = first || v[i] >= (inverse ? y[i] : x[i]);
            b->k[i] = in ? (nn_real)k : b->k[i];
            b->x[i] = in ? x[i] : b->x[i];      b->y[i] = in ? y[i] : b->y[i];
            b->w[i] = in ? w : b->w[i];         b->h[i] = in ? h : b->h[i];
            b->d0[i] = in ? d0 : b->d0[i];      b->d1[i] = in ? d1 : b->d1[i];
            x[i] += w;
            y[i] += h;
        }
    }
}

/* u = y + h A/D and du/dv = s^2 N/D^2 with xi = (v - x)/w, t = xi (1 - xi), s = h/w,
 * A = s xi^2 + d0 t, D = s + (d0 + d1 - 2 s) t, N = d1 xi^2 + 2 s t + d0 (1 - xi)^2. */
static void nn_spline_forward(size_t K, size_t n, const nn_real *e, const nn_real *v,
                              nn_real *restrict u, double *restrict ld)
{
    nn_real slope[NN_ROWS];
    nn_bin b;
    nn_bin_find(K, n, e, v, 0, &b);
    for (size_t i = 0; i < n; i++) {
        const nn_real xi = (v[i] - b.x[i])/b.w[i], t = xi*(1 - xi), s = b.h[i]/b.w[i];
        const nn_real d0 = b.d0[i], d1 = b.d1[i];
        const nn_real A = s*xi*xi + d0*t, D = s + (d0 + d1 - 2*s)*t;
        const nn_real N = d1*xi*xi + 2*s*t + d0*(1 - xi)*(1 - xi);
        const int in = v[i] >= -NN_TAIL && v[i] < NN_TAIL;
        u[i] = in ? b.y[i] + b.h[i]*A/D : v[i];
        slope[i] = in ? s*s*N/(D*D) : 1;
    }
    for (size_t i = 0; i < n; i++) ld[i] -= log((double)slope[i]);
}

/* dv in place of du, de rows by e (set); g: d loss/d(-log p). */
static void nn_spline_backward(size_t K, size_t n, const nn_real *e, const nn_real *v,
                               const nn_real *g, nn_real *restrict dv, nn_real *restrict de)
{
    nn_real dx[NN_ROWS], dw[NN_ROWS], dy[NN_ROWS], dh[NN_ROWS], dd0[NN_ROWS], dd1[NN_ROWS];
    nn_real mw[NN_ROWS], mh[NN_ROWS];
    nn_bin b;
    nn_bin_find(K, n, e, v, 0, &b);
    for (size_t i = 0; i < n; i++) {
        const nn_real w = b.w[i], h = b.h[i], d0 = b.d0[i], d1 = b.d1[i], s = h/w;
        const nn_real xi = (v[i] - b.x[i])/w, t = xi*(1 - xi), m = d0 + d1 - 2*s;
        const nn_real A = s*xi*xi + d0*t, D = s + m*t;
        const nn_real N = d1*xi*xi + 2*s*t + d0*(1 - xi)*(1 - xi);
        const int in = v[i] >= -NN_TAIL && v[i] < NN_TAIL;
        const nn_real du = in ? dv[i] : 0, dl = in ? -g[i] : 0;     /* by u, by log du/dv */
        const nn_real dA = du*h/D, dD = -dA*A/D - 2*dl/D, dN = dl/N;
        const nn_real dt = dA*d0 + dD*m + dN*2*s;
        const nn_real ds = 2*dl/s + dA*xi*xi + dD*(1 - 2*t) + dN*2*t;
        const nn_real dxi = 2*(dA*s*xi + dN*(d1*xi - d0*(1 - xi))) + dt*(1 - 2*xi);
        dv[i] = in ? dxi/w : dv[i];
        dx[i] = -dxi/w;
        dw[i] = -(dxi*xi + ds*s)/w;
        dy[i] = du;
        dh[i] = du*A/D + ds/w;
        dd0[i] = dA*t + dD*t + dN*(1 - xi)*(1 - xi);
        dd1[i] = dD*t + dN*xi*xi;
        /* a corner is the sum of the widths before it; softmax: less the mean derivative */
        mw[i] = (dx[i]*(b.x[i] + NN_TAIL) + dw[i]*w)/(2*NN_TAIL);
        mh[i] = (dy[i]*(b.y[i] + NN_TAIL) + dh[i]*h)/(2*NN_TAIL);
    }
    for (size_t k = 0; k < K; k++) {
        nn_real *aw = de + k*n, *ah = aw + K*n, *as = ah + K*n;
        const nn_real at = (nn_real)k, next = (nn_real)(k + 1);
        for (size_t i = 0; i < n; i++) {
            const int before = at < b.k[i], here = at == b.k[i];
            aw[i] = b.sw[i]*((before ? dx[i] : here ? dw[i] : 0) - mw[i]);
            ah[i] = b.sh[i]*((before ? dy[i] : here ? dh[i] : 0) - mh[i]);
        }
        for (size_t i = 0; k + 1 < K && i < n; i++)
            as[i] = (at == b.k[i] ? dd1[i] : 0) + (next == b.k[i] ? dd0[i] : 0);
    }
}

/* v where spline(v) = u: [D], eqs. 6-8. */
static void nn_spline_inverse(size_t K, size_t n, const nn_real *e, nn_real *u)
{
    nn_bin b;
    nn_bin_find(K, n, e, u, 1, &b);
    for (size_t i = 0; i < n; i++) {
        const double s = b.h[i]/(double)b.w[i], r = u[i] - b.y[i], h = b.h[i];
        const double m = r*(b.d0[i] + b.d1[i] - 2*s);
        const double p = h*(s - b.d0[i]) + m, q = h*b.d0[i] - m;
        const double xi = 2*s*r/(q + sqrt(q*q + 4*p*s*r));
        if (u[i] >= -NN_TAIL && u[i] < NN_TAIL) u[i] = b.x[i] + (nn_real)xi*b.w[i];
    }
}

/* The outputs o (P, n) of one component made ready: the shift, and s of the scale, exp(s)
 * of the spline; slope: of these by the outputs. */
static void nn_numbers(size_t P, size_t n, nn_real *restrict o, nn_real *restrict slope)
{
    for (size_t i = n; i < P*n; i++) {
        const nn_real t = nn_tanh(o[i]*(1/NN_BOUND));
        slope[i] = (1 - t)*(1 + t);
        o[i] = NN_BOUND*t;
    }
    for (size_t i = 2*n; i < P*n; i++) {
        o[i] = nn_exp(o[i]);
        slope[i] *= o[i];
    }
}

/* z (d, n) to u (d, n); ld (n) += -log du/dz.  Leaves v, exp(-scale) instead of the shift,
 * and the slopes. */
static void nn_transform_forward(size_t d, size_t K, size_t n, const nn_real *z,
                                 const nn_cache *k, nn_real *u, double *restrict ld)
{
    const size_t P = K ? 3*K + 1 : 2;
    for (size_t j = 0; j < d; j++) {
        nn_real *restrict o = k->out + j*P*n, *restrict v = k->v + j*n;
        nn_numbers(P, n, o, k->slope + j*P*n);
        for (size_t i = 0; i < n; i++) {
            const nn_real e = nn_exp(-o[n + i]);
            v[i] = (z[j*n + i] - o[i])*e;
            ld[i] += (double)o[n + i];
            o[i] = e;
        }
    }
    for (size_t j = 0; j < d; j++) {
        const nn_real *v = k->v + j*n;
        nn_real *w = u + (d - 1 - j)*n;
        if (K) nn_spline_forward(K, n, k->out + (j*P + 2)*n, v, w, ld);
        else memcpy(w, v, n*sizeof *w);
    }
}

/* From du (d, n), and g (n) = d loss/d(-log p), which reaches every scale and slope
 * directly: dout (P d, n), and dz (set: the first of its two contributions). */
static void nn_transform_backward(size_t d, size_t K, size_t n, const nn_cache *k,
                                  const nn_real *du, const nn_real *restrict g, nn_real *dz,
                                  nn_real *dout)
{
    const size_t P = K ? 3*K + 1 : 2;
    for (size_t j = 0; j < d; j++) {
        const nn_real *o = k->out + j*P*n, *v = k->v + j*n, *slope = k->slope + j*P*n;
        nn_real *restrict dv = dz + j*n, *restrict da = dout + j*P*n;
        memcpy(dv, du + (d - 1 - j)*n, n*sizeof *dv);
        if (K) nn_spline_backward(K, n, o + 2*n, v, g, dv, da + 2*n);
        for (size_t i = 0; i < n; i++) {
            da[n + i] = g[i] - dv[i]*v[i];
            dv[i] *= o[i];
            da[i] = -dv[i];
        }
        for (size_t i = n; i < P*n; i++) da[i] *= slope[i];
    }
}

/* Component j of z (d, n) from that of u (n), which is lost, when its outputs are there. */
static void nn_transform_inverse(size_t j, size_t K, size_t n, const nn_cache *k, nn_real *u,
                                 nn_real *z)
{
    const size_t P = K ? 3*K + 1 : 2;
    nn_real *o = k->out + j*P*n;
    nn_numbers(P, n, o, k->slope + j*P*n);
    if (K) nn_spline_inverse(K, n, o + 2*n, u);
    for (size_t i = 0; i < n; i++) z[j*n + i] = o[i] + u[i]*nn_exp(o[n + i]);
}

/* ==== Polynomial features ================================================ */

/* Monomials of degree k in v variables, binomial(v + k - 1, k). */
static size_t nn_monomials(size_t v, size_t k)
{
    size_t n = 1;
    for (size_t i = 1; i <= k; i++) n = n*(v + i - 1)/i;
    return n;
}

/* phi (F, n) of c (m, n).  The monomials of degree k with first variable c_i are c_i times
 * those of degree k-1 without a variable before c_i, which end the block of degree k-1. */
static void nn_poly_forward(size_t n, size_t m, size_t degree, const double *c, double *phi)
{
    size_t end = 1, o = 1;
    for (size_t r = 0; r < n; r++) phi[r] = 1;
    for (size_t i = 0; i < m; i++)                      /* NaN of what is not finite */
        for (size_t r = 0; r < n; r++) phi[r] += 0*c[i*n + r];
    for (size_t k = 1; k <= degree; k++, end = o)
        for (size_t i = 0; i < m; i++)
            for (size_t p = end - nn_monomials(m - i, k - 1); p < end; p++, o++)
                for (size_t r = 0; r < n; r++)
                    phi[o*n + r] = c[i*n + r]*phi[p*n + r];
}

/* dc += ..., from dphi, whose contents are lost. */
static void nn_poly_backward(size_t n, size_t m, size_t degree, const double *c,
                             const double *phi, double *dphi, double *dc)
{
    size_t o = 0;
    for (size_t k = 0; k <= degree; k++) o += nn_monomials(m, k);
    for (size_t k = degree; k > 0; k--) {
        const size_t end = o - nn_monomials(m, k);
        for (size_t i = m; i-- > 0; )
            for (size_t p = end; p-- > end - nn_monomials(m - i, k - 1); ) {
                o--;
                for (size_t r = 0; r < n; r++) {
                    dc[i*n + r] += dphi[o*n + r]*phi[p*n + r];
                    dphi[p*n + r] += dphi[o*n + r]*c[i*n + r];
                }
            }
    }
}

/* ==== The flow =========================================================== */

struct snl_flow {
    snl_flow_shape s;
    size_t F, np, fixed;            /* features; trainable parameters; other numbers  */
    size_t all;                     /* doubles of both, from cm on                    */
    nn_net mlp, made;
    double *mem, *cm, *cB, *S, *rs, *B, *logdet;
    nn_real *theta;
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
    f->fixed  = used;
    f->theta  = nn_take_real(base, &used, f->np);      /* MLP, then the transforms */
    return f->all = used;
}

static nn_real *nn_theta(const snl_flow *f, size_t t)       /* parameters of transform t */
{ return f->theta + f->mlp.size + t*f->made.size; }

static void nn_flow_draw(snl_flow *f, uint64_t seed)
{
    snl_rng rng;
    snl_rng_seed(&rng, seed, 1);
    nn_net_draw(&f->mlp, f->theta, &rng);
    for (size_t t = 0; t < f->s.transforms; t++) nn_net_draw(&f->made, nn_theta(f, t), &rng);
}

typedef struct nn_field { const char *name; double v, lo, hi; } nn_field;

static snl_status nn_check(const nn_field *t, size_t n, snl_fault *why)
{
    for (; n-- > 0; t++)
        if (!(t->v >= t->lo && t->v <= t->hi))
            return snl_refuse(why, t->name, t->v, t->lo, t->hi);
    return SNL_OK;
}

static snl_status nn_shape_check(const snl_flow_shape *s, snl_fault *why)
{
    const nn_field fields[] = {
        { "d", (double)s->d, 1, NN_DIM },           { "m", (double)s->m, 1, NN_DIM },
        { "degree", (double)s->degree, 0, 4 },
        { "mean_layers", (double)s->mean_layers, 0, NN_LAYERS },
        { "mean_width", (double)s->mean_width, 1, NN_WIDTH },
        { "transforms", (double)s->transforms, 0, NN_TRANSFORMS },
        { "layers", (double)s->layers, 1, NN_LAYERS },
        { "width", (double)s->width, 1, NN_WIDTH }, { "bins", (double)s->bins, 0, NN_BINS },
        { "residual", (double)s->residual, 0, 1 } };
    const snl_status st = nn_check(fields, sizeof fields/sizeof *fields, why);
    double features = 1, size;
    if (st != SNL_OK) return st;
    for (size_t i = 1; i <= s->degree; i++) features *= (double)(s->m + i)/(double)i;
    if (features > NN_FEATURES + 0.5)
        return snl_refuse(why, "degree", (double)s->degree, 0, (double)s->degree - 1);
    /* below 2^27 weights, sizes in bytes do not overflow even in 32 bits */
    size = (double)s->mean_layers*(double)s->mean_width*(double)(s->mean_width + s->m + s->d)
         + (double)s->transforms*(double)(s->width + s->m + 1)
           *((double)s->layers*(double)s->width + (3.0*(double)s->bins + 3)*(double)s->d);
    if (size > 134217728.0) return snl_refuse(why, "width", (double)s->width, 1, NN_WIDTH);
    return SNL_OK;
}

/* All of a flow but its memory. */
static void nn_flow_plan(snl_flow *f, const snl_flow_shape *s)
{
    memset(f, 0, sizeof *f);
    f->s = *s;
    nn_net_init(&f->mlp, s->d, s->m, 0, s->mean_layers, s->mean_width, 1, s);
    nn_net_init(&f->made, s->d, s->m, 1, s->layers, s->width, s->bins ? 3*s->bins + 1 : 2, s);
    for (size_t k = 0; k <= s->degree; k++) f->F += nn_monomials(s->m, k);
    f->np = f->mlp.size + s->transforms*f->made.size;
    nn_flow_layout(f, NULL);
}

void snl_flow_free(snl_flow *f)
{
    if (!f) return;
    if (f->mem) SNL_FREE(f->mem);
    SNL_FREE(f);
}

/* A flow as planned, its numbers 0. */
static snl_flow *nn_flow_make(const snl_flow *plan)
{
    snl_flow *f = SNL_CALLOC(1, sizeof *f);
    if (!f) return NULL;
    *f = *plan;
    f->mem = SNL_CALLOC(nn_flow_layout(f, NULL) + NN_LANES, sizeof *f->mem);
    if (!f->mem) { snl_flow_free(f);  return NULL; }
    nn_flow_layout(f, nn_align(f->mem));
    return f;
}

snl_status snl_flow_create(snl_flow **out, const snl_flow_shape *shape, snl_fault *why)
{
    const size_t d = shape->d, m = shape->m;
    snl_flow plan, *f;
    snl_status st;
    *out = NULL;
    if ((st = nn_shape_check(shape, why)) != SNL_OK) return st;
    nn_flow_plan(&plan, shape);
    if (!(f = nn_flow_make(&plan))) return SNL_ENOMEM;
    for (size_t i = 0; i < m; i++) f->cB[i*m + i] = 1;
    for (size_t i = 0; i < d; i++) f->B[i*d + i] = f->rs[i] = 1;
    nn_flow_draw(f, 1);
    *out = f;
    return SNL_OK;
}

const snl_flow_shape *snl_flow_get_shape(const snl_flow *f) { return &f->s; }

/* ---- one pass over up to NN_ROWS samples */

typedef struct nn_pass {                /* all (w, n)                                       */
    double *c0, *cw, *phi, *base;       /* (m): c - cm, and whitened; (F); (d)              */
    double *x, *r, *z, *ld;             /* (d): data, residual, white, at last N(0, 1);     */
                                        /* (1): sum of -log du/dz                           */
    nn_real *u;                         /* (d): out of the last transform                   */
    nn_cache mlp, made[NN_TRANSFORMS];
    double *dphi, *dcw, *dbase;         /* backward only, as the rest: (F), (m), (d)        */
    nn_real *g, *dz, *du, *dout, *dc;   /* (1), (d), (d), (P d), (m)                        */
    nn_real *da, *db, *yt;              /* scratch of nn_net_backward                       */
} nn_pass;

/* Without backward the transforms share one cache. */
static size_t nn_pass_layout(nn_pass *k, const snl_flow *f, double *base, int backward)
{
    const size_t R = NN_ROWS, d = f->s.d, m = f->s.m;
    size_t used = 0;
    base = nn_align(base);
    k->c0   = nn_take(base, &used, R*m);
    k->cw   = nn_take(base, &used, R*m);
    k->phi  = nn_take(base, &used, R*f->F);
    k->base = nn_take(base, &used, R*d);
    k->x    = nn_take(base, &used, R*d);
    k->r    = nn_take(base, &used, R*d);
    k->z    = nn_take(base, &used, R*d);
    k->ld   = nn_take(base, &used, R);
    k->u    = nn_take_real(base, &used, R*d);
    if (f->s.mean_layers) nn_cache_take(&k->mlp, &f->mlp, base, &used);
    for (size_t t = 0; t < f->s.transforms; t++)
        if (backward || t == 0) nn_cache_take(&k->made[t], &f->made, base, &used);
        else k->made[t] = k->made[0];
    if (backward) {
        const size_t h = nn_max(f->s.mean_width, f->s.width), in = m + 1 + nn_max(h, d);
        const size_t out = f->made.l[f->made.layers].out;
        k->dphi  = nn_take(base, &used, R*f->F);
        k->dcw   = nn_take(base, &used, R*m);
        k->dbase = nn_take(base, &used, R*d);
        k->g     = nn_take_real(base, &used, R);
        k->dz    = nn_take_real(base, &used, R*d);
        k->du    = nn_take_real(base, &used, R*d);
        k->dout  = nn_take_real(base, &used, R*out);
        k->dc    = nn_take_real(base, &used, R*m);
        k->da    = nn_take_real(base, &used, R*in);
        k->db    = nn_take_real(base, &used, R*in);
        k->yt    = nn_take_real(base, &used, R*nn_pad(nn_max(h, out)));
    }
    return used;
}

/* out (w, fill(n)) from n rows of v, `step` apart: rows[i] or, rows NULL, i. */
static void nn_gather(size_t n, size_t w, const double *v, size_t step, const size_t *rows,
                      double *out)
{
    const size_t N = nn_fill(n);
    for (size_t i = 0; i < N; i++) {
        const size_t r = nn_min(i, n - 1);
        const double *row = v + (rows ? rows[r] : r)*step;
        for (size_t j = 0; j < w; j++) out[j*N + i] = row[j];
    }
}

static void nn_scatter(size_t n, size_t w, const double *v, double *out)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < w; j++) out[i*w + j] = v[j*nn_fill(n) + i];
}

static void nn_to_real(size_t n, const double *restrict v, nn_real *restrict out)
{ for (size_t i = 0; i < n; i++) out[i] = (nn_real)v[i]; }

static void nn_to_double(size_t n, const nn_real *restrict v, double *restrict out)
{ for (size_t i = 0; i < n; i++) out[i] = (double)v[i]; }

/* k->base = phi(k->cw) S */
static void nn_base_forward(const snl_flow *f, size_t n, nn_pass *k)
{
    nn_poly_forward(n, f->s.m, f->s.degree, k->cw, k->phi);
    nn_apply_forward(n, f->F, f->s.d, 0, f->S, k->phi, k->base);
}

/* Contexts, n rows of c, to k->cw, k->base; the n of a pass is returned. */
static size_t nn_context_forward(const snl_flow *f, size_t n, const double *c, nn_pass *k)
{
    const size_t m = f->s.m, N = nn_fill(n);
    nn_gather(n, m, c, m, NULL, k->c0);
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < N; i++) k->c0[j*N + i] -= f->cm[j];
    nn_apply_forward(N, m, m, 1, f->cB, k->c0, k->cw);
    nn_base_forward(f, N, k);
    return N;
}

/* dc, n rows, from k->dcw and k->dbase. */
static void nn_context_backward(const snl_flow *f, size_t n, nn_pass *k, double *dc)
{
    const size_t m = f->s.m, N = nn_fill(n);
    nn_apply_backward(N, f->F, f->s.d, 0, f->S, k->dbase, k->dphi);
    nn_poly_backward(N, m, f->s.degree, k->cw, k->phi, k->dphi, k->dcw);
    nn_apply_backward(N, m, m, 1, f->cB, k->dcw, k->c0);
    nn_scatter(n, m, k->c0, dc);
}

/* k->base += rs MLP(k->cw): the mean. */
static void nn_mean_forward(const snl_flow *f, size_t n, nn_pass *k)
{
    if (!f->s.mean_layers) return;
    nn_net_context(&f->mlp, n, k->cw, &k->mlp);
    nn_net_forward(&f->mlp, f->theta, 0, 1, n, &k->mlp);
    for (size_t j = 0; j < f->s.d; j++)
        for (size_t i = j*n; i < (j + 1)*n; i++)
            k->base[i] += f->rs[j]*(double)k->mlp.out[i];
}

/* From k->dbase: dp += ... or, dp NULL, k->dc += ... of the MLP. */
static void nn_mean_backward(const snl_flow *f, size_t n, nn_pass *k, nn_real *dp)
{
    if (!f->s.mean_layers) return;
    for (size_t j = 0; j < f->s.d; j++)
        for (size_t i = j*n; i < (j + 1)*n; i++)
            k->dout[i] = (nn_real)(f->rs[j]*k->dbase[i]);
    nn_net_backward(&f->mlp, f->theta, n, &k->mlp, k->dout, dp, NULL, dp ? NULL : k->dc,
                    k->da, k->db, k->yt);
}

/* logp (n) of k->x, from the mean in k->base and k->cw. */
static void nn_density_forward(const snl_flow *f, size_t n, nn_pass *k, double *logp)
{
    const size_t d = f->s.d, T = f->s.transforms;
    for (size_t i = 0; i < d*n; i++) k->r[i] = k->x[i] - k->base[i];
    for (size_t i = 0; i < n; i++) k->ld[i] = 0.5*(double)d*log(2*SNL_PI) - *f->logdet;
    nn_apply_forward(n, d, d, 1, f->B, k->r, k->z);
    if (T) nn_to_real(d*n, k->z, nn_input(&f->made, &k->made[0], 0, n));
    for (size_t t = 0; t < T; t++) {
        const nn_cache *next = &k->made[nn_min(t + 1, T - 1)];
        nn_real *u = t + 1 < T ? nn_input(&f->made, next, 0, n) : k->u;
        nn_net_context(&f->made, n, k->cw, &k->made[t]);
        nn_net_forward(&f->made, nn_theta(f, t), 0, d, n, &k->made[t]);
        nn_transform_forward(d, f->s.bins, n, nn_input(&f->made, &k->made[t], 0, n),
                             &k->made[t], u, k->ld);
    }
    if (T) nn_to_double(d*n, k->u, k->z);
    for (size_t i = 0; i < n; i++) logp[i] = -k->ld[i];
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < n; i++) logp[i] -= 0.5*k->z[j*n + i]*k->z[j*n + i];
    for (size_t i = 0; i < n; i++) {
        if (fabs(logp[i]) < INFINITY) continue;
        logp[i] = -INFINITY;                    /* NaN of a NaN in x or a mean not finite */
        for (size_t j = i; j < d*n; j += n) logp[i] -= fabs(k->x[j]) + 0*k->base[j];
    }
}

/* Derivatives of -sum g_i log p_i, after nn_density_forward: k->dbase by the mean, and dp
 * of the transforms or, dp NULL, k->dc += ... */
static void nn_density_backward(const snl_flow *f, size_t n, nn_pass *k, nn_real *dp)
{
    const size_t d = f->s.d;
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < n; i++) k->z[j*n + i] *= (double)k->g[i];
    nn_to_real(d*n, k->z, k->dz);
    for (size_t t = f->s.transforms; t-- > 0; ) {
        const nn_cache *at = &k->made[t];
        nn_real *swap = k->du;
        k->du = k->dz;
        k->dz = swap;
        nn_transform_backward(d, f->s.bins, n, at, k->du, k->g, k->dz, k->dout);
        nn_net_backward(&f->made, nn_theta(f, t), n, at, k->dout,
                        dp ? dp + (nn_theta(f, t) - f->theta) : NULL, k->dz,
                        dp ? NULL : k->dc, k->da, k->db, k->yt);
    }
    if (f->s.transforms) nn_to_double(d*n, k->dz, k->z);
    nn_apply_backward(n, d, d, 1, f->B, k->z, k->dbase);
    for (size_t i = 0; i < d*n; i++) k->dbase[i] = -k->dbase[i];
}

/* ---- for the caller */

size_t snl_flow_work(const snl_flow *f)
{ nn_pass k;  return nn_pass_layout(&k, f, NULL, 0) + NN_LANES; }

size_t snl_flow_grad_work(const snl_flow *f)
{ nn_pass k;  return nn_pass_layout(&k, f, NULL, 1) + NN_LANES; }

static void nn_logp(const snl_flow *f, size_t n, const double *x, size_t nx, const double *c,
                    double *out, double *dc, double *dx, double *work, int backward)
{
    const size_t d = f->s.d, m = f->s.m, step = nx == 1 ? 0 : d;
    double logp[NN_ROWS];
    nn_pass k;
    nn_pass_layout(&k, f, work, backward);
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        const size_t N = nn_context_forward(f, b, c + i*m, &k);
        nn_mean_forward(f, N, &k);
        nn_gather(b, d, x + i*step, step, NULL, k.x);
        nn_density_forward(f, N, &k, logp);
        memcpy(out + i, logp, b*sizeof *out);
        if (!backward) continue;
        for (size_t r = 0; r < N; r++) k.g[r] = -1;
        memset(k.dc, 0, m*N*sizeof *k.dc);
        nn_density_backward(f, N, &k, NULL);
        nn_mean_backward(f, N, &k, NULL);
        nn_to_double(m*N, k.dc, k.dcw);
        if (dc) nn_context_backward(f, b, &k, dc + i*m);
        if (dx) nn_scatter(b, d, k.dbase, dx + i*d);
        for (size_t j = 0; dx && j < b*d; j++) dx[i*d + j] = -dx[i*d + j];
    }
}

void snl_flow_logp(const snl_flow *f, size_t n, const double *x, size_t nx,
                   const double *c, double *out, double *work)
{ nn_logp(f, n, x, nx, c, out, NULL, NULL, work, 0); }

void snl_flow_logp_grad(const snl_flow *f, size_t n, const double *x, size_t nx,
                        const double *c, double *out, double *dc, double *dx, double *work)
{ nn_logp(f, n, x, nx, c, out, dc, dx, work, 1); }

void snl_flow_mean(const snl_flow *f, size_t n, const double *c, double *out, double *work)
{
    nn_pass k;
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        nn_mean_forward(f, nn_context_forward(f, b, c + i*f->s.m, &k), &k);
        nn_scatter(b, f->s.d, k.base, out + i*f->s.d);
    }
}

/* Component j of z needs outputs that see z_<j only: the network is gone through once,
 * component by component. */
void snl_flow_sample(const snl_flow *f, size_t n, const double *c, snl_rng *rng,
                     double *x, double *work)
{
    const size_t d = f->s.d;
    nn_pass k;
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < n; i += NN_ROWS) {
        const size_t b = nn_min(NN_ROWS, n - i);
        const size_t N = nn_context_forward(f, b, c + i*f->s.m, &k);
        nn_mean_forward(f, N, &k);
        memset(k.z, 0, d*N*sizeof *k.z);
        for (size_t r = 0; r < b; r++)
            for (size_t j = 0; j < d; j++) k.z[j*N + r] = snl_rng_normal(rng);
        for (size_t t = f->s.transforms; t-- > 0; ) {
            nn_real *z = nn_input(&f->made, &k.made[0], 0, N);
            nn_net_context(&f->made, N, k.cw, &k.made[0]);
            nn_to_real(d*N, k.z, k.u);
            for (size_t j = 0; j < d; j++) {
                nn_net_forward(&f->made, nn_theta(f, t), j, j + 1, N, &k.made[0]);
                nn_transform_inverse(j, f->s.bins, N, &k.made[0], k.u + (d - 1 - j)*N, z);
            }
            nn_to_double(d*N, z, k.z);
        }
        for (size_t j = 0; j < d; j++) {                    /* x = mu + z B^-1 */
            double *r = k.r + j*N;
            memcpy(r, k.z + j*N, N*sizeof *r);
            nn_mix(r, -1, f->B + j, d, k.r, N, j, N);
            for (size_t p = 0; p < N; p++) k.base[j*N + p] += r[p] /= f->B[j*d + j];
        }
        nn_scatter(b, d, k.base, x + i*d);
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
    double *cw, *base, *xr;         /* (n, m), (n, d), up to stage 1 without the MLP; x of  */
                                    /* one pass                                             */
    nn_real *grad, *m1, *m2, *best; /* (np): gradient, Adam's moments, best weights         */
    double *gram, *chol;            /* (F, F)                                               */
    double *rhs, *S;                /* (F, d)                                               */
    double *cov, *var, *xm, *q;     /* (k, k), k = max(d, m); (d): of x; of mean losses     */
    double *old;                    /* (all): the flow as it was                            */
    size_t *rows;                   /* (n): training rows, then validation rows             */
    nn_pass pass;
} nn_trainer;

static size_t nn_trainer_layout(nn_trainer *t, double *base)
{
    const snl_flow *f = t->f;
    const size_t n = t->data->n, d = f->s.d, m = f->s.m, k = nn_max(d, m), F = f->F;
    size_t used = nn_pad(nn_pass_layout(&t->pass, f, base, 1));
    base = nn_align(base);
    t->cw   = nn_take(base, &used, n*m);
    t->base = nn_take(base, &used, n*d);
    t->xr   = nn_take(base, &used, NN_ROWS*d);
    t->grad = nn_take_real(base, &used, f->np);
    t->m1   = nn_take_real(base, &used, f->np);
    t->m2   = nn_take_real(base, &used, f->np);
    t->best = nn_take_real(base, &used, f->np);
    t->gram = nn_take(base, &used, F*F);
    t->chol = nn_take(base, &used, F*F);
    t->rhs  = nn_take(base, &used, F*d);
    t->S    = nn_take(base, &used, F*d);
    t->cov  = nn_take(base, &used, k*k);
    t->var  = nn_take(base, &used, d);
    t->xm   = nn_take(base, &used, k);
    t->q    = nn_take(base, &used, d);
    t->old  = nn_take(base, &used, f->all);
    t->rows = (size_t *)(void *)nn_take(base, &used, n);    /* a size_t fits in a double */
    return used;
}

static void nn_shuffle(size_t *rows, size_t n, snl_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = snl_rng_below(rng, i), swap = rows[i-1];
        rows[i-1] = rows[j];
        rows[j] = swap;
    }
}

/* Up to NN_ROWS rows into the pass: x through the redraw hook for stage 1 or 2, cw, base. */
static snl_status nn_load(nn_trainer *t, snl_rng *rng, int stage, size_t epoch, size_t n,
                          const size_t *rows)
{
    const size_t d = t->f->s.d, m = t->f->s.m;
    nn_pass *k = &t->pass;
    snl_status st = SNL_OK;
    for (size_t i = 0; i < n; i++) memcpy(t->xr + i*d, t->data->x + rows[i]*d, d*sizeof *t->xr);
    if (t->hooks->redraw)
        st = t->hooks->redraw(t->hooks->self, rng, stage, epoch, n, rows, t->xr);
    nn_gather(n, d, t->xr, d, NULL, k->x);
    nn_gather(n, m, t->cw, m, rows, k->cw);
    nn_gather(n, d, t->base, d, rows, k->base);
    return st;
}

/* Sum of the losses of the n samples loaded; with dp, also dp += scale d/dp of it.
 * Stage 0: sum_j q_j (x - base)_j^2; 1: of x - mu, with the MLP; 2: -log p. */
static double nn_loss(nn_trainer *t, int stage, size_t n, double scale, nn_real *dp)
{
    const snl_flow *f = t->f;
    const size_t d = f->s.d, N = nn_fill(n);
    nn_pass *k = &t->pass;
    double loss = 0, logp[NN_ROWS];
    if (stage == 1) nn_mean_forward(f, N, k);
    if (stage == 2) {
        nn_density_forward(f, N, k, logp);
        for (size_t i = 0; i < n; i++) loss -= logp[i];
        for (size_t i = 0; i < N; i++) k->g[i] = i < n ? (nn_real)scale : 0;
        if (dp) nn_density_backward(f, N, k, dp);
        return loss;
    }
    for (size_t i = 0; i < d*N; i++) {
        const double e = k->x[i] - k->base[i], w = i % N < n ? t->q[i/N] : 0;
        loss += w*e*e;
        k->dbase[i] = -2*scale*w*e;
    }
    if (dp) nn_mean_backward(f, N, k, dp);
    return loss;
}

/* Mean loss of some rows, and with grad its derivatives; stage 0 with the polynomial that is
 * in the flow. */
static snl_status nn_rows_loss(nn_trainer *t, int stage, snl_rng *rng, size_t epoch,
                               size_t count, const size_t *rows, nn_real *grad, double *mean)
{
    double sum = 0;
    if (grad) memset(grad, 0, t->f->np*sizeof *grad);
    for (size_t i = 0; i < count; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, count - i);
        const snl_status st = nn_load(t, rng, stage ? stage : 1, epoch, n, rows + i);
        if (st != SNL_OK) return st;
        if (stage == 0) nn_base_forward(t->f, nn_fill(n), &t->pass);
        sum += nn_loss(t, stage, n, 1/(double)count, grad);
    }
    *mean = sum/(double)count;
    return fabs(sum) < INFINITY ? SNL_OK : SNL_EFAILED;
}

/* Of the validation rows or, val 0, of the others. */
static snl_status nn_mean_loss(nn_trainer *t, int stage, int val, double *mean)
{
    snl_rng rng;
    snl_rng_seed(&rng, t->cfg->seed, 3);
    return nn_rows_loss(t, stage, &rng, 0, val ? t->nval : t->ntrain,
                        t->rows + (val ? t->ntrain : 0), NULL, mean);
}

/* ---- scales and least squares */

/* q: by 1/s^2, or 1/var where no s is given, such that var is a loss of 1. */
static void nn_set_weights(nn_trainer *t, const double *var)
{
    double sum = 0;
    for (size_t j = 0; j < t->f->s.d; j++) {
        const double s2 = t->data->s ? t->data->s[j]*t->data->s[j] : var[j];
        t->q[j] = s2 > 0 ? 1/s2 : 0;
        sum += t->q[j]*var[j];
    }
    for (size_t j = 0; j < t->f->s.d; j++) t->q[j] /= sum > 0 ? sum : 1;
}

/* Mean (w) and upper triangle of the covariance (w, w) of all rows of v (n, w). */
static void nn_moments(const nn_trainer *t, const double *v, size_t w, double *mean,
                       double *cov)
{
    const size_t n = t->data->n;
    memset(mean, 0, w*sizeof *mean);
    memset(cov, 0, w*w*sizeof *cov);
    for (size_t i = 0; i < n*w; i++) mean[i % w] += 1/(double)n*v[i];
    for (size_t i = 0; i < n; i++, v += w)
        for (size_t a = 0; a < w; a++) {
            const double e = 1/(double)n*(v[a] - mean[a]);
            for (size_t b = a; b < w; b++) cov[a*w + b] += e*(v[b] - mean[b]);
        }
}

/* cw and base, or with the MLP the mean, of all rows. */
static void nn_contexts(nn_trainer *t, int mlp)
{
    const size_t d = t->f->s.d, m = t->f->s.m;
    for (size_t i = 0; i < t->data->n; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->data->n - i);
        const size_t N = nn_context_forward(t->f, n, t->data->c + i*m, &t->pass);
        if (mlp) nn_mean_forward(t->f, N, &t->pass);
        nn_scatter(n, m, t->pass.cw, t->cw + i*m);
        nn_scatter(n, d, t->pass.base, t->base + i*d);
    }
}

/* Over the training rows: t->cov = mean of r r^T, r from base; or, poly, t->gram = sum of
 * phi phi^T and t->rhs = sum of phi (x - xm)^T. */
static snl_status nn_second_moments(nn_trainer *t, int stage, int poly)
{
    const size_t d = t->f->s.d, w = poly ? t->f->F : d;
    double *square = poly ? t->gram : t->cov;
    nn_pass *k = &t->pass;
    snl_status st;
    snl_rng rng;
    snl_rng_seed(&rng, t->cfg->seed, 2);
    memset(square, 0, w*w*sizeof *square);
    memset(t->rhs, 0, t->f->F*d*sizeof *t->rhs);
    for (size_t i = 0; i < t->ntrain; i += NN_ROWS) {
        const size_t n = nn_min(NN_ROWS, t->ntrain - i), N = nn_fill(n);
        double *u = poly ? k->phi : k->r;
        if ((st = nn_load(t, &rng, stage, 0, n, t->rows + i)) != SNL_OK) return st;
        if (poly) nn_poly_forward(N, t->f->s.m, t->f->s.degree, k->cw, k->phi);
        else for (size_t j = 0; j < d*N; j++) u[j] = k->x[j] - k->base[j];
        for (size_t j = 0; j < w*N; j++) u[j] = j % N < n ? u[j] : 0;       /* not copies */
        for (size_t j = 0; j < d*N; j++) k->x[j] -= t->xm[j/N];
        for (size_t a = 0; a < w; a++) {
            for (size_t b = a; b < w; b++) square[a*w + b] += nn_dot(N, u + a*N, u + b*N);
            for (size_t j = 0; poly && j < d; j++)
                t->rhs[a*d + j] += nn_dot(N, u + a*N, k->x + j*N);
        }
    }
    for (size_t j = 0; !poly && j < d*d; j++) t->cov[j] /= (double)t->ntrain;
    return SNL_OK;
}

/* S: degree and ridge by the validation rows.  Lower degrees come almost free, because
 * their normal equations are the leading block of the highest one's. */
static snl_status nn_fit_poly(nn_trainer *t)
{
    static const double grid[] = { 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1 };
    snl_flow *f = t->f;
    const size_t d = f->s.d, F = f->F;
    double best = INFINITY, loss;
    snl_status st = nn_second_moments(t, 1, 1);
    for (size_t k = 0, D = 0; st == SNL_OK && k <= f->s.degree; k++) {
        D += nn_monomials(f->s.m, k);
        for (size_t g = 0; g < (k ? sizeof grid/sizeof *grid : 1); g++) {
            for (size_t i = 0; i < D; i++) {
                memcpy(t->chol + i*D + i, t->gram + i*F + i, (D - i)*sizeof *t->chol);
                if (i) t->chol[i*D + i] += grid[g]*t->gram[0];
            }
            if (nn_cholesky(t->chol, D, 0)) continue;
            memset(f->S, 0, F*d*sizeof *f->S);
            memcpy(f->S, t->rhs, D*d*sizeof *f->S);
            nn_cholesky_solve(t->chol, D, f->S, d);
            for (size_t j = 0; j < d; j++) f->S[j] += t->xm[j];
            if ((st = nn_mean_loss(t, 0, 1, &loss)) != SNL_OK) break;
            if (!(loss < best)) continue;
            best = loss;
            memcpy(t->S, f->S, F*d*sizeof *f->S);
            t->rep->degree = k;
        }
    }
    if (st == SNL_OK && !(best < INFINITY)) st = SNL_EFAILED;
    if (best < INFINITY) memcpy(f->S, t->S, F*d*sizeof *f->S);
    return st;
}

static double nn_sigma(double var) { return var > 0 ? sqrt(var) : 1; }

/* B and its determinant: 1/s, or from the covariance of the residuals of the mean, of their
 * variances alone where it is singular. */
static snl_status nn_fit_scale(nn_trainer *t)
{
    snl_flow *f = t->f;
    const size_t d = f->s.d;
    const double *s = t->data->s;
    const snl_status st = nn_second_moments(t, 2, 0);
    if (st != SNL_OK) return st;
    for (size_t j = 0; j < d; j++) t->var[j] = s ? s[j] : nn_sigma(t->cov[j*d + j]);
    if (s || nn_whitener(t->cov, d, 1e-12, f->B) > 0) {
        memset(f->B, 0, d*d*sizeof *f->B);
        for (size_t j = 0; j < d; j++) f->B[j*d + j] = 1/t->var[j];
    }
    *f->logdet = 0;
    for (size_t j = 0; j < d; j++) *f->logdet += log(f->B[j*d + j]);
    return SNL_OK;
}

/* Whitening of c, polynomial, scales of the MLP, new weights. */
static snl_status nn_refresh(nn_trainer *t)
{
    snl_flow *f = t->f;
    const size_t d = f->s.d;
    snl_status st;
    nn_moments(t, t->data->c, f->s.m, f->cm, t->cov);
    (void)nn_whitener(t->cov, f->s.m, 1e-10, f->cB);
    nn_contexts(t, 0);
    if ((st = nn_fit_poly(t)) != SNL_OK) return st;
    nn_contexts(t, 0);
    if ((st = nn_second_moments(t, 1, 0)) != SNL_OK) return st;
    for (size_t j = 0; j < d; j++) f->rs[j] = nn_sigma(t->cov[j*d + j]);
    nn_flow_draw(f, t->cfg->seed);
    return SNL_OK;
}

/* ---- optimisation */

/* Step number `step` (from 1) of Adam [KB] on n parameters; weights decay by lr decay. */
static void nn_adam(size_t n, nn_real *restrict p, const nn_real *restrict g,
                    nn_real *restrict m1, nn_real *restrict m2, double scale, double lr,
                    double decay, size_t step)
{
    const double c1 = 1 - pow(0.9, (double)step), c2 = sqrt(1 - pow(0.999, (double)step));
    const nn_real a = (nn_real)(lr*c2/c1), eps = (nn_real)(1e-8*c2);
    const nn_real keep = (nn_real)(1 - lr*decay), s = (nn_real)scale;
    const nn_real b1 = (nn_real)0.9, b2 = (nn_real)0.999;
    for (size_t i = 0; i < n; i++) {
        const nn_real e = s*g[i];
        m1[i] = b1*m1[i] + (1 - b1)*e;
        m2[i] = b2*m2[i] + (1 - b2)*e*e;
        p[i] = keep*p[i] - a*m1[i]/(nn_sqrt(m2[i]) + eps);
    }
}

static double nn_norm(size_t n, const nn_real *g)       /* n fills lanes, as rows of W do */
{
    double sum = 0, squares[NN_LANES] = { 0 };
    for (size_t i = 0; i < n; i += NN_LANES)
        for (size_t k = 0; k < NN_LANES; k++) squares[k] += (double)g[i + k]*(double)g[i + k];
    for (size_t k = 0; k < NN_LANES; k++) sum += squares[k];
    return sqrt(sum);
}

/* Stage 1 or 2 on its own share of the weights, which end as the best by validation. */
static snl_status nn_fit(nn_trainer *t, int stage)
{
    const snl_train_stage *s = stage == 1 ? &t->cfg->mean : &t->cfg->flow;
    const snl_flow *f = t->f;
    const size_t batch = nn_min(s->batch, t->ntrain), batches = nn_ceil(t->ntrain, batch);
    const double total = (double)batches*(double)s->epochs;     /* can exceed a size_t */
    const size_t from = stage == 2 ? f->mlp.size : 0;
    const size_t np = (stage == 1 ? f->mlp.size : f->np) - from;
    double lowest;
    size_t since = 0, epoch = 0, b = 0;
    snl_status st;
    snl_rng rng;
    snl_rng_seed(&rng, t->cfg->seed, 3 + (uint64_t)stage);
    memset(t->m1, 0, f->np*sizeof *t->m1);
    memset(t->m2, 0, f->np*sizeof *t->m2);
    memcpy(t->best, f->theta, f->np*sizeof *t->best);
    st = nn_mean_loss(t, stage, 1, &lowest);
    while (st == SNL_OK && epoch++ < s->epochs && since++ < s->patience) {
        double loss = 0, mean = 0, norm, val;
        nn_shuffle(t->rows, t->ntrain, &rng);
        for (b = 0; b < batches; b++) {
            const size_t i = b*batch, step = (epoch - 1)*batches + b;
            const size_t n = nn_min(batch, t->ntrain - i);
            const double turn = cos(SNL_PI*(double)step/total);
            st = nn_rows_loss(t, stage, &rng, epoch, n, t->rows + i, t->grad, &mean);
            norm = nn_norm(f->np, t->grad);
            if (st == SNL_OK && !(norm < INFINITY)) st = SNL_EFAILED;
            if (st != SNL_OK) break;
            loss += mean*(double)n;
            nn_adam(np, f->theta + from, t->grad + from, t->m1 + from, t->m2 + from,
                    norm > t->cfg->clip ? t->cfg->clip/norm : 1,
                    s->lr_end + 0.5*(s->lr - s->lr_end)*(1 + turn), t->cfg->decay, step + 1);
        }
        if (st == SNL_OK) st = nn_mean_loss(t, stage, 1, &val);
        if (st != SNL_OK) break;
        if (val < lowest) {
            lowest = val;
            since = 0;
            t->rep->best[stage-1] = epoch;
            memcpy(t->best, f->theta, f->np*sizeof *t->best);
        }
        t->rep->epochs[stage-1] = epoch;
        if (t->hooks->progress) {
            const snl_train_progress p = { stage, epoch, s->epochs, loss/(double)t->ntrain,
                                           val, lowest };
            if (t->hooks->progress(t->hooks->self, &p)) st = SNL_ESTOPPED;
        }
    }
    if (st == SNL_EFAILED) {
        t->rep->failed_stage = stage;
        t->rep->failed_epoch = epoch;
        t->rep->failed_batch = b;
    }
    memcpy(f->theta, t->best, f->np*sizeof *t->best);
    return st;
}

/* ---- the whole */

static snl_status nn_train(nn_trainer *t)
{
    snl_flow *f = t->f;
    const size_t n = t->data->n, d = f->s.d;
    snl_train_report *rep = t->rep;
    snl_status st = SNL_OK, told;
    double spread = 0;
    snl_rng rng;

    snl_rng_seed(&rng, t->cfg->seed, 0);                        /* split and units */
    for (size_t i = 0; i < n; i++) t->rows[i] = i;
    nn_shuffle(t->rows, n, &rng);
    nn_moments(t, t->data->x, d, t->xm, t->cov);
    for (size_t j = 0; j < d; j++) spread += t->cov[j*d + j];
    snl_rng_seed(&rng, t->cfg->seed, 2);
    if (t->hooks->redraw && spread == 0) {              /* the scale is in redraws alone */
        for (size_t i = 0, k; i < n; i += k) {
            k = nn_min(NN_ROWS, n - i);
            if ((st = nn_load(t, &rng, 1, 0, k, t->rows + i)) != SNL_OK) return st;
            memcpy(t->base + i*d, t->xr, k*d*sizeof *t->xr);
        }
        nn_moments(t, t->base, d, t->xm, t->cov);
    }
    for (size_t j = 0; j < d; j++) t->var[j] = t->cov[j*d + j];

    nn_set_weights(t, t->var);                                  /* polynomial */
    if (t->cfg->fresh) st = nn_refresh(t);
    else nn_contexts(t, 0);
    if (st != SNL_OK) return st;
    if ((st = nn_mean_loss(t, 0, 1, &rep->poly_val)) != SNL_OK) return st;

    if (f->s.mean_layers && t->cfg->mean.epochs) {              /* MLP of the mean */
        double *rs2 = t->xm;
        for (size_t j = 0; j < d; j++) rs2[j] = f->rs[j]*f->rs[j];
        nn_set_weights(t, rs2);
        st = nn_fit(t, 1);
        nn_set_weights(t, t->var);
    }
    told = nn_mean_loss(t, 1, 1, &rep->mean_val);       /* of the best, however it ended */
    if (f->s.mean_layers) nn_contexts(t, 1);

    if (told == SNL_OK && t->cfg->fresh) told = nn_fit_scale(t);        /* transforms */
    for (size_t i = 0; i < f->fixed; i++) if (!(fabs(f->cm[i]) < INFINITY)) told = SNL_EFAILED;
    if (told == SNL_OK && st == SNL_OK && t->cfg->flow.epochs && f->s.transforms)
        st = nn_fit(t, 2);
    if (told == SNL_OK) told = nn_mean_loss(t, 2, 1, &rep->logp_val);
    if (told == SNL_OK) told = nn_mean_loss(t, 2, 0, &rep->logp_train);
    rep->logp_val = -rep->logp_val;
    rep->logp_train = -rep->logp_train;
    return st != SNL_OK ? st : told;
}

static snl_status nn_run(snl_flow *f, const snl_train_cfg *cfg, const snl_train_data *data,
                         const snl_train_hooks *hooks, snl_train_report *rep)
{
    nn_trainer t;
    double *mem;
    snl_status st;
    memset(&t, 0, sizeof t);
    t.f = f;  t.cfg = cfg;  t.data = data;  t.hooks = hooks;  t.rep = rep;
    t.nval = (size_t)(cfg->val_frac*(double)data->n + 0.5);
    t.nval = nn_min(nn_max(t.nval, 1), data->n - 1);
    t.ntrain = data->n - t.nval;
    mem = SNL_CALLOC(nn_trainer_layout(&t, NULL) + NN_LANES, sizeof *mem);
    if (!mem) return SNL_ENOMEM;
    nn_trainer_layout(&t, mem);
    memcpy(t.old, f->cm, f->all*sizeof *t.old);
    rep->logp_val = rep->logp_train = NAN;
    st = nn_train(&t);
    if (!(fabs(rep->logp_val) < INFINITY))      /* no weights that go with the new scales */
        memcpy(f->cm, t.old, f->all*sizeof *t.old);
    SNL_FREE(mem);
    return st;
}

/* Validation log density of the linear Gaussian model: a flow of degree 1, nothing else. */
static snl_status nn_baseline(const snl_flow *f, const snl_train_cfg *cfg,
                              const snl_train_data *data, const snl_train_hooks *hooks,
                              double *logp)
{
    snl_flow_shape shape = f->s;
    snl_train_cfg c = *cfg;
    snl_train_data all = *data;
    snl_train_hooks h = *hooks;
    snl_train_report rep;
    snl_flow *line;
    snl_status st;
    shape.degree = 1;
    shape.mean_layers = shape.transforms = 0;
    c.fresh = 1;
    all.s = NULL;
    h.progress = NULL;
    memset(&rep, 0, sizeof rep);
    if ((st = snl_flow_create(&line, &shape, NULL)) != SNL_OK) return st;
    st = nn_run(line, &c, &all, &h, &rep);
    *logp = st == SNL_OK ? rep.logp_val : NAN;
    snl_flow_free(line);
    return st == SNL_EFAILED ? SNL_OK : st;
}

static snl_status nn_train_check(const snl_flow *f, const snl_train_cfg *c,
                                 const snl_train_data *data, snl_fault *why)
{
    const double any = INFINITY, positive = 1e-300, finite = 1e300, n = (double)data->n;
    const double most = (double)((size_t)-1/sizeof(double)/(f->s.m + 3*f->s.d));
    const nn_field fields[] = {
        { "batch", (double)c->mean.batch, 1, any }, { "batch", (double)c->flow.batch, 1, any },
        { "patience", (double)c->mean.patience, 1, any },
        { "patience", (double)c->flow.patience, 1, any },
        { "lr", c->mean.lr, positive, finite },     { "lr", c->flow.lr, positive, finite },
        { "lr_end", c->mean.lr_end, 0, c->mean.lr }, { "lr_end", c->flow.lr_end, 0, c->flow.lr },
        { "clip", c->clip, positive, any },         { "decay", c->decay, 0, finite },
        { "val_frac", c->val_frac, positive, 1 - 1e-15 }, { "n", n, 4, most } };
    const struct { const char *name;  const double *v;  size_t n, w;  double lo; } arrays[] = {
        { "c", data->c, data->n, f->s.m, -finite }, { "x", data->x, data->n, f->s.d, -finite },
        { "s", data->s, 1, f->s.d, positive } };
    snl_status st = nn_check(fields, sizeof fields/sizeof *fields, why);
    for (size_t k = 0; st == SNL_OK && k < sizeof arrays/sizeof *arrays; k++)
        for (size_t i = 0; arrays[k].v && st == SNL_OK && i < arrays[k].n*arrays[k].w; i++) {
            const double v = arrays[k].v[i];
            if (v >= arrays[k].lo && v <= finite) continue;
            st = snl_refuse(why, arrays[k].name, v, arrays[k].lo, finite);
            if (why) why->index = i/arrays[k].w;
            if (!(fabs(v) < INFINITY)) st = SNL_ENOTFINITE;
        }
    return st;
}

snl_status snl_flow_train(snl_flow *f, const snl_train_cfg *cfg, const snl_train_data *data,
                          const snl_train_hooks *hooks, snl_train_report *report,
                          snl_fault *why)
{
    const snl_train_hooks none = { NULL, NULL, NULL };
    snl_train_report rep;
    snl_status st = nn_train_check(f, cfg, data, why);
    if (st != SNL_OK) return st;
    if (!hooks) hooks = &none;
    memset(&rep, 0, sizeof rep);
    if (report) st = nn_baseline(f, cfg, data, hooks, &rep.logp_linear);    /* f unchanged */
    if (st == SNL_OK) st = nn_run(f, cfg, data, hooks, &rep);
    if (report) *report = rep;
    return st;
}

/* ==== Saving ============================================================= */

/* "SNLFLOW", version; the fields of the shape, which are size_t throughout, 8 bytes each; the
 * flow's numbers as doubles in the order of nn_flow_layout; checksum of all that. */
enum { NN_VERSION = 3, NN_FIELDS = sizeof(snl_flow_shape)/sizeof(size_t),
       NN_HEADER = 8 + 8*NN_FIELDS };

static const char nn_tag[8] = { 'S', 'N', 'L', 'F', 'L', 'O', 'W', NN_VERSION };

static size_t nn_bytes(const snl_flow *f) { return NN_HEADER + 8*(f->fixed + f->np) + 8; }

snl_status snl_flow_save(const snl_flow *f, unsigned char *buf, size_t cap, size_t *len)
{
    unsigned char *p = buf;
    size_t field[NN_FIELDS];
    memcpy(field, &f->s, sizeof field);
    *len = nn_bytes(f);
    if (!buf) return SNL_OK;
    if (cap < *len) return SNL_EINVAL;
    memcpy(p, nn_tag, 8);
    p += 8;
    for (size_t i = 0; i < NN_FIELDS; i++) p = snl_put(p, field[i]);
    p = snl_put_doubles(p, f->fixed, f->cm);
    for (size_t i = 0; i < f->np; i++) {
        const double v = (double)f->theta[i];
        p = snl_put_doubles(p, 1, &v);
    }
    snl_put(p, snl_fnv1a(buf, (size_t)(p - buf)));
    return SNL_OK;
}

snl_status snl_flow_load(snl_flow **out, const unsigned char *buf, size_t len)
{
    const unsigned char *p = buf + 8;
    size_t field[NN_FIELDS];
    snl_flow_shape s;
    snl_flow plan, *f;
    *out = NULL;
    if (!snl_bytes_ok(buf, len, nn_tag) || len < NN_HEADER + 8) return SNL_EFORMAT;
    for (size_t i = 0; i < NN_FIELDS; i++) {
        uint64_t v;
        p = snl_get(p, &v);
        if (v > NN_FEATURES) return SNL_EFORMAT;
        field[i] = (size_t)v;
    }
    memcpy(&s, field, sizeof s);
    if (nn_shape_check(&s, NULL) != SNL_OK) return SNL_EFORMAT;
    nn_flow_plan(&plan, &s);
    if (len != nn_bytes(&plan)) return SNL_EFORMAT;     /* no memory for more than is there */
    if (!(f = nn_flow_make(&plan))) return SNL_ENOMEM;
    p = snl_get_doubles(p, f->fixed, f->cm);
    for (size_t i = 0; i < f->fixed; i++) if (!(fabs(f->cm[i]) < INFINITY)) goto damaged;
    for (size_t i = 0; i < f->np; i++) {
        double v;
        p = snl_get_doubles(p, 1, &v);
        f->theta[i] = (nn_real)v;
        if (!(fabs((double)f->theta[i]) < INFINITY)) goto damaged;
    }
    *out = f;
    return SNL_OK;
damaged:
    snl_flow_free(f);
    return SNL_EFORMAT;
}
