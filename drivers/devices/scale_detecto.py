"""Detecto scales: one line of text a weighing, 9600 8N1.

solo: `12:00,08/07/15,21.5,5'03.0",132.3lb`, that is time, date, BMI, height, weight, sent when a weighing is printed.
icon and apex: `S<status> 132.3lb,063.0,021.5`; status D is motion, I over capacity, blank a weighing. Sources: the
maker's manuals. The order of day and month is not stated, nor the unit of the second line's height: both are left
alone.
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
from drivers.core.vocab import HEIGHT, WEIGHT

# Quotation marks come as ASCII or as the typographic ones of code page 1252.
RECORD = re.compile(
    r"\d\d?:\d\d,\d\d/\d\d/\d\d,[\d.]*,"
    r"(?:(?P<feet>\d)['\x92](?P<inches>\d\d\.\d)[\"\x94]|(?P<cm>\d{2,3}\.\d) ?cm)?,"
    r" *(?P<weight>\d+\.\d+) ?(?P<unit>lb|kg) *",
    re.IGNORECASE,
)
STATUS = re.compile(
    r"S(?P<status>[DI ]?) *(?P<weight>\d+\.\d+) ?(?P<unit>lb|kg),[\d ]{3}\.\d,[\d ]{3}\.\d *", re.IGNORECASE
)
UNITS = {"lb": "[lb_av]", "kg": "kg"}
REFUSED = {"D": "unstable", "I": "overload"}
INCHES_PER_FOOT = 12


def decode(packet: Packet) -> Iterator[Event]:
    """One line."""
    text = packet.data.decode("latin-1")
    line = RECORD.fullmatch(text) or STATUS.fullmatch(text)
    if line is None:
        raise PacketError(f"{len(text)} characters that are no Detecto line")
    refused = REFUSED.get(line.groupdict().get("status", "").upper())
    if refused is not None:
        yield Notice(refused)
        return
    weight = Decimal(line["weight"])
    if weight:
        yield measured(WEIGHT, weight, UNITS[line["unit"].lower()])
    if line.re is RECORD and line["feet"] is not None:
        yield measured(HEIGHT, int(line["feet"]) * INCHES_PER_FOOT + Decimal(line["inches"]), "[in_i]")
    elif line.re is RECORD and line["cm"] is not None:
        yield measured(HEIGHT, Decimal(line["cm"]), "cm")


DRIVER = Driver(
    name="scale-detecto",
    kind="scale",
    claim=Uart(9600),
    decoder=lambda: decode,
    framer=lambda: Lines(cap=128),
    quiet_s=None,  # it speaks once a weighing
    gives=(WEIGHT, HEIGHT),
    tier=Tier.DRAFT,
    evidence="examples in the maker's manuals",
)
