#!/usr/bin/env bash
# Checks that the installed library works in a minimal Debian with only g++, cmake and make. Needs root and debootstrap. Run
# check-install.sh first. The minimal system is created once, in build/bare.
set -euo pipefail
cd "$(dirname "$0")/.."
bare=$PWD/build/bare
prefix=$PWD/build/install/moved

[ "$(id -u)" = 0 ] || { echo "check-install-bare.sh needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "check-install-bare.sh needs debootstrap" >&2; exit 1; }
[ -d "$prefix" ] || { echo "run scripts/check-install.sh first" >&2; exit 1; }

if [ ! -e "$bare/.complete" ]; then
  rm -rf --one-file-system "$bare"
  mkdir -p "$bare"
  mirror=$(grep -hm1 '^URIs:' /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '{ print $2 }' || true)
  debootstrap --variant=minbase --include=g++,cmake,make bookworm "$bare" ${mirror:+"$mirror"} \
    >"$bare.log" 2>&1 || { tail -n 5 "$bare.log" >&2; exit 1; }
  rm -rf "$bare"/var/cache/apt/archives/*.deb
  touch "$bare/.complete"
fi

rm -rf "$bare/opt/unspool" "$bare/tmp/consumer"
cp -a "$prefix" "$bare/opt/unspool"
cp -a tests/install "$bare/tmp/consumer"
for kind in static shared; do
  shared=OFF
  [ $kind = static ] || shared=ON
  # shellcheck disable=SC2016
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot "$bare" sh -ec '
    cd /tmp/consumer
    cmake -S . -B "$1" -DCMAKE_PREFIX_PATH=/opt/unspool -DBUILD_SHARED_LIBS="$2" >"$1.log" 2>&1 &&
      cmake --build "$1" >>"$1.log" 2>&1 || { cat "$1.log"; exit 1; }
    echo "bare Debian, $1: $("$1"/consumer)"' sh "$kind" "$shared"
done
