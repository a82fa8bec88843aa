"""Cyclic redundancy checks that devices use and the standard library lacks, named as in Greg Cook's catalogue."""

from __future__ import annotations

from binascii import crc_hqx


def _straight(polynomial: int) -> tuple[int, ...]:
    """The table of an 8-bit CRC, most significant bit first."""

    def step(crc: int) -> int:
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & 0x80 else 0)) & 0xFF
        return crc

    return tuple(map(step, range(256)))


def _reflected(polynomial: int) -> tuple[int, ...]:
    """The table of an 8-bit CRC, least significant bit first."""

    def step(crc: int) -> int:
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
        return crc

    return tuple(map(step, range(256)))


_SMBUS, _MAXIM = _straight(0x07), _reflected(0x8C)
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc8_smbus(data: bytes) -> int:
    """CRC-8/SMBUS: x^8 + x^2 + x + 1, from 0. Over data followed by its CRC it is 0."""
    crc, table = 0, _SMBUS
    for byte in data:
        crc = table[crc ^ byte]
    return crc


def crc8_maxim(data: bytes) -> int:
    """CRC-8/MAXIM-DOW: x^8 + x^5 + x^4 + 1, reflected, from 0. Over data followed by its CRC it is 0."""
    crc, table = 0, _MAXIM
    for byte in data:
        crc = table[crc ^ byte]
    return crc


def crc16_sdlc(data: bytes) -> int:
    """CRC-16/IBM-SDLC (X.25, PPP): x^16 + x^12 + x^5 + 1, reflected, from FFFF, inverted; sent low byte first."""
    crc = crc_hqx(data.translate(_MIRRORED), 0xFFFF)  # the same polynomial, most significant bit first
    return (_MIRRORED[crc >> 8] | _MIRRORED[crc & 0xFF] << 8) ^ 0xFFFF
