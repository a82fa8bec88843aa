#!/usr/bin/env bash
# Every check, pytest last. Fails if any of them failed. `--lint` runs the quick ones only; other arguments go to pytest.
set -euo pipefail
cd -P "$(dirname "$0")/.."

failed=()
check() {
  printf '\n== %s\n' "$*"
  "$@" || failed+=("$*")
}

check .venv/bin/ruff check .
check .venv/bin/ruff format --check .
check .venv/bin/mypy
check .venv/bin/lint-imports --no-logo
check .venv/bin/python tools/notices.py --check
if [ "${1:-}" != --lint ]; then
  check tools/npm.sh run check
  check tools/npm.sh test
fi

printf '\n'
for name in "${failed[@]}"; do printf 'FAILED: %s\n' "$name"; done
if [ "${1:-}" != --lint ]; then
  printf '== pytest\n'
  .venv/bin/python -m pytest --cov --cov-report=term:skip-covered "$@" || failed+=(pytest)
fi
[ ${#failed[@]} = 0 ]
