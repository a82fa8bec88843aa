"""What the platform says, handed to those it concerns; and what became of what was sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import datetime
from typing import Any

from appliance import clock
from appliance.calls import Calls
from appliance.care import dossier
from appliance.care.room import Room
from appliance.feed import Feed
from appliance.platform.forwarder import Forwarder, OutboxState
from appliance.platform.link_messages import DossierNews, Opened, PeerJoined, PeerLeft, Publish, Signal, Unpublish
from appliance.publishing import Publishing
from appliance.records.errors import StorageFull, StoreError, Unknown
from appliance.records.model import Answer, Delivery, OutboxRow, Receipt
from appliance.records.store import Store

log = logging.getLogger(__name__)


class Reception:
    """The handlers of the link and the watcher of the forwarder."""

    def __init__(self, room: Room, store: Store, feed: Feed) -> None:
        self._room, self._store, self._feed = room, store, feed
        self._calls: Calls | None = None
        self._forwarder: Forwarder | None = None
        self._publishing: Publishing | None = None
        self._showing: set[asyncio.Task[None]] = set()
        self._addresses: frozenset[str] = frozenset()
        self._moved = asyncio.Event()

    def connect(self, calls: Calls, forwarder: Forwarder, publishing: Publishing | None = None) -> None:
        """Those it hands on to; they need the link, and the link needs us."""
        self._calls, self._forwarder, self._publishing = calls, forwarder, publishing

    # --- the link

    async def peer_joined(self, message: PeerJoined) -> None:
        """See `platform.link.Handlers`."""
        assert self._calls is not None
        await self._calls.joined(message)

    async def peer_left(self, message: PeerLeft) -> None:
        """See `platform.link.Handlers`."""
        assert self._calls is not None
        await self._calls.left(message.peer)

    async def signal(self, message: Signal) -> None:
        """See `platform.link.Handlers`."""
        assert self._calls is not None
        await self._calls.signal(message)

    async def publish(self, message: Publish) -> None:
        """See `platform.link.Handlers`."""
        assert self._publishing is not None
        await self._publishing.publish(message)

    async def unpublish(self, message: Unpublish) -> None:
        """See `platform.link.Handlers`."""
        assert self._publishing is not None
        await self._publishing.unpublish(message)

    async def opened(self, message: Opened) -> None:
        """The last link of the receipt chain: kept before it is shown."""
        result = message.identifier.removeprefix("urn:uuid:")
        try:
            await self._store.opened(result, Receipt("opened", clock.wall(), by=message.by))
        except (StorageFull, StoreError) as error:
            log.warning("that a result was opened could not be kept: %s", error)
            return
        await self._room.delivered(result)

    async def dossier(self, message: DossierNews) -> None:
        """What became of a dossier: kept before it is shown. A repeat changes nothing."""
        ref = message.identifier.removeprefix("urn:uuid:")
        answer = Answer(message.state, _instant(message.at), message.by, message.text)
        try:
            if dossier.news(await self._store.dossier(ref), answer):
                await self._store.answer(ref, answer)
            kept = await self._store.dossier(ref)
        except Unknown:
            log.warning("the platform speaks of a dossier that is not on this unit")
            return
        except (StorageFull, StoreError) as error:
            log.warning("what became of a dossier could not be kept: %s", error)
            return
        self._feed.publish(
            {"type": "dossier", "id": ref, "state": dossier.stage(kept).value, "delivery": kept.delivery}
        )

    def link_changed(self, up: bool) -> None:
        """A link that is back says that the platform is."""
        if up and self._forwarder is not None:
            self._forwarder.platform_is_back()

    def network_changed(self, addresses: frozenset[str]) -> None:
        """The machine has these addresses now: calls and link that went from another one begin anew."""
        if self._addresses - addresses:
            self._moved.set()
        self._addresses = addresses
        if self._calls is not None:
            self._calls.network_changed(addresses)
        if self._publishing is not None:
            self._publishing.network_changed(addresses)

    async def hold_link(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the link; begin it again when an address goes: what is bound to it would wait for a silent end."""
        while True:
            running = asyncio.create_task(run(), name="link")
            moved = asyncio.create_task(self._moved.wait(), name="network moved")
            try:
                await asyncio.wait({running, moved}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    return await running
                self._moved.clear()
            finally:
                for task in (running, moved):
                    task.cancel()
                await asyncio.gather(running, moved, return_exceptions=True)

    # --- the forwarder

    def delivery(self, row: OutboxRow, delivery: Delivery) -> None:
        """Show it, if its consultation is still open."""
        if row.kind == "result":
            task = asyncio.create_task(self._room.delivered(row.ref), name="show delivery")
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)

    def outbox(self, state: OutboxState) -> None:
        """Tell the screens."""
        self._feed.publish({"type": "outbox", **asdict(state)})


def _instant(text: str) -> datetime:
    """The platform's own instant; ours where it tells none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return clock.wall()
    return at if at.tzinfo is not None else clock.wall()
