"""Philips IntelliVue: what the captures cannot show."""

from __future__ import annotations

from struct import pack

import pytest

from drivers.core.codec import FLOAT_SPECIAL
from drivers.core.crc import crc16_sdlc
from drivers.core.errors import ForbiddenWords, PacketError
from drivers.core.model import Ask
from drivers.devices.philips_intellivue import DRIVER
from tests.devices.captures import lines, outcome, packets

PERCENT, BEATS, MMHG, KPA, CELSIUS, FAHRENHEIT = 0x0220, 0x0AA0, 0x0F20, 0x0F03, 0x17A0, 0x1140
HEART_RATE, SPO2, TEMPERATURE, EAR = 0x4182, 0x4BB8, 0x4B48, 0x4B78
NOON = bytes.fromhex("2024091212000000")
NOT_SET = b"\xff" * 8


def frame(content: bytes, head: bytes = b"\x11\x01", stated: int | None = None) -> bytes:
    body = head + pack(">H", len(content) if stated is None else stated) + content
    body += pack("<H", crc16_sdlc(body))
    for byte in (0x7D, 0xC0, 0xC1):
        body = body.replace(bytes([byte]), bytes([0x7D, byte ^ 0x20]))
    return b"\xc0" + body + b"\xc1"


def listed(*items: bytes) -> bytes:
    body = b"".join(items)
    return pack(">HH", len(items), len(body)) + body


def value(physio: int, unit: int, number: int, state: int = 0, exponent: int = 0) -> bytes:
    return pack(">HHHI", physio, state, unit, (exponent & 0xFF) << 24 | number & 0xFFFFFF)


def seen(*attributes: tuple[int, bytes]) -> bytes:
    return b"\0\1" + listed(*(pack(">HH", number, len(body)) + body for number, body in attributes))


def one(physio: int, unit: int, number: int, state: int = 0, exponent: int = 0) -> bytes:
    return seen((0x0950, value(physio, unit, number, state, exponent)))


def cuff(numbers: tuple[int, int, int], taken: bytes | None = None, state: int = 0, unit: int = MMHG) -> bytes:
    values = listed(*(value(0x4A05 + index, unit, number, state) for index, number in enumerate(numbers)))
    return seen((0x094B, values), *([(0x0990, taken)] if taken is not None else []))


def message(*objects: bytes, kind: int = 2, action: int = 0x0C16, command: int = 7) -> bytes:
    body = bytes(20 if action == 0x0C16 else 22) + listed(b"\0\0" + listed(*objects))
    result = bytes.fromhex("002100000000") + pack(">HH", action, len(body)) + body
    operation = (b"\1\1" if kind == 5 else b"") + pack(">HHH", 1, command, len(result)) + result
    return pack(">HHHH", 0xE100, 2, kind, len(operation)) + operation


def poll(*objects: bytes, kind: int = 2, action: int = 0x0C16, command: int = 7) -> bytes:
    return frame(message(*objects, kind=kind, action=action, command=command))


def said(*frames: bytes) -> list[str]:
    return lines(outcome(DRIVER, packets(DRIVER, [(data, "") for data in frames])))


def test_the_check_of_a_published_frame() -> None:
    wire = bytes.fromhex("c03a719b26c1")
    (packet,) = packets(DRIVER, [(wire, "")])
    assert packet.data == bytes.fromhex("3a719b26")
    assert crc16_sdlc(packet.data[:-2]) == int.from_bytes(packet.data[-2:], "little")


@pytest.mark.parametrize("special", sorted(FLOAT_SPECIAL))
def test_special_values_are_no_numbers(special: int) -> None:
    without = poll(seen((0x0950, pack(">HHHI", SPO2, 0, PERCENT, special))))
    assert said(without) == []
    assert said(poll(one(SPO2, PERCENT, 97)), without)[1] == "oxygen-saturation - % invalid"


@pytest.mark.parametrize("state", [0x8000, 0x2000, 0x1000, 0x0800, 0x0400, 0x0020, 0xA000])
def test_states_without_a_number(state: int) -> None:
    assert not [line for line in said(poll(one(SPO2, PERCENT, 97, state))) if line.startswith("oxygen")]


@pytest.mark.parametrize(
    ("state", "notice"),
    [(0x1000, "calibrating"), (0x0800, "demonstration-data"), (0x0400, "demonstration-data")],
)
def test_states_that_are_told(state: int, notice: str) -> None:
    assert said(poll(one(SPO2, PERCENT, 97, state))) == [f"notice {notice}"]


def test_states_that_raise_doubt_or_none() -> None:
    assert said(poll(one(SPO2, PERCENT, 97, 0x4000))) == ["oxygen-saturation 97 % questionable"]
    assert said(poll(one(SPO2, PERCENT, 97, 0x0040))) == [
        "oxygen-saturation 97 % questionable",
        "notice early-estimate",
    ]
    assert said(poll(one(SPO2, PERCENT, 97, 0x0083))) == ["oxygen-saturation 97 % valid"]  # validated, in alarm


def test_units() -> None:
    assert said(poll(one(TEMPERATURE, FAHRENHEIT, 9905, exponent=-2))) == ["body-temperature 99.05 [degF] valid"]
    assert said(poll(cuff((16, 11, 13), NOON, unit=KPA)))[0].startswith("blood-pressure-systolic 16 kPa valid")
    assert said(poll(one(HEART_RATE, CELSIUS, 72), one(SPO2, 0, 97), one(TEMPERATURE, PERCENT, 37))) == []


def test_of_two_temperatures_the_one_that_is_measured() -> None:
    wire = [poll(one(TEMPERATURE, CELSIUS, 37)), poll(one(TEMPERATURE, CELSIUS, 0, 0x8000), one(EAR, CELSIUS, 38))]
    assert said(*wire) == ["body-temperature 37 Cel valid", "body-temperature 38 Cel valid site:ear"]


def test_a_cuff_measurement_is_given_once_and_again_when_it_was_made_again() -> None:
    first, second = poll(cuff((124, 81, 95), NOON)), poll(cuff((124, 81, 95), bytes.fromhex("2024091212300000")))
    assert [line for line in said(first, first, second, second) if "systolic" in line] == [
        "blood-pressure-systolic 124 mm[Hg] valid 2024-09-12T12:00:00",
        "blood-pressure-systolic 124 mm[Hg] valid 2024-09-12T12:30:00",
    ]


def test_a_cuff_measurement_without_its_age_is_doubtful_when_it_was_there_before_us() -> None:
    first, second = poll(cuff((124, 81, 95), NOT_SET)), poll(cuff((131, 84, 99), NOT_SET))
    assert [line for line in said(first, first, second) if "systolic" in line or "held" in line] == [
        "blood-pressure-systolic 124 mm[Hg] questionable",
        "notice value-held",
        "blood-pressure-systolic 131 mm[Hg] valid",
    ]


def test_a_doubtful_cuff_measurement() -> None:
    assert said(poll(cuff((124, 81, 95), NOON, 0x4000)))[0].startswith("blood-pressure-systolic 124 mm[Hg] question")
    assert said(poll(cuff((124, 81, 95), NOON, 0x8000))) == []


@pytest.mark.parametrize(
    "other",
    [
        poll(one(SPO2, PERCENT, 97), kind=3),
        poll(one(SPO2, PERCENT, 97), command=1),
        poll(one(SPO2, PERCENT, 97), action=0x0D06),
        frame(bytes.fromhex("0a18c11661144802") + bytes(20)),
    ],
)
def test_other_messages_say_nothing(other: bytes) -> None:
    assert said(other) == []


@pytest.mark.parametrize(
    "bad",
    [
        frame(b""),
        frame(bytes.fromhex("e1000002000200de")),
        poll(seen((0x0950, bytes(9)))),
        poll(seen((0x094B, b"\xff\xff\0\0"))),
        poll(b"\0\1\0\1\0\4\x09\x50\0\x0a"),
        frame(message(), head=b"\x11\x02"),
        frame(message(), stated=7),
        poll(one(SPO2, PERCENT, 97)).replace(bytes((0, 0, 0, 97)), bytes((0, 0, 0, 99))),
    ],
)
def test_broken_messages_are_refused(bad: bytes) -> None:
    (packet,) = packets(DRIVER, [(bad, "")])
    with pytest.raises(PacketError):
        list(DRIVER.decoder()(packet))


def test_a_frame_after_lost_bytes_is_read() -> None:
    framer = DRIVER.framer()
    whole = poll(one(SPO2, PERCENT, 97))
    wire = framer.feed(b"\x01" + whole[:30] + whole + whole[30:] + whole)
    assert [data[:2] for data in wire] == [b"\x11\x01"] * 2
    assert framer.skipped == 1 + 29 + len(whole) - 31  # flags are not counted


def test_what_never_ends_is_not_held_back() -> None:
    framer = DRIVER.framer()
    assert framer.feed(b"\xc0" + bytes(20_000)) == []
    assert framer.skipped >= 20_000 - 4096


def test_the_conversation_by_which_it_comes_to_speak() -> None:
    # The request of public clients, but for what is asked for: a poll a second, messages of 1000 bytes, numerics only.
    (request,) = packets(DRIVER, [(DRIVER.hello[0], "")])
    assert request.data[:6] == bytes.fromhex("110100ee0dec")
    assert request.data[4 + 182 : 4 + 194].hex() == "8000000000001f40000003e8"
    assert lines(outcome(DRIVER, [request])) == []  # heard back by an echo, it says nothing

    tells = bytes.fromhex("e1000002 0001 0018 0007 0001 0012 0021 0000 0000 00481f2f 0d06 0004 00000000")
    answer, poll_request = outcome(DRIVER, packets(DRIVER, [(frame(tells), "")]))
    assert isinstance(answer, Ask)
    assert isinstance(poll_request, Ask)
    known = bytes.fromhex("e1000002 0002 0014 0007 0001 000e 0021 0000 0000 00481f2f 0d06 0000")
    assert answer.data == frame(known)
    assert DRIVER.allowed(answer.data)
    numerics = (
        "e1000002 0001 0028 0001 0007 0022 0021 00000000 00000000 f13b 0014 0001 0001 0006 0000 0001 0008 f13e 0004"
    )
    assert poll_request.data == frame(bytes.fromhex(numerics + "00493e00"))
    assert DRIVER.allowed(poll_request.data)


@pytest.mark.parametrize("command", ["0005", "0001", "0003"])
def test_no_setting_of_the_monitor_can_be_changed(command: str) -> None:
    words = bytes.fromhex(f"e1000002 0001 0014 0001 {command} 000e 0021 0000 0000 00000000 0d06 0000")
    with pytest.raises(ForbiddenWords):
        DRIVER.allowed(frame(words))


@pytest.mark.parametrize("session", ["0e", "0c", "0a", "19"])
def test_what_the_session_says_is_no_value(session: str) -> None:
    assert said(frame(bytes.fromhex(session + "2e11010341"))) == []
