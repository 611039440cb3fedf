#!/bin/sh
# The README's program compiles.
#   check-readme.sh COMPILER INCLUDE-FOLDER
set -eu
"$(dirname "$0")/readme-program.sh" | "$1" -std=c++20 -Wall -Wextra -Werror -I"$2" -fsyntax-only -x c++ -
