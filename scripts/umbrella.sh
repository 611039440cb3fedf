#!/bin/sh
# Writes unspool.h, which includes what programs use, and operation.h, which includes what it takes to declare an
# operation. With --check, says whether they do and writes nothing.
set -eu
cd "$(dirname "$0")/.."

# Left out of unspool.h: it is to compile in no time.
authors='core/array core/memory core/pooled core/small_vector autograd/attributes
  autograd/check_operation autograd/check_report autograd/elementwise autograd/families
  autograd/operation autograd/recorder layers/check_layer layers/functional layers/graph optim/update'
operation='autograd/check_operation autograd/elementwise autograd/operation autograd/recorder'

unspool() {
  echo '#pragma once'
  for folder in core serialization autograd layers optim models; do
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
