"""Scales of the Bluetooth SIG: weight 0x2A9D of service 0x181D (WSS 1.0), body composition 0x2A9C of 0x181B (BCS 1.0).

What a scale computes (BMI, metabolism, masses) and what was typed into it (height) is read over and not passed on.
Scales of Beurer send frames of zeros while they measure impedance: they mean nothing, and give nothing. They give
measurements to a user who consents alone (User Data Service 1.0, section 3.2): the unit has the index and the code of
one that was made on the scale. The list of users is never written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from drivers.core.codec import Reader
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset, measured
from drivers.core.model import Event, Notice, Numeric
from drivers.core.vocab import BATTERY, BODY_FAT, WEIGHT

IMPERIAL, TIME, USER = 0x01, 0x02, 0x04  # flags of both measurements
INDEX_AND_HEIGHT = 0x08
WEIGHT_THERE = 0x0400  # of the body composition
BEFORE_WEIGHT = (0x0008, 0x0010, 0x0020, 0x0040, 0x0080, 0x0100, 0x0200)  # metabolism ... impedance, 2 bytes each
HEIGHT_THERE = 0x0800
UNSUCCESSFUL = 0xFFFF

CONTROL = "2a9f"  # User Control Point
CONSENT, ANSWER, DONE = 0x02, 0x20, 0x01
SETTING = re.compile(r"(\d{1,3}):(\d{1,4})")


def configured(driver: Driver, settings: Mapping[str, str]) -> Driver:
    """The driver that consents for the user of `consent` = `INDEX:CODE` (`1:4711`); else `ValueError`."""
    given = SETTING.fullmatch(settings.get("consent", ""))
    if given is None or set(settings) != {"consent"} or int(given[1]) > 254:
        raise ValueError(f"wanted consent as INDEX:CODE (0-254, 0-9999), got the settings {', '.join(settings)}")
    return replace(driver, hello=(bytes((CONSENT, int(given[1]))) + int(given[2]).to_bytes(2, "little"),))


def answer(reader: Reader) -> Iterator[Event]:
    """What the scale says to that."""
    code, asked, outcome = reader.take(3)
    if (code, asked) != (ANSWER, CONSENT):
        raise PacketError(f"an answer to a consent begins 20 02, not {code:02x} {asked:02x}")
    reader.end()
    if outcome != DONE:
        yield Notice("consent-refused")


def weight(reader: Reader) -> Iterator[Event]:
    """One Weight Measurement."""
    flags = reader.u8()
    raw = reader.u16()
    taken, unknown = _when(reader, flags)
    if flags & USER:
        reader.u8()
    if flags & INDEX_AND_HEIGHT:
        reader.take(4)
    reader.end()
    if raw == 0:
        return
    yield _weight(raw, flags, taken)
    if raw == UNSUCCESSFUL:
        yield Notice("measurement-failed")
    if unknown:
        yield Notice("clock-not-set")


def body_composition(reader: Reader) -> Iterator[Event]:
    """One Body Composition Measurement."""
    flags = reader.u16()
    fat = reader.u16()
    taken, unknown = _when(reader, flags)
    if flags & USER:
        reader.u8()
    for bit in BEFORE_WEIGHT:
        if flags & bit:
            reader.u16()
    raw = reader.u16() if flags & WEIGHT_THERE else 0
    if flags & HEIGHT_THERE:
        reader.u16()
    reader.end()
    failed = fat == UNSUCCESSFUL
    if fat:
        yield measured(BODY_FAT, None if failed else fat * Decimal("0.1"), taken=taken)
    if raw:
        yield _weight(raw, flags, taken)
    if failed or raw == UNSUCCESSFUL:
        yield Notice("measurement-failed")
    if unknown and (fat or raw):
        yield Notice("clock-not-set")


def _when(reader: Reader, flags: int) -> tuple[datetime | None, bool]:
    """When it was taken; whether the scale should know and does not."""
    if not flags & TIME:
        return None, False
    taken = reader.date_time()
    return taken, clock_unset(taken)


def _weight(raw: int, flags: int, taken: datetime | None) -> Numeric:
    step, unit = (Decimal("0.01"), "[lb_av]") if flags & IMPERIAL else (Decimal("0.005"), "kg")
    return measured(WEIGHT, None if raw == UNSUCCESSFUL else raw * step, unit, taken=taken)


DRIVER = Driver(
    name="ble-weight",
    kind="scale",
    claim=Gatt("181d", ("2a9d", "2a9c", CONTROL), control=CONTROL),
    decoder=lambda: Characteristics({"2a9d": weight, "2a9c": body_composition, CONTROL: answer}),
    says=(bytes((CONSENT,)),),  # never 01, 03 or 05, which make and delete users
    configure=configured,
    quiet_s=None,  # it speaks once a measurement
    gives=(WEIGHT, BODY_FAT, BATTERY),
    tier=Tier.CAPTURED,
    evidence="indications of Beurer BF720 and BF105",
)
