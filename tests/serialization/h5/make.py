"""Writes the HDF5 files of this folder with h5py, for the tests of the reader: python3 make.py"""

import os

import h5py
import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))

with h5py.File("plain.h5", "w") as file:
    group = file.create_group("numbers/deep")
    for name in ("float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"):
        low = 0 if name.startswith("u") else -3
        group[name] = np.array([[low, 1, 2], [3, 4, 100]], dtype=name)
    group["halves"] = np.array([1.5, -0.25, 6e-8, 65504, np.inf, -np.inf], dtype="float16")
    group["bool"] = np.array([True, False, True])
    group["scalar"] = np.float32(2.5)
    group["empty"] = np.zeros((3, 0, 2), dtype="float32")
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    data = np.arange(4, dtype="<f4")
    h5py.h5d.create(group.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), compact).write(
        h5py.h5s.ALL, h5py.h5s.ALL, data
    )
    many = file.create_group("many")
    for i in range(160):
        many[str(i)] = np.int32(i)
    file.create_group("nothing")
    file.attrs["text"] = "of variable length, \u00e9"
    file.attrs["fixed"] = np.bytes_(b"of fixed length")
    file.attrs["list"] = ["one", "", "three"]
    file.attrs["fixed list"] = np.array([b"one", b"fourteen"], dtype="S8")
    file.attrs["number"] = 3
    file.attrs["none"] = h5py.Empty("f")

with h5py.File("big_endian.h5", "w") as file:
    file["float32"] = np.array([0.5, -2, 1e30], dtype=">f4")
    file["int64"] = np.array([-(2**60), 7], dtype=">i8")
    file["bool"] = np.array([True])
with h5py.File("both_endian.h5", "w") as file:
    file["x"] = np.arange(4, dtype=">f4")
    file["y"] = np.arange(4, dtype="<f4")

for name, options in (
    ("chunked", {"chunks": (2,)}),
    ("compressed", {"compression": "gzip"}),
    ("growing", {"maxshape": (None,)}),
):
    with h5py.File(name + ".h5", "w") as file:
        file.create_dataset("x", data=np.arange(4, dtype="f4"), **options)
with h5py.File("latest.h5", "w", libver="latest") as file:
    file["x"] = np.arange(4, dtype="f4")
with h5py.File("soft_link.h5", "w") as file:
    file["x"] = np.arange(4, dtype="f4")
    file["y"] = h5py.SoftLink("/x")
with h5py.File("hard_link.h5", "w") as file:
    file["x"] = np.arange(4, dtype="f4")
    file["y"] = file["x"]
with h5py.File("loop.h5", "w") as file:
    file["x/y"] = file["/"]
with h5py.File("external_link.h5", "w") as file:
    file["y"] = h5py.ExternalLink("plain.h5", "/numbers")
with h5py.File("external_data.h5", "w") as file:
    file.create_dataset("x", (4,), "f4", external=[("make.py", 0, 16)])
with h5py.File("never_written.h5", "w") as file:
    file.create_dataset("x", (4,), "f4")
with h5py.File("complex.h5", "w") as file:
    file["x"] = np.array([1j], dtype="complex64")
with h5py.File("strings.h5", "w") as file:
    file["x"] = np.array([b"a", b"bc"])
