#!/usr/bin/env python3
"""Do cells that nobody thought of run at the pace of an LSTM?

Times training steps of random cells (bench/random_cell.h) and of the LSTM in turn, and prints the share of the
measured peak that their products reach, over the LSTM's in the same rounds. A random cell has as many units as give
it the LSTM's number of operations, or nearly. Exits with 1 if one falls short by more than five hundredths.
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
    parser.add_argument("--repeat", type=int, default=30)
    arguments = parser.parse_args()

    def run(cell: str, units: int, seed: int = 0, repeat: int = arguments.repeat) -> dict:
        options = {"cell": cell, "seed": seed, "batch": arguments.batch, "steps": arguments.steps}
        options |= {"inputs": arguments.inputs, "units": units, "repeat": repeat}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = ["taskset", "-c", arguments.core, str(arguments.program), *words]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def equal_units(gates: int) -> int:
        operations = 4 * arguments.units * (arguments.inputs + arguments.units)
        exact = (math.sqrt(arguments.inputs**2 + 4 * operations / gates) - arguments.inputs) / 2
        return max(8, round(exact / 8) * 8)

    worst = 1.0
    for seed in range(1, arguments.seeds + 1):
        units = equal_units(run("random", arguments.units, seed, 1)["gates"])
        ratios = [
            run("random", units, seed)["share"] / run("lstm", arguments.units)["share"] for _ in range(arguments.rounds)
        ]
        ratio = statistics.median(ratios)
        worst = min(worst, ratio)
        print(f"{seed:3} {units} units {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f})", flush=True)
    print(f"the least is {worst:.3f}")
    return 0 if worst >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
