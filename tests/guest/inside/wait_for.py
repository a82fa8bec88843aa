"""Waits until a path is there: `wait_for PATTERN`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

WAIT_S = 20.0


def main(pattern: str) -> None:
    until = time.monotonic() + WAIT_S
    while not any(Path("/").glob(pattern.lstrip("/"))):
        if time.monotonic() > until:
            raise SystemExit(f"no {pattern} within {WAIT_S:g} s")
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
