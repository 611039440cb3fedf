#!/bin/sh
# Writes unspool.h, which includes every public header. With --check, says whether it does and writes nothing.
set -eu
cd "$(dirname "$0")/.."

text() {
  echo '#pragma once'
  for folder in core serialization autograd layers optim models; do
    [ -d "$folder" ] || continue
    headers=$(find "$folder" -name '*.h' -not -path '*/kernels/*' -not -path '*/internal/*' | LC_ALL=C sort)
    [ -z "$headers" ] || { echo; echo "$headers" | sed 's|.*|#include <unspool/&>|'; }
  done
}

if [ "${1:-}" = --check ]; then
  text | diff -u unspool.h - || { echo 'unspool.h lacks a public header: run scripts/umbrella.sh' >&2; exit 1; }
else
  text > unspool.h
fi
