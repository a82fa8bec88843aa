"""`ble:any` of the generic cuff, as the unit opens it."""

from __future__ import annotations

import pytest

from appliance.config import Device
from appliance.instruments.opening import Opener
from drivers.core.driver import Driver
from drivers.core.errors import LinkError
from drivers.links import ble
from drivers.links.radio import Radio
from drivers.registry import DRIVERS
from tests.devices.peripherals import Air, Peripheral


def cuff(address: str, name: str) -> Peripheral:
    return Peripheral(address, name, "1810", {"2a35": (("indicate",), b"")})


def any_cuff(driver: str) -> Device:
    return Device(key="cuff", name="Cuff", kind="blood-pressure", driver=driver, link="ble:any")


@pytest.mark.parametrize("drivers", [list(DRIVERS.values()), list(DRIVERS.values())[::-1]], ids=["a-z", "z-a"])
async def test_a_bm85_is_never_read_as_any_cuff(drivers: list[Driver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "FIND_S", 0.05)
    air = Air([cuff("AA:BB:CC:00:00:01", "BM85 4711")])
    opener = Opener(drivers, radio=Radio(scanner=air.scanner, client=air.client))
    with pytest.raises(LinkError, match="not heard"):
        async with opener(any_cuff("ble-blood-pressure"), DRIVERS["ble-blood-pressure"]):
            pass
    assert air.peripherals[0].client is None
    name = "ble-blood-pressure-beurer-bm85"
    async with opener(any_cuff(name), DRIVERS[name]):
        assert air.peripherals[0].client is not None
