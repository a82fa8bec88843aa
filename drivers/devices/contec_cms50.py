"""Contec CMS50D+ (firmware 4.6 on) and CMS50E finger oximeters over USB serial: protocol V7.0, 60 packets/s.

A packet's first byte, its type, has bit 7 clear, all others have it set; byte 1 carries the true bit 7 of the bytes
after it. Layout after the public decoder timegrid/CMS50Dplus7 and the streams of headrotor/contec_data. The perfusion
index of bytes 7 and 8 is left alone: no public source states its scale, and the captured streams leave it empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import MsbSync
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Packet, Waveform
from drivers.core.vocab import PLETH, PULSE_RATE, SPO2

LIVE = 0x01
# Live data, and the replies that come between them, which hold no measurement.
LENGTHS = {LIVE: 9, 0x06: 4, 0x0C: 2, 0x0D: 3, 0x0E: 3}
RATE_HZ = Decimal(60)
NO_PULSE, NO_SPO2 = {0x00, 0xFF}, {0x00, 0x7F}

# (data byte, bit): notice. Of these, what makes the values void: they are an earlier finger's, or nobody's.
CONDITIONS = {(0, 0x80): "no-finger", (0, 0x10): "searching", (1, 0x80): "searching", (0, 0x20): "saturation-falling"}
VOID = {"no-finger", "searching"}


def decode(packet: Packet) -> Iterator[Event]:
    """One packet: a sample of the pleth, the saturation and the pulse rate."""
    head, data = _unpacked(packet.data)
    if head != LIVE:
        return
    notices = dict.fromkeys(code for (at, bit), code in CONDITIONS.items() if data[at] & bit)
    void = not VOID.isdisjoint(notices)
    pulse, spo2 = data[3], data[4]
    yield Waveform(PLETH, RATE_HZ, "1", (None if "no-finger" in notices else data[1] & 0x7F,))
    yield measured(SPO2, None if void or spo2 in NO_SPO2 else Decimal(spo2))
    yield measured(PULSE_RATE, None if void or pulse in NO_PULSE else Decimal(pulse))
    for code in notices:
        yield Notice(code)


def _unpacked(data: bytes) -> tuple[int, bytes]:
    """The type, and the data bytes with their true bit 7."""
    wanted = LENGTHS.get(data[0]) if data else None
    if wanted is None:
        raise PacketError(f"no packet type {data[:1].hex() or '(none)'}")
    if len(data) != wanted:
        raise PacketError(f"need {wanted} bytes, packet has {len(data)}")
    for at, byte in enumerate(data[1:], 1):
        if not byte & 0x80:
            raise PacketError(f"bit 7 clear at {at}")
    return data[0], bytes(byte & (0x7F | (data[1] >> at & 1) << 7) for at, byte in enumerate(data[2:]))


DRIVER = Driver(
    name="contec-cms50",
    kind="oximeter",
    claim=Uart(115200),  # its cable is a generic converter: the port is assigned
    decoder=lambda: decode,
    framer=lambda: MsbSync(lead=0x00, lengths=LENGTHS),
    says=(b"\x7d\x81\xa1", b"\x7d\x81\xaf"),
    hello=(bytes.fromhex("7d81a1808080808080"),),
    keepalive=(bytes.fromhex("7d81af808080808080"), 5.0),
    quiet_s=0.7,
    continuous=True,
    gives=(SPO2, PULSE_RATE, PLETH),
    tier=Tier.CAPTURED,
    evidence="a live stream of a CMS50D+",
)
