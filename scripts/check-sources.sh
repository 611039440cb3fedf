#!/usr/bin/env bash
# Checks that unity builds do not decide about names: any sources of a folder compile together, and each compiles alone.
#   check-sources.sh together BUILD [FOLDER...]   all sources of a folder as one: finds names that two sources define
#   check-sources.sh alone BUILD [FOLDER...]      each source by itself: finds missing includes
#   check-sources.sh clang BUILD [FOLDER...]      all sources of a folder as one, with clang: finds its warnings; by default
#                                                 programs are compiled, too, each by itself
# BUILD is a configured build folder, whose flags are used. Kernels are never part of a unity build: clang compiles them
# alone, but for those with the flags of an instruction set.
set -euo pipefail
mode=$1
build=$(realpath "$2")
shift 2
cd "$(dirname "$0")/.."
library=(core serialization autograd data layers optim models)
if [ "$mode" = clang ]; then
  command -v clang++ >/dev/null || scripts/install-dependencies.sh clang-14
  clang=$(command -v clang++ || command -v clang++-14)
fi
programs=()
if [ $# -eq 0 ]; then
  set -- "${library[@]}" tests/*/
  [ "$mode" != clang ] || mapfile -t programs < <(find examples bench tools -name '*.cpp' -not -path 'bench/peers/*' | LC_ALL=C sort)
fi

# The compile command of a target, without its source and output; with clang without the options that only g++ has. Sources
# of one unit shadow names of each other.
command_of() {
  local command
  command=$(grep -m 1 "\"command\":.*CMakeFiles/$1\.dir/" "$build/compile_commands.json" |
    sed -E 's/^ *"command": "//; s/",?$//; s/ -o [^ ]+ -c [^ ]+$//; s/ -m(avx|fma)[^ ]*//g; s/\\"/"/g') || return 0
  if [ "$mode" = clang ]; then
    command="$clang ${command#* } -Wno-shadow -Werror=reorder-init-list"
    command=$(sed -E 's/ (-fno-semantic-interposition|-fno-reorder-blocks-and-partition|--param=[^ ]*|-mno-mmx|-ftree-loop-vectorize|-fvect-cost-model=[^ ]*)//g' <<<"$command")
  fi
  printf '%s\n' "$command"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jobs=$work/jobs
for folder in "$@"; do
  folder=${folder%/}
  case $folder in
    tests/golden_runner) target=golden ;;
    tests/*) target=test_${folder#tests/} ;;
    *) target=unspool_objects_${folder}_fast ;;
  esac
  mapfile -t sources < <(find "$folder" -name '*.cpp' -not -path '*/kernels/*' | LC_ALL=C sort)
  command=$(command_of "$target")
  [ -n "$command" ] && [ ${#sources[@]} -gt 0 ] || continue
  if [ "$mode" != alone ]; then
    printf "#include \"$PWD/%s\"\n" "${sources[@]}" >"$work/$target.cpp"
    sources=("$work/$target.cpp")
  fi
  if [ "$mode" = clang ]; then
    mapfile -t kernels < <(find "$folder" -path '*/kernels/*.cpp' -not -name '*_avx*')
    sources+=("${kernels[@]}")
  fi
  printf "$command -fsyntax-only %s\n" "${sources[@]}" >>"$jobs"
done
[ ${#programs[@]} -eq 0 ] || printf "$(command_of fit) -fsyntax-only %s\n" "${programs[@]}" >>"$jobs"
xargs -P "$(nproc)" -d '\n' -I{} sh -c '{}' <"$jobs"
