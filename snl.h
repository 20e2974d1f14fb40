/* snl.h - Sequential Neural Likelihood for LISA's massive black hole binaries, in C99.
 *
 * From a few thousand simulations to a posterior: simulate signals from a
 * proposal, compress them to a short summary x, learn p(x | theta), sample
 * surrogate likelihood times prior, take the samples as the next proposal.
 *
 *     cc -std=c99 app.c snl.c waveform.c lisa.c nn.c mcmc.c -lm
 *
 * The library never prints, never exits, reads no clock and no file, has no
 * threads and no global state.  It can be used in parts:
 *
 *     waveform.c   IMRPhenomD and IMRPhenomHM                  calls nothing of ours
 *     lisa.c       FFT, response, TDI, noise, likelihoods      calls waveform.c
 *     nn.c         conditional density estimation by flows     calls nothing of ours
 *     mcmc.c       ensemble samplers and their diagnostics     calls nothing of ours
 *     snl.c        priors, compression, the SNL rounds         calls all four
 *
 * CONVENTIONS, valid everywhere unless a function says otherwise
 *   Units: seconds, hertz, radians, detector-frame (redshifted) solar masses,
 *   megaparsecs (luminosity distance).  Fourier transforms of data and signals:
 *   h(f) = int h(t) exp(-2 pi i f t) dt, one-sided PSDs.  Complex numbers are
 *   (re, im) pairs of doubles: an array [n][2] holds n of them.  Times are SSB
 *   seconds since the epoch at which the longitude of LISA's centre is 0.
 *   Arrays are row-major; shapes stand in square brackets, units in braces.
 *
 * MEMORY has three owners.  Objects: X_create ... X_free, X_free accepts NULL.
 *   Scratch: the caller's, sized in doubles by X_work(...).  Results: the
 *   caller's arrays.  Only X_create and functions that say so allocate.
 *
 * ERRORS are returned as snl_status; on error the outputs are unchanged unless
 *   stated.  Functions that check many values also take an snl_fault (NULL
 *   allowed) that names the offending one with its legal range.
 *
 * REFERENCES
 *   [H]  Husa et al. 2016, arXiv:1508.07250          remnant of IMRPhenomD
 *   [K]  Khan et al. 2016, arXiv:1508.07253          IMRPhenomD
 *   [L]  London et al. 2018, arXiv:1708.00404        IMRPhenomHM
 *   [Q]  London & Fauchon-Jones, arXiv:1810.03550    quasi-normal mode fits
 *   [A]  Ajith 2011, arXiv:1107.1267                 reduced spin
 *   [M]  Marsat & Baker, arXiv:1806.10734            Fourier-domain response
 *   [M2] Marsat et al. 2021, arXiv:2003.00357        LISA frame, sky degeneracies
 *   [B]  Katz et al. 2020, arXiv:2005.01827; Katz 2022, arXiv:2111.01064   BBHx
 *   [R]  Robson, Cornish & Liu, arXiv:1803.01944     sensitivity, foreground
 *   [G]  Babak, Petiteau & Hewitson, arXiv:2108.01167 and Karnesis et al.,
 *        arXiv:2103.14598                            galactic foreground
 *   [Z]  Zackay, Dai & Venumadhav, arXiv:1806.08792; Cornish, arXiv:2109.02728
 *                                                    relative binning, heterodyning
 *   [P]  Papamakarios, Sterratt & Murray, arXiv:1805.07226   SNL
 *   [P2] Papamakarios et al. 2017, arXiv:1705.07057  masked autoregressive flow
 *   [V]  Vilchez & Sopuerta 2024, arXiv:2406.00565   SNL for LISA
 *   [GW] Goodman & Weare 2010, CAMCoS 5, 65          affine-invariant ensembles
 *   [BV] Blackman & Vigna, arXiv:1805.01407          xoshiro256++
 */
#ifndef SNL_H
#define SNL_H

#include <stddef.h>
#include <stdint.h>
#include <math.h>

/* ---- guards: linkage, must-use, version, memory ------------------------- */

#if defined(__FAST_MATH__) && !defined(SNL_ALLOW_FAST_MATH)
#error "snl relies on NaN and infinity: do not compile it with -ffast-math"
#endif

#define SNL_VERSION_MAJOR 0
#define SNL_VERSION_MINOR 1
#define SNL_VERSION_PATCH 0
#define SNL_VERSION "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define SNL_MUST_USE __attribute__((warn_unused_result))
#else
#define SNL_MUST_USE
#endif

/* Every allocation of the library goes through these two. */
#ifndef SNL_CALLOC
#include <stdlib.h>
#define SNL_CALLOC(n, size) calloc((n), (size))
#define SNL_FREE(p)         free(p)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SNL_PI 3.14159265358979323846264338327950288

/* ==== Status, faults ===================================================== */

typedef enum snl_status {
    SNL_OK = 0,
    SNL_EINVAL,       /* an argument breaks its documented contract    */
    SNL_ENOTFINITE,   /* NaN or infinity where none is allowed         */
    SNL_ENOMEM,       /* an allocation failed                          */
    SNL_EFORMAT,      /* saved bytes are damaged or of another version */
    SNL_ESTOPPED,     /* the caller's progress function asked to stop  */
    SNL_EFAILED       /* the numbers did not allow an answer           */
} snl_status;

/* Which argument was refused.  name is static text; lo and hi are the legal
 * range (lo > hi: there is none to state), index the row or element, if any. */
typedef struct snl_fault {
    const char *name;
    double      value, lo, hi;
    size_t      index;
} snl_fault;

/* One English sentence without full stop for a status; never NULL. */
static inline const char *snl_status_text(snl_status s)
{
    switch (s) {
    case SNL_OK:         return "success";
    case SNL_EINVAL:     return "an argument is outside its legal range";
    case SNL_ENOTFINITE: return "a number is not finite";
    case SNL_ENOMEM:     return "out of memory";
    case SNL_EFORMAT:    return "the saved bytes are damaged or of another version";
    case SNL_ESTOPPED:   return "stopped by the caller";
    case SNL_EFAILED:    return "the computation did not succeed";
    }
    return "unknown status";
}

/* Fill *why (may be NULL) and return SNL_EINVAL; NaN values give SNL_ENOTFINITE. */
static inline snl_status snl_refuse(snl_fault *why, const char *name,
                                    double value, double lo, double hi)
{
    if (why) { why->name = name; why->value = value; why->lo = lo; why->hi = hi; why->index = 0; }
    return value != value ? SNL_ENOTFINITE : SNL_EINVAL;
}

/* ==== Random numbers ===================================================== */

/* xoshiro256++ [BV].  The state is the caller's; streams of one seed are
 * independent for all practical purposes, so that item i of a parallel loop
 * takes stream i and the result does not depend on who computed it. */
typedef struct snl_rng { uint64_t s[4]; } snl_rng;

/* splitmix64: the recommended seeding generator of [BV]. */
static inline uint64_t snl_splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void snl_rng_seed(snl_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = seed, y;
    int i;
    y = snl_splitmix(&x) ^ (stream * UINT64_C(0xd1342543de82ef95));
    for (i = 0; i < 4; i++) r->s[i] = snl_splitmix(&y);
}

static inline uint64_t snl_rng_bits(snl_rng *r)
{
    const uint64_t a = r->s[0] + r->s[3], out = ((a << 23) | (a >> 41)) + r->s[0];
    const uint64_t t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = (r->s[3] << 45) | (r->s[3] >> 19);
    return out;
}

/* Uniform on the open interval (0, 1), 52 bits. */
static inline double snl_rng_uniform(snl_rng *r)
{ return ((double)(snl_rng_bits(r) >> 12) + 0.5) * (1.0 / 4503599627370496.0); }

/* Uniform on 0 .. n-1, n >= 1; the bias is below n / 2^64. */
static inline size_t snl_rng_below(snl_rng *r, size_t n)
{ return (size_t)(snl_rng_bits(r) % (uint64_t)n); }

/* Standard normal, Box and Muller; the second of the pair is not kept, so that
 * the state is only the four words. */
static inline double snl_rng_normal(snl_rng *r)
{
    const double u = snl_rng_uniform(r), v = snl_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(2.0 * SNL_PI * v);
}

/* ==== Parallel work ====================================================== */

/* Compute out [n][dout] from in [n][din], rows independent of each other.
 * worker < pool->workers tells which scratch may be used. */
typedef snl_status (*snl_map_fn)(void *ctx, size_t worker, size_t n,
                                 const double *in, double *out);

/* How parallel work reaches the caller's threads or processes.  map must call
 * fn once for each run of `block` consecutive rows (the last may be shorter),
 * each (fn, rows) exactly once, never two at a time with the same worker, and
 * return the first status in row order that is not SNL_OK.  Since blocks do not
 * depend on the number of workers, neither do results. */
typedef struct snl_pool {
    snl_status (*map)(void *self, snl_map_fn fn, void *ctx, size_t n, size_t block,
                      const double *in, size_t din, double *out, size_t dout);
    void  *self;
    size_t workers;     /* >= 1 */
} snl_pool;

/* Run a map on a pool; NULL stands for one worker, here, in order. */
static inline snl_status snl_pool_map(const snl_pool *pool, snl_map_fn fn, void *ctx,
                                      size_t n, size_t block, const double *in, size_t din,
                                      double *out, size_t dout)
{
    size_t i;
    if (pool) return pool->map(pool->self, fn, ctx, n, block, in, din, out, dout);
    for (i = 0; i < n; i += block) {
        const size_t m = n - i < block ? n - i : block;
        const snl_status s = fn(ctx, 0, m, in + i*din, out + i*dout);
        if (s != SNL_OK) return s;
    }
    return SNL_OK;
}

#include "h_waveform.h"
#include "h_lisa.h"
#include "h_nn.h"
#include "h_mcmc.h"
#include "h_snl.h"

#ifdef __cplusplus
}
#endif
#endif
