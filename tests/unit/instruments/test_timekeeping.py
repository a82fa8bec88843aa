"""What a device's clock is worth, against a clock that never jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appliance.clock import Stamp
from appliance.instruments.timekeeping import Timekeeping

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LOCAL = NOON.astimezone().replace(tzinfo=None)


def at(boot_s: float, wall: datetime = NOON) -> Stamp:
    return Stamp(int(boot_s * 1e9), wall, "boot-1")


def test_nothing_is_known_before_anything_is_said() -> None:
    assert Timekeeping().offset(at(1000)) is None


def test_read_within_the_answers_time() -> None:
    time = Timekeeping()
    time.read(LOCAL - timedelta(hours=1), 1000 * 10**9, waited_s=0.5)
    offset = time.offset(at(1000))
    assert offset is not None
    assert (round(offset.seconds, 6), offset.uncertainty_s, offset.known) == (3599.75, 1.25, "read")


def test_inferred_by_the_quickest_of_a_stream() -> None:
    time = Timekeeping()
    for delay_s in (0.9, 0.2, 1.4):
        time.arrived(LOCAL - timedelta(seconds=60), int((1000 + delay_s) * 1e9))
    offset = time.offset(at(1000))
    assert offset is not None
    assert (round(offset.seconds, 6), offset.uncertainty_s, offset.known) == (60.2, 3.0, "inferred")


def test_what_was_read_is_not_replaced_by_what_is_inferred() -> None:
    time = Timekeeping()
    time.read(LOCAL, 1000 * 10**9)
    time.arrived(LOCAL - timedelta(seconds=60), 1000 * 10**9)
    offset = time.offset(at(1000))
    assert offset is not None
    assert offset.known == "read"
    assert abs(offset.seconds) < 1


def test_a_jump_of_the_units_wall_clock_makes_no_offset_wrong() -> None:
    time = Timekeeping()
    time.read(LOCAL, 1000 * 10**9)
    an_hour_ahead = at(1010, NOON + timedelta(seconds=10, hours=1))
    offset = time.offset(an_hour_ahead)
    assert offset is not None
    assert round(offset.seconds, 6) == 3600.0


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_device_whose_clock_is_set_is_followed(step_s: int) -> None:
    time = Timekeeping()
    for second in range(20):
        stepped = step_s if second >= 10 else 0
        time.arrived(LOCAL + timedelta(seconds=second + stepped), (1000 + second) * 10**9)
    offset = time.offset(at(1020, NOON + timedelta(seconds=20)))
    assert offset is not None
    assert round(offset.seconds) == -step_s


@pytest.mark.parametrize(
    ("said", "unset"),
    [
        (LOCAL, False),
        (LOCAL - timedelta(hours=5), False),
        (LOCAL - timedelta(days=2), True),
        (LOCAL.replace(year=2010), True),
        (datetime.fromisoformat("2000-01-01"), True),
    ],
)
def test_a_clock_that_was_never_set(said: datetime, unset: bool) -> None:
    time = Timekeeping()
    time.read(said, 1000 * 10**9)
    assert time.unset(at(1000)) is unset


def test_a_unit_that_does_not_know_the_time_accuses_nobody_of_being_far_off() -> None:
    time = Timekeeping()
    time.read(LOCAL, 1000 * 10**9)
    assert not time.unset(at(1000, NOON.replace(year=1970)))


def test_between_two_contacts_a_battery_may_have_been_changed() -> None:
    time = Timekeeping()
    time.read(LOCAL, 1000 * 10**9)
    time.forget()
    assert time.offset(at(1000)) is None
