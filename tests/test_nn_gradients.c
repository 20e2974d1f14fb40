/* Derivatives of nn.c against finite differences, masks against the pattern of the Jacobian,
 * the inverse against the transform; with nn_real double, because differences of floats
 * show nothing. */
#define NN_DOUBLE
#include "nn_inside.h"
#include "greatest.h"
#include "near.h"

/* Central difference of fn at v[i]; error O(h^2) + eps/h, below 1e-8 for values of order 1. */
typedef double (*scalar_fn)(void *ctx);
static double difference(scalar_fn fn, void *ctx, double *v)
{
    const double x = *v, h = 1e-4*(1 + fabs(x));
    double a, b, c, e;
    *v = x + h;    a = fn(ctx);
    *v = x - h;    b = fn(ctx);
    *v = x + 2*h;  c = fn(ctx);
    *v = x - 2*h;  e = fn(ctx);
    *v = x;
    return (8*(a - b) - (c - e))/(12*h);
}

typedef struct net_case {
    nn_net net;
    nn_cache k;
    double *p, *x, *c, *w;
    size_t n;
} net_case;

static double net_sum(void *ctx)
{
    net_case *t = ctx;
    const size_t n = t->n, out = t->net.l[t->net.layers].out;
    double sum = 0;
    nn_net_context(&t->net, n, t->c, &t->k);
    memcpy(nn_input(&t->net, &t->k, 0, n), t->x, t->net.l[0].in*n*sizeof *t->x);
    nn_net_forward(&t->net, t->p, 0, t->net.l[0].d, n, &t->k);
    for (size_t i = 0; i < out*n; i++) sum += t->w[i]*t->k.out[i];
    return sum;
}

static enum greatest_test_res check_net(int masked, int residual, size_t d, size_t h,
                                        size_t layers)
{
    enum { N = 8, M = 3, P = 2 };
    snl_flow_shape s = snl_flow_shape_defaults(d, M);
    net_case t;
    double *mem, *dp, *dx, *dc, *da, *db, *yt;
    size_t used = 0, nonzero = 0, most = 0;
    snl_rng rng;
    memset(&t, 0, sizeof t);
    s.residual = (size_t)residual;
    nn_net_init(&t.net, d, M, masked, layers, h, P, &s);
    t.n = N;
    nn_cache_take(&t.k, &t.net, NULL, &used);
    mem = doubles(used);
    used = 0;
    nn_cache_take(&t.k, &t.net, mem, &used);
    t.p = doubles(t.net.size);
    snl_rng_seed(&rng, 1, 1);
    nn_net_draw(&t.net, t.p, &rng);                     /* masks; zero outputs, filled here */
    for (size_t p = 0, l = layers; p < M + 1 + h; p++)
        for (size_t q = nn_seen(t.net.l + l, p); q < P*d; q++)
            t.p[t.net.l[l].at + p*t.net.l[l].ld + q] = snl_rng_normal(&rng);
    for (size_t l = 0; l <= layers; l++) most += t.net.l[l].ld + t.net.l[l].in + M + 1;
    t.x = normals(N*d, 2);
    t.c = normals(N*M, 3);
    t.w = normals(N*P*d, 4);
    dp = calloc(t.net.size, sizeof *dp);
    dx = calloc(N*d, sizeof *dx);
    dc = calloc(N*M, sizeof *dc);
    da = doubles(N*most);   db = doubles(N*most);   yt = doubles(N*most);
    net_sum(&t);
    nn_net_backward(&t.net, t.p, N, &t.k, t.w, dp, masked ? dx : NULL, dc, da, db, yt);
    for (size_t l = 0; l <= layers; l++) {
        const nn_layer *a = t.net.l + l;
        for (size_t p = 0; p < a->m + 1 + a->in; p++)
            for (size_t q = 0; q < a->ld; q++) {
                const size_t i = a->at + p*a->ld + q;
                if (q < nn_seen(a, p) || q >= a->out) { ASSERT(dp[i] == 0);  continue; }
                const double fd = difference(net_sum, &t, t.p + i);
                ASSERT_NEAR(fd, dp[i], 1e-6*(1 + fabs(fd)));
                nonzero += dp[i] != 0;
            }
    }
    ASSERT(nonzero > t.net.size/4);
    for (size_t i = 0; masked && i < N*d; i++) {
        const double fd = difference(net_sum, &t, t.x + i);
        ASSERT_NEAR(fd, dx[i], 1e-6*(1 + fabs(fd)));
        if (d > 1 && i < N) ASSERT(dx[i] != 0);
    }
    for (size_t i = 0; i < N*M; i++) {
        const double fd = difference(net_sum, &t, t.c + i);
        ASSERT_NEAR(fd, dc[i], 1e-6*(1 + fabs(fd)));
        ASSERT(dc[i] != 0);
    }
    free(mem);  free(t.p);  free(t.x);  free(t.c);  free(t.w);
    free(dp);   free(dx);   free(dc);   free(da);   free(db);   free(yt);
    PASS();
}

TEST network_gradients_agree_with_finite_differences(void)
{
    for (int way = 0; way < 4; way++)
        for (size_t layers = 1; layers <= 3; layers++) {
            const int masked = way & 1, residual = way >> 1;
            CHECK_CALL(check_net(masked, residual, 6, 13, layers));
            CHECK_CALL(check_net(masked, residual, 11, 9, layers));
            CHECK_CALL(check_net(masked, residual, 1, 4, layers));
        }
    PASS();
}

TEST outputs_depend_only_on_the_components_before_them(void)
{
    const size_t ds[] = { 2, 5, 8, 20 }, hs[] = { 3, 8, 16, 50 };
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 8; b++) {
            const size_t d = ds[a], P = b < 4 ? 2 : 7;
            snl_flow_shape s = snl_flow_shape_defaults(d, 2);
            double *mem, *x = normals(d, 8), *out = doubles(P*d);
            size_t felt = 0;
            snl_flow *f;
            nn_pass k;
            s.transforms = 1;
            s.width = hs[b % 4];
            s.bins = b < 4 ? 0 : 2;
            s.residual = b & 1;
            f = random_shape(&s, 0.5);
            mem = doubles(snl_flow_work(f));
            nn_pass_layout(&k, f, mem, 0);
            k.cw[0] = 0.3;  k.cw[1] = -0.4;
            nn_net_context(&f->made, 1, k.cw, &k.made[0]);
            for (size_t p = 0; p <= d; p++) {
                double *in = nn_input(&f->made, &k.made[0], 0, 1);
                memcpy(in, x, d*sizeof *x);
                if (p) in[p-1] += 0.7;
                nn_net_forward(&f->made, f->theta + f->mlp.size, 0, d, 1, &k.made[0]);
                for (size_t q = 0; p && q < P*d; q++) {
                    const int same = out[q] == k.made[0].out[q];
                    if (q/P <= p - 1) ASSERT(same);
                    else felt += !same;
                }
                if (!p) memcpy(out, k.made[0].out, P*d*sizeof *out);
            }
            /* with a unit of every degree, every later output feels every component */
            if (s.width >= d) ASSERT_EQ(P*d*(d - 1)/2, felt);
            else ASSERT(felt > 0);
            free(mem);  free(x);  free(out);
            snl_flow_free(f);
        }
    PASS();
}

typedef struct logp_case { snl_flow *f;  double *x, *c, *out, *work;  size_t n; } logp_case;

static double logp_sum(void *ctx)
{
    logp_case *t = ctx;
    double sum = 0;
    snl_flow_logp(t->f, t->n, t->x, t->n, t->c, t->out, t->work);
    for (size_t i = 0; i < t->n; i++) sum += t->out[i];
    return sum;
}

TEST density_gradients_in_c_and_x_agree_with_finite_differences(void)
{
    for (size_t degree = 0; degree <= 4; degree++)
        for (size_t way = 0; way < 3; way++) {
            const size_t T = way ? 3 : 0, bins = way == 2 ? 2 + degree : 0;
            enum { N = 3, D = 5, M = 3 };
            logp_case t;
            double dc[N*M], dx[N*D], out[N], *work;
            t.f = random_flow(D, M, degree, degree % 3, T, 12, bins, 0.3);
            t.x = normals(N*D, 1);
            t.c = normals(N*M, 2);
            t.n = N;
            t.out = doubles(N);
            t.work = doubles(snl_flow_work(t.f));
            work = doubles(snl_flow_grad_work(t.f));
            logp_sum(&t);
            snl_flow_logp_grad(t.f, N, t.x, N, t.c, out, dc, dx, work);
            for (size_t i = 0; i < N; i++) ASSERT_NEAR(t.out[i], out[i], 0);
            for (size_t i = 0; i < N*M; i++) {
                const double fd = difference(logp_sum, &t, t.c + i);
                ASSERT_NEAR(fd, dc[i], 1e-6*(1 + fabs(fd)));
                if (degree || T) ASSERT(dc[i] != 0);
            }
            for (size_t i = 0; i < N*D; i++) {
                const double fd = difference(logp_sum, &t, t.x + i);
                ASSERT_NEAR(fd, dx[i], 1e-6*(1 + fabs(fd)));
                ASSERT(dx[i] != 0);
            }
            free(t.x);  free(t.c);  free(t.out);  free(t.work);  free(work);
            snl_flow_free(t.f);
        }
    PASS();
}

typedef struct loss_case { nn_trainer t;  int stage;  size_t n; } loss_case;

static double loss_sum(void *ctx)
{
    loss_case *l = ctx;
    if (nn_load(&l->t, NULL, l->stage, 1, l->n, l->t.rows) != SNL_OK) exit(1);
    return nn_loss(&l->t, l->stage, l->n, 1, NULL);
}

TEST training_losses_have_the_right_gradients(void)
{
    enum { N = 6, D = 4, M = 2 };
    snl_flow *f = random_flow(D, M, 2, 2, 2, 9, 3, 0.3);
    const snl_train_hooks none = { NULL, NULL, NULL };
    const snl_train_cfg cfg = snl_train_defaults();
    snl_train_data data = { N, NULL, NULL, NULL };
    double *c = normals(N*M, 1), *x = normals(N*D, 2), *mem;
    loss_case l;
    memset(&l, 0, sizeof l);
    data.c = c;  data.x = x;
    l.t.hooks = &none;
    l.t.f = f;   l.t.cfg = &cfg;  l.t.data = &data;  l.t.nval = 1;  l.t.ntrain = N - 1;
    mem = calloc(nn_trainer_layout(&l.t, NULL) + NN_LANES, sizeof *mem);
    nn_trainer_layout(&l.t, mem);
    for (size_t i = 0; i < N; i++) l.t.rows[i] = i;
    for (size_t j = 0; j < D; j++) l.t.q[j] = 0.1 + (double)j;
    nn_contexts(&l.t, 0);
    l.n = N;
    for (l.stage = 1; l.stage <= 2; l.stage++) {
        const size_t np = l.stage == 1 ? f->mlp.size : f->np;
        size_t nonzero = 0;
        memset(l.t.grad, 0, f->np*sizeof *l.t.grad);
        loss_sum(&l);
        if (nn_load(&l.t, NULL, l.stage, 1, N, l.t.rows) != SNL_OK) exit(1);
        nn_loss(&l.t, l.stage, N, 1, l.t.grad);
        for (size_t i = 0; i < np; i++) {
            const double fd = difference(loss_sum, &l, f->theta + i);
            if (l.t.grad[i] == 0 && f->theta[i] == 0) continue;         /* masked */
            ASSERT_NEAR(fd, l.t.grad[i], 1e-6*(1 + fabs(fd)));
            nonzero += l.t.grad[i] != 0;
        }
        ASSERT(nonzero > np/4);
        {   /* lanes that are filled up do not count */
            const double all = loss_sum(&l);
            double sum = 0;
            for (size_t i = 0; i < N; i++) {
                if (nn_load(&l.t, NULL, l.stage, 1, 1, l.t.rows + i) != SNL_OK) exit(1);
                sum += nn_loss(&l.t, l.stage, 1, 1, NULL);
            }
            ASSERT_NEAR(sum, all, 1e-10*fabs(sum));
        }
    }
    free(c);  free(x);  free(mem);
    snl_flow_free(f);
    PASS();
}

/* The draws of snl_flow_sample must come back as the normals they were made of. */
TEST samples_map_back_to_their_normals(void)
{
    for (size_t bins = 0; bins <= 8; bins += 4)     /* 70: more than one block of rows */
        ASSERT_NEAR(0, sampling_error(70, bins, 0.2), 1e-8);
    PASS();
}

SUITE(nn_gradients)
{
    RUN_TEST(network_gradients_agree_with_finite_differences);
    RUN_TEST(outputs_depend_only_on_the_components_before_them);
    RUN_TEST(density_gradients_in_c_and_x_agree_with_finite_differences);
    RUN_TEST(training_losses_have_the_right_gradients);
    RUN_TEST(samples_map_back_to_their_normals);
}

GREATEST_MAIN_DEFS();

int main(int argc, char **argv)
{
    GREATEST_MAIN_BEGIN();
    RUN_SUITE(nn_gradients);
    GREATEST_MAIN_END();
}
