"""The sides of a comparison: each returns the times, in milliseconds, of a number of repeats of a case."""

import dataclasses
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One comparison: a cell at a size, training or inference."""

    cell: str
    mode: str
    batch: int
    steps: int
    inputs: int
    units: int


@dataclass(frozen=True)
class Machine:
    """The cores that every side is pinned to, and the best instruction set that it may use."""

    cores: tuple[int, ...]
    isa: str

    def environment(self) -> dict[str, str]:
        threads = str(len(self.cores))
        values = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "TF_CPP_MIN_LOG_LEVEL": "2"}
        values |= {"TF_ENABLE_ONEDNN_OPTS": "1", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
        flags = [] if len(self.cores) > 1 else ["--xla_cpu_multi_thread_eigen=false"]
        if self.isa != "any":
            flags.append(f"--xla_cpu_max_isa={self.isa.upper()}")
            values |= {"UNSPOOL_ISA": self.isa, "ATEN_CPU_CAPABILITY": self.isa}
            onednn = {"avx2": "AVX2", "avx512": "AVX512_CORE"}[self.isa]
            values |= {"DNNL_MAX_CPU_ISA": onednn, "ONEDNN_MAX_CPU_ISA": onednn}
            values |= {"MKL_ENABLE_INSTRUCTIONS": self.isa.upper()}
        return os.environ | values | {"XLA_FLAGS": " ".join(flags)}

    def start(self, command: Sequence[str | Path], **options: int) -> subprocess.Popen:
        """Starts a process on the cores, so that its libraries see only these."""
        return subprocess.Popen(
            list(command),
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, self.cores),
            **options,
        )


class Program:
    """A program that is started for each case and prints one line of JSON, like bench/rnn_step."""

    def __init__(self, command: Sequence[str | Path], machine: Machine) -> None:
        self.command = list(command)
        self.machine = machine
        self.printed: dict = {}

    def prepare(self, case: Case) -> None:
        self.case = case

    def call(self, *arguments: str) -> dict:
        values = dataclasses.asdict(self.case)
        options = [text for name, value in values.items() for text in (f"--{name}", str(value))]
        command = [*self.command, *options, "--threads", str(len(self.machine.cores)), *arguments]
        process = self.machine.start(command)
        printed, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}")
        return json.loads(printed)

    def run(self, repeats: int) -> list[float]:
        self.printed = self.call("--repeat", str(repeats))
        return self.printed.get("ms", [self.printed["ms_median"]])

    def close(self) -> None:
        """Nothing to stop: each process has ended."""


class OneDnn(Program):
    """The layers of oneDNN. The program reads inputs and weights from a file, so that they equal those of other sides."""

    def __init__(self, program: Path, python: Path, machine: Machine) -> None:
        super().__init__([program, "--arrays", program.with_suffix(".f32")], machine)
        self.python = python

    def prepare(self, case: Case) -> None:
        super().prepare(case)
        subprocess.run([self.python, HERE / "cells.py", json.dumps(dataclasses.asdict(case)), self.command[-1]], check=True)

    def results(self) -> dict[str, list[float]]:
        return self.call("--results")


class Worker:
    """The process of a peer, which is started once."""

    def __init__(self, python: Path, arguments: Sequence[str], machine: Machine) -> None:
        self.name = " ".join(arguments)
        self.process = machine.start([python, HERE / arguments[0], *arguments[1:]], stdin=subprocess.PIPE)

    def ask(self, **request: object) -> dict:
        assert self.process.stdin and self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended at the request {request}")
        return json.loads(answer)

    def prepare(self, case: Case) -> None:
        self.ask(do="prepare", case=dataclasses.asdict(case))

    def run(self, repeats: int) -> list[float]:
        return self.ask(do="run", repeats=repeats)["ms"]

    def results(self) -> dict[str, list[float]]:
        return self.ask(do="results")

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


Side = Program | Worker
