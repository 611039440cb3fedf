#!/usr/bin/env bash
# Writes docs/lessons/: a page for each program of examples/lessons, made of its first comment, of what it prints and of
# the pictures that it draws, and an index. Needs a release build.
#   lesson-pages.sh [--check] [FOLDER]   --check writes nothing, and fails if a page or a picture is out of date; FOLDER
#                                        has the programs (default: build/release/bin)
set -euo pipefail
cd "$(dirname "$0")/.."

# In the order in which one reads them.
lessons=(
  reverse_mode
  bptt_by_formulas
  unrolled_lstm
  four_roads
  vanishing_gradients
  clipping
  truncated_bptt
  variational_dropout
  new_cell
  how_scan_makes_it_fast
)
# Results agree to rounding between instruction sets, and to the bit within one, which is why it is fixed.
export UNSPOOL_ISA=avx2 UNSPOOL_NUM_THREADS=1

check=false
if [ "${1:-}" = --check ]; then
  check=true
  shift
fi
bin=${1:-build/release/bin}
known=$(printf '%s\n' "${lessons[@]}" | LC_ALL=C sort)
found=$(find examples/lessons -name '*.cpp' -printf '%f\n' | sed 's/\.cpp$//' | LC_ALL=C sort)
if [ "$known" != "$found" ]; then
  echo "lesson-pages.sh: expected the names of all programs of examples/lessons, got:" >&2
  diff <(echo "$found") <(echo "$known") >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lessons" "$work/pictures"

# The first comment of a program, without its slashes.
comment() { awk '!/^\/\// { exit } { sub(/^\/\/ ?/, ""); print }' "examples/lessons/$1.cpp"; }
# Its first line up to the colon, and what follows there.
title() { comment "$1" | sed -n '1 { s/: .*//; s/\.$//; p }'; }
subtitle() { comment "$1" | awk '/^ *$/ { exit } { print }' | sed '1 s/^[^:]*: //'; }
# "how much is left." becomes "How much is left."
capitalized() { sed '1 s/^./\U&/'; }

index=$work/lessons/README.md
cat >"$index" <<'INDEX'
# Lessons

Programs that explain recurrent nets. A line that begins with "checked:" is a claim that the program has checked: it
exits with an error if one does not hold, and the tests run all lessons. A page has the first comment of its program, what it prints, and what it draws.
`scripts/example.sh NAME` builds and runs one; `scripts/lesson-pages.sh` writes these pages.

| lesson | shows |
|---|---|
INDEX

for name in "${lessons[@]}"; do
  folder=build/lessons/$name
  mkdir -p "$folder"
  find "$folder" -type f -delete
  if ! "$bin/$name" "$folder" >"$work/output" 2>"$work/errors"; then
    cat "$work/output" "$work/errors" >&2
    echo "lesson-pages.sh: $name fails" >&2
    exit 1
  fi
  {
    printf '# %s\n\n' "$(title "$name")"
    subtitle "$name" | capitalized
    comment "$name" | awk 'rest { print } /^ *$/ { if (!rest) { rest = 1; print } }'
    printf '\nThe program is [examples/lessons/%s.cpp](../../examples/lessons/%s.cpp). It prints:\n\n```text\n' "$name" "$name"
    sed 's/[[:space:]]*$//' "$work/output"
    printf '```\n'
    # A screenshot is made by hand; programs draw SVG.
    [ ! -e "docs/pictures/$name.png" ] || printf '\n![%s](../pictures/%s.png)\n' "$(title "$name")" "$name"
    for picture in "$folder"/*.svg; do
      [ -e "$picture" ] || continue
      file=$(basename "$picture")
      cp "$picture" "$work/pictures/"
      printf '\n![%s](../pictures/%s)\n' "$(basename "$file" .svg | tr _ ' ' | capitalized)" "$file"
    done
  } >"$work/lessons/$name.md"
  printf '| [%s](%s.md) | %s |\n' "$(title "$name")" "$name" "$(subtitle "$name" | tr '\n' ' ' | sed 's/[. ]*$//; s/\. .*//')" >>"$index"
done

if $check; then
  failed=0
  diff -r docs/lessons "$work/lessons" >&2 || failed=1
  for picture in "$work"/pictures/*; do
    cmp -s "$picture" "docs/pictures/$(basename "$picture")" && continue
    echo "docs/pictures/$(basename "$picture") is out of date" >&2
    failed=1
  done
  [ $failed = 0 ] || { echo "lesson-pages.sh: run scripts/lesson-pages.sh" >&2; exit 1; }
  exit 0
fi
rm -rf docs/lessons
cp -r "$work/lessons" docs/lessons
cp "$work"/pictures/* docs/pictures/
