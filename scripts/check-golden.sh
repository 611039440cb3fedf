#!/usr/bin/env bash
# Runs the golden cases of Keras on each instruction set that this machine has and, if qemu-user is installed, on an emulated
# processor without AVX and FMA.
set -euo pipefail
cd "$(dirname "$0")/.."

golden=build/release/bin/golden
mapfile -t cases < <(ctest --preset release -N -R '^golden/' | sed -n 's,.*: \(golden/.*\),tests/\1,p' | xargs ls -d 2>/dev/null)
available=$({ UNSPOOL_ISA=none "$golden" "${cases[0]}" || true; } | sed -n 's/.*machine has (\([^)]*\)).*/\1/p' | head -n 1)

for isa in ${available//,/}; do
  printf '%-10s ' "$isa"
  UNSPOOL_ISA=$isa "$golden" "${cases[@]}" | tail -n 1
done
if command -v qemu-x86_64 >/dev/null; then
  printf '%-10s ' Nehalem
  qemu-x86_64 -cpu Nehalem "$golden" "${cases[@]}" | tail -n 1
fi
