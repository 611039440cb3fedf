#!/usr/bin/env bash
# Compares the compile time of the program in the README with that of a file that includes five standard headers, which
# such a program uses anyway. The ratio should be below 2.
#   compile_time.sh [COMPILER [INCLUDE-FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."

compiler=${1:-g++}
include=${2:-build/release/include}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
scripts/readme-program.sh >"$folder/readme.cpp"
printf '#include <%s>\n' vector string memory functional optional >"$folder/std.cpp"
echo 'int main() {}' >>"$folder/std.cpp"

# CPU time in milliseconds.
cost() {
  local TIMEFORMAT='%U %S'
  { time "$compiler" -std=c++20 -O2 -I"$include" -c "$folder/$1.cpp" -o "$folder/$1.o" 2>"$folder/errors"; } 2>&1 |
    awk '{ printf "%d", ($1 + $2) * 1000 }'
  [ ! -s "$folder/errors" ] || { cat "$folder/errors" >&2; return 1; }
}

# The minimum of several runs, alternating between the two files, so that other load affects both.
cost std >/dev/null
cost readme >/dev/null
for _ in 1 2 3 4 5 6 7; do
  s=$(cost std)
  r=$(cost readme)
  [ -n "${std:-}" ] && [ "$std" -le "$s" ] || std=$s
  [ -n "${readme:-}" ] && [ "$readme" -le "$r" ] || readme=$r
done
awk -v r="$readme" -v s="$std" 'BEGIN { printf "README program %d ms, standard headers %d ms, ratio %.2f\n", r, s, r / s }'
