"""Nonin Onyx II 9560, 4100 and WristOx2 over a serial port (Bluetooth SPP): data formats 8 and 13.

Format 8: 4 bytes a second, bit 7 set in the first alone, no checksum. Format 13: one spot check, 00 02, type, length,
date, status, pulse, saturation, the low byte of the data's sum, 03; stored ones are marked. The meter is set to a
format by its own means: nothing is written to it here. Sources: mattjlewis/NoninPulseOx, drphrozen/javautilityclasses.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core.codec import Reader
from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt, MsbSync
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet, Validity
from drivers.core.vocab import PULSE_RATE, SPO2

NO_PULSE, NO_SPO2 = 511, 127

# Format 8, (byte, bit, notice, validity).
CONDITIONS = (
    (0, 0x40, "sensor-unplugged", Validity.INVALID),
    (3, 0x08, "sensor-off", Validity.INVALID),  # sensor alarm
    (0, 0x20, "signal-poor", Validity.QUESTIONABLE),  # out of track
    (0, 0x10, "low-perfusion", Validity.QUESTIONABLE),
    (0, 0x04, "signal-erratic", Validity.QUESTIONABLE),  # artefact
)
LOW_BATTERY = 0x01

# Format 13.
START, END, HEAD, LEAST = b"\x00\x02", 0x03, 6, 14
NO_MEASUREMENT, FROM_MEMORY = 0x0100, 0x0010


def second(packet: Packet) -> Iterator[Event]:
    """Format 8: one second."""
    data = packet.data
    if len(data) != 4 or data[0] < 0x80 or not data[1:].isascii():
        raise PacketError(f"need 4 bytes with bit 7 set in the first alone, packet has {len(data)}")
    found = [condition for condition in CONDITIONS if data[condition[0]] & condition[1]]
    void = any(validity is Validity.INVALID for *_, validity in found)
    pulse, spo2 = (data[0] & 0x03) << 7 | data[1], data[2]
    validity = Validity.QUESTIONABLE if found else Validity.VALID
    yield measured(SPO2, None if spo2 == NO_SPO2 or void else Decimal(spo2), validity=validity)
    yield measured(PULSE_RATE, None if pulse == NO_PULSE or void else Decimal(pulse), validity=validity)
    for _, _, code, _ in found:
        yield Notice(code)
    if data[3] & LOW_BATTERY:
        yield Notice("battery-low")


def size(buffer: bytes) -> int:
    """Format 13, for the framer: the whole length, 0 before its length is here, -1 for one that cannot be."""
    if len(buffer) < HEAD:
        return 0
    length = int.from_bytes(buffer[4:HEAD], "big")
    return HEAD + length + 2 if LEAST <= length <= 64 else -1


def sound(packet: bytes) -> bool:
    """Format 13: whether sum and end are right."""
    return packet[-1] == END and sum(packet[HEAD:-2]) & 0xFF == packet[-2]


def spot_check(packet: Packet) -> Iterator[Event]:
    """Format 13: one measurement."""
    data = packet.data
    if not data.startswith(START) or size(data) != len(data) or not sound(data):
        raise PacketError(f"no spot check, or its sum is wrong: {len(data)} bytes")
    reader = Reader(data[HEAD:-2])
    taken = _taken(reader.take(8))
    status, pulse = reader.u16_be(), reader.u16_be()
    reader.u8()  # reserved
    spo2 = reader.u8()
    void, stored = bool(status & NO_MEASUREMENT), bool(status & FROM_MEMORY)
    for metric, value, missing in ((SPO2, spo2, NO_SPO2), (PULSE_RATE, pulse, NO_PULSE)):
        number = None if void or value == missing else Decimal(value)
        yield measured(metric, number, taken=taken, from_memory=stored)
    if void:
        yield Notice("measurement-failed")
    if taken is None:
        yield Notice("clock-not-set")
    if status & LOW_BATTERY:
        yield Notice("battery-low")


def _taken(when: bytes) -> datetime | None:
    century, year, month, day, hour, minute, second, _ = when
    try:
        return datetime(century * 100 + year, month, day, hour, minute, second)  # noqa: DTZ001 - the meter has no zone
    except ValueError:
        return None


DRIVER = Driver(
    name="nonin-format-8",
    kind="oximeter",
    claim=Uart(9600),
    decoder=lambda: second,
    framer=lambda: MsbSync(lead=0x80, length=4),
    quiet_s=5.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE),
    evidence="public decoders; no recording",
)

DRIVER_FORMAT_13 = Driver(
    name="nonin-format-13",
    kind="oximeter",
    claim=Uart(9600),
    decoder=lambda: spot_check,
    framer=lambda: Hunt(START, size, sound),
    quiet_s=None,  # it speaks once a measurement
    gives=(SPO2, PULSE_RATE),
    tier=Tier.DRAFT,
    evidence="a public decoder; no recording",
)
