"""How a Philips IntelliVue monitor is brought to speak: association, then numerics once a second by themselves.

Session and presentation (ISO 8327, 8650, 8823, in BER) are fixed bytes here, as in every public client; what they ask
for are numerics and nothing else. Whatever is asked is an answer to reading: no setting of the monitor is changed.
Sources: the maker's "Data Export Interface Programming Guide" as told by mdpnp/mdpnp (BSD-2-Clause).
"""

from __future__ import annotations

from datetime import datetime
from struct import pack

from drivers.core.codec import Reader
from drivers.core.crc import crc16_sdlc
from drivers.core.errors import PacketError

DATA_EXPORT, HEAD = b"\x11\x01", 4
START, END, ESCAPE, MASK = 0xC0, 0xC1, 0x7D, 0x20

_SYNTAXES = (
    "3180a080800101 0000 a280a003000001a480 3080020101 06045201000130800602510100000000"
    "3080020102 060c2a8648ce14020100000001013080 060c2a8648ce1402010000000201 0000 0000 0000"
    "6180 3080020101 a080 6080 a180 060c2a8648ce1402010000000301 0000"
    "be80 2880 060c2a8648ce1402010000000101 020102 8148"
)
_LIMITS = 0x80000000, 8000, 1000, 1000, 0xFFFFFFFF, 0x60000000  # a poll a second, 1000 bytes a message
_POLLS = pack(">10I", *_LIMITS, 0x1000C, 0xF0010008, 1 << 31, 0)
_ASKED_FOR = pack(">6I", 1 << 31, 1 << 30, 0, 1 << 31, 1 << 29, 0) + pack(">4H", 1, len(_POLLS) + 4, 1, len(_POLLS))
_REQUEST = bytes.fromhex(_SYNTAXES) + _ASKED_FOR + _POLLS + bytes(16)
_PERIOD = pack(">HHHHI", 1, 8, 0xF13E, 4, 8000 * 600)  # ten minutes, in eighths of a millisecond

ASSOCIATE = bytes.fromhex("0dec 0508130100160102800014020002 c1dc") + _REQUEST
KNOWN = bytes.fromhex("e100000200020014")  # the answer to what the monitor tells of itself begins so
NUMERICS = bytes.fromhex("e100000200010028 0001 0007 0022 002100000000 00000000 f13b0014 0001 00010006 0000") + _PERIOD


def framed(message: bytes) -> bytes:
    """A message as it goes over the wire."""
    body = DATA_EXPORT + pack(">H", len(message)) + message
    body += crc16_sdlc(body).to_bytes(2, "little")
    for byte in (ESCAPE, START, END):
        body = body.replace(bytes((byte,)), bytes((ESCAPE, byte ^ MASK)))
    return bytes((START,)) + body + bytes((END,))


def unframed(packet: bytes) -> bytes:
    """The message of a frame whose start, end and escapes are gone. `PacketError` if it is not whole."""
    right = packet[:2] == DATA_EXPORT and 0 < int.from_bytes(packet[2:HEAD], "big") == len(packet) - HEAD - 2
    if not right or crc16_sdlc(packet[:-2]) != int.from_bytes(packet[-2:], "little"):
        raise PacketError(f"no frame of the data export, or its length or CRC is wrong: {len(packet)} bytes")
    return packet[HEAD:-2]


def beginning(message: bytes) -> bytes:
    """How `framed` begins, up to what differs from one message of its kind to the next."""
    assert not {START, END, ESCAPE} & set(message)
    return bytes((START,)) + DATA_EXPORT + pack(">H", int.from_bytes(message[6:8], "big") + 8) + message


def known(message: bytes) -> bytes | None:
    """The answer to a monitor that tells what it is (MDS create event, 0D06); None where this is not that."""
    if len(message) < 28 or message[4:6] != b"\0\1" or message[10:12] != b"\0\1" or message[24:26] != b"\x0d\x06":
        return None
    return KNOWN + message[8:10] + b"\0\1\0\x0e" + message[14:26] + b"\0\0"


def items(reader: Reader) -> list[Reader]:
    """For each item of a list, where it is read from."""
    count = reader.u16_be()
    return [Reader(reader.take(reader.u16_be()))] * count


def time(stamp: bytes) -> datetime | None:
    """An absolute time, two decimal digits a byte; None where it is not set."""
    try:
        return datetime.fromisoformat(f"{stamp[:4].hex()}T{stamp[4:7].hex()}")
    except ValueError:
        return None
