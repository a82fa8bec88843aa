"""What one device that raises, floods, spins or stalls costs the others: their wire to the live feed, and the loop.

Also what the guard costs a chunk, beside its alternatives: a thread and a process for each driver.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import queue
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

from appliance import clock
from appliance.config import Care, Device
from appliance.feed import Feed, Message
from appliance.instruments.guard import Guard
from appliance.instruments.instrument import Instrument
from drivers.core.driver import Decoder, Driver, Uart
from drivers.core.model import Event, Packet
from drivers.links.base import Chunk, Link
from drivers.links.handover import HandOver
from drivers.registry import DRIVERS
from tests.making import active_room

LIMIT_S = 300.0
HEALTHY = 10
RATE_HZ = 60
STRETCH_S = 6.0  # a driver that spins does so at its beginning, and again after five seconds
REPEATS = 3
PACKETS = (bytes.fromhex("01e085b396c1e1ffff"), bytes.fromhex("01e085b396c1e2ffff"))  # 97 % and 98 %: always news
METHOD = (
    f"{HEALTHY} replayed oximeters at {RATE_HZ} packets/s, stamped in their own thread, each packet another value; "
    f"from that stamp to the message in the feed; {REPEATS} stretches of {STRETCH_S:g} s each, pooled; the loop: how "
    "much later than asked a sleep of 5 ms ends"
)


@dataclass
class Noted:
    """Seconds from the wire to the feed, and of the loop's absence."""

    feed_s: list[float] = field(default_factory=list)
    loop_s: list[float] = field(default_factory=list)


class TimedFeed(Feed):
    """Notes when each healthy value comes through."""

    def __init__(self, noted: Noted) -> None:
        super().__init__()
        self._noted = noted
        self.stamps: dict[int, int] = {}  # the ns behind each at_ms

    def publish(self, message: Message) -> None:
        super().publish(message)
        if message["type"] == "numeric" and message["metric"] == "oxygen-saturation" and message["device"] != "bad":
            arrival_ns = self.stamps.get(message["at_ms"])
            if arrival_ns is not None:
                self._noted.feed_s.append((clock.boottime_ns() - arrival_ns) / 1e9)


class Replayed:
    """A link that a thread fills."""

    def __init__(self) -> None:
        self.heard: HandOver | None = None

    async def __aenter__(self) -> Replayed:
        self.heard = HandOver()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.heard = None

    def chunks(self) -> AsyncIterator[Chunk]:
        assert self.heard is not None
        return self.heard.chunks()

    async def write(self, data: bytes, channel: str = "") -> None:
        return None


class Flooding(Replayed):
    """Always has something ready."""

    async def chunks(self) -> AsyncIterator[Chunk]:
        while True:
            yield Chunk(PACKETS[0], clock.boottime_ns())


class Stalling(Replayed):
    """Never opens."""

    async def __aenter__(self) -> Replayed:
        await asyncio.sleep(3600)
        return self


def raises(packet: Packet) -> Iterable[Event]:
    raise ZeroDivisionError("a fault of the driver")


def spins(packet: Packet) -> Iterable[Event]:
    while True:
        pass


def broken(decode: Decoder) -> Driver:
    return Driver(name="broken", kind="oximeter", claim=Uart(9600), decoder=lambda: decode, continuous=True)


GOOD = DRIVERS["contec-cms50"]
CASES: dict[str, tuple[Driver, Callable[[], Replayed]] | None] = {
    "all are healthy": None,
    "one raises": (broken(raises), Replayed),
    "one floods": (GOOD, Flooding),
    "one spins": (broken(spins), Replayed),
    "one stalls": (GOOD, Stalling),
}


def figures() -> list[dict[str, Any]]:
    logging.disable(logging.CRITICAL)
    rows = []
    for name, case in CASES.items():
        noted = Noted()
        for _ in range(REPEATS):
            asyncio.run(stretch(case, noted))
        rows += [
            *spread(f"wire to feed, {name}", noted.feed_s, METHOD),
            *spread(f"the loop, {name}", noted.loop_s, METHOD),
        ]
    return [*rows, *alternatives()]


def spread(name: str, seconds: list[float], method: str) -> list[dict[str, Any]]:
    cuts = quantiles(seconds, n=100)
    found = (("p50", cuts[49]), ("p99", cuts[98]), ("max", max(seconds)))
    return [row(f"{name}, {what}", value * 1e3, "ms", method, len(seconds)) for what, value in found]


def row(name: str, value: float, unit: str, method: str, n: int) -> dict[str, Any]:
    return {
        "area": "isolation", "name": name, "value": value, "unit": unit, "better": "lower", "method": method, "n": n,
    }  # fmt: skip


async def stretch(case: tuple[Driver, Callable[[], Replayed]] | None, noted: Noted) -> None:
    """All devices for a while."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Care()
        room, store, _, ref = await active_room(Path(folder), rules)
        feed = room._feed = TimedFeed(noted)
        links = {f"good{number}": Replayed() for number in range(HEALTHY)}
        drivers = dict.fromkeys(links, GOOD)
        if case is not None:
            drivers["bad"], links["bad"] = case[0], case[1]()
        tasks = [
            asyncio.create_task(instrument(key, drivers[key], link, room, feed, rules).run())
            for key, link in links.items()
        ]
        tasks.append(asyncio.create_task(watch(noted)))
        await room.lease(ref, list(links))
        stop = threading.Event()
        thread = threading.Thread(target=play, args=(list(links.values()), feed.stamps, stop))
        thread.start()
        await asyncio.sleep(STRETCH_S)
        stop.set()
        await asyncio.to_thread(thread.join)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()


def instrument(key: str, driver: Driver, link: Replayed, room: Any, feed: Feed, rules: Care) -> Instrument:
    def open_link(_: Device, __: Driver) -> Link:
        return link

    device = Device(key=key, name=key, kind="oximeter", driver=driver.name, link="replay:x")
    return Instrument(device, driver, open_link, room, feed, rules)


def play(links: list[Replayed], stamps: dict[int, int], stop: threading.Event) -> None:
    """The wires: all devices speak at the same time, which is the worst."""
    turn = 0
    while not stop.wait(1 / RATE_HZ):
        turn += 1
        now = clock.boottime_ns()
        stamps[now // 1_000_000] = now
        for link in links:
            heard = link.heard
            if heard is not None:
                heard.put(Chunk(PACKETS[turn % 2], now))


async def watch(noted: Noted) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        noted.loop_s.append(max(0.0, time.perf_counter() - before - 0.005))


# --- the alternatives


def alternatives() -> list[dict[str, Any]]:
    guard, packet = Guard(), Packet(PACKETS[0])
    decode = GOOD.decoder()

    def work() -> list[Event]:
        return list(decode(packet))

    bare_s, guarded_s = per_call(work), per_call(lambda: guard(work))
    method = "one Contec packet decoded, 20 000 times, best of 5; with and without what is around it"
    rows = [
        row("the guard, a chunk", (guarded_s - bare_s) * 1e6, "us", method, 5),
        row("the decoder alone, a chunk", bare_s * 1e6, "us", method, 5),
    ]
    rows += spread("a thread for each driver, a packet there and back", by_thread(work), "queues both ways, 2000 times")
    seconds, memory_mb = by_process()
    rows += spread("a process for each driver, a packet there and back", seconds, "a pipe both ways, 2000 times")
    rows.append(
        row(
            "a process for each driver, its own memory",
            memory_mb,
            "MB",
            "Private_Dirty + Private_Clean of a spawned process that has loaded the drivers",
            1,
        )
    )
    return rows


def per_call(work: Callable[[], object]) -> float:
    def once() -> float:
        since = time.perf_counter()
        for _ in range(20_000):
            work()
        return (time.perf_counter() - since) / 20_000

    return min(once() for _ in range(5))


def by_thread(work: Callable[[], object]) -> list[float]:
    there: queue.Queue[bool] = queue.Queue()
    back: queue.Queue[object] = queue.Queue()

    def serve() -> None:
        while there.get():
            back.put(work())

    thread = threading.Thread(target=serve)
    thread.start()
    seconds = []
    for _ in range(2000):
        since = time.perf_counter()
        there.put(True)
        back.get()
        seconds.append(time.perf_counter() - since)
    there.put(False)
    thread.join()
    return seconds


def by_process() -> tuple[list[float], float]:
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_process, args=(there,))
    process.start()
    assert here.poll(60)
    here.recv()
    seconds = []
    for _ in range(2000):
        since = time.perf_counter()
        here.send(PACKETS[0])
        here.recv()
        seconds.append(time.perf_counter() - since)
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    private_kb = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
    here.send(b"")
    process.join(10)
    return seconds, private_kb / 1024


def serve_process(pipe: Connection) -> None:
    decode = GOOD.decoder()
    pipe.send(True)
    with suppress(EOFError):
        while data := pipe.recv():
            pipe.send(list(decode(Packet(data))))
