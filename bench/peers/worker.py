"""Common parts of the peers' processes, each of which answers requests: one JSON object on each line.

{"do": "prepare", "case": {...}}  makes the step and warms it up
{"do": "run", "repeats": n}       answers {"ms": [...]}, the time of each step
{"do": "results"}                 answers the last output and the gradients, flat, by name
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Protocol

from cells import Arrays, make_arrays
from sides import Case


class Step(Protocol):
    """A step that can be timed."""

    def run(self) -> None:
        """Runs one step to its end."""

    def results(self) -> Arrays:
        """The results of the last run: "output" and, in training, the gradient of every array except the constant, with the
        name and layout of the array."""


def timed(step: Step) -> float:
    """The time of one step in milliseconds."""
    start = time.perf_counter()
    step.run()
    return (time.perf_counter() - start) * 1e3


def answer(request: dict, step: Step | None, prepare: Callable[[Case, Arrays], Step]) -> tuple[dict, Step | None]:
    """The answer to a request, and the step for the next request."""
    if request["do"] == "prepare":
        case = Case(**request["case"])
        step = prepare(case, make_arrays(case))
        step.run()
        return {}, step
    assert step is not None
    if request["do"] == "run":
        # One step before the timed ones fills the caches again.
        step.run()
        return {"ms": [timed(step) for _ in range(request["repeats"])]}, step
    return {name: array.ravel().tolist() for name, array in step.results().items()}, step


def serve(prepare: Callable[[Case, Arrays], Step]) -> None:
    """Answers requests until the input ends. The output of libraries goes to stderr, apart from the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    step: Step | None = None
    for line in sys.stdin:
        reply, step = answer(json.loads(line), step, prepare)
        print(json.dumps(reply), file=answers, flush=True)
