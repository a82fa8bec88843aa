"""One attached instrument: its link is opened, read, decoded, shown, handed on and opened again, for ever.

Whatever it does, it is never the reason that another one stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from appliance import clock
from appliance.care.acceptance import Reading
from appliance.care.room import Room
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments.bedside import Bedside
from appliance.instruments.budget import Budget
from appliance.instruments.guard import DriverSpun, Guard
from appliance.instruments.hearing import Hearing
from appliance.instruments.ladder import Trouble
from appliance.instruments.patience import WRITE_S, Silence, Silent, Stalled, bounded, opened
from appliance.instruments.recovery import Recovery
from appliance.instruments.repairs import Repairs
from appliance.instruments.waves import Waves
from drivers.core.driver import Driver
from drivers.core.errors import LinkError, LinkLost, NotThere
from drivers.core.model import Ask, Event
from drivers.links.base import Chunk, Link

log = logging.getLogger(__name__)

OpenLink = Callable[[Device, Driver], Link]

WAITING_READINGS = 64  # for a disk that stalls; then this device waits, and no other
TURN_CHUNKS = 8  # in a row; then the others have their turn
PAUSE_S = 0.02  # of a device that said too much: what it says meanwhile waits at its link, as much as fits there
HEALTHY_NS = 60_000_000_000  # a driver that worked for so long has no fault that counts


class Instrument:
    """Runs one device."""

    def __init__(
        self,
        device: Device,
        driver: Driver,
        open_link: OpenLink,
        room: Room,
        feed: Feed,
        rules: Care,
        guard: Guard | None = None,
        repairs: Repairs | None = None,
    ) -> None:
        self._device, self._driver, self._open_link, self._room = device, driver, open_link, room
        self._guard, self._budget = guard or Guard(), Budget()
        self._waiting: asyncio.Queue[Reading] = asyncio.Queue(WAITING_READINGS)
        self._bedside = Bedside(device, driver, room, feed, rules)
        self._recovery = Recovery(device, self._bedside, repairs)
        self._spoke = False
        self._turn = self._dropped = 0

    @property
    def key(self) -> str:
        """The name by which screens and leases know it."""
        return self._device.key

    @property
    def present(self) -> bool:
        """Whether it can be bound."""
        return self._bedside.present

    def again(self) -> None:
        """Somebody asks for it, or it was plugged in: it is tried at once, from the beginning."""
        self._recovery.again()

    async def run(self) -> None:
        """Never returns."""
        self._bedside.publish()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_over(), name=f"{self.key} readings")
            tasks.create_task(self._keep_open(), name=f"{self.key} link")

    async def _keep_open(self) -> None:
        while True:
            trouble = await self._attempt()
            await self._recovery.after(trouble)

    async def _attempt(self) -> Trouble:
        """Work with the device until that ends, and how it ended."""
        self._spoke = False
        try:
            async with opened(self._open_link(self._device, self._driver), self.key) as link:
                await self._talk(link)
        except (LinkLost, LinkError) as error:
            self._bedside.lost(str(error))
            return self._kind(error)
        except DriverSpun as error:
            log.error("%s: its driver does not end: %s", self.key, error)  # noqa: TRY400 - its words say where
            self._bedside.failed()
            return Trouble.SPUN
        except Exception:  # a fault of a driver or a link must not take the others with it
            log.exception("%s: its driver failed; it is started again", self.key)
            self._bedside.failed()
            return Trouble.RAISED
        raise AssertionError("a conversation ends by an error")

    def _kind(self, error: Exception) -> Trouble:
        if isinstance(error, NotThere):
            return Trouble.GONE
        left = isinstance(error, LinkLost) and not isinstance(error, Silent | Stalled)
        return Trouble.LEFT if left and (self._spoke or not self._driver.continuous) else Trouble.DEAD

    async def _talk(self, link: Link) -> None:
        hearing, waves = Hearing(self.key, self._driver, self._guard, self._budget), Waves(self.key)
        for words in self._driver.hello:
            await self._say(link, Ask(words))
        self._bedside.opened()
        since = clock.boottime_ns()
        alive = asyncio.create_task(self._keep_alive(link), name=f"{self.key} keep-alive")
        silence = Silence(self._driver.quiet_s)
        try:
            async with silence.ends():
                async for chunk in link.chunks():
                    for data, events in hearing.take(chunk):
                        await self._tell(events, chunk, data, waves, silence)
                        for event in events:
                            if isinstance(event, Ask):
                                await self._say(link, event)
                    self._bedside.floods(self._budget)
                    if chunk.arrival_ns - since > HEALTHY_NS:
                        self._recovery.healthy()
                    await self._give_way()
                    silence.broken()
            raise LinkLost("the link ended")
        finally:
            alive.cancel()

    async def _give_way(self) -> None:
        """A link that always has something ready never waits, and would keep everybody else from running."""
        self._turn = (self._turn + 1) % TURN_CHUNKS
        if self._budget.dropped != self._dropped:
            self._dropped = self._budget.dropped
            await asyncio.sleep(PAUSE_S)
        elif self._turn == 0:
            await asyncio.sleep(0)

    async def _say(self, link: Link, ask: Ask) -> None:
        """The only way to a device: what its driver's allow-list does not hold is never written."""
        words = self._driver.allowed(ask.data)
        await bounded(link.write(words, ask.channel), WRITE_S, f"{self.key}: writing")

    async def _tell(self, events: list[Event], chunk: Chunk, data: bytes, waves: Waves, silence: Silence) -> None:
        if events and not self._spoke:
            self._spoke = True
            self._recovery.worked()
        for reading in self._bedside.heard(events, chunk, data, waves):
            if self._waiting.full():
                silence.paused()  # it is we who are slow
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
