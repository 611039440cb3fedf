#!/usr/bin/env bash
# Trains a network on handwritten digits, saves it, and loads it in a second program to recognize digits.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh
cmake --preset release
cmake --build --preset release -j "$(nproc)" --target digits digits_predict
build/release/bin/digits
build/release/bin/digits_predict
