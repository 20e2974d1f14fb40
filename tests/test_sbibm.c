/* test_sbibm.c - the tasks of examples/sbibm.c whose truth is not plain from their code. */
#define main sbibm_main
#include "../examples/sbibm.c"
#undef main
#include "../examples/io.c"
#include "greatest.h"
#include "near.h"

/* With dX/dt = X (a - b Y), dY/dt = Y (d X - c), the quantity d X - c ln X + b Y - a ln Y is
 * conserved.  A step is good to 1e-6 in ln X and ln Y, there are some hundred of them, and
 * dV/d ln X = d X - c is at most 30 here. */
TEST prey_and_predators_conserve_their_first_integral(void)
{
    const double sets[3][4] = { { 0.69, 0.11, 0.89, 0.12 }, { 2.4, 0.02, 0.3, 0.13 },
                                { 0.35, 0.15, 2.2, 0.02 } };
    for (int s = 0; s < 3; s++) {
        const double *t = sets[s];
        double y[ODE] = { log(30), 0 }, first = 0, span = 0;
        for (int i = 0; i <= 20; i++) {
            const double V = t[3]*exp(y[0]) - t[2]*y[0] + t[1]*exp(y[1]) - t[0]*y[1];
            if (i == 0) first = V;
            ASSERT_NEAR(first, V, 1e-3);
            span = fmax(span, fabs(y[0] - log(30)));
            integrate(lotka_slope, t, y, 1);
        }
        ASSERT(span > 0.5);                         /* it did move */
    }
    PASS();
}

/* S + I - (gamma/beta) N ln S is conserved; early, while S stays, I = exp((beta - gamma) t).
 * Errors of 1e-6 per step in ln S are N 1e-6 = 1 in S. */
TEST an_epidemic_conserves_its_first_integral(void)
{
    const double t[2] = { 0.6, 0.15 }, N = 1e6;
    double y[ODE] = { log(1e6 - 1), 0 }, first = 0, most = 0;
    for (int i = 0; i <= 160; i++) {
        const double V = exp(y[0]) + exp(y[1]) - t[1]/t[0]*N*y[0];
        if (i == 0) first = V;
        ASSERT_NEAR(first, V, 100);
        if (i == 10) ASSERT_NEAR(0.45*10, y[1], 3e-4);
        most = fmax(most, exp(y[1]));
        integrate(sir_slope, t, y, 1);
    }
    /* at the top S = gamma N/beta: I = N (1 - (1 + ln R0)/R0), R0 = 4; days are coarse */
    ASSERT_NEAR(N*(1 - (1 + log(4))/4), most, 0.01*N);
    PASS();
}

/* The mean of each component of x, from the spikes' probabilities, which are independent:
 * x_0 = sum y(t), x_(1+j) = sum y(t) I(t - j).  With theta = 0 every p is 1/2, so the mean of
 * x_0 is 50 and its variance 25; with theta_0 alone p = 1/(1 + exp(-theta_0)). */
TEST spikes_come_at_the_rate_of_the_logit(void)
{
    enum { N = 20000 };
    double theta[10] = { 1.2 }, x[10], sum = 0, sum2 = 0, cross = 0, one = 0;
    const double p = 1/(1 + exp(-1.2));
    snl_rng r;
    snl_rng_seed(&r, 1, 0);
    for (int i = 0; i < N; i++) {
        bernoulli_glm(&r, theta, x);
        sum += x[0]/N;
        sum2 += x[0]*x[0]/N;
        one += x[1]/N;
        cross += x[0]*x[1]/N;
    }
    ASSERT_NEAR(100*p, sum, 5*sqrt(100*p*(1 - p)/N));
    ASSERT_NEAR(100*p*(1 - p), sum2 - sum*sum, 100*p*(1 - p)*5*sqrt(2.0/N));
    /* sum of the 100 I, -10.38465, times p, and cov(x_0, x_1) = p (1 - p) times it */
    ASSERT_NEAR(-10.38465*p, one, 5*sqrt(83*p*(1 - p)/N));
    ASSERT_NEAR(-10.38465*p*(1 - p), cross - sum*one, 5*83*p*(1 - p)/sqrt(N));
    PASS();
}

/* Variances of the prior, from the inverse of F^T F and by 2 for the offset (numpy). */
TEST the_filter_is_drawn_from_its_prior(void)
{
    enum { N = 20000 };
    static const double want[10] = { 2, 1, 2.8125, 3.348681, 2.408910, 1.479506, 1.210962,
                                     1.143209, 0.961587, 0.774908 };
    double var[10] = { 0 };
    snl_rng r;
    snl_rng_seed(&r, 2, 0);
    for (int i = 0; i < N; i++) {
        double u[10];
        for (int k = 0; k < 10; k++) u[k] = snl_rng_normal(&r);
        glm_map(u);
        for (int k = 0; k < 10; k++) var[k] += u[k]*u[k]/N;
    }
    for (int k = 0; k < 10; k++) ASSERT_REL(want[k], var[k], 5*sqrt(2.0/N));
    PASS();
}

/* Day 0: one infected in a million, so of 1,000 tested nearly always none.  Day 34, near the
 * top: the mean is 1,000 I/N, I by the integration tested above in one stretch. */
TEST tested_people_are_infected_as_the_population(void)
{
    enum { N = 2000 };
    const double theta[2] = { 0.6, 0.15 };
    double x[10], y[ODE] = { log(1e6 - 1), 0 }, sum = 0, zero = 0, p;
    snl_rng r;
    snl_rng_seed(&r, 3, 0);
    for (int i = 0; i < N; i++) {
        sir(&r, theta, x);
        sum += x[2]/N;
        zero += x[0];
    }
    integrate(sir_slope, theta, y, 34);
    p = 1e-6*exp(y[1]);
    ASSERT(p > 0.1);
    ASSERT_NEAR(1000*p, sum, 5*sqrt(1000*p*(1 - p)/N));
    ASSERT(zero <= 12);                                         /* Poisson of mean 2 */
    PASS();
}

SUITE(simulators)
{
    RUN_TEST(prey_and_predators_conserve_their_first_integral);
    RUN_TEST(an_epidemic_conserves_its_first_integral);
    RUN_TEST(spikes_come_at_the_rate_of_the_logit);
    RUN_TEST(the_filter_is_drawn_from_its_prior);
    RUN_TEST(tested_people_are_infected_as_the_population);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(simulators);
    GREATEST_MAIN_END();
}
