/* ==== snl.c: Sequential Neural Likelihood ================================ */

/* "0.1.0": the version of the library that is linked, SNL_VERSION of this header. */
const char *snl_version(void);

/* ---- any simulator ------------------------------------------------------ */

/* What SNL needs to know about a problem.  y is a point in sampling coordinates, in which
 * the posterior should be as simple as possible; everything is in rows, spread over pool.
 *
 * unit_noise = 0: simulate returns data x with their noise.
 * unit_noise = 1: simulate returns the noise-free mean s of whitened data x = s + n, n of
 *   independent unit normals.  SNL then adds noise itself, fresh at every use, may compress
 *   linearly (the noise of orthonormal projections is again N(0, 1)), and knows
 *   ln L = -|x_obs - s|^2/2 of each simulation, which it uses to choose temperatures and to
 *   report the error of the surrogate, not to make the posterior. */
typedef struct snl_problem {
    size_t dim, nx, nc;       /* lengths of y, of x, and of the context of the network        */
    const double *x_obs;      /* [nx]                                                         */
    int unit_noise;           /* 0 or 1, see above                                            */
    double heat;              /* temperature of the first proposal, >= 1 (1 if not unit_noise)*/
    snl_map_fn simulate;      /* in [n][dim + 1]: y and the number of the simulation, to seed */
                              /* its noise; out [n][nx]                                       */
    snl_map_fn log_prior;     /* in [n][dim], out [n][1], Jacobian of y included;             */
                              /* -INFINITY outside                                            */
    snl_map_fn context;       /* in [n][dim], out [n][nc]: what the network is given of y     */
    int (*draw)(void *ctx, snl_rng *rng, double *y);   /* first proposal; 0 if it failed      */
    snl_mcmc_jump jump;       /* between known images of a mode, or NULL                      */
    void *ctx;                /* handed to all of them                                        */
    const snl_pool *pool;     /* NULL: one worker                                             */
} snl_problem;

typedef struct snl_run_cfg {
    size_t   first, each;     /* simulations in the first and in each later round, >= 50      */
    size_t   rounds;          /* at most, >= 1                                                */
    size_t   components;      /* at most, of the compressed data, 1 .. 256 (unit_noise)       */
    double   lost;            /* signal that compression may lose, rms {sigma}, > 0           */
    size_t   degree;          /* of the polynomial part of the mean, 0 .. 4                   */
    size_t   layers, width;   /* of the networks                                              */
    size_t   epochs;          /* of training at most, per stage                               */
    size_t   transforms;      /* of the flow                                                  */
    size_t   walkers;         /* of the ensemble, even, >= 2 dim + 2                          */
    size_t   steps;           /* of the ensemble in the last rounds; a quarter before         */
    size_t   samples;         /* posterior draws handed out, >= 100                           */
    double   error;           /* stop when the surrogate's ln L is this good, rms {nats}, > 0 */
    double   divergence;      /* ... and no marginal moved by more than this {nats}, > 0      */
    uint64_t seed;
} snl_run_cfg;
static inline snl_run_cfg snl_run_defaults(void)
{
    snl_run_cfg c = { 1500, 1000, 8, 48, 0.02, 2, 2, 64, 200, 0, 96, 4000, 10000,
                      0.3, 0.005, 1 };
    return c;
}

/* The state of a run.  Pointers belong to the run and change with it. */
typedef struct snl_run_view {
    size_t round, calls;          /* rounds and simulations done                             */
    int    done;                  /* nothing is left to do ...                               */
    const char *why;              /* ... and the reason, static text                         */
    double beta, next_beta;       /* inverse temperature sampled last, and to be sampled     */
    double error;                 /* rms of surrogate - exact ln L on new simulations {nats},*/
                                  /* up to a constant; NaN without unit_noise                */
    double divergence;            /* largest 1-D Jensen-Shannon between the last two rounds  */
    size_t components;            /* of x as the network sees it                             */
    double lost;                  /* rms {sigma} of the signal left out by compression       */
    size_t trained;               /* rows that the network learned from                      */
    snl_train_report train;
    double accept, tau;           /* of the ensemble: acceptance, longest tau {steps}        */
    size_t n;                     /* posterior draws: y [n][dim], ln surrogate likelihood    */
    const double *y, *log_like;   /* [n]                                                     */
} snl_run_view;

typedef struct snl_run_progress {
    const char *stage;            /* "simulate", "train", "sample": static text              */
    size_t round;
    double done, value;           /* share done in [0, 1]; validation loss or acceptance     */
} snl_run_progress;
typedef int (*snl_run_hook)(void *user, const snl_run_progress *p);   /* non-zero stops      */

/* A run of SNL.  problem and its arrays must outlive it.  One call of snl_run_round is one
 * round: propose, simulate, compress, train, sample [P, algorithm 1].  Between rounds the
 * complete state can be saved; a loaded run goes on to the same bits. */
typedef struct snl_run snl_run;
SNL_MUST_USE snl_status snl_run_create(snl_run **out, const snl_problem *problem,
                                       const snl_run_cfg *cfg, snl_fault *why);
void snl_run_free(snl_run *r);
SNL_MUST_USE snl_status snl_run_round(snl_run *r, snl_run_hook hook, void *user,
                                      snl_fault *why);
snl_run_view snl_run_state(const snl_run *r);

/* The state as bytes: buf NULL asks for *len.  Loading needs a run created with the same
 * problem and settings.  SNL_EFORMAT: damaged, or of other sizes or settings. */
SNL_MUST_USE snl_status snl_run_save(const snl_run *r, unsigned char *buf, size_t cap,
                                     size_t *len);
SNL_MUST_USE snl_status snl_run_load(snl_run *r, const unsigned char *buf, size_t len);

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
extern const char *const snl_parameter_name[SNL_NPAR];   /* "chirp_mass", ...                */

snl_source snl_source_from_theta(const double *theta);
void snl_theta_from_source(const snl_source *s, double *theta);

typedef enum snl_prior_kind { SNL_UNIFORM, SNL_LOG_UNIFORM, SNL_NORMAL } snl_prior_kind;
typedef struct snl_prior {
    snl_prior_kind kind;
    double lo, hi;                /* support; angles: a full period or a part of it          */
    double mean, sd;              /* SNL_NORMAL, cut to the support                          */
} snl_prior;
/* ln density at x (normalised but for the cut of SNL_NORMAL), -INFINITY outside [lo, hi]. */
double snl_prior_log(const snl_prior *p, double x);

typedef struct snl_event_cfg {
    snl_lisa_cfg lisa;
    snl_prior prior[SNL_NPAR];
    size_t   nodes;               /* of the heterodyned likelihood, 64 .. 4096               */
    size_t   search;              /* waveforms of the first, sky-blind search, >= 200        */
    uint64_t seed;
} snl_event_cfg;

/* What the search found. */
typedef struct snl_search_result {
    double theta[SNL_NPAR];       /* the best point                                          */
    double snr, log_like;         /* sqrt(2 ln L) there, ln L                                */
    size_t calls;                 /* waveforms that it took                                  */
} snl_search_result;

/* An event: data, prior and response joined, with the chart in which it is sampled,
 *
 *   y = (chirp mass, mass ratio, chi1, chi2, t_L, Re c_A, Im c_A, Re c_E, Im c_E, xi, eta):
 *
 * t_L the time of arrival at LISA's centre, c_A and c_E the amplitudes of the long-wavelength
 * signal in A and E at one frequency, (xi, eta) the equal-area map of the LISA-frame sky
 * [M2].  There the posterior is close to a Gaussian times a few sky images, which are
 * rotations of (xi, eta) by quarter turns and reflections at LISA's plane with c fixed.
 * data and pool must outlive it. */
typedef struct snl_event snl_event;
SNL_MUST_USE snl_status snl_event_create(snl_event **out, const snl_event_cfg *cfg,
                                         const snl_data *data, const snl_pool *pool,
                                         snl_fault *why);
void snl_event_free(snl_event *e);

/* Maximise the likelihood over the prior's volume: the amplitudes analytically, the time by
 * FFT, masses and spins by differential evolution, then the sky on a grid and all eleven by
 * Levenberg-Marquardt.  Must come before the rest.  SNL_EFAILED: nothing found. */
SNL_MUST_USE snl_status snl_event_search(snl_event *e, snl_search_result *out,
                                         snl_run_hook hook, void *user, snl_fault *why);

/* The problem to hand to snl_run_create, with e as its context. */
void snl_event_problem(snl_event *e, snl_problem *p);

/* theta [n][SNL_NPAR] of y [n][11]; the symmetric solutions (phi_ref, psi) + pi/2 are
 * chosen between by the prior and by stream i of seed for row i. */
void snl_event_theta(const snl_event *e, size_t n, const double *y, uint64_t seed,
                     double *theta);

/* Exact (heterodyned) ln L out [n] of y [n][11]: one simulator call per row. */
SNL_MUST_USE snl_status snl_event_loglike(const snl_event *e, size_t n, const double *y,
                                          double *out);

/* Sampler of the exact posterior in the same chart, ready to run: target, jumps and
 * starting walkers set.  The caller frees it. */
SNL_MUST_USE snl_status snl_event_sampler(snl_event *e, snl_mcmc **out, size_t walkers,
                                          uint64_t seed, snl_fault *why);
size_t snl_event_calls(const snl_event *e);      /* exact evaluations so far in all           */
