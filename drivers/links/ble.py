"""Bluetooth Low Energy: wait for the device, connect, learn who it is and what time it has, and listen.

The device's clock is read as soon as there is a connection and set only once the first measurement is in, or after a
while without one: what the device says was taken by the clock that was read, not by the one that we set.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

from bleak.backends.characteristic import BleakGATTCharacteristic

from drivers.core.claims import meets
from drivers.core.codec import current_time, date_time
from drivers.core.driver import Gatt
from drivers.core.errors import LinkError, LinkLost
from drivers.core.gatt import channel
from drivers.links.base import Chunk
from drivers.links.handover import HandOver
from drivers.links.radio import RADIO_ERRORS, Advertised, Radio

FIND_S = 60.0
CONNECT_S = 20.0
STEP_S = 5.0  # one read, write or subscription
UNASKED_S = 2.0  # without a measurement for so long after connecting, the clock is set all the same

ANY = "any"  # instead of an address: the first device that meets the claim
IDENTITY = ("2a29", "2a24", "2a25", "2a26")
BATTERY = "2a19"
CLOCKS = {"2a2b": current_time, "2a08": date_time}  # the first that the device has; A&D cuffs have only Date Time
REFUSED = re.compile(r"authenti|authori[sz]|not ?permitted|not ?paired|encrypt", re.IGNORECASE)

Bond = Callable[[Any], Awaitable[None]]


class BleLink:
    """One connection to a peripheral. Use with `async with`, once.

    `address`: as BlueZ writes it, or `any`. `radio`: the adapter, shared by all links; without it this one has its own.
    `bond` is awaited with bleak's client after connecting, where pairing needs more than what BlueZ does by itself.
    `clock`: local naive time to set the device to; None from it means that the unit itself does not know the time.
    """

    def __init__(
        self,
        address: str,
        claim: Gatt,
        radio: Radio | None = None,
        bond: Bond | None = None,
        clock: Callable[[], datetime | None] = datetime.now,
    ) -> None:
        self._address, self._claim, self._clock, self._bond = address.upper(), claim, clock, bond
        self._radio = radio or Radio()
        self._client: Any = None
        self._spoke = asyncio.Event()
        self._manners: asyncio.Task[None] | None = None

    async def __aenter__(self) -> BleLink:
        self._heard = HandOver()
        try:
            device = await self._radio.find(self._wanted, FIND_S)
            async with self._radio.connecting():
                self._client = self._radio.client(device, self._gone, CONNECT_S)
                await self._client.connect()
            await self._prepare()
        except BaseException as error:
            await self._leave()
            if isinstance(error, RADIO_ERRORS):
                raise LinkError(f"{self._address}: {_reason(error)}") from None
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._leave()

    @property
    def dropped(self) -> int:
        """Values lost because nobody took them in time."""
        return self._heard.dropped

    def chunks(self) -> AsyncIterator[Chunk]:
        """Values as they are indicated or notified (and read, in the beginning), until `LinkLost`."""
        return self._heard.chunks()

    async def write(self, data: bytes, channel: str = "") -> None:
        """Write to a characteristic, by default the claim's `control`; `LinkLost` if the device does not take it."""
        name = channel or self._claim.control
        if name is None:
            raise LinkError(f"{self._address}: this claim names no characteristic to write to")
        if self._heard.lost is not None:
            raise LinkLost(self._heard.lost)
        try:
            async with asyncio.timeout(STEP_S):
                await self._client.write_gatt_char(uuid(name), data)
        except RADIO_ERRORS as error:
            raise LinkLost(f"{self._address}: cannot write to {name}: {_reason(error)}") from None

    # --- coming and going

    def _wanted(self, said: Advertised) -> bool:
        if self._address != ANY.upper():
            return said.address.upper() == self._address
        return meets(self._claim, said.services, said.name)

    async def _prepare(self) -> None:
        missing = [name for name in self._claim.characteristics if self._has(name) is None]
        if len(missing) == len(self._claim.characteristics):
            raise LinkError(f"{self._address}: it has none of {', '.join(missing)}")
        if self._bond is not None:
            await self._bond(self._client)
        for name in (*CLOCKS, *IDENTITY):
            await self._read(name)
        for name in self._claim.characteristics:
            if name not in missing:
                async with asyncio.timeout(STEP_S):
                    await self._client.start_notify(uuid(name), self._notified)
        self._manners = asyncio.create_task(self._look_after(), name=f"ble {self._address}")

    async def _leave(self) -> None:
        if self._manners is not None:
            self._manners.cancel()
            await asyncio.wait((self._manners,))
        if self._client is not None:
            with contextlib.suppress(*RADIO_ERRORS):
                async with asyncio.timeout(STEP_S):
                    await self._client.disconnect()

    def _gone(self) -> None:
        self._heard.lose(f"{self._address}: the connection ended")

    # --- listening

    def _notified(self, characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        arrival_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._heard.put(Chunk(bytes(data), arrival_ns, channel(characteristic.uuid)))
        self._spoke.set()

    async def _read(self, name: str) -> None:
        """Read a characteristic into the stream, if the device has it and lets us."""
        if "read" not in (self._has(name) or ()):
            return
        with contextlib.suppress(*RADIO_ERRORS):
            async with asyncio.timeout(STEP_S):
                data = await self._client.read_gatt_char(uuid(name))
            self._heard.put(Chunk(bytes(data), time.clock_gettime_ns(time.CLOCK_BOOTTIME), name))

    def _has(self, name: str) -> tuple[str, ...] | None:
        """What a characteristic can do (`read`, `write`, ...); None if the device has none of this name."""
        for service in self._client.services:
            for characteristic in service.characteristics:
                if channel(characteristic.uuid) == name:
                    return tuple(characteristic.properties)
        return None

    # --- looking after the device

    async def _look_after(self) -> None:
        """Read the battery; set the clock when that can confuse nobody."""
        await self._read(BATTERY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNASKED_S):
                await self._spoke.wait()
        for name, encoded in CLOCKS.items():
            now = self._clock()
            if now is not None and "write" in (self._has(name) or ()):
                with contextlib.suppress(LinkLost):
                    await self.write(encoded(now), name)
                    await self._read(name)
                return


def uuid(name: str) -> str:
    """The whole UUID of what `Packet.channel` calls `name`."""
    return f"0000{name}-0000-1000-8000-00805f9b34fb" if len(name) == 4 else name


def _reason(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return f"the device refuses us: is it bound to another unit? ({text})" if REFUSED.search(text) else text
