# shellcheck shell=bash
# Programs of others that the tests drive. Sourced by setup.sh. Without them their tests skip, and say why.

# program: Debian package
TEST_PROGRAMS="chromium:chromium"

programs_ready() {
  local entry missing=()
  for entry in $TEST_PROGRAMS; do
    command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
  done
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}" ||
    say "tests that need these will be skipped: ${missing[*]}. To run them: apt-get install ${missing[*]}"
}
