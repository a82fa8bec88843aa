"""`chevet capture`: write down what is said between a device and us, in the capture format, until it has been enough.

The file may hold a patient's values: record yourself, or a simulator.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from drivers.arguments import Parser
from drivers.core.attached import Attached
from drivers.core.capture import Recorded, written
from drivers.core.driver import Claim, Driver, Gatt, Uart
from drivers.core.errors import ChevetError, LinkError, LinkLost, PacketError
from drivers.core.model import Ask, Packet
from drivers.links.base import Chunk, Link
from drivers.links.replay import CAPTURE_CAP
from drivers.links.serial import SerialLink
from drivers.registry import DRIVERS

UNKNOWN = "what the device is, its firmware, what its display showed"
NO_DRIVER = "the name of its driver"
AGAIN_S = 0.5  # after a link was lost
KEPT_S = 1.0  # what a power cut can take from the end of the file
ENOUGH = CAPTURE_CAP - 16 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What to record: over which link, with which claim, for how long. Without a driver we only listen."""

    where: str
    claim: Claim
    seconds: float
    driver: Driver | None = None


def run(args: Sequence[str], stdout: TextIO, stderr: TextIO | None = None) -> int:
    """`capture serial:PATH|ble:ADDRESS FILE [options]`, without the first word; the exit status."""
    told = stderr or sys.stderr
    try:
        asked = _parser().parse_args(args)
        path = Path(asked.file)
        order = _order(asked)
        _link(order)
        file = path.open("x", encoding="utf-8")
    except (ChevetError, ValueError, OSError) as error:
        print(error, file=told)
        return 2
    with file:
        recorder = Recorder(order, file)
        try:
            asyncio.run(recorder.run())
        except (ChevetError, OSError) as error:
            print(error, file=told)
        except KeyboardInterrupt:
            print(file=stdout)
    if not recorder.heard:
        path.unlink()
        return 2
    print(f"{recorder.heard} lines of the device in {path}; now state the device in the first ones", file=stdout)
    return 0


class Recorder:
    """Writes both directions of one device into a file, and holds the host's side as its driver wants it."""

    def __init__(self, order: Order, file: TextIO) -> None:
        self.heard = 0  # lines of the device
        self._order, self._file = order, file
        self._begin_ns = 0

    async def run(self) -> None:
        """Until the time is over or the file is full. `LinkError` if there is no device at the beginning."""
        name = NO_DRIVER if self._order.driver is None else self._order.driver.name
        for fact, text in {"driver": name, "device": UNKNOWN, "source": self._order.where}.items():
            print(f"# {fact}: {text}", file=self._file)
        print("# licence: own work\n# evidence: real", file=self._file, flush=True)
        keeper = asyncio.create_task(self._keep())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._order.seconds):
                    await self._listen()
        finally:
            keeper.cancel()
            os.fsync(self._file.fileno())

    async def _listen(self) -> None:
        """Open the link, and open it again whenever it is lost."""
        opened = False
        while self._file.tell() < ENOUGH:
            try:
                async with _link(self._order) as link:
                    if opened:
                        self._note("link open again")
                    opened = True
                    await self._converse(link)
            except LinkLost as error:
                self._note(f"link lost ({error})")
            except LinkError as error:
                if not opened:
                    raise LinkError(f"{error}{_hint(self._order.where)}") from None
            await asyncio.sleep(AGAIN_S)

    async def _converse(self, link: Link) -> None:
        driver = self._order.driver
        if driver is None:
            async for chunk in link.chunks():
                if not self._hear(chunk):
                    return
            return
        attached = Attached(driver)
        for words in driver.hello:
            await self._say(link, driver, Ask(words))
        alive = asyncio.create_task(self._keep_alive(link, driver))
        try:
            async for chunk in link.chunks():
                if not self._hear(chunk):
                    return
                for packet in attached.packets(chunk.data, chunk.channel):
                    for ask in self._asked(driver, attached, packet):
                        await self._say(link, driver, ask)
        finally:
            alive.cancel()

    def _asked(self, driver: Driver, attached: Attached, packet: Packet) -> list[Ask]:
        """What the driver wants said after this packet. One that fails is what recordings are made for: it is noted."""
        try:
            return [event for event in attached.events(packet) if isinstance(event, Ask)]
        except PacketError:
            return []
        except Exception as error:  # noqa: BLE001 - a driver that is being written
            self._note(f"{driver.name} raised {type(error).__name__}, which only PacketError should be")
            return []

    def _hear(self, chunk: Chunk) -> bool:
        """Write what the device sent; False when the file is full."""
        self.heard += 1
        self._line(Recorded(chunk.data, chunk.channel, self._at_s(chunk.arrival_ns)))
        return self._file.tell() < ENOUGH

    async def _say(self, link: Link, driver: Driver, ask: Ask) -> None:
        """Like the unit: what the driver's allow-list does not hold is never written."""
        words = driver.allowed(ask.data)
        control = (driver.claim.control or "") if isinstance(driver.claim, Gatt) else ""
        # It stands before the answer in the file, even where the answer is quicker than our next step.
        self._line(Recorded(words, ask.channel or control, self._at_s(_now_ns()), from_host=True))
        await link.write(words, ask.channel)

    async def _keep_alive(self, link: Link, driver: Driver) -> None:
        if driver.keepalive is not None:
            words, every_s = driver.keepalive
            with contextlib.suppress(LinkLost):  # the reader notices too, and notes it
                while True:
                    await asyncio.sleep(every_s)
                    await self._say(link, driver, Ask(words))

    async def _keep(self) -> None:
        """Bring to the disk what was written: every line is in the kernel at once, on the disk within a second."""
        while True:
            await asyncio.sleep(KEPT_S)
            await asyncio.to_thread(os.fsync, self._file.fileno())

    def _at_s(self, at_ns: int) -> Decimal:
        self._begin_ns = self._begin_ns or at_ns
        return Decimal(max(at_ns - self._begin_ns, 0)).scaleb(-9)

    def _note(self, words: str) -> None:
        print(f"# at {self._at_s(_now_ns()):.4f} s: {words}", file=self._file, flush=True)

    def _line(self, said: Recorded) -> None:
        print(written(said), file=self._file, flush=True)


def holders(path: str) -> list[str]:
    """The programs that have this file open, as `chevet (1234)`, as far as this user may see."""
    found = set()
    real = os.path.realpath(path)
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(handle.readlink()) == real:
                process = handle.parts[2]
                found.add(f"{Path(f'/proc/{process}/comm').read_text().strip()} ({process})")
    return sorted(found)


def _hint(where: str) -> str:
    """Why a link that is there may not open: the running unit opens its devices for itself alone."""
    kind, _, path = where.partition(":")
    if kind == "ble":
        return "; a device that the running unit is connected to is not seen: stop the unit first"
    own = f"({os.getpid()})"
    others = [name for name in holders(path) if not name.endswith(own)] if kind == "serial" else []
    held = f"; it is held by {', '.join(others)}: if that is the running unit, stop it first (systemctl stop chevet)"
    return held if others else ""


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _parser() -> Parser:
    parser = Parser(prog="chevet capture", description="Write down what is said between a device and us.")
    parser.add_argument("link", help="serial:PATH or ble:ADDRESS (ble:any takes the first that fits)")
    parser.add_argument("file", help="a new file")
    parser.add_argument("--driver", help="speak as this driver does; without it, only listen")
    parser.add_argument("--baud", type=int, default=9600, help="without a driver: the port's speed")
    parser.add_argument("--frame", default="8N1", help="without a driver: bits, parity and stop bits")
    parser.add_argument("--service", help="without a driver: the GATT service, as 1810 or a UUID")
    parser.add_argument("--characteristics", default="", help="without a driver: what to subscribe to, with commas")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to listen (60)")
    return parser


def _order(asked: argparse.Namespace) -> Order:
    if asked.driver is not None:
        if asked.driver not in DRIVERS:
            raise ValueError(f"there is no driver {asked.driver!r}; see chevet drivers")
        driver = DRIVERS[asked.driver]
        return Order(asked.link, driver.claim, asked.seconds, driver)
    claim: Claim
    if asked.service is not None:
        claim = Gatt(asked.service, tuple(filter(None, asked.characteristics.split(","))))
    else:
        bits, parity, stop = asked.frame[:1], asked.frame[1:2].upper(), asked.frame[2:]
        claim = Uart(asked.baud, int(bits), parity, float(stop))
    return Order(asked.link, claim, asked.seconds)


def _link(order: Order) -> Link:
    kind, _, where = order.where.partition(":")
    if kind == "serial" and isinstance(order.claim, Uart):
        return SerialLink(where, order.claim)
    if kind == "ble" and isinstance(order.claim, Gatt):
        from drivers.links.ble import BleLink  # noqa: PLC0415 - bleak takes a while, and only this needs it

        # Who names a driver means its devices; who names a service alone means all that have it.
        claims = [driver.claim for driver in DRIVERS.values() if order.driver and isinstance(driver.claim, Gatt)]
        return BleLink(where, order.claim, claims=claims)
    raise ValueError(f"{order.where!r} is no link for this: wanted serial:PATH, or ble:ADDRESS with a GATT service")
