#!/usr/bin/env bash
# Resolves pyproject.toml into the lock files, with hashes, for every platform and Python from 3.11 on.
# Versions stay as they are locked; UPGRADE=1 takes the newest that pyproject.toml allows.
set -euo pipefail
cd -P "$(dirname "$0")/.."
. tools/lib.sh

mkdir -p build
[ -x build/uv/bin/uv ] || quietly .venv/bin/python -m pip install --quiet --target build/uv uv

resolve() {
  build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-annotate ${UPGRADE:+--upgrade} "$@" >/dev/null
}

resolve pyproject.toml --output-file requirements.lock
resolve --group build --constraints requirements.lock --output-file tools/build.lock
resolve pyproject.toml --group dev --constraints requirements.lock --constraints tools/build.lock --output-file requirements-dev.lock
resolve --group node --output-file tools/node.lock
grep -o 'systemd-python==[0-9]*' pyproject.toml | resolve - --output-file tools/systemd.lock
