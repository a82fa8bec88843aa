"""Every driver there is, by name."""

from __future__ import annotations

from drivers.core.driver import Driver
from drivers.devices import (
    bci_oximeter,
    ble_blood_pressure,
    ble_blood_pressure_beurer_bm85,
    ble_thermometer,
    contec_cms50,
    masimo_ascii1,
    nonin_oem3,
    nonin_onyx,
    scale_and,
    scale_detecto,
    scale_health_o_meter,
    scale_seca,
)

DRIVERS: dict[str, Driver] = {
    driver.name: driver
    for driver in (
        bci_oximeter.DRIVER,
        bci_oximeter.DRIVER_BLE,
        ble_blood_pressure.DRIVER,
        ble_blood_pressure_beurer_bm85.DRIVER,
        ble_thermometer.DRIVER,
        contec_cms50.DRIVER,
        masimo_ascii1.DRIVER,
        nonin_oem3.DRIVER,
        nonin_oem3.DRIVER_FORMAT_7,
        nonin_onyx.DRIVER,
        nonin_onyx.DRIVER_FORMAT_13,
        scale_and.DRIVER,
        scale_detecto.DRIVER,
        scale_health_o_meter.DRIVER,
        scale_seca.DRIVER,
    )
}
