"""What the peers' processes have in common: each lives on and obeys requests, a JSON object a line.

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
    """A step ready to be timed."""

    def run(self) -> None:
        """One step, finished when it returns."""

    def results(self) -> Arrays:
        """What the last run computed: "output", and when training the gradient of every array but the constant,
        by the array's name and in its layout."""


def timed(step: Step) -> float:
    """Milliseconds of one step."""
    start = time.perf_counter()
    step.run()
    return (time.perf_counter() - start) * 1e3


def answer(request: dict, step: Step | None, prepare: Callable[[Case, Arrays], Step]) -> tuple[dict, Step | None]:
    """The answer to a request, and the step that the next one is about."""
    if request["do"] == "prepare":
        case = Case(**request["case"])
        step = prepare(case, make_arrays(case))
        step.run()
        return {}, step
    assert step is not None
    if request["do"] == "run":
        # The step before the timed ones brings back to the caches what the other sides have driven out.
        step.run()
        return {"ms": [timed(step) for _ in range(request["repeats"])]}, step
    return {name: array.ravel().tolist() for name, array in step.results().items()}, step


def serve(prepare: Callable[[Case, Arrays], Step]) -> None:
    """Obeys until the input ends. Whatever a library prints goes to the error stream, not among the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    step: Step | None = None
    for line in sys.stdin:
        reply, step = answer(json.loads(line), step, prepare)
        print(json.dumps(reply), file=answers, flush=True)
