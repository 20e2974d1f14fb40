/* mcmc.c - ensemble samplers and their diagnostics; knows no gravitational wave.
 *
 * W walkers at each of T temperatures sample p(x) L(x)^beta.  The walkers are in two
 * halves; each half moves with proposals built from the other, so that the proposal of
 * a walker does not depend on itself and all of a half can be evaluated at once:
 *
 *     line       y = c + f (x - c)           ratio |f|^(dim-1)
 *         stretch    f = z, density ~ 1/sqrt(z) in [1/a, a]                     [GW]
 *         snooker    f = 1 + g (z1 - z2).(x - c)/|x - c|^2, g in [1.2, 2.2]     [TV]
 *     difference y = x + g (a - b)           g = 2.38/sqrt(2 dim), or 1         [TB]
 *     Gaussian   y = x + 2.38/sqrt(dim) N(0, covariance of the other half)
 *     mixture    y ~ q(y) of snl_mcmc_fit             ratio q(x)/q(y)
 *     jump       the caller's
 *     swap       walkers of neighbouring temperatures, min(1, exp(dbeta dlnL))
 *
 * where c, a, b, z1, z2 are distinct walkers of the other half.  On periodic axes
 * differences are the shortest.  A line step is then reversible only if y - c, unwrapped,
 * is itself the shortest difference: otherwise it is refused.  The ladder follows
 * Vousden, Farr & Mandel [VFM]: the gaps of T = 1/beta grow or shrink until all
 * neighbours swap equally often.
 *
 * theta (T, W, dim), lp = ln p and ll = ln L (T, W); proposals y (T, W/2, dim). */
#include "snl.h"
#include <float.h>

enum { MC_BATCHES = 32 };       /* of evidence sums, even */

/* A component of the mixture is 0.9 N(m, L L^T) + 0.1 N(m, 4 L L^T): the ratio of a heavier
 * tail stays small, and a walker far out is not stuck.  Stored: weight, ln of weight
 * over det(2 pi L L^T)^1/2, mean (dim), L (dim, dim). */
static const double mc_wide = 2, mc_tail = 0.1;
enum { MC_WEIGHT, MC_NORM, MC_MEAN };

/* Settings that are part of the saved state. */
enum { MC_A, MC_HOP, MC_GAUSS, MC_TIME, MC_LAG, MC_PERIODIC, MC_KNOBS };

/* The part of the state that is not doubles, words in the order of the saved bytes. */
typedef struct mc_words {
    snl_rng  rng;
    uint64_t started, frozen, steps;
    uint64_t batch, rows, span;             /* full batches; rows in the next; its size */
    uint64_t fitted;
} mc_words;

struct snl_mcmc {
    size_t dim, walkers, temps, half;
    size_t parts, each;                     /* components of the mixture; doubles of one */
    snl_mcmc_target target;
    snl_mcmc_jump jump;
    void *target_ctx, *jump_ctx;
    mc_words now;                           /* state, with the doubles up to the tallies' end */
    double *knob, *share, *lo, *period;     /* (KNOBS) (MOVES), cumulative; (dim) each  */
    double *theta, *lp, *ll, *beta;
    double *mix;                            /* (parts, each)                            */
    double *tried, *taken;                  /* (T, MOVES)                               */
    double *swap_tried, *swap_taken;        /* (T), k with k + 1                        */
    double *ref, *top;                      /* (T) offsets of ll, of the exponents      */
    double *sum, *sum2, *stone;             /* (BATCHES, T): of ll - ref; of exp        */
    /* scratch */
    double *y, *ylp, *yll, *ratio;          /* (T, W/2, dim), (T, W/2) each             */
    double *d, *e, *mean, *cov, *bad, *tau; /* (dim), cov (dim, dim)                    */
    double *gap, *rate;                     /* (T)                                      */
    double *part, *sums;                    /* (parts), (parts, each)                   */
    size_t *move;                           /* (T)                                      */
    size_t tally, state, all;               /* doubles before tallies, scratch, the end */
    double mem[];
};

static double *mc_take(double *base, size_t *used, size_t n)
{ double *p = base ? base + *used : NULL;  *used += n;  return p; }

/* Place the arrays in base, or only count them if it is NULL. */
static void mc_layout(snl_mcmc *s, double *base)
{
    const size_t d = s->dim, t = s->temps, n = t*s->walkers, h = t*s->half;
    size_t u = 0;
    s->knob = mc_take(base, &u, MC_KNOBS);       s->share = mc_take(base, &u, SNL_MOVES);
    s->lo = mc_take(base, &u, d);                s->period = mc_take(base, &u, d);
    s->theta = mc_take(base, &u, n*d);           s->lp = mc_take(base, &u, n);
    s->ll = mc_take(base, &u, n);                s->beta = mc_take(base, &u, t);
    s->mix = mc_take(base, &u, s->parts*s->each);
    s->tally = u;
    s->tried = mc_take(base, &u, t*SNL_MOVES);
    s->taken = mc_take(base, &u, t*SNL_MOVES);
    s->swap_tried = mc_take(base, &u, t);        s->swap_taken = mc_take(base, &u, t);
    s->ref = mc_take(base, &u, t);               s->top = mc_take(base, &u, t);
    s->sum = mc_take(base, &u, MC_BATCHES*t);
    s->sum2 = mc_take(base, &u, MC_BATCHES*t);
    s->stone = mc_take(base, &u, MC_BATCHES*t);
    s->state = u;
    s->y = mc_take(base, &u, h*d);               s->ylp = mc_take(base, &u, h);
    s->yll = mc_take(base, &u, h);               s->ratio = mc_take(base, &u, h);
    s->d = mc_take(base, &u, d);                 s->e = mc_take(base, &u, d);
    s->mean = mc_take(base, &u, d);              s->cov = mc_take(base, &u, d*d);
    s->bad = mc_take(base, &u, d);               s->tau = mc_take(base, &u, d);
    s->gap = mc_take(base, &u, t);               s->rate = mc_take(base, &u, t);
    s->part = mc_take(base, &u, s->parts);
    s->sums = mc_take(base, &u, s->parts*s->each);
    s->all = u;
}

/* ---- creation ----------------------------------------------------------- */

/* snl_refuse for an element. */
static snl_status mc_refuse(snl_fault *why, const char *name, size_t index, double value,
                            double lo, double hi)
{
    const snl_status st = snl_refuse(why, name, value, lo, hi);
    if (why) why->index = index;
    return st;
}

/* The walkers that moves of these weights need. */
static double mc_least(double dim, const double *w)
{
    double least = 2*dim;
    if (w[SNL_MOVE_DE] > 0) least = fmax(least, 4);
    if (w[SNL_MOVE_SNOOKER] > 0) least = fmax(least, 6);
    if (w[SNL_MOVE_GAUSS] > 0) least = fmax(least, 2*dim + 2);
    return least;
}

static snl_status mc_check_cfg(const snl_mcmc_cfg *c, snl_fault *why)
{
    const double any = HUGE_VAL, *w = c->weight, *lo = c->period ? c->lo : NULL;
    const double dim = (double)c->dim, temps = (double)c->temps, parts = (double)c->components;
    const double walkers = (double)c->walkers, least = mc_least(dim, w);
    double sum = 0;
    if (!c->target) return snl_refuse(why, "target", 0, 1, 0);
    const struct {
        const char *name;  const double *v;  size_t n;  double lo, hi;  char ends[3];
    } fields[] = {
        { "dim", &dim, 1, 1, SNL_MCMC_MAX_DIM, "[]" },
        { "temps", &temps, 1, 1, SNL_MCMC_MAX_TEMPS, "[]" },
        { "weight", w, SNL_MOVES, 0, any, "[)" },
        { "components", &parts, 1, w[SNL_MOVE_MIXTURE] > 0, 64, "[]" },
        { "walkers", &walkers, 1, least, SNL_MCMC_MAX_WALKERS, "[]" },
        { "stretch", &c->stretch, 1, 1, any, "()" },
        { "hop", &c->hop, 1, 0, 1, "[]" },
        { "gauss", &c->gauss, 1, 0, any, "()" },
        { "ratio", &c->ratio, 1, 1, any, "()" },
        { "adapt_time", &c->adapt_time, 1, 0, any, "(]" },
        { "adapt_lag", &c->adapt_lag, 1, 0, any, "()" },
        { "period", c->period, c->dim, 0, any, "[)" },
        { "lo", lo, c->dim, -any, any, "()" } };
    for (size_t k = 0; k < sizeof fields/sizeof *fields; k++)
        for (size_t i = 0; fields[k].v && i < fields[k].n; i++) {
            const double v = fields[k].v[i], l = fields[k].lo, h = fields[k].hi;
            if ((v > l || (v == l && fields[k].ends[0] == '['))
                && (v < h || (v == h && fields[k].ends[1] == ']'))) continue;
            return mc_refuse(why, fields[k].name, i, v, l, h);
        }
    for (size_t j = 0; j < SNL_MOVES; j++) sum += w[j];
    if (!(sum > 0 && sum < any)) return snl_refuse(why, "weight", sum, 0, any);
    if (c->walkers % 2) return snl_refuse(why, "walkers", walkers, least, SNL_MCMC_MAX_WALKERS);
    if (w[SNL_MOVE_JUMP] > 0 && !c->jump) return snl_refuse(why, "jump", 0, 1, 0);
    if (c->period && !c->lo) return snl_refuse(why, "lo", 0, 1, 0);
    return SNL_OK;
}

/* Forget rates and evidence sums. */
static void mc_reset(snl_mcmc *s)
{
    memset(s->mem + s->tally, 0, (s->state - s->tally) * sizeof *s->mem);
    for (size_t k = 0; k < s->temps; k++) s->top[k] = -INFINITY;
    s->now.batch = s->now.rows = 0;
    s->now.span = 1;
}

snl_status snl_mcmc_create(snl_mcmc **out, const snl_mcmc_cfg *c, snl_fault *why)
{
    snl_mcmc size, *s;
    snl_status st;
    double sum = 0;
    size_t j;
    *out = NULL;
    if ((st = mc_check_cfg(c, why)) != SNL_OK) return st;
    memset(&size, 0, sizeof size);
    size.dim = c->dim;
    size.temps = c->temps;
    size.walkers = c->walkers;
    size.half = c->walkers/2;
    size.parts = c->components;
    size.each = MC_MEAN + c->dim + c->dim*c->dim;
    if ((double)(c->temps + 1)*(double)c->walkers*(double)(c->dim + 4)
        + 2*(double)size.parts*(double)size.each
        > (double)((size_t)-1/sizeof *s->mem / 2)) return SNL_ENOMEM;   /* 32 bits */
    mc_layout(&size, NULL);
    s = SNL_CALLOC(1, sizeof *s + size.all*sizeof *s->mem + size.temps*sizeof *s->move);
    if (!s) return SNL_ENOMEM;
    *s = size;
    mc_layout(s, s->mem);
    s->move = (size_t *)(void *)(s->mem + s->all);
    s->target = c->target;
    s->jump = c->jump;
    s->target_ctx = c->target_ctx;
    s->jump_ctx = c->jump_ctx;
    snl_rng_seed(&s->now.rng, c->seed, 0);

    s->knob[MC_A] = c->stretch;
    s->knob[MC_HOP] = c->hop;
    s->knob[MC_GAUSS] = c->gauss * 2.38/sqrt((double)c->dim);
    s->knob[MC_TIME] = c->adapt_time;
    s->knob[MC_LAG] = c->adapt_lag;
    for (j = 0; c->period && j < c->dim; j++) {
        s->lo[j] = c->lo[j];
        s->period[j] = c->period[j];
        if (c->period[j] > 0) s->knob[MC_PERIODIC] = 1;
    }
    for (j = 0; j < SNL_MOVES; j++) s->share[j] = sum += c->weight[j];
    for (j = 0; j < SNL_MOVES; j++) s->share[j] /= sum;
    for (j = 0; j < s->temps; j++) s->beta[j] = pow(c->ratio, -(double)j);
    if (s->temps > 1 && c->prior_rung) s->beta[s->temps - 1] = 0;
    mc_reset(s);
    *out = s;
    return SNL_OK;
}

void snl_mcmc_free(snl_mcmc *s)
{
    if (s) SNL_FREE(s);
}

/* ---- geometry of the ensemble ------------------------------------------- */

/* d = a - b, the shortest way round on periodic axes. */
static void mc_offset(const snl_mcmc *s, const double *restrict a,
                      const double *restrict b, double *restrict d)
{
    const double *p = s->period;
    for (size_t j = 0; j < s->dim; j++) d[j] = a[j] - b[j];
    if (s->knob[MC_PERIODIC] > 0)
        for (size_t j = 0; j < s->dim; j++)
            if (p[j] > 0) d[j] -= p[j]*floor(d[j]/p[j] + 0.5);
}

/* Bring x into [lo, lo + period). */
static void mc_wrap(const snl_mcmc *s, double *x)
{
    for (size_t j = 0; j < s->dim; j++)
        if (s->period[j] > 0) {
            x[j] -= s->period[j]*floor((x[j] - s->lo[j])/s->period[j]);
            if (!(x[j] < s->lo[j] + s->period[j])) x[j] = s->lo[j];     /* rounding */
        }
}

/* Covariance (lower triangle) of n walkers x (n, dim).  Offsets from the first keep
 * the digits of a parameter that varies little, and unwrap periodic ones. */
static void mc_covariance(snl_mcmc *s, size_t n, const double *x)
{
    const size_t dim = s->dim;
    double *m = s->mean, *d = s->d, *C = s->cov;
    memset(m, 0, dim*sizeof *m);
    memset(C, 0, dim*dim*sizeof *C);
    for (size_t i = 1; i < n; i++) {
        mc_offset(s, x + i*dim, x, d);
        for (size_t j = 0; j < dim; j++) m[j] += d[j] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        mc_offset(s, x + i*dim, x, d);
        for (size_t j = 0; j < dim; j++) d[j] -= m[j];
        for (size_t j = 0; j < dim; j++)
            for (size_t k = 0; k <= j; k++) C[j*dim + k] += d[j]*d[k] / (double)(n - 1);
    }
}

/* C = L L^T in place.  Returns the first axis whose variance, given those before it,
 * is a share of 1e-13 or less of the whole (*share), or dim. */
static size_t mc_cholesky(size_t dim, double *C, double *share)
{
    for (size_t j = 0; j < dim; j++) {
        const double whole = C[j*dim + j];
        for (size_t k = 0; k <= j; k++) {
            double a = C[j*dim + k];
            for (size_t i = 0; i < k; i++) a -= C[j*dim + i]*C[k*dim + i];
            if (k < j) { C[j*dim + k] = a / C[k*dim + k];  continue; }
            *share = whole > 0 ? a/whole : 0;
            if (!(*share > 1e-13)) return j;
            C[j*dim + j] = sqrt(a);
        }
    }
    return dim;
}

/* ---- target ------------------------------------------------------------- */

/* ln of the tempered posterior; a zero likelihood has no weight at beta = 0. */
static double mc_post(double lp, double ll, double beta)
{ return beta > 0 ? lp + beta*ll : lp; }

/* Evaluate n points; all must be numbers or -infinity. */
static snl_status mc_evaluate(snl_mcmc *s, size_t n, const double *theta,
                              double *lp, double *ll, snl_fault *why)
{
    const snl_status st = s->target(s->target_ctx, n, theta, lp, ll);
    if (st != SNL_OK) return st;
    for (size_t i = 0; i < n; i++) {
        if (lp[i] == -INFINITY) ll[i] = -INFINITY;
        if (lp[i] < INFINITY && ll[i] < INFINITY) continue;
        memcpy(s->bad, theta + i*s->dim, s->dim*sizeof *theta);
        mc_refuse(why, "target", i, lp[i] < INFINITY ? ll[i] : lp[i], 1, 0);
        return SNL_ENOTFINITE;
    }
    return SNL_OK;
}

snl_status snl_mcmc_start(snl_mcmc *s, const double *theta, snl_fault *why)
{
    const size_t dim = s->dim, W = s->walkers, n = s->temps*W;
    snl_status st;
    s->now.started = 0;
    for (size_t i = 0; i < n*dim; i++)
        if (!(fabs(theta[i]) < INFINITY)) {
            mc_refuse(why, "theta", i, theta[i], 1, 0);
            return SNL_ENOTFINITE;
        }
    memcpy(s->theta, theta, n*dim*sizeof *theta);
    for (size_t i = 0; i < n; i++) mc_wrap(s, s->theta + i*dim);
    for (size_t k = 0; k < s->temps; k++) {
        double share;
        size_t j;
        mc_covariance(s, W, s->theta + k*W*dim);
        if ((j = mc_cholesky(dim, s->cov, &share)) < dim)
            return mc_refuse(why, "spread", j, share, 1e-13, 1);
    }
    for (size_t k = 0; k < n; k += s->half)     /* the batch size of a small run */
        if ((st = mc_evaluate(s, s->half, s->theta + k*dim, s->lp + k, s->ll + k, why)))
            return st;
    for (size_t k = 0; k < s->temps; k++) {
        const double *lp = s->lp + k*W, *ll = s->ll + k*W;
        size_t i = 0;
        while (i < W && mc_post(lp[i], ll[i], s->beta[k]) == -INFINITY) i++;
        if (i == W) return mc_refuse(why, "log_posterior", k, -INFINITY, 1, 0);
    }
    s->now.started = 1;
    s->now.frozen = s->now.steps = 0;       /* a mixture stays: cooling goes by new starts */
    mc_reset(s);
    return SNL_OK;
}

/* Uniform on 0 .. n-1 without a division, n < 2^32. */
static inline size_t mc_below(snl_rng *r, size_t n)
{ return (size_t)(((snl_rng_bits(r) >> 32) * (uint64_t)n) >> 32); }

/* ---- mixture of normals -------------------------------------------------- */

/* ln q(x), and in part those of its terms.  Periodic offsets are the shortest: q is cut at
 * half a period from each mean, and is not renormalised. */
static double mc_mixture(const snl_mcmc *s, const double *x, double *part)
{
    const size_t dim = s->dim;
    const double narrow = 1 - 1/(mc_wide*mc_wide), spread = (double)dim*log(mc_wide);
    double *z = s->e, top = -INFINITY, sum = 0;
    for (size_t p = 0; p < s->parts; p++) {
        const double *c = s->mix + p*s->each, *L = c + MC_MEAN + dim;
        double Q = 0;
        mc_offset(s, x, c + MC_MEAN, z);
        for (size_t j = 0; j < dim; j++, L += dim) {
            for (size_t k = 0; k < j; k++) z[j] -= L[k]*z[k];
            z[j] /= L[j];
            Q += z[j]*z[j];
        }
        part[p] = c[MC_NORM] - 0.5*Q*(1 - narrow) - spread
                + log(mc_tail + (1 - mc_tail)*exp(spread - 0.5*Q*narrow));
        top = fmax(top, part[p]);
    }
    for (size_t p = 0; p < s->parts; p++) sum += exp(part[p] - top);
    return s->parts ? top + log(sum) : top;
}

/* Sums over the draws of a component: weight N, first moments m and second moments S of the
 * offsets from its old mean.  This takes S about the new mean, and adds S/n to C. */
static void mc_centre(size_t dim, double *sum, double n, double *C)
{
    const double N = sum[MC_WEIGHT], *m = sum + MC_MEAN;
    double *S = sum + MC_MEAN + dim;
    for (size_t j = 0; N > 0 && j < dim; j++)
        for (size_t k = 0; k <= j; k++) {
            S[j*dim + k] -= m[j]*m[k]/N;
            C[j*dim + k] += S[j*dim + k]/n;
        }
}

/* The mean and covariance of a component from these; nu more points of covariance C stand in
 * for what few draws do not tell.  0 if that is singular. */
static int mc_component(snl_mcmc *s, double *c, const double *sum, double n, double nu,
                        const double *C)
{
    const size_t dim = s->dim;
    const double N = sum[MC_WEIGHT], *m = sum + MC_MEAN, *S = m + dim;
    double *L = c + MC_MEAN + dim, share;
    c[MC_WEIGHT] = N/n;
    c[MC_NORM] = log(N/n) - 0.5*(double)dim*log(2*SNL_PI);
    if (!(N > 0)) return 1;             /* died out */
    for (size_t j = 0; j < dim*dim; j++) L[j] = (S[j] + nu*C[j]) / (N + nu);
    for (size_t j = 0; j < dim; j++) c[MC_MEAN + j] += m[j]/N;
    if (mc_cholesky(dim, L, &share) < dim) return 0;
    for (size_t j = 0; j < dim; j++) c[MC_NORM] -= log(L[j*dim + j]);
    return 1;
}

/* A draw for the next mean, with a chance as the distance from those so far, -ln of q over its
 * bound: so a distant peak gets a component even where few of the draws are in it. */
static const double *mc_far(snl_mcmc *s, size_t n, const double *x)
{
    double top = -INFINITY, sum = 0;
    size_t far = mc_below(&s->now.rng, n);
    for (size_t p = 0; p < s->parts; p++) top = fmax(top, s->mix[p*s->each + MC_NORM]);
    top += log((double)s->parts);
    for (size_t i = 0; i < n && s->parts; i++) {
        const double w = fmax(0, top - mc_mixture(s, x + i*s->dim, s->part));
        sum += w;
        if (snl_rng_uniform(&s->now.rng)*sum < w) far = i;
    }
    return x + far*s->dim;
}

/* Start from draws far apart, then expectation and maximisation. */
snl_status snl_mcmc_fit(snl_mcmc *s, size_t n, const double *x)
{
    enum { ROUNDS = 20 };
    const size_t dim = s->dim, K = s->parts;
    const double nu = 5, shrink = pow((double)(K ? K : 1), -2/(double)dim);
    double *sum = s->sums, *C = s->cov, *d = s->d;
    s->now.fitted = 0;
    if (K < 1 || n < 2) return SNL_EINVAL;
    mc_covariance(s, n, x);
    for (size_t i = 0; i < dim*dim; i++) C[i] *= shrink;
    memset(sum, 0, s->each*sizeof *sum);
    sum[MC_WEIGHT] = 1;                 /* one draw, its own mean */
    for (s->parts = 0; s->parts < K; s->parts++) {
        double *c = s->mix + s->parts*s->each;
        memcpy(c + MC_MEAN, mc_far(s, n, x), dim*sizeof *c);
        if (mc_component(s, c, sum, (double)K, nu, C)) continue;
        s->parts = K;
        return SNL_EFAILED;
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        memset(sum, 0, K*s->each*sizeof *sum);
        for (size_t i = 0; i < n; i++) {
            const double *y = x + i*dim, q = mc_mixture(s, y, s->part);
            for (size_t p = 0; p < K; p++) {
                const double r = exp(s->part[p] - q);
                double *a = sum + p*s->each, *m = a + MC_MEAN, *S = m + dim;
                if (!(r > 1e-4)) continue;
                mc_offset(s, y, s->mix + p*s->each + MC_MEAN, d);
                a[MC_WEIGHT] += r;
                for (size_t j = 0; j < dim; j++, S += dim) {
                    m[j] += r*d[j];
                    for (size_t k = 0; k <= j; k++) S[k] += r*d[j]*d[k];
                }
            }
        }
        /* the mean covariance within the components: images of one peak are about as wide, so
         * it tells of those with few draws more than the covariance of all does */
        memset(C, 0, dim*dim*sizeof *C);
        for (size_t p = 0; p < K; p++) mc_centre(dim, sum + p*s->each, (double)n, C);
        for (size_t p = 0; p < K; p++)
            if (!mc_component(s, s->mix + p*s->each, sum + p*s->each, (double)n, nu, C))
                return SNL_EFAILED;
    }
    s->now.fitted = 1;
    return SNL_OK;
}

/* ---- proposals ---------------------------------------------------------- */

/* y = c + f d, d being the offset of the walker from its anchor c. */
static double mc_line(const snl_mcmc *s, const double *restrict c,
                      const double *restrict d, double f, double *restrict y)
{
    for (size_t j = 0; j < s->dim; j++) y[j] = c[j] + f*d[j];
    if (s->knob[MC_PERIODIC] > 0)
        for (size_t j = 0; j < s->dim; j++)
            if (s->period[j] > 0 && !(fabs(f*d[j]) < 0.5*s->period[j])) return -INFINITY;
    return (double)(s->dim - 1) * log(fabs(f));
}

/* y += f L N(0, 1) */
static void mc_add_normal(snl_mcmc *s, double f, const double *restrict L, double *restrict y)
{
    double *restrict e = s->e;
    for (size_t j = 0; j < s->dim; j++) e[j] = f*snl_rng_normal(&s->now.rng);
    for (size_t j = 0; j < s->dim; j++, L += s->dim)
        for (size_t k = 0; k <= j; k++) y[j] += L[k]*e[k];
}

/* A draw from the mixture; 0 if it was cut off. */
static int mc_mixture_draw(snl_mcmc *s, double *y)
{
    const size_t dim = s->dim;
    const double *c = s->mix, f = snl_rng_uniform(&s->now.rng) < mc_tail ? mc_wide : 1;
    double u = snl_rng_uniform(&s->now.rng), *d = s->d;
    while ((u -= c[MC_WEIGHT]) >= 0 && c < s->mix + (s->parts - 1)*s->each) c += s->each;
    memset(d, 0, dim*sizeof *d);
    mc_add_normal(s, f, c + MC_MEAN + dim, d);
    return mc_line(s, c + MC_MEAN, d, 1, y) > -INFINITY;
}

/* Three distinct of n (two if n is 2). */
static void mc_pick(snl_rng *r, size_t n, size_t *p)
{
    p[0] = mc_below(r, n);
    p[1] = mc_below(r, n - 1);
    p[1] += p[1] >= p[0];
    if (n < 3) return;
    p[2] = mc_below(r, n - 2);
    p[2] += p[2] >= (p[0] < p[1] ? p[0] : p[1]);
    p[2] += p[2] >= (p[0] < p[1] ? p[1] : p[0]);
}

/* Propose y for x by one move, from the n walkers o (n, dim) of the other half; for the
 * Gaussian s->cov holds their Cholesky factor.  Returns ln q(x | y) - ln q(y | x). */
static double mc_propose(snl_mcmc *s, size_t move, size_t n, const double *restrict o,
                         const double *restrict x, double *restrict y)
{
    const size_t dim = s->dim;
    double *restrict d = s->d, *restrict e = s->e;
    snl_rng *r = &s->now.rng;
    size_t p[3];
    switch (move) {
    case SNL_MOVE_STRETCH: {
        const double a = s->knob[MC_A], u = 1 + (a - 1)*snl_rng_uniform(r);
        const double *c = o + mc_below(r, n)*dim;
        mc_offset(s, x, c, d);
        return mc_line(s, c, d, u*u/a, y);
    }
    case SNL_MOVE_SNOOKER: {
        double dd = 0, de = 0, g = 1.2 + snl_rng_uniform(r);
        mc_pick(r, n, p);
        mc_offset(s, x, o + p[0]*dim, d);
        mc_offset(s, o + p[1]*dim, o + p[2]*dim, e);
        for (size_t j = 0; j < dim; j++) { dd += d[j]*d[j];  de += d[j]*e[j]; }
        return mc_line(s, o + p[0]*dim, d, 1 + g*de/dd, y);
    }
    case SNL_MOVE_DE: {     /* 1% of jitter: the steps do not stay on a lattice */
        const double u = snl_rng_uniform(r), v = snl_rng_uniform(r);
        const double g = u < s->knob[MC_HOP] ? 1
                       : 2.38/sqrt(2*(double)dim) * (0.99 + 0.02*v);
        mc_pick(r, n, p);
        mc_offset(s, o + p[0]*dim, o + p[1]*dim, d);
        for (size_t j = 0; j < dim; j++) y[j] = x[j] + g*d[j];
        return 0;
    }
    case SNL_MOVE_GAUSS:
        memcpy(y, x, dim*sizeof *y);
        mc_add_normal(s, s->knob[MC_GAUSS], s->cov, y);
        return 0;
    case SNL_MOVE_MIXTURE:
        if (!mc_mixture_draw(s, y)) return -INFINITY;
        return mc_mixture(s, x, s->part) - mc_mixture(s, y, s->part);
    default:
        return s->jump(s->jump_ctx, r, x, y);
    }
}

/* Proposals for one half at one temperature: x and o (half, dim), y and ratio results.
 * A refused one becomes x itself, so that the target never sees it. */
static snl_status mc_propose_half(snl_mcmc *s, size_t rung, const double *x,
                                  const double *o, double *y, double *ratio,
                                  snl_fault *why)
{
    const size_t dim = s->dim, H = s->half;
    const double u = snl_rng_uniform(&s->now.rng);
    size_t *move = s->move + rung;
    double share;
    *move = 0;
    while (*move < SNL_MOVE_JUMP && !(u < s->share[*move])) ++*move;
    if (*move == SNL_MOVE_MIXTURE && (rung || !s->now.fitted)) *move = SNL_MOVE_STRETCH;
    if (*move == SNL_MOVE_GAUSS) {
        mc_covariance(s, H, o);     /* a collapsed half cannot say how to move: stretch */
        if (mc_cholesky(dim, s->cov, &share) < dim) *move = SNL_MOVE_STRETCH;
    }
    for (size_t i = 0; i < H; i++, x += dim, y += dim) {
        ratio[i] = mc_propose(s, *move, H, o, x, y);
        if (*move == SNL_MOVE_JUMP && ratio[i] != ratio[i]) {
            memcpy(s->bad, x, dim*sizeof *x);
            return mc_refuse(why, "jump", i, ratio[i], 1, 0);
        }
        if (!(ratio[i] > -INFINITY)) memcpy(y, x, dim*sizeof *x);
        else if (s->knob[MC_PERIODIC] > 0) mc_wrap(s, y);
    }
    return SNL_OK;
}

/* ---- one step ----------------------------------------------------------- */

static snl_status mc_update_half(snl_mcmc *s, size_t first, size_t other, snl_fault *why)
{
    const size_t dim = s->dim, W = s->walkers, H = s->half;
    snl_status st;
    for (size_t k = 0; k < s->temps; k++) {
        const double *x = s->theta + k*W*dim;
        st = mc_propose_half(s, k, x + first*dim, x + other*dim,
                             s->y + k*H*dim, s->ratio + k*H, why);
        if (st != SNL_OK) return st;
    }
    if ((st = mc_evaluate(s, s->temps*H, s->y, s->ylp, s->yll, why)) != SNL_OK) return st;
    for (size_t k = 0; k < s->temps; k++) {
        const size_t at = k*W + first;
        const double b = s->beta[k], *ylp = s->ylp + k*H, *yll = s->yll + k*H;
        double *lp = s->lp + at, *ll = s->ll + at, taken = 0;
        for (size_t i = 0; i < H; i++) {
            const double u = snl_rng_uniform(&s->now.rng);
            const double q = s->ratio[k*H + i] + mc_post(ylp[i], yll[i], b)
                                               - mc_post(lp[i], ll[i], b);
            if (!(q >= 0 || log(u) < q)) continue;      /* NaN: both are impossible */
            memcpy(s->theta + (at + i)*dim, s->y + (k*H + i)*dim, dim*sizeof *s->y);
            lp[i] = ylp[i];
            ll[i] = yll[i];
            taken++;
        }
        s->tried[k*SNL_MOVES + s->move[k]] += (double)H;
        s->taken[k*SNL_MOVES + s->move[k]] += taken;
    }
    return SNL_OK;
}

static void mc_swap(double *restrict a, double *restrict b, size_t n)
{ for (size_t i = 0; i < n; i++) { const double t = a[i];  a[i] = b[i];  b[i] = t; } }

/* Offer every walker of every rung, hottest first, an exchange with one of the rung
 * below it, under a random rotation; leaves the acceptances in rate. */
static void mc_swap_rungs(snl_mcmc *s)
{
    const size_t dim = s->dim, W = s->walkers;
    for (size_t k = s->temps - 1; k-- > 0; ) {
        const double db = s->beta[k] - s->beta[k + 1];
        const size_t turn = mc_below(&s->now.rng, W);
        double taken = 0;
        for (size_t i = 0; i < W; i++) {
            const size_t a = k*W + i, b = (k + 1)*W + (i + turn) % W;
            const double q = db*(s->ll[b] - s->ll[a]), u = snl_rng_uniform(&s->now.rng);
            if (!(q >= 0 || log(u) < q)) continue;
            mc_swap(s->theta + a*dim, s->theta + b*dim, dim);
            mc_swap(s->lp + a, s->lp + b, 1);
            mc_swap(s->ll + a, s->ll + b, 1);
            taken++;
        }
        s->swap_tried[k] += (double)W;
        s->swap_taken[k] += taken;
        s->rate[k] = taken / (double)W;
    }
}

/* [VFM] eqs. for S = ln of the gaps of T: dS_k/dt = kappa (A_k - A_k+1), A_k the swap
 * rate across gap k, kappa = lag/(time (t + lag)).  A hottest rung at beta = 0 has no
 * gap; otherwise the gaps are rescaled so that the hottest temperature stays. */
static void mc_adapt(snl_mcmc *s)
{
    const size_t top = s->temps - 1, m = s->beta[top] > 0 ? top : top - 1;
    const double lag = s->knob[MC_LAG], time = s->knob[MC_TIME];
    const double kappa = lag / (time * ((double)s->now.steps + lag));
    double sum = 0, T = 1, scale;
    for (size_t k = 0; k < m; k++) {
        s->gap[k] = 1/s->beta[k + 1] - 1/s->beta[k];
        if (k + 1 < top) s->gap[k] *= exp(kappa * (s->rate[k] - s->rate[k + 1]));
        sum += s->gap[k];
    }
    scale = m == top ? (1/s->beta[top] - 1)/sum : 1;
    for (size_t k = 0; k < m; k++) s->beta[k + 1] = 1/(T += scale*s->gap[k]);
}

/* Add this step to the batch sums of ln L; when the batches are full, join pairs. */
static void mc_record(snl_mcmc *s)
{
    const size_t T = s->temps, W = s->walkers;
    for (size_t k = 0; k < T; k++) {
        const double *ll = s->ll + k*W, db = k ? s->beta[k - 1] - s->beta[k] : 0;
        const size_t at = (size_t)s->now.batch*T + k;
        if (s->now.batch == 0 && s->now.rows == 0) s->ref[k] = ll[0] > -INFINITY ? ll[0] : 0;
        for (size_t i = 0; i < W; i++) {
            const double v = ll[i] - s->ref[k], e = db*ll[i];
            s->sum[at] += v;
            s->sum2[at] += v*v;
            if (e > s->top[k]) {            /* a new maximum: rescale what is there */
                const double f = exp(s->top[k] - e);
                for (size_t b = 0; b < MC_BATCHES; b++) s->stone[b*T + k] *= f;
                s->top[k] = e;
            }
            if (e > -INFINITY) s->stone[at] += exp(e - s->top[k]);
        }
    }
    if (++s->now.rows < s->now.span) return;
    s->now.rows = 0;
    if (++s->now.batch < MC_BATCHES) return;
    double *part[3] = { s->sum, s->sum2, s->stone };
    for (size_t i = 0; i < 3; i++)
        for (size_t b = 0; b < MC_BATCHES; b++)
            for (size_t k = 0; k < T; k++) {
                double *v = part[i] + b*T + k;
                *v = b < MC_BATCHES/2 ? v[b*T] + v[(b + 1)*T] : 0;
            }
    s->now.batch = MC_BATCHES/2;
    s->now.span *= 2;
}

static snl_status mc_step(snl_mcmc *s, snl_fault *why)
{
    snl_status st;
    if ((st = mc_update_half(s, 0, s->half, why)) != SNL_OK) return st;
    if ((st = mc_update_half(s, s->half, 0, why)) != SNL_OK) return st;
    if (s->temps > 1) {
        mc_swap_rungs(s);
        if (s->now.frozen) mc_record(s);
        else mc_adapt(s);
    }
    s->now.steps++;
    return SNL_OK;
}

/* ---- running ------------------------------------------------------------ */

snl_mcmc_view snl_mcmc_state(const snl_mcmc *s)
{
    const snl_mcmc_view v = { s->now.steps, s->theta, s->lp, s->ll, s->beta, s->bad };
    return v;
}

void snl_mcmc_rates(const snl_mcmc *s, double *accept, double *swap)
{
    for (size_t i = 0; accept && i < s->temps*SNL_MOVES; i++)
        accept[i] = s->tried[i] > 0 ? s->taken[i]/s->tried[i] : NAN;
    for (size_t k = 0; swap && k + 1 < s->temps; k++)
        swap[k] = s->swap_tried[k] > 0 ? s->swap_taken[k]/s->swap_tried[k] : NAN;
}

void snl_mcmc_freeze(snl_mcmc *s)
{
    s->now.frozen = 1;
    mc_reset(s);
}

/* Effective samples of the slowest parameter of the chain, 0 while it is too short. */
static double mc_chain_ess(const snl_mcmc *s, const snl_mcmc_chain *c)
{
    const size_t n = c->kept, W = s->walkers;       /* NOLINT: not NULL if ess > 0 */
    double worst = 0;
    int too_short = 1;
    if (snl_mcmc_tau(n, W, s->dim, c->theta, s->tau, &too_short, c->work)) return 0;
    for (size_t j = 0; j < s->dim; j++) worst = fmax(worst, s->tau[j]);
    return too_short ? 0 : (double)n*(double)W / worst;
}

static void mc_keep(const snl_mcmc *s, snl_mcmc_chain *c)
{
    const size_t W = s->walkers, at = c->kept++ * W;
    memcpy(c->theta + at*s->dim, s->theta, W*s->dim*sizeof *c->theta);
    if (c->log_prior) memcpy(c->log_prior + at, s->lp, W*sizeof *s->lp);
    if (c->log_like) memcpy(c->log_like + at, s->ll, W*sizeof *s->ll);
}

snl_status snl_mcmc_run(snl_mcmc *s, const snl_mcmc_run_cfg *r, snl_mcmc_chain *c,
                        snl_fault *why)
{
    snl_mcmc_progress p = { 0, 0, 0, 0, 0 };
    if (!s->now.started) return snl_refuse(why, "started", 0, 1, 1);
    if (r->thin < 1) return snl_refuse(why, "thin", 0, 1, HUGE_VAL);
    if (r->every < 1) return snl_refuse(why, "every", 0, 1, HUGE_VAL);
    if (!(r->ess >= 0)) return snl_refuse(why, "ess", r->ess, 0, HUGE_VAL);
    if (r->ess > 0 && !(c && c->work)) return snl_refuse(why, "work", 0, 1, 0);
    if (c && !c->theta) return snl_refuse(why, "chain", 0, 1, 0);
    p.steps = r->steps;
    for (p.step = 1; p.step <= r->steps; p.step++) {
        const snl_status st = mc_step(s, why);
        if (st != SNL_OK) return st;
        if (c && p.step % r->thin == 0) mc_keep(s, c);
        if (p.step % r->every) continue;
        if (r->ess > 0) p.ess = mc_chain_ess(s, c);
        if (r->progress) {
            double tried = 0, taken = 0;
            for (size_t j = 0; j < SNL_MOVES; j++) {
                tried += s->tried[j];
                taken += s->taken[j];
            }
            p.accept = taken/tried;
            p.kept = c ? c->kept : 0;
            if (r->progress(r->user, &p)) return SNL_ESTOPPED;
        }
        if (r->ess > 0 && p.ess >= r->ess) break;
    }
    return SNL_OK;
}

/* ---- evidence ----------------------------------------------------------- */

snl_status snl_mcmc_evidence(const snl_mcmc *s, snl_evidence *out)
{
    const size_t T = s->temps, B = (size_t)s->now.batch;
    const double m = (double)s->now.span * (double)s->walkers, n = m*(double)B;
    double ti = 0, ends = 0, ss = 0, f1 = 0, v1 = 0, ti_dev[MC_BATCHES] = { 0 },
           ss_dev[MC_BATCHES] = { 0 }, ti_var = 0, ss_var = 0;
    if (T < 2 || !s->now.frozen) return SNL_EINVAL;
    if (B < MC_BATCHES/2) return SNL_EFAILED;
    for (size_t k = 0; k < T; k++) {
        const double h = k ? s->beta[k - 1] - s->beta[k] : 0;
        const double next = k + 1 < T ? s->beta[k] - s->beta[k + 1] : 0;
        double a = 0, a2 = 0, z = 0, f, v;
        for (size_t b = 0; b < B; b++) {
            a += s->sum[b*T + k];
            a2 += s->sum2[b*T + k];
            z += s->stone[b*T + k];
        }
        a /= n;
        f = s->ref[k] + a;
        v = fmax(a2/n - a*a, 0);
        if (k) {
            if (!(z > 0)) return SNL_EFAILED;
            ti += 0.5*h*(f + f1);
            ends += h*h/12 * (v - v1);
            ss += s->top[k] + log(z/n);
        }
        for (size_t b = 0; b < B; b++) {
            ti_dev[b] += 0.5*(h + next) * (s->sum[b*T + k]/m - a);
            if (k) ss_dev[b] += s->stone[b*T + k]*(double)B/z - 1;
        }
        f1 = f;
        v1 = v;
    }
    for (size_t b = 0; b < B; b++) {
        ti_var += ti_dev[b]*ti_dev[b];
        ss_var += ss_dev[b]*ss_dev[b];
    }
    out->ti = ti + ends;
    out->ti_error = sqrt(ti_var/(double)(B*(B - 1)) + ends*ends);
    out->ss = ss;
    out->ss_error = sqrt(ss_var/(double)(B*(B - 1)));
    return SNL_OK;
}

/* With the best bridge of Meng & Wong; the error of Fruehwirth-Schnatter 2004, Econom. J. 7,
 * 143, eq. (10).  v = ln p - ln q, of x and then (w) of the draws. */
snl_status snl_mcmc_bridge(snl_mcmc *s, size_t n, const double *x, const double *logp,
                           double ess, size_t draws, double *ln_z, double *error,
                           double *work, snl_fault *why)
{
    enum { ROUNDS = 1000 };
    const size_t dim = s->dim;
    const double share = ess/(ess + (double)draws);
    double *v = work, *w = v + n, c = -INFINITY, r = 1, rel = 0;
    if (!s->now.fitted || n < 2 || draws < 2 || !(ess > 0)) return SNL_EINVAL;
    for (size_t i = 0; i < n; i++) {
        v[i] = logp[i] - mc_mixture(s, x + i*dim, s->part);
        if (!(fabs(v[i]) < INFINITY)) return SNL_ENOTFINITE;
        c = fmax(c, v[i]);
    }
    for (size_t i = 0; i < draws; i += s->half) {
        const size_t m = draws - i < s->half ? draws - i : s->half;
        for (size_t j = 0; j < m; j++) {            /* what is cut off counts as p = 0 */
            s->ratio[j] = mc_mixture_draw(s, s->y + j*dim) ? 0 : -INFINITY;
            if (s->ratio[j] < 0) memcpy(s->y + j*dim, x, dim*sizeof *x);
            else s->ratio[j] = -mc_mixture(s, s->y + j*dim, s->part);
            mc_wrap(s, s->y + j*dim);
        }
        const snl_status st = mc_evaluate(s, m, s->y, s->ylp, s->yll, why);
        if (st != SNL_OK) return st;
        for (size_t j = 0; j < m; j++) {
            w[i + j] = s->ratio[j] + s->ylp[j] + s->yll[j];
            c = fmax(c, w[i + j]);
        }
    }
    for (size_t i = 0; i < n + draws; i++) v[i] = exp(v[i] - c);    /* w follows v */
    for (size_t k = 0; k < ROUNDS; k++) {
        double m[2] = { 0, 0 }, m2[2] = { 0, 0 }, old = r;     /* over x; over the draws */
        for (size_t i = 0; i < n + draws; i++) {
            const size_t q = i >= n;
            const double a = (q ? v[i] : 1)/(share*v[i] + (1 - share)*r);
            m[q] += a/(double)(q ? draws : n);
            m2[q] += a*a/(double)(q ? draws : n);
        }
        if (!(m[1] > 0)) return SNL_EFAILED;
        r = m[1]/m[0];
        rel = (m2[1]/(m[1]*m[1]) - 1)/(double)draws + (m2[0]/(m[0]*m[0]) - 1)/ess;
        if (fabs(r - old) < 1e-10*r) break;
    }
    *ln_z = c + log(r);
    *error = sqrt(fmax(0, rel));
    return SNL_OK;
}

/* ---- saving ------------------------------------------------------------- */
/* "snlMCMC" and version; dim, walkers, temps, components; the words; the state's doubles; sum. */

static const char mc_tag[8] = { 's', 'n', 'l', 'M', 'C', 'M', 'C', 3 };
enum { MC_SIZES = 8 + 4*8, MC_WORDS = sizeof(mc_words)/8 };

static unsigned char *mc_put_sizes(const snl_mcmc *s, unsigned char *p)
{
    memcpy(p, mc_tag, 8);
    p = snl_put(snl_put(p + 8, s->dim), s->walkers);
    return snl_put(snl_put(p, s->temps), s->parts);
}

size_t snl_mcmc_save_size(const snl_mcmc *s)
{ return MC_SIZES + 8*(MC_WORDS + s->state + 1); }

void snl_mcmc_save(const snl_mcmc *s, unsigned char *bytes)
{
    unsigned char *p = mc_put_sizes(s, bytes);
    uint64_t w[MC_WORDS];
    memcpy(w, &s->now, sizeof w);
    for (size_t i = 0; i < MC_WORDS; i++) p = snl_put(p, w[i]);
    p = snl_put_doubles(p, s->state, s->mem);
    snl_put(p, snl_fnv1a(bytes, (size_t)(p - bytes)));
}

snl_status snl_mcmc_load(snl_mcmc *s, const unsigned char *bytes, size_t size)
{
    const unsigned char *p = bytes + MC_SIZES;
    unsigned char want[MC_SIZES];
    uint64_t w[MC_WORDS];
    mc_words now;
    double share[SNL_MOVES], x;
    if (!snl_bytes_ok(bytes, size, mc_tag) || size < MC_SIZES + 8) return SNL_EFORMAT;
    mc_put_sizes(s, want);
    if (memcmp(bytes, want, MC_SIZES)) return SNL_EINVAL;
    if (size != snl_mcmc_save_size(s)) return SNL_EFORMAT;
    for (size_t i = 0; i < MC_WORDS; i++) p = snl_get(p, w + i);
    memcpy(&now, w, sizeof now);
    if (now.started > 1 || now.frozen > 1 || now.fitted > (s->parts > 0)) return SNL_EFORMAT;
    if (now.batch >= MC_BATCHES || now.rows >= now.span) return SNL_EFORMAT;
    for (size_t i = 0; i < (size_t)(s->lp - s->mem); i++) {     /* settings and walkers */
        snl_get_doubles(p + 8*i, 1, &x);
        if (!(fabs(x) < INFINITY || (i == MC_TIME && x > 0))) return SNL_EFORMAT;
    }
    snl_get_doubles(p + 8*MC_KNOBS, SNL_MOVES, share);
    if (share[SNL_MOVE_JUMP - 1] < 1 && !s->jump) return SNL_EINVAL;
    for (size_t j = SNL_MOVES - 1; j > 0; j--) share[j] -= share[j - 1];
    if ((double)s->walkers < mc_least((double)s->dim, share)) return SNL_EFORMAT;
    s->now = now;
    snl_get_doubles(p, s->state, s->mem);
    return SNL_OK;
}

/* ---- diagnostics of chains ---------------------------------------------- */

static double mc_dot(size_t n, const double *a, const double *b)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i]*b[i];          s1 += a[i + 1]*b[i + 1];
        s2 += a[i + 2]*b[i + 2];  s3 += a[i + 3]*b[i + 3];
    }
    for (; i < n; i++) s0 += a[i]*b[i];
    return (s0 + s1) + (s2 + s3);
}

/* Mean of one parameter over the chain x (n, walkers, dim). */
static double mc_mean(size_t n, size_t walkers, size_t dim, const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < n*walkers; i++) sum += x[i*dim] - x[0];
    return x[0] + sum / ((double)n*(double)walkers);
}

/* The lags are computed in blocks that double, until the window closes.  Windows past
 * n/4 belong to chains shorter than 20 tau, whose tau means little: stop there. */
static double mc_tau(size_t n, size_t walkers, size_t dim, const double *x, double *work)
{
    const double mean = mc_mean(n, walkers, dim, x);
    double *v = work, *acf = work + n, tau = 1;
    size_t from = 0, to = n < 16 ? n : 16;
    const size_t cap = n/4 > to ? n/4 : to;
    for (;;) {
        for (size_t t = from; t < to; t++) acf[t] = 0;
        for (size_t w = 0; w < walkers; w++) {
            for (size_t i = 0; i < n; i++) v[i] = x[(i*walkers + w)*dim] - mean;
            for (size_t t = from; t < to; t++)
                acf[t] += mc_dot(n - t, v, v + t) / (double)(n - t);
        }
        if (!(acf[0] > 0)) return INFINITY;
        for (size_t t = from > 1 ? from : 1; t < to; t++) {
            tau += 2*acf[t]/acf[0];
            if ((double)t >= 5*tau) return fmax(tau, 1/(double)n);
        }
        if (to >= cap) return tau;
        from = to;
        to = 2*to < cap ? 2*to : cap;
    }
}

/* Squares of chains stay finite. */
static snl_status mc_check_chain(size_t n, const double *x)
{
    for (; n-- > 0; x++) if (!(fabs(*x) <= 1e150)) return SNL_ENOTFINITE;
    return SNL_OK;
}

snl_status snl_mcmc_tau(size_t n, size_t walkers, size_t dim, const double *theta,
                        double *tau, int *too_short, double *work)
{
    int low = 0;
    snl_status st;
    if (n < 10 || walkers < 1) return SNL_EINVAL;
    if ((st = mc_check_chain(n*walkers*dim, theta)) != SNL_OK) return st;
    for (size_t j = 0; j < dim; j++) {
        tau[j] = mc_tau(n, walkers, dim, theta + j, work);
        if (!((double)n >= 50*tau[j])) low = 1;
    }
    if (too_short) *too_short = low;
    return SNL_OK;
}

/* R^2 = ((N - 1)/N within + between)/within, over the half-chains as sequences: single
 * walkers, or whole ensembles (columns walkers wide) of one run each. */
static double mc_rhat(size_t runs, size_t n, size_t walkers, size_t dim,
                      const double *const *theta, size_t j)
{
    const size_t half = n/2, split = runs > 1 ? 1 : walkers, cols = walkers/split;
    const double N = (double)half*(double)cols, M = 2*(double)runs*(double)split;
    const double origin = theta[0][j];
    double within = 0, mean = 0, mean2 = 0;
    for (size_t r = 0; r < runs; r++)
        for (size_t q = 0; q < 2*split; q++) {
            const double *x = theta[r] + (q & 1 ? n - half : 0)*walkers*dim + q/2*dim + j;
            double m = 0, v = 0;
            for (size_t i = 0; i < half; i++)
                for (size_t c = 0; c < cols; c++) m += x[(i*walkers + c)*dim] - origin;
            m /= N;
            for (size_t i = 0; i < half; i++)
                for (size_t c = 0; c < cols; c++) {
                    const double d = x[(i*walkers + c)*dim] - origin - m;
                    v += d*d;
                }
            within += v/(N - 1)/M;
            mean += m/M;
            mean2 += m*m/M;
        }
    return sqrt((N - 1)/N + fmax(mean2 - mean*mean, 0)*M/(M - 1)/within);
}

snl_status snl_mcmc_rhat(size_t runs, size_t n, size_t walkers, size_t dim,
                         const double *const *theta, double *rhat)
{
    if (runs < 1 || n < 4 || walkers < 1) return SNL_EINVAL;
    for (size_t r = 0; r < runs; r++)
        if (mc_check_chain(n*walkers*dim, theta[r]) != SNL_OK) return SNL_ENOTFINITE;
    for (size_t j = 0; j < dim; j++) rhat[j] = mc_rhat(runs, n, walkers, dim, theta, j);
    return SNL_OK;
}

/* var(x) over the variance of the chain's mean: that of the series v of ensemble means,
 * whose autocovariances are summed in pairs while these are positive and fall, as they
 * must in a reversible chain [Ge]. */
snl_status snl_mcmc_ess(size_t n, size_t walkers, size_t dim, const double *theta,
                        double *ess, double *work)
{
    const double N = (double)n, W = (double)walkers;
    double *v = work;
    snl_status st;
    if (n < 40 || walkers < 1) return SNL_EINVAL;
    if ((st = mc_check_chain(n*walkers*dim, theta)) != SNL_OK) return st;
    for (size_t j = 0; j < dim; j++) {
        const double *x = theta + j, mid = mc_mean(n, walkers, dim, x);
        double var = 0, sum = 0, last = INFINITY;
        for (size_t i = 0; i < n; i++) {
            v[i] = 0;
            for (size_t w = 0; w < walkers; w++) {
                const double d = x[(i*walkers + w)*dim] - mid;
                v[i] += d/W;
                var += d*d/(N*W);
            }
        }
        for (size_t t = 0; t + 1 < n && last > 0; t += 2) {
            last = fmin(last, (mc_dot(n - t, v, v + t) + mc_dot(n - t - 1, v, v + t + 1))/N);
            if (last > 0) sum += 2*last;
        }
        sum -= mc_dot(n, v, v)/N;           /* lag 0 counts once */
        ess[j] = var > 0 ? sum > 0 ? fmin(var*N/sum, N*W) : N*W : 0;
    }
    return SNL_OK;
}

/* ---- weighted samples --------------------------------------------------- */

static inline double mc_weight(const double *w, size_t i) { return w ? w[i] : 1; }

double snl_sample_ess(size_t n, const double *w)
{
    double a = 0, b = 0, top = 0;
    int e = 0;              /* a power of two keeps the bits, and the squares in range */
    if (!w) return (double)n;
    for (size_t i = 0; i < n; i++) top = fmax(top, w[i]);
    frexp(top, &e);
    for (size_t i = 0; i < n; i++) {
        const double v = ldexp(w[i], -e);
        a += v;
        b += v*v;
    }
    return b > 0 ? a*a/b : 0;
}

/* Finite samples, weights >= 0 with a positive finite sum? */
static snl_status mc_check_sample(size_t n, const double *x, const double *w)
{
    double sum = 0;
    if (n < 1) return SNL_EINVAL;
    for (size_t i = 0; i < n; i++) {
        const double v = mc_weight(w, i);
        if (!(fabs(v) < INFINITY && (!x || fabs(x[i]) < INFINITY))) return SNL_ENOTFINITE;
        if (v < 0) return SNL_EINVAL;
        sum += v;
    }
    return sum > 0 && sum < INFINITY ? SNL_OK : SNL_EINVAL;
}

static int mc_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The samples of positive weight in order, as pairs (x, w), sum of w 1; their number. */
static size_t mc_sort(size_t n, const double *x, const double *w, double *pair)
{
    double sum = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(mc_weight(w, i) > 0)) continue;
        pair[2*m] = x[i];
        sum += pair[2*m++ + 1] = mc_weight(w, i);
    }
    qsort(pair, m, 2*sizeof *pair, mc_order);
    for (size_t i = 0; i < m; i++) pair[2*i + 1] /= sum;
    return m;
}

/* The distribution function is 0 at the first sample, rises by the mean of the two
 * weights from one to the next, and is scaled to reach 1 at the last. */
snl_status snl_quantiles(size_t n, const double *x, const double *w, size_t nq,
                         const double *q, double *out, double *work)
{
    snl_status st = mc_check_sample(n, x, w);
    if (st != SNL_OK) return st;
    for (size_t k = 0; k < nq; k++) if (!(q[k] >= 0 && q[k] <= 1)) return SNL_EINVAL;
    const size_t m = mc_sort(n, x, w, work);
    const double total = 1 - 0.5*(work[1] + work[2*m - 1]);
    for (size_t k = 0; k < nq; k++) {
        double c = 0, rise = 0, f = 0;
        size_t i = 0;
        while (i + 1 < m) {
            rise = 0.5*(work[2*i + 1] + work[2*i + 3]);
            f = (q[k]*total - c)/rise;
            if (f < 1 || i + 2 == m) break;
            c += rise;
            i++;
        }
        f = f < 0 ? 0 : f < 1 ? f : 1;          /* 0/0: at the end */
        out[k] = m == 1 ? work[0] : work[2*i] + f*(work[2*i + 2] - work[2*i]);
    }
    return SNL_OK;
}

snl_status snl_hpd(size_t n, const double *x, const double *w, double mass, double *out,
                   double *work)
{
    const snl_status st = mc_check_sample(n, x, w);
    if (st != SNL_OK) return st;
    if (!(mass > 0 && mass <= 1)) return SNL_EINVAL;
    const size_t m = mc_sort(n, x, w, work);
    double held = 0, best = INFINITY;
    out[0] = work[0];
    out[1] = work[2*m - 2];
    for (size_t a = 0, b = 0; ; a++) {          /* samples a .. b-1 hold the mass */
        while (b < m && (b <= a || held < mass - 1e-12)) held += work[2*b++ + 1];
        if (a == m || held < mass - 1e-12) return SNL_OK;
        if (work[2*b - 2] - work[2*a] < best) {
            best = work[2*b - 2] - work[2*a];
            out[0] = work[2*a];
            out[1] = work[2*b - 2];
        }
        held -= work[2*a + 1];
    }
}

snl_status snl_resample(size_t n, const double *w, size_t m, size_t *index, snl_rng *rng)
{
    const snl_status st = mc_check_sample(n, NULL, w);
    if (st != SNL_OK) return st;
    const double u = snl_rng_uniform(rng);
    double sum = 0, c = mc_weight(w, 0);
    size_t last = 0, i = 0;
    for (size_t k = 0; k < n; k++) {
        sum += mc_weight(w, k);
        if (mc_weight(w, k) > 0) last = k;
    }
    for (size_t k = 0; k < m; k++) {
        const double at = ((double)k + u)*sum/(double)m;
        while (i < last && !(at < c)) c += mc_weight(w, ++i);
        index[k] = i;
    }
    return SNL_OK;
}

/* Shape k, with the weak prior of [PS], and scale of what the tail's largest of w exceed the next
 * one by, by Zhang & Stephens (2009); scale 0: no tail.  work is w sorted, its tail less that. */
static snl_status mc_pareto(size_t n, const double *w, double *work, size_t *tail, double *scale,
                            double *k)
{
    const snl_status st = mc_check_sample(n, NULL, w);
    const size_t m = (size_t)fmin(0.2*(double)n, 3*sqrt((double)n));
    const size_t grid = 30 + (size_t)sqrt((double)m), quarter = (m + 2)/4 - 1;
    double *x = work, sum = 0, b = 0, top = -INFINITY, cut, shape = 0;
    if (st != SNL_OK) return st;
    if (m < 5) return SNL_EINVAL;
    memcpy(work, w, n*sizeof *w);
    qsort(work, n, sizeof *work, mc_order);
    cut = work[n - m - 1];
    x = work + n - m;
    for (size_t i = 0; i < m; i++) x[i] -= cut;
    *tail = m;
    *scale = 0;
    *k = x[m - 1] > 0 ? INFINITY : 0;           /* a few hold everything, or all are the same */
    if (!(x[quarter] > 1e-305 && x[m - 1]/x[quarter] <= DBL_MAX)) return SNL_OK;   /* x87 holds more */
    for (int pass = 0; pass < 3; pass++)        /* the largest exponent, the sum, the mean */
        for (size_t j = 1; j <= grid; j++) {
            const double t = 1/x[m - 1] + (1 - sqrt((double)grid/((double)j - 0.5)))
                                          / (3*x[quarter]);
            double s = 0, l;
            if (t == 0) continue;               /* l is 0/0 there */
            for (size_t i = 0; i < m; i++) s += log1p(-t*x[i]);
            s /= (double)m;
            l = (double)m*(log(-t/s) - s - 1);
            if (pass == 0) top = fmax(top, l);
            else if (pass == 1) sum += exp(l - top);
            else b += t*exp(l - top)/sum;
        }
    for (size_t i = 0; i < m; i++) shape += log1p(-b*x[i])/(double)m;
    *scale = -shape/b;
    *k = (shape*(double)m + 5)/((double)m + 10);
    return SNL_OK;
}

snl_status snl_pareto_k(size_t n, const double *w, double *k, double *work)
{
    size_t tail;
    double scale;
    return mc_pareto(n, w, work, &tail, &scale, k);
}

snl_status snl_pareto_smooth(size_t n, double *w, double *k, double *work)
{
    size_t m;
    double scale;
    const snl_status st = mc_pareto(n, w, work, &m, &scale, k);
    if (st != SNL_OK || !(scale > 0)) return st;
    const double *x = work + n - m, cut = work[n - m - 1];
    double top = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, w[i]);
    for (size_t i = 0; i < n; i++) {
        size_t lo = 0, hi = m - 1;                      /* rank of w[i] in the tail */
        double u;
        if (!(w[i] > cut)) continue;
        while (lo < hi) {
            const size_t mid = (lo + hi)/2;
            if (x[mid] < w[i] - cut) lo = mid + 1;
            else hi = mid;
        }
        u = log1p(-((double)lo + 0.5)/(double)m);
        w[i] = fmin(top, cut + (fabs(*k) > 1e-9 ? scale*expm1(-*k*u)/ *k : -scale*u));
    }
    return SNL_OK;
}

/* Kernel density p of one sample on the grid lo + i dx, summing to 1: linear binning
 * into c, then convolution with the kernel g, cut at 5 bandwidths. */
static int mc_kde(size_t n, const double *x, const double *w, double lo, double dx,
                  double *restrict p, double *restrict c, double *restrict g)
{
    const size_t G = SNL_JSD_GRID;
    const double ess = snl_sample_ess(n, w);
    double sum = 0, mean = 0, var = 0, h, total = 0;
    size_t pad, first = 0;
    while (w && !(w[first] > 0)) first++;       /* about it a constant has variance 0 */
    for (size_t i = 0; i < n; i++) {
        sum += mc_weight(w, i);
        mean += mc_weight(w, i)*(x[i] - x[first]);
    }
    mean /= sum;
    for (size_t i = 0; i < n; i++) {
        const double d = x[i] - x[first] - mean;
        var += mc_weight(w, i)*d*d;
    }
    if (!(var > 0 && var < INFINITY && ess > 1)) return 0;
    h = sqrt(var/sum * ess/(ess - 1)) * pow(ess, -0.2);
    pad = 5*h/dx < (double)G - 1 ? (size_t)ceil(5*h/dx) : G - 1;
    memset(c, 0, G*sizeof *c);
    memset(p, 0, G*sizeof *p);
    for (size_t k = 0; k <= pad; k++) {
        const double z = (double)k*dx/h;
        g[k] = exp(-0.5*z*z);
    }
    for (size_t i = 0; i < n; i++) {
        const double u = (x[i] - lo)/dx;
        const size_t k = u < (double)(G - 2) ? (size_t)u : G - 2;
        c[k] += mc_weight(w, i)*(1 - (u - (double)k));
        c[k + 1] += mc_weight(w, i)*(u - (double)k);
    }
    for (size_t k = 0; k < G; k++)
        for (size_t i = k > pad ? k - pad : 0; i < G && i <= k + pad; i++)
            p[i] += c[k] * g[i > k ? i - k : k - i];
    for (size_t k = 0; k < G; k++) total += p[k];
    for (size_t k = 0; k < G; k++) p[k] /= total;
    return 1;
}

snl_status snl_jsd(size_t n, const double *x, const double *wx, size_t m, const double *y,
                   const double *wy, double *jsd, double *work)
{
    const size_t G = SNL_JSD_GRID;
    double *p = work, *q = work + G, lo = INFINITY, hi = -INFINITY, sum = 0, dx;
    snl_status st = mc_check_sample(n, x, wx);
    if (st == SNL_OK) st = mc_check_sample(m, y, wy);
    if (st != SNL_OK) return st;
    for (size_t i = 0; i < n; i++) { lo = fmin(lo, x[i]);  hi = fmax(hi, x[i]); }
    for (size_t i = 0; i < m; i++) { lo = fmin(lo, y[i]);  hi = fmax(hi, y[i]); }
    dx = (hi - lo)/(double)(G - 1);
    if (!(dx > 0 && dx < INFINITY) || !mc_kde(n, x, wx, lo, dx, p, work + 2*G, work + 3*G)
                                   || !mc_kde(m, y, wy, lo, dx, q, work + 2*G, work + 3*G))
        return SNL_EFAILED;
    for (size_t k = 0; k < G; k++) {
        const double mid = 0.5*(p[k] + q[k]);
        if (p[k] > 0) sum += p[k]*log(p[k]/mid);
        if (q[k] > 0) sum += q[k]*log(q[k]/mid);
    }
    *jsd = fmax(0.5*sum, 0);
    return SNL_OK;
}

snl_status snl_ks(size_t n, const double *u, double *distance, double *p, double *work)
{
    const snl_status st = mc_check_sample(n, u, NULL);
    const double N = (double)n, r = sqrt(N);
    double D = 0, x, sum = 0;
    if (st != SNL_OK) return st;
    memcpy(work, u, n*sizeof *u);
    qsort(work, n, sizeof *work, mc_order);
    if (work[0] < 0 || work[n - 1] > 1) return SNL_EINVAL;
    for (size_t i = 0; i < n; i++)
        D = fmax(D, fmax((double)(i + 1)/N - work[i], work[i] - (double)i/N));
    *distance = D;
    x = (r + 0.12 + 0.11/r)*D;
    for (int k = 1; k <= 100; k++) sum += (k & 1 ? 2 : -2)*exp(-2*x*x*k*k);
    if (p) *p = x < 0.2 ? 1 : fmin(fmax(sum, 0), 1);    /* the series needs x > 0.2 */
    return SNL_OK;
}
