#!/usr/bin/env bash
# Everything the examples need, from a bare Debian to built programs: packages, the model and the
# human ratings (95 MB), and under build/examples/bin the programs that are named, or all. Safe to
# run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
python3 scripts/fetch_data.py smollm2 vader
mkdir -p build/examples
cmake --preset examples >build/examples/configure.log 2>&1 ||
  { cat build/examples/configure.log; exit 1; }
cmake --build --preset examples -j "${HONE_JOBS:-$(nproc)}" --target "${@:-all}"
