r"""The capture format: what a device sent and was sent, for people, tests, `chevet decode` and replays alike.

One thing a line, UTF-8:

    # driver: ble-blood-pressure      a fact; `driver`, `device`, `source`, `licence`, `evidence` must be there
    # any other comment
    @0.25 2a35 167c0056006100...      a packet: arrival in seconds (may be left out), characteristic, bytes
    "SPO2=098%\r\n"                   bytes can also be written as a JSON string, one character a byte
    > @0.10 2a52 0106                 what the host wrote, in the same form: to be waited for in a replay, not decoded
    = blood-pressure-systolic 124 mm[Hg] valid 2024-06-15T17:17:27
                                      an event that is expected, as `event_line` writes it; all of them, in order

The characteristic is `2aXX`, `2bXX` or a whole UUID, before at least one more word. Bytes are hex, with or without
spaces, commas, colons, dashes and `0x`. For a byte stream the lines are one stream.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from drivers.core.errors import ChevetError
from drivers.core.gatt import channel
from drivers.core.model import Ask, DeviceClock, Event, Identity, Notice, Numeric, Waveform

FACTS = ("driver", "device", "source", "licence", "evidence")
EVIDENCE = ("real", "made")  # bytes of a real device, or written by hand after the protocol's document

_FACT = re.compile(r"#\s*([a-z]+):\s+(\S.*)")
_ARRIVAL = re.compile(r"@(\S+)\s+(.+)")
_CHANNEL = re.compile(
    r"(?:0x)?(2[ab][0-9a-f]{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\s*[:=]\s*|\s+)(.+)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"0x|[\s,:;()-]", re.IGNORECASE)


class CaptureError(ChevetError):
    """A line of a capture that cannot be read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Bytes as they arrived, `at_s` seconds after the recording began where that is known.

    `from_host`: they went the other way.
    """

    data: bytes
    channel: str = ""
    at_s: Decimal | None = None
    from_host: bool = False


@dataclass(frozen=True, slots=True)
class Capture:
    """One recording, with the events that its bytes mean. `talk`: all that was said, by either side, in its order."""

    facts: dict[str, str]
    talk: tuple[Recorded, ...]
    expected: tuple[str, ...]

    @property
    def packets(self) -> tuple[Recorded, ...]:
        """What the device sent."""
        return tuple(said for said in self.talk if not said.from_host)

    @property
    def driver(self) -> str:
        """The name of the driver that reads it."""
        return self.facts["driver"]


def packet_line(line: str) -> Recorded | None:
    """What was said on a line; None for comments, expectations and empty lines. Raises `CaptureError`."""
    line = line.strip()
    if not line or line[0] in "#=":
        return None
    from_host = line[0] == ">"
    at_s, line = _arrival(line[1:].strip() if from_host else line)
    found = _CHANNEL.fullmatch(line)
    name, line = (channel(found[1]), found[2]) if found else ("", line)
    return Recorded(_bytes_of(line), name, at_s, from_host)


def written(said: Recorded) -> str:
    """As a line of a capture."""
    at = None if said.at_s is None else f"@{said.at_s:.4f}"
    return " ".join(filter(None, [">" if said.from_host else None, at, said.channel, said.data.hex()]))


def parse(text: str) -> Capture:
    """A whole capture. Raises `CaptureError`, with the line's number."""
    facts: dict[str, str] = {}
    talk: list[Recorded] = []
    expected: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fact = _FACT.fullmatch(line.strip())
        if fact and not talk:
            facts.setdefault(fact[1], fact[2])
        elif line.startswith("="):
            expected.append(line[1:].strip())
        try:
            said = packet_line(line)
        except CaptureError as error:
            raise CaptureError(f"line {number}: {error}") from None
        if said is not None:
            talk.append(said)
    missing = [name for name in FACTS if name not in facts]
    if missing:
        raise CaptureError(f"no line '# {missing[0]}: ...' before the first packet")
    if facts["evidence"] not in EVIDENCE:
        raise CaptureError(f"evidence is {facts['evidence']!r}, wanted one of {', '.join(EVIDENCE)}")
    return Capture(facts, tuple(talk), tuple(expected))


def event_line(event: Event) -> str:
    """An event as a capture states it."""
    match event:
        case Numeric():
            return " ".join([event.metric.name, number(event.value), event.unit, event.validity, *_aside(event)])
        case Waveform():
            samples = ",".join("-" if sample is None else str(sample) for sample in event.samples)
            return f"wave {event.metric.name} {number(event.rate_hz)} {event.unit} {samples}"
        case Notice():
            return f"notice {event.code}"
        case Identity():
            said = {name: value for name in Identity.__struct_fields__ if (value := getattr(event, name)) is not None}
            return f"identity {json.dumps(said, ensure_ascii=False)}"
        case DeviceClock():
            return f"clock {event.now.isoformat()}"
        case Ask():
            return " ".join(filter(None, ["ask", event.channel, event.data.hex()]))


def number(value: Decimal | None) -> str:
    """A decimal with every digit that the device gave, never with an exponent; `-` for no number."""
    return "-" if value is None else f"{value:f}"


def _aside(numeric: Numeric) -> list[str]:
    taken = [] if numeric.taken is None else [numeric.taken.isoformat()]
    memory = ["from-memory"] if numeric.from_memory else []
    return taken + memory + ([] if numeric.site is None else [f"site:{numeric.site}"])


def _arrival(line: str) -> tuple[Decimal | None, str]:
    found = _ARRIVAL.fullmatch(line)
    if found is None:
        return None, line
    try:
        at_s = Decimal(found[1])
    except InvalidOperation:
        raise CaptureError(f"{found[1]!r} is no time in seconds") from None
    if not at_s.is_finite() or at_s < 0:
        raise CaptureError(f"{found[1]!r} is no time in seconds")
    return at_s, found[2]


def _bytes_of(text: str) -> bytes:
    try:
        if text.startswith('"'):
            return str(json.loads(text)).encode("latin-1")
        return bytes.fromhex(_BETWEEN.sub("", text.split("#", 1)[0]))
    except ValueError:
        raise CaptureError(f"{text[:40]!r} is neither hex nor a JSON string of bytes") from None
