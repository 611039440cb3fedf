#!/usr/bin/env bash
# Checks compiler flags: a source with an instruction set in its name is compiled with the flags of its row in
# core/kernels/instruction_sets.def, every other source for any x86-64 machine, and all without MMX (see
# cmake/library.cmake).
#   check-kernel-flags.sh BUILD-FOLDER
set -euo pipefail

declare -A flags_of
while IFS=$'\t' read -r name flags; do
  flags_of[$name]=${flags:+ $flags}
done < <("$(dirname "$0")/instruction-sets.sh")

failed=0
while read -r line; do
  source=$(grep -oE ' -c [^"]*' <<<"$line")
  source=${source# -c }
  flags=$(grep -oE ' -m(avx|fma|sse|arch|tune|bmi|f16c|no-mmx)[^ ]*' <<<"$line" | tr -d '\n' || true)
  expected=' -mno-mmx'
  if [[ $source == */core/kernels/* ]]; then
    name=$(basename "$source" .cpp)
    expected+=${flags_of[${name##*_}]-}
  fi
  if [ "$flags" != "$expected" ]; then
    echo "$source: expected the flags '${expected# }', got '${flags# }'" >&2
    failed=1
  fi
done < <(grep '"command":.*unspool_objects_[a-z_]*\.dir' "$1/compile_commands.json")
exit $failed
