#!/usr/bin/env bash
# Checks that every public name has a comment: runs doxygen over the public headers and fails on any warning. Prints
# nothing if all is well. The reference manual is written to build/docs/html/index.html on the way.
#   check-docs.sh [FOLDER]     prints the warnings of one folder only, say autograd
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-dependencies.sh doxygen

mapfile -t headers < <(
  find . -maxdepth 1 -name '*.h'
  find core serialization autograd data layers optim models -name '*.h' -not -path '*/internal/*' -not -path '*/kernels/*' \
    -not -path '*/scan/*'
)

mkdir -p build/docs
log=build/docs/warnings.log
doxygen - <<DOXYGEN
PROJECT_NAME = Unspool
PROJECT_BRIEF = "Recurrent networks in C++20, in the style of Keras"
INPUT = ${headers[*]}
OUTPUT_DIRECTORY = build/docs
STRIP_FROM_PATH = .
QUIET = YES
GENERATE_LATEX = NO
HAVE_DOT = NO
SHOW_INCLUDE_FILES = NO
# Fields of options are described in their lists of fields.
INPUT_FILTER = scripts/doxygen-filter.pl
# The first sentence is the summary. A comment over the first member of a group counts for the others.
JAVADOC_AUTOBRIEF = YES
DISTRIBUTE_GROUP_DOC = YES
SUBGROUPING = NO
# What must not be called stands in the manual as a deleted function.
MACRO_EXPANSION = YES
EXPAND_ONLY_PREDEF = YES
EXPAND_AS_DEFINED = UNSPOOL_CALLBACK_HOOKS UNSPOOL_HOOK UNSPOOL_NUMBERED_HOOK
PREDEFINED = "UNSPOOL_MISTAKE(advice,...)=void __VA_ARGS__ = delete" \
  "UNSPOOL_MISTAKEN(advice,parameter,...)=template <parameter> __VA_ARGS__ = delete" \
  "UNSPOOL_MISFIT_LIST(O)=const O&"
# These stand in public headers without being public. A specialization of ConfigValue has the members of the template, and
# HeldElements::Iterator those of every iterator.
EXCLUDE_SYMBOLS = unspool::internal unspool::internal::* unspool::detail unspool::detail::* unspool::ConfigValue<* \
  unspool::HeldElements::Iterator
EXTRACT_ALL = NO
WARN_IF_UNDOCUMENTED = YES
WARN_IF_DOC_ERROR = YES
WARN_NO_PARAMDOC = NO
WARN_LOGFILE = $log
WARN_FORMAT = "\$file:\$line: \$text"
DOXYGEN

# These mean the same in every class: copying and moving, what the concept Options describes, and a constructor from the
# options of the class, which a comment at the class or at its options describes.
warnings=$(sed "s|^$PWD/||" "$log" | sort -u | grep "^${1:-}" |
  grep -vP 'Member (operator=\(|(\w+)\((const )?\2(< \w+ >)? &)' |
  grep -vP 'Member (fields\(\)|Options) \((function|typedef)\)' |
  grep -vP 'Member (\w+)\((const )?(\1|Layer|Activation|ActivationLayer|GlobalPooling1D)Options &?options(=\{\})?\)' || true)
if [ -n "$warnings" ]; then
  echo "$warnings" >&2
  exit 1
fi
