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
    SNL_MOVE_JUMP,          /* the caller's                                           */
    SNL_MOVES
} snl_move;

enum {
    SNL_MCMC_MAX_DIM     = 1024,
    SNL_MCMC_MAX_WALKERS = 1 << 16,
    SNL_MCMC_MAX_TEMPS   = 256
};

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
    double weight[SNL_MOVES]; /* how often each move is chosen, >= 0, sum > 0         */
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
    snl_mcmc_cfg c = { 0, 0, 0, { 0.5, 0.4, 0.1, 0, 0 }, 2, 0.1, 1, 0, 1, 100, 1000,
                       NULL, NULL, 1, NULL, NULL, NULL, NULL };
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
    uint64_t steps;
    const double *theta, *log_prior, *log_like; /* [temps][walkers]([dim]), cold first */
    const double *beta;                         /* [temps], beta[0] = 1                */
    const double *bad;                          /* [dim] point that gave NaN           */
} snl_mcmc_view;
snl_mcmc_view snl_mcmc_state(const snl_mcmc *s);

/* Acceptance since the start or snl_mcmc_freeze: moves accept [temps][SNL_MOVES] and
 * swaps swap [temps - 1], k with k + 1; NaN if never tried.  Either may be NULL. */
void snl_mcmc_rates(const snl_mcmc *s, double *accept, double *swap);

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
 * ti is NaN if L was zero in a sample.  SNL_EINVAL: one temperature, or not frozen.
 * SNL_EFAILED: fewer than 16 steps, or L zero all over a rung. */
typedef struct snl_evidence { double ti, ti_error, ss, ss_error; } snl_evidence;
SNL_MUST_USE snl_status snl_mcmc_evidence(const snl_mcmc *s, snl_evidence *out);

/* The complete state as bytes [snl_mcmc_save_size(s)], and back into a sampler created
 * with the same sizes and callbacks (other settings come from the bytes): the chain then
 * continues bit for bit.  SNL_EFORMAT: damaged.  SNL_EINVAL: other sizes, or no jump. */
size_t snl_mcmc_save_size(const snl_mcmc *s);
void snl_mcmc_save(const snl_mcmc *s, unsigned char *bytes);
SNL_MUST_USE snl_status snl_mcmc_load(snl_mcmc *s, const unsigned char *bytes,
                                      size_t size);

/* ---- diagnostics of chains theta [n][walkers][dim] ---------------------- */

/* Integrated autocorrelation time tau [dim] = 1 + 2 sum rho(t), in samples: sum to the
 * first t >= 5 tau (Sokal), rho averaged over walkers about their common mean.  The
 * effective sample size is n walkers/tau.  too_short (NULL allowed) is set if n < 50 tau
 * for any parameter: tau is then still the best estimate, likely low.  INFINITY for a
 * constant.  work [snl_mcmc_tau_work(n)].  SNL_EINVAL: n < 10.  Cost O(n walkers tau). */
static inline size_t snl_mcmc_tau_work(size_t n) { return 2*n; }
SNL_MUST_USE snl_status snl_mcmc_tau(size_t n, size_t walkers, size_t dim,
                                     const double *theta, double *tau, int *too_short,
                                     double *work);

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

/* Jensen-Shannon divergence {nats} of two marginals: Gaussian kernel densities (Scott's
 * bandwidth) on SNL_JSD_GRID points spanning both.  Below 0.002 they agree; never above
 * ln 2.  work [4 SNL_JSD_GRID].  SNL_EFAILED: a constant sample. */
enum { SNL_JSD_GRID = 1000 };
SNL_MUST_USE snl_status snl_jsd(size_t n, const double *x, const double *wx,
                                size_t m, const double *y, const double *wy,
                                double *jsd, double *work);

/* Kolmogorov-Smirnov distance of u [n], independent samples put through their supposed
 * distribution function, from the uniform; p (NULL allowed): probability of a larger
 * one, by Stephens' approximation.  work [n]. */
SNL_MUST_USE snl_status snl_ks(size_t n, const double *u, double *distance, double *p,
                               double *work);
