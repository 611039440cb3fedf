#!/usr/bin/env python3
"""Times an epoch of fit() of this library, of a training loop in PyTorch, and of Keras' fit(), interleaved.

digits: 1437 sequences of 8 x 8, SimpleRNN(64), Dense(10), batches of 32. text: Embedding(64), LSTM(256), Dense(65),
batches of 64 x 100. nothing: a network of one unit, batches of 1. Adam; digits and text with accuracy. The figure is the
median over the epochs of all rounds, in milliseconds a batch. docs/benchmarks.md says more.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "peers"))

import environment
from sides import Machine

ROOT = HERE.parent
EPOCHS = {"digits": 120, "text": 2, "nothing": 2}
OURS = "unspool"
# What keeps the allocator of the C library from giving memory back: PyTorch gains by it, and no program does it by itself.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "-1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TOP_PAD_": "67108864"}
# The script of each peer, the modules it needs, and its environment.
PEERS: dict[str, tuple[str, set[str], dict[str, str]]] = {
    "torch": ("torch_fit.py", {"torch"}, {}),
    "torch.tuned": ("torch_fit.py", {"torch"}, KEEP_MEMORY),
    "keras.jax": ("keras_fit.py", {"jax", "keras"}, {"KERAS_BACKEND": "jax"}),
    "keras.tensorflow": ("keras_fit.py", {"keras"}, {"KERAS_BACKEND": "tensorflow"}),
    "keras.torch": ("keras_fit.py", {"torch", "keras"}, {"KERAS_BACKEND": "torch"}),
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=EPOCHS, default=list(EPOCHS), help="default: all")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="default: all; 2 GB")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="default: 1")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bin/fit", help="what is compared")
    parser.add_argument("--before", type=Path, help="the program of another version, as one more side")
    parser.add_argument("--environment", type=Path, default=ROOT / "build/peers", help="where the peers are installed")
    return parser.parse_args()


def run(command: list[str | Path], machine: Machine, more: dict[str, str]) -> list[float]:
    finished = subprocess.run(
        command,
        env=machine.environment() | more,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, machine.cores),
    )
    return json.loads(finished.stdout.splitlines()[-1])["ms"]


def main() -> None:
    args = parse_arguments()
    modules = set().union(*(PEERS[peer][1] for peer in args.peers))
    python = environment.install(args.environment, modules) if modules else Path(sys.executable)
    sides: dict[str, tuple[list[str | Path], dict[str, str]]] = {OURS: ([args.program], {})}
    if args.before:
        sides["before"] = ([args.before], {})
    sides |= {peer: ([python, HERE / "peers" / PEERS[peer][0]], PEERS[peer][2]) for peer in args.peers}
    cores = sorted(os.sched_getaffinity(0))
    for threads in args.threads:
        machine = Machine(tuple(cores[-threads:]), "any")
        for case in args.cases:
            times: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(args.rounds):
                for side, (command, more) in sides.items():
                    times[side] += run([*command, case, str(EPOCHS[case]), str(threads)], machine, more)
            ours = statistics.median(times[OURS])
            for side, all_times in times.items():
                median = statistics.median(all_times)
                print(f"{case:8} {threads} threads  {side:17} {median:9.4f} ms a batch  {median / ours:7.2f}", flush=True)


if __name__ == "__main__":
    main()
