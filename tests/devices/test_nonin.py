"""Nonin's serial data formats: what the captures cannot show."""

from __future__ import annotations

import pytest

from drivers.core.driver import Driver
from drivers.core.errors import PacketError
from drivers.core.model import Numeric, Packet, Validity
from drivers.devices import nonin_oem3, nonin_onyx
from tests.devices.captures import CAPTURES, outcome, packets, recorded

WHOLE = recorded(CAPTURES["nonin-oem3/test-packet"])[0][0]


def said(driver: Driver, *pieces: bytes) -> list[str]:
    found = outcome(driver, packets(driver, [(piece, "") for piece in pieces]))
    return [str(event.value) for event in found if isinstance(event, Numeric) and event.validity is Validity.VALID]


@pytest.mark.parametrize("lost", range(25))
def test_a_packet_that_lost_a_frame_says_nothing_and_the_next_one_is_whole(lost: int) -> None:
    framer = nonin_oem3.DRIVER.framer()
    broken = WHOLE[: lost * 5] + WHOLE[lost * 5 + 5 :]
    assert framer.feed(broken + WHOLE) == [WHOLE]
    assert framer.skipped == 120


@pytest.mark.parametrize("at", range(0, 125, 7))
def test_a_packet_that_lost_a_byte_says_nothing(at: int) -> None:
    assert said(nonin_oem3.DRIVER, WHOLE[:at] + WHOLE[at + 1 :]) == []


def test_a_packet_is_not_said_before_its_last_byte() -> None:
    assert said(nonin_oem3.DRIVER, WHOLE[:-1]) == []
    assert said(nonin_oem3.DRIVER, WHOLE[:-1], WHOLE[-1:]) == ["97", "72"]


def test_the_held_values_are_not_used() -> None:
    """The values for display keep 97 and 72 for ten seconds after the finger has gone; the others say 127 and 511."""
    frames = [bytearray(WHOLE[at : at + 5]) for at in range(0, 125, 5)]
    for frame, value in ((0, 3), (1, 127), (2, 127), (9, 127), (10, 127), (13, 3), (14, 127), (15, 127)):
        frames[frame][3] = value
    for one in frames:
        one[4] = sum(one[:4]) & 0xFF
    assert frames[8][3] == 97
    assert said(nonin_oem3.DRIVER, b"".join(frames)) == []


@pytest.mark.parametrize("driver", [nonin_oem3.DRIVER, nonin_oem3.DRIVER_FORMAT_7, nonin_onyx.DRIVER_FORMAT_13])
def test_noise_is_not_held_back(driver: Driver) -> None:
    framer = driver.framer()
    for _ in range(50):
        framer.feed(bytes(range(256)))
    assert framer.skipped >= 50 * 256 - 128


def test_a_spot_check_with_a_wrong_sum_is_refused() -> None:
    good = bytes.fromhex("0002000d000e141a0b17080f1e000200004800613003")
    assert said(nonin_onyx.DRIVER_FORMAT_13, good) == ["97", "72"]
    with pytest.raises(PacketError, match="sum"):
        list(nonin_onyx.DRIVER_FORMAT_13.decoder()(Packet(good[:-2] + b"\x31\x03")))
