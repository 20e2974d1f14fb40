/* snl.h - Sequential Neural Likelihood for LISA's massive black hole binaries, in C99.
 *
 * From a few thousand simulations to a posterior: simulate signals from a
 * proposal, compress them to a short summary x, learn p(x | theta), sample
 * surrogate likelihood times prior, take the samples as the next proposal.
 *
 *     cc -std=c99 app.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
 *
 * The library never prints, never exits, reads no clock and no file, has no
 * threads and no global state.  It can be used in parts:
 *
 *     waveform.c   IMRPhenomD and IMRPhenomHM                  calls nothing of ours
 *     lisa.c       FFT, response, TDI, noise, likelihoods      calls waveform.c
 *     nn.c         conditional density estimation by flows     calls nothing of ours
 *     mcmc.c       ensemble samplers and their diagnostics     calls nothing of ours
 *     snl.c        priors, compression, the SNL rounds         calls all four
 *
 * CONVENTIONS, valid everywhere unless a function says otherwise
 *   Units: seconds, hertz, radians, detector-frame (redshifted) solar masses,
 *   megaparsecs (luminosity distance).  Fourier transforms of data and signals:
 *   h(f) = int h(t) exp(-2 pi i f t) dt, one-sided PSDs.  Complex numbers are
 *   (re, im) pairs of doubles: an array [n][2] holds n of them.  Times are SSB
 *   seconds since the epoch at which the longitude of LISA's centre is 0.
 *   Arrays are row-major; shapes stand in square brackets, units in braces.
 *
 * MEMORY has three owners.  Objects: X_create ... X_free, X_free accepts NULL.
 *   Scratch: the caller's, sized in doubles by X_work(...).  Results: the
 *   caller's arrays.  Only X_create and functions that say so allocate.
 *
 * ERRORS are returned as snl_status; on error the outputs are unchanged unless
 *   stated.  Functions that check many values also take an snl_fault (NULL
 *   allowed) that names the offending one with its legal range.
 *
 * REFERENCES
 *   [H]  Husa et al. 2016, arXiv:1508.07250          remnant of IMRPhenomD
 *   [K]  Khan et al. 2016, arXiv:1508.07253          IMRPhenomD
 *   [L]  London et al. 2018, arXiv:1708.00404        IMRPhenomHM
 *   [Q]  London & Fauchon-Jones, arXiv:1810.03550    quasi-normal mode fits
 *   [A]  Ajith 2011, arXiv:1107.1267                 reduced spin
 *   [M]  Marsat & Baker, arXiv:1806.10734            Fourier-domain response
 *   [M2] Marsat et al. 2021, arXiv:2003.00357        LISA frame, sky degeneracies
 *   [B]  Katz et al. 2020, arXiv:2005.01827; Katz 2022, arXiv:2111.01064   BBHx
 *   [R]  Robson, Cornish & Liu, arXiv:1803.01944     sensitivity, foreground
 *   [G]  Babak, Petiteau & Hewitson, arXiv:2108.01167 and Karnesis et al.,
 *        arXiv:2103.14598                            galactic foreground
 *   [Z]  Zackay, Dai & Venumadhav, arXiv:1806.08792; Cornish, arXiv:2109.02728
 *                                                    relative binning, heterodyning
 *   [P]  Papamakarios, Sterratt & Murray, arXiv:1805.07226   SNL
 *   [P2] Papamakarios et al. 2017, arXiv:1705.07057  masked autoregressive flow
 *   [D]  Durkan et al. 2019, arXiv:1906.04032        neural spline flow
 *   [V]  Vilchez & Sopuerta 2024, arXiv:2406.00565   SNL for LISA
 *   [GW] Goodman & Weare 2010, CAMCoS 5, 65          affine-invariant ensembles
 *   [VFM] Vousden, Farr & Mandel, arXiv:1501.05823  adaptive temperature ladder
 *   [TB] ter Braak 2006, Stat. Comput. 16, 239       differential evolution
 *   [TV] ter Braak & Vrugt 2008, Stat. Comput. 18, 435   snooker move
 *   [Ge] Geyer 1992, Stat. Sci. 7, 473               initial sequence estimators
 *   [GR] Gelman & Rubin 1992, Stat. Sci. 7, 457      R-hat
 *   [PS] Vehtari et al. 2024, JMLR 25, 72 (arXiv:1507.02646)   Pareto-smoothed weights
 *   [BV] Blackman & Vigna, arXiv:1805.01407          xoshiro256++
 */
#ifndef SNL_H
#define SNL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>

/* ---- guards: linkage, must-use, version, memory ------------------------- */

#if defined(__FAST_MATH__) && !defined(SNL_ALLOW_FAST_MATH)
#error "snl relies on NaN and infinity: do not compile it with -ffast-math"
#endif

#define SNL_VERSION_MAJOR 0
#define SNL_VERSION_MINOR 1
#define SNL_VERSION_PATCH 0
#define SNL_VERSION "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define SNL_MUST_USE __attribute__((warn_unused_result))
#else
#define SNL_MUST_USE
#endif

/* Every allocation of the library goes through these two. */
#ifndef SNL_CALLOC
#include <stdlib.h>
#define SNL_CALLOC(n, size) calloc((n), (size))
#define SNL_FREE(p)         free(p)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SNL_PI 3.14159265358979323846264338327950288

/* ==== Status, faults ===================================================== */

typedef enum snl_status {
    SNL_OK = 0,
    SNL_EINVAL,       /* an argument breaks its documented contract    */
    SNL_ENOTFINITE,   /* NaN or infinity where none is allowed         */
    SNL_ENOMEM,       /* an allocation failed                          */
    SNL_EFORMAT,      /* saved bytes are damaged or of another version */
    SNL_ESTOPPED,     /* the caller's progress function asked to stop  */
    SNL_EFAILED       /* the numbers did not allow an answer           */
} snl_status;

/* Which argument was refused.  name is static text, value what was given; lo and hi are
 * the legal range (lo > hi: there is none to state), index the row or element, if any. */
typedef struct snl_fault {
    const char *name;
    double      value, lo, hi;
    size_t      index;
} snl_fault;

/* One English sentence without full stop for a status; never NULL. */
static inline const char *snl_status_text(snl_status s)
{
    switch (s) {
    case SNL_OK:         return "success";
    case SNL_EINVAL:     return "an argument is outside its legal range";
    case SNL_ENOTFINITE: return "a number is not finite";
    case SNL_ENOMEM:     return "out of memory";
    case SNL_EFORMAT:    return "the saved bytes are damaged or of another version";
    case SNL_ESTOPPED:   return "stopped by the caller";
    case SNL_EFAILED:    return "the computation did not succeed";
    }
    return "unknown status";
}

/* Fill *why (may be NULL) and return SNL_EINVAL; NaN values give SNL_ENOTFINITE. */
static inline snl_status snl_refuse(snl_fault *why, const char *name,
                                    double value, double lo, double hi)
{
    if (why) { why->name = name; why->value = value; why->lo = lo; why->hi = hi; why->index = 0; }
    return value != value ? SNL_ENOTFINITE : SNL_EINVAL;
}

/* ==== Random numbers ===================================================== */

/* xoshiro256++ [BV].  The state is the caller's; streams of one seed are
 * independent for all practical purposes, so that item i of a parallel loop
 * takes stream i and the result does not depend on who computed it. */
typedef struct snl_rng { uint64_t s[4]; } snl_rng;

/* splitmix64: the recommended seeding generator of [BV]. */
static inline uint64_t snl_splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void snl_rng_seed(snl_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = seed, y;
    int i;
    y = snl_splitmix(&x) ^ (stream * UINT64_C(0xd1342543de82ef95));
    for (i = 0; i < 4; i++) r->s[i] = snl_splitmix(&y);
}

static inline uint64_t snl_rng_bits(snl_rng *r)
{
    const uint64_t a = r->s[0] + r->s[3], out = ((a << 23) | (a >> 41)) + r->s[0];
    const uint64_t t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = (r->s[3] << 45) | (r->s[3] >> 19);
    return out;
}

/* Uniform on the open interval (0, 1), 52 bits. */
static inline double snl_rng_uniform(snl_rng *r)
{ return ((double)(snl_rng_bits(r) >> 12) + 0.5) * (1.0 / 4503599627370496.0); }

/* Uniform on 0 .. n-1, n >= 1; the bias is below n / 2^64. */
static inline size_t snl_rng_below(snl_rng *r, size_t n)
{ return (size_t)(snl_rng_bits(r) % (uint64_t)n); }

/* Standard normal, Box and Muller; the second of the pair is not kept, so that
 * the state is only the four words. */
static inline double snl_rng_normal(snl_rng *r)
{
    const double u = snl_rng_uniform(r), v = snl_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(2.0 * SNL_PI * v);
}

/* ==== Parallel work ====================================================== */

/* Compute out [n][dout] from in [n][din], rows independent of each other.
 * worker < pool->workers tells which scratch may be used. */
typedef snl_status (*snl_map_fn)(void *ctx, size_t worker, size_t n,
                                 const double *in, double *out);

/* How parallel work reaches the caller's threads or processes.  map must call
 * fn once for each run of `block` consecutive rows (the last may be shorter),
 * each (fn, rows) exactly once, never two at a time with the same worker, and
 * return the first status in row order that is not SNL_OK.  Since blocks do not
 * depend on the number of workers, neither do results. */
typedef struct snl_pool {
    snl_status (*map)(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                      const double *in, size_t din, double *out, size_t dout);
    void  *self;
    size_t workers;     /* >= 1 */
} snl_pool;

/* Run a map on a pool, in [n][din] to out [n][dout]; NULL stands for one worker, here, in
 * order.  Returns the first status that fn did not return SNL_OK with, in row order. */
static inline snl_status snl_pool_map(const snl_pool *pool, snl_map_fn fn, void *ctx,
                                      size_t n, size_t block, const double *in, size_t din,
                                      double *out, size_t dout)
{
    size_t i;
    if (pool) return pool->map(pool->self, fn, ctx, n, block, in, din, out, dout);
    for (i = 0; i < n; i += block) {
        const size_t m = n - i < block ? n - i : block;
        const snl_status s = fn(ctx, 0, m, in + i*din, out + i*dout);
        if (s != SNL_OK) return s;
    }
    return SNL_OK;
}

/* ==== Saved bytes ======================================================== */

/* Saved states are 64-bit words and IEEE doubles, little-endian on every machine, with the
 * FNV-1a sum of all before as the last word.  These write or read at p and return the end. */
static inline unsigned char *snl_put(unsigned char *p, uint64_t v)
{ int i;  for (i = 0; i < 8; i++) *p++ = (unsigned char)(v >> 8*i & 255);  return p; }

static inline const unsigned char *snl_get(const unsigned char *p, uint64_t *v)
{ int i;  for (*v = 0, i = 8; i-- > 0; ) *v = *v << 8 | p[i];  return p + 8; }

static inline unsigned char *snl_put_doubles(unsigned char *p, size_t n, const double *x)
{
    size_t i;
    for (i = 0; i < n; i++) { uint64_t v;  memcpy(&v, x + i, 8);  p = snl_put(p, v); }
    return p;
}

static inline const unsigned char *snl_get_doubles(const unsigned char *p, size_t n, double *x)
{
    size_t i;
    for (i = 0; i < n; i++) { uint64_t v;  p = snl_get(p, &v);  memcpy(x + i, &v, 8); }
    return p;
}

static inline uint64_t snl_fnv1a(const unsigned char *p, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    while (n--) h = (h ^ *p++) * UINT64_C(0x100000001b3);
    return h;
}

/* Do the bytes begin with tag (8 of them) and end with their sum? */
static inline int snl_bytes_ok(const unsigned char *bytes, size_t size, const char *tag)
{
    uint64_t sum;
    if (size < 16 || memcmp(bytes, tag, 8)) return 0;
    snl_get(bytes + size - 8, &sum);
    return sum == snl_fnv1a(bytes, size - 8);
}

/* ==== waveform.c: IMRPhenomD and IMRPhenomHM ============================= */

#define SNL_MTSUN 4.925490947641266978197229498498379006e-6  /* G Msun/c^3 {s}, as LAL */
#define SNL_MRSUN 1476.625038050124729627979840144936351     /* G Msun/c^2 {m}, as LAL */
#define SNL_MPC   3.085677581491367278913937957796471611e22  /* megaparsec {m}         */

/* Modes h_lm, m > 0, of binaries with spins along the orbital momentum:
 *
 *     h_lm(f) = amp_lm(f) exp(-i phase_lm(f)),   f > 0,   phase continuous in f,
 *
 * in the Fourier convention of this header; exp(+2 pi i f t) gives the conjugate.
 * Those of -m follow from the symmetry about the orbital plane.
 * IMRPhenomD has the mode (2,2); IMRPhenomHM (2,2), (2,1), (3,3), (3,2), (4,4), (4,3).
 * Sources: [K], [H], [L], [Q]; numbers agree with LALSimulation's. */
typedef enum snl_model { SNL_PHENOMD, SNL_PHENOMHM } snl_model;
enum { SNL_PHENOM_MODES = 6 };

/* Doubts about a binary that is computed nevertheless (bits of *warnings). */
enum {
    SNL_WARN_CALIBRATION = 1,   /* mass ratio > 18, |spin| > 0.85 (equal masses: 0.98) */
    SNL_WARN_MASS_RATIO  = 2,   /* mass ratio > 5000: LAL warns                        */
    SNL_WARN_FINAL_SPIN  = 4    /* remnant spin < -0.717: LAL warns                    */
};

/* Splines of the (2,2,0) quasi-normal mode and the mode fits of [Q].  Immutable once
 * created, shared by all threads.  SNL_ENOMEM: *out is NULL.  free accepts NULL. */
typedef struct snl_qnm snl_qnm;
SNL_MUST_USE snl_status snl_qnm_create(snl_qnm **out);
void snl_qnm_free(snl_qnm *q);

/* One mode of a binary, everything in units of the total mass, G = c = 1.  P and A are
 * phase and amplitude of IMRPhenomD; piece j of three ends at edge[j] (belongs to it). */
typedef struct snl_phenom_part {
    int    l, m;                /* which                                               */
    double c;                   /* of the phase {rad}: pi/2, 0, -pi/2, pi for m = 1..4 */
    double f_ring, f_damp;      /* its quasi-normal mode                               */
    double rho, tau;            /* f_ring of (2,2) / f_ring; f_damp / f_damp of (2,2)  */
    double c1_mrd, c2_mrd;      /* ringdown of P: + c1_mrd + c2_mrd f                  */
    double atan_amp, atan_mid, atan_inv;  /* + atan_amp atan((f - atan_mid) atan_inv)  */
    double p_edge[2], p_a[3], p_b[3], p_scale[3], p_add[3];
                                /* Phi_lm(f) = p_scale P(p_a f + p_b) + p_add          */
    double a_edge[2], a_a[3], a_b[3];     /* A_lm(f) from A(g), g = a_a f + a_b        */
    double h[5], h_imag;        /* |Hhat_lm| = |sum h[k] u^k + i h_imag u^4|, u^3 = g  */
} snl_phenom_part;

/* A prepared binary: plain data without pointers, copied freely, to be read only.
 * Frequencies are dimensionless, in Hz: divide by M_sec.  Times: multiply by M_sec. */
typedef struct snl_phenom {
    snl_model model;
    double m1, m2, chi1, chi2;  /* bodies, m1 >= m2 {Msun}: exchanged where necessary  */
    double distance;            /* {Mpc}                                               */
    double M_sec;               /* m1 + m2 {s}                                         */
    double strain;              /* (M MRSUN)(M MTSUN)/D {s}                            */
    double eta, delta;          /* m1 m2/M^2, (m1 - m2)/M                              */
    double chi_pn;              /* reduced spin [A]                                    */
    double final_mass, final_spin;  /* of the remnant: mass/M, dimensionless spin [H]  */
    double f_ring, f_damp;      /* (2,2,0) mode of the remnant                         */
    double f_peak;              /* maximum of the ringdown amplitude, [K] eq. 20       */
    double t0, f_ref, phi0;     /* phase_lm = c + Phi_lm - t0 (f - f_ref) - m phi0     */

    double f_int, f_mrd;        /* phase: inspiral < f_int <= int < f_mrd <= ringdown  */
    double ins[12], ins5, ins6; /* u^-5 [sum ins[k] u^k + ln x (ins5 u^5 + ins6 u^6)],
                                   x = Mf, u = x^(1/3)                                 */
    double beta[3], c1_int, c2_int;       /* [K] eq. 16, beta divided by eta           */
    double alpha[3];                      /* [K] eq. 14, alpha1..3 divided by eta      */

    double g_int, g_mrd;        /* amplitude: the same borders                         */
    double amp0;                /* strain sqrt(2 eta/3) pi^(-1/6)                      */
    double rho[10];             /* 1 + sum_{k>1} rho[k] u^k, [K] eqs. 29-30            */
    double node, newton[5];     /* quartic through g_int twice, node, g_mrd twice      */
    double gamma1w, gamma2w, w; /* gamma1 w, gamma2/w, w = gamma3 f_damp, [K] eq. 19   */

    int    modes;               /* 1 or SNL_PHENOM_MODES                               */
    snl_phenom_part mode[SNL_PHENOM_MODES];   /* (2,2) is the first                    */
} snl_phenom;

/* Set up a binary, aligned to its peak.
 *
 *   m1, m2      > 0           in   either may be the heavier {Msun}
 *   chi1, chi2  in [-1, 1]    in   dimensionless spins along the orbital momentum
 *   distance    > 0           in   luminosity distance {Mpc}
 *   warnings                  out  SNL_WARN_ bits, NULL allowed
 *   why                       out  NULL allowed
 *
 * Masses and distance may be 1e-30 to 1e30, mass ratios up to 1e9: all results are finite.
 * SNL_EINVAL, SNL_ENOTFINITE: why names the argument ("model", "m1", "m2", "chi1", "chi2",
 * "distance", "mass_ratio", or "final_spin" if the remnant's spin leaves [-1, 1]); *p and
 * *warnings are unchanged.  Allocates nothing; reentrant. */
SNL_MUST_USE snl_status snl_phenom_prepare(snl_phenom *p, const snl_qnm *q,
                                           snl_model model, double m1, double m2,
                                           double chi1, double chi2, double distance,
                                           unsigned *warnings, snl_fault *why);

/* Origin of phase and time.  LAL's: the phase of (2,2) is -2 phi_ref at f_ref {Hz}, > 0,
 * phi_ref being an orbital phase {rad}; t = 0 is up to 74 M away from the peak, since LAL
 * leaves c2_mrd out.  The peak's: phase and t of (2,2) are 0 at f_peak, as in BBHx. */
void snl_phenom_align_lal(snl_phenom *p, double f_ref, double phi_ref);
void snl_phenom_align_peak(snl_phenom *p);

/* Whether all f [nf] {Hz} are finite, > 0 and such that 1e-30 <= f M_sec <= 1e30: else
 * SNL_ENOTFINITE or SNL_EINVAL, and why (NULL allowed) names "f" and the first index. */
SNL_MUST_USE snl_status snl_phenom_check(const snl_phenom *p, size_t nf, const double *f,
                                         snl_fault *why);

/* One mode at any frequencies in any order.
 *
 *   f      [nf]  in   {Hz}
 *   amp    [nf]  out  (M MRSUN)(M MTSUN)/D A_lm {1/Hz}
 *   phase  [nf]  out  {rad}
 *   t      [nf]  out  (1/2 pi) d phase/df {s}, the derivative exact
 *
 * Any output may be NULL; none may overlap f.  SNL_EINVAL: the model has no mode (l,m);
 * otherwise as snl_phenom_check; outputs unchanged.  Allocates nothing; reentrant.  The
 * bits at one frequency do not depend on the others. */
SNL_MUST_USE snl_status snl_phenom_mode(const snl_phenom *p, int l, int m, size_t nf,
                                        const double *f, double *amp, double *phase,
                                        double *t);

/* Spherical harmonic of spin weight -2, y = (re, im), usual sign:
 * Y_22 = sqrt(5/(64 pi)) (1 + cos inclination)^2 exp(2 i phi).  0 if l < 2 or |m| > l.
 * Right to 1e-12 up to l = 15 and 1e-9 up to 24; beyond, the terms cancel, from 53 on to NaN. */
void snl_ylm(int l, int m, double inclination, double phi, double y[2]);

/* Both polarisations [nf][2] {1/Hz} of all modes seen at an inclination and phi = 0,
 *
 *     h+ =  1/2  sum_lm [Y_lm + (-1)^l conj(Y_l-m)] h_lm
 *     hx = -i/2  sum_lm [Y_lm - (-1)^l conj(Y_l-m)] h_lm.
 *
 * SNL_EINVAL, SNL_ENOTFINITE: a frequency (see snl_phenom_check) or the inclination; the
 * outputs are unchanged. */
SNL_MUST_USE snl_status snl_phenom_polarisations(const snl_phenom *p, double inclination,
                                                 size_t nf, const double *f,
                                                 double (*plus)[2], double (*cross)[2]);

/* ==== lisa.c: fast Fourier transforms ==================================== */

/* Transforms of one length n, complex and real, any n from 1 to SNL_FFT_MAX.
 *
 *     X[k] = sum_j x[j] exp(-2 pi i j k / n)             forward
 *     x[j] = 1/n sum_k X[k] exp(+2 pi i j k / n)         inverse
 *
 * Lengths 2^a 3^b 5^c are fast; others (Bluestein) cost about five times as much.
 * A plan lives in the caller's memory, is not changed by use and may be shared by
 * threads that each bring their own work.  Error: below 5e-16 log2(n) rms. */
enum { SNL_FFT_MAX = 1 << 26, SNL_FFT_STAGES = 16 };

/* The fields of these structs are for the transforms only. */
typedef struct snl_fft_core {       /* length n, one radix after the other        */
    size_t n, stages, radix[SNL_FFT_STAGES];
    double *tw;
} snl_fft_core;

typedef struct snl_fft_roots {      /* exp(-2 pi i k/n) = hi[k >> shift] lo[rest]  */
    size_t shift;
    double *lo, *hi;
} snl_fft_roots;

typedef struct snl_fft_part {       /* complex transform of length n               */
    size_t n, m;                    /* m = a.n b.n: n, or the padded length        */
    snl_fft_core a, b;
    snl_fft_roots roots;
    double *lane;                   /* exp(-2 pi i k b/m), [a.n][lanes][2]         */
    double *chirp, *chirp_ft;       /* Bluestein, else NULL                        */
} snl_fft_part;

typedef struct snl_fft {
    size_t n;
    snl_fft_part full, half;        /* lengths n and, for even n, n/2              */
    snl_fft_roots split;            /* roots of n: real from half-length complex   */
} snl_fft;

/* Doubles that a plan of length n needs as mem, and that a transform needs as work;
 * 0 if n is 0 or above SNL_FFT_MAX. */
size_t snl_fft_size(size_t n);
size_t snl_fft_work(size_t n);

/* Make a plan; mem [snl_fft_size(n)] must outlive it.  SNL_EINVAL: n, or a NULL. */
SNL_MUST_USE snl_status snl_fft_init(snl_fft *plan, size_t n, double *mem);

/* Complex transforms, in [n][2] to out [n][2]; the two may be the same array.
 * work [snl_fft_work(n)], contents lost.  Nothing is allocated; reentrant. */
void snl_fft_forward(const snl_fft *plan, const double *in, double *out, double *work);
void snl_fft_inverse(const snl_fft *plan, const double *in, double *out, double *work);

/* Real series in [n] to the half of its spectrum that determines it, out [n/2 + 1][2],
 * and back; the imaginary parts of in[0] and, for even n, of in[n/2] are taken as 0.
 * in and out may start at the same address.  work as above. */
void snl_fft_real_forward(const snl_fft *plan, const double *in, double *out, double *work);
void snl_fft_real_inverse(const snl_fft *plan, const double *in, double *out, double *work);

/* ==== lisa.c: response, noise, likelihoods =============================== */

#define SNL_C    299792458.0         /* speed of light {m/s}                           */
#define SNL_AU   149597870700.0      /* orbit radius of the constellation's centre {m} */
#define SNL_ARM  2.5e9               /* arm length, all three {m}                      */
#define SNL_YEAR 31558149.763545603  /* sidereal year: one turn of the constellation {s} */

/* ---- sources and settings ----------------------------------------------- */

/* One binary.  The phase of a signal is referred to the peak frequency of the
 * (2,2) amplitude, which passes the solar system's barycentre at t_ref.  "Any" angle and
 * time is up to 1e300 in size. */
typedef struct snl_source {
    double m1, m2;        /* detector-frame masses, > 0                   {Msun} */
    double chi1, chi2;    /* spins along the orbital axis, in [-1, 1]            */
    double distance;      /* luminosity distance, > 0                     {Mpc}  */
    double inclination;   /* in [0, pi]                                   {rad}  */
    double phi_ref;       /* azimuth of the line of sight in Y_lm, any    {rad}  */
    double lambda, beta;  /* ecliptic longitude, any; latitude, in +-pi/2 {rad}  */
    double psi;           /* polarisation, any                            {rad}  */
    double t_ref;         /* finite                                       {s}    */
} snl_source;

typedef enum snl_tdi { SNL_TDI_15, SNL_TDI_20 } snl_tdi;
typedef enum snl_response { SNL_RESPONSE_FULL, SNL_RESPONSE_LONGWAVE } snl_response;
typedef enum snl_channel { SNL_CHANNEL_A, SNL_CHANNEL_E, SNL_CHANNEL_T } snl_channel;

/* Sets of modes; those of negative m are always included with their partner. */
enum {
    SNL_MODE_22 = 1, SNL_MODE_21 = 2, SNL_MODE_33 = 4,
    SNL_MODE_32 = 8, SNL_MODE_44 = 16, SNL_MODE_43 = 32, SNL_MODES = 6
};

/* How a signal is made.  LONGWAVE is the limit 2 pi f L/c -> 0 at fixed f and t:
 * arms without length, T = 0; orbit and Doppler shift stay [M2]. */
typedef struct snl_lisa_cfg {
    const snl_qnm *qnm;      /* from snl_qnm_create                                     */
    snl_model      model;
    unsigned       modes;    /* set of SNL_MODE_xx; of PhenomD's only (2,2) is taken    */
    snl_tdi        tdi;
    snl_response   response;
    double         t0, t1;   /* a mode is 0 where its t(f) is outside, t0 < t1      {s} */
    double         epoch;    /* signals carry exp(-2 pi i f (t - epoch)), finite    {s} */
} snl_lisa_cfg;
static inline snl_lisa_cfg snl_lisa_defaults(const snl_qnm *qnm)
{
    snl_lisa_cfg c;
    c.qnm = qnm;              c.model = SNL_PHENOMD;            c.modes = 63;
    c.tdi = SNL_TDI_15;       c.response = SNL_RESPONSE_FULL;
    c.t0 = -HUGE_VAL;         c.t1 = HUGE_VAL;                  c.epoch = 0.0;
    return c;
}

/* SNL_EINVAL or SNL_ENOTFINITE: names the first field that is out of its range above. */
SNL_MUST_USE snl_status snl_source_check(const snl_source *s, snl_fault *why);

/* ---- response and signal ------------------------------------------------ */

/* Transfer functions of a mode (l,m), m > 0: channel = T h_lm exp(i phase_R).
 *
 *   f, t     [nf]        in   frequency and SSB time of passage, up to 1e30   {Hz}, {s}
 *   aet      [3][nf][2]  out  A, E, T, including Y_lm, Y_l-m and polarisation
 *   xyz      [3][nf][2]  out  Michelson X, Y, Z, or NULL
 *   phase_R  [nf]        out  (2 pi f/c) k.p0(t), Doppler phase of LISA's centre {rad}
 *
 * Of the source the five angles are used and checked, of cfg tdi and response.  Equal arms, rigid
 * triangle of first order in the eccentricity, positions frozen at t(f): leading order
 * of [M].  Output: relative frequency shift, A, E and T as by snl_tdi_aet; X as in [B] and
 * in the LISA Data Challenges.
 * Convention: UNLIKE elsewhere h~(f) = int h(t) exp(+2 pi i f t) dt, as in [M], [B].
 * SNL_EINVAL, SNL_ENOTFINITE: an angle, f or t; no such mode.  Allocates nothing; reentrant. */
SNL_MUST_USE snl_status snl_lisa_transfer(const snl_lisa_cfg *cfg, const snl_source *s,
                                          int l, int m, size_t nf, const double *f,
                                          const double *t, double *aet, double *xyz,
                                          double *phase_R, snl_fault *why);

/* The signal of a source in the channels A, E and, unless NULL, T, each [nf][2] {1/Hz}:
 *
 *     A(f) = conj sum_lm T_A^lm amp_lm exp i[phase_lm + 2 pi f (t_ref - epoch) + phase_R],
 *
 * so that it has the sign of the Fourier transform of this header; every mode with its
 * own t_lm(f).  The value at one f does not depend on the others in the call (to the bit
 * unless the compiler contracts a*b + c, as gcc -std=gnu99 may).
 * SNL_EINVAL, SNL_ENOTFINITE: source, cfg, or a frequency (see snl_phenom_mode); then the
 * outputs are undefined.  Allocates nothing; reentrant. */
SNL_MUST_USE snl_status snl_lisa_signal(const snl_lisa_cfg *cfg, const snl_source *s,
                                        size_t nf, const double *f, double *A, double *E,
                                        double *T, snl_fault *why);

/* First frequency in [lo, hi] {Hz} at which (2,2) passes the SSB at or after t {s}: lo if it
 * always does, hi if it never does.  Bisection of t(f), which grows up to the merger.
 * Errors: those of snl_lisa_signal; not 0 < lo <= hi ("lo"). */
SNL_MUST_USE snl_status snl_lisa_start(const snl_lisa_cfg *cfg, const snl_source *s,
                                       double t, double lo, double hi, double *f,
                                       snl_fault *why);

/* Complex amplitudes of the (2,2) signal (2.1): h = a_plus H_plus + a_cross H_cross with H
 * the response to unit tensors e+, ex at psi = 0 of a mode h_22 of a source at 1 Mpc:
 *
 *     a+ + i ax = N/D exp(-2i phi_ref + 2i psi) (1 + cos inc)^2/2,  N = sqrt(5/16pi),
 *     a+ - i ax = N/D exp(-2i phi_ref - 2i psi) (1 - cos inc)^2/2.
 *
 * a is (Re a+, Im a+, Re ax, Im ax) {1/Mpc}.  The inverse sets distance, inclination,
 * phi_ref and psi in [0, pi) and leaves the rest; (phi_ref + pi/2, psi + pi/2) is
 * the same signal.  a = 0, or below 1e-308, gives an infinite distance. */
void snl_amplitudes_from_source(const snl_source *s, double a[4]);
void snl_source_from_amplitudes(const double a[4], snl_source *s);

/* Time and angles seen from LISA [M2]: arrival time at LISA's centre and direction in axes
 * that turn with the triangle, taken at the source's SSB time; and back.  Both change
 * t_ref, lambda (to [0, 2 pi)), beta and psi (to [0, pi)) and undo each other to rounding. */
void snl_ssb_to_lisa(snl_source *s);
void snl_lisa_to_ssb(snl_source *s);

/* ---- noise -------------------------------------------------------------- */

typedef enum snl_noise_model { SNL_SCIRDV1, SNL_MRDV1, SNL_SANGRIA } snl_noise_model;
typedef enum snl_foreground {
    SNL_FOREGROUND_NONE,
    SNL_FOREGROUND_LDC,      /* tanh fit of the Data Challenges; years 1/365.25 .. 10 */
    SNL_FOREGROUND_ROBSON,   /* [R]; years 0.5, 1, 2 or 4, for which it was fitted    */
    SNL_FOREGROUND_BABAK     /* [G], running mean, SNR 7; years 0.1 .. 10             */
} snl_foreground;

typedef struct snl_noise {
    snl_noise_model model;
    snl_tdi         tdi;
    snl_foreground  foreground;  /* in A and E only                                  */
    double          years;       /* of observation, to remove resolved binaries; as above */
} snl_noise;
static inline snl_noise snl_noise_defaults(void)
{ snl_noise n = { SNL_SCIRDV1, SNL_TDI_15, SNL_FOREGROUND_NONE, 1.0 };  return n; }

/* One-sided PSD S [nf] {1/Hz, relative frequency} of a channel at f [nf] in 1e-30 .. 1e30.
 *
 * With X = 2 pi f L/c and the acceleration and readout noises S_tm, S_oms
 *     S_A = S_E = 8 sin^2 X [(2 + cos X) S_oms + 2 (3 + 2 cos X + cos 2X) S_tm],
 *     S_T = 16 sin^2 X [(1 - cos X) S_oms + 8 sin^4(X/2) S_tm];  TDI 2.0: times 4 sin^2 2X.
 * A foreground adds g X^2 sin^2 X S_h: g = 6 for LDC, which describes X's strain, 7.2 for
 * the others, which describe the sky average.  S and signals vanish together at multiples
 * of c/2L (TDI 2.0: c/4L); the library's ratios stay regular arbitrarily close to them.
 * SNL_EINVAL, SNL_ENOTFINITE: years, or an f (why->index). */
SNL_MUST_USE snl_status snl_noise_psd(const snl_noise *noise, snl_channel channel,
                                      size_t nf, const double *f, double *S, snl_fault *why);

/* The PSD of a table of rows (f, S), log S linear in log f between them, at the nf
 * frequencies `at`: out [nf].  SNL_EINVAL: fewer than two rows ("rows"), f not > 0 and
 * increasing, S not > 0 or sizes above 1e30, 1e150 ("f", "S"; why->index the row), at
 * outside the table ("at"). */
SNL_MUST_USE snl_status snl_noise_table(size_t rows, const double *f, const double *S,
                                        size_t nf, const double *at, double *out,
                                        snl_fault *why);

/* Optimal SNRs of a source in A, E, both, and T: snr [4].
 *     snr^2 = 4 int_lo^hi |h|^2/S df, Simpson in ln f on n intervals, n even, >= 2.
 * 4096 give 1e-6 for one mode; beats between modes need more.  TDI is cfg's.  What has been
 * accumulated up to a time t is the SNR with cfg->t1 = t; that cut costs 1/n.
 * Errors: those of snl_lisa_signal and snl_noise_psd; lo, n. */
SNL_MUST_USE snl_status snl_snr(const snl_lisa_cfg *cfg, const snl_source *s,
                                const snl_noise *noise, double lo, double hi, size_t n,
                                double snr[4], snl_fault *why);

/* ---- time series -------------------------------------------------------- */

/* Windows w [n]: 1, but in the first and last share/2 of the length they fall to 0 at both ends,
 * with x from 0 at the end to 1, as (1 - cos pi x)/2 (Tukey; share = 1 is Hann's) or as
 * 1/(1 + exp(1/x - 1/(1-x))) (Planck).  SNL_EINVAL: share not in [0, 1]. */
typedef enum snl_window_kind { SNL_WINDOW_TUKEY, SNL_WINDOW_PLANCK } snl_window_kind;
SNL_MUST_USE snl_status snl_window(snl_window_kind kind, size_t n, double share, double *w,
                                   snl_fault *why);

/* Michelson X, Y, Z [n] to A, E, T in place, series or (n doubled) spectra:
 * A = (Z-X)/sqrt2, E = (X-2Y+Z)/sqrt6, T = (X+Y+Z)/sqrt3. */
void snl_tdi_aet(size_t n, double *x, double *y, double *z);

/* How many gaps (runs of NaN) a series x [n] has; *missing: of how many samples. */
size_t snl_series_gaps(size_t n, const double *x, size_t *missing);

/* One-sided PSD of a series x [n] of step dt {s}, by Welch: S [length/2 + 1] at multiples of
 * 1/(length dt), the median over segments of `length` samples with half overlap and Hann
 * windows, less their mean, divided by the median's bias.  Segments with a gap (NaN) or sizes
 * above 1e120 are left out.  Good to about 1.4/sqrt(segments); the lines 0 and 1 miss what the
 * mean took along.  SNL_EINVAL: length < 8 or > n or no segment left, dt.  SNL_ENOMEM. */
SNL_MUST_USE snl_status snl_series_psd(size_t n, const double *x, double dt, size_t length,
                                       double *S, snl_fault *why);

/* ---- data and likelihood ------------------------------------------------ */

/* A band of frequency-domain data: f_k = (k0 + k) df, k < n.  The caller fills d (FFT of the
 * series times its step) and S, which must be > 0. */
typedef struct snl_data {
    size_t  n;
    double  df;     /* 1 / length of the series       {Hz}   */
    double *f;      /* [n]                            {Hz}   */
    double *d;      /* [2][n][2]   A, then E          {1/Hz} */
    double *S;      /* [2][n]      one-sided PSD      {1/Hz} */
} snl_data;

/* One block, f set, d = 0, S = 1.  SNL_EINVAL: df not > 0, k0 = 0, n = 0.  SNL_ENOMEM. */
SNL_MUST_USE snl_status snl_data_create(snl_data **out, double df, size_t k0, size_t n);
void snl_data_free(snl_data *data);

/* 4 df Re sum conj(a) b / S over both channels, a, b [2][n][2]. */
double snl_data_inner(const snl_data *data, const double *a, const double *b);

/* z = sum conj(a) b over n complex numbers, a, b [n][2]. */
void snl_complex_dot(size_t n, const double *a, const double *b, double z[2]);

/* Optimal SNR sqrt <a|a> of a signal a [2][n][2]. */
double snl_data_snr(const snl_data *data, const double *a);

/* d += Gaussian noise: independent real and imaginary parts of variance S/(4 df). */
void snl_data_add_noise(snl_data *data, snl_rng *rng);

/* d += the signal of a source.  Errors: those of snl_lisa_signal, then d is unchanged. */
SNL_MUST_USE snl_status snl_data_add_signal(snl_data *data, const snl_lisa_cfg *cfg,
                                            const snl_source *s, snl_fault *why);

/* Matched filter: z[j] = 4 df sum conj(h_k) d_k/S_k exp(2 pi i f_k t_j) over bins and both
 * channels; its real part is <d|h> with h delayed by t_j = j/(N df), N = plan->n.
 *   h [2][n][2] in;  z [N][2] out;  work [snl_fft_work(N)].  SNL_EINVAL: N <= f[n-1]/df. */
SNL_MUST_USE snl_status snl_data_filter(const snl_data *data, const double *h,
                                        const snl_fft *plan, double *z, double *work);

/* ln L = <d|h> - <h|h>/2, the sum over every bin.  h is not computed at every bin: phases and
 * amplitudes of the modes are series of 8 terms in panels of at most 4% in f, halved until the
 * last two are below 1e-9; parts below 1e-20 of the largest amplitude are left out.
 * Compared with snl_lisa_signal at every bin ln L was the same to 1e-11 of <h|h>, which is
 * the rounding of the phases.  Allocates nothing; reentrant.
 * Errors: those of snl_lisa_signal, then *lnL is unchanged. */
SNL_MUST_USE snl_status snl_likelihood_dense(const snl_data *data, const snl_lisa_cfg *cfg,
                                             const snl_source *s, double *lnL,
                                             snl_fault *why);

/* ---- search -------------------------------------------------------------- */

/* A matched filter for mergers at any time in a window: in the long-wavelength limit, LISA
 * at rest, each of A and E holds the (2,2) signal times a free complex amplitude, so that
 *
 *     rho^2 = max_t sum_c |<d_c|h(t)>_C|^2/<h|h>_c,      t by FFT,
 *
 * is the likelihood maximised over distance, inclination, phase, polarisation and sky, like
 * the F-statistic; in noise it is chi^2 with four degrees of freedom at each time. */
typedef struct snl_scan snl_scan;

/* For mergers that reach LISA's centre in t_lo - 520 s .. t_hi + 520 s (the light time from
 * the Sun), no more than the series' length about the middle.  data and cfg->qnm must outlive
 * it; shared by threads.  Of cfg: qnm, tdi, epoch.  SNL_EINVAL: t_lo < t_hi does not hold, or
 * more than SNL_FFT_MAX/2 bins (windows short against the series allow more).  SNL_ENOMEM. */
SNL_MUST_USE snl_status snl_scan_create(snl_scan **out, const snl_data *data,
                                        const snl_lisa_cfg *cfg, double t_lo, double t_hi);
void snl_scan_free(snl_scan *s);
size_t snl_scan_work(const snl_scan *s);

/* rho^2 and the time t {s} of arrival at LISA's centre for masses {Msun} and spins, in the
 * data, or in series [2][n][2] of the same bins.  work [snl_scan_work(s)].  Errors: those of
 * snl_phenom_prepare. */
SNL_MUST_USE snl_status snl_scan_merger(const snl_scan *s, const double *series, double m1,
                                        double m2, double chi1, double chi2, double *rho2,
                                        double *t, double *work);

/* ---- heterodyned likelihood --------------------------------------------- */

/* The same likelihood from a few nodes [Z].  A mode a of any source, divided by a carrier
 *
 *     w_a(f) = g(f) amp_a exp -i[phase_a + 2 pi f (t_ref - epoch) + phase_R],
 *
 * phase and Doppler shift of that mode of the reference source and the common factor g of
 * TDI, is a smooth ratio r_ac(f) in both channels c, also for another sky position, since
 * w has no antenna pattern whose nulls could be in the way.  Its amplitude amp_a gets 1%
 * of the inspiral's f^(-7/6) of (2,2), so that it neither vanishes nor dies out in the
 * ringdown, where ratios would grow beyond bounds.  With cubic Lagrange interpolation
 * r(f_j) = sum_k L_jk r_k in ln f the sums over bins become sums over nodes and modes, p =
 * (k, a), with weights found once in each channel,
 *
 *     <d|h> = Re sum_p conj(r_p) W_p,         W_p = 4 df sum_j conj(v_jp) d_j/S_j,
 *     <h|h> = sum_pq conj(r_p) G_pq r_q,      G_pq = 4 df sum_j conj(v_jp) v_jq/S_j,
 *
 * v_j,ka = L_jk w_aj, in place of [Z]'s linear ratios in bins.  G is positive and has a band
 * of four nodes: with G = L L^H, s = L^H r and x = L^-1 W,
 *
 *     ln L = x.s - |s|^2/2       over real and imaginary parts;
 *
 * in x the noise of the data is N(0, 1), independent.  Over a posterior of SNR 500 (PhenomD,
 * M = 1.8e6 Msun) the largest error of ln L was 0.018, 0.0016 and 0.0008 with 128, 256 and
 * 512 nodes; it grows with the distance from the reference.
 * Modes have to be divided one by one, for they pass a frequency at different times.
 *
 * Immutable once created, shared by all threads; read the fields freely. */
typedef struct snl_het {
    size_t  K, modes;       /* nodes; modes M                                          */
    int     l[SNL_MODES], m[SNL_MODES];    /* of each                                */
    double *f;              /* [K]            nodes, from the first bin to the last  {Hz} */
    double *w;              /* [M][K][2]      carrier at the nodes                     */
    double *x;              /* [2][K][M][2]   whitened data                            */
    double *T;              /* [2][K M][4 M][2]   conj L_p+j,p at row p, j < 4 M       */
    snl_lisa_cfg cfg;
    snl_source   ref;
} snl_het;

/* Nodes are equidistant in ln f, but at least four bins apart.  Start with K = 512.
 * The data may be freed afterwards, cfg->qnm must outlive the object.  SNL_EINVAL: cfg,
 * reference, a frequency, K < 8 or too many for the band (why->hi is the most), S not > 0
 * (why->index in [2][n]).  SNL_EFAILED: G is not positive (too few bins;
 * why->index is the node).  SNL_ENOMEM.  On error *out is NULL. */
SNL_MUST_USE snl_status snl_het_create(snl_het **out, const snl_data *data,
                                       const snl_lisa_cfg *cfg, const snl_source *ref,
                                       size_t K, snl_fault *why);
void snl_het_free(snl_het *het);

/* Numbers of a whitened signal, 4 K M; of work 2 of these are needed unless stated. */
size_t snl_het_work(const snl_het *het);

/* Whitened signal s [2][K][M][2] of a source: <a|b> is the dot product of two of them.
 * work [snl_het_work(het)].  Errors: those of snl_lisa_signal. */
SNL_MUST_USE snl_status snl_het_signal(const snl_het *het, const snl_source *source, double *s,
                                       double *work, snl_fault *why);

/* ln L = <d|h> - <h|h>/2; work [2 snl_het_work(het)].  Errors: those of snl_lisa_signal. */
SNL_MUST_USE snl_status snl_het_loglike(const snl_het *het, const snl_source *s, double *lnL,
                                        double *work, snl_fault *why);

/* The same maximised over phi_ref, which is set: |<d|h>| - <h|h>/2 with the complex product.
 * SNL_EINVAL also if the object has other modes than (2,2). */
SNL_MUST_USE snl_status snl_het_phase_max(const snl_het *het, snl_source *s, double *lnL,
                                          double *work, snl_fault *why);

/* What the object gets wrong for a source: its ln L less that of snl_likelihood_dense with the
 * data it was made from.  work [2 snl_het_work(het)].  Errors: those of both. */
SNL_MUST_USE snl_status snl_het_error(const snl_het *het, const snl_data *data,
                                      const snl_source *s, double *error, double *work,
                                      snl_fault *why);

/* Fisher matrix F_ij = <dh/dx_i|dh/dx_j>, x the fields of snl_source in their order, from
 * central differences whose steps change h by 1e-4 of its norm: good to 1e-5 of
 * sqrt(F_ii F_jj).  work [13 snl_het_work(het)].  Errors: those of snl_lisa_signal, also
 * where a source nearer to the end of a range than its step cannot be varied. */
enum { SNL_SOURCE_FIELDS = 11 };
SNL_MUST_USE snl_status snl_het_fisher(const snl_het *het, const snl_source *s,
                                       double F[SNL_SOURCE_FIELDS][SNL_SOURCE_FIELDS],
                                       double *work, snl_fault *why);

/* The whitened signals out [M][2][4 K M] of each mode by itself, in plus and in cross: H_plus and
 * H_cross of snl_amplitudes_from_source for (2,2), of h_lm in its place for the others.  A signal
 * is the sum of these with weights that only distance and orientation set, so a search finds the
 * best of them without another waveform.  Uses masses, spins, sky and t_ref of s.
 * work [2 snl_het_work(het)].  Errors: those of snl_lisa_signal. */
SNL_MUST_USE snl_status snl_het_basis(const snl_het *het, const snl_source *s, double *out,
                                      double *work, snl_fault *why);

/* ==== nn.c: conditional density estimation =============================== */

/* p(x | c) of x in R^d given a context c in R^m:
 *
 *     mu(c) = phi(c') S + r MLP(c'),   z = (x - mu(c)) B,   u = f_T(... f_1(z, c') ..., c'),
 *     log p = log N(u; 0, 1) + sum log|df_t| + log|B|
 *
 * c' is the whitened context, phi all its monomials up to a degree (S by ridge least
 * squares), MLP a dense network that learns what they leave, r its scale per component,
 * B a diagonal or upper triangular matrix; the f_t are masked autoregressive transforms,
 * affine [P2], u_i = (z_i - shift_i(z_<i, c')) exp(-scale_i(z_<i, c')), and if bins > 0 then
 * a rational-quadratic spline of u_i in [-4, 4] whose knots depend on z_<i and c' [D], with
 * the order of the components reversed from one to the next.  Hidden units are SiLU.
 * transforms = 0 leaves a Gaussian with a learned mean; snl_flow_mean alone makes it a
 * regression.
 * Networks compute with floats, all the rest, as sums and the mean, with doubles. */

typedef struct snl_flow_shape {
    size_t d, m;                   /* components of x and of c, 1 .. 1024                    */
    size_t degree;                 /* of the polynomial part of the mean, 0 .. 4, such that  */
                                   /* binomial(m + degree, degree) <= 8192                   */
    size_t mean_layers, mean_width;/* hidden layers of the MLP, 0 (no MLP) .. 8; 1 .. 4096   */
    size_t transforms;             /* 0 .. 64                                                */
    size_t layers, width;          /* hidden layers of each transform, 1 .. 8; 1 .. 4096     */
    size_t bins;                   /* of the splines, 0 (none) .. 64                         */
    size_t residual;               /* 1: hidden layers after the first add to their input    */
} snl_flow_shape;

static inline snl_flow_shape snl_flow_shape_defaults(size_t d, size_t m)
{
    snl_flow_shape s = { 0, 0, 2, 2, 64, 5, 2, 50, 0, 0 };
    s.d = d;  s.m = m;
    return s;
}

typedef struct snl_flow snl_flow;

/* A flow of the given shape, which is N(0, 1) in every component until it is trained.
 * SNL_EINVAL: a field of the shape, named in why (NULL allowed); SNL_ENOMEM.  *out is NULL
 * on error.  One block of memory; snl_flow_free(NULL) is allowed. */
SNL_MUST_USE snl_status snl_flow_create(snl_flow **out, const snl_flow_shape *shape,
                                        snl_fault *why);
void snl_flow_free(snl_flow *f);
const snl_flow_shape *snl_flow_get_shape(const snl_flow *f);

/* Doubles of work that the calls below need, whatever n. */
size_t snl_flow_work(const snl_flow *f);
size_t snl_flow_grad_work(const snl_flow *f);

/* log p(x | c), batched over contexts.
 *
 *   x     [nx][d]  in    nx = n, or nx = 1: the same x at every context
 *   c     [n][m]   in
 *   out   [n]      out   {nats, density per unit of x}
 *   work           in    snl_flow_work(f) doubles, contents lost
 *
 * A row is NaN for a NaN in x, or if c or the mean is not finite; else -INFINITY for an
 * infinity in x, or what floats do not hold.  Allocates nothing; reentrant; the bits of a row
 * do not depend on the rows beside it. */
void snl_flow_logp(const snl_flow *f, size_t n, const double *x, size_t nx,
                   const double *c, double *out, double *work);

/* The same with derivatives: dc [n][m] = d log p/d c, dx [n][d] = d log p/d x; each may be
 * NULL.  They say nothing where log p is not finite.  work: snl_flow_grad_work(f) doubles. */
void snl_flow_logp_grad(const snl_flow *f, size_t n, const double *x, size_t nx,
                        const double *c, double *out, double *dc, double *dx, double *work);

/* mu(c): c [n][m] to out [n][d]; NaN of a c not finite.  work: snl_flow_work(f) doubles. */
void snl_flow_mean(const snl_flow *f, size_t n, const double *c, double *out, double *work);

/* One draw of x [n][d] for each context c [n][m]: d normals of rng for each row in turn.
 * Costs as much as snl_flow_logp.  work: snl_flow_work(f) doubles. */
void snl_flow_sample(const snl_flow *f, size_t n, const double *c, snl_rng *rng,
                     double *x, double *work);

/* log of the mean of exp(v), v [n]: an ensemble of n flows at one point. */
static inline double snl_log_mean_exp(size_t n, const double *v)
{
    double top = v[0], sum = 0;
    size_t i;
    for (i = 1; i < n; i++) if (v[i] > top) top = v[i];
    if (top == -INFINITY) return top;
    for (i = 0; i < n; i++) sum += exp(v[i] - top);
    return top + log(sum / (double)n);
}

/* ---- training */

/* Adam with a step size that falls from lr to lr_end along a cosine. */
typedef struct snl_train_stage {
    size_t epochs;       /* at most; 0 switches the stage off                            */
    size_t batch;        /* rows per step, >= 1                                          */
    size_t patience;     /* epochs without a better validation loss before it stops, >= 1 */
    double lr, lr_end;   /* > 0; 0 <= lr_end <= lr                                       */
} snl_train_stage;

typedef struct snl_train_cfg {
    snl_train_stage mean;    /* 1: the MLP of the mean, by least squares                 */
    snl_train_stage flow;    /* 2: the transforms, by maximum likelihood                 */
    int      fresh;          /* 1: new scales, polynomial and weights; 0: continue       */
    double   clip;           /* of the global norm of the gradient, > 0, may be INFINITY */
    double   decay;          /* decoupled weight decay (per unit of lr), >= 0            */
    double   val_frac;       /* share of rows held out for validation, in (0, 1)         */
    uint64_t seed;           /* split, initial weights, shuffling, redraws; any value    */
} snl_train_cfg;

static inline snl_train_cfg snl_train_defaults(void)
{
    snl_train_cfg c = { { 300, 64, 60, 2e-3, 0 }, { 200, 64, 20, 1e-3, 1e-5 },
                        1, 5.0, 0, 0.1, 1 };
    return c;
}

typedef struct snl_train_data {
    size_t        n;         /* rows, >= 4                                               */
    const double *c, *x;     /* [n][m], [n][d]                                           */
    const double *s;         /* [d] scales, > 0, or NULL.  Given: stage 1 minimises      */
                             /* sum ((x - mu)/s)^2, and B = 1/s.  NULL: from the         */
                             /* residuals of the polynomial, and B, triangular, from the */
                             /* covariance of those of the mean                          */
} snl_train_data;

typedef struct snl_train_progress {
    int    stage;                   /* 1 or 2                                            */
    size_t epoch, epochs;           /* epochs done, and asked for                        */
    double train, val, best;        /* losses: stage 1, the share that the MLP leaves of */
                                    /* what the polynomial left; 2, -log p {nats}        */
} snl_train_progress;

typedef struct snl_train_hooks {    /* any may be NULL                                   */
    void *self;                     /* handed to both functions                          */
    /* New x for the n rows listed, e.g. with fresh noise: x [n][d] comes filled with the
     * caller's own rows, whose variance weighs the components in stage 1, or that of redrawn
     * ones if they have none.  Called for each part of each minibatch and, with epoch 0 and
     * the same numbers every time, of validation and of the fits.  An error ends the training,
     * of which the final losses may still be asked for. */
    snl_status (*redraw)(void *self, snl_rng *rng, int stage, size_t epoch, size_t n,
                         const size_t *rows, double *x);
    /* After each epoch; non-zero stops with SNL_ESTOPPED, the best weights so far kept. */
    int  (*progress)(void *self, const snl_train_progress *p);
} snl_train_hooks;

typedef struct snl_train_report {
    size_t epochs[2], best[2];      /* run, and the one kept (0: the start), per stage   */
    size_t degree;                  /* of the polynomial, chosen by validation           */
    double poly_val;                /* weighted variance left by the polynomial over     */
                                    /* that left by the constant, validation rows        */
    double mean_val;                /* the same with the MLP                             */
    double logp_train, logp_val;    /* mean log p {nats}; NaN if training failed before  */
    double logp_linear;             /* validation rows under x = a + b c + Gaussian noise */
                                    /* of full covariance: a flow should be above it;    */
                                    /* NaN if that could not be fitted                   */
    int    failed_stage;            /* SNL_EFAILED, non-finite loss: where; else 0       */
    size_t failed_epoch, failed_batch;  /* counted from 1 and from 0                   */
} snl_train_report;

/* Fit mean and flow to n pairs.
 *
 *   hooks, report, why   NULL allowed
 *
 * SNL_EINVAL / SNL_ENOTFINITE: a setting or a datum, named in why with its row, the flow
 * unchanged.  SNL_ENOMEM: unchanged.  SNL_ESTOPPED: stopped by the hook.  SNL_EFAILED: a
 * loss was not finite (the report says where) or the polynomial could not be fitted.  After
 * these or an error of the redraw hook, the best weights up to there are in place with the
 * scales that go with them or, where they give no finite logp_val, the flow is unchanged.
 * Memory: one block, about n (m + d) + 2 features^2 + 2.5 weights doubles, freed on return;
 * before it, for logp_linear of a report, as much as a flow of degree 1 and its training take.
 * One core; flows with different seeds may be trained side by side. */
SNL_MUST_USE snl_status snl_flow_train(snl_flow *f, const snl_train_cfg *cfg,
                                       const snl_train_data *data,
                                       const snl_train_hooks *hooks,
                                       snl_train_report *report, snl_fault *why);

/* ---- saving */

/* Write the flow to buf; *len is set to the bytes needed or written.  buf NULL asks for the
 * size.  SNL_EINVAL: cap too small, nothing written.  Format: "SNLFLOW" and version, shape
 * as 64-bit integers, IEEE doubles, 64-bit FNV-1a checksum; everything little-endian. */
SNL_MUST_USE snl_status snl_flow_save(const snl_flow *f, unsigned char *buf, size_t cap,
                                      size_t *len);

/* Make a flow of saved bytes, equal to the saved one in every bit.  SNL_EFORMAT: cut short,
 * damaged or of another version; SNL_ENOMEM.  *out is NULL on error. */
SNL_MUST_USE snl_status snl_flow_load(snl_flow **out, const unsigned char *buf, size_t len);

/* ==== mcmc.c: ensemble samplers and their diagnostics ==================== */

/* Sampler of p(theta) L(theta)^beta by an ensemble of walkers, each proposing from
 * the positions of the others [GW], on a ladder of temperatures 1/beta [VFM].
 *
 *     cfg = snl_mcmc_defaults(dim, 64, 1);  cfg.target = my_density;
 *     snl_mcmc_create(&s, &cfg, &why);
 *     snl_mcmc_start(s, theta0, &why);              draws from the prior, say
 *     snl_mcmc_run(s, &burn, NULL, &why);           burn-in: nothing is kept
 *     snl_mcmc_freeze(s);                           the ladder stays, counters restart
 *     snl_mcmc_run(s, &run, &chain, &why);
 *     snl_mcmc_free(s);
 */
typedef enum snl_move {
    SNL_MOVE_STRETCH,       /* along the line to another walker               [GW]    */
    SNL_MOVE_DE,            /* by the difference of two others                [TB]    */
    SNL_MOVE_SNOOKER,       /* along a line, by a projected difference        [TV]    */
    SNL_MOVE_GAUSS,         /* normal, covariance of the other half-ensemble          */
    SNL_MOVE_MIXTURE,       /* independent, from the mixture of snl_mcmc_fit; STRETCH */
                            /* at higher temperatures and before there is one         */
    SNL_MOVE_JUMP,          /* the caller's                                           */
    SNL_MOVES
} snl_move;

enum { SNL_MCMC_MAX_DIM = 1024, SNL_MCMC_MAX_WALKERS = 1 << 16, SNL_MCMC_MAX_TEMPS = 256 };

/* Log prior and log likelihood of n points, theta [n][dim]; spread over threads as
 * the callee likes.  log_prior -INFINITY: outside, log_like is not read.  log_like
 * -INFINITY is legal.  NaN or +INFINITY stops the run, as does a status not SNL_OK. */
typedef snl_status (*snl_mcmc_target)(void *ctx, size_t n, const double *theta,
                                      double *log_prior, double *log_like);

/* Draw to [dim] by a rule of the caller's, given from [dim], and return
 * ln q(from | to) - ln q(to | from): 0 for a symmetric rule, ln q(from) - ln q(to) for
 * an independent draw; -INFINITY refuses (to is then not read), NaN is an error. */
typedef double (*snl_mcmc_jump)(void *ctx, snl_rng *rng, const double *from, double *to);

typedef struct snl_mcmc_cfg {
    size_t dim;             /* 1 .. SNL_MCMC_MAX_DIM                                  */
    size_t walkers;         /* even, >= 2 dim; >= 4 for DE, 6 for SNOOKER,
                             * 2 dim + 2 for GAUSS; <= SNL_MCMC_MAX_WALKERS           */
    size_t temps;           /* temperatures, 1 .. SNL_MCMC_MAX_TEMPS; 1: no tempering */
    double weight[SNL_MOVES]; /* how often each move is chosen, >= 0, sum > 0, finite */
    size_t components;      /* of the mixture, 1 .. 64; 0 without MIXTURE             */
    double stretch;         /* a: scale factors lie in [1/a, a], > 1                  */
    double hop;             /* share of DE steps with gamma = 1, in [0, 1]            */
    double gauss;           /* GAUSS step in units of 2.38/sqrt(dim) sigma, > 0       */
    double ratio;           /* of neighbouring temperatures at the start, > 1         */
    int    prior_rung;      /* 1: the hottest rung has beta = 0 (for evidences)       */
    double adapt_time;      /* steps over which the ladder adapts, > 0; INFINITY: off */
    double adapt_lag;       /* steps after which adaptation fades, > 0                */
    const double *lo, *period; /* [dim] copied; period 0: not periodic, else values
                             * are kept in [lo, lo + period); NULL: none is periodic  */
    uint64_t seed;
    snl_mcmc_target target; /* required                                               */
    snl_mcmc_jump   jump;   /* required if weight[SNL_MOVE_JUMP] > 0                  */
    void  *target_ctx, *jump_ctx;
} snl_mcmc_cfg;

static inline snl_mcmc_cfg snl_mcmc_defaults(size_t dim, size_t walkers, size_t temps)
{
    snl_mcmc_cfg c = { 0, 0, 0, { 0.5, 0.4, 0.1, 0, 0, 0 }, 0, 2, 0.1, 1, 0, 1, 100,
                       1000, NULL, NULL, 1, NULL, NULL, NULL, NULL };
    c.dim = dim;  c.walkers = walkers;  c.temps = temps;
    c.ratio = 1 + 1.7 / sqrt((double)dim);  /* 40% swaps for a Gaussian target */
    return c;
}

/* One ensemble on one ladder: one block of memory, no threads of its own. */
typedef struct snl_mcmc snl_mcmc;

/* SNL_EINVAL, SNL_ENOTFINITE: why names the field.  SNL_ENOMEM.  *out is NULL then. */
SNL_MUST_USE snl_status snl_mcmc_create(snl_mcmc **out, const snl_mcmc_cfg *cfg,
                                        snl_fault *why);
void snl_mcmc_free(snl_mcmc *s);

/* Place the walkers, theta [temps][walkers][dim] (periodic ones are wrapped), and
 * evaluate them.  Refused, with why->name
 *   "theta"          not finite, index = element
 *   "spread"         walkers do not span the space: index = dimension that is constant
 *                    or a linear function of those before it, value = the share of
 *                    its variance left unexplained
 *   "log_posterior"  -INFINITY for all walkers of a temperature, index = temperature
 *   "target"         NaN or +INFINITY came back, index = row of the batch; the point is
 *                    in snl_mcmc_state(s).bad.  Also in snl_mcmc_run.
 * On error the sampler must be started again. */
SNL_MUST_USE snl_status snl_mcmc_start(snl_mcmc *s, const double *theta, snl_fault *why);

/* Where the sampler stands.  The arrays are its own and change with it. */
typedef struct snl_mcmc_view {
    uint64_t steps;                             /* ensemble steps since the start      */
    const double *theta, *log_prior, *log_like; /* [temps][walkers]([dim]), cold first */
    const double *beta;                         /* [temps], beta[0] = 1                */
    const double *bad;                          /* [dim] point that gave NaN           */
} snl_mcmc_view;
snl_mcmc_view snl_mcmc_state(const snl_mcmc *s);

/* Acceptance since the start or snl_mcmc_freeze: moves accept [temps][SNL_MOVES] and
 * swaps swap [temps - 1], k with k + 1; NaN if never tried.  Either may be NULL. */
void snl_mcmc_rates(const snl_mcmc *s, double *accept, double *swap);

/* Fit a mixture of cfg.components normals to draws x [n][dim]; from then on SNL_MOVE_MIXTURE
 * proposes from it, and it is part of the saved state.  Fit during burn-in only: the chain is
 * that of the posterior while the mixture is fixed, however bad it is.  A peak with a
 * thousandth of x gets a component, and x may hold points that are no draws, where the target
 * may be large.  Random numbers are the sampler's.  SNL_EINVAL: no components, or n < 2.
 * SNL_EFAILED: x does not span the space; there is no mixture then.  Allocates nothing.  Cost
 * O(20 n components dim^2). */
SNL_MUST_USE snl_status snl_mcmc_fit(snl_mcmc *s, size_t n, const double *x);

/* End of burn-in: the ladder stops adapting, rates and evidence sums start at zero. */
void snl_mcmc_freeze(snl_mcmc *s);

typedef struct snl_mcmc_progress {
    size_t step, steps, kept;   /* of this call; kept: samples in the chain            */
    double accept;              /* of all moves at beta = 1, as snl_mcmc_rates         */
    double ess;                 /* at the last check, 0 if none                        */
} snl_mcmc_progress;

typedef struct snl_mcmc_run_cfg {
    size_t steps;           /* ensemble steps: every walker tries one move in each    */
    size_t thin;            /* keep every thin-th step, >= 1                          */
    size_t every;           /* steps between progress calls and ESS checks, >= 1      */
    double ess;             /* stop early at so many effective samples of the slowest
                             * parameter and 50 tau; >= 0, 0: do not check            */
    int (*progress)(void *user, const snl_mcmc_progress *p);    /* non-zero stops     */
    void *user;
} snl_mcmc_run_cfg;
static inline snl_mcmc_run_cfg snl_mcmc_run_defaults(size_t steps)
{ snl_mcmc_run_cfg r = { 0, 1, 1000, 0, NULL, NULL };  r.steps = steps;  return r; }

/* The samples at beta = 1; the arrays are the caller's, for kept + steps/thin samples.
 * A run appends after the first kept and advances it, so runs can follow each other. */
typedef struct snl_mcmc_chain {
    double *theta;                  /* [][walkers][dim]                               */
    double *log_prior, *log_like;   /* [][walkers], or NULL                           */
    double *work;                   /* snl_mcmc_tau_work(all samples); if ess > 0     */
    size_t  kept;
} snl_mcmc_chain;

/* Advance the sampler.  chain NULL: nothing is kept.  One step updates one half of the
 * walkers from the other and then the reverse, at all temperatures, so that the target
 * sees temps*walkers/2 points at a time, and then swaps neighbouring temperatures.
 * A stretch or snooker step that would leave the period around its anchor is refused,
 * which keeps these moves reversible on a circle.
 *
 * SNL_ESTOPPED: progress asked to.  SNL_EINVAL: a field, or not started.
 * SNL_ENOTFINITE: "target" as above, or "jump" with bad the point jumped from.  What is
 * in the chain is valid then, and the sampler stays at the last completed half-step.
 * Allocates nothing. */
SNL_MUST_USE snl_status snl_mcmc_run(snl_mcmc *s, const snl_mcmc_run_cfg *run,
                                     snl_mcmc_chain *chain, snl_fault *why);

/* ln int p L dtheta from the steps since snl_mcmc_freeze, by thermodynamic integration,
 * int_0^1 <ln L> dbeta (trapezia with end corrections: the slope is the variance of
 * ln L), and by stepping stones, sum ln <L^(beta_k - beta_k+1)>_k+1.  Errors: the scatter
 * of batch means, good if the run is longer than some 500 tau; that of ti includes the
 * end corrections.  Without prior_rung this is ln Z(1) - ln Z(beta of the hottest rung).
 * ti is -INFINITY (its error NaN) if L was zero in a sample.  SNL_EINVAL: one temperature, or not frozen.
 * SNL_EFAILED: fewer than 16 steps, or L zero all over a rung. */
typedef struct snl_evidence { double ti, ti_error, ss, ss_error; } snl_evidence;
SNL_MUST_USE snl_status snl_mcmc_evidence(const snl_mcmc *s, snl_evidence *out);

/* ln int p L dtheta by bridge sampling between n draws of the posterior, x [n][dim] with logp
 * [n] = ln p + ln L, of which ess are independent, and as many draws as told of the mixture of
 * snl_mcmc_fit, at which the target is evaluated.  x must be other draws than those that the
 * mixture was fitted to.  error: one sigma of ln_z.  work [n + draws].  SNL_EINVAL: no
 * mixture, or too few.  SNL_ENOTFINITE: logp; the target, with why.  SNL_EFAILED: the mixture
 * misses the posterior.  why may be NULL.  Allocates nothing.
 * Source: Meng & Wong 1996, Stat. Sinica 6, 831, eq. (4.1). */
SNL_MUST_USE snl_status snl_mcmc_bridge(snl_mcmc *s, size_t n, const double *x,
                                        const double *logp, double ess, size_t draws,
                                        double *ln_z, double *error, double *work,
                                        snl_fault *why);

/* The complete state as bytes [snl_mcmc_save_size(s)], and back into a sampler created
 * with the same sizes and callbacks (other settings come from the bytes): the chain then
 * continues bit for bit.  SNL_EFORMAT: damaged.  SNL_EINVAL: other sizes, or no jump. */
size_t snl_mcmc_save_size(const snl_mcmc *s);
void snl_mcmc_save(const snl_mcmc *s, unsigned char *bytes);
SNL_MUST_USE snl_status snl_mcmc_load(snl_mcmc *s, const unsigned char *bytes,
                                      size_t size);

/* ---- diagnostics of chains theta [n][walkers][dim] ----------------------
 * SNL_ENOTFINITE: a number is not finite, or above 1e150 in size. */

/* Integrated autocorrelation time tau [dim] = 1 + 2 sum rho(t), in samples: sum to the
 * first t >= 5 tau (Sokal), rho averaged over walkers about their common mean.  The
 * effective sample size is n walkers/tau.  too_short (NULL allowed) is set if n < 50 tau
 * for any parameter: tau is then still the best estimate, likely low.  INFINITY for a
 * constant.  work [snl_mcmc_tau_work(n)].  SNL_EINVAL: n < 10.  Cost O(n walkers tau). */
static inline size_t snl_mcmc_tau_work(size_t n) { return 2*n; }
SNL_MUST_USE snl_status snl_mcmc_tau(size_t n, size_t walkers, size_t dim,
                                     const double *theta, double *tau, int *too_short,
                                     double *work);

/* Effective number of samples ess [dim] of the mean over the chain, from the autocovariance
 * of the mean of the ensemble, an initial positive and falling sequence [Ge]; to some
 * sqrt(5 tau/n).  Unlike n walkers/tau it is not fooled by walkers that exchange places
 * through the hot temperatures.  work [n].  SNL_EINVAL: n < 40.  0 for a constant. */
SNL_MUST_USE snl_status snl_mcmc_ess(size_t n, size_t walkers, size_t dim, const double *theta,
                                     double *ess, double *work);

/* Split R-hat [dim] [GR]: runs == 1 compares the halves of all walkers, runs > 1 the
 * halves of whole ensembles, theta [runs] pointing to chains of equal shape.
 * SNL_EINVAL: n < 4.  NaN for a constant parameter. */
SNL_MUST_USE snl_status snl_mcmc_rhat(size_t runs, size_t n, size_t walkers, size_t dim,
                                      const double *const *theta, double *rhat);

/* ---- weighted samples --------------------------------------------------- */
/* x [n]; w [n] >= 0 with a positive sum, or NULL for equal weights.  They return
 * SNL_EINVAL (n, weights, ranges) or SNL_ENOTFINITE.  work [2 n] unless stated. */

/* Kish's effective number, (sum w)^2 / sum w^2; 0 if there is none. */
double snl_sample_ess(size_t n, const double *w);

/* Quantiles out [nq] at q [nq] in [0, 1]; linear between order statistics, with equal
 * weights the usual (n - 1) q rule. */
SNL_MUST_USE snl_status snl_quantiles(size_t n, const double *x, const double *w,
                                      size_t nq, const double *q, double *out,
                                      double *work);

/* Shortest interval out [2] that holds the given mass, in (0, 1]. */
SNL_MUST_USE snl_status snl_hpd(size_t n, const double *x, const double *w, double mass,
                                double *out, double *work);

/* Systematic resampling to m equal weights: index [m], non-decreasing; i comes up
 * m w_i times, rounded down or up. */
SNL_MUST_USE snl_status snl_resample(size_t n, const double *w, size_t m, size_t *index,
                                     snl_rng *rng);

/* Shape k of a generalised Pareto distribution fitted to the largest weights w [n], NULL not
 * allowed: below 0.5 importance sampling is sound, above 0.7 not to be trusted [PS].  0 where
 * these are all the same, else INFINITY where a quarter of them is no larger than the next weight
 * (by 1e-305, or 1e-308 of the largest): few draws hold all.  work [n].  SNL_EINVAL: also n < 25. */
SNL_MUST_USE snl_status snl_pareto_k(size_t n, const double *w, double *k, double *work);

/* k as above, and the m = min(n/5, 3 sqrt n) largest weights replaced by the quantiles (i - 1/2)/m of
 * that distribution, i = 1 .. m by rank, none above what was the largest [PS]: order is kept, and
 * one draw does not make the result.  w is unchanged if k is INFINITY, or on an error; errors and
 * work as above. */
SNL_MUST_USE snl_status snl_pareto_smooth(size_t n, double *w, double *k, double *work);

/* Jensen-Shannon divergence {nats} of two marginals: Gaussian kernel densities (Scott's
 * bandwidth) on SNL_JSD_GRID points spanning both.  Below 0.002 they agree; never above
 * ln 2.  work [4 SNL_JSD_GRID].  SNL_EFAILED: a constant sample, or one too wide for its
 * variance to be a number. */
enum { SNL_JSD_GRID = 1000 };
SNL_MUST_USE snl_status snl_jsd(size_t n, const double *x, const double *wx,
                                size_t m, const double *y, const double *wy,
                                double *jsd, double *work);

/* Kolmogorov-Smirnov distance of u [n] in [0, 1], independent samples put through their supposed
 * distribution function, from the uniform; p (NULL allowed): probability of a larger
 * one, by Stephens' approximation.  work [n]. */
SNL_MUST_USE snl_status snl_ks(size_t n, const double *u, double *distance, double *p,
                               double *work);

/* ==== snl.c: Sequential Neural Likelihood ================================ */

/* "0.1.0": the version of the library that is linked, SNL_VERSION of this header. */
const char *snl_version(void);

/* ---- any simulator ------------------------------------------------------ */

/* What SNL needs to know about a problem.  y is a point in sampling coordinates, in which
 * the posterior should be as simple as possible; everything is in rows, spread over pool.
 *
 * unit_noise = 1: simulate returns the noise-free mean s of whitened data x = s + n, n of
 *   independent unit normals.  SNL then adds noise itself, fresh at every use, may compress
 *   linearly (the noise of orthonormal projections is again N(0, 1)), and knows ln L of each
 *   simulation, by which it chooses temperatures and the rows to learn from and reports the
 *   error of the surrogate.
 * unit_noise = 0: simulate returns data as they would be observed, noise included, and
 *   nothing else is known of the likelihood. */
typedef struct snl_problem {
    size_t dim, nx, nc;       /* lengths of y, of x, and of the context of the network        */
    const double *x_obs;      /* [nx]                                                         */
    int unit_noise;           /* see above                                                    */
    double heat;              /* temperature of the first proposal, >= 1 (1 if not unit_noise)*/
    snl_map_fn simulate;      /* in [n][dim + 1]: y and the number of the simulation, to seed */
                              /* its noise; out [n][nx]                                       */
    snl_map_fn log_prior;     /* in [n][dim], out [n][1], Jacobian of y included;             */
                              /* -INFINITY outside                                            */
    snl_map_fn context;       /* in [n][dim], out [n][nc]: what the network is given of y     */
    int (*draw)(void *ctx, snl_rng *rng, double *y);   /* first proposal; 0 if it failed      */
    snl_mcmc_jump jump;       /* to where other moves hardly lead, as images of a mode; or NULL */
    void *ctx;                /* handed to all of them                                        */
    const snl_pool *pool;     /* NULL: one worker                                             */
} snl_problem;

/* A sampled posterior: an ensemble of walkers at temps temperatures, 1, ratio, ratio^2 ... */
typedef struct snl_sample_cfg {
    size_t walkers, temps;        /* even, >= 2 dim + 2; 1 .. 64                              */
    double ratio;                 /* > 1, at the start: the ladder adapts                     */
    size_t burn, steps;           /* ensemble steps dropped and kept, >= 10; as many are kept */
                                  /* as make 40 rows of walkers, to tell how independent      */
    size_t samples;               /* draws handed out, evenly thinned, >= 100                 */
    double ess;                   /* >= 0: steps kept are doubled until so many effective     */
                                  /* samples of those handed out (more than them: never), or  */
    size_t most;                  /* until they would be more than this                       */
    int    plain;                 /* 1: stretch moves [GW] alone, for comparison              */
} snl_sample_cfg;
static inline snl_sample_cfg snl_sample_defaults(void)
{ snl_sample_cfg c = { 64, 2, 2, 2400, 7600, 10000, 4000, 30400, 0 };  return c; }

typedef struct snl_sample_report {
    double accept;                /* share of the stretch moves accepted at temperature 1     */
    double ess;                   /* effective samples in all steps kept of the slowest       */
                                  /* coordinate or ln prior, see snl_mcmc_ess; at most the    */
                                  /* draws handed out                                         */
    size_t calls;                 /* of the density, inside the prior                         */
    double evidence, evidence_error; /* ln int prior L by snl_mcmc_bridge; NaN: it failed     */
} snl_sample_report;

typedef struct snl_run_progress {
    const char *stage;            /* "search", "climb", "simulate", "train", "sample",        */
                                  /* "calibrate"                                              */
    size_t round, calls;          /* from 0; calls: of the density, in "sample"; of the       */
                                  /* waveform, in "search" and "climb"                        */
    double done, value;           /* share done in [0, 1], 0 in "climb", which ends when      */
                                  /* nothing is gained; SNR of the search, acceptance, or     */
    double train;                 /* loss of the validation and of the training rows          */
} snl_run_progress;
typedef int (*snl_run_hook)(void *user, const snl_run_progress *p);   /* non-zero stops       */

/* Exact ln L = x_obs.s - |s|^2/2, signal against noise alone, of y [n][dim] to out [n]: one
 * simulation per row inside the prior, -INFINITY outside.  Needs unit_noise.  SNL_ENOMEM, or
 * what simulate returned. */
SNL_MUST_USE snl_status snl_log_likelihood(const snl_problem *p, size_t n, const double *y,
                                           double *out);

/* Samples of the exact posterior, one simulation per call of the density: what SNL is
 * measured against.  Starts from p->draw and cools down from p->heat.  y [samples][dim] and
 * log_like [samples] are the caller's.  SNL_EINVAL: a setting, or unit_noise is 0.
 * SNL_EFAILED: draw found no start.  SNL_ESTOPPED, SNL_ENOMEM, or what a callback returned. */
SNL_MUST_USE snl_status snl_sample_exact(const snl_problem *p, const snl_sample_cfg *cfg,
                                         uint64_t seed, double *y, double *log_like,
                                         snl_sample_report *report, snl_run_hook hook,
                                         void *user, snl_fault *why);

/* How x is compressed, with unit_noise; made anew in every round from the signals at hand. */
typedef enum snl_compression {
    SNL_COMPRESS_PCA,         /* principal components, as few as `lost` allows                */
    SNL_COMPRESS_SCORE,       /* projections on ds/dy at `points` expansion points, the score */
                              /* but for a linear map: dim numbers a point where independent  */
    SNL_COMPRESS_BOTH,        /* scores, then principal components of what they leave         */
    SNL_COMPRESS_LEARNED      /* a regression network of y on the principal components of     */
                              /* signal and noise: dim numbers.  The only one not linear, so  */
                              /* that its noise has to be learned: transforms >= 1            */
} snl_compression;

typedef struct snl_run_cfg {
    size_t   first, each;     /* simulations in the first and in each later round, >= 50; with*/
                              /* unit_noise, 2/5 of each from the third on that follows an    */
                              /* untempered posterior, if the error of ln L that the last     */
                              /* simulations found, times the beta of them, is at most 1 nat, */
                              /* and unless `once`                                            */
    size_t   rounds;          /* at most, >= 1                                                */
    snl_compression compression;
    size_t   points;          /* of expansion, 1 .. 64: the likeliest simulation, then the    */
                              /* one that is represented worst; 2 dim simulations each        */
    size_t   components;      /* at most, of the compressed data, 1 .. 256 (unit_noise)       */
    double   lost;            /* signal that compression may lose, rms {sigma}, > 0           */
    size_t   networks;        /* that are trained, 1 .. 8.  What counts is the mean of their  */
                              /* means where these are all they learn, else of their densities*/
    size_t   degree;          /* of the polynomial part of the mean, 0 .. 4                   */
    size_t   layers, width;   /* of the networks, as in snl_flow_shape                        */
    size_t   epochs;          /* of training at most, per stage                               */
    size_t   transforms;      /* of the flow; >= 1 unless unit_noise                          */
    double   error;           /* stop when the surrogate's ln L is this good on new           */
                              /* simulations (unit_noise) and among networks, rms {nats}, > 0 */
    double   divergence;      /* ... and no marginal moved by more than this {nats}, > 0      */
    snl_sample_cfg chain;     /* of the surrogate; shorter before the last round's            */
    uint64_t seed;
    int      once;            /* 1, with unit_noise: the plain method of [P], for comparison: */
                              /* noise drawn once per simulation, a flow without mean network */
                              /* that must learn it; transforms >= 1                          */
} snl_run_cfg;
static inline snl_run_cfg snl_run_defaults(void)
{
    snl_run_cfg c = { 1300, 800, 8, SNL_COMPRESS_PCA, 1, 48, 0.02, 2, 2, 2, 64, 200, 0, 0.25, 0.005,
                      { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 1, 0 };
    c.chain = snl_sample_defaults();
    c.chain.ess = (double)c.chain.samples;  /* the surrogate costs no simulator call */
    c.chain.most *= 2;
    return c;
}

/* What one round did; all numbers are doubles, so that rounds are saved as an array. */
typedef struct snl_round {
    double calls;                 /* simulations up to its end, those of expansions included  */
    double trained;               /* rows that the network learned from: with unit_noise those*/
                                  /* of all rounds whose ln L is within 80/beta of the best,  */
                                  /* beta that of the round before (1/heat of the first), and */
                                  /* 600 at least                                             */
    double components, lost;      /* of x as the network sees it; rms {sigma} of the signal   */
                                  /* left out by compression                                  */
    double beta;                  /* inverse temperature that was sampled                     */
    double error;                 /* rms of surrogate - exact ln L on this round's simulations*/
                                  /* before it learned from them {nats}, up to a constant,    */
                                  /* those of the last posterior weighted to be exact;        */
                                  /* NaN in the first round and without unit_noise            */
    double spread;                /* rms over its posterior of what the ln L of a network     */
                                  /* differs from the mean of all {nats}; NaN if there is one */
    double divergence;            /* largest 1-D Jensen-Shannon {nats} of the last posterior's*/
                                  /* draws as they were and weighted by new to old likelihood;*/
                                  /* NaN while one of the two is tempered                     */
    double loss;                  /* of the validation rows: share of the variance left, or   */
                                  /* with transforms -log p {nats}                            */
    double ess, accept;           /* as in snl_sample_report                                  */
    double evidence, evidence_error; /* as well, of the surrogate at beta                     */
} snl_round;

/* The state of a run.  Pointers belong to the run and change with it. */
typedef struct snl_run_view {
    size_t round, calls;          /* rounds and simulations done                              */
    size_t next;                  /* simulations of the next round; at most, where the scores */
                                  /* of expansion points are among them                       */
    int    done;                  /* nothing is left to do ...                                */
    const char *why;              /* ... and the reason, static text                          */
    double beta;                  /* inverse temperature sampled last                         */
    const snl_round *report;      /* [round]                                                  */
    size_t n;                     /* posterior draws: y [n][dim], ln surrogate likelihood,    */
    const double *y, *log_like;   /* [n], with unit_noise on the scale of snl_log_likelihood  */
} snl_run_view;

/* A run of SNL.  problem and its arrays must outlive it.  One call of snl_run_round is one
 * round: propose, simulate, compress, train, sample [P, algorithm 1].  After an error or a
 * stop inside a round the run can be freed, or loaded from where it was saved last.  Networks
 * are rows for the pool: its workers allocate, so SNL_CALLOC has to allow that, and the hook is
 * called from the one that trains the first.
 *
 * SNL_EINVAL: a field of problem or cfg, named in why; a round after the last.  SNL_ENOMEM.
 * SNL_ESTOPPED by the hook.  SNL_EFAILED: the numbers did not allow to go on.  SNL_ENOTFINITE:
 * a simulation is not finite. */
typedef struct snl_run snl_run;
SNL_MUST_USE snl_status snl_run_create(snl_run **out, const snl_problem *problem,
                                       const snl_run_cfg *cfg, snl_fault *why);
void snl_run_free(snl_run *r);
SNL_MUST_USE snl_status snl_run_round(snl_run *r, snl_run_hook hook, void *user,
                                      snl_fault *why);
snl_run_view snl_run_state(const snl_run *r);

/* Sample the trained surrogate again, with the prior that the problem has now and at the beta of
 * the run's view, into its draws: no simulation.  SNL_EINVAL before the first round.
 * SNL_EFAILED: the prior allows none of the old draws.  The next round would go on from there. */
SNL_MUST_USE snl_status snl_run_sample(snl_run *r, snl_sample_report *report, snl_run_hook hook,
                                       void *user, snl_fault *why);

/* Exact ln L of the data and of the compressed data, both [n][2], of y [n][dim]: one
 * simulation a row.  Weights exp(exact - surrogate) turn draws into exact ones; what lies
 * between exact and compressed is the cost of the compression, between compressed and
 * surrogate that of the network.  SNL_EINVAL: no unit_noise, or no round yet. */
SNL_MUST_USE snl_status snl_run_budget(const snl_run *r, size_t n, const double *y,
                                       double *both);

/* Simulation-based calibration (Talts et al., arXiv:1804.06788) over the trained region: n
 * true points from the posterior at temperature heat > 1, which takes the place of the prior;
 * for each a simulation, noise, and draws >= 100 samples of the surrogate's posterior of it.
 * If the surrogate is right, the rank of the truth among its draws is uniform, for any
 * function of y.  truth [n][dim], post [n][draws][dim].  n simulations.  A trial is a row for
 * the pool: its workers allocate, so SNL_CALLOC has to allow that, and jump is called by several
 * of them at once.  On an error truth and post are undefined.
 * SNL_EINVAL: no unit_noise, no round yet, heat, draws, n; else as snl_run_round. */
SNL_MUST_USE snl_status snl_run_calibrate(snl_run *r, size_t n, size_t draws, double heat,
                                          uint64_t seed, double *truth, double *post,
                                          snl_run_hook hook, void *user, snl_fault *why);

/* The complete state between two rounds as bytes [snl_run_save_size(r)], and back into a run
 * created for the same problem with the same sizes and seed: it then continues bit for bit.
 * SNL_EFORMAT: damaged, SNL_EINVAL: of other sizes or another seed; r is unchanged.  SNL_ENOMEM:
 * r can be loaded again, or freed. */
size_t snl_run_save_size(const snl_run *r);
SNL_MUST_USE snl_status snl_run_save(const snl_run *r, unsigned char *bytes);
SNL_MUST_USE snl_status snl_run_load(snl_run *r, const unsigned char *bytes, size_t size);

/* ---- a massive black hole binary in LISA data --------------------------- */

enum snl_parameter {              /* the order of theta [SNL_NPAR] everywhere                */
    SNL_CHIRP_MASS,               /* {Msun, detector frame}                                  */
    SNL_MASS_RATIO,               /* m1/m2 >= 1                                              */
    SNL_CHI1, SNL_CHI2,           /* spins along the orbital angular momentum, of m1 and m2  */
    SNL_T_REF,                    /* {s, SSB} when the amplitude peak frequency is emitted   */
    SNL_DISTANCE,                 /* {Mpc} luminosity distance                               */
    SNL_COS_INC, SNL_PHI_REF,     /* inclination; argument of the harmonics {rad}            */
    SNL_LAMBDA, SNL_SIN_BETA,     /* ecliptic longitude {rad} and sine of latitude, SSB      */
    SNL_PSI,                      /* polarisation {rad}, SSB                                 */
    SNL_NPAR
};
extern const char snl_parameter_name[SNL_NPAR][16];   /* "chirp_mass", ...                */

/* theta [SNL_NPAR] as a source, and back. */
snl_source snl_source_from_theta(const double *theta);
void snl_theta_from_source(const snl_source *s, double *theta);

typedef enum snl_prior_kind { SNL_UNIFORM, SNL_LOG_UNIFORM, SNL_NORMAL } snl_prior_kind;
typedef struct snl_prior {
    snl_prior_kind kind;
    double lo, hi;                /* support, finite, within what is physical; phi_ref, psi: */
                                  /* within 2 pi of 0; lambda: at most a turn, within 4 pi;  */
                                  /* t_ref: at most twice the length of the data             */
    double mean, sd;              /* SNL_NORMAL, cut to the support                          */
} snl_prior;
/* ln density at x (normalised but for the cut of SNL_NORMAL), -INFINITY outside [lo, hi]. */
double snl_prior_log(const snl_prior *p, double x);

typedef struct snl_event_cfg {
    snl_lisa_cfg lisa;
    snl_prior prior[SNL_NPAR];
    size_t   nodes;               /* of the heterodyned likelihood, 64 .. 4096               */
    size_t   search;              /* waveforms of the first, sky-blind search, 200 .. 10^6   */
    double   false_alarm;         /* what is likelier in noise alone is not found, in (0, 1] */
    uint64_t seed;
} snl_event_cfg;

/* What the search found. */
typedef struct snl_search_result {
    double theta[SNL_NPAR];       /* the best point                                          */
    double snr, log_like;         /* sqrt(2 ln L) there, ln L                                */
    double weight;                /* of an image of the sky among the others, else 0         */
    double scan_snr;              /* the largest rho of snl_scan_merger ...                  */
    double false_alarm;           /* ... and how likely noise alone has one as large         */
    size_t calls;                 /* waveforms that it took                                  */
} snl_search_result;

/* An event: data, prior and response joined, with the chart in which it is sampled,
 *
 *   y = (chirp mass, (m1 - m2)/M, chi_eff, (chi1 - chi2)/2, t_L, Re c_A, Im c_A, Re c_E,
 *        Im c_E, xi, eta):
 *
 * chi_eff = (m1 chi1 + m2 chi2)/M, t_L the time of arrival at LISA's centre, c_A and c_E the
 * amplitudes of the long-wavelength signal in A and E at one frequency, (xi, eta) the
 * equal-area map of the LISA-frame sky [M2].  There the posterior is close to a Gaussian times
 * a few sky images, which are rotations of (xi, eta) by quarter turns and reflections at
 * LISA's plane with c fixed.  The prior of y has spikes at the places that make c of an orbit
 * seen face-on; the problem's jump also turns from one polarisation to another at fixed c,
 * evenly in cos inclination.  ln L is that over noise alone and the prior of y is normalised
 * (it sums the copies in phi_ref and psi that make one signal), so the evidence is the Bayes
 * factor of signal and noise against noise alone.
 * data, pool and cfg->lisa.qnm must outlive it.
 * SNL_EINVAL: a field of cfg, or the parameter whose prior is refused.  SNL_ENOMEM. */
typedef struct snl_event snl_event;
SNL_MUST_USE snl_status snl_event_create(snl_event **out, const snl_event_cfg *cfg,
                                         const snl_data *data, const snl_pool *pool,
                                         snl_fault *why);
void snl_event_free(snl_event *e);

/* Maximise the likelihood over the prior's volume: amplitudes and time by snl_scan_merger,
 * masses and spins by differential evolution, then the sky on a grid and all eleven by
 * Levenberg-Marquardt.  Must come before the rest.  The probability of a false alarm is that
 * of chi^2 in as many independent trials as the templates tried have in simulated noise of
 * the same PSD.  hook is asked in the stages "search" and, from the sky on, "climb".
 * SNL_EFAILED: nothing found; out then holds calls, scan_snr, false_alarm.  SNL_ESTOPPED: out is
 * undefined. */
SNL_MUST_USE snl_status snl_event_search(snl_event *e, snl_search_result *out,
                                         snl_run_hook hook, void *user, snl_fault *why);

/* The images of the sky, which likelihoods hardly tell apart [M2]: each of the eight climbed
 * to the top of its own hill, twins left out, the heaviest first; out [SNL_IMAGES] gets
 * theta, snr, log_like and weight, the share of the posterior if every hill was a Gaussian
 * with the inverse Fisher matrix, of as many as are returned. */
enum { SNL_IMAGES = 8 };
size_t snl_event_images(snl_event *e, snl_search_result *out);

/* Another prior [SNL_NPAR], no wider than the first.  SNL_EINVAL names the parameter. */
SNL_MUST_USE snl_status snl_event_prior(snl_event *e, const snl_prior *prior, snl_fault *why);

/* The problem to hand to snl_run_create, with e as its context. */
void snl_event_problem(snl_event *e, snl_problem *p);

/* theta [n][SNL_NPAR] of y [n][11]; the symmetric solutions (phi_ref, psi) + pi/2 are
 * chosen between by the prior and by stream i of seed for row i.  NaN: all of a row that is no
 * source, these two of one whose angles the prior does not allow. */
void snl_event_theta(const snl_event *e, size_t n, const double *y, uint64_t seed,
                     double *theta);

size_t snl_event_calls(const snl_event *e);      /* waveforms of the search so far            */

/* What the search found as bytes [snl_event_save_size(e)], and back into an event created
 * with the same configuration and data; it takes the place of the search.  SNL_EFORMAT: damaged,
 * e is unchanged.  SNL_ENOMEM: e has to be loaded again, searched or freed. */
size_t snl_event_save_size(const snl_event *e);
void snl_event_save(const snl_event *e, unsigned char *bytes);
SNL_MUST_USE snl_status snl_event_load(snl_event *e, const unsigned char *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
