#!/usr/bin/env bash
# Installs what the tests need beyond scripts/setup.sh: compilers and test libraries (Debian
# packages), a Python environment with independent implementations and LibTorch (.deps/venv), Conan
# (.deps/conan), real model and data (.deps/data). Run it as often as you like: what is there is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/packages.sh

scripts/setup.sh

packages=(
  libgtest-dev libbenchmark-dev                # tests, benchmarks
  clang-19 libclang-rt-19-dev clang-format-14  # second compiler, sanitizers and fuzzers, formatting
  libgloo-dev                                  # headers of LibTorch's c10d on the CPU
)
# A Python environment needs the module venv; Debian packs it apart.
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
install_missing "${packages[@]}"

venv=.deps/venv
stamp=$venv/requirements.txt
if cmp -s scripts/requirements.txt "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
  say "Python environment: $venv is up to date."
else
  say "Python environment: filling $venv (3 GB to download, 6 GB on disk) ..."
  mkdir -p .deps
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps --no-compile \
    --requirement scripts/requirements.txt
  cp scripts/requirements.txt "$stamp"
fi

if [ "$(.deps/conan/bin/conan --version 2>/dev/null)" != "Conan version 2.34.0" ]; then
  say "Conan, for tests/install: filling .deps/conan ..."
  python3 -m venv .deps/conan
  .deps/conan/bin/python -m pip --disable-pip-version-check install --quiet conan==2.34.0
fi

"$venv/bin/python" scripts/fetch_data.py
