"""Reading wire bytes: a cursor that proves the length of every read, and the formats of IEEE 11073 and the SIG."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from drivers.core.errors import PacketError

# IEEE 11073-20601, SFLOAT-Type and FLOAT-Type: NaN, NRes, +INFINITY, -INFINITY, reserved. None of them is a number.
SFLOAT_SPECIAL = frozenset({0x07FF, 0x0800, 0x07FE, 0x0802, 0x0801})
FLOAT_SPECIAL = frozenset({0x007FFFFF, 0x00800000, 0x007FFFFE, 0x00800002, 0x00800001})


class Reader:
    """A cursor over one packet. Little-endian unless the name ends in `_be`; too short a packet is a `PacketError`."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            self._at = start
            raise PacketError(f"need {_bytes(count)} at {start}, packet has {len(self._data)}")
        return self._data[start : self._at]

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self.left)

    def end(self) -> None:
        """Prove that nothing is left: the fields that the packet announces fill it exactly."""
        if self.left:
            raise PacketError(f"{_bytes(self.left)} left over at {self._at}, packet has {len(self._data)}")

    def u8(self) -> int:
        """Unsigned, 1 byte."""
        if self._at >= len(self._data):
            return self.take(1)[0]  # it says what is missing
        self._at += 1
        return self._data[self._at - 1]

    def u16(self) -> int:
        """Unsigned, 2 bytes."""
        return int.from_bytes(self.take(2), "little")

    def i16(self) -> int:
        """Two's complement, 2 bytes."""
        return int.from_bytes(self.take(2), "little", signed=True)

    def u24(self) -> int:
        """Unsigned, 3 bytes."""
        return int.from_bytes(self.take(3), "little")

    def u32(self) -> int:
        """Unsigned, 4 bytes."""
        return int.from_bytes(self.take(4), "little")

    def u16_be(self) -> int:
        """Unsigned, 2 bytes, big-endian."""
        return int.from_bytes(self.take(2), "big")

    def i16_be(self) -> int:
        """Two's complement, 2 bytes, big-endian."""
        return int.from_bytes(self.take(2), "big", signed=True)

    def u32_be(self) -> int:
        """Unsigned, 4 bytes, big-endian."""
        return int.from_bytes(self.take(4), "big")

    def sfloat(self) -> Decimal | None:
        """SFLOAT, 2 bytes; None for the special values."""
        return sfloat(self.u16())

    def sfloat_be(self) -> Decimal | None:
        """SFLOAT, 2 bytes, big-endian; None for the special values."""
        return sfloat(self.u16_be())

    def float32(self) -> Decimal | None:
        """FLOAT (decimal, 4 bytes, IEEE 11073: not the binary one); None for the special values."""
        return float32(self.u32())

    def float32_be(self) -> Decimal | None:
        """FLOAT, 4 bytes, big-endian; None for the special values."""
        return float32(self.u32_be())

    def date_time(self) -> datetime | None:
        """Date Time (0x2A08), 7 bytes, local and naive; None where a part is unknown (0) or there is no such day."""
        year = self.u16()
        month, day, hour, minute, second = self.take(5)
        try:
            return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the device's own clock has no zone
        except ValueError:
            return None

    def text(self, count: int) -> str:
        """`count` bytes of UTF-8 up to the first NUL, without spaces around it; bad bytes become U+FFFD."""
        return self.take(count).split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def sfloat(raw: int) -> Decimal | None:
    """Value of 16 bits of SFLOAT: 4-bit exponent, 12-bit mantissa, both two's complement (IEEE 11073-20601)."""
    if raw in SFLOAT_SPECIAL:
        return None
    return _scaled(_signed(raw & 0xFFF, 12), _signed(raw >> 12, 4))


def float32(raw: int) -> Decimal | None:
    """Value of 32 bits of FLOAT: 8-bit exponent, 24-bit mantissa, both two's complement (IEEE 11073-20601)."""
    if raw in FLOAT_SPECIAL:
        return None
    return _scaled(_signed(raw & 0xFFFFFF, 24), _signed(raw >> 24, 8))


def date_time(when: datetime) -> bytes:
    """Date Time (0x2A08) of a naive local instant."""
    return when.year.to_bytes(2, "little") + bytes((when.month, when.day, when.hour, when.minute, when.second))


def current_time(when: datetime) -> bytes:
    """Current Time (0x2A2B) of a naive local instant: Date Time, day of week (Monday 1), 1/256 s, no adjust reason."""
    return date_time(when) + bytes((when.isoweekday(), when.microsecond * 256 // 1_000_000, 0))


def _signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _scaled(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
