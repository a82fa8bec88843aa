"""What may be charted. Each case is one way in which a number reaches the wrong chart, or a wrong number a chart."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from appliance.care.acceptance import Chart, Hold, Reading, judge
from appliance.care.consultation import State
from appliance.care.lease import Lease
from drivers.core.model import Numeric, Validity
from drivers.core.vocab import SPO2, SYSTOLIC, TEMPERATURE
from tests.making import NOON, pressure, reading, stamp

LEASE = Lease("l", "c", "cuff", int(900e9), int(2000e9))
LOCAL_NOON = NOON.astimezone().replace(tzinfo=None)


def verdict(it: Reading, state: State | None = State.ACTIVE, lease: Lease | None = LEASE) -> str:
    judged = judge(it, state, lease)
    return judged.status if isinstance(judged, Chart) else judged.reason.value


def at_noon(numerics: tuple[Numeric, ...] | None = None, **more: object) -> Reading:
    return reading(numerics, stamp(), **more)


@pytest.mark.parametrize(
    ("state", "lease", "expected"),
    [
        (State.ACTIVE, LEASE, "valid"),
        (None, None, "no-consultation"),
        (State.REVIEW, LEASE, "not-active"),
        (State.IDENTIFYING, None, "not-active"),
        (State.ACTIVE, None, "no-lease"),
        (State.ACTIVE, replace(LEASE, from_ns=int(1000.001e9)), "no-lease"),
        (State.ACTIVE, replace(LEASE, until_ns=int(1000e9)), "lease-over"),
    ],
)
def test_a_lease_decides(state: State | None, lease: Lease | None, expected: str) -> None:
    assert verdict(at_noon(), state, lease) == expected


def test_memory_is_never_charted() -> None:
    stored = tuple(structs.replace(numeric, from_memory=True) for numeric in pressure())
    assert verdict(at_noon(stored)) == "from-memory"


@pytest.mark.parametrize(
    ("age_s", "offset_s", "expected"),
    [
        (20, 0.0, "valid"),
        (20 + 3600, 3600.0, "valid"),  # the device is an hour behind, and we know it
        (99, 0.0, "valid"),
        (105, 0.0, "before-lease"),  # the lease is 100 s old
        (600, 0.0, "from-memory"),
        (20, 3600.0, "valid"),  # a device ahead of its offset: younger than now, not old
    ],
)
def test_the_devices_own_time(age_s: float, offset_s: float, expected: str) -> None:
    taken = LOCAL_NOON - timedelta(seconds=age_s)
    assert verdict(at_noon(pressure(taken=taken), clock_offset_s=offset_s, clock_uncertainty_s=1.0)) == expected


def test_a_time_on_a_clock_nobody_has_read_is_not_believed() -> None:
    assert verdict(at_noon(pressure(taken=LOCAL_NOON - timedelta(days=900)))) == "device-clock-unknown"
    assert verdict(at_noon(pressure(taken=LOCAL_NOON - timedelta(seconds=30)))) == "valid"


def test_a_device_that_says_its_clock_is_not_set_cannot_tell_its_memory_from_now() -> None:
    assert verdict(at_noon(notices=("clock-not-set",))) == "device-clock-unknown"


def test_an_unset_wall_clock_does_not_vouch_for_a_devices_time() -> None:
    it = reading(pressure(taken=LOCAL_NOON), stamp(wall=NOON.replace(year=1970)))
    assert verdict(it) == "device-clock-unknown"


@pytest.mark.parametrize(
    ("numeric", "expected"),
    [
        (Numeric(SYSTOLIC, Decimal(2047), "mm[Hg]"), "implausible"),
        (Numeric(SPO2, Decimal(127), "%"), "implausible"),
        (Numeric(TEMPERATURE, Decimal("36.60"), "Cel"), "valid"),
        (Numeric(TEMPERATURE, Decimal("12.0"), "Cel", Validity.INVALID), "implausible"),
        (Numeric(SYSTOLIC, Decimal("16.5"), "kPa"), "valid"),
        (Numeric(SYSTOLIC, Decimal(124), "kPa"), "implausible"),
        (Numeric(SYSTOLIC, Decimal(120), "furlong"), "implausible"),
        (Numeric(TEMPERATURE, Decimal("98.6"), "[degF]"), "valid"),
        (Numeric(TEMPERATURE, Decimal("36.6"), "[degF]"), "implausible"),
        (Numeric(SYSTOLIC, None, "mm[Hg]", Validity.INVALID), "failed"),
        (Numeric(SPO2, Decimal(97), "%", Validity.INVALID), "failed"),
        (Numeric(SPO2, Decimal(97), "%", Validity.QUESTIONABLE), "questionable"),
    ],
)
def test_numbers(numeric: Numeric, expected: str) -> None:
    assert verdict(at_noon((numeric,))) == expected


def test_a_failed_pulse_makes_a_good_pressure_questionable() -> None:
    mixed = (*pressure(), Numeric(SPO2, None, "%", Validity.INVALID))
    assert verdict(at_noon(mixed)) == "questionable"


def test_the_same_reading_has_the_same_fingerprint_and_a_timeless_one_none() -> None:
    first = at_noon(pressure(taken=LOCAL_NOON))
    again = reading(pressure(taken=LOCAL_NOON), stamp(2000.0))
    assert first.fingerprint() == again.fingerprint() is not None
    assert at_noon(pressure("125", taken=LOCAL_NOON)).fingerprint() != first.fingerprint()
    assert at_noon().fingerprint() is None


def test_held_is_not_charted() -> None:
    assert isinstance(judge(at_noon(), None, None), Hold)
