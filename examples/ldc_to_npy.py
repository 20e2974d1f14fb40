#!/usr/bin/env python3
"""ldc_to_npy.py - a file of the LISA Data Challenges as data of ours.  Needs h5py.

    python3 examples/ldc_to_npy.py LDC2_sangria_training_v2.h5 data.npy --from 4.5e6 --to 7.1e6
    python3 examples/ldc_to_npy.py LDC1-1_MBHB_v2.hdf5 data.npy --source 0 > truth.cfg

Reads X, Y, Z as LDC2 keeps them (obs/tdi, or another --group, as sky/mbhb/tdi: a table with
the columns t, X, Y, Z) or LDC1 (H5LISA/PreProcess/TDIdata: a matrix of four columns), and writes
float64 (N,3) t, A, E, or with --channels XYZ (N,4) t, X, Y, Z.  Nothing is converted but
A = (Z-X)/sqrt2, E = (X-2Y+Z)/sqrt6: signs, frame, epoch and units (relative frequency, seconds
of the barycentre) are those of snl.  Lines for the configuration go to standard output: where the data
are, and with --source N the parameters of binary N of the catalogue (sky/mbhb/cat, or
H5LISA/GWSources/MBHB-N), with spins along the orbit, polarisation and inclination from the
direction L of the orbit.
"""
import argparse
import math
import os
import sys

try:
    import h5py
    import numpy as np
except ImportError as e:
    sys.exit(f"ldc_to_npy: {e}; Debian: apt-get install python3-h5py")

LAYOUTS = "obs/tdi", "H5LISA/PreProcess/TDIdata"


def columns(node, rows):
    """t, X, Y, Z of some rows, whether a group, a table or a matrix; a table may be (N,1)."""
    if isinstance(node, h5py.Group):
        return [node[k][rows].ravel() for k in "tXYZ"]
    block = node[rows]
    if block.dtype.names:
        return [block[k].ravel() for k in "tXYZ"]
    if block.ndim != 2 or block.shape[1] != 4:
        raise ValueError(f"{node.name}: shape {node.shape}, not the four columns t, X, Y, Z")
    return list(block.T)


def binary(f, n):
    """Parameters of one binary by their names, whichever way the file keeps them."""
    if "sky/mbhb/cat" in f:
        cat = f["sky/mbhb/cat"][()].ravel()
        return {k: float(cat[n][k]) for k in cat.dtype.names if cat.dtype[k].kind in "fiu"}
    source = f[f"H5LISA/GWSources/MBHB-{n}"]
    p = {}
    for k, v in source.items():
        if v.dtype.kind not in "fiu":
            continue
        unit = v.attrs.get("Units", b"")
        unit = unit.decode() if isinstance(unit, bytes) else str(unit)
        scale = {"gpc": 1e3, "kpc": 1e-3, "pc": 1e-6}.get(unit.lower(), 1)
        p[k] = float(np.ravel(v[()])[0])*(scale if k == "Distance" else 1)
    return p


def orientation(p):
    """Polarisation and inclination: cos i = -L.n, psi that of L's projection on the sky."""
    if "Polarization" in p and "Inclination" in p:
        return p["Polarization"], p["Inclination"]
    b, th = p["EclipticLatitude"], p["InitialPolarAngleL"]
    d = p["EclipticLongitude"] - p["InitialAzimuthalAngleL"]
    c = -math.cos(th)*math.sin(b) - math.cos(b)*math.sin(th)*math.cos(d)
    up = math.cos(th)*math.cos(b) - math.sin(b)*math.sin(th)*math.cos(d)
    return math.atan2(up, math.sin(th)*math.sin(d)), math.acos(max(-1, min(1, c)))


def inject(p):
    """Its lines in our configuration: names of the challenge, which snl knows."""
    psi, inclination = orientation(p)
    spin = [p[f"Spin{i}"]*math.cos(p.get(f"PolarAngleOfSpin{i}", 0)) for i in (1, 2)]
    heavy, light = (1, 2) if p["Mass1"] >= p["Mass2"] else (2, 1)
    lines = dict(Mass1=p[f"Mass{heavy}"], Mass2=p[f"Mass{light}"], Spin1=spin[heavy - 1],
                 Spin2=spin[light - 1], CoalescenceTime=p["CoalescenceTime"],
                 Distance=p["Distance"], Inclination=inclination,
                 PhaseAtCoalescence=p["PhaseAtCoalescence"],
                 EclipticLongitude=p["EclipticLongitude"],
                 EclipticLatitude=p["EclipticLatitude"], Polarization=psi)
    return "".join(f"inject.{k} = {v!r}\n" for k, v in lines.items())


def main():
    a = argparse.ArgumentParser(prog="ldc_to_npy", description=__doc__.split("\n")[0])
    a.add_argument("file")
    a.add_argument("out")
    a.add_argument("--group", help="where X, Y, Z are; default: " + " or ".join(LAYOUTS))
    a.add_argument("--channels", choices=["AE", "XYZ"], default="AE")
    a.add_argument("--from", dest="begin", type=float, default=-math.inf, help="seconds")
    a.add_argument("--to", dest="end", type=float, default=math.inf, help="seconds, exclusive")
    a.add_argument("--source", type=int, help="print the parameters of this binary")
    o = a.parse_args()
    with h5py.File(o.file, "r") as f:
        name = o.group or next((k for k in LAYOUTS if k in f), None)
        if name is None or name not in f:
            raise ValueError(f"{o.file} holds no {o.group or ' and no '.join(LAYOUTS)}")
        node = f[name]
        t = [columns(node, slice(i, i + 1))[0][0] for i in (0, 1)]
        dt = t[1] - t[0]
        first = 0 if o.begin == -math.inf else max(0, math.ceil((o.begin - t[0])/dt - 1e-9))
        last = None if o.end == math.inf else max(first, math.ceil((o.end - t[0])/dt - 1e-9))
        t, x, y, z = (c.astype("<f8") for c in columns(node, slice(first, last)))
        if len(t) < 2 or not all(np.isfinite(c).all() for c in (t, x, y, z)):
            raise ValueError(f"{name}: {len(t)} rows between --from and --to, or not finite")
        if abs(np.diff(t) - dt).max() > 1e-6*dt:
            raise ValueError(f"{name}: the times are not equidistant")
        truth = "" if o.source is None else inject(binary(f, o.source))
    series = [x, y, z] if o.channels == "XYZ" else [
        (z - x)/math.sqrt(2), (x - 2*y + z)/math.sqrt(6)]
    np.save(o.out, np.column_stack([t] + series))
    print(f"data = {os.path.basename(o.out)}\nchannels = {o.channels}\ndt = {dt:.17g}\n"
          f"t_start = {t[0]:.17g}\nphases = start\n{truth}", end="")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, KeyError, OSError) as e:
        sys.exit(f"ldc_to_npy: {e}")
