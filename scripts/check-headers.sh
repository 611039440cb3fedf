#!/usr/bin/env bash
# Checks that public headers include no header of another library.
#   check-headers.sh [--alone] COMPILER INCLUDE-FOLDER
# With --alone, also checks that each compiles alone, which takes a while.
set -euo pipefail

alone=0
[ "${1:-}" != --alone ] || { alone=1; shift; }
compiler=${1:-g++}
include=$(realpath -s "${2:-build/release/include}")

shown=$(echo '#include <unspool/unspool.h>' | "$compiler" -std=c++20 -I"$include" -M -x c++ - | tr -d '\\' | tr ' ' '\n' |
  grep -vF "$include/" | grep -E '/(Eigen|eigen3|unsupported|fmt|cereal|nlohmann|rapidjson|doctest|xbyak)/' || true)
if [ -n "$shown" ]; then
  echo "<unspool/unspool.h> includes headers of other libraries:" >&2
  echo "$shown" >&2
  exit 1
fi

if [ $alone = 1 ]; then
  cd "$include"
  # shellcheck disable=SC2016
  find -L unspool -maxdepth 1 -name '*.h' -o -name '*.h' -path 'unspool/*/*.h' \
    \( -path '*/core/*' -o -path '*/serialization/*' -o -path '*/autograd/*' -o -path '*/layers/*' -o -path '*/optim/*' \
    -o -path '*/models/*' -o -path '*/data/*' \) -not -path '*/kernels/*' -not -path '*/internal/*' -not -path '*/scan/*' |
    xargs -P "$(nproc)" -I{} sh -c 'echo "#include <{}>" |
      "$0" -std=c++20 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only -x c++ - || { echo "{} does not compile alone" >&2; exit 1; }' "$compiler"
fi
