"""The cells that are compared, and their inputs and weights, which are equal for all sides."""

import json
import sys

import numpy as np

from sides import Case

Arrays = dict[str, np.ndarray]

# The kernels have the gates side by side, in PyTorch's order: lstm i, f, c, o; gru r, z, n; mgu f, c.
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3, "mgu": 2}

# The bias of a gate that keeps the state. The cell remembers, so that gradients do not become subnormal over hundreds of
# steps, which would slow down some sides and not others.
KEEPING = {"lstm": (1, 2.0), "gru": (1, 2.0), "mgu": (0, -2.0)}


def orthogonal(units: int, generator: np.random.Generator) -> np.ndarray:
    """A recurrent kernel that preserves the norm of the state."""
    return np.linalg.qr(generator.standard_normal((units, units)))[0]


def make_arrays(case: Case) -> Arrays:
    """The input x, the weights of the cell, and the constant of the loss, float32.

    "recurrent_bias" belongs to the gru alone: it is the one form that needs two biases.
    """
    generator = np.random.default_rng(7)
    gates, units = GATES[case.cell], case.units
    bias = generator.uniform(-0.1, 0.1, gates * units)
    if case.cell in KEEPING:
        gate, value = KEEPING[case.cell]
        bias[gate * units : (gate + 1) * units] += value
    arrays = {
        "x": generator.normal(0, 0.1, (case.batch, case.steps, case.inputs)),
        "kernel": generator.normal(0, (case.inputs + units) ** -0.5, (case.inputs, gates * units)),
        "recurrent": np.concatenate([orthogonal(units, generator) for _ in range(gates)], axis=1),
        "bias": bias,
        "constant": generator.uniform(-1, 1, (case.batch, units)),
    }
    if case.cell == "gru":
        arrays["recurrent_bias"] = generator.uniform(-0.1, 0.1, gates * units)
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def weight_names(cell: str) -> list[str]:
    """The names of the arrays that are weights of the cell."""
    return ["kernel", "recurrent", "bias"] + (["recurrent_bias"] if cell == "gru" else [])


if __name__ == "__main__":
    # For programs in other languages: writes the arrays of a case to the file in the first argument.
    values = make_arrays(Case(**json.loads(sys.argv[1]))).values()
    np.concatenate([value.ravel() for value in values]).tofile(sys.argv[2])
