#!/usr/bin/env bash
# The examples, small: examples/run.sh --tiny, where it exists.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ ! -f examples/run.sh ]; then
  echo "0 passed, 0 failed"
  exit 0
fi
if bash examples/run.sh --tiny; then
  echo "1 passed, 0 failed"
else
  echo "0 passed, 1 failed"
  exit 1
fi
