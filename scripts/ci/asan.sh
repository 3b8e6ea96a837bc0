#!/usr/bin/env bash
# All tests under the address and undefined-behaviour sanitizers. HONE_TEST_QUICK lets a test that
# counts in millions count in thousands.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export HONE_TEST_QUICK=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
exec scripts/ci/build_and_test.sh asan -E '^(structure|compile_fail|cuda_compile)' "$@"
