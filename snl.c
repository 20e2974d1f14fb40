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
 * Whitened signals.  The heterodyned likelihood (lisa.c) needs a signal only through its
 * ratios r at K nodes: <h|h> = sum V |r|^2, <d|h> = Re sum conj(r) W.  With s = sqrt(V) r
 * and x = W/sqrt(V), as real vectors, ln L = x.s - |s|^2/2 = |x|^2/2 - |x - s|^2/2: the
 * data are a vector x = s + n, and for rows B orthonormal in this space the noise B n is
 * N(0, 1) exactly.  Linear compression is therefore a choice of rows.
 *
 * Symbols: theta physical parameters, y sampling coordinates, s noise-free whitened
 * signal, x compressed data, beta inverse temperature. */
#include <string.h>
#include "snl.h"

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

/* Eigenvectors of symmetric a [n][n] by cyclic Jacobi rotations: rows of v, eigenvalues e
 * in falling order.  a is destroyed. */
static void run_eigen(size_t n, double *a, double *v, double *e)
{
    size_t i, j, k;
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
                for (k = 0; k < n; k++) {
                    const double x = a[k*n + i], y = a[k*n + j];
                    a[k*n + i] = c*x - s*y;
                    a[k*n + j] = s*x + c*y;
                }
                for (k = 0; k < n; k++) {
                    const double x = a[i*n + k], y = a[j*n + k];
                    const double p0 = v[i*n + k], q0 = v[j*n + k];
                    a[i*n + k] = c*x - s*y;
                    a[j*n + k] = s*x + c*y;
                    v[i*n + k] = c*p0 - s*q0;
                    v[j*n + k] = s*p0 + c*q0;
                }
            }
    }
    for (i = 0; i < n; i++) e[i] = a[i*n + i];
    for (i = 0; i < n; i++) {                      /* selection sort, largest first */
        size_t best = i;
        for (j = i + 1; j < n; j++) if (e[j] > e[best]) best = j;
        if (best == i) continue;
        { const double t = e[i];  e[i] = e[best];  e[best] = t; }
        for (k = 0; k < n; k++) {
            const double t = v[i*n + k];
            v[i*n + k] = v[best*n + k];
            v[best*n + k] = t;
        }
    }
}

/* ==== Priors and parameters ============================================== */

const char *const snl_parameter_name[SNL_NPAR] = {
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

/* ==== The chart ========================================================== */

/* Sampling coordinates y, [RUN_DIM]; theta fixes y, y fixes theta up to the symmetry
 * (phi_ref, psi) + pi/2 and whole turns. */
enum {
    RUN_MC, RUN_Q, RUN_CHI1, RUN_CHI2,   /* as in theta                                     */
    RUN_TL,                              /* arrival at LISA's centre - chart.t {s}          */
    RUN_CA, RUN_CE = RUN_CA + 2,         /* complex amplitudes in A and E                   */
    RUN_XI = RUN_CE + 2, RUN_ETA,        /* Lambert's equal-area map of the LISA-frame sky, */
    RUN_DIM                              /* centred on the pole of the best point           */
};

typedef struct run_chart {
    const snl_qnm *qnm;
    double f;           /* frequency at which the amplitudes are read {Hz}             */
    double t;           /* origin of t_L {s, SSB}                                      */
    double amp, phase;  /* ln amplitude and phase of h22 at f of the reference, 1 Mpc  */
    double pole;        /* +1 or -1: sin beta_L at (xi, eta) = 0                       */
} run_chart;

/* ln of the complex mode amplitude at chart.f of a source at 100 Gpc arriving at t_L, over
 * the reference's: reading the amplitudes off near the best measured frequency leaves
 * them little correlated with masses and spins.  0 if there is no such binary. */
static int run_chart_mode(const run_chart *c, const double *y, double *amp, double *phase)
{
    snl_phenom p;
    double m1, m2;
    run_masses(y[RUN_MC], y[RUN_Q], &m1, &m2);
    if (snl_phenom_prepare(&p, c->qnm, SNL_PHENOMD, m1, m2, y[RUN_CHI1], y[RUN_CHI2], 1e5,
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

static int run_chart_forward(const run_chart *c, const snl_source *ssb, double *y)
{
    snl_source s = *ssb;
    double a[4], F[4], amp, phase, er, ei;
    int k;
    snl_ssb_to_lisa(&s);
    y[RUN_MC] = pow(s.m1 * s.m2, 0.6) * pow(s.m1 + s.m2, -0.2);
    y[RUN_Q] = s.m1 / s.m2;
    y[RUN_CHI1] = s.chi1;
    y[RUN_CHI2] = s.chi2;
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
 * the other blocks being rotations and shifts, with determinant 1 to O(v/c) = 1e-4. */
static int run_chart_inverse(const run_chart *c, const double *y, snl_source *s, double *jac)
{
    double F[4], a[4], amp, phase, er, ei, det, sb, ci;
    int k;
    if (!run_chart_sky(c, y, &s->lambda, &sb) || !(y[RUN_Q] > 0)
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
    run_masses(y[RUN_MC], y[RUN_Q], &s->m1, &s->m2);
    s->chi1 = y[RUN_CHI1];
    s->chi2 = y[RUN_CHI2];
    s->beta = asin(sb);
    s->t_ref = y[RUN_TL] + c->t;
    snl_source_from_amplitudes(a, s);
    if (!(s->distance > 0 && s->distance < 1e300)) return 0;
    snl_lisa_to_ssb(s);
    ci = cos(s->inclination);
    *jac = 5*log(s->distance) - 3*log1p(-ci*ci) - 2*log(fabs(det)) - 4*amp;
    return ci*ci < 1;
}

/* ==== The event ========================================================== */

struct snl_event {
    snl_event_cfg   cfg;
    const snl_data *data;
    const snl_pool *pool;
    run_chart       chart;
    snl_het        *het;
    size_t          nx;              /* 4 het->K: real and imaginary parts, two channels   */
    double         *x_obs, *root;    /* [nx] W/sqrt(V) and [nx] sqrt(V)                    */
    double         *scratch;         /* [workers][each]                                    */
    size_t          each;
    double          best[RUN_DIM];   /* where the search ended                             */
    double          chol[81];        /* of the first proposal's covariance, sky held fixed */
    double          heat, snr;
    size_t          calls;
    int             found;
};

static const double run_heated_snr = 50;  /* the first proposal is as wide as at this SNR */

/* ln prior of theta, summed over the symmetric copies of (phi_ref, psi) that it allows:
 * all give the same signal, so that y stands for all of them.  pick [2] (NULL allowed)
 * gets the shifts of one copy, chosen with probability proportional to its prior by u. */
static double run_prior_copies(const snl_event *e, const double *theta, double u,
                               double *pick)
{
    const snl_prior *pr = e->cfg.prior;
    double base = 0, sum = 0, p[16], total = 0;
    int i, k;
    for (i = 0; i < SNL_NPAR; i++)
        if (i != SNL_PHI_REF && i != SNL_PSI) base += snl_prior_log(&pr[i], theta[i]);
    for (k = 0; k < 16; k++) {      /* phi = phi0 + (j + 2 turn) pi/2, psi = psi0 + j pi/2 */
        const int j = k & 1, turn = (k >> 1) & 1, flip = k >> 2;
        double phi = fmod(theta[SNL_PHI_REF] + (j + 2*turn) * SNL_PI/2, 2*SNL_PI);
        double psi = fmod(theta[SNL_PSI] + j * SNL_PI/2, SNL_PI) + (flip & 1) * SNL_PI;
        if (flip > 1) phi -= 2*SNL_PI;
        p[k] = exp(snl_prior_log(&pr[SNL_PHI_REF], phi) + snl_prior_log(&pr[SNL_PSI], psi));
        sum += p[k];
    }
    for (k = 0; pick && k < 16; k++) {
        total += p[k];
        if (u*sum > total && k < 15) continue;
        pick[0] = fmod(theta[SNL_PHI_REF] + ((k & 1) + 2*((k >> 1) & 1)) * SNL_PI/2, 2*SNL_PI)
                - ((k >> 3) ? 2*SNL_PI : 0);
        pick[1] = fmod(theta[SNL_PSI] + (k & 1) * SNL_PI/2, SNL_PI)
                + ((k >> 2) & 1) * SNL_PI;
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

/* The source at y if the prior allows it; lp its ln prior in y. */
static int run_event_source(const snl_event *e, const double *y, snl_source *s, double *lp)
{
    const snl_prior *p = e->cfg.prior;
    double theta[SNL_NPAR], jac;
    *lp = -INFINITY;
    if (!(y[RUN_MC] >= p[SNL_CHIRP_MASS].lo && y[RUN_MC] <= p[SNL_CHIRP_MASS].hi
          && y[RUN_Q] >= p[SNL_MASS_RATIO].lo && y[RUN_Q] <= p[SNL_MASS_RATIO].hi
          && y[RUN_CHI1] >= p[SNL_CHI1].lo && y[RUN_CHI1] <= p[SNL_CHI1].hi
          && y[RUN_CHI2] >= p[SNL_CHI2].lo && y[RUN_CHI2] <= p[SNL_CHI2].hi)
        || !run_chart_inverse(&e->chart, y, s, &jac)) return 0;
    run_theta_of(e, s, theta);
    *lp = run_prior_copies(e, theta, 0, NULL) + jac;
    return *lp > -INFINITY;
}

static snl_status run_event_log_prior(void *ctx, size_t worker, size_t n, const double *y,
                                      double *out)
{
    snl_source s;
    size_t i;
    (void)worker;
    for (i = 0; i < n; i++) run_event_source(ctx, y + i*RUN_DIM, &s, out + i);
    return SNL_OK;
}

/* Whitened signal s [nx] of a source. */
static snl_status run_event_signal(const snl_event *e, const snl_source *src, double *s)
{
    size_t i;
    const snl_status st = snl_het_signal(e->het, src, s, NULL);
    for (i = 0; i < e->nx; i++) s[i] *= e->root[i];
    return st;
}

static snl_status run_event_simulate(void *ctx, size_t worker, size_t n, const double *in,
                                     double *out)
{
    const snl_event *e = ctx;
    snl_source s;
    double lp;
    size_t i;
    (void)worker;
    for (i = 0; i < n; i++) {
        snl_status st = SNL_EFAILED;
        if (run_event_source(e, in + i*(RUN_DIM + 1), &s, &lp))
            st = run_event_signal(e, &s, out + i*e->nx);
        if (st != SNL_OK) return st;
    }
    return SNL_OK;
}

/* What the network sees: the nine coordinates as they are, and harmonics of the direction
 * up to degree 3, in which the response is close to polynomial [M2]. */
enum { RUN_NC = 9 + 15 };
static snl_status run_event_context(void *ctx, size_t worker, size_t n, const double *y,
                                    double *out)
{
    const snl_event *e = ctx;
    size_t i, k;
    int a, b, c;
    (void)worker;
    for (i = 0; i < n; i++, y += RUN_DIM, out += RUN_NC) {
        double lambda = 0, sb = 0, cb, v[3];
        if (!run_chart_sky(&e->chart, y, &lambda, &sb)) sb = 0;
        cb = sqrt(fmax(0, 1 - sb*sb));
        v[0] = cb * cos(lambda);  v[1] = cb * sin(lambda);  v[2] = sb;
        memcpy(out, y, 9 * sizeof *y);
        for (k = 9, a = 0; a <= 3; a++)             /* x^a y^b z^c, c < 2: complete on |v|=1 */
            for (b = 0; a + b <= 3; b++)
                for (c = 0; c < 2 && a + b + c <= 3; c++)
                    if (a + b + c) out[k++] = pow(v[0], a) * pow(v[1], b) * (c ? v[2] : 1);
    }
    return SNL_OK;
}

/* y and its ln L: [n][2] = ln prior, ln L. */
static snl_status run_event_target(void *ctx, size_t worker, size_t n, const double *y,
                                   double *out)
{
    const snl_event *e = ctx;
    double *r = e->scratch + worker * e->each;
    snl_source s;
    size_t i;
    for (i = 0; i < n; i++) {
        out[2*i + 1] = 0;
        if (!run_event_source(e, y + i*RUN_DIM, &s, out + 2*i)) continue;
        if (run_event_signal(e, &s, r) != SNL_OK) return SNL_EFAILED;
        out[2*i + 1] = run_dot(e->nx, r, e->x_obs) - 0.5*run_dot(e->nx, r, r);
    }
    return SNL_OK;
}

/* The eight images of [M2] at fixed amplitudes c: quarter turns and the reflection. */
static double run_event_jump(void *ctx, snl_rng *rng, const double *from, double *to)
{
    const snl_event *e = ctx;
    const size_t turn = snl_rng_below(rng, 4), reflect = snl_rng_below(rng, 2);
    double lambda, sb;
    memcpy(to, from, RUN_DIM * sizeof *to);
    if (!run_chart_sky(&e->chart, from, &lambda, &sb)) return -INFINITY;
    run_chart_map(&e->chart, lambda + (double)turn * SNL_PI/2, reflect ? -sb : sb, to);
    return 0;
}

static int run_event_draw(void *ctx, snl_rng *rng, double *y)
{
    const snl_event *e = ctx;
    double z[9], lp;
    snl_source s;
    size_t i, tries;
    for (tries = 0; tries < 1000; tries++) {
        for (i = 0; i < 9; i++) z[i] = snl_rng_normal(rng);
        for (i = 0; i < 9; i++) y[i] = e->best[i] + run_dot(i + 1, e->chol + 9*i, z);
        run_chart_map(&e->chart, 2*SNL_PI * snl_rng_uniform(rng),
                      2*snl_rng_uniform(rng) - 1, y);
        if (run_event_source(e, y, &s, &lp)) return 1;
    }
    return 0;
}

snl_status snl_event_create(snl_event **out, const snl_event_cfg *cfg, const snl_data *data,
                            const snl_pool *pool, snl_fault *why)
{
    snl_event *e;
    int i;
    *out = NULL;
    for (i = 0; i < SNL_NPAR; i++) {
        const snl_prior *p = &cfg->prior[i];
        if (!(p->lo < p->hi)) return snl_refuse(why, snl_parameter_name[i], p->lo, -INFINITY, p->hi);
        if (p->kind == SNL_NORMAL && !(p->sd > 0))
            return snl_refuse(why, snl_parameter_name[i], p->sd, 0, INFINITY);
        if (p->kind == SNL_LOG_UNIFORM && !(p->lo > 0))
            return snl_refuse(why, snl_parameter_name[i], p->lo, 0, p->hi);
    }
    if (cfg->nodes < 64 || cfg->nodes > 4096)
        return snl_refuse(why, "nodes", (double)cfg->nodes, 64, 4096);
    if (cfg->search < 200 || cfg->search > 1000000)
        return snl_refuse(why, "search", (double)cfg->search, 200, 1e6);
    if (!(e = SNL_CALLOC(1, sizeof *e))) return SNL_ENOMEM;
    e->cfg = *cfg;
    e->data = data;
    e->pool = pool;
    *out = e;
    return SNL_OK;
}

void snl_event_free(snl_event *e)
{
    if (!e) return;
    snl_het_free(e->het);
    SNL_FREE(e->x_obs);
    SNL_FREE(e);
}

size_t snl_event_calls(const snl_event *e) { return e->calls; }

/* Heterodyne about a source; x_obs, root and scratch follow. */
static snl_status run_event_heterodyne(snl_event *e, const snl_source *ref, snl_fault *why)
{
    const size_t workers = e->pool ? e->pool->workers : 1;
    snl_het *het;
    size_t i;
    snl_status st = snl_het_create(&het, e->data, &e->cfg.lisa, ref, e->cfg.nodes, why);
    if (st != SNL_OK) return st;
    snl_het_free(e->het);
    SNL_FREE(e->x_obs);
    e->het = het;
    e->nx = 4 * het->K;
    e->each = 2 * e->nx;
    if (!(e->x_obs = SNL_CALLOC(2*e->nx + workers * e->each, sizeof *e->x_obs)))
        return SNL_ENOMEM;
    e->root = e->x_obs + e->nx;
    e->scratch = e->root + e->nx;
    for (i = 0; i < e->nx; i++) {
        e->root[i] = sqrt(het->V[i/2]);
        e->x_obs[i] = het->W[i] / e->root[i];
    }
    return SNL_OK;
}
