"""One device raises, floods, spins or stalls; the others, and the loop that they share, go on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance import clock
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments import patience
from appliance.instruments.instrument import Instrument
from drivers.core.driver import Decoder, Driver, Uart
from drivers.core.errors import LinkError
from drivers.core.model import Event, Notice, Packet
from drivers.links.base import Chunk, Link
from drivers.registry import DRIVERS
from tests.making import active_room

PACKET = bytes.fromhex("01e085b396c1e1ffff")  # a Contec CMS50 says 97 %, 65/min
STALL_S = 0.3
LIVENESS_S = 1.0  # what the screens call dead is silent for so long


class Steady:
    """A healthy oximeter: 60 packets a second."""

    def __init__(self, every_s: float = 1 / 60) -> None:
        self.every_s = every_s
        self.opened = 0

    async def __aenter__(self) -> Steady:
        self.opened += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def chunks(self) -> AsyncIterator[Chunk]:
        while True:
            if self.every_s:
                await asyncio.sleep(self.every_s)
            yield Chunk(PACKET, clock.boottime_ns())

    async def write(self, data: bytes, channel: str = "") -> None:
        return None


class Stalling(Steady):
    """One whose named step never comes to an end, and which must be told twice."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    async def __aenter__(self) -> Steady:
        await super().__aenter__()
        await self._at("open")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._at("close")

    async def chunks(self) -> AsyncIterator[Chunk]:
        await self._at("read")
        yield Chunk(PACKET, clock.boottime_ns())
        raise LinkError("it went")

    async def write(self, data: bytes, channel: str = "") -> None:
        await self._at("write")

    async def _at(self, step: str) -> None:
        deaf = step != "read"  # what is read comes from a queue of ours, which heeds being cancelled
        while step == self._step:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if not deaf:
                    raise
                deaf = False


def raises(packet: Packet) -> Iterable[Event]:
    raise ZeroDivisionError("a fault of the driver")


def spins(packet: Packet) -> Iterable[Event]:
    while True:
        pass


def never_ends(packet: Packet) -> Iterator[Event]:
    return (Notice("signal-poor") for _ in itertools.count())


def broken(decode: Decoder) -> Driver:
    return Driver(name="broken", kind="oximeter", claim=Uart(9600), decoder=lambda: decode, continuous=True)


@dataclass
class Ward:
    """Healthy devices beside one that is not, and how long the loop was ever away."""

    feed: Feed
    bad: Instrument
    bad_link: Steady
    away_s: float = 0.0

    def device(self, key: str) -> dict[str, Any]:
        return next(one for one in self.feed.state("device") if one["key"] == key)

    async def watch_the_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            self.away_s = max(self.away_s, loop.time() - before - 0.01)


@asynccontextmanager
async def ward(folder: Path, driver: Driver, link: Steady, healthy: int = 3) -> AsyncIterator[Ward]:
    rules = Care(chart_first_s=0.05, chart_every_s=0.5)
    room, store, feed, ref = await active_room(folder, rules)
    good = DRIVERS["contec-cms50"]

    def instrument(key: str, driver: Driver, link: Steady) -> Instrument:
        device = Device(key=key, name=key, kind="oximeter", driver=driver.name, link="replay:x")

        def open_link(_: Device, __: Driver) -> Link:
            return link

        return Instrument(device, driver, open_link, room, feed, rules)

    bad = instrument("bad", driver, link)
    others = [instrument(f"good{number}", good, Steady()) for number in range(healthy)]
    made = Ward(feed, bad, link)
    tasks = [asyncio.create_task(one.run()) for one in (bad, *others)]
    try:
        await room.lease(ref, [one.key for one in (bad, *others)])
        tasks.append(asyncio.create_task(made.watch_the_loop()))
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


async def until(true: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.005)


async def others_go_on(it: Ward, for_s: float = 1.0) -> None:
    """For a while, each healthy device is live, speaks, and the loop is never away for what screens call dead."""
    it.away_s = 0.0
    ends = asyncio.get_running_loop().time() + for_s
    while asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(0.05)
        for device in (one for one in it.feed.state("device") if one["key"].startswith("good")):
            assert device["state"] == "live"
        ages = [clock.boottime_ms() - one["at_ms"] for one in it.feed.state("numeric") if one["device"] != "bad"]
        assert ages
        assert max(ages) < LIVENESS_S * 1000
    assert it.away_s < LIVENESS_S


@pytest.mark.parametrize("decode", [raises, spins])
async def test_a_driver_with_a_fault_is_a_fault_of_its_device_alone(tmp_path: Path, decode: Decoder) -> None:
    async with ward(tmp_path, broken(decode), Steady()) as it:
        await until(lambda: it.device("bad")["state"] == "fault")
        assert it.device("bad")["tell"] == "device-fault"
        await others_go_on(it)


async def test_a_driver_that_spins_is_not_started_again_at_once_but_when_somebody_asks(tmp_path: Path) -> None:
    async with ward(tmp_path, broken(spins), Steady()) as it:
        await until(lambda: it.device("bad")["state"] == "fault")
        await others_go_on(it)
        assert it.bad_link.opened == 1
        it.bad.again()
        await until(lambda: it.bad_link.opened == 2)


async def test_a_driver_that_spins_when_it_is_made_is_ended_too(tmp_path: Path) -> None:
    def decoder() -> Decoder:
        while True:
            pass

    driver = Driver(name="broken", kind="oximeter", claim=Uart(9600), decoder=decoder)
    async with ward(tmp_path, driver, Steady()) as it:
        await until(lambda: it.device("bad")["state"] == "fault")
        await others_go_on(it, 0.5)


async def test_a_flood_is_cut_told_and_costs_the_others_nothing(tmp_path: Path) -> None:
    async with ward(tmp_path, DRIVERS["contec-cms50"], Steady(every_s=0)) as it:
        await until(lambda: it.device("bad").get("tell") == "device-floods")
        assert it.device("bad")["state"] == "live"
        await others_go_on(it)


async def test_a_decoder_that_never_ends_is_cut(tmp_path: Path) -> None:
    async with ward(tmp_path, broken(never_ends), Steady()) as it:
        await until(lambda: it.bad_link.opened > 0)
        await others_go_on(it)
        assert it.device("bad")["state"] == "live"  # it speaks; of a packet without end nothing is taken


@pytest.mark.parametrize("step", ["open", "write", "read", "close"])
async def test_a_link_that_stalls_holds_nobody_and_is_tried_again(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("OPEN_S", "CLOSE_S"):
        monkeypatch.setattr(patience, limit, STALL_S)
    monkeypatch.setattr("appliance.instruments.instrument.WRITE_S", STALL_S)
    driver = Driver(
        name="stalls",
        kind="oximeter",
        claim=Uart(9600),
        decoder=DRIVERS["contec-cms50"].decoder,
        says=(b"hello",),
        hello=(b"hello",),
        quiet_s=STALL_S,
    )
    async with ward(tmp_path, driver, Stalling(step)) as it:
        await until(lambda: it.bad_link.opened >= 3)
        await others_go_on(it, 0.5)
        assert it.device("bad")["state"] in {"absent", "lost", "ready"}
