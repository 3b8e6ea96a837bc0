#!/usr/bin/env bash
# same_bits.sh PRESET [ctest arguments]: the tests by another compiler or for other instructions;
# then the fingerprints of this build and of tests/run.sh's are compared: the bits must be the same.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

preset=$1
# Without fused multiply-add in the instruction set, what counts in millions counts in thousands.
export HONE_TEST_QUICK=1
scripts/ci/build_and_test.sh "$@"
status=$?
tested=$(python3 scripts/ci/summary.py "build/$preset/results" | tail -n 1)

compared="0 passed, 0 failed"
if [ -d build/test/results ]; then
  out=$(python3 scripts/ci/fingerprints.py build/test/results "build/$preset/results")
  echo "$out"
  compared=$(tail -n 1 <<<"$out")
else
  echo "No build/test/results to compare with: run tests/run.sh first."
fi
[ "$status" -eq 0 ] || [[ $tested != *" 0 failed"* ]] || tested="0 passed, 1 failed"
printf '%s\n%s\n' "$tested" "$compared" | awk '
  { passed += $1; failed += $3; skipped += $5 }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }'
