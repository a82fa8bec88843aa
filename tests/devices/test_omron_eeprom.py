"""Omron's memory records: what the captures cannot show."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.core.driver import Gatt
from drivers.core.errors import ForbiddenWords, PacketError
from drivers.core.model import Ask, Event, Notice, Numeric, Packet
from drivers.core.omron import CHANNELS, COMMANDS, UNLOCK
from drivers.devices.omron_eeprom import DRIVER, DRIVER_BE
from tests.devices.omron_cuff import Cuff, conversation, stored

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


# --- the conversation

KEY = "deadbeaf12341234deadbeaf12341234"
BE = DRIVER_BE.configured({"model": "HEM-7600T", "key": KEY})
LE = DRIVER.configured({"model": "HEM-7142T2"})


def record_be(pulse: int) -> str:
    """A HEM-7600T's, of 124/81 on 2026-11-23."""
    return f"51631a{pulse:02x}2ee813de000000000000"


def record_le(pulse: int) -> str:
    return f"6351{pulse:02x}1ae82ede13000000000000"


def evolv(newest: str, slots: dict[int, int], **more: Any) -> Cuff:
    """`newest`: the first word of its index; `slots`: the pulses in them."""
    records = [(slot, record_be(pulse)) for slot, pulse in slots.items()]
    return Cuff(stored(0x0260, bytes.fromhex(newest), 0x02AC, records), bytes.fromhex(KEY), **more)


def pulses(events: list[Event]) -> list[int]:
    found = [event for event in events if isinstance(event, Numeric) and event.metric.name == "pulse-rate-nibp"]
    assert all(numeric.from_memory for numeric in found)
    return [int(numeric.value or 0) for numeric in found]


def said(cuff: Cuff) -> list[str]:
    return [ask.data.hex() for ask in cuff.heard]


def test_a_memory_is_unlocked_read_and_closed() -> None:
    cuff = evolv("8004", {0: 60, 1: 61, 2: 62, 3: 63})
    assert pulses(conversation(BE, cuff)) == [60, 61, 62, 63]
    assert said(cuff) == [
        "01" + KEY,
        "0800000000100018",
        "0801000260080063",
        "08010002e42a00c5",  # slots 4 to 6: empty, so nothing was ever kept behind them
        "08010002ac2a008d",  # 0 to 2
        "08010002d60e00d3",  # 3
        "080f000000000007",
    ]


def test_a_ring_that_has_come_round_is_read_from_its_oldest_record() -> None:
    cuff = evolv("8002", {slot: 100 + slot for slot in range(100)})
    assert pulses(conversation(BE, cuff)) == [*range(102, 200), 100, 101]
    assert len(cuff.heard) == 38  # key, open, index, 33 + 1 blocks of up to three, close


@pytest.mark.parametrize("newest", ["8064", "ffff", "0000", "80c8"])
def test_an_index_that_names_no_slot_means_the_first(newest: str) -> None:
    assert pulses(conversation(BE, evolv(newest, {slot: 50 + slot for slot in range(100)}))) == [*range(50, 150)]


def test_an_empty_memory_gives_nothing_and_is_closed() -> None:
    cuff = evolv("ffff", {})
    assert conversation(BE, cuff) == []
    assert said(cuff)[-2:] == ["08010002ac2a008d", "080f000000000007"]


def test_a_newer_cuff_echoes_and_sends_its_replies_whole() -> None:
    slots = [(slot, record_le(60 + slot)) for slot in range(14)]
    cuff = Cuff(stored(0x0260, b"\x05\x80", 0x02E8, slots), one_channel=True)
    assert pulses(conversation(LE, cuff)) == [65, 66, 67, 68, 69, 70, 71, 72, 73, 60, 61, 62, 63, 64]
    assert said(cuff)[:4] == [
        "11" + "63687674" + "00" * 15,
        "0800000000100018",
        "080100026010007b",
        "080100032e2a000e",
    ]


def test_a_model_with_more_slots_has_them_read() -> None:
    slots = [(slot, record_le(60 + slot)) for slot in range(30)]
    cuff = Cuff(stored(0x0260, b"\x00\x80", 0x02E8, slots), one_channel=True)
    assert pulses(conversation(DRIVER.configured({"model": "HEM-716BT2"}), cuff)) == [*range(60, 90)]


def test_a_key_that_is_refused_is_written_while_somebody_holds_the_button() -> None:
    cuff = evolv("8001", {0: 60}, programmable=True)
    cuff.key = bytes(16)
    assert pulses(conversation(BE, cuff)) == [60]
    assert said(cuff)[:4] == ["01" + KEY, "02" + "00" * 16, "00" + KEY, "01" + KEY]


def test_a_cuff_that_refuses_is_left_alone() -> None:
    cuff = evolv("8001", {0: 60})
    cuff.key = bytes(16)
    assert conversation(BE, cuff) == [Notice("cuff-locked")]
    assert said(cuff) == ["01" + KEY, "02" + "00" * 16]


@pytest.mark.parametrize("address", [0x0260, 0x02AC])
def test_a_read_that_is_refused_ends_the_conversation(address: int) -> None:
    cuff = evolv("8000", {0: 60, 1: 61}, refuses=address)
    assert conversation(BE, cuff) == [Notice("device-fault")]
    assert said(cuff)[-1] == "080f000000000007"


def test_an_echo_of_other_words_unlocks_nothing() -> None:
    with pytest.raises(PacketError, match="other words than ours"):
        LE.decoder()(Packet(b"\x91\x00abcd", UNLOCK))


def test_a_reply_of_another_address_is_no_answer() -> None:
    decode, cuff = BE.decoder(), evolv("8001", {0: 60})
    for words in ("01" + KEY, "0800000000100018"):
        for packet in cuff.hears(Ask(bytes.fromhex(words), UNLOCK if words[:2] == "01" else COMMANDS)):
            asked = list(decode(packet))
    assert asked == [Ask(bytes.fromhex("0801000260080063"), COMMANDS)]
    with pytest.raises(PacketError, match="asked 8 bytes at 0x0260, got 8 at 0x0261"):
        for packet in cuff.hears(Ask(bytes.fromhex("0801000261080062"), COMMANDS)):
            decode(packet)


def test_a_piece_without_those_before_it_is_an_error() -> None:
    with pytest.raises(PacketError, match="piece 2 of a reply of which 0 bytes are there"):
        BE.decoder()(Packet(bytes(14), CHANNELS[1]))


@pytest.mark.parametrize(
    "words",
    ["1601c002ac0e", "1101c00286", "0801c0", "02" + "00" * 16, "00" + "ab" * 16, "01" + "00" * 16, "11" + "00" * 19],
)
def test_nothing_is_ever_written_into_a_memory_and_no_other_key(words: str) -> None:
    with pytest.raises(ForbiddenWords):
        DRIVER.allowed(bytes.fromhex(words))
    if words != "02" + "00" * 16:
        with pytest.raises(ForbiddenWords):
            BE.allowed(bytes.fromhex(words))


def test_to_a_cuff_without_settings_nothing_is_said() -> None:
    assert (DRIVER.hello, DRIVER_BE.hello) == ((), ())


@pytest.mark.parametrize(
    "settings", [{"model": "HEM-7155T"}, {"key": KEY}, {"model": "HEM-7142T2", "key": KEY}, {"model": ""}]
)
def test_models_that_keep_their_records_elsewhere_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="wanted model as one of HEM-7142T2, HEM-716BT2"):
        DRIVER.configured(settings)


@pytest.mark.parametrize("key", ["", "ab", KEY + "00", "zz" * 16])
def test_a_key_that_is_none_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match=r"wanted model as one of HEM-7600T and key as 32 hex digits$"):
        DRIVER_BE.configured({"model": "HEM-7600T", "key": key})


def test_a_cuff_is_paired_and_listened_to_before_it_is_unlocked() -> None:
    for driver in (DRIVER, DRIVER_BE):
        assert isinstance(driver.claim, Gatt)
        assert driver.claim.bond
        assert driver.claim.control == UNLOCK
        assert driver.claim.characteristics[-1] == UNLOCK
        assert COMMANDS not in driver.claim.characteristics
