"""From a configured link (`serial:`, `ble:`, `tcp:`, `hl7:`) to an open one."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import clock
from appliance.config import ConfigError, Device
from appliance.instruments import dicom
from drivers.core.driver import Driver, Gatt, Listener, Uart
from drivers.core.errors import LinkError, NotThere
from drivers.links.base import Link
from drivers.links.calls import networks, where
from drivers.links.hl7 import Exchange, Hl7Link
from drivers.links.reader import PortReader
from drivers.links.serial import SerialLink
from drivers.links.tcp import TcpLink

if TYPE_CHECKING:
    from drivers.links.radio import Advertised, Radio

ADAPTERS = Path("/sys/class/bluetooth")

Hear = Callable[[str, str | None, tuple[str, ...]], None]


def check(device: Device, driver: Driver) -> None:
    """`ConfigError` where a device's link is none that its driver speaks over: said at the start, not at a try."""
    kind, _, place = device.link.partition(":")
    hl7 = isinstance(driver.claim, Listener) and driver.claim.protocol == "hl7"
    speaks = {
        "serial": isinstance(driver.claim, Uart),
        "ble": isinstance(driver.claim, Gatt),
        "tcp": isinstance(driver.claim, Uart) or hl7,
        "hl7": hl7,
        "dicom": isinstance(driver.claim, Listener) and driver.claim.protocol == "dicom",
    }
    if not speaks.get(kind):
        raise ConfigError(f"devices.{device.key}: {driver.name} does not speak over {kind!r}")
    if kind == "dicom":
        dicom.check(device)
    if kind in {"tcp", "hl7"}:
        _check_network(device, kind, place)


def _check_network(device: Device, kind: str, place: str) -> None:
    try:
        where(place)
        peers = networks(device.peers)
    except LinkError as error:
        raise ConfigError(f"devices.{device.key}: {error}") from None
    if kind == "hl7" and not peers:
        raise ConfigError(f"devices.{device.key}: peers is empty: say from which address the monitor calls")


def driver_of(device: Device, drivers: Mapping[str, Driver]) -> Driver:
    """The driver that is configured for a device; `ConfigError` with the nearest names where there is none."""
    try:
        return drivers[device.driver].configured(device.settings)
    except ValueError as error:
        raise ConfigError(f"devices.{device.key}.settings: {error}") from None
    except KeyError:
        near = difflib.get_close_matches(device.driver, drivers, 3) or sorted(drivers)
        raise ConfigError(f"devices.{device.key}: no driver {device.driver!r}; known: {', '.join(near)}") from None


class Opener:
    """Opens links that have passed `check`. There is one radio, and all that need it share it."""

    def __init__(
        self,
        drivers: Iterable[Driver],
        path: Callable[[Device], str] | None = None,
        dicom_ports: dicom.Stations | None = None,
        radio: Radio | None = None,
    ) -> None:
        """`path`: the node of a serial device now (see `Roster.path`); without it, the one that its link names.

        `drivers`: all that there are; what one asks for by its name is not taken by `ble:any` of another.
        """
        self._claims = [driver.claim for driver in drivers if isinstance(driver.claim, Gatt)]
        self._dicom, self._radio = dicom_ports, radio
        self._path = path or (lambda device: device.link.partition(":")[2])
        self._exchange, self._reader = Exchange(), PortReader()

    def __call__(self, device: Device, driver: Driver) -> Link:
        """A link to be entered."""
        kind, _, place = device.link.partition(":")
        if kind == "tcp":
            return TcpLink(where(place), hl7=isinstance(driver.claim, Listener))
        if kind == "dicom" and self._dicom is not None:
            return self._dicom.link(device)
        if isinstance(driver.claim, Uart):
            return SerialLink(self._path(device), driver.claim, self._reader)
        if isinstance(driver.claim, Gatt):
            return self._over_the_air(place, driver.claim)
        return Hl7Link(where(place), networks(device.peers), self._exchange)

    async def reset_radio(self) -> None:
        """Switch the radio that is in use off and on. `LinkError` where none is, or others would lose theirs."""
        if self._radio is None:
            raise LinkError("no radio is in use")
        await self._radio.reset()

    async def close(self) -> None:
        """Give back what the links share."""
        await self._exchange.close()

    def _over_the_air(self, address: str, claim: Gatt) -> Link:
        from drivers.links.ble import BleLink  # noqa: PLC0415 - as below

        return BleLink(address, claim, self._adapter(), clock=known_time, claims=self._claims)

    async def overhear(self, hear: Hear, within_s: float) -> None:
        """Tell who advertises, for so long, and connect to nobody. `LinkError` where there is no radio."""
        if not await asyncio.to_thread(_has_radio):
            raise LinkError("this unit has no Bluetooth")

        def note(said: Advertised) -> bool:
            hear(said.address, said.name, said.services)
            return False

        with contextlib.suppress(NotThere):  # none is the one that is wanted
            await self._adapter().find(note, within_s)

    def _adapter(self) -> Radio:
        # The radio's stack is loaded where there is a radio.
        from drivers.links.radio import Radio  # noqa: PLC0415

        self._radio = self._radio or Radio()
        return self._radio


def _has_radio() -> bool:
    return any(ADAPTERS.glob("hci*"))


def known_time() -> datetime | None:
    """The local time to set a device to; None while the unit does not know it."""
    now = clock.now()
    return now.wall.astimezone().replace(tzinfo=None) if now.trusted else None
