#!/usr/bin/env bash
# Each source is compiled for the instruction set in its name, and every other for what any x86-64 machine has, but none
# with MMX (see cmake/library.cmake).
#   check-kernel-flags.sh BUILD-FOLDER
set -euo pipefail

failed=0
while read -r line; do
  source=$(grep -oE ' -c [^"]*' <<<"$line")
  source=${source# -c }
  flags=$(grep -oE ' -m(avx|fma|sse|arch|tune|bmi|f16c|no-mmx)[^ ]*' <<<"$line" | tr -d '\n' || true)
  case $source in
    */core/kernels/*_avx2.cpp) expected=' -mno-mmx -mavx2 -mfma' ;;
    */core/kernels/*_avx512.cpp) expected=' -mno-mmx -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma' ;;
    *) expected=' -mno-mmx' ;;
  esac
  if [ "$flags" != "$expected" ]; then
    echo "$source is compiled with '${flags# }', not '${expected# }'" >&2
    failed=1
  fi
done < <(grep '"command":.*unspool_objects_[a-z]*\.dir' "$1/compile_commands.json")
exit $failed
