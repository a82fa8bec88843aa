"""A monitor streams, and shows a cuff measurement on and on; and what its clock is worth meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from appliance import clock
from appliance.config import Care, Device
from drivers.core.driver import Driver, Uart
from drivers.core.model import DeviceClock, Event, Notice, Numeric, Packet
from drivers.core.vocab import DIASTOLIC, SPO2, SYSTOLIC
from tests.unit.instruments.test_instrument import Bench, running, until

MONITOR = Device(key="monitor", name="Monitor", kind="monitor", driver="toy", link="serial:/x")
SLOW = Care(chart_first_s=60)  # of the stream nothing is charted within these tests


def decode(packet: Packet) -> Iterable[Event]:
    """`97 120 80 30 now held`: saturation, pressures, the cuff's age (s) or -, its clock's distance from ours or -."""
    spo2, high, low, age, ahead, *codes = packet.data.decode().split()
    local = clock.wall().astimezone().replace(tzinfo=None, microsecond=0)
    if ahead != "-":
        local += timedelta(seconds=int(ahead))
        yield DeviceClock(local)
    taken = None if age == "-" else local - timedelta(seconds=int(age))
    yield Numeric(SPO2, Decimal(spo2), "%")
    if high != "-":
        yield Numeric(SYSTOLIC, Decimal(high), "mm[Hg]", taken=taken)
        yield Numeric(DIASTOLIC, Decimal(low), "mm[Hg]", taken=taken)
    yield from (Notice(code) for code in codes)


TOY = Driver(name="toy", kind="monitor", claim=Uart(9600), decoder=lambda: decode, continuous=True)


async def say(bench: Bench, *packets: str) -> None:
    """The packets, and one that is seen when all have been."""
    for packet in packets:
        bench.wire.say(packet.encode())
    last = f"{50 + len(bench.said('result')) + len(bench.said('quarantine'))}"
    bench.wire.say(f"{last} - - - -".encode())
    await until(lambda: any(one["value"] == last for one in bench.said("numeric")))


def charted(bench: Bench) -> list[list[str]]:
    return [[value["value"] for value in one["numerics"]] for one in bench.said("result")]


async def test_a_cuff_in_a_stream_is_charted_at_once_and_once(tmp_path: Path) -> None:
    async with running(tmp_path, MONITOR, TOY, SLOW) as bench:
        await bench.room.lease(bench.ref, ["monitor"])
        await say(bench, "97 120 80 - -", "97 120 80 - -", "98 120 80 - -", "97 131 82 - -", "97 131 82 - -")
        await until(lambda: len(charted(bench)) == 2)
        assert charted(bench) == [["120", "80"], ["131", "82"]]
        assert bench.said("quarantine") == []


async def test_the_same_values_at_another_time_are_another_measurement(tmp_path: Path) -> None:
    async with running(tmp_path, MONITOR, TOY, SLOW) as bench:
        await bench.room.lease(bench.ref, ["monitor"])
        await say(bench, "97 120 80 1 0", "97 120 80 0 0")
        await until(lambda: len(charted(bench)) == 2)


@pytest.mark.parametrize("old", ["97 120 80 600 0", "97 120 80 600 7200", "97 120 80 - - value-held"])
async def test_a_cuff_from_before_the_lease_is_not_this_patients(tmp_path: Path, old: str) -> None:
    async with running(tmp_path, MONITOR, TOY, SLOW) as bench:
        await bench.room.lease(bench.ref, ["monitor"])
        await say(bench, old, old)
        await until(lambda: bool(bench.said("quarantine")))
        assert [one["reason"] for one in bench.said("quarantine")] == ["before-lease"]
        assert charted(bench) == []


async def test_what_a_clock_is_worth_is_kept_with_the_reading(tmp_path: Path) -> None:
    async with running(tmp_path, MONITOR, TOY, SLOW) as bench:
        await bench.room.lease(bench.ref, ["monitor"])
        await say(bench, "97 120 80 0 -600")
        await until(lambda: bool(charted(bench)))
        (kept,) = await bench.store.results(bench.ref)
    assert kept.result.clock_known == "read"
    assert kept.result.clock_uncertainty_s == 1.0
    assert kept.result.clock_offset_s == pytest.approx(600.5, abs=1.0)


async def test_a_clock_that_was_never_set_is_said(tmp_path: Path) -> None:
    async with running(tmp_path, MONITOR, TOY, SLOW) as bench:
        await bench.room.lease(bench.ref, ["monitor"])
        await say(bench, "97 120 80 0 -500000000")  # sixteen years
        await until(lambda: [one["codes"] for one in bench.said("notice")] == [["clock-not-set"]])
        await until(lambda: bool(charted(bench)))
        assert bench.said("result")[0]["notices"] == ["clock-not-set"]


@pytest.mark.parametrize("step", [timedelta(hours=-3), timedelta(hours=3)])
async def test_a_jump_of_the_units_clock_changes_no_order_and_quarantines_nothing(
    tmp_path: Path, step: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device's clock does not jump: it is read once, and its next measurement is a second later by it."""
    began = clock.wall().astimezone().replace(tzinfo=None, microsecond=0)

    def decode_own(packet: Packet) -> Iterable[Event]:
        high, second = packet.data.decode().split()
        if second == "0":
            yield DeviceClock(began)
        taken = began + timedelta(seconds=int(second))
        yield Numeric(SYSTOLIC, Decimal(high), "mm[Hg]", taken=taken)
        yield Numeric(DIASTOLIC, Decimal(80), "mm[Hg]", taken=taken)

    own = Driver(name="toy", kind="monitor", claim=Uart(9600), decoder=lambda: decode_own, continuous=True)
    async with running(tmp_path, MONITOR, own, SLOW) as bench:
        await bench.room.lease(bench.ref, ["monitor"])
        bench.wire.say(b"120 0")
        await until(lambda: len(bench.said("result")) == 1)
        monkeypatch.setattr(clock, "wall", lambda: datetime.now(UTC) + step)
        bench.wire.say(b"131 1")
        await until(lambda: len(bench.said("result") + bench.said("quarantine")) == 2)
        monkeypatch.undo()
        assert bench.said("quarantine") == []
        kept = [one.result for one in await bench.store.results(bench.ref)]
    assert [str(one.numerics[0].value) for one in kept] == ["120", "131"]
    assert kept[0].at_ns < kept[1].at_ns
    first, second = (one.clock_offset_s for one in kept)
    assert first is not None
    assert second is not None
    assert second - first == pytest.approx(step.total_seconds(), abs=0.1)
