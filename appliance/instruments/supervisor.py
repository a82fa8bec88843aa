"""What is plugged in: one task a device, each on its own."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence

from appliance.care.room import Room
from appliance.config import Care, ConfigError, Device
from appliance.feed import Feed
from appliance.instruments.instrument import Instrument, OpenLink
from drivers.core.driver import Driver


class Supervisor:
    """All instruments of the unit."""

    def __init__(
        self,
        devices: Sequence[Device],
        drivers: Mapping[str, Driver],
        open_link: OpenLink,
        room: Room,
        feed: Feed,
        rules: Care,
    ) -> None:
        """`ConfigError` for a driver that does not exist."""
        self._instruments = [
            Instrument(device, driver_of(device, drivers), open_link, room, feed, rules) for device in devices
        ]

    def present(self) -> list[str]:
        """The devices that can be bound now."""
        return [instrument.key for instrument in self._instruments if instrument.present]

    def known(self, key: str) -> bool:
        """Whether there is such a device on this unit."""
        return any(instrument.key == key for instrument in self._instruments)

    async def run(self) -> None:
        """Run every device. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            for instrument in self._instruments:
                tasks.create_task(instrument.run(), name=f"device {instrument.key}")


def driver_of(device: Device, drivers: Mapping[str, Driver]) -> Driver:
    """The driver that is configured for a device; `ConfigError` with the nearest names where there is none."""
    try:
        return drivers[device.driver]
    except KeyError:
        near = difflib.get_close_matches(device.driver, drivers, 3) or sorted(drivers)
        raise ConfigError(f"devices.{device.key}: no driver {device.driver!r}; known: {', '.join(near)}") from None
