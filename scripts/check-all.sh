#!/usr/bin/env bash
# Everything that must hold: the tests in a release build, under the sanitizers and built by
# clang, and the library as others use it once it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%d min %02d s) ==\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

step "release: build and tests"
scripts/test.sh

scripts/install-dependencies.sh clang-14 pkgconf debootstrap qemu-user

step "every public header by itself"
scripts/check-headers.sh --alone g++ build/release/include

step "installed, and used from outside"
scripts/check-install.sh
if [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null; then
  step "installed, and used in a bare Debian"
  scripts/check-install-bare.sh
else
  step "installed, and used in a bare Debian: NOT RUN, since it needs root and debootstrap"
fi

step "sanitizers: build and tests"
scripts/check-sanitizers.sh

step "cases of Keras on every instruction set"
scripts/check-golden.sh

step "clang: build and tests"
cmake --preset clang
cmake --build --preset clang -j "$(nproc)"
ctest --preset clang -j "$(nproc)"
