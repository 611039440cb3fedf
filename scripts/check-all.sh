#!/usr/bin/env bash
# Runs all checks: the tests in a release build, with sanitizers and with clang; the installed library; the documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%d min %02d s) ==\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

scripts/install-dependencies.sh clang-14 pkgconf debootstrap qemu-user gdb tmux

step "sources are formatted"
scripts/check-format.sh

step "release: build and tests"
scripts/test.sh

step "pages of lessons are what their programs print and draw"
scripts/lesson-pages.sh --check

step "TensorBoard reads the files of the callback"
scripts/check-tensorboard.py --install build/release/bin/tensorboard_example

step "models to Keras 3.6, 3.10 and 3.15 and back"
scripts/check-keras.sh || [ $? = 77 ]

step "the manual, with a comment for every public name"
scripts/docs.sh --check

step "every public header and every source compiled alone, and all sources of a folder together"
scripts/check-headers.sh --alone g++ build/release/include
scripts/check-sources.sh alone build/release
scripts/check-sources.sh together build/release
scripts/check-sources.sh clang build/release

step "installed, and used from another project"
scripts/check-install.sh
if [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null; then
  step "installed, and used in a minimal Debian"
  scripts/check-install-bare.sh
else
  step "installed, and used in a minimal Debian: NOT RUN, needs root and debootstrap"
fi

step "sanitizers: build and tests"
scripts/check-sanitizers.sh

step "readers of files fuzzed"
scripts/fuzz.sh 5

step "golden cases of Keras on every instruction set"
scripts/check-golden.sh

step "clang: build and tests"
cmake --preset clang
cmake --build --preset clang -j "$(nproc)"
ctest --preset clang -j "$(nproc)"
