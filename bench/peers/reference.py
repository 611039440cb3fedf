"""The cells in numpy, in float64, with gradients by central differences: the reference for all peers.

It answers like a peer's process, so that the program that compares needs no numpy itself.
"""

import numpy as np

from cells import Arrays
from sides import Case
from worker import serve


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def last_output(cell: str, a: Arrays) -> np.ndarray:
    """The output after the last step."""
    units = a["recurrent"].shape[0]
    h = np.zeros((a["x"].shape[0], units))
    c = np.zeros_like(h)
    for t in range(a["x"].shape[1]):
        x = a["x"][:, t] @ a["kernel"] + a["bias"]
        if cell == "simple_rnn":
            h = np.tanh(x + h @ a["recurrent"])
        elif cell == "lstm":
            i, f, g, o = np.split(x + h @ a["recurrent"], 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        elif cell == "gru":
            xr, xz, xn = np.split(x, 3, axis=1)
            hr, hz, hn = np.split(h @ a["recurrent"] + a["recurrent_bias"], 3, axis=1)
            z = sigmoid(xz + hz)
            h = (1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h
        else:
            xf, xc = np.split(x, 2, axis=1)
            f = sigmoid(xf + h @ a["recurrent"][:, :units])
            h = (1 - f) * h + f * np.tanh(xc + (f * h) @ a["recurrent"][:, units:])
    return h


def gradient(cell: str, arrays: Arrays, name: str) -> np.ndarray:
    """The gradient of sum(last output * constant) with respect to one array, by central differences."""
    result = np.empty_like(arrays[name])
    step = 1e-6
    for index in np.ndindex(result.shape):
        sums = []
        for move in (step, -step):
            moved = arrays[name].copy()
            moved[index] += move
            sums.append((last_output(cell, arrays | {name: moved}) * arrays["constant"]).sum())
        result[index] = (sums[0] - sums[1]) / (2 * step)
    return result


class ReferenceStep:
    def __init__(self, case: Case, arrays: Arrays) -> None:
        self.cell = case.cell
        self.train = case.mode == "train"
        self.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}

    def run(self) -> None:
        self.output = last_output(self.cell, self.arrays)

    def results(self) -> Arrays:
        names = [name for name in self.arrays if name != "constant"] if self.train else []
        return {"output": self.output} | {name: gradient(self.cell, self.arrays, name) for name in names}


if __name__ == "__main__":
    serve(ReferenceStep)
