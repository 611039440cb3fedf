#!/usr/bin/env bash
# Compares the compile time of the program in the README with that of a file that includes five standard headers, which
# such a program uses anyway (the ratio should be below 2), or with its compile time in another version.
#   compile_time.sh [COMPILER [INCLUDE-FOLDER [INCLUDE-FOLDER-OF-OTHER-VERSION]]]
# COUNT=instructions counts the compiler's instructions with valgrind, in millions: slower, and the same each time.
set -euo pipefail
compiler=${1:-g++}
include=$(realpath -s "${2:-$(dirname "$0")/../build/release/include}")
other=${3:+$(realpath -s "$3")}
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
scripts/readme-program.sh >"$folder/readme.cpp"
cp "$folder/readme.cpp" "$folder/other.cpp"
printf '#include <%s>\n' vector string memory functional optional >"$folder/std.cpp"
echo 'int main() {}' >>"$folder/std.cpp"
if [ -n "$other" ]; then
  base=other what="other version"
else
  base=std what="standard headers"
fi
unit=ms runs=7
[ "${COUNT:-}" != instructions ] || { unit="million instructions" runs=1; }

# CPU time in milliseconds, or instructions in millions.
cost() {
  local TIMEFORMAT='%U %S' path=$include
  [ "$1" != other ] || path=$other
  local command=("$compiler" -std=c++20 -O2 -I"$path" -c "$folder/$1.cpp" -o "$folder/$1.o")
  if [ "$unit" != ms ]; then
    # The compiler proper runs as a child.
    valgrind --trace-children=yes --trace-children-skip='*/as,*/ld,*/collect2' --tool=cachegrind --cache-sim=no \
      --cachegrind-out-file=/dev/null "${command[@]}" 2>&1 |
      awk '/I +refs:/ { gsub(",", ""); if ($NF > most) most = $NF } END { printf "%d", most / 1e6 }'
    return
  fi
  { time "${command[@]}" 2>"$folder/errors"; } 2>&1 | awk '{ printf "%d", ($1 + $2) * 1000 }'
  [ ! -s "$folder/errors" ] || { cat "$folder/errors" >&2; return 1; }
}

# The minimum of several runs, alternating between the two files, so that other load affects both.
[ "$unit" != ms ] || { cost "$base" >/dev/null; cost readme >/dev/null; }
for ((i = 0; i < runs; ++i)); do
  s=$(cost "$base")
  r=$(cost readme)
  [ -n "${least:-}" ] && [ "$least" -le "$s" ] || least=$s
  [ -n "${readme:-}" ] && [ "$readme" -le "$r" ] || readme=$r
done
awk -v r="$readme" -v s="$least" -v u="$unit" -v w="$what" \
  'BEGIN { printf "README program %d %s, %s %d %s, ratio %.2f\n", r, u, w, s, u, r / s }'
