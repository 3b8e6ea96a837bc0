#!/usr/bin/env bash
# Tests under the thread sanitizer: the pool, every kernel, a run of training and the CUDA kernels on
# threads. HONE_CI_FULL=1: every test that uses threads.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export HONE_TEST_QUICK=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
if [ -n "${HONE_CI_FULL:-}" ]; then
  export HONE_TARGET=threaded_tests
  exec scripts/ci/build_and_test.sh tsan -L threads "$@"
fi
rooms="core kernel cuda laws_builds"
HONE_TARGET=$(printf '%s_test ' $rooms)
export HONE_TARGET
exec scripts/ci/build_and_test.sh tsan -R "^(${rooms// /|})\$" "$@"
