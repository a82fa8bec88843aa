"""`python -m tests.fuzz.target DRIVER [libFuzzer options]`: one attached device under atheris.

The invariant: whatever the bytes, a driver raises nothing but `PacketError`, says only what the vocabulary has, asks
only what its allow-list holds, counts every byte that it skips and none twice, and does so in bounded work and memory.

Coverage of the library guides it; the captures are its seeds. An input is one play of a device: pieces of a stream, or
packets on the driver's channels. `--replay FILE...` runs inputs once, without atheris.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import drivers.core.model
from drivers.core.attached import Attached
from drivers.core.driver import Driver, Gatt
from drivers.core.errors import PacketError
from drivers.core.model import Ask, Event, Notice, Numeric, Packet, Waveform
from drivers.core.notices import NOTICES
from drivers.core.vocab import METRICS

INPUT_CAP = 4096  # bytes of one input
HELD_CAP = 8192  # bytes a framer may hold back: its own cap, and one piece
EVENTS_A_BYTE = 16  # how many events a packet may give for each of its bytes; the shortest packets give some anyway
EVENTS_ANYWAY = 64


class Broken(Exception):  # noqa: N818 - the invariant is
    """The invariant does not hold."""


def channels_of(driver: Driver) -> tuple[str, ...]:
    """Where its packets may come from."""
    return (*driver.claim.characteristics, "2a19", "2a29", "2a2b") if isinstance(driver.claim, Gatt) else ("",)


def pieces(driver: Driver, data: bytes) -> Iterator[tuple[bytes, str]]:
    """The input as a device plays it: each piece has its length and channel in the two bytes before it."""
    channels = channels_of(driver)
    at = 0
    while at + 2 <= len(data):
        length, channel = data[at], channels[data[at + 1] % len(channels)]
        yield data[at + 2 : at + 2 + length], channel
        at += 2 + length


def seed(driver: Driver, recorded: list[tuple[bytes, str]]) -> bytes:
    """An input that plays this recording."""
    channels = channels_of(driver)
    out = bytearray()
    for data, channel in recorded:
        for at in range(0, len(data), 255):
            part = data[at : at + 255]
            out += bytes((len(part), channels.index(channel) if channel in channels else 0)) + part
    return bytes(out)


def play(driver: Driver, data: bytes) -> None:
    """One input. `Broken`, or what the driver itself raised, where the invariant does not hold."""
    attached = Attached(driver)
    fed = framed = 0
    for piece, channel in pieces(driver, data[:INPUT_CAP]):
        before = attached.skipped
        packets = attached.packets(piece, channel)
        fed += len(piece)
        framed += sum(len(packet.data) for packet in packets)
        if not 0 <= before <= attached.skipped <= fed:
            raise Broken(f"{attached.skipped} of {fed} bytes skipped, before it were {before}")
        if framed > fed * 2 + HELD_CAP:
            raise Broken(f"{framed} bytes of packets out of {fed}")
        for packet in packets:
            _decode(driver, attached, packet)
        if len(piece) < len(data) and not packets:
            _decode(driver, attached, Packet(piece, channel))  # a decoder proves what no framer has proven for it


def _decode(driver: Driver, attached: Attached, packet: Packet) -> None:
    try:
        events = list(attached.events(packet))
    except PacketError:
        return
    if len(events) > EVENTS_A_BYTE * len(packet.data) + EVENTS_ANYWAY:
        raise Broken(f"{len(events)} events of {len(packet.data)} bytes")
    for event in events:
        _check(driver, event)


def _check(driver: Driver, event: Event) -> None:
    match event:
        case Numeric():
            if METRICS.get(event.metric.name) is not event.metric:
                raise Broken(f"{event.metric.name} is not in the vocabulary")
            if event.value is not None and not event.value.is_finite():
                raise Broken(f"{event.metric.name} is {event.value}")
            drivers.core.model.Numeric.__post_init__(event)
        case Waveform():
            if event.rate_hz <= 0 or not event.samples:
                raise Broken(f"{event.metric.name}: {len(event.samples)} samples at {event.rate_hz} Hz")
        case Notice():
            if event.code not in NOTICES:
                raise Broken(f"notice {event.code!r} is not in the table")
        case Ask():
            driver.allowed(event.data)
        case _:
            pass


def report(driver: Driver, data: bytes, error: Exception) -> str:
    """What a person needs to see it again."""
    return (
        f"{driver.name}: {type(error).__name__}: {error}\n"
        f"  bytes: {data.hex()}\n"
        f"  again: echo {data.hex()} | xxd -r -p > /tmp/found.bin; "
        f"python -m tests.fuzz.target {driver.name} --replay /tmp/found.bin\n"
        f"  to keep: cp /tmp/found.bin tests/fuzz/regressions/{driver.name}/WHAT_IT_IS.bin"
    )


def replay(driver: Driver, files: list[str]) -> int:
    """Run inputs once; 1 where the invariant does not hold."""
    for file in files:
        data = Path(file).read_bytes()
        try:
            play(driver, data)
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
            print(report(driver, data, error))
            return 1
    return 0


def main(args: list[str]) -> int:
    """Fuzz until an option of libFuzzer ends it; its exit status."""
    name, *options = args
    if options[:1] == ["--replay"]:
        return replay(importlib.import_module("drivers.registry").DRIVERS[name], options[1:])
    import atheris  # type: ignore[import-untyped, unused-ignore]

    for module in [module for module in sys.modules if module.startswith("drivers")]:
        del sys.modules[module]  # to come again with its coverage
    with atheris.instrument_imports(include=["drivers.core", "drivers.devices"]):
        registry = importlib.import_module("drivers.registry")
        this = importlib.import_module(TARGET)  # itself once more, over the drivers that are watched
    driver = registry.DRIVERS[name]

    def one(data: bytes) -> None:
        try:
            this.play(driver, data)
        except Exception as error:
            print(this.report(driver, data, error), file=sys.stderr, flush=True)
            raise

    from tests.devices.captures import CAPTURES, recorded

    with tempfile.TemporaryDirectory() as folder:
        for stem, capture in CAPTURES.items():
            if capture.driver == name:
                (Path(folder) / stem.replace("/", "-")).write_bytes(this.seed(driver, recorded(capture)))
        atheris.Setup([TARGET, f"-max_len={INPUT_CAP}", f"-artifact_prefix={folder}/", *options, folder], one)
        atheris.Fuzz()
    return 0


TARGET = "tests.fuzz.target"

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
