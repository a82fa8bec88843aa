"""`chevet capture`: write down what a device sends, in the capture format, until it has been enough.

The file may hold a patient's values: record yourself, or a simulator.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from drivers.arguments import Parser
from drivers.core.driver import Claim, Gatt, Uart
from drivers.core.errors import ChevetError, LinkLost
from drivers.links.base import Chunk, Link
from drivers.links.replay import CAPTURE_CAP
from drivers.links.serial import SerialLink
from drivers.registry import DRIVERS

UNKNOWN = "what the device is, its firmware, what its display showed"


@dataclass(frozen=True, slots=True)
class Order:
    """What to record: over which link, with which claim, what to say to the device first, for how long."""

    where: str
    driver: str
    claim: Claim
    hello: tuple[bytes, ...]
    keepalive: tuple[bytes, float] | None
    seconds: float


def run(args: Sequence[str], stdout: TextIO, stderr: TextIO | None = None) -> int:
    """`capture serial:PATH|ble:ADDRESS FILE [options]`, without the first word; the exit status."""
    told = stderr or sys.stderr
    try:
        asked = _parser().parse_args(args)
        path = Path(asked.file)
        order = _order(asked)
        link = _link(order)
        file = path.open("x", encoding="utf-8")
    except (ChevetError, ValueError, OSError) as error:
        print(error, file=told)
        return 2
    with file:
        try:
            asyncio.run(_record(order, link, file))
        except (ChevetError, OSError) as error:
            print(error, file=told)
        except KeyboardInterrupt:
            print(file=stdout)
    count = sum(line.startswith("@") for line in path.read_text(encoding="utf-8").splitlines())
    if not count:
        path.unlink()
        return 2
    print(f"{count} lines in {path}; now state the device in the first ones", file=stdout)
    return 0


async def _record(order: Order, link: Link, file: TextIO) -> None:
    """Write packets until the time is over, the link is lost or the file is full."""
    for name, text in {"driver": order.driver, "device": UNKNOWN, "source": order.where}.items():
        print(f"# {name}: {text}", file=file)
    print("# licence: own work\n# evidence: real", file=file)
    begin_ns = 0
    # The end of the time, or of the device, is the end of the recording.
    with contextlib.suppress(TimeoutError, LinkLost):
        async with asyncio.timeout(order.seconds), link:
            for words in order.hello:
                await link.write(words)
            alive = asyncio.create_task(_keep_alive(order, link))
            try:
                async for chunk in link.chunks():
                    begin_ns = begin_ns or chunk.arrival_ns
                    print(line(chunk, begin_ns), file=file, flush=True)
                    if file.tell() > CAPTURE_CAP - 1024:
                        break
            finally:
                alive.cancel()


def line(chunk: Chunk, begin_ns: int) -> str:
    """A chunk as a line of a capture."""
    at_s = (chunk.arrival_ns - begin_ns) / 1e9
    return " ".join(filter(None, [f"@{at_s:.4f}", chunk.channel, chunk.data.hex()]))


async def _keep_alive(order: Order, link: Link) -> None:
    if order.keepalive is not None:
        words, every_s = order.keepalive
        while True:
            await asyncio.sleep(every_s)
            await link.write(words)


def _parser() -> Parser:
    parser = Parser(prog="chevet capture", description="Write down what a device sends.")
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
        return Order(asked.link, driver.name, driver.claim, driver.hello, driver.keepalive, asked.seconds)
    claim: Claim
    if asked.service is not None:
        claim = Gatt(asked.service, tuple(filter(None, asked.characteristics.split(","))))
    else:
        bits, parity, stop = asked.frame[:1], asked.frame[1:2].upper(), asked.frame[2:]
        claim = Uart(asked.baud, int(bits), parity, float(stop))
    return Order(asked.link, "the name of its driver", claim, (), None, asked.seconds)


def _link(order: Order) -> Link:
    kind, _, where = order.where.partition(":")
    if kind == "serial" and isinstance(order.claim, Uart):
        return SerialLink(where, order.claim)
    if kind == "ble" and isinstance(order.claim, Gatt):
        from drivers.links.ble import BleLink  # noqa: PLC0415 - bleak takes a while, and only this needs it

        return BleLink(where, order.claim)
    raise ValueError(f"{order.where!r} is no link for this: wanted serial:PATH, or ble:ADDRESS with a GATT service")
