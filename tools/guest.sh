# shellcheck shell=bash
# The guest: a virtual machine with the kernel's own drivers, BlueZ and udev, for tests/guest. Sourced by programs.sh.
# Built once into build/guest and saved while it runs, so that each test resumes it in about two seconds.
# Where it cannot be built, build/guest/why-not says why, and the tests skip with that sentence.

GUEST_PACKAGES="qemu-system-x86 mmdebstrap e2fsprogs"
GUEST_SOURCES="tools/guest.sh tools/guest.lock tools/guest/*"

# Prints why there can be no guest here; nothing if there can.
why_no_guest() {
  local as_root="as root, or by sudo without a password"
  [ "$(uname -m)" = x86_64 ] || { echo "it is built on x86_64 only" && return; }
  command -v apt-get >/dev/null || { echo "it is built where apt-get is (Debian 12)" && return; }
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || { echo "it is built $as_root" && return; }
  # shellcheck disable=SC2086 # a list of package names
  { command -v qemu-system-x86_64 && command -v mmdebstrap && [ -x /sbin/mke2fs ]; } >/dev/null ||
    apt_install $GUEST_PACKAGES || { echo "missing, and not installable here: $GUEST_PACKAGES" && return; }
  # shellcheck disable=SC2016 # apt's own word
  apt-get indextargets 'Created-By: Packages' --format '$(RELEASE)' | grep -qx bookworm ||
    echo "apt has no source of Debian 12 (bookworm) here"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The Debian of the guest: from packages to a disk that boots.
guest_disk() {
  as_root rm -rf build/guest
  mkdir -p build/guest/site
  # The guest's Python is Debian 12's, whatever the builder's is.
  quietly .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --no-deps \
    --no-compile --only-binary=:all: --python-version 3.11 --target build/guest/site -r tools/guest.lock || return
  quietly as_root tools/guest/rootfs.sh build/guest || return
  as_root chown -R "$(id -u):$(id -g)" build/guest
  rm -rf build/guest/site
}

guest_ready() {
  local disk_key key why
  # shellcheck disable=SC2086 # patterns
  disk_key=$(content_key $GUEST_SOURCES)
  key="$disk_key $(content_key tests/guest/machine.py tests/guest/save.py) $(qemu-system-x86_64 --version 2>/dev/null | head -n 1)"
  is_stamped build/guest/ready "$key" && return
  why=$(why_no_guest)
  if [ -z "$why" ]; then
    say "building the guest for the tests of real kernel drivers (about three minutes, once)"
    if { is_stamped build/guest/disk "$disk_key" || { guest_disk && stamp build/guest/disk "$disk_key"; }; } &&
      quietly .venv/bin/python -m tests.guest.save build/guest; then
      stamp build/guest/ready "$key" && return
    fi
    why="it could not be built: $(grep -v '^ *$' build/setup.log | tail -n 1)"
  fi
  mkdir -p build/guest
  rm -f build/guest/ready
  printf '%s\n' "$why" >build/guest/why-not
  say "no guest: $why. Its tests will be skipped"
}
