"""The guest, for the tests of this folder; `tests/guest/__init__.py` shows how to write one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.guest.running import ROOT, Guest, pack, resumed

BUILT = ROOT / "build" / "guest"


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code as a disk; of this test run alone."""
    path = tmp_path_factory.mktemp("payload") / "payload.tar"
    pack(path)
    return path


@pytest.fixture
async def guest(payload: Path) -> AsyncIterator[Guest]:
    """A fresh guest."""
    if not (BUILT / "ready").exists():
        why = BUILT / "why-not"
        pytest.skip(why.read_text().strip() if why.exists() else "no guest here: `make guest` builds it")
    async with resumed(BUILT, payload) as one:
        yield one
