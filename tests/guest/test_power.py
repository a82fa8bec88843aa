"""Power cuts of a machine that keeps results: nothing acknowledged is lost. The bench has a hundred of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guest.conftest import BUILT
from tests.guest.power import cut

pytestmark = pytest.mark.guest

CUTS = 3


async def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    if not (BUILT / "ready").exists():
        pytest.skip("no guest here: `make guest` builds it")
    tally = await cut(BUILT, tmp_path, CUTS)
    assert (tally.lost, tally.doubled, tally.unopened) == (set(), set(), 0)
    assert len(tally.acknowledged) > CUTS
    assert tally.objects > 0
