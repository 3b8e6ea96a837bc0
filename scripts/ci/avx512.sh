#!/usr/bin/env bash
# The AVX-512 branch of the headers: the same bits again. On a processor without AVX-512 the code that
# clang makes for it is brought down to AVX2 (lower_avx512.py), so that it runs everywhere.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export HONE_TEST_QUICK=1
if grep -q avx512vl /proc/cpuinfo; then
  export HONE_TARGET=processor_tests
  exec scripts/ci/build_and_test.sh avx512 -L processor
fi

build=build/avx512
mkdir -p "$build"
clang=${HONE_CLANG:-clang++-19}
tests="core/math core/pack kernel/linear kernel/head_pass kernel/attention laws/builds/fingerprint"

# one TEST: compiles, lowers, links and runs tests/TEST_test.cpp.
one() {
  local at=$build/${1//\//_}
  if $clang -w -std=c++20 -O2 -DNDEBUG -Iinclude -march=x86-64-v4 -fno-vectorize -fno-slp-vectorize \
    -S -emit-llvm "tests/$1_test.cpp" -o "$at.ll" &&
    python3 scripts/ci/lower_avx512.py "$at.ll" "$at.lowered.ll" &&
    $clang -w -O1 -march=x86-64-v3 "$at.lowered.ll" -o "$at" \
      -lgtest -lgtest_main -lpcre2-8 -lutf8proc -pthread &&
    "$at" >"$at.log" 2>&1; then
    grep -E '^\[==========\] [0-9]+ tests .* ran' "$at.log" | sed "s|^.*\] |$1: |"
  else
    grep -E '^\[  FAILED|Failure|^  ' "$at.log" 2>/dev/null | head -n 20
    echo "$1 FAILED"
  fi
}
export -f one
export build clang

log=$build/log
printf '%s\n' $tests | xargs -P "${HONE_JOBS:-$(nproc)}" -I{} bash -c 'one {}' 2>&1 | tee "$log"
failed=$(grep -c 'FAILED$' "$log")
passed=$(sed -n 's/^[^ ]*: \([0-9]*\) tests.* ran.*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
