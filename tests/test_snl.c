/* Tests of snl.c.  Truths: closed-form Gaussian posteriors, quadrature on a grid, finite
 * differences, likelihoods on every bin, injected sources.  A sampled moment agrees if it is
 * within 4.5 of its Monte Carlo standard errors (some 60 are looked at), the effective
 * number of samples being the one that the sampler reports; a distribution if its
 * Kolmogorov-Smirnov distance is below 2.2/sqrt(ess), which one in 10^4 exceeds. */
#include "snl.h"
#include "greatest.h"
#include "near.h"
#include <stdlib.h>
#include <string.h>

#define MAX_SIGMA 4.5
#define MAX_KS    2.2
#define LEN(a)    (sizeof (a) / sizeof (a)[0])

static snl_qnm *qnm;

/* ---- priors and parameters ---------------------------------------------- */

/* Simpson on 2000 intervals of a smooth function: exact to 1e-10. */
static double integral_of_prior(const snl_prior *p)
{
    const int n = 2000;
    double sum = 0;
    for (int i = 0; i <= n; i++)
        sum += (i == 0 || i == n ? 1 : i & 1 ? 4 : 2)
             * exp(snl_prior_log(p, i == n ? p->hi : p->lo + (p->hi - p->lo)*i/n));
    return sum * (p->hi - p->lo)/n/3;
}

TEST priors_integrate_to_one_and_vanish_outside(void)
{
    const snl_prior p[4] = { { SNL_UNIFORM, -3, 11, 0, 0 }, { SNL_LOG_UNIFORM, 0.5, 8, 0, 0 },
                             { SNL_NORMAL, -20, 24, 2, 2.5 }, { SNL_NORMAL, 2, 30, 2, 2.5 } };
    const double want[4] = { 1, 1, 1, 0.5 };            /* what the cut takes is not put back */
    for (size_t i = 0; i < LEN(p); i++) {
        ASSERT_NEAR(want[i], integral_of_prior(&p[i]), 1e-9);
        ASSERT(snl_prior_log(&p[i], p[i].lo) > -INFINITY);
        ASSERT(snl_prior_log(&p[i], p[i].hi) > -INFINITY);
        ASSERT_EQ(-INFINITY, snl_prior_log(&p[i], p[i].lo - 1e-9));
        ASSERT_EQ(-INFINITY, snl_prior_log(&p[i], p[i].hi + 1e-9));
        ASSERT_EQ(-INFINITY, snl_prior_log(&p[i], NAN));
    }
    PASS();
}

TEST theta_and_source_undo_each_other(void)
{
    const double lo[SNL_NPAR] = { 1e4, 1, -1, -1, -1e8, 10, -1, -7, -7, -1, -7 };
    const double hi[SNL_NPAR] = { 1e8, 50, 1, 1, 1e8, 1e6, 1, 7, 7, 1, 7 };
    snl_rng r;
    snl_rng_seed(&r, 1, 0);
    for (int i = 0; i < 200; i++) {
        double t[SNL_NPAR], back[SNL_NPAR];
        snl_source s;
        for (int k = 0; k < SNL_NPAR; k++) t[k] = lo[k] + (hi[k] - lo[k])*snl_rng_uniform(&r);
        s = snl_source_from_theta(t);
        ASSERT_REL(t[SNL_CHIRP_MASS], pow(s.m1*s.m2, 0.6)*pow(s.m1 + s.m2, -0.2), 1e-14);
        ASSERT_REL(t[SNL_MASS_RATIO], s.m1/s.m2, 1e-14);
        ASSERT_NEAR(t[SNL_SIN_BETA], sin(s.beta), 1e-15);
        snl_theta_from_source(&s, back);
        for (int k = 0; k < SNL_NPAR; k++)
            ASSERT_NEAR(t[k], back[k], 1e-14*fmax(1, fabs(t[k])));
    }
    ASSERT_STR_EQ("chirp_mass", snl_parameter_name[SNL_CHIRP_MASS]);
    ASSERT_STR_EQ("psi", snl_parameter_name[SNL_PSI]);
    ASSERT_STR_EQ(SNL_VERSION, snl_version());
    PASS();
}

/* ---- an event ------------------------------------------------------------ */

/* 3.8 days at 10 s, 3000 bins, SNR 200 three days after the start. */
static const double T_EVENT = 327680;
static const double theta_event[SNL_NPAR] = { 8e5, 1.8, 0.5, 0.2, 262144, 0, 0.4, 1.1, 2.2,
                                              0.3, 0.9 };

typedef struct event {
    snl_data  *data;
    snl_source truth;
    double     truth_ll;            /* on every bin */
    snl_event_cfg cfg;
    snl_event *e;
    snl_search_result found;
    snl_problem p;
} event;
static event ev;                    /* shared by the tests; searched in main */

/* snr 0: only noise. */
static snl_status event_make_with(event *v, snl_model model, double snr, uint64_t seed)
{
    static const snl_prior prior[SNL_NPAR] = {
        { SNL_LOG_UNIFORM, 650000, 950000, 0, 0 }, { SNL_NORMAL, 1, 10, 2, 3 },
        { SNL_UNIFORM, -0.99, 0.99, 0, 0 },        { SNL_NORMAL, -0.99, 0.99, 0, 0.7 },
        { SNL_UNIFORM, 261544, 262744, 0, 0 },     { SNL_LOG_UNIFORM, 1000, 1e6, 0, 0 },
        { SNL_UNIFORM, -1, 1, 0, 0 },              { SNL_UNIFORM, 0, SNL_PI, 0, 0 },
        { SNL_UNIFORM, 0, 2*SNL_PI, 0, 0 },        { SNL_UNIFORM, -1, 1, 0, 0 },
        { SNL_UNIFORM, 0, SNL_PI, 0, 0 } };
    const snl_noise noise = snl_noise_defaults();
    snl_lisa_cfg lisa = snl_lisa_defaults(qnm);
    const size_t k0 = (size_t)(3e-4*T_EVENT), n = (size_t)(0.01*T_EVENT) - k0;
    double theta[SNL_NPAR];
    snl_rng rng;
    snl_status st = snl_data_create(&v->data, 1/T_EVENT, k0, n);
    lisa.model = model;
    for (size_t c = 0; st == SNL_OK && c < 2; c++)
        st = snl_noise_psd(&noise, SNL_CHANNEL_A, n, v->data->f, v->data->S + c*n, NULL);
    memcpy(theta, theta_event, sizeof theta);
    theta[SNL_DISTANCE] = 1e4;
    v->truth = snl_source_from_theta(theta);
    if (st == SNL_OK) st = snl_data_add_signal(v->data, &lisa, &v->truth, NULL);
    if (st != SNL_OK) return st;
    if (snr > 0) v->truth.distance *= snl_data_snr(v->data, v->data->d)/snr;
    memset(v->data->d, 0, 4*n*sizeof(double));
    if (snr > 0) st = snl_data_add_signal(v->data, &lisa, &v->truth, NULL);
    snl_rng_seed(&rng, seed, 0);
    snl_data_add_noise(v->data, &rng);
    if (st == SNL_OK)
        st = snl_likelihood_dense(v->data, &lisa, &v->truth, &v->truth_ll, NULL);
    memset(&v->cfg, 0, sizeof v->cfg);
    v->cfg.lisa = lisa;
    memcpy(v->cfg.prior, prior, sizeof prior);
    if (model == SNL_PHENOMHM) v->cfg.prior[SNL_PHI_REF].hi = 2*SNL_PI;
    v->cfg.nodes = 256;
    v->cfg.search = 1000;
    v->cfg.false_alarm = 0.01;
    v->cfg.seed = seed;
    if (st == SNL_OK) st = snl_event_create(&v->e, &v->cfg, v->data, NULL, NULL);
    return st;
}

static snl_status event_make(event *v, double snr, uint64_t seed)
{ return event_make_with(v, SNL_PHENOMD, snr, seed); }

static void event_drop(event *v)
{ snl_event_free(v->e);  snl_data_free(v->data); }

/* Levenberg-Marquardt ends when a step gains less than 0.02: the best point is not below
 * the truth by more than that, and above it by chi^2_11/2, 5.5 on average and below 19 with
 * 1 - 1e-4.  SNR: that of the injection to 4 of its unit standard deviations. */
TEST search_finds_the_injected_signal(void)
{
    const snl_search_result *f = &ev.found;
    snl_source found, truth = ev.truth;
    ASSERT(f->log_like > ev.truth_ll - 0.1);
    ASSERT(f->log_like < ev.truth_ll + 19);
    ASSERT_REL(sqrt(2*f->log_like), f->snr, 1e-12);
    ASSERT_NEAR(200, f->snr, 4);
    found = snl_source_from_theta(f->theta);
    snl_ssb_to_lisa(&found);
    snl_ssb_to_lisa(&truth);
    ASSERT_REL(theta_event[SNL_CHIRP_MASS], f->theta[SNL_CHIRP_MASS], 0.01);
    ASSERT_NEAR(truth.t_ref, found.t_ref, 20);      /* seen from LISA also on another image */
    for (int k = 0; k < SNL_NPAR; k++)
        ASSERT(snl_prior_log(&ev.cfg.prior[k], f->theta[k]) > -INFINITY);
    ASSERT_EQ(f->calls, snl_event_calls(ev.e));
    ASSERT(f->calls >= 1000);
    ASSERT(f->calls <= 2500);       /* 1000 blind, 160 of the sky, 6 climbs of 10 steps */
    PASS();
}

/* Of n uniform probabilities p n lie below p, give or take three of sqrt(p (1 - p) n): with
 * templates counted as independent there must not be more; nor is noise called impossible. */
TEST false_alarms_are_as_rare_as_said(void)
{
    enum { N = 40 };
    double sum = 0;
    int low = 0;
    for (uint64_t seed = 1; seed <= N; seed++) {
        event v;
        snl_search_result f;
        ASSERT_EQ(SNL_OK, event_make(&v, 0, seed));
        ASSERT_EQ_FMT(SNL_EFAILED, snl_event_search(v.e, &f, NULL, NULL, NULL), "%d");
        ASSERT(f.false_alarm > v.cfg.false_alarm);
        ASSERT(f.calls >= 333);
        low += f.false_alarm < 0.2;
        sum += f.false_alarm/N;
        event_drop(&v);
    }
    ASSERT(low <= 0.2*N + 3*sqrt(0.16*N));
    ASSERT(sum > 0.4);
    ASSERT(sum < 0.999);
    PASS();
}

/* A signal that noise alone would equal only once in 1e5 searches is found, and said to be. */
TEST weak_signals_are_found(void)
{
    event v;
    snl_search_result f, image[SNL_IMAGES];
    double sum = 0;
    size_t n;
    ASSERT_EQ(SNL_OK, event_make(&v, 15, 3));
    ASSERT_EQ(SNL_OK, snl_event_search(v.e, &f, NULL, NULL, NULL));
    ASSERT(f.false_alarm < 1e-5);
    ASSERT(f.scan_snr > 11);
    ASSERT(f.log_like >= v.truth_ll - 0.1);
    n = snl_event_images(v.e, image);
    ASSERT(n >= 1 && n <= SNL_IMAGES);
    for (size_t i = 0; i < n; i++) {
        snl_source s = snl_source_from_theta(image[i].theta);
        double ll;
        ASSERT_EQ(SNL_OK, snl_likelihood_dense(v.data, &v.cfg.lisa, &s, &ll, NULL));
        ASSERT_NEAR(ll, image[i].log_like, 0.05);
        ASSERT(ll > f.log_like - 6);
        sum += image[i].weight;
    }
    ASSERT_NEAR(1, sum, 1e-12);
    event_drop(&v);
    PASS();
}

/* Four hours that end soon after the merger, in a series of 3.8 days. */
TEST search_finds_the_signal_in_a_wide_window(void)
{
    event v;
    snl_search_result f;
    ASSERT_EQ(SNL_OK, event_make(&v, 200, 2));
    snl_event_free(v.e);
    v.cfg.prior[SNL_T_REF].lo = 262144 - 15000;
    v.cfg.prior[SNL_T_REF].hi = 262144 + 1000;
    ASSERT_EQ(SNL_OK, snl_event_create(&v.e, &v.cfg, v.data, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_event_search(v.e, &f, NULL, NULL, NULL));
    ASSERT(f.log_like > v.truth_ll - 0.1);
    event_drop(&v);
    PASS();
}

/* A month of a light binary, SNR 534: from where the blind search ends, the way up runs along
 * the border of a spin (it ended 726 nats below the truth when steps stopped there), or
 * through equal masses to the other order of the spins. */
static enum greatest_test_res search_in_a_month(const double *theta, double least_snr, uint64_t seed)
{
    static const double T = 2621440;
    const snl_noise noise = snl_noise_defaults();
    const size_t k0 = (size_t)(3e-4*T), n = (size_t)(0.03*T) - k0;
    snl_data *d;
    snl_event *e;
    snl_event_cfg cfg = ev.cfg;
    snl_source s = snl_source_from_theta(theta);
    snl_search_result f;
    snl_rng rng;
    double truth;
    ASSERT_EQ(SNL_OK, snl_data_create(&d, 1/T, k0, n));
    for (size_t c = 0; c < 2; c++)
        ASSERT_EQ(SNL_OK, snl_noise_psd(&noise, SNL_CHANNEL_A, n, d->f, d->S + c*n, NULL));
    ASSERT_EQ(SNL_OK, snl_data_add_signal(d, &cfg.lisa, &s, NULL));
    ASSERT(snl_data_snr(d, d->d) > least_snr);
    snl_rng_seed(&rng, seed, 0);
    snl_data_add_noise(d, &rng);
    ASSERT_EQ(SNL_OK, snl_likelihood_dense(d, &cfg.lisa, &s, &truth, NULL));
    cfg.nodes = 512;
    cfg.prior[SNL_CHIRP_MASS].lo = 0.8*theta[0];    cfg.prior[SNL_CHIRP_MASS].hi = 1.2*theta[0];
    cfg.prior[SNL_CHI2].kind = cfg.prior[SNL_MASS_RATIO].kind = SNL_UNIFORM;
    cfg.prior[SNL_T_REF].lo = theta[4] - 600;       cfg.prior[SNL_T_REF].hi = theta[4] + 600;
    ASSERT_EQ(SNL_OK, snl_event_create(&e, &cfg, d, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_event_search(e, &f, NULL, NULL, NULL));
    if (!(f.log_like > truth - 40)) printf("found %.1f, true %.1f\n", f.log_like, truth);
    ASSERT(f.log_like > truth - 40);    /* in reach of the first proposal, which is heated 100 times */
    ASSERT(f.log_like < truth + 19);
    ASSERT(f.calls < 3500);
    snl_event_free(e);
    snl_data_free(d);
    PASS();
}

TEST search_climbs_along_borders(double q, double chi1, double chi2, uint64_t seed)
{
    const double theta[SNL_NPAR] = { 226000, q, chi1, chi2, 2400000, 32000, 0.967, 2, 4.41, 0.31, 0.34 };
    CHECK_CALL(search_in_a_month(theta, 400, seed));
    PASS();
}

/* Systems whose binaries bend to fit a wrong image of the sky, 40 to 90 nats below the truth. */
TEST search_leaves_a_wrong_image(int system, uint64_t seed)
{
    static const double theta[2][SNL_NPAR] = {
        { 412922.93, 1.3575666, 0.28462066, 0.22992133, 2442370.3, 30889.869, -0.047189365, 2.377575,
          3.6641152, -0.69922856, 1.7970886 },
        { 333675.46, 4.946014, 0.6884741, 0.44458889, 2450736.6, 92136.053, -0.80725212,
          1.8340631, 2.8760613, 0.36578029, 0.2610274 } };
    CHECK_CALL(search_in_a_month(theta[system], 290, seed));
    PASS();
}

/* Both halves of psi hold half of the prior at each y, whatever the period begins with. */
TEST angles_may_have_any_period(double lambda)
{
    event v;
    snl_search_result f;
    snl_problem p;
    snl_rng r;
    int low = 0;
    ASSERT_EQ(SNL_OK, event_make(&v, 200, 1));
    snl_event_free(v.e);
    v.cfg.prior[SNL_PHI_REF].lo = -SNL_PI;     v.cfg.prior[SNL_PHI_REF].hi = 0;
    v.cfg.prior[SNL_LAMBDA].lo = lambda;       v.cfg.prior[SNL_LAMBDA].hi = lambda + 2*SNL_PI;
    v.cfg.prior[SNL_PSI].lo = -SNL_PI/2;       v.cfg.prior[SNL_PSI].hi = SNL_PI/2;
    ASSERT_EQ(SNL_OK, snl_event_create(&v.e, &v.cfg, v.data, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_event_search(v.e, &f, NULL, NULL, NULL));
    ASSERT_NEAR(ev.found.log_like, f.log_like, 0.1);
    snl_event_problem(v.e, &p);
    snl_rng_seed(&r, 6, 0);
    for (int i = 0; i < 400; i++) {
        double y[11], theta[SNL_NPAR];
        ASSERT(p.draw(p.ctx, &r, y));
        snl_event_theta(v.e, 1, y, (uint64_t)i, theta);
        for (int k = 0; k < SNL_NPAR; k++)
            ASSERT(snl_prior_log(&v.cfg.prior[k], theta[k]) > -INFINITY);
        low += theta[SNL_PSI] < 0;
    }
    ASSERT_NEAR(200, low, 40);                  /* 4 standard deviations */
    event_drop(&v);
    PASS();
}

/* Inverse of a positive matrix by Gauss and Jordan. */
static void invert(size_t n, double *a)
{
    for (size_t i = 0; i < n; i++) {
        const double p = 1/a[i*n + i];
        a[i*n + i] = 1;
        for (size_t k = 0; k < n; k++) a[i*n + k] *= p;
        for (size_t j = 0; j < n; j++) {
            const double f = a[j*n + i];
            if (j == i) continue;
            a[j*n + i] = 0;
            for (size_t k = 0; k < n; k++) a[j*n + k] -= f*a[i*n + k];
        }
    }
}

/* ln |det a| by elimination with pivots; a is lost. */
static double log_det(size_t n, double *a)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        size_t p = i;
        for (size_t j = i + 1; j < n; j++) if (fabs(a[j*n + i]) > fabs(a[p*n + i])) p = j;
        for (size_t k = 0; k < n; k++) {
            const double t = a[i*n + k];
            a[i*n + k] = a[p*n + k];
            a[p*n + k] = t;
        }
        sum += log(fabs(a[i*n + i]));
        for (size_t j = i + 1; j < n; j++) {
            const double f = a[j*n + i]/a[i*n + i];
            for (size_t k = i; k < n; k++) a[j*n + k] -= f*a[i*n + k];
        }
    }
    return sum;
}

/* Difference of two values of parameter k over the smallest number of turns; (phi_ref, psi)
 * are known up to quarter turns. */
static double parameter_step(int k, double a, double b)
{
    const double turn = k == SNL_LAMBDA ? 2*SNL_PI : k == SNL_PHI_REF || k == SNL_PSI ? SNL_PI/2 : 0;
    return turn > 0 ? a - b - turn*floor((a - b)/turn + 0.5) : a - b;
}

/* The first proposal covers the prior where the data say little: at SNR 200 the difference of the
 * spins x = (chi1 - chi2)/2, which these spins of at most 0.99 allow from -0.46 to 0.83.  One in 25
 * is in the tenth at either end. */
TEST the_first_proposal_reaches_the_ends_of_the_prior(void)
{
    enum { N = 4000 };
    size_t low = 0, high = 0;
    snl_rng rng;
    snl_rng_seed(&rng, 5, 0);
    for (int i = 0; i < N; i++) {
        double y[16];
        ASSERT(ev.p.draw(ev.p.ctx, &rng, y));
        low += y[3] < -0.33;
        high += y[3] > 0.70;
    }
    ASSERT(low > N/25 && high > N/25);
    PASS();
}

/* Steps of 1e-6 of the scale: differences are good to 1e-9, and each row of the
 * determinant to 1e-7 or so.  What the closed form leaves out, d t_L/d t_ref and the like,
 * is v/c = 1e-4; over a year's orbit it differs from point to point by as much. */
TEST prior_of_the_chart_has_the_jacobian_of_finite_differences(void)
{
    double lo = INFINITY, hi = -INFINITY;
    snl_rng r;
    snl_rng_seed(&r, 2, 0);
    for (int i = 0; i < 40; i++) {
        double y[11], J[121], theta[SNL_NPAR], lp, sum = 0;
        ASSERT(ev.p.draw(ev.p.ctx, &r, y));
        ASSERT_EQ(SNL_OK, ev.p.log_prior(ev.p.ctx, 0, 1, y, &lp));
        ASSERT(lp > -INFINITY);
        snl_event_theta(ev.e, 1, y, 5, theta);
        for (int k = 0; k < SNL_NPAR; k++) sum += snl_prior_log(&ev.cfg.prior[k], theta[k]);
        for (int j = 0; j < 11; j++) {
            const double h = 1e-6*(j == 0 ? y[0] : j == 4 ? 100 : j >= 5 && j < 9
                                   ? sqrt(y[5]*y[5] + y[6]*y[6] + y[7]*y[7] + y[8]*y[8]) : 1);
            double z[11], up[SNL_NPAR], down[SNL_NPAR];
            memcpy(z, y, sizeof z);
            z[j] = y[j] + h;
            snl_event_theta(ev.e, 1, z, 5, up);
            z[j] = y[j] - h;
            snl_event_theta(ev.e, 1, z, 5, down);
            for (int k = 0; k < SNL_NPAR; k++)
                J[k*11 + j] = parameter_step(k, up[k], down[k])/(2*h);
        }
        sum = lp - sum - log_det(11, J);
        lo = fmin(lo, sum);
        hi = fmax(hi, sum);
    }
    ASSERT_NEAR(log(4), lo, 2e-3);              /* copies in phi_ref and psi: one point y */
    ASSERT_NEAR(log(4), hi, 2e-3);
    PASS();
}

/* A jump to an image: the others have no ratio of exactly 0. */
static void to_an_image(const double *y, snl_rng *r, double *z)
{ while (ev.p.jump(ev.p.ctx, r, y, z) != 0) ; }

TEST sky_images_are_a_group_that_keeps_areas(void)
{
    double y[11], image[8][11];
    int have = 1;
    snl_rng r;
    snl_rng_seed(&r, 3, 0);
    do ASSERT(ev.p.draw(ev.p.ctx, &r, y)); while (hypot(y[9], y[10]) < 0.3);
    memcpy(image[0], y, sizeof y);
    for (int i = 0; i < 400; i++) {             /* collect the images of y */
        double z[11];
        int k;
        to_an_image(y, &r, z);
        for (k = 0; k < 9; k++) ASSERT_EQ(y[k], z[k]);
        for (k = 0; k < have && hypot(z[9] - image[k][9], z[10] - image[k][10]) > 1e-9; k++) ;
        if (k < have) continue;
        ASSERT(have < 8);
        memcpy(image[have++], z, sizeof z);
    }
    ASSERT_EQ(8, have);
    for (int a = 0; a < 8; a++)                 /* an image of an image is an image */
        for (int i = 0; i < 40; i++) {
            double z[11];
            int k;
            to_an_image(image[a], &r, z);
            for (k = 0; k < 8 && hypot(z[9] - image[k][9], z[10] - image[k][10]) > 1e-9; k++) ;
            ASSERT(k < 8);
        }
    for (int i = 0; i < 40; i++) {              /* one element of the group, of three points */
        const double h = 1e-5;
        double z[3][11], area;
        for (int k = 0; k < 3; k++) {
            snl_rng same;
            double x[11];
            snl_rng_seed(&same, 4, (uint64_t)i);
            memcpy(x, y, sizeof x);
            if (k) x[8 + k] += h;
            to_an_image(x, &same, z[k]);
        }
        area = (z[1][9] - z[0][9])*(z[2][10] - z[0][10]) - (z[1][10] - z[0][10])*(z[2][9] - z[0][9]);
        ASSERT_NEAR(1, fabs(area)/(h*h), 1e-4);
    }
    PASS();
}

/* Jumps accepted by their ratio, with a flat target, leave the sky even: in ten belts of equal area,
 * and in ten longitudes of a quarter turn.  Between them a symmetric step, since at some places a
 * flat target holds jumps back for long.  With half as many steps and eight other seeds the first
 * count is 0.4 % off on average, rms. */
TEST turns_keep_the_sky_even(void)
{
    enum { STEPS = 4000000 };
    double y[11], z[11], first[11], belt[10] = { 0 }, slice[10] = { 0 };
    size_t turned = 0;
    snl_rng r;
    snl_rng_seed(&r, 6, 0);
    ASSERT(ev.p.draw(ev.p.ctx, &r, y));
    memcpy(first, y, sizeof y);
    for (int i = 0; i < STEPS; i++) {
        double q = 0;
        memcpy(z, y, sizeof z);
        if (i % 2) q = ev.p.jump(ev.p.ctx, &r, y, z);
        else for (int k = 9; k < 11; k++) z[k] += 0.1*snl_rng_normal(&r);
        if (hypot(z[9], z[10]) <= 2 && q > -INFINITY && log(snl_rng_uniform(&r)) < q) {
            memcpy(y, z, sizeof y);
            turned += q != 0;
        }
        belt[(int)fmin(9, 2.5*(y[9]*y[9] + y[10]*y[10]))] += 10.0/STEPS;
        slice[(int)fmin(9, 10*fmod(atan2(y[10], y[9])/(SNL_PI/2) + 4, 1))] += 10.0/STEPS;
    }
    ASSERT(turned > STEPS/20);
    for (int i = 0; i < 10; i++) {
        ASSERT_NEAR(1, belt[i], 0.02);
        ASSERT_NEAR(1, slice[i], 0.02);
    }
    for (int k = 0; k < 9; k++) ASSERT_EQ(first[k], y[k]);
    PASS();
}

/* Where the prior of y has its spikes, the orbit seen face-on or from behind, turns arrive: from one
 * place, with the prior as target. */
TEST turns_find_face_on_and_face_off(void)
{
    double y[11], z[11], theta[SNL_NPAR], lp, new, lo = 1, hi = -1;
    snl_rng r;
    snl_rng_seed(&r, 7, 0);
    ASSERT(ev.p.draw(ev.p.ctx, &r, y));
    ASSERT_EQ(SNL_OK, ev.p.log_prior(ev.p.ctx, 0, 1, y, &lp));
    for (int i = 0; i < 2000; i++) {
        const double q = ev.p.jump(ev.p.ctx, &r, y, z);
        if (!(q > -INFINITY)) continue;
        ASSERT_EQ(SNL_OK, ev.p.log_prior(ev.p.ctx, 0, 1, z, &new));
        if (!(log(snl_rng_uniform(&r)) < q + new - lp)) continue;
        memcpy(y, z, sizeof y);
        lp = new;
        snl_event_theta(ev.e, 1, y, 1, theta);
        lo = fmin(lo, theta[SNL_COS_INC]);
        hi = fmax(hi, theta[SNL_COS_INC]);
    }
    ASSERT(lo < -0.99 && hi > 0.99);
    PASS();
}

/* The network is given y's first nine numbers and functions of the sky that span, with 1, all
 * harmonics up to degree 3: whatever frame they are in, (u.n)^3 is a sum of them for any u, n
 * being the source's direction.  Fitted to 40 points of the map, it must hold on 20 others, to
 * 3e-4: LISA turns by 1e-4 in the 500 s that its distance from the Sun's centre is worth. */
TEST contexts_span_the_sky_to_degree_three(const event *v, size_t more)
{
    enum { K = 16, N = 60, FIT = 40 };
    const size_t d = v->p.dim;
    double y[12], c[9 + 15 + 5], f[N][K], want[N], M[K*K] = { 0 }, b[K] = { 0 }, a[K];
    size_t n = 0;
    snl_rng r;
    snl_rng_seed(&r, 8, 0);
    ASSERT_EQ(9 + K - 1 + more, v->p.nc);
    ASSERT(v->p.draw(v->p.ctx, &r, y));             /* one arrival time: one frame */
    for (size_t tries = 0; tries < 1000 && n < N; tries++) {
        double theta[SNL_NPAR], cb;
        do for (int j = 9; j < 11; j++) y[j] = 4*snl_rng_uniform(&r) - 2; while (!(hypot(y[9], y[10]) < 2));
        snl_event_theta(v->e, 1, y, 1, theta);
        if (!(fabs(theta[SNL_SIN_BETA]) <= 1)) continue;            /* no source there */
        ASSERT_EQ(SNL_OK, v->p.context(v->p.ctx, 0, 1, y, c));
        ASSERT_MEM_EQ(y, c, 9*sizeof *y);
        if (more) ASSERT_NEAR(theta[SNL_COS_INC], c[24], 1e-12);
        for (size_t k = 24; more && k < 29; k++) ASSERT(fabs(c[k]) <= 1);
        f[n][0] = 1;
        memcpy(f[n] + 1, c + 9, (K - 1)*sizeof *c);
        cb = sqrt(1 - theta[SNL_SIN_BETA]*theta[SNL_SIN_BETA]);
        want[n++] = pow(0.36*cb*cos(theta[SNL_LAMBDA]) - 0.48*cb*sin(theta[SNL_LAMBDA])
                        + 0.8*theta[SNL_SIN_BETA], 3);
    }
    ASSERT_EQ(N, n);
    ASSERT(d >= 11);
    for (size_t i = 0; i < FIT; i++)
        for (size_t j = 0; j < K; j++) {
            b[j] += f[i][j]*want[i];
            for (size_t k = 0; k < K; k++) M[j*K + k] += f[i][j]*f[i][k];
        }
    invert(K, M);
    for (size_t j = 0; j < K; j++)
        for (a[j] = 0, n = 0; n < K; n++) a[j] += M[j*K + n]*b[n];
    for (size_t i = FIT; i < N; i++) {
        double got = 0;
        for (size_t j = 0; j < K; j++) got += a[j]*f[i][j];
        ASSERT_NEAR(want[i], got, 3e-4);
    }
    PASS();
}

/* Draws of the exact posterior: the heterodyned ln L against that on all bins.  256 nodes
 * were good to 0.005 over a posterior of SNR 500, see snl_het. */
TEST signals_and_likelihoods_of_the_event_are_those_of_all_bins(void)
{
    enum { N = 100 };
    static double y[N*11], ll[N], again[N], theta[N*SNL_NPAR];
    snl_sample_cfg c = { 24, 1, 2, 600, 100, N, 0, 0, 0 };
    snl_sample_report rep;
    double *in = malloc((12 + ev.p.nx)*sizeof *in), *s = in + 12, out[11];
    snl_data *h;
    ASSERT(in);
    ASSERT_EQ(SNL_OK, snl_sample_exact(&ev.p, &c, 1, y, ll, &rep, NULL, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_log_likelihood(&ev.p, N, y, again));
    snl_event_theta(ev.e, N, y, 1, theta);
    ASSERT_EQ(SNL_OK, snl_data_create(&h, ev.data->df, (size_t)(ev.data->f[0]/ev.data->df + 0.5), ev.data->n));
    memcpy(h->S, ev.data->S, 2*h->n*sizeof *h->S);
    for (int i = 0; i < N; i++) {
        const snl_source src = snl_source_from_theta(theta + i*SNL_NPAR);
        double dense, hh, ss = 0;
        ASSERT_EQ(SNL_OK, snl_likelihood_dense(ev.data, &ev.cfg.lisa, &src, &dense, NULL));
        ASSERT_NEAR(dense, ll[i], 0.01);
        ASSERT_EQ(ll[i], again[i]);
        ASSERT(ll[i] > ev.found.log_like - 40 && ll[i] < ev.found.log_like + 0.1);
        if (i >= 20) continue;
        memset(h->d, 0, 4*h->n*sizeof *h->d);
        ASSERT_EQ(SNL_OK, snl_data_add_signal(h, &ev.cfg.lisa, &src, NULL));
        hh = snl_data_inner(h, h->d, h->d);
        memcpy(in, y + i*11, 11*sizeof *in);
        in[11] = i;
        ASSERT_EQ(SNL_OK, ev.p.simulate(ev.p.ctx, 0, 1, in, s));
        for (size_t k = 0; k < ev.p.nx; k++) ss += s[k]*s[k];
        ASSERT_NEAR(hh, ss, 0.02);
    }
    memcpy(out, y, sizeof out);
    out[0] = 960000;                            /* outside the prior of the chirp mass */
    ASSERT_EQ(SNL_OK, snl_log_likelihood(&ev.p, 1, out, ll));
    ASSERT_EQ(-INFINITY, ll[0]);
    memcpy(out, y, sizeof out);
    out[9] = 2.1;                               /* outside the map of the sky */
    ASSERT_EQ(SNL_OK, snl_log_likelihood(&ev.p, 1, out, ll));
    ASSERT_EQ(-INFINITY, ll[0]);
    snl_data_free(h);
    free(in);
    PASS();
}

/* With higher modes the quarter turns of (phi_ref, psi) are different sources and the modes
 * share their frequencies.  ln L of draws on all branches, T = 36 wide, is that of all bins;
 * the search ends where ln L is above that of the truth, less what an image may lack. */
TEST higher_modes_are_whitened_and_searched_on_every_branch(void)
{
    enum { N = 40 };
    event v;
    snl_search_result found;
    snl_problem p;
    snl_rng rng;
    snl_lisa_cfg lisa = snl_lisa_defaults(qnm);
    double y[N*12], theta[N*SNL_NPAR], ll[N], to[12], dense;
    int branch[4] = { 0, 0, 0, 0 };
    lisa.model = SNL_PHENOMHM;
    ASSERT_EQ(SNL_OK, event_make_with(&v, SNL_PHENOMHM, 300, 3));
    ASSERT_EQ(SNL_OK, snl_event_search(v.e, &found, NULL, NULL, NULL));
    ASSERT(found.log_like > v.truth_ll - 5);
    snl_event_problem(v.e, &p);
    ASSERT_EQ(12, (int)p.dim);
    snl_rng_seed(&rng, 4, 0);
    for (size_t i = 0; i < N; i++) {
        ASSERT(p.draw(p.ctx, &rng, y + 12*i));
        branch[(int)y[12*i + 11]]++;
    }
    for (int b = 0; b < 4; b++) ASSERT(branch[b] > 0);
    ASSERT_EQ(SNL_OK, snl_log_likelihood(&p, N, y, ll));
    snl_event_theta(v.e, N, y, 1, theta);
    for (size_t i = 0; i < N; i++) {
        const snl_source s = snl_source_from_theta(theta + i*SNL_NPAR);
        ASSERT_EQ(SNL_OK, snl_likelihood_dense(v.data, &lisa, &s, &dense, NULL));
        ASSERT_NEAR(dense, ll[i], 0.02 + 1e-4*fabs(found.log_like - dense));
        while (p.jump(p.ctx, &rng, y + 12*i, to) != 0) ;
        ASSERT(to[11] >= 0 && to[11] < 4);
    }
    v.p = p;
    CHECK_CALL(contexts_span_the_sky_to_degree_three(&v, 5));
    event_drop(&v);
    PASS();
}

TEST a_loaded_event_is_the_searched_one(void)
{
    const size_t size = snl_event_save_size(ev.e);
    unsigned char *bytes = malloc(3*size), *now = bytes + size, *bad = now + size;
    snl_event *e;
    snl_problem p;
    snl_rng r, q;
    double y[11], z[11], a, b;
    ASSERT(bytes);
    snl_event_save(ev.e, bytes);
    ASSERT_EQ(SNL_OK, snl_event_create(&e, &ev.cfg, ev.data, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_event_load(e, bytes, size));
    snl_event_save(e, now);
    ASSERT_MEM_EQ(bytes, now, size);
    snl_event_problem(e, &p);
    ASSERT_EQ(ev.p.nx, p.nx);
    ASSERT_EQ(ev.p.heat, p.heat);
    ASSERT_MEM_EQ(ev.p.x_obs, p.x_obs, p.nx*sizeof(double));
    snl_rng_seed(&r, 1, 0);
    q = r;
    for (int i = 0; i < 10; i++) {
        ASSERT(p.draw(p.ctx, &r, y) && ev.p.draw(ev.p.ctx, &q, z));
        ASSERT_MEM_EQ(z, y, sizeof y);
        ASSERT_EQ(SNL_OK, snl_log_likelihood(&p, 1, y, &a));
        ASSERT_EQ(SNL_OK, snl_log_likelihood(&ev.p, 1, y, &b));
        ASSERT_EQ(b, a);
    }
    for (size_t i = 0; i < size; i += 7) {
        memcpy(bad, bytes, size);
        bad[i] ^= 16;
        ASSERT_EQ(SNL_EFORMAT, snl_event_load(e, bad, size));
    }
    for (size_t i = 0; i < size; i += 5) ASSERT_EQ(SNL_EFORMAT, snl_event_load(e, bytes, i));
    {                                       /* under a good sum: calls, a mass, a NaN */
        const struct { size_t at; double v; } lie[] = {
            { size - 16, 0.5 }, { size - 16, -1 }, { size - 16, 1e300 }, { 8, -1 }, { size - 24, NAN } };
        for (int i = 0; i < 5; i++) {
            memcpy(bad, bytes, size);
            snl_put_doubles(bad + lie[i].at, 1, &lie[i].v);
            snl_put(bad + size - 8, snl_fnv1a(bad, size - 8));
            ASSERT_EQ(SNL_EFORMAT, snl_event_load(e, bad, size));
        }
    }
    snl_event_save(e, now);
    ASSERT_MEM_EQ(bytes, now, size);
    snl_event_free(e);
    free(bytes);
    PASS();
}

/* The chart stays: the log-prior changes by the difference of the parameter's densities. */
TEST another_prior_is_checked_and_changes_the_density_by_its_own(void)
{
    snl_prior pr[SNL_NPAR];
    snl_fault why;
    snl_problem p;
    snl_rng r;
    double y[11], theta[SNL_NPAR], before, after;
    int inside = 0;
#define REFUSES(change, what) do { \
        memcpy(pr, ev.cfg.prior, sizeof pr);  change;  why.name = "nothing"; \
        ASSERT_FALSE(SNL_OK == snl_event_prior(ev.e, pr, &why));  ASSERT_STR_EQ(what, why.name); } while (0)
    REFUSES(pr[SNL_CHI1].lo -= 0.001, "chi1");
    REFUSES(pr[SNL_CHI1].lo = pr[SNL_CHI1].hi, "chi1");
    REFUSES(pr[SNL_PSI].hi = NAN, "psi");
    REFUSES(pr[SNL_PSI].hi += 1e-9, "psi");
    REFUSES(pr[SNL_PSI].hi = pr[SNL_PSI].lo, "psi");
    REFUSES((pr[SNL_CHI2].kind = SNL_NORMAL, pr[SNL_CHI2].sd = 0), "chi2");
    REFUSES((pr[SNL_CHI2].kind = SNL_NORMAL, pr[SNL_CHI2].sd = 1, pr[SNL_CHI2].mean = NAN), "chi2");
    REFUSES(pr[SNL_CHI2].kind = SNL_LOG_UNIFORM, "chi2");
#undef REFUSES
    snl_event_problem(ev.e, &p);
    memcpy(pr, ev.cfg.prior, sizeof pr);
    pr[SNL_CHIRP_MASS].kind = SNL_NORMAL;
    pr[SNL_CHIRP_MASS].mean = ev.cfg.prior[SNL_CHIRP_MASS].lo;
    pr[SNL_CHIRP_MASS].sd = 1e-3*pr[SNL_CHIRP_MASS].mean;
    snl_rng_seed(&r, 3, 0);
    for (int i = 0; i < 20; i++) {
        ASSERT(p.draw(p.ctx, &r, y));
        snl_event_theta(ev.e, 1, y, 1, theta);
        ASSERT_EQ(SNL_OK, p.log_prior(p.ctx, 0, 1, y, &before));
        ASSERT_EQ(SNL_OK, snl_event_prior(ev.e, pr, NULL));
        ASSERT_EQ(SNL_OK, p.log_prior(p.ctx, 0, 1, y, &after));
        ASSERT_EQ(SNL_OK, snl_event_prior(ev.e, ev.cfg.prior, NULL));
        if (!(before > -INFINITY)) continue;
        inside++;
        ASSERT_NEAR(snl_prior_log(&pr[SNL_CHIRP_MASS], theta[SNL_CHIRP_MASS])
                    - snl_prior_log(&ev.cfg.prior[SNL_CHIRP_MASS], theta[SNL_CHIRP_MASS]),
                    after - before, 1e-9);
    }
    ASSERT(inside > 5);
    PASS();
}

static int stop_now(void *user, const snl_run_progress *p)
{ const char **stage = user;  *stage = p->stage;  return 1; }

/* Stops in the climb, from so many calls on. */
typedef struct climbed { size_t calls;  snl_run_progress last; } climbed;
static int stop_at_the_climb(void *user, const snl_run_progress *p)
{
    climbed *c = user;
    c->last = *p;
    return !strcmp(p->stage, "climb") && p->calls >= c->calls;
}

/* Two periods of psi at half the density are the same prior of the signal as one. */
TEST psi_may_have_two_periods(void)
{
    event v;
    snl_search_result f;
    snl_prior one[SNL_NPAR];
    snl_problem p;
    snl_rng r;
    ASSERT_EQ(SNL_OK, event_make(&v, 200, 1));
    snl_event_free(v.e);
    memcpy(one, v.cfg.prior, sizeof one);
    v.cfg.prior[SNL_PSI].hi = 2*SNL_PI;
    ASSERT_EQ(SNL_OK, snl_event_create(&v.e, &v.cfg, v.data, NULL, NULL));
    ASSERT_EQ(SNL_OK, snl_event_search(v.e, &f, NULL, NULL, NULL));
    snl_event_problem(v.e, &p);
    snl_rng_seed(&r, 9, 0);
    for (int i = 0; i < 50; i++) {
        double y[11], two, lp;
        ASSERT_EQ(SNL_OK, snl_event_prior(v.e, v.cfg.prior, NULL));
        ASSERT(p.draw(p.ctx, &r, y));
        ASSERT_EQ(SNL_OK, p.log_prior(p.ctx, 0, 1, y, &two));
        ASSERT_EQ(SNL_OK, snl_event_prior(v.e, one, NULL));
        ASSERT_EQ(SNL_OK, p.log_prior(p.ctx, 0, 1, y, &lp));
        ASSERT_NEAR(lp, two, 1e-10);
    }
    event_drop(&v);
    PASS();
}

/* Angles that the prior does not allow in any of their copies are none, not 0. */
TEST angles_outside_of_the_prior_are_nan(void)
{
    snl_prior few[SNL_NPAR];
    double y[11], theta[SNL_NPAR], lp;
    int out = 0, in = 0;
    snl_rng r;
    memcpy(few, ev.cfg.prior, sizeof few);
    few[SNL_PHI_REF].hi = few[SNL_PSI].hi = 1.3;
    ASSERT_EQ(SNL_OK, snl_event_prior(ev.e, few, NULL));
    snl_rng_seed(&r, 8, 0);
    for (int i = 0; i < 100; i++) {
        ASSERT_EQ(SNL_OK, snl_event_prior(ev.e, ev.cfg.prior, NULL));
        ASSERT(ev.p.draw(ev.p.ctx, &r, y));
        ASSERT_EQ(SNL_OK, snl_event_prior(ev.e, few, NULL));
        ASSERT_EQ(SNL_OK, ev.p.log_prior(ev.p.ctx, 0, 1, y, &lp));
        snl_event_theta(ev.e, 1, y, 1, theta);
        if (lp > -INFINITY) { in++;  ASSERT(theta[SNL_PSI] <= 1.3 && theta[SNL_PHI_REF] <= 1.3); }
        else { out++;  ASSERT(isnan(theta[SNL_PSI]) && isnan(theta[SNL_PHI_REF])); }
        ASSERT(theta[SNL_DISTANCE] > 0);
    }
    ASSERT_EQ(SNL_OK, snl_event_prior(ev.e, ev.cfg.prior, NULL));
    ASSERT(in > 5 && out > 5);
    PASS();
}

TEST events_refuse_settings_by_name_and_stop_when_asked(void)
{
    snl_event_cfg c;
    snl_event *e;
    snl_fault why;
    snl_search_result f;
    const char *stage = "";
    climbed at = { 0, { "", 0, 0, 0, 0, 0 } };
#define REFUSES(change, what) do { \
        c = ev.cfg;  change;  why.name = "nothing"; \
        ASSERT_FALSE(SNL_OK == snl_event_create(&e, &c, ev.data, NULL, &why)); \
        ASSERT_STR_EQ(what, why.name);  ASSERT(!e); } while (0)
    REFUSES(c.prior[SNL_CHI1].lo = c.prior[SNL_CHI1].hi, "chi1");
    REFUSES(c.prior[SNL_PSI].hi = NAN, "psi");
    REFUSES(c.prior[SNL_PSI].hi = INFINITY, "psi");
    REFUSES(c.prior[SNL_CHIRP_MASS].lo = -INFINITY, "chirp_mass");
    REFUSES(c.prior[SNL_MASS_RATIO].sd = 0, "mass_ratio");
    REFUSES(c.prior[SNL_MASS_RATIO].sd = INFINITY, "mass_ratio");
    REFUSES(c.prior[SNL_MASS_RATIO].mean = NAN, "mass_ratio");
    REFUSES(c.prior[SNL_DISTANCE].lo = 0, "distance");
    REFUSES(c.nodes = 63, "nodes");
    REFUSES(c.nodes = 4097, "nodes");
    REFUSES(c.search = 199, "search");
    REFUSES(c.search = 1000001, "search");
    REFUSES(c.false_alarm = 0, "false_alarm");
    REFUSES(c.false_alarm = 1.01, "false_alarm");
    REFUSES(c.lisa.model = (snl_model)7, "model");
    REFUSES(c.prior[SNL_CHIRP_MASS].lo = 0, "chirp_mass");      /* the search would begin at NaN */
    REFUSES(c.prior[SNL_MASS_RATIO].lo = -3, "mass_ratio");
    REFUSES(c.prior[SNL_CHI1].hi = 1.01, "chi1");
    REFUSES(c.prior[SNL_COS_INC].hi = 4, "cos_inclination");
    REFUSES(c.prior[SNL_SIN_BETA].lo = -1.5, "sin_beta");
    REFUSES(c.prior[SNL_PHI_REF].hi = 100, "phi_ref");
    REFUSES(c.prior[SNL_PSI].hi = 7, "psi");
    REFUSES(c.prior[SNL_LAMBDA].hi = 12, "lambda");
    REFUSES((c.prior[SNL_LAMBDA].lo = 1e17, c.prior[SNL_LAMBDA].hi = 2e17), "lambda");
    REFUSES(c.lisa.qnm = NULL, "qnm");
    REFUSES(c.lisa.modes = 0, "modes");
    REFUSES(c.lisa.t0 = c.lisa.t1, "t0");
    REFUSES(c.lisa.epoch = INFINITY, "epoch");
#undef REFUSES
    c = ev.cfg;
    ASSERT_EQ(SNL_OK, snl_event_create(&e, &c, ev.data, NULL, NULL));
    ASSERT_EQ(SNL_ESTOPPED, snl_event_search(e, &f, stop_now, &stage, NULL));
    ASSERT_STR_EQ("search", stage);
    snl_event_free(e);
    for (int i = 0; i < 2; i++, at.calls = at.last.calls + 200) {   /* on the grid of 160; after it */
        ASSERT_EQ(SNL_OK, snl_event_create(&e, &c, ev.data, NULL, NULL));
        ASSERT_EQ(SNL_ESTOPPED, snl_event_search(e, &f, stop_at_the_climb, &at, NULL));
        ASSERT(at.last.calls > 300 && at.last.value > 100);
        ASSERT(snl_event_calls(e) < at.last.calls + 60);            /* the climbs take 500 */
        snl_event_free(e);
    }
    snl_event_free(NULL);
    PASS();
}

/* A prior that ends on a physical border is taken, one a little beyond refused with that border. */
TEST priors_end_at_physical_borders(void)
{
    const double turn = 2*SNL_PI;
    const struct { int k; double lo, hi; int low, high; } border[] = {     /* low, high: ends there */
        { SNL_MASS_RATIO, 1, 20, 1, 0 },    { SNL_CHI1, -1, 1, 1, 1 },    { SNL_CHI2, -1, 1, 1, 1 },
        { SNL_COS_INC, -1, 1, 1, 1 },       { SNL_SIN_BETA, -1, 1, 1, 1 },
        { SNL_LAMBDA, -2*turn, -turn, 1, 0 }, { SNL_LAMBDA, turn, 2*turn, 0, 1 },
        { SNL_PHI_REF, -turn, turn, 1, 1 }, { SNL_PSI, -turn, turn, 1, 1 } };
    snl_fault why;
    for (size_t i = 0; i < sizeof border/sizeof *border; i++) {
        const int k = border[i].k, low = border[i].low, high = border[i].high;
        snl_event *e;
        snl_event_cfg c = ev.cfg;
        c.prior[k].lo = border[i].lo;
        c.prior[k].hi = border[i].hi;
        ASSERT_EQ(SNL_OK, snl_event_create(&e, &c, ev.data, NULL, NULL));
        snl_event_free(e);
        c.prior[k].lo -= 0.01;
        c.prior[k].hi -= 0.02;
        ASSERT_EQ(low ? SNL_EINVAL : SNL_OK, snl_event_create(&e, &c, ev.data, NULL, &why));
        if (!low) snl_event_free(e);
        else { ASSERT_STR_EQ(snl_parameter_name[k], why.name);  ASSERT_EQ(border[i].lo, why.lo); }
        c.prior[k].lo = border[i].lo + 0.02;
        c.prior[k].hi = border[i].hi + 0.01;
        ASSERT_EQ(high ? SNL_EINVAL : SNL_OK, snl_event_create(&e, &c, ev.data, NULL, &why));
        if (!high) snl_event_free(e);
        else { ASSERT_STR_EQ(snl_parameter_name[k], why.name);  ASSERT_EQ(border[i].hi, why.hi); }
    }
    PASS();
}

/* ---- toy problems --------------------------------------------------------- */

enum { TOY_X = 40, TOY_DIM = 6 };
typedef struct toy toy;
struct toy {
    snl_problem p;
    double sd, tilt;                /* prior exp(-|y|^2/2 sd^2 + tilt y[0]), cut at 8 sd */
    double A[TOY_X*TOY_DIM], x[TOY_X];
    void (*signal)(const toy *t, const double *y, double *s);
    double ll[1000];                /* [seen] of the simulations by seen_simulate */
    size_t seen;
};

static void linear(const toy *t, const double *y, double *s)
{
    for (size_t i = 0; i < t->p.nx; i++) {
        s[i] = 0;
        for (size_t j = 0; j < t->p.dim; j++) s[i] += t->A[i*TOY_DIM + j]*y[j];
    }
}

static snl_status toy_prior(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    const toy *t = ctx;
    (void)worker;
    for (size_t i = 0; i < n; i++, out++, y += t->p.dim) {
        *out = t->tilt*y[0];
        for (size_t j = 0; j < t->p.dim; j++) {
            *out -= 0.5*y[j]*y[j]/(t->sd*t->sd);
            if (!(fabs(y[j]) < 8*t->sd)) *out = -INFINITY;
        }
    }
    return SNL_OK;
}

static snl_status toy_simulate(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    const toy *t = ctx;
    (void)worker;
    for (size_t i = 0; i < n; i++)
        t->signal(t, in + i*(t->p.dim + 1), out + i*t->p.nx);
    return SNL_OK;
}

static snl_status toy_context(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    const toy *t = ctx;
    (void)worker;
    memcpy(out, y, n*t->p.dim*sizeof *y);
    return SNL_OK;
}

static int toy_draw(void *ctx, snl_rng *rng, double *y)
{
    const toy *t = ctx;
    for (size_t j = 0; j < t->p.dim; j++) y[j] = t->sd*snl_rng_normal(rng);
    return 1;
}

/* x of the truth (0.5, -0.5, 0.5 ..) in unit noise; linear: A of normals, posterior widths
 * of about 0.5 before the prior of width 2. */
static void toy_make(toy *t, size_t dim, size_t nx,
                     void (*signal)(const toy *t, const double *y, double *s))
{
    double y[TOY_DIM];
    snl_rng r;
    memset(t, 0, sizeof *t);
    snl_rng_seed(&r, 11, 0);
    for (size_t i = 0; i < LEN(t->A); i++) t->A[i] = 2*snl_rng_normal(&r)/sqrt((double)nx);
    t->sd = 2;
    t->signal = signal;
    t->p.dim = t->p.nc = dim;
    t->p.nx = nx;
    t->p.x_obs = t->x;
    t->p.unit_noise = 1;
    t->p.heat = 1;
    t->p.simulate = toy_simulate;
    t->p.log_prior = toy_prior;
    t->p.context = toy_context;
    t->p.draw = toy_draw;
    t->p.ctx = t;
    for (size_t j = 0; j < dim; j++) y[j] = j % 2 ? -0.5 : 0.5;
    t->signal(t, y, t->x);
    for (size_t i = 0; i < nx; i++) t->x[i] += snl_rng_normal(&r);
}

/* Posterior of the linear problem: covariance C = (A^T A + 1/sd^2)^-1, mean C A^T x. */
static void toy_posterior(const toy *t, double *mean, double *C)
{
    const size_t d = t->p.dim;
    double b[TOY_DIM] = { 0 };
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            C[i*d + j] = i == j ? 1/(t->sd*t->sd) : 0;
            for (size_t k = 0; k < t->p.nx; k++)
                C[i*d + j] += t->A[k*TOY_DIM + i]*t->A[k*TOY_DIM + j];
        }
    invert(d, C);
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < t->p.nx; k++) b[i] += t->A[k*TOY_DIM + i]*t->x[k];
    for (size_t i = 0; i < d; i++) {
        mean[i] = 0;
        for (size_t j = 0; j < d; j++) mean[i] += C[i*d + j]*b[j];
    }
}

/* ln int exp(-|y|^2/2 sd^2 + x.A y - |A y|^2/2) dy = mean.A^T x/2 + ln det(2 pi C)/2. */
static double toy_evidence(const toy *t, const double *mean, const double *C)
{
    const size_t d = t->p.dim;
    double copy[TOY_DIM*TOY_DIM], sum = 0.5*(double)d*log(2*SNL_PI);
    memcpy(copy, C, d*d*sizeof *C);
    sum += 0.5*log_det((int)d, copy);
    for (size_t i = 0; i < d; i++)
        for (size_t k = 0; k < t->p.nx; k++) sum += 0.5*mean[i]*t->A[k*TOY_DIM + i]*t->x[k];
    return sum;
}

/* All means and covariances of draws y [n][d], to their Monte Carlo errors; floor: what
 * the method itself may be off, in standard deviations. */
static enum greatest_test_res check_moments(size_t n, size_t d, const double *y, double ess,
                                            const double *mean, const double *C, double floor)
{
    for (size_t i = 0; i < d; i++) {
        double m = 0;
        for (size_t k = 0; k < n; k++) m += y[k*d + i]/(double)n;
        ASSERT_NEAR(0, (m - mean[i])/sqrt(C[i*d + i]), MAX_SIGMA/sqrt(ess) + floor);
        for (size_t j = 0; j <= i; j++) {
            const double s = sqrt(C[i*d + i]*C[j*d + j]), rho = C[i*d + j]/s;
            double c = 0;
            for (size_t k = 0; k < n; k++)
                c += (y[k*d + i] - mean[i])*(y[k*d + j] - mean[j])/(double)n;
            ASSERT_NEAR(rho, c/s, MAX_SIGMA*sqrt((1 + rho*rho)/ess) + 2*floor);
        }
    }
    PASS();
}

/* KS distance of u, already put through its distribution function, times sqrt(ess). */
static double ks(size_t n, const double *u, double ess)
{
    double *work = malloc(n*sizeof *work), D = INFINITY;
    if (!work || snl_ks(n, u, &D, NULL, work) != SNL_OK) D = INFINITY;
    free(work);
    return D*sqrt(ess);
}

/* ---- the exact sampler ---------------------------------------------------- */

TEST exact_sampler_has_the_moments_and_shape_of_a_gaussian(void)
{
    enum { N = 8000, D = 5 };
    static double y[N*D], ll[N], u[N], again[N];
    static toy t;
    const snl_sample_cfg c = { 32, 2, 2, 300, 2500, N, 0, 0, 0 };
    snl_sample_report rep;
    double mean[D], C[D*D];
    toy_make(&t, D, 40, linear);
    toy_posterior(&t, mean, C);
    for (int heat = 1; heat <= 30; heat += 29) {
        t.p.heat = heat;
        ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &rep, NULL, NULL, NULL));
        ASSERT(rep.ess > 1000 && rep.ess <= N);
        ASSERT(rep.accept > 0.1 && rep.accept < 0.9);
        ASSERT(rep.calls < c.walkers*c.temps*(2*c.burn + c.steps) + 2000);      /* 2000: evidence */
        CHECK_CALL(check_moments(N, D, y, rep.ess, mean, C, 0));
        ASSERT(rep.evidence_error > 1e-4 && rep.evidence_error < 0.03);
        ASSERT_NEAR(toy_evidence(&t, mean, C), rep.evidence, MAX_SIGMA*rep.evidence_error);
        for (int i = 0; i < N; i++) u[i] = 0.5*erfc(-(y[i*D] - mean[0])/sqrt(2*C[0]));
        ASSERT(ks(N, u, rep.ess) < MAX_KS);
        ASSERT_EQ(SNL_OK, snl_log_likelihood(&t.p, N, y, again));
        ASSERT_MEM_EQ(again, ll, sizeof ll);
    }
    for (int i = 0; i < N; i++)             /* the control: 40 % too wide is seen */
        u[i] = 0.5*erfc(-(y[i*D] - mean[0])/sqrt(2*C[0])/1.4);
    ASSERT(ks(N, u, rep.ess) > MAX_KS);
    PASS();
}

typedef struct told { size_t n;  double first, last, back; } told;
static int hear(void *user, const snl_run_progress *p)
{
    told *t = user;
    if (!t->n++) t->first = p->done;
    t->back = fmax(t->back, t->last - p->done);
    t->last = p->done;
    return 0;
}

/* Told every twenty steps, of 40 + 40 + 40 + 40 of burn-in and 400 kept: 1/28 of the whole more. */
TEST exact_sampler_tells_how_far_it_is(void)
{
    enum { N = 320, D = 2 };
    static double y[N*D], ll[N];
    static toy t;
    const snl_sample_cfg c = { 32, 1, 2, 160, 400, N, 0, 0, 0 };
    snl_sample_report rep;
    const double part = 1/28.0;
    told told = { 0 };
    toy_make(&t, D, 40, linear);
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &rep, hear, &told, NULL));
    ASSERT_EQ(28, (int)told.n);
    ASSERT_EQ(part, told.first);
    ASSERT_EQ(1.0, told.last);
    ASSERT_EQ(0.0, told.back);
    PASS();
}

/* Steps are doubled up to the effective samples asked for, or to the most allowed; the draws
 * stay those of the posterior.  Stretch moves alone find it too, but leave no evidence. */
TEST exact_sampler_goes_on_until_it_has_enough(void)
{
    enum { N = 2000, ROWS = 8000, D = 5 };
    static double y[ROWS*D], ll[ROWS];
    static toy t;
    snl_sample_cfg c = { 32, 1, 2, 300, 100, N, 0, 0, 0 };
    snl_sample_report rep, more;
    double mean[D], C[D*D];
    toy_make(&t, D, 40, linear);
    toy_posterior(&t, mean, C);
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &rep, NULL, NULL, NULL));
    ASSERT(rep.ess < 1200);                     /* so the target is one */
    c.ess = 1500;
    c.most = 200;                               /* doubled once, whatever is missing */
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &more, NULL, NULL, NULL));
    ASSERT(more.calls > rep.calls && more.calls < 2*rep.calls);
    c.most = 100000;
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &rep, NULL, NULL, NULL));
    ASSERT(rep.ess >= 1500 && rep.ess <= N);
    ASSERT(rep.calls > more.calls);
    CHECK_CALL(check_moments(N, D, y, rep.ess, mean, C, 0));
    c.plain = 1;
    c.samples = ROWS;       /* N rows are N samples at most, which are known to 3/10 only */
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &more, NULL, NULL, NULL));
    ASSERT(more.ess >= 1500 && more.ess <= ROWS);
    CHECK_CALL(check_moments(ROWS, D, y, more.ess, mean, C, 0));
    ASSERT(isnan(more.evidence) && isnan(more.evidence_error));
    PASS();
}

static void two_humps(const toy *t, const double *y, double *s)
{ (void)t;  s[0] = 10*(y[0]*y[0] - 1);  s[1] = 3*y[1]; }

static double mirror(void *ctx, snl_rng *rng, const double *from, double *to)
{ (void)ctx;  (void)rng;  to[0] = -from[0];  to[1] = from[1];  return 0; }

static int draw_left(void *ctx, snl_rng *rng, double *y)
{ (void)ctx;  y[0] = -1 + 0.05*snl_rng_normal(rng);  y[1] = snl_rng_normal(rng);  return 1; }

/* Started in the smaller of two humps, 40 widths from the other; weights by quadrature. */
TEST exact_sampler_reaches_a_second_mode_by_the_jump(void)
{
    enum { N = 8000 };
    static double y[2*N], ll[N];
    static toy t;
    const snl_sample_cfg c = { 32, 1, 2, 300, 2500, N, 0, 0, 0 };
    snl_sample_report rep;
    double right = 0, all = 0, share = 0;
    toy_make(&t, 2, 2, two_humps);
    t.x[0] = 0;
    t.tilt = 0.4;
    t.p.draw = draw_left;
    for (int i = 0; i <= 4000; i++) {
        const double a = -4 + 0.002*i, s = 10*(a*a - 1), p = exp(-0.5*s*s - 0.125*a*a + 0.4*a);
        all += p;
        if (a > 0) right += p;
    }
    right /= all;
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &rep, NULL, NULL, NULL));
    for (int i = 0; i < N; i++) share += y[2*i] > 0;
    ASSERT_EQ(0.0, share);                      /* the control: no jump, no second mode */
    t.p.jump = mirror;
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, 1, y, ll, &rep, NULL, NULL, NULL));
    for (int i = 0; i < N; i++) share += (y[2*i] > 0)/(double)N;
    ASSERT_NEAR(right, share, MAX_SIGMA*sqrt(right*(1 - right)/rep.ess));
    PASS();
}

static void says_nothing(const toy *t, const double *y, double *s)
{ (void)t;  (void)y;  s[0] = s[1] = 0; }

/* Of weight 0.3 a spike of 0.02, the rest as wide as 1 */
static snl_status spiky(void *ctx, size_t worker, size_t n, const double *y, double *out)
{
    (void)ctx;  (void)worker;
    for (size_t i = 0; i < n; i++) {
        const double r2 = y[2*i]*y[2*i] + y[2*i + 1]*y[2*i + 1];
        out[i] = log(0.7*exp(-0.5*r2) + 0.3*exp(-0.5*r2/4e-4)/4e-4) - log(2*SNL_PI);
    }
    return SNL_OK;
}

/* A spike of the prior in the middle of it shows in no mean of y, but in ln prior: how much of it
 * the draws hold scatters by what the effective samples say.  These are an estimate from some 30
 * autocorrelation times, so a square has the mean 1.7, not 1: 30 other sets of 16 seeds sum to 9
 * to 60, and 10 sets whose effective samples are those of y alone to 192 to 679. */
TEST effective_samples_see_spikes_of_the_prior(void)
{
    enum { N = 8000, SEEDS = 16 };
    static double y[2*N], ll[N];
    static toy t;
    const snl_sample_cfg c = { 32, 1, 2, 300, 2500, N, 0, 0, 0 };
    snl_sample_report rep;
    double chi2 = 0;
    toy_make(&t, 2, 2, says_nothing);
    t.p.log_prior = spiky;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double in = 0;
        ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, seed, y, ll, &rep, NULL, NULL, NULL));
        for (int i = 0; i < N; i++) in += hypot(y[2*i], y[2*i + 1]) < 0.12;
        in -= 0.3*N;
        chi2 += in*in/(0.21*N*N/rep.ess);
    }
    ASSERT(chi2 < 107);
    PASS();
}

static int draw_nothing(void *ctx, snl_rng *rng, double *y)
{ (void)ctx;  (void)rng;  (void)y;  return 0; }

TEST exact_sampler_refuses_by_name(void)
{
    static double y[200*2], ll[200];
    static toy t;
    snl_sample_cfg c;
    snl_sample_report rep;
    snl_fault why;
    const char *stage = "";
    const snl_sample_cfg good = { 8, 1, 2, 100, 50, 200, 0, 0, 0 };
    toy_make(&t, 2, 10, linear);
#define REFUSES(change, what) do { \
        c = good;  change;  why.name = "nothing"; \
        ASSERT_FALSE(SNL_OK == snl_sample_exact(&t.p, &c, 1, y, ll, &rep, NULL, NULL, &why)); \
        ASSERT_STR_EQ(what, why.name); } while (0)
    REFUSES(c.walkers = 4, "walkers");
    REFUSES(c.walkers = 9, "walkers");
    REFUSES(c.temps = 0, "temps");
    REFUSES(c.temps = 65, "temps");
    REFUSES(c.ratio = 1, "ratio");
    REFUSES(c.ratio = NAN, "ratio");
    REFUSES(c.burn = 9, "burn");
    REFUSES(c.steps = 9, "steps");
    REFUSES(c.samples = 99, "samples");
    REFUSES(c.ess = -1, "ess");
    REFUSES(c.ess = NAN, "ess");
    REFUSES(t.p.unit_noise = 0, "unit_noise");
    t.p.unit_noise = 1;
    REFUSES(t.p.heat = 0.5, "heat");
    REFUSES(t.p.heat = INFINITY, "heat");
#undef REFUSES
    t.p.heat = 1;
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &good, 1, y, ll, &rep, NULL, NULL, NULL));
    ASSERT_EQ(SNL_ESTOPPED, snl_sample_exact(&t.p, &good, 1, y, ll, &rep, stop_now, &stage, NULL));
    ASSERT_STR_EQ("sample", stage);
    t.p.draw = draw_nothing;
    ASSERT_EQ(SNL_EFAILED, snl_sample_exact(&t.p, &good, 1, y, ll, &rep, NULL, NULL, NULL));
    PASS();
}

/* ---- the rounds ------------------------------------------------------------ */

static snl_run_cfg small_run(size_t first, size_t each, size_t rounds)
{
    const snl_sample_cfg chain = { 32, 1, 2, 200, 2000, 4000, 0, 0, 0 };
    snl_run_cfg c = snl_run_defaults();
    c.first = first;
    c.each = each;
    c.rounds = rounds;
    c.components = 12;
    c.layers = 1;
    c.width = 16;
    c.epochs = 40;
    c.chain = chain;
    return c;
}

static snl_status run_to_the_end(snl_run *r)
{
    snl_status st = SNL_OK;
    while (st == SNL_OK && !snl_run_state(r).done) st = snl_run_round(r, NULL, NULL, NULL);
    return st;
}

/* From a first proposal four to eight times wider than the posterior, with heat or without. */
TEST rounds_recover_a_linear_gaussian(double heat)
{
    enum { D = 5 };
    static toy t;
    const snl_run_cfg c = small_run(500, 300, 8);
    double mean[D], C[D*D], *exact;
    snl_run *r;
    snl_run_view v;
    toy_make(&t, D, 40, linear);
    t.p.heat = heat;
    toy_posterior(&t, mean, C);
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    for (v = snl_run_state(r); !v.done; ) {
        const size_t after = v.calls + v.next;
        ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
        v = snl_run_state(r);
        ASSERT_EQ(after, v.calls);
    }
    ASSERT_STR_EQ("the posterior stands still", v.why);
    ASSERT(v.round >= 2 && v.round < 8);
    ASSERT_EQ((double)v.calls, v.report[v.round - 1].calls);
    ASSERT_EQ(1.0, v.beta);
    ASSERT_EQ(4000, v.n);
    ASSERT(v.report[0].error != v.report[0].error);
    for (size_t i = 0, calls = 500; i < v.round; i++) {
        ASSERT_EQ((double)calls, v.report[i].calls);
        calls += i == 0 || v.report[i].beta < 1 ? 300 : 120;
        ASSERT_EQ(5.0, v.report[i].components);
        ASSERT(v.report[i].lost < c.lost);
    }
    ASSERT(v.report[v.round - 1].error < 0.01);
    ASSERT(v.report[v.round - 1].divergence <= c.divergence);
    ASSERT(v.report[v.round - 1].spread >= 0);      /* of two networks, the default: not NaN */
    CHECK_CALL(check_moments(v.n, D, v.y, v.report[v.round - 1].ess, mean, C, 0));
    ASSERT(v.report[v.round - 1].evidence_error < 0.03);
    ASSERT_NEAR(toy_evidence(&t, mean, C), v.report[v.round - 1].evidence,
                MAX_SIGMA*v.report[v.round - 1].evidence_error + v.report[v.round - 1].error);
    exact = malloc(v.n*sizeof *exact);
    ASSERT(exact);
    ASSERT_EQ(SNL_OK, snl_log_likelihood(&t.p, v.n, v.y, exact));
    for (size_t i = 0; i < v.n; i++) ASSERT_NEAR(exact[i], v.log_like[i], 0.05);
    free(exact);
    snl_run_free(r);
    snl_run_free(NULL);
    PASS();
}

/* Every simulation near enough to the data is learned from again: ln L of a linear signal is
 * known at every point that was asked for, and so is how many are within 80/beta of the best. */
static snl_status seen_simulate(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    toy *t = ctx;
    const snl_status st = toy_simulate(ctx, worker, n, in, out);
    for (size_t i = 0; i < n && t->seen < LEN(t->ll); i++, t->seen++) {
        const double *s = out + i*t->p.nx;
        t->ll[t->seen] = 0;
        for (size_t k = 0; k < t->p.nx; k++) t->ll[t->seen] += s[k]*(t->x[k] - 0.5*s[k]);
    }
    return st;
}

TEST rows_near_the_data_are_learned_from(void)
{
    enum { D = 3 };
    static toy t;
    snl_run_cfg c = small_run(500, 200, 3);
    double beta = 1.0/30;
    snl_run *r;
    c.epochs = 5;
    c.error = 1e-9;                             /* so that all rounds are run */
    toy_make(&t, D, 40, linear);
    t.p.heat = 30;
    t.p.simulate = seen_simulate;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    for (size_t i = 0; i < 3; i++) {
        double top = -INFINITY;
        size_t near = 0;
        snl_run_view v;
        ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
        v = snl_run_state(r);
        ASSERT_EQ(v.calls, t.seen);
        for (size_t k = 0; k < t.seen; k++) top = fmax(top, t.ll[k]);
        for (size_t k = 0; k < t.seen; k++) near += t.ll[k] > top - 80/beta;
        ASSERT_EQ((double)(near > 600 ? near : t.seen < 600 ? t.seen : 600), v.report[i].trained);
        if (i == 2) {           /* the rule decides: more than the least number, and not all */
            ASSERT_EQ(1.0, beta);
            ASSERT(near > 600 && near < t.seen);
        }
        beta = v.beta;
    }
    snl_run_free(r);
    PASS();
}

/* The plain method finds it as well, worse: with the noise known the error is below 0.01. */
TEST noise_drawn_once_is_learned(void)
{
    enum { D = 2 };
    static toy t;
    snl_run_cfg c = small_run(1000, 1000, 2);
    double mean[D], C[D*D];
    snl_run *r;
    snl_run_view v;
    toy_make(&t, D, 3, linear);
    toy_posterior(&t, mean, C);
    c.once = 1;
    c.transforms = 2;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    v = snl_run_state(r);
    ASSERT_EQ(1.0, v.beta);
    ASSERT(v.report[1].error > 0.02 && v.report[1].error < 1);
    CHECK_CALL(check_moments(v.n, D, v.y, v.report[1].ess, mean, C, 0.2));
    snl_run_free(r);
    PASS();
}

static void curved(const toy *t, const double *y, double *s)
{
    (void)t;
    s[0] = 4*y[0];
    s[1] = 4*(y[1] + 0.25*y[0]*y[0]);
    s[2] = 2*sin(1.5*(y[0] + y[1]));
}

/* Marginals on a grid of 600^2 over [-3, 3]^2: cells of a twentieth of the width.  The error that
 * a run states is estimated from the last round's simulations; 400 are enough to tell that of the
 * draws (of 120, one estimate was a fifth of it). */
TEST rounds_agree_with_a_grid(void)
{
    enum { G = 600, SEEDS = 4 };
    static toy t;
    static double cdf[2][G + 1];
    snl_run_cfg c = small_run(800, 1000, 8);
    char keep[4000];
    c.error = 0.1;                          /* a network that can, and is asked to */
    c.layers = 2;
    c.width = 32;
    c.epochs = 100;
    toy_make(&t, 2, 3, curved);
    for (int i = 0; i < G; i++)
        for (int j = 0; j < G; j++) {
            const double y[2] = { -3 + (i + 0.5)*6/G, -3 + (j + 0.5)*6/G };
            double s[3], q = (y[0]*y[0] + y[1]*y[1])/4, p;
            curved(&t, y, s);
            for (int k = 0; k < 3; k++) q += (s[k] - t.x[k])*(s[k] - t.x[k]);
            p = exp(-0.5*q);
            cdf[0][i + 1] += p;
            cdf[1][j + 1] += p;
        }
    for (int k = 0; k < 2; k++) {
        ASSERT(cdf[k][1] + cdf[k][G] < 1e-6*cdf[k][G/2]);
        for (int i = 0; i < G; i++) cdf[k][i + 1] += cdf[k][i];
        for (int i = 0; i < G; i++) cdf[k][i] /= cdf[k][G];
        cdf[k][G] = 1;
    }
    for (c.seed = 1; c.seed <= SEEDS; c.seed++) {
        double *u, *exact, error = 0, shift = 0, top = -INFINITY;
        snl_rng rng;
        snl_run *r;
        snl_run_view v;
        ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
        ASSERT_EQ(SNL_OK, run_to_the_end(r));
        v = snl_run_state(r);
        ASSERT_STR_EQ("the posterior stands still", v.why);
        u = malloc(2*v.n*sizeof *u);
        ASSERT(u);
        exact = u + v.n;
        ASSERT_EQ(SNL_OK, snl_log_likelihood(&t.p, v.n, v.y, exact));
        for (size_t i = 0; i < v.n; i++) {
            shift += (v.log_like[i] - exact[i])/(double)v.n;
            error += (v.log_like[i] - exact[i])*(v.log_like[i] - exact[i])/(double)v.n;
        }
        ASSERT(v.report[v.round - 1].error <= c.error);
        ASSERT_NEAR(0, shift, v.report[v.round - 1].error);
        ASSERT_NEAR(0, sqrt(error), 2*v.report[v.round - 1].error);
        /* Draws accepted with probability L exact over L surrogate have the grid's marginals; the
         * surrogate's error, a tenth of a nat, moves those of all by less than 0.02. */
        for (size_t i = 0; i < v.n; i++) top = fmax(top, exact[i] - v.log_like[i]);
        snl_rng_seed(&rng, 9, 0);
        for (size_t i = 0; i < v.n; i++)
            keep[i] = log(snl_rng_uniform(&rng)) < exact[i] - v.log_like[i] - top;
        for (int k = 0; k < 2; k++) {
            const double ess = v.report[v.round - 1].ess;
            size_t kept = 0;
            for (size_t i = 0; i < v.n; i++) {
                const double x = (v.y[2*i + (size_t)k] + 3)/6*G, f = x - floor(x);
                ASSERT(x > 0 && x < G);
                u[i] = (1 - f)*cdf[k][(int)x] + f*cdf[k][(int)x + 1];
            }
            ASSERT(ks(v.n, u, ess) < MAX_KS + 0.02*sqrt(ess));
            for (size_t i = 0; i < v.n; i++) if (keep[i]) u[kept++] = u[i];
            ASSERT(kept > v.n/3);
            ASSERT(ks(kept, u, fmin(ess, (double)kept)) < MAX_KS);
        }
        free(u);
        snl_run_free(r);
    }
    PASS();
}

/* Transforms trained on unit noise that is fresh at every use: N(0, 1) to a few percent. */
TEST rounds_with_transforms_see_unit_noise(void)
{
    enum { D = 2 };
    static toy t;
    snl_run_cfg c = small_run(1000, 500, 4);
    double mean[D], C[D*D], exact[100];
    snl_run *r;
    snl_run_view v;
    toy_make(&t, D, 20, linear);
    toy_posterior(&t, mean, C);
    c.transforms = 1;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    v = snl_run_state(r);
    ASSERT_EQ(2.0, v.report[v.round - 1].components);
    /* entropy of two unit normals, 1 + ln 2 pi, of some 200 rows of validation */
    ASSERT_NEAR(1 + log(2*SNL_PI), v.report[v.round - 1].loss, 4/sqrt(200.0));
    CHECK_CALL(check_moments(v.n, D, v.y, v.report[v.round - 1].ess, mean, C, 0.08));
    ASSERT_EQ(SNL_OK, snl_log_likelihood(&t.p, 100, v.y, exact));
    for (int i = 0; i < 100; i++) ASSERT_NEAR(exact[i], v.log_like[i], 0.5);
    snl_run_free(r);
    PASS();
}

/* x = M y + noise of covariance N, which the network has to learn. */
static const double noisy_M[4] = { 1, 0.5, -0.3, 0.8 };
static const double noisy_L[4] = { 0.6, 0, 0.3, 0.4 };     /* N = L L^T */
static snl_status noisy_simulate(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    (void)ctx;
    (void)worker;
    for (size_t i = 0; i < n; i++, in += 3, out += 2) {
        snl_rng r;
        double a, b;
        snl_rng_seed(&r, 77, (uint64_t)in[2]);
        a = snl_rng_normal(&r);
        b = snl_rng_normal(&r);
        out[0] = noisy_M[0]*in[0] + noisy_M[1]*in[1] + noisy_L[0]*a;
        out[1] = noisy_M[2]*in[0] + noisy_M[3]*in[1] + noisy_L[2]*a + noisy_L[3]*b;
    }
    return SNL_OK;
}

/* The likelihood is learned from some 3000 draws: its widths are then known to 2 %, its
 * place to 1/50 of a width.  Allowed are 0.08. */
TEST rounds_learn_the_noise_of_a_simulator(void)
{
    static toy t;
    const double a = noisy_L[0], b = noisy_L[2], c = noisy_L[3], *M = noisy_M;
    double N[4], C[4] = { 0 }, mean[2] = { 0 }, v[2];
    snl_run_cfg cfg = small_run(1000, 500, 8);
    snl_run *r;
    snl_run_view s;
    toy_make(&t, 2, 2, linear);
    t.p.unit_noise = 0;
    t.p.simulate = noisy_simulate;
    t.x[0] = 0.9;
    t.x[1] = -0.7;
    cfg.transforms = 2;
    N[0] = a*a;  N[1] = N[2] = a*b;  N[3] = b*b + c*c;
    invert(2, N);
    for (int i = 0; i < 4; i++) {           /* C = (M^T N^-1 M + 1/4)^-1 */
        const int j = i/2, k = i % 2;
        for (int m = 0; m < 4; m++) C[i] += M[2*(m/2) + j]*N[m]*M[2*(m % 2) + k];
        if (j == k) C[i] += 0.25;
    }
    invert(2, C);
    v[0] = N[0]*t.x[0] + N[1]*t.x[1];
    v[1] = N[2]*t.x[0] + N[3]*t.x[1];
    for (int i = 0; i < 4; i++) mean[i/2] += C[i]*(M[i % 2]*v[0] + M[2 + i % 2]*v[1]);
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &cfg, NULL));
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    s = snl_run_state(r);
    ASSERT(s.round >= 2);
    for (size_t i = 0; i < s.round; i++) {
        ASSERT_EQ(1.0, s.report[i].beta);
        ASSERT(s.report[i].error != s.report[i].error);
        ASSERT_EQ(s.report[i].calls, s.report[i].trained);
    }
    CHECK_CALL(check_moments(s.n, 2, s.y, s.report[s.round - 1].ess, mean, C, 0.08));
    snl_run_free(r);
    PASS();
}

/* ---- the same bits --------------------------------------------------------- */

/* Blocks from the last to the first, dealt to the workers in turn. */
static snl_status backwards(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                            const double *in, size_t din, double *out, size_t dout)
{
    const snl_pool *pool = self;
    snl_status worst = SNL_OK;
    for (size_t b = (n + block - 1)/block; b-- > 0; ) {
        const size_t i = b*block, m = n - i < block ? n - i : block;
        const snl_status st = fn(ctx, b % pool->workers, m, in + i*din, out + i*dout);
        if (st != SNL_OK) worst = st;
    }
    return worst;
}

static snl_run_cfg tiny_run(void)
{
    snl_run_cfg c = small_run(200, 100, 3);
    c.chain.burn = 50;
    c.chain.steps = 200;
    c.chain.samples = 500;
    c.chain.temps = 2;
    c.epochs = 10;
    c.divergence = 1e-12;           /* all three rounds */
    return c;
}

/* The state as bytes, *size of them; free(). */
static unsigned char *bytes_of(const snl_run *r, size_t *size)
{
    unsigned char *b;
    *size = snl_run_save_size(r);
    b = malloc(*size);
    if (b && snl_run_save(r, b) != SNL_OK) { free(b);  b = NULL; }
    return b;
}

static int same_bytes(const snl_run *r, const unsigned char *want, size_t size)
{
    size_t n;
    unsigned char *b = bytes_of(r, &n);
    const int same = b && n == size && !memcmp(b, want, n);
    free(b);
    return same;
}

static int finish(const snl_problem *p, const snl_run_cfg *c, unsigned char **bytes, size_t *size)
{
    snl_run *r;
    int ok = snl_run_create(&r, p, c, NULL) == SNL_OK && run_to_the_end(r) == SNL_OK
          && (*bytes = bytes_of(r, size)) != NULL;
    snl_run_free(r);
    return ok;
}

TEST results_do_not_depend_on_the_pool(void)
{
    static double y[500*2], again[500*2], ll[500];
    static toy t;
    const snl_run_cfg c = tiny_run();
    unsigned char *want = NULL, *got = NULL;
    size_t size = 0, n = 0;
    snl_sample_report rep;
    event v;
    toy_make(&t, 2, 3, curved);
    ASSERT(finish(&t.p, &c, &want, &size));
    ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c.chain, 1, y, ll, &rep, NULL, NULL, NULL));
    for (size_t w = 1; w <= 3; w++) {
        snl_pool pool = { backwards, NULL, 1 };
        pool.self = &pool;
        pool.workers = w;
        t.p.pool = &pool;
        ASSERT(finish(&t.p, &c, &got, &n));
        ASSERT_EQ(size, n);
        ASSERT_MEM_EQ(want, got, size);
        free(got);
        ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c.chain, 1, again, ll, &rep, NULL, NULL, NULL));
        ASSERT_MEM_EQ(y, again, sizeof y);
    }
    free(want);
    {                                               /* and the search */
        snl_pool pool = { backwards, NULL, 3 };
        snl_search_result f;
        pool.self = &pool;
        ASSERT_EQ(SNL_OK, event_make(&v, 200, 1));
        snl_event_free(v.e);
        ASSERT_EQ(SNL_OK, snl_event_create(&v.e, &v.cfg, v.data, &pool, NULL));
        ASSERT_EQ(SNL_OK, snl_event_search(v.e, &f, NULL, NULL, NULL));
        ASSERT_MEM_EQ(ev.found.theta, f.theta, sizeof f.theta);
        ASSERT_EQ(ev.found.log_like, f.log_like);
        event_drop(&v);
    }
    PASS();
}

typedef struct stop { const char *stage; size_t round, seen; } stop;
static int stop_at(void *user, const snl_run_progress *p)
{
    stop *s = user;
    s->seen += !strcmp(p->stage, s->stage) && p->round == s->round
             && p->done >= 0 && p->done <= 1;
    return s->seen > 0;
}

TEST a_saved_run_continues_to_the_same_bits(void)
{
    static toy t;
    const snl_run_cfg c = tiny_run();
    unsigned char *end = NULL, *first, *bad;
    size_t size = 0, n, m;
    snl_run *r, *other;
    snl_run_cfg c2;
    toy_make(&t, 2, 3, curved);
    t.p.heat = 20;                          /* two temperatures on the way */
    ASSERT(finish(&t.p, &c, &end, &size));
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));

    bad = bytes_of(r, &m);                  /* nothing done yet: can be saved as well */
    ASSERT(bad);
    ASSERT_EQ(SNL_OK, snl_run_load(r, bad, m));
    free(bad);
    ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
    first = bytes_of(r, &n);
    ASSERT(first);

    ASSERT_EQ(SNL_OK, snl_run_create(&other, &t.p, &c, NULL));      /* into a fresh run */
    ASSERT_EQ(SNL_OK, snl_run_load(other, first, n));
    ASSERT(same_bytes(other, first, n));
    ASSERT_EQ(1, snl_run_state(other).round);
    ASSERT_EQ(SNL_OK, run_to_the_end(other));
    ASSERT(same_bytes(other, end, size));
    ASSERT_STR_EQ("the budget of rounds is used up", snl_run_state(other).why);
    ASSERT_EQ(SNL_EINVAL, snl_run_round(other, NULL, NULL, NULL));
    ASSERT(same_bytes(other, end, size));
    ASSERT_EQ(SNL_OK, snl_run_load(other, first, n));               /* back in time */
    ASSERT_EQ(SNL_OK, run_to_the_end(other));
    ASSERT(same_bytes(other, end, size));
    snl_run_free(other);

    for (int k = 0; k < 3; k++) {           /* stopped inside the second round */
        static const char *const stages[] = { "simulate", "train", "sample" };
        stop s = { "", 1, 0 };
        s.stage = stages[k];
        ASSERT_EQ(SNL_ESTOPPED, snl_run_round(r, stop_at, &s, NULL));
        ASSERT_EQ(1, s.seen);
        ASSERT_EQ(SNL_OK, snl_run_load(r, first, n));
        ASSERT_EQ(SNL_OK, run_to_the_end(r));
        ASSERT(same_bytes(r, end, size));
        ASSERT_EQ(SNL_OK, snl_run_load(r, first, n));
    }

    bad = malloc(n + 8);                    /* damaged, cut, too long */
    ASSERT(bad);
    for (size_t i = 0; i < n; i += 97) {
        memcpy(bad, first, n);
        bad[i] ^= 32;
        ASSERT_EQ(SNL_EFORMAT, snl_run_load(r, bad, n));
    }
    for (size_t i = 0; i < n; i += 101) ASSERT_EQ(SNL_EFORMAT, snl_run_load(r, first, i));
    memcpy(bad, first, n);
    ASSERT_EQ(SNL_EFORMAT, snl_run_load(r, bad, n + 8));
    for (size_t i = 8*14; i < 8*22; i += 8) /* counts that lie, under a good sum */
        for (int k = 0; k < 3; k++) {
            memcpy(bad, first, n);
            snl_put(bad + i, k == 0 ? 0 : k == 1 ? 7 : UINT64_MAX/16);
            if (!memcmp(bad, first, n - 8)) continue;
            snl_put(bad + n - 8, snl_fnv1a(bad, n - 8));
            ASSERT_EQ(SNL_EFORMAT, snl_run_load(r, bad, n));
        }
    {                                       /* a last network of another shape, good sums */
        uint64_t flow;
        unsigned char *last;
        memcpy(bad, first, n);
        snl_get(bad + 8*21, &flow);
        last = bad + n - 8 - flow;
        last[8*10] ^= 1;                    /* residual: as many weights */
        snl_put(last + flow - 8, snl_fnv1a(last, (size_t)flow - 8));
        snl_put(bad + n - 8, snl_fnv1a(bad, n - 8));
        ASSERT_EQ(SNL_EFORMAT, snl_run_load(r, bad, n));
    }
    free(bad);
    ASSERT(same_bytes(r, first, n));
#define ANOTHER(change) do { \
        c2 = c;  change; \
        ASSERT_EQ(SNL_OK, snl_run_create(&other, &t.p, &c2, NULL)); \
        bad = bytes_of(other, &m); \
        ASSERT_EQ(SNL_EINVAL, snl_run_load(other, first, n)); \
        ASSERT(bad && same_bytes(other, bad, m)); \
        free(bad);  snl_run_free(other); } while (0)
    ANOTHER(c2.seed++);
    ANOTHER((c2.once = 1, c2.transforms = 1));
    ANOTHER(c2.rounds++);
    ANOTHER(c2.first++);
    ANOTHER(c2.components--);
    ANOTHER(c2.compression = SNL_COMPRESS_BOTH);
    ANOTHER(c2.points++);
    ANOTHER(c2.networks = 1);
    ANOTHER(c2.chain.samples++);
#undef ANOTHER
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    ASSERT(same_bytes(r, end, size));
    snl_run_free(r);
    free(first);
    free(end);
    PASS();
}

/* After each of two rounds, loaded into a fresh run: that goes on to the same end. */
TEST every_compression_is_saved(snl_compression kind)
{
    static toy t;
    snl_run_cfg c = tiny_run();
    unsigned char *end = NULL, *now;
    size_t size = 0, n;
    snl_run *r, *other;
    c.compression = kind;
    c.points = 2;
    c.transforms = kind == SNL_COMPRESS_LEARNED;
    c.rounds = 2;
    toy_make(&t, 2, 3, curved);
    ASSERT(finish(&t.p, &c, &end, &size));
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    while (!snl_run_state(r).done) {
        ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
        now = bytes_of(r, &n);
        ASSERT(now);
        ASSERT_EQ(SNL_OK, snl_run_create(&other, &t.p, &c, NULL));
        ASSERT_EQ(SNL_OK, snl_run_load(other, now, n));
        ASSERT(same_bytes(other, now, n));
        ASSERT_EQ(SNL_OK, run_to_the_end(other));
        ASSERT(same_bytes(other, end, size));
        snl_run_free(other);
        free(now);
    }
    snl_run_free(r);
    free(end);
    PASS();
}

/* ---- refusals and compression ----------------------------------------------- */

/* Signals that span D dimensions lose nothing in D components: exact and compressed ln L are
 * the same, that of snl_log_likelihood.  In 2 of 5 components the data say less. */
TEST the_budget_tells_compression_from_network(void)
{
    enum { D = 5, N = 400 };
    static toy t;
    double both[2*N], exact[N], mean[2], var[2];
    toy_make(&t, D, 40, linear);
    for (size_t k = 2; k <= D; k += 3) {
        snl_run_cfg c = small_run(500, 300, 2);
        snl_run *r;
        snl_run_view v;
        c.components = k;
        ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
        ASSERT_EQ(SNL_EINVAL, snl_run_budget(r, N, both, both));
        ASSERT_EQ(SNL_OK, run_to_the_end(r));
        v = snl_run_state(r);
        ASSERT_EQ(SNL_OK, snl_run_budget(r, N, v.y, both));
        ASSERT_EQ(SNL_OK, snl_log_likelihood(&t.p, N, v.y, exact));
        for (int j = 0; j < 2; j++) {
            mean[j] = var[j] = 0;
            for (size_t i = 0; i < N; i++) mean[j] += both[2*i + (size_t)j]/N;
            for (size_t i = 0; i < N; i++) var[j] += pow(both[2*i + (size_t)j] - mean[j], 2)/N;
        }
        for (size_t i = 0; i < N; i++) {
            ASSERT_REL(exact[i], both[2*i], 1e-12);
            if (k == D) ASSERT_NEAR(both[2*i], both[2*i + 1], 1e-6);
        }
        if (k < D) ASSERT(var[1] < 0.5*var[0]);
        snl_run_free(r);
    }
    PASS();
}

/* A y, and waves in the same forty numbers, which one tangent plane does not hold. */
static void bent(const toy *t, const double *y, double *s)
{
    linear(t, y, s);
    for (size_t i = 0; i < t->p.nx; i++) s[i] += sin(0.5*t->A[i*TOY_DIM]*y[0] + t->A[i*TOY_DIM + 1]*y[1]);
}

/* s = A y: derivatives about one point span all signals, and no more than D numbers are needed
 * of 40.  s of waves: one point leaves more than three do, components of what is left
 * bring it below what is allowed.  2 D simulations a point. */
TEST scores_compress(void)
{
    enum { D = 3, N = 200 };
    static toy t;
    double lost[3], both[2*N];
    ASSERT_EQ(SNL_COMPRESS_PCA, snl_run_defaults().compression);
    for (int k = 0; k < 4; k++) {
        snl_run_cfg c = small_run(500, 300, 2);
        snl_run *r;
        snl_run_view v;
        toy_make(&t, D, 40, k ? bent : linear);
        c.compression = k == 3 ? SNL_COMPRESS_BOTH : SNL_COMPRESS_SCORE;
        c.points = k == 2 ? 3 : 1;
        ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
        ASSERT_EQ(SNL_OK, run_to_the_end(r));
        v = snl_run_state(r);
        ASSERT_EQ(800 + 2*2*D*c.points, v.calls);
        ASSERT_EQ((double)v.calls, v.report[1].calls);
        ASSERT_EQ(SNL_OK, snl_run_budget(r, N, v.y, both));
        if (k == 0) {
            ASSERT_EQ((double)D, v.report[1].components);
            ASSERT(v.report[1].lost < 1e-6);
            for (size_t i = 0; i < N; i++) ASSERT_NEAR(both[2*i], both[2*i + 1], 1e-6);
        } else lost[k - 1] = v.report[1].lost;
        if (k == 1) ASSERT_EQ((double)D, v.report[1].components);
        snl_run_free(r);
    }
    ASSERT(lost[0] > 0.02);
    ASSERT(lost[1] < 0.5*lost[0]);
    ASSERT(lost[2] <= 0.02);
    PASS();
}

/* s = (y, 3 + 0.4 y^2), and the likeliest of the first simulations. */
static struct { size_t left;  double ll, y; } likeliest;
static void parabola(const toy *t, const double *y, double *s)
{
    double ll;
    s[0] = y[0];
    s[1] = 3 + 0.4*y[0]*y[0];
    ll = t->x[0]*s[0] + t->x[1]*s[1] - 0.5*(s[0]*s[0] + s[1]*s[1]);
    if (!likeliest.left) return;
    likeliest.left--;
    if (!(ll > likeliest.ll)) return;
    likeliest.ll = ll;
    likeliest.y = y[0];
}

/* The score's row is the derivative of s at the likeliest simulation, b = (1, 0.8 y)/norm: the
 * compressed data have ln L = -(b.(x - s))^2/2 up to a constant, wherever their origin is. */
TEST a_score_is_the_projection_on_the_derivative(void)
{
    enum { N = 4 };
    static const double y[N] = { -1, 0.3, 1.5, 0.8 };
    static toy t;
    snl_run_cfg c = small_run(100, 50, 1);
    snl_run *r;
    double both[2*N], want[N];
    toy_make(&t, 1, 2, parabola);
    likeliest.left = 100;
    likeliest.ll = -INFINITY;
    c.compression = SNL_COMPRESS_SCORE;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
    ASSERT_EQ(1.0, snl_run_state(r).report[0].components);
    ASSERT_EQ(SNL_OK, snl_run_budget(r, N, y, both));
    for (size_t i = 0; i < N; i++) {
        const double slope = 0.8*likeliest.y, off = t.x[0] - y[i] + slope*(t.x[1] - 3 - 0.4*y[i]*y[i]);
        want[i] = -0.5*off*off/(1 + slope*slope);
        ASSERT_NEAR(want[i] - want[0], both[2*i + 1] - both[1], 1e-5);
    }
    ASSERT(fabs(want[2] - want[0]) > 0.1);
    snl_run_free(r);
    PASS();
}

static void weak(const toy *t, const double *y, double *s)
{
    linear(t, y, s);
    for (size_t i = 0; i < t->p.nx; i++) s[i] *= 0.003;
}

/* However weak a signal, the scores of a linear one lose nothing, and there are as many as parameters. */
TEST scores_of_weak_signals_lose_nothing(void)
{
    enum { N = 20, D = 3 };
    static toy t;
    snl_run_cfg c = small_run(200, 50, 1);
    snl_run *r;
    snl_rng rng;
    double y[N*D], both[2*N];
    toy_make(&t, D, 10, weak);
    c.compression = SNL_COMPRESS_SCORE;
    c.lost = 1e-9;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
    ASSERT_EQ((double)D, snl_run_state(r).report[0].components);
    snl_rng_seed(&rng, 2, 0);
    for (int i = 0; i < N*D; i++) y[i] = snl_rng_normal(&rng);
    ASSERT_EQ(SNL_OK, snl_run_budget(r, N, y, both));
    for (int i = 1; i < N; i++) ASSERT_NEAR(both[2*i] - both[0], both[2*i + 1] - both[1], 1e-9);
    ASSERT(fabs(both[2] - both[0]) > 1e-4);
    snl_run_free(r);
    PASS();
}

/* The simulations about an expansion point are steps to both sides along axes of the region that is
 * learned from, 1e-3 of its width: the squares of their differences add up to its covariance. */
static struct { double y[300][4];  size_t n; } simulated;
static snl_status simulate_recorded(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    for (size_t i = 0; i < n && simulated.n < 300; i++)
        memcpy(simulated.y[simulated.n++], in + 4*i, sizeof simulated.y[0]);
    return toy_simulate(ctx, worker, n, in, out);
}

TEST expansions_step_by_the_covariance(void)
{
    enum { N = 200 };
    static toy t;
    snl_run_cfg c = small_run(N, 50, 1);
    snl_run *r;
    double mean[3] = { 0 }, C[9] = { 0 }, steps[9] = { 0 };
    toy_make(&t, 3, 10, linear);
    t.p.simulate = simulate_recorded;
    simulated.n = 0;
    c.compression = SNL_COMPRESS_SCORE;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
    snl_run_free(r);
    ASSERT_EQ(N + 6, (int)simulated.n);
    for (int i = 0; i < N; i++) for (int k = 0; k < 3; k++) mean[k] += simulated.y[i][k]/N;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 9; k++)
            C[k] += (simulated.y[i][k/3] - mean[k/3])*(simulated.y[i][k % 3] - mean[k % 3])/N;
    for (int i = N; i < N + 6; i += 2)
        for (int k = 0; k < 9; k++)
            steps[k] += (simulated.y[i][k/3] - simulated.y[i + 1][k/3])
                        * (simulated.y[i][k % 3] - simulated.y[i + 1][k % 3])/4e-6;
    for (int k = 0; k < 9; k++) ASSERT_NEAR(C[k], steps[k], 1e-9);
    PASS();
}

/* The wide ones of a round, one in fifteen, are about draws at twice the temperature: squared
 * distances from the mean in units of the posterior's covariance, of all proposals of their kind
 * in the second round.  Draws of the posterior themselves have D, those at twice the temperature
 * 1.9 D (the prior is not heated), and the step between neighbours adds to both. */
static struct { double mean[3], C[9], wide, plain;  size_t wides, plains; } proposed;
static snl_status simulate_proposed(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    enum { FIRST = 500, EACH = 7500 };
    for (size_t i = 0; i < n; i++) {
        const double *y = in + 4*i, *m = proposed.mean, *P = proposed.C;
        const size_t at = (size_t)y[3];
        double far = 0;
        for (int j = 0; j < 9; j++) far += (y[j/3] - m[j/3])*P[j]*(y[j % 3] - m[j % 3]);
        if (at >= FIRST && at < FIRST + EACH*4/5) { proposed.plain += far;  proposed.plains++; }
        if (at >= FIRST + EACH*4/5 && at % 3 == 0) { proposed.wide += far;  proposed.wides++; }
    }
    return toy_simulate(ctx, worker, n, in, out);
}

TEST wide_proposals_are_warmer_than_the_posterior(void)
{
    static toy t;
    snl_run_cfg c = small_run(500, 7500, 2);
    snl_run *r;
    toy_make(&t, 3, 40, linear);
    t.p.simulate = simulate_proposed;
    c.chain.walkers = 256;
    c.chain.temps = 2;
    memset(&proposed, 0, sizeof proposed);
    toy_posterior(&t, proposed.mean, proposed.C);
    invert(3, proposed.C);
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    ASSERT_EQ(500, proposed.wides);
    ASSERT_EQ(6000, proposed.plains);
    ASSERT_NEAR(3, proposed.plain/6000, 0.3);
    ASSERT(proposed.wide/500 > 1.9*3);
    snl_run_free(r);
    PASS();
}

/* Of a linear problem the posterior mean of y is sufficient: what is learned loses little. */
TEST learned_summaries_find_a_linear_gaussian(void)
{
    enum { D = 3 };
    static toy t;
    snl_run_cfg c = small_run(1500, 1000, 4);
    double mean[D], C[D*D];
    snl_run *r;
    snl_run_view v;
    toy_make(&t, D, 30, linear);
    toy_posterior(&t, mean, C);
    c.compression = SNL_COMPRESS_LEARNED;
    ASSERT_EQ(SNL_EINVAL, snl_run_create(&r, &t.p, &c, NULL));  /* its noise has to be learned */
    c.transforms = 2;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    v = snl_run_state(r);
    ASSERT_EQ((double)D, v.report[v.round - 1].components);
    ASSERT(v.report[v.round - 1].error < 0.5);
    CHECK_CALL(check_moments(v.n, D, v.y, v.report[v.round - 1].ess, mean, C, 0.12));
    snl_run_free(r);
    PASS();
}

/* What is learned of a summary of linear signals, y being N(0, 2^2): the summary is the posterior's
 * mean, whose distribution given y is linear in y with the covariance C A^T A C, C that of the
 * posterior.  So the loss of a network that is a line is the entropy of that; of some 150 rows it
 * is known to sqrt(3/2/150).  (The line was lost, and the loss 2 nats too high, when the
 * network was given zeros for the scale of what it is to learn.) */
TEST learned_summaries_lose_only_the_noise(void)
{
    enum { D = 3 };
    static toy t;
    snl_run_cfg c = small_run(1500, 100, 1);
    double mean[D], C[D*D], P[D*D], S[D*D], copy[D*D], want;
    snl_run *r;
    toy_make(&t, D, 30, linear);
    toy_posterior(&t, mean, C);
    memcpy(P, C, sizeof P);
    invert(D, P);
    for (int i = 0; i < D; i++) P[i*D + i] -= 1/(t.sd*t.sd);        /* A^T A */
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            S[i*D + j] = 0;
            for (int k = 0; k < D; k++)
                for (int l = 0; l < D; l++) S[i*D + j] += C[i*D + k]*P[k*D + l]*C[l*D + j];
        }
    memcpy(copy, S, sizeof S);
    want = 0.5*D*log(2*SNL_PI*exp(1)) + 0.5*log_det(D, copy);
    c.compression = SNL_COMPRESS_LEARNED;
    c.transforms = 1;
    c.layers = 0;
    c.degree = 1;
    c.networks = 1;
    c.epochs = 5;
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
    ASSERT_NEAR(want, snl_run_state(r).report[0].loss, 4.5*sqrt(1.5/150));
    snl_run_free(r);
    PASS();
}

/* Draws of ten steps of stretch moves are not independent, and on average not said to be: by the
 * scatter of means 640 draws of 64 walkers are worth some 70, of 40 steps, as they are now, 120;
 * what 40 rows tell of it scatters.  (Fewer rows counted as independent, 640.) */
TEST draws_of_few_steps_are_not_called_independent(void)
{
    enum { SEEDS = 20 };
    static toy t;
    static double y[2*640], ll[640];
    double ess = 0;
    snl_sample_cfg c = snl_sample_defaults();
    toy_make(&t, 2, 3, linear);
    c.temps = 1;    c.burn = 40;    c.steps = 10;   c.samples = 640;    c.plain = 1;
    c.ess = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        snl_sample_report rep;
        ASSERT_EQ(SNL_OK, snl_sample_exact(&t.p, &c, seed, y, ll, &rep, NULL, NULL, NULL));
        ess += rep.ess/SEEDS;
    }
    ASSERT(ess > 70 && ess < 560);
    PASS();
}

/* Networks that differ say so; their mean is nearer to the truth than one of them. */
TEST networks_are_averaged(void)
{
    enum { D = 3 };
    static toy t;
    double error[2] = { 0, 0 };
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 1; seed <= 8; seed++) {
            snl_run_cfg c = small_run(300, 300, 3);
            snl_run *r;
            snl_run_view v;
            toy_make(&t, D, 40, bent);
            c.networks = k ? 4 : 1;
            c.seed = seed;
            c.error = 1e-9;
            c.degree = 0;                   /* all is left to the networks */
            ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
            ASSERT_EQ(SNL_OK, run_to_the_end(r));
            v = snl_run_state(r);
            ASSERT_EQ(k, v.report[2].spread > 1e-4);
            error[k] += (v.report[1].error + v.report[2].error)/8;
            snl_run_free(r);
        }
    ASSERT(error[1] < 0.93*error[0]);       /* 0.8 is usual */
    PASS();
}

static int rises(void *user, const snl_run_progress *p)
{
    double *done = user;
    *done = p->done > *done && p->done <= 1 ? p->done : INFINITY;
    return 0;
}

/* A right surrogate has uniform ranks, whatever the heat.  50 truths among 100 draws. */
TEST calibrated_ranks_are_uniform(void)
{
    enum { D = 3, N = 50, DRAWS = 100 };
    static toy t;
    static double truth[N*D], post[N*DRAWS*D];
    const snl_run_cfg c = small_run(500, 300, 6);
    double u[N], work[N], distance, p;
    const char *stage = "";
    double done = 0;
    snl_run *r;
    snl_fault why;
    toy_make(&t, D, 30, linear);
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_EINVAL, snl_run_calibrate(r, N, DRAWS, 4, 1, truth, post, NULL, NULL, &why));
    ASSERT_STR_EQ("round", why.name);
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
#define REFUSES(n, draws, heat, what) do { why.name = "nothing"; \
        ASSERT_EQ(SNL_EINVAL, snl_run_calibrate(r, n, draws, heat, 1, truth, post, NULL, NULL, &why)); \
        ASSERT_STR_EQ(what, why.name); } while (0)
    REFUSES(N, DRAWS, 1, "heat");
    REFUSES(N, DRAWS, INFINITY, "heat");
    REFUSES(N, DRAWS - 1, 4, "draws");
    REFUSES(0, DRAWS, 4, "n");
    REFUSES(c.chain.samples + 1, DRAWS, 4, "n");
#undef REFUSES
    ASSERT_EQ(SNL_ESTOPPED, snl_run_calibrate(r, N, DRAWS, 4, 1, truth, post, stop_now, &stage, NULL));
    ASSERT_STR_EQ("calibrate", stage);
    ASSERT_EQ(SNL_OK, snl_run_calibrate(r, N, DRAWS, 4, 1, truth, post, rises, &done, NULL));
    ASSERT_EQ(1.0, done);
    for (size_t k = 0; k < D; k++) {
        for (size_t i = 0; i < N; i++) {
            u[i] = 0.5/(DRAWS + 1);
            for (size_t j = 0; j < DRAWS; j++)
                u[i] += (post[(i*DRAWS + j)*D + k] < truth[i*D + k])/(DRAWS + 1.0);
        }
        ASSERT_EQ(SNL_OK, snl_ks(N, u, &distance, &p, work));
        ASSERT(p > 0.003);
    }
    snl_run_free(r);
    PASS();
}

TEST a_later_round_may_be_much_larger_than_the_first(void)
{
    static toy t;
    snl_run_cfg c = tiny_run();
    snl_run *r;
    c.first = 50;
    c.each = 5000;
    c.rounds = 2;
    c.epochs = 2;
    toy_make(&t, 2, 3, curved);
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t.p, &c, NULL));
    ASSERT_EQ(SNL_OK, run_to_the_end(r));
    ASSERT(snl_run_state(r).report[1].error > 0);
    snl_run_free(r);
    PASS();
}

TEST runs_refuse_settings_by_name(void)
{
    static toy t;
    snl_problem p;
    snl_run_cfg c;
    snl_run *r;
    snl_fault why;
#define REFUSES(change, what) do { \
        c = tiny_run();  p = t.p;  change;  why.name = "nothing"; \
        ASSERT_FALSE(SNL_OK == snl_run_create(&r, &p, &c, &why)); \
        ASSERT_STR_EQ(what, why.name);  ASSERT(!r); } while (0)
    toy_make(&t, 2, 3, curved);
    REFUSES(c.first = 49, "first");
    REFUSES(c.each = 49, "each");
    REFUSES(c.rounds = 0, "rounds");
    REFUSES(c.components = 0, "components");
    REFUSES(c.components = 257, "components");
    REFUSES(c.lost = 0, "lost");
    REFUSES(c.lost = NAN, "lost");
    REFUSES(c.chain.walkers = 5, "walkers");
    REFUSES(c.chain.walkers = 4, "walkers");
    REFUSES(c.chain.temps = 0, "temps");
    REFUSES(c.chain.ratio = 1, "ratio");
    REFUSES(c.chain.steps = 9, "steps");
    REFUSES(c.chain.samples = 99, "samples");
    REFUSES(p.dim = 0, "dim");
    REFUSES(p.dim = 65, "dim");
    REFUSES(p.heat = 0.9, "heat");
    REFUSES(p.heat = NAN, "heat");
    REFUSES(p.heat = INFINITY, "heat");
    PASS();
}

TEST runs_refuse_more_settings_by_name(void)
{
    static toy t;
    snl_problem p;
    snl_run_cfg c;
    snl_run *r;
    snl_fault why;
    toy_make(&t, 2, 3, curved);
    REFUSES(c.error = 0, "error");
    REFUSES(c.error = NAN, "error");
    REFUSES(c.divergence = 0, "divergence");
    REFUSES(c.divergence = NAN, "divergence");
    REFUSES(c.degree = 5, "degree");
    REFUSES(c.chain.burn = 9, "burn");
    REFUSES(c.rounds = SIZE_MAX/c.each, "rounds");
    REFUSES(c.first = SIZE_MAX/2, "first");
    REFUSES(c.each = SIZE_MAX/2, "each");
    REFUSES(c.transforms = 65, "transforms");
    REFUSES(c.points = 0, "points");
    REFUSES(c.points = 65, "points");
    REFUSES(c.networks = 0, "networks");
    REFUSES(c.networks = 9, "networks");
    REFUSES(c.compression = (snl_compression)4, "compression");
    REFUSES(c.once = 1, "transforms");
    REFUSES(c.once = -1, "once");
    REFUSES((p.unit_noise = 0, c.once = 1), "once");
    REFUSES(p.unit_noise = 0, "transforms");
    REFUSES((p.unit_noise = 0, p.heat = 2, c.transforms = 1), "heat");
    REFUSES(p.nx = 0, "nx");
    REFUSES(p.nc = 0, "nc");
    REFUSES(p.nc = 1025, "nc");
    REFUSES(c.width = 0, "width");
    REFUSES(c.layers = 9, "layers");
    REFUSES((c.once = 1, c.transforms = 1, c.layers = 0), "layers");
    REFUSES((p.unit_noise = 0, c.transforms = 1, p.nx = 1025), "nx");
    REFUSES((p.nc = 100, c.degree = 4), "degree");      /* 104!/100!/4! features */
    PASS();
#undef REFUSES
}

/* s = 3 + A f(y) with f in four dimensions */
static void four_dimensions(const toy *t, const double *y, double *s)
{
    const double f[4] = { y[0], y[1], y[0]*y[1], sin(2*y[0]) };
    for (size_t i = 0; i < t->p.nx; i++) {
        s[i] = 3;
        for (size_t j = 0; j < 4; j++) s[i] += t->A[i*TOY_DIM + j]*f[j];
    }
}

static void two_axes(const toy *t, const double *y, double *s)
{
    for (size_t i = 0; i < t->p.nx; i++) s[i] = 0;
    s[3] = 5*y[0];
    s[7] = 0.8*y[1] + 0.1*y[0]*y[0];
}

static double seen[5];                      /* sums of a, b, a^2, ab, b^2 over simulations */
static snl_status two_axes_seen(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    const snl_status st = toy_simulate(ctx, worker, n, in, out);
    const toy *t = ctx;
    for (size_t i = 0; i < n; i++) {
        const double a = out[i*t->p.nx + 3], b = out[i*t->p.nx + 7];
        seen[0] += a;  seen[1] += b;  seen[2] += a*a;  seen[3] += a*b;  seen[4] += b*b;
    }
    return st;
}

static enum greatest_test_res first_round(const toy *t, const snl_run_cfg *c, snl_round *o)
{
    snl_run *r;
    memset(seen, 0, sizeof seen);
    ASSERT_EQ(SNL_OK, snl_run_create(&r, &t->p, c, NULL));
    ASSERT_EQ(SNL_OK, snl_run_round(r, NULL, NULL, NULL));
    *o = snl_run_state(r).report[0];
    snl_run_free(r);
    PASS();
}

TEST compression_finds_the_dimensions_of_the_signals(void)
{
    static toy t;
    snl_run_cfg c = tiny_run();             /* 200 simulations, of which all are learned from */
    snl_round o;
    const double N = 200;
    double aa, ab, bb, lost;
    toy_make(&t, 2, 40, four_dimensions);
    CHECK_CALL(first_round(&t, &c, &o));
    ASSERT_EQ(4.0, o.components);
    ASSERT(o.lost <= 1e-6);
    ASSERT_EQ(N, o.trained);

    toy_make(&t, 2, 40, two_axes);          /* one of two: the root of the smaller eigenvalue */
    t.p.simulate = two_axes_seen;
    c.components = 1;
    CHECK_CALL(first_round(&t, &c, &o));
    aa = seen[2]/N - seen[0]*seen[0]/(N*N);
    ab = seen[3]/N - seen[0]*seen[1]/(N*N);
    bb = seen[4]/N - seen[1]*seen[1]/(N*N);
    lost = sqrt(0.5*(aa + bb) - sqrt(0.25*(aa - bb)*(aa - bb) + ab*ab));
    ASSERT(lost > 0.1);
    ASSERT_EQ(1.0, o.components);
    ASSERT_REL(lost, o.lost, 1e-9);
    c.components = 12;                      /* the tolerance decides */
    c.lost = 1.001*lost;
    CHECK_CALL(first_round(&t, &c, &o));
    ASSERT_EQ(1.0, o.components);
    ASSERT_REL(lost, o.lost, 1e-9);
    c.lost = 0.999*lost;
    CHECK_CALL(first_round(&t, &c, &o));
    ASSERT_EQ(2.0, o.components);
    ASSERT(o.lost < 1e-6);
    PASS();
}

SUITE(quick)
{
    RUN_TEST(priors_integrate_to_one_and_vanish_outside);
    RUN_TEST(theta_and_source_undo_each_other);
    RUN_TEST(search_finds_the_injected_signal);
    RUN_TEST(weak_signals_are_found);
    RUN_TEST(search_finds_the_signal_in_a_wide_window);
    RUN_TESTp(angles_may_have_any_period, -SNL_PI);
    RUN_TESTp(angles_may_have_any_period, SNL_PI);
    RUN_TEST(the_first_proposal_reaches_the_ends_of_the_prior);
    RUN_TEST(prior_of_the_chart_has_the_jacobian_of_finite_differences);
    RUN_TEST(sky_images_are_a_group_that_keeps_areas);
    RUN_TEST(turns_keep_the_sky_even);
    RUN_TEST(turns_find_face_on_and_face_off);
    RUN_TESTp(contexts_span_the_sky_to_degree_three, &ev, 0);
    RUN_TEST(signals_and_likelihoods_of_the_event_are_those_of_all_bins);
    RUN_TEST(a_loaded_event_is_the_searched_one);
    RUN_TEST(another_prior_is_checked_and_changes_the_density_by_its_own);
    RUN_TEST(psi_may_have_two_periods);
    RUN_TEST(angles_outside_of_the_prior_are_nan);
    RUN_TEST(events_refuse_settings_by_name_and_stop_when_asked);
    RUN_TEST(priors_end_at_physical_borders);
    RUN_TEST(exact_sampler_has_the_moments_and_shape_of_a_gaussian);
    RUN_TEST(exact_sampler_tells_how_far_it_is);
    RUN_TEST(exact_sampler_goes_on_until_it_has_enough);
    RUN_TEST(exact_sampler_reaches_a_second_mode_by_the_jump);
    RUN_TEST(exact_sampler_refuses_by_name);
    greatest_set_test_suffix("cold");
    RUN_TESTp(rounds_recover_a_linear_gaussian, 1);
    greatest_set_test_suffix("hot");
    RUN_TESTp(rounds_recover_a_linear_gaussian, 100);
    RUN_TEST(rows_near_the_data_are_learned_from);
    RUN_TEST(noise_drawn_once_is_learned);
    RUN_TEST(rounds_with_transforms_see_unit_noise);
    RUN_TEST(rounds_learn_the_noise_of_a_simulator);
    RUN_TEST(results_do_not_depend_on_the_pool);
    RUN_TEST(a_saved_run_continues_to_the_same_bits);
    RUN_TESTp(every_compression_is_saved, SNL_COMPRESS_SCORE);
    RUN_TESTp(every_compression_is_saved, SNL_COMPRESS_BOTH);
    RUN_TESTp(every_compression_is_saved, SNL_COMPRESS_LEARNED);
    RUN_TEST(the_budget_tells_compression_from_network);
    RUN_TEST(a_score_is_the_projection_on_the_derivative);
    RUN_TEST(scores_of_weak_signals_lose_nothing);
    RUN_TEST(expansions_step_by_the_covariance);
    RUN_TEST(learned_summaries_lose_only_the_noise);
    RUN_TEST(draws_of_few_steps_are_not_called_independent);
    RUN_TEST(a_later_round_may_be_much_larger_than_the_first);
    RUN_TEST(runs_refuse_settings_by_name);
    RUN_TEST(runs_refuse_more_settings_by_name);
    RUN_TEST(compression_finds_the_dimensions_of_the_signals);
}

/* Long chains and many of them: two minutes of a machine, hours of an emulated one */
SUITE(slow)
{
    RUN_TEST(false_alarms_are_as_rare_as_said);
    RUN_TESTp(search_climbs_along_borders, 1.15, -0.58, -0.53, 1);
    RUN_TESTp(search_climbs_along_borders, 1.8, 0.27, 0.55, 2);
    RUN_TESTp(search_leaves_a_wrong_image, 0, 5);
    RUN_TESTp(search_leaves_a_wrong_image, 0, 6);
    RUN_TESTp(search_leaves_a_wrong_image, 0, 9);
    RUN_TESTp(search_leaves_a_wrong_image, 1, 6);
    RUN_TEST(higher_modes_are_whitened_and_searched_on_every_branch);
    RUN_TEST(effective_samples_see_spikes_of_the_prior);
    RUN_TEST(rounds_agree_with_a_grid);
    RUN_TEST(scores_compress);
    RUN_TEST(wide_proposals_are_warmer_than_the_posterior);
    RUN_TEST(learned_summaries_find_a_linear_gaussian);
    RUN_TEST(networks_are_averaged);
    RUN_TEST(calibrated_ranks_are_uniform);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    if (snl_qnm_create(&qnm) != SNL_OK) return 1;
    if (event_make(&ev, 200, 1) != SNL_OK
        || snl_event_search(ev.e, &ev.found, NULL, NULL, NULL) != SNL_OK) return 1;
    snl_event_problem(ev.e, &ev.p);
    RUN_SUITE(quick);
    RUN_SUITE(slow);
    event_drop(&ev);
    snl_qnm_free(qnm);
    GREATEST_MAIN_END();
}
