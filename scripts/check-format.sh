#!/usr/bin/env bash
# Ends with nothing if every source and header is as clang-format writes it. Left out are the headers that scripts write, and
# the mistakes of tests/compile_errors, which are not whole programs.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh clang-format-14
find autograd bench core examples layers models optim serialization tests tools \
  -path tests/compile_errors -prune -o \( -name '*.h' -o -name '*.cpp' \) -print0 |
  xargs -0 -P "$(nproc)" -n 40 clang-format-14 --dry-run --Werror
