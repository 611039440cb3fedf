#!/usr/bin/env python3
"""Times a recurrent step of this library and of its peers in one run, interleaved.

A train step is forward and the gradients of sum(last output * constant) by the input and every weight; inference is
forward alone; float32. A side's figure is the median of the faster half of its repeats. docs/benchmarks.md says more.
"""

import argparse
import itertools
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "peers"))

import environment
import report
from report import OURS, Measured
from sides import Case, Machine, OneDnn, Program, Side, Worker

ROOT = Path(__file__).parent.parent
CELLS = ["simple_rnn", "lstm", "gru", "mgu"]
SIZES = {"S": (32, 50, 32, 64), "M": (32, 100, 128, 256), "L": (64, 200, 256, 512), "1": (1, 200, 64, 128)}
TINY = (2, 3, 3, 4)

# Rounds, and repeats in each round: at least 30 repeats in all, 10 for L, where a step takes seconds.
REPEATS = {"S": (6, 10), "M": (6, 6), "L": (4, 3), "1": (6, 10)}

# The process of each peer, and the packages that it needs.
WORKERS = {
    "torch.layer": ("torch", ["torch_peer.py", "--form", "layer", "--threads"]),
    "torch.loop": ("torch", ["torch_peer.py", "--form", "loop", "--threads"]),
    "jax.scan": ("jax", ["jax_peer.py"]),
    "jax.hoisted": ("jax", ["jax_peer.py", "--hoist"]),
    "keras": ("keras", ["keras_peer.py", "--threads"]),
}
ONEDNN = "onednn"
PEERS = [*WORKERS, ONEDNN]
# PyTorch and oneDNN do not have a layer for every cell.
NO_MGU = {"torch.layer", ONEDNN}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES), help="default: all")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS, help="default: all")
    parser.add_argument("--mode", choices=["train", "infer", "both"], default="both")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="default: 1")
    default = [peer for peer in PEERS if peer not in ("keras", ONEDNN)]
    peers_help = f"default: {' '.join(default)}; keras is a gigabyte, onednn needs Debian's libdnnl-dev"
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=default, help=peers_help)
    parser.add_argument("--isa", choices=["any", "avx2", "avx512"], default="any", help="the best that a side may use")
    parser.add_argument("--rounds", type=int, help="default: by size, 4 to 6")
    parser.add_argument("--repeats", type=int, help="of each side in a round; default: by size, 3 to 10")
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bin/rnn_step", help="what is compared")
    parser.add_argument("--environment", type=Path, default=ROOT / "build/peers", help="where the peers are installed")
    parser.add_argument("--out", type=Path, default=ROOT / "build/compare", help="folder of table, picture and figures")
    parser.add_argument("--check", action="store_true", help="exit 1 unless this library is as fast as it should be")
    parser.add_argument("--self-test", action="store_true", help="only hold the peers' numbers against a reference")
    return parser.parse_args()


def needed_modules(peers: list[str]) -> set[str]:
    return {WORKERS[peer][0] for peer in peers if peer in WORKERS}


def make_peer(name: str, args: argparse.Namespace, python: Path, machine: Machine) -> OneDnn | Worker:
    if name == ONEDNN:
        source = ROOT / "bench/peers/onednn_rnn.cpp"
        return OneDnn(environment.build_onednn(args.environment, source), python, machine)
    arguments = WORKERS[name][1]
    threads = [str(len(machine.cores))] if arguments[-1] == "--threads" else []
    return Worker(python, [*arguments, *threads], machine)


def make_machine(threads: int, isa: str) -> Machine:
    """The last cores, since the first one serves most interrupts."""
    cores = sorted(os.sched_getaffinity(0))
    if threads > len(cores):
        sys.exit(f"{threads} threads need as many cores, and there are {len(cores)}")
    return Machine(tuple(cores[-threads:]), isa)


def measure(case: Case, sides: dict[str, Side], rounds: int, repeats: int) -> dict[str, list[list[float]]]:
    """The times of every side, by round. A round times every side, so that noise of the machine affects all of them."""
    for side in sides.values():
        side.prepare(case)
    times: dict[str, list[list[float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(side.run(repeats))
    return times


def measure_all(args: argparse.Namespace, python: Path) -> Iterator[Measured]:
    modes = ["train", "infer"] if args.mode == "both" else [args.mode]
    for threads in args.threads:
        machine = make_machine(threads, args.isa)
        ours = Program([args.program, "--path", "scan"], machine)
        sides: dict[str, Side] = {OURS: ours}
        sides |= {name: make_peer(name, args, python, machine) for name in args.peers}
        for mode, cell, size in itertools.product(modes, args.cells, args.sizes):
            able = {name: side for name, side in sides.items() if cell != "mgu" or name not in NO_MGU}
            rounds, repeats = args.rounds or REPEATS[size][0], args.repeats or REPEATS[size][1]
            times = measure(Case(cell, mode, *SIZES[size]), able, rounds, repeats)
            measured = Measured(cell, size, mode, threads, times, ours.printed)
            print(report.line(measured), file=sys.stderr, flush=True)
            yield measured
        for side in sides.values():
            side.close()


def distance(found: list[float], expected: list[float]) -> float:
    """The largest difference divided by the largest value."""
    if len(found) != len(expected) or not all(map(math.isfinite, found)):
        return float("inf")
    return max(abs(a - b) for a, b in zip(found, expected)) / max(map(abs, expected))


def self_test(args: argparse.Namespace, python: Path) -> bool:
    """Whether every peer computes the equations of the cells and their gradients, at a tiny size."""
    machine = make_machine(1, args.isa)
    reference = Worker(python, ["reference.py"], machine)
    sides = {name: make_peer(name, args, python, machine) for name in args.peers}
    good = True
    for cell, mode in itertools.product(args.cells, ["train", "infer"]):
        case = Case(cell, mode, *TINY)
        reference.prepare(case)
        expected = reference.results()
        for name, side in sides.items():
            if cell == "mgu" and name in NO_MGU:
                continue
            side.prepare(case)
            found = side.results()
            same_names = found.keys() == expected.keys()
            worst = max(distance(found[key], expected[key]) for key in expected) if same_names else float("inf")
            good = good and worst < 1e-4
            print(f"{name:12} {mode:6} {cell:11} {worst:.1e}  {'ok' if worst < 1e-4 else 'WRONG'}")
    for side in [reference, *sides.values()]:
        side.close()
    return good


def main() -> int:
    args = parse_arguments()
    python = environment.install(args.environment, needed_modules(args.peers))
    if args.self_test:
        return 0 if self_test(args, python) else 1
    if not args.program.exists():
        sys.exit(f"{args.program} is not there: build it first, or name another by --program")
    measured = list(measure_all(args, python))
    report.write(measured, args.out)
    print((args.out / "ratios.md").read_text())
    if not args.check:
        return 0
    failures = report.failures(measured)
    print("\n".join(failures) or "as fast as it should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
