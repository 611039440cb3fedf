#!/usr/bin/env bash
# Checks that the program in the README compiles and, if a library is given, that the README shows the plan of its cell.
#   check-readme.sh COMPILER INCLUDE-FOLDER [LIBRARY]
set -euo pipefail
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/readme-program.sh" | "$1" -std=c++20 -Wall -Wextra -Werror -I"$2" -fsyntax-only -x c++ -
[ -n "${3:-}" ] || exit 0

"$here/readme-program.sh" cell >"$work/cell.cpp"
"$1" -std=c++20 -Wall -Wextra -Werror -I"$2" "$work/cell.cpp" "$3" -pthread -o "$work/cell"
"$work/cell" >"$work/plan"
# The README leaves out lines. How loops run and the sizes of chunks differ between machines, so only lines that compute
# something (... = ..., ... += ...) are compared: each must be in the plan, in order.
"$here/readme-program.sh" plan | grep -E ' \+?= ' | awk '
  NR == FNR { plan[NR] = $0; lines = NR; next }
  { while (at < lines && plan[++at] != $0); if (plan[at] != $0) { print "README.md: not in the plan: " $0; exit 1 } }
' "$work/plan" - >&2
