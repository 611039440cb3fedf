#!/usr/bin/env bash
# Builds and runs every test under the sanitizers: address and undefined behaviour by clang, then threads by g++.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh clang-14 libclang-rt-14-dev

for preset in asan tsan; do
  printf '\n== %s (after %d min %02d s) ==\n' "$preset" $((SECONDS / 60)) $((SECONDS % 60))
  cmake --preset "$preset"
  cmake --build --preset "$preset" -j "$(nproc)"
  run=()
  # The runtime of g++ 12 does not start where the kernel spreads addresses too widely.
  if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then run=(setarch -R); fi
  "${run[@]}" ctest --preset "$preset" -j "$(nproc)"
done
