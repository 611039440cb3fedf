#!/usr/bin/env bash
# Writes docs/operations.md from the records of all operations. Needs a release build.
set -euo pipefail
cd "$(dirname "$0")/.."
UNSPOOL_WRITE_PAGES=1 build/release/bin/test_autograd --source-file='*tests/autograd/operations_page.cpp'
