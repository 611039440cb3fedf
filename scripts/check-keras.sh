#!/usr/bin/env bash
# Models go from Keras 3.6, 3.10 and 3.15 to this library and back: tests/keras_roundtrip.py with the numpy backend of each.
# The first run installs them from PyPI into build/keras, without SciPy and JAX (150 MB).
#   check-keras.sh [BUILD [COUNT]]   COUNT random models beside one for each layer; default: build/release 100
# Exits with 77 if they cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
count=${2:-100}
versions=(3.6.0 3.10.0 3.15.1)
keras=build/keras

install_keras() {
  python3 -m venv "$keras/python" &&
    "$keras/python/bin/pip" install -q --no-compile absl-py h5py ml-dtypes namex numpy optree packaging rich || return
  for version in "${versions[@]}"; do
    "$keras/python/bin/pip" install -q --no-compile --no-deps --target "$keras/$version" "keras==$version" || return
  done
  touch "$keras/installed"
}

if [ ! -e "$keras/installed" ]; then
  python3 -c 'import ensurepip' 2>/dev/null || scripts/install-dependencies.sh python3-venv
  rm -rf "$keras"
  mkdir -p "$keras"
  if ! install_keras; then
    echo "NOT RUN: Keras could not be installed from PyPI" >&2
    exit 77
  fi
fi

failed=0
for version in "${versions[@]}"; do
  log=$keras/$version.log
  PYTHONPATH=$keras/$version "$keras/python/bin/python" -W ignore tests/keras_roundtrip.py "$build/bin/keras_files" "$count" \
    >"$log" 2>&1 || { failed=1; cat "$log"; }
  tail -n 1 "$log"
done
exit $failed
