"""`chevet replay`: play a capture with its timing, and with faults, to whatever can be plugged into.

The exit status is 0 when all was played (or cut off, as asked), 1 when the host did not say what it had to or went
away, 2 where the question cannot be answered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import sys
import tty
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from drivers.arguments import Parser
from drivers.core.attached import Attached
from drivers.core.capture import Capture, Recorded, written
from drivers.core.driver import Driver, Gatt, Uart
from drivers.core.errors import ChevetError, LinkError, LinkLost, PacketError
from drivers.core.model import Ask
from drivers.decode import event_json
from drivers.links.ear import Patience
from drivers.links.faults import Faults, failed_words
from drivers.links.replay import ReplayDevice, ReplayLink, load
from drivers.registry import DRIVERS

OPENED_S = 0.05  # how often we look whether somebody has opened the terminal, and how long we let them set it up
AGAIN_S = 2.0  # until a device that was pulled is plugged in again
SEND_S = 5.0
LAST_WORDS_S = 0.5  # of silence after the last packet: the host has answered


@dataclass(frozen=True, slots=True)
class Order:
    """What to play, and where: `pty`, `decode`, `-` or `tcp:HOST:PORT`. `name`: a stable one for the terminal."""

    capture: Capture
    driver: Driver
    to: str
    name: Path | None
    looped: bool


def run(args: Sequence[str], stdout: TextIO, stderr: TextIO | None = None) -> int:
    """`replay FILE [options]`, without the first word; the exit status."""
    told = stderr or sys.stderr
    try:
        asked = _parser().parse_args(args)
        order = _order(asked)
        faults = _faults(asked, order)
    except (ChevetError, ValueError) as error:
        print(error, file=told)
        return 2
    patience = Patience(0.0 if order.to == "-" else asked.answer, None if asked.tolerance < 0 else asked.tolerance)
    device = ReplayDevice(order.driver, {"it": order.capture}, faults=faults, patience=patience)
    try:
        asyncio.run(_play(order, device, stdout))
    except LinkError as error:
        print(error, file=told)
        return 2
    except LinkLost as error:
        print(error, file=told)
        return int(device.plugged)  # a cable that we pulled is no fault of the host
    except KeyboardInterrupt:
        return 130
    return 0


async def _play(order: Order, device: ReplayDevice, stdout: TextIO) -> None:
    while True:
        device.plug()
        device.start()
        try:
            async with device.link() as link:
                if order.to == "pty":
                    await _to_terminal(order, link, stdout)
                elif order.to == "decode":
                    await _to_events(order, link, stdout)
                elif order.to == "-":
                    await _to_lines(order, link, stdout)
                else:
                    await _to_network(order, link, stdout)
        except LinkLost:
            if not order.looped or device.plugged:
                raise
        if not order.looped:
            return
        await asyncio.sleep(0 if device.plugged else AGAIN_S)


async def _to_lines(order: Order, link: ReplayLink, stdout: TextIO) -> None:
    """A capture again, as it goes over a bad cable; its expectations are left out."""
    for name, fact in order.capture.facts.items():
        print(f"# {name}: {fact}", file=stdout)
    begin_ns = 0
    async for chunk in link.perform(order.capture):
        begin_ns = begin_ns or chunk.arrival_ns
        at_s = Decimal(chunk.arrival_ns - begin_ns).scaleb(-9)
        print(written(Recorded(chunk.data, chunk.channel, at_s)), file=stdout, flush=True)


async def _to_events(order: Order, link: ReplayLink, stdout: TextIO) -> None:
    """As `chevet decode`, at the pace of the device; what the driver asks is said to the replayed device."""
    driver = order.driver
    attached = Attached(driver)
    main = driver.claim.characteristics[0] if isinstance(driver.claim, Gatt) else ""
    for words in driver.hello:
        await link.write(driver.allowed(words))
    async for chunk in link.perform(order.capture):
        for packet in attached.packets(chunk.data, chunk.channel or main):
            try:
                events = list(attached.events(packet))
            except PacketError as error:
                print(json.dumps({"kind": "error", "error": "PacketError", "message": str(error)}), file=stdout)
                continue
            for event in events:
                if isinstance(event, Ask):
                    await link.write(driver.allowed(event.data), event.channel)
                else:
                    print(json.dumps(event_json(event), ensure_ascii=False), file=stdout, flush=True)


async def _to_network(order: Order, link: ReplayLink, stdout: TextIO) -> None:
    host, _, port = order.to.removeprefix("tcp:").rpartition(":")
    try:
        async with asyncio.timeout(SEND_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, ValueError, TimeoutError) as error:
        raise LinkError(f"{order.to}: cannot connect: {error}") from None
    heard = asyncio.Event()

    async def hear() -> None:
        while data := await reader.read(4096):
            await _heard(link, data, stdout)
            heard.set()

    hearing = asyncio.create_task(hear())
    try:
        async for chunk in link.perform(order.capture):
            writer.write(chunk.data)
            async with asyncio.timeout(SEND_S):
                await writer.drain()
        with contextlib.suppress(TimeoutError):
            while not hearing.done():
                heard.clear()
                async with asyncio.timeout(LAST_WORDS_S):
                    await heard.wait()
    except (OSError, TimeoutError):
        raise LinkLost(f"{order.to}: the host hung up, or takes nothing") from None
    finally:
        hearing.cancel()
        writer.transport.abort()  # as a cable does


async def _to_terminal(order: Order, link: ReplayLink, stdout: TextIO) -> None:
    """A serial device: it appears, waits until it is opened, speaks, and is gone."""
    with _terminal(order.name) as (port, path):
        print(order.name or path, file=stdout, flush=True)
        while _hung_up(port):  # noqa: ASYNC110 - the kernel tells nobody when a terminal is opened
            await asyncio.sleep(OPENED_S)
        await asyncio.sleep(OPENED_S)
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        saying: set[asyncio.Task[None]] = set()

        def hear() -> None:
            try:
                data = os.read(port, 4096)
            except BlockingIOError:
                return
            except OSError:  # the host has closed its end
                loop.remove_reader(port)
                gone.set()
                return
            task = loop.create_task(_heard(link, data, stdout))
            saying.add(task)
            task.add_done_callback(saying.discard)

        loop.add_reader(port, hear)
        try:
            async for chunk in link.perform(order.capture):
                if gone.is_set():
                    raise LinkLost("the host has closed the port")
                with contextlib.suppress(BlockingIOError):  # nobody reads: as on a real line it is lost
                    os.write(port, chunk.data)
            await asyncio.sleep(LAST_WORDS_S)  # the end would go with the terminal
        finally:
            loop.remove_reader(port)


@contextlib.contextmanager
def _terminal(name: Path | None) -> Iterator[tuple[int, str]]:
    port, theirs = os.openpty()
    tty.setraw(theirs)
    path = os.ttyname(theirs)
    os.close(theirs)  # so that we see when somebody opens it
    os.set_blocking(port, False)
    try:
        if name is not None:
            if name.is_symlink():
                name.unlink()
            name.symlink_to(path)
        yield port, path
    except OSError as error:
        raise LinkError(f"{name}: {error.strerror}") from None
    finally:
        if name is not None and name.is_symlink() and str(name.readlink()) == path:
            name.unlink()
        os.close(port)


def _hung_up(port: int) -> bool:
    poll = select.poll()
    poll.register(port, select.POLLIN)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


async def _heard(link: ReplayLink, data: bytes, stdout: TextIO) -> None:
    print(f"> {data.hex()}", file=stdout, flush=True)
    with contextlib.suppress(LinkLost):
        await link.write(data)


def _order(asked: argparse.Namespace) -> Order:
    capture = load(Path(asked.file))
    if capture.driver not in DRIVERS:
        raise LinkError(f"{asked.file}: there is no driver {capture.driver!r}; see chevet drivers")
    driver = DRIVERS[capture.driver]
    to = asked.to or ("pty" if isinstance(driver.claim, Uart) else "decode")
    if to not in {"pty", "decode", "-"} and not to.startswith("tcp:"):
        raise LinkError(f"--to {to!r}: wanted pty, decode, - or tcp:HOST:PORT")
    return Order(capture, driver, to, asked.link, asked.loop)


def _faults(asked: argparse.Namespace, order: Order) -> Faults:
    faults = Faults(
        loss=asked.loss,
        duplicate=asked.duplicate,
        noise=asked.noise,
        unplug_after=asked.unplug_after,
        stall_after=asked.stall_after,
        slow=asked.slow,
        clock_jump_s=asked.clock_jump,
        wrong_patient=asked.wrong_patient,
        seed=asked.seed,
    )
    return faults if not asked.error else _failing(faults, Path(asked.file), order)


def _failing(faults: Faults, file: Path, order: Order) -> Faults:
    """With what the device says when a measurement fails, out of the captures beside this one."""
    beside = [load(path) for path in sorted(file.parent.glob("*.capture"))]
    error = failed_words(order.driver, [order.capture, *beside])
    if error is None:
        raise LinkError(f"--error: no capture in {file.parent} holds a measurement of {order.driver.name} that failed")
    return replace(faults, error=error)


def _parser() -> Parser:
    parser = Parser(prog="chevet replay", description="Play a capture with its timing, and with faults.")
    parser.add_argument("file", help="a capture")
    parser.add_argument("--to", help="pty (serial devices), decode (others), - (capture lines) or tcp:HOST:PORT")
    parser.add_argument("--link", type=Path, help="pty: a stable name for the terminal")
    parser.add_argument("--loop", action="store_true", help="over and over; what was pulled comes back after 2 s")
    parser.add_argument("--answer", type=float, default=5.0, help="seconds to wait for what the host must say; 0: none")
    parser.add_argument("--tolerance", type=int, default=0, help="bytes of it that may differ; -1: all of them")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same faults")
    parser.add_argument("--loss", type=_odds, default=0.0, help="0 to 1: how many packets are lost")
    parser.add_argument("--duplicate", type=_odds, default=0.0, help="0 to 1: how many come twice")
    parser.add_argument("--noise", type=_odds, default=0.0, help="0 to 1: how many have a byte flipped or inserted")
    parser.add_argument("--unplug-after", type=_count, help="pull the cable in the middle of the packet after so many")
    parser.add_argument("--stall-after", type=_count, help="fall silent after so many packets, the cable in")
    parser.add_argument("--slow", type=_factor, default=1.0, help="so many times slower; below 1: faster")
    parser.add_argument("--clock-jump", type=int, default=0, help="seconds by which the device's clock is wrong")
    parser.add_argument("--wrong-patient", action="store_true", help="HL7: another patient; others: older readings too")
    parser.add_argument("--error", action="store_true", help="the measurement fails in the middle")
    return parser


def _odds(text: str) -> float:
    odds = float(text)
    if not 0 <= odds <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return odds


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of packets")
    return count


def _factor(text: str) -> float:
    factor = float(text)
    if not 0 < factor <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return factor
