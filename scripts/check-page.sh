#!/usr/bin/env bash
# Checks that the C++ blocks of a page compile and, if a library is given, print what the page's blocks "text" say.
#   check-page.sh PAGE COMPILER INCLUDE-FOLDER [LIBRARY]
# The blocks are one program, or several: one that includes <unspool/unspool.h> begins the next program. What a program needs
# and the page need not show stands in a comment, from "<!-- cpp" to "-->". In the text, a line "..." stands for any lines.
set -euo pipefail
page=$(dirname "$0")/../$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk -v work="$work" '
  function flush() {
    if (block == "cpp" && text ~ /#include <unspool\/unspool.h>/) ++program
    if (block == "cpp") printf "%s", text >(work "/" program ".cpp")
    if (block == "text") printf "%s", text >(work "/" program ".txt")
    block = text = ""
  }
  block == "" && /^```./ { block = substr($0, 4); end = "```"; next }
  block == "" && /^```$/ { block = "other"; end = "```"; next }
  block == "" && $0 == "<!-- cpp" { block = "cpp"; end = "-->"; next }
  block != "" && $0 == end { flush(); next }
  block != "" { text = text $0 "\n" }' "$page"

compile=("$2" -std=c++20 -Wall -Wextra -Werror -I"$3")
for program in "$work"/*.cpp; do
  grep -qs 'int main' "$program" || { echo "$1: expected a program with main(), got none" >&2; exit 1; }
  if [ -z "${4:-}" ]; then
    "${compile[@]}" "$program" -fsyntax-only
    continue
  fi
  "${compile[@]}" "$program" "$4" -pthread -o "$work/program"
  expected=${program%.cpp}.txt
  touch "$expected"
  "$work/program" >"$work/output"
  perl -0777 -e '
    my ($expected, $output) = map { open my $in, "<", $_ or die "$_: $!"; <$in> // "" } @ARGV;
    my $pattern = join "", map { /^\s*\.\.\.\n$/ ? "(?:.*\n)*" : quotemeta } $expected =~ /.*\n/g;
    exit($output !~ /^$pattern\z/);
  ' "$expected" "$work/output" || { diff "$expected" "$work/output"; exit 1; }
done
