#!/bin/sh
# check-weak-symbols.sh BUILD: the kernels of one instruction set define no weak symbol. Of weak ones the linker keeps
# one copy, from whichever source it likes: a machine without that source's instructions would run it.
set -eu
status=0
for set in $("$(dirname "$0")/instruction-sets.sh" | cut -f 1); do
  objects=$(find "$1" -path '*/core/kernels/*' -name "*_$set.cpp.o")
  [ -n "$objects" ] || { echo "no kernels for $set in $1" >&2; exit 1; }
  for object in $objects; do
    # W and V are defined and weak, u is unique in the process; lower case w and v are undefined. DW.ref and typeinfo
    # are no code but pointers and names, which the sanitizers bring.
    if nm -C "$object" | grep -E '^[0-9a-f]+ [WVu] ' | grep -vE ' (DW\.ref\.|typeinfo )'; then
      echo "above: weak symbols of $object" >&2
      status=1
    fi
  done
done
exit $status
