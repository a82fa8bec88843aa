"""Omron cuffs with the private memory service: records read out of the cuff's memory.

A record is 14 bytes: systolic - 25, diastolic, pulse, year - 2000, two words of date and conditions, six bytes that
are left alone; `omron-eeprom-be` (HEM-7600T, HEM-7322T) begins with diastolic, systolic, year, pulse and has
big-endian words. Slots of all FF or all 00 are empty. Here comes a bare record, or a memory reply that holds one:
length, type 81 00, address, count, record, result, and an XOR that makes the whole 0. Unlocking, sessions and read
commands are not here. Source: eigger/hass-omron d6758ed2 (MIT), records of real cuffs. The HEM-6232T has the two
upper condition bits swapped. Everything here was in a memory: it may be anybody's, and a person decides whose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import xor
from struct import Struct

from drivers.core.codec import Reader
from drivers.core.cuff import blood_pressure
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.model import Event
from drivers.core.vocab import DIASTOLIC, PULSE_RATE_NIBP, SYSTOLIC

RECORD = 14
EMPTY = (b"\xff" * RECORD, b"\x00" * RECORD)
EMPTY_SYSTOLIC, SYSTOLIC_OFFSET = 0xE1, 25  # above the first a slot is empty, whatever the rest

READ, ACKNOWLEDGED = b"\x81\x00", (b"\x80\x00", b"\x81\xc0", b"\x8f\x00")
HEAD, LEAST = 6, 8
MOVED, IRREGULAR = 0x8000, 0x4000  # in the first word: moved, irregular, month 4 bits, day 5, hour 5
CUFF_FITS, POSITION = 0x1000, 0xC000  # in the second word: position 2 bits, ?, cuff, minute 6, second 6


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a record's first bytes are: `fields` unpacks to four bytes and two words, `order` names the bytes."""

    fields: Struct
    order: tuple[int, int, int, int]  # of systolic, diastolic, pulse, year

    def read(self, reader: Reader) -> Iterator[Event]:
        """One record; nothing for an empty slot and for replies that only acknowledge."""
        record = _record(reader.rest())
        if record is None:
            return
        *octets, first, second = self.fields.unpack_from(record)
        systolic, diastolic, pulse, year = (octets[at] for at in self.order)
        if record in EMPTY or systolic > EMPTY_SYSTOLIC or not (diastolic or pulse or year or first or second):
            return
        taken = _taken(year, first, second)
        conditions = (
            (first & MOVED, "body-moved"),
            (not second & CUFF_FITS, "cuff-loose"),
            (first & IRREGULAR, "pulse-irregular"),
            (second & POSITION, "position-wrong"),
            (taken is None, "clock-not-set"),
        )
        notices = [code for found, code in conditions if found]
        values = Decimal(systolic + SYSTOLIC_OFFSET), Decimal(diastolic), None, Decimal(pulse)
        yield from blood_pressure(*values, taken=taken, from_memory=True, notices=notices)


def _record(data: bytes) -> bytes | None:
    """A bare record, or that of a memory reply; None for the replies that only acknowledge."""
    if data[1:3] in (READ, *ACKNOWLEDGED) and (data[0] == len(data) or not data[2]):  # no record has a pulse of 0
        if len(data) < LEAST or data[0] != len(data) or reduce(xor, data):
            raise PacketError(f"a reply that announces {data[0]} bytes has {len(data)}, or their XOR is not 0")
        if data[1:3] != READ:
            return None
        data = data[HEAD:-2]
    if len(data) != RECORD:
        raise PacketError(f"need a record of {RECORD} bytes, got {len(data)}")
    return data


def _taken(year: int, first: int, second: int) -> datetime | None:
    date = 2000 + (year & 0x3F), first >> 10 & 0x0F, first >> 5 & 0x1F
    try:
        return datetime(*date, first & 0x1F, second >> 6 & 0x3F, min(second & 0x3F, 59))  # noqa: DTZ001 - no zone
    except ValueError:
        return None


CHANNELS = (
    "49123040-aee8-11e1-a74d-0002a5d5c51b",
    "4d0bf320-aee8-11e1-a0d9-0002a5d5c51b",
    "5128ce60-aee8-11e1-b84b-0002a5d5c51b",
    "560f1420-aee8-11e1-8184-0002a5d5c51b",
)
LITTLE, BIG = Layout(Struct("<BBBBHH"), (0, 1, 2, 3)), Layout(Struct(">BBBBHH"), (1, 0, 3, 2))
GIVES = (SYSTOLIC, DIASTOLIC, PULSE_RATE_NIBP)

DRIVER = Driver(
    name="omron-eeprom",
    kind="blood-pressure",
    claim=Gatt("fe4a", CHANNELS[:1]),
    decoder=lambda: Characteristics(dict.fromkeys(CHANNELS, LITTLE.read)),
    quiet_s=None,
    gives=GIVES,
    tier=Tier.CAPTURED,
    evidence="records of a HEM-7142T2",
)

DRIVER_BE = Driver(
    name="omron-eeprom-be",
    kind="blood-pressure",
    claim=Gatt("ecbe3980-c9a2-11e1-b1bd-0002a5d5c51b", CHANNELS),
    decoder=lambda: Characteristics(dict.fromkeys(CHANNELS, BIG.read)),
    quiet_s=None,
    gives=GIVES,
    tier=Tier.CAPTURED,
    evidence="a record of a HEM-7600T",
)
