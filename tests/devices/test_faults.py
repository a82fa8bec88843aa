"""Every capture with every fault: what a bad cable or a bad device may do to what is believed."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.core.capture import Capture, parse
from drivers.core.driver import Driver
from drivers.core.errors import LinkError, PacketError
from drivers.core.gatt import COMMON
from drivers.core.model import Event, Numeric, Validity
from drivers.links.faults import End, Faults, failed_words, spoiled, timed
from drivers.registry import DRIVERS
from tests.devices.captures import CAPTURES, outcome, packets, recorded
from tests.devices.test_conformance import CHECKSUMMED, NAMES, check_events, driver_of

QUICK = settings(max_examples=25, deadline=None)
AGAIN = 4  # plays of a clean capture after which nothing of a fault may be left
# Unless its whole memory is one frame: a spoiled length may then be waited for, as many bytes as such a frame may have.
WAITED = {"microlife-cuff": 4096}

CUFF = DRIVERS["ble-blood-pressure"]
NORMAL = CAPTURES["ble-blood-pressure/normal"]
STEADY = CAPTURES["contec-cms50/steady"]
ODDS = st.sampled_from([0.0, 0.1, 0.5])
COUNTS = st.none() | st.integers(0, 12)
CABLES = st.builds(
    Faults, loss=ODDS, duplicate=ODDS, unplug_after=COUNTS, stall_after=COUNTS, seed=st.integers(0, 1000)
)
NOISE = st.builds(Faults, loss=ODDS, duplicate=ODDS, noise=st.sampled_from([0.2, 1.0]), seed=st.integers(0, 1000))

# With every packet spoiled by one byte, flipped or inserted: in how many of 150 plays a wrong value may pass as valid.
# A checksum stops every flipped byte (test_conformance); an inserted one moves all that follows, and CRC-8 lets one in
# 256 of these pass. A protocol without a checksum stops what its framing and ranges do not allow, no more: its cable
# or radio must be trusted (BLE has a CRC of its own), and `CHECKSUMMED` names those that need not.
PLAYS, PASSED = 150, 1


def played(driver: Driver, capture: Capture, faults: Faults, again: int = 0) -> list[Event | PacketError]:
    """What a decoder makes of the faulty play, and of so many clean ones after it over the same framer."""
    pieces = [(step.said.data, step.said.channel) for step in spoiled(capture, driver, faults).steps]
    return outcome(driver, packets(driver, pieces + recorded(capture) * again))


def believed(found: list[Event | PacketError]) -> set[tuple[str, Decimal | None, str]]:
    return {
        (event.metric.name, event.value, event.unit)
        for event in found
        if isinstance(event, Numeric) and event.validity is Validity.VALID
    }


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(faults=CABLES)
def test_what_is_lost_repeated_or_cut_makes_no_new_value(name: str, faults: Faults) -> None:
    driver, capture = driver_of(name), CAPTURES[name]
    found = played(driver, capture, faults)
    check_events(found)
    assert believed(found) <= believed(played(driver, capture, Faults()))


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(faults=NOISE)
def test_noise_is_an_error_or_an_event_and_never_a_crash(name: str, faults: Faults) -> None:
    check_events(played(driver_of(name), CAPTURES[name], faults))


PROVEN = [
    name
    for name in NAMES
    if CAPTURES[name].driver in CHECKSUMMED
    and not any(packet.channel in COMMON for packet in CAPTURES[name].packets)  # SIG's own have no checksum
]


@pytest.mark.parametrize("name", PROVEN)
def test_noise_makes_no_valid_value_where_there_is_a_checksum(name: str) -> None:
    driver, capture = driver_of(name), CAPTURES[name]
    truth = believed(played(driver, capture, Faults()))
    wrong = [believed(played(driver, capture, Faults(noise=1.0, seed=seed))) - truth for seed in range(PLAYS)]
    assert sum(map(bool, wrong)) <= PASSED


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(faults=NOISE | CABLES)
@example(faults=Faults(noise=0.2, seed=45))
def test_the_stream_is_found_again(name: str, faults: Faults) -> None:
    driver, capture = driver_of(name), CAPTURES[name]
    pieces = [(step.said.data, step.said.channel) for step in spoiled(capture, driver, faults).steps]
    clean = recorded(capture)
    framer, once = driver.framer(), sum(len(data) for data, _ in clean)
    again = max(AGAIN, 1 + math.ceil(WAITED.get(driver.name, 0) / once))
    for data, _ in pieces + clean * (again - 1):
        framer.feed(data)
    skipped, fresh = framer.skipped, driver.framer()
    for data, _ in clean * again:  # a capture may end in the middle of a packet: it too goes over into its repetition
        fresh.feed(data)
    last = [packet for data, _ in clean for packet in framer.feed(data)]
    once_more = [packet for data, _ in clean for packet in fresh.feed(data)]
    assert last == once_more, f"{framer.skipped - skipped} bytes were skipped"


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = Faults(loss=0.3, duplicate=0.3, noise=0.3, seed=7)
    assert spoiled(STEADY, DRIVERS["contec-cms50"], faults) == spoiled(STEADY, DRIVERS["contec-cms50"], faults)
    other = replace(faults, seed=8)
    assert spoiled(STEADY, DRIVERS["contec-cms50"], faults) != spoiled(STEADY, DRIVERS["contec-cms50"], other)


def test_a_cable_is_pulled_in_the_middle_of_a_packet() -> None:
    play = spoiled(STEADY, DRIVERS["contec-cms50"], Faults(unplug_after=2))
    assert play.end is End.UNPLUGGED
    assert [len(step.said.data) for step in play.steps] == [11, 9, 4]


def test_a_device_stalls() -> None:
    play = spoiled(STEADY, DRIVERS["contec-cms50"], Faults(stall_after=3))
    assert (play.end, len(play.steps)) == (End.STALLED, 3)


def test_all_is_lost_or_comes_twice() -> None:
    assert spoiled(NORMAL, CUFF, Faults(loss=1.0)).steps == ()
    assert [step.said.data[:2].hex() for step in spoiled(NORMAL, CUFF, Faults(duplicate=1.0)).steps] == ["167c"] * 2


def test_a_slow_device_waits_longer() -> None:
    capture = parse(
        "# driver: x\n# device: x\n# source: x\n# licence: x\n# evidence: made\n@0 01\n@0.5 02\n> @0.6 03\n@1 04\n"
    )
    assert [step.wait_s for step in timed(capture.talk)] == pytest.approx([1 / 3, 0.5, 0.1, 0.4])
    slow = spoiled(capture, CUFF, Faults(slow=10))
    assert [step.wait_s for step in slow.steps] == pytest.approx([10 / 3, 5, 1, 4])


def test_a_clock_jumps() -> None:
    found = played(CUFF, NORMAL, Faults(clock_jump_s=-86400))
    assert {str(event.taken) for event in found if isinstance(event, Numeric)} == {"2024-06-14 17:17:27"}
    with pytest.raises(LinkError, match="clock jump: nothing in this capture has a time that can be changed"):
        spoiled(STEADY, DRIVERS["contec-cms50"], Faults(clock_jump_s=60))


def test_the_clock_of_a_monitor_jumps_too() -> None:
    play = spoiled(CAPTURES["hl7-oru/made-quirks"], DRIVERS["hl7-oru"], Faults(clock_jump_s=3600))
    assert b"|20260912130000|" in play.steps[0].said.data
    assert b"|20260912125930\r" in play.steps[0].said.data


def test_a_wrong_patient() -> None:
    monitor = spoiled(CAPTURES["hl7-oru/made-quirks"], DRIVERS["hl7-oru"], Faults(wrong_patient=True))
    assert all(b"\rPID|1||CHEVET-0000^^^^MR||Other^Patient|" in step.said.data for step in monitor.steps)
    found = played(CUFF, NORMAL, Faults(wrong_patient=True))
    systolic = [str(e.taken) for e in found if isinstance(e, Numeric) and e.metric.name == "blood-pressure-systolic"]
    assert systolic == ["2024-06-14 17:17:27", "2024-06-15 17:17:27"]


def test_a_measurement_fails() -> None:
    error = failed_words(CUFF, [NORMAL, CAPTURES["ble-blood-pressure/doubtful"], CAPTURES["ble-blood-pressure/failed"]])
    assert error is not None
    found = played(CUFF, NORMAL, Faults(error=error))
    values = [event.value for event in found if isinstance(event, Numeric)]
    assert values == [None] * len(values)
    assert values


def test_some_drivers_have_no_capture_of_a_failure() -> None:
    assert failed_words(CUFF, [NORMAL]) is None
