"""Back-off and breaker, by hand-turned clocks."""

from __future__ import annotations

import pytest

from appliance.platform.backoff import NEXT, Breaker, Event, State, jitter


def most(_: float, high: float) -> float:
    return high


def least(low: float, _: float) -> float:
    return low


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(0, 0.5), (1, 1.0), (2, 2.0), (6, 32.0), (7, 60.0), (8, 60.0), (10_000, 60.0), (-1, 0.5)]
)
def test_the_longest_wait_doubles_up_to_a_cap(attempt: int, seconds: float) -> None:
    assert jitter(attempt, most) == seconds
    assert jitter(attempt, least) == 0.0


def test_the_table_is_whole() -> None:
    assert set(NEXT) == {(state, event) for state in State for event in Event}


def test_three_failures_open_it_and_one_answer_closes_it() -> None:
    breaker = Breaker(most)
    for _ in range(2):
        breaker.begin()
        breaker.failed(100.0)
        assert breaker.wait_s(100.0) == 0.0
    breaker.begin()
    breaker.failed(100.0)
    assert breaker.wait_s(100.0) == 4.0
    assert breaker.wait_s(103.0) == 1.0
    assert breaker.wait_s(104.0) == 0.0
    breaker.begin()
    assert breaker.wait_s(104.0) is None, "one call is trying, a second one must wait for its end"
    breaker.answered()
    assert (breaker.state, breaker.wait_s(104.0)) == (State.CLOSED, 0.0)


def test_a_try_that_fails_waits_longer() -> None:
    breaker = Breaker(most)
    for _ in range(3):
        breaker.failed(0.0)
    assert breaker.wait_s(4.0) == 0.0
    breaker.begin()
    breaker.failed(4.0)
    assert breaker.wait_s(4.0) == 8.0


def test_the_platforms_own_wish_counts() -> None:
    breaker = Breaker(least)
    for _ in range(3):
        breaker.failed(0.0, at_least_s=30.0)
    assert breaker.wait_s(0.0) == 30.0


def test_news_of_the_platform_end_the_wait() -> None:
    breaker = Breaker(most)
    for _ in range(3):
        breaker.failed(0.0)
    breaker.retry_now()
    assert breaker.wait_s(0.0) == 0.0
    assert breaker.state is State.TRYING


def test_a_failure_that_comes_late_does_not_prolong_the_wait() -> None:
    breaker = Breaker(most)
    for now_s in (0.0, 0.0, 0.0, 3.0):
        breaker.failed(now_s)
    assert breaker.wait_s(4.0) == 0.0


def test_a_call_that_was_never_made_gives_its_turn_back() -> None:
    breaker = Breaker(least)
    for _ in range(3):
        breaker.failed(0.0)
    assert breaker.wait_s(0.0) == 0.0
    breaker.begin()
    breaker.released()
    assert breaker.wait_s(0.0) == 0.0
