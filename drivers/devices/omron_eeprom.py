"""Omron cuffs with the private memory service: records read out of the cuff's memory.

A record is 14 bytes: systolic - 25, diastolic, pulse, year - 2000, two words of date and conditions, six bytes that
are left alone; `omron-eeprom-be` (HEM-7600T) begins with diastolic, systolic, year, pulse and has big-endian words.
Slots of all FF or all 00 are empty. How they are read out is in `drivers.core.omron`: only of a model that the unit's
`settings` name, for others keep their records elsewhere; to a cuff without settings nothing is said.
Source: eigger/hass-omron d6758ed2 (MIT), records of real cuffs. Everything here was in a memory: it may be anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from struct import Struct

from drivers.core.cuff import blood_pressure
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.model import Event
from drivers.core.omron import CHANNELS, CLOSE, OPEN, PROGRAM, READ_WORD, TOKEN, UNLOCK, Conversation, Memory, empty
from drivers.core.vocab import DIASTOLIC, PULSE_RATE_NIBP, SYSTOLIC

EMPTY_SYSTOLIC, SYSTOLIC_OFFSET = 0xE1, 25  # above the first a slot is empty, whatever the rest
MOVED, IRREGULAR = 0x8000, 0x4000  # in the first word: moved, irregular, month 4 bits, day 5, hour 5
CUFF_FITS, POSITION = 0x1000, 0xC000  # in the second word: position 2 bits, ?, cuff, minute 6, second 6


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a record's first bytes are: `fields` unpacks to four bytes and two words, `order` names the bytes."""

    fields: Struct
    order: tuple[int, int, int, int]  # of systolic, diastolic, pulse, year

    def read(self, record: bytes) -> Iterator[Event]:
        """One record of 14 bytes; nothing for an empty slot."""
        *octets, first, second = self.fields.unpack_from(record)
        systolic, diastolic, pulse, year = (octets[at] for at in self.order)
        if empty(record) or systolic > EMPTY_SYSTOLIC or not (diastolic or pulse or year or first or second):
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


def _taken(year: int, first: int, second: int) -> datetime | None:
    date = 2000 + (year & 0x3F), first >> 10 & 0x0F, first >> 5 & 0x1F
    try:
        return datetime(*date, first & 0x1F, second >> 6 & 0x3F, min(second & 0x3F, 59))  # noqa: DTZ001 - no zone
    except ValueError:
        return None


LITTLE, BIG = Layout(Struct("<BBBBHH"), (0, 1, 2, 3)), Layout(Struct(">BBBBHH"), (1, 0, 3, 2))
MODELS = {
    "HEM-7142T2": Memory(index_bytes=16, records=0x02E8, slots=14, order="little"),
    "HEM-716BT2": Memory(index_bytes=16, records=0x02E8, slots=30, order="little"),
}
MODELS_BE = {"HEM-7600T": Memory(index_bytes=8, records=0x02AC, slots=100, order="big")}
KEY = re.compile(r"[0-9A-Fa-f]{32}")


def configured(driver: Driver, settings: Mapping[str, str]) -> Driver:
    """The driver of a cuff of this `model`."""
    memory = MODELS.get(settings.get("model", ""))
    if memory is None or settings.keys() != {"model"}:
        raise ValueError(f"wanted model as one of {', '.join(MODELS)}, got the settings {', '.join(settings)}")
    return replace(driver, hello=(TOKEN,), decoder=lambda: Conversation(memory, LITTLE.read).read)


def configured_be(driver: Driver, settings: Mapping[str, str]) -> Driver:
    """The driver of a cuff of this `model` that has this `key`, or is to be given it."""
    memory, given = MODELS_BE.get(settings.get("model", "")), settings.get("key", "")
    if memory is None or settings.keys() != {"model", "key"} or not KEY.fullmatch(given):
        raise ValueError(f"wanted model as one of {', '.join(MODELS_BE)} and key as 32 hex digits")
    key = bytes.fromhex(given)
    unlock, write = b"\x01" + key, b"\x00" + key
    reads = replace(driver, hello=(unlock,), decoder=lambda: Conversation(memory, BIG.read, key).read)
    return replace(reads, says=(*driver.says, unlock, PROGRAM, write))


GIVES = (SYSTOLIC, DIASTOLIC, PULSE_RATE_NIBP)
SAYS = (OPEN, READ_WORD, CLOSE)  # never 01 c0, which writes
# Both are paired first: newer ones show their memory after that alone, older ones only then take a key.

DRIVER = Driver(
    name="omron-eeprom",
    kind="blood-pressure",
    claim=Gatt("fe4a", (CHANNELS[0], UNLOCK), control=UNLOCK, bond=True),
    decoder=lambda: Conversation(MODELS["HEM-7142T2"], LITTLE.read).read,
    says=(*SAYS, TOKEN),
    configure=configured,
    quiet_s=None,
    gives=GIVES,
    tier=Tier.CAPTURED,
    evidence="records of a HEM-7142T2; the conversation after published layouts",
)

DRIVER_BE = Driver(
    name="omron-eeprom-be",
    kind="blood-pressure",
    claim=Gatt("ecbe3980-c9a2-11e1-b1bd-0002a5d5c51b", (*CHANNELS, UNLOCK), control=UNLOCK, bond=True),
    decoder=lambda: Conversation(MODELS_BE["HEM-7600T"], BIG.read).read,
    says=SAYS,
    configure=configured_be,
    quiet_s=None,
    gives=GIVES,
    tier=Tier.CAPTURED,
    evidence="a record of a HEM-7600T; the conversation after published layouts",
)
