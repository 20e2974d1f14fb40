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
    SNL_WARN_CALIBRATION = 1,   /* mass ratio > 18, or |spin| > 0.85 (equal masses: 0.98) */
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
    int    l, m;
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
    double final_mass, final_spin;
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
 * SNL_EINVAL, SNL_ENOTFINITE: why names the argument ("m1", "m2", "chi1", "chi2",
 * "distance", or "final_spin" if the remnant's spin leaves [-1, 1]); *p and *warnings
 * are unchanged.  Allocates nothing; reentrant. */
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
 * Y_22 = sqrt(5/(64 pi)) (1 + cos inclination)^2 exp(2 i phi).  0 if l < 2 or |m| > l. */
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
