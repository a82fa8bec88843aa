"""Ivy 450C: a recording where there is one, and what the captures cannot show."""

from __future__ import annotations

from collections import Counter

import pytest

from drivers.core.errors import PacketError
from drivers.core.model import Numeric, Packet, Waveform
from drivers.devices.ivy_450c import DRIVER
from tests.devices.captures import lines, outcome, packets
from tests.devices.reference import reference

TEXT = "HR=1;72;ECG-II-DIAG;\rRR=1;14;;\rSPO2=1;97;PR=72 ;\rNIBP=4;{};;\r"
WAVES = bytes(400)


def message(nibp: str = ";;;", text: str = TEXT, waves: bytes = WAVES) -> bytes:
    return b"\xffANSAR-B " + waves + text.format(nibp).encode() + b"\xfe"


def pressures(*messages: bytes) -> list[str]:
    found = lines(outcome(DRIVER, packets(DRIVER, [(data, "") for data in messages])))
    return [line for line in found if line.startswith(("blood", "pulse-rate-nibp", "notice"))]


def test_a_recording() -> None:
    data = reference("serial_monitors/ivy450c_capture.bin")
    framer = DRIVER.framer()
    wire = framer.feed(data)
    found = outcome(DRIVER, [Packet(packet) for packet in wire])
    assert len(wire) == 17
    assert framer.skipped == 252  # the end of the message before
    assert len(data) == 252 + sum(map(len, wire)) + 561  # the last message has no end
    values = Counter((event.metric.name, str(event.value)) for event in found if isinstance(event, Numeric))
    assert values == {
        ("heart-rate", "80"): 17,
        ("respiratory-rate", "35"): 17,
        ("oxygen-saturation", "100"): 17,
        ("pulse-rate", "80"): 17,
        ("blood-pressure-systolic", "121"): 1,
        ("blood-pressure-diastolic", "75"): 1,
        ("blood-pressure-mean", "92"): 1,
        ("pulse-rate-nibp", "80"): 1,
    }
    assert sum(len(event.samples) for event in found if isinstance(event, Waveform)) == 17 * 300


def test_a_measurement_is_given_once_and_the_first_one_is_doubtful() -> None:
    assert pressures(message("124;81;95;71"), message("124;81;95;71"), message("131;84;;")) == [
        "blood-pressure-systolic 124 mm[Hg] questionable",
        "blood-pressure-diastolic 81 mm[Hg] questionable",
        "blood-pressure-mean 95 mm[Hg] questionable",
        "pulse-rate-nibp 71 /min questionable",
        "notice value-held",
        "blood-pressure-systolic 131 mm[Hg] valid",
        "blood-pressure-diastolic 84 mm[Hg] valid",
    ]


def test_a_measurement_made_while_we_listen_is_valid() -> None:
    assert pressures(message(";;;"), message("124;81;95;71"))[0] == "blood-pressure-systolic 124 mm[Hg] valid"


def test_a_number_that_comes_back_after_a_blank_is_no_new_measurement() -> None:
    said = pressures(message(";;;"), message("124;81;95;71"), message(";;;"), message("124;81;95;71"))
    assert said == pressures(message(";;;"), message("124;81;95;71"))


def test_what_is_not_in_use_says_nothing_and_what_goes_is_told() -> None:
    without = TEXT.replace("97;PR=72 ", ";PR= ")
    wire = [message(text=without), message(), message(text=without)]
    found = lines(outcome(DRIVER, packets(DRIVER, [(data, "") for data in wire])))
    assert [line for line in found if line.startswith(("oxygen", "pulse"))] == [
        "oxygen-saturation 97 % valid",
        "pulse-rate 72 /min valid",
        "oxygen-saturation - % invalid",
        "pulse-rate - /min invalid",
    ]


@pytest.mark.parametrize("value", [0xFE, 0xFF])
def test_waves_may_hold_any_byte(value: int) -> None:
    found = outcome(DRIVER, packets(DRIVER, [(message(waves=bytes([value]) * 400), "")]))
    assert [len(event.samples) for event in found if isinstance(event, Waveform)] == [200, 50, 50]


@pytest.mark.parametrize("lost", [1, 2, 7, 399])
def test_a_message_that_lost_bytes_of_its_waves_is_refused(lost: int) -> None:
    found = outcome(DRIVER, packets(DRIVER, [(message(waves=WAVES[lost:]), "")]))
    assert not any(isinstance(event, Numeric | Waveform) for event in found)


@pytest.mark.parametrize("text", [TEXT.replace("HR=1;72", "HR=1;7?"), TEXT.replace("NIBP=4;", "NBP=4;"), TEXT[:-9]])
def test_text_that_is_not_a_monitors_is_refused(text: str) -> None:
    with pytest.raises(PacketError):
        list(DRIVER.decoder()(Packet(message(text=text))))


def test_what_never_ends_is_not_held_back() -> None:
    framer = DRIVER.framer()
    for _ in range(100):
        framer.feed(b"\xffANSAR-B " + bytes(300))
    assert framer.skipped >= 99 * 309 - 1024
