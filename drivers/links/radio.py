"""One Bluetooth adapter: one scan for everyone who looks for a device, one connection attempt at a time, never both.

Who waits for the turn to connect gets it in the order in which the devices were heard.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from drivers.core.errors import LinkError, NotThere
from drivers.core.gatt import channel
from drivers.links.agent import Agent, Window
from drivers.links.bluez import Bluez

# What bleak lets through: its own errors, the bus that is not there, a bus that ends in the middle.
RADIO_ERRORS = (BleakError, OSError, EOFError)

SILENT_S = 10.0  # nothing at all heard for so long: the scan is started anew, or the adapter found missing
SWITCH_S = 2.0  # between off and on: chips need a moment to forget
HEARD_CAP = 64  # devices; phones change their address every quarter of an hour
NAME_CAP = 32  # characters; an advertisement has room for no more


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a peripheral says of itself before anybody is connected."""

    address: str
    name: str | None
    services: tuple[str, ...]  # as in `Packet.channel`


@dataclass(frozen=True, slots=True)
class Heard:
    """Who advertised, when last (CLOCK_BOOTTIME), and whether somebody looked for it."""

    said: Advertised
    at_ns: int
    matched: bool


@dataclass(slots=True)
class _Search:
    wanted: Callable[[Advertised], bool]
    found: asyncio.Future[BLEDevice]


class Radio:
    """Share one between all links of an adapter (`hci0`; None: the system's first).

    `agent` answers when a device is to be paired, `bluez` switches the adapter; those that are not given are made here,
    unless `client` is none of bleak's: then there is no BlueZ to talk to.
    """

    def __init__(
        self,
        adapter: str | None = None,
        scanner: Callable[..., Any] = BleakScanner,
        client: Callable[..., Any] = BleakClient,
        agent: Agent | None = None,
        bluez: Bluez | None = None,
    ) -> None:
        if client is BleakClient:
            bluez = bluez or Bluez()
            agent = agent or Agent(bluez=bluez)
        self._adapter, self._agent, self._bus = adapter or "hci0", agent, bluez
        self._heard_of: dict[str, Heard] = {}
        self._news_ns = 0
        self._held: set[str] = set()
        self._fell: dict[str, int] = {}
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
                return await self._listen(search)
        except TimeoutError:
            raise NotThere(f"not heard for {within_s:g} s") from None
        except RADIO_ERRORS as error:
            raise LinkError(f"Bluetooth does not work: {error}") from None
        finally:
            self._searches.remove(search)
            await self._adjust_quietly()

    def heard(self) -> tuple[Heard, ...]:
        """Who has advertised lately, the latest last; the oldest of more than 64 are forgotten."""
        return tuple(self._heard_of.values())

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

    @asynccontextmanager
    async def pairing(self, address: str) -> AsyncIterator[Window]:
        """While this lasts the device may be paired."""
        if self._agent is None:
            yield Window()
            return
        async with self._agent.window(address) as window:
            yield window

    # --- what links tell

    def joined(self, address: str) -> None:
        """A device is connected, and ready."""
        self._held.add(address)
        self._fell.pop(address, None)

    def left(self, address: str) -> None:
        """It is connected no more."""
        self._held.discard(address)

    def fell(self, address: str) -> int:
        """The connection ended before the device was ready; how often so in a row."""
        if len(self._fell) >= HEARD_CAP:
            self._fell.pop(next(iter(self._fell)))
        self._fell[address] = self._fell.get(address, 0) + 1
        return self._fell[address]

    async def reset(self) -> None:
        """Switch the adapter off and on. `LinkError` where that would end others' connections, or does not work."""
        if self._held:
            raise LinkError(f"the adapter is not reset: {len(self._held)} devices are connected")
        if self._bus is None:
            raise LinkError("the adapter is not reset: there is no way to BlueZ")
        async with self.connecting():
            if self._held:
                raise LinkError(f"the adapter is not reset: {len(self._held)} devices are connected")
            await self._bus.power(self._adapter, on=False)
            await asyncio.sleep(SWITCH_S)
            await self._bus.power(self._adapter, on=True)

    # --- scanning

    async def _listen(self, search: _Search) -> BLEDevice:
        """Wait for the search's end. An adapter that was reset or pulled scans no more and does not say so."""
        while True:
            before_ns = self._news_ns
            done, _ = await asyncio.wait((search.found,), timeout=SILENT_S)
            if done:
                return search.found.result()
            if self._news_ns == before_ns and not self._connecting:
                await self._stop()
                await self._adjust()

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
        name = said.local_name or device.name
        advertised = Advertised(
            device.address, name and name[:NAME_CAP], tuple(channel(uuid) for uuid in said.service_uuids)
        )
        self._note(advertised)
        for search in self._searches:
            if not search.found.done() and search.wanted(advertised):
                self._heard_of[device.address] = replace(self._heard_of[device.address], matched=True)
                search.found.set_result(device)
                return

    def _note(self, said: Advertised) -> None:
        self._news_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        before = self._heard_of.pop(said.address, None)
        if before is None and len(self._heard_of) == HEARD_CAP:
            self._heard_of.pop(next(iter(self._heard_of)))
        self._heard_of[said.address] = Heard(said, self._news_ns, before is not None and before.matched)
