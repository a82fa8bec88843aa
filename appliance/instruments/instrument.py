"""One attached instrument: its link is opened, read, decoded, shown, handed on and opened again, for ever.

Whatever it does, it is never the reason that another one stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from appliance.care.acceptance import Reading
from appliance.care.room import Room
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments.bedside import Bedside
from appliance.instruments.waves import Waves
from drivers.core.driver import Decoder, Driver
from drivers.core.errors import LinkError, LinkLost, PacketError
from drivers.core.model import Ask, Event, Packet
from drivers.links.base import Chunk, Link

log = logging.getLogger(__name__)

OpenLink = Callable[[Device, Driver], Link]

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # between attempts to open; the last one for ever
WAITING_READINGS = 64  # for a disk that stalls; then this device waits, and no other


class Instrument:
    """Runs one device."""

    def __init__(
        self, device: Device, driver: Driver, open_link: OpenLink, room: Room, feed: Feed, rules: Care
    ) -> None:
        self._device, self._driver, self._open_link, self._room = device, driver, open_link, room
        self._waiting: asyncio.Queue[Reading] = asyncio.Queue(WAITING_READINGS)
        self._bedside = Bedside(device, driver, room, feed, rules)
        self._garbled = False

    @property
    def key(self) -> str:
        """The name by which screens and leases know it."""
        return self._device.key

    @property
    def present(self) -> bool:
        """Whether it can be bound."""
        return self._bedside.present

    async def run(self) -> None:
        """Never returns."""
        self._bedside.publish()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_over(), name=f"{self.key} readings")
            tasks.create_task(self._keep_open(), name=f"{self.key} link")

    async def _keep_open(self) -> None:
        failures = 0
        while True:
            try:
                async with self._open_link(self._device, self._driver) as link:
                    failures = 0
                    await self._talk(link)
            except (LinkLost, LinkError) as error:
                self._bedside.lost(str(error))
            except Exception:  # a fault of a driver or a link must not take the others with it
                log.exception("%s: its driver failed; it is started again", self.key)
                self._bedside.failed()
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1

    async def _talk(self, link: Link) -> None:
        framer, decoder, waves = self._driver.framer(), self._driver.decoder(), Waves(self.key)
        for words in self._driver.hello:
            await self._say(link, Ask(words))
        self._bedside.opened()
        alive = asyncio.create_task(self._keep_alive(link), name=f"{self.key} keep-alive")
        try:
            chunks = link.chunks()
            while True:
                chunk = await self._next(chunks)
                for data in framer.feed(chunk.data):
                    events = self._decode(decoder, Packet(data, chunk.channel))
                    await self._tell(events, chunk, data, waves)
                    for event in events:
                        if isinstance(event, Ask):
                            await self._say(link, event)
        finally:
            alive.cancel()

    async def _say(self, link: Link, ask: Ask) -> None:
        """The only way to a device: what its driver's allow-list does not hold is never written."""
        await link.write(self._driver.allowed(ask.data), ask.channel)

    async def _next(self, chunks: AsyncIterator[Chunk]) -> Chunk:
        """The next bytes; a device that should speak and does not is lost, however open its link looks."""
        try:
            async with asyncio.timeout(self._driver.quiet_s):
                return await anext(chunks)
        except TimeoutError:
            raise LinkLost(f"silent for {self._driver.quiet_s:g} s") from None
        except StopAsyncIteration:
            raise LinkLost("the link ended") from None

    def _decode(self, decoder: Decoder, packet: Packet) -> list[Event]:
        try:
            events = list(decoder(packet))
        except PacketError as error:
            if not self._garbled:
                log.warning("%s: a packet cannot be read: %s", self.key, error)
            self._garbled = True
            return []
        self._garbled = False
        return events

    async def _tell(self, events: list[Event], chunk: Chunk, data: bytes, waves: Waves) -> None:
        reading = self._bedside.heard(events, chunk, data, waves)
        if reading is not None:
            await self._waiting.put(reading)

    async def _hand_over(self) -> None:
        while True:
            reading = await self._waiting.get()
            try:
                await self._room.accept(reading)
            except Exception:  # one device's odd reading must not end the service for all
                log.exception("%s: a reading could not be kept", self.key)
                self._room.lost_reading()

    async def _keep_alive(self, link: Link) -> None:
        if self._driver.keepalive is None:
            return
        words, every_s = self._driver.keepalive
        try:
            while True:
                await asyncio.sleep(every_s)
                await self._say(link, Ask(words))
        except LinkLost:
            return  # the reader notices too, and tells
