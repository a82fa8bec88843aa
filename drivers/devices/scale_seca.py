"""seca scales with the serial interface of 2005 (document 30-34-00-605, index c): a block a second, 1200 8E1.

STX, then bytes as two hexadecimal digits each: kind (A0 and A1 from scales, A4 from measuring rods), decimal digits,
the form of the display, control bytes, check; then CR LF ETX. The check is a CRC with the generator 0x107; "00" says
that this software has none. What the form of the display stands for (unit and decimal point) and the order of the
control bits (stable, hold, minus...) could not be found in public: **no weight is given**, only that the scale is
there and speaks.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterator

from drivers.core.crc import crc8_smbus
from drivers.core.driver import Driver, Tier, Uart
from drivers.core.errors import PacketError
from drivers.core.framing import Hunt
from drivers.core.model import Event, Numeric, Packet, Validity
from drivers.core.vocab import HEIGHT, WEIGHT

START = b"\x02"
SIZES = {b"A0": 18, b"A1": 18, b"A4": 16}
METRICS = {b"A0": WEIGHT, b"A1": WEIGHT, b"A4": HEIGHT}
UNTOLD = {kind: Numeric(metric, None, metric.unit, Validity.INVALID) for kind, metric in METRICS.items()}
BLOCK = re.compile(rb"\x02((?:A[01][0-9A-F]{10}|A4[0-9A-F]{8})[0-9A-F]{2})\r\n\x03")
NO_CHECK = 0


def size(buffer: bytes) -> int:
    """For the framer: the length that the kind announces."""
    return 0 if len(buffer) < 3 else SIZES.get(buffer[1:3], -1)


def sound(packet: bytes) -> bool:
    """Whether the block is whole and its check holds."""
    block = BLOCK.fullmatch(packet)
    if block is None:
        return False
    said = unhexlify(block[1])
    return said[-1] == NO_CHECK or not crc8_smbus(said)


def decode(packet: Packet) -> Iterator[Event]:
    """One block: a measurement whose number cannot be told."""
    if not sound(packet.data):
        raise PacketError(f"no seca block, or its check is wrong: {len(packet.data)} bytes")
    yield UNTOLD[packet.data[1:3]]


DRIVER = Driver(
    name="scale-seca",
    kind="scale",
    claim=Uart(1200, parity="E"),
    decoder=lambda: decode,
    framer=lambda: Hunt(START, size, sound),
    quiet_s=5.0,
    continuous=True,
    tier=Tier.DRAFT,
    evidence="the framing in the maker's document; no recording",
)
