"""Installs the peers into a virtual environment, and builds the program that times oneDNN."""

import re
import subprocess
import sys
from pathlib import Path

TORCH = "torch==2.13.0"
# The packages that `import torch` needs. It links to CUDA libraries of several gigabytes without calling them.
TORCH_NEEDS = ["filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec", "numpy"]
# The only CUDA library that runs when torch is imported without a GPU.
CUDA_RUNTIME = "nvidia-cuda-runtime>=13,<14"
JAX = "jax==0.10.2"
KERAS = ["keras==3.15.1", "tensorflow-cpu==2.21.0"]

CUDA_LIBRARY = re.compile(r"\[(lib(?:cu|nccl|nvrtc|nvshmem|nvToolsExt)[\w-]*\.so[.\d]*)\]")
CUDA_SYMBOL = re.compile(r" U ((?:cu|nccl|nvrtc|nvshmem|nvtx)\w+)(?:@(\S+))?$", re.MULTILINE)


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def runs(python: Path, module: str) -> bool:
    """Whether a module can be imported in the environment."""
    return python.exists() and subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0


def pip(python: Path, *arguments: str) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)


def make_library(path: Path, versions: dict[str, set[str]]) -> None:
    """A library of functions that fail, by symbol version ("" for none)."""
    names = sorted(set().union(*versions.values()))
    source = "".join(f"int {name}(void) {{ return 1; }}\n" for name in names)
    script = path.with_suffix(".map")
    script.write_text("".join(f"{v} {{ {'; '.join(sorted(s))}; }};\n" for v, s in versions.items() if v))
    command = ["gcc", "-w", "-shared", f"-Wl,-soname,{path.name}", "-o", path, "-x", "c", "-"]
    if any(versions):
        command.insert(1, f"-Wl,--version-script={script}")
    subprocess.run(command, input=source, text=True, check=True)
    script.unlink()


def stand_in_for_cuda(torch: Path) -> None:
    """Makes empty libraries of the names that PyTorch's wheel asks for.

    PyPI has PyTorch for Linux with CUDA only. A process with no GPU calls nothing of it but the runtime, yet the
    loader wants every library, and an address for every function that stands in a table.
    """
    libraries = sorted((torch / "lib").glob("*.so*"))
    needed = set(CUDA_LIBRARY.findall(output("readelf", "-d", *libraries)))
    runtime = next(torch.parent.glob("nvidia/*/lib/libcudart.so*"))
    here = {runtime.name, *(library.name for library in libraries)}
    versions: dict[str, set[str]] = {}
    for symbol, version in CUDA_SYMBOL.findall(output("nm", "-D", "--undefined-only", *libraries)):
        versions.setdefault(version, set()).add(symbol)
    of_runtime = {line.split("@")[-1] for line in output("nm", "-D", "--defined-only", runtime).splitlines()}
    first, *others = sorted(needed - here)
    for name in others:
        make_library(torch / "lib" / name, {})
    make_library(torch / "lib" / first, {v: symbols for v, symbols in versions.items() if v not in of_runtime})


def install_torch(python: Path) -> None:
    pip(python, "--no-deps", TORCH, CUDA_RUNTIME)
    pip(python, *TORCH_NEEDS)
    stand_in_for_cuda(Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()) / "torch")


def install(folder: Path, modules: set[str]) -> Path:
    """The Python of the environment, after installing numpy and the requested ones of torch, jax and keras."""
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    recipes = {
        "numpy": lambda: pip(python, "numpy"),
        "torch": lambda: install_torch(python),
        "jax": lambda: pip(python, JAX),
        "keras": lambda: pip(python, *KERAS),
    }
    for module in ["numpy", *sorted(modules)]:
        if not runs(python, module):
            print(f"installing {module} into {folder / 'venv'}", file=sys.stderr)
            recipes[module]()
            if not runs(python, module):
                raise RuntimeError(f"{module} is installed in {folder / 'venv'}, but {python} cannot import it")
    return python


def build_onednn(folder: Path, source: Path) -> Path:
    """The program that times the layers of oneDNN. Needs Debian's package libdnnl-dev."""
    program = folder / source.stem
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["g++", "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-fopenmp", source, "-o", program, "-ldnnl"]
        subprocess.run(command, check=True)
    return program
