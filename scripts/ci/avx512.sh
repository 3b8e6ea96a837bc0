#!/usr/bin/env bash
# The tests of core, kernels and laws built for AVX-512. A processor that has it runs them; on another
# one building is all that is done.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export HONE_TARGET=processor_tests
if grep -q avx512vl /proc/cpuinfo; then
  exec scripts/ci/same_bits.sh avx512 -L processor
fi
build=build/avx512
mkdir -p "$build"
if cmake --preset avx512 >"$build/configure.log" 2>&1 &&
  cmake --build "$build" -j "${HONE_JOBS:-$(nproc)}" --target "$HONE_TARGET" >"$build/build.log" 2>&1
then
  echo "built; this processor has no AVX-512 to run it"
  echo "1 passed, 0 failed, 1 skipped"
else
  grep -E "error:|FAILED:" "$build/configure.log" "$build/build.log" | head -40
  echo "0 passed, 1 failed"
  exit 1
fi
