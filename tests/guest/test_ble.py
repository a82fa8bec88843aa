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


@pytest.mark.parametrize(
    ("capture", "values", "told"),
    [
        ("ble-weight/beurer-bf720", 1, ["body-weight 79.960 kg valid"]),
        ("ble-thermometer/armpit-or-body", 2, ["body-temperature 36.0 Cel valid", "body-temperature 36.8 Cel valid"]),
        (
            "ble-pulse-oximeter/spot-check-low-perfusion",
            1,
            ["oxygen-saturation 97 % questionable", "pulse-rate 96 /min questionable"],
        ),
    ],
)
async def test_other_services_are_decoded(guest: Guest, capture: str, values: int, told: list[str]) -> None:
    await guest.run(PERIPHERAL, capture).expect("advertising")
    use = guest.run(USE, capture.partition("/")[0], str(values))
    await use.expect("opened", within_s=60)
    got = [await use.expect("numeric") for _ in told]
    assert [f"{one['metric']} {one['value']} {one['unit']} {one['validity']}" for one in got] == told
    await use.expect("done")
    await use.end()


async def test_a_link_that_is_dropped_in_the_middle_is_told_and_opened_again(guest: Guest) -> None:
    peripheral = guest.run(PERIPHERAL, "ble-thermometer/armpit-or-body", "drop", "1")
    await peripheral.expect("advertising")
    use = guest.run(USE, "ble-thermometer", "3")
    await use.expect("opened", within_s=60)
    assert (await use.expect("numeric"))["value"] == "36.0"
    await use.expect("LinkLost", within_s=10)
    await peripheral.expect("disconnected")
    await use.expect("opened", within_s=60)
    assert [(await use.expect("numeric"))["value"] for _ in range(2)] == ["36.0", "36.8"]
    assert (await use.expect("done"))["missing"] == 0
    await use.end()
