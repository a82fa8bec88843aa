"""The checks: values of Greg Cook's catalogue for "123456789", and one frame of each device that uses them."""

from __future__ import annotations

from drivers.core.crc import crc8_maxim, crc8_smbus, crc16_sdlc


def test_the_catalogue() -> None:
    assert crc8_smbus(b"123456789") == 0xF4
    assert crc8_maxim(b"123456789") == 0xA1
    assert crc16_sdlc(b"123456789") == 0x906E


def test_frames_of_public_clients() -> None:
    assert crc8_smbus(bytes.fromhex("aa17e800000000")) == 0x1B
    assert crc8_smbus(bytes.fromhex("a5e11e00020000")) == 0xBF
    assert crc16_sdlc(bytes.fromhex("3a71")).to_bytes(2, "little") == bytes.fromhex("9b26")
