"""`chevet decode`: what a driver makes of captured bytes, as JSON objects, one a line.

The exit status is 0, 1 where a packet could not be read, 2 where the question cannot be answered.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

from drivers.arguments import Parser, UsageError
from drivers.core.attached import Attached
from drivers.core.capture import CaptureError, Recorded, number, packet_line
from drivers.core.driver import Driver, Gatt, Whole
from drivers.core.errors import ChevetError, PacketError
from drivers.core.model import Ask, DeviceClock, Identity, Notice, Numeric, Waveform
from drivers.core.vocab import LOINC_BY_UNIT
from drivers.registry import DRIVERS

INPUT_CAP = 64 * 1024 * 1024  # hours of any device
PIECE = 4096  # how much of a stream is fed at once: framers hold back little, and so do we


def run(args: Sequence[str], stdin: BinaryIO, stdout: TextIO, stderr: TextIO | None = None) -> int:
    """`decode DRIVER FILE|- [--format hex|bin|text]`, without the first word."""
    try:
        asked = _decode_parser().parse_args(args)
        driver = _driver(asked.driver)
        data = _read(asked.file, stdin)
    except UsageError as error:
        print(error, file=stderr or sys.stderr)
        return 2
    # A driver without a framer takes a file as one packet; a stream is fed piece by piece.
    recorded = _lines(data) if asked.format == "hex" else _pieces(data, len(data) if driver.framer is Whole else PIECE)
    failed = False
    for said in decoded(driver, recorded):
        failed |= said["kind"] == "error"
        print(json.dumps(said, ensure_ascii=False), file=stdout)
    return int(failed)


Said = Numeric | Waveform | Notice | Identity | DeviceClock  # by the device; what it is asked is no part of that


def decoded(driver: Driver, recorded: Iterable[Recorded | CaptureError]) -> Iterator[dict[str, Any]]:
    """Every event of these bytes as a JSON object; what cannot be read is an `error` among them."""
    attached = Attached(driver)
    main = driver.claim.characteristics[0] if isinstance(driver.claim, Gatt) else ""
    any_bytes = any_packet = False
    for piece in recorded:
        if isinstance(piece, CaptureError):
            yield _error(piece)
            continue
        any_bytes |= bool(piece.data)
        for packet in attached.packets(piece.data, piece.channel or main):
            any_packet = True
            try:
                events = list(attached.events(packet))
            except PacketError as error:
                yield _error(error)
                continue
            yield from (event_json(event) for event in events if not isinstance(event, Ask))
    if any_bytes and not any_packet:
        yield _error(PacketError("no whole packet in these bytes"))


def event_json(event: Said) -> dict[str, Any]:
    """One event as `chevet decode` prints it; numbers are decimal text, null where there is none."""
    match event:
        case Numeric():
            return {
                "kind": "numeric",
                "metric": event.metric.name,
                "loinc": LOINC_BY_UNIT.get((event.metric.loinc or "", event.unit), event.metric.loinc),
                "mdc": event.metric.mdc,
                "value": None if event.value is None else number(event.value),
                "unit": event.unit,
                "validity": event.validity.value,
                "taken": None if event.taken is None else event.taken.isoformat(),
                "from_memory": event.from_memory,
                **({} if event.site is None else {"site": event.site}),
            }
        case Waveform():
            return {
                "kind": "waveform",
                "metric": event.metric.name,
                "rate_hz": number(event.rate_hz),
                "unit": event.unit,
                "samples": list(event.samples),
            }
        case Notice():
            return {"kind": "notice", "code": event.code}
        case Identity():
            return {"kind": "identity", **{name: getattr(event, name) for name in Identity.__struct_fields__}}
        case DeviceClock():
            return {"kind": "clock", "now": event.now.isoformat()}


def _decode_parser() -> Parser:
    parser = Parser(prog="chevet decode", description="Print what a driver makes of captured bytes.")
    parser.add_argument("driver", help="a name that `chevet drivers` lists")
    parser.add_argument("file", help="a file, or - for standard input")
    parser.add_argument("--format", choices=("hex", "bin", "text"), default="hex", help="hex: one packet a line")
    return parser


def _driver(name: str) -> Driver:
    if name in DRIVERS:
        return DRIVERS[name]
    near = difflib.get_close_matches(name, DRIVERS, 3, 0.4)
    raise UsageError(
        f"there is no driver {name!r}; " + (f"near it: {', '.join(near)}" if near else "see chevet drivers")
    )


def _read(name: str, stdin: BinaryIO) -> bytes:
    if name == "-":
        return _capped(stdin, "standard input")
    path = Path(name)
    try:
        with path.open("rb") as file:
            return _capped(file, name)
    except OSError as error:
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, 3, 0.4)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise UsageError(f"cannot read {name}: {error.strerror}{hint}") from None


def _capped(file: IO[bytes], name: str) -> bytes:
    data = file.read(INPUT_CAP + 1)
    if len(data) > INPUT_CAP:
        raise UsageError(f"{name} has more than {INPUT_CAP // 1024 // 1024} MiB")
    return data


def _pieces(data: bytes, size: int) -> Iterator[Recorded]:
    for at in range(0, len(data), size or 1):
        yield Recorded(data[at : at + size])


def _lines(data: bytes) -> Iterator[Recorded | CaptureError]:
    for at, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        try:
            packet = packet_line(line)
        except CaptureError as error:
            yield CaptureError(f"line {at}: {error}")
            continue
        if packet is not None and not packet.from_host:
            yield packet


def _error(error: ChevetError) -> dict[str, Any]:
    return {"kind": "error", "error": type(error).__name__, "message": str(error)}
