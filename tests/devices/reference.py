"""Recordings that are not part of the project: read where they are, skipped where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def reference(name: str) -> bytes:
    """A file of the reference data (`CHEVET_REFERENCE_DATA`, or `../shared/data`); skips the test without it."""
    path = ROOT / os.environ.get("CHEVET_REFERENCE_DATA", "../shared/data") / name
    if not path.is_file():
        pytest.skip(f"no reference data: {name} is not in CHEVET_REFERENCE_DATA")
    return path.read_bytes()
