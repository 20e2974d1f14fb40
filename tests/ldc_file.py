"""Files in the public layouts of the LISA Data Challenges, made here and turned into ours by
examples/ldc_to_npy.py.  Argument: a directory to write in.  Needs h5py."""
import os
import subprocess
import sys

import h5py
import numpy as np

TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples", "ldc_to_npy.py")
D = sys.argv[1]
passed = failed = 0


def ok(what, true):
    global passed, failed
    passed, failed = passed + bool(true), failed + (not true)
    if not true:
        print("not so:", what)


def convert(name, *arguments):
    """Its standard output and what it wrote; (stderr, None) if it refused."""
    out = os.path.join(D, "out.npy")
    r = subprocess.run([sys.executable, TOOL, os.path.join(D, name), out, *arguments],
                       capture_output=True, text=True)
    return (r.stderr, None) if r.returncode else (r.stdout, np.load(out))


n, dt = 1000, 5.0
t = 100 + dt*np.arange(n)
x, y, z = (1e-20*np.sin((0.01 + 0.002*k)*t + k) for k in range(3))
a, e = (z - x)/np.sqrt(2), (x - 2*y + z)/np.sqrt(6)
xyz = np.rec.fromarrays([t, x, y, z], names="t,X,Y,Z")
binary = dict(EclipticLatitude=-0.303, EclipticLongitude=1.2925, PolarAngleOfSpin1=1.2031,
              PolarAngleOfSpin2=2.0973, Spin1=0.7474, Spin2=0.8388, Mass1=1323277.5,
              Mass2=612485.5, CoalescenceTime=11526944.9, PhaseAtCoalescence=1.2202,
              InitialPolarAngleL=2.692, InitialAzimuthalAngleL=1.8084, Redshift=1.73941,
              Distance=13470.98, ObservationDuration=31558149.76, Cadence=3.0)
light_first = dict(binary, Mass1=binary["Mass2"], Mass2=binary["Mass1"], Spin1=0.1)
cat = np.rec.fromrecords([tuple(b.values()) for b in (light_first, binary)], names=list(binary))

with h5py.File(os.path.join(D, "ldc2.h5"), "w") as f:           # LDC2a: tables of shape (N,1)
    f["obs/tdi"] = xyz.reshape(n, 1)
    f["sky/mbhb/tdi"] = xyz[:500]                               # and (N,)
    f["sky/mbhb/cat"] = cat
    group = f.create_group("sky/group")                         # series one by one
    for k, v in zip("tXYZ", (t, x, y, z)):
        group[k] = v
with h5py.File(os.path.join(D, "ldc1.hdf5"), "w") as f:         # LDC1: a matrix
    f["H5LISA/PreProcess/TDIdata"] = np.column_stack([t, x, y, z])
    for k, v in binary.items():
        f[f"H5LISA/GWSources/MBHB-0/{k}"] = v/1e3 if k == "Distance" else v
    f["H5LISA/GWSources/MBHB-0/Distance"].attrs["Units"] = "Gpc"
    f["H5LISA/GWSources/MBHB-0/Approximant"] = "IMRPhenomD"
with h5py.File(os.path.join(D, "bad.h5"), "w") as f:
    f["obs/tdi"] = np.rec.fromarrays([t**1.001, x, y, z], names="t,X,Y,Z")
    f["wide"] = np.zeros((n, 3))

for name in ("ldc2.h5",), ("ldc1.hdf5",), ("ldc2.h5", "--group", "sky/group"):
    text, v = convert(*name)
    ok(f"{name}: t, A, E", v is not None and v.dtype == "<f8" and v.shape == (n, 3)
       and np.array_equal(v[:, 0], t) and np.allclose(v[:, 1], a, 1e-14, 1e-34)
       and np.allclose(v[:, 2], e, 1e-14, 1e-34))
    ok(f"{name}: where the data are", text == "data = out.npy\nchannels = AE\ndt = 5\nt_start = 100\nphases = start\n")
text, v = convert("ldc2.h5", "--channels", "XYZ", "--from", "150", "--to", "200")
ok("and says what they are", "\nchannels = XYZ\n" in text)
ok("a piece of X, Y, Z", v is not None and np.array_equal(v, np.column_stack([t, x, y, z])[10:20]))
text, v = convert("ldc2.h5", "--group", "sky/mbhb/tdi")
ok("another group", v is not None and len(v) == 500)

# The orbit's direction L by vectors: cos i = -L.n; psi is the angle from west to the
# projection of L, by way of north.
lat, lon, th, ph = (binary[k] for k in ("EclipticLatitude", "EclipticLongitude",
                                        "InitialPolarAngleL", "InitialAzimuthalAngleL"))
L = np.array([np.sin(th)*np.cos(ph), np.sin(th)*np.sin(ph), np.cos(th)])
to = np.array([np.cos(lat)*np.cos(lon), np.cos(lat)*np.sin(lon), np.sin(lat)])
west = np.cross(to, [0, 0, 1])/np.cos(lat)
north = np.cross(to, west)*-1
for name, i in ("ldc1.hdf5", 0), ("ldc2.h5", 1):
    text, v = convert(name, "--source", str(i))
    got = {k[7:]: float(w) for k, w in (s.split(" = ") for s in text.splitlines()) if k[:7] == "inject."}
    want = {k: binary[k] for k in ("Mass1", "Mass2", "CoalescenceTime", "Distance", "PhaseAtCoalescence",
                                   "EclipticLongitude", "EclipticLatitude")}
    want.update(Spin1=0.7474*np.cos(1.2031), Spin2=0.8388*np.cos(2.0973), Inclination=np.arccos(-L @ to),
                Polarization=np.arctan2(L @ north, L @ west))
    ok(f"{name}: the binary's parameters", got.keys() == want.keys()
       and all(abs(got[k] - want[k]) < 1e-12*max(1, abs(want[k])) for k in want))
with open(os.path.join(D, "source.cfg"), "w") as f:
    f.write(text)
text, v = convert("ldc2.h5", "--source", "0")
ok("the heavier body comes first", "inject.Mass1 = 1323277.5\n" in text
   and f"inject.Spin2 = {float(0.1*np.cos(1.2031))!r}"[:26] in text)

for wrong, name in (("not equidistant", ("bad.h5",)), ("four columns", ("bad.h5", "--group", "wide")),
                    ("holds no", ("bad.h5", "--group", "no")), ("ldc_to_npy: ", ("no.h5",)),
                    ("0 rows", ("ldc2.h5", "--from", "9000"))):
    text, v = convert(*name)
    ok(f"refused: {wrong}: {text}", v is None and wrong in text and text.count("\n") == 1)
print(f"{passed} passed, {failed} failed")
