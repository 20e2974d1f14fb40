/* flow_only.c - conditional density estimation, with nothing else of the library:
 *     cc examples/flow_only.c nn.c -lm
 * Learn p(x | c) from pairs: x1 is c with noise, x2 is x1 squared with noise, a crescent that
 * moves with c.  The true density is known here, so that what the flow loses against it can be
 * told: the mean of ln p_true - ln p_flow over fresh pairs is a Kullback-Leibler divergence.
 *     build/flow_only [PAIRS]
 *
 * make test runs: ./build/flow_only */
#include <stdio.h>
#include <stdlib.h>
#include "../snl.h"

enum { FRESH = 2000 };
static const double s1 = 0.5, s2 = 0.3;

static void nature(snl_rng *r, double *c, double *x)
{
    *c = 2*snl_rng_uniform(r) - 1;
    x[0] = *c + s1*snl_rng_normal(r);
    x[1] = x[0]*x[0] + s2*snl_rng_normal(r);
}

static double truth(double c, const double *x)
{
    const double u = (x[0] - c)/s1, v = (x[1] - x[0]*x[0])/s2;
    return -0.5*(u*u + v*v) - log(2*SNL_PI*s1*s2);
}

int main(int argc, char **argv)
{
    const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 4000;
    snl_flow_shape shape = snl_flow_shape_defaults(2, 1);
    snl_train_cfg train = snl_train_defaults();
    snl_train_report rep;
    double *c = malloc((3*n + 6*FRESH)*sizeof *c), *x = c + n, *fresh_c = x + 2*n;
    double *fresh_x = fresh_c + FRESH, *logp = fresh_x + 2*FRESH, *draw = logp + FRESH;
    double lost = 0, mean = 0, *work = NULL;
    const snl_train_data data = { n, c, x, NULL };
    snl_fault why = { "memory", 0, 0, 0, 0 };
    snl_flow *flow = NULL;
    snl_status st;
    snl_rng r;

    shape.bins = 8;                             /* splines: they bend better than affine maps */
    st = c ? snl_flow_create(&flow, &shape, &why) : SNL_ENOMEM;
    if (st == SNL_OK && !(work = malloc(snl_flow_work(flow)*sizeof *work))) st = SNL_ENOMEM;
    snl_rng_seed(&r, 1, 0);
    for (size_t i = 0; c && i < n; i++) nature(&r, &c[i], &x[2*i]);
    for (size_t i = 0; c && i < FRESH; i++) nature(&r, &fresh_c[i], &fresh_x[2*i]);
    if (st == SNL_OK) st = snl_flow_train(flow, &train, &data, NULL, &rep, &why);
    if (st == SNL_OK) {
        snl_flow_logp(flow, FRESH, fresh_x, FRESH, fresh_c, logp, work);
        for (size_t i = 0; i < FRESH; i++)
            lost += (truth(fresh_c[i], &fresh_x[2*i]) - logp[i])/FRESH;
        for (size_t i = 0; i < FRESH; i++) fresh_c[i] = 0.5;
        snl_flow_sample(flow, FRESH, fresh_c, &r, draw, work);
        for (size_t i = 0; i < FRESH; i++) mean += draw[2*i + 1]/FRESH;
        printf("epochs %lu, validation ln p %.3f (a Gaussian: %.3f)\n",
               (unsigned long)rep.epochs[1], rep.logp_val, rep.logp_linear);
        printf("divergence from the truth %.3f nats\n", lost);
        printf("mean of x2 at c = 0.5     true %.3f, of %d draws %.3f\n", 0.25 + s1*s1,
               (int)FRESH, mean);
    } else fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    snl_flow_free(flow);
    free(work);
    free(c);
    return st != SNL_OK;
}
