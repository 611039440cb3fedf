#!/usr/bin/env bash
# Installs the release build and uses it from another project in every supported way: find_package, pkg-config and
# add_subdirectory, static and shared, with the installed tree moved.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/build/install
prefix=$work/moved

cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target unspool_static unspool_shared unspool-inspect
rm -rf "$work"
mkdir -p "$work"
cmake --install build/release --prefix "$work/prefix" >/dev/null
mv "$work/prefix" "$prefix"

consume() {
  local name=$1
  shift
  cmake -G Ninja -S tests/install -B "$work/$name" -DCMAKE_BUILD_TYPE=Debug "$@" >"$work/$name.log" 2>&1 &&
    cmake --build "$work/$name" -j "$(nproc)" >>"$work/$name.log" 2>&1 || { cat "$work/$name.log"; exit 1; }
  echo "$name: $("$work/$name/consumer")"
}

consume static -DCMAKE_PREFIX_PATH="$prefix"
consume shared -DCMAKE_PREFIX_PATH="$prefix" -DBUILD_SHARED_LIBS=ON
readelf -d "$work/shared/consumer" | grep -q 'NEEDED.*libunspool\.so' || { echo "shared: does not use libunspool.so"; exit 1; }
! readelf -d "$work/static/consumer" | grep -q 'NEEDED.*libunspool' || { echo "static: uses libunspool.so"; exit 1; }

"$prefix/bin/unspool-inspect" --check tests/golden/keras_files/lstm_adam.keras | grep -q 'lstm (LSTM' ||
  { echo "unspool-inspect: does not print the layers of a file"; exit 1; }
echo "unspool-inspect: prints a file"

if command -v pkg-config >/dev/null; then
  libdir=$(dirname "$(find "$prefix" -name unspool.pc)")
  # shellcheck disable=SC2046
  g++ tests/install/main.cpp -o "$work/consumer" $(PKG_CONFIG_PATH=$libdir pkg-config --cflags --libs unspool)
  echo "pkg-config: $(LD_LIBRARY_PATH=$(dirname "$libdir") "$work/consumer")"
else
  echo "pkg-config: not on this system, so not tried"
fi

launcher=$(command -v ccache || true)
consume subdirectory -DUNSPOOL_SOURCE="$root" ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"}

if command -v gdb >/dev/null; then
  printers=$(find "$prefix" -path '*/gdb/python/gdb/printer/unspool.py')
  gdb -nx -batch -iex 'set auto-load no' -x "$printers" -ex 'info pretty-printer global unspool' | grep -q Tensor ||
    { echo "gdb: does not read the printers"; exit 1; }
  echo "gdb: reads the printers"
else
  echo "gdb: not on this system, so not tried"
fi

scripts/check-headers.sh g++ "$prefix/include"
echo "headers: those installed show the standard library only"
