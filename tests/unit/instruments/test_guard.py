"""Code of a driver that does not end is ended, and nothing of it is left armed."""

from __future__ import annotations

import itertools
import re
import signal
import threading
import time
from collections.abc import Callable

import pytest

from appliance.instruments.guard import DriverSpun, Guard


def spins() -> None:
    while True:
        pass


def matches_for_ever() -> None:
    re.match(r"(a+)+$", "a" * 40 + "b")


def swallows_exceptions() -> None:
    while True:
        try:
            sum(itertools.repeat(1, 1000))
        except Exception:  # noqa: BLE001 - what a bad driver does
            continue


def swallows_the_first() -> None:
    try:
        spins()
    except BaseException:  # noqa: BLE001 - what a worse driver does
        spins()


@pytest.mark.parametrize("work", [spins, matches_for_ever, swallows_exceptions, swallows_the_first])
def test_it_is_ended(work: Callable[[], None]) -> None:
    since = time.monotonic()
    with pytest.raises(DriverSpun, match="50 ms"):
        Guard()(work)
    assert time.monotonic() - since < 1.0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_waits_is_ended_by_the_wall() -> None:
    with pytest.raises(DriverSpun):
        Guard(wall_s=0.1)(lambda: time.sleep(5))


def test_a_machine_that_was_away_is_no_fault_of_the_driver() -> None:
    """A wait that is shorter than the wall's limit, and longer than the alarm's."""
    assert Guard()(lambda: time.sleep(0.15)) is None


def test_results_and_errors_pass_and_nothing_stays_armed() -> None:
    guard = Guard()
    assert guard(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        guard(lambda: 1 // 0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    signal.raise_signal(signal.SIGALRM)  # one that comes late finds nobody inside


def test_two_guards_take_turns() -> None:
    first, second = Guard(), Guard()
    for guard in (first, second, first):
        with pytest.raises(DriverSpun):
            guard(spins)


def test_alarms_that_race_with_the_end_never_come_out_elsewhere() -> None:
    """Work that ends just when the alarm comes, many times: it is done or ended, and never anything else."""
    guard = Guard(cpu_s=0.001, wall_s=0.001)
    ended = 0
    for number in range(1000):
        until = time.perf_counter() + 0.0009 + number % 20 * 0.00001

        def work(until: float = until) -> bool:
            while time.perf_counter() < until:
                pass
            return True

        try:
            assert guard(work)
        except DriverSpun:
            ended += 1
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert 0 < ended < 1000


def test_in_another_thread_work_runs_unguarded() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(Guard()(lambda: 7)))
    thread.start()
    thread.join()
    assert found == [7]
