#!/usr/bin/env python3
"""Compares the speed of randomly generated cells with that of an LSTM.

Times training steps of random cells (bench/random_cell.h) and of an LSTM alternately, and prints the share of the
measured peak that their products reach, divided by that of the LSTM in the same rounds. The number of units of a random
cell gives a step with about as many operations as a step of the LSTM; the number of steps compensates for the rest.
Exits with 1 if a cell is slower by more than five hundredths.

Units are a multiple of 16, so that they fill whole vectors, as those of the LSTM do. --multiple 8 shows the cost of
other widths.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bin/rnn_step")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", default="1", help="all run on this one")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--inputs", type=int, default=32)
    parser.add_argument("--units", type=int, default=64, help="of the LSTM")
    parser.add_argument("--multiple", type=int, default=16, help="a random cell's units are a multiple of this")
    parser.add_argument("--repeat", type=int, default=30)
    arguments = parser.parse_args()

    def run(cell: str, units: int, steps: int, seed: int = 0, repeat: int = arguments.repeat) -> dict:
        options = {"cell": cell, "seed": seed, "batch": arguments.batch, "steps": steps}
        options |= {"inputs": arguments.inputs, "units": units, "repeat": repeat}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = ["taskset", "-c", arguments.core, str(arguments.program), *words]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def operations(gates: int, units: int) -> int:
        return gates * units * (arguments.inputs + units)

    def equal_work(gates: int) -> tuple[int, int]:
        lstm = operations(4, arguments.units)
        exact = (math.sqrt(arguments.inputs**2 + 4 * lstm / gates) - arguments.inputs) / 2
        units = max(1, round(exact / arguments.multiple)) * arguments.multiple
        return units, max(1, round(arguments.steps * lstm / operations(gates, units)))

    worst = 1.0
    for seed in range(1, arguments.seeds + 1):
        units, steps = equal_work(run("random", arguments.units, arguments.steps, seed, 1)["gates"])
        ratios = [
            run("random", units, steps, seed)["share"] / run("lstm", arguments.units, arguments.steps)["share"]
            for _ in range(arguments.rounds)
        ]
        ratio = statistics.median(ratios)
        worst = min(worst, ratio)
        print(f"{seed:3} {units} units, {steps} steps {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f})", flush=True)
    print(f"the least is {worst:.3f}")
    return 0 if worst >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
