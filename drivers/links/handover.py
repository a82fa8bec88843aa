"""From the thread or callback that hears a device to the task that waits for it: bounded, and losses are counted."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable

from drivers.core.errors import LinkLost
from drivers.links.base import Chunk

CAP = 1024  # chunks; a serial device at 100 packets/s needs ten seconds of a stalled event loop to fill it


class HandOver:
    """Made in the event loop that takes the chunks out; `put` and `lose` may be called from any thread."""

    def __init__(self, cap: int = CAP) -> None:
        self.dropped = 0  # chunks that nobody took in time, for ever
        self._chunks: deque[Chunk] = deque()
        self._cap = cap
        self._lost: str | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._lock = threading.Lock()

    def put(self, chunk: Chunk, *, wake: bool = True) -> None:
        """Hand a chunk over. When too many wait the oldest goes: what is new matters more than what is old.

        Without `wake`, whoever puts wakes several of these at once, by `HandOver.wake`.
        """
        with self._lock:
            if len(self._chunks) == self._cap:
                self._chunks.popleft()
                self.dropped += 1
            self._chunks.append(chunk)
        if wake:
            self.wake((self,))

    def lose(self, why: str) -> None:
        """The link is gone; what was handed over before comes out first. Only the first reason counts."""
        with self._lock:
            self._lost = self._lost or why
        self.wake((self,))

    @property
    def lost(self) -> str | None:
        """Why the link is gone; None while it is there."""
        return self._lost

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Chunks as they come, then `LinkLost`."""
        while True:
            self._news.clear()
            while (chunk := self._take()) is not None:
                yield chunk
            if self._lost is not None:
                raise LinkLost(self._lost)
            await self._news.wait()

    def _take(self) -> Chunk | None:
        with self._lock:
            return self._chunks.popleft() if self._chunks else None

    @staticmethod
    def wake(several: Collection[HandOver]) -> None:
        """Tell those who wait, by one call for each event loop."""
        for loop in {one._loop for one in several}:
            tell = [one._news.set for one in several if one._loop is loop]
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_all, tell)


def _all(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()
