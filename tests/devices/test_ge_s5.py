"""GE S/5: what the captures cannot show."""

from __future__ import annotations

from struct import pack

import pytest

from drivers.core.errors import PacketError
from drivers.core.model import Packet, Waveform
from drivers.devices.ge_s5 import DRIVER
from tests.devices.captures import lines, outcome, packets
from tests.devices.reference import reference

CONDITIONS = (-32767, -32766, -32764, -32763, -32762, -32768, -32001)
ECG, CUFF, TEMPERATURE, OXIMETER, CLASS = 4, 76, 90, 122, 277
HEAD = 40


def frame(record: bytes) -> bytes:
    body = record + bytes((sum(record) & 0xFF,))
    return b"\x7e" + body.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


def record(kind: int, number: int, body: bytes, length: int | None = None) -> bytes:
    head = pack("<h12xhhB2xB18x", HEAD + len(body) if length is None else length, kind, 0, number, 0xFF)
    return frame(head + body)


def vitals(*changes: tuple[int, bytes], number: int = 1) -> bytes:
    body = bytearray(278)
    for at, values in (
        (ECG, pack("<IH5h", 0x0B, 0, 72, 0, 0, 0, 14)),
        (CUFF, pack("<IH4h", 3, 0, 12400, 8100, 9500, 70)),
        (TEMPERATURE, pack("<IHh", 3, 1, 3700)),
        (OXIMETER, pack("<IH2h", 3, 0, 9700, 71)),
        *changes,
    ):
        body[at : at + len(values)] = values
    return record(0, number, bytes(body))


def said(*frames: bytes) -> list[str]:
    return lines(outcome(DRIVER, packets(DRIVER, [(data, "") for data in frames])))


def test_what_is_displayed() -> None:
    assert said(vitals())[:5] == [
        "heart-rate 72 /min valid",
        "respiratory-rate 14 /min valid",
        "oxygen-saturation 97.00 % valid",
        "pulse-rate 71 /min valid",
        "body-temperature 37.00 Cel valid site:esophagus",
    ]


def test_the_recorded_record() -> None:
    found = outcome(DRIVER, packets(DRIVER, [(frame(reference("serial_monitors/ge_s5_dri_waveform.bin")), "")]))
    waves = {event.metric.name: event for event in found if isinstance(event, Waveform)}
    assert {name: (len(wave.samples), int(wave.rate_hz)) for name, wave in waves.items()} == {
        "ecg-lead-ii": (60, 300),
        "plethysmogram": (20, 100),
    }
    assert (waves["ecg-lead-ii"].samples[0], waves["plethysmogram"].samples[::2][:2]) == (-177, (-360, -400))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_never_a_number(condition: int) -> None:
    without = vitals((OXIMETER + 6, pack("<h", condition)))
    assert [line for line in said(vitals(), without) if line.startswith("oxygen")] == [
        "oxygen-saturation 97.00 % valid",
        "oxygen-saturation - % invalid",
    ]
    assert not [line for line in said(without) if line.startswith("oxygen")]
    assert said(record(1, 8, pack("<hHH3h", 3, 0, 0, 5, condition, 7))) == ["wave plethysmogram 100 1 5,-,7"]


@pytest.mark.parametrize("status", [0, 1, 2])
def test_what_is_not_there_or_not_active_says_nothing(status: int) -> None:
    frames = vitals(*((at, pack("<I", status)) for at in (ECG, CUFF, TEMPERATURE, OXIMETER)))
    assert said(frames) == []


def test_temperatures_of_the_room_are_nobodys() -> None:
    for label in (7, 8, 9, 10, 16):
        assert not [line for line in said(vitals((TEMPERATURE, pack("<IHh", 3, label, 3700)))) if "temp" in line]


def test_a_cuff_at_work_gives_nothing_and_the_result_is_given_once() -> None:
    working = vitals((CUFF, pack("<IH4h", 3, 0x20, 15000, 0, 0, 0)))
    done = vitals((CUFF, pack("<IH4h", 3, 0, 13100, 8400, 9900, 74)))
    found = [line for line in said(vitals(), working, done, done) if line.startswith("blood-pressure-systolic")]
    assert found == [
        "blood-pressure-systolic 124.00 mm[Hg] questionable",
        "blood-pressure-systolic 131.00 mm[Hg] valid",
    ]


def test_other_classes_trends_and_record_types_are_left_alone() -> None:
    assert said(vitals((CLASS, b"\x01"))) == []
    assert said(vitals(number=2)) == []
    assert said(record(4, 1, bytes(278))) == []


@pytest.mark.parametrize(
    "bad",
    [
        vitals()[:-2] + b"\x7e",
        vitals().replace(pack("<H", 9700), pack("<H", 9900)),
        record(0, 1, bytes(277)),
        record(0, 1, bytes(278), length=HEAD + 277),
        record(1, 8, pack("<hHH", 1, 0, 0)),
        record(1, 8, pack("<hHHh", -1, 0, 0, 0)),
        record(1, 8, b"\0\0\0\0\0"),
    ],
)
def test_broken_records_are_refused(bad: bytes) -> None:
    (packet,) = packets(DRIVER, [(bad, "")])
    with pytest.raises(PacketError):
        list(DRIVER.decoder()(packet))


def test_a_record_after_lost_bytes_is_read() -> None:
    framer = DRIVER.framer()
    whole = vitals()
    wire = [Packet(data) for data in framer.feed(b"\x01\x02" + whole[:100] + whole + whole[200:] + whole)]
    found = outcome(DRIVER, wire)
    assert lines(found)[:1] == ["error no record, or its sum or length is wrong: 99 bytes"]
    assert [line for line in lines(found) if line.startswith("oxygen")] == ["oxygen-saturation 97.00 % valid"] * 2
    assert framer.skipped >= 2


def test_what_never_ends_is_not_held_back() -> None:
    framer = DRIVER.framer()
    assert framer.feed(b"\x7e" + bytes(10_000)) == []
    assert framer.skipped >= 10_000 - 2048


def test_what_is_asked_for() -> None:
    displayed, waves = (packets(DRIVER, [(hello, "")])[0].data for hello in DRIVER.hello)
    assert (displayed[:2], waves[:2]) == (b"\x31\x00", b"\x48\x00")
    assert displayed[HEAD:-1] == bytes((1, 5, 0, 0, 0, 0, 0, 0, 0))
    assert waves[HEAD:-1] == bytes((0, 0, 0, 0, 1, 8, 0xFF)) + bytes(25)
    assert all(sum(data[:-1]) & 0xFF == data[-1] for data in (displayed, waves))
    assert all(hello.count(b"\x7d") == 0 and hello.count(b"\x7e") == 2 for hello in DRIVER.hello)
