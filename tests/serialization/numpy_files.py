"""Writes tests/serialization/numpy/*.npz, which NumPy's savez() and savez_compressed() made.

python tests/serialization/numpy_files.py, with the package numpy.
"""

from pathlib import Path

import numpy as np


def main() -> None:
    arrays = {
        "kernel": np.arange(6, dtype="<f4").reshape(2, 3) / 4,
        "lstm/cell/bias": np.array([-1, 2**40], dtype="<i8"),
        "fortran": np.asfortranarray(np.arange(6, dtype="<i4").reshape(3, 2)),
        "big_endian": np.array([0.1, -2.5], dtype=">f8"),
        "mask": np.array([True, False, True]),
        "scalar": np.float32(2.5),
        "nothing": np.zeros((0, 3), dtype="<f4"),
        "\u00e9": np.zeros(300, dtype="<i4"),
    }
    folder = Path(__file__).parent / "numpy"
    folder.mkdir(exist_ok=True)
    np.savez(folder / "plain.npz", **arrays)
    np.savez_compressed(folder / "compressed.npz", **arrays)


if __name__ == "__main__":
    main()
