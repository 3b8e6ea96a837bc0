#!/usr/bin/env bash
# clang, for plain x86-64: another compiler, no AVX, the same bits. Maths, kernels and whole runs state
# the fingerprints of their results in the tests; every header is compiled with all others.
# HONE_CI_FULL=1: all tests and programs.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# Fused multiply-adds are function calls here: what counts in millions counts in thousands.
export HONE_TEST_QUICK=1
[ -n "${HONE_CI_FULL:-}" ] && exec scripts/ci/build_and_test.sh baseline "$@"
export HONE_TARGET="processor_tests structure_odr"
exec scripts/ci/build_and_test.sh baseline -R '^(core|kernel|laws_builds|structure_odr)$' "$@"
