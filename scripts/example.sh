#!/usr/bin/env bash
# Builds and runs an example: scripts/example.sh NAME [ARGUMENTS]. The names are those of examples/.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:?expected the name of an example, such as shakespeare}
shift
scripts/install-dependencies.sh
cmake --preset release
cmake --build --preset release -j "$(nproc)" --target "$name"
"build/release/bin/$name" "$@"
