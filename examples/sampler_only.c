/* sampler_only.c - the ensemble sampler, with nothing else of the library:
 *     cc examples/sampler_only.c mcmc.c -lm
 * Two narrow peaks, far apart and of unequal weight, in a wide box.  At temperature 1 no walker
 * crosses between them; hot ones do, and hand their places down the ladder.  The ladder ends at
 * the prior, so that the steps between its rungs also give the evidence.
 *
 * make test runs: ./build/sampler_only */
#include <stdio.h>
#include <stdlib.h>
#include "../snl.h"

enum { DIM = 3, WALKERS = 32, TEMPS = 12, STEPS = 4000 };
static const double box = 20, at = 5, sd = 0.5, weight = 0.25;  /* of the left peak */

/* Prior: uniform in |theta_k| < box.  Likelihood: two normal densities that share a weight of
 * 1, so that Z = (2 box)^-DIM. */
static snl_status target(void *ctx, size_t n, const double *theta, double *prior, double *like)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++, theta += DIM) {
        double left = 0, right = 0, norm = DIM*log(sd*sqrt(2*SNL_PI)), v[2];
        prior[i] = -DIM*log(2*box);
        for (int k = 0; k < DIM; k++) {
            left += pow((theta[k] + at)/sd, 2);
            right += pow((theta[k] - at)/sd, 2);
            if (!(fabs(theta[k]) < box)) prior[i] = -INFINITY;
        }
        v[0] = log(2*weight) - left/2;
        v[1] = log(2*(1 - weight)) - right/2;
        like[i] = snl_log_mean_exp(2, v) - norm;
    }
    return SNL_OK;
}

int main(void)
{
    snl_mcmc_cfg cfg = snl_mcmc_defaults(DIM, WALKERS, TEMPS);
    const snl_mcmc_run_cfg burn = snl_mcmc_run_defaults(1000), run = snl_mcmc_run_defaults(STEPS);
    double *start = malloc(((size_t)(TEMPS + STEPS)*WALKERS*DIM + STEPS)*sizeof *start);
    double *draws = start + (size_t)TEMPS*WALKERS*DIM, accept[TEMPS*SNL_MOVES], swap[TEMPS];
    double *work = draws + (size_t)STEPS*WALKERS*DIM, ess[DIM], here = 0, mean = 0, var = 0;
    const size_t n = (size_t)STEPS*WALKERS;
    snl_mcmc_chain chain = { draws, NULL, NULL, NULL, 0 };
    snl_evidence z = { 0, 0, 0, 0 };
    snl_fault why = { "memory", 0, 0, 0, 0 };
    snl_mcmc *s = NULL;
    snl_status st = start ? SNL_OK : SNL_ENOMEM;
    snl_rng r;

    cfg.target = target;
    cfg.prior_rung = 1;
    snl_rng_seed(&r, 1, 0);
    for (size_t i = 0; start && i < (size_t)TEMPS*WALKERS*DIM; i++)
        start[i] = box*(2*snl_rng_uniform(&r) - 1);
    if (st == SNL_OK) st = snl_mcmc_create(&s, &cfg, &why);
    if (st == SNL_OK) st = snl_mcmc_start(s, start, &why);
    if (st == SNL_OK) st = snl_mcmc_run(s, &burn, NULL, &why);
    if (st == SNL_OK) {
        snl_mcmc_freeze(s);                     /* the ladder stays as it is from here */
        st = snl_mcmc_run(s, &run, &chain, &why);
    }
    if (st == SNL_OK) st = snl_mcmc_evidence(s, &z);
    if (st == SNL_OK) st = snl_mcmc_ess(STEPS, WALKERS, DIM, draws, ess, work);
    if (st == SNL_OK) {
        for (size_t i = 0; i < n; i++) {
            const double x = fabs(draws[i*DIM]);
            here += (draws[i*DIM] < 0)/(double)n;
            mean += x/(double)n;
            var += pow(x - at, 2)/(double)n;
        }
        snl_mcmc_rates(s, accept, swap);
        printf("share of the left peak  true %g, found %.3f\n", weight, here);
        printf("place of the peaks      true %g, found %.3f +- %.3f\n", at, mean, sqrt(var));
        printf("ln evidence             true %.3f, found %.3f +- %.3f\n", -DIM*log(2*box), z.ss,
               z.ss_error);
        printf("accepted %.2f of the stretch moves, %.2f of the first swaps; %.0f effective "
               "samples\n", accept[SNL_MOVE_STRETCH], swap[0], ess[0]);
    } else fprintf(stderr, "%s: %s\n", why.name, snl_status_text(st));
    snl_mcmc_free(s);
    free(start);
    return st != SNL_OK;
}
