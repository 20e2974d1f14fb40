/* snl.c - Sequential Neural Likelihood: priors, charts, search, compression, rounds.
 *
 * The rounds [P, algorithm 1], for any simulator (bottom of this file):
 *
 *     q_0(y)  a first proposal
 *     repeat  y_i ~ q_r,  x_i = B simulate(y_i)            "simulate", all rounds are kept
 *             p_w(x | y)  fitted to all pairs near the data "train"
 *             q_r+1 ~ p_w(x_obs | y)^beta prior(y)          "sample"
 *     until   beta = 1 and the posterior stands still
 *
 * and, above it, what is special to a massive black hole binary in LISA data: the chart
 * of sampling coordinates, the search that finds the first proposal, the exact sampler.
 *
 * Whitened signals.  The heterodyned likelihood (lisa.c) makes data and signal vectors x and
 * s of some thousand numbers with ln L = x.s - |s|^2/2 = |x|^2/2 - |x - s|^2/2: x = s + n
 * with n of N(0, 1), and for rows B orthonormal B n is N(0, 1) again.  Linear compression is
 * therefore a choice of rows.
 *
 * Symbols: theta physical parameters, y sampling coordinates, s noise-free whitened
 * signal, x compressed data, beta inverse temperature. */
#include "snl.h"
#include <float.h>

const char *snl_version(void) { return SNL_VERSION; }

/* ==== Small linear algebra =============================================== */

static double run_dot(size_t n, const double *a, const double *b)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i]*b[i];      s1 += a[i+1]*b[i+1];
        s2 += a[i+2]*b[i+2];  s3 += a[i+3]*b[i+3];
    }
    for (; i < n; i++) s0 += a[i]*b[i];
    return (s0 + s1) + (s2 + s3);
}

static void run_axpy(size_t n, double a, const double *x, double *y)
{ size_t i;  for (i = 0; i < n; i++) y[i] += a * x[i]; }

/* ln L of a signal s in data x of unit noise, against noise alone. */
static double run_like(size_t n, const double *x, const double *s)
{ return run_dot(n, x, s) - 0.5*run_dot(n, s, s); }

/* Lower Cholesky factor of a [n][n] in place (upper part untouched); 0 if not positive. */
static int run_cholesky(size_t n, double *a)
{
    size_t i, j;
    for (i = 0; i < n; i++)
        for (j = 0; j <= i; j++) {
            const double v = a[i*n + j] - run_dot(j, a + i*n, a + j*n);
            if (j < i) a[i*n + j] = v / a[j*n + j];
            else if (!(v > 0)) return 0;
            else a[i*n + i] = sqrt(v);
        }
    return 1;
}

/* L x = b, then L^T x = b, in place; L as run_cholesky leaves it. */
static void run_solve_lower(size_t n, const double *L, double *b)
{ size_t i;  for (i = 0; i < n; i++) b[i] = (b[i] - run_dot(i, L + i*n, b)) / L[i*n + i]; }

static void run_solve_upper(size_t n, const double *L, double *b)
{
    size_t i, j;
    for (i = n; i-- > 0; b[i] /= L[i*n + i])
        for (j = i + 1; j < n; j++) b[i] -= L[j*n + i] * b[j];
}

/* Squared distance of a and b, and the Mahalanobis one for the covariance L L^T, n <= RUN_MAX_DIM. */
static double run_distance2(size_t n, const double *a, const double *b)
{
    double sum = 0;
    size_t i;
    for (i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

enum { RUN_MAX_DIM = 64 };
static double run_far2(size_t n, const double *L, const double *a, const double *b)
{
    double z[RUN_MAX_DIM];
    size_t i;
    for (i = 0; i < n; i++) z[i] = a[i] - b[i];
    run_solve_lower(n, L, z);
    return run_dot(n, z, z);
}

static void run_swap(size_t n, double *a, double *b)
{ size_t i;  for (i = 0; i < n; i++) { const double t = a[i];  a[i] = b[i];  b[i] = t; } }

/* (x, y) to (c x - s y, s x + c y), for n pairs that lie `step` apart. */
static void run_rotate(size_t n, size_t step, double c, double s, double *x, double *y)
{
    size_t i;
    for (i = 0; i < n*step; i += step) {
        const double u = x[i], v = y[i];
        x[i] = c*u - s*v;
        y[i] = s*u + c*v;
    }
}

/* Eigenvectors of symmetric a [n][n] by cyclic Jacobi rotations: rows of v, eigenvalues e
 * in falling order.  a is destroyed. */
static void run_eigen(size_t n, double *a, double *v, double *e)
{
    size_t i, j;
    int sweep;
    memset(v, 0, n*n * sizeof *v);
    for (i = 0; i < n; i++) v[i*n + i] = 1;
    for (sweep = 0; sweep < 30; sweep++) {
        double off = 0, diag = 0;
        for (i = 0; i < n; i++)
            for (j = 0; j < n; j++) *(i == j ? &diag : &off) += a[i*n + j] * a[i*n + j];
        if (off <= 1e-30 * diag) break;
        for (i = 0; i < n; i++)
            for (j = i + 1; j < n; j++) {
                const double p = a[i*n + j];
                double h, t, c, s;
                if (p == 0) continue;
                h = (a[j*n + j] - a[i*n + i]) / (2*p);
                t = (h >= 0 ? 1 : -1) / (fabs(h) + sqrt(h*h + 1));
                c = 1 / sqrt(t*t + 1);
                s = t * c;
                run_rotate(n, n, c, s, a + i, a + j);
                run_rotate(n, 1, c, s, a + i*n, a + j*n);
                run_rotate(n, 1, c, s, v + i*n, v + j*n);
            }
    }
    for (i = 0; i < n; i++) e[i] = a[i*n + i];
    for (i = 0; i < n; i++) {                      /* selection sort, largest first */
        size_t best = i;
        for (j = i + 1; j < n; j++) if (e[j] > e[best]) best = j;
        run_swap(1, e + i, e + best);
        run_swap(n, v + i*n, v + best*n);
    }
}

/* A value and its legal range, without lo itself if it has to be more. */
typedef struct run_limit { const char *name;  double value, lo, hi;  int more; } run_limit;

static snl_status run_check(size_t n, const run_limit *l, snl_fault *why)
{
    for (; n-- > 0; l++)
        if (!(l->value >= l->lo && l->value <= l->hi) || (l->more && l->value == l->lo))
            return snl_refuse(why, l->name, l->value, l->lo, l->hi);
    return SNL_OK;
}

/* ==== Priors and parameters ============================================== */

const char snl_parameter_name[SNL_NPAR][16] = {
    "chirp_mass", "mass_ratio", "chi1", "chi2", "t_ref", "distance",
    "cos_inclination", "phi_ref", "lambda", "sin_beta", "psi"
};

double snl_prior_log(const snl_prior *p, double x)
{
    if (!(x >= p->lo && x <= p->hi)) return -INFINITY;
    switch (p->kind) {
    case SNL_UNIFORM:     return -log(p->hi - p->lo);
    case SNL_LOG_UNIFORM: return -log(x * log(p->hi / p->lo));
    case SNL_NORMAL: {
        const double z = (x - p->mean) / p->sd;
        return -0.5*z*z - log(p->sd * sqrt(2*SNL_PI));
    }
    }
    return -INFINITY;
}

/* A prior of parameter i with a support in [lo, hi] and a density that is never NaN */
static snl_status run_prior_check(int i, const snl_prior *p, double lo, double hi, snl_fault *why)
{
    const char *name = snl_parameter_name[i];
    if (!(p->lo >= lo && p->lo < hi)) return snl_refuse(why, name, p->lo, lo, hi);
    if (!(p->hi > p->lo && p->hi <= hi)) return snl_refuse(why, name, p->hi, p->lo, hi);
    if (p->kind == SNL_LOG_UNIFORM && !(p->lo > 0)) return snl_refuse(why, name, p->lo, 0, p->hi);
    if (p->kind != SNL_NORMAL) return SNL_OK;
    if (!(fabs(p->mean) <= DBL_MAX)) return snl_refuse(why, name, p->mean, -DBL_MAX, DBL_MAX);
    if (!(p->sd > 0 && p->sd <= DBL_MAX)) return snl_refuse(why, name, p->sd, 0, DBL_MAX);
    return SNL_OK;
}

static double run_prior_width(const snl_prior *p)
{
    const double w = (p->hi - p->lo) / sqrt(12.0);
    return p->kind == SNL_NORMAL && p->sd < w ? p->sd : w;
}

/* Mc = (m1 m2)^(3/5)/(m1 + m2)^(1/5), q = m1/m2. */
static void run_masses(double mc, double q, double *m1, double *m2)
{
    const double M = mc * pow(q / ((1 + q)*(1 + q)), -0.6);
    *m1 = M * q / (1 + q);
    *m2 = M / (1 + q);
}

snl_source snl_source_from_theta(const double *t)
{
    snl_source s;
    run_masses(t[SNL_CHIRP_MASS], t[SNL_MASS_RATIO], &s.m1, &s.m2);
    s.chi1 = t[SNL_CHI1];          s.chi2 = t[SNL_CHI2];
    s.distance = t[SNL_DISTANCE];  s.inclination = acos(t[SNL_COS_INC]);
    s.phi_ref = t[SNL_PHI_REF];    s.lambda = t[SNL_LAMBDA];
    s.beta = asin(t[SNL_SIN_BETA]);
    s.psi = t[SNL_PSI];            s.t_ref = t[SNL_T_REF];
    return s;
}

void snl_theta_from_source(const snl_source *s, double *t)
{
    const double M = s->m1 + s->m2;
    t[SNL_CHIRP_MASS] = pow(s->m1 * s->m2, 0.6) * pow(M, -0.2);
    t[SNL_MASS_RATIO] = s->m1 / s->m2;
    t[SNL_CHI1] = s->chi1;         t[SNL_CHI2] = s->chi2;
    t[SNL_T_REF] = s->t_ref;       t[SNL_DISTANCE] = s->distance;
    t[SNL_COS_INC] = cos(s->inclination);
    t[SNL_PHI_REF] = s->phi_ref;   t[SNL_LAMBDA] = s->lambda;
    t[SNL_SIN_BETA] = sin(s->beta);
    t[SNL_PSI] = s->psi;
}

/* Indices of the n largest values, in order; they become -INFINITY. */
static void run_largest(size_t total, double *value, size_t n, size_t *index)
{
    size_t i, k;
    for (k = 0; k < n; k++) {
        size_t best = 0;
        for (i = 1; i < total; i++) if (value[i] > value[best]) best = i;
        index[k] = best;
        value[best] = -INFINITY;
    }
}

/* ==== The chart ========================================================== */

/* Sampling coordinates y, [RUN_DIM]; theta fixes y, y fixes theta up to the symmetry
 * (phi_ref, psi) + pi/2 and whole turns.  Higher modes break that symmetry: then the whole
 * part of one more coordinate u counts the quarter turns. */
enum {
    RUN_MC,                              /* chirp mass, as in theta                         */
    RUN_DELTA,                           /* (m1 - m2)/M                                     */
    RUN_CHI_EFF, RUN_CHI_A,              /* (m1 chi1 + m2 chi2)/M, (chi1 - chi2)/2          */
    RUN_TL,                              /* arrival at LISA's centre - chart.t {s}          */
    RUN_CA, RUN_CE = RUN_CA + 2,         /* complex amplitudes in A and E                   */
    RUN_XI = RUN_CE + 2, RUN_ETA,        /* Lambert's equal-area map of the LISA-frame sky, */
    RUN_DIM,                             /* centred on the pole of the best point           */
    RUN_BRANCH = RUN_DIM, RUN_MOST       /* higher modes: u in [0, 4), see run_event_source */
};

typedef struct run_chart {
    const snl_qnm *qnm;
    double f;           /* frequency at which the amplitudes are read {Hz}             */
    double t;           /* origin of t_L {s, SSB}                                      */
    double amp, phase;  /* ln amplitude and phase of h22 at f of the reference, 1 Mpc  */
    double pole;        /* +1 or -1: sin beta_L at (xi, eta) = 0                       */
} run_chart;

/* Masses and spins of y, and back. */
static int run_chart_binary(const double *y, snl_source *s)
{
    const double d = y[RUN_DELTA], M = y[RUN_MC] * pow(0.25*(1 - d*d), -0.6);
    if (!(d < 1 && d > -1)) return 0;
    s->m1 = 0.5*(1 + d)*M;
    s->m2 = 0.5*(1 - d)*M;
    s->chi1 = y[RUN_CHI_EFF] + (1 - d)*y[RUN_CHI_A];
    s->chi2 = y[RUN_CHI_EFF] - (1 + d)*y[RUN_CHI_A];
    return 1;
}

static void run_chart_of_binary(const snl_source *s, double *y)
{
    const double M = s->m1 + s->m2;
    y[RUN_MC] = pow(s->m1 * s->m2, 0.6) * pow(M, -0.2);
    y[RUN_DELTA] = (s->m1 - s->m2) / M;
    y[RUN_CHI_EFF] = (s->m1*s->chi1 + s->m2*s->chi2) / M;
    y[RUN_CHI_A] = 0.5*(s->chi1 - s->chi2);
}

/* ln of the complex mode amplitude at chart.f of a source at 100 Gpc arriving at t_L, over
 * the reference's: reading the amplitudes off near the best measured frequency leaves
 * them little correlated with masses and spins.  0 if there is no such binary. */
static int run_chart_mode(const run_chart *c, const double *y, double *amp, double *phase)
{
    snl_phenom p;
    snl_source s;
    if (!run_chart_binary(y, &s)
        || snl_phenom_prepare(&p, c->qnm, SNL_PHENOMD, s.m1, s.m2, s.chi1, s.chi2, 1e5,
                              NULL, NULL) != SNL_OK
        || snl_phenom_mode(&p, 2, 2, 1, &c->f, amp, phase, NULL) != SNL_OK) return 0;
    *amp = log(*amp) - c->amp;
    *phase += 2*SNL_PI * c->f * y[RUN_TL] - c->phase;
    return 1;
}

/* Long-wavelength antenna patterns of A and E for plus and cross at psi_L = 0 [M2]. */
static void run_chart_pattern(double lambda, double sb, double F[4])
{
    const double x = 2*lambda - SNL_PI/3, p = 0.5*(1 + sb*sb);
    F[0] =  p * cos(x);   F[1] = sb * sin(x);       /* A: plus, cross */
    F[2] = -p * sin(x);   F[3] = sb * cos(x);       /* E              */
}

/* Longitude and sine of latitude in the LISA frame from (xi, eta); 0 outside the map. */
static int run_chart_sky(const run_chart *c, const double *y, double *lambda, double *sb)
{
    const double r2 = y[RUN_XI]*y[RUN_XI] + y[RUN_ETA]*y[RUN_ETA];
    if (!(r2 <= 4)) return 0;
    *lambda = atan2(y[RUN_ETA], y[RUN_XI]);
    *sb = c->pole * (1 - 0.5*r2);
    return 1;
}

static void run_chart_map(const run_chart *c, double lambda, double sb, double *y)
{
    const double r = sqrt(fmax(0, 2*(1 - c->pole*sb)));
    y[RUN_XI] = r * cos(lambda);
    y[RUN_ETA] = r * sin(lambda);
}

/* Image k of the eight of [M2] of a place (lambda, sin beta) in the LISA frame: quarter turns and
 * the reflection; k = 0 is the place itself. */
static void run_image_place(size_t k, const double *place, double *image)
{
    image[0] = place[0] + (double)(k & 3) * SNL_PI/2;
    image[1] = k & 4 ? -place[1] : place[1];
}

static void run_image(const run_chart *c, size_t k, const double *place, double *y)
{
    double image[2];
    run_image_place(k, place, image);
    run_chart_map(c, image[0], image[1], y);
}

/* With x = 2 lambda - pi/3, t = ((1 - sin beta)/(1 + sin beta))^2 and g = L/R of the circular
 * amplitudes, the patterns above make c_A + i c_E = w (c_A - i c_E) with
 *
 *     w e^2ix = (1 + t g)/(g + t) = W,   so   g = (1 - W t)/(W - t):
 *
 * amplitudes and a place fix the polarisation.  w of (Re c_A, Im c_A, Re c_E, Im c_E): */
static void run_circular(const double *c, double *w)
{
    const double pr = c[0] - c[3], pi = c[1] + c[2], mr = c[0] + c[3], mi = c[1] - c[2];
    const double m2 = mr*mr + mi*mi;
    w[0] = (pr*mr + pi*mi)/m2;
    w[1] = (pi*mr - pr*mi)/m2;
}

/* The polarisation of a place as a unit vector: v2 = cos inclination, |g| = ((1 - v2)/(1 + v2))^2,
 * and azimuth arg g.  Returned is ln |d v/d place|, areas on both spheres; not finite where g
 * has a pole or turns back. */
static double run_polarisation(const double *w, const double *place, double *v)
{
    const double x = 4*place[0] - 2*SNL_PI/3, sb = place[1], r = (1 - sb)/(1 + sb), t = r*r;
    const double re = w[0]*cos(x) - w[1]*sin(x), im = w[0]*sin(x) + w[1]*cos(x);
    const double ar = 1 - t*re, ai = -t*im, br = re - t, bi = im, b2 = br*br + bi*bi;
    const double g = sqrt((ar*ar + ai*ai)/b2), c = (1 - sqrt(g))/(1 + sqrt(g));
    const double arg = atan2(ai*br - ar*bi, ar*br + ai*bi), s = sqrt(fmax(0, 1 - c*c));
    v[0] = s*cos(arg);
    v[1] = s*sin(arg);
    v[2] = c;
    return log(fabs(4*re*(1 - re*re - im*im)*(1 - t*t))) - 2*log(b2) + 0.5*log(t) - 2*log1p(sb)
         - 1.5*log(g) + 2*log1p(c);
}

/* The places of a polarisation, 0 to 2 by |w|^2 |g + t|^2 = |1 + t g|^2, each of its four quarter
 * turns the one nearest to longitude lambda. */
static size_t run_places(const double *w, const double *v, double lambda, double place[2][2])
{
    const double q = (1 - v[2])/(1 + v[2]), g = q*q, arg = atan2(v[1], v[0]);
    const double gr = g*cos(arg), gi = g*sin(arg);
    const double w2 = w[0]*w[0] + w[1]*w[1], a = w2 - g*g, b = gr*(w2 - 1), D = b*b - a*(w2*g*g - 1);
    size_t n = 0;
    int sign;
    for (sign = -1; D >= 0 && sign < 2; sign += 2) {
        const double t = (sign*sqrt(D) - b)/a, ar = 1 + t*gr, ai = t*gi;
        const double br = w[0]*(gr + t) - w[1]*gi, bi = w[0]*gi + w[1]*(gr + t);
        const double x = atan2(ai*br - ar*bi, ar*br + ai*bi);
        if (!(t > 0 && t < INFINITY)) continue;
        place[n][0] = lambda + remainder((x + 2*SNL_PI/3)/4 - lambda, SNL_PI/2);
        place[n++][1] = (1 - sqrt(t))/(1 + sqrt(t));
    }
    return n;
}

static int run_chart_forward(const run_chart *c, const snl_source *ssb, double *y)
{
    snl_source s = *ssb;
    double a[4], F[4], amp, phase, er, ei;
    int k;
    snl_ssb_to_lisa(&s);
    run_chart_of_binary(&s, y);
    y[RUN_TL] = s.t_ref - c->t;
    if (!run_chart_mode(c, y, &amp, &phase)) return 0;
    run_chart_map(c, s.lambda, sin(s.beta), y);
    run_chart_pattern(s.lambda, sin(s.beta), F);
    snl_amplitudes_from_source(&s, a);
    er = 1e5 * exp(amp) * cos(phase);               /* conj of the mode, as the data are */
    ei = -1e5 * exp(amp) * sin(phase);
    for (k = 0; k < 2; k++) {
        const double re = F[2*k]*a[0] + F[2*k + 1]*a[2], im = F[2*k]*a[1] + F[2*k + 1]*a[3];
        y[RUN_CA + 2*k] = re*er - im*ei;
        y[RUN_CA + 2*k + 1] = re*ei + im*er;
    }
    return 1;
}

/* The source at y, psi and phi_ref in [0, pi), and ln |d theta/d y|:
 *     |d(c_A, c_E)/d(D, cos inc, phi, psi)| ~ e^4 det(F)^2 (1 - cos^2 inc)^3 / D^5,
 *     |d(delta, chi_eff, chi_a)/d(q, chi1, chi2)| ~ (1 - delta)^2,
 * the other blocks being rotations and shifts, with determinant 1 to O(v/c) = 1e-4. */
static int run_chart_inverse(const run_chart *c, const double *y, snl_source *s, double *jac)
{
    double F[4], a[4], amp, phase, er, ei, det, sb, ci;
    int k;
    if (!run_chart_sky(c, y, &s->lambda, &sb) || !run_chart_binary(y, s)
        || !run_chart_mode(c, y, &amp, &phase)) return 0;
    run_chart_pattern(s->lambda, sb, F);
    det = F[0]*F[3] - F[1]*F[2];
    if (!(fabs(det) > 1e-12)) return 0;
    er = 1e-5 * exp(-amp) * cos(phase);             /* 1 / conj of the mode */
    ei = 1e-5 * exp(-amp) * sin(phase);
    for (k = 0; k < 2; k++) {
        const double re = (k ? -F[2] : F[3])*y[RUN_CA] + (k ? F[0] : -F[1])*y[RUN_CE];
        const double im = (k ? -F[2] : F[3])*y[RUN_CA + 1] + (k ? F[0] : -F[1])*y[RUN_CE + 1];
        a[2*k] = (re*er - im*ei) / det;
        a[2*k + 1] = (re*ei + im*er) / det;
    }
    s->beta = asin(sb);
    s->t_ref = y[RUN_TL] + c->t;
    snl_source_from_amplitudes(a, s);
    if (!(s->distance > 0 && s->distance < 1e300)) return 0;
    snl_lisa_to_ssb(s);
    ci = cos(s->inclination);       /* with its constants: the evidence rests on them */
    *jac = 5*log(s->distance) - 3*log1p(-ci*ci) - 2*log(fabs(det)) - 4*amp
         - 2*log1p(-y[RUN_DELTA]) + 4*log(2e-5) + 2*log(3.2*SNL_PI);
    return ci*ci < 1;
}

/* ==== The event ========================================================== */

struct snl_event {
    snl_event_cfg   cfg;
    const snl_data *data;
    const snl_pool *pool;
    snl_prior       first[SNL_NPAR]; /* that the event was made with                       */
    run_chart       chart;
    snl_source      ref;             /* that het is about                                  */
    snl_het        *het;
    size_t          dim;             /* RUN_DIM, or RUN_MOST with higher modes             */
    size_t          nx;              /* 4 het->K M: M modes, two channels, real, imaginary */
    double         *work;            /* [RUN_DIM + 8][nx] scratch of the search            */
    double         *ratios;          /* [workers][each] scratch                            */
    double         *parts;           /* [workers][each_parts] scratch of run_event_modes   */
    size_t          each, each_parts;
    double          best[RUN_MOST];  /* where the search ended                             */
    double          chol[81];        /* of the first proposal's covariance, sky held fixed */
    double          heat, snr;
    size_t          calls;
    snl_run_hook    hook;            /* while it is searched                               */
    void           *user;
    int             stopped;
};

static const double run_heated_least = 16; /* temperature: a search may end a dozen nats too low */
static const double run_heated_snr = 50;  /* the first proposal is as wide as at this SNR */

/* Copy k of (phi_ref, psi) in [-2 pi, 2 pi): bits 0 and 1 count quarter turns, (phi_ref, psi)
 * + pi/2 and phi_ref + pi, the others are whole turns. */
enum { RUN_COPIES = 32 };
static void run_copy(const double *theta, int k, double *phi, double *psi)
{
    *phi = fmod(theta[SNL_PHI_REF] + (k & 3) * SNL_PI/2, 2*SNL_PI) - (k >> 4) * 2*SNL_PI;
    *psi = fmod(theta[SNL_PSI] + (k & 1) * SNL_PI/2, SNL_PI) + (((k >> 2) & 3) - 2) * SNL_PI;
}

/* ln prior of theta, summed over the copies that it allows and that give the same signal,
 * since y stands for all of them: whole turns and, without higher modes, the quarter turns.
 * pick [2] (NULL allowed) gets one of them, with probability proportional to its prior by u. */
static double run_prior_copies(const snl_event *e, const double *theta, double u,
                               double *pick)
{
    const snl_prior *pr = e->cfg.prior;
    double base = 0, sum = 0, p[RUN_COPIES], total = 0, phi, psi;
    int i, k;
    for (i = 0; i < SNL_NPAR; i++)
        if (i != SNL_PHI_REF && i != SNL_PSI) base += snl_prior_log(&pr[i], theta[i]);
    for (k = 0; k < RUN_COPIES; k++) {
        p[k] = 0;
        if (e->dim > RUN_DIM && (k & 3)) continue;
        run_copy(theta, k, &phi, &psi);
        p[k] = exp(snl_prior_log(&pr[SNL_PHI_REF], phi) + snl_prior_log(&pr[SNL_PSI], psi));
        sum += p[k];
    }
    for (k = 0; pick && k < RUN_COPIES; k++) {
        total += p[k];
        if (!(p[k] > 0) || (u*sum > total && k < RUN_COPIES - 1)) continue;
        run_copy(theta, k, &pick[0], &pick[1]);
        break;
    }
    return base + log(sum);
}

/* lambda wrapped into the prior's range where a turn makes that possible. */
static void run_theta_of(const snl_event *e, const snl_source *s, double *theta)
{
    const snl_prior *p = &e->cfg.prior[SNL_LAMBDA];
    snl_theta_from_source(s, theta);
    while (theta[SNL_LAMBDA] < p->lo && theta[SNL_LAMBDA] + 2*SNL_PI <= p->hi)
        theta[SNL_LAMBDA] += 2*SNL_PI;
    while (theta[SNL_LAMBDA] > p->hi && theta[SNL_LAMBDA] - 2*SNL_PI >= p->lo)
        theta[SNL_LAMBDA] -= 2*SNL_PI;
}

/* The quarter turns of y. */
static int run_event_branch(const snl_event *e, const double *y, snl_source *s)
{
    if (e->dim == RUN_DIM) return 1;
    if (!(y[RUN_BRANCH] >= 0 && y[RUN_BRANCH] < 4)) return 0;
    s->phi_ref += floor(y[RUN_BRANCH]) * SNL_PI/2;
    s->psi += floor(y[RUN_BRANCH]) * SNL_PI/2;
    return 1;
}

/* y of a source, 0 if it has none. */
static int run_event_forward(const snl_event *e, const snl_source *s, double *y)
{
    snl_source back;
    double jac;
    if (!run_chart_forward(&e->chart, s, y) || !run_chart_inverse(&e->chart, y, &back, &jac))
        return 0;
    y[RUN_BRANCH] = fmod(floor((s->phi_ref - back.phi_ref) / (SNL_PI/2) + 0.5) + 8, 4) + 0.5;
    return 1;
}

/* The source at y if the prior allows it; lp its ln prior in y. */
static int run_event_source(const snl_event *e, const double *y, snl_source *s, double *lp)
{
    const snl_prior *p = e->cfg.prior;
    double theta[SNL_NPAR], jac;
    *lp = -INFINITY;
    if (!run_chart_binary(y, s)                          /* cheap refusals first */
        || !(y[RUN_MC] >= p[SNL_CHIRP_MASS].lo && y[RUN_MC] <= p[SNL_CHIRP_MASS].hi
             && s->m1 >= p[SNL_MASS_RATIO].lo * s->m2 && s->m1 <= p[SNL_MASS_RATIO].hi * s->m2
             && s->chi1 >= p[SNL_CHI1].lo && s->chi1 <= p[SNL_CHI1].hi
             && s->chi2 >= p[SNL_CHI2].lo && s->chi2 <= p[SNL_CHI2].hi)
        || !run_chart_inverse(&e->chart, y, s, &jac)) return 0;
    if (!run_event_branch(e, y, s)) return 0;
    run_theta_of(e, s, theta);
    *lp = run_prior_copies(e, theta, 0, NULL) + jac;
    return *lp > -INFINITY;
}

static snl_status run_event_log_prior(void *ctx, size_t worker, size_t n, const double *y,
                                      double *out)
{
    const snl_event *e = ctx;
    snl_source s;
    size_t i;
    (void)worker;
    for (i = 0; i < n; i++) run_event_source(e, y + i*e->dim, &s, out + i);
    return SNL_OK;
}

/* Whitened signal s [nx] of a source. */
static snl_status run_event_signal(const snl_event *e, size_t worker, const snl_source *src,
                                   double *s)
{
    return snl_het_signal(e->het, src, s, e->ratios + worker * e->each, NULL);
}

static snl_status run_event_simulate(void *ctx, size_t worker, size_t n, const double *in,
                                     double *out)
{
    const snl_event *e = ctx;
    snl_source s;
    double lp;
    size_t i;
    for (i = 0; i < n; i++) {
        snl_status st = SNL_EFAILED;
        if (run_event_source(e, in + i*(e->dim + 1), &s, &lp))
            st = run_event_signal(e, worker, &s, out + i*e->nx);
        if (st != SNL_OK) return st;
    }
    return SNL_OK;
}

/* What the network sees: the nine coordinates as they are, and harmonics of the direction
 * up to degree 3, in which the response is close to polynomial [M2]; with higher modes also
 * the inclination and the two angles, which they tell apart. */
enum { RUN_NC = 9 + 15, RUN_NC_MORE = 5 };
static snl_status run_event_context(void *ctx, size_t worker, size_t n, const double *y,
                                    double *out)
{
    const snl_event *e = ctx;
    const int hm = e->dim > RUN_DIM;
    snl_source s;
    double jac;
    size_t i, k;
    int a, b, c;
    (void)worker;
    for (i = 0; i < n; i++, y += e->dim, out += RUN_NC + (hm ? RUN_NC_MORE : 0)) {
        double lambda = 0, sb = 0, cb, v[3];
        if (!run_chart_sky(&e->chart, y, &lambda, &sb)) sb = 0;
        cb = sqrt(fmax(0, 1 - sb*sb));
        v[0] = cb * cos(lambda);  v[1] = cb * sin(lambda);  v[2] = sb;
        memcpy(out, y, 9 * sizeof *y);
        for (k = 9, a = 0; a <= 3; a++)             /* x^a y^b z^c, c < 2: complete on |v|=1 */
            for (b = 0; a + b <= 3; b++)
                for (c = 0; c < 2 && a + b + c <= 3; c++)
                    if (a + b + c) out[k++] = pow(v[0], a) * pow(v[1], b) * (c ? v[2] : 1);
        if (!hm) continue;
        if (!run_chart_inverse(&e->chart, y, &s, &jac) || !run_event_branch(e, y, &s))
            memset(&s, 0, sizeof s);
        out[k++] = cos(s.inclination);
        out[k++] = cos(s.phi_ref);  out[k++] = sin(s.phi_ref);
        out[k++] = cos(2*s.psi);    out[k++] = sin(2*s.psi);
    }
    return SNL_OK;
}

/* To another polarisation at fixed amplitudes c, and to a place that makes it: a step on the
 * sphere of run_polarisation, where the prior is nearly flat.  In y it rises without end about
 * the places from where the orbit is seen face-on, spikes that steps in y do not find. */
static double run_event_turn(const snl_event *e, snl_rng *rng, const double *from, double *to)
{
    const double step = pow(10, -1.5*snl_rng_uniform(rng));
    double w[2], here[2], there[2][2], v[3], far = 0, ratio;
    size_t back, n, i;
    if (!run_chart_sky(&e->chart, from, here, here + 1)) return -INFINITY;
    run_circular(from + RUN_CA, w);
    ratio = run_polarisation(w, here, v);
    back = run_places(w, v, here[0], there);
    for (i = 0; i < 3; i++) { v[i] += step*snl_rng_normal(rng);  far += v[i]*v[i]; }
    for (i = 0; i < 3; i++) v[i] /= sqrt(far);
    n = run_places(w, v, here[0], there);
    if (!back || !n) return -INFINITY;
    i = snl_rng_below(rng, n);
    ratio += log((double)n/(double)back) - run_polarisation(w, there[i], v);
    memcpy(to, from, e->dim * sizeof *to);
    run_chart_map(&e->chart, there[i][0], there[i][1], to);
    return fabs(ratio) < INFINITY ? ratio : -INFINITY;
}

/* To another of the eight images of [M2] at fixed amplitudes c: quarter turns and the
 * reflection.  With higher modes also another branch.  Every other jump is a turn. */
static double run_event_jump(void *ctx, snl_rng *rng, const double *from, double *to)
{
    const snl_event *e = ctx;
    const size_t k = 1 + snl_rng_below(rng, e->dim > RUN_DIM ? 8 : 7);
    double place[2];
    if (snl_rng_below(rng, 2)) return run_event_turn(e, rng, from, to);
    memcpy(to, from, e->dim * sizeof *to);
    if (e->dim > RUN_DIM) to[RUN_BRANCH] = 4*snl_rng_uniform(rng);
    if (!run_chart_sky(&e->chart, from, place, place + 1)) return -INFINITY;
    run_image(&e->chart, k, place, to);
    return 0;
}

static int run_event_draw(void *ctx, snl_rng *rng, double *y)
{
    const snl_event *e = ctx;
    double z[9], sb, lp;
    snl_source s;
    size_t i, tries;
    for (tries = 0; tries < 1000; tries++) {
        for (i = 0; i < 9; i++) z[i] = snl_rng_normal(rng);
        for (i = 0; i < 9; i++) y[i] = e->best[i] + run_dot(i + 1, e->chol + 9*i, z);
        sb = 2*snl_rng_uniform(rng) - 1;    /* on its own: arguments have no order */
        run_chart_map(&e->chart, 2*SNL_PI * snl_rng_uniform(rng), sb, y);
        if (e->dim > RUN_DIM) y[RUN_BRANCH] = 4*snl_rng_uniform(rng);
        if (run_event_source(e, y, &s, &lp)) return 1;
    }
    return 0;
}

snl_status snl_event_create(snl_event **out, const snl_event_cfg *cfg, const snl_data *data,
                            const snl_pool *pool, snl_fault *why)
{
    const double turn = 2*SNL_PI, any = DBL_MAX, least = DBL_MIN;
    const struct { double lo, hi, width; } legal[SNL_NPAR] = {
        { least, any, any }, { 1, any, any }, { -1, 1, any }, { -1, 1, any },
        { -any, any, 2/data->df },          /* periodic data hold any time once already */
        { least, any, any }, { -1, 1, any }, { -turn, turn, any }, { -2*turn, 2*turn, turn },
        { -1, 1, any }, { -turn, turn, any }     /* copies in phi_ref and psi are summed */
    };
    const snl_source binary = { 2e6, 1e6, 0, 0, 1e4, 1, 0, 0, 0, 0, 0 };    /* for the rest of cfg */
    snl_status st;
    snl_event *e;
    int i;
    *out = NULL;
    for (i = 0; i < SNL_NPAR; i++) {
        const snl_prior *p = &cfg->prior[i];
        st = run_prior_check(i, p, legal[i].lo, legal[i].hi, why);
        if (st != SNL_OK) return st;
        if (!(p->hi - p->lo <= legal[i].width*(1 + 1e-12)))
            return snl_refuse(why, snl_parameter_name[i], p->hi, p->lo, p->lo + legal[i].width);
    }
    if ((st = snl_lisa_signal(&cfg->lisa, &binary, 0, NULL, NULL, NULL, NULL, why)) != SNL_OK) return st;
    if (cfg->lisa.model != SNL_PHENOMD && cfg->lisa.model != SNL_PHENOMHM)
        return snl_refuse(why, "model", cfg->lisa.model, SNL_PHENOMD, SNL_PHENOMHM);
    if (cfg->nodes < 64 || cfg->nodes > 4096)
        return snl_refuse(why, "nodes", (double)cfg->nodes, 64, 4096);
    if (cfg->search < 200 || cfg->search > 1000000)
        return snl_refuse(why, "search", (double)cfg->search, 200, 1e6);
    if (!(cfg->false_alarm > 0 && cfg->false_alarm <= 1))
        return snl_refuse(why, "false_alarm", cfg->false_alarm, 0, 1);
    if (!(e = SNL_CALLOC(1, sizeof *e))) return SNL_ENOMEM;
    e->cfg = *cfg;
    memcpy(e->first, cfg->prior, sizeof e->first);
    e->dim = RUN_DIM;               /* of the search, without higher modes */
    e->data = data;
    e->pool = pool;
    *out = e;
    return SNL_OK;
}

void snl_event_free(snl_event *e)
{
    if (!e) return;
    snl_het_free(e->het);
    SNL_FREE(e->work);
    SNL_FREE(e);
}

size_t snl_event_calls(const snl_event *e) { return e->calls; }

/* Heterodyne about a source, with the modes of the model or only (2,2). */
static snl_status run_event_heterodyne(snl_event *e, snl_model model, const snl_source *ref,
                                       snl_fault *why)
{
    const size_t workers = e->pool ? e->pool->workers : 1;
    snl_lisa_cfg lisa = e->cfg.lisa;
    snl_het *het;
    snl_status st;
    lisa.model = model;
    if ((st = snl_het_create(&het, e->data, &lisa, ref, e->cfg.nodes, why)) != SNL_OK) return st;
    snl_het_free(e->het);
    SNL_FREE(e->work);
    e->het = het;
    e->ref = *ref;
    e->dim = het->modes > 1 ? RUN_MOST : RUN_DIM;
    e->nx = 4 * het->K * het->modes;
    e->each = e->nx + 8;            /* 8: workers do not share a cache line */
    e->each_parts = (2*het->modes + 2) * e->nx + 8;
    e->work = SNL_CALLOC((RUN_DIM + 8) * e->nx + workers * (e->each + e->each_parts), sizeof *e->work);
    if (!e->work) return SNL_ENOMEM;
    e->ratios = e->work + (RUN_DIM + 8) * e->nx;
    e->parts = e->ratios + workers * e->each;
    return SNL_OK;
}

/* ==== Search ============================================================= */

typedef struct run_search {
    const snl_event *e;
    const snl_scan  *scan;
    const double    *series;        /* NULL: the data                        */
    double          *work;
    size_t           each;
} run_search;

/* in (mc, q, chi1, chi2) to out (rho^2, t_L) */
static snl_status run_search_stat(void *ctx, size_t worker, size_t n, const double *in,
                                  double *out)
{
    const run_search *rs = ctx;
    size_t i;
    for (i = 0; i < n; i++, in += 4, out += 2) {
        double m1, m2;
        run_masses(in[0], in[1], &m1, &m2);
        out[0] = out[1] = 0;
        if (snl_scan_merger(rs->scan, rs->series, m1, m2, in[2], in[3], out, out + 1,
                            rs->work + worker*rs->each) == SNL_EFAILED) return SNL_EFAILED;
    }
    return SNL_OK;
}

/* Probability that chi^2 with four degrees of freedom exceeds x */
static double run_chi2_tail(double x) { return exp(-0.5*x)*(1 + 0.5*x); }

/* ln of the number of independent trials in one template's window, from n templates on
 * simulated noise: for the largest of N trials, E ln(N tail) = -gamma. */
static snl_status run_search_trials(run_search *rs, snl_rng *rng, size_t n, const double *in,
                                    double *out, double *ln_trials)
{
    const snl_data *d = rs->e->data;
    const double euler = 0.57721566490153286061;
    snl_data *noise;
    size_t i;
    snl_status st = snl_data_create(&noise, d->df, (size_t)(d->f[0]/d->df + 0.5), d->n);
    if (st != SNL_OK) return st;
    memcpy(noise->S, d->S, 2*d->n * sizeof *d->S);
    snl_data_add_noise(noise, rng);
    rs->series = noise->d;
    st = snl_pool_map(rs->e->pool, run_search_stat, rs, n, 4, in, 4, out, 2);
    rs->series = NULL;
    for (*ln_trials = -euler, i = 0; i < n; i++)
        *ln_trials -= log(run_chi2_tail(out[2*i])) / (double)n;
    snl_data_free(noise);
    return st;
}

/* Trials [n][dim] for a population [n][width] by differential evolution (Storn & Price 1997,
 * J. Global Optim. 11, 341): each is drawn towards the best and moved by the difference of two
 * others; beyond a border it goes half of the way there. */
static void run_evolve(snl_rng *rng, size_t n, size_t dim, size_t width, const double *pop,
                       const double *best, const double *lo, const double *hi, double *trial)
{
    size_t j, k;
    for (j = 0; j < n; j++, trial += dim) {
        const double *own = pop + j*width;
        const double *a = pop + snl_rng_below(rng, n)*width, *b = pop + snl_rng_below(rng, n)*width;
        const double F = 0.4 + 0.6*snl_rng_uniform(rng), G = 0.6*snl_rng_uniform(rng);
        for (k = 0; k < dim; k++) {
            trial[k] = own[k] + G*(best[k] - own[k]) + F*(a[k] - b[k]);
            if (trial[k] < lo[k]) trial[k] = lo[k] + 0.5*(own[k] - lo[k]);
            if (trial[k] > hi[k]) trial[k] = hi[k] - 0.5*(hi[k] - own[k]);
        }
    }
}

/* The progress, with the best SNR so far of a hill of ln L = ll and all before; not 0 when asked to
 * stop, and ever after. */
static int run_search_tell(snl_event *e, const char *stage, double done, double ll)
{
    snl_run_progress prog = { NULL, 0, 0, 0, 0, 0 };
    prog.stage = stage;
    prog.calls = e->calls;
    prog.done = done;
    prog.value = e->snr = fmax(e->snr, sqrt(fmax(0, 2*ll)));
    if (e->hook && !e->stopped) e->stopped = e->hook(e->user, &prog) != 0;
    return e->stopped;
}

/* Masses and spins by differential evolution on that statistic: best [6] = in, out.  Ends
 * when all are about as good as the best, or when nothing stands out of the noise.
 * P(false alarm) counts every template tried as independent of the others, and so is
 * rather too large. */
static snl_status run_search_blind(snl_event *e, snl_rng *rng, double *best, double *alarm)
{
    enum { POP = 32, NOISE = 64, EARLY = 8 };
    const snl_prior *pr = e->cfg.prior;
    const size_t workers = e->pool ? e->pool->workers : 1, n0 = e->cfg.search / 3;
    const double lo[4] = { pr[0].lo, pr[1].lo, pr[2].lo, pr[3].lo };
    const double hi[4] = { pr[0].hi, pr[1].hi, pr[2].hi, pr[3].hi };
    run_search rs;
    snl_scan *scan;
    double *in = NULL, *out, pop[POP][6], trial[POP*4], got[POP*2], ln_trials = 0;
    size_t i, j, k, done;
    snl_status st = snl_scan_create(&scan, e->data, &e->cfg.lisa, pr[SNL_T_REF].lo,
                                    pr[SNL_T_REF].hi);
    if (st != SNL_OK) return st;
    st = SNL_ENOMEM;
    rs.e = e;
    rs.scan = scan;
    rs.series = NULL;
    rs.each = snl_scan_work(scan) + 8;
    rs.work = SNL_CALLOC(workers * rs.each, sizeof *rs.work);
    if (!rs.work || !(in = SNL_CALLOC(6*n0, sizeof *in))) goto done;
    out = in + 4*n0;
    for (i = 0; i < n0; i++) {          /* denser where the signal has more cycles */
        in[4*i] = lo[0] * pow(hi[0]/lo[0], pow(snl_rng_uniform(rng), 2));
        in[4*i + 1] = lo[1] + (hi[1] - lo[1]) * pow(snl_rng_uniform(rng), 2);
        for (k = 2; k < 4; k++) in[4*i + k] = lo[k] + (hi[k] - lo[k]) * snl_rng_uniform(rng);
    }
    st = run_search_trials(&rs, rng, NOISE, in, out, &ln_trials);
    if (st != SNL_OK) goto done;
    if ((st = snl_pool_map(e->pool, run_search_stat, &rs, n0, 4, in, 4, out, 2)) != SNL_OK) goto done;
    for (j = 0; j < POP; j++) {                        /* the best of them, in order */
        size_t top = 0;
        for (i = 0; i < n0; i++) if (out[2*i] > out[2*top]) top = i;
        memcpy(pop[j], in + 4*top, 4 * sizeof *in);
        pop[j][4] = out[2*top];
        pop[j][5] = out[2*top + 1];
        out[2*top] = -1;
    }
    e->calls += n0;
    memcpy(best, pop[0], sizeof pop[0]);
    for (done = n0; done + POP <= e->cfg.search; done += POP) {
        double least = best[4];
        run_evolve(rng, POP, 4, 6, pop[0], best, lo, hi, trial);
        if ((st = snl_pool_map(e->pool, run_search_stat, &rs, POP, 4, trial, 4, got, 2)) != SNL_OK) goto done;
        for (j = 0; j < POP; j++) {
            if (got[2*j] > pop[j][4]) {
                memcpy(pop[j], trial + 4*j, 4 * sizeof *trial);
                pop[j][4] = got[2*j];
                pop[j][5] = got[2*j + 1];
            }
            least = fmin(least, pop[j][4]);
            if (pop[j][4] > best[4]) memcpy(best, pop[j], sizeof pop[j]);
        }
        e->calls += POP;
        if (run_search_tell(e, "search", (double)done / (double)e->cfg.search, 0.5*best[4])) goto done;
        *alarm = -expm1((double)done * exp(ln_trials) * log1p(-run_chi2_tail(best[4])));
        if (least > best[4]*(1 - 1e-2) - 1) break;    /* climbing is sooner there */
        if (*alarm > 0.01 && done > n0 + EARLY*POP) break;
    }
done:
    SNL_FREE(in);
    SNL_FREE(rs.work);
    snl_scan_free(scan);
    return st;
}

/* ln L and whitened signal s at y, -INFINITY outside the prior. */
static double run_event_at(snl_event *e, const double *y, double *s)
{
    snl_source src;
    double lp;
    if (!run_event_source(e, y, &src, &lp) || run_event_signal(e, 0, &src, s) != SNL_OK)
        return -INFINITY;
    e->calls++;
    return run_like(e->nx, e->het->x, s);
}

static const double run_step[RUN_DIM] = {   /* of numerical derivatives, times the scale */
    1e-6, 1e-5, 1e-5, 1e-5, 1e-3, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5
};

/* The signal at y whether the prior allows it or not; 0 where there is none. */
static int run_event_shape(snl_event *e, const double *y, double *s)
{
    snl_source src;
    double jac;
    e->calls++;
    return run_chart_inverse(&e->chart, y, &src, &jac) && run_event_branch(e, y, &src)
        && run_event_signal(e, 0, &src, s) == SNL_OK;
}

/* J [RUN_DIM][nx] = d s/d y at y, s given.  A step may leave the prior, in whose corners
 * there is no other; one that leaves the model is reversed. */
static int run_event_jacobian(snl_event *e, const double *y, const double *s, double *J)
{
    const double c = sqrt(run_dot(4, y + RUN_CA, y + RUN_CA));
    size_t i, k;
    for (i = 0; i < RUN_DIM; i++) {
        double z[RUN_MOST], h = run_step[i] * (i == RUN_MC ? y[RUN_MC] : i >= RUN_CA && i < RUN_XI ? c : 1);
        memcpy(z, y, sizeof z);
        z[i] = y[i] + h;
        if (!run_event_shape(e, z, J + i*e->nx)) {
            h = -h;
            z[i] = y[i] + h;
            if (!run_event_shape(e, z, J + i*e->nx)) return 0;
        }
        for (k = 0; k < e->nx; k++) J[i*e->nx + k] = (J[i*e->nx + k] - s[k]) / h;
    }
    return 1;
}

/* Add share times the precision of the prior, as of a Gaussian of its width, to G. */
static void run_event_prior_fisher(const snl_event *e, const double *y, double share,
                                   size_t n, double *G)
{
    const snl_prior *p = e->cfg.prior;
    const double d = y[RUN_DELTA], q1 = 2/((1 - d)*(1 - d));    /* rows: d theta/d y */
    const double v[5][5] = { { 1 }, { 0, q1 }, { 0, -y[RUN_CHI_A], 1, 1 - d },
                             { 0, -y[RUN_CHI_A], 1, -1 - d }, { 0, 0, 0, 0, 1 } };
    size_t i, j, k;
    for (k = 0; k < 5; k++) {           /* chirp mass, mass ratio, spins, time */
        const double w = run_prior_width(&p[k]);
        for (i = 0; i < 5; i++)
            for (j = 0; j < 5; j++) G[i*n + j] += share * v[k][i]*v[k][j] / (w*w);
    }
    for (i = RUN_XI; i < n; i++) G[i*n + i] += share;
}

/* Fisher matrix of J with the prior's widths added; g = J (x_obs - s). */
static void run_event_normal(const snl_event *e, const double *y, const double *J,
                             const double *s, double *G, double *g, double *res)
{
    size_t i, j;
    for (i = 0; i < e->nx; i++) res[i] = e->het->x[i] - s[i];
    for (i = 0; i < RUN_DIM; i++) {
        for (j = 0; j < RUN_DIM; j++)
            G[i*RUN_DIM + j] = run_dot(e->nx, J + i*e->nx, J + j*e->nx);
        g[i] = run_dot(e->nx, J + i*e->nx, res);
    }
    run_event_prior_fisher(e, y, 1, RUN_DIM, G);
}

/* Masses and spins v = (chirp mass, delta, chi1, chi2), for which the prior is a box, of y,
 * and back; its borders, less a little for rounding.  Equal masses are no border: beyond are
 * the same binaries with their bodies exchanged, if the prior of the spins is the same. */
enum { RUN_BOX = 4 };
static int run_box_of(const double *y, double *v)
{
    snl_source s;
    if (!run_chart_binary(y, &s)) return 0;
    v[0] = y[RUN_MC];  v[1] = y[RUN_DELTA];  v[2] = s.chi1;  v[3] = s.chi2;
    return 1;
}

static void run_box_to(const double *v, double *y)
{
    const int swap = v[1] < 0;              /* the heavier body is the first; half a turn */
    y[RUN_MC] = v[0];
    y[RUN_DELTA] = fabs(v[1]);
    y[RUN_CHI_EFF] = 0.5*((1 + v[1])*v[2] + (1 - v[1])*v[3]);
    y[RUN_CHI_A] = swap ? 0.5*(v[3] - v[2]) : 0.5*(v[2] - v[3]);
    if (swap) y[RUN_BRANCH] = fmod(y[RUN_BRANCH] + 2, 4);
}

static void run_box_borders(const snl_event *e, double *lo, double *hi)
{
    const snl_prior *p = e->cfg.prior;
    int i;
    for (i = 0; i < RUN_BOX; i++) {
        double margin;
        lo[i] = i == 1 ? (p[1].lo - 1) / (p[1].lo + 1) : p[i].lo;
        hi[i] = i == 1 ? (p[1].hi - 1) / (p[1].hi + 1) : p[i].hi;
        if (i == 1 && p[1].lo == 1 && p[2].lo == p[3].lo && p[2].hi == p[3].hi) lo[1] = -hi[1];
        margin = 1e-7 * (hi[i] - lo[i]);
        lo[i] += margin;
        hi[i] -= margin;
    }
}

/* y as near as the prior has it, as far as masses and spins go. */
static void run_event_inside(const snl_event *e, double *y)
{
    double lo[RUN_BOX], hi[RUN_BOX], v[RUN_BOX];
    int i;
    y[RUN_DELTA] = fmin(fmax(y[RUN_DELTA], -0.999), 0.999);
    if (!run_box_of(y, v)) return;
    run_box_borders(e, lo, hi);
    for (i = 0; i < RUN_BOX; i++) v[i] = fmin(fmax(v[i], lo[i]), hi[i]);
    run_box_to(v, y);
}

/* One step of Levenberg-Marquardt from y to z, G and g as run_event_normal has them.  The prior
 * is a box in v: a component at its border that would leave is held, so that the step runs
 * along the border, and the step ends where another border is met: *cut. */
static int run_event_step(const snl_event *e, const double *y, const double *G, const double *g,
                          double damp, double *z, int *cut)
{
    enum { D = RUN_DIM };
    double T[D*D] = { 0 }, H[D*D], A[D*D], d[D], v[RUN_BOX], lo[RUN_BOX], hi[RUN_BOX], scale = 1;
    int held[D] = { 0 }, more = 1;
    size_t i, j, k;
    if (!run_box_of(y, v)) return 0;
    run_box_borders(e, lo, hi);
    for (i = 0; i < RUN_BOX; i++) v[i] = fmin(fmax(v[i], lo[i]), hi[i]);    /* beyond by rounding */
    for (i = 0; i < D; i++) T[i*D + i] = 1;                 /* dy/dv: rows y */
    T[RUN_CHI_EFF*D + 1] = y[RUN_CHI_A];
    T[RUN_CHI_EFF*D + 2] = 0.5*(1 + v[1]);  T[RUN_CHI_EFF*D + 3] = 0.5*(1 - v[1]);
    T[RUN_CHI_A*D + 2] = 0.5;               T[RUN_CHI_A*D + 3] = -0.5;
    for (i = 0; i < D; i++)
        for (j = 0; j < D; j++)
            for (H[i*D + j] = 0, k = 0; k < D; k++) H[i*D + j] += G[i*D + k]*T[k*D + j];
    while (more) {
        for (i = 0; i < D; i++) {
            for (d[i] = 0, k = 0; k < D; k++) d[i] += T[k*D + i]*g[k];
            for (j = 0; j < D; j++)
                for (A[i*D + j] = 0, k = 0; k < D; k++) A[i*D + j] += T[k*D + i]*H[k*D + j];
            A[i*D + i] *= 1 + damp;
        }
        for (i = 0; i < D; i++) {
            if (!held[i]) continue;
            for (j = 0; j < D; j++) A[i*D + j] = A[j*D + i] = i == j;
            d[i] = 0;
        }
        if (!run_cholesky(D, A)) return 0;
        run_solve_lower(D, A, d);
        run_solve_upper(D, A, d);
        for (more = 0, i = 0; i < RUN_BOX; i++)
            if (!held[i] && ((v[i] <= lo[i] && d[i] < 0) || (v[i] >= hi[i] && d[i] > 0)))
                held[i] = more = 1;
    }
    for (i = 0; i < RUN_BOX; i++) {
        if (v[i] + d[i] < lo[i]) scale = fmin(scale, (lo[i] - v[i])/d[i]);
        if (v[i] + d[i] > hi[i]) scale = fmin(scale, (hi[i] - v[i])/d[i]);
    }
    *cut = scale < 1;
    memcpy(z, y, RUN_MOST * sizeof *z);
    for (i = RUN_BOX; i < D; i++) z[i] += scale*d[i];
    for (i = 0; i < RUN_BOX; i++) v[i] = fmin(fmax(v[i] + scale*d[i], lo[i]), hi[i]);
    run_box_to(v, z);
    return 1;
}

/* Reference of the chart: source, mean frequency of its SNR, time of arrival. */
static snl_status run_chart_set(snl_event *e, const snl_source *ssb)
{
    const snl_data *d = e->data;
    snl_source s = *ssb;
    snl_phenom p;
    double y[RUN_MOST] = { 0 }, sum = 0, lnf = 0, amp, phase;
    size_t k;
    snl_status st = snl_phenom_prepare(&p, e->cfg.lisa.qnm, SNL_PHENOMD, s.m1, s.m2, s.chi1,
                                       s.chi2, s.distance, NULL, NULL);
    if (st != SNL_OK) return st;
    for (k = 0; k < d->n; k += 16) {
        double w;
        st = snl_phenom_mode(&p, 2, 2, 1, d->f + k, &amp, NULL, NULL);
        if (st != SNL_OK) return st;
        w = amp * d->f[k] * d->f[k];
        w *= w / d->S[k];
        sum += w;
        lnf += w * log(d->f[k]);
    }
    snl_ssb_to_lisa(&s);
    memset(&e->chart, 0, sizeof e->chart);
    e->chart.qnm = e->cfg.lisa.qnm;
    e->chart.f = exp(lnf / sum);
    e->chart.t = s.t_ref;
    e->chart.pole = s.beta < 0 ? -1 : 1;
    run_chart_of_binary(&s, y);
    if (!run_chart_mode(&e->chart, y, &amp, &phase)) return SNL_EFAILED;
    e->chart.amp = amp;
    e->chart.phase = phase;
    return SNL_OK;
}

/* Best amplitudes at a sky position in closed form; returns ln L, s gets them. */
static double run_event_amplitudes(snl_event *e, snl_source *s)
{
    const size_t nx = e->nx;
    double *work = e->work, *h = work, A[16], a[4], b[4];
    size_t i, j;
    if (snl_het_basis(e->het, s, work + 4*nx, work + 6*nx, NULL) != SNL_OK) return -INFINITY;
    e->calls++;
    for (j = 0; j < 2; j++) {
        const double *r = work + (4 + j)*nx;
        for (i = 0; i < nx; i += 2) {
            h[2*j*nx + i] = r[i];              h[2*j*nx + i + 1] = r[i + 1];
            h[(2*j + 1)*nx + i] = -r[i + 1];   h[(2*j + 1)*nx + i + 1] = r[i];
        }
    }
    for (i = 0; i < 4; i++) {
        for (j = 0; j < 4; j++) A[4*i + j] = run_dot(nx, h + i*nx, h + j*nx);
        A[5*i] *= 1 + 1e-9;
        a[i] = run_dot(nx, h + i*nx, e->het->x);
    }
    if (!run_cholesky(4, A)) return -INFINITY;
    memcpy(b, a, sizeof b);
    run_solve_lower(4, A, b);
    memcpy(a, b, sizeof a);
    run_solve_upper(4, A, a);
    snl_source_from_amplitudes(a, s);
    return 0.5*run_dot(4, b, b);
}

/* ---- all modes: the likelihood at a binary and a place in closed form */

/* The signals of all modes in both polarisations at 1 Mpc, as products in each channel: data with
 * part i, part i with part j, sum conj(a) b.  Part 2a + p is mode a in polarisation p. */
enum { RUN_PARTS_MOST = 2*SNL_MODES };
typedef struct run_modes {
    size_t n;
    int    l[SNL_MODES], m[SNL_MODES];
    double near, far;                   /* distances that the prior allows */
    double x[2][RUN_PARTS_MOST][2], G[2][RUN_PARTS_MOST][RUN_PARTS_MOST][2];
} run_modes;

static int run_event_modes(const snl_event *e, size_t worker, const snl_source *s, run_modes *o)
{
    const size_t nx = e->nx, n = 2*e->het->modes;
    double *b = e->parts + worker*e->each_parts;
    size_t c, i, j;
    if (snl_het_basis(e->het, s, b, b + n*nx, NULL) != SNL_OK) return 0;
    o->n = n;
    o->near = e->cfg.prior[SNL_DISTANCE].lo;
    o->far = e->cfg.prior[SNL_DISTANCE].hi;
    for (i = 0; 2*i < n; i++) { o->l[i] = e->het->l[i];  o->m[i] = e->het->m[i]; }
    for (c = 0; c < 2; c++)
        for (i = 0; i < n; i++) {
            const double *bi = b + i*nx + c*nx/2;
            snl_complex_dot(nx/4, e->het->x + c*nx/2, bi, o->x[c][i]);
            for (j = 0; j <= i; j++) {
                snl_complex_dot(nx/4, bi, b + j*nx + c*nx/2, o->G[c][i][j]);
                o->G[c][j][i][0] = o->G[c][i][j][0];
                o->G[c][j][i][1] = -o->G[c][i][j][1];
            }
        }
    return 1;
}

/* What a mode has of either polarisation at psi = 0, conjugated as the data are: (Y_lm + (-1)^l
 * conj Y_l-m)/2 and i (Y_lm - (-1)^l conj Y_l-m)/2. */
static void run_modes_weights(const run_modes *o, double inc, double phi, double w[SNL_MODES][2][2])
{
    size_t i;
    for (i = 0; 2*i < o->n; i++) {
        const double sign = o->l[i] & 1 ? -1 : 1;
        double y[2], z[2];
        snl_ylm(o->l[i], o->m[i], inc, phi, y);
        snl_ylm(o->l[i], -o->m[i], inc, phi, z);
        w[i][0][0] = 0.5*(y[0] + sign*z[0]);    w[i][0][1] = -0.5*(y[1] - sign*z[1]);
        w[i][1][0] = -0.5*(y[1] + sign*z[1]);   w[i][1][1] = -0.5*(y[0] - sign*z[0]);
    }
}

/* Add the products of two sums of parts, with weights u, in channel h: with the data to x, with
 * each other to A. */
static void run_modes_add(const run_modes *o, size_t h, double u[2][RUN_PARTS_MOST][2], double *x,
                          double A[2][2])
{
    size_t i, j, k, q;
    for (i = 0; i < o->n; i++)
        for (q = 0; q < 2; q++) {
            double re = 0, im = 0;              /* sum_j G_ij u_j */
            for (j = 0; j < o->n; j++) {
                const double *g = o->G[h][i][j], *v = u[q][j];
                re += g[0]*v[0] - g[1]*v[1];
                im += g[0]*v[1] + g[1]*v[0];
            }
            x[q] += u[q][i][0]*o->x[h][i][0] - u[q][i][1]*o->x[h][i][1];
            for (k = 0; k < 2; k++) A[k][q] += u[k][i][0]*re + u[k][i][1]*im;
        }
}

/* The largest p.x - p.A p/2 of two numbers p. */
static double run_best_pair(double A[2][2], const double *x, double *p)
{
    const double det = A[0][0]*A[1][1]*(1 + 1e-9) - A[0][1]*A[1][0];
    p[0] = p[1] = 0;
    if (!(det > 0)) return -INFINITY;
    p[0] = (A[1][1]*x[0] - A[0][1]*x[1]) / det;
    p[1] = (A[0][0]*x[1] - A[1][0]*x[0]) / det;
    return 0.5*(p[0]*x[0] + p[1]*x[1]);
}

/* ln L at an inclination and phi_ref, any antenna patterns, two numbers for each channel: of masses,
 * spins and time only, but for the motion of LISA. */
static double run_modes_free(const run_modes *o, double inc, double phi)
{
    double w[SNL_MODES][2][2], sum = 0;
    size_t h, i, q;
    run_modes_weights(o, inc, phi, w);
    for (h = 0; h < 2; h++) {           /* the shape from the stronger polarisation */
        const size_t p = o->G[h][1][1][0] > o->G[h][0][0][0];
        double u[2][RUN_PARTS_MOST][2] = { { { 0 } } }, x[2] = { 0 }, A[2][2] = { { 0 } }, z[2];
        for (i = 0; 2*i < o->n; i++)
            for (q = 0; q < 2; q++) memcpy(u[q][2*i + p], w[i][q], sizeof w[i][q]);
        run_modes_add(o, h, u, x, A);
        sum += run_best_pair(A, x, z);
    }
    return sum;
}

/* ln L at an inclination and phi_ref with the best psi and distance, which are set: the signal is
 * (u cos 2 psi + v sin 2 psi)/distance. */
static double run_modes_like(const run_modes *o, double inc, double phi, snl_source *s)
{
    double w[SNL_MODES][2][2], u[2][RUN_PARTS_MOST][2], x[2] = { 0 }, A[2][2] = { { 0 } }, p[2], scale;
    size_t i, k;
    run_modes_weights(o, inc, phi, w);
    for (i = 0; 2*i < o->n; i++)
        for (k = 0; k < 2; k++) {
            u[0][2*i][k] = w[i][0][k];   u[0][2*i + 1][k] = w[i][1][k];
            u[1][2*i][k] = -w[i][1][k];  u[1][2*i + 1][k] = w[i][0][k];
        }
    for (k = 0; k < 2; k++) run_modes_add(o, k, u, x, A);
    if (!(run_best_pair(A, x, p) > 0)) return -INFINITY;
    scale = hypot(p[0], p[1]);
    s->distance = fmin(fmax(1/scale, o->near*(1 + 1e-6)), o->far*(1 - 1e-6));
    for (k = 0; k < 2; k++) p[k] /= scale * s->distance;
    s->inclination = inc;
    s->phi_ref = fmod(phi + 4*SNL_PI, 2*SNL_PI);
    s->psi = fmod(0.5*atan2(p[1], p[0]) + SNL_PI, SNL_PI);
    return p[0]*x[0] + p[1]*x[1] - 0.5*(A[0][0]*p[0]*p[0] + 2*A[0][1]*p[0]*p[1] + A[1][1]*p[1]*p[1]);
}

/* The best orientation so far; s has it where it is one of run_modes_like. */
typedef struct run_oriented { int free;  double l, inc, phi;  snl_source s; } run_oriented;

static int run_modes_try(const run_modes *o, double inc, double phi, run_oriented *best)
{
    snl_source t = best->s;
    const double l = best->free ? run_modes_free(o, inc, phi) : run_modes_like(o, inc, phi, &t);
    if (!(l > best->l)) return 0;
    best->l = l;
    best->inc = inc;
    best->phi = phi;
    best->s = t;
    return 1;
}

/* The best ln L over inclination and phi_ref, to about `fine` of either: of run_modes_like, whose
 * orientation s then has, or without s of run_modes_free, where inclinations beyond a right angle
 * tell nothing new. */
static double run_modes_best(const run_modes *o, double fine, snl_source *s)
{
    enum { PHIS = 24 };
    const int incs = s ? 12 : 8;
    const double lowest = s ? -1 : 0;
    run_oriented best = { 0 };
    double step;
    int i, j;
    best.free = !s;
    best.l = -INFINITY;
    if (s) best.s = *s;
    for (i = 0; i < incs; i++)
        for (j = 0; j < PHIS; j++)
            run_modes_try(o, acos(lowest + (1 - lowest)*(i + 0.5)/incs), 2*SNL_PI*j/PHIS, &best);
    for (step = 0.1; step > fine; ) {
        const double inc = best.inc, phi = best.phi;
        int better = 0;
        for (i = -1; i <= 1; i++)
            for (j = -1; j <= 1; j++)
                better |= run_modes_try(o, fmin(fmax(inc + i*step, 0.01), SNL_PI - 0.01), phi + j*step,
                                        &best);
        if (!better) step *= 0.5;
    }
    if (s) *s = best.s;
    return best.l;
}

/* Best distance, inclination, phi_ref and psi at masses, spins, sky and time of s; ln L. */
static double run_event_orient(snl_event *e, snl_source *s)
{
    run_modes o;
    e->calls++;
    return run_event_modes(e, 0, s, &o) ? run_modes_best(&o, 1e-3, s) : -INFINITY;
}

/* y with its best distance and orientation, where there are higher modes to tell them. */
static void run_event_reorient(snl_event *e, double *y)
{
    double jac, z[RUN_MOST];
    snl_source s;
    memcpy(z, y, sizeof z);
    if (e->dim > RUN_DIM && run_chart_inverse(&e->chart, y, &s, &jac)
        && run_event_orient(e, &s) > -INFINITY && run_event_forward(e, &s, z)) memcpy(y, z, sizeof z);
}

/* Levenberg-Marquardt from y; returns ln L there.  Higher modes bend the valley of sky, inclination
 * and phase so much that steps along its tangent end at once: distance and angles of orientation
 * are found anew at the end of each. */
static double run_event_climb(snl_event *e, double *y, int iterations)
{
    double *s = e->work, *trial = s + e->nx, *J = trial + e->nx, *res = J + RUN_DIM*e->nx;
    double G[RUN_DIM*RUN_DIM], g[RUN_DIM], damp = 1e-2, ll;
    int it, k;
    run_event_inside(e, y);
    ll = run_event_at(e, y, s);
    for (it = 0; it < iterations && ll > -INFINITY; it++) {
        double gain = 0;
        int cut = 0;
        if (run_search_tell(e, "climb", 0, ll) || !run_event_jacobian(e, y, s, J)) break;
        run_event_normal(e, y, J, s, G, g, res);
        for (k = 0; k < 8; k++) {
            double z[RUN_MOST], l;
            const int found = run_event_step(e, y, G, g, damp, z, &cut);
            damp *= 8;
            if (!found) continue;
            run_event_reorient(e, z);
            l = run_event_at(e, z, trial);
            if (!(l > ll)) continue;
            gain = l - ll;
            ll = l;
            memcpy(y, z, sizeof z);
            memcpy(s, trial, e->nx * sizeof *s);
            damp /= 100;
            break;
        }
        if (gain < 0.02 && !(gain > 0 && cut)) break;
    }
    return ll;
}

/* The best points so far, best first. */
enum { RUN_TOP = 8 };
typedef struct run_top { size_t n, most;  double l[RUN_TOP], y[RUN_TOP][RUN_MOST]; } run_top;

static void run_top_add(run_top *t, double l, const double *y)
{
    size_t k = 0;
    while (k < t->n && l <= t->l[k]) k++;
    if (k == t->most || !(l > -INFINITY)) return;
    if (t->n < t->most) t->n++;
    memmove(t->y + k + 1, t->y + k, (t->n - 1 - k) * sizeof t->y[0]);
    memmove(t->l + k + 1, t->l + k, (t->n - 1 - k) * sizeof t->l[0]);
    memcpy(t->y[k], y, sizeof t->y[k]);
    t->l[k] = l;
}

/* A grid of the sky in longitude and sine of latitude: the centre of cell i, and whether values in
 * the cells, -INFINITY outside of the prior, have a top there. */
enum { RUN_RING = 16, RUN_BELTS = 10, RUN_CELLS = RUN_RING*RUN_BELTS };
static void run_search_cell(size_t i, double *place)
{
    place[0] = 2*SNL_PI * ((double)(i % RUN_RING) + 0.5) / RUN_RING;
    place[1] = -1 + (2*(double)(i / RUN_RING) + 1) / RUN_BELTS;
}

static int run_search_is_top(const double *grid, size_t i)
{
    const size_t belt = i - i % RUN_RING;
    return grid[i] > -INFINITY && grid[i] >= grid[belt + (i + 1) % RUN_RING]
        && grid[i] >= grid[belt + (i + RUN_RING - 1) % RUN_RING]
        && (i < RUN_RING || grid[i] >= grid[i - RUN_RING])
        && (i + RUN_RING >= RUN_CELLS || grid[i] >= grid[i + RUN_RING]);
}

/* The tops of fn over the grid, a function of ctx and a place that also gives a y: their cells. */
typedef double (*run_place_fn)(snl_event *e, const void *ctx, const double *place, double *y);
static size_t run_search_tops(snl_event *e, run_place_fn fn, const void *ctx, size_t *cell)
{
    double place[2], y[RUN_MOST], grid[RUN_CELLS];
    size_t i, n = 0;
    for (i = 0; i < RUN_CELLS; i++) {
        run_search_cell(i, place);
        grid[i] = fn(e, ctx, place, y);
        if (run_search_tell(e, "climb", 0, grid[i])) return 0;
    }
    for (i = 0; i < RUN_CELLS; i++)
        if (run_search_is_top(grid, i)) cell[n++] = i;
    return n;
}

/* A source in the LISA frame moved to a place of the sky with the best amplitudes there: y, ln L. */
static double run_search_sky(snl_event *e, const void *source, const double *place, double *y)
{
    double theta[SNL_NPAR], l;
    snl_source g = *(const snl_source *)source;
    g.lambda = place[0];
    g.beta = asin(place[1]);
    snl_lisa_to_ssb(&g);
    l = run_event_amplitudes(e, &g);
    run_theta_of(e, &g, theta);
    return run_prior_copies(e, theta, 0, NULL) > -INFINITY && run_event_forward(e, &g, y)
         ? l : -INFINITY;
}

/* Climb from each point of the list; best and its ln L. */
static double run_search_climb(snl_event *e, run_top *top, int iterations, double *best)
{
    double ll = -INFINITY;
    size_t k;
    for (k = 0; k < top->n; k++) {
        const double l = run_event_climb(e, top->y[k], iterations);
        if (!(l > ll)) continue;
        ll = l;
        memcpy(best, top->y[k], sizeof top->y[k]);
    }
    return ll;
}

/* Climb a little from each point of a list; to keeps the best. */
static void run_search_sieve(snl_event *e, run_top *from, int iterations, run_top *to)
{
    size_t k;
    for (k = 0; k < from->n; k++) {
        const double l = run_event_climb(e, from->y[k], iterations);
        run_top_add(to, l, from->y[k]);
    }
}

/* Take the best point as reference of chart and heterodyning and climb on about it, at least so
 * many times, and until that gains nothing. */
static snl_status run_search_settle(snl_event *e, snl_model model, int least, double *ll,
                                    snl_fault *why)
{
    snl_source s;
    double jac, before = 0;
    int pass;
    for (pass = 0; pass < least || (pass < 8 && *ll > before + 1); pass++) {
        snl_status st;
        before = *ll;
        if (!run_chart_inverse(&e->chart, e->best, &s, &jac) || !run_event_branch(e, e->best, &s))
            return SNL_EFAILED;
        if ((st = run_chart_set(e, &s)) != SNL_OK) return st;
        if ((st = run_event_heterodyne(e, model, &s, why)) != SNL_OK) return st;
        if (!run_event_forward(e, &s, e->best)) return SNL_EFAILED;
        *ll = run_event_climb(e, e->best, 15);
        if (!(*ll > -INFINITY)) return SNL_EFAILED;
    }
    return SNL_OK;
}

/* The other seven images of the sky: a binary found in the wrong one has bent to fit, and climbs
 * from the right one to a higher hill. */
static snl_status run_search_images(snl_event *e, double *ll, snl_fault *why)
{
    run_top top = { 0, 7, { 0 }, { { 0 } } }, end = { 0, 2, { 0 }, { { 0 } } };
    double best[RUN_MOST], y[RUN_MOST], place[2], image[2], jac, l;
    snl_source s;
    size_t k;
    if (!run_chart_inverse(&e->chart, e->best, &s, &jac)) return SNL_EFAILED;
    snl_ssb_to_lisa(&s);
    place[0] = s.lambda;
    place[1] = sin(s.beta);
    for (k = 1; k < 8; k++) {
        run_image_place(k, place, image);
        run_top_add(&top, run_search_sky(e, &s, image, y), y);
    }
    run_search_sieve(e, &top, 2, &end);
    l = run_search_climb(e, &end, 15, best);
    if (!(l > *ll + 1)) return SNL_OK;
    *ll = l;
    memcpy(e->best, best, sizeof best);
    return run_search_settle(e, SNL_PHENOMD, 1, ll, why);
}

/* Factor of a proposal about the best point: the inverse Fisher matrix of all but the sky,
 * at the temperature heat, and of the prior, which is not heated but counts `prior` times. */
static int run_search_proposal(snl_event *e, double heat, double prior)
{
    double G[RUN_DIM*RUN_DIM], g[RUN_DIM], C[81], *s = e->work, *J = s + e->nx;
    size_t i, j;
    if (!(run_event_at(e, e->best, s) > -INFINITY) || !run_event_jacobian(e, e->best, s, J)) return 0;
    run_event_normal(e, e->best, J, s, G, g, J + RUN_DIM*e->nx);
    for (i = 0; i < 9; i++) for (j = 0; j < 9; j++) C[9*i + j] = G[RUN_DIM*i + j] / heat;
    run_event_prior_fisher(e, e->best, fmax(0, prior - 1/heat), 9, C);
    if (!run_cholesky(9, C)) return 0;
    for (i = 0; i < 9; i++) {                      /* covariance = inverse, then its factor */
        double u[9] = { 0 };
        u[i] = 1;
        run_solve_lower(9, C, u);
        run_solve_upper(9, C, u);
        memcpy(e->chol + 9*i, u, sizeof u);
    }
    return run_cholesky(9, e->chol);
}

/* ---- from (2,2) to all modes */

/* A binary of the search with all modes: v as in run_box_of, arrival at LISA's centre, ln L with
 * free antenna patterns.  place: longitude and sine of latitude in the LISA frame. */
enum { RUN_BT = RUN_BOX + 1, RUN_BTL };

/* The binary vt at a place, without distance and orientation. */
static int run_search_source(const snl_event *e, const double *vt, const double *place, snl_source *s)
{
    double y[RUN_MOST] = { 0 };
    run_box_to(vt, y);
    *s = e->ref;
    if (!run_chart_binary(y, s)) return 0;
    s->t_ref = vt[RUN_BOX];
    s->lambda = place[0];
    s->beta = asin(place[1]);
    snl_lisa_to_ssb(s);
    return 1;
}

typedef struct run_free { const snl_event *e;  double place[2]; } run_free;

static snl_status run_free_fn(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    const run_free *f = ctx;
    size_t i;
    for (i = 0; i < n; i++, in += RUN_BT) {
        snl_source s;
        run_modes o;
        out[i] = run_search_source(f->e, in, f->place, &s) && run_event_modes(f->e, worker, &s, &o)
               ? run_modes_best(&o, 0.01, NULL) : -INFINITY;
    }
    return SNL_OK;
}

/* ln L of a binary at a place, its orientation the best; y of it. */
static double run_search_at(snl_event *e, const void *vt, const double *place, double *y)
{
    snl_source s;
    double l, lp, z[RUN_MOST];
    if (!(fabs(place[1]) < 1) || !run_search_source(e, vt, place, &s)) return -INFINITY;
    l = run_event_orient(e, &s);
    if (!(l > -INFINITY) || !run_event_forward(e, &s, z) || !run_event_source(e, z, &s, &lp))
        return -INFINITY;
    memcpy(y, z, sizeof z);
    return l;
}

/* The binary moved to the best place near place, which is made finer; offered to the list. */
static void run_search_place(snl_event *e, const double *vt, double *place, run_top *top)
{
    double y[RUN_MOST], z[RUN_MOST], step = 0.1, l = run_search_at(e, vt, place, y);
    while (step > 0.02) {
        int i, better = 0;
        for (i = 0; i < 4 && !better; i++) {
            double p[2], t;
            p[0] = place[0] + (i == 0 ? 1.5*step : i == 1 ? -1.5*step : 0);
            p[1] = place[1] + (i == 2 ? step : i == 3 ? -step : 0);
            t = run_search_at(e, vt, p, z);
            if (!(t > l)) continue;
            l = t;
            memcpy(place, p, sizeof p);
            memcpy(y, z, sizeof z);
            better = 1;
        }
        if (!better) step *= 0.5;
    }
    run_top_add(top, l, y);
}

/* Masses, spins and time with all modes, by differential evolution from draws of the proposal. */
static snl_status run_search_binary(snl_event *e, snl_rng *rng, const double *place, double *vt)
{
    enum { FIRST = 400, POP = 48, GENERATIONS = 36 };
    double in[FIRST*RUN_BT], out[FIRST], sorted[FIRST], pop[POP*RUN_BTL], lo[RUN_BT], hi[RUN_BT];
    double y[RUN_MOST], z[9];
    const double *best = pop;
    size_t pick[POP], i, j, k, gen;
    run_free f;
    snl_status st;
    f.e = e;
    memcpy(f.place, place, sizeof f.place);
    run_box_borders(e, lo, hi);
    lo[RUN_BOX] = -INFINITY;
    hi[RUN_BOX] = INFINITY;
    for (i = 0; i < FIRST; i++) {
        double *v = in + i*RUN_BT, shrink;
        int inside = 0;
        for (k = 0; k < 9; k++) z[k] = snl_rng_normal(rng);
        for (shrink = 1; !inside && shrink > 0.01; shrink *= 0.8) {     /* until the prior allows it */
            memcpy(y, e->best, sizeof y);
            for (k = 0; k <= RUN_TL; k++) y[k] += shrink*run_dot(k + 1, e->chol + 9*k, z);
            inside = run_box_of(y, v);
            for (k = 0; k < RUN_BOX; k++) inside = inside && v[k] >= lo[k] && v[k] <= hi[k];
        }
        run_event_inside(e, y);
        if (!run_box_of(y, v)) return SNL_EFAILED;
        v[RUN_BOX] = y[RUN_TL] + e->chart.t;
    }
    if ((st = snl_pool_map(e->pool, run_free_fn, &f, FIRST, 4, in, RUN_BT, out, 1)) != SNL_OK) return st;
    e->calls += FIRST;
    memcpy(sorted, out, sizeof out);
    run_largest(FIRST, sorted, POP, pick);
    for (j = 0; j < POP; j++) {
        memcpy(pop + j*RUN_BTL, in + pick[j]*RUN_BT, RUN_BT * sizeof *pop);
        pop[j*RUN_BTL + RUN_BT] = out[pick[j]];
    }
    for (gen = 0; gen < GENERATIONS && !run_search_tell(e, "climb", 0, best[RUN_BT]); gen++) {
        run_evolve(rng, POP, RUN_BT, RUN_BTL, pop, best, lo, hi, in);
        if ((st = snl_pool_map(e->pool, run_free_fn, &f, POP, 4, in, RUN_BT, out, 1)) != SNL_OK) return st;
        e->calls += POP;
        for (j = 0; j < POP; j++) {
            double *own = pop + j*RUN_BTL;
            if (!(out[j] > own[RUN_BT])) continue;
            memcpy(own, in + j*RUN_BT, RUN_BT * sizeof *pop);
            own[RUN_BT] = out[j];
            if (own[RUN_BT] > best[RUN_BT]) best = own;
        }
    }
    memcpy(vt, best, RUN_BT * sizeof *vt);
    return SNL_OK;
}

/* The direction of masses, spins and time that (2,2) knows least of, one sigma long.  From the
 * proposal at temperature 9, for a colder one cannot be trusted, a hotter one is the prior's. */
static int run_search_valley(snl_event *e, double *valley)
{
    const double heat = 9;
    const double scale[RUN_CA] = { 1e-3*e->best[RUN_MC], 0.1, 0.01, 0.1, 10 };
    double C[RUN_CA*RUN_CA], V[RUN_CA*RUN_CA], spread[RUN_CA];
    size_t i, j;
    if (!run_search_proposal(e, heat, 1)) return 0;
    for (i = 0; i < RUN_CA; i++)
        for (j = 0; j < RUN_CA; j++)
            C[i*RUN_CA + j] = run_dot(1 + (i < j ? i : j), e->chol + 9*i, e->chol + 9*j) / heat
                            / (scale[i]*scale[j]);
    run_eigen(RUN_CA, C, V, spread);
    for (i = 0; i < RUN_CA; i++) valley[i] = V[i]*sqrt(spread[0])*scale[i];
    return 1;
}

/* Along that valley, four sigma to both sides of the best point, to its other hollows: the best is
 * then the best of them. */
static void run_search_walk(snl_event *e, const double *valley, double *ll)
{
    enum { STEPS = 41 };
    double y[STEPS][RUN_MOST], line[STEPS], best[RUN_MOST], l;
    run_top top = { 0, 4, { 0 }, { { 0 } } };
    int i, pass;
    for (pass = 0; pass < 3; pass++) {
        for (i = 0; i < STEPS; i++) {
            memcpy(y[i], e->best, sizeof y[i]);
            run_axpy(RUN_CA, 0.2*(i - STEPS/2), valley, y[i]);
            run_event_inside(e, y[i]);
            run_event_reorient(e, y[i]);
            line[i] = run_event_at(e, y[i], e->work);
        }
        for (top.n = 0, i = 1; i + 1 < STEPS; i++)
            if (line[i] > line[i - 1] && line[i] >= line[i + 1]) run_top_add(&top, line[i], y[i]);
        l = run_search_climb(e, &top, 15, best);
        if (!(l > *ll + 0.1)) break;
        *ll = l;
        memcpy(e->best, best, sizeof best);
    }
}

/* The binary and its sky once more with all modes, which move them, at high SNR by many sigma, from
 * where (2,2) alone has them, over hills and hollows: the binary that is best for any antenna
 * pattern, and from the tops of a grid of the sky to the nearest hills. */
static snl_status run_search_modes(snl_event *e, snl_rng *rng, double *ll, snl_fault *why)
{
    const double heat = 4*fmax(9, 2**ll/(run_heated_snr*run_heated_snr));
    double place[2], vt[RUN_BT], valley[RUN_CA], jac;
    run_top top = { 0, 8, { 0 }, { { 0 } } }, end = { 0, 4, { 0 }, { { 0 } } };
    snl_source ssb;
    size_t i, n, cell[RUN_CELLS];
    snl_status st;
    if (!run_search_valley(e, valley) || !run_search_proposal(e, heat, 1)
        || !run_chart_inverse(&e->chart, e->best, &ssb, &jac)
        || !run_chart_sky(&e->chart, e->best, place, place + 1)) return SNL_EFAILED;
    if ((st = run_event_heterodyne(e, e->cfg.lisa.model, &ssb, why)) != SNL_OK) return st;
    if ((st = run_search_binary(e, rng, place, vt)) != SNL_OK) return st;
    n = run_search_tops(e, run_search_at, vt, cell);
    for (i = 0; i < n; i++) {
        run_search_cell(cell[i], place);
        run_search_place(e, vt, place, &top);
    }
    run_search_sieve(e, &top, 4, &end);
    *ll = run_search_climb(e, &end, 15, e->best);
    if (*ll > -INFINITY) run_search_walk(e, valley, ll);
    return *ll > -INFINITY ? SNL_OK : SNL_EFAILED;
}

static snl_status run_search_all(snl_event *e, snl_search_result *out, snl_fault *why)
{
    snl_rng rng;
    double blind[6] = { 0 }, ll = 0, place[2], y[RUN_MOST], jac;
    run_top top = { 0, 2, { 0 }, { { 0 } } };
    snl_source s, start;
    snl_status st;
    size_t i, n, cell[RUN_CELLS];
    snl_rng_seed(&rng, e->cfg.seed, 1);
    memset(out, 0, sizeof *out);
    out->false_alarm = 1;
    st = run_search_blind(e, &rng, blind, &out->false_alarm);
    out->scan_snr = sqrt(blind[4]);
    out->calls = e->calls;
    if (st != SNL_OK || e->stopped) return st;
    if (!(out->false_alarm <= e->cfg.false_alarm)) return SNL_EFAILED;
    run_masses(blind[0], blind[1], &start.m1, &start.m2);
    start.chi1 = blind[2];     start.chi2 = blind[3];  start.distance = 1e4;
    start.inclination = 1;     start.phi_ref = 0;      start.psi = 0;
    start.lambda = 1;          start.beta = 0.5;       start.t_ref = blind[5];
    s = start;
    snl_lisa_to_ssb(&s);
    if ((st = run_chart_set(e, &s)) != SNL_OK) return st;
    if ((st = run_event_heterodyne(e, SNL_PHENOMD, &s, why)) != SNL_OK) return st;
    n = run_search_tops(e, run_search_sky, &start, cell);
    for (i = 0; i < n; i++) {
        run_search_cell(cell[i], place);
        run_top_add(&top, run_search_sky(e, &start, place, y), y);
    }
    if (!(run_search_climb(e, &top, 5, e->best) > -INFINITY)) return SNL_EFAILED;
    if ((st = run_search_settle(e, SNL_PHENOMD, 2, &ll, why)) != SNL_OK
        || (st = run_search_images(e, &ll, why)) != SNL_OK) return st;
    if (e->cfg.lisa.model != SNL_PHENOMD && !e->stopped
        && ((st = run_search_modes(e, &rng, &ll, why)) != SNL_OK
            || (st = run_search_settle(e, e->cfg.lisa.model, 1, &ll, why)) != SNL_OK)) return st;
    e->snr = sqrt(fmax(0, 2*ll));
    e->heat = fmax(run_heated_least, pow(e->snr / run_heated_snr, 2));
    /* twice as wide as the prior, lest the far end of a long valley have no simulations */
    if (!run_search_proposal(e, e->heat, 0.25) || !run_chart_inverse(&e->chart, e->best, &s, &jac)
        || !run_event_branch(e, e->best, &s)) return SNL_EFAILED;
    run_theta_of(e, &s, out->theta);
    out->log_like = ll;
    out->snr = e->snr;
    out->calls = e->calls;
    return SNL_OK;
}

snl_status snl_event_search(snl_event *e, snl_search_result *out, snl_run_hook hook, void *user,
                            snl_fault *why)
{
    snl_status st;
    e->hook = hook;
    e->user = user;
    e->stopped = 0;
    e->snr = 0;
    st = run_search_all(e, out, why);
    if (e->stopped) st = SNL_ESTOPPED;
    e->stopped = 0;
    e->hook = NULL;
    return st;
}

/* ln of the evidence of the hill with its top at y, as of a Gaussian: ln L + ln prior + ln
 * det(2 pi C)/2, C the inverse of the Fisher matrix. */
static double run_event_hill(snl_event *e, const double *y)
{
    double G[RUN_DIM*RUN_DIM], g[RUN_DIM], *s = e->work, *J = s + e->nx, lp, sum;
    const double ll = run_event_at(e, y, s);
    snl_source src;
    size_t i;
    if (!(ll > -INFINITY) || !run_event_source(e, y, &src, &lp)
        || !run_event_jacobian(e, y, s, J)) return -INFINITY;
    run_event_normal(e, y, J, s, G, g, J + RUN_DIM*e->nx);
    if (!run_cholesky(RUN_DIM, G)) return -INFINITY;
    sum = ll + lp;
    for (i = 0; i < RUN_DIM; i++) sum += 0.5*log(2*SNL_PI) - log(G[i*RUN_DIM + i]);
    return sum;
}

size_t snl_event_images(snl_event *e, snl_search_result *out)
{
    run_top climbed = { 0, SNL_IMAGES, { 0 }, { { 0 } } }, top = { 0, SNL_IMAGES, { 0 }, { { 0 } } };
    double sum = 0;
    size_t i, k, n = 0;
    for (i = 0; i < SNL_IMAGES; i++) {
        double y[RUN_MOST], place[2], l;
        memcpy(y, e->best, sizeof y);
        if (!run_chart_sky(&e->chart, y, place, place + 1)) continue;
        run_image(&e->chart, i, place, y);
        l = run_event_climb(e, y, 40);
        for (k = 0; k < climbed.n; k++)                 /* another one climbed to the same */
            if (hypot(y[RUN_XI] - climbed.y[k][RUN_XI], y[RUN_ETA] - climbed.y[k][RUN_ETA]) < 0.05)
                break;
        if (k == climbed.n && l > -INFINITY) run_top_add(&climbed, l, y);
    }
    for (i = 0; i < climbed.n; i++) run_top_add(&top, run_event_hill(e, climbed.y[i]), climbed.y[i]);
    for (i = 0; i < top.n; i++) {
        snl_source s;
        double jac;
        if (!run_chart_inverse(&e->chart, top.y[i], &s, &jac)
            || !run_event_branch(e, top.y[i], &s)) continue;
        memset(&out[n], 0, sizeof out[n]);
        run_theta_of(e, &s, out[n].theta);
        out[n].log_like = run_event_at(e, top.y[i], e->work);
        out[n].snr = sqrt(fmax(0, 2*out[n].log_like));
        out[n].weight = exp(top.l[i] - top.l[0]);
        sum += out[n++].weight;
    }
    for (i = 0; i < n; i++) out[i].weight /= sum;
    return n;
}

snl_status snl_event_prior(snl_event *e, const snl_prior *prior, snl_fault *why)
{
    int i;
    for (i = 0; i < SNL_NPAR; i++) {
        const snl_status st = run_prior_check(i, &prior[i], e->first[i].lo, e->first[i].hi, why);
        if (st != SNL_OK) return st;
    }
    memcpy(e->cfg.prior, prior, sizeof e->cfg.prior);
    return SNL_OK;
}

void snl_event_problem(snl_event *e, snl_problem *p)
{
    p->dim = e->dim;
    p->nx = e->nx;
    p->nc = RUN_NC + (e->dim > RUN_DIM ? RUN_NC_MORE : 0);
    p->x_obs = e->het->x;
    p->unit_noise = 1;
    p->heat = e->heat;
    p->simulate = run_event_simulate;
    p->log_prior = run_event_log_prior;
    p->context = run_event_context;
    p->draw = run_event_draw;
    p->jump = run_event_jump;
    p->ctx = e;
    p->pool = e->pool;
}

void snl_event_theta(const snl_event *e, size_t n, const double *y, uint64_t seed,
                     double *theta)
{
    size_t i;
    for (i = 0; i < n; i++) {
        double *t = theta + i*SNL_NPAR, jac, pick[2] = { (double)NAN, (double)NAN };
        snl_source s;
        snl_rng rng;
        snl_rng_seed(&rng, seed, i);
        if (!run_chart_inverse(&e->chart, y + i*e->dim, &s, &jac)
            || !run_event_branch(e, y + i*e->dim, &s)) {
            size_t k;
            for (k = 0; k < SNL_NPAR; k++) t[k] = (double)NAN;
            continue;
        }
        run_theta_of(e, &s, t);
        run_prior_copies(e, t, snl_rng_uniform(&rng), pick);
        t[SNL_PHI_REF] = pick[0];
        t[SNL_PSI] = pick[1];
    }
}

/* ---- saving: tag, reference, chart, best point, proposal, counts, sum */

static const char run_event_tag[8] = { 's', 'n', 'l', 'E', 'V', 'N', 'T', 1 };
enum { RUN_EVENT_DOUBLES = SNL_NPAR + 5 + RUN_MOST + 81 + 3 };

static void run_event_numbers(snl_event *e, double *v, int load)
{
    run_chart *c = &e->chart;
    double calls = (double)e->calls;
    const struct { void *at;  size_t n; } part[] = {
        { &e->ref, SNL_NPAR },                      /* eleven doubles */
        { &c->f, 1 }, { &c->t, 1 }, { &c->amp, 1 }, { &c->phase, 1 }, { &c->pole, 1 },
        { e->best, RUN_MOST }, { e->chol, 81 }, { &e->heat, 1 }, { &e->snr, 1 }, { &calls, 1 }
    };
    size_t i;
    for (i = 0; i < sizeof part / sizeof *part; v += part[i++].n)
        memcpy(load ? part[i].at : v, load ? v : part[i].at, part[i].n * sizeof *v);
    e->calls = (size_t)calls;
}

size_t snl_event_save_size(const snl_event *e)
{ (void)e;  return 16 + 8*RUN_EVENT_DOUBLES; }

void snl_event_save(const snl_event *e, unsigned char *bytes)
{
    snl_event copy = *e;
    double v[RUN_EVENT_DOUBLES];
    unsigned char *p;
    run_event_numbers(&copy, v, 0);
    memcpy(bytes, run_event_tag, 8);
    p = snl_put_doubles(bytes + 8, RUN_EVENT_DOUBLES, v);
    snl_put(p, snl_fnv1a(bytes, (size_t)(p - bytes)));
}

snl_status snl_event_load(snl_event *e, const unsigned char *bytes, size_t size)
{
    double v[RUN_EVENT_DOUBLES], calls;
    snl_source ref;
    size_t i;
    snl_status st;
    if (size != snl_event_save_size(e) || !snl_bytes_ok(bytes, size, run_event_tag))
        return SNL_EFORMAT;
    snl_get_doubles(bytes + 8, RUN_EVENT_DOUBLES, v);
    for (i = 0; i < RUN_EVENT_DOUBLES; i++) if (!(fabs(v[i]) < INFINITY)) return SNL_EFORMAT;
    calls = v[RUN_EVENT_DOUBLES - 1];
    if (!(calls >= 0 && calls <= 1e9 && floor(calls) == calls)) return SNL_EFORMAT;
    memcpy(&ref, v, sizeof ref);
    if ((st = run_event_heterodyne(e, e->cfg.lisa.model, &ref, NULL)) != SNL_OK)
        return st == SNL_ENOMEM ? st : SNL_EFORMAT;
    run_event_numbers(e, v, 1);
    e->chart.qnm = e->cfg.lisa.qnm;
    return SNL_OK;
}

/* ==== Sampling =========================================================== */

enum { RUN_ROWS = 32,                   /* that a density is given at a time */
       RUN_TEMPS = 64 };                /* at most                           */

/* A density for the sampler: fn maps y to (ln prior, ln L), beta heats ln L. */
typedef struct run_target {
    const snl_problem *p;
    snl_map_fn fn;
    void   *ctx;
    double  beta, *two;
    size_t  calls;                      /* of fn, inside the prior */
    double *start;                      /* [temps][walkers][dim] */
    double *known;                      /* [knowns][dim]: where else the density may be large */
    size_t  knowns;
    double *hot;                        /* not NULL: to [walkers][dim], the hottest at the end */
    size_t  step, steps;                /* of the chain's earlier stages, of all */
    snl_run_hook hook;
    void   *user;
    snl_run_progress prog;
} run_target;

static int run_tell(const run_target *t) { return t->hook && t->hook(t->user, &t->prog); }

static snl_status run_target_fn(void *ctx, size_t n, const double *y, double *lp, double *ll)
{
    run_target *t = ctx;
    const snl_problem *p = t->p;
    size_t i;
    const snl_status st = snl_pool_map(p->pool, t->fn, t->ctx, n, RUN_ROWS, y, p->dim, t->two, 2);
    for (i = 0; st == SNL_OK && i < n; i++) {
        lp[i] = t->two[2*i];
        ll[i] = t->beta * t->two[2*i + 1];
        t->calls += lp[i] > -INFINITY;
    }
    return st;
}

static int run_target_progress(void *user, const snl_mcmc_progress *m)
{
    run_target *t = user;
    t->prog.done = (double)(t->step + m->step) / (double)t->steps;
    t->prog.value = m->accept;
    t->prog.calls = t->calls;
    return run_tell(t);
}

static size_t run_workers(const snl_problem *p) { return p->pool ? p->pool->workers : 1; }

/* The exact likelihood of a problem of unit noise, by its simulator. */
typedef struct run_exact {
    const snl_problem *p;
    double *work;               /* [workers][each]: y and number, signal */
    size_t  each;
    const snl_run *run;         /* for run_both_fn                       */
} run_exact;

static snl_status run_exact_fn(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    const run_exact *x = ctx;
    const snl_problem *p = x->p;
    double *in = x->work + worker * x->each, *s = in + p->dim + 1;
    size_t i;
    for (i = 0; i < n; i++, y += p->dim, out += 2) {
        snl_status st = p->log_prior(p->ctx, worker, 1, y, out);
        out[1] = -INFINITY;
        if (st != SNL_OK) return st;
        if (!(out[0] > -INFINITY)) continue;
        memcpy(in, y, p->dim * sizeof *in);
        if ((st = p->simulate(p->ctx, worker, 1, in, s)) != SNL_OK) return st;
        out[1] = run_like(p->nx, p->x_obs, s);
    }
    return SNL_OK;
}

static snl_status run_exact_begin(run_exact *x, const snl_problem *p)
{
    x->run = NULL;
    x->p = p;
    x->each = p->dim + 1 + p->nx + 8;           /* 8: workers do not share a cache line */
    x->work = SNL_CALLOC(run_workers(p) * x->each, sizeof *x->work);
    return x->work ? SNL_OK : SNL_ENOMEM;
}

snl_status snl_log_likelihood(const snl_problem *p, size_t n, const double *y, double *out)
{
    run_exact x;
    double *two = SNL_CALLOC(2*n + 1, sizeof *two);
    snl_status st = two ? run_exact_begin(&x, p) : SNL_ENOMEM;
    size_t i;
    if (st == SNL_OK) {
        st = snl_pool_map(p->pool, run_exact_fn, &x, n, 16, y, p->dim, two, 2);
        for (i = 0; st == SNL_OK && i < n; i++) out[i] = two[2*i + 1];
        SNL_FREE(x.work);
    }
    SNL_FREE(two);
    return st;
}

static snl_status run_check_chain(const snl_sample_cfg *c, size_t dim, snl_fault *why)
{
    const double least = (double)(2*dim + 2), most = SNL_MCMC_MAX_WALKERS;
    const run_limit limits[] = {
        { "walkers", (double)c->walkers, least, most,               0 },
        { "temps",   (double)c->temps,   1,     RUN_TEMPS,          0 },
        { "ratio",   c->ratio,           1,     DBL_MAX,            1 },
        { "burn",    (double)c->burn,    10,    INFINITY,           0 },
        { "steps",   (double)c->steps,   10,    INFINITY,           0 },
        { "samples", (double)c->samples, 100,   INFINITY,           0 },
        { "ess",     c->ess,             0,     INFINITY,           0 }
    };
    if (c->walkers % 2) return snl_refuse(why, "walkers", (double)c->walkers, least, most);
    return run_check(sizeof limits / sizeof *limits, limits, why);
}

/* Components of the mixture (the surrogate's has twice as many: a step of it costs no waveform),
 * most draws of a quarter for it, draws of it for the evidence. */
enum { RUN_PARTS = 16, RUN_FIT = 4000, RUN_BRIDGE = 2000 };

/* Sample prior L^beta from t->start: cool down from heat to 1 in steps of at most 4, burn in, then
 * keep draws [samples][dim] and their ln L.  The last three quarters of the burn-in each end with
 * a fit of the mixture to their draws so far and what was known before, and so mix better and
 * better, and reach peaks where no walker is.  Where too few effective samples come out, every
 * other row is dropped and the chain goes on for as long as it was, at twice the thinning. */
static snl_status run_chain(run_target *t, double heat, const snl_sample_cfg *c, uint64_t seed,
                            double *draws, double *ll, snl_sample_report *rep, snl_fault *why)
{
    static const double moves[2][SNL_MOVES] = {
        { [SNL_MOVE_STRETCH] = 0.3, [SNL_MOVE_DE] = 0.1, [SNL_MOVE_SNOOKER] = 0.1,
          [SNL_MOVE_MIXTURE] = 0.3, [SNL_MOVE_JUMP] = 0.2 }, { [SNL_MOVE_STRETCH] = 1 }
    };
    const size_t W = c->walkers, d = t->p->dim, keep = (c->samples + W - 1) / W;
    const size_t least = (39 + keep)/keep, wish = c->steps/keep < 8 ? c->steps/keep : 8;
    const size_t more = wish > least ? wish : least;
    const size_t rows = keep*more;  /* for the ESS, which needs 40; every more-th is handed out */
    const size_t quarter = (c->burn + 3)/4;
    const size_t worth = (c->burn + c->steps)*W/64, fit = worth < RUN_FIT ? worth : RUN_FIT;
    const size_t skip = W < fit ? 1 + quarter*W/fit : quarter;              /* <= quarter */
    const size_t fits = 3*(quarter/skip) + (t->knowns + W - 1)/W, room = rows > fits ? rows : fits;
    size_t thin = c->steps > rows ? c->steps / rows : 1;
    const int stages = heat > 1 ? (int)ceil(log(heat) / log(4.0)) : 0;
    const double beta = t->beta;
    snl_mcmc_cfg cfg = snl_mcmc_defaults(d, W, c->temps);
    snl_mcmc_run_cfg run;
    snl_mcmc_chain chain = { 0 };
    snl_mcmc *s = NULL;
    double *m, *ess, rates[SNL_MOVES * RUN_TEMPS];
    size_t i;
    int stage;
    snl_status st;
    m = SNL_CALLOC(2*W*c->temps + room*W*(d + 2) + d + rows + c->samples + RUN_BRIDGE, sizeof *m);
    if (!m) return SNL_ENOMEM;
    t->two = m;
    chain.theta = m + 2*W*c->temps;
    chain.log_like = chain.theta + room*W*d;
    chain.log_prior = chain.log_like + room*W;
    ess = chain.log_prior + room*W;
    cfg.target = run_target_fn;
    cfg.target_ctx = t;
    cfg.jump = t->p->jump;
    cfg.jump_ctx = t->p->ctx;
    cfg.ratio = c->ratio;
    cfg.prior_rung = 0;
    memcpy(cfg.weight, moves[c->plain != 0], sizeof cfg.weight);
    if (!t->p->jump) cfg.weight[SNL_MOVE_JUMP] = 0;
    cfg.components = c->plain ? 0 : t->fn == run_exact_fn ? RUN_PARTS : 2*RUN_PARTS;
    cfg.seed = seed;
    if ((st = snl_mcmc_create(&s, &cfg, why)) != SNL_OK) goto done;
    run = snl_mcmc_run_defaults(c->burn);
    run.every = 20;
    run.progress = run_target_progress;
    run.user = t;
    t->step = 0;
    t->steps = (size_t)stages * ((c->burn + 5)/6) + 4*quarter + rows*thin;
    for (stage = 0; stage <= stages; stage++) {
        run.steps = stage < stages ? (c->burn + 5) / 6 : quarter;
        t->beta = beta * (stage < stages ? pow(heat, (double)stage/stages - 1) : 1);
        if ((st = snl_mcmc_start(s, stage ? snl_mcmc_state(s).theta : t->start, why)) != SNL_OK
            || (st = snl_mcmc_run(s, &run, NULL, why)) != SNL_OK) goto done;
        t->step += run.steps;
    }
    run.thin = skip;
    for (i = 0; i < 3; i++) {
        if ((st = snl_mcmc_run(s, &run, &chain, why)) != SNL_OK) goto done;
        t->step += run.steps;
        if (t->knowns)
            memcpy(chain.theta + chain.kept*W*d, t->known, t->knowns*d * sizeof *m);
        if (!c->plain) st = snl_mcmc_fit(s, chain.kept*W + t->knowns, chain.theta);
        if (st != SNL_OK && st != SNL_EFAILED) goto done;
    }
    chain.kept = 0;
    snl_mcmc_freeze(s);
    for (;; thin *= 2) {
        run.steps = (rows - chain.kept) * thin;
        run.thin = thin;
        if ((st = snl_mcmc_run(s, &run, &chain, why)) != SNL_OK) goto done;
        t->step += run.steps;
        rep->ess = (double)c->samples;          /* more are not handed out */
        if (snl_mcmc_ess(chain.kept, W, d, chain.theta, ess, ess + d) == SNL_OK)
            for (i = 0; i < d; i++) rep->ess = fmin(rep->ess, ess[i]);
        if (snl_mcmc_ess(chain.kept, W, 1, chain.log_prior, ess, ess + d) == SNL_OK && ess[0] > 0)
            rep->ess = fmin(rep->ess, ess[0]);  /* it has spikes that y has not; 0: it is constant */
        if (rep->ess >= c->ess || 2*thin*rows > c->most) break;
        for (i = 0; i < rows/2; i++) {
            memcpy(chain.theta + i*W*d, chain.theta + (2*i + 1)*W*d, W*d * sizeof *m);
            memcpy(chain.log_prior + i*W, chain.log_prior + (2*i + 1)*W, W * sizeof *m);
            memcpy(chain.log_like + i*W, chain.log_like + (2*i + 1)*W, W * sizeof *m);
        }
        chain.kept = rows/2;
        t->steps = t->step + 2*(rows - rows/2)*thin;
    }
    snl_mcmc_rates(s, rates, NULL);
    rep->accept = rates[SNL_MOVE_STRETCH];
    for (i = 0; i < c->samples; i++) {
        const size_t at = i/W*more*W + i%W;
        memcpy(draws + i*d, chain.theta + at*d, d * sizeof *m);
        ll[i] = chain.log_prior[at] + chain.log_like[at];
        chain.log_like[i] = chain.log_like[at] / beta;      /* i <= at */
    }
    if (snl_mcmc_bridge(s, c->samples, draws, ll, rep->ess, RUN_BRIDGE, &rep->evidence,
                        &rep->evidence_error, ess + d + rows, NULL) != SNL_OK)
        rep->evidence = rep->evidence_error = (double)NAN;
    memcpy(ll, chain.log_like, c->samples * sizeof *ll);
    if (t->hot) memcpy(t->hot, snl_mcmc_state(s).theta + (c->temps - 1)*W*d, W*d * sizeof *m);
    rep->calls = t->calls;
done:
    snl_mcmc_free(s);
    SNL_FREE(m);
    return st;
}

snl_status snl_sample_exact(const snl_problem *p, const snl_sample_cfg *c, uint64_t seed,
                            double *y, double *log_like, snl_sample_report *rep,
                            snl_run_hook hook, void *user, snl_fault *why)
{
    const size_t n = c->walkers * c->temps;
    run_exact x = { 0 };
    run_target t = { .p = p, .fn = run_exact_fn, .ctx = &x, .beta = 1, .hook = hook, .user = user,
                     .prog = { "sample", 0, 0, 0, 0, 0 } };
    size_t i;
    snl_rng rng;
    snl_status st;
    const run_limit limits[] = { { "unit_noise", p->unit_noise, 1, 1, 0 },
                                 { "heat", p->heat, 1, DBL_MAX, 0 } };
    if ((st = run_check(2, limits, why)) != SNL_OK) return st;
    if ((st = run_check_chain(c, p->dim, why)) != SNL_OK) return st;
    if (!(t.start = SNL_CALLOC(n * p->dim, sizeof *t.start))) return SNL_ENOMEM;
    snl_rng_seed(&rng, seed, 3);
    for (i = 0; st == SNL_OK && i < n; i++)
        if (!p->draw(p->ctx, &rng, t.start + i*p->dim)) st = SNL_EFAILED;
    if (st == SNL_OK) st = run_exact_begin(&x, p);
    if (st == SNL_OK) st = run_chain(&t, p->heat, c, seed, y, log_like, rep, why);
    SNL_FREE(x.work);
    SNL_FREE(t.start);
    return st;
}

/* ==== A run ============================================================== */

enum { RUN_LEAST = 600, RUN_NETWORKS = 8, RUN_POINTS = 64, RUN_COMPONENTS = 256 };

struct snl_run {
    const snl_problem *p;
    snl_run_cfg cfg;
    /* state, saved */
    size_t  round, calls, done, k, have;    /* k: linear components                      */
    size_t  extra;                  /* simulations of the expansions                         */
    double  beta;
    double  reach;                  /* the farthest y may be from the training rows: squared */
    double *mid, *chol;             /* ... Mahalanobis distance from mid [dim], [dim][dim]   */
    double  level;                  /* ln L - log p of the flow                              */
    double *y, *s;                  /* [cap][dim + 1], [cap][nx]: all simulations            */
    double *draws, *draw_ll;        /* [samples][dim], [samples]: the last posterior         */
    double *hot;                    /* [walkers][dim]: where its hottest walkers ended       */
    double *center, *basis, *xo;    /* compression: [nx], [k][nx], x_obs there [k]           */
    double *rounds;                 /* report, as numbers                                    */
    snl_round *report;              /* [rounds]                                              */
    snl_flow *squeeze;              /* SNL_COMPRESS_LEARNED: y from the components, or NULL  */
    snl_flow *flow[RUN_NETWORKS];   /* flow[0] NULL: nothing is trained                      */
    /* from these */
    size_t  cap, each;
    double *ll;                     /* [cap]: ln L of the simulations, 0 without unit_noise  */
    double *seen;                   /* x_obs as the networks see it, see run_seen            */
    double *work;                   /* [workers][each]                                       */
};

static int run_learned(const snl_run *r)
{ return r->p->unit_noise && r->cfg.compression == SNL_COMPRESS_LEARNED; }

static int run_scores(const snl_run *r)
{
    const snl_compression kind = r->cfg.compression;
    return r->p->unit_noise && (kind == SNL_COMPRESS_SCORE || kind == SNL_COMPRESS_BOTH);
}

/* The arrays of a run: room for them, and how much of each is filled and saved. */
enum { RUN_ARRAYS = 13 };
typedef struct run_array { double **at;  size_t room, used; } run_array;

static void run_arrays(snl_run *r, run_array *out)
{
    const snl_run_cfg *c = &r->cfg;
    const int unit = r->p->unit_noise;
    const size_t d = r->p->dim, nx = r->p->nx, round = sizeof(snl_round) / sizeof(double);
    const run_array all[RUN_ARRAYS] = {
        { &r->y,       r->cap*(d + 1),                r->calls*(d + 1)     },
        { &r->s,       r->cap*nx,                     r->calls*nx          },
        { &r->draws,   c->chain.samples*d,            r->have*d            },
        { &r->draw_ll, c->chain.samples,              r->have              },
        { &r->hot,     c->chain.walkers*d,            r->have ? c->chain.walkers*d : 0 },
        { &r->center,  nx,                            nx                   },
        { &r->basis,   c->components*nx,              unit ? r->k*nx : 0   },
        { &r->xo,      unit ? c->components : nx,     r->k                 },
        { &r->mid,     d,                             d                    },
        { &r->chol,    d*d,                           d*d                  },
        { &r->rounds,  round*c->rounds,               round*r->round       },
        { &r->seen,    d + (unit ? c->components : nx), 0                  },
        { &r->ll,      r->cap,                        0                    }
    };
    memcpy(out, all, sizeof all);
}

static void run_forget(snl_run *r)
{
    size_t i;
    for (i = 0; i < RUN_NETWORKS; i++) { snl_flow_free(r->flow[i]);  r->flow[i] = NULL; }
    snl_flow_free(r->squeeze);
    r->squeeze = NULL;
}

void snl_run_free(snl_run *r)
{
    if (!r) return;
    run_forget(r);
    SNL_FREE(r->work);
    SNL_FREE(r->y);
    SNL_FREE(r);
}

/* The network of d numbers x given the context ... */
static snl_flow_shape run_shape(const snl_run *r, size_t d)
{
    snl_flow_shape s = snl_flow_shape_defaults(d, r->p->nc);
    s.degree = r->cfg.once ? 0 : r->cfg.degree;
    s.mean_layers = r->cfg.once ? 0 : r->cfg.layers;
    s.mean_width = r->cfg.width;
    s.transforms = r->cfg.transforms;
    if (r->cfg.once) { s.layers = r->cfg.layers;  s.width = r->cfg.width; }
    return s;
}

/* ... and that of y given k components, whose mean is the summary. */
static snl_flow_shape run_shape_summary(const snl_run *r, size_t k)
{
    snl_flow_shape s = run_shape(r, r->p->dim);
    s.m = k;
    s.degree = 1;
    s.transforms = 0;
    return s;
}

/* Are these networks that can be made, at the largest? */
static snl_status run_check_shapes(const snl_run *r, snl_fault *why)
{
    static const char ours[2][2][12] = { { "mean_layers", "layers" }, { "mean_width", "width" } };
    const size_t most = r->p->unit_noise ? r->cfg.components : r->p->nx;
    const snl_flow_shape shape[2] = { run_shape(r, run_learned(r) ? r->p->dim : most),
                                      run_shape_summary(r, most) };
    snl_status st = SNL_OK;
    int i;
    for (i = 0; i <= run_learned(r) && st == SNL_OK; i++) {
        snl_flow *f;
        st = snl_flow_create(&f, &shape[i], why);
        snl_flow_free(f);
    }
    for (i = 0; i < 2; i++)
        if (st != SNL_OK && why && !strcmp(why->name, ours[i][0])) why->name = ours[i][1];
    return st;
}

snl_status snl_run_create(snl_run **out, const snl_problem *p, const snl_run_cfg *cfg,
                          snl_fault *why)
{
    const size_t d = p->dim;
    const int unit = p->unit_noise;
    const double noisy = cfg->once || !unit || cfg->compression == SNL_COMPRESS_LEARNED;
    const run_limit limits[] = {
        { "dim",         (double)d,               1,                RUN_MAX_DIM,          0 },
        { "nx",          (double)p->nx,           1,                unit ? INFINITY : 1024, 0 },
        { "nc",          (double)p->nc,           1,                1024,                 0 },
        { "heat",        p->heat,                 1,                unit ? DBL_MAX : 1,   0 },
        { "first",       (double)cfg->first,      50,               1e9,                  0 },
        { "each",        (double)cfg->each,       50,               1e9,                  0 },
        { "rounds",      (double)cfg->rounds,     1,                1e6,                  0 },
        { "compression", cfg->compression,        SNL_COMPRESS_PCA, SNL_COMPRESS_LEARNED, 0 },
        { "points",      (double)cfg->points,     1,                RUN_POINTS,           0 },
        { "components",  (double)cfg->components, 1,                RUN_COMPONENTS,       0 },
        { "networks",    (double)cfg->networks,   1,                RUN_NETWORKS,         0 },
        { "lost",        cfg->lost,               0,                INFINITY,             1 },
        { "degree",      (double)cfg->degree,     0,                4,                    0 },
        { "once",        cfg->once,               0,                unit,                 0 },
        { "transforms",  (double)cfg->transforms, noisy,            64,                   0 },
        { "error",       cfg->error,              0,                INFINITY,             1 },
        { "divergence",  cfg->divergence,         0,                INFINITY,             1 }
    };
    run_array a[RUN_ARRAYS];
    snl_run *r;
    double *m, rows;
    size_t i, total = 0;
    snl_status st;
    *out = NULL;
    if ((st = run_check(sizeof limits / sizeof *limits, limits, why)) != SNL_OK) return st;
    if ((st = run_check_chain(&cfg->chain, d, why)) != SNL_OK) return st;
    rows = (double)cfg->first + (double)cfg->each*(double)cfg->rounds + (double)cfg->components;
    if ((rows + 1)*((double)d + 2 + (double)p->nx) + 16.0*(double)cfg->rounds
        + ((double)d + 1)*(double)cfg->chain.samples
        > (double)((size_t)-1/sizeof *m / 2)) return SNL_ENOMEM;    /* 32 bits: sizes overflow */
    if (!(r = SNL_CALLOC(1, sizeof *r))) return SNL_ENOMEM;
    r->p = p;
    r->cfg = *cfg;
    r->cap = cfg->first + cfg->each * cfg->rounds;
    run_arrays(r, a);
    for (i = 0; i < RUN_ARRAYS; i++) total += a[i].room;
    st = run_check_shapes(r, why);
    if (st != SNL_OK || !(m = SNL_CALLOC(total, sizeof *m))) {
        SNL_FREE(r);
        return st != SNL_OK ? st : SNL_ENOMEM;
    }
    for (i = 0; i < RUN_ARRAYS; i++) { *a[i].at = m;  m += a[i].room; }
    r->report = (snl_round *)(void *)r->rounds;
    r->beta = 1 / p->heat;
    *out = r;
    return SNL_OK;
}

/* Simulations of the next round.  Where ln L is known, the last posterior was not tempered, and the
 * one before had it right to a nat in units of its beta, the network is nearly done: two fifths
 * show how good it is, and mend the rest. */
static size_t run_next(const snl_run *r)
{
    const snl_round *last = r->report + (r->round > 1 ? r->round - 2 : 0);     /* but one */
    if (!r->round) return r->cfg.first;
    return r->round > 1 && r->p->unit_noise && r->beta == 1 && !r->cfg.once
        && last[0].beta*last[1].error <= 1 ? r->cfg.each*2/5 : r->cfg.each;
}

snl_run_view snl_run_state(const snl_run *r)
{
    const size_t expand = run_scores(r) ? 2*r->p->dim*r->cfg.points : 0;
    static const char why[][40] = { "", "the posterior stands still",
                                       "the budget of rounds is used up" };
    const snl_run_view v = { r->round, r->calls + r->extra, run_next(r) + expand, r->done > 0, why[r->done],
                             r->beta, r->report, r->have, r->draws, r->draw_ll };
    return v;
}

static void run_likes(snl_run *r, size_t from, size_t n)
{
    const size_t nx = r->p->nx;
    for (; r->p->unit_noise && from < n; from++)
        r->ll[from] = run_like(nx, r->p->x_obs, r->s + from*nx);
}

/* An orthonormal basis that grows: rows q [m][nx] of most max, the picked signals in it, and
 * what it leaves of each. */
typedef struct run_basis {
    size_t n, m, max;
    const size_t *pick;
    double *q, *c, *left;           /* [max][nx], [n][max], [n] */
} run_basis;

static size_t run_worst(const run_basis *b)
{
    size_t worst = 0, i;
    for (i = 1; i < b->n; i++) if (b->left[i] > b->left[worst]) worst = i;
    return worst;
}

/* Row m from v, less what lies in the others; 0 if nothing is left of it. */
static int run_grow(const snl_run *r, run_basis *b, const double *v, double least)
{
    const size_t nx = r->p->nx, m = b->m;
    double *q = b->q + m*nx, norm;
    size_t i, j, k;
    if (m == b->max) return 0;
    memcpy(q, v, nx * sizeof *q);
    for (k = 0; k < 2; k++)                           /* Gram-Schmidt, twice is enough */
        for (j = 0; j < m; j++) run_axpy(nx, -run_dot(nx, q, b->q + j*nx), b->q + j*nx, q);
    norm = sqrt(run_dot(nx, q, q));
    if (!(norm > least)) return 0;
    for (k = 0; k < nx; k++) q[k] /= norm;
    for (i = 0; i < b->n; i++) {
        const double t = run_dot(nx, r->s + b->pick[i]*nx, q) - run_dot(nx, r->center, q);
        b->c[i*b->max + m] = t;
        b->left[i] -= t*t;
    }
    b->m++;
    return 1;
}

/* The basis with the derivatives of s about simulation `at`, along the axes of the region that
 * is learned from; where the prior has an edge, to one side. */
static snl_status run_expand(snl_run *r, run_basis *b, size_t at)
{
    const snl_problem *p = r->p;
    const size_t d = p->dim, nx = p->nx;
    const double *y0 = r->y + at*(d + 1), step = 1e-3;
    double *in = SNL_CALLOC(2*d*(d + 1 + nx), sizeof *in), *s;
    size_t i, k, n = 0, which[2*RUN_MAX_DIM];
    snl_status st = SNL_OK;
    if (!in) return SNL_ENOMEM;
    s = in + 2*d*(d + 1);
    for (i = 0; i < 2*d && st == SNL_OK; i++) {
        double lp = -INFINITY, *y = in + n*(d + 1);
        memcpy(y, y0, (d + 1) * sizeof *y);
        for (k = i/2; k < d; k++) y[k] += (i % 2 ? -step : step) * r->chol[k*d + i/2];
        st = p->log_prior(p->ctx, 0, 1, y, &lp);
        if (lp > -INFINITY) which[n++] = i;
    }
    if (st == SNL_OK && n) st = snl_pool_map(p->pool, p->simulate, p->ctx, n, 1, in, d + 1, s, nx);
    r->extra += n;
    for (i = 0; i < n && st == SNL_OK; i++) {
        double *v = s + i*nx;
        const int pair = which[i] % 2 == 0 && i + 1 < n && which[i + 1] == which[i] + 1;
        run_axpy(nx, -1, pair ? v + nx : r->s + at*nx, v);
        run_grow(r, b, v, 1e-6 * sqrt(run_dot(nx, v, v)));
        i += (size_t)pair;
    }
    SNL_FREE(in);
    return st;
}

/* Components of s [nx]: its projections on the basis, from the centre; without compression s. */
static void run_project(const snl_run *r, const double *s, double *x)
{
    const size_t nx = r->p->nx;
    size_t k;
    for (k = 0; k < r->k; k++) {
        const double *b = r->basis + k*nx;
        x[k] = r->p->unit_noise ? run_dot(nx, b, s) - run_dot(nx, b, r->center) : s[k];
    }
}

/* Compress linearly: a basis that holds the derivatives about expansion points, or grows from
 * the rows it represents worst, or both, turned to principal axes of the rows about their mean.
 * pick[0] is the likeliest simulation. */
static snl_status run_compress(snl_run *r, size_t n, const size_t *pick, snl_round *rep)
{
    const int score = run_scores(r);
    const size_t nx = r->p->nx;
    size_t max = n - 1 < 160 ? n - 1 : 160, i, j, k, full;
    double *mem, *v, *A, *V, *e, tail = 0;
    run_basis b;
    snl_status st = SNL_OK;
    if (score && max < r->cfg.components) max = r->cfg.components;
    if (max > nx) max = nx;
    mem = SNL_CALLOC((max + 1)*nx + n*max + n + 2*max*max + max, sizeof *mem);
    if (!mem) return SNL_ENOMEM;
    v = mem;  b.q = v + nx;  b.c = b.q + max*nx;  b.left = b.c + n*max;
    A = b.left + n;  V = A + max*max;  e = V + max*max;
    b.n = n;  b.m = 0;  b.max = max;  b.pick = pick;
    memset(r->center, 0, nx * sizeof *v);
    for (i = 0; i < n; i++) run_axpy(nx, 1/(double)n, r->s + pick[i]*nx, r->center);
    for (i = 0; i < n; i++) b.left[i] = run_distance2(nx, r->s + pick[i]*nx, r->center);
    for (i = 0; score && i < r->cfg.points; i++)
        if ((st = run_expand(r, &b, pick[i ? run_worst(&b) : 0])) != SNL_OK) goto done;
    while (r->cfg.compression != SNL_COMPRESS_SCORE && b.left[i = run_worst(&b)] > 1e-6) {
        memcpy(v, r->s + pick[i]*nx, nx * sizeof *v);
        run_axpy(nx, -1, r->center, v);
        if (!run_grow(r, &b, v, 1e-6)) break;
    }
    full = b.m;
    if (!full) { st = SNL_EFAILED;  goto done; }
    for (i = 0; i < n; i++) if (b.left[i] > 0) tail += b.left[i] / (double)n;
    for (j = 0; j < full; j++)
        for (k = 0; k < full; k++)
            for (A[j*full + k] = 0, i = 0; i < n; i++)
                A[j*full + k] += b.c[i*max + j] * b.c[i*max + k] / (double)n;
    run_eigen(full, A, V, e);
    for (k = full; k > 1; k--) {                      /* drop what is small enough */
        if (k <= r->cfg.components && sqrt(tail + fmax(0, e[k - 1])) > r->cfg.lost) break;
        tail += fmax(0, e[k - 1]);
    }
    r->k = k;
    rep->lost = sqrt(tail);
    memset(r->basis, 0, k * nx * sizeof *v);
    for (j = 0; j < k; j++)
        for (i = 0; i < full; i++) run_axpy(nx, V[j*full + i], b.q + i*nx, r->basis + j*nx);
    run_project(r, r->p->x_obs, r->xo);
    r->level = 0.5*((double)k * log(2*SNL_PI) + run_dot(k, r->xo, r->xo))
             + run_like(nx, r->p->x_obs, r->center);
done:
    SNL_FREE(mem);
    return st;
}

/* What the networks see of n rows of components x [n][k]: they themselves or, learned, one
 * number for each parameter, out [n][run_width(r)].  work: snl_flow_work of that network. */
static size_t run_width(const snl_run *r) { return r->squeeze ? r->p->dim : r->k; }

static void run_seen(const snl_run *r, size_t n, const double *x, double *out, double *work)
{
    if (r->squeeze) snl_flow_mean(r->squeeze, n, x, out, work);
    else memcpy(out, x, n*r->k * sizeof *out);
}

/* ln p(x) at n <= RUN_ROWS contexts c: of N(mean, 1) with the mean of the networks' means where
 * the noise is known, else of the mean of their densities.  each [n][networks]: of each alone.
 * work: 2 RUN_ROWS run_width(r), and what a flow needs. */
static void run_networks(const snl_run *r, size_t n, const double *x, const double *c, double *logp,
                         double *each, double *work)
{
    const size_t e = r->cfg.networks, w = run_width(r);
    const int known = r->p->unit_noise && !r->cfg.once && !r->squeeze && !r->cfg.transforms;
    const double norm = -0.5*(double)w * log(2*SNL_PI);
    double *mu = work, *sum = mu + RUN_ROWS*w, *flow = sum + RUN_ROWS*w;
    size_t i, k;
    memset(sum, 0, n*w * sizeof *sum);
    for (k = 0; k < e; k++) {
        if (!known) snl_flow_logp(r->flow[k], n, x, 1, c, logp, flow);
        else snl_flow_mean(r->flow[k], n, c, mu, flow);
        for (i = 0; i < n; i++) each[i*e + k] = known ? norm - 0.5*run_distance2(w, x, mu + i*w) : logp[i];
        if (known) run_axpy(n*w, 1/(double)e, mu, sum);
    }
    for (i = 0; i < n; i++)
        logp[i] = known ? norm - 0.5*run_distance2(w, x, sum + i*w) : snl_log_mean_exp(e, each + i*e);
}

/* Rows (ln prior, -) of n <= RUN_ROWS points y get ln p(x | y), -INFINITY where the prior is; the
 * others go through the networks together. */
static snl_status run_density(const snl_run *r, size_t worker, size_t n, const double *y,
                              const double *x, double *two)
{
    const snl_problem *p = r->p;
    double *c = r->work + worker*r->each, *each = c + RUN_ROWS*p->nc, logp[RUN_ROWS];
    size_t i, m = 0, row[RUN_ROWS];
    for (i = 0; i < n; i++) {
        snl_status st;
        two[2*i + 1] = -INFINITY;
        if (!(two[2*i] > -INFINITY)) continue;
        if ((st = p->context(p->ctx, worker, 1, y + i*p->dim, c + m*p->nc)) != SNL_OK) return st;
        row[m++] = i;
    }
    if (m) run_networks(r, m, x, c, logp, each, each + RUN_ROWS*r->cfg.networks);
    for (i = 0; i < m; i++) two[2*row[i] + 1] = logp[i];
    return SNL_OK;
}

/* [n][2] = ln prior, ln surrogate likelihood; outside the trained region -INFINITY. */
static snl_status run_surrogate(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    const snl_run *r = ctx;
    const size_t d = r->p->dim;
    double lp[RUN_ROWS];
    size_t i;
    snl_status st = r->p->log_prior(r->p->ctx, worker, n, y, lp);
    for (i = 0; i < n && st == SNL_OK; i++) {
        const int far = lp[i] > -INFINITY && !(run_far2(d, r->chol, y + i*d, r->mid) <= r->reach);
        out[2*i] = far ? -INFINITY : lp[i];
    }
    if (st == SNL_OK) st = run_density(r, worker, n, y, r->seen, out);
    for (i = 0; i < n && st == SNL_OK; i++) out[2*i + 1] += r->level;
    return st;
}

/* One network's training. */
typedef struct run_training {
    const snl_run *r;
    run_target *t;                  /* to report to; NULL: another network reports           */
    snl_train_cfg cfg;
    snl_train_data data;
    snl_flow_shape shape;
    const double *x;                /* [m][k]: noise-free components                         */
    double *work;                   /* learned: [k] and of run_seen                          */
    int noise;                      /* is drawn anew at every use                            */
    size_t bytes;                   /* of a saved network                                    */
} run_training;

/* A training hook: unit noise on the signals, new at every use, for the transforms.  The
 * mean is fitted to the signals themselves, the limit of ever new noise; but of what is
 * learned, which is not linear, to the noisy ones. */
static snl_status run_add_noise(void *self, snl_rng *rng, int stage, size_t epoch, size_t n,
                                const size_t *rows, double *x)
{
    const run_training *a = self;
    const size_t k = a->r->k;
    size_t i, j;
    (void)epoch;
    for (i = 0; !a->r->squeeze && stage == 2 && i < n * k; i++) x[i] += snl_rng_normal(rng);
    for (i = 0; a->r->squeeze && i < n; i++) {
        for (j = 0; j < k; j++) a->work[j] = a->x[rows[i]*k + j] + snl_rng_normal(rng);
        run_seen(a->r, 1, a->work, x + i*a->shape.d, a->work + k);
    }
    return SNL_OK;
}

static int run_train_progress(void *self, const snl_train_progress *p)
{
    run_target *t = ((run_training *)self)->t;
    if (!t) return 0;
    t->prog.done = (double)p->epoch / (double)p->epochs;
    t->prog.value = p->val;
    t->prog.train = p->train;
    return run_tell(t);
}

/* Scratch of the surrogate, after its networks are known, and what they see of the data. */
static snl_status run_ready(snl_run *r)
{
    const size_t flow = snl_flow_work(r->flow[0]);
    const size_t squeeze = r->squeeze ? snl_flow_work(r->squeeze) : 0;
    r->each = RUN_ROWS*(r->p->nc + r->cfg.networks + 2*run_width(r)) + 8
            + (flow > squeeze ? flow : squeeze);
    SNL_FREE(r->work);
    r->work = SNL_CALLOC(run_workers(r->p) * r->each, sizeof *r->work);
    if (!r->work) return SNL_ENOMEM;
    run_seen(r, 1, r->xo, r->seen, r->work);
    return SNL_OK;
}

/* Train network in[0]: its loss and its bytes to out, for other processes might have done it. */
static snl_status run_train_fn(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    const run_training *all = ctx;
    const snl_run *r = all->r;
    snl_status st = SNL_OK;
    (void)worker;
    for (; n-- > 0 && st == SNL_OK; in++, out += 1 + all->bytes/8) {
        run_training a = *all;
        const snl_train_hooks hooks = { &a, a.noise ? run_add_noise : NULL, run_train_progress };
        snl_train_report rep;
        snl_flow *f;
        size_t size;
        if (in[0] > 0) a.t = NULL;
        a.cfg.seed += 1000*(uint64_t)in[0];
        if ((st = snl_flow_create(&f, &a.shape, NULL)) != SNL_OK) return st;
        if (r->squeeze && !(a.work = SNL_CALLOC(r->k + snl_flow_work(r->squeeze), sizeof *a.work)))
            st = SNL_ENOMEM;
        if (st == SNL_OK) st = snl_flow_train(f, &a.cfg, &a.data, &hooks, &rep, NULL);
        if (st == SNL_OK) out[0] = a.shape.transforms ? -rep.logp_val : rep.mean_val;
        if (st == SNL_OK) st = snl_flow_save(f, (unsigned char *)(out + 1), a.bytes, &size);
        SNL_FREE(a.work);
        snl_flow_free(f);
    }
    return st;
}

/* All networks of a kind, spread over the pool; *loss their mean. */
static snl_status run_train(run_training *a, size_t n, snl_flow **flow, double *loss)
{
    const snl_pool *pool = a->r->p->pool;
    double index[RUN_NETWORKS], *out = NULL;
    snl_flow *f;
    size_t i;
    snl_status st = snl_flow_create(&f, &a->shape, NULL);
    if (st == SNL_OK) st = snl_flow_save(f, NULL, 0, &a->bytes);
    snl_flow_free(f);
    if (st == SNL_OK && !(out = SNL_CALLOC(n*(1 + a->bytes/8), sizeof *out))) st = SNL_ENOMEM;
    for (i = 0; i < n; i++) index[i] = (double)i;
    if (st == SNL_OK) st = snl_pool_map(pool, run_train_fn, a, n, 1, index, 1, out, 1 + a->bytes/8);
    for (*loss = 0, i = 0; i < n && st == SNL_OK; i++) {
        const double *row = out + i*(1 + a->bytes/8);
        *loss += row[0]/(double)n;
        st = snl_flow_load(&flow[i], (const unsigned char *)(row + 1), a->bytes);
    }
    SNL_FREE(out);
    return st;
}

/* The network that makes one number for each parameter of the components: the mean of y given
 * signal and noise, from COPIES noisy ones of each row. */
static snl_status run_learn_summary(snl_run *r, size_t m, const size_t *pick, run_training *a)
{
    enum { COPIES = 4 };
    const size_t k = r->k, d = r->p->dim;
    run_training b = *a;
    double *c = SNL_CALLOC(COPIES*m*(k + d), sizeof *c), *y, loss;
    snl_flow *made = NULL;
    snl_rng rng;
    size_t i, j;
    snl_status st;
    if (!c) return SNL_ENOMEM;
    y = c + COPIES*m*k;
    snl_rng_seed(&rng, a->cfg.seed, 17);
    for (i = 0; i < COPIES*m; i++) {
        for (j = 0; j < k; j++) c[i*k + j] = a->x[(i % m)*k + j] + snl_rng_normal(&rng);
        memcpy(y + i*d, r->y + pick[i % m]*(d + 1), d * sizeof *y);
    }
    b.shape = run_shape_summary(r, k);
    b.cfg.flow.epochs = 0;
    b.data.n = COPIES*m;  b.data.c = c;  b.data.x = y;  b.data.s = NULL;
    b.noise = 0;                                /* none is added to y */
    st = run_train(&b, 1, &made, &loss);
    r->squeeze = made;
    SNL_FREE(c);
    return st;
}

/* ln L - log p of networks whose x is not the data: the mean over the rows that count. */
static void run_level(snl_run *r, size_t m, const size_t *pick, const double *c)
{
    double sum = 0, total = 0;
    size_t i;
    for (i = 0; i < m; i++) {
        const double ll = r->ll[pick[i]], w = exp(r->beta*(ll - r->ll[pick[0]])/4);
        double logp, each[RUN_NETWORKS] = { 0 };
        run_networks(r, 1, r->seen, c + i*r->p->nc, &logp, each, r->work);
        if (!(fabs(logp) < INFINITY)) continue;
        sum += w*(ll - logp);
        total += w;
    }
    r->level = sum/total;
}

/* Where the surrogate holds: as far as the rows it was trained on, by their covariance. */
static snl_status run_region(snl_run *r, size_t m, const size_t *pick)
{
    const size_t d = r->p->dim;
    double *mid = r->mid, *C = r->chol;
    size_t i, j, k;
    memset(mid, 0, d * sizeof *mid);
    memset(C, 0, d*d * sizeof *C);
    for (i = 0; i < m; i++) run_axpy(d, 1/(double)m, r->y + pick[i]*(d + 1), mid);
    for (i = 0; i < m; i++) {
        const double *y = r->y + pick[i]*(d + 1);
        for (j = 0; j < d; j++)
            for (k = 0; k < d; k++) C[j*d + k] += (y[j] - mid[j]) * (y[k] - mid[k]) / (double)m;
    }
    if (!run_cholesky(d, C)) return SNL_EFAILED;
    for (r->reach = 0, i = 0; i < m; i++)
        r->reach = fmax(r->reach, run_far2(d, C, r->y + pick[i]*(d + 1), mid));
    return SNL_OK;
}

/* Fit compression and networks to the m picked rows. */
static snl_status run_fit(snl_run *r, size_t m, const size_t *pick, run_target *t,
                          snl_round *rep)
{
    const snl_problem *p = r->p;
    const size_t d = p->dim, nx = p->nx;
    const int fresh = p->unit_noise && !r->cfg.once, learned = run_learned(r);
    run_training a = { 0 };
    double *c, *x, *ones;
    size_t i, j, k;
    snl_rng rng;
    snl_status st;
    run_forget(r);
    if ((st = run_region(r, m, pick)) != SNL_OK) return st;
    if (p->unit_noise) st = run_compress(r, m, pick, rep);
    else { r->k = nx;  r->level = 0;  run_project(r, p->x_obs, r->xo); }
    if (st != SNL_OK) return st;
    k = r->k;
    rep->trained = (double)m;
    if (!(c = SNL_CALLOC(m*(p->nc + k + d) + k, sizeof *c))) return SNL_ENOMEM;
    x = c + m*p->nc;
    ones = x + m*k;
    for (i = 0; i < m && st == SNL_OK; i++) {
        st = p->context(p->ctx, 0, 1, r->y + pick[i]*(d + 1), c + i*p->nc);
        run_project(r, r->s + pick[i]*nx, x + i*k);
        if (r->cfg.once) {              /* the same noise for a simulation in every round */
            snl_rng_seed(&rng, r->cfg.seed + 13, pick[i]);
            for (j = 0; j < k; j++) x[i*k + j] += snl_rng_normal(&rng);
        }
    }
    for (i = 0; i < k; i++) ones[i] = 1;
    a.r = r;  a.t = t;  a.x = x;  a.noise = fresh;
    a.cfg = snl_train_defaults();
    a.cfg.mean.epochs = r->cfg.epochs;
    a.cfg.flow.epochs = r->cfg.transforms ? r->cfg.epochs : 0;
    a.cfg.seed = r->cfg.seed + r->round;
    if (st == SNL_OK && learned) st = run_learn_summary(r, m, pick, &a);
    a.data.n = m;  a.data.c = c;  a.data.x = x;  a.data.s = fresh && !learned ? ones : NULL;
    if (st == SNL_OK && learned) {              /* drawn anew by the hook, on this scale */
        double *work = SNL_CALLOC(snl_flow_work(r->squeeze), sizeof *work);
        if (work) run_seen(r, m, x, ones + k, work);
        else st = SNL_ENOMEM;
        SNL_FREE(work);
        a.data.x = ones + k;
    }
    a.shape = run_shape(r, run_width(r));
    rep->components = (double)run_width(r);
    if (st == SNL_OK) st = run_train(&a, r->cfg.networks, r->flow, &rep->loss);
    if (st == SNL_OK) st = run_ready(r);
    if (st == SNL_OK && learned) run_level(r, m, pick, c);
    if (st != SNL_OK) run_forget(r);            /* all networks or none */
    SNL_FREE(c);
    return st;
}

static const double *run_any_draw(const snl_run *r, snl_rng *rng)
{ return r->draws + snl_rng_below(rng, r->have)*r->p->dim; }

/* The nearest to y of so many draws, in the metric of the training rows. */
static const double *run_neighbour(const snl_run *r, snl_rng *rng, const double *y, int tries)
{
    const double *best = NULL;
    double least = INFINITY;
    while (tries-- > 0) {
        const double *c = run_any_draw(r, rng), far = run_far2(r->p->dim, r->chol, c, y);
        if (!(far > 0 && far < least)) continue;
        least = far;
        best = c;
    }
    return best;
}

/* Where else the posterior at beta may be: simulations, each once, that are likely at temperature
 * 4/beta by their exact ln L and far from the last draws, a squared distance measured by what
 * neighbours among these differ by.  Through them a chain finds an image of the sky in which no
 * draw is, and its mixture learns the shape of it.  To t->known [RUN_KNOWN][dim], none where ln L
 * is not known.  weight [n] is scratch. */
enum { RUN_KNOWN = 500 };
static snl_status run_known(const snl_run *r, size_t n, run_target *t, snl_rng *rng, double *weight)
{
    enum { PAIRS = 500, TRIES = 32, NEAR = 48 };
    const snl_problem *p = r->p;
    const size_t d = p->dim;
    double L[RUN_MAX_DIM*RUN_MAX_DIM] = { 0 }, top = -INFINITY, sum = 0, lp;
    const double *near[NEAR];
    size_t i, j, k;
    snl_status st;
    t->knowns = 0;
    if (!p->unit_noise || !r->have) return SNL_OK;
    for (i = 0; i < PAIRS; i++) {
        const double *a = run_any_draw(r, rng), *b = run_neighbour(r, rng, a, TRIES);
        for (j = 0; b && j < d; j++)
            for (k = 0; k < d; k++) L[j*d + k] += (a[j] - b[j])*(a[k] - b[k])/PAIRS;
    }
    if (!run_cholesky(d, L)) memcpy(L, r->chol, d*d * sizeof *L);
    for (i = 0; i < NEAR; i++) near[i] = run_any_draw(r, rng);
    for (i = 0; i < n; i++) top = fmax(top, r->ll[i]);
    for (i = 0; i < n; i++) {
        const double *y = r->y + i*(d + 1), below = t->beta*(top - r->ll[i]), w = exp(-0.25*below);
        weight[i] = 0;
        if (below > 15) continue;
        if ((st = p->log_prior(p->ctx, 0, 1, y, &lp)) != SNL_OK) return st;
        if (!(lp > -INFINITY)) continue;
        for (weight[i] = INFINITY, j = 0; j < NEAR; j++)
            weight[i] = fmin(weight[i], w*run_far2(d, L, y, near[j]));
        sum += weight[i];
    }
    while (t->knowns < RUN_KNOWN) {
        double u = sum * snl_rng_uniform(rng);
        for (i = 0; i < n && (u -= weight[i]) >= 0; i++) ;
        if (i == n || !(weight[i] > 0)) break;      /* none is left, but for rounding */
        memcpy(t->known + d * t->knowns++, r->y + i*(d + 1), d * sizeof *weight);
        sum -= weight[i];
        weight[i] = 0;
    }
    return SNL_OK;
}

/* Start points: draws of the last posterior that the prior allows now, and what is known for the
 * last quarter of the cold walkers and half of the hot ones. */
static snl_status run_restart(const snl_run *r, const run_target *t, snl_rng *rng)
{
    const size_t d = r->p->dim, W = r->cfg.chain.walkers, n = W*r->cfg.chain.temps;
    double *y = t->start, lp;
    size_t i, tries = 0;
    for (i = 0; i < n; tries++) {
        const int known = t->knowns >= W && (i < W ? i >= W - W/4 : i % 2);
        snl_status st;
        memcpy(y, known ? t->known + snl_rng_below(rng, t->knowns)*d : run_any_draw(r, rng),
               d * sizeof *y);
        if ((st = r->p->log_prior(r->p->ctx, 0, 1, y, &lp)) != SNL_OK) return st;
        if (lp > -INFINITY) { i++;  y += d; }
        else if (tries > 1000*n) return SNL_EFAILED;
    }
    return SNL_OK;
}

/* The surrogate's posterior at t->beta; from the last one, but in the first round. */
static snl_status run_sample(snl_run *r, run_target *t, const snl_sample_cfg *c, uint64_t seed,
                             snl_rng *rng, snl_sample_report *rep, snl_fault *why)
{
    snl_status st = r->have ? run_restart(r, t, rng) : SNL_OK;
    if (st == SNL_OK) st = run_chain(t, 1, c, seed, r->draws, r->draw_ll, rep, why);
    if (st == SNL_OK) r->have = c->samples;
    return st;
}

/* Memory of a target over n simulations: start and known points, scratch [n]. */
static double *run_target_begin(run_target *t, const snl_run *r, size_t n)
{
    const size_t d = r->p->dim, starts = r->cfg.chain.walkers*r->cfg.chain.temps;
    t->start = SNL_CALLOC((starts + RUN_KNOWN)*d + n, sizeof *t->start);
    if (!t->start) return NULL;
    t->known = t->start + starts*d;
    return t->known + RUN_KNOWN*d;
}

/* How far the networks are from their mean, rms over the draws. */
static snl_status run_spread(snl_run *r, double *out)
{
    const snl_problem *p = r->p;
    const size_t e = r->cfg.networks, n = r->have < 1000 ? r->have : 1000;
    double *c = r->work, sum[RUN_NETWORKS] = { 0 }, rms = 0;
    size_t i, k;
    *out = (double)NAN;
    if (e < 2) return SNL_OK;
    for (i = 0; i < n; i++) {
        double logp, d, each[RUN_NETWORKS] = { 0 };
        const snl_status st = p->context(p->ctx, 0, 1, r->draws + i*(r->have/n)*p->dim, c);
        if (st != SNL_OK) return st;
        run_networks(r, 1, r->seen, c, &logp, each, c + p->nc);
        for (k = 0; k < e; k++) {
            d = each[k] - logp;                     /* NOLINTNEXTLINE: k < networks */
            sum[k] += d/(double)n;
            rms += d*d/(double)(n*e);
        }
    }
    for (k = 0; k < e; k++) rms -= sum[k]*sum[k]/(double)e;
    *out = sqrt(fmax(0, rms));
    return SNL_OK;
}

/* How far the posterior has moved since the last round's: the largest 1-D divergence between
 * its draws as they are and weighted by new to old likelihood, free of the noise that two
 * chains would have. */
static snl_status run_moved(snl_run *r, double *out)
{
    const size_t n = r->have, d = r->p->dim;
    double *two = SNL_CALLOC(4*n + 4*SNL_JSD_GRID, sizeof *two), *w, *x, j, top = -INFINITY;
    size_t i, k;
    snl_status st;
    if (!two) return SNL_ENOMEM;
    w = two + 2*n;
    x = w + n;
    st = snl_pool_map(r->p->pool, run_surrogate, r, n, RUN_ROWS, r->draws, d, two, 2);
    for (i = 0; i < n && st == SNL_OK; i++) {
        w[i] = two[2*i] > -INFINITY ? two[2*i + 1] - r->draw_ll[i] : -INFINITY;
        top = fmax(top, w[i]);
    }
    for (i = 0; i < n && st == SNL_OK; i++) w[i] = exp(w[i] - top);
    for (*out = 0, k = 0; k < d && st == SNL_OK; k++) {
        for (i = 0; i < n; i++) x[i] = r->draws[i*d + k];
        if (!(top > -INFINITY) || snl_jsd(n, x, NULL, n, x, w, &j, x + n) != SNL_OK) j = log(2);
        *out = fmax(*out, j);                   /* ln 2: nothing is left of the old draws */
    }
    SNL_FREE(two);
    return st;
}

/* ---- a trained run ------------------------------------------------------ */

snl_status snl_run_sample(snl_run *r, snl_sample_report *rep, snl_run_hook hook, void *user,
                          snl_fault *why)
{
    run_target t = { .p = r->p, .fn = run_surrogate, .ctx = r, .beta = r->beta, .hook = hook,
                     .user = user, .prog = { "sample", r->round, 0, 0, 0, 0 } };
    double *work;
    snl_rng rng;
    snl_status st;
    if (!r->flow[0] || !r->have) return snl_refuse(why, "round", (double)r->round, 1, (double)r->cfg.rounds);
    if (!(work = run_target_begin(&t, r, r->calls))) return SNL_ENOMEM;
    snl_rng_seed(&rng, r->cfg.seed, 5);
    st = run_known(r, r->calls, &t, &rng, work);
    if (st == SNL_OK) st = run_sample(r, &t, &r->cfg.chain, r->cfg.seed + 5, &rng, rep, why);
    SNL_FREE(t.start);
    return st;
}

/* out [n][2]: ln L of the data and of the compressed data, both exact. */
static snl_status run_both_fn(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    const run_exact *x = ctx;
    const snl_run *r = x->run;
    const size_t nx = x->p->nx;
    const double *s = x->work + worker*x->each + x->p->dim + 1;
    size_t i, k;
    for (i = 0; i < n; i++, y += x->p->dim, out += 2) {
        double two[2], h[RUN_COMPONENTS], sum = 0;
        const snl_status st = run_exact_fn(ctx, worker, 1, y, two);
        if (st != SNL_OK) return st;
        out[0] = out[1] = two[1];
        if (!(two[0] > -INFINITY)) continue;
        run_project(r, s, h);
        for (k = 0; k < r->k; k++) sum += h[k]*(r->xo[k] - 0.5*h[k]);
        out[1] = sum + run_like(nx, x->p->x_obs, r->center);
    }
    return SNL_OK;
}

snl_status snl_run_budget(const snl_run *r, size_t n, const double *y, double *both)
{
    run_exact x;
    snl_status st;
    if (!r->p->unit_noise || !r->flow[0]) return SNL_EINVAL;
    if ((st = run_exact_begin(&x, r->p)) != SNL_OK) return st;
    x.run = r;
    st = snl_pool_map(r->p->pool, run_both_fn, &x, n, 16, y, r->p->dim, both, 2);
    SNL_FREE(x.work);
    return st;
}

/* Trials of calibration, each one worker's own: truths of the posterior at the temperature
 * 1/beta, simulated, compressed, sampled. */
typedef struct run_trial {
    snl_run *r;
    snl_problem alone;              /* the problem without its pool     */
    snl_sample_cfg chain;
    double beta, *work;             /* [workers][each]                  */
    const double *wide;             /* [samples][dim]: of that posterior */
    size_t each, worker;
    uint64_t seed;
} run_trial;

/* (ln prior + beta ln L(x_obs), ln p(x)) of rows y; x stands first in the worker's scratch. */
static snl_status run_trial_density(void *ctx, size_t none, size_t n, const double *y, double *out)
{
    const run_trial *t = ctx;
    size_t i;
    const snl_status st = run_surrogate(t->r, t->worker, n, y, out);
    (void)none;
    if (st != SNL_OK) return st;
    for (i = 0; i < n; i++) if (out[2*i] > -INFINITY) out[2*i] += t->beta*out[2*i + 1];
    return run_density(t->r, t->worker, n, y, t->work + t->worker*t->each, out);
}

/* Row i of in: truth i and its number; of out: the posterior of what it makes, draws. */
static snl_status run_trial_fn(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    run_trial t = *(const run_trial *)ctx;
    const snl_run *r = t.r;
    const size_t d = r->p->dim, starts = t.chain.walkers*t.chain.temps;
    double *x = t.work + worker*t.each, *parts = x + run_width(r), *s = parts + r->k;
    double *start = s + r->p->nx, *ll = start + starts*d;
    snl_sample_report rep;
    snl_status st = SNL_OK;
    t.worker = worker;
    for (; n-- > 0 && st == SNL_OK; in += d + 1, out += t.chain.samples*d) {
        run_target target = { .p = &t.alone, .fn = run_trial_density, .ctx = &t, .beta = 1,
                              .start = start };
        snl_rng rng;
        size_t k;
        snl_rng_seed(&rng, t.seed, 12 + (uint64_t)in[d]);
        if ((st = r->p->simulate(r->p->ctx, worker, 1, in, s)) != SNL_OK) return st;
        run_project(r, s, parts);
        for (k = 0; k < r->k; k++) parts[k] += snl_rng_normal(&rng);
        run_seen(r, 1, parts, x, r->work + worker*r->each);
        for (k = 0; k < starts; k++)
            memcpy(start + k*d, t.wide + snl_rng_below(&rng, r->cfg.chain.samples)*d,
                   d * sizeof *start);
        st = run_chain(&target, 1, &t.chain, t.seed + 2 + (uint64_t)in[d], out, ll, &rep, NULL);
    }
    return st;
}

snl_status snl_run_calibrate(snl_run *r, size_t n, size_t draws, double heat, uint64_t seed,
                             double *truth, double *post, snl_run_hook hook, void *user,
                             snl_fault *why)
{
    enum { TOGETHER = 20 };         /* trials between two reports */
    const snl_problem *p = r->p;
    const size_t d = p->dim, workers = run_workers(p);
    const snl_sample_cfg base = r->cfg.chain;
    const run_limit limits[] = {
        { "unit_noise", p->unit_noise, 1, 1, 0 },
        { "round", r->flow[0] ? (double)r->round : 0, 1, (double)r->cfg.rounds, 0 },
        { "heat", heat, 1, DBL_MAX, 1 },
        { "draws", (double)draws, 100, INFINITY, 0 },
        { "n", (double)n, 1, (double)base.samples, 0 }
    };
    snl_sample_report rep = { 0 };
    run_target t = { .p = p, .fn = run_surrogate, .ctx = r, .beta = 1/heat };
    run_trial trial;
    double *in, *wide, *ll;
    size_t i, k, starts;
    snl_rng rng;
    snl_status st = run_check(sizeof limits / sizeof *limits, limits, why);
    if (st != SNL_OK) return st;
    trial.r = r;
    trial.alone = *p;
    trial.alone.pool = NULL;
    trial.chain = base;             /* as long a burn-in: a short one biased the ranks */
    trial.chain.temps = 2;
    trial.chain.steps = 500;
    trial.chain.ess = 0;
    trial.chain.walkers = 2*d + 2 < 32 ? 32 : 2*d + 2;
    trial.chain.samples = draws;
    trial.beta = 1/heat;
    trial.seed = seed;
    trial.worker = 0;
    starts = trial.chain.walkers*trial.chain.temps;
    trial.each = run_width(r) + r->k + p->nx + starts*d + draws + 8;
    starts = base.walkers*base.temps;
    in = SNL_CALLOC(n*(d + 1) + base.samples*(d + 1) + starts*d + workers*trial.each, sizeof *in);
    if (!in) return SNL_ENOMEM;
    wide = in + n*(d + 1);          ll = wide + base.samples*d;
    t.start = ll + base.samples;    trial.wide = wide;          trial.work = t.start + starts*d;
    snl_rng_seed(&rng, seed, 11);
    if ((st = run_restart(r, &t, &rng)) == SNL_OK)
        st = run_chain(&t, 1, &base, seed + 1, wide, ll, &rep, why);
    for (i = 0; i < n; i++) {
        memcpy(truth + i*d, wide + (base.samples/n)*i*d, d * sizeof *in);
        memcpy(in + i*(d + 1), truth + i*d, d * sizeof *in);
        in[i*(d + 1) + d] = (double)i;
    }
    for (i = 0; i < n && st == SNL_OK; i += k) {
        snl_run_progress prog = { "calibrate", 0, 0, 0, 0, 0 };
        k = n - i < TOGETHER ? n - i : TOGETHER;
        st = snl_pool_map(p->pool, run_trial_fn, &trial, k, 1, in + i*(d + 1), d + 1,
                          post + i*draws*d, draws*d);
        prog.done = (double)(i + k) / (double)n;
        if (st == SNL_OK && hook && hook(user, &prog)) st = SNL_ESTOPPED;
    }
    SNL_FREE(in);
    return st;
}

/* ---- saving ------------------------------------------------------------- */
/* Tag, sizes, counts, numbers, arrays, the network that compresses, the others, the sum. */

static const char run_tag[8] = { 's', 'n', 'l', 'R', 'U', 'N', 0, 4 };
enum { RUN_SIZES = 13, RUN_COUNTS = 6, RUN_NUMBERS = 3,
       RUN_HEAD = 8*(1 + RUN_SIZES + RUN_COUNTS + 2 + RUN_NUMBERS) };

static void run_sizes(const snl_run *r, uint64_t *v)
{
    v[0] = r->p->dim;       v[1] = r->p->nx;           v[2] = r->p->nc;
    v[3] = r->cfg.rounds;   v[4] = r->cfg.components;  v[5] = r->cfg.chain.samples;
    v[6] = r->cap;          v[7] = r->cfg.seed;        v[8] = (uint64_t)r->cfg.once;
    v[9] = (uint64_t)r->cfg.compression;  v[10] = r->cfg.points;  v[11] = r->cfg.networks;
    v[12] = r->cfg.chain.walkers;
}

static void run_state(snl_run *r, size_t **count, double **number)
{
    count[0] = &r->round;   count[1] = &r->calls;   count[2] = &r->done;
    count[3] = &r->k;       count[4] = &r->have;    count[5] = &r->extra;
    number[0] = &r->beta;   number[1] = &r->reach;  number[2] = &r->level;
}

/* Bytes of the whole, of the network that compresses, of each of the others. */
static size_t run_bytes(snl_run *r, size_t squeeze, size_t flow)
{
    run_array a[RUN_ARRAYS];
    size_t n = RUN_HEAD + squeeze + r->cfg.networks*flow + 8, i;
    run_arrays(r, a);
    for (i = 0; i < RUN_ARRAYS; i++) n += 8*a[i].used;
    return n;
}

static size_t run_flow_bytes(const snl_flow *f)
{
    size_t n = 0;
    return f && snl_flow_save(f, NULL, 0, &n) == SNL_OK ? n : 0;
}

size_t snl_run_save_size(const snl_run *r)
{
    snl_run copy = *r;
    return run_bytes(&copy, run_flow_bytes(r->squeeze), run_flow_bytes(r->flow[0]));
}

snl_status snl_run_save(const snl_run *r, unsigned char *bytes)
{
    snl_run copy = *r;
    run_array a[RUN_ARRAYS];
    size_t squeeze = run_flow_bytes(r->squeeze), flow = run_flow_bytes(r->flow[0]), i;
    size_t *count[RUN_COUNTS];
    double *number[RUN_NUMBERS];
    uint64_t size[RUN_SIZES];
    unsigned char *p = bytes + 8;
    snl_status st = SNL_OK;
    memcpy(bytes, run_tag, 8);
    run_sizes(r, size);
    run_state(&copy, count, number);
    run_arrays(&copy, a);
    for (i = 0; i < RUN_SIZES; i++) p = snl_put(p, size[i]);
    for (i = 0; i < RUN_COUNTS; i++) p = snl_put(p, *count[i]);
    p = snl_put(snl_put(p, squeeze), flow);
    for (i = 0; i < RUN_NUMBERS; i++) p = snl_put_doubles(p, 1, number[i]);
    for (i = 0; i < RUN_ARRAYS; i++) p = snl_put_doubles(p, a[i].used, *a[i].at);
    if (squeeze) st = snl_flow_save(r->squeeze, p, squeeze, &squeeze);
    p += squeeze;
    for (i = 0; flow && i < r->cfg.networks && st == SNL_OK; i++, p += flow)
        st = snl_flow_save(r->flow[i], p, flow, &flow);
    snl_put(p, snl_fnv1a(bytes, (size_t)(p - bytes)));
    return st;
}

/* A network from d numbers given m. */
static snl_status run_load_flow(snl_flow **f, const unsigned char *bytes, size_t size, size_t d,
                                size_t m)
{
    const snl_status st = snl_flow_load(f, bytes, size);
    if (st != SNL_OK) return st;
    return snl_flow_get_shape(*f)->d == d && snl_flow_get_shape(*f)->m == m ? SNL_OK : SNL_EFORMAT;
}

snl_status snl_run_load(snl_run *r, const unsigned char *bytes, size_t size)
{
    const size_t e = r->cfg.networks, d = r->p->dim;
    const unsigned char *p = bytes + 8, *f;
    uint64_t want[RUN_SIZES], v[RUN_SIZES], squeeze, flow;
    run_array a[RUN_ARRAYS];
    size_t *count[RUN_COUNTS], i;
    double *number[RUN_NUMBERS];
    snl_run t = *r;
    snl_status st = SNL_OK;
    if (!snl_bytes_ok(bytes, size, run_tag) || size < RUN_HEAD + 8) return SNL_EFORMAT;
    run_sizes(r, want);
    for (i = 0; i < RUN_SIZES; i++) {
        p = snl_get(p, v);
        if (v[0] != want[i]) return SNL_EINVAL;
    }
    for (i = 0; i < RUN_COUNTS; i++) p = snl_get(p, v + i);
    p = snl_get(snl_get(p, &squeeze), &flow);
    if (v[0] > r->cfg.rounds || v[1] > r->cap || v[2] > 2
        || v[3] > (r->p->unit_noise ? r->cfg.components : r->p->nx)
        || v[5] > (run_scores(r) ? 2*d*r->cfg.points*v[0] : 0) || squeeze > size || flow > size
        || v[4] != (v[0] > 0 ? r->cfg.chain.samples : 0) || (v[0] > 0) != (flow > 0) || (run_learned(r) && v[0] > 0) != (squeeze > 0))
        return SNL_EFORMAT;
    run_state(&t, count, number);
    for (i = 0; i < RUN_COUNTS; i++) *count[i] = (size_t)v[i];
    if (run_bytes(&t, (size_t)squeeze, (size_t)flow) != size) return SNL_EFORMAT;
    memset(t.flow, 0, sizeof t.flow);
    t.squeeze = NULL;
    f = bytes + size - 8 - e*(size_t)flow;
    if (squeeze) st = run_load_flow(&t.squeeze, f - (size_t)squeeze, (size_t)squeeze, d, t.k);
    for (i = 0; flow && i < e && st == SNL_OK; i++, f += (size_t)flow) {
        st = run_load_flow(&t.flow[i], f, (size_t)flow, run_width(&t), r->p->nc);
        if (st == SNL_OK && memcmp(snl_flow_get_shape(t.flow[i]), snl_flow_get_shape(t.flow[0]),
                                   sizeof(snl_flow_shape)))
            st = SNL_EFORMAT;                   /* scratch of the first serves all */
    }
    if (st != SNL_OK) {
        run_forget(&t);
        return st;
    }
    run_forget(r);
    *r = t;
    run_state(r, count, number);
    run_arrays(r, a);
    for (i = 0; i < RUN_NUMBERS; i++) p = snl_get_doubles(p, 1, number[i]);
    for (i = 0; i < RUN_ARRAYS; i++) p = snl_get_doubles(p, a[i].used, *a[i].at);
    run_likes(r, 0, r->calls);
    return r->flow[0] ? run_ready(r) : SNL_OK;
}

/* ==== The rounds ========================================================= */

/* A point to simulate: a draw of the last posterior; wide, from its hottest walkers and moved by
 * the difference of two draws that are not far apart, so that the network also learns where the
 * surrogate may be too small; and lest an image of the sky be lost of which the surrogate thinks
 * nothing, where a jump leads (another image or polarisation), or about a simulation of the
 * tempered rounds that is likely by its exact ln L. */
enum run_proposal { RUN_PLAIN, RUN_WIDE, RUN_IMAGE, RUN_OLD };
static snl_status run_propose(const snl_run *r, snl_rng *rng, enum run_proposal kind, double *y)
{
    enum { TRIES = 1000, NEAR = 8 };
    const snl_problem *p = r->p;
    const size_t d = p->dim;
    const double *a, *b, *c = NULL;
    double lp = 0;
    size_t i, k;
    snl_status st;
    if (!r->round) return p->draw(p->ctx, rng, y) ? SNL_OK : SNL_EFAILED;
    a = run_any_draw(r, rng);
    if (kind == RUN_OLD && p->unit_noise) {                 /* as at temperature 4 */
        size_t warm = r->cfg.first;
        double top = -INFINITY;
        for (i = 1; i < r->round && r->report[i - 1].beta < 1; i++) warm += r->cfg.each;
        for (i = 0; i < warm; i++) top = fmax(top, r->ll[i]);
        for (i = 0; warm && i < TRIES; i++) {
            k = snl_rng_below(rng, warm);
            if (!(4*log(snl_rng_uniform(rng)) < r->ll[k] - top)) continue;
            a = r->y + k*(d + 1);
            break;
        }
    }
    if (kind == RUN_WIDE) a = r->hot + snl_rng_below(rng, r->cfg.chain.walkers)*d;
    memcpy(y, a, d * sizeof *y);
    if (kind == RUN_PLAIN) return SNL_OK;
    if (kind == RUN_IMAGE && p->jump) {
        if (!(p->jump(p->ctx, rng, a, y) > -INFINITY)) memcpy(y, a, d * sizeof *y);
    } else {
        b = run_any_draw(r, rng);
        c = run_neighbour(r, rng, b, NEAR);
        for (k = 0; c && k < d; k++) y[k] += b[k] - c[k];
    }
    st = p->log_prior(p->ctx, 0, 1, y, &lp);
    if (!(lp > -INFINITY)) memcpy(y, a, d * sizeof *y);
    return st;
}

/* Propose and simulate rows up to n: from `plain` on, wide ones of every kind. */
static snl_status run_simulate(snl_run *r, size_t plain, size_t n, snl_rng *rng)
{
    static const enum run_proposal wide[3] = { RUN_WIDE, RUN_IMAGE, RUN_OLD };
    const snl_problem *p = r->p;
    const size_t d = p->dim, from = r->calls;
    size_t i;
    snl_status st = SNL_OK;
    for (i = from; i < n && st == SNL_OK; i++) {
        double *y = r->y + i*(d + 1);
        st = run_propose(r, rng, i < plain ? RUN_PLAIN : wide[i % 3], y);
        y[d] = (double)i;
    }
    if (st == SNL_OK)
        st = snl_pool_map(p->pool, p->simulate, p->ctx, n - from, 16, r->y + from*(d + 1), d + 1,
                          r->s + from*p->nx, p->nx);
    if (st == SNL_OK) run_likes(r, from, n);
    return st;
}

/* The error of ln L times beta that a posterior is sampled with: an image of the sky on which
 * the surrogate is too low by that much still keeps some of its draws. */
static const double run_trust = 1.5;

/* How good was the surrogate on simulations that it had not seen, and what beta does that
 * allow?  The proposals up to `plain` came from it at beta; they count as much as the exact
 * likelihood has them, so that where it is far too large does no harm and where it is too small
 * does much.  Of the others those count that the posterior should hold as well: ln L above the
 * mean less five nats, in units of beta.  For beta the half of the errors nearest to their
 * median count, since most outliers lie where a colder posterior has nothing; and those
 * proposals that still weigh at twice beta must not be few. */
static snl_status run_examine(snl_run *r, size_t plain, size_t n, snl_round *rep)
{
    static const double half[3] = { 0.25, 0.5, 0.75 };
    const size_t d = r->p->dim, from = r->calls;
    const double *ll = r->ll;
    double beta, s0 = 0, s1 = 0, s2 = 0, w1 = 0, w2 = 0, two[2], q[3], top = -INFINITY, mean = 0, ess;
    double *off = SNL_CALLOC(3*(n - from), sizeof *off);
    size_t i, m = 0;
    snl_status st = off ? SNL_OK : SNL_ENOMEM;
    for (i = from; i < plain; i++) {
        top = fmax(top, ll[i]);
        mean += ll[i] / (double)(plain - from);
    }
    for (i = from; i < n && st == SNL_OK; i++) {
        const double w = exp(r->beta * (ll[i] - top));
        if (i >= plain && !(ll[i] > mean - 5/r->beta)) continue;
        if ((st = run_surrogate(r, 0, 1, r->y + i*(d + 1), two)) != SNL_OK) break;
        off[m] = two[1] - ll[i];
        if (i >= plain) off[m] = fmax(off[m], -100);        /* outside of what was learned */
        m++;
        if (i >= plain) continue;
        w1 += w;
        w2 += w*w;
    }
    if (st == SNL_OK) st = snl_quantiles(m, off, NULL, 3, half, q, off + (n - from));
    for (i = 0; i < m && st == SNL_OK; i++) {
        const double x = off[i] - q[1], w = i < plain - from ? exp(fmin(-r->beta*x, 20)) : 1;
        s0 += w;
        s1 += w*x;
        s2 += w*x*x;
    }
    SNL_FREE(off);
    if (st != SNL_OK) return st;
    rep->error = sqrt(fmax(0, s2/s0 - s1/s0*(s1/s0)));
    ess = w1*w1 / w2 / (double)(plain - from);
    beta = run_trust / ((q[2] - q[0])/1.349);               /* of a normal: its sd */
    beta = fmin(10*r->beta, fmax((r->beta < 0.2 ? 3 : 1.3)*r->beta, beta));
    rep->beta = ess > 0.03 ? fmin(1, beta) : r->beta;
    return SNL_OK;
}

/* Rows to learn from: those within 80/beta of the best ln L, beta being that of the last proposal,
 * and at least the best RUN_LEAST; all where ln L is not known.  A posterior of 11 parameters at
 * temperature 4 goes 60 below its best: nearer rows alone leave the surrogate to rise again
 * there.  value [n] is scratch. */
static size_t run_choose(const snl_run *r, size_t n, double *value, size_t *pick)
{
    size_t i, m = 0;
    while (!r->p->unit_noise && m < n) { pick[m] = m;  m++; }
    if (m) return m;
    memcpy(value, r->ll, n * sizeof *value);
    m = n < RUN_LEAST ? n : RUN_LEAST;
    run_largest(n, value, m, pick);
    for (i = 0; i < n; i++)
        if (value[i] > r->ll[pick[0]] - 80/r->beta) pick[m++] = i;
    return m;
}

/* Walkers of the first round start at the likeliest simulations; where ln L is not known, at new
 * ones in random order. */
static void run_start(const snl_run *r, size_t from, size_t n, snl_rng *rng, double *start,
                      double *value, size_t *pick)
{
    const size_t d = r->p->dim, starts = r->cfg.chain.walkers * r->cfg.chain.temps;
    size_t i;
    for (i = 0; i < n; i++)
        value[i] = r->p->unit_noise ? r->ll[i] : i < from ? 0 : 1 + snl_rng_uniform(rng);
    run_largest(n, value, starts < n ? starts : n, pick);
    for (i = 0; i < starts; i++)                    /* NOLINTNEXTLINE: n >= 50 */
        memcpy(start + i*d, r->y + pick[i % n]*(d + 1), d * sizeof *start);
}

/* The stop rule: 1, the posterior stands still; 2, the budget is used up; 0, go on. */
static size_t run_done(const snl_run *r, const snl_round *rep)
{
    if (rep->beta == 1 && rep->divergence <= r->cfg.divergence && !(rep->spread > r->cfg.error)
        && (rep->error <= r->cfg.error || !r->p->unit_noise)) return 1;
    return r->round + 1 >= r->cfg.rounds ? 2 : 0;
}

/* One round [P, algorithm 1]. */
snl_status snl_run_round(snl_run *r, snl_run_hook hook, void *user, snl_fault *why)
{
    const size_t from = r->calls, n = from + run_next(r);
    const size_t plain = r->round ? from + (n - from)*4/5 : n;
    const uint64_t seed = r->cfg.seed + 1000003*(r->round + 1);
    snl_round *rep = r->report + r->round;
    run_target t = { .p = r->p, .fn = run_surrogate, .ctx = r, .hook = hook, .user = user,
                     .prog = { "simulate", r->round, 0, 0, 0, 0 } };
    snl_sample_cfg chain = r->cfg.chain;
    snl_sample_report sampled = { 0 };
    double *work;
    size_t m, *pick;
    snl_rng rng;
    snl_status st = SNL_OK;
    if (r->done || n > r->cap) return snl_refuse(why, "round", (double)r->round, 0, (double)r->cfg.rounds);
    memset(rep, 0, sizeof *rep);
    rep->error = rep->divergence = (double)NAN;
    snl_rng_seed(&rng, r->cfg.seed, 7 + r->round);
    if (run_tell(&t)) return SNL_ESTOPPED;
    pick = SNL_CALLOC(n, sizeof *pick);
    work = run_target_begin(&t, r, n);
    if (!pick || !work) { st = SNL_ENOMEM;  goto done; }

    /* y_i ~ q_r, x_i = simulate(y_i); what temperature does the surrogate's error on them allow? */
    if ((st = run_simulate(r, plain, n, &rng)) != SNL_OK) goto done;
    rep->beta = fmin(1, 4*r->beta);
    if (r->round && r->p->unit_noise && (st = run_examine(r, plain, n, rep)) != SNL_OK) goto done;
    if (r->cfg.once || rep->beta > 0.8) rep->beta = 1;          /* [P] has no temperatures */
    r->calls = n;

    /* p_w(x | y) of the rows near the data, compressed */
    t.prog.stage = "train";
    if (run_tell(&t)) { st = SNL_ESTOPPED;  goto done; }
    m = run_choose(r, n, work, pick);
    if ((st = run_fit(r, m, pick, &t, rep)) != SNL_OK) goto done;
    rep->calls = (double)(n + r->extra);
    if (r->round && rep->beta == 1 && r->beta == 1
        && (st = run_moved(r, &rep->divergence)) != SNL_OK) goto done;

    /* q_r+1 ~ p_w(x_obs | y)^beta prior(y), for less long than the last one */
    t.prog.stage = "sample";
    t.prog.done = t.prog.value = t.prog.train = 0;
    t.beta = rep->beta;
    t.hot = r->hot;
    chain.steps = chain.steps/4 + 10;
    chain.burn = chain.burn/2 + 5;
    chain.ess = fmin(chain.ess, 1000);
    chain.most /= 4;
    run_start(r, from, n, &rng, t.start, work, pick);
    if ((st = run_known(r, n, &t, &rng, work)) != SNL_OK
        || (st = run_sample(r, &t, &chain, seed, &rng, &sampled, why)) != SNL_OK
        || (st = run_spread(r, &rep->spread)) != SNL_OK) goto done;

    /* until beta = 1 and the posterior stands still: then as long as was asked for */
    r->done = run_done(r, rep);
    if (r->done
        && (st = run_sample(r, &t, &r->cfg.chain, seed + 1, &rng, &sampled, why)) != SNL_OK) {
        r->done = 0;
        goto done;
    }
    rep->accept = sampled.accept;
    rep->ess = sampled.ess;
    rep->evidence = sampled.evidence;
    rep->evidence_error = sampled.evidence_error;
    r->beta = rep->beta;
    r->round++;
done:
    SNL_FREE(t.start);
    SNL_FREE(pick);
    return st;
}
