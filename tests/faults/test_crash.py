"""kill -9 at random moments under load: nothing acknowledged is lost, nothing doubled. The bench has the whole run."""

from pathlib import Path

import pytest

from tests.campaign import Campaign

KILLS = 6


@pytest.mark.fault
async def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    tally = await Campaign(tmp_path).run(KILLS)
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.resumed == KILLS
    assert tally.delivered == tally.charted
    assert tally.acknowledged > KILLS, "there was no load"
    assert tally.charted > tally.acknowledged, "the devices charted nothing"
