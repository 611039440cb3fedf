"""The cases of bench/fit_compare.py: shapes and random data, as in bench/fit.cpp."""

import json
import sys
import time

import numpy as np

BATCH = {"digits": 32, "text": 64, "nothing": 1}


def arrays(case: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    if case == "digits":
        return random.random((1437, 8, 8), np.float32), random.integers(0, 10, 1437)
    if case == "text":
        return random.integers(0, 65, (640, 100)), random.integers(0, 65, (640, 100))
    return random.standard_normal((2000, 1, 1), np.float32), random.standard_normal((2000, 1), np.float32)


def batches(case: str) -> int:
    return -(-len(arrays(case)[0]) // BATCH[case])


class Epochs:
    """Collects the times of epochs; the first one, which compiles and warms up, does not count."""

    def __init__(self, case: str) -> None:
        self.batches = batches(case)
        self.times: list[float] = []

    def begin(self) -> None:
        self.start = time.perf_counter()

    def end(self) -> None:
        self.times.append((time.perf_counter() - self.start) * 1e3 / self.batches)

    def print(self) -> None:
        json.dump({"ms": self.times[1:]}, sys.stdout)
        print()
