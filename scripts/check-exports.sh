#!/usr/bin/env bash
# Checks that the shared library exports all names of unspool that are visible in the static one, and no names of the
# libraries that it is made with: check-exports.sh BUILD
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mangled names of what is defined in namespace unspool, with its types, thunks and variables in functions.
own='^_Z(N[KRO]*|T[VIST]N[KRO]*|TCN[KRO]*|T[chv][chvn0-9_]*N[KRO]*|Z+N[KRO]*|GVZ*N[KRO]*)7unspool'
# What one source hides, as inline functions are, stays hidden.
readelf -sW "$build/libunspool.a" | grep -v ' LOCAL ' |
  awk '$7 ~ /^[0-9]+$/ { if ($6 == "DEFAULT") seen[$8]; else hidden[$8] }
       END { for (name in seen) if (!(name in hidden)) print name }' |
  grep -E "$own" | LC_ALL=C sort >"$work/visible"
nm -D --defined-only "$build/libunspool.so" | awk '{ print $3 }' | LC_ALL=C sort -u >"$work/exported"

[ "$(wc -l <"$work/visible")" -gt 1000 ] || { echo "expected more than 1000 names in $build/libunspool.a" >&2; exit 1; }
LC_ALL=C comm -23 "$work/visible" "$work/exported" >"$work/missing"
grep -vE "$own" "$work/exported" >"$work/foreign" || true
failed=0
for kind in missing foreign; do
  [ -s "$work/$kind" ] || continue
  failed=1
  echo "$kind in libunspool.so, of $(wc -l <"$work/exported") exported names (cmake/exports.map):" >&2
  head -20 "$work/$kind" | c++filt >&2
done
exit $failed
