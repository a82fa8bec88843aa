"""Plugs and people: what comes, goes, is assigned, admitted and forgotten becomes devices, and messages on the feed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from appliance.care.errors import Refused
from appliance.config import Device
from appliance.feed import Feed
from appliance.instruments import kept
from appliance.instruments.roster import Roster
from drivers.core.claims import gatt_driver
from drivers.core.driver import Driver, Uart
from drivers.core.errors import LinkError
from drivers.links.ports import Change

log = logging.getLogger(__name__)

LISTEN_S = 10.0  # with the radio, for whoever is there
PAUSE_S = 20.0  # then it is left to the devices of this unit
SILENT_S = 60.0  # a radio that does not work is asked again after this

Hear = Callable[[str, str | None, tuple[str, ...]], None]
Listen = Callable[[Hear, float], Awaitable[None]]
Changes = Callable[[], AsyncIterator[Change]]
Audit = Callable[[str, str, str], Awaitable[None]]


class Devices(Protocol):
    """The supervisor, as far as it is needed here."""

    def add(self, device: Device) -> None: ...

    async def remove(self, key: str) -> None: ...

    def again(self, key: str) -> None: ...

    def leased(self, key: str) -> bool: ...


class Hotplug:
    """One per unit. `changes`: what is plugged in; `listen`: what is heard; None where there is no such hardware."""

    def __init__(
        self,
        roster: Roster,
        devices: Devices,
        feed: Feed,
        folder: Path,
        audit: Audit,
        changes: Changes | None = None,
        listen: Listen | None = None,
    ) -> None:
        self._roster, self._devices, self._feed, self._folder = roster, devices, feed, folder
        self._audit, self._changes, self._listen = audit, changes, listen
        self._told: dict[str, dict[str, Any]] = {}
        self._turn = asyncio.Lock()  # of people: one decision at a time

    async def run(self) -> None:
        """Watch and listen. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            if self._changes is not None:
                tasks.create_task(self._watch(self._changes), name="ports")
            if self._listen is not None:
                tasks.create_task(self._overhear(self._listen), name="peripherals")
            tasks.create_task(asyncio.Event().wait(), name="a unit without either")

    # --- people

    def unknown(self) -> dict[str, Any]:
        """What is there and is no device, and the drivers that could be assigned to a port."""
        drivers = self._roster.drivers.values()
        serial = [{"name": one.name, "kind": one.kind} for one in drivers if isinstance(one.claim, Uart)]
        added = [*self._roster.added, *self._roster.found]
        return {"unknown": self._roster.unknown(), "drivers": serial, "added": [device.key for device in added]}

    async def assign(self, ref: str, driver: str, name: str | None) -> dict[str, Any]:
        """Make what is unknown a device; how it is then. It is on the disk before it is told."""
        async with self._turn:
            device = self._roster.assign(ref, self._driver(driver), name)
            try:
                await self._keep()
            except Refused:
                self._drop(device)
                raise
            await self._audit("device-added", device.key, f"{device.driver} {device.link}")
            log.info("%s: added, %s at %s", device.key, device.driver, device.link)
            self._devices.add(device)
            self._tell()
            return device.model_dump(mode="json")

    async def forget(self, key: str) -> None:
        """Take a device out that was added or found."""
        async with self._turn:
            if self._devices.leased(key):
                raise Refused("device-leased", f"{key!r} is in use for the open consultation")
            added = list(self._roster.added)
            freed = self._roster.forget(key)
            try:
                await self._keep()
            except Refused:
                self._roster.added = added
                raise
            await self._audit("device-forgotten", key, "")
            log.info("%s: forgotten", key)
            await self._devices.remove(key)
            for port in freed:
                self._plugged(Change("add", port))
            self._tell()

    # --- hardware

    async def _watch(self, changes: Changes) -> None:
        async for change in changes():
            if change.port.sort != "serial":
                continue
            if change.action == "remove":
                self._roster.unplug(change.port.node)
            else:
                self._plugged(change)
            self._tell()

    def _plugged(self, change: Change) -> None:
        device, new = self._roster.plug(change.port)
        if device is None:
            return
        if new:
            log.info("%s: found by its own hardware, %s", device.key, device.link)
            self._devices.add(device)
        else:
            self._devices.again(device.key)

    async def _overhear(self, listen: Listen) -> None:
        while True:
            try:
                await listen(self._heard, LISTEN_S)
                pause_s = PAUSE_S
            except LinkError as error:
                log.debug("nobody can be heard: %s", error)
                pause_s = SILENT_S
            self._roster.grow_old()
            self._tell()
            await asyncio.sleep(pause_s)

    def _heard(self, address: str, name: str | None, services: tuple[str, ...]) -> None:
        if gatt_driver(self._roster.drivers.values(), services, name) is not None:
            self._roster.hear(address, name, services)
            self._tell()

    # --- how it is done

    def _driver(self, name: str) -> Driver:
        drivers: Mapping[str, Driver] = self._roster.drivers
        if name not in drivers:
            raise Refused("no-such-driver", f"there is no driver {name!r}; see `chevet drivers`")
        return drivers[name]

    async def _keep(self) -> None:
        try:
            await asyncio.to_thread(kept.save, self._folder, self._roster.added)
        except OSError as error:
            raise Refused("not-kept", f"the unit cannot write down its devices: {error.strerror}") from error

    def _drop(self, device: Device) -> None:
        for port in self._roster.forget(device.key):
            self._roster.plug(port)

    def _tell(self) -> None:
        """Say what is unknown now, and what is no more."""
        now = {message["id"]: message for message in self._roster.unknown()}
        for ref, message in now.items():
            if self._told.get(ref) != message:
                self._feed.publish({**message, "gone": False})
        for ref in self._told.keys() - now.keys():
            self._feed.publish({**self._told[ref], "gone": True})
        self._told = now
