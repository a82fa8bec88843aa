"""Publishing to a media server: the same encodings as every call, over one connection that is made anew before the old
one is let go. The door itself (RFC 9725) is the caller's: nothing here speaks HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from appliance.media.call import BadSignal, Call, CallState
from appliance.media.engine import Engine
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource

log = logging.getLogger(__name__)

CONNECT_S = 10.0  # from the door's answer to the first packet of the media server


@runtime_checkable
class Taken(Protocol):
    """The door took the offer."""

    @property
    def answer(self) -> str:
        """The media server's SDP."""
        ...

    @property
    def resource(self) -> str:
        """What ends it."""
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
    """Where offers go in."""

    async def publish(self, offer: str) -> Taken | Refused:
        """Never raises for what the network or the door does."""
        ...

    async def end(self, resource: str) -> bool:
        """Whether it is gone now."""
        ...


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
        self._state = CallState.NEW
        self._news = asyncio.Event()
        self._shown: tuple[Call, str] | None = None

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
                    failures = 0
                    old, self._shown = self._shown, made
                    self._tell(CallState.CONNECTED)
                    await self._end(old)
                    await self._until(made[0], lambda state: state is not CallState.CONNECTED)
        finally:
            await asyncio.shield(self._end(self._shown))
            self._tell(CallState.CLOSED)

    async def _publish(self) -> tuple[Call, str] | float | None:
        """A connected call and what ends it at the door; seconds to wait at least; None: never again."""
        call = self._engine.call((), lambda _: self._news.set())
        for source in self._programme:
            call.add(source)
        resource, kept = "", False
        try:
            offer = await call.offer()
            said = await self._door.publish(offer["sdp"])
            if not isinstance(said, Taken):
                return self._refused(said)
            resource = said.resource
            await call.answer({"type": "answer", "sdp": said.answer})
            async with asyncio.timeout(CONNECT_S):
                await self._until(call, lambda state: state in {CallState.CONNECTED, CallState.CLOSED})
            kept = call.state is CallState.CONNECTED
        except BadSignal as error:
            log.warning("the media server's answer cannot be used: %s", type(error.__cause__ or error).__name__)
            return 0.0
        except TimeoutError:
            log.warning("the media server took the offer, and did not connect within %s s", CONNECT_S)
            return 0.0
        finally:
            if not kept:
                await asyncio.shield(self._end((call, resource)))
        return (call, resource) if kept else 0.0

    def _refused(self, said: Refused) -> float | None:
        log.warning("not published: %s", said.why)
        return (said.wait_s or 0.0) if said.again else None

    async def _until(self, call: Call, fits: Callable[[CallState], bool]) -> None:
        while not fits(call.state):
            self._news.clear()
            await self._news.wait()

    async def _end(self, ended: tuple[Call, str] | None) -> None:
        if ended is None:
            return
        call, resource = ended
        await call.aclose()
        if resource:
            with suppress(asyncio.CancelledError):
                await self._door.end(resource)

    def _tell(self, state: CallState) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state)
