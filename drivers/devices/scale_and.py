"""A&D scales and indicators, and the many that copy them: one line of text a weighing, `ST,GS,+0071.85kg`.

Header 1: ST stable, US unstable, OL out of range, QT a count. Header 2, which some leave out: GS gross, NT net, TR and
PT tare. Then the polarity, which copies leave out, digits or spaces with a decimal point (or comma), and the unit. Only
a stable line is a weighing; an empty platform is none. Sources: the makers' manuals (AD-4329A, AD-4404, GH series).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Lines
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet
from drivers.core.vocab import WEIGHT

LINE = re.compile(rb"(ST|US|OL|QT),(?:(GS|NT|TR|PT|G |N |T ),)?([+-]|(?=[ \d]))([ \d]*[.,]?[ \d]*) *([A-Za-z]*) *")
DIGITS = re.compile(rb"\d+(?:[.,]\d*)?")
UNITS = {b"kg": "kg", b"g": "g", b"lb": "[lb_av]"}
TARE = (b"TR", b"PT", b"T ")


def decode(packet: Packet) -> Iterator[Event]:
    """One line."""
    line = LINE.fullmatch(packet.data)
    if line is None:
        raise PacketError(f"{len(packet.data)} bytes that are no A&D line")
    state, kind, sign, digits, unit = line.groups()
    unit = unit.lower()
    if unit not in UNITS and state != b"QT":
        raise PacketError(f"unit {unit.decode()!r} is none of {', '.join(key.decode() for key in UNITS)}")
    if state == b"OL":
        yield Notice("overload")
    elif state == b"US":
        yield Notice("unstable")
    elif state == b"ST" and kind not in TARE:
        weight = _weight(digits)
        if weight and sign != b"-":
            yield measured(WEIGHT, weight, UNITS[unit])


def _weight(text: bytes) -> Decimal:
    digits = text.strip(b" ")
    if DIGITS.fullmatch(digits) is None:
        raise PacketError(f"no weight in the {len(text)} characters after the sign")
    return Decimal(digits.replace(b",", b".").decode())


DRIVER = Driver(
    name="scale-and",
    kind="scale",
    claim=Uart(2400, bits=7, parity="E"),  # the factory setting of A&D scales; on a generic converter
    decoder=lambda: decode,
    framer=lambda: Lines(cap=64),
    quiet_s=None,  # some send only on a key
    continuous=True,  # a stream of lines while somebody stands on it
    gives=(WEIGHT,),
    tier=Tier.DRAFT,
    evidence="examples in the makers' manuals",
)
