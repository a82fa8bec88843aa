# shellcheck shell=bash
# Words shared by the set-up scripts. Source it from the project's root.

say() { printf 'chevet: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Runs a command into build/setup.log; shows the log's end only when the command fails.
quietly() {
  "$@" >>build/setup.log 2>&1 </dev/null && return
  say "this failed: $*"
  tail -n 25 build/setup.log >&2
  return 1
}

# The content of files as one word: what a stamp is keyed by.
content_key() { sha256sum -- "$@" | sha256sum | cut -c1-64; }

# A stamp is written last and moved into place, so that an interrupted set-up never looks done.
is_stamped() { [ -z "${FORCE:-}" ] && [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

stamp() { printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; }

# Debian packages are installed only where nobody needs to be asked: as root, or by sudo without a password.
may_apt() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" >>build/setup.log 2>&1 </dev/null
}

# apt_install PACKAGE...: false where it may not install, or cannot.
apt_install() {
  may_apt || return 1
  say "installing Debian packages: $*"
  apt install -y --no-install-recommends "$@" || { apt update && apt install -y --no-install-recommends "$@"; }
}
