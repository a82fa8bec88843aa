"""Viatom/Wellue PC-60FW finger oximeter: a stream over a Nordic UART, whose notifications are pieces of it.

A packet is AA 55, token, length of what follows, type, data, and a CRC-8 (Maxim) over all of it. Token 0F: type 01
numbers, once a second (saturation, pulse in two bytes, perfusion index in tenths, state, battery), 02 five samples of
the pleth; token F0, type 03: battery, 0 to 3. Other types hold nothing for us. Zero is no number. The top bit of a
sample marks the beat. Sources: sza2/viatom_pc60fw, the maker's public SDK (viatom-develop/LepuDemo).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from drivers.core.crc import crc8_maxim
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet, Validity, Waveform
from drivers.core.vocab import BATTERY, PERFUSION_INDEX, PLETH, PULSE_RATE, SPO2

SERVICE, STREAM = "6e400001-b5a3-f393-e0a9-e50e24dcca9e", "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
START, HEAD, LONGEST = b"\xaa\x55", 4, 64
RATE_HZ = Decimal(50)

CONDITIONS = ((0x02, "no-finger"), (0x04, "searching"))  # the numbers mean nothing


def size(buffer: bytes) -> int:
    """For the framer: head, then as many bytes as it says; the least are a type and the CRC."""
    if len(buffer) < HEAD:
        return 0
    return HEAD + buffer[3] if 2 <= buffer[3] <= LONGEST else -1


class Stream:
    """The decoder; it remembers whether there is a finger, for the samples that come apart from the numbers."""

    def __init__(self) -> None:
        self._void = True

    def __call__(self, packet: Packet) -> Iterable[Event]:
        """One packet."""
        data = packet.data
        if not data.startswith(START) or size(data) != len(data) or crc8_maxim(data):
            raise PacketError(f"no packet, or its CRC is wrong: {len(data)} bytes")
        match (data[2], data[4]):  # token, type
            case (0x0F, 0x01):
                return self._numbers(data[5:-1])
            case (0x0F, 0x02):
                samples = tuple(None if self._void else sample & 0x7F for sample in data[5:-1])
                return (Waveform(PLETH, RATE_HZ, "1", samples),) if samples else ()
            case (0xF0, 0x03):
                return (Notice("battery-low"),) if data[5:-1] == b"\x00" else ()
        return ()

    def _numbers(self, data: bytes) -> Iterator[Event]:
        if len(data) != 6:
            raise PacketError(f"need 6 bytes of numbers, packet has {len(data)}")
        spo2, pulse, perfusion, state = data[0], data[1] | data[2] << 8, data[3], data[4]
        self._void = any(state & bit for bit, _ in CONDITIONS)
        validity = Validity.INVALID if self._void else Validity.VALID
        yield measured(SPO2, None if self._void or not spo2 else Decimal(spo2), validity=validity)
        yield measured(PULSE_RATE, None if self._void or not pulse else Decimal(pulse), validity=validity)
        if perfusion and not self._void:  # it comes some seconds after the others
            yield measured(PERFUSION_INDEX, Decimal(perfusion).scaleb(-1))
        for bit, code in CONDITIONS:
            if state & bit:
                yield Notice(code)


DRIVER = Driver(
    name="viatom-pc60fw",
    kind="oximeter",
    claim=Gatt(SERVICE, (STREAM,), name="PC-60F"),
    decoder=Stream,
    framer=lambda: Hunt(START, size, lambda packet: not crc8_maxim(packet)),
    quiet_s=3.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PERFUSION_INDEX, PLETH, BATTERY),
    tier=Tier.CAPTURED,
    evidence="one packet of numbers and one of samples, from a public description",
)
