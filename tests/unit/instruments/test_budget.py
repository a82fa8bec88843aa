"""What one device may say."""

from __future__ import annotations

from appliance.instruments.budget import Budget

S = 1_000_000_000


def test_the_fastest_devices_are_far_below_it() -> None:
    budget = Budget()
    for number in range(1000):  # ten seconds of 100 packets a second
        assert budget.admits(11, number * S // 100)
        budget.spend(5, 0.0002)
    assert (budget.dropped, budget.flooding) == (0, False)


def test_a_flood_is_cut_to_the_rate_and_counted() -> None:
    budget = Budget()
    admitted = sum(
        budget.admits(1, number * S // 10_000) for number in range(100_000)
    )  # ten seconds of 10 000 a second
    assert 11_900 < admitted < 12_100  # 1000 a second, and a burst of two seconds
    assert budget.dropped == 100_000 - admitted
    assert budget.flooding


def test_bytes_events_and_time_are_bounded_each() -> None:
    for size, events, cpu_s in ((2_000_000, 0, 0.0), (1, 100_000, 0.0), (1, 0, 1.0)):
        budget = Budget()
        assert budget.admits(size, 0)
        budget.spend(events, cpu_s)
        assert not budget.admits(1, 1)


def test_time_of_a_slow_driver_is_a_tenth_of_a_core() -> None:
    budget, used_s = Budget(), 0.0
    for number in range(2000):  # twenty seconds of 100 packets that take 40 ms each
        if budget.admits(10, number * S // 100):
            budget.spend(1, 0.04)
            used_s += 0.04
    assert used_s < 20 * 0.1 + 0.3


def test_a_flood_is_over_after_five_calm_seconds() -> None:
    budget = Budget()
    for _ in range(3000):
        budget.admits(1, 0)
    assert budget.flooding
    assert budget.admits(1, 4 * S)
    assert budget.flooding
    assert budget.admits(1, 6 * S)
    assert not budget.flooding
