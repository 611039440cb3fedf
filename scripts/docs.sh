#!/usr/bin/env bash
# Builds the manual as a site: build/docs/html/index.html. Fails on any warning of doxygen and on any dead link.
#   docs.sh                    prints where the manual is
#   docs.sh --check [FOLDER]   prints nothing if all is well, and the warnings of one folder only, say autograd
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh doxygen doxygen-awesome-css

export DOCS_OUTPUT=build/docs DOCS_THEME=/usr/share/doxygen-awesome-css DOCS_HEADER=build/docs/header.html
DOCS_VERSION=$(sed -nE 's/^#define UNSPOOL_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)$/\2/p' core/version.h | paste -sd.)
export DOCS_VERSION
rm -rf "$DOCS_OUTPUT"
mkdir -p "$DOCS_OUTPUT"

# Each program is a page. Its first comment, which says what it shows, is the text above it.
find examples -name '*.cpp' -o -name '*.h' | LC_ALL=C sort | while read -r program; do
  printf '/** @example %s\n@details\n' "$program"
  sed -n '/^\/\/ \{0,1\}/!q; s/^\/\/ \{0,1\}//; p' "$program"
  printf '*/\n'
done >"$DOCS_OUTPUT/examples.dox"

# Doxygen's own header, with the switch between light and dark.
(cd "$DOCS_OUTPUT" && doxygen -w html header.html footer.html style.css >/dev/null)
sed -i 's|^</head>|<script type="text/javascript" src="$relpath^doxygen-awesome-darkmode-toggle.js"></script>\
<script type="text/javascript">DoxygenAwesomeDarkModeToggle.init()</script>\
</head>|' "$DOCS_HEADER"

doxygen scripts/doxygen.conf
# Doxygen 1.9.4 links to a list of nested classes where all of them are private, and there is no list.
perl -0777 -ni -e 's/^<a href="#nested-classes">.*\n//m unless /name="nested-classes"/; print' "$DOCS_OUTPUT"/html/class*.html

# Doxygen names the files of the tree by their full paths.
warnings=$(sed "s|^$PWD/||" "$DOCS_OUTPUT/warnings.log" | sort -u | grep "^${2:-}" || true)
if [ -n "$warnings" ]; then
  echo "$warnings" >&2
  exit 1
fi
[ -n "${2:-}" ] || scripts/check-links.pl "$DOCS_OUTPUT/html"
[ "${1:-}" = --check ] || echo "$PWD/$DOCS_OUTPUT/html/index.html"
