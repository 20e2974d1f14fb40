#!/usr/bin/env python3
"""snl_ctypes.py - the library from Python, with its standard library alone.

    make lib && python3 examples/snl_ctypes.py [build/libsnl.so]

Three things that carry over to the rest of snl.h: a struct that is filled in (a source), an
object that is made, used and freed (the signal-to-noise ratio of it), and a function of ours
that C calls back (a density written in Python, sampled by mcmc.c).  Functions that snl.h
defines inline, as the defaults of settings, are not in the shared library: fill the struct.
"""
import math
import sys
from ctypes import (CDLL, CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_int,
                    c_size_t, c_uint, c_uint64, c_void_p)

snl = CDLL(sys.argv[1] if len(sys.argv) > 1 else "build/libsnl.so")
snl.snl_version.restype = c_char_p
doubles = POINTER(c_double)


class Fault(Structure):
    _fields_ = [("name", c_char_p), ("value", c_double), ("lo", c_double), ("hi", c_double),
                ("index", c_size_t)]


def check(status):
    """Every function that can fail returns snl_status; 0 is success."""
    if status:
        name = why.name.decode() if why.name else ""
        raise ValueError(f"snl_status {status}: {name} = {why.value}, legal {why.lo} to {why.hi}")


why = Fault()

# ---- a struct that is filled in, an object that is made, used and freed


class Source(Structure):
    _fields_ = [(name, c_double) for name in
                "m1 m2 chi1 chi2 distance inclination phi_ref lambda_ beta psi t_ref".split()]


class Lisa(Structure):
    _fields_ = [("qnm", c_void_p), ("model", c_int), ("modes", c_uint), ("tdi", c_int),
                ("response", c_int), ("t0", c_double), ("t1", c_double), ("epoch", c_double)]


class Noise(Structure):
    _fields_ = [("model", c_int), ("tdi", c_int), ("foreground", c_int), ("years", c_double)]


PHENOMD, PHENOMHM = 0, 1
qnm = c_void_p()
check(snl.snl_qnm_create(byref(qnm)))
source = Source(m1=1.4e6, m2=0.6e6, chi1=0.6, chi2=0.3, distance=50e3, inclination=1.1,
                phi_ref=1, lambda_=2, beta=0.3, psi=0.9, t_ref=5e6)
noise = Noise(model=0, tdi=0, foreground=0, years=1)
print("snl", snl.snl_version().decode())
for label, model in (("PhenomD", PHENOMD), ("PhenomHM", PHENOMHM)):
    lisa = Lisa(qnm=qnm, model=model, modes=63, tdi=0, response=0, t0=0, t1=math.inf, epoch=0)
    snr = (c_double*4)()
    check(snl.snl_snr(byref(lisa), byref(source), byref(noise), c_double(1e-4), c_double(0.05),
                      c_size_t(16384), snr, byref(why)))
    print(f"{label}: SNR in A {snr[0]:.2f}, in E {snr[1]:.2f}, both {snr[2]:.2f}, in T {snr[3]:.2f}")
snl.snl_qnm_free(qnm)

# ---- a function of ours that C calls: theta [n][dim] in, two arrays [n] out

Target = CFUNCTYPE(c_int, c_void_p, c_size_t, doubles, doubles, doubles)
MOVES = 6


class Sampler(Structure):
    _fields_ = [("dim", c_size_t), ("walkers", c_size_t), ("temps", c_size_t),
                ("weight", c_double*MOVES), ("components", c_size_t), ("stretch", c_double),
                ("hop", c_double), ("gauss", c_double), ("ratio", c_double),
                ("prior_rung", c_int), ("adapt_time", c_double), ("adapt_lag", c_double),
                ("lo", doubles), ("period", doubles), ("seed", c_uint64), ("target", Target),
                ("jump", c_void_p), ("target_ctx", c_void_p), ("jump_ctx", c_void_p)]


class Run(Structure):
    _fields_ = [("steps", c_size_t), ("thin", c_size_t), ("every", c_size_t), ("ess", c_double),
                ("progress", c_void_p), ("user", c_void_p)]


class Chain(Structure):
    _fields_ = [("theta", doubles), ("log_prior", doubles), ("log_like", doubles),
                ("work", doubles), ("kept", c_size_t)]


@Target
def density(_, n, theta, log_prior, log_like):
    """A crescent: x ~ N(0, 1), y ~ N(x^2, 0.5^2)."""
    for i in range(n):
        x, y = theta[2*i], theta[2*i + 1]
        log_prior[i] = 0
        log_like[i] = -0.5*(x*x + ((y - x*x)/0.5)**2)
    return 0


dim, walkers, steps = 2, 32, 4000
cfg = Sampler(dim=dim, walkers=walkers, temps=1, weight=(0.5, 0.4, 0.1), stretch=2, hop=0.1,
              gauss=1, ratio=2, adapt_time=100, adapt_lag=1000, seed=1, target=density)
start = (c_double*(walkers*dim))(*[math.sin(7*i*i) for i in range(walkers*dim)])
draws = (c_double*(steps*walkers*dim))()
chain = Chain(theta=draws)
sampler = c_void_p()
check(snl.snl_mcmc_create(byref(sampler), byref(cfg), byref(why)))
check(snl.snl_mcmc_start(sampler, start, byref(why)))
check(snl.snl_mcmc_run(sampler, byref(Run(steps=500, thin=1, every=1000)), None, byref(why)))
check(snl.snl_mcmc_run(sampler, byref(Run(steps=steps, thin=1, every=1000)), byref(chain), byref(why)))
snl.snl_mcmc_free(sampler)
n = chain.kept*walkers
x, y = draws[0::2], draws[1::2]
print(f"x: true 0 +- 1, found {sum(x)/n:.3f} +- {math.sqrt(sum(v*v for v in x)/n - (sum(x)/n)**2):.3f}")
print(f"y: true mean 1, found {sum(y)/n:.3f}")
