"""Empties the outbox: each row is sent until the platform has confirmed or refused it, in order per consultation.

A row is sent again whole when its confirmation was lost: its identifiers make the repeat harmless.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from appliance import clock
from appliance.platform.answer import Later, Outcome, Persisted, Refused
from appliance.platform.backoff import Breaker, Draw, jitter
from appliance.platform.errand import Destination, Errands
from appliance.platform.fhir.parts import Sender
from appliance.records.errors import StorageFull, StoreError
from appliance.records.model import ConsultationRecord, Delivery, KeptDossier, KeptResult, OutboxRow, Receipt

log = logging.getLogger(__name__)

WORKERS = 2  # a long upload of one consultation does not hold up the next
STORE_PAUSE_S = 5.0  # after the records themselves failed
REFRESH_S = 10.0  # how old the shown age of the oldest row may be


class Records(Protocol):
    """What is needed of `appliance.records.store.Store`."""

    async def waiting(self, limit: int, skip: frozenset[str]) -> list[OutboxRow]: ...

    async def delivered(self, seq: int, receipt: Receipt) -> None: ...

    async def attempted(self, seq: int) -> None: ...

    async def refused(self, seq: int, words: str) -> None: ...

    async def consultation(self, consultation: str) -> ConsultationRecord: ...

    async def result(self, result: str) -> KeptResult: ...

    async def blob(self, consultation: str, sha256: str) -> bytes: ...

    async def dossier(self, dossier: str) -> KeptDossier: ...

    async def outbox(self) -> tuple[int, int, datetime | None]: ...


@dataclass(frozen=True, slots=True)
class OutboxState:
    """The outbox as a whole. `platform` is `up`, `down` or `unknown`; `detail` says why it is down."""

    waiting: int
    refused: int
    oldest_s: int | None
    platform: str
    detail: str | None = None


class Watcher(Protocol):
    """Who wants to know. Called on the loop; must not block."""

    def delivery(self, row: OutboxRow, delivery: Delivery) -> None:
        """A row was persisted or refused."""

    def outbox(self, state: OutboxState) -> None:
        """The outbox is another than it was."""


class Forwarder:
    """Run `run` as one task; call `wake` whenever a row was added."""

    def __init__(
        self,
        records: Records,
        platform: Destination,
        sender: Sender,
        watcher: Watcher,
        draw: Draw = random.uniform,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._records, self._watcher = records, watcher
        self._errands = Errands(records, platform, sender)
        self._draw, self._now_s = draw, now_s
        self._breaker = Breaker(draw)
        self._held: dict[str, float] = {}  # consultation -> not before, in seconds of now_s
        self._busy: set[str] = set()
        self._picking = asyncio.Lock()
        self._news, self._changed = asyncio.Event(), asyncio.Event()
        self._state: tuple[str, str | None] = ("unknown", None)
        self._since_s = now_s()

    async def run(self) -> None:
        """Forward until cancelled. A row that was under way then is simply sent again the next time."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell(), name="outbox-state")
            for number in range(WORKERS):
                group.create_task(self._work(), name=f"forwarder-{number}")

    def wake(self) -> None:
        """A row was added: look at once."""
        self._news.set()
        self._changed.set()

    def platform_is_back(self) -> None:
        """The link is up again: what waits for its next try need not."""
        self._is("up", None)
        self._held.clear()
        self._breaker.retry_now()
        self.wake()

    # --- one row after another

    async def _work(self) -> None:
        while True:
            row = await self._next()
            try:
                await self._deliver(row)
            finally:
                self._busy.discard(row.consultation)
                self.wake()

    async def _next(self) -> OutboxRow:
        while True:
            self._news.clear()
            row, pause_s = await self._pick()
            if row is not None:
                return row
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._news.wait()

    async def _pick(self) -> tuple[OutboxRow | None, float | None]:
        """The next row, marked as ours; or how long to wait for one (None: until there is news)."""
        async with self._picking:
            now_s = self._now_s()
            wait_s = self._breaker.wait_s(now_s)
            if wait_s is None or wait_s > 0:
                return None, wait_s
            self._held = {name: until for name, until in self._held.items() if until > now_s}
            try:
                rows = await self._records.waiting(1, frozenset(self._held) | self._busy)
            except (StorageFull, StoreError) as error:
                log.warning("the outbox cannot be read: %s", error)
                return None, STORE_PAUSE_S
            if rows:
                self._busy.add(rows[0].consultation)
                self._breaker.begin()
                return rows[0], None
            return None, min((until - now_s for until in self._held.values()), default=None)

    async def _deliver(self, row: OutboxRow) -> None:
        try:
            outcome = await self._errands.run(row)
            await self._settle(row, outcome)
        except (StorageFull, StoreError) as error:
            log.warning("row %d cannot be read or settled: %s", row.seq, error)
            self._held[row.consultation] = self._now_s() + STORE_PAUSE_S
            self._breaker.released()

    async def _settle(self, row: OutboxRow, outcome: Outcome) -> None:
        """Write down what came of it, then say so: nobody hears of a receipt that is not on the disk."""
        if isinstance(outcome, Later):
            self._later(row, outcome)
            await self._records.attempted(row.seq)
            return
        self._breaker.answered()
        self._is("up", None)
        if isinstance(outcome, Persisted):
            await self._records.delivered(row.seq, Receipt("persisted", clock.wall(), outcome.location))
            self._watcher.delivery(row, Delivery("persisted"))
        elif isinstance(outcome, Refused):
            log.warning("row %d (%s) was refused for good", row.seq, row.kind)
            await self._records.refused(row.seq, outcome.words)
            self._watcher.delivery(row, Delivery("refused", outcome.words))

    def _later(self, row: OutboxRow, outcome: Later) -> None:
        now_s, wish_s = self._now_s(), outcome.retry_after_s or 0.0
        self._held[row.consultation] = now_s + max(jitter(row.attempts, self._draw), wish_s)
        self._breaker.failed(now_s, wish_s)
        self._is("down", outcome.reason)

    # --- how it stands

    def _is(self, state: str, detail: str | None) -> None:
        if self._state[0] != state:
            now_s = self._now_s()
            log.info("platform %s after %.0f s%s", state, now_s - self._since_s, f": {detail}" if detail else "")
            self._since_s = now_s
        self._state = (state, detail)

    async def _tell(self) -> None:
        told = None
        while True:
            self._changed.clear()
            state = await self._outbox()
            if state is not None and state != told:
                self._watcher.outbox(state)
                told = state
            with suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._changed.wait()

    async def _outbox(self) -> OutboxState | None:
        try:
            waiting, refused, oldest = await self._records.outbox()
        except (StorageFull, StoreError):
            return None
        age_s = None if oldest is None else max(0, round((clock.wall() - oldest).total_seconds()))
        return OutboxState(waiting, refused, age_s, *self._state)
