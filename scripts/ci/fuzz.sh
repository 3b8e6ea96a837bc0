#!/usr/bin/env bash
# Builds the fuzz targets and runs each for HONE_FUZZ_SECONDS (10; HONE_CI_FULL=1: 120), HONE_JOBS at
# a time. A crash is left in build/fuzz/crashes; run the target on that file to see it again.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${HONE_FUZZ_SECONDS:-$([ -n "${HONE_CI_FULL:-}" ] && echo 120 || echo 10)}
jobs=${HONE_JOBS:-$(nproc)}
build=build/fuzz
mkdir -p "$build"
if ! cmake --preset fuzz >"$build/configure.log" 2>&1; then
  cat "$build/configure.log"
  echo "0 passed, 1 failed"
  exit 1
fi
built=0
cmake --build "$build" -j "$jobs" -- -k 0 >"$build/build.log" 2>&1 || built=1
grep -E "error:|FAILED:" "$build/build.log" | head -40

# fuzz NAME: a fixed seed, so that a failure can be had again.
fuzz() {
  local name=$1 corpus=$build/corpus/$1 log=$build/$1.log
  local seeds=tests/fuzz/corpus/${1%_fuzz}
  mkdir -p "$corpus" "$build/crashes"
  local folders=("$corpus")
  [ -d "$seeds" ] && folders+=("$seeds")
  if "$build/tests/fuzz/$name" -max_total_time="$seconds" -seed=1 -timeout=10 \
    -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$build/crashes/$name-" "${folders[@]}" >"$log" 2>&1; then
    echo "$name: $(awk '/number_of_executed_units/ { print $2 }' "$log") inputs"
  else
    echo "$name FAILED:"
    grep -E "ERROR|runtime error|SUMMARY|^ +#[0-9]|Test unit written" "$log" | head -n 30
    return 1
  fi
}
export -f fuzz
export build seconds

mapfile -t targets < <(cd tests/fuzz && ls ./*_fuzz.cpp 2>/dev/null | sed 's|^\./||; s|\.cpp$||')
failed=$built
if [ ${#targets[@]} -gt 0 ]; then
  printf '%s\n' "${targets[@]}" |
    xargs -P "$jobs" -I{} bash -c 'fuzz {} || echo {} >>"$build/failed.$$"' 2>&1
fi
mapfile -t broken < <(cat "$build"/failed.* 2>/dev/null)
rm -f "$build"/failed.*
failed=$((failed + ${#broken[@]}))
echo "fuzzers:"
echo "$((${#targets[@]} - ${#broken[@]})) passed, $failed failed"
[ "$failed" -eq 0 ]
