#!/usr/bin/env bash
# What is checked about the sources without running them: the order of the rooms, habits of text
# files, every header alone with every compiler and what must not compile.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

passed=0 failed=0
check() {
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
check python3 tests/structure/layers.py --self-test
check python3 tests/structure/layers.py
check python3 tests/structure/words.py
# Every header alone with g++ and, where a kernel may see it, with nvcc. clang meets them all in the
# tests that it builds; alone it meets the formulas and what they stand on, which are quick to read
# (headers.py without options takes every compiler for all).
check python3 tests/structure/headers.py --compiler g++
check python3 tests/structure/headers.py --compiler clang++-19 hone/core/ hone/loss/ hone/kl/ hone/advantage/
check python3 tests/structure/headers.py --compiler nvcc
check python3 tests/compile_fail/check.py
echo "structure:"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
