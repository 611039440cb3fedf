#!/usr/bin/env python3
"""Checks that TensorBoard's own reader gives what tests/tensorboard/example.cpp has logged.

  scripts/check-tensorboard.py --install     # all that is needed: builds the example, installs tensorboard
  scripts/check-tensorboard.py EXAMPLE       # build/release/bin/tensorboard_example, with an installed tensorboard

--install makes a virtual environment in build/tensorboard (180 MB) if this Python has no tensorboard. Without it
the exit status is 77 then.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "build" / "tensorboard"


def install():
    """Runs this script again with a Python that has tensorboard."""
    python = ENVIRONMENT / "bin" / "python"
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        sys.exit(f"tensorboard is installed in {ENVIRONMENT}, but {python} cannot import it")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "tensorboard"]
    subprocess.run(command, check=True)
    os.execv(python, [python, *sys.argv])


def build_example():
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "tensorboard_example"], cwd=ROOT, check=True)
    return ROOT / "build" / "release" / "bin" / "tensorboard_example"


try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    if "--install" in sys.argv:
        install()
    print("tensorboard is not installed: run scripts/check-tensorboard.py --install")
    sys.exit(77)


def equal(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: expected {expected}, got {got}")


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def check_histogram(what, histogram, values):
    values = [float32(value) for value in values]
    equal(what + ": count", histogram.num, len(values))
    equal(what + ": sum of the buckets", sum(histogram.bucket), len(values))
    equal(what + ": min and max", (histogram.min, histogram.max), (min(values), max(values)))
    if abs(histogram.sum - sum(values)) > 1e-6 * len(values):
        sys.exit(f"{what}: expected the sum {sum(values)}, got {histogram.sum}")
    # The number of values up to each limit; the limits are rounded, so values at them may be on either side.
    for limit, count in zip(histogram.bucket_limit, cumulated(histogram.bucket)):
        width = (histogram.max - histogram.min) * 1e-6
        least = sum(value < limit - width for value in values)
        most = sum(value <= limit + width for value in values)
        if not least <= count <= most:
            sys.exit(f"{what}: expected {least} to {most} values up to {limit}, got {count}")


def cumulated(counts):
    total = 0
    for count in counts:
        total += count
        yield total


def main(example):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([example, folder], check=True)
        with open(f"{folder}/expected.json") as file:
            expected = json.load(file)
        runs = {}
        for name in ("train", "validation"):
            runs[name] = EventAccumulator(f"{folder}/logs/{name}", size_guidance={"histograms": 0, "scalars": 0})
            runs[name].Reload()
        scalars = histograms = 0
        for kind, run, tag, step, value in expected:
            what = f"{run}: {tag}, step {step}"
            if kind == "scalar":
                found = [event.value for event in runs[run].Scalars(tag) if event.step == step]
                equal(what, [f"{v:.9g}" for v in found], [f"{value:.9g}"])
                scalars += 1
            else:
                found = [event.histogram_value for event in runs[run].Histograms(tag) if event.step == step]
                equal(what + ": number of histograms", len(found), 1)
                check_histogram(what, found[0], value)
                histograms += 1
        read = sum(len(run.Scalars(tag)) for run in runs.values() for tag in run.Tags()["scalars"])
        equal("the number of scalars", read, scalars)
        gradients = [tag for tag in runs["train"].Tags()["histograms"] if tag.endswith("/gradient")]
        weights = [tag for tag in runs["train"].Tags()["histograms"] if tag.endswith("/histogram")]
        equal("tags of gradients", sorted(t.removesuffix("/gradient") for t in gradients),
              sorted(t.removesuffix("/histogram") for t in weights))
        graph = {node.name: node for node in runs["train"].Graph().node}
        edges = {name: sorted(node.input) for name, node in graph.items()}
        equal("the graph", edges, {
            "x": [], "y": [], "encoder/lstm": ["x", "y"], "encoder/code": ["encoder/lstm"],
            "both": ["encoder/code"], "out": ["both"]})
        equal("the class of encoder/lstm", graph["encoder/lstm"].op, "LSTM")
        shape = graph["out"].attr["_output_shapes"].list.shape[0]
        equal("the shape of out", [dim.size for dim in shape.dim], [-1, 1])
        print(f"{scalars} scalars, {histograms} histograms of weights, {len(gradients)} of gradients, "
              f"a graph of {len(graph)} nodes")


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--install"]
    main(given[0] if given else build_example())
