#!/bin/sh
# Prints a program from the code blocks of the README.
#   readme-program.sh           the complete program
#   readme-program.sh cell      the cell, with a main() that prints its plan
#   readme-program.sh plan      the plan that the README shows
set -eu
cd "$(dirname "$0")/.."

# Prints the first code block of a language that contains a pattern.
block() {
  awk -v fence="\`\`\`$1" -v pattern="$2" '
    $0 == fence && !inside { inside = 1; text = ""; next }
    /^```/ { if (inside && text ~ pattern) { printf "%s", text; found = 1; exit } inside = 0; next }
    inside { text = text $0 "\n" }
    END { if (!found) { print "README.md: no code block with \"" pattern "\"" > "/dev/stderr"; exit 1 } }' README.md
}

case ${1:-} in
  cell)
    printf '#include <iostream>\n#include <unspool/unspool.h>\nusing namespace unspool;\n'
    block cpp 'public Cell'
    printf 'int main() {\n  const Tensor x = Tensor::zeros({32, 100, 64});\n'
    block cpp 'plan\(\)'
    printf '}\n'
    ;;
  plan) block text 'in the loop' ;;
  *) block cpp 'int main\(' ;;
esac
