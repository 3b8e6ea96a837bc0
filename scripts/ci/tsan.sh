#!/usr/bin/env bash
# The tests of what runs on several threads, under the thread sanitizer.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export HONE_TEST_QUICK=1
export HONE_TARGET=threaded_tests
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
exec scripts/ci/build_and_test.sh tsan -L threads "$@"
