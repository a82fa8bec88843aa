#!/usr/bin/env bash
# Makes this working copy ready: `tools/setup.sh run|test|ui|guest`. A second run finds its stamps and does nothing.
# FORCE=1 does everything again.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. tools/lib.sh
. tools/python.sh
. tools/ui.sh
. tools/programs.sh

mkdir -p build
exec 9>build/setup.lock
flock 9 # two set-ups of one tree take turns
: >build/setup.log

# No `&&` between these: a function in such a list goes on after an error in it.
case "${1:-}" in
  run | ui)
    python_ready run
    ui_ready
    ;;
  test)
    python_ready test
    ui_ready
    programs_ready
    ;;
  guest)
    python_ready test
    guest_ready
    ;;
  *) die "usage: tools/setup.sh run|test|ui|guest" ;;
esac
