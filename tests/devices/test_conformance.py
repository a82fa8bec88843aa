"""What every driver must keep, over every capture there is. A row in the registry is all that a new driver needs."""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.core.claims import overlap
from drivers.core.codec import FLOAT_SPECIAL, SFLOAT_SPECIAL
from drivers.core.driver import Driver, Gatt, Tier, Whole
from drivers.core.errors import ForbiddenWords, PacketError
from drivers.core.gatt import COMMON
from drivers.core.model import Ask, Event, Notice, Numeric, Packet, Validity, Waveform
from drivers.core.notices import NOTICES
from drivers.core.omron import UNLOCK
from drivers.registry import DRIVERS
from tests.devices.captures import CAPTURES, lines, outcome, packets, recorded

# Channels whose packets may end early and still be whole, because ...
OPEN_ENDED = {
    "2a37": "RR intervals go on to the end of the packet",
    "2a24": "text has no length of its own",
    "2a25": "text has no length of its own",
    "2a26": "text has no length of its own",
    "2a29": "text has no length of its own",
    UNLOCK: "what follows an answer's first bytes is filler of no stated length",
}
# Where every packet of a characteristic has decimal numbers of IEEE 11073, and what must not be read from there.
SFLOATS = tuple(raw.to_bytes(2, "little") for raw in SFLOAT_SPECIAL)
FLOATS = tuple(raw.to_bytes(4, "little") for raw in FLOAT_SPECIAL)
DECIMAL_FIELDS = {
    "2a35": (SFLOATS, (1, 3, 5)),
    "2a1c": (FLOATS, (1,)),
    "2a5e": (SFLOATS, (1, 3)),
    "2a5f": (SFLOATS, (1, 3)),
}
MANTISSAS = (0x7FF, 0x7FE, -0x800, -0x7FF, -0x7FE, 0x7FFFFF, 0x7FFFFE, -0x800000, -0x7FFFFF, -0x7FFFFE)
NEVER = {mantissa * 10**exponent for mantissa in MANTISSAS for exponent in (0, 3, 5, 10)}  # whatever unit it passes for

# Drivers whose packets prove themselves: one changed byte must not pass as a valid value.
CHECKSUMMED = {
    "ge-s5",
    "microlife-cuff",
    "nonin-format-13",
    "nonin-oem3",
    "nonin-oem3-format-7",
    "philips-intellivue",
    "viatom-o2ring",
    "viatom-o2ring-s",
    "viatom-pc60fw",
}

# Every byte of every capture is changed: in short pieces each of its bits, and all of them; in long ones in one of
# these ways, in turn. With `CHEVET_EXHAUSTIVE=1` every byte becomes every other byte there is, for hours.
EXHAUSTIVE = bool(os.environ.get("CHEVET_EXHAUSTIVE"))
CHANGES = tuple(range(1, 256)) if EXHAUSTIVE else (1, 2, 4, 8, 16, 32, 64, 128, 255)
LONG = 64

NAMES = sorted(CAPTURES)
STREAMS = [name for name in NAMES if DRIVERS[CAPTURES[name].driver].framer is not Whole]
QUICK = settings(max_examples=60, deadline=None)


def driver_of(name: str) -> Driver:
    return DRIVERS[CAPTURES[name].driver]


def valid_values(found: list[Event | PacketError]) -> Counter[tuple[str, Decimal | None]]:
    numerics = [event for event in found if isinstance(event, Numeric)]
    return Counter((event.metric.name, event.value) for event in numerics if event.validity is Validity.VALID)


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_means_what_it_states(name: str) -> None:
    driver, capture = driver_of(name), CAPTURES[name]
    assert name.startswith(f"{driver.name}/")
    assert lines(outcome(driver, packets(driver, recorded(capture)))) == list(capture.expected)


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_what_is_said_by_itself_may_be_said(driver: Driver) -> None:
    for words in (*driver.hello, *([driver.keepalive[0]] if driver.keepalive else [])):
        assert driver.allowed(words) == words
    assert all(driver.says), "an empty beginning allows everything"
    with pytest.raises(ForbiddenWords):
        driver.allowed(b"")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_may_be_said(name: str) -> None:
    driver = driver_of(name)
    for event in outcome(driver, packets(driver, recorded(CAPTURES[name]))):
        if isinstance(event, Ask):
            assert driver.allowed(event.data) == event.data


@pytest.mark.parametrize("name", STREAMS)
def test_chunking_is_invisible(name: str) -> None:
    driver, stream = driver_of(name), b"".join(data for data, _ in recorded(CAPTURES[name]))
    whole = packets(driver, [(stream, "")])
    one_by_one = packets(driver, [(bytes([byte]), "") for byte in stream])
    assert one_by_one == whole


@pytest.mark.parametrize("name", STREAMS)
@QUICK
@given(data=st.data())
def test_random_cuts_are_invisible(name: str, data: st.DataObject) -> None:
    driver, stream = driver_of(name), b"".join(data for data, _ in recorded(CAPTURES[name]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    pieces = [(stream[start:stop], "") for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert packets(driver, pieces) == packets(driver, [(stream, "")])


@pytest.mark.parametrize("name", STREAMS)
def test_every_byte_is_in_a_packet_or_counted(name: str) -> None:
    driver, stream = driver_of(name), b"".join(data for data, _ in recorded(CAPTURES[name]))
    framer = driver.framer()
    assert 0 <= framer.skipped <= len(stream)
    framer.feed(stream * 3)
    assert 0 <= framer.skipped <= 3 * len(stream)


@pytest.mark.parametrize("name", NAMES)
def test_a_packet_cut_short_says_nothing(name: str) -> None:
    driver = driver_of(name)
    for packet in packets(driver, recorded(CAPTURES[name])):
        if any(isinstance(event, PacketError) for event in outcome(driver, [packet])):
            continue  # a capture of something broken
        whole = valid_values(outcome(driver, [packet]))
        for length in range(len(packet.data)):
            found = outcome(driver, [Packet(packet.data[:length], packet.channel)])
            if packet.channel in OPEN_ENDED:
                assert valid_values(found) <= whole
            else:
                assert all(isinstance(event, PacketError) for event in found), (packet, length)


def is_broken(driver: Driver, data: bytes, channel: str) -> bool:
    """Whether a capture shows something broken here: changing the right bit would make it whole."""
    framer, decoder = driver.framer(), driver.decoder()
    try:
        for packet in framer.feed(data):
            list(decoder(Packet(packet, channel)))
    except PacketError:
        return True
    return framer.skipped > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_is_an_error_or_a_value_never_a_crash(name: str) -> None:
    driver, pieces = driver_of(name), recorded(CAPTURES[name])
    truth = valid_values(outcome(driver, packets(driver, pieces)))
    for index, (data, channel) in enumerate(pieces):
        broken = is_broken(driver, data, channel)
        for at in range(len(data)):
            sampled = len(data) >= LONG and not EXHAUSTIVE
            for change in CHANGES[at % 9 : at % 9 + 1] if sampled else CHANGES:
                bad = bytes([*data[:at], data[at] ^ change, *data[at + 1 :]])
                found = outcome(driver, packets(driver, [*pieces[:index], (bad, channel), *pieces[index + 1 :]]))
                check_events(found)
                if driver.name in CHECKSUMMED and channel not in COMMON and not broken:
                    assert valid_values(found) <= truth, (name, index, at)


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
@QUICK
@given(noise=st.lists(st.binary(max_size=64), max_size=8))
def test_noise_raises_nothing_but_packet_errors(driver: Driver, noise: list[bytes]) -> None:
    channels = driver.claim.characteristics if isinstance(driver.claim, Gatt) else ("",)
    for channel in (*channels, "2a19", "no such channel"):
        check_events(outcome(driver, packets(driver, [(piece, channel) for piece in noise])))
        check_events(outcome(driver, [Packet(piece, channel) for piece in noise]))


@pytest.mark.parametrize("name", NAMES)
def test_special_values_never_become_numbers(name: str) -> None:
    driver = driver_of(name)
    for packet in packets(driver, recorded(CAPTURES[name])):
        specials, offsets = DECIMAL_FIELDS.get(packet.channel, ((), ()))
        for special in specials:
            for at in offsets:
                data = packet.data[:at] + special + packet.data[at + len(special) :]
                found = outcome(driver, [Packet(data, packet.channel)])
                numbers = [event.value for event in found if isinstance(event, Numeric) and event.value is not None]
                assert not NEVER.intersection(int(value.scaleb(5)) for value in numbers), (packet, special, at)


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_a_driver_is_proven_by_captures(driver: Driver) -> None:
    mine = {name: capture for name, capture in CAPTURES.items() if capture.driver == driver.name}
    assert mine, "a driver needs a capture"
    found = [event for capture in mine.values() for event in outcome(driver, packets(driver, recorded(capture)))]
    numbers = {event.metric for event in found if isinstance(event, Numeric) and event.value is not None}
    waves = {event.metric for event in found if isinstance(event, Waveform)}
    assert numbers | waves == set(driver.gives)
    real = any(capture.facts["evidence"] == "real" for capture in mine.values())
    assert real or driver.tier is Tier.DRAFT, "only bytes of a real device make a driver more than a draft"
    assert driver.evidence


def test_no_two_claims_meet_the_same_hardware() -> None:
    clashes = [
        (one.name, other.name) for one, other in combinations(DRIVERS.values(), 2) if overlap(one.claim, other.claim)
    ]
    assert clashes == []


def test_names_are_those_of_the_registry() -> None:
    assert all(name == driver.name for name, driver in DRIVERS.items())


def check_events(found: list[Event | PacketError]) -> None:
    """What holds for every event, whatever the bytes were."""
    for event in found:
        if isinstance(event, Notice):
            assert event.code in NOTICES
        elif isinstance(event, Numeric) and event.value is not None:
            assert event.value.is_finite()
            assert event.value.adjusted() < 400
        elif isinstance(event, Waveform):
            assert event.rate_hz > 0
            assert event.samples
