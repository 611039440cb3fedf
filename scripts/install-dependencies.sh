#!/usr/bin/env bash
# Installs missing build dependencies, and the packages given as arguments, with apt-get.
set -euo pipefail

packages=(g++ cmake ninja-build ccache libeigen3-dev libfmt-dev libcereal-dev rapidjson-dev nlohmann-json3-dev
  libxbyak-dev doctest-dev "$@")

if ! command -v apt-get >/dev/null; then
  echo "This system has no apt-get: install ${packages[*]}, or whatever they are called here." >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Install these as root: ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "Installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
  "${sudo[@]}" apt-get update -q &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
} </dev/null >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
