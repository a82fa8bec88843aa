"""SCP-ECG (EN 1064) as a container: sections whose CRCs hold, and the default Huffman codes of their samples."""

from __future__ import annotations

import re
from binascii import crc_hqx
from functools import cache
from itertools import islice
from struct import iter_unpack, unpack_from

from drivers.core.errors import PacketError

FILE_HEAD, SECTION_HEAD, POINTER = 6, 16, 10
MAGIC = slice(16, 22)

# 0; 1 to 8 as so many ones, a zero and the sign; a whole byte after nine ones and a zero, a whole word after ten ones.
CODE = re.compile(r"0|1{1,8}0[01]|1{9}0[01]{8}|1{10}[01]{16}")
LITERALS = {18: 8, 26: 16}  # length of a code -> bits of the number that ends it
PADDING = 16  # bits that may be left after the last sample


def sections(data: bytes) -> dict[int, bytes]:
    """What is in every section, by its number. Raises `PacketError` where the file is not whole or not what it says."""
    if data[MAGIC] != b"SCPECG":
        raise PacketError("this is no SCP-ECG file: it has no section 0")
    length = int.from_bytes(data[2:FILE_HEAD], "little")
    if length != len(data):
        raise PacketError(f"this SCP-ECG file is not whole: it states {length} bytes and has {len(data)}")
    _prove(data, "this SCP-ECG file")
    (length,) = unpack_from("<I", data, FILE_HEAD + 4)
    pointers = _section(data, 0, length, FILE_HEAD)
    found = {}
    for number, length, place in iter_unpack("<HII", pointers[: len(pointers) // POINTER * POINTER]):
        if length and number:
            found[number] = _section(data, number, length, place - 1)
    return found


def _section(data: bytes, number: int, length: int, start: int) -> bytes:
    section = data[start : start + length] if start >= 0 else b""
    if len(section) != length or length < SECTION_HEAD:
        raise PacketError(f"section {number} of this SCP-ECG file is not whole: {length} bytes")
    if unpack_from("<HI", section, 2) != (number, length):
        raise PacketError(f"section {number} of this SCP-ECG file is not where section 0 says")
    _prove(section, f"section {number} of this SCP-ECG file")
    return section[SECTION_HEAD:]


def _prove(data: bytes, what: str) -> None:
    if crc_hqx(data[2:], 0xFFFF) != int.from_bytes(data[:2], "little"):
        raise PacketError(f"the CRC of {what} is wrong")


def coded(data: bytes, count: int) -> list[int]:
    """The numbers that the default Huffman codes stand for; fewer than `count` where there are not just so many."""
    bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
    found = [code[0] for code in islice(CODE.finditer(bits), count)]
    fits = bits.startswith("".join(found)) and len(bits) - sum(map(len, found)) < PADDING
    return [_value(code) for code in found] if fits else []


@cache
def _value(code: str) -> int:
    if len(code) in LITERALS:
        literal = code[-LITERALS[len(code)] :]
        return int(literal, 2) - (int(literal[0]) << len(literal))
    return (len(code) - 2) * (1 if code[-1] == "0" else -1) if len(code) > 1 else 0
