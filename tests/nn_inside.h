/* nn.c inside the tests, under other public names, so that its static parts can be reached
 * and its allocations made to fail; and flows to try it on.  Part of the tests. */
#ifndef NN_INSIDE_H
#define NN_INSIDE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long test_alloc_left = -1;       /* allocations until one fails; < 0: never */
static void *test_calloc(size_t n, size_t size)
{
    if (test_alloc_left == 0) return NULL;
    if (test_alloc_left > 0) test_alloc_left--;
    return calloc(n, size);
}
#define SNL_CALLOC(n, size) test_calloc((n), (size))
#define SNL_FREE(p)         free(p)

#define snl_flow_create     test_flow_create
#define snl_flow_free       test_flow_free
#define snl_flow_get_shape  test_flow_get_shape
#define snl_flow_work       test_flow_work
#define snl_flow_grad_work  test_flow_grad_work
#define snl_flow_logp       test_flow_logp
#define snl_flow_logp_grad  test_flow_logp_grad
#define snl_flow_mean       test_flow_mean
#define snl_flow_sample     test_flow_sample
#define snl_flow_train      test_flow_train
#define snl_flow_save       test_flow_save
#define snl_flow_load       test_flow_load
#include "../nn.c"
static double *doubles(size_t n)
{
    double *p = malloc((n ? n : 1)*sizeof *p);
    if (!p) exit(1);
    return p;
}

static double *normals(size_t n, uint64_t seed)
{
    double *p = doubles(n);
    snl_rng r;
    snl_rng_seed(&r, seed, 0);
    for (size_t i = 0; i < n; i++) p[i] = snl_rng_normal(&r);
    return p;
}


/* A flow of which no part is trivial: random weights, scales, polynomial, whitening. */
static snl_flow *random_shape(const snl_flow_shape *s, double size)
{
    const size_t d = s->d, m = s->m;
    snl_flow *f;
    snl_rng r;
    if (snl_flow_create(&f, s, NULL) != SNL_OK) exit(1);
    snl_rng_seed(&r, 5, 5);
    for (size_t i = 0; i < f->F*d; i++) f->S[i] = 0.3*snl_rng_normal(&r);
    *f->logdet = 0;
    for (size_t i = 0; i < d; i++) {
        f->rs[i] = 0.5 + snl_rng_uniform(&r);
        for (size_t j = i; j < d; j++) f->B[i*d + j] = (i == j) + 0.2*snl_rng_uniform(&r);
        *f->logdet += log(f->B[i*d + i]);
    }
    for (size_t i = 0; i < m; i++) {
        f->cm[i] = 0.3*snl_rng_normal(&r);
        for (size_t j = i; j < m; j++) f->cB[i*m + j] = (i == j) + 0.2*snl_rng_uniform(&r);
    }
    /* outputs are zero after create: fill where the masks allow */
    for (size_t t = 0; t <= s->transforms; t++) {
        const nn_net *net = t < s->transforms ? &f->made : &f->mlp;
        const nn_layer *a = net->l + net->layers;
        nn_real *W = (t < s->transforms ? nn_theta(f, t) : f->theta) + a->at;
        for (size_t p = 0; net->layers && p < a->m + 1 + a->in; p++)
            for (size_t q = nn_seen(a, p); q < a->out; q++)
                W[p*a->ld + q] = (nn_real)(size*snl_rng_normal(&r));
    }
    return f;
}

static snl_flow *random_flow(size_t d, size_t m, size_t degree, size_t mlp, size_t transforms,
                             size_t width, size_t bins, double size)
{
    snl_flow_shape s = snl_flow_shape_defaults(d, m);
    s.degree = degree;          s.mean_layers = mlp;    s.mean_width = 7;
    s.transforms = transforms;  s.width = width;        s.bins = bins;
    return random_shape(&s, size);
}

/* What snl_flow_sample draws must come back as the normals it was made of: the largest
 * difference over n draws of d = 6 components, weights of that size. */
static double sampling_error(size_t n, size_t bins, double size)
{
    enum { D = 6, M = 3 };
    snl_flow *f = random_flow(D, M, 2, 1, 4, 20, bins, size);
    double *c = normals(n*M, 1), *x = doubles(n*D), logp[NN_ROWS], worst = 0;
    double *work = doubles(snl_flow_work(f));
    nn_pass k;
    snl_rng rng, twin;
    snl_rng_seed(&rng, 9, 0);
    twin = rng;
    snl_flow_sample(f, n, c, &rng, x, work);
    nn_pass_layout(&k, f, work, 0);
    for (size_t i = 0; i < n; i++) {
        nn_mean_forward(f, nn_context_forward(f, 1, c + i*M, &k), &k);
        memcpy(k.x, x + i*D, D*sizeof *x);
        nn_density_forward(f, 1, &k, logp);
        for (size_t j = 0; j < D; j++) {
            const double off = fabs(snl_rng_normal(&twin) - k.z[j]);
            if (off != off || off > worst) worst = off;  /* NaN stays */
        }
    }
    free(c);  free(x);  free(work);
    snl_flow_free(f);
    return worst;
}

#endif
