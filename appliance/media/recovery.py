"""One remote party for as long as its consultation lasts, over as many connections as its network makes necessary.

A connection that falls silent is not given up: it stays, and often comes back by itself. Beside it another one is
offered, and again, until one of both speaks (make before break); only then is the other ended. aiortc can neither
restart ICE nor survive a change of address: both are answered the same way, by another connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from appliance.media.call import BadSignal, CallState
from appliance.media.peer import Peer

log = logging.getLogger(__name__)

ANSWER_S = 2.0  # for an offer to be answered; nobody knows whether it arrived
CONNECT_S = 6.0  # from the answer to the first word
MOST_ASKED = 3  # attempts, while the connection that should be replaced lives
AGAIN_S = 0.3  # between two attempts, at least
GONE_S = 180.0  # without any connection: the party is given up

MakePeer = Callable[[Callable[[CallState], None]], Peer]
Say = Callable[[Mapping[str, Any]], None]  # `{"description"}` or `{"candidate"}`, to the remote party


class Party:
    """Build, `begin`, then `answer`, `candidate` and `renew` as it comes. It ends by `aclose`, or when it is given up.

    `tell`: its state, whichever connection carries it: `connecting connected lost ... closed`, each change once.
    `say`: what else it must be told, of this and of later connections; None: it cannot be, and has one connection only.
    """

    def __init__(self, make: MakePeer, tell: Callable[[CallState], None], say: Say | None) -> None:
        self._make, self._tell, self._say = make, tell, say
        self._now: Peer | None = None
        self._next: Peer | None = None
        self.state = CallState.NEW
        self._asked = False  # another connection is wanted, though this one lives
        self._settled = asyncio.Event()
        self._patience: asyncio.Timeout | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def peer(self) -> Peer | None:
        """The connection that carries it now; None while it has none."""
        return self._now

    async def begin(self) -> dict[str, str]:
        """The first offer."""
        peer = self._now = self._new()
        offer = await peer.offer()
        self._trickle(peer)
        return offer

    async def answer(self, description: Mapping[str, Any]) -> None:
        """The answer to the newest offer; an offer asks for another connection (an ICE restart). `BadSignal`."""
        if description.get("type") == "offer":
            if self._say is None:
                raise BadSignal("got an offer of a party that has one connection only")
            self.renew()
            return
        peer = self._next or self._now
        if peer is None:
            raise BadSignal("got an answer, and nothing is offered")
        await peer.answer(description)
        if peer is self._next and self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + CONNECT_S)

    async def candidate(self, candidate: Mapping[str, Any] | None) -> None:
        """A candidate for the newest connection. `BadSignal`."""
        peer = self._next or self._now
        if peer is not None:
            await peer.candidate(candidate)

    def renew(self) -> None:
        """Another connection, now: the network is another one, or the remote party asks for it."""
        if self._closed or self._say is None or self.state is CallState.NEW:
            return
        self._asked = True
        self._settled.set()  # what was begun, was begun for the network as it was
        self._begin_renewing()

    async def aclose(self) -> None:
        """End it: every connection, every attempt. Repeatable."""
        self._closed = True
        tasks = [task for task in (self._renewing, *self._tasks) if task not in {None, asyncio.current_task()}]
        for task in tasks:
            assert task is not None
            task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
        for peer in (self._now, self._next):
            if peer is not None:
                await peer.aclose()
        self._move(CallState.CLOSED)

    # --- how it is done

    def _new(self) -> Peer:
        def changed(state: CallState) -> None:
            self._changed(peer, state)

        peer = self._make(changed)
        return peer

    def _move(self, state: CallState) -> None:
        if state is not self.state and self.state is not CallState.CLOSED:
            self.state = state
            self._tell(state)

    def _changed(self, peer: Peer, state: CallState) -> None:
        if peer is self._next:
            if state is CallState.CONNECTED:
                self._promote(peer)
            elif state is CallState.CLOSED:
                self._settled.set()
        elif peer is self._now:
            self._now_changed(peer, state)

    def _now_changed(self, peer: Peer, state: CallState) -> None:
        if state is CallState.CONNECTED and not self._asked:
            self._settled.set()  # it came back by itself
        if state is not CallState.CLOSED:
            self._move(state)
        else:
            self._now = None
            self._later_end(peer)
            if self._closed or self._say is None or self.state is CallState.CONNECTING:
                self._closed = True
                self._move(CallState.CLOSED)
                return
            self._move(CallState.LOST)
        if self.state is CallState.LOST and self._say is not None:
            self._begin_renewing()

    def _promote(self, peer: Peer) -> None:
        old, self._now, self._next, self._asked = self._now, peer, None, False
        self._settled.set()
        self._move(CallState.CONNECTED)
        if old is not None:
            self._later_end(old)

    def _later_end(self, peer: Peer) -> None:
        self._spawn(peer.aclose(), "peer-end")

    def _spawn(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _trickle(self, peer: Peer) -> None:
        if self._say is not None:
            self._spawn(self._told_candidates(peer, self._say), "peer-candidates")

    async def _told_candidates(self, peer: Peer, say: Say) -> None:
        async for candidate in peer.candidates():
            if peer not in {self._now, self._next}:
                return
            say({"candidate": candidate})
        say({"candidate": None})

    def _begin_renewing(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew(), name="peer-renew")

    @property
    def _wanted(self) -> bool:
        return not self._closed and (self._asked or self._now is None or self.state is CallState.LOST)

    async def _renew(self) -> None:
        """Offer one connection after another, until the party is connected or is given up."""
        assert self._say is not None
        loop = asyncio.get_running_loop()
        began_s, tried = loop.time(), 0
        while self._wanted:
            if self.state is CallState.LOST and loop.time() - began_s > GONE_S:
                self._spawn(self.aclose(), "peer-given-up")
                return
            tried += 1
            try:
                await self._attempt(self._say)
            except Exception:
                log.exception("another connection could not be offered")
            if tried >= MOST_ASKED and self.state is CallState.CONNECTED:
                self._asked = False  # the one that it has serves; who asked does not answer
            await asyncio.sleep(AGAIN_S if self._wanted else 0)
        log.info("connected again after %.1f s and %d offers", loop.time() - began_s, tried)

    async def _attempt(self, say: Say) -> None:
        self._settled.clear()
        peer = self._next = self._new()
        try:
            say({"description": await peer.offer()})
            self._trickle(peer)
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_S) as self._patience:
                    await self._settled.wait()
        finally:
            self._patience = None
            if self._next is peer:
                self._next = None
                await peer.aclose()
