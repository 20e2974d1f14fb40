/* IMRPhenomD and IMRPhenomHM against LALSimulation's numbers (tests/data), against a
 * plain twin made of libm calls, and against what must hold for any binary. */
#include "../snl.h"
#include "greatest.h"
#include "near.h"
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static snl_qnm *qnm;

#define MODE(j) modes[j][0], modes[j][1]
static const int modes[6][2] = { {2,2}, {2,1}, {3,3}, {3,2}, {4,4}, {4,3} };

/* The number of values of the next row of a table whose first column is a name. */
static int next_row(FILE *fp, double *v, int max)
{
    char line[2048], *s;
    while (fgets(line, sizeof line, fp)) {
        int n = 0;
        if (line[0] == '#' || strncmp(line, "case", 4) == 0) continue;
        if (!(s = strchr(line, '\t'))) return 0;
        while (n < max && *s == '\t') v[n++] = strtod(s + 1, &s);
        return n;
    }
    return 0;
}

/* v: m1 m2 chi1 chi2 distance f_ref phi_ref */
static snl_status prepare(snl_phenom *p, snl_model model, const double *v)
{
    const snl_status s = snl_phenom_prepare(p, qnm, model, v[0], v[1], v[2], v[3], v[4],
                                            NULL, NULL);
    if (s == SNL_OK) snl_phenom_align_lal(p, v[5], v[6]);
    return s;
}

/* A binary drawn from all that is legal, with corners; mass ratio up to 1000. */
static snl_phenom draw(snl_rng *r, snl_model model)
{
    snl_phenom p;
    for (;;) {
        const double m1 = exp(log(1e4) + log(1e4)*snl_rng_uniform(r));
        const double m2 = m1*exp((2*snl_rng_uniform(r) - 1)*log(1000));
        const double a = 2.4*snl_rng_uniform(r) - 1.2, b = 2.4*snl_rng_uniform(r) - 1.2;
        const double chi1 = fmax(-1, fmin(1, a)), chi2 = fmax(-1, fmin(1, b));
        const int mass = snl_rng_below(r, 8) > 0, spin = snl_rng_below(r, 8) > 0;
        if (snl_phenom_prepare(&p, qnm, model, m1, mass ? m2 : m1, chi1,
                               spin ? chi2 : chi1, 1e4, NULL, NULL) == SNL_OK)
            return p;
    }
}

/* ---- LALSimulation ------------------------------------------------------- */

/* Tolerances: 4e-9 rad is some 30 units in the last place of the phase at Mf = 1e-4,
 * which are the reference's own roundings; 2e-10 where the phase is smaller. */
TEST phenomd_agrees_with_lal(void)
{
    FILE *fp = fopen("tests/data/phenomd.tsv", "r");
    double v[11];
    int rows = 0;
    ASSERT(fp);
    for (; next_row(fp, v, 11) == 11; rows++) {
        snl_phenom p;
        double amp, phase;
        ASSERT_EQ(SNL_OK, prepare(&p, SNL_PHENOMD, v));
        ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, v + 7, &amp, &phase, NULL));
        ASSERT_REL(v[9], 2*sqrt(5/(64*SNL_PI))*amp, 1e-11);
        ASSERT_NEAR(v[10], phase, v[8] > 0.003 ? 2e-10 : 4e-9);
    }
    fclose(fp);
    ASSERT(rows > 150);
    PASS();
}

TEST phenomhm_modes_agree_with_lal(void)
{
    FILE *fp = fopen("tests/data/phenomhm.tsv", "r");
    double v[13];
    int rows = 0;
    ASSERT(fp);
    for (; next_row(fp, v, 13) == 13; rows++) {
        snl_phenom p;
        double amp, phase;
        ASSERT_EQ(SNL_OK, prepare(&p, SNL_PHENOMHM, v));
        ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, (int)v[7], (int)v[8], 1, v + 9,
                                          &amp, &phase, NULL));
        ASSERT_REL(v[11], amp, 1e-11);
        ASSERT_NEAR(v[12], phase, v[10] > 0.003 ? 2e-10 : 4e-9);
    }
    fclose(fp);
    ASSERT(rows > 300);
    PASS();
}

/* 4e-9 rad of phase, and cancellation among modes */
TEST polarisations_agree_with_lal(void)
{
    FILE *fp = fopen("tests/data/phenomhm_pol.tsv", "r");
    double v[14], plus[1][2], cross[1][2];
    int rows = 0;
    ASSERT(fp);
    for (; next_row(fp, v, 14) == 14; rows++) {
        const double size = sqrt(v[10]*v[10] + v[11]*v[11] + v[12]*v[12] + v[13]*v[13]);
        snl_phenom p;
        ASSERT_EQ(SNL_OK, prepare(&p, SNL_PHENOMHM, v));
        ASSERT_EQ(SNL_OK, snl_phenom_polarisations(&p, v[7], 1, v + 8, plus, cross));
        ASSERT_NEAR(v[10], plus[0][0], 1e-9*size);
        ASSERT_NEAR(v[11], plus[0][1], 1e-9*size);
        ASSERT_NEAR(v[12], cross[0][0], 1e-9*size);
        ASSERT_NEAR(v[13], cross[0][1], 1e-9*size);
    }
    fclose(fp);
    ASSERT(rows > 80);
    PASS();
}

/* 1e-10 where two large slopes are subtracted, the phase at f_ref as phases above */
TEST scalars_of_phenomd_agree_with_lal(void)
{
    /* The slopes C2 are differences that lose 3 to 4 digits: in extended precision LAL's
     * own are off by up to 6e-12, for the smallest C2MRD by 2.9e-11 of its 0.16. */
    const double fine = LDBL_MANT_DIG > 53 ? 1e-11 : 1e-10;
    FILE *fp = fopen("tests/data/phenomd_scalars.tsv", "r");
    double v[23];
    int rows = 0;
    ASSERT(fp);
    for (; next_row(fp, v, 23) == 23; rows++) {
        snl_phenom p;
        ASSERT_EQ(SNL_OK, prepare(&p, SNL_PHENOMD, v));
        ASSERT_REL(v[7], p.M_sec, 1e-15);
        ASSERT_REL(v[8], p.eta, 1e-14);
        ASSERT_NEAR(v[9], p.chi_pn, 1e-14);
        ASSERT_REL(v[10], p.final_spin, 1e-12);
        ASSERT_REL(v[11], 1 - p.final_mass, 1e-12);
        ASSERT_REL(v[12], p.f_ring, 1e-12);
        ASSERT_REL(v[13], p.f_damp, 1e-12);
        ASSERT_REL(v[14], p.f_peak, 1e-12);
        ASSERT_REL(v[15], p.f_mrd, 1e-12);
        ASSERT_REL(v[16], p.c1_int, 1e-11);
        ASSERT_REL(v[17], p.c2_int, fine);
        ASSERT_REL(v[18], p.mode[0].c1_mrd, 1e-11);
        ASSERT_NEAR(v[19], p.mode[0].c2_mrd, fine*fmax(1, fabs(v[19])));
        ASSERT_REL(v[20], p.t0, 1e-12);
        ASSERT_NEAR(v[21], 2*(p.phi0 - v[6]), 4e-9);
        ASSERT_REL(v[22], 2*sqrt(5/(64*SNL_PI))*p.strain, 1e-14);
    }
    fclose(fp);
    ASSERT_EQ(24, rows);
    PASS();
}

TEST scalars_of_phenomhm_agree_with_lal(void)
{
    FILE *fp = fopen("tests/data/phenomhm_scalars.tsv", "r");
    double v[25];
    int rows = 0;
    ASSERT(fp);
    for (; next_row(fp, v, 25) == 25; rows++) {
        const snl_phenom_part *d;
        snl_phenom p;
        ASSERT_EQ(SNL_OK, prepare(&p, SNL_PHENOMHM, v));
        d = &p.mode[rows % 6];
        for (int j = 0; j < 6; j++)
            if (p.mode[j].l == v[7] && p.mode[j].m == v[8]) d = &p.mode[j];
        ASSERT(d->l == v[7] && d->m == v[8]);
        ASSERT_REL(v[9], p.final_mass, 1e-12);
        ASSERT_REL(v[10], d->f_ring, 1e-12);
        ASSERT_REL(v[11], d->f_damp, 1e-12);
        ASSERT_REL(v[12], d->rho, 1e-12);
        ASSERT_REL(v[13], d->tau, 1e-12);
        ASSERT_REL(v[14], d->c1_mrd, 1e-11);
        ASSERT_REL(v[15], d->c2_mrd, 1e-10);
        ASSERT_REL(v[16], d->p_edge[0], 1e-12);
        ASSERT_REL(v[17], d->p_edge[1], 1e-12);
        ASSERT_REL(v[18], d->p_a[1], 1e-12);
        ASSERT_NEAR(v[19], d->p_b[1], 1e-13);
        ASSERT_REL(v[20], d->a_a[1], 1e-12);
        ASSERT_NEAR(v[21], d->a_b[1], 1e-13);
        ASSERT_NEAR(v[22], d->a_b[2], 1e-13);
        ASSERT_REL(v[23], p.t0, 1e-12);
        ASSERT_NEAR(v[24], p.phi0, 2e-9);
    }
    fclose(fp);
    ASSERT_EQ(48, rows);
    PASS();
}

/* ---- the plain twin ------------------------------------------------------ */

static double slow_phase(const snl_phenom *p, const snl_phenom_part *d, double x)
{
    double sum = 0;
    if (x < p->f_int) {
        for (int k = 0; k < 12; k++) sum += p->ins[k]*pow(x, (k - 5)/3.);
        return sum + (p->ins5 + p->ins6*cbrt(x))*log(x);
    }
    if (x < p->f_mrd)
        return p->beta[0]*x + p->beta[1]*log(x) - p->beta[2]/(3*pow(x, 3))
             + p->c1_int + p->c2_int*x;
    return p->alpha[0]*x - p->alpha[1]/x + 4/3.*p->alpha[2]*pow(x, 0.75)
         + d->atan_amp*atan((x - d->atan_mid)*d->atan_inv) + d->c1_mrd + d->c2_mrd*x;
}

static double slow_slope(const snl_phenom *p, const snl_phenom_part *d, double x)
{
    double sum = 0;
    if (x < p->f_int) {
        for (int k = 0; k < 12; k++) sum += p->ins[k]*(k - 5)/3.*pow(x, (k - 8)/3.);
        return sum + p->ins6/3*pow(x, -2/3.)*log(x) + (p->ins5 + p->ins6*cbrt(x))/x;
    }
    if (x < p->f_mrd)
        return p->beta[0] + p->beta[1]/x + p->beta[2]/pow(x, 4) + p->c2_int;
    return p->alpha[0] + p->alpha[1]/(x*x) + p->alpha[2]*pow(x, -0.25) + d->c2_mrd
         + d->atan_amp*d->atan_inv/(1 + pow((x - d->atan_mid)*d->atan_inv, 2));
}

static double slow_amp(const snl_phenom *p, double x)
{
    double b = 1;
    if (x < p->g_int)
        for (int k = 2; k < 10; k++) b += p->rho[k]*pow(x, k/3.);
    else if (x < p->g_mrd) {
        const double d = x - p->g_int, *c = p->newton;
        b = c[0] + c[1]*d + c[2]*d*d + c[3]*d*d*(x - p->node)
          + c[4]*d*d*(x - p->node)*(x - p->g_mrd);
    } else {
        const double d = x - p->f_ring;
        b = p->gamma1w/(d*d + p->w*p->w)*exp(-p->gamma2w*d);
    }
    return p->amp0*pow(x, -7/6.)*b;
}

/* H_lm(x) of the model's paper, with its Hhat written out again */
static double slow_h(const snl_phenom *p, int l, int m, double x)
{
    const double v = cbrt(2*SNL_PI*x/m), n = p->eta, d = p->delta;
    const double s = (p->chi1 + p->chi2)/2, a = (p->chi1 - p->chi2)/2;
    double h = 1;
    if (l == 2 && m == 1) {
        const double re = d*v - 1.5*(a + d*s)*v*v + d*(335/672. + 117/56.*n)*pow(v, 3)
            + pow(v, 4)*(a*(3427/1344. - 2101/336.*n) + d*s*(3427/1344. - 965/336.*n)
                         - d*SNL_PI);
        h = sqrt(2)/3*hypot(re, pow(v, 4)*d*(0.5 + 2*log(2)));
    }
    if (l == 3 && m == 3) h = 0.75*sqrt(5/7.)*d*v;
    if (l == 3 && m == 2) h = sqrt(5/7.)/3*(1 - 3*n)*v*v;
    if (l == 4 && m == 4) h = 4/9.*sqrt(10/7.)*(1 - 3*n)*v*v;
    if (l == 4 && m == 3) h = 0.75*sqrt(3/35.)*d*(1 - 2*n)*pow(v, 3);
    return pow(v, -3.5)*h;
}

static void slow_mode(const snl_phenom *p, const snl_phenom_part *d, double x,
                      double *amp, double *phase, double *t)
{
    const int i = x <= d->p_edge[0] ? 0 : x <= d->p_edge[1] ? 1 : 2;
    const int j = x <= d->a_edge[0] ? 0 : x <= d->a_edge[1] ? 1 : 2;
    const double g = d->a_a[j]*x + d->a_b[j], m = d->m;
    const double norm = slow_h(p, d->l, d->m, 2*x/m);
    const double y = d->p_a[i]*x + d->p_b[i];
    *phase = d->p_scale[i]*slow_phase(p, d, y) + d->p_add[i]
           + d->c - p->t0*(x - p->f_ref) - m*p->phi0;
    *t = p->M_sec/(2*SNL_PI)*(d->p_scale[i]*d->p_a[i]*slow_slope(p, d, y) - p->t0);
    *amp = norm == 0 ? 0 : slow_amp(p, g)*slow_h(p, d->l, d->m, x)/norm
                           *slow_h(p, d->l, d->m, g)/slow_h(p, 2, 2, g);
}

/* Rounding: 1e-14 of the largest term, which is 1/eta times a few 100 (the slope: times
 * 1e4) or the inspiral's leading power. */
TEST batches_agree_with_the_plain_twin(void)
{
    enum { N = 100 };
    snl_rng r;
    snl_rng_seed(&r, 1, 0);
    for (int n = 0; n < 600; n++) {
        const snl_phenom p = draw(&r, n % 4 ? SNL_PHENOMHM : SNL_PHENOMD);
        const int j = (int)snl_rng_below(&r, (size_t)p.modes);
        double f[N], amp[N], phase[N], t[N];
        for (int i = 0; i < N; i++)
            f[i] = exp(log(1e-5) + log(1e5)*snl_rng_uniform(&r))/p.M_sec;
        ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), N, f, amp, phase, t));
        for (int i = 0; i < N; i++) {
            const double x = f[i]*p.M_sec;
            double amp2, phase2, t2;
            slow_mode(&p, &p.mode[j], x, &amp2, &phase2, &t2);
            ASSERT_NEAR(phase2, phase[i], 1e-14*(fabs(p.phi0) + fabs(p.t0*x)
                                                 + (1e3 + pow(x, -5/3.))/p.eta));
            ASSERT_NEAR(t2, t[i], 1e-14*p.M_sec*(fabs(p.t0)
                                                 + (1e4 + pow(x, -8/3.))/p.eta));
            ASSERT_NEAR(amp2, amp[i], 1e-12*amp2 + 1e-300);
        }
    }
    PASS();
}

/* Coefficients of a binary that leave of its formulas one function, known from libm */
TEST elementary_functions_are_good_to_rounding(void)
{
    enum { N = 5000 };
    static double f[N], a[N], b[N], c[N];
    snl_phenom plain, p;
    snl_phenom_part *d = &plain.mode[0];
    snl_rng r;
    snl_rng_seed(&r, 9, 0);
    memset(&plain, 0, sizeof plain);
    plain.M_sec = plain.amp0 = plain.w = plain.gamma1w = 1;
    plain.modes = 1;
    d->l = d->m = 2;
    d->h[0] = 1;
    for (int i = 0; i < 3; i++) d->p_a[i] = d->p_scale[i] = d->a_a[i] = 1;
    for (int i = 0; i < N; i++) f[i] = exp(60*snl_rng_uniform(&r) - 30);

    p = plain;                              /* inspiral everywhere: x^(-5/3), x^(-7/6) */
    p.f_int = p.f_mrd = p.g_int = p.g_mrd = 1e30;
    p.ins[0] = 1;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, N, f, a, b, NULL));
    for (int i = 0; i < N; i++) ASSERT_REL(pow(f[i], -7/6.), a[i], 5e-15);
    for (int i = 0; i < N; i++) ASSERT_REL(pow(f[i], -5/3.), b[i], 5e-15);

    p = plain;                              /* intermediate: ln x */
    p.f_mrd = 1e30;
    p.beta[1] = 1;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, N, f, NULL, b, NULL));
    for (int i = 0; i < N; i++) ASSERT_REL(log(f[i]), b[i], 5e-16);

    p = plain;                              /* ringdown: x^(-1/4), atan and exp */
    p.alpha[2] = 1;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, N, f, NULL, b, c));
    for (int i = 0; i < N; i++) ASSERT_REL(pow(f[i], -0.25)/(2*SNL_PI), c[i], 2e-15);
    p.alpha[2] = 0;
    p.mode[0].atan_amp = p.mode[0].atan_inv = 1;
    p.mode[0].atan_mid = 5;
    p.gamma2w = 1;
    for (int i = 0; i < N; i++) f[i] = i < N/2 ? 10*(i + 1.)/N : f[i];
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, N, f, a, b, NULL));
    for (int i = 0; i < N; i++) ASSERT_REL(atan(f[i] - 5), b[i], 5e-16);
    for (int i = 0; i < N; i++)
        ASSERT_REL(pow(f[i], -7/6.)/(f[i]*f[i] + 1)*exp(-fmin(f[i], 700)), a[i], 1e-14);
    PASS();
}

/* ---- what must hold for any binary --------------------------------------- */

TEST time_is_the_derivative_of_the_phase(void)
{
    snl_rng r;
    int used = 0;
    snl_rng_seed(&r, 2, 0);
    for (int n = 0; n < 1500; n++) {
        const snl_phenom p = draw(&r, SNL_PHENOMHM);
        const int j = (int)snl_rng_below(&r, 6);
        const snl_phenom_part *d = &p.mode[j];
        const double x = exp(log(1e-3) + log(300)*snl_rng_uniform(&r)), h = 2e-4*x;
        double f[5], phase[5], t[5], slope, t_scale;
        int range[2];
        for (int i = 0; i < 5; i++) f[i] = (x + (i - 2)*h)/p.M_sec;
        for (int e = 0; e < 2; e++) {       /* no kink inside the stencil? */
            const double y = x + (e ? 2.1 : -2.1)*h;
            const int i = y <= d->p_edge[0] ? 0 : y <= d->p_edge[1] ? 1 : 2;
            const double g = d->p_a[i]*y + d->p_b[i];
            range[e] = 3*i + (g >= p.f_int) + (g >= p.f_mrd);
        }
        if (range[0] != range[1]) continue;
        used++;
        ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), 5, f, NULL, phase, t));
        slope = (phase[0] - 8*phase[1] + 8*phase[3] - phase[4])/(12*h);
        t_scale = fabs(t[2]) + (fabs(p.t0) + 100/p.eta)*p.M_sec;
        ASSERT_NEAR(slope*p.M_sec/(2*SNL_PI), t[2], 1e-8*t_scale);
    }
    ASSERT(used > 1200);
    PASS();
}

/* The Mf at which a formula of a mode gives way to another: the ends of the maps, and
 * what they send to the borders inside P and A. */
static int find_borders(const snl_phenom *p, const snl_phenom_part *d, double x[16])
{
    int n = 0;
    for (int k = 0; k < 4; k++) {
        const double *edge = k < 2 ? d->p_edge : d->a_edge;
        const double *a = k < 2 ? d->p_a : d->a_a, *b = k < 2 ? d->p_b : d->a_b;
        const double border[4] = { p->f_int, p->f_mrd, p->g_int, p->g_mrd };
        x[n++] = edge[k % 2];
        for (int j = 0; j < 3; j++) {
            const double y = (border[k] - b[j])/a[j];
            if (y > (j > 0 ? edge[j - 1] : 0) && (j == 2 || y <= edge[j])) x[n++] = y;
        }
    }
    return n;
}

/* Closing in on a border from both sides; the slope of the formulas is below 1e7/eta,
 * that of ln amp below 1e3/x but for the cusp of (2,1), which is under 1e-3 of (2,2). */
TEST phase_time_and_amplitude_are_continuous(void)
{
    snl_rng r;
    snl_rng_seed(&r, 3, 0);
    for (int n = 0; n < 300; n++) {
        const snl_phenom p = draw(&r, n % 4 ? SNL_PHENOMHM : SNL_PHENOMD);
        for (int j = 0; j < p.modes; j++) {
            double x[16];
            const int borders = find_borders(&p, &p.mode[j], x);
            ASSERT(borders >= 7);
            for (int k = 0; k < borders; k++) {
                double f[2], a[2], a22[2], ph[2], t[2];
                for (int i = 0; i < 2; i++)
                    f[i] = x[k]*(i ? 1 + 1e-12 : 1 - 1e-12)/p.M_sec;
                ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), 2, f, a, ph, t));
                ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 2, f, a22, NULL, NULL));
                ASSERT_NEAR(ph[0], ph[1], 1e-9/p.eta);
                ASSERT_NEAR(t[0], t[1], 1e-7*p.M_sec/p.eta);
                ASSERT_NEAR(a[0], a[1], 1e-9*a[0] + 1e-12*a22[0]);
            }
        }
    }
    PASS();
}

TEST any_legal_binary_gives_finite_numbers(void)
{
    snl_rng r;
    snl_rng_seed(&r, 4, 0);
    for (int n = 0; n < 3000; n++) {
        const snl_phenom p = draw(&r, SNL_PHENOMHM);
        double f[20], a[20], ph[20], t[20];
        for (int i = 0; i < 20; i++)
            f[i] = exp(log(1e-7) + log(1e9)*snl_rng_uniform(&r))/p.M_sec;
        for (int j = 0; j < 6; j++) {
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), 20, f, a, ph, t));
            for (int i = 0; i < 20; i++)
                ASSERT(a[i] >= 0 && a[i] < 1
                       && fabs(ph[i]) < 1e300 && fabs(t[i]) < 1e300);
        }
    }
    PASS();
}

static double log_uniform(snl_rng *r, double lo, double hi)
{ return exp(log(lo) + (log(hi) - log(lo))*snl_rng_uniform(r)); }

/* Both ends of all ranges that the header gives; the amplitude may be negative where the
 * model is of no use. */
TEST extreme_binaries_give_finite_numbers(void)
{
    enum { N = 8 };
    snl_rng r;
    int used = 0;
    snl_rng_seed(&r, 6, 0);
    for (int n = 0; n < 4000; n++) {
        const double m1 = n % 7 ? log_uniform(&r, 1e-30, 1e30) : 1e30;
        const double m2 = fmax(1e-30, n % 5 ? m1*log_uniform(&r, 1.0001e-9, 1)
                                            : m1*1.0001e-9);
        const double D = n % 3 ? log_uniform(&r, 1e-30, 1e30) : n % 2 ? 1e-30 : 1e30;
        const double chi1 = (double)snl_rng_below(&r, 3) - 1;
        const double chi2 = n % 2 ? 2*snl_rng_uniform(&r) - 1 : chi1;
        double f[N], a[N], ph[N], t[N], plus[N][2], cross[N][2];
        snl_phenom p;
        if (snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, m1, m2, chi1, chi2, D, NULL, NULL)
            != SNL_OK)
            continue;
        used++;
        for (int i = 0; i < N; i++) f[i] = log_uniform(&r, 1.0001e-30, 9.999e29)/p.M_sec;
        f[0] = 1.0001e-30/p.M_sec;
        f[1] = 9.999e29/p.M_sec;
        for (int j = 0; j < 6; j++) {
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), N, f, a, ph, t));
            for (int i = 0; i < N; i++)
                ASSERT(isfinite(a[i]) && isfinite(ph[i]) && isfinite(t[i]));
        }
        ASSERT_EQ(SNL_OK, snl_phenom_polarisations(&p, 1, N, f, plus, cross));
        for (int i = 0; i < N; i++)
            ASSERT(isfinite(plus[i][0]) && isfinite(plus[i][1])
                   && isfinite(cross[i][0]) && isfinite(cross[i][1]));
    }
    ASSERT(used > 3000);
    PASS();
}

TEST strain_goes_as_one_over_distance_and_phase_does_not(void)
{
    enum { N = 50 };
    snl_rng r;
    snl_rng_seed(&r, 7, 0);
    for (int n = 0; n < 100; n++) {
        const snl_phenom p = draw(&r, SNL_PHENOMHM);
        snl_phenom q;
        double f[N], a[2][N], ph[2][N], t[2][N];
        ASSERT_EQ(SNL_OK, snl_phenom_prepare(&q, qnm, SNL_PHENOMHM, p.m1, p.m2, p.chi1,
                                             p.chi2, 7*p.distance, NULL, NULL));
        for (int i = 0; i < N; i++) f[i] = log_uniform(&r, 1e-4, 0.3)/p.M_sec;
        for (int j = 0; j < 6; j++) {
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), N, f, a[0], ph[0], t[0]));
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&q, MODE(j), N, f, a[1], ph[1], t[1]));
            for (int i = 0; i < N; i++) {
                ASSERT_REL(a[0][i], 7*a[1][i], 1e-14);
                ASSERT(ph[0][i] == ph[1][i] && t[0][i] == t[1][i]);
            }
        }
    }
    PASS();
}

/* h(t - dt) has the phase + 2 pi f dt; turning the orbit by d the phase - m d.  LAL's
 * origin of time belongs to f_ref, hence a constant that all modes share. */
TEST time_and_phase_shifts(void)
{
    enum { N = 20 };
    snl_rng r;
    snl_rng_seed(&r, 8, 0);
    for (int n = 0; n < 100; n++) {
        const snl_phenom p = draw(&r, SNL_PHENOMHM);
        const double x_ref = log_uniform(&r, 1e-3, 0.2), d = 6*snl_rng_uniform(&r) - 3;
        snl_phenom q = p, o = p;                /* p stays aligned to the peak */
        double f[N], a[3][N], ph[3][N], t[3][N], dt = 0, all = 0, orbit = 0;
        snl_phenom_align_lal(&q, x_ref/p.M_sec, 0);
        snl_phenom_align_lal(&o, x_ref/p.M_sec, d);
        for (int i = 0; i < N; i++) f[i] = log_uniform(&r, 1e-3, 0.3)/p.M_sec;
        for (int j = 0; j < 6; j++) {
            const double m = modes[j][1];
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), N, f, a[0], ph[0], t[0]));
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&q, MODE(j), N, f, a[1], ph[1], t[1]));
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&o, MODE(j), N, f, a[2], ph[2], t[2]));
            for (int i = 0; i < N; i++) {
                const double size = fabs(q.phi0) + fabs(q.t0) + fabs(p.phi0) + fabs(p.t0)
                                  + fabs(ph[0][i]) + 1e5/p.eta;
                double shift;
                ASSERT(a[0][i] == a[1][i] && a[0][i] == a[2][i] && t[1][i] == t[2][i]);
                ASSERT_NEAR(ph[1][i] - m*d, ph[2][i], 1e-14*size);
                if (i == 0 && j == 0) dt = t[1][0] - t[0][0];
                ASSERT_NEAR(dt, t[1][i] - t[0][i], 1e-14*size*p.M_sec);
                shift = ph[1][i] - ph[0][i] - 2*SNL_PI*f[i]*dt;
                if (i == 0 && j == 0) all = shift;                  /* all + 2 orbit */
                if (i == 0 && j == 1) { orbit = all - shift;  all = shift - orbit; }
                if (j > 0) ASSERT_NEAR(all + m*orbit, shift, 1e-13*size);
                else       ASSERT_NEAR(all, shift, 1e-13*size);
            }
        }
    }
    PASS();
}

TEST bodies_may_be_exchanged_with_their_spins(void)
{
    snl_phenom p, q;
    const double a[7] = { 2e6, 5e5, 0.7, -0.4, 1e4, 1e-3, 0.3 };
    const double b[7] = { 5e5, 2e6, -0.4, 0.7, 1e4, 1e-3, 0.3 };
    const double c[7] = { 5e5, 2e6, 0.7, -0.4, 1e4, 1e-3, 0.3 };     /* the spins stay */
    memset(&p, 0, sizeof p);
    memset(&q, 0, sizeof q);
    ASSERT_EQ(SNL_OK, prepare(&p, SNL_PHENOMHM, a));
    ASSERT_EQ(SNL_OK, prepare(&q, SNL_PHENOMHM, b));
    ASSERT_EQ(2e6, q.m1);
    ASSERT_REL(0.7, q.chi1, 0);
    ASSERT(memcmp(p.mode, q.mode, sizeof p.mode) == 0);
    ASSERT(p.t0 == q.t0 && p.phi0 == q.phi0 && p.amp0 == q.amp0 && p.f_peak == q.f_peak);
    ASSERT_EQ(SNL_OK, prepare(&q, SNL_PHENOMHM, c));
    ASSERT(fabs(p.final_spin - q.final_spin) > 0.1);
    PASS();
}

TEST odd_m_vanish_for_equal_bodies_only(void)
{
    const double f[2] = { 1e-4, 5e-3 };
    for (int other = 0; other < 2; other++) {
        snl_phenom p;
        ASSERT_EQ(SNL_OK, snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, 1e6,
                                             other ? 9e5 : 1e6, 0.6, 0.6, 1e4, NULL,
                                             NULL));
        for (int j = 0; j < 6; j++) {
            double a[2];
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), 2, f, a, NULL,
                                              NULL));
            ASSERT_EQ(other || modes[j][1] % 2 == 0, a[0] > 0);
            ASSERT_EQ(other || modes[j][1] % 2 == 0, a[1] > 0);
        }
    }
    PASS();
}

TEST bits_do_not_depend_on_the_neighbours(void)
{
    enum { N = 333 };
    snl_rng r;
    snl_rng_seed(&r, 5, 0);
    for (int n = 0; n < 20; n++) {
        const snl_phenom p = draw(&r, SNL_PHENOMHM);
        double f[N], a[N], ph[N], t[N], one[3];
        for (int i = 0; i < N; i++)
            f[i] = exp(log(1e-5) + log(1e5)*snl_rng_uniform(&r))/p.M_sec;
        for (int j = 0; j < 6; j++) {
            ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), N, f, a, ph, t));
            for (int i = 0; i < N; i++) {
                ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, MODE(j), 1, f + i, one,
                                                  one + 1, one + 2));
                ASSERT(one[0] == a[i] && one[1] == ph[i] && one[2] == t[i]);
            }
        }
    }
    PASS();
}

TEST alignments_do_what_they_say(void)
{
    snl_phenom p, d;
    double f, ph, t, t2, f2 = 1e-3;
    ASSERT_EQ(SNL_OK, snl_phenom_prepare(&p, qnm, SNL_PHENOMHM, 1e6, 3e5, 0.9, -0.5, 1e4,
                                         NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_phenom_prepare(&d, qnm, SNL_PHENOMD, 1e6, 3e5, 0.9, -0.5, 1e4,
                                         NULL, NULL));
    f = p.f_peak/p.M_sec;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, &f, NULL, &ph, &t));
    ASSERT_NEAR(0, ph, 1e-10);                      /* rounding of a phase of 100 rad */
    ASSERT_NEAR(0, t, 1e-10*p.M_sec);
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, &f2, NULL, &ph, &t));
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&d, 2, 2, 1, &f2, NULL, &ph, &t2));
    ASSERT(t == t2);                                /* the (2,2) of both models is one */
    snl_phenom_align_lal(&p, f2, 0.7);
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, &f2, NULL, &ph, &t2));
    ASSERT_NEAR(-1.4, ph, 1e-10);
    ASSERT_NEAR(p.mode[0].c2_mrd*p.M_sec/(2*SNL_PI), t2 - t, 1e-9*p.M_sec);
    PASS();
}

/* Closed forms of the reference's table */
TEST harmonics_have_their_closed_forms(void)
{
    for (int k = 0; k <= 16; k++) {
        const double th = SNL_PI*k/16, phi = 0.3*k;
        const double ct = cos(th), c = cos(th/2), s = sin(th/2);
        const struct { int l, m;  double y; } want[12] = {
            { 2,  2, sqrt(5/(4*SNL_PI))*pow(c, 4) },
            { 2, -2, sqrt(5/(4*SNL_PI))*pow(s, 4) },
            { 2,  1, sqrt(5/SNL_PI)*pow(c, 3)*s },
            { 2, -1, sqrt(5/SNL_PI)*c*pow(s, 3) },
            { 3,  3, -sqrt(21/(2*SNL_PI))*pow(c, 5)*s },
            { 3, -3, sqrt(21/(2*SNL_PI))*c*pow(s, 5) },
            { 3,  2, sqrt(7/(4*SNL_PI))*pow(c, 4)*(3*ct - 2) },
            { 3, -2, sqrt(7/(4*SNL_PI))*pow(s, 4)*(3*ct + 2) },
            { 4,  4, 3*sqrt(7/SNL_PI)*pow(c, 6)*s*s },
            { 4, -4, 3*sqrt(7/SNL_PI)*c*c*pow(s, 6) },
            { 4,  3, -3*sqrt(7/(2*SNL_PI))*pow(c, 5)*s*(2*ct - 1) },
            { 4, -3, 3*sqrt(7/(2*SNL_PI))*c*pow(s, 5)*(2*ct + 1) } };
        for (int i = 0; i < 12; i++) {
            double y[2];
            snl_ylm(want[i].l, want[i].m, th, phi, y);
            ASSERT_NEAR(want[i].y*cos(want[i].m*phi), y[0], 1e-14);
            ASSERT_NEAR(want[i].y*sin(want[i].m*phi), y[1], 1e-14);
        }
    }
    PASS();
}

/* The addition theorem: sum_m |Y_lm|^2 = (2l + 1)/4 pi in every direction. */
TEST harmonics_are_good_to_their_stated_order(void)
{
    for (int l = 2; l <= 24; l++)
        for (int k = 0; k <= 32; k++) {
            double sum = 0, y[2];
            for (int m = -l; m <= l; m++) {
                snl_ylm(l, m, SNL_PI*k/32, 0.3*k, y);
                sum += y[0]*y[0] + y[1]*y[1];
            }
            ASSERT_REL((2*l + 1)/(4*SNL_PI), sum, l <= 15 ? 1e-12 : 1e-9);
        }
    PASS();
}

/* ---- refusals ------------------------------------------------------------ */

TEST refusals_name_the_argument(void)
{
    static const double good[5] = { 1e6, 5e5, 0.1, 0.2, 1e4 };
    static const struct { int arg;  double value;  const char *name; } bad[] = {
        { 0, 0, "m1" }, { 0, -1, "m1" }, { 0, NAN, "m1" }, { 0, INFINITY, "m1" },
        { 1, 0, "m2" }, { 1, -1, "m2" }, { 1, NAN, "m2" }, { 1, INFINITY, "m2" },
        { 2, 1.0001, "chi1" }, { 2, -1.0001, "chi1" }, { 2, NAN, "chi1" },
        { 3, 1.0001, "chi2" }, { 3, -1.0001, "chi2" }, { 3, NAN, "chi2" },
        { 4, 0, "distance" }, { 4, -1, "distance" }, { 4, NAN, "distance" },
        { 0, 1.1e30, "m1" }, { 1, 9e-31, "m2" }, { 4, 1.1e30, "distance" },
        { 0, 4e-4, "mass_ratio" }, { 1, 1.1e15, "mass_ratio" } };
    snl_phenom p;
    snl_fault fault;
    ASSERT_EQ(SNL_EINVAL, snl_phenom_prepare(&p, qnm, (snl_model)2, 1e6, 5e5, 0, 0, 1e4,
                                             NULL, &fault));
    ASSERT_STR_EQ("model", fault.name);
    for (size_t i = 0; i < sizeof bad/sizeof *bad; i++) {
        double v[5];
        snl_fault why = { NULL, 0, 0, 0, 0 };
        unsigned warnings = 77;
        memcpy(v, good, sizeof v);
        v[bad[i].arg] = bad[i].value;
        memset(&p, 1, sizeof p);
        ASSERT_EQ(isnan(bad[i].value) ? SNL_ENOTFINITE : SNL_EINVAL,
                  snl_phenom_prepare(&p, qnm, SNL_PHENOMD, v[0], v[1], v[2], v[3], v[4],
                                     &warnings, &why));
        ASSERT_STR_EQ(bad[i].name, why.name);
        ASSERT_EQ(77u, warnings);
        ASSERT_EQ(1, *(unsigned char *)&p);
    }
    PASS();
}

TEST bad_frequencies_and_modes_are_refused(void)
{
    static const double bad[] = { 0, -1e-3, NAN, INFINITY, 1e-300, 1e300 };
    snl_phenom p;
    double f[3] = { 1e-3, 2e-3, 3e-3 }, a[3] = { -7, -7, -7 }, pol[3][2] = { { -7, -7 } };
    ASSERT_EQ(SNL_OK, snl_phenom_prepare(&p, qnm, SNL_PHENOMD, 1e6, 5e5, 0, 0, 1e4, NULL,
                                         NULL));
    ASSERT_EQ(SNL_OK, snl_phenom_check(&p, 3, f, NULL));
    ASSERT_EQ(SNL_EINVAL, snl_phenom_mode(&p, 3, 3, 3, f, a, NULL, NULL));
    for (int i = 0; i < 6; i++) {
        const snl_status want = isnan(bad[i]) ? SNL_ENOTFINITE : SNL_EINVAL;
        snl_fault why;
        f[2] = bad[i];
        ASSERT_EQ(want, snl_phenom_check(&p, 3, f, &why));
        ASSERT_STR_EQ("f", why.name);
        ASSERT_EQ(2u, why.index);
        ASSERT_EQ(want, snl_phenom_mode(&p, 2, 2, 3, f, a, NULL, NULL));
        ASSERT_EQ(want, snl_phenom_polarisations(&p, 0, 3, f, pol, pol));
        ASSERT(a[0] == -7 && pol[0][0] == -7);
    }
    PASS();
}

TEST doubts_are_reported(void)
{
    static const struct { double m2, chi1, chi2;  unsigned want; } row[] = {
        { 1e6, 0.97, 0.97, 0 },      { 1e6, 0.99, 0, SNL_WARN_CALIBRATION },
        { 9e5, 0.8, -0.8, 0 },       { 9e5, 0.9, 0, SNL_WARN_CALIBRATION },
        { 5.6e4, 0, 0, 0 },          { 5.5e4, 0, 0, SNL_WARN_CALIBRATION },
        { 1e2, 0, 0, SNL_WARN_CALIBRATION | SNL_WARN_MASS_RATIO },
        { 1e4, -0.9, 0, SNL_WARN_CALIBRATION | SNL_WARN_FINAL_SPIN } };
    for (size_t i = 0; i < sizeof row/sizeof *row; i++) {
        snl_phenom p;
        unsigned warnings = 77;
        ASSERT_EQ(SNL_OK, snl_phenom_prepare(&p, qnm, SNL_PHENOMD, 1e6, row[i].m2,
                                             row[i].chi1, row[i].chi2, 1e4, &warnings,
                                             NULL));
        ASSERT_EQ(row[i].want, warnings);
    }
    PASS();
}

/* f_ring and f_damp of the remnant times its mass are smooth in its spin: at each knot of the
 * tables, 0.002 apart, what four neighbours on a cubic say.  What that is off by, h^4/6 times
 * the fourth derivative, is below 5e-5 up to a spin of 0.95, and six digits give 2e-6. */
static snl_status ring_at(double a, double *ring, double *damp)
{
    snl_phenom p;
    snl_status st;
    double chi = a;
    for (int i = 0; i < 40; i++) {              /* the remnant of 1:1000 spins nearly as m1 */
        if ((st = snl_phenom_prepare(&p, qnm, SNL_PHENOMD, 1e6, 1e3, chi, 0, 1e4, NULL, NULL)) != SNL_OK)
            return st;
        chi += a - p.final_spin;
    }
    *ring = p.f_ring*p.final_mass;
    *damp = p.f_damp*p.final_mass;
    return fabs(a - p.final_spin) < 1e-9 ? SNL_OK : SNL_EFAILED;
}
TEST ringdown_is_smooth_in_the_spin(void)
{
    enum { N = 956 };
    static double ring[N], damp[N];
    for (int i = 0; i < N; i++)
        ASSERT_EQ(SNL_OK, ring_at(-0.96 + 0.002*i, &ring[i], &damp[i]));
    for (int i = 2; i < N - 2; i++) {
        ASSERT_REL((4*(ring[i-1] + ring[i+1]) - ring[i-2] - ring[i+2])/6, ring[i], 5e-5);
        ASSERT_REL((4*(damp[i-1] + damp[i+1]) - damp[i-2] - damp[i+2])/6, damp[i], 5e-5);
    }
    PASS();
}

/* Towards a spin of 1 they are smooth in sqrt(1 - spin^2), as modes of nearly extremal Kerr are: at
 * each knot up to 0.994 what four neighbours on a cubic in it say, to their six digits. */
TEST ringdown_is_smooth_up_to_the_fastest_spin(void)
{
    enum { N = 26 };
    double x[N], ring[N], damp[N];
    for (int i = 0; i < N; i++) {
        const double a = 0.948 + 0.002*i;
        x[i] = sqrt(1 - a*a);
        ASSERT_EQ(SNL_OK, ring_at(a, &ring[i], &damp[i]));
    }
    for (int i = 2; i < N - 2; i++) {
        double r = 0, d = 0;
        for (int j = i - 2; j <= i + 2; j++) {
            double w = j != i;
            for (int k = i - 2; k <= i + 2; k++) if (k != i && k != j) w *= (x[i] - x[k])/(x[j] - x[k]);
            r += w*ring[j];
            d += w*damp[j];
        }
        ASSERT_REL(r, ring[i], 2e-5);
        ASSERT_REL(d, damp[i], 2e-5);
    }
    PASS();
}

SUITE(waveform)
{
    RUN_TEST(ringdown_is_smooth_in_the_spin);
    RUN_TEST(ringdown_is_smooth_up_to_the_fastest_spin);
    RUN_TEST(phenomd_agrees_with_lal);
    RUN_TEST(phenomhm_modes_agree_with_lal);
    RUN_TEST(polarisations_agree_with_lal);
    RUN_TEST(scalars_of_phenomd_agree_with_lal);
    RUN_TEST(scalars_of_phenomhm_agree_with_lal);
    RUN_TEST(batches_agree_with_the_plain_twin);
    RUN_TEST(elementary_functions_are_good_to_rounding);
    RUN_TEST(time_is_the_derivative_of_the_phase);
    RUN_TEST(phase_time_and_amplitude_are_continuous);
    RUN_TEST(any_legal_binary_gives_finite_numbers);
    RUN_TEST(extreme_binaries_give_finite_numbers);
    RUN_TEST(strain_goes_as_one_over_distance_and_phase_does_not);
    RUN_TEST(time_and_phase_shifts);
    RUN_TEST(bodies_may_be_exchanged_with_their_spins);
    RUN_TEST(odd_m_vanish_for_equal_bodies_only);
    RUN_TEST(bits_do_not_depend_on_the_neighbours);
    RUN_TEST(alignments_do_what_they_say);
    RUN_TEST(harmonics_have_their_closed_forms);
    RUN_TEST(harmonics_are_good_to_their_stated_order);
    RUN_TEST(refusals_name_the_argument);
    RUN_TEST(bad_frequencies_and_modes_are_refused);
    RUN_TEST(doubts_are_reported);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    if (snl_qnm_create(&qnm) != SNL_OK) return 1;
    RUN_SUITE(waveform);
    snl_qnm_free(qnm);
    GREATEST_MAIN_END();
}
