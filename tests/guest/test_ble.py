"""BleLink on the real BlueZ: found, connected, decoded, lost and found again."""

from __future__ import annotations

import pytest

from tests.guest.running import Guest

pytestmark = pytest.mark.guest

PERIPHERAL, USE = "tests.guest.inside.peripheral", "tests.guest.inside.use_ble"


async def test_a_blood_pressure_is_indicated(guest: Guest) -> None:
    peripheral = guest.run(PERIPHERAL, "ble-blood-pressure/normal")
    await peripheral.expect("advertising")
    use = guest.run(USE, "ble-blood-pressure", "1")
    await use.expect("opened", within_s=60)
    told = [await use.expect("numeric") for _ in range(4)]
    assert [(one["metric"], one["value"], one["unit"], one["validity"]) for one in told] == [
        ("blood-pressure-systolic", "124", "mm[Hg]", "valid"),
        ("blood-pressure-diastolic", "86", "mm[Hg]", "valid"),
        ("blood-pressure-mean", "97", "mm[Hg]", "valid"),
        ("pulse-rate-nibp", "51", "/min", "valid"),
    ]
    assert (await use.expect("done"))["missing"] == 0
    await use.end()
    await peripheral.expect("disconnected")
