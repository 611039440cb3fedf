#!/usr/bin/env bash
# gdb finds the printers of scripts/gdb where the library installs them, and shows by them what tensors, variables,
# shapes, configs and layers hold.
#   check-gdb.sh PROGRAM     the program of tests/gdb, built with -g
# Ends with 77 where gdb may not run programs, as in some containers.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/.."

gdb=(gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load no')
"${gdb[@]}" -ex 'break main' -ex run -ex 'print 40 + 2' "$program" 2>&1 | grep -qF '= 42' || exit 77

# gdb's data directory as it is once the library is installed beside it.
data=$(gdb -nx -batch -ex 'show data-directory' | sed -E 's/.*"(.*)".*/\1/')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -rs "$data" "$work/gdb"
cp scripts/gdb/unspool.py "$work/gdb/python/gdb/printer/"
gdb+=(--data-directory="$work/gdb")

commands=(-ex 'break stop_here' -ex run -ex up)
for name in floats doubles truths scalar nothing empty shape variable no_variable config layer unnamed base no_layer source; do
  commands+=(-ex "print $name")
done
commands+=(-ex 'set print elements 4' -ex 'print numbers' -ex 'print config' -ex 'set print elements 200'
  -ex 'print floats.describe()' -ex 'print variable.describe()' -ex 'print config.describe()'
  -ex continue -ex up -ex 'print outputs')
shown=$("${gdb[@]}" "${commands[@]}" "$program" 2>&1)

failed=0
expect() {
  grep -qF -- "$1" <<<"$shown" || { echo "not found in what gdb prints: $1" >&2; failed=1; }
}
expect '= float32[2, 3] [[1, 2.5, 0.1], [10, -1e-09, 3]]'
expect '= float64[1, 2, 1] [[[1], [0.1]]]'
expect '= bool[2, 3] [[false, true, false], [true, false, true]]'
expect '= int32[] 7'
expect '= float32[0, 3] []'
expect '= an empty tensor'
expect '= [?, 16]'
expect '= kernel float32[2, 3] [[1, 2.5, 0.1], [10, -1e-09, 3]]'
expect '= an empty variable'
expect '= {"units": 3, "rate": 0.5, "name": "a \"cell\"", "axes": [1, null, true], "none": null}'
expect '= LSTM "lstm"'
grep -qxE '\$[0-9]+ = SimpleRNN' <<<"$shown" || { echo "a layer without a name is not shown by its class" >&2; failed=1; }
expect '= GRU "gate"'
expect '= an empty Ref'
expect '= float32[?, ?, 3], abstract'
expect '= int64[1000] [0, 1, 2, 3, ...]'
expect '= {"units": 3, "rate": 0.5, "name": "a \"cell\"", "axes": [...], ...}'
expect '"float32[2, 3]"'
expect '"kernel float32[2, 3]"'
expect '"a map of 5"'
expect '= 3 outputs: float32[1, 2] [['
[ $failed = 0 ] || { echo "$shown" >&2; exit 1; }
