"""Keeping: on the disk first, on the screen after. What cannot be saved is held, shown as unsaved, and tried again."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from appliance.care import messages
from appliance.care.status import Status
from appliance.feed import Feed
from appliance.records.errors import Broken, StorageFull, StoreError
from appliance.records.model import KeptResult, Quarantined, Result
from appliance.records.spool import Spool
from appliance.records.store import Store

T = TypeVar("T")

log = logging.getLogger(__name__)

# Half an hour of an oximeter and every cuff; beyond it the oldest stay and the newest are refused, loudly.
MAX_UNSAVED = 500


@dataclass(frozen=True, slots=True)
class _Held:
    fact: Result | Quarantined
    fingerprint: bytes | None


class Keeper:
    """`queued` is called when something new waits for the platform."""

    def __init__(self, store: Store, feed: Feed, status: Status, queued: Callable[[], None]) -> None:
        self._store, self._feed, self._status, self._queued = store, feed, status, queued
        self._held: deque[_Held] = deque()

    @property
    def unsaved(self) -> int:
        """How many facts are only in memory."""
        return len(self._held)

    async def keep(self, result: Result, fingerprint: bytes | None) -> None:
        """Keep a measurement that came by itself; held when it cannot be written now. A repeat changes nothing."""
        await self._write_or_hold(_Held(result, fingerprint))

    async def quarantine(self, reading: Quarantined, fingerprint: bytes | None) -> None:
        """Keep a reading that nobody may chart; held when it cannot be written now."""
        await self._write_or_hold(_Held(reading, fingerprint))

    async def keep_or_refuse(
        self, result: Result, data: bytes | Spool | None = None, fingerprint: bytes | None = None
    ) -> KeptResult:
        """Keep what somebody waits for: they are told at once when it cannot be saved, and may ask again."""
        if await self.saving(self._store.keep(result, fingerprint, data)):
            self._show(result)
        return KeptResult(result)

    async def chart_or_refuse(self, result: Result, spool: Spool, fingerprint: bytes) -> None:
        """The same for an object; one that is in quarantine already is taken from there, and charted once."""
        held = await self._store.quarantine_holds(fingerprint)
        if held is None:
            await self.keep_or_refuse(result, spool, fingerprint)
        else:
            await self.assign(held, result)

    async def quarantine_or_refuse(self, reading: Quarantined, fingerprint: bytes, spool: Spool) -> None:
        """The same for what nobody may chart."""
        if await self.saving(self._store.quarantine(reading, fingerprint, spool)):
            self._feed.publish(messages.quarantine(reading))

    async def assign(self, reading: str, result: Result) -> KeptResult:
        """A quarantined reading becomes a result, by a person or judged anew; whoever asked is told of a failure."""
        await self.saving(self._store.assign(reading, result))
        self._feed.publish(messages.quarantine_gone(reading))
        self._show(result)
        return KeptResult(result)

    async def saving(self, write: Awaitable[T]) -> T:
        """Await a write and note whether the disk took it; its error goes on to the caller."""
        try:
            written = await write
        except (StorageFull, StoreError) as error:
            self._status.writes(_state(error), self.unsaved)
            raise
        self._status.writes("full" if self._held else "ok", self.unsaved)
        return written

    async def retry(self) -> None:
        """Try to write what is held, oldest first."""
        while self._held:
            try:
                await self._write(self._held[0])
            except (StorageFull, StoreError):
                return
            self._held.popleft()
            self._status.writes("full" if self._held else "ok", self.unsaved)

    async def _write_or_hold(self, held: _Held) -> None:
        if self._held:  # order is kept: what came first is written first
            return self._hold(held, StorageFull("older ones wait"))
        try:
            await self._write(held)
        except (StorageFull, StoreError) as error:
            return self._hold(held, error)
        self._status.writes("ok", 0)
        return None

    async def _write(self, held: _Held) -> None:
        if isinstance(held.fact, Result):
            if await self._store.keep(held.fact, held.fingerprint):
                self._show(held.fact)
        elif await self._store.quarantine(held.fact, held.fingerprint):
            self._feed.publish(messages.quarantine(held.fact))

    def _hold(self, held: _Held, why: StorageFull | StoreError) -> None:
        if len(self._held) >= MAX_UNSAVED:
            log.error("a reading could not be held: %d wait unsaved already", MAX_UNSAVED)
            self._status.tell("readings-lost")
            return
        if not self._held:
            log.error("readings are held unsaved: %s", why)
        self._held.append(held)
        self._status.writes(_state(why), self.unsaved)
        if isinstance(held.fact, Result):
            self._feed.publish(messages.result(KeptResult(held.fact), "unsaved"))

    def _show(self, result: Result) -> None:
        self._feed.publish(messages.result(KeptResult(result)))
        self._queued()


def _state(error: StorageFull | StoreError) -> str:
    return "failed" if isinstance(error, Broken) else "full"
