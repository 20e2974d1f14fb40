/* ==== lisa.c: response, noise, likelihoods =============================== */

#define SNL_C    299792458.0         /* speed of light {m/s}                               */
#define SNL_AU   149597870700.0      /* orbit radius of the constellation's centre {m}     */
#define SNL_ARM  2.5e9               /* arm length, all three {m}                          */
#define SNL_YEAR 31558149.763545603  /* sidereal year: one turn of the constellation {s}   */

/* ---- sources and settings ----------------------------------------------- */

/* One binary.  The phase of a signal is referred to the peak frequency of the
 * (2,2) amplitude, which passes the solar system's barycentre at t_ref. */
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
    const snl_qnm *qnm;      /* from snl_qnm_create                                         */
    snl_model      model;
    unsigned       modes;    /* set of SNL_MODE_xx; of PhenomD's only (2,2) is taken        */
    snl_tdi        tdi;
    snl_response   response;
    double         t0, t1;   /* a mode is 0 where its t(f) is outside, t0 < t1          {s} */
    double         epoch;    /* signals carry exp(-2 pi i f (t - epoch)), finite        {s} */
} snl_lisa_cfg;
static inline snl_lisa_cfg snl_lisa_defaults(const snl_qnm *qnm)
{
    snl_lisa_cfg c;
    c.qnm = qnm;              c.model = SNL_PHENOMD;            c.modes = 63;
    c.tdi = SNL_TDI_15;       c.response = SNL_RESPONSE_FULL;
    c.t0 = -HUGE_VAL;         c.t1 = HUGE_VAL;                  c.epoch = 0.0;
    return c;
}

/* Are all fields of a source within the ranges above?  The first that is not is named. */
SNL_MUST_USE snl_status snl_source_check(const snl_source *s, snl_fault *why);

/* ---- response and signal ------------------------------------------------ */

/* Transfer functions of a mode (l,m), m > 0: channel = T h_lm exp(i phase_R).
 *
 *   f, t     [nf]        in   frequency, > 0, and SSB time at which it passes   {Hz}, {s}
 *   aet      [3][nf][2]  out  A, E, T, including Y_lm, Y_l-m and polarisation
 *   xyz      [3][nf][2]  out  Michelson X, Y, Z, or NULL
 *   phase_R  [nf]        out  (2 pi f/c) k.p0(t), Doppler phase of LISA's centre {rad}
 *
 * Of the source the five angles are used, of cfg tdi and response.  Equal arms, rigid
 * triangle of first order in the eccentricity, positions frozen at t(f): leading order
 * of [M].  Output: relative frequency shift, A = (Z-X)/sqrt2, E = (X-2Y+Z)/sqrt6,
 * T = (X+Y+Z)/sqrt3; X as in [B], minus that of the LISA Data Challenges.
 * Convention: UNLIKE elsewhere h~(f) = int h(t) exp(+2 pi i f t) dt, as in [M], [B].
 * SNL_EINVAL, SNL_ENOTFINITE: source; no such mode.  Allocates nothing; reentrant. */
SNL_MUST_USE snl_status snl_lisa_transfer(const snl_lisa_cfg *cfg, const snl_source *s,
                                          int l, int m, size_t nf, const double *f,
                                          const double *t, double *aet, double *xyz,
                                          double *phase_R, snl_fault *why);

/* The signal of a source in the channels A, E and, unless NULL, T, each [nf][2] {1/Hz}:
 *
 *     A(f) = conj sum_lm T_A^lm amp_lm exp i[phase_lm + 2 pi f (t_ref - epoch) + phase_R],
 *
 * so that it has the sign of the Fourier transform of this header; every mode with its
 * own t_lm(f).  The value at one f does not depend on the others in the call.
 * SNL_EINVAL, SNL_ENOTFINITE: source, cfg, or a frequency (see snl_phenom_mode); then the
 * outputs are undefined.  Allocates nothing; reentrant. */
SNL_MUST_USE snl_status snl_lisa_signal(const snl_lisa_cfg *cfg, const snl_source *s, size_t nf,
                                        const double *f, double *A, double *E, double *T,
                                        snl_fault *why);

/* First frequency in [lo, hi] {Hz} at which (2,2) passes the SSB at or after t {s}: lo if it
 * always does, hi if it never does.  Bisection of t(f), which grows up to the merger. */
SNL_MUST_USE snl_status snl_lisa_start(const snl_lisa_cfg *cfg, const snl_source *s, double t,
                                       double lo, double hi, double *f, snl_fault *why);

/* Complex amplitudes of the (2,2) signal (2.1): h = a_plus H_plus + a_cross H_cross with H
 * the response to unit tensors e+, ex at psi = 0 of a mode h_22 of a source at 1 Mpc:
 *
 *     a+ + i ax = N/D exp(-2i phi_ref + 2i psi) (1 + cos inc)^2/2,  N = sqrt(5/4pi),
 *     a+ - i ax = N/D exp(-2i phi_ref - 2i psi) (1 - cos inc)^2/2.
 *
 * a is (Re a+, Im a+, Re ax, Im ax) {1/Mpc}.  The inverse sets distance, inclination,
 * phi_ref and psi in [0, pi) and leaves the rest; (phi_ref + pi/2, psi + pi/2) is
 * the same signal.  a = 0 gives an infinite distance. */
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
    snl_foreground  foreground;  /* in A and E only                                      */
    double          years;       /* of observation, to remove resolved binaries; as above */
} snl_noise;
static inline snl_noise snl_noise_defaults(void)
{ snl_noise n = { SNL_SCIRDV1, SNL_TDI_15, SNL_FOREGROUND_NONE, 1.0 };  return n; }

/* One-sided PSD S [nf] {1/Hz, relative frequency} of a channel at f [nf] > 0.
 *
 * With X = 2 pi f L/c and the acceleration and readout noises S_tm, S_oms
 *     S_A = S_E = 8 sin^2 X [(2 + cos X) S_oms + 2 (3 + 2 cos X + cos 2X) S_tm],
 *     S_T = 16 sin^2 X [(1 - cos X) S_oms + 8 sin^4(X/2) S_tm];  TDI 2.0: times 4 sin^2 2X.
 * A foreground adds g X^2 sin^2 X S_h: g = 6 for LDC, which describes X's strain, 7.2 for
 * the others, which describe the sky average.  S and signals vanish together at multiples
 * of c/2L (TDI 2.0: c/4L); the library's ratios stay regular arbitrarily close to them.
 * SNL_EINVAL, SNL_ENOTFINITE: years, or an f (why->index). */
SNL_MUST_USE snl_status snl_noise_psd(const snl_noise *noise, snl_channel channel, size_t nf,
                                      const double *f, double *S, snl_fault *why);

/* Optimal SNRs of a source in A, E, both, and T: snr [4].
 *     snr^2 = 4 int_lo^hi |h|^2/S df, Simpson in ln f on n intervals, n even, >= 2.
 * 4096 give 1e-6 for one mode; beats between modes need more.  TDI is cfg's. */
SNL_MUST_USE snl_status snl_snr(const snl_lisa_cfg *cfg, const snl_source *s,
                                const snl_noise *noise, double lo, double hi, size_t n,
                                double snr[4], snl_fault *why);

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

/* Optimal SNR sqrt <a|a> of a signal a [2][n][2]. */
double snl_data_snr(const snl_data *data, const double *a);

/* d += Gaussian noise: independent real and imaginary parts of variance S/(4 df). */
void snl_data_add_noise(snl_data *data, snl_rng *rng);

/* d += the signal of a source. */
SNL_MUST_USE snl_status snl_data_add_signal(snl_data *data, const snl_lisa_cfg *cfg,
                                            const snl_source *s, snl_fault *why);

/* ln L = <d|h> - <h|h>/2 on every bin.  Cost O(n); allocates nothing; reentrant.
 * Errors: those of snl_lisa_signal, then *lnL is unchanged. */
SNL_MUST_USE snl_status snl_likelihood_dense(const snl_data *data, const snl_lisa_cfg *cfg,
                                             const snl_source *s, double *lnL, snl_fault *why);

/* ---- heterodyned likelihood --------------------------------------------- */

/* The same likelihood from a few nodes [Z].  A mode a of any source, divided by a carrier
 *
 *     w_a(f) = g(f) amp_a exp -i[phase_a + 2 pi f (t_ref - epoch) + phase_R],
 *
 * phase and Doppler shift of that mode of the reference source and the common factor g
 * of TDI, is a smooth ratio r_ac(f) in both channels c, also for another sky
 * position, since w has no antenna pattern whose nulls could be in the way.  Its amplitude
 * amp_a gets 1% of the inspiral's f^(-7/6) of (2,2), so that it neither vanishes nor dies
 * out in the ringdown, where ratios would grow beyond bounds.  With cubic
 * Lagrange interpolation r(f_j) = sum_k L_jk r_k in ln f the sums over bins become sums
 * over nodes with weights found once,
 *
 *     <d|h>  = Re sum_ack conj(r_ack) W_ack,        W_ack  = 4 df sum_j L_jk conj(w_aj) d_cj/S_cj
 *     <h|h>  = Re sum_abck conj(r_ack) r_bck V_abck, V_abck = 4 df sum_j L_jk conj(w_aj) w_bj/S_cj,
 *
 * in place of [Z]'s linear ratios in bins.  Over a posterior of SNR 500 the largest error of
 * ln L was 0.08, 0.005 and 0.0006 with 128, 256 and 512 nodes (M = 1.8e6 Msun; 0.02 with 512
 * for M from 3e5 to 2e7, PhenomD and PhenomHM); it grows with the distance from the reference.
 * Modes have to be divided one by one, for they pass a frequency at different times.
 *
 * Immutable once created, shared by all threads; read the fields freely. */
typedef struct snl_het {
    size_t  K, modes;       /* nodes; modes M                                             */
    int     l[SNL_MODES], m[SNL_MODES];
    double *f;              /* [K]            nodes, from the first bin to the last  {Hz} */
    double *w;              /* [M][K][2]      carrier at the nodes                        */
    double *W;              /* [M][2][K][2]   data weights                                */
    double *V;              /* [M][2][K]      signal weights V_aa                         */
    double *U;              /* [M(M-1)/2][2][K][2]   V_ab, pairs a < b: 01, 02, 12, 03..  */
    snl_lisa_cfg cfg;
    snl_source   ref;
} snl_het;

/* Nodes are equidistant in ln f, but at least four bins apart.  Start with K = 512.
 * The data may be freed afterwards.  SNL_EINVAL: cfg, reference, K < 8 or too many for the
 * band (why->hi is the most), S not > 0.  SNL_EFAILED: a weight V is not positive (too few
 * bins or too few nodes; why->index is the node).  SNL_ENOMEM.  On error *out is NULL. */
SNL_MUST_USE snl_status snl_het_create(snl_het **out, const snl_data *data,
                                       const snl_lisa_cfg *cfg, const snl_source *ref,
                                       size_t K, snl_fault *why);
void snl_het_free(snl_het *het);

/* Ratios r [M][2][K][2] of a source.  Errors: those of snl_lisa_signal. */
SNL_MUST_USE snl_status snl_het_signal(const snl_het *het, const snl_source *s, double *r,
                                       snl_fault *why);

/* <d|h> and <a|b> of signals given by their ratios. */
double snl_het_dh(const snl_het *het, const double *r);
double snl_het_hh(const snl_het *het, const double *ra, const double *rb);

/* ln L = <d|h> - <h|h>/2; work [snl_het_work(het)]. */
size_t snl_het_work(const snl_het *het);
SNL_MUST_USE snl_status snl_het_loglike(const snl_het *het, const snl_source *s, double *lnL,
                                        double *work, snl_fault *why);

/* The two ratios r [2][2][K][2] of H_plus and H_cross (see snl_amplitudes_from_source):
 * a search maximises ln L, quadratic in the four real amplitudes, in closed form.  Uses
 * masses, spins, sky and t_ref of s.  SNL_EINVAL if the object has other modes than (2,2). */
SNL_MUST_USE snl_status snl_het_basis(const snl_het *het, const snl_source *s, double *r,
                                      snl_fault *why);
