#!/usr/bin/env bash
# Everything that must hold: the tests in a release build, under the sanitizers and built by
# clang, and the library as others use it once it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%d min %02d s) ==\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

preset() {
  cmake --preset "$1"
  cmake --build --preset "$1" -j "$(nproc)"
  "${@:2}" ctest --preset "$1" -j "$(nproc)"
}

step "release: build and tests"
scripts/test.sh

scripts/install-dependencies.sh clang-14 libclang-rt-14-dev pkgconf debootstrap

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

step "address and undefined behaviour sanitizers: build and tests"
preset asan

step "thread sanitizer: build and tests"
# The runtime of g++ 12 does not start where the kernel spreads addresses too widely.
fixed_addresses=(setarch -R)
"${fixed_addresses[@]}" true 2>/dev/null || fixed_addresses=(env)
preset tsan "${fixed_addresses[@]}"

step "clang: build and tests"
preset clang
