"""What the platform has published: the programme to its media server (WHIP), the exact sound to its receiver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from types import MappingProxyType

from appliance.care.consultation import ENDED, State
from appliance.care.room import Room
from appliance.media.call import CallState
from appliance.media.engine import Engine
from appliance.media.exact import ExactSound
from appliance.media.governor import Budget
from appliance.media.peer import Counts
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.whip import Publisher
from appliance.platform.backoff import jitter
from appliance.platform.client import PlatformAddress
from appliance.platform.link_messages import (
    Outgoing,
    PublicationNews,
    PublicationState,
    Publish,
    PublishedTrack,
    Unpublish,
)
from appliance.platform.sound_way import SoundWay
from appliance.platform.whip import Whip
from appliance.records.model import ConsultationRecord

log = logging.getLogger(__name__)

MOST = 2  # each is another connection of the size of a call's
PAUSE_CAP_S = 5.0  # a patient waits
WITH_DOCTOR = frozenset({State.ACTIVE, State.REVIEW})
STATES: Mapping[CallState, PublicationState] = MappingProxyType(
    {
        CallState.NEW: "connecting",
        CallState.CONNECTING: "connecting",
        CallState.CONNECTED: "connected",
        CallState.LOST: "lost",
        CallState.CLOSED: "closed",
    }
)
Programme = tuple[PictureSource | SoundSource, ...]


class Publication:
    """One programme at one door: `run` until cancelled, or until the door refuses it for good."""

    def __init__(
        self, asked: Publish, engine: Engine, programme: Programme, tell: Callable[[Publication], None]
    ) -> None:
        self.asked, self._tell = asked, tell
        self._door = Whip(asked.url, asked.token)
        self.publisher = Publisher(engine, self._door, programme, lambda n: jitter(n, cap_s=PAUSE_CAP_S), self._changed)
        heard = next((one for one in programme if isinstance(one, SoundSource)), None)
        self.exact = None if heard is None or asked.sound_url is None else ExactSound(heard)
        self._way = None if heard is None or self.exact is None else self._sound_way(heard.key, self.exact)
        self.task: asyncio.Task[None] | None = None

    @property
    def news(self) -> PublicationNews:
        """How far it is."""
        tracks = tuple(PublishedTrack(**asdict(track)) for track in self.publisher.tracks)
        state = STATES[self.publisher.state]
        return PublicationNews(self.asked.consultation, self.asked.id, state, self.publisher.why, tracks)

    async def run(self) -> None:
        """Publish, and send the exact sound beside it for as long."""
        beside = [] if self.exact is None or self._way is None else [self.exact.run(), self._way.run()]
        tasks = [asyncio.create_task(work, name="exact-sound") for work in beside]
        try:
            await self.publisher.run()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._door.close()

    async def aclose(self) -> None:
        """End it, also at the door."""
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.gather(self.task, return_exceptions=True))

    def _sound_way(self, source: str, exact: ExactSound) -> SoundWay:
        asked = self.asked
        hello = {"type": "hello", "protocol": 1, "consultation": asked.consultation, "id": asked.id, "source": source}
        return SoundWay(asked.sound_url or "", asked.token, hello, exact)

    def _changed(self, state: CallState) -> None:
        log.info("publication %s: %s", self.asked.id, state.value)
        self._tell(self)


class Publishing:
    """All publications of the open consultation, by the names that the platform gave them."""

    def __init__(self, room: Room, engine: Engine, sources: Programme, send: Callable[[Outgoing], None]) -> None:
        self._room, self._engine, self._sources, self._send = room, engine, sources, send
        self._publications: dict[str, Publication] = {}
        self._ending: set[asyncio.Task[None]] = set()
        room.watch(self._consultation)

    async def publish(self, message: Publish) -> None:
        """Begin, or say how far it is: one that is the same already is left alone."""
        known = self._publications.get(message.id)
        if known is not None and known.asked == message:
            self._send(known.news)
            return
        if known is not None:
            await self._end(message.id)
        refused = self._refusal(message)
        if refused is not None:
            self._send(PublicationNews(message.consultation, message.id, "refused", refused))
            return
        try:
            made = Publication(message, self._engine, self._programme(message.sources), self._tell)
        except PlatformAddress:
            self._send(PublicationNews(message.consultation, message.id, "refused", "bad-address"))
            return
        self._publications[message.id] = made
        made.task = asyncio.create_task(self._run(made), name="publication")

    async def unpublish(self, message: Unpublish) -> None:
        """End it."""
        await self._end(message.id)

    def network_changed(self, addresses: frozenset[str]) -> None:
        """The machine has these addresses now: what went from one that is gone begins anew."""
        for publication in self._publications.values():
            publication.publisher.network_changed(addresses)

    @property
    def budgets(self) -> dict[str, Budget]:
        """What each of them may be sent, and is."""
        found = {name: one.publisher.budget for name, one in self._publications.items()}
        return {name: budget for name, budget in found.items() if budget is not None}

    @property
    def counts(self) -> dict[str, Counts]:
        """What did not leave for each of them."""
        return {
            name: Counts(blocks_dropped=0 if one.exact is None else one.exact.dropped)
            for name, one in self._publications.items()
        }

    async def close(self) -> None:
        """End them all."""
        for name in tuple(self._publications):
            await self._end(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _run(self, publication: Publication) -> None:
        name = publication.asked.id
        try:
            await publication.run()
        except Exception:
            log.exception("a publication failed")
        finally:
            if self._publications.get(name) is publication:
                del self._publications[name]

    async def _end(self, name: str) -> None:
        publication = self._publications.get(name)
        if publication is not None:
            await publication.aclose()

    def _tell(self, publication: Publication) -> None:
        self._send(publication.news)

    def _programme(self, wanted: Sequence[str] | None) -> Programme:
        return tuple(one for one in self._sources if wanted is None or one.key in wanted)

    def _refusal(self, message: Publish) -> str | None:
        record = self._room.record
        if record is None or record.id != message.consultation:
            return "no-such-consultation"
        if record.state not in WITH_DOCTOR:
            return "not-active"
        if len(self._publications) >= MOST:
            return "too-many"
        known = {one.key for one in self._sources}
        return None if known and known.issuperset(message.sources or ()) else "no-such-source"

    def _consultation(self, record: ConsultationRecord | None) -> None:
        """A publication does not outlive its consultation."""
        if record is not None and record.state in ENDED:
            task = asyncio.create_task(self.close_of(record.id), name="publications end")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close_of(self, consultation: str) -> None:
        """End those of this consultation."""
        for name, one in tuple(self._publications.items()):
            if one.asked.consultation == consultation:
                await self._end(name)
