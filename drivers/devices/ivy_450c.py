"""Ivy 450C vital-signs monitor: the ANSAR-B output, a message a second, 9600 8N1.

FF, "ANSAR-B ", 400 bytes of waves (one second: ECG 200 samples, respiration, pleth, two pressures 50 each), then lines
of text ended by CR, then FE. A line is NAME=status;values;label;message;. Source: mdpnp/mdpnp (BSD-2-Clause), with a
recording. No scale of the waves is public: they are counts. Left alone are pressures, temperatures and CO2, whose units
are not stated, and the status, whose meaning is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from drivers.core import vocab
from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.model import Event, Packet, Waveform
from drivers.core.monitor import InUse, LastCuff

START, END, CAP = b"\xffANSAR-B ", b"\xfe", 1024
TEXT = len(START) + 400
ECG, RESP, PLETH = slice(9, 209), slice(209, 259), slice(259, 309)
ECG_HZ, WAVE_HZ = Decimal(200), Decimal(50)

LINE = re.compile(r"(HR|RR|ETCO2|SPO2|NIBP|P1|P2|T1|T2)=\d;([ -~]*)")
FIELDS = {"HR": 3, "RR": 3, "SPO2": 3, "NIBP": 6}  # at least, in the lines that are read
NUMBER = re.compile(r" *(\d{1,3}) *")
PULSE = re.compile(r" *PR=([ \d]*)")
LEADS = (("ECG-III", 61), ("ECG-II", 2), ("ECG-I", 1))  # the longer names first


def size(buffer: bytes) -> int:
    """For the framer: up to the first end after the waves, which may hold any byte; -1 where another message starts."""
    end = buffer.find(END, TEXT)
    again = buffer.find(START, len(START))
    if again >= 0 and (end < 0 or again < end):
        return -1
    return end + 1 if end >= 0 else 0


class Messages:
    """The decoder of one monitor."""

    def __init__(self) -> None:
        self._in_use, self._cuff = InUse(), LastCuff()

    def __call__(self, packet: Packet) -> Iterator[Event]:
        """One message."""
        data = packet.data
        lines = _lines(data)
        rate, label, *_ = lines["HR"]
        pulse = PULSE.match(lines["SPO2"][1])
        vitals = (
            (vocab.HEART_RATE, _number(rate)),
            (vocab.RESPIRATORY_RATE, _number(lines["RR"][0])),
            (vocab.SPO2, _number(lines["SPO2"][0])),
            (vocab.PULSE_RATE, _number(pulse[1]) if pulse else None),
        )
        systolic, diastolic, mean, beats = map(_number, lines["NIBP"][:4])
        lead = next((lead for name, lead in LEADS if label.startswith(name)), 0)
        for metric, value in vitals:
            yield from self._in_use.numeric(metric, value)
        yield from self._cuff.repeated(systolic, diastolic, mean, beats)
        yield Waveform(vocab.ECG_LEADS[lead], ECG_HZ, "1", tuple(data[ECG]))
        yield Waveform(vocab.RESPIRATION, WAVE_HZ, "1", tuple(data[RESP]))
        yield Waveform(vocab.PLETH, WAVE_HZ, "1", tuple(data[PLETH]))


def _lines(data: bytes) -> dict[str, list[str]]:
    """The fields of every line after its status."""
    if not data.startswith(START) or size(data) != len(data):
        raise PacketError(f"no ANSAR-B message: {len(data)} bytes without its start, its waves or its end")
    *lines, rest = data[TEXT:-1].decode("latin-1").split("\r")
    found = [LINE.fullmatch(line) for line in lines]
    said = {line[1]: line[2].split(";") for line in found if line}
    if rest or len(said) != len(lines) or any(len(said.get(name, ())) < fields for name, fields in FIELDS.items()):
        raise PacketError(f"the text after the waves is not the lines of a monitor: {len(lines)} of them")
    return said


def _number(text: str) -> Decimal | None:
    number = NUMBER.fullmatch(text)
    if number is None and text.strip():
        raise PacketError(f"a value of {len(text)} characters is no number")
    return None if number is None else Decimal(number[1])


VITALS = (vocab.HEART_RATE, vocab.RESPIRATORY_RATE, vocab.SPO2, vocab.PULSE_RATE)
CUFF = (vocab.SYSTOLIC, vocab.DIASTOLIC, vocab.MEAN_PRESSURE, vocab.PULSE_RATE_NIBP)

DRIVER = Driver(
    name="ivy-450c",
    kind="monitor",
    claim=Uart(9600),
    decoder=Messages,
    framer=lambda: Hunt(START, size, cap=CAP),
    quiet_s=3.0,
    continuous=True,
    gives=(*VITALS, *CUFF, *(vocab.ECG_LEADS[lead] for lead in (0, 1, 2, 61)), vocab.RESPIRATION, vocab.PLETH),
    tier=Tier.CAPTURED,
    evidence="a recording of 18 messages",
)
