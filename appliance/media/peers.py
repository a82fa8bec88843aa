"""All remote parties of this unit, by the names that the platform gave them; never more than a bound."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.media.call import CallState, IceServer
from appliance.media.control import TakeStill
from appliance.media.engine import Engine
from appliance.media.governor import Budget
from appliance.media.peer import Counts, Offered, Peer, Subscribe
from drivers.core.errors import ChevetError

log = logging.getLogger(__name__)

MOST = 4
OnState = Callable[[str, CallState], None]  # peer, its state; called on the loop


class TooManyPeers(ChevetError):  # noqa: N818 - it is an answer, and reads as one
    """No more remote parties can be served now (docs/protocol.md section 2, `too-many-peers`)."""


class NoSuchPeer(ChevetError):  # noqa: N818 - likewise
    """Nobody of that name is here: never was, or has left."""


class Peers:
    """Joins, leaves and carries signals. `on_state` tells of `connecting connected lost closed` for each peer."""

    def __init__(
        self, engine: Engine, offered: Offered, subscribe: Subscribe, still: TakeStill, on_state: OnState
    ) -> None:
        self._engine, self._offered, self._subscribe, self._still = engine, offered, subscribe, still
        self._on_state = on_state
        self._peers: dict[str, Peer] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._peers)

    async def join(self, name: str, ice_servers: Sequence[IceServer] = ()) -> dict[str, str]:
        """A new party: the offer to send to it. One of the same name is ended first. `TooManyPeers`."""
        await self.leave(name)
        if len(self._peers) >= MOST:
            raise TooManyPeers(f"got peer number {len(self._peers) + 1}, serve at most {MOST}")

        def changed(state: CallState) -> None:
            self._changed(name, peer, state)

        peer = Peer(self._engine.call(ice_servers, changed), self._offered, self._subscribe, self._still)
        self._peers[name] = peer
        try:
            return await peer.offer()
        except BaseException:
            await self.leave(name)
            raise

    @property
    def counts(self) -> dict[str, Counts]:
        """What did not reach each of them."""
        return {name: peer.counts for name, peer in self._peers.items()}

    @property
    def budgets(self) -> dict[str, Budget]:
        """What each of them may be sent, and is."""
        return {name: peer.budget for name, peer in self._peers.items()}

    async def answer(self, name: str, description: Mapping[str, Any]) -> None:
        """The party's answer. `NoSuchPeer`, `BadSignal`."""
        await self._peer(name).answer(description)

    async def candidate(self, name: str, candidate: Mapping[str, Any] | None) -> None:
        """One of the party's ICE candidates, or None at their end. `NoSuchPeer`, `BadSignal`."""
        await self._peer(name).candidate(candidate)

    async def leave(self, name: str) -> None:
        """End a party; nothing when it is not here."""
        peer = self._peers.pop(name, None)
        if peer is not None:
            await peer.aclose()

    async def aclose(self) -> None:
        """End them all."""
        for name in tuple(self._peers):
            await self.leave(name)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _peer(self, name: str) -> Peer:
        if name not in self._peers:
            raise NoSuchPeer(f"no peer {name!r} here")
        return self._peers[name]

    def _changed(self, name: str, peer: Peer, state: CallState) -> None:
        log.info("peer %s: %s", name, state.value)
        if state is CallState.CLOSED and self._peers.get(name) is peer:
            del self._peers[name]
            task = asyncio.create_task(peer.aclose(), name="peer-end")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self._on_state(name, state)
