"""Health o meter Professional (Pelstar) and Rice Lake scales: the escape protocol, 9600 8N1.

A reading is `<ESC>R` then fields, each an escape, a letter and a value, up to `<ESC>E`: W weight, H height, T tare, B
BMI, N unit (m metric: kg and cm; c constitutional: lb and in), I the patient's number. A weight of 999.99 says that
the scale is over- or underloaded. The patient's number is never passed on. Sources: the makers' manuals (ProPlus,
160-10-7N). The protocol has no word for a moving scale: it sends what it has locked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet
from drivers.core.vocab import HEIGHT, WEIGHT

START, END = b"\x1bR", b"\x1bE"
CAP = 256
NUMBER = re.compile(rb"\d{1,4}\.\d{1,2}")
UNITS = {b"m": ("kg", "cm"), b"c": ("[lb_av]", "[in_i]")}
OUT_OF_RANGE = Decimal("999.99")


def size(buffer: bytes) -> int:
    """For the framer: up to the first end; -1 where another reading starts before it."""
    end = buffer.find(END, len(START))
    again = buffer.find(START, len(START))
    if again >= 0 and (end < 0 or again < end):
        return -1
    return end + len(END) if end >= 0 else 0


def decode(packet: Packet) -> Iterator[Event]:
    """One reading."""
    fields = _fields(packet.data)
    if fields.get(b"N") not in UNITS:
        raise PacketError("no unit (N) of m or c in the reading")
    kg, cm = UNITS[fields[b"N"]]
    weight, height = _number(fields, b"W"), _number(fields, b"H")
    if weight == OUT_OF_RANGE:
        yield Notice("overload")
        return
    if weight:
        yield measured(WEIGHT, weight, kg)
    if height:
        yield measured(HEIGHT, height, cm)


def _fields(data: bytes) -> dict[bytes, bytes]:
    if not data.startswith(START) or not data.endswith(END):
        raise PacketError(f"a reading is <ESC>R ... <ESC>E, got {len(data)} bytes that are not")
    found: dict[bytes, bytes] = {}
    for field in data[len(START) : -len(END)].split(b"\x1b")[1:]:
        letter, value = field[:1], field[1:]
        if letter in found:
            raise PacketError(f"the field {letter!r} comes twice")
        found[letter] = value
    return found


def _number(fields: dict[bytes, bytes], letter: bytes) -> Decimal | None:
    text = fields.get(letter)
    if text is None:
        return None
    if NUMBER.fullmatch(text) is None:
        raise PacketError(f"the field {letter.decode()} holds no number: {len(text)} characters")
    return Decimal(text.decode())


DRIVER = Driver(
    name="scale-health-o-meter",
    kind="scale",
    claim=Uart(9600),
    decoder=lambda: decode,
    framer=lambda: Hunt(START, size, cap=CAP),
    quiet_s=None,  # it speaks once a weighing
    gives=(WEIGHT, HEIGHT),
    tier=Tier.DRAFT,
    evidence="examples in the makers' manuals",
)
