/* ==== nn.c: conditional density estimation =============================== */

/* p(x | c) of x in R^d given a context c in R^m:
 *
 *     mu(c) = phi(c') S + r MLP(c'),   z = (x - mu(c)) B,   u = f_T(... f_1(z, c') ..., c'),
 *     log p = log N(u; 0, 1) + sum log|df_t| + log|B|
 *
 * c' is the whitened context, phi all its monomials up to a degree (S by ridge least
 * squares), MLP a dense network that learns what they leave, r its scale per component,
 * B a diagonal or upper triangular matrix; the f_t are affine masked autoregressive
 * transforms [P2], u_i = (z_i - shift_i(z_<i, c')) exp(-scale_i(z_<i, c')), with the order
 * of the components reversed from one to the next.  transforms = 0 leaves a Gaussian with
 * a learned mean; snl_flow_mean alone makes it a regression. */

typedef enum snl_activation { SNL_TANH, SNL_SILU } snl_activation;

typedef struct snl_flow_shape {
    size_t d, m;                   /* components of x and of c, 1 .. 1024                    */
    size_t degree;                 /* of the polynomial part of the mean, 0 .. 4, such that  */
                                   /* binomial(m + degree, degree) <= 8192                   */
    size_t mean_layers, mean_width;/* hidden layers of the MLP, 0 (no MLP) .. 8; 1 .. 4096   */
    size_t transforms;             /* 0 .. 64                                                */
    size_t layers, width;          /* hidden layers of each transform, 1 .. 8; 1 .. 4096     */
    snl_activation act;            /* of all hidden units                                    */
} snl_flow_shape;

static inline snl_flow_shape snl_flow_shape_defaults(size_t d, size_t m)
{
    snl_flow_shape s = { 0, 0, 2, 2, 64, 5, 2, 50, SNL_SILU };
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
 * A NaN in x or c gives NaN in that row.  Allocates nothing; reentrant; the bits of a row
 * do not depend on the rows beside it. */
void snl_flow_logp(const snl_flow *f, size_t n, const double *x, size_t nx,
                   const double *c, double *out, double *work);

/* The same with derivatives: dc [n][m] = d log p/d c, dx [n][d] = d log p/d x; each may be
 * NULL.  work: snl_flow_grad_work(f) doubles. */
void snl_flow_logp_grad(const snl_flow *f, size_t n, const double *x, size_t nx,
                        const double *c, double *out, double *dc, double *dx, double *work);

/* mu(c): c [n][m] to out [n][d].  work: snl_flow_work(f) doubles. */
void snl_flow_mean(const snl_flow *f, size_t n, const double *c, double *out, double *work);

/* One draw of x [n][d] for each context c [n][m]: d normals of rng for each row in turn.
 * The inverse runs through d passes of each network.  work: snl_flow_work(f) doubles. */
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
    int      joint;          /* stage 2 also moves the MLP: 0 or 1                       */
    int      fresh;          /* 1: new scales, polynomial and weights; 0: continue       */
    int      whiten;         /* 1: B from the covariance of the residuals; 0: diagonal   */
    double   clip;           /* of the global norm of the gradient, > 0, may be INFINITY */
    double   decay;          /* decoupled weight decay (per unit of lr), >= 0            */
    double   val_frac;       /* share of rows held out for validation, in (0, 1)         */
    uint64_t seed;           /* split, initial weights, shuffling, redraws; any value    */
} snl_train_cfg;

static inline snl_train_cfg snl_train_defaults(void)
{
    snl_train_cfg c = { { 300, 64, 60, 2e-3, 0 }, { 200, 64, 20, 1e-3, 1e-5 },
                        0, 1, 1, 5.0, 0, 0.1, 1 };
    return c;
}

typedef struct snl_train_data {
    size_t        n;         /* rows, >= 4                                               */
    const double *c, *x;     /* [n][m], [n][d]                                           */
    const double *w;         /* [n] weights of the rows, >= 0, or NULL: all 1            */
    const double *s;         /* [d] scales, > 0, or NULL.  Given: stage 1 minimises      */
                             /* sum ((x - mu)/s)^2, and B = 1/s.  NULL: both from the    */
                             /* residuals of the polynomial and of the mean              */
} snl_train_data;

typedef struct snl_train_progress {
    int    stage;                   /* 1 or 2                                            */
    size_t epoch, epochs;           /* epochs done, and asked for                        */
    double train, val, best;        /* losses as in snl_train_report                     */
} snl_train_progress;

typedef struct snl_train_hooks {    /* any may be NULL                                   */
    void *self;                     /* handed to both functions                          */
    /* New x for the n rows listed, e.g. with fresh noise: x [n][d] comes filled with the
     * caller's own rows.  Called for each part of each minibatch, and once (epoch 0) for the
     * validation rows and for the residuals that set B.  An error ends the training. */
    snl_status (*redraw)(void *self, snl_rng *rng, int stage, size_t epoch, size_t n,
                         const size_t *rows, double *x);
    /* After each epoch; non-zero stops with SNL_ESTOPPED, the best weights so far kept. */
    int  (*progress)(void *self, const snl_train_progress *p);
    double *history;                /* [mean.epochs + flow.epochs][2]: train, validation */
} snl_train_hooks;

typedef struct snl_train_report {
    size_t epochs[2], best[2];      /* run, and the one kept (0: the start), per stage   */
    size_t degree;                  /* of the polynomial, chosen by validation           */
    double ridge;                   /* its penalty per row, chosen by validation         */
    double poly_val;                /* weighted variance left by the polynomial over     */
                                    /* that left by the constant, validation rows        */
    double mean_train, mean_val;    /* the same with the MLP; mean_val <= poly_val       */
    double logp_train, logp_val;    /* mean log p {nats}                                 */
    double logp_linear;             /* validation rows under x = a + b c + Gaussian noise */
                                    /* of full covariance: a flow should be above it     */
    int    failed_stage;            /* SNL_EFAILED, non-finite loss: where; else 0       */
    size_t failed_epoch, failed_batch;
} snl_train_report;

/* Fit mean and flow to n pairs.
 *
 *   hooks, report, why   NULL allowed
 *
 * SNL_EINVAL / SNL_ENOTFINITE: a setting or a datum, named in why with its row, the flow
 * unchanged.  SNL_ENOMEM: unchanged.  SNL_ESTOPPED: stopped by the hook; the best weights
 * up to there are in place.  SNL_EFAILED: a loss was not finite (the report says where) or
 * the polynomial could not be fitted; the last good weights are in place.
 * Memory: one block, about n (m + 2 d) + 2 features^2 + 6 weights doubles, freed on return.
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
