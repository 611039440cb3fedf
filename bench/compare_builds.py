#!/usr/bin/env python3
"""Compares the speed of two builds of this library: compare_builds.py OLD_BUILD NEW_BUILD

Times bench/rnn_step of both in turn, old new, new old, ..., on one core, and prints the ratios new / old: their median
over all pairs with its standard error, and their quartiles. Rounds of all cases are repeated until every median is
known well enough or the time is up. Then the same for the first call, op_overhead, the size of the library and, with
--build, the time to build it. docs/benchmarks.md says more.
"""

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

CELLS = ["simple_rnn", "lstm", "gru", "mgu"]
# Batch, steps, inputs, units; and the repeats of a run.
SIZES = {"S": (32, 50, 32, 64), "M": (32, 100, 128, 256), "L": (64, 200, 256, 512), "1": (1, 200, 64, 128)}
REPEATS = {"S": 16, "M": 4, "L": 2, "1": 16}
# The first call is timed where it is more than the noise of a step, by so many pairs.
FIRST_CALL_SIZES = ["S", "1"]
FIRST_CALL_PAIRS = 60
OPERATION_PAIRS = 30

# The most that a ratio may be.
STEP_LIMIT = 1.02
MEAN_LIMIT = 1.005
OTHER_LIMIT = 1.05


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="build folder of the version to compare with")
    parser.add_argument("new", type=Path, help="build folder of the version that is to be no slower")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, help="default: all; for instructions S and 1")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS, help="default: all")
    parser.add_argument("--modes", nargs="+", choices=["train", "infer"], default=["train", "infer"])
    parser.add_argument("--isas", nargs="+", help="default: avx2 avx512; for instructions avx2")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="default: the last one")
    parser.add_argument("--real-time", action="store_true", help="let no other process take the core (chrt, as root)")
    parser.add_argument("--minutes", type=float, default=60, help="time for the steps (60)")
    parser.add_argument("--least-rounds", type=int, default=12, help="pairs of each case at least (12)")
    parser.add_argument("--precision", type=float, default=0.3, help="wanted standard error of a median, percent (0.3)")
    parser.add_argument("--build", type=int, default=0, metavar="ROUNDS", help="time so many builds of each library")
    parser.add_argument("--instructions", action="store_true", help="count instructions (valgrind) in place of time")
    parser.add_argument("--out", type=Path, help="folder of table and figures; default: NEW_BUILD/compare_builds")
    parser.add_argument("--check", action="store_true", help="exit 1 if a ratio is above its limit")
    args = parser.parse_args()
    args.sizes = args.sizes or (["S", "1"] if args.instructions else list(SIZES))
    args.isas = args.isas or (["avx2"] if args.instructions else ["avx2", "avx512"])
    for build in (args.old, args.new):
        if not (build / "bin/rnn_step").exists():
            parser.error(f"{build}/bin/rnn_step is not there: build the target rnn_step first")
    return args


@dataclass(frozen=True)
class Case:
    """One comparison of steps: a cell at a size, training or inference, on an instruction set."""

    isa: str
    mode: str
    cell: str
    size: str

    def title(self) -> str:
        return f"{self.cell} {self.size}"

    def options(self) -> list[str]:
        names = ["--batch", "--steps", "--inputs", "--units"]
        sizes = [word for name, value in zip(names, SIZES[self.size]) for word in (name, str(value))]
        return ["--cell", self.cell, "--mode", self.mode, *sizes, "--threads", "1"]


@dataclass
class Pairs:
    """What both sides took, pair by pair."""

    title: str
    limit: float
    unit: str
    old: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)

    def add(self, old: float, new: float) -> None:
        self.old.append(old)
        self.new.append(new)

    def ratios(self) -> list[float]:
        return [new / old for old, new in zip(self.old, self.new) if old > 0 and new > 0]

    def ratio(self) -> float:
        return statistics.median(self.ratios())

    def quartiles(self) -> tuple[float, float]:
        ratios = self.ratios()
        if len(ratios) < 2:
            return ratios[0], ratios[0]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, high

    def error(self) -> float:
        """The standard error of the median, as if the ratios were distributed normally: noise makes outliers, which
        quartiles do not see."""
        low, high = self.quartiles()
        return 1.2533 * (high - low) / 1.349 / math.sqrt(len(self.ratios()))

    def verdict(self) -> str:
        excess = self.ratio() - self.limit
        if excess <= 0:
            return ""
        return "above the limit" if excess > 2 * self.error() else "above the limit, within the noise"


def run(args: argparse.Namespace, command: list[str | Path], isa: str) -> str:
    environment = os.environ | {"UNSPOOL_ISA": isa, "UNSPOOL_NUM_THREADS": "1"}
    priority = ["chrt", "-f", "1"] if args.real_time else []
    pinned = ["taskset", "-c", str(args.core), *priority, *map(str, command)]
    done = subprocess.run(pinned, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(pinned)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def in_turn(args: argparse.Namespace, number: int, measure: Callable[[Path], dict]) -> tuple[dict, dict]:
    """Both builds, the old one first in every other pair."""
    if number % 2 == 0:
        old = measure(args.old)
        return old, measure(args.new)
    new = measure(args.new)
    return measure(args.old), new


def time_pair(args: argparse.Namespace, number: int, case: Case, repeats: int) -> tuple[dict, dict]:
    """What rnn_step of both builds prints."""
    options = [*case.options(), "--repeat", str(repeats)]
    return in_turn(args, number, lambda build: json.loads(run(args, [build / "bin/rnn_step", *options], case.isa)))


def time_steps(args: argparse.Namespace, cases: list[Case]) -> dict[Case, Pairs]:
    """Rounds of all cases, so that a disturbance of the machine meets a pair of each and not all of one."""
    steps = {case: Pairs(case.title(), STEP_LIMIT, "ms") for case in cases}
    begin = time.monotonic()
    number = 0
    left = list(cases)
    while left:
        for case in left:
            old, new = time_pair(args, number, case, REPEATS[case.size])
            steps[case].add(old["ms_median"], new["ms_median"])
        number += 1
        minutes = (time.monotonic() - begin) / 60
        if number >= args.least_rounds:
            left = [case for case in left if steps[case].error() > args.precision / 100]
        print(f"round {number}, {minutes:.0f} minutes, {len(left)} cases go on", file=sys.stderr, flush=True)
        if minutes > args.minutes and number >= args.least_rounds:
            break
    return steps


def time_first_calls(args: argparse.Namespace, cases: list[Case]) -> dict[Case, Pairs]:
    """The first call: tracing, planning and compiling, and a step. The second is no measure of the step: it may trace again."""
    firsts = {case: Pairs(case.title(), OTHER_LIMIT, "ms") for case in cases if case.size in FIRST_CALL_SIZES}
    for number in range(FIRST_CALL_PAIRS):
        for case, pairs in firsts.items():
            old, new = time_pair(args, number, case, 1)
            pairs.add(old["ms_first"], new["ms_first"])
    return firsts


def count_instructions(args: argparse.Namespace, cases: list[Case]) -> tuple[dict[Case, Pairs], dict[Case, Pairs]]:
    """Millions of instructions of a step, and of all that a process does before its second call less a step. Counts
    repeat but for a few hundred, so a pair is enough."""
    steps = {case: Pairs(case.title(), STEP_LIMIT, "million") for case in cases}
    starts = {case: Pairs(case.title(), OTHER_LIMIT, "million") for case in cases}

    def count(build: Path, case: Case, repeats: int) -> float:
        """Of a process, but for what rnn_step does to measure the peak of the machine."""
        with tempfile.NamedTemporaryFile() as out:
            valgrind = ["valgrind", "--tool=callgrind", "--smc-check=all-non-file", f"--callgrind-out-file={out.name}"]
            run(args, [*valgrind, build / "bin/rnn_step", *case.options(), "--repeat", str(repeats)], case.isa)
            annotate = ["callgrind_annotate", "--threshold=100", out.name]
            functions = subprocess.run(annotate, check=True, capture_output=True, text=True).stdout
        total = re.search(r"^ *([\d,]+) .*PROGRAM TOTALS", functions, re.MULTILINE)
        peak = re.search(r"^ *([\d,]+) .*bench::peak_\w+\(\)", functions, re.MULTILINE)
        if total is None or peak is None:
            sys.exit("callgrind_annotate does not say what rnn_step and bench::peak count")
        return (int(total[1].replace(",", "")) - int(peak[1].replace(",", ""))) / 1e6

    for case in cases:
        counts = {}
        for build in dict.fromkeys((args.old, args.new)):
            few, many = count(build, case, 1), count(build, case, 3)
            step = (many - few) / 2
            # Before it measures, rnn_step takes three steps.
            counts[build] = (step, few - 4 * step)
        steps[case].add(counts[args.old][0], counts[args.new][0])
        starts[case].add(counts[args.old][1], counts[args.new][1])
        print(f"{case.isa} {case.mode} {case.title()}: {steps[case].ratio():.4f}", file=sys.stderr, flush=True)
    return steps, starts


def time_operations(args: argparse.Namespace) -> list[Pairs]:
    """Nanoseconds of a recorded scalar operation."""

    def measure(build: Path) -> dict[str, float]:
        printed = run(args, [build / "bin/op_overhead"], args.isas[-1])
        return {name: float(value) for name, value in re.findall(r"^(\w+)\s+([\d.]+) ns", printed, re.MULTILINE)}

    pairs: dict[str, Pairs] = {}
    for number in range(OPERATION_PAIRS):
        old, new = in_turn(args, number, measure)
        for name in old.keys() & new.keys():
            pairs.setdefault(name, Pairs(name, OTHER_LIMIT, "ns")).add(old[name], new[name])
    return [pairs[name] for name in sorted(pairs)]


def sizes_of(build: Path) -> dict[str, float]:
    """Kibibytes of the libraries, as they are and stripped."""
    sizes = {}
    for name in ("libunspool.a", "libunspool.so"):
        library = build / name
        if not library.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            stripped = Path(folder) / name
            shutil.copy(library, stripped)
            subprocess.run(["strip", "--strip-unneeded", stripped], check=True)
            sizes[name] = library.stat().st_size / 1024
            sizes[f"{name}, stripped"] = stripped.stat().st_size / 1024
    return sizes


def compare_sizes(args: argparse.Namespace) -> list[Pairs]:
    old, new = sizes_of(args.old), sizes_of(args.new)
    pairs = []
    for name in old.keys() & new.keys():
        pairs.append(Pairs(name, OTHER_LIMIT, "KiB", [old[name]], [new[name]]))
    return sorted(pairs, key=lambda pair: pair.title)


def source_of(build: Path) -> Path:
    match = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", (build / "CMakeCache.txt").read_text(), re.MULTILINE)
    if match is None:
        sys.exit(f"{build} is no build folder of CMake")
    return Path(match[1])


def time_builds(args: argparse.Namespace) -> list[Pairs]:
    """Seconds of processor time, and of the clock, to build the static library of preset release without a cache."""

    def measure(build: Path) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            quiet = {"cwd": source_of(build), "check": True, "stdout": subprocess.DEVNULL}
            quiet["env"] = os.environ | {"CCACHE_DISABLE": "1"}
            subprocess.run(["cmake", "--preset", "release", "-B", folder], **quiet)
            before, begin = os.times(), time.monotonic()
            subprocess.run(["cmake", "--build", folder, "--target", "unspool_static", "-j2"], **quiet)
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            return {"processor": spent, "clock": time.monotonic() - begin}

    pairs = {name: Pairs(f"build, {name} time", OTHER_LIMIT, "s") for name in ("processor", "clock")}
    for number in range(args.build):
        old, new = in_turn(args, number, measure)
        for name, pair in pairs.items():
            pair.add(old[name], new[name])
    return list(pairs.values())


def geometric_mean(ratios: Iterable[float]) -> float:
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def mean_row(pairs: list[Pairs]) -> str:
    return f"| geometric mean | | | {geometric_mean(pair.ratio() for pair in pairs):.4f} | | | | |"


def table(pairs: list[Pairs], mean: bool) -> str:
    rows = [f"| case | old, {pairs[0].unit} | new | new / old | error | quartiles | pairs | |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for pair in pairs:
        low, high = pair.quartiles()
        old, new = statistics.median(pair.old), statistics.median(pair.new)
        numbers = f"{old:.4g} | {new:.4g} | {pair.ratio():.4f} | {pair.error():.4f} | {low:.4f} to {high:.4f}"
        rows.append(f"| {pair.title} | {numbers} | {len(pair.ratios())} | {pair.verdict()} |")
    return "\n".join([*rows, mean_row(pairs)] if mean else rows)


def failures(steps: list[Pairs], firsts: list[Pairs], others: list[Pairs]) -> list[str]:
    """What is above its limit. A single first call is noise: their mean counts."""
    found = [f"{pair.title}: {pair.ratio():.4f}, {pair.verdict()}" for pair in [*steps, *others] if pair.verdict()]
    for name, pairs, limit in (("steps", steps, MEAN_LIMIT), ("first calls", firsts, OTHER_LIMIT)):
        mean = geometric_mean(pair.ratio() for pair in pairs) if pairs else 1.0
        if mean > limit:
            found.append(f"geometric mean of the {name}: {mean:.4f}, should be at most {limit}")
    return found


def main() -> int:
    args = parse_arguments()
    cases = [Case(isa, mode, c, s) for isa in args.isas for mode in args.modes for s in args.sizes for c in args.cells]
    if args.instructions:
        steps, firsts = count_instructions(args, cases)
    else:
        steps, firsts = time_steps(args, cases), time_first_calls(args, cases)
    what = "Instructions" if args.instructions else "Time"
    first = "of the start and the first call, less a step" if args.instructions else "of the first call"
    parts = []
    for name, pairs in (("of a step", steps), (first, firsts)):
        for isa in args.isas:
            for mode in args.modes:
                chosen = [pairs[case] for case in pairs if (case.isa, case.mode) == (isa, mode)]
                if chosen:
                    parts.append(f"## {what} {name}, {mode}, {isa}\n\n{table(chosen, mean=True)}")
    others = {"Size": compare_sizes(args)}
    if not args.instructions and (args.old / "bin/op_overhead").exists() and (args.new / "bin/op_overhead").exists():
        others["An operation on the tape"] = time_operations(args)
    if args.build > 0:
        others["Build"] = time_builds(args)
    for title, pairs in others.items():
        tables = (table([pair for pair in pairs if pair.unit == unit], mean=False) for unit in {p.unit for p in pairs})
        parts.append(f"## {title}\n\n" + "\n\n".join(tables))
    mean = geometric_mean(pair.ratio() for pair in steps.values())
    parts.insert(0, f"Geometric mean of the {len(steps)} cases of a step, new / old: {mean:.4f}.")

    out = args.out or args.new / "compare_builds"
    out.mkdir(parents=True, exist_ok=True)
    (out / "ratios.md").write_text("\n\n".join(parts) + "\n")
    everything = [
        {"title": pair.title, "isa": case.isa, "mode": case.mode, "what": name, "old": pair.old, "new": pair.new}
        for name, pairs in (("step", steps), ("first call", firsts))
        for case, pair in pairs.items()
    ]
    for name, pairs in others.items():
        everything += [{"title": pair.title, "what": name, "old": pair.old, "new": pair.new} for pair in pairs]
    (out / "figures.json").write_text(json.dumps(everything, indent=1) + "\n")
    print((out / "ratios.md").read_text())
    if not args.check:
        return 0
    for case, pair in [*steps.items(), *firsts.items()]:
        pair.title = f"{case.isa} {case.mode} {pair.title}"
    found = failures(list(steps.values()), list(firsts.values()), [pair for pairs in others.values() for pair in pairs])
    print("\n".join(found) or "no slower")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
