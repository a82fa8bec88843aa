"""Bluetooth Low Energy: wait for the device, connect, learn who it is and what time it has, and listen.

The device's clock is read as soon as there is a connection and set only once the first measurement is in, or after a
while without one: what the device says was taken by the clock that was read, not by the one that we set.

A device is paired where its claim says so, or where it refuses us otherwise. A bond that one side has lost is removed
and made anew, once per opening: the commonest fault in the field is a device that has been paired with another host.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any

from bleak.backends.characteristic import BleakGATTCharacteristic

from drivers.core.claims import gatt_claim
from drivers.core.codec import current_time, date_time
from drivers.core.driver import Gatt
from drivers.core.errors import LinkError, LinkLost
from drivers.core.gatt import channel
from drivers.links.agent import Window
from drivers.links.base import Chunk
from drivers.links.handover import HandOver
from drivers.links.radio import RADIO_ERRORS, Advertised, Radio

log = logging.getLogger(__name__)

FIND_S = 60.0
CONNECT_S = 20.0
STEP_S = 5.0  # one read, write or subscription
PAIR_S = 40.0  # a device gives up after 30 (Core 5.4, vol. 3, part H, 3.4)
FALLS = 3  # so often in a row a bonded device hung up before it was ready: it has lost the bond, whatever BlueZ says
UNASKED_S = 2.0  # without a measurement for so long after connecting, the clock is set all the same

ANY = "any"  # instead of an address: the first device that meets this claim, and no other one better
IDENTITY = ("2a29", "2a24", "2a25", "2a26")
BATTERY = "2a19"
CLOCKS = {"2a2b": current_time, "2a08": date_time}  # the first that the device has; A&D cuffs have only Date Time
REFUSED = re.compile(r"authenti|authori[sz]|not ?permitted|not ?paired|encrypt|key missing", re.IGNORECASE)


class BleLink:
    """One connection to a peripheral. Use with `async with`, once.

    `address`: as BlueZ writes it, or `any`. `radio`: the adapter, shared by all links; without it this one has its own.
    `clock`: local naive time to set the device to; None from it means that the unit itself does not know the time.
    `claims`: all that there are; `any` leaves to another what meets that one better.
    """

    def __init__(
        self,
        address: str,
        claim: Gatt,
        radio: Radio | None = None,
        clock: Callable[[], datetime | None] = datetime.now,
        claims: Iterable[Gatt] = (),
    ) -> None:
        self._address, self._claim, self._clock = address.upper(), claim, clock
        self._claims = (claim, *claims)
        self._radio = radio or Radio()
        self._client: Any = None
        self._found = ""  # the address that it has now
        self._bonded = False  # before we came
        self._window = Window()
        self._spoke = asyncio.Event()
        self._manners: asyncio.Task[None] | None = None

    async def __aenter__(self) -> BleLink:
        try:
            try:
                await self._open(pair=self._claim.bond)
            except RADIO_ERRORS as error:
                if not self._stale(error):
                    raise
                log.warning("%s: its bond is of no use (%s): it is paired anew", self._found, error)
                await self._forget()
                await self._open(pair=True)
        except BaseException as error:
            await self._leave()
            if isinstance(error, RADIO_ERRORS):
                raise LinkError(f"{self._address}: {self._reason(error)}") from None
            raise
        if self._heard.lost is None:
            self._radio.joined(self._found)
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
        if said.name is None and any(claim.name and claim.service in said.services for claim in self._claims):
            return False  # names come in a packet of their own, and it may still be another's
        return gatt_claim(self._claims, said.services, said.name) == self._claim

    async def _open(self, *, pair: bool) -> None:
        device = await self._radio.find(self._wanted, FIND_S)
        self._found, self._bonded = device.address, _is_paired(device)
        self._heard = heard = HandOver()

        def gone() -> None:
            heard.lose(f"{self._address}: the connection ended")
            self._radio.left(device.address)

        async with self._radio.pairing(device.address) as self._window:
            async with self._radio.connecting():
                self._client = self._radio.client(device, gone, CONNECT_S)
                await self._client.connect()
            if pair:
                await self._pair()
            await self._prepare()

    async def _prepare(self) -> None:
        missing = [name for name in self._claim.characteristics if self._has(name) is None]
        if len(missing) == len(self._claim.characteristics):
            raise LinkError(f"{self._address}: it has none of {', '.join(missing)}")
        for name in (*CLOCKS, *IDENTITY):
            await self._read(name)
        for name in self._claim.characteristics:
            if name not in missing:
                await self._listen(name)
        self._manners = asyncio.create_task(self._look_after(), name=f"ble {self._address}")

    async def _listen(self, name: str) -> None:
        """Subscribe; a device that refuses is paired first."""
        try:
            await self._subscribe(name)
        except RADIO_ERRORS as error:
            if self._bonded or not REFUSED.search(str(error)):
                raise
            await self._pair()
            await self._subscribe(name)

    async def _subscribe(self, name: str) -> None:
        async with asyncio.timeout(STEP_S):
            await self._client.start_notify(uuid(name), self._notified)

    # --- bonds

    async def _pair(self) -> None:
        async with asyncio.timeout(PAIR_S):
            await self._client.pair()

    def _stale(self, error: Exception) -> bool:
        """Whether this may come from a bond that only one side still has.

        A device that has lost its keys is hung up on by our side's BlueZ, or hangs up itself, without a word of why:
        to tell that from a bad connection it must happen several times. Nobody's bond is removed for less.
        """
        falls = self._radio.fell(self._found)
        if self._window.unanswered:
            return False
        return REFUSED.search(str(error)) is not None or (self._bonded and falls >= FALLS)

    async def _forget(self) -> None:
        """Remove the bond, and with it all that BlueZ knows of the device."""
        await self._leave()
        async with asyncio.timeout(STEP_S):
            await self._client.unpair()

    def _reason(self, error: BaseException) -> str:
        text = str(error) or type(error).__name__
        if self._window.unanswered:
            return "it shows a number that nobody typed in time"
        if REFUSED.search(text):
            return f"the device is bound to another unit: remove the bond there, or on the device ({text})"
        return text

    async def _leave(self) -> None:
        if self._manners is not None:
            self._manners.cancel()
            await asyncio.wait((self._manners,))
        if self._client is not None:
            with contextlib.suppress(*RADIO_ERRORS):
                async with asyncio.timeout(STEP_S):
                    await self._client.disconnect()
        self._radio.left(self._found)

    # --- listening

    def _notified(self, characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        arrival_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._heard.put(Chunk(bytes(data), arrival_ns, channel(characteristic.uuid)))
        self._spoke.set()

    async def _read(self, name: str) -> None:
        """Read a characteristic into the stream, if the device has it and lets us."""
        if "read" not in (self._has(name) or ()):
            return
        asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        with contextlib.suppress(*RADIO_ERRORS):
            async with asyncio.timeout(STEP_S):
                data = await self._client.read_gatt_char(uuid(name))
            arrival_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            self._heard.put(Chunk(bytes(data), arrival_ns, name, waited_s=(arrival_ns - asked_ns) / 1e9))

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


def _is_paired(device: Any) -> bool:
    """What BlueZ says of it: bleak hands its properties through."""
    details = getattr(device, "details", None) or {}
    return bool(details.get("props", {}).get("Paired", False))


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
