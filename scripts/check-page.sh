#!/usr/bin/env bash
# Checks a page whose C++ blocks are, together, one program: it compiles and, if a library is given, prints what the page's
# block "text" says.
#   check-page.sh PAGE COMPILER INCLUDE-FOLDER [LIBRARY]
set -euo pipefail
page=$(dirname "$0")/../$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

blocks() {
  awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$page"
}

blocks cpp >"$work/program.cpp"
grep -q 'int main' "$work/program.cpp" || { echo "$1: expected a block with main(), got none" >&2; exit 1; }
compile=("$2" -std=c++20 -Wall -Wextra -Werror -I"$3" "$work/program.cpp")
if [ -z "${4:-}" ]; then
  "${compile[@]}" -fsyntax-only
  exit
fi
"${compile[@]}" "$4" -pthread -o "$work/program"
blocks text >"$work/expected"
"$work/program" | diff "$work/expected" -
