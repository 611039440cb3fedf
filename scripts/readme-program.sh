#!/bin/sh
# Prints the complete program in the README.
set -eu
awk '
  /^```cpp$/ { inside = 1; text = ""; next }
  /^```$/ { if (inside && text ~ /int main\(/) { printf "%s", text; found = 1; exit } inside = 0; next }
  inside { text = text $0 "\n" }
  END { if (!found) { print "README.md holds no program" > "/dev/stderr"; exit 1 } }
' "$(dirname "$0")/../README.md"
