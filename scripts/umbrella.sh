#!/bin/sh
# Writes unspool.h, which includes the headers for programs, and operation.h, which includes those for declaring operations.
# With --check, only checks that they are up to date.
set -eu
cd "$(dirname "$0")/.."

# Not in unspool.h, to keep it quick to compile.
authors='core/array core/memory core/pooled core/small_vector autograd/attribute_value autograd/attributes
  autograd/check_operation autograd/check_report autograd/elementwise autograd/families
  autograd/operation autograd/recorder layers/check_layer layers/functional layers/graph optim/update
  serialization/event_node'
operation='autograd/check_operation autograd/elementwise autograd/operation autograd/recorder'

unspool() {
  echo '#pragma once'
  for folder in core serialization autograd data layers optim models; do
    headers=$(find "$folder" -name '*.h' -not -path '*/kernels/*' -not -path '*/internal/*' -not -path '*/scan/*' | LC_ALL=C sort |
      grep -vxF "$(printf '%s.h\n' $authors)")
    [ -z "$headers" ] || { echo; echo "$headers" | sed 's|.*|#include <unspool/&>|'; }
  done
}

operation() {
  printf '#pragma once\n\n'
  printf '#include <unspool/%s.h>\n' $operation
}

for header in unspool operation; do
  if [ "${1:-}" = --check ]; then
    $header | diff -u $header.h - || { echo "$header.h is out of date: run scripts/umbrella.sh" >&2; exit 1; }
  else
    $header > $header.h
  fi
done
