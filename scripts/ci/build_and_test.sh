#!/usr/bin/env bash
# build_and_test.sh PRESET [ctest arguments]: configures, builds and runs the tests of one preset.
# The closing line counts test cases, not programs. HONE_STRICT=1 makes a warning an error;
# HONE_TARGET builds less than all.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

preset=$1
shift
jobs=${HONE_JOBS:-$(nproc)}
build=build/$preset
results=$build/results
export HONE_TEST_PYTHON=${HONE_TEST_PYTHON:-$PWD/.deps/venv/bin/python}
export HONE_TEST_DATA=${HONE_TEST_DATA:-$PWD/.deps/data}

strict=OFF
[ -n "${HONE_STRICT:-}" ] && strict=ON

mkdir -p "$build"
if ! cmake --preset "$preset" -DCMAKE_COMPILE_WARNING_AS_ERROR=$strict >"$build/configure.log" 2>&1; then
  cat "$build/configure.log"
  echo "0 passed, 1 failed"
  exit 1
fi
# A broken file must not hide the tests of the others: build what builds, then judge.
built=0
cmake --build "$build" -j "$jobs" --target ${HONE_TARGET:-all} -- -k 0 >"$build/build.log" 2>&1 || built=$?
grep -E "warning:|error:|FAILED:|ninja:" "$build/build.log" | head -60

rm -rf "$results"
mkdir -p "$results"
GTEST_OUTPUT="xml:$PWD/$results/" ctest --test-dir "$build" -j "$jobs" --no-tests=error \
  --output-on-failure --output-junit "$PWD/$results/ctest.junit" "$@" >"$build/ctest.log" 2>&1
tested=$?
if [ "$tested" -ne 0 ]; then
  grep -vE "^ *(Start|[0-9]+/[0-9]+ Test .* Passed)|\[ +(RUN|OK) +\]|^/?[^ ]+_test$" \
    "$build/ctest.log" | tail -n 150
fi
python3 scripts/ci/summary.py "$results" --not-built "$built"
status=$?
[ "$built" -eq 0 ] && [ "$tested" -eq 0 ] && [ "$status" -eq 0 ]
