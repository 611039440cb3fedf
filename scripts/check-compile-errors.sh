#!/usr/bin/env bash
# Mistakes that must not compile, and the words that the first line of the compiler's error must have.
#   check-compile-errors.sh [INCLUDE-FOLDER [COMPILER...]]     by default g++ and clang++
#
# To add a mistake, add it to a file of tests/compile_errors, or add a file. A file starts with what its cases share:
# includes, declarations. Each case is a line "//! WORDS", then the statements of a function's body that are wrong:
#   //! write sum(x, axis, keepdims)
#   sum(x, true);
# "//! WORDS //! OTHER WORDS" are those of g++ and those of clang where they differ. "//+" in place of "//!" starts a case
# that must compile: the right way beside the wrong one. FILES=tests/compile_errors/tensors.cpp checks that file only.
set -euo pipefail

include=$(realpath -s "${1:-build/release/include}")
compilers=("${@:2}")
cd "$(dirname "$0")/.."
read -ra files <<<"${FILES:-$(echo tests/compile_errors/*.cpp)}"

if [ ${#compilers[@]} = 0 ]; then
  compilers=(g++)
  clang=$(command -v clang++ || command -v clang++-14 || true)
  [ -z "$clang" ] || compilers+=("$clang")
  [ -n "$clang" ] || echo "clang++ is not installed (scripts/check-all.sh installs it): only g++ is checked"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
cases=0

# The statements in $work/body must compile ("+"), or fail with $words in the first line of the error ("!").
check() {
  local line wanted=$words
  if [[ $words == *' //! '* ]]; then
    wanted=${words%% //! *}
    [ -z "$is_clang" ] || wanted=${words##* //! }
  fi
  cases=$((cases + 1))
  { echo 'void body() {'; cat "$work/body"; echo '}'; } >"$work/case.cpp"
  if "${compile[@]}" -include "$work/common.h" -fsyntax-only "$work/case.cpp" >"$work/errors" 2>&1; then
    [ "$kind" != '!' ] || fail "it compiles, and should not"
    return
  fi
  line=$(grep -m1 'error: ' "$work/errors" || true)
  if [ "$kind" = + ]; then
    fail "it does not compile: $line"
  elif [[ $line != *"$wanted"* ]]; then
    fail "expected \"$wanted\" in the first line of the error, got: $line"
  fi
}

fail() {
  printf '%s: %s:\n%s\n%s\n' "$compiler" "$file" "$(cat "$work/body")" "$1" >&2
  failed=1
}

for compiler in "${compilers[@]}"; do
  # g++ refuses a wrong order of designated initializers, and clang warns of it.
  is_clang=$("$compiler" --version | grep -i clang || true)
  compile=("$compiler" -std=c++20 -I"$include" ${is_clang:+-Werror=reorder-init-list})
  for file in "${files[@]}"; do
    sed '/^\/\/[!+]/,$d' "$file" >"$work/common.h"
    # Compiled once: both compilers find it by this name.
    "${compile[@]}" -x c++-header "$work/common.h" -o "$work/common.h.gch"
    kind=
    before=$cases
    while IFS= read -r text; do
      if [[ $text == '//!'* || $text == '//+'* ]]; then
        [ -z "$kind" ] || check
        kind=${text:2:1}
        words=${text:4}
        : >"$work/body"
      elif [ -n "$kind" ]; then
        echo "$text" >>"$work/body"
      fi
    done <"$file"
    [ -z "$kind" ] || check
    [ $cases -gt "$before" ] || { echo "$file: no cases" >&2; failed=1; }
  done
done
echo "$cases cases"
exit $failed
