#!/usr/bin/env bash
# Who may include whom. Folders: core < autograd < layers < models; optim on autograd, serialization on core, data on both.
# Nothing includes upward, and headers do not include each other in a circle. Inside a folder units do not depend on each other in
# a circle either, so that it can be read from the bottom up: a unit is a header with its source, and with the header of
# the same name in internal/.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A below=(
  [core]='core'
  [serialization]='core serialization'
  [autograd]='core autograd'
  [data]='core serialization autograd data'
  [layers]='core autograd layers'
  [optim]='core autograd optim'
  [models]='core serialization autograd data layers optim models'
)

# "file included", both from the root, of every include of this project.
includes() {
  grep -rEo --include='*.h' --include='*.cpp' --include='*.inc' '^ *# *include *(<unspool/[^>]+>|"[^"]+")' "$@" |
    while IFS=: read -r file include; do
      path=${include#*[<\"]}
      path=${path%[>\"]}
      case $include in
        *'<'*) path=${path#unspool/} ;;
        *) path=$(realpath -m --relative-to=. "$(dirname "$file")/$path") ;;
      esac
      echo "$file $path"
    done
}

failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
includes "${!below[@]}" >"$scratch/files"

while read -r file path; do
  case " ${below[${file%%/*}]} " in
    *" ${path%%/*} "*) ;;
    *)
      echo "$file includes $path, which does not lie below ${file%%/*}" >&2
      failed=1
      ;;
  esac
done <"$scratch/files"

circle() {
  local found
  if ! found=$(tsort "$2" 2>&1 >/dev/null); then
    echo "$1 depend on each other in a circle:" >&2
    echo "$found" >&2
    failed=1
  fi
}
circle headers "$scratch/files"

# Headers that are one unit, under the name of the first.
one_unit=(
  # A layer is one class in three headers; the nodes of a graph hold layers, and a layer knows the nodes of its calls.
  'layers/layer_base layers/layer_tree layers/layer_calls layers/internal/call_context layers/internal/layer_call layers/graph'
  # The table of instruction sets.
  'core/kernels/instruction_set core/kernels/isa core/kernels/jit'
)
# The gradients of operations are made of each other, and scan is one of them.
no_order='autograd/*'

# The unit of a file: its path without its ending and, if a public header has that name, without internal/.
unit() {
  local name=${1%.*} set
  local public=${name/\/internal\///}
  [ ! -e "$public.h" ] || name=$public
  for set in "${one_unit[@]}"; do
    case " $set " in *" $name "*) name=${set%% *} ;; esac
  done
  unit=$name
}
while read -r file path; do
  # shellcheck disable=SC2254
  case $file in $no_order) continue ;; esac
  unit "$file" && from=$unit
  unit "$path" && to=$unit
  [ "$from" = "$to" ] || echo "$from $to"
done <"$scratch/files" >"$scratch/units"
circle 'headers with their sources' "$scratch/units"
exit $failed
