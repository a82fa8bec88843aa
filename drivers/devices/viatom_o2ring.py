"""Viatom/Wellue O2Ring, and O2Ring-S: finger rings that answer when asked.

O2Ring: a request is AA, opcode, its complement, block and length (2 bytes each), data, CRC-8; the answer begins with
55, has a status (0: done) in place of the opcode, and does not say what it answers: only opcode 17 is asked.
O2Ring-S, on a service of its own: A5, opcode, complement, direction, sequence, length, data, CRC-8; the answer
repeats the opcode. **Opcodes are an allow-list.** The same frames move other Viatom devices: on a cuff 09, 0A, 24, 25
and 39 inflate, 04, E2 and E3 reset, 13 gives the Wi-Fi password away. 04 is asked for live values on the service that
only the O2Ring-S has. Sources: ecostech/viatom-ble (MIT), nglessner/o2ring-s-protocol (MIT),
home-health-hub/viatom-o2ring-ble. The scale of the perfusion index and the waveform are not public: they are left
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from drivers.core.crc import crc8_smbus
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet
from drivers.core.vocab import BATTERY, PULSE_RATE, SPO2

ASK, ASK_S, ANSWER, HEAD = 0xAA, 0xA5, 0x55, 7
LONGEST = 64  # bytes of data: live answers have 13 and 28; a wrong length must not swallow a minute of answers
SENSORS, LIVE = 0x17, 0x04
ALLOWED = {ASK: frozenset({SENSORS}), ASK_S: frozenset({LIVE})}
NO_FINGER = 255

SERVICE, STREAM = "14839ac4-7d7e-415c-9a42-167340cf2339", "0734594a-a8e7-4b1a-a6b1-cd5243059a57"
CONTROL = "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3"
SERVICE_S, STREAM_S = "e8fb0001-a14b-98f9-831b-4e2941d01248", "e8fb0003-a14b-98f9-831b-4e2941d01248"
CONTROL_S = "e8fb0002-a14b-98f9-831b-4e2941d01248"


def request(lead: int, opcode: int) -> bytes:
    """The bytes that ask; `ValueError` for an opcode that is not on the list of this kind of frame."""
    if opcode not in ALLOWED.get(lead, ()):
        raise ValueError(f"opcode {opcode:02X} is not on the allow-list of {lead:02X} frames")
    frame = bytes((lead, opcode, opcode ^ 0xFF, 0, 0, 0, 0))
    return frame + bytes((crc8_smbus(frame),))


def size(buffer: bytes) -> int:
    """For the framer: the length that the head announces; the complement proves the head."""
    if len(buffer) < HEAD:
        return 0
    length = buffer[5] | buffer[6] << 8
    return HEAD + length + 1 if buffer[1] ^ buffer[2] == 0xFF and length <= LONGEST else -1


def decode(packet: Packet) -> Iterator[Event]:
    """One answer of an O2Ring."""
    status, data = _answer(packet.data, ANSWER)
    if status:
        raise PacketError(f"the ring answers with status {status:02X}, not 00")
    if len(data) < 12:
        raise PacketError(f"need 12 bytes of sensor data, answer has {len(data)}")
    yield from _vitals(data[0], data[1], worn=data[11] != 0)
    yield measured(BATTERY, Decimal(data[7]))


def decode_s(packet: Packet) -> Iterator[Event]:
    """One answer of an O2Ring-S."""
    opcode, data = _answer(packet.data, ASK_S)
    if packet.data[3] != 1:
        raise PacketError("a request, not an answer")
    if opcode == LIVE:
        if len(data) < 24:
            raise PacketError(f"need 24 bytes of live data, answer has {len(data)}")
        yield from _vitals(data[6], data[8], worn=data[5] != 0)
        yield measured(BATTERY, Decimal(data[13]))


def _answer(data: bytes, lead: int) -> tuple[int, bytes]:
    if data[:1] != bytes((lead,)) or size(data) != len(data) or crc8_smbus(data):
        raise PacketError(f"no frame, or its CRC is wrong: {len(data)} bytes")
    return data[1], data[HEAD:-1]


def _vitals(spo2: int, pulse: int, *, worn: bool) -> Iterator[Event]:
    worn = worn and spo2 != NO_FINGER
    for metric, value in ((SPO2, spo2), (PULSE_RATE, pulse)):
        yield measured(metric, Decimal(value) if worn and value not in (0, NO_FINGER) else None)
    if not worn:
        yield Notice("no-finger")
    elif not spo2 and not pulse:
        yield Notice("searching")


DRIVER = Driver(
    name="viatom-o2ring",
    kind="oximeter",
    claim=Gatt(SERVICE, (STREAM,), name="O2Ring", control=CONTROL),
    decoder=lambda: decode,
    framer=lambda: Hunt(bytes((ANSWER,)), size, lambda frame: not crc8_smbus(frame)),
    says=(request(ASK, SENSORS),),
    hello=(request(ASK, SENSORS),),
    keepalive=(request(ASK, SENSORS), 2.0),
    quiet_s=10.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE, BATTERY),
    tier=Tier.DRAFT,
    evidence="public descriptions and the test frames of a public client; no recording",
)

DRIVER_S = Driver(
    name="viatom-o2ring-s",
    kind="oximeter",
    claim=Gatt(SERVICE_S, (STREAM_S,), name="S8-AW", control=CONTROL_S),
    decoder=lambda: decode_s,
    framer=lambda: Hunt(bytes((ASK_S,)), size, lambda frame: not crc8_smbus(frame)),
    says=(request(ASK_S, LIVE),),
    hello=(request(ASK_S, LIVE),),
    keepalive=(request(ASK_S, LIVE), 2.0),
    quiet_s=10.0,
    continuous=True,
    gives=(SPO2, PULSE_RATE, BATTERY),
    tier=Tier.DRAFT,
    evidence="a public description with a working client; no recording",
)
