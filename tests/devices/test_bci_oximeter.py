"""BCI oximeters: what the captures cannot show."""

from __future__ import annotations

import pytest

from drivers.core.errors import PacketError
from drivers.core.model import Packet
from drivers.devices.bci_oximeter import DRIVER
from tests.devices.captures import lines, outcome, packets


@pytest.mark.parametrize(
    "wire",
    [
        "0000004861",  # no byte begins a packet
        "8080004861",  # two do, in turn
        "8500804861",
        "8500008861",
        "85000048e1",
    ],
)
def test_three_packets_with_a_wrong_bit_7_hold_no_packet(wire: str) -> None:
    framer = DRIVER.framer()
    assert framer.feed(bytes.fromhex(wire) * 3) == []
    assert 10 <= framer.skipped <= 15


def test_a_stream_without_packets_is_not_held_back() -> None:
    framer = DRIVER.framer()
    for _ in range(1000):
        framer.feed(b"\x80\x01\x02\x03" * 16)
    assert framer.skipped >= 1000 * 64 - 5


@pytest.mark.parametrize("data", [b"", b"\x85\x2a\x03\x48", b"\x85\x2a\x03\x48\x61\x00", b"\x05\x2a\x03\x48\x61"])
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(PacketError):
        list(DRIVER.decoder()(Packet(data)))


def test_the_pulse_beep_changes_no_number() -> None:
    found = outcome(DRIVER, packets(DRIVER, [(bytes.fromhex("852a034861c52b034861"), "")]))
    assert lines(found) == [
        "wave plethysmogram 60 1 42",
        "oxygen-saturation 97 % valid",
        "pulse-rate 72 /min valid",
        "wave plethysmogram 60 1 43",
        "oxygen-saturation 97 % valid",
        "pulse-rate 72 /min valid",
    ]
