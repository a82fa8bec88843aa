"""Number formats and the cursor, against values that others published."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from drivers.core import codec
from drivers.core.codec import Reader, float32, sfloat
from drivers.core.errors import PacketError


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0x0201, "513"),  # weliem/blessed-android 44bba83c, BluetoothBytesParserTest (MIT)
        (0xFE01, "-51.1"),  # the same
        (0xF4F6, "127.0"),  # a cuff: Stack Overflow, question 78168365
        (0x8078, "0.00000120"),  # by IEEE 11073; a public library takes it for 120
        (0x07FD, "2045"),
        (0x0803, "-2045"),
        (0xF7FF, "204.7"),  # only exponent 0 makes this mantissa special
        (0x7001, "10000000"),
        (0x0000, "0"),
        (0xF000, "0.0"),
    ],
)
def test_sfloat(raw: int, text: str) -> None:
    value = sfloat(raw)
    assert value is not None
    assert f"{value:f}" == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0xFC03FE01, "26.1633"),  # weliem/blessed-android 44bba83c, BluetoothBytesParserTest (MIT)
        (0xFF000168, "36.0"),
        (0xFE000EB0, "37.60"),
        (0xFFFFFFFF, "-0.1"),
        (0x007FFFFD, "8388605"),
        (0x00800003, "-8388605"),
        (0x05000001, "100000"),
    ],
)
def test_float32(raw: int, text: str) -> None:
    value = float32(raw)
    assert value is not None
    assert f"{value:f}" == text


@pytest.mark.parametrize("raw", [0x07FF, 0x0800, 0x07FE, 0x0802, 0x0801])
def test_sfloat_specials_are_no_numbers(raw: int) -> None:
    assert sfloat(raw) is None


@pytest.mark.parametrize("raw", [0x007FFFFF, 0x00800000, 0x007FFFFE, 0x00800002, 0x00800001])
def test_float_specials_are_no_numbers(raw: int) -> None:
    assert float32(raw) is None


def test_every_sfloat_is_in_range() -> None:
    values = [value for value in map(sfloat, range(0x10000)) if value is not None]
    assert len(values) == 0x10000 - 5
    assert max(values) == Decimal(20470000000)
    assert min(values) == Decimal(-20480000000)


def test_the_cursor_reads_what_its_names_say() -> None:
    reader = Reader(bytes.fromhex("ff 0102 feff 010203 01020304 0102 fffe 01020304 0201 01fe 680100ff ff000168"))
    assert reader.u8() == 255
    assert reader.u16() == 0x0201
    assert reader.i16() == -2
    assert reader.u24() == 0x030201
    assert reader.u32() == 0x04030201
    assert reader.u16_be() == 0x0102
    assert reader.i16_be() == -2
    assert reader.u32_be() == 0x01020304
    assert reader.sfloat() == 258
    assert reader.sfloat_be() == 510
    assert reader.float32() == Decimal("36.0")
    assert reader.left == 4
    assert reader.float32_be() == Decimal("36.0")
    assert reader.rest() == b""


READS: list[tuple[Callable[[Reader], object], int]] = [
    (Reader.u8, 1),
    (Reader.u16, 2),
    (Reader.i16, 2),
    (Reader.u24, 3),
    (Reader.u32, 4),
    (Reader.u16_be, 2),
    (Reader.i16_be, 2),
    (Reader.u32_be, 4),
    (Reader.sfloat, 2),
    (Reader.sfloat_be, 2),
    (Reader.float32, 4),
    (Reader.float32_be, 4),
    (Reader.date_time, 7),
]


@pytest.mark.parametrize(("read", "length"), READS, ids=lambda part: getattr(part, "__name__", part))
def test_every_read_proves_its_length(read: Callable[[Reader], object], length: int) -> None:
    enough = Reader(bytes(length))
    read(enough)
    enough.end()
    for short in range(length):
        with pytest.raises(PacketError):
            read(Reader(bytes(short)))


def test_errors_say_got_wanted_and_where() -> None:
    reader = Reader(bytes(8))
    reader.take(7)
    with pytest.raises(PacketError, match=r"^need 2 bytes at 7, packet has 8$"):
        reader.u16()
    with pytest.raises(PacketError, match=r"^1 byte left over at 7, packet has 8$"):
        reader.end()
    assert reader.u8() == 0  # a failed read moves nothing
    with pytest.raises(PacketError, match=r"^need 1 byte at 8, packet has 8$"):
        reader.u8()


@pytest.mark.parametrize(
    ("data", "when"),
    [
        ("e40701020a1530", "2020-01-02T10:21:48"),  # weliem/blessed-android 44bba83c (MIT)
        ("e807021d173b3b", "2024-02-29T23:59:59"),
        ("00000000000000", None),
        ("e8070000000000", None),  # the year alone is known
        ("e807021e000000", None),  # 30 February
        ("e7071301000000", None),
        ("e8070101180000", None),
        ("e80701010a3c00", None),
        ("ffffffffffffff", None),
    ],
)
def test_date_time(data: str, when: str | None) -> None:
    found = Reader(bytes.fromhex(data)).date_time()
    assert (found and found.isoformat()) == when


def test_clocks_are_written_as_they_are_read() -> None:
    when = datetime(2026, 11, 23, 9, 30, 5, 500_000)  # noqa: DTZ001 - a device's clock has no zone
    assert codec.date_time(when).hex() == "ea070b17091e05"
    assert codec.current_time(when).hex() == "ea070b17091e05018000"


def test_text_ends_at_nul_and_bad_bytes_are_marked() -> None:
    assert Reader(b"A&D \0\0junk").text(10) == "A&D"
    assert Reader(b"\xff1").text(2) == "�1"
    with pytest.raises(PacketError):
        Reader(b"abc").text(4)
