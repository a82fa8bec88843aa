#!/usr/bin/env bash
# Resolves pyproject.toml into the lock files, with hashes, for every platform and Python from 3.11 on.
# Versions stay as they are locked; UPGRADE=1 takes the newest that pyproject.toml allows.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. tools/lib.sh

mkdir -p build
[ -x build/uv/bin/uv ] || quietly .venv/bin/python -m pip install --quiet --target build/uv uv

resolve_for() {
  build/uv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-annotate ${UPGRADE:+--upgrade} "$@" >/dev/null
}

resolve() { resolve_for --universal "$@"; }

resolve pyproject.toml --output-file requirements.lock
resolve --group build --constraints requirements.lock --output-file tools/build.lock
resolve pyproject.toml --group dev --constraints requirements.lock --constraints tools/build.lock --output-file requirements-dev.lock
# The guest is one platform: pip would decide by the Python that runs it, not by the one that it installs for.
resolve_for --python-platform x86_64-manylinux_2_28 --group guest --constraints requirements-dev.lock --output-file tools/guest.lock
resolve --group node --output-file tools/node.lock
grep -o 'systemd-python==[0-9]*' pyproject.toml | resolve - --output-file tools/systemd.lock
