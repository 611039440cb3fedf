#!/usr/bin/env bash
# Checks that every public name has a comment and that the manual can be built: scripts/docs.sh. Prints nothing if all is well.
#   check-docs.sh [FOLDER]     prints the warnings of one folder only, say autograd
exec "$(dirname "$0")/docs.sh" --check "$@"
