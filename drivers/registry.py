"""Every driver there is, by name."""

from __future__ import annotations

from drivers.core.driver import Driver
from drivers.devices import (
    ble_blood_pressure,
    ble_blood_pressure_beurer_bm85,
    ble_thermometer,
    contec_cms50,
)

DRIVERS: dict[str, Driver] = {
    module.DRIVER.name: module.DRIVER
    for module in (
        ble_blood_pressure,
        ble_blood_pressure_beurer_bm85,
        ble_thermometer,
        contec_cms50,
    )
}
