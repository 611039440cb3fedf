#!/bin/sh
# Checks that every row of docs/parity.md names an existing test, as "file: name of the test case", or else gives the reason
# why the member is not offered.
set -eu
cd "$(dirname "$0")/.."

table=${1:-docs/parity.md}
grep -rHo --include='*.cpp' 'TEST_CASE("[^"]*")' tests | sed 's/:TEST_CASE("/: /; s/")$//' |
  awk -v table="$table" '
    FNR == NR && FILENAME == "-" { there[$0] = 1; next }
    !/^[|]/ || /^[|]---/ || /[|] pages [|]/ { next }
    {
      gsub(/\\[|]/, "/")
      split($0, cell, / *[|] */)
      ++rows
      if (cell[5] == "" ? cell[4] !~ /^not offered: ./ : !(cell[5] in there)) {
        ++failed
        print table ": " cell[2] ": " (cell[5] == "" ? "no test, and no reason why it is not offered" \
                                                      : "there is no test \"" cell[5] "\"") > "/dev/stderr"
      }
    }
    END { if (!rows) print table ": no rows" > "/dev/stderr"; exit failed || !rows }' - "$table"
