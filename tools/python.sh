# shellcheck shell=bash
# The virtual environment .venv, filled from the lock files. Sourced by setup.sh.

PYTHON_MINIMUM=3.11
SYSTEMD_PACKAGES="gcc libsystemd-dev pkg-config python3-dev"

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
    is_new_enough "$candidate" && command -v "$candidate" && return
  done
  return 1
}

# Debian splits venv and ensurepip off into python3-venv.
can_make_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

make_venv() {
  local python
  python=$(find_python) || { apt_install python3 python3-venv && python=$(find_python); } ||
    die "Python $PYTHON_MINIMUM or newer is needed and was not found. As an administrator: apt-get install python3 python3-venv"
  can_make_venvs "$python" || { apt_install python3-venv && can_make_venvs "$python"; } ||
    die "$python cannot make virtual environments. As an administrator: apt-get install python3-venv"
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  quietly "$python" -m venv .venv
}

# Filled to the end, runs, is new enough, holds pip, and was made here: the scripts of a moved or copied tree point to
# the old place.
venv_is_usable() {
  [ ! -e .venv/unfinished ] && .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
    grep -qF "$PWD/.venv/bin/" .venv/bin/pip
}

pip_install() { quietly .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check "$@"; }

# The locks name every package, so that none has to be looked for (--no-deps): a pip that looks takes a newer release of
# what one package wants with an extra (`coverage[toml]`) for another package than the locked one, and refuses it.
# Whoever is killed in here leaves `unfinished` behind; pip tidies up only after its own errors.
fill_venv() {
  local status=0
  touch .venv/unfinished
  { pip_install --require-hashes --no-deps "${@/#/--requirement=}" && pip_install --no-deps --no-build-isolation --editable .; } || status=$?
  rm .venv/unfinished
  return $status
}

has_systemd_headers() {
  pkg-config --exists libsystemd 2>/dev/null && command -v cc >/dev/null &&
    .venv/bin/python -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2>/dev/null
}

# systemd-python is an extra: without it the service runs, but tells no watchdog and no journal.
install_systemd() {
  .venv/bin/python -c 'import systemd.daemon' 2>/dev/null && return
  # shellcheck disable=SC2086 # a list of package names
  if has_systemd_headers || { apt_install $SYSTEMD_PACKAGES && has_systemd_headers; }; then
    pip_install --require-hashes --no-deps --no-build-isolation --use-pep517 -r tools/systemd.lock && return
  fi
  say "left out: systemd's watchdog and journal. To have them: apt-get install $SYSTEMD_PACKAGES; make setup"
}

# python_ready run|test
python_ready() {
  local locks=(requirements.lock tools/build.lock) key
  [ "$1" = run ] || locks=(requirements-dev.lock)
  key=$(content_key "${locks[@]}" tools/systemd.lock pyproject.toml)
  venv_is_usable || make_venv
  is_stamped ".venv/ready-for-$1" "$key" && return
  say "installing the locked Python packages (about a minute)"
  fill_venv "${locks[@]}"
  install_systemd
  stamp ".venv/ready-for-$1" "$key"
}
