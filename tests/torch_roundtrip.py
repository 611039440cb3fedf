#!/usr/bin/env python3
"""Weights and arrays go from PyTorch and NumPy to this library and back: torch_roundtrip.py PROGRAM [COUNT]

PROGRAM is bin/torch_files. This script writes the state_dict() of COUNT (30) random nn.RNN, nn.LSTM and nn.GRU with
the installed safetensors, and arrays of each dtype with NumPy. PROGRAM compares its predictions with those of PyTorch and writes everything again. Modules of PyTorch that load_state_dict() what it wrote
must compute the same as before, and arrays must be equal. A quarter of the modules is stored as float16 or bfloat16.
Exits with 77 if a package is missing: torch, safetensors, numpy. On Debian 12:

    apt-get install --no-install-recommends python3-torch python3-venv
    /usr/bin/python3 -m venv --system-site-packages torch-venv && torch-venv/bin/pip install safetensors
    cmake --preset release -DUNSPOOL_TORCH_PYTHON=$PWD/torch-venv/bin/python
    ctest --preset release -R torch/roundtrip
"""

import os
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from safetensors.torch import load_file, save_file
except ImportError as error:
    print(error)
    sys.exit(77)
from torch import nn

RNG = random.Random(5)


def random_module(i):
    kind = ["RNN", "LSTM", "GRU", "RNN_RELU"][i % 4]
    options = {
        "input_size": RNG.randint(1, 6),
        "hidden_size": RNG.randint(1, 6),
        "num_layers": RNG.randint(1, 3),
        "bidirectional": RNG.random() < 0.6,
        "bias": RNG.random() < 0.8,
    }
    more = {"nonlinearity": "relu"} if kind == "RNN_RELU" else {}
    make = lambda: getattr(nn, kind.split("_")[0])(**options, **more, batch_first=True).eval()
    module = make()
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape) * 0.4)
            if i % 8 >= 6:  # What is stored in half precision must be the weights that PyTorch computes with.
                weight.copy_(weight.to(torch.float16 if i % 8 == 6 else torch.bfloat16))
    return module, make, {"kind": kind, **{key: str(value) for key, value in options.items()}}


def stored(i, weight):
    return weight.to([torch.float16, torch.bfloat16][i % 8 - 6]) if i % 8 >= 6 else weight


def arrays():
    values = np.random.default_rng(1).integers(0, 2, (2, 3, 4))
    made = {f"{order}{code}": values.astype(order + code) for order in "<>" for code in ("f4", "f8", "i4", "i8")}
    made |= {"bool": values.astype(bool), "fortran": np.asfortranarray(values), "scalar": np.float64(0.1)}
    return made | {"empty": np.zeros((0, 2)), "a/b": np.float32([1, np.nan, -np.inf]), "\u00fc": np.int32([7])}


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    torch.manual_seed(1)
    torch.set_num_threads(1)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for i in range(count):
            module, make, metadata = random_module(i)
            x = torch.randn(2, RNG.randint(1, 7), module.input_size)
            with torch.no_grad():
                y = module(x)[0]
            tensors = {"module." + key: stored(i, value).contiguous() for key, value in module.state_dict().items()}
            save_file(tensors | {"input": x, "output": y.contiguous()}, f"{folder}/{i:03}.safetensors", metadata)
            made[f"{i:03}"] = (module, make, x, y)
        np.savez(f"{folder}/plain.npz", **arrays())
        np.savez_compressed(f"{folder}/compressed.npz", **arrays())

        result = subprocess.run([sys.argv[1], folder], capture_output=True, text=True)
        print(result.stdout, end="")
        if result.returncode != 0:
            print(result.stderr, end="")
            return 1

        for name, (module, make, x, y) in made.items():
            state = load_file(f"{folder}/again/{name}.safetensors")
            again = make()
            again.load_state_dict({key.removeprefix("module."): value for key, value in state.items()})
            with torch.no_grad():
                difference = (again(x)[0] - y).abs().max().item()
            if not difference <= 1e-6:
                failed.append(f"{name}: PyTorch's output differs by {difference} from that before")
        for name in ("plain", "compressed"):
            with np.load(f"{folder}/again/{name}.npz") as again:
                expected = arrays()
                if sorted(again.files) != sorted(expected):
                    failed.append(f"{name}.npz: other names: {again.files}")
                for key in again.files:
                    value = again[key]
                    same_type = value.dtype == np.asarray(expected[key]).dtype.newbyteorder("=")
                    if not same_type or not np.array_equal(value, expected[key], equal_nan=value.dtype.kind == "f"):
                        failed.append(f"{name}.npz: {key} differs")
    for line in failed:
        print(line)
    print(f"PyTorch {torch.__version__}, NumPy {np.__version__}: {len(made)} modules, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
