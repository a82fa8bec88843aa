"""Every driver there is, by name."""

from __future__ import annotations

from drivers.core.driver import Driver
from drivers.devices import (
    bci_oximeter,
    ble_blood_pressure,
    ble_blood_pressure_beurer_bm85,
    ble_glucose,
    ble_heart_rate,
    ble_pulse_oximeter,
    ble_thermometer,
    ble_weight,
    contec_cms50,
    ge_s5,
    hl7_oru,
    ivy_450c,
    masimo_ascii1,
    nonin_oem3,
    nonin_onyx,
    omron_eeprom,
    philips_intellivue,
    scale_and,
    scale_detecto,
    scale_health_o_meter,
    scale_seca,
    scp_ecg,
    viatom_o2ring,
    viatom_pc60fw,
)

DRIVERS: dict[str, Driver] = {
    driver.name: driver
    for driver in (
        bci_oximeter.DRIVER,
        bci_oximeter.DRIVER_BLE,
        ble_blood_pressure.DRIVER,
        ble_blood_pressure_beurer_bm85.DRIVER,
        ble_glucose.DRIVER,
        ble_heart_rate.DRIVER,
        ble_pulse_oximeter.DRIVER,
        ble_thermometer.DRIVER,
        ble_weight.DRIVER,
        contec_cms50.DRIVER,
        ge_s5.DRIVER,
        hl7_oru.DRIVER,
        ivy_450c.DRIVER,
        masimo_ascii1.DRIVER,
        nonin_oem3.DRIVER,
        nonin_oem3.DRIVER_FORMAT_7,
        nonin_onyx.DRIVER,
        nonin_onyx.DRIVER_FORMAT_13,
        omron_eeprom.DRIVER,
        omron_eeprom.DRIVER_BE,
        philips_intellivue.DRIVER,
        scale_and.DRIVER,
        scale_detecto.DRIVER,
        scale_health_o_meter.DRIVER,
        scale_seca.DRIVER,
        scp_ecg.DRIVER,
        viatom_o2ring.DRIVER,
        viatom_o2ring.DRIVER_S,
        viatom_pc60fw.DRIVER,
    )
}
