#!/bin/sh
# Prints the instruction sets of core/kernels/instruction_sets.def, one a line: the name, a tab, the compiler's flags.
set -eu
sed -nE 's/^UNSPOOL_[A-Z0-9_]+\(([a-z0-9_]+), "([^"]*)".*/\1\t\2/p' "$(dirname "$0")/../core/kernels/instruction_sets.def"
