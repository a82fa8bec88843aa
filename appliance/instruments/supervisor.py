"""What is plugged in: one task a device, each on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from appliance.care.room import Room
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments.guard import Guard
from appliance.instruments.instrument import Instrument, OpenLink
from appliance.instruments.opening import driver_of
from appliance.instruments.repairs import Repairs
from drivers.core.driver import Driver


class Supervisor:
    """All instruments of the unit. They come and go while it runs."""

    def __init__(
        self,
        devices: Sequence[Device],
        drivers: Mapping[str, Driver],
        open_link: OpenLink,
        room: Room,
        feed: Feed,
        rules: Care,
        repairs: Repairs | None = None,
    ) -> None:
        """`ConfigError` for a driver that does not exist."""
        self._room, self._feed = room, feed
        guard = Guard()  # one for all: their code runs one at a time

        def make(device: Device) -> Instrument:
            return Instrument(device, driver_of(device, drivers), open_link, room, feed, rules, guard, repairs)

        self._make = make
        self._instruments = {device.key: self._make(device) for device in devices}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def present(self) -> list[str]:
        """The devices that can be bound now."""
        return [key for key, instrument in self._instruments.items() if instrument.present]

    def known(self, key: str) -> bool:
        """Whether there is such a device on this unit."""
        return key in self._instruments

    def leased(self, key: str) -> bool:
        """Whether it is in use for a patient."""
        return self._room.leased(key) is not None

    def again(self, key: str) -> None:
        """It was plugged in, or somebody asks for it: it is tried at once."""
        if key in self._instruments:
            self._instruments[key].again()

    def add(self, device: Device) -> None:
        """One more; it runs as soon as the others do."""
        if device.key in self._instruments:
            raise ValueError(f"there is already a device {device.key!r}")
        self._instruments[device.key] = self._make(device)
        if self._group is not None:
            self._start(self._group, device.key)

    async def remove(self, key: str) -> None:
        """One less: its link is closed when this returns, and the screens forget it."""
        self._instruments.pop(key, None)
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        for message in [one for one in self._feed.state("device") if one["key"] == key]:
            self._feed.publish({**message, "gone": True})

    async def run(self) -> None:
        """Run every device. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            self._group = tasks
            for key in self._instruments:
                self._start(tasks, key)
            await asyncio.Event().wait()  # a unit may begin without devices

    def _start(self, tasks: asyncio.TaskGroup, key: str) -> None:
        self._tasks[key] = tasks.create_task(self._instruments[key].run(), name=f"device {key}")
