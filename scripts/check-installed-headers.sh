#!/usr/bin/env bash
# Checks that the headers which are installed include no header that is not: check-installed-headers.sh BUILD COMPILER
set -euo pipefail
build=$1 compiler=$2
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" >/dev/null
cd "$prefix/include"
find unspool -name '*.h' | LC_ALL=C sort | sed 's/.*/#include <&>/' >all.cpp
[ "$(wc -l <all.cpp)" -gt 100 ] || { echo "expected more than 100 headers in $build, got $(wc -l <all.cpp)" >&2; exit 1; }
"$compiler" -std=c++20 -fsyntax-only -I. all.cpp
