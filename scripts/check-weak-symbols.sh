#!/bin/sh
# Checks that kernels for an instruction set define no weak symbols. The linker keeps one copy of a weak symbol, from any
# source, so a machine could run code with instructions that it does not have.
#   check-weak-symbols.sh BUILD
set -eu
status=0
for set in $("$(dirname "$0")/instruction-sets.sh" | cut -f 1); do
  objects=$(find "$1" -path '*/core/kernels/*' -name "*_$set.cpp.o")
  [ -n "$objects" ] || { echo "no kernels for $set in $1" >&2; exit 1; }
  for object in $objects; do
    # W and V are defined weak symbols, u is unique in the process; lower case w and v are undefined. DW.ref and typeinfo
    # symbols, which come from the sanitizers, are data and not code.
    if nm -C "$object" | grep -E '^[0-9a-f]+ [WVu] ' | grep -vE ' (DW\.ref\.|typeinfo )'; then
      echo "above: weak symbols of $object" >&2
      status=1
    fi
  done
done
exit $status
