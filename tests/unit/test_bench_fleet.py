"""The fleet's arithmetic: nothing is lost in the model, and it ends."""

from __future__ import annotations

import pytest

from tests.bench import bench_fleet
from tests.bench.bench_fleet import RESULTS, Wait, naive, ours, simulate


@pytest.mark.parametrize("wait", [ours, naive])
def test_every_result_is_sent_once(wait: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_fleet, "UNITS", 50)
    found = simulate(wait, 1)
    assert sum(found.arrivals.values()) - found.failed == 50 * RESULTS
    assert 0 < found.done_s < 600


def test_our_waits_spread_what_naive_ones_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_fleet, "UNITS", 2000)
    first = [simulate(wait, 1).arrivals for wait in (ours, naive)]
    busiest = [max(count for second, count in one.items() if second < 60) for one in first]
    assert busiest[0] < busiest[1]
