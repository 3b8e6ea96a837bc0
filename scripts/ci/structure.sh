#!/usr/bin/env bash
# What is checked about the sources without running them: the order of the rooms, habits of text
# files, every header alone with every compiler, what must not compile, what including costs.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

passed=0 failed=0
check() {
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
check python3 tests/structure/layers.py --self-test
check python3 tests/structure/layers.py
check python3 tests/structure/words.py
check python3 tests/structure/headers.py
check python3 tests/compile_fail/check.py
check python3 benchmarks/compile_time/measure.py --check
echo "structure:"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
