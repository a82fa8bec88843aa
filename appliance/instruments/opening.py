"""From a configured link (`serial:`, `ble:`) to an open one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from appliance import clock
from appliance.config import ConfigError, Device
from drivers.core.driver import Driver, Gatt, Uart
from drivers.links.base import Link
from drivers.links.serial import SerialLink

if TYPE_CHECKING:
    from drivers.links.radio import Radio


def check(device: Device, driver: Driver) -> None:
    """`ConfigError` where a device's link is none that its driver speaks over: said at the start, not at a try."""
    kind = device.link.partition(":")[0]
    wanted = {"serial": Uart, "ble": Gatt}.get(kind)
    if wanted is None or not isinstance(driver.claim, wanted):
        raise ConfigError(f"devices.{device.key}: {driver.name} does not speak over {kind!r}")


class Opener:
    """Opens links that have passed `check`. There is one radio, and all that need it share it."""

    def __init__(self) -> None:
        self._radio: Radio | None = None

    def __call__(self, device: Device, driver: Driver) -> Link:
        """A link to be entered."""
        where = device.link.partition(":")[2]
        if isinstance(driver.claim, Uart):
            return SerialLink(where, driver.claim)
        assert isinstance(driver.claim, Gatt)
        return self._over_the_air(where, driver.claim)

    def _over_the_air(self, address: str, claim: Gatt) -> Link:
        # The radio's stack is loaded where there is a radio.
        from drivers.links.ble import BleLink  # noqa: PLC0415
        from drivers.links.radio import Radio  # noqa: PLC0415

        self._radio = self._radio or Radio()
        return BleLink(address, claim, self._radio, clock=known_time)


def known_time() -> datetime | None:
    """The local time to set a device to; None while the unit does not know it."""
    now = clock.now()
    return now.wall.astimezone().replace(tzinfo=None) if now.trusted else None
