#!/usr/bin/env bash
# Formatting of C++ (clang-format 14, --fix to apply it) and a few habits of all text files.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mapfile -t sources < <(git ls-files '*.hpp' '*.cuh' '*.cpp' '*.cu' | while read -r f; do
  [ -f "$f" ] && echo "$f"
done)
if [ "${1:-}" = --fix ]; then
  clang-format-14 -i "${sources[@]}"
fi
failed=0
for source in "${sources[@]}"; do
  if ! clang-format-14 --dry-run --Werror "$source" >/dev/null 2>&1; then
    echo "$source: clang-format-14 would change it"
    failed=$((failed + 1))
  fi
done
echo "format:"
echo "$((${#sources[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
