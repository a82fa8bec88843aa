"""Nonin OEM III, Xpod and what speaks like them: serial data formats 2 and 7, 9600 8N1.

75 frames a second of 5 bytes, the last the sum of the others; 25 frames are a packet, the first marked by SYNC.
Format 2: 01, status, pleth, value, sum. Format 7: status, pleth (2 bytes), value, sum. What a value means goes by its
place in the packet. Sources: pez-globo/pufferfish-software (Apache-2.0, with test packets of format 2), Nonin's OEM III
specification. The values "formatted for display" stay for ten seconds after the finger has gone: they are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from operator import or_
from struct import Struct

from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet, Validity, Waveform
from drivers.core.vocab import PLETH, PULSE_RATE, SPO2

FRAME, FRAMES = 5, 25
PACKET = FRAME * FRAMES
BYTES = Struct("5B").iter_unpack
RATE_HZ = Decimal(75)

STATUS, SYNC, GREEN, RED = 0x80, 0x01, 0x02, 0x04  # perfusion: green and red together are yellow
MARK = bytes(byte & (STATUS | SYNC) for byte in range(256))
MARKS = bytes((STATUS | SYNC, *[STATUS] * (FRAMES - 1)))  # of a packet's statuses
CONDITIONS = (
    (0x40, "sensor-unplugged", Validity.INVALID),
    (0x08, "sensor-off", Validity.INVALID),  # sensor alarm: nothing that can be analysed
    (0x10, "signal-poor", Validity.QUESTIONABLE),  # out of track: no good pulses in a row
    (0x20, "signal-erratic", Validity.QUESTIONABLE),  # artefact
)
LOW_BATTERY = 0x01

# Frames that hold the 4-beat averages, the saturation and the second status.
PULSE_HIGH, PULSE_LOW, SATURATION, STATUS_2 = 0, 1, 2, 7
NO_PULSE, NO_SPO2 = 511, 127


class Format:
    """One of the two layouts: format 2 has a `lead` byte before the status."""

    def __init__(self, lead: bytes) -> None:
        self._lead = lead
        self._wide = not lead  # format 7: 16-bit pleth

    def size(self, buffer: bytes) -> int:
        """For the framer: the length of a packet, or -1 where what is here cannot become one."""
        return PACKET if self._marked(buffer[:PACKET]) else -1

    def sound(self, packet: bytes) -> bool:
        """Whether this is a packet, and each of its frames holds its sum."""
        if len(packet) != PACKET or not self._marked(packet):
            return False
        return not any(one + two + three + four - total & 0xFF for one, two, three, four, total in BYTES(packet))

    def _marked(self, frames: bytes) -> bool:
        """Whether SYNC is in the first frame's status and in no other, and each frame has its lead."""
        marks = frames[len(self._lead) :: FRAME].translate(MARK)
        leads = frames[::FRAME].strip(self._lead) if self._lead else b""
        return MARKS.startswith(marks) and not leads

    def decode(self, packet: Packet) -> Iterator[Event]:
        """One packet: a third of a second."""
        data = packet.data
        if not self.sound(data):
            raise PacketError(
                f"need {FRAMES} frames that hold their sum, SYNC in the first; packet has {len(data)} bytes"
            )
        statuses, values = data[len(self._lead) :: FRAME], data[3::FRAME]
        said = set(statuses)
        bits = reduce(or_, said)
        found = [condition for condition in CONDITIONS if bits & condition[0]]
        if bits & RED and any(status & (GREEN | RED) == RED for status in said):
            found.append((RED, "low-perfusion", Validity.QUESTIONABLE))
        void = any(validity is Validity.INVALID for _, _, validity in found)
        validity = Validity.QUESTIONABLE if found else Validity.VALID
        pulse = (values[PULSE_HIGH] & 0x03) << 7 | values[PULSE_LOW] & 0x7F
        spo2 = values[SATURATION] & 0x7F
        yield Waveform(PLETH, RATE_HZ, "1", (None,) * FRAMES if void else self._pleth(data))
        yield measured(SPO2, None if spo2 == NO_SPO2 or void else Decimal(spo2), validity=validity)
        yield measured(PULSE_RATE, None if pulse == NO_PULSE or void else Decimal(pulse), validity=validity)
        for _, code, _ in found:
            yield Notice(code)
        if values[STATUS_2] & LOW_BATTERY:
            yield Notice("battery-low")

    def _pleth(self, data: bytes) -> tuple[int, ...]:
        if not self._wide:
            return tuple(data[2::FRAME])
        return tuple(high << 8 | low for high, low in zip(data[1::FRAME], data[2::FRAME], strict=True))


FORMAT_2, FORMAT_7 = Format(b"\x01"), Format(b"")

DRIVER = Driver(
    name="nonin-oem3",
    kind="oximeter",
    claim=Uart(9600),
    decoder=lambda: FORMAT_2.decode,
    framer=lambda: Hunt(b"\x01", FORMAT_2.size, FORMAT_2.sound),
    quiet_s=2.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PLETH),
    tier=Tier.DRAFT,
    evidence="the test packets of a public driver; no recording",
)

DRIVER_FORMAT_7 = Driver(
    name="nonin-oem3-format-7",
    kind="oximeter",
    claim=Uart(9600),
    decoder=lambda: FORMAT_7.decode,
    framer=lambda: Hunt(b"", FORMAT_7.size, FORMAT_7.sound),
    quiet_s=2.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PLETH),
    tier=Tier.DRAFT,
    evidence="the maker's specification; no recording",
)
