"""All remote parties of this unit, by the names that the platform gave them; never more than a bound."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from appliance.media.call import CallState
from appliance.media.control import Answers, TakeStill
from appliance.media.description import IceServer
from appliance.media.engine import Engine
from appliance.media.governor import Budget
from appliance.media.peer import Counts, Offered, Peer, Subscribe
from appliance.media.recovery import Party
from drivers.core.errors import ChevetError

log = logging.getLogger(__name__)

MOST = 4
OnState = Callable[[str, CallState], None]  # peer, its state; called on the loop
OnSignal = Callable[[str, Mapping[str, Any]], None]  # peer, `{"description"}` or `{"candidate"}` for it


class TooManyPeers(ChevetError):  # noqa: N818 - it is an answer, and reads as one
    """No more remote parties can be served now (docs/protocol.md section 2, `too-many-peers`)."""


class NoSuchPeer(ChevetError):  # noqa: N818 - likewise
    """Nobody of that name is here: never was, or has left."""


class Peers:
    """Joins, leaves and carries signals. `on_state` tells of `connecting connected lost closed` for each party.

    `on_signal` carries to a party what comes after its first offer: candidates, and the offers of further connections.
    Without it a party has one connection, and is closed with it.
    """

    def __init__(
        self,
        engine: Engine,
        offered: Offered,
        subscribe: Subscribe,
        still: TakeStill,
        on_state: OnState,
        on_signal: OnSignal | None = None,
    ) -> None:
        self._engine, self._offered, self._subscribe, self._still = engine, offered, subscribe, still
        self._on_state, self._on_signal = on_state, on_signal
        self._parties: dict[str, Party] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._parties)

    async def join(self, name: str, ice_servers: Sequence[IceServer] = ()) -> dict[str, str]:
        """A new party: the offer to send to it. One of the same name is ended first. `TooManyPeers`."""
        await self.leave(name)
        if len(self._parties) >= MOST:
            raise TooManyPeers(f"got peer number {len(self._parties) + 1}, serve at most {MOST}")
        party = self._parties[name] = self._party(name, ice_servers)
        try:
            return await party.begin()
        except BaseException:
            await self.leave(name)
            raise

    @property
    def counts(self) -> dict[str, Counts]:
        """What did not reach each of them, over its present connection."""
        return {name: party.peer.counts for name, party in self._parties.items() if party.peer is not None}

    @property
    def budgets(self) -> dict[str, Budget]:
        """What each of them may be sent, and is."""
        return {name: party.peer.budget for name, party in self._parties.items() if party.peer is not None}

    async def answer(self, name: str, description: Mapping[str, Any]) -> None:
        """The party's answer; its offer asks for another connection. `NoSuchPeer`, `BadSignal`."""
        await self._of(name).answer(description)

    async def candidate(self, name: str, candidate: Mapping[str, Any] | None) -> None:
        """One of the party's ICE candidates, or None at their end. `NoSuchPeer`, `BadSignal`."""
        await self._of(name).candidate(candidate)

    def heard_of(self, name: str) -> None:
        """The party is there, says the platform: if its call is lost, a new one is offered at once."""
        party = self._parties.get(name)
        if party is not None and party.state is CallState.LOST:
            party.renew()

    def network_changed(self, addresses: frozenset[str]) -> None:
        """This machine has these addresses now: calls that are lost, or that went from another one, begin anew."""
        for party in tuple(self._parties.values()):
            mine = None if party.peer is None else party.peer.local_address
            if party.state is CallState.LOST or (mine is not None and mine not in addresses):
                party.renew()

    async def leave(self, name: str) -> None:
        """End a party; nothing when it is not here."""
        party = self._parties.pop(name, None)
        if party is not None:
            await party.aclose()

    async def aclose(self) -> None:
        """End them all."""
        for name in tuple(self._parties):
            await self.leave(name)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _of(self, name: str) -> Party:
        if name not in self._parties:
            raise NoSuchPeer(f"no peer {name!r} here")
        return self._parties[name]

    def _party(self, name: str, ice_servers: Sequence[IceServer]) -> Party:
        answers: Answers = OrderedDict()  # what is asked again over a later connection is not done again
        say = None if self._on_signal is None else partial(self._on_signal, name)

        def make(on_state: Callable[[CallState], None]) -> Peer:
            call = self._engine.call(ice_servers, on_state)
            return Peer(name, call, self._offered, self._subscribe, self._still, answers)

        party = Party(make, lambda state: self._changed(name, party, state), say)
        return party

    def _changed(self, name: str, party: Party, state: CallState) -> None:
        log.info("peer %s: %s", name, state.value)
        if state is CallState.CLOSED and self._parties.get(name) is party:
            del self._parties[name]
            task = asyncio.create_task(party.aclose(), name="peer-end")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self._on_state(name, state)
