"""Nellcor N-560 with its data port set to ASCII: a line of text every two seconds, 9600 8N1.

A line is 61 characters wide: date and time, then saturation, pulse rate and pulse amplitude, each right-aligned with a
`*` behind it where a limit is exceeded, then the conditions, two letters each. Dashes and 0 are no value. Every 25
lines come three of headings, the first with the monitor's version. Sources: lines inside public programs; the codes
of the conditions are those of the makers' manuals. Alarms (AO, AS, SL, PH...) say nothing of the signal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core.driver import Driver, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Lines
from drivers.core.measured import measured
from drivers.core.model import DeviceClock, Event, Identity, Notice, Packet, Validity
from drivers.core.vocab import PULSE_RATE, SPO2

WIDTH = 61
VALUE = r"(?P<{}>[ \d-]{{{}}})[ *]"
LINE = re.compile(
    r"(?P<when>\d\d-[A-Za-z]{3}-\d\d \d\d:\d\d:\d\d)"
    + VALUE.format("spo2", 6)
    + VALUE.format("pulse", 7)
    + r"[ \d-]{7}[ *]"
    r"(?P<conditions>[A-Z ]*)"
)
NUMBER = re.compile(r" *(?:(\d{1,3})|---)")
VERSION = re.compile(r"(N-\d{3}\w?) +VERSION +([\d.]+) +CRC:\w+ +SpO2 Limit: *\d+-\d+% +PR Limit: *\d+-\d+BPM *")
HEADING = re.compile(r" +(?:ADULT|NEONATE) +\d+SAT-S *|TIME +%SpO2 +BPM +PA +Status *", re.IGNORECASE)

QUESTIONABLE, INVALID = Validity.QUESTIONABLE, Validity.INVALID
CONDITIONS = {
    "MO": ("signal-erratic", QUESTIONABLE),  # motion, or something else disturbs the signal
    "PS": ("searching", QUESTIONABLE),
    "LP": ("no-pulse", INVALID),
    "LM": ("no-pulse", INVALID),  # lost, with motion
    "SD": ("sensor-unplugged", INVALID),
    "SO": ("sensor-off", INVALID),
    "LB": ("battery-low", Validity.VALID),
}
ALARMS = {"AO", "AS", "BU", "PH", "PL", "SH", "SL"}  # off, silenced; on battery; limits
UNKNOWN = ("device-fault", QUESTIONABLE)


def decode(packet: Packet) -> Iterator[Event]:
    """One line."""
    text = packet.data.decode("latin-1")
    version = VERSION.fullmatch(text)
    if version is not None:
        yield Identity(manufacturer="Nellcor", model=version[1], firmware=version[2])
    elif HEADING.fullmatch(text) is None:
        yield from _measured(text)


def _measured(text: str) -> Iterator[Event]:
    line = LINE.fullmatch(text)
    if line is None or len(text) != WIDTH:
        raise PacketError(f"a line is {WIDTH} characters of date, time, three values and conditions, got {len(text)}")
    spo2, pulse, when = _number(line["spo2"]), _number(line["pulse"]), _when(line["when"])
    found = [CONDITIONS.get(code, UNKNOWN) for code in line["conditions"].split() if code not in ALARMS]
    validity = next((worst for worst in (INVALID, QUESTIONABLE) if worst in [how for _, how in found]), Validity.VALID)
    if when is not None:
        yield DeviceClock(when)
    yield measured(SPO2, spo2, validity=validity)
    yield measured(PULSE_RATE, pulse, validity=validity)
    yield from map(Notice, dict.fromkeys(code for code, _ in found))


def _number(text: str) -> Decimal | None:
    number = NUMBER.fullmatch(text)
    if number is None:
        raise PacketError(f"no number in the {len(text)} characters of a column")
    return Decimal(number[1]) if number[1] and int(number[1]) else None


def _when(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%d-%b-%y %H:%M:%S")  # noqa: DTZ007 - the monitor has no zone
    except ValueError:
        return None


DRIVER = Driver(
    name="nellcor-n560",
    kind="oximeter",
    claim=Uart(9600),
    decoder=lambda: decode,
    framer=lambda: Lines(cap=128),
    quiet_s=7.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE),
    evidence="made after lines inside public programs; no recording with a licence",
)
