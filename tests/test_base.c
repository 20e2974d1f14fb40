/* What snl.h defines itself: random numbers, the map over rows, saved bytes, constants; and
 * limits and names that no other test needs. */
#include "snl.h"
#include "greatest.h"
#include "near.h"
#include <stdio.h>
#include <stdlib.h>

/* First outputs of the authors' C code, as published with it and in its ports: splitmix64
 * from the seed 1234567, xoshiro256++ from the state 1, 2, 3, 4. */
TEST random_bits_are_those_of_the_published_generators(void)
{
    static const uint64_t split[5] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821) };
    static const uint64_t xoshiro[6] = {
        UINT64_C(41943041), UINT64_C(58720359), UINT64_C(3588806011781223),
        UINT64_C(3591011842654386), UINT64_C(9228616714210784205), UINT64_C(9973669472204895162) };
    uint64_t x = 1234567;
    snl_rng r = { { 1, 2, 3, 4 } };
    int i;
    for (i = 0; i < 5; i++) ASSERT(snl_splitmix(&x) == split[i]);
    for (i = 0; i < 6; i++) ASSERT(snl_rng_bits(&r) == xoshiro[i]);
    PASS();
}

/* Means of n = 1e5 draws within 5 standard errors; different streams differ. */
TEST derived_numbers_have_their_moments(void)
{
    enum { N = 100000 };
    double u = 0, z = 0, zz = 0, below = 0;
    snl_rng r, other;
    int i, same = 0;
    snl_rng_seed(&r, 1, 0);
    for (i = 0; i < N; i++) {
        const double v = snl_rng_normal(&r), w = snl_rng_uniform(&r);
        ASSERT(w > 0 && w < 1);
        u += w/N;
        z += v/N;
        zz += v*v/N;
        below += (double)snl_rng_below(&r, 7)/N;
    }
    ASSERT_NEAR(0.5, u, 5*sqrt(1/12.0/N));
    ASSERT_NEAR(0.0, z, 5*sqrt(1.0/N));
    ASSERT_NEAR(1.0, zz, 5*sqrt(2.0/N));
    ASSERT_NEAR(3.0, below, 5*sqrt(4.0/N));
    snl_rng_seed(&r, 1, 0);
    snl_rng_seed(&other, 1, 1);
    for (i = 0; i < 100; i++) same += snl_rng_bits(&r) == snl_rng_bits(&other);
    ASSERT_EQ(0, same);
    PASS();
}

typedef struct seen { size_t calls, rows, largest; } seen;

static snl_status square(void *ctx, size_t worker, size_t n, const double *in, double *out)
{
    seen *s = ctx;
    size_t i;
    if (worker) return SNL_EFAILED;
    s->calls++;
    s->rows += n;
    if (n > s->largest) s->largest = n;
    for (i = 0; i < n; i++) {
        if (in[2*i] < 0) return in[2*i] < -1 ? SNL_ENOMEM : SNL_ESTOPPED;
        out[i] = in[2*i]*in[2*i + 1];
    }
    return SNL_OK;
}

TEST without_a_pool_rows_are_done_in_order_and_blocks(void)
{
    double in[20], out[10];
    seen s = { 0, 0, 0 };
    int i;
    for (i = 0; i < 20; i++) in[i] = i;
    ASSERT_EQ(SNL_OK, snl_pool_map(NULL, square, &s, 10, 4, in, 2, out, 1));
    ASSERT_EQ(3, s.calls);
    ASSERT_EQ(10, s.rows);
    ASSERT_EQ(4, s.largest);
    for (i = 0; i < 10; i++) ASSERT_EQ(2.0*i*(2*i + 1), out[i]);
    in[10] = -1;
    in[18] = -2;
    ASSERT_EQ(SNL_ESTOPPED, snl_pool_map(NULL, square, &s, 10, 4, in, 2, out, 1));
    PASS();
}

/* Little-endian by definition; the sum of "a" is given with FNV-1a's definition. */
TEST bytes_come_back_as_they_went(void)
{
    const double x[2] = { -1.5, 1e-300 };
    unsigned char b[40] = "TAGTAGT";
    double y[2];
    uint64_t v;
    snl_put(snl_put_doubles(snl_put(b + 8, UINT64_C(0x0123456789abcdef)), 2, x), 0);
    ASSERT_EQ(0xef, b[8]);
    ASSERT_EQ(0x01, b[15]);
    ASSERT_EQ(0xbf, b[23]);                     /* sign and exponent of -1.5 */
    snl_get_doubles(snl_get(b + 8, &v), 2, y);
    ASSERT(v == UINT64_C(0x0123456789abcdef));
    ASSERT_MEM_EQ(x, y, sizeof x);
    ASSERT(snl_fnv1a((const unsigned char *)"a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    ASSERT_FALSE(snl_bytes_ok(b, 40, "TAGTAGT"));
    snl_put(b + 32, snl_fnv1a(b, 32));
    ASSERT(snl_bytes_ok(b, 40, "TAGTAGT"));
    ASSERT_FALSE(snl_bytes_ok(b, 40, "TAGTAGX"));
    b[20] ^= 1;
    ASSERT_FALSE(snl_bytes_ok(b, 40, "TAGTAGT"));
    PASS();
}

/* Derived constants: G M/c^2 = c G M/c^3; the parsec is 648000/pi astronomical units. */
TEST constants_agree_with_each_other(void)
{
    char version[32];
    ASSERT_REL(SNL_C*SNL_MTSUN, SNL_MRSUN, 1e-15);
    ASSERT_REL(1e6*648000/SNL_PI*SNL_AU, SNL_MPC, 1e-15);
    ASSERT_REL(365.25636*86400, SNL_YEAR, 1e-8);
    sprintf(version, "%d.%d.%d", SNL_VERSION_MAJOR, SNL_VERSION_MINOR, SNL_VERSION_PATCH);
    ASSERT_STR_EQ(version, SNL_VERSION);
    ASSERT_STR_EQ(version, snl_version());
    ASSERT_EQ((int)SNL_MODES, (int)SNL_PHENOM_MODES);
    ASSERT_EQ(63, SNL_MODE_22 | SNL_MODE_21 | SNL_MODE_33 | SNL_MODE_32 | SNL_MODE_44 | SNL_MODE_43);
    ASSERT(pow(2, 2.0*SNL_FFT_STAGES) > SNL_FFT_MAX);   /* its two factors, in radix 2 at worst */
    PASS();
}

/* prepare aligns to the peak: there the phase of (2,2) and its time are 0; LAL's origin of
 * phase is a choice of ours, and back again is where we were. */
TEST the_peak_is_the_origin(void)
{
    snl_qnm *q = NULL;
    snl_phenom p;
    double f, phase, t;
    ASSERT_EQ(SNL_OK, snl_qnm_create(&q));
    ASSERT_EQ(SNL_OK, snl_phenom_prepare(&p, q, SNL_PHENOMD, 2e6, 1e6, 0.5, -0.2, 1e3, NULL, NULL));
    f = p.f_peak/p.M_sec;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, &f, NULL, &phase, &t));
    ASSERT_NEAR(0.0, phase, 1e-10);
    ASSERT_NEAR(0.0, t, 1e-10*p.M_sec);
    snl_phenom_align_lal(&p, 1e-3, 0.3);
    f = 1e-3;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, &f, NULL, &phase, &t));
    ASSERT_NEAR(-0.6, phase, 1e-9);
    snl_phenom_align_peak(&p);
    f = p.f_peak/p.M_sec;
    ASSERT_EQ(SNL_OK, snl_phenom_mode(&p, 2, 2, 1, &f, NULL, &phase, &t));
    ASSERT_NEAR(0.0, phase, 1e-10);
    ASSERT_NEAR(0.0, t, 1e-10*p.M_sec);
    snl_qnm_free(q);
    PASS();
}

static snl_status flat(void *ctx, size_t n, const double *theta, double *prior, double *like)
{
    (void)ctx;  (void)theta;
    while (n--) prior[n] = like[n] = 0;
    return SNL_OK;
}

TEST sampler_refused(size_t dim, size_t walkers, size_t temps, const char *name, double most)
{
    snl_mcmc_cfg c = snl_mcmc_defaults(dim, walkers, temps);
    const snl_mcmc_target target = flat;
    snl_fault why = { "", 0, 0, 0, 0 };
    snl_mcmc *s = NULL;
    c.target = target;
    ASSERT_EQ(SNL_EINVAL, snl_mcmc_create(&s, &c, &why));
    ASSERT(s == NULL);
    ASSERT_STR_EQ(name, why.name);
    ASSERT_EQ(most, why.hi);
    PASS();
}

TEST a_sampler_has_limits(void)
{
    CHECK_CALL(sampler_refused(SNL_MCMC_MAX_DIM + 1, 4096, 1, "dim", SNL_MCMC_MAX_DIM));
    CHECK_CALL(sampler_refused(2, SNL_MCMC_MAX_WALKERS + 2, 1, "walkers", SNL_MCMC_MAX_WALKERS));
    CHECK_CALL(sampler_refused(2, 8, SNL_MCMC_MAX_TEMPS + 1, "temps", SNL_MCMC_MAX_TEMPS));
    PASS();
}

TEST parameters_stand_where_their_names_say(void)
{
    static const snl_prior_kind normal = SNL_NORMAL;
    const snl_source s = { 3e6, 2e6, 0.3, -0.4, 5e3, 1.2, 0.7, 2.1, -0.4, 1.9, 1e7 };
    snl_prior p = { SNL_UNIFORM, -4, 4, 1, 2 };
    snl_source back;
    double theta[SNL_NPAR];
    snl_theta_from_source(&s, theta);
    ASSERT_STR_EQ("cos_inclination", snl_parameter_name[SNL_COS_INC]);
    ASSERT_STR_EQ("chi2", snl_parameter_name[SNL_CHI2]);
    ASSERT_REL(cos(1.2), theta[SNL_COS_INC], 1e-15);
    ASSERT_REL(-0.4, theta[SNL_CHI2], 0);
    ASSERT_REL(1.5, theta[SNL_MASS_RATIO], 1e-15);
    back = snl_source_from_theta(theta);
    ASSERT_REL(s.m1, back.m1, 1e-14);
    ASSERT_REL(s.beta, back.beta, 1e-14);
    p.kind = normal;
    ASSERT_NEAR(-0.5 - log(2*sqrt(2*SNL_PI)), snl_prior_log(&p, 3), 1e-14);
    PASS();
}

/* A signal without noise: no template finds more than its SNR (Cauchy-Schwarz); the scan at its
 * masses, blind to the sky, finds 97% of it though the band cuts it off, and when it arrives. */
TEST the_scan_finds_a_signal_at_its_masses(void)
{
    const double length = 327680;
    const snl_noise noise = snl_noise_defaults();
    snl_source src = { 8e5, 5e5, 0.3, 0.1, 2e5, 1, 1, 2, 0.3, 0.9, 262144 };
    snl_data *d = NULL;
    snl_qnm *q = NULL;
    snl_scan *scan = NULL;
    snl_lisa_cfg cfg;
    double rho2, t, snr, *work;
    ASSERT_EQ(SNL_OK, snl_qnm_create(&q));
    cfg = snl_lisa_defaults(q);
    ASSERT_EQ(SNL_OK, snl_data_create(&d, 1/length, 100, 3000));
    ASSERT_EQ(SNL_OK, snl_noise_psd(&noise, SNL_CHANNEL_A, d->n, d->f, d->S, NULL));
    memcpy(d->S + d->n, d->S, d->n*sizeof *d->S);
    ASSERT_EQ(SNL_OK, snl_data_add_signal(d, &cfg, &src, NULL));
    snr = snl_data_snr(d, d->d);
    ASSERT_EQ(SNL_OK, snl_scan_create(&scan, d, &cfg, 261000, 263000));
    ASSERT(work = malloc(snl_scan_work(scan)*sizeof *work));
    ASSERT_EQ(SNL_OK, snl_scan_merger(scan, NULL, src.m1, src.m2, src.chi1, src.chi2,
                                      &rho2, &t, work));
    snl_ssb_to_lisa(&src);
    ASSERT_GT(sqrt(rho2), 0.97*snr);
    ASSERT_LTE(sqrt(rho2), snr*(1 + 1e-9));
    ASSERT_NEAR(src.t_ref, t, 30);
    free(work);
    snl_scan_free(scan);
    snl_data_free(d);
    snl_qnm_free(q);
    PASS();
}

SUITE(base)
{
    RUN_TEST(random_bits_are_those_of_the_published_generators);
    RUN_TEST(derived_numbers_have_their_moments);
    RUN_TEST(without_a_pool_rows_are_done_in_order_and_blocks);
    RUN_TEST(bytes_come_back_as_they_went);
    RUN_TEST(constants_agree_with_each_other);
    RUN_TEST(the_peak_is_the_origin);
    RUN_TEST(a_sampler_has_limits);
    RUN_TEST(the_scan_finds_a_signal_at_its_masses);
    RUN_TEST(parameters_stand_where_their_names_say);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(base);
    GREATEST_MAIN_END();
}
