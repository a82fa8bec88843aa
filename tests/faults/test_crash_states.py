"""Every state that a power cut may leave, made from a record of writes and fsyncs. The bench has thousands of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.states import check, record

STATES = 40


@pytest.mark.fault
async def test_no_state_that_a_cut_may_leave_has_lost_what_was_acknowledged(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler to make a recording disk with")
    tally = await check(record(tmp_path), tmp_path, STATES)
    assert (tally.lost, tally.doubled, tally.unopened) == (0, 0, 0)
    assert tally.states == STATES
    assert tally.acknowledged > STATES
