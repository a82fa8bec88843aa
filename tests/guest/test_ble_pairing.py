"""Pairing through our own agent on the real BlueZ: made, kept, lost by the device, refused; an adapter pulled."""

from __future__ import annotations

import pytest

from tests.guest.running import Guest

pytestmark = pytest.mark.guest

PERIPHERAL, USE = "tests.guest.inside.bonded_peripheral", "tests.guest.inside.use_bond"
BOUND = "the device is bound to another unit: remove the bond there, or on the device"


async def test_a_device_is_paired_once_and_paired_anew_when_it_has_lost_its_keys(guest: Guest) -> None:
    peripheral = guest.run(PERIPHERAL, "forget", "2")
    await peripheral.expect("advertising")
    use = guest.run(USE, "3")
    assert (await use.expect("serial", within_s=90))["text"] == "518041"
    await peripheral.expect("paired")
    assert (await use.expect("serial", within_s=60))["text"] == "518041"
    await peripheral.expect("forgot")
    assert (await use.expect("serial", within_s=200))["text"] == "518041"
    await peripheral.expect("paired")
    assert (await use.expect("done"))["missing"] == 0
    await use.end()


async def test_a_device_that_pairs_with_nobody_says_so(guest: Guest) -> None:
    peripheral = guest.run(PERIPHERAL, "refuse")
    await peripheral.expect("advertising")
    use = guest.run(USE, "1")
    why = ""
    while BOUND not in why:  # before it the adapter is not powered yet
        why = (await use.expect("failed", within_s=120))["why"]
    await use.kill()


async def test_an_adapter_that_is_pulled_comes_back(guest: Guest) -> None:
    peripheral = guest.run(PERIPHERAL)
    await peripheral.expect("advertising")
    use = guest.run(USE, "4")
    await use.expect("serial", within_s=90)
    await peripheral.kill()
    assert (await use.expect("failed", within_s=60))["why"]
    await guest.run(PERIPHERAL).expect("advertising")
    await use.expect("serial", within_s=120)
    await use.kill()
