"""One Bluetooth adapter: one scan for everyone who looks for a device, one connection attempt at a time, never both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from drivers.core.errors import LinkError
from drivers.core.gatt import channel

# What bleak lets through: its own errors, the bus that is not there, a bus that ends in the middle.
RADIO_ERRORS = (BleakError, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a peripheral says of itself before anybody is connected."""

    address: str
    name: str | None
    services: tuple[str, ...]  # as in `Packet.channel`


@dataclass(slots=True)
class _Search:
    wanted: Callable[[Advertised], bool]
    found: asyncio.Future[BLEDevice]


class Radio:
    """Share one between all links of an adapter (`hci0`; None: the system's first)."""

    def __init__(
        self,
        adapter: str | None = None,
        scanner: Callable[..., Any] = BleakScanner,
        client: Callable[..., Any] = BleakClient,
    ) -> None:
        self._bluez = {} if adapter is None else {"adapter": adapter}
        self._make_scanner, self._make_client = scanner, client
        self._scanner: Any = None
        self._searches: list[_Search] = []
        self._connecting = False
        self._turn = asyncio.Lock()  # of those who connect
        self._switch = asyncio.Lock()  # of starting and stopping the scan

    async def find(self, wanted: Callable[[Advertised], bool], within_s: float) -> BLEDevice:
        """The first device that advertises what is wanted. `LinkError` if none does in time."""
        search = _Search(wanted, asyncio.get_running_loop().create_future())
        self._searches.append(search)
        try:
            await self._adjust()
            async with asyncio.timeout(within_s):
                return await search.found
        except TimeoutError:
            await self._stop()  # an adapter that was reset scans no more and does not say so: start it anew
            raise LinkError(f"not heard for {within_s:g} s") from None
        except RADIO_ERRORS as error:
            raise LinkError(f"Bluetooth does not work: {error}") from None
        finally:
            self._searches.remove(search)
            await self._adjust_quietly()

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """The turn to connect: nobody else does, and nobody scans."""
        async with self._turn:
            self._connecting = True
            try:
                await self._adjust_quietly()
                yield
            finally:
                self._connecting = False
                await self._adjust_quietly()

    def client(self, device: BLEDevice, on_disconnect: Callable[[], None], timeout_s: float) -> Any:
        """A client of `device`, not yet connected."""
        return self._make_client(
            device, disconnected_callback=lambda _: on_disconnect(), timeout=timeout_s, bluez=self._bluez
        )

    async def _adjust(self) -> None:
        """Scan if somebody searches and nobody connects."""
        async with self._switch:
            wanted = bool(self._searches) and not self._connecting
            if wanted and self._scanner is None:
                scanner = self._make_scanner(detection_callback=self._heard, bluez=self._bluez)
                await scanner.start()
                self._scanner = scanner
            elif not wanted and self._scanner is not None:
                scanner, self._scanner = self._scanner, None
                await scanner.stop()

    async def _adjust_quietly(self) -> None:
        try:
            await self._adjust()
        except RADIO_ERRORS:
            return  # those who search find out for themselves

    async def _stop(self) -> None:
        async with self._switch:
            scanner, self._scanner = self._scanner, None
            if scanner is not None:
                try:
                    await scanner.stop()
                except RADIO_ERRORS:
                    return

    def _heard(self, device: BLEDevice, said: AdvertisementData) -> None:
        advertised = Advertised(
            device.address, said.local_name or device.name, tuple(channel(uuid) for uuid in said.service_uuids)
        )
        for search in self._searches:
            if not search.found.done() and search.wanted(advertised):
                search.found.set_result(device)
                return
