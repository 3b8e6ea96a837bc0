#!/usr/bin/env bash
# Sets up, builds and runs all tests with g++ for this machine's processor.
#
#   tests/run.sh                 everything
#   tests/run.sh -R core         what ctest selects by these arguments
#
# HONE_JOBS: how many jobs at once (default: the number of cores). HONE_SETUP=0 skips the set-up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "${HONE_SETUP:-1}" = 0 ] || scripts/setup_tests.sh
scripts/ci/build_and_test.sh test "$@"
