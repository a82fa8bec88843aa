"""From a configured link (`serial:`, `ble:`) to an open one."""

from __future__ import annotations

from appliance.config import ConfigError, Device
from drivers.core.driver import Driver, Gatt, Uart
from drivers.links.base import Link
from drivers.links.serial import SerialLink


def open_link(device: Device, driver: Driver) -> Link:
    """A link to be entered. `ConfigError` where the driver does not speak over such a link."""
    kind, _, where = device.link.partition(":")
    if kind == "serial" and isinstance(driver.claim, Uart):
        return SerialLink(where, driver.claim)
    if kind == "ble" and isinstance(driver.claim, Gatt):
        from drivers.links.ble import BleLink  # noqa: PLC0415 - the radio's stack is loaded where there is a radio

        return BleLink(where, driver.claim)
    raise ConfigError(f"devices.{device.key}: {driver.name} does not speak over {kind!r}")
