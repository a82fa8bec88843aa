"""One device from its link to the room: with the real drivers, over a link whose words are written here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance import clock
from appliance.care.room import Room
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments.instrument import Instrument
from appliance.records.store import Store
from drivers.core.driver import Decoder, Driver
from drivers.core.errors import LinkLost
from drivers.core.model import Event, Packet
from drivers.links.base import Chunk, Link
from drivers.links.faults import Faults
from drivers.links.replay import ReplayDevice, load
from drivers.registry import DRIVERS
from tests.devices.captures import FOLDER
from tests.making import active_room, make_active

CUFF = Device(key="cuff", name="Cuff", kind="blood-pressure", driver="ble-blood-pressure", link="replay:cuff")
OXIMETER = Device(key="oximeter", name="Oximeter", kind="oximeter", driver="contec-cms50", link="serial:/x")
ERR = bytes.fromhex("16ff07ff07ff07e80706170e230aff070000")
REAL = bytes.fromhex("167c0056006100e807060f11111b33000000")
SMALL = bytes.fromhex("007b0050006000")  # no time, no pulse
STREAM = bytes.fromhex("01e085b396c1e1ffff")


class Wire:
    """A link under the test's hand: `say` bytes, `cut` it."""

    def __init__(self) -> None:
        self.opened = 0
        self.written: list[bytes] = []
        self.device_now: Any = None
        self._queue: asyncio.Queue[tuple[bytes, str] | None] = asyncio.Queue()

    async def __aenter__(self) -> Wire:
        self.opened += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def chunks(self) -> AsyncIterator[Chunk]:
        while True:
            said = await self._queue.get()
            if said is None:
                raise LinkLost("cut")
            yield Chunk(said[0], clock.boottime_ns(), said[1], self.device_now)

    async def write(self, data: bytes, channel: str = "") -> None:
        self.written.append(data)

    def say(self, data: bytes, channel: str = "") -> None:
        self._queue.put_nowait((data, channel))

    def cut(self) -> None:
        self._queue.put_nowait(None)


async def until(true: Callable[[], bool | Awaitable[bool]], within_s: float = 3.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.005)


class Bench:
    """A running instrument in an active consultation."""

    def __init__(self, room: Room, store: Store, feed: Feed, ref: str, wire: Wire) -> None:
        self.room, self.store, self.feed, self.ref, self.wire = room, store, feed, ref, wire

    def device(self) -> dict[str, Any]:
        return next(iter(self.feed.state("device")), {})

    def said(self, kind: str) -> list[dict[str, Any]]:
        return list(self.feed.state(kind))


@asynccontextmanager
async def running(
    folder: Path, device: Device, driver: Driver | None = None, rules: Care | None = None
) -> AsyncIterator[Bench]:
    rules = rules or Care(chart_first_s=0.05, chart_every_s=0.1)
    room, store, feed, ref = await active_room(folder, rules)
    wire = Wire()

    def open_link(_: Device, __: Driver) -> Link:
        return wire

    instrument = Instrument(device, driver or DRIVERS[device.driver], open_link, room, feed, rules)
    task = asyncio.create_task(instrument.run())
    try:
        await until(lambda: instrument.present)
        yield Bench(room, store, feed, ref, wire)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def test_a_real_indication_becomes_a_result(tmp_path: Path) -> None:
    async with running(tmp_path, CUFF) as bench:
        await bench.room.lease(bench.ref, ["cuff"])
        local = clock.wall().astimezone().replace(tzinfo=None)
        bench.wire.device_now = local.replace(2024, 6, 15, 17, 17, 30, 0)
        bench.wire.say(REAL, "2a35")
        await until(lambda: bool(bench.said("result")))
        (kept,) = await bench.store.results(bench.ref)
    assert [(value.loinc, str(value.value)) for value in kept.result.numerics] == [
        ("8480-6", "124"),
        ("8462-4", "86"),
        ("8478-0", "97"),
        ("8867-4", "51"),
    ]
    assert kept.result.status == "valid"
    assert kept.result.raw == REAL.hex()
    assert kept.result.clock_offset_s is not None
    assert kept.result.clock_offset_s > timedelta(days=365).total_seconds()


async def test_a_reading_right_after_the_opening_is_told_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, CUFF) as bench:
        assert bench.device()["at_ms"] is None
        bench.wire.say(REAL, "2a35")  # within a second of what was said last, and nothing follows
        await until(lambda: bench.device()["at_ms"] is not None)


async def test_the_same_indication_from_a_clock_nobody_read_is_not_charted(tmp_path: Path) -> None:
    async with running(tmp_path, CUFF) as bench:
        await bench.room.lease(bench.ref, ["cuff"])
        bench.wire.say(REAL, "2a35")
        await until(lambda: bool(bench.said("quarantine")))
        assert bench.said("quarantine")[0]["reason"] == "device-clock-unknown"
        assert await bench.store.results(bench.ref) == []


async def test_an_err_frame_is_a_visible_failed_measurement_and_never_2047(tmp_path: Path) -> None:
    async with running(tmp_path, CUFF) as bench:
        await bench.room.lease(bench.ref, ["cuff"])
        bench.wire.device_now = clock.wall().replace(
            tzinfo=None, year=2024, month=6, day=23, hour=14, minute=35, second=12
        )
        bench.wire.say(ERR, "2a35")
        await until(lambda: bool(bench.said("result")))
        (message,) = bench.said("result")
    assert message["status"] == "failed"
    assert "measurement-failed" in message["notices"]
    assert {value["value"] for value in message["numerics"]} == {None}
    assert "2047" not in str(message)


async def test_a_stream_is_live_charted_at_its_interval_and_grey_when_silent(tmp_path: Path) -> None:
    async with running(tmp_path, OXIMETER) as bench:
        assert bench.wire.written[0] == bytes.fromhex("7d81a1808080808080")
        await bench.room.lease(bench.ref, ["oximeter"])

        async def feed_it() -> None:
            while True:
                bench.wire.say(STREAM)
                await asyncio.sleep(1 / 60)

        feeding = asyncio.create_task(feed_it())
        await until(lambda: len(bench.said("result")) >= 2)
        assert bench.device()["state"] == "live"
        assert {message["metric"]: message["value"] for message in bench.said("numeric")} == {
            "oxygen-saturation": "97",
            "pulse-rate": "65",
        }
        feeding.cancel()
        silent_since = clock.boottime_ms()
        await until(lambda: bench.device()["state"] == "lost", 1.0)
        assert clock.boottime_ms() - silent_since < 1000
        await until(lambda: bench.wire.opened >= 2)
        assert bench.device()["state"] == "lost"  # an open port is not a living device
        bench.wire.say(STREAM)
        await until(lambda: bench.device()["state"] == "live")


async def test_a_cut_link_is_lost_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path, CUFF) as bench:
        bench.wire.cut()
        await until(lambda: bench.device()["state"] == "lost")
        await until(lambda: bench.device()["state"] == "ready")
        assert bench.wire.opened == 2


async def test_a_garbled_packet_is_passed_over(tmp_path: Path) -> None:
    async with running(tmp_path, CUFF) as bench:
        await bench.room.lease(bench.ref, ["cuff"])
        bench.wire.say(REAL[:7], "2a35")
        bench.wire.say(SMALL, "2a35")
        await until(lambda: bool(bench.said("result")))
        assert bench.device()["state"] == "ready"


async def test_a_driver_that_raises_is_started_again(tmp_path: Path) -> None:
    real, failing = DRIVERS["ble-blood-pressure"], [True]

    def decoder() -> Decoder:
        decode = real.decoder()

        def decode_or_fail(packet: Packet) -> Iterable[Event]:
            if failing.pop() if failing else False:
                raise ZeroDivisionError("a fault of the driver")
            return list(decode(packet))

        return decode_or_fail

    broken = Driver(name="broken", kind="oximeter", claim=real.claim, decoder=decoder, quiet_s=None)
    async with running(tmp_path, CUFF, broken) as bench:
        await bench.room.lease(bench.ref, ["cuff"])
        bench.wire.say(REAL, "2a35")
        await until(lambda: bench.device()["state"] == "fault")
        await until(lambda: bench.device()["state"] == "ready")
        bench.wire.say(SMALL, "2a35")
        await until(lambda: bool(bench.said("result")))


async def test_values_outside_a_lease_are_not_shown_and_one_of_a_stretch_is_kept_aside(tmp_path: Path) -> None:
    async with running(tmp_path, OXIMETER) as bench:
        for _ in range(30):
            bench.wire.say(STREAM)
            await asyncio.sleep(1 / 60)
        await until(lambda: bool(bench.said("quarantine")))
        assert bench.said("numeric") == []
        assert [message["reason"] for message in bench.said("quarantine")] == ["no-lease"]


async def test_a_reading_that_breaks_the_room_is_told_and_breaks_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, CUFF) as bench:
        await bench.room.lease(bench.ref, ["cuff"])

        async def breaks(*_: object) -> None:
            raise ZeroDivisionError("a fault of ours")

        monkeypatch.setattr(bench.room, "accept", breaks)
        bench.wire.say(SMALL, "2a35")
        await until(lambda: "readings-lost" in bench.said("unit")[0]["tell"])
        monkeypatch.undo()
        bench.wire.say(SMALL, "2a35")
        await until(lambda: bool(bench.said("result")))


async def test_a_spot_check_of_a_streaming_oximeter_is_charted_at_once(tmp_path: Path) -> None:
    plx = Device(key="plx", name="PLX", kind="oximeter", driver="ble-pulse-oximeter", link="ble:any")
    async with running(tmp_path, plx, rules=Care(chart_first_s=60)) as bench:
        await bench.room.lease(bench.ref, ["plx"])
        bench.wire.say(bytes.fromhex("0061004100"), "2a5e")
        await until(lambda: bool(bench.said("result")))
        assert {value["value"] for value in bench.said("result")[0]["numerics"]} == {"97", "65"}


async def test_the_next_patient_gets_the_same_notice_and_nobody_sees_it_between(tmp_path: Path) -> None:
    moved = bytes.fromhex("107b00500060000100")  # 123/80, the arm was moved
    async with running(tmp_path, CUFF) as bench:
        for patient in (1, 2):
            if patient == 2:
                await bench.room.abandon(bench.ref, "the next one")
                assert bench.said("notice") == []
                bench.ref = (await bench.room.open(None, None)).id
                await make_active(bench.room, bench.ref)
            await bench.room.lease(bench.ref, ["cuff"])
            bench.wire.say(moved, "2a35")
            await until(lambda: [one["codes"] for one in bench.said("notice")] == [["body-moved"]])


async def test_a_reading_that_the_cable_repeats_is_charted_once(tmp_path: Path) -> None:
    recording = {"normal": load(FOLDER / "ble-blood-pressure/normal.capture")}
    now = clock.now().wall.astimezone().replace(tzinfo=None, microsecond=0)
    replayed = ReplayDevice(DRIVERS["ble-blood-pressure"], recording, clock=lambda: now, faults=Faults(duplicate=1.0))
    rules = Care()
    room, store, feed, ref = await active_room(tmp_path, rules)
    instrument = Instrument(CUFF, DRIVERS[CUFF.driver], lambda *_: replayed.link(), room, feed, rules)
    task = asyncio.create_task(instrument.run())
    try:
        await until(lambda: instrument.present)
        await room.lease(ref, ["cuff"])
        replayed.play("normal")
        replayed.play("normal")
        await until(lambda: len(list(feed.state("result"))) == 1)
        with pytest.raises(TimeoutError):
            await until(lambda: len(list(feed.state("result"))) + len(list(feed.state("quarantine"))) > 1, 0.5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()
