#!/usr/bin/env bash
# `tools/npm.sh ARGS`: npm in kiosk_ui, with a Node that is new enough.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. tools/lib.sh
. tools/node.sh
mkdir -p build
node_ready "$NODE_FOR_SCREENS"
cd kiosk_ui
exec npm "$@"
