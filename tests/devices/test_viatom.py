"""Viatom's oximeters: what the captures cannot show."""

from __future__ import annotations

import pytest

from drivers.core.driver import Driver, Gatt
from drivers.core.model import Numeric, Validity
from drivers.devices import viatom_o2ring, viatom_pc60fw
from tests.devices.captures import outcome, packets

INFLATE, RESET, WIFI = {0x09, 0x0A, 0x24, 0x25, 0x39}, {0xE2, 0xE3}, {0x13}  # on a cuff of the same maker
NUMBERS = bytes.fromhex("aa550f0801603e005000c008")


def said(driver: Driver, *pieces: bytes) -> list[str]:
    found = outcome(driver, packets(driver, [(piece, "") for piece in pieces]))
    return [str(event.value) for event in found if isinstance(event, Numeric) and event.validity is Validity.VALID]


def test_what_is_asked_are_the_frames_of_public_clients() -> None:
    assert viatom_o2ring.request(0xAA, 0x17) == bytes.fromhex("aa17e8000000001b")
    assert viatom_o2ring.DRIVER.hello == (bytes.fromhex("aa17e8000000001b"),)


@pytest.mark.parametrize("lead", [0xAA, 0xA5, 0x55])
@pytest.mark.parametrize("opcode", sorted(INFLATE | RESET | WIFI))
def test_nothing_that_moves_a_cuff_can_be_asked(lead: int, opcode: int) -> None:
    with pytest.raises(ValueError, match="allow-list"):
        viatom_o2ring.request(lead, opcode)


def test_opcode_04_is_for_the_service_of_the_o2ring_s_alone() -> None:
    with pytest.raises(ValueError, match="allow-list"):
        viatom_o2ring.request(0xAA, 0x04)
    claims = {driver.claim for driver in (viatom_o2ring.DRIVER, viatom_o2ring.DRIVER_S)}
    written = {claim.control: claim.service for claim in claims if isinstance(claim, Gatt)}
    assert written == {
        "8b00ace7-eb0b-49b0-bbe9-9aee0a26e1a3": "14839ac4-7d7e-415c-9a42-167340cf2339",
        "e8fb0002-a14b-98f9-831b-4e2941d01248": "e8fb0001-a14b-98f9-831b-4e2941d01248",
    }


@pytest.mark.parametrize("at", range(len(NUMBERS)))
def test_a_packet_that_lost_a_byte_says_nothing_and_the_next_one_is_whole(at: int) -> None:
    driver = viatom_pc60fw.DRIVER
    assert said(driver, NUMBERS[:at] + NUMBERS[at + 1 :]) == []
    assert said(driver, NUMBERS[:at] + NUMBERS[at + 1 :], NUMBERS, NUMBERS)[-3:] == ["96", "62", "8.0"]


@pytest.mark.parametrize("cut", range(1, 20))
def test_notifications_are_pieces_of_one_stream(cut: int) -> None:
    stream = NUMBERS * 5
    pieces = [stream[at : at + cut] for at in range(0, len(stream), cut)]
    assert said(viatom_pc60fw.DRIVER, *pieces) == ["96", "62", "8.0"] * 5


@pytest.mark.parametrize("driver", [viatom_pc60fw.DRIVER, viatom_o2ring.DRIVER, viatom_o2ring.DRIVER_S])
def test_noise_is_not_held_back(driver: Driver) -> None:
    framer = driver.framer()
    for _ in range(100):
        framer.feed(bytes(range(256)))
    assert framer.skipped >= 100 * 256 - 2100
