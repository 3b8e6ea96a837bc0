#!/usr/bin/env bash
# Installs hone, moves the installed tree, and builds small projects against it and against the
# source folder, in each of the ways that people use; also every example that is a project.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

source=$PWD
jobs=${HONE_JOBS:-$(nproc)}
work=$PWD/build/install
rm -rf "$work"
mkdir -p "$work"
passed=0 failed=0

# attempt NAME COMMAND...: counts, and shows the output of what fails.
attempt() {
  local name=$1 log=$work/log
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name: $(tail -n 1 "$log")"
  else
    failed=$((failed + 1))
    echo "FAILED  $name:"
    tail -n 30 "$log"
    return 1
  fi
}

quiet_cmake() { cmake -G Ninja -DCMAKE_BUILD_TYPE=Debug "$@"; }

package() {
  # As a packager does it: nothing but the package, and no LibTorch needed.
  quiet_cmake -S "$source" -B "$work/package" -DCMAKE_INSTALL_PREFIX="$work/first" \
    -DHONE_BUILD_TESTS=OFF -DHONE_BUILD_BENCHMARKS=OFF -DHONE_BUILD_EXAMPLES=OFF &&
    cmake --build "$work/package" && cmake --install "$work/package" && mv "$work/first" "$work/prefix"
}

no_traces() {
  # The tree can be moved: it names neither where it was built nor where it was installed.
  if grep -rlE "$work|$source" "$work/prefix"; then
    echo "these files name the building machine's folders"
    return 1
  fi
  [ -f "$work/prefix/include/hone/hone.hpp" ] && [ ! -e "$work/prefix/lib" ] &&
    [ ! -e "$work/prefix/bin" ] && echo "headers and CMake files alone"
}

all_headers() {
  diff <(cd "$source/include" && find . -name '*.hpp' -o -name '*.cuh' | sort) \
    <(cd "$work/prefix/include" && find . -type f | sort) && echo "every header is installed"
}

# consume WAY [arguments]: configure, build, run.
consume() {
  local way=$1 folder
  folder=$(mktemp -d "$work/$1.XXXX")
  shift
  quiet_cmake -S tests/install/consumer -B "$folder" -DCONSUME="$way" "$@" &&
    cmake --build "$folder" -j "$jobs" &&
    for program in "$folder"/consumer*; do
      [ ! -f "$program" ] || "$program" || return 1
    done
}

wrong_version() {
  mkdir -p "$work/wrong"
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(wrong CXX)' \
    "find_package(hone $1 REQUIRED)" >"$work/wrong/CMakeLists.txt"
  ! quiet_cmake -S "$work/wrong" -B "$work/wrong/$1" -DCMAKE_PREFIX_PATH="$work/prefix" &&
    echo "version $1 is refused"
}

unknown_component() {
  mkdir -p "$work/unknown"
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(unknown CXX)' \
    "find_package(hone REQUIRED COMPONENTS tensorflow)" >"$work/unknown/CMakeLists.txt"
  ! quiet_cmake -S "$work/unknown" -B "$work/unknown/b" -DCMAKE_PREFIX_PATH="$work/prefix" \
    2>"$work/unknown/words" && grep "no component tensorflow" "$work/unknown/words"
}

vcpkg_port() {
  cmake -DINTO="$work/vcpkg" -P tests/install/vcpkg.cmake &&
    consume find_package -DCMAKE_PREFIX_PATH="$work/vcpkg/packages"
}

conan_recipe() {
  CONAN_HOME=$work/conan .deps/conan/bin/conan create . --no-remote \
    --profile:all tests/install/conan_profile -s:a compiler.version="$(g++ -dumpversion)"
}

example() {
  quiet_cmake -S "$1" -B "$work/$(basename "$1")" -DCMAKE_PREFIX_PATH="$work/prefix" &&
    cmake --build "$work/$(basename "$1")" -j "$jobs" &&
    ctest --test-dir "$work/$(basename "$1")" --output-on-failure --no-tests=error
}

if attempt "package" package; then
  attempt "no traces" no_traces
  attempt "all headers" all_headers
  attempt "find_package" consume find_package -DCMAKE_PREFIX_PATH="$work/prefix"
  attempt "another minor version" wrong_version 0.2
  attempt "another major version" wrong_version 1.0
  attempt "unknown component" unknown_component
  torch=$(python3 -c 'import sys; sys.path.insert(0, "tests/structure")
from compile import torch_flags
flags = torch_flags()
print(flags[1].removesuffix("/include") if flags else "")')
  if [ -n "$torch" ]; then
    attempt "component torch" consume torch -DCMAKE_PREFIX_PATH="$work/prefix" \
      -DHONE_TORCH_ROOT="$torch"
  fi
  for project in examples/*/CMakeLists.txt; do
    [ -f "$project" ] && attempt "$(dirname "$project")" example "$(dirname "$project")"
  done
fi
attempt "add_subdirectory" consume add_subdirectory -DHONE_SOURCE="$source"
attempt "FetchContent" consume FetchContent -DHONE_SOURCE="$source"
attempt "vcpkg port" vcpkg_port
if [ -x .deps/conan/bin/conan ]; then
  attempt "Conan recipe" conan_recipe
fi

echo "install:"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
