#!/usr/bin/env bash
# Fuzzes the readers of files for about so many minutes, as many of the formats at a time as there are processors, with at
# most 512 MB of memory for each:
#   fuzz.sh [MINUTES]
# What breaks a promise of tests/fuzz/readers/ is written to build/fuzz/found/FORMAT. Mend it, and move the file to
# tests/fuzz/found/FORMAT, where it is a test. New inputs are kept in build/fuzz/corpus/FORMAT for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-2}

scripts/install-dependencies.sh clang-14 libclang-rt-14-dev
cmake --preset asan >/dev/null
cmake --build --preset asan -j "$(nproc)" --target fuzz_readers

formats=()
for folder in tests/fuzz/corpus/*/; do formats+=("$(basename "$folder")"); done
jobs=$(nproc)
rounds=$(((${#formats[@]} + jobs - 1) / jobs))
seconds=$((minutes * 60 / rounds))
[ "$seconds" -gt 0 ] || seconds=1
export ASAN_OPTIONS="quarantine_size_mb=16:detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"

fuzz() {
  local format=$1 seconds=$2
  local log=build/fuzz/$format.log
  mkdir -p "build/fuzz/corpus/$format" "build/fuzz/found/$format" "tests/fuzz/found/$format"
  local result=0 start=$SECONDS
  UNSPOOL_FUZZ_FORMAT="$format" build/asan/bin/fuzz_readers -max_total_time="$seconds" -max_len=65536 -len_control=0 -reload=0 -timeout=60 -report_slow_units=60 \
    -rss_limit_mb=512 -malloc_limit_mb=400 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$format/" \
    "build/fuzz/corpus/$format" "tests/fuzz/corpus/$format" "tests/fuzz/found/$format" >"$log" 2>&1 || result=$?
  printf '%-12s %9d executions in %d s, peak memory %d MB\n' "$format" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$((SECONDS - start))" \
    "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")"
  [ "$result" = 0 ] || { tail -n 40 "$log" && return 1; }
}
export -f fuzz
printf '%s\n' "${formats[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz "$@"' _ {} "$seconds"
