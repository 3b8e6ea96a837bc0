#!/usr/bin/env bash
# Tests under the address and undefined-behaviour sanitizers: what reads files and text, what works on
# raw pointers, and a run of training. HONE_CI_FULL=1: all tests. HONE_TEST_QUICK lets a test that
# counts in millions count in thousands.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export HONE_TEST_QUICK=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
if [ -n "${HONE_CI_FULL:-}" ]; then
  exec scripts/ci/build_and_test.sh asan -E '^(structure|compile_fail|cuda_compile)' "$@"
fi
rooms="core kernel checkpoint text data laws_builds"
HONE_TARGET=$(printf '%s_test ' $rooms)
export HONE_TARGET
exec scripts/ci/build_and_test.sh asan -R "^(${rooms// /|})\$" "$@"
