#!/usr/bin/env bash
# The tests by the other compiler (clang 19) for a plain x86-64; then the fingerprints of this build
# and of tests/run.sh's (g++, all that this processor has) are compared: the bits must be the same.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Without fused multiply-add in the instruction set, what counts in millions counts in thousands.
export HONE_TEST_QUICK=1
mkdir -p build
scripts/ci/build_and_test.sh baseline | tee build/baseline.out
status=${PIPESTATUS[0]}
counts=$(tail -n 1 build/baseline.out)

builds=(build/baseline/results)
[ -d build/test/results ] && builds+=(build/test/results)
compared="0 passed, 0 failed"
if [ ${#builds[@]} -gt 1 ]; then
  python3 scripts/ci/fingerprints.py "${builds[@]}" | tee build/fingerprints.out
  compared=$(tail -n 1 build/fingerprints.out)
else
  echo "No build/test/results to compare with: run tests/run.sh first."
fi
printf '%s\n%s\n' "$counts" "$compared" | awk '
  { passed += $1; failed += $3; skipped += $5 }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }' &&
  [ "$status" -eq 0 ]
