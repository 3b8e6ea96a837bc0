#!/usr/bin/env bash
# Fetches LibTorch for the CPU into .deps/libtorch (0.5 GB to download, 1.2 GB on disk), where the
# build finds it. Not needed beside scripts/setup_tests.sh, whose Python environment holds it too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "This script knows Linux on x86-64 alone. Take the LibTorch archive of the PyTorch site and"
  echo "configure with -DHONE_TORCH_ROOT=/path/to/libtorch."
  exit 1
fi

root=.deps/libtorch
pins=(torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
if [ "$(cat "$root/pins" 2>/dev/null)" = "${pins[*]}" ]; then
  echo "LibTorch: $root/torch is complete."
  exit 0
fi
# The build links libtorch_cpu and libc10; the two small packages are what those load.
rm -rf "$root"
mkdir -p "$root"
python3 -m pip --disable-pip-version-check install --quiet --no-deps --no-compile \
  --root-user-action=ignore --target "$root" "${pins[@]}"
echo "${pins[*]}" >"$root/pins"
echo "LibTorch: $root/torch is complete."
