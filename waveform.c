/* waveform.c - IMRPhenomD [K, H] and IMRPhenomHM [L]: amplitude, phase and time of the
 * modes of a black hole binary with aligned spins, as functions of frequency.
 *
 * Everything is in units of the total mass, G = c = 1:
 *
 *     x = M f                   frequency                 u = x^(1/3),  v = (pi x)^(1/3)
 *     A(x) = A0 x^(-7/6) B(x)   amplitude of (2,2)        A0 = sqrt(2 eta/3) pi^(-1/6)
 *     P(x)                      phase of (2,2), h = A exp(-i P)
 *     eta, delta                m1 m2, m1 - m2 (of M)     chi_s, chi_a: (chi1 +- chi2)/2
 *     ins, int, mrd             inspiral, intermediate, merger and ringdown
 *
 * B and P are given by one formula in each of three ranges and joined with continuous
 * slope.  IMRPhenomHM takes every mode from these two functions, at frequencies mapped
 * by three straight lines, times a power (for (2,1) a polynomial) of u.
 *
 * Frequencies are done in blocks of WF_BLOCK with loops of constant length, without
 * calls to libm and without branches, so that compilers turn them into vector code and
 * a frequency gives the same bits wherever it stands.  Powers of x are products of one
 * root x^(-1/n).  Tables last. */
#include "snl.h"
#include <string.h>

/* A loop is only turned into vector code if all that it calls is inlined. */
#if defined(__GNUC__) || defined(__clang__)
#define WF_INLINE static inline __attribute__((always_inline))
#else
#define WF_INLINE static inline
#endif

enum { WF_BLOCK = 64, WF_KNOTS = 1003, WF_POLY = 7 };

enum {                          /* rows of wf_lambda */
    WF_RHO = 0, WF_V2 = 3, WF_GAMMA = 4, WF_SIGMA = 7, WF_BETA = 11, WF_ALPHA = 14,
    WF_FITS = 19
};

struct wf_mode_fit { int l, m;  double A[WF_POLY], theta[WF_POLY]; };

static const double  wf_lambda[WF_FITS][11];
static const struct  wf_mode_fit wf_mode_fits[SNL_PHENOM_MODES];
static const int32_t wf_fring[WF_KNOTS], wf_fdamp[WF_KNOTS];

/* ==== Elementary functions ===============================================
 *
 * Good to a few 1e-16, for normal positive arguments, without branches.  Integers go
 * to double and back through the mantissa of 2^52, which every vector unit can do. */

static const double WF_TWO52 = 4503599627370496.0;

WF_INLINE uint64_t wf_bits(double x) { uint64_t b; memcpy(&b, &x, sizeof b);  return b; }
WF_INLINE double wf_real(uint64_t b) { double x;   memcpy(&x, &b, sizeof x);  return x; }

/* How many of a block are below a border */
static uint64_t wf_below(const double *x, double border)
{
    uint64_t n = 0;
    for (int i = 0; i < WF_BLOCK; i++) n += x[i] < border;
    return n;
}

/* out = y from the border on.  A loop of its own: gcc would make the formula for y a
 * branch of the selection, and no vector code. */
static void wf_above(const double *x, double border, const double *y,
                     double *restrict out)
{ for (int i = 0; i < WF_BLOCK; i++) out[i] = x[i] < border ? out[i] : y[i]; }

/* a y + b with the a and b of the piece of a mode's map that x is in */
WF_INLINE double wf_line(double x, const double edge[2], const double a[3],
                         const double b[3], double y)
{
    const double last_a = x <= edge[1] ? a[1] : a[2], last_b = x <= edge[1] ? b[1] : b[2];
    return (x <= edge[0] ? a[0] : last_a)*y + (x <= edge[0] ? b[0] : last_b);
}

/* 1 for x >= 0, else 0: selects by arithmetic; a comparison might become a branch. */
WF_INLINE double wf_step(double x)  { return 0.5 + copysign(0.5, x); }

/* k < 2^52 */
WF_INLINE double wf_count(uint64_t k)
{ return wf_real(k | UINT64_C(0x4330000000000000)) - WF_TWO52; }

WF_INLINE double wf_off_root(double x, double r, int n)     /* 1 - x r^n */
{
    const double r2 = r*r, r3 = r2*r;
    return 1 - x*(n == 2 ? r2 : n == 3 ? r3 : n == 4 ? r2*r2 : r3*r3);
}

/* x^(-1/n), n = 2, 3, 4 or 6: a straight line in the upper half of the bits is right to
 * some 3%, and e = 1 - x r^n is the way to r (1 - e)^(-1/n), whose series is cut: e is
 * below 0.2, then 8e-6. */
WF_INLINE double wf_root(double x, int n)
{
    const double q = 1.0/n, one = 1048576.0*(1023.0 - 0.05);    /* bits of 1, nearly */
    const double c2 = q*(1 + q)/2, c3 = c2*(2 + q)/3, c4 = c3*(3 + q)/4;
    const double c5 = c4*(4 + q)/5;
    const double line = one*(1 + q) - q*wf_count(wf_bits(x) >> 32);
    double r = wf_real(wf_bits(line + WF_TWO52) << 32), e = wf_off_root(x, r, n);
    r += r*(e*(q + e*(c2 + e*(c3 + e*(c4 + e*c5)))));
    e = wf_off_root(x, r, n);
    return r + r*(e*(q + e*c2));
}

/* Polynomials below have the least maximum error, under 6e-18, in their range. */

/* x = 2^k m, sqrt(1/2) <= m < sqrt(2);  ln m = 2 artanh s, s = (m-1)/(m+1). */
WF_INLINE double wf_log(double x)
{
    const uint64_t b = wf_bits(x), one = UINT64_C(0x3ff0000000000000);
    const uint64_t k = (b + (one - UINT64_C(0x3fe6a09e667f3bcd))) >> 52;
    const double m = wf_real(b - (k << 52) + one), s = (m - 1)/(m + 1), z = s*s;
    const double y = 0.3333333333333367 + z*(0.19999999999707338
        + z*(0.14285714371193817 + z*(0.11111099286589977 + z*(0.09091782163227725
        + z*(0.07657025271021163 + z*0.07397974905241013)))));
    return (wf_count(k) - 1023)*0.69314718055994530942 + (2*s + 2*s*z*y);
}

/* x < 700; below -700 the result stays at exp(-700). */
WF_INLINE double wf_exp(double x)
{
    const double in = wf_step(x + 700), lim = in*x + (in - 1)*700;
    const double shift = 1.5*WF_TWO52;
    const double k = lim*1.44269504088896340736 + shift, n = k - shift;
    const double r = (lim - n*6.93147180369123816490e-01) - n*1.90821492927058770002e-10;
    const double y = 0.5000000000000012 + r*(0.166666666666667
        + r*(0.041666666666515535 + r*(0.008333333333307222 + r*(0.0013888888946981903
        + r*(0.00019841269917344922 + r*(2.4801489980412735e-5
        + r*(2.7557216335445263e-6 + r*(2.7631265767020955e-7
        + r*2.511785004613356e-8))))))));
    return (1 + (r + r*r*y)) * wf_real((wf_bits(k) + 1023) << 52);
}

/* |x| is turned back by 0, pi/4 or pi/2 into |t| <= tan(pi/8). */
WF_INLINE double wf_atan(double x)
{
    const double a = fabs(x), tan8 = 0.41421356237309504880, cot8 = 2 + tan8;
    const double p = wf_step(cot8 - a), q = wf_step(a - tan8);
    const double t = (p*a - q)/(q*a + p), turn = (q + 1 - p)*(SNL_PI/4), z = t*t;
    const double y = -0.33333333333333330156 + z*(0.19999999999995516545
        + z*(-0.14285714284665680761 + z*(0.11111111015187018721
        + z*(-0.090909045753064890845 + z*(0.076921831253768920895
        + z*(-0.066645105255089365989 + z*(0.058581409048663282827
        + z*(-0.050854078345894842616 + z*(0.03923044778479309536
        - z*0.019175404711104933832)))))))));
    return copysign(turn + (t + t*z*y), x);
}

/* ==== Quasi-normal modes ================================================= */

typedef struct wf_spline { double y[WF_KNOTS], y2[WF_KNOTS]; } wf_spline;

struct snl_qnm {
    wf_spline ring, damp;                       /* over the spin of the remnant */
    double re[SNL_PHENOM_MODES][WF_POLY];     /* A exp(i theta) */
    double im[SNL_PHENOM_MODES][WF_POLY];
};

static double wf_knot(size_t i)
{
    if (i == 1 || i == WF_KNOTS - 2) return i == 1 ? -0.999 : 0.999;
    return i == 0 ? -1 : i == WF_KNOTS - 1 ? 1 : (2*((double)i - 1) - 1000)/1000;
}

/* Natural cubic spline: second derivatives y2 by elimination, from both ends 0. */
static void wf_spline_fit(wf_spline *s, const int32_t *table, double unit)
{
    double c[WF_KNOTS] = { 0 };
    for (size_t i = 0; i < WF_KNOTS; i++) { s->y[i] = table[i]/unit;  s->y2[i] = 0; }
    for (size_t i = 1; i + 1 < WF_KNOTS; i++) {
        const double h0 = wf_knot(i) - wf_knot(i-1), h1 = wf_knot(i+1) - wf_knot(i);
        const double jump = (s->y[i+1] - s->y[i])/h1 - (s->y[i] - s->y[i-1])/h0;
        const double pivot = 2*(h0 + h1) - h0*c[i-1];
        c[i] = h1/pivot;
        s->y2[i] = (6*jump - h0*s->y2[i-1])/pivot;
    }
    for (size_t i = WF_KNOTS - 2; i > 0; i--) s->y2[i] -= c[i]*s->y2[i+1];
}

static double wf_spline_at(const wf_spline *s, double a)
{
    size_t i = (size_t)((a + 1)*500);       /* -1 <= a <= 1: one or two knots below a */
    while (i < WF_KNOTS - 2 && a >= wf_knot(i+1)) i++;
    const double h = wf_knot(i+1) - wf_knot(i), t = (a - wf_knot(i))/h, r = 1 - t;
    return r*s->y[i] + t*s->y[i+1]
         + (r*(r*r - 1)*s->y2[i] + t*(t*t - 1)*s->y2[i+1])*h*h/6;
}

snl_status snl_qnm_create(snl_qnm **out)
{
    snl_qnm *q = SNL_CALLOC(1, sizeof *q);
    *out = q;
    if (!q) return SNL_ENOMEM;
    wf_spline_fit(&q->ring, wf_fring, 1e7);
    wf_spline_fit(&q->damp, wf_fdamp, 1e8);
    for (int j = 0; j < SNL_PHENOM_MODES; j++)
        for (int k = 0; k < WF_POLY; k++) {
            q->re[j][k] = wf_mode_fits[j].A[k]*cos(wf_mode_fits[j].theta[k]);
            q->im[j][k] = wf_mode_fits[j].A[k]*sin(wf_mode_fits[j].theta[k]);
        }
    return SNL_OK;
}

void snl_qnm_free(snl_qnm *q) { SNL_FREE(q); }

/* ==== Phase P and its slope ============================================== */

/* [K] eqs. 27-28: one polynomial in u over u^5. */
WF_INLINE double wf_phase_ins(const snl_phenom *p, double x, double *slope)
{
    const double *c = p->ins, r = wf_root(x, 3), u = x*r*r, ln = wf_log(x);
    const double y = 1/x, lead = r*r*y;                                 /* x^(-5/3) */
    const double c5 = c[5] + p->ins5*ln, c6 = c[6] + p->ins6*ln;
    *slope = lead*y/3 * (-5*c[0] + u*u*(-3*c[2] + u*(-2*c[3] + u*(-c[4] + u*(3*p->ins5
           + u*(c6 + 3*p->ins6 + u*(2*c[7] + u*(3*c[8] + u*(4*c[9] + u*(5*c[10]
           + u*6*c[11]))))))))));
    return lead * (c[0] + u*u*(c[2] + u*(c[3] + u*(c[4] + u*(c5
         + u*(c6 + u*(c[7] + u*(c[8] + u*(c[9] + u*(c[10] + u*c[11]))))))))));
}

/* [K] eq. 16 */
WF_INLINE double wf_phase_int(const snl_phenom *p, double x, double *slope)
{
    const double *b = p->beta, y = 1/x, y3 = y*y*y;
    *slope = b[0] + b[1]*y + b[2]*(y3*y) + p->c2_int;
    return b[0]*x + b[1]*wf_log(x) - b[2]/3*y3 + p->c1_int + p->c2_int*x;
}

/* [K] eq. 14, with the rho and tau of [L] inside the arctangent */
WF_INLINE double wf_phase_mrd(const snl_phenom *p, const snl_phenom_part *md, double x,
                              double *slope)
{
    const double *a = p->alpha, y = 1/x, r = wf_root(x, 4);
    const double z = (x - md->atan_mid)*md->atan_inv;
    *slope = a[0] + a[1]*(y*y) + a[2]*r + md->c2_mrd
           + md->atan_amp*md->atan_inv/(1 + z*z);
    return a[0]*x - a[1]*y + 4/3.*a[2]*(x*r) + md->atan_amp*wf_atan(z)
         + md->c1_mrd + md->c2_mrd*x;
}

static double wf_phase(const snl_phenom *p, const snl_phenom_part *md, double x,
                       double *slope)
{
    return x < p->f_int ? wf_phase_ins(p, x, slope)
         : x < p->f_mrd ? wf_phase_int(p, x, slope) : wf_phase_mrd(p, md, x, slope);
}

/* The same for a block.  A range is skipped only if no frequency is in it. */
static void wf_phase_block(const snl_phenom *p, const snl_phenom_part *md,
                           const double *restrict x, double *restrict phi,
                           double *restrict slope)
{
    const double f_int = p->f_int, f_mrd = p->f_mrd;
    const uint64_t ins = wf_below(x, f_int), mrd = WF_BLOCK - wf_below(x, f_mrd);
    double y[WF_BLOCK], s[WF_BLOCK];
    if (ins)
        for (int i = 0; i < WF_BLOCK; i++) phi[i] = wf_phase_ins(p, x[i], &slope[i]);
    if (ins + mrd < WF_BLOCK) {
        for (int i = 0; i < WF_BLOCK; i++) y[i] = wf_phase_int(p, x[i], &s[i]);
        wf_above(x, f_int, y, phi);
        wf_above(x, f_int, s, slope);
    }
    if (mrd) {
        for (int i = 0; i < WF_BLOCK; i++) y[i] = wf_phase_mrd(p, md, x[i], &s[i]);
        wf_above(x, f_mrd, y, phi);
        wf_above(x, f_mrd, s, slope);
    }
}

/* ==== Amplitude B ======================================================== */

/* [K] eqs. 29-30 */
WF_INLINE double wf_amp_ins(const snl_phenom *p, double u)
{
    const double *c = p->rho;
    return 1 + u*u*(c[2] + u*(c[3] + u*(c[4] + u*(c[5]
         + u*(c[6] + u*(c[7] + u*(c[8] + u*c[9])))))));
}

/* [K] eqs. 21-26, in Newton's form: its nodes are the conditions */
WF_INLINE double wf_amp_int(const snl_phenom *p, double x)
{
    const double *c = p->newton, d = x - p->g_int;
    return c[0] + d*(c[1] + d*(c[2] + (x - p->node)*(c[3] + (x - p->g_mrd)*c[4])));
}

/* [K] eq. 19 */
WF_INLINE double wf_amp_mrd(const snl_phenom *p, double x)
{
    const double d = x - p->f_ring;
    return p->gamma1w/(d*d + p->w*p->w) * wf_exp(-p->gamma2w*d);
}

/* |Hhat_lm|^2 of [L] for (2,1) */
WF_INLINE double wf_hhat_squared(const double *h, double h_imag, double u)
{
    const double re = u*(h[1] + u*(h[2] + u*(h[3] + u*h[4]))), im = h_imag*(u*u*(u*u));
    return re*re + im*im;
}

/* A_lm(f) of a block, from A at g(f).  The factors H of [L] shorten to
 *
 *     A_lm(f) = A(g) |Hhat_lm(v_g)| |Hhat_lm(v_f)|/|Hhat_lm(v_2f/m)|,  v_x^3 = 2 pi x/m,
 *
 * since their v^(-7/2) cancel, and for all but (2,1) to A(g) |Hhat_lm((pi g)^(1/3))|. */
static void wf_amp_block(const snl_phenom *p, const snl_phenom_part *md,
                         const double *restrict f, const double *restrict g,
                         double *restrict amp)
{
    const double g_int = p->g_int, g_mrd = p->g_mrd, *h = md->h;
    const uint64_t ins = wf_below(g, g_int), mrd = WF_BLOCK - wf_below(g, g_mrd);
    const double cbrt2 = 1.25992104989487316477, tiny = 1e-300;     /* against 0/0 */
    double u[WF_BLOCK], scale[WF_BLOCK], y[WF_BLOCK];
    for (int i = 0; i < WF_BLOCK; i++) {
        const double r = wf_root(g[i], 6), r3 = r*r*r;
        u[i] = g[i]*r*r3;
        scale[i] = p->amp0*(r*r3*r3);
    }
    if (md->m > 1)
        for (int i = 0; i < WF_BLOCK; i++)
            scale[i] *= h[0] + u[i]*(h[1] + u[i]*(h[2] + u[i]*h[3]));
    else
        for (int i = 0; i < WF_BLOCK; i++) {
            const double r = wf_root(f[i], 3), w = f[i]*r*r;
            const double hh = wf_hhat_squared(h, md->h_imag, u[i])
                            * wf_hhat_squared(h, md->h_imag, w)
                            / (wf_hhat_squared(h, md->h_imag, w*cbrt2) + tiny);
            scale[i] *= hh*wf_root(hh + tiny, 2);
        }
    if (ins)
        for (int i = 0; i < WF_BLOCK; i++) amp[i] = wf_amp_ins(p, u[i]);
    if (ins + mrd < WF_BLOCK) {
        for (int i = 0; i < WF_BLOCK; i++) y[i] = wf_amp_int(p, g[i]);
        wf_above(g, g_int, y, amp);
    }
    if (mrd) {
        for (int i = 0; i < WF_BLOCK; i++) y[i] = wf_amp_mrd(p, g[i]);
        wf_above(g, g_mrd, y, amp);
    }
    for (int i = 0; i < WF_BLOCK; i++) amp[i] *= scale[i];
}

/* ==== Setting up a binary ================================================ */

static double wf_horner(const double *c, int n, double x)
{
    double s = 0;
    while (n--) s = s*x + c[n];
    return s;
}

/* [H] eqs. 3.6-3.8 */
static void wf_remnant(snl_phenom *p)
{
    static const double spin[5][4] = {
        { 3.4641016151377544, -4.399247300629289, 9.397292189321194,
         -13.180949901606242 },
        { -0.0850917821418767, -5.837029316602263 },
        { 0.1014665242971878, -2.0967746996832157 },
        { -1.3546806617824356, 4.108962025369336 },
        { -0.8676969352555539, 2.064046835273906 } };
    static const double rad[3][4] = {
        { 0.055974469826360077, 0.5809510763115132, -0.9606726679372312,
          3.352411249771192 },
        { -0.0030302335878845507, -2.0066110851351073, 7.7050567802399215 },
        { -0.6714403054720589, -1.4756929437702908, 7.304676214885011 } };
    const double M = p->m1 + p->m2, a = p->m1/M, b = p->m2/M, eta = p->eta;
    const double s = a*a*p->chi1 + b*b*p->chi2, S = s/(a*a + b*b);
    double c[5];
    for (int k = 0; k < 5; k++) c[k] = wf_horner(spin[k], 4, eta);
    p->final_spin = s + eta*wf_horner(c, 5, s);
    p->final_mass = 1 - eta*wf_horner(rad[0], 4, eta) * (1 + S*wf_horner(rad[1], 4, eta))
                                                      / (1 + S*wf_horner(rad[2], 4, eta));
}

/* Post-Newtonian phase coefficients of v^k, [K] app. B; log[0], log[1] of v^5 ln v, v^6 ln v */
static void wf_pn_phase(const snl_phenom *p, double c[8], double log[2])
{
    const double pi = SNL_PI, pi2 = pi*pi, n = p->eta, n2 = n*n, M = p->m1 + p->m2;
    const double m[2] = { p->m1/M, p->m2/M }, chi[2] = { p->chi1, p->chi2 };
    const double gamma_E = 0.577215664901532860606512090082402431;
    const double ln4 = 1.38629436111989061883;
    c[0] = 1;
    c[1] = 0;
    c[2] = 3715/756. + 55/9.*n;
    c[3] = -16*pi;
    c[4] = 15293365/508032. + 27145/504.*n + 3085/72.*n2 - 395/4.*n*chi[0]*chi[1];
    c[5] = pi*(38645/756. - 65/9.*n);
    c[6] = 11583231236531/4694215680. - 640/3.*pi2 - 6848/21.*(gamma_E + ln4)
         + n*(-15737765635/3048192. + 2255/12.*pi2) + 76055/1728.*n2 - 127825/1296.*n2*n;
    c[7] = pi*(77096675/254016. + 378515/1512.*n - 74045/756.*n2);
    for (int i = 0; i < 2; i++) {
        const double b = m[i], mc = b*chi[i];
        c[3] += mc*(25 + 38/3.*b);
        c[4] -= 405/8.*mc*mc;
        c[5] -= mc*(13915/84. - 10/3.*n + b*(12760/81. + 170/9.*n));
        c[6] += pi*mc*(1490/3. + 260*b);
        c[7] += mc*(-170978035/48384. + 2876425/672.*n + 4735/144.*n2
                    + b*(-7189233785/1524096. + 458555/3024.*n - 5345/72.*n2));
    }
    log[0] = 3*c[5];
    log[1] = -6848/21.;
}

/* Post-Newtonian amplitude coefficients A_k of v^k, k = 2..6, [K] app. B */
static void wf_pn_amp(const snl_phenom *p, double c[7])
{
    const double pi = SNL_PI, n = p->eta, n2 = n*n, s = (p->chi1 + p->chi2)/2;
    const double a = (p->chi1 - p->chi2)/2, da = p->delta*a;
    c[2] = -323/224. + 451/168.*n;
    c[3] = 27/8.*da + (27/8. - 11/6.*n)*s;
    c[4] = -27312085/8128512. - 1975055/338688.*n + 105271/24192.*n2
         + (-81/32. + 8*n)*a*a - 81/16.*da*s + (-81/32. + 17/8.*n)*s*s;
    c[5] = -85/64.*pi + 85/16.*pi*n + (285197/16128. - 1579/4032.*n)*da
         + (285197/16128. - 15317/672.*n - 2227/1008.*n2)*s;
    c[6] = -177520268561/8583708672. + (545384828789/5007163392. - 205/48.*pi*pi)*n
         - 3248849057/178827264.*n2 + 34473079/6386688.*n2*n
         + (1614569/64512. - 1873643/16128.*n + 2167/42.*n2)*a*a
         + (31/12.*pi - 7/3.*pi*n)*s
         + (1614569/64512. - 61391/1344.*n + 57451/4032.*n2)*s*s
         + da*(31/12.*pi + (1614569/32256. - 165961/2688.*n)*s);
}

/* P of (2,2) but for the ringdown's constants */
static void wf_setup_phase(snl_phenom *p, const double *fit)
{
    const double pi = SNL_PI, lnpi = 1.14472988584940017414, pn = 3/(128*p->eta);
    const double *sigma = fit + WF_SIGMA, *beta = fit + WF_BETA, *alpha = fit + WF_ALPHA;
    double v[8], log[2], scale = pn*pow(pi, -5/3.), below, above, y;
    wf_pn_phase(p, v, log);
    v[5] += log[0]*lnpi/3;                                  /* ln v = (ln pi + ln x)/3 */
    v[6] += log[1]*lnpi/3;
    for (int k = 0; k < 8; k++, scale *= cbrt(pi)) {
        p->ins[k] = scale*v[k];
        if (k == 5) p->ins5 = scale*log[0]/3;
        if (k == 6) p->ins6 = scale*log[1]/3;
    }
    p->ins[5] -= pi/4;
    for (int k = 0; k < 4; k++) p->ins[8 + k] = 3./(3 + k)*sigma[k]/p->eta;
    for (int k = 0; k < 3; k++) p->beta[k] = beta[k]/p->eta;
    for (int k = 0; k < 3; k++) p->alpha[k] = alpha[k]/p->eta;
    p->f_int = 0.018;
    p->f_mrd = fmax(p->f_int, p->f_ring/2);
    y = wf_phase_ins(p, p->f_int, &below) - wf_phase_int(p, p->f_int, &above);
    p->c2_int = below - above;
    p->c1_int = y - p->c2_int*p->f_int;
}

static void wf_setup_amp(snl_phenom *p, const double *fit)
{
    const double *gamma = fit + WF_GAMMA, f1 = 0.014, u1 = cbrt(f1);
    double f2, f3, v1, v2 = fit[WF_V2], v3, d1 = 0, d3, v[7], scale = cbrt(SNL_PI);
    wf_pn_amp(p, v);
    for (int k = 2; k < 7; k++) p->rho[k] = (scale *= cbrt(SNL_PI))*v[k];
    for (int k = 0; k < 3; k++) p->rho[7 + k] = fit[WF_RHO + k];
    p->amp0 = p->strain*sqrt(2*p->eta/3)*pow(SNL_PI, -1/6.);
    p->w = gamma[2]*p->f_damp;
    p->gamma1w = gamma[0]*p->w;
    p->gamma2w = gamma[1]/p->w;
    p->f_peak = gamma[1] <= 1
        ? fabs(p->f_ring + p->w*(sqrt(1 - gamma[1]*gamma[1]) - 1)/gamma[1])
        : fabs(p->f_ring - p->w/gamma[1]);
    p->g_int = f1;
    p->g_mrd = f3 = p->f_peak;
    p->node = f2 = (f1 + f3)/2;
    v1 = wf_amp_ins(p, u1);
    for (int k = 9; k > 1; k--) d1 = d1*u1 + k/3.*p->rho[k];
    d1 /= u1;                                               /* sum k/3 rho_k u^(k-3) */
    v3 = wf_amp_mrd(p, f3);
    d3 = -v3*(2*(f3 - p->f_ring)/((f3 - p->f_ring)*(f3 - p->f_ring) + p->w*p->w)
              + p->gamma2w);
    {   /* divided differences over f1 f1 f2 f3 f3 */
        const double h = f2 - f1, k = f3 - f2, a = (v2 - v1)/h, b = (v3 - v2)/k;
        const double aa = (a - d1)/h, ab = (b - a)/(f3 - f1), bb = (d3 - b)/k;
        const double aab = (ab - aa)/(f3 - f1), abb = (bb - ab)/(f3 - f1);
        p->newton[0] = v1;   p->newton[1] = d1;   p->newton[2] = aa;
        p->newton[3] = aab;  p->newton[4] = (abb - aab)/(f3 - f1);
    }
}

/* Ringdown of P for the rho and tau of the mode */
static void wf_setup_ringdown(const snl_phenom *p, snl_phenom_part *md, const double *fit)
{
    const double alpha4 = fit[WF_ALPHA + 3], alpha5 = fit[WF_ALPHA + 4];
    double below, above, y;
    md->atan_amp = alpha4*md->rho/p->eta;
    md->atan_mid = alpha5*p->f_ring;
    md->atan_inv = 1/(md->rho*md->tau*p->f_damp);
    y = wf_phase_int(p, p->f_mrd, &below) - wf_phase_mrd(p, md, p->f_mrd, &above);
    md->c2_mrd = below - above;
    md->c1_mrd = y - md->c2_mrd*p->f_mrd;
}

/* Hhat_lm of [L], with v = (2 pi x/m)^(1/3) turned into u = x^(1/3) for (2,1), and v =
 * (pi x)^(1/3) for the rest: see wf_amp_block. */
static void wf_setup_hhat(const snl_phenom *p, snl_phenom_part *md)
{
    const double n = p->eta, d = p->delta, s = (p->chi1 + p->chi2)/2;
    const double a = (p->chi1 - p->chi2)/2, w = cbrt(md->m == 1 ? 2*SNL_PI : SNL_PI);
    double *h = md->h, scale = 1;
    switch (10*md->l + md->m) {
    case 22: h[0] = 1;                                  break;
    case 33: h[1] = 3/4.*sqrt(5/7.)*d;                  break;
    case 32: h[2] = 1/3.*sqrt(5/7.)*(1 - 3*n);          break;
    case 44: h[2] = 4/9.*sqrt(10/7.)*(1 - 3*n);         break;
    case 43: h[3] = 3/4.*sqrt(3/35.)*d*(1 - 2*n);       break;
    case 21:
        h[1] = d;
        h[2] = -3/2.*(a + d*s);
        h[3] = d*(335/672. + 117/56.*n);
        h[4] = a*(3427/1344. - 2101/336.*n) + d*s*(3427/1344. - 965/336.*n) - d*SNL_PI;
        scale = sqrt(2)/3;
        break;
    }
    md->h_imag = -scale*d*(0.5 + 2*0.69314718055994530942)*(w*w*w*w);
    for (int k = 0; k < 5; k++, scale *= w) h[k] *= scale;
}

/* A map of [L]: 2f/m up to fi, a line from there to `top` at fr, then the slope `last`. */
static void wf_map(int m, double fi, double fr, double top, double last, double edge[2],
                   double a[3], double b[3])
{
    edge[0] = fi;    edge[1] = fr;
    a[0] = 2./m;     a[1] = (top - a[0]*fi)/(fr - fi);    a[2] = last;
    b[0] = 0;        b[1] = a[0]*fi - a[1]*fi;            b[2] = top - last*fr;
}

/* The additive constants make Phi_lm continuous.  For (2,2) the maps are identities. */
static void wf_setup_maps(const snl_phenom *p, snl_phenom_part *md, double f22)
{
    const double fr = md->f_ring, rho = md->rho, *a = md->p_a;
    double s, at_fi, *add = md->p_add;
    wf_map(md->m, 0.018/rho, fr, rho*fr, rho, md->p_edge, md->p_a, md->p_b);
    wf_map(md->m, 0.014/rho, fr, f22, 1, md->a_edge, md->a_a, md->a_b);
    for (int j = 0; j < 3; j++) md->p_scale[j] = 1/a[j];
    at_fi = wf_phase(p, md, a[0]*md->p_edge[0], &s);    /* both lines send fi to 2 fi/m */
    add[1] = at_fi/a[0] - at_fi/a[1];
    add[2] = add[1] + wf_phase(p, md, a[1]*fr + md->p_b[1], &s)/a[1]
                    - wf_phase(p, md, a[2]*fr, &s)/a[2];
}

static void wf_setup_mode(snl_phenom *p, const snl_qnm *q, int j, const double *fit)
{
    static const double c[5] = { 0, SNL_PI/2, 0, -SNL_PI/2, SNL_PI };
    const snl_phenom_part *main = &p->mode[0];
    snl_phenom_part *md = &p->mode[j];
    md->l = wf_mode_fits[j].l;
    md->m = wf_mode_fits[j].m;
    md->c = c[md->m];
    if (p->model == SNL_PHENOMHM) {
        const double k = log(2 - p->final_spin)/log(3), n = 2 + md->l - md->m;
        const double kappa = pow(k, 1/n), turn = 2*SNL_PI*p->final_mass;
        md->f_ring = wf_horner(q->re[j], WF_POLY, kappa)/turn;
        md->f_damp = wf_horner(q->im[j], WF_POLY, kappa)/turn;
    } else {
        md->f_ring = p->f_ring;
        md->f_damp = p->f_damp;
    }
    md->rho = main->f_ring/md->f_ring;
    md->tau = md->f_damp/main->f_damp;
    wf_setup_hhat(p, md);
    wf_setup_ringdown(p, md, fit);
    wf_setup_maps(p, md, main->f_ring);
}

/* The fits of [K] eq. 31.  In long double: LAL's C2Int and C2MRD are differences of slopes
 * a thousand times larger, which lose digits enough. */
static void wf_fit(const snl_phenom *p, double *fit)
{
    const long double eta = p->eta, xi = p->chi_pn - 1;
    for (int k = 0; k < WF_FITS; k++) {
        const double *l = wf_lambda[k];
        long double s = 0;
        for (int j = 10; j > 1; j -= 3) {
            s += l[j - 2] + (l[j - 1] + l[j]*eta)*eta;
            s *= xi;
        }
        s += l[0] + l[1]*eta;
        fit[k] = (double)s;
    }
}

static unsigned wf_doubts(const snl_phenom *p)
{
    const double q = p->m1/p->m2, chi = fmax(fabs(p->chi1), fabs(p->chi2));
    return (q > 18 || chi > (p->m1 == p->m2 ? 0.98 : 0.85) ? SNL_WARN_CALIBRATION : 0)
         | (q > 5000 ? SNL_WARN_MASS_RATIO : 0)
         | (p->final_spin < -0.717 ? SNL_WARN_FINAL_SPIN : 0);
}

snl_status snl_phenom_prepare(snl_phenom *out, const snl_qnm *q, snl_model model,
                              double m1, double m2, double chi1, double chi2,
                              double distance, unsigned *warnings, snl_fault *why)
{
    const int swap = m1 < m2;
    const double big = 1e30, small = 1e-30, most = 1e9;     /* products stay finite */
    const struct { const char *name; double x, lo, hi; } arg[] = {
        { "model", (double)model, SNL_PHENOMD, SNL_PHENOMHM },
        { "m1", m1, small, big },    { "m2", m2, small, big },
        { "chi1", chi1, -1, 1 },     { "chi2", chi2, -1, 1 },
        { "distance", distance, small, big },
    };
    double fit[WF_FITS], M;
    snl_phenom w, *p = &w;
    for (size_t i = 0; i < sizeof arg / sizeof arg[0]; i++)
        if (!(arg[i].x >= arg[i].lo && arg[i].x <= arg[i].hi))
            return snl_refuse(why, arg[i].name, arg[i].x, arg[i].lo, arg[i].hi);
    if (!(m1 <= most*m2 && m2 <= most*m1))
        return snl_refuse(why, "mass_ratio", fmax(m1/m2, m2/m1), 1, most);

    memset(p, 0, sizeof *p);        /* the constants found last count as 0 before */
    p->model = model;
    p->m1 = swap ? m2 : m1;      p->m2 = swap ? m1 : m2;
    p->chi1 = swap ? chi2 : chi1;  p->chi2 = swap ? chi1 : chi2;
    p->distance = distance;
    M = p->m1 + p->m2;
    p->M_sec = M*SNL_MTSUN;
    p->strain = M*SNL_MRSUN*p->M_sec/(distance*SNL_MPC);
    p->eta = fmin(0.25, p->m1*p->m2/(M*M));
    p->delta = (p->m1 - p->m2)/M;
    p->chi_pn = (p->chi1 + p->chi2)/2*(1 - 76/113.*p->eta)
              + p->delta*(p->chi1 - p->chi2)/2;
    wf_remnant(p);
    if (!(fabs(p->final_spin) <= 1))
        return snl_refuse(why, "final_spin", p->final_spin, -1, 1);
    p->f_ring = wf_spline_at(&q->ring, p->final_spin)/p->final_mass;
    p->f_damp = wf_spline_at(&q->damp, p->final_spin)/p->final_mass;

    wf_fit(p, fit);
    wf_setup_phase(p, fit);
    wf_setup_amp(p, fit);
    p->modes = model == SNL_PHENOMHM ? SNL_PHENOM_MODES : 1;
    for (int j = 0; j < p->modes; j++) wf_setup_mode(p, q, j, fit);
    snl_phenom_align_peak(p);
    *out = *p;
    if (warnings) *warnings = wf_doubts(p);
    return SNL_OK;
}

void snl_phenom_align_lal(snl_phenom *p, double f_ref, double phi_ref)
{
    double s;
    wf_phase_mrd(p, &p->mode[0], p->f_peak, &s);
    p->t0 = s - p->mode[0].c2_mrd;
    p->f_ref = f_ref*p->M_sec;
    p->phi0 = wf_phase(p, &p->mode[0], p->f_ref, &s)/2 + phi_ref;
}

void snl_phenom_align_peak(snl_phenom *p)
{
    p->f_ref = p->f_peak;
    p->phi0 = wf_phase(p, &p->mode[0], p->f_ref, &p->t0)/2;
}

/* ==== Evaluation ========================================================= */

snl_status snl_phenom_check(const snl_phenom *p, size_t nf, const double *f,
                            snl_fault *why)
{
    const double lo = 1e-30/p->M_sec, hi = 1e30/p->M_sec;
    for (size_t i = 0; i < nf; i++)
        if (!(f[i] >= lo && f[i] <= hi)) {
            const snl_status s = snl_refuse(why, "f", f[i], lo, hi);
            if (why) why->index = i;
            return s;
        }
    return SNL_OK;
}

snl_status snl_phenom_mode(const snl_phenom *p, int l, int m, size_t nf, const double *f,
                           double *amp, double *phase, double *t)
{
    const snl_phenom_part *md = NULL;
    const snl_status s = snl_phenom_check(p, nf, f, NULL);
    double x[WF_BLOCK], g[WF_BLOCK], y[WF_BLOCK], slope[WF_BLOCK];
    for (int j = 0; j < p->modes; j++)
        if (p->mode[j].l == l && p->mode[j].m == m) md = &p->mode[j];
    if (!md) return SNL_EINVAL;
    if (s != SNL_OK) return s;
    for (size_t k = 0; k < nf; k += WF_BLOCK) {
        const size_t n = nf - k < WF_BLOCK ? nf - k : WF_BLOCK;
        for (size_t i = 0; i < WF_BLOCK; i++) x[i] = f[k + (i < n ? i : n - 1)]*p->M_sec;
        if (amp) {
            for (int i = 0; i < WF_BLOCK; i++)
                g[i] = wf_line(x[i], md->a_edge, md->a_a, md->a_b, x[i]);
            wf_amp_block(p, md, x, g, y);
            memcpy(amp + k, y, n*sizeof *y);
        }
        if (phase || t) {
            const double c = md->c - md->m*p->phi0, to_sec = p->M_sec/(2*SNL_PI);
            for (int i = 0; i < WF_BLOCK; i++)
                g[i] = wf_line(x[i], md->p_edge, md->p_a, md->p_b, x[i]);
            wf_phase_block(p, md, g, y, slope);
            for (int i = 0; i < WF_BLOCK; i++) {
                y[i] = wf_line(x[i], md->p_edge, md->p_scale, md->p_add, y[i])
                     + (c - p->t0*(x[i] - p->f_ref));
                slope[i] = to_sec*(slope[i] - p->t0);
            }
            if (phase) memcpy(phase + k, y, n*sizeof *y);
            if (t) memcpy(t + k, slope, n*sizeof *slope);
        }
    }
    return SNL_OK;
}

/* ==== Polarisations ====================================================== */

static double wf_power(double x, int n)
{ double y = 1; while (n-- > 0) y *= x;  return y; }

static double wf_factorial(int n)
{ double y = 1; for (; n > 1; n--) y *= n;  return y; }

/* Wigner's sum: d^l_m2 sqrt((2l+1)/4pi) exp(i m phi) */
void snl_ylm(int l, int m, double inclination, double phi, double y[2])
{
    const double c = cos(inclination/2), s = sin(inclination/2);
    double d = 0;
    y[0] = y[1] = 0;
    if (l < 2 || m > l || m < -l) return;
    for (int k = m > 2 ? m - 2 : 0; k <= l - 2 && k <= l + m; k++)
        d += (k & 1 ? -1 : 1)*wf_power(c, 2*l + m - 2 - 2*k)*wf_power(s, 2*k + 2 - m)
           / (wf_factorial(l + m - k)*wf_factorial(l - 2 - k)
              *wf_factorial(k)*wf_factorial(k + 2 - m));
    d *= sqrt((2*l + 1)/(4*SNL_PI)*wf_factorial(l + m)*wf_factorial(l - m)
              *wf_factorial(l + 2)*wf_factorial(l - 2));
    y[0] = d*cos(m*phi);
    y[1] = d*sin(m*phi);
}

snl_status snl_phenom_polarisations(const snl_phenom *p, double inclination, size_t nf,
                                    const double *f,
                                    double (*plus)[2], double (*cross)[2])
{
    const snl_status s = snl_phenom_check(p, nf, f, NULL);
    double a[WF_BLOCK], ph[WF_BLOCK];
    if (s != SNL_OK) return s;
    if (!(fabs(inclination) <= 1e9)) return inclination != inclination ? SNL_ENOTFINITE
                                                                       : SNL_EINVAL;
    memset(plus, 0, nf*sizeof *plus);
    memset(cross, 0, nf*sizeof *cross);
    for (int j = 0; j < p->modes; j++) {
        const snl_phenom_part *md = &p->mode[j];
        const int sign = md->l & 1 ? -1 : 1;
        double y[2], z[2];
        snl_ylm(md->l, md->m, inclination, 0, y);
        snl_ylm(md->l, -md->m, inclination, 0, z);
        for (size_t i = 0; i < nf; i += WF_BLOCK) {
            const size_t n = nf - i < WF_BLOCK ? nf - i : WF_BLOCK;
            if (snl_phenom_mode(p, md->l, md->m, n, f + i, a, ph, NULL) != SNL_OK) break;
            for (size_t k = 0; k < n; k++) {
                const double re = a[k]*cos(ph[k])/2, im = -a[k]*sin(ph[k])/2;
                plus[i+k][0]  += (y[0] + sign*z[0])*re;
                plus[i+k][1]  += (y[0] + sign*z[0])*im;
                cross[i+k][0] += (y[0] - sign*z[0])*im;
                cross[i+k][1] -= (y[0] - sign*z[0])*re;
            }
        }
    }
    return SNL_OK;
}

/* ==== Tables ============================================================= */

/* Coefficients of [K] eq. 31, table V with all digits: 1 eta | xi: 1 eta eta^2 |
 * xi^2: 1 eta eta^2 | xi^3: 1 eta eta^2. */
static const double wf_lambda[WF_FITS][11] = {
    { /* rho1 */
      3931.8979897196696, -17395.758706812805, 3132.375545898835, 343965.86092361377,
      -1.2162565819981997e6, -70698.00600428853, 1.383907177859705e6,
      -3.9662761890979446e6, -60017.52423652596, 803515.1181825735,
      -2.091710365941658e6 },
    { /* rho2 */
      -40105.47653771657, 112253.0169706701, 23561.696065836168,
      -3.476180699403351e6, 1.137593670849482e7, 754313.1127166454,
      -1.308476044625268e7, 3.6444584853928134e7, 596226.612472288,
      -7.4277901143564405e6, 1.8928977514040343e7 },
    { /* rho3 */
      83208.35471266537, -191237.7264145924, -210916.2454782992, 8.71797508352568e6,
      -2.6914942420669552e7, -1.9889806527362722e6, 3.0888029960154563e7,
      -8.390870279256162e7, -1.4535031953446497e6, 1.7063528990822166e7,
      -4.2748659731120914e7 },
    { /* v2 */
      0.8149838730507785, 2.5747553517454658, 1.1610198035496786,
      -2.3627771785551537, 6.771038707057573, 0.7570782938606834,
      -2.7256896890432474, 7.1140380397149965, 0.1766934149293479,
      -0.7978690983168183, 2.1162391502005153 },
    { /* gamma1 */
      0.006927402739328343, 0.03020474290328911, 0.006308024337706171,
      -0.12074130661131138, 0.26271598905781324, 0.0034151773647198794,
      -0.10779338611188374, 0.27098966966891747, 0.0007374185938559283,
      -0.02749621038376281, 0.0733150789135702 },
    { /* gamma2 */
      1.010344404799477, 0.0008993122007234548, 0.283949116804459,
      -4.049752962958005, 13.207828172665366, 0.10396278486805426,
      -7.025059158961947, 24.784892370130475, 0.03093202475605892,
      -2.6924023896851663, 9.609374464684983 },
    { /* gamma3 */
      1.3081615607036106, -0.005537729694807678, -0.06782917938621007,
      -0.6689834970767117, 3.403147966134083, -0.05296577374411866,
      -0.9923793203111362, 4.820681208409587, -0.006134139870393713,
      -0.38429253308696365, 1.7561754421985984 },
    { /* sigma1 */
      2096.551999295543, 1463.7493168261553, 1312.5493286098522, 18307.330017082117,
      -43534.1440746107, -833.2889543511114, 32047.31997183187, -108609.45037520859,
      452.25136398112204, 8353.439546391714, -44531.3250037322 },
    { /* sigma2 */
      -10114.056472621156, -44631.01109458185, -6541.308761668722,
      -266959.23419307504, 686328.3229317984, 3405.6372187679685, -437507.7208209015,
      1.6318171307344697e6, -7462.648563007646, -114585.25177153319,
      674402.4689098676 },
    { /* sigma3 */
      22933.658273436497, 230960.00814979506, 14961.083974183695,
      1.1940181342318142e6, -3.1042239693052764e6, -3038.166617199259,
      1.8720322849093592e6, -7.309145012085539e6, 42738.22871475411,
      467502.018616601, -3.064853498512499e6 },
    { /* sigma4 */
      -14621.71522218357, -377812.8579387104, -9608.682631509726,
      -1.7108925257214056e6, 4.332924601416521e6, -22366.683262266528,
      -2.5019716386377467e6, 1.0274495902259542e7, -85360.30079034246,
      -570025.3441737515, 4.396844346849777e6 },
    { /* beta1 */
      97.89747327985583, -42.659730877489224, 153.48421037904913,
      -1417.0620760768954, 2752.8614143665027, 138.7406469558649,
      -1433.6585075135881, 2857.7418952430758, 41.025109467376126, -423.680737974639,
      850.3594335657173 },
    { /* beta2 */
      -3.282701958759534, -9.051384468245866, -12.415449742258042, 55.4716447709787,
      -106.05109938966335, -11.953044553690658, 76.80704618365418,
      -155.33172948098394, -3.4129261592393263, 25.572377569952536,
      -54.408036707740465 },
    { /* beta3 */
      -0.000025156429818799565, 0.000019750256942201327, -0.000018370671469295915,
      0.000021886317041311973, 0.00008250240316860033, 7.157371250566708e-6,
      -0.000055780000112270685, 0.00019142082884072178, 5.447166261464217e-6,
      -0.00003220610095021982, 0.00007974016714984341 },
    { /* alpha1 */
      43.31514709695348, 638.6332679188081, -32.85768747216059, 2415.8938269370315,
      -5766.875169379177, -61.85459307173841, 2953.967762459948, -8986.29057591497,
      -21.571435779762044, 981.2158224673428, -3239.5664895930286 },
    { /* alpha2 */
      -0.07020209449091723, -0.16269798450687084, -0.1872514685185499,
      1.138313650449945, -2.8334196304430046, -0.17137955686840617,
      1.7197549338119527, -4.539717148261272, -0.049983437357548705,
      0.6062072055948309, -1.682769616644546 },
    { /* alpha3 */
      9.5988072383479, -397.05438595557433, 16.202126189517813, -1574.8286986717037,
      3600.3410843831093, 27.092429659075467, -1786.482357315139, 5152.919378666511,
      11.175710130033895, -577.7999423177481, 1808.730762932043 },
    { /* alpha4 */
      -0.02989487384493607, 1.4022106448583738, -0.07356049468633846,
      0.8337006542278661, 0.2240008282397391, -0.055202870001177226,
      0.5667186343606578, 0.7186931973380503, -0.015507437354325743,
      0.15750322779277187, 0.21076815715176228 },
    { /* alpha5 */
      0.9974408278363099, -0.007884449714907203, -0.059046901195591035,
      1.3958712396764088, -4.516631601676276, -0.05585343136869692,
      1.7516580039343603, -5.990208965347804, -0.017945336522161195,
      0.5965097794825992, -2.0608879367971804 },
};

/* Quasi-normal modes [Q]: omega = sum_p A_p exp(i theta_p) kappa^p. */
static const struct wf_mode_fit wf_mode_fits[SNL_PHENOM_MODES] = {
    { 2, 2,
    { 1.0, 1.557847, 1.95097051, 2.09971716, 1.4109466, 0.41063923 },
    { 0.0, 2.903124, 5.92097, 2.760585, 5.91434, 2.795235 } },
    { 2, 1,
    { 0.589113, 0.18896353, 1.15012965, 6.04585476, 11.12627777, 9.34711461, 3.03838318 },
    { 0.043525, 2.289868, 5.810057, 2.741967, 5.84413, 2.669372, 5.791518 } },
    { 3, 3,
    { 1.5, 2.095657, 2.46964352, 2.66552551, 1.75836443, 0.49905688 },
    { 0.0, 2.964973, 5.996734, 2.817591, 5.932693, 2.781658 } },
    { 3, 2,
    { 1.022464, 0.24731213, 1.70468239, 0.94604882, 1.53189884, 2.28052668, 0.92150314 },
    { 0.00487, 0.665292, 3.138283, 0.163247, 5.703573, 2.685231, 5.841704 } },
    { 4, 4,
    { 2.0, 2.658908, 2.97825567, 3.2184235, 2.12764967, 0.60338186 },
    { 0.0, 3.002787, 6.050955, 2.877514, 5.989669, 2.830031 } },
    { 4, 3,
    { 1.5, 0.205046, 3.10333396, 4.23612166, 3.02890198, 0.90843949 },
    { 0.0, 0.595328, 3.0162, 6.038842, 2.826239, 5.915164 } },
};

/* Ringdown frequency of the (2,2,0) mode times the final mass, 1e-7, as LAL has it:
 * a = -1, -0.999, -0.998, -0.996, -0.994 ... 0.998, 0.999, 1.  The rounding of these
 * numbers is in all published IMRPhenomD waveforms: better ones would disagree. */
static const int32_t wf_fring[WF_KNOTS] = {
    464014, 464110, 464197, 464373, 464526, 464730, 464909, 465084, 465259, 465435,
    465611, 465789, 465966, 466144, 466322, 466501, 466679, 466858, 467038, 467217,
    467397, 467577, 467757, 467937, 468117, 468298, 468479, 468660, 468842, 469024,
    469205, 469388, 469570, 469752, 469935, 470118, 470302, 470485, 470669, 470853,
    471037, 471221, 471406, 471591, 471776, 471962, 472147, 472333, 472519, 472705,
    472892, 473079, 473266, 473453, 473641, 473829, 474017, 474205, 474393, 474582,
    474771, 474960, 475150, 475340, 475530, 475720, 475910, 476101, 476292, 476483,
    476675, 476866, 477058, 477251, 477443, 477636, 477829, 478022, 478216, 478409,
    478603, 478798, 478992, 479187, 479382, 479577, 479773, 479969, 480165, 480361,
    480558, 480755, 480952, 481149, 481347, 481545, 481743, 481942, 482140, 482339,
    482539, 482738, 482938, 483138, 483339, 483539, 483740, 483941, 484143, 484345,
    484547, 484749, 484951, 485154, 485357, 485561, 485764, 485968, 486173, 486377,
    486582, 486787, 486992, 487198, 487404, 487610, 487817, 488024, 488231, 488438,
    488646, 488854, 489062, 489270, 489479, 489688, 489898, 490108, 490318, 490528,
    490739, 490949, 491161, 491372, 491584, 491796, 492008, 492221, 492434, 492647,
    492861, 493075, 493289, 493504, 493719, 493934, 494149, 494365, 494581, 494797,
    495014, 495231, 495448, 495666, 495884, 496102, 496321, 496540, 496759, 496979,
    497198, 497419, 497639, 497860, 498081, 498302, 498524, 498746, 498969, 499192,
    499415, 499638, 499862, 500086, 500310, 500535, 500760, 500986, 501212, 501438,
    501664, 501891, 502118, 502345, 502573, 502801, 503030, 503259, 503488, 503717,
    503947, 504177, 504408, 504639, 504870, 505102, 505334, 505566, 505799, 506032,
    506265, 506499, 506733, 506967, 507202, 507437, 507673, 507909, 508145, 508381,
    508618, 508856, 509093, 509332, 509570, 509809, 510048, 510288, 510527, 510768,
    511008, 511249, 511491, 511733, 511975, 512217, 512460, 512704, 512947, 513192,
    513436, 513681, 513926, 514172, 514418, 514664, 514911, 515158, 515406, 515654,
    515902, 516151, 516400, 516650, 516900, 517150, 517401, 517652, 517904, 518156,
    518408, 518661, 518914, 519168, 519422, 519677, 519931, 520187, 520443, 520699,
    520955, 521212, 521470, 521727, 521986, 522244, 522503, 522763, 523023, 523283,
    523544, 523805, 524067, 524329, 524592, 524855, 525118, 525382, 525646, 525911,
    526176, 526442, 526708, 526975, 527242, 527509, 527777, 528045, 528314, 528583,
    528853, 529123, 529394, 529665, 529936, 530208, 530481, 530754, 531027, 531301,
    531576, 531850, 532126, 532402, 532678, 532954, 533232, 533509, 533788, 534066,
    534345, 534625, 534905, 535186, 535467, 535749, 536031, 536313, 536596, 536880,
    537164, 537449, 537734, 538019, 538305, 538592, 538879, 539167, 539455, 539744,
    540033, 540322, 540613, 540903, 541195, 541486, 541779, 542072, 542365, 542659,
    542953, 543248, 543544, 543840, 544136, 544433, 544731, 545029, 545328, 545627,
    545927, 546228, 546529, 546830, 547132, 547435, 547738, 548042, 548346, 548651,
    548956, 549262, 549569, 549876, 550184, 550492, 550801, 551111, 551421, 551731,
    552043, 552354, 552667, 552980, 553293, 553608, 553922, 554238, 554554, 554870,
    555188, 555505, 555824, 556143, 556463, 556783, 557104, 557425, 557747, 558070,
    558393, 558717, 559042, 559367, 559693, 560020, 560347, 560675, 561003, 561333,
    561662, 561993, 562324, 562656, 562988, 563321, 563655, 563989, 564324, 564660,
    564996, 565333, 565671, 566010, 566349, 566688, 567029, 567370, 567712, 568054,
    568398, 568742, 569086, 569432, 569778, 570124, 570472, 570820, 571169, 571519,
    571869, 572220, 572572, 572924, 573278, 573632, 573986, 574342, 574698, 575055,
    575413, 575771, 576130, 576490, 576851, 577213, 577575, 577938, 578302, 578666,
    579032, 579398, 579765, 580132, 580501, 580870, 581240, 581611, 581983, 582355,
    582728, 583102, 583477, 583853, 584230, 584607, 584985, 585364, 585744, 586125,
    586506, 586888, 587272, 587656, 588040, 588426, 588813, 589200, 589589, 589978,
    590368, 590759, 591151, 591543, 591937, 592331, 592727, 593123, 593520, 593918,
    594317, 594717, 595118, 595519, 595922, 596326, 596730, 597135, 597542, 597949,
    598357, 598767, 599177, 599588, 600000, 600413, 600827, 601242, 601658, 602074,
    602492, 602911, 603331, 603752, 604174, 604597, 605020, 605445, 605871, 606298,
    606726, 607155, 607585, 608016, 608448, 608881, 609315, 609751, 610187, 610624,
    611063, 611502, 611943, 612385, 612827, 613271, 613716, 614162, 614609, 615058,
    615507, 615958, 616409, 616862, 617316, 617771, 618227, 618684, 619143, 619603,
    620064, 620526, 620989, 621453, 621919, 622385, 622853, 623323, 623793, 624265,
    624737, 625212, 625687, 626163, 626641, 627120, 627600, 628082, 628565, 629049,
    629534, 630021, 630509, 630998, 631489, 631981, 632474, 632968, 633464, 633961,
    634460, 634960, 635461, 635964, 636468, 636973, 637480, 637988, 638497, 639008,
    639520, 640034, 640549, 641066, 641584, 642103, 642624, 643147, 643671, 644196,
    644723, 645251, 645781, 646312, 646845, 647379, 647915, 648453, 648992, 649532,
    650074, 650618, 651163, 651710, 652258, 652808, 653360, 653913, 654468, 655024,
    655582, 656142, 656703, 657266, 657831, 658398, 658966, 659535, 660107, 660680,
    661255, 661832, 662411, 662991, 663573, 664157, 664742, 665330, 665919, 666510,
    667103, 667697, 668294, 668892, 669493, 670095, 670699, 671305, 671913, 672523,
    673134, 673748, 674364, 674981, 675601, 676222, 676846, 677471, 678099, 678729,
    679360, 679994, 680630, 681268, 681908, 682550, 683194, 683841, 684489, 685140,
    685793, 686448, 687105, 687765, 688426, 689090, 689757, 690425, 691096, 691769,
    692444, 693122, 693802, 694484, 695169, 695856, 696546, 697238, 697932, 698629,
    699328, 700030, 700734, 701441, 702151, 702862, 703577, 704294, 705013, 705735,
    706460, 707188, 707918, 708651, 709386, 710124, 710865, 711609, 712355, 713105,
    713857, 714612, 715369, 716130, 716893, 717660, 718429, 719201, 719976, 720755,
    721536, 722320, 723107, 723898, 724691, 725488, 726287, 727090, 727896, 728705,
    729518, 730333, 731152, 731975, 732800, 733629, 734462, 735297, 736136, 736979,
    737825, 738675, 739528, 740384, 741245, 742109, 742976, 743847, 744722, 745601,
    746483, 747369, 748259, 749153, 750050, 750952, 751857, 752767, 753680, 754597,
    755519, 756445, 757374, 758308, 759246, 760188, 761135, 762086, 763041, 764001,
    764965, 765933, 766906, 767883, 768865, 769852, 770843, 771839, 772840, 773845,
    774855, 775870, 776890, 777915, 778945, 779980, 781020, 782065, 783115, 784170,
    785231, 786297, 787368, 788445, 789527, 790614, 791708, 792806, 793911, 795021,
    796137, 797259, 798386, 799520, 800660, 801805, 802957, 804115, 805279, 806449,
    807626, 808809, 809999, 811195, 812398, 813608, 814824, 816048, 817278, 818515,
    819759, 821010, 822269, 823534, 824808, 826088, 827376, 828672, 829975, 831286,
    832605, 833932, 835267, 836610, 837962, 839321, 840689, 842066, 843451, 844845,
    846248, 847660, 849080, 850510, 851949, 853398, 854856, 856323, 857800, 859287,
    860784, 862292, 863809, 865336, 866875, 868423, 869983, 871553, 873135, 874727,
    876331, 877947, 879574, 881213, 882864, 884527, 886202, 887890, 889591, 891304,
    893031, 894770, 896523, 898290, 900070, 901865, 903674, 905497, 907335, 909188,
    911056, 912939, 914838, 916753, 918684, 920631, 922595, 924576, 926574, 928590,
    930623, 932675, 934745, 936834, 938942, 941069, 943216, 945384, 947571, 949780,
    952010, 954262, 956536, 958832, 961151, 963494, 965860, 968251, 970667, 973109,
    975576, 978069, 980590, 983138, 985715, 988320, 990955, 993620, 996316, 999043,
    1001800, 1004600, 1007420, 1010280, 1013180, 1016110, 1019080, 1022090, 1025140,
    1028230, 1031360, 1034540, 1037750, 1041020, 1044320, 1047680, 1051090, 1054540,
    1058050, 1061610, 1065230, 1068910, 1072640, 1076440, 1080300, 1084220, 1088220,
    1092280, 1096420, 1100630, 1104930, 1109300, 1113760, 1118310, 1122950, 1127690,
    1132540, 1137480, 1142540, 1147720, 1153020, 1158450, 1164010, 1169720, 1175590,
    1181610, 1187810, 1194180, 1200760, 1207540, 1214540, 1221790, 1229300, 1237090,
    1245190, 1253620, 1262430, 1271650, 1281320, 1291510, 1302280, 1313710, 1325920,
    1339040, 1353250, 1368810, 1386070, 1405600, 1428330, 1456111, 1493707, 1521282,
    1579619,
};

/* Damping frequency times the final mass, 1e-8. */
static const int32_t wf_fdamp[WF_KNOTS] = {
    1400980, 1401020, 1401060, 1401140, 1401770, 1401540, 1401480, 1401500, 1401560,
    1401640, 1401720, 1401810, 1401890, 1401980, 1402060, 1402140, 1402230, 1402310,
    1402390, 1402470, 1402560, 1402640, 1402720, 1402800, 1402880, 1402960, 1403050,
    1403130, 1403210, 1403290, 1403370, 1403450, 1403530, 1403610, 1403690, 1403770,
    1403850, 1403930, 1404010, 1404090, 1404170, 1404250, 1404330, 1404400, 1404480,
    1404560, 1404640, 1404720, 1404800, 1404870, 1404950, 1405030, 1405110, 1405190,
    1405260, 1405340, 1405420, 1405490, 1405570, 1405650, 1405720, 1405800, 1405870,
    1405950, 1406030, 1406100, 1406180, 1406250, 1406330, 1406400, 1406480, 1406550,
    1406630, 1406700, 1406770, 1406850, 1406920, 1407000, 1407070, 1407140, 1407220,
    1407290, 1407360, 1407440, 1407510, 1407580, 1407650, 1407720, 1407800, 1407870,
    1407940, 1408010, 1408080, 1408150, 1408220, 1408290, 1408370, 1408440, 1408510,
    1408580, 1408650, 1408720, 1408790, 1408850, 1408920, 1408990, 1409060, 1409130,
    1409200, 1409270, 1409340, 1409400, 1409470, 1409540, 1409610, 1409670, 1409740,
    1409810, 1409880, 1409940, 1410010, 1410070, 1410140, 1410210, 1410270, 1410340,
    1410400, 1410470, 1410530, 1410600, 1410660, 1410730, 1410790, 1410860, 1410920,
    1410980, 1411050, 1411110, 1411170, 1411240, 1411300, 1411360, 1411420, 1411490,
    1411550, 1411610, 1411670, 1411730, 1411800, 1411860, 1411920, 1411980, 1412040,
    1412100, 1412160, 1412220, 1412280, 1412340, 1412400, 1412460, 1412520, 1412570,
    1412630, 1412690, 1412750, 1412810, 1412870, 1412920, 1412980, 1413040, 1413090,
    1413150, 1413210, 1413260, 1413320, 1413380, 1413430, 1413490, 1413540, 1413600,
    1413650, 1413710, 1413760, 1413820, 1413870, 1413920, 1413980, 1414030, 1414080,
    1414140, 1414190, 1414240, 1414290, 1414350, 1414400, 1414450, 1414500, 1414550,
    1414600, 1414660, 1414710, 1414760, 1414810, 1414860, 1414910, 1414960, 1415000,
    1415050, 1415100, 1415150, 1415200, 1415250, 1415300, 1415340, 1415390, 1415440,
    1415490, 1415530, 1415580, 1415620, 1415670, 1415720, 1415760, 1415810, 1415850,
    1415900, 1415940, 1415990, 1416030, 1416080, 1416120, 1416160, 1416210, 1416250,
    1416290, 1416330, 1416380, 1416420, 1416460, 1416500, 1416540, 1416580, 1416620,
    1416670, 1416710, 1416750, 1416790, 1416830, 1416860, 1416900, 1416940, 1416980,
    1417020, 1417060, 1417100, 1417130, 1417170, 1417210, 1417240, 1417280, 1417320,
    1417350, 1417390, 1417420, 1417460, 1417490, 1417530, 1417560, 1417600, 1417630,
    1417660, 1417700, 1417730, 1417760, 1417800, 1417830, 1417860, 1417890, 1417920,
    1417960, 1417990, 1418020, 1418050, 1418080, 1418110, 1418140, 1418170, 1418190,
    1418220, 1418250, 1418280, 1418310, 1418330, 1418360, 1418390, 1418420, 1418440,
    1418470, 1418490, 1418520, 1418540, 1418570, 1418590, 1418620, 1418640, 1418670,
    1418690, 1418710, 1418740, 1418760, 1418780, 1418800, 1418820, 1418840, 1418870,
    1418890, 1418910, 1418930, 1418950, 1418970, 1418990, 1419000, 1419020, 1419040,
    1419060, 1419080, 1419090, 1419110, 1419130, 1419140, 1419160, 1419170, 1419190,
    1419200, 1419220, 1419230, 1419250, 1419260, 1419270, 1419290, 1419300, 1419310,
    1419320, 1419340, 1419350, 1419360, 1419370, 1419380, 1419390, 1419400, 1419410,
    1419420, 1419420, 1419430, 1419440, 1419450, 1419460, 1419460, 1419470, 1419470,
    1419480, 1419490, 1419490, 1419490, 1419500, 1419500, 1419510, 1419510, 1419510,
    1419510, 1419520, 1419520, 1419520, 1419520, 1419520, 1419520, 1419520, 1419520,
    1419520, 1419520, 1419520, 1419510, 1419510, 1419510, 1419500, 1419500, 1419500,
    1419490, 1419490, 1419480, 1419480, 1419470, 1419460, 1419460, 1419450, 1419440,
    1419430, 1419420, 1419410, 1419400, 1419390, 1419380, 1419370, 1419360, 1419350,
    1419340, 1419330, 1419310, 1419300, 1419290, 1419270, 1419260, 1419240, 1419230,
    1419210, 1419190, 1419180, 1419160, 1419140, 1419120, 1419110, 1419090, 1419070,
    1419050, 1419030, 1419010, 1418980, 1418960, 1418940, 1418920, 1418890, 1418870,
    1418850, 1418820, 1418800, 1418770, 1418740, 1418720, 1418690, 1418660, 1418630,
    1418600, 1418580, 1418550, 1418520, 1418480, 1418450, 1418420, 1418390, 1418360,
    1418320, 1418290, 1418260, 1418220, 1418190, 1418150, 1418110, 1418080, 1418040,
    1418000, 1417960, 1417920, 1417880, 1417840, 1417800, 1417760, 1417720, 1417680,
    1417630, 1417590, 1417550, 1417500, 1417460, 1417410, 1417360, 1417320, 1417270,
    1417220, 1417170, 1417120, 1417070, 1417020, 1416970, 1416920, 1416870, 1416810,
    1416760, 1416710, 1416650, 1416590, 1416540, 1416480, 1416420, 1416370, 1416310,
    1416250, 1416190, 1416130, 1416070, 1416000, 1415940, 1415880, 1415820, 1415750,
    1415690, 1415620, 1415550, 1415490, 1415420, 1415350, 1415280, 1415210, 1415140,
    1415070, 1415000, 1414920, 1414850, 1414780, 1414700, 1414620, 1414550, 1414470,
    1414390, 1414310, 1414240, 1414160, 1414070, 1413990, 1413910, 1413830, 1413740,
    1413660, 1413570, 1413490, 1413400, 1413310, 1413220, 1413130, 1413040, 1412950,
    1412860, 1412770, 1412670, 1412580, 1412480, 1412390, 1412290, 1412190, 1412100,
    1412000, 1411900, 1411800, 1411690, 1411590, 1411490, 1411380, 1411280, 1411170,
    1411060, 1410950, 1410850, 1410740, 1410620, 1410510, 1410400, 1410290, 1410170,
    1410060, 1409940, 1409820, 1409700, 1409580, 1409460, 1409340, 1409220, 1409100,
    1408970, 1408850, 1408720, 1408590, 1408460, 1408330, 1408200, 1408070, 1407940,
    1407810, 1407670, 1407530, 1407400, 1407260, 1407120, 1406980, 1406840, 1406700,
    1406550, 1406410, 1406260, 1406120, 1405970, 1405820, 1405670, 1405520, 1405360,
    1405210, 1405050, 1404900, 1404740, 1404580, 1404420, 1404260, 1404100, 1403930,
    1403770, 1403600, 1403430, 1403270, 1403100, 1402920, 1402750, 1402580, 1402400,
    1402230, 1402050, 1401870, 1401690, 1401510, 1401320, 1401140, 1400950, 1400760,
    1400570, 1400380, 1400190, 1400000, 1399800, 1399610, 1399410, 1399210, 1399010,
    1398810, 1398600, 1398400, 1398190, 1397980, 1397770, 1397560, 1397350, 1397130,
    1396910, 1396700, 1396480, 1396250, 1396030, 1395810, 1395580, 1395350, 1395120,
    1394890, 1394660, 1394420, 1394190, 1393950, 1393710, 1393460, 1393220, 1392970,
    1392730, 1392480, 1392230, 1391970, 1391720, 1391460, 1391200, 1390940, 1390680,
    1390410, 1390140, 1389870, 1389600, 1389330, 1389060, 1388780, 1388500, 1388220,
    1387930, 1387650, 1387360, 1387070, 1386780, 1386480, 1386190, 1385890, 1385590,
    1385280, 1384980, 1384670, 1384360, 1384050, 1383730, 1383410, 1383090, 1382770,
    1382440, 1382120, 1381790, 1381450, 1381120, 1380780, 1380440, 1380100, 1379750,
    1379400, 1379050, 1378700, 1378340, 1377980, 1377620, 1377260, 1376890, 1376520,
    1376150, 1375770, 1375390, 1375010, 1374620, 1374240, 1373840, 1373450, 1373050,
    1372650, 1372250, 1371840, 1371430, 1371020, 1370600, 1370180, 1369760, 1369330,
    1368900, 1368470, 1368030, 1367590, 1367150, 1366700, 1366250, 1365790, 1365330,
    1364870, 1364410, 1363940, 1363460, 1362980, 1362500, 1362020, 1361530, 1361030,
    1360540, 1360040, 1359530, 1359020, 1358510, 1357990, 1357470, 1356940, 1356410,
    1355870, 1355330, 1354790, 1354240, 1353680, 1353120, 1352560, 1351990, 1351420,
    1350840, 1350260, 1349670, 1349070, 1348480, 1347870, 1347260, 1346650, 1346030,
    1345410, 1344780, 1344140, 1343500, 1342850, 1342200, 1341540, 1340880, 1340210,
    1339530, 1338850, 1338160, 1337470, 1336760, 1336060, 1335340, 1334620, 1333900,
    1333160, 1332420, 1331680, 1330920, 1330160, 1329400, 1328620, 1327840, 1327050,
    1326250, 1325450, 1324640, 1323820, 1322990, 1322160, 1321310, 1320460, 1319600,
    1318740, 1317860, 1316970, 1316080, 1315180, 1314270, 1313350, 1312420, 1311480,
    1310540, 1309580, 1308610, 1307640, 1306650, 1305660, 1304650, 1303630, 1302610,
    1301570, 1300520, 1299460, 1298390, 1297310, 1296220, 1295120, 1294000, 1292880,
    1291740, 1290590, 1289420, 1288250, 1287060, 1285860, 1284640, 1283420, 1282180,
    1280920, 1279650, 1278370, 1277070, 1275760, 1274430, 1273090, 1271740, 1270360,
    1268980, 1267570, 1266150, 1264720, 1263260, 1261790, 1260310, 1258800, 1257280,
    1255740, 1254180, 1252600, 1251000, 1249380, 1247740, 1246090, 1244410, 1242710,
    1240990, 1239250, 1237480, 1235700, 1233890, 1232050, 1230200, 1228320, 1226410,
    1224480, 1222520, 1220540, 1218530, 1216500, 1214430, 1212340, 1210220, 1208070,
    1205890, 1203680, 1201440, 1199170, 1196860, 1194520, 1192150, 1189740, 1187300,
    1184820, 1182300, 1179750, 1177160, 1174520, 1171850, 1169140, 1166380, 1163580,
    1160740, 1157850, 1154920, 1151930, 1148900, 1145820, 1142690, 1139500, 1136260,
    1132960, 1129610, 1126200, 1122730, 1119200, 1115610, 1111950, 1108220, 1104420,
    1100560, 1096620, 1092610, 1088520, 1084350, 1080090, 1075760, 1071330, 1066820,
    1062210, 1057510, 1052700, 1047800, 1042780, 1037660, 1032430, 1027070, 1021590,
    1015990, 1010250, 1004380, 998358, 992191, 985869, 979385, 972732, 965903, 958889,
    951682, 944272, 936650, 928805, 920725, 912399, 903811, 894949, 885795, 876332,
    866542, 856403, 845893, 834985, 823651, 811860, 799576, 786760, 773366, 759343,
    744631, 729164, 712861, 695629, 677358, 657914, 637134, 614819, 590712, 564485,
    535699, 503750, 467763, 426389, 377349, 316180, 231310, 167620, 29080,
};
