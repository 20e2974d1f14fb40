/* own_simulator.c - inference for a simulator of your own, here the fall of a stone: theta is
 * its height and the drag of the air, x the times at which a noisy clock saw it pass five
 * marks.  Replace simulate, the prior and the observation.
 *     cc examples/own_simulator.c nn.c mcmc.c -lm && ./a.out [SIMULATIONS]
 *
 * make test runs: ./build/own_simulator 500 */
#include <stdio.h>
#include <stdlib.h>
#include "../snl.h"

enum { DIM = 2, NX = 5, WALKERS = 32, STEPS = 500 };
static const double lo[DIM] = { 20, 0 }, hi[DIM] = { 100, 0.2 };    /* uniform prior */
static const double truth[DIM] = { 60, 0.02 };

static void simulate(snl_rng *r, const double *theta, double *x)
{
    double height = theta[0], v = 0, t = 0;
    for (int mark = 0; mark < NX; t += 0.01) {
        v += 0.01*(9.81 - theta[1]*v*v);
        height -= 0.01*v;
        if (height <= theta[0]*(1 - (mark + 1.0)/NX)) x[mark++] = t + 0.02*snl_rng_normal(r);
    }
}

typedef struct posterior { snl_flow *flow;  double *x_obs, *work; } posterior;

/* What the sampler asks for: the flow is the likelihood. */
static snl_status target(void *ctx, size_t n, const double *theta, double *prior, double *like)
{
    const posterior *p = ctx;
    for (size_t i = 0; i < n; i++, theta += DIM)
        prior[i] = theta[0] > lo[0] && theta[0] < hi[0] && theta[1] > lo[1] && theta[1] < hi[1]
                 ? 0 : -INFINITY;
    snl_flow_logp(p->flow, n, p->x_obs, 1, theta - n*DIM, like, p->work);
    return SNL_OK;
}

int main(int argc, char **argv)
{
    const size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 3000;
    snl_flow_shape shape = snl_flow_shape_defaults(NX, DIM);
    snl_train_cfg train = snl_train_defaults();
    snl_mcmc_cfg sampler = snl_mcmc_defaults(DIM, WALKERS, 1);
    const snl_mcmc_run_cfg run = snl_mcmc_run_defaults(STEPS);
    double *theta = calloc(n*(DIM + NX) + STEPS*WALKERS*DIM, sizeof *theta);
    double *x = theta + n*DIM, *draws = x + n*NX, x_obs[NX];
    const snl_train_data data = { n, theta, x, NULL };
    snl_mcmc_chain chain = { draws, NULL, NULL, NULL, 0 };
    posterior p = { NULL, x_obs, NULL };
    snl_mcmc *s = NULL;
    snl_fault why = { "memory", 0, 0, 0, 0 };
    snl_status st = theta ? snl_flow_create(&p.flow, &shape, &why) : SNL_ENOMEM;
    snl_rng r;

    snl_rng_seed(&r, 1, 0);
    simulate(&r, truth, x_obs);                                 /* your data */
    for (size_t i = 0; st == SNL_OK && i < n; i++) {
        for (int k = 0; k < DIM; k++)
            theta[i*DIM + k] = lo[k] + (hi[k] - lo[k])*snl_rng_uniform(&r);
        simulate(&r, theta + i*DIM, x + i*NX);
    }
    if (st == SNL_OK) st = snl_flow_train(p.flow, &train, &data, NULL, NULL, &why);
    if (st == SNL_OK && !(p.work = malloc(snl_flow_work(p.flow)*sizeof(double)))) st = SNL_ENOMEM;
    sampler.target = target;    sampler.target_ctx = &p;
    if (st == SNL_OK) st = snl_mcmc_create(&s, &sampler, &why);
    if (st == SNL_OK) st = snl_mcmc_start(s, theta, &why);      /* draws from the prior */
    if (st == SNL_OK) st = snl_mcmc_run(s, &run, NULL, &why);   /* burn-in */
    if (st == SNL_OK) st = snl_mcmc_run(s, &run, &chain, &why);
    if (st) fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    for (size_t k = 0; st == SNL_OK && k < DIM; k++) {
        double mean = 0, var = 0, m = STEPS*WALKERS;
        for (size_t i = k; i < STEPS*WALKERS*DIM; i += DIM) mean += draws[i]/m;
        for (size_t i = k; i < STEPS*WALKERS*DIM; i += DIM) var += pow(draws[i] - mean, 2)/m;
        printf("theta%d true %g, found %.4g +- %.2g\n", (int)k, truth[k], mean, sqrt(var));
    }
    snl_mcmc_free(s);       snl_flow_free(p.flow);
    free(p.work);           free(theta);
    return st != SNL_OK;
}
