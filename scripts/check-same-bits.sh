#!/usr/bin/env bash
# Checks that this tree computes the same bits as another version: check-same-bits.sh OLD_TREE [INSTRUCTION_SET...]
#
# Compares checksums of the results of both in the cases of real Keras and in tests/checksums, on the given
# instruction sets (default: all that this machine has), with one thread and with two, and without JIT-compiled
# loops. Prints which results differ, and fails if any do. tests/checksums of this tree is compiled against either
# library. All lines are kept in build/same-bits; those of an old version that has not changed are used again.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] && [ -f "$1/unspool.h" ] || {
  echo "usage: scripts/check-same-bits.sh OLD_TREE [INSTRUCTION_SET...]; OLD_TREE: a checkout of the other version" >&2
  exit 2
}
old_tree=$(cd "$1" && pwd)
shift
new_tree=$PWD
results=$new_tree/build/same-bits
mapfile -t compiler < <(command -v ccache || true; printf '%s\n' c++ -std=c++20 -O0 -ffp-contract=off -w)

build_library() {  # TREE
  (cd "$1" && cmake --preset release && cmake --build --preset release --target unspool_static) >"$results/build.log" ||
    { cat "$results/build.log"; exit 1; }
}

# A program that has not changed keeps its time stamp, so that its results can be used again.
build_program() {  # TREE FOLDER OUT
  local objects=$3.objects
  rm -rf "$objects" && mkdir -p "$objects"
  printf '%s\n' "$2"/*.cpp | xargs -P "$(nproc)" -I{} sh -c '
    source=$1 objects=$2; shift 2
    "$@" -c "$source" -o "$objects/$(basename "$source").o"' - {} "$objects" "${compiler[@]}" \
    -I"$1/build/release/include"
  c++ "$objects"/*.o "$1/build/release/libunspool.a" -pthread -o "$3.new"
  cmp -s "$3.new" "$3" || mv "$3.new" "$3"
  rm -rf "$3.new" "$objects"
}

echo "building"
for side in old new; do
  tree=${side}_tree
  folder=$results/$side
  mkdir -p "$folder"
  build_library "${!tree}"
  # The programs of this tree, with the runner of golden cases and the random steps as either version has them: those
  # may use interfaces that the other one lacks.
  rm -rf "$folder"/{tests,bench}
  mkdir -p "$folder"/{tests,bench}
  cp -r tests/{checksums,support} "$folder/tests/"
  cp bench/random_cell.h "$folder/bench/"
  cp -r "${!tree}"/tests/{golden_runner,autograd} "$folder/tests/"
  cp tests/golden_runner/{main.cpp,report.h,report.cpp} "$folder/tests/golden_runner/"
  build_program "${!tree}" "$folder/tests/golden_runner" "$folder/golden"
  build_program "${!tree}" "$folder/tests/checksums" "$folder/checksums"
done

mapfile -t cases < <(ctest --preset release -N -R '^golden/' | sed -n 's,.*: \(golden/.*\),tests/\1,p' |
  xargs ls -d 2>/dev/null)
# Only groups that the older runner knows.
known=()
for folder in "${cases[@]}"; do
  file=$(find "$folder" -name '*.safetensors' | LC_ALL=C sort | head -n 1)
  { "$results/old/golden" "$file" || true; } 2>&1 | grep -q 'no group of cases' || known+=("$folder")
done
cases=("${known[@]}")
available=$({ UNSPOOL_ISA=none "$results/new/golden" "${cases[0]}" 2>&1 || true; } |
  sed -n 's/.*machine has (\([^)]*\)).*/\1/p' | head -n 1)
[ -n "$available" ] || { echo "$results/new/golden does not say which instruction sets this machine has" >&2; exit 1; }

run_side() {  # SIDE NAME ENVIRONMENT...
  local folder=$results/$1 out=$results/$1/$2.txt
  shift 2
  [ "$folder" = "$results/old" ] && [ "$out" -nt "$folder/golden" ] && [ "$out" -nt "$folder/checksums" ] && return
  env "$@" sh -c '"$0/golden" --checksums "$@" && "$0/checksums"' "$folder" "${cases[@]}" >"$out.part" 2>"$out.err" ||
    { cat "$out.err"; exit 1; }
  mv "$out.part" "$out"
}

differences=0
compare() {  # NAME ENVIRONMENT...
  run_side old "$@"
  run_side new "$@"
  local lines count
  lines=$(diff "$results/old/$1.txt" "$results/new/$1.txt" | grep '^[<>]' || true)
  count=$(sed '/^$/d; s/^. //; s/ | [^|]* | [^|]*$//' <<<"$lines" | sort -u | wc -l)
  printf '%-30s %6d results, %d differ\n' "$1" "$(wc -l <"$results/new/$1.txt")" "$count"
  [ "$count" = 0 ] && return
  differences=$((differences + count))
  sed 's/^. //; s/ | .*//' <<<"$lines" | sort -u | sed 's,\([^/]*/[^/]*\)/.*,\1,' | uniq -c |
    sed 's/^ *\([0-9]*\) \(.*\)/    \2: \1 cases/'
  head -n 10 <<<"$lines" | sed 's/^/    /'
}

[ $# -gt 0 ] || set -- ${available//,/}
for isa in "$@"; do
  for threads in 1 2; do
    compare "$isa-$threads" "UNSPOOL_ISA=$isa" "UNSPOOL_NUM_THREADS=$threads"
  done
  cmp "$results/new/$isa-1.txt" "$results/new/$isa-2.txt" || differences=$((differences + 1))
  if [ "$isa" != baseline ]; then
    compare "$isa-2-without-machine-code" "UNSPOOL_ISA=$isa" UNSPOOL_NUM_THREADS=2 UNSPOOL_MACHINE_CODE=off
  fi
done
if [ "$differences" != 0 ]; then
  echo "the bits differ; $results holds all lines of both sides"
  exit 1
fi
echo "the same bits"
