"""Masimo Rad-8 and Radical-7 with the serial output set to "ASCII 1": one line of text a second, 9600 8N1.

Fields are found by name: models leave some out, and write others with or without a percent sign. Dashes are no value.
EXC tells how far the numbers may be trusted; they come along with "sensor off" too. Its bits are those listed by
nmenon/masimo-datacapture. Bits without a public meaning make the numbers doubtful. The meaning of the ALARM field is
not public: it is left alone, as are the calculated parameters (SpCO, SpMet, SpHb, PVI).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Lines
from drivers.core.measured import measured
from drivers.core.model import DeviceClock, Event, Identity, Notice, Packet, Validity
from drivers.core.vocab import PERFUSION_INDEX, PULSE_RATE, SPO2, Metric

LINE = re.compile(r" *(\d\d/\d\d/\d\d \d\d:\d\d:\d\d) +([!-~]+=[!-~]*(?: +[!-~]+=[!-~]*)*)\s*")
NO_VALUE = re.compile(r"[-.]+%?")

# Each number has its digits, always: a line that lost a byte does not fit.
NUMBERS: tuple[tuple[str, Metric, re.Pattern[str]], ...] = (
    ("SPO2", SPO2, re.compile(r"(\d{3})%?")),
    ("BPM", PULSE_RATE, re.compile(r"(\d{3})%?")),
    ("PI", PERFUSION_INDEX, re.compile(r"(\d\d\.\d\d)%?")),
)
# How the line ends: the Rad-8 with 6 digits, the Radical-7 with a second field. A line cut short does not.
EXCEPTIONS = re.compile(r".* ALARM=(?:[\dA-F]{4} +EXC=([\dA-F]{6})|[\dA-F]{6} +EXC=([\dA-F]{7}) +EXC1=[\dA-F]{8})")
PROCESSING = 0x800  # the SET algorithm runs: no condition

DOUBTS = {
    0x001: ("sensor-unplugged", Validity.INVALID),
    0x002: ("sensor-fault", Validity.INVALID),
    0x004: ("low-perfusion", Validity.QUESTIONABLE),
    0x008: ("searching", Validity.QUESTIONABLE),
    0x010: ("interference", Validity.QUESTIONABLE),
    0x020: ("sensor-off", Validity.QUESTIONABLE),
    0x040: ("ambient-light", Validity.QUESTIONABLE),
    0x080: ("sensor-unknown", Validity.INVALID),
    0x400: ("signal-poor", Validity.QUESTIONABLE),
}
UNKNOWN_BITS = 0xFFFFFFFF & ~(PROCESSING | sum(DOUBTS))


def decode(packet: Packet) -> Iterator[Event]:
    """One line."""
    when, fields, doubts = _read(packet.data)
    numbers = [(metric, _number(fields[name], form, name)) for name, metric, form in NUMBERS if name in fields]
    validity = _worst([validity for _, validity in doubts])
    if when is not None:
        yield DeviceClock(when)
    if fields.get("SN", "").strip("-0"):
        yield Identity(manufacturer="Masimo", serial=fields["SN"])
    for metric, value in numbers:
        yield measured(metric, value, validity=validity)
    for code, _ in doubts:
        yield Notice(code)


def _read(data: bytes) -> tuple[datetime | None, dict[str, str], list[tuple[str, Validity]]]:
    line = LINE.fullmatch(data.decode("latin-1").upper())
    exceptions = line and EXCEPTIONS.fullmatch(line[2])
    if line is None or exceptions is None:
        raise PacketError(f"no ASCII 1 line: {len(data)} bytes that are not date, time and fields up to EXC")
    fields = dict(field.split("=", 1) for field in line[2].split())
    for name in ("SPO2", "BPM"):
        if name not in fields:
            raise PacketError(f"no {name}= in a line of {len(data)} bytes")
    return _when(line[1]), fields, _doubts(int(exceptions[1] or exceptions[2], 16))


def _when(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%m/%d/%y %H:%M:%S")  # noqa: DTZ007 - the monitor has no zone
    except ValueError:
        return None


def _number(text: str, form: re.Pattern[str], name: str) -> Decimal | None:
    if NO_VALUE.fullmatch(text):
        return None
    number = form.fullmatch(text)
    if number is None:
        raise PacketError(f"{name}= holds no number as this monitor writes it: {len(text)} characters")
    return Decimal(number[1])


def _doubts(bits: int) -> list[tuple[str, Validity]]:
    doubts = [doubt for bit, doubt in DOUBTS.items() if bits & bit]
    return [*doubts, ("device-fault", Validity.QUESTIONABLE)] if bits & UNKNOWN_BITS else doubts


def _worst(found: list[Validity]) -> Validity:
    return next((v for v in (Validity.INVALID, Validity.QUESTIONABLE) if v in found), Validity.VALID)


DRIVER = Driver(
    name="masimo-ascii1",
    kind="oximeter",
    claim=Uart(9600),
    decoder=lambda: decode,
    framer=Lines,
    quiet_s=5.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PERFUSION_INDEX),
    tier=Tier.CAPTURED,
    evidence="lines of a Rad-8 and of a Radical-7, with and without a sensor",
)
