"""Publishing to a media server: the same encodings as every call. A session that falls silent may come back by itself,
have its ICE restarted, or be followed by another one, which is made before the old one is let go. The door itself
(RFC 9725) is the caller's: nothing here speaks HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from appliance.media.call import BadSignal, Call, CallState, Track
from appliance.media.description import IceServer
from appliance.media.engine import Engine
from appliance.media.fragment import Credentials, credentials, fragment, trickling
from appliance.media.governor import Budget
from appliance.media.ice_restart import Fresh
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource

log = logging.getLogger(__name__)

AGAIN_S = 0.5  # between two questions to a door that is silent
CONNECT_S = 10.0  # from the door's answer to the first packet of the media server


class Relay(Protocol):
    """A STUN or TURN server that the door names."""

    @property
    def url(self) -> str:
        """`stun:`, `turn:` or `turns:`."""
        ...

    @property
    def username(self) -> str | None:
        """What it takes to use it."""
        ...

    @property
    def credential(self) -> str | None:
        """Likewise."""
        ...


@runtime_checkable
class Taken(Protocol):
    """The door took the offer."""

    @property
    def answer(self) -> str:
        """The media server's SDP; after a restart the fragment with its new credentials."""
        ...

    @property
    def resource(self) -> str:
        """What ends it."""
        ...

    @property
    def tag(self) -> str | None:
        """What the door knows this ICE session by."""
        ...

    @property
    def relays(self) -> Sequence[Relay]:
        """Servers through which it may be reached."""
        ...


class Refused(Protocol):
    """It did not, or not now."""

    @property
    def why(self) -> str:
        """For the log: no secret, no text of the door's."""
        ...

    @property
    def again(self) -> bool:
        """Whether trying later may help."""
        ...

    @property
    def wait_s(self) -> float | None:
        """Not before this, where the door said so."""
        ...


class Door(Protocol):
    """Where offers go in. Nothing here raises for what the network or the door does."""

    async def publish(self, offer: str) -> Taken | Refused:
        """Give the offer; what came of it."""
        ...

    async def trickle(self, taken: Taken, fragment: str) -> bool:
        """Further candidates. False: this door takes none."""
        ...

    async def restart(self, taken: Taken, fragment: str) -> Taken | Refused:
        """New credentials and candidates for the same session."""
        ...

    async def end(self, resource: str) -> bool:
        """Whether it is gone now."""
        ...


@dataclass(slots=True)
class Session:
    """One connection, its offer and what the door said to it."""

    call: Call
    offer: str
    taken: Taken
    trickle: asyncio.Task[None] | None = None


class Publisher:
    """One programme at one door, from `run` to its cancellation. Every method is for the loop.

    `pause_s`: seconds to wait before trying again, after so many failures in a row.
    `on_state`: `connecting connected lost closed`, once each change.
    """

    def __init__(
        self,
        engine: Engine,
        door: Door,
        programme: Sequence[PictureSource | SoundSource],
        pause_s: Callable[[int], float],
        on_state: Callable[[CallState], None],
    ) -> None:
        self._engine, self._door, self._programme = engine, door, tuple(programme)
        self._pause_s, self._on_state = pause_s, on_state
        self.state = CallState.NEW
        self.why: str | None = None  # what went wrong last; None while nothing does
        self._news = asyncio.Event()
        self._shown: Session | None = None
        self._moved = False  # the session goes from an address that is gone

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Which m-line of the session is which source; empty without one."""
        return self._shown.call.tracks if self._shown else ()

    @property
    def budget(self) -> Budget | None:
        """What the session may send, and does; None without one."""
        return self._shown.call.governor.budget if self._shown else None

    def network_changed(self, addresses: frozenset[str]) -> None:
        """This machine has these addresses now: a session that is lost, or went from another one, begins anew."""
        mine = self._shown.call.local_address if self._shown else None
        self._moved = mine is not None and mine not in addresses
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled, or until the door refuses for good. What was published is ended at the door."""
        failures = 0
        try:
            while True:
                self._tell(CallState.LOST if self._shown else CallState.CONNECTING)
                made = await self._publish()
                if isinstance(made, float):
                    failures += 1
                    await asyncio.sleep(max(made, self._pause_s(failures)))
                elif made is None:
                    return
                else:
                    failures, self.why = 0, None
                    old, self._shown = self._shown, made
                    self._tell(CallState.CONNECTED)
                    await self._end(old)
                    await self._hold(made)
        finally:
            await asyncio.shield(self._end(self._shown))
            self._shown = None
            self._tell(CallState.CLOSED)

    async def _publish(self) -> Session | float | None:
        """A connected session; seconds to wait at least; None: never again."""
        call = self._engine.call((), lambda _: self._news.set())
        for source in self._programme:
            call.add(source)
        session, kept = None, False
        try:
            offer = trickling((await call.offer())["sdp"])
            said = await self._door.publish(offer)
            if not isinstance(said, Taken):
                return self._refused(said)
            session = Session(call, offer, said)
            await call.answer({"type": "answer", "sdp": said.answer})
            session.trickle = asyncio.create_task(self._trickle(session, credentials(offer)), name="whip-trickle")
            async with asyncio.timeout(CONNECT_S):
                await self._until(lambda: call.state in {CallState.CONNECTED, CallState.CLOSED})
            kept = call.state is CallState.CONNECTED
            self.why = None if kept else "the media server ended the connection"
        except BadSignal as error:
            self.why = "the media server's answer cannot be used"
            log.warning("%s: %s", self.why, type(error.__cause__ or error).__name__)
        except TimeoutError:
            self.why = f"the media server took the offer, and did not connect within {CONNECT_S} s"
            log.warning("%s", self.why)
        finally:
            if not kept:
                await asyncio.shield(call.aclose() if session is None else self._end(session))
        return session if kept and session is not None else 0.0

    async def _trickle(self, session: Session, known_by: Credentials) -> None:
        """Tell the door what its own STUN and TURN servers give, and that it was all."""
        servers = [IceServer((one.url,), one.username, one.credential) for one in session.taken.relays]
        async for one in session.call.candidates(servers):
            if not await self._door.trickle(
                session.taken, fragment(session.offer, known_by, [one["candidate"]], end=False)
            ):
                return  # it takes none; what it has may do
        await self._door.trickle(session.taken, fragment(session.offer, known_by, [], end=True))

    def _refused(self, said: Refused) -> float | None:
        self.why = said.why
        log.warning("not published: %s", said.why)
        return (said.wait_s or 0.0) if said.again else None

    async def _hold(self, session: Session) -> None:
        """For as long as the session can be kept: a door that restarts ICE keeps it, and its viewers, over a move."""
        while True:
            await self._until(self._troubled)
            if session.call.state is not CallState.CLOSED:
                self._tell(CallState.LOST)
                kept = await self._restarted(session)
                self._moved = False
                if kept:
                    self._tell(CallState.CONNECTED)
                    continue
            return

    async def _restarted(self, session: Session) -> bool:
        """Whether the session goes on: by a new way, or because the old one came back while the door was silent."""
        while session.call.state is not CallState.CLOSED:
            refused: list[Refused] = []
            try:
                if await session.call.restart(lambda fresh: self._ask(session, fresh, refused)):  # noqa: B023 - awaited
                    async with asyncio.timeout(CONNECT_S):
                        await self._until(lambda: session.call.state is not CallState.LOST)
                    return session.call.state is CallState.CONNECTED
            except (BadSignal, TimeoutError) as error:
                log.info("ICE was not restarted: %s", type(error).__name__)
                return False
            if session.call.state is CallState.CONNECTED and not self._moved:
                return True
            if refused and not refused[0].again:
                return False
            await asyncio.sleep(AGAIN_S)
        return False

    async def _ask(self, session: Session, fresh: Fresh, refused: list[Refused]) -> str | None:
        told = fragment(session.offer, fresh.known_by, fresh.candidates, end=True)
        said = await self._door.restart(session.taken, told)
        if not isinstance(said, Taken):
            refused.append(said)
            return None
        session.taken = said
        return said.answer

    def _troubled(self) -> bool:
        return self._moved or self._shown is None or self._shown.call.state is not CallState.CONNECTED

    async def _until(self, fits: Callable[[], bool]) -> None:
        while not fits():
            self._news.clear()
            await self._news.wait()

    async def _end(self, session: Session | None) -> None:
        if session is None:
            return
        if session.trickle is not None:
            session.trickle.cancel()
            await asyncio.gather(session.trickle, return_exceptions=True)
        await session.call.aclose()
        with suppress(asyncio.CancelledError):
            await self._door.end(session.taken.resource)

    def _tell(self, state: CallState) -> None:
        if state is not self.state:
            self.state = state
            self._on_state(state)
