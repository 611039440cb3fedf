#!/usr/bin/env bash
# Builds the tests with sanitizers and runs them: all with address and undefined behavior (clang), and those that start
# threads with the thread sanitizer (g++).
#   check-sanitizers.sh [asan] [tsan]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- asan tsan

scripts/install-dependencies.sh clang-14 libclang-rt-14-dev

# Some containers do not allow what the runtimes need: ptrace for finding leaks, a fixed address layout for threads.
starts() {
  local folder
  folder=$(mktemp -d)
  echo 'int main() { delete new int; }' >"$folder/probe.cpp"
  "$2" "-fsanitize=$1" "$folder/probe.cpp" -o "$folder/probe" && "${@:3}" "$folder/probe"
  local result=$?
  rm -rf "$folder"
  return $result
}

for preset in "$@"; do
  printf '\n== %s (after %d min %02d s) ==\n' "$preset" $((SECONDS / 60)) $((SECONDS % 60))
  run=()
  probe=(address,undefined clang++-14)
  if [ "$preset" = tsan ]; then
    probe=(thread g++)
    # The runtime of g++ 12 does not start with a large randomization of addresses.
    if setarch -R true 2>/dev/null; then run=(setarch -R); fi
  fi
  if ! starts "${probe[@]}" "${run[@]}"; then
    echo "NOT RUN: the runtime of this sanitizer does not start on this machine" >&2
    continue
  fi
  cmake --preset "$preset"
  cmake --build --preset "$preset" -j "$(nproc)"
  "${run[@]}" ctest --preset "$preset" -j "$(nproc)"
done
