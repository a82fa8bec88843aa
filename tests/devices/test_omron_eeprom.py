"""Omron's memory records: what the captures cannot show."""

from __future__ import annotations

import pytest

from drivers.core.errors import PacketError
from drivers.core.model import Notice, Numeric, Packet
from drivers.devices.omron_eeprom import CHANNELS, DRIVER, DRIVER_BE

RECORD = bytes.fromhex("6558541a331ade1800004c00ba00")
REPLY = bytes.fromhex("16810000980e6351421ae82ede130000070000000067")


def numerics(data: bytes) -> list[Numeric]:
    return [event for event in DRIVER.decoder()(Packet(data, CHANNELS[0])) if isinstance(event, Numeric)]


def test_everything_is_from_memory() -> None:
    assert [numeric.from_memory for numeric in numerics(RECORD)] == [True, True, True]


@pytest.mark.parametrize("slot", ["ff" * 14, "00" * 14, "e2" + "00" * 13, "ff" + "58541a331ade1800004c00ba00"])
def test_an_empty_slot_gives_nothing_in_either_layout(slot: str) -> None:
    assert numerics(bytes.fromhex(slot)) == []
    flipped = bytes.fromhex(slot[2:4] + slot[:2] + slot[4:])
    assert list(DRIVER_BE.decoder()(Packet(flipped, CHANNELS[0]))) == []


@pytest.mark.parametrize("at", range(len(REPLY)))
def test_no_changed_byte_of_a_reply_gives_a_valid_value(at: int) -> None:
    changed = bytes([*REPLY[:at], REPLY[at] ^ 0x10, *REPLY[at + 1 :]])
    with pytest.raises(PacketError):
        numerics(changed)


def test_a_reply_cut_to_the_length_of_a_record_is_not_taken_for_one() -> None:
    with pytest.raises(PacketError, match="announces 22 bytes has 14"):
        numerics(REPLY[:14])


def test_an_impossible_date_leaves_the_record_without_one() -> None:
    events = list(DRIVER.decoder()(Packet(RECORD[:4] + b"\x33\x02" + RECORD[6:], CHANNELS[0])))
    assert Notice("clock-not-set") in events
    assert [event.taken for event in events if isinstance(event, Numeric)] == [None, None, None]
