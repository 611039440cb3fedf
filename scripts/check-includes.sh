#!/usr/bin/env bash
# Who may include whom: core < autograd < layers < models; optim sits on autograd, serialization on core. Nothing
# includes upward, and nothing includes in a circle.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A below=(
  [core]='core'
  [serialization]='core serialization'
  [autograd]='core autograd'
  [layers]='core autograd layers'
  [optim]='core autograd optim'
  [models]='core serialization autograd layers optim models'
)

# "file:included", both from the root, of every include of this project.
includes() {
  grep -rEo --include='*.h' --include='*.cpp' --include='*.inc' '^ *# *include *(<unspool/[^>]+>|"[^"]+")' "$@" |
    while IFS=: read -r file include; do
      path=${include#*[<\"]}
      path=${path%[>\"]}
      case $include in
        *'<'*) path=${path#unspool/} ;;
        *) path=$(realpath -m --relative-to=. "$(dirname "$file")/$path") ;;
      esac
      echo "$file:$path"
    done
}

failed=0
edges=$(mktemp)
trap 'rm -f "$edges"' EXIT
for folder in "${!below[@]}"; do
  [ -d "$folder" ] || continue
  while IFS=: read -r file path; do
    echo "$file $path" >>"$edges"
    case " ${below[$folder]} " in
      *" ${path%%/*} "*) ;;
      *)
        echo "$file includes $path, which does not lie below $folder" >&2
        failed=1
        ;;
    esac
  done < <(includes "$folder")
done

if ! circle=$(tsort "$edges" 2>&1 >/dev/null); then
  echo "headers include each other in a circle:" >&2
  echo "$circle" >&2
  failed=1
fi
exit $failed
