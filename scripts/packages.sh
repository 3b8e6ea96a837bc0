# Sourced by the setup scripts: install_missing PACKAGE... brings in Debian packages.

say() { printf '%s\n' "$*"; }

# Names those of the given Debian packages that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      printf '%s ' "$package"
  done
}

install_missing() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "This is no Debian-like system. Please see to it that the equivalents of these are here:"
    say "  $*"
    return 0
  fi
  local missing
  read -ra missing <<<"$(missing_packages "$@")"
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all $# are here."
    return 0
  fi
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "These Debian packages are missing, and neither root nor sudo is at hand to install them:"
      say "  ${missing[*]}"
      return 1
    fi
    root=(sudo)
  fi
  say "Installing Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if "${root[@]}" apt-get update -qq >"$log" 2>&1 &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 20 "$log"
    say "apt-get failed; its whole output is in $log"
    return 1
  fi
}
