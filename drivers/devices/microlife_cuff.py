"""Microlife cuffs with Bluetooth (BP3GY1-2N): the whole memory, when it is asked for.

A frame is 4D 3A (an answer; 4D FF asks), the length of the rest (2 bytes, big-endian), the payload, and the low byte of
the sum of all before it. The answer to "get measurements" has records from byte 38 of its payload on, ten bytes each:
systolic, diastolic, pulse, year - 2000, month, day, hour, minute, two bytes left alone. Zeros are an empty slot.
Everything here was in a memory: it may be anybody's, and a person decides whose. Asked for is nothing but the records:
neither the clock nor the memory is changed. Sources: joergmlpts/blood-pressure-monitor, as ported and tested in
derdilla/blood-pressure-monitor-fl (GPL-3.0, facts only).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core.cuff import blood_pressure
from drivers.core.driver import Driver, Gatt
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.measured import clock_unset
from drivers.core.model import Event, Packet
from drivers.core.vocab import DIASTOLIC, PULSE_RATE_NIBP, SYSTOLIC

START, HEAD, LONGEST = b"\x4d\x3a", 4, 4096
FIRST, RECORD = 38, 10
GET_MEASUREMENTS = bytes.fromhex("4dff000900000000000000fd52")


def size(buffer: bytes) -> int:
    """For the framer: head, then as many bytes as it says; the least are a byte and the sum."""
    if len(buffer) < HEAD:
        return 0
    rest = int.from_bytes(buffer[2:HEAD], "big")
    return HEAD + rest if 2 <= rest <= LONGEST - HEAD else -1


def sound(frame: bytes) -> bool:
    """Whether the sum holds."""
    return sum(frame[:-1]) & 0xFF == frame[-1]


def decode(packet: Packet) -> Iterator[Event]:
    """One answer; those that only acknowledge are shorter than where the records begin."""
    data = packet.data
    if not data.startswith(START) or size(data) != len(data) or not sound(data):
        raise PacketError(f"no answer, or its sum is wrong: {len(data)} bytes")
    records = data[HEAD + FIRST : -1]
    if len(records) % RECORD:
        raise PacketError(f"{len(records)} bytes of records, need a multiple of {RECORD}")
    for at in range(0, len(records), RECORD):
        systolic, diastolic, pulse, *when = records[at : at + 8]
        if systolic or diastolic or pulse:
            taken = _taken(*when)
            notices = ["clock-not-set"] if clock_unset(taken) else []
            values = Decimal(systolic), Decimal(diastolic), None, Decimal(pulse)
            yield from blood_pressure(*values, taken=taken, from_memory=True, notices=notices)


def _taken(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        return datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001 - the cuff's clock has no zone
    except ValueError:
        return None


DRIVER = Driver(
    name="microlife-cuff",
    kind="blood-pressure",
    claim=Gatt("fff0", ("fff1",), name="BP3GY1-2N", control="fff2"),  # many makers use this service
    decoder=lambda: decode,
    framer=lambda: Hunt(START, size, sound, cap=LONGEST),
    says=(GET_MEASUREMENTS,),
    hello=(GET_MEASUREMENTS,),
    quiet_s=None,
    gives=(SYSTOLIC, DIASTOLIC, PULSE_RATE_NIBP),
    evidence="a public description with its test bytes; no recording",
)
