"""The stethoscope's exact blocks for a receiver that is no peer: new ones as they come, what it missed behind them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import suppress

from appliance.media.backfill import Backfill
from appliance.media.control import Control, StillTaken
from appliance.media.refusal import NotDone
from appliance.media.sound import SoundSource
from appliance.media.stethoscope import Block

MOST_NEW = 500  # blocks: ten seconds; beyond, the oldest go: who listens, listens to now, and may ask for them
MOST_AGAIN = 64 * 1024  # bytes


class ExactSound:
    """Build and `run` on the loop. `take` gives blocks as they go on the wire, `answer` takes questions."""

    def __init__(self, source: SoundSource) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._new: deque[bytes] = deque(maxlen=MOST_NEW)
        self._again: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._backfill = Backfill(source.recorder, self)
        self._control = Control(_no_still, {"blocks": self._backfill.ask}, OrderedDict())
        self.dropped = 0

    async def run(self) -> None:
        """For ever: new blocks of the source are kept for `take` meanwhile."""
        self._source.attach(self._put)
        try:
            await self._backfill.run()
        finally:
            self._source.detach(self._put)

    async def take(self) -> bytes:
        """The next block; waits for one."""
        while not self._new and not self._again:
            self._arrived.clear()
            await self._arrived.wait()
        return (self._new or self._again).popleft()

    async def answer(self, message: str) -> str | None:
        """The answer to a question (docs/protocol.md section 7); None to what is none."""
        return await self._control.answer(message)

    @property
    def waiting(self) -> int:
        """Of `backfill.Way`: bytes that have not been taken."""
        return sum(map(len, self._new)) + sum(map(len, self._again))

    def send(self, message: bytes) -> bool:
        """Of `backfill.Way`."""
        if self.waiting + len(message) > MOST_AGAIN:
            return False
        self._again.append(message)
        self._arrived.set()
        return True

    def _put(self, block: Block) -> None:
        """From the capture thread."""
        with suppress(RuntimeError):  # the loop has ended, and the receiver with it
            self._loop.call_soon_threadsafe(self._keep, block.wire())

    def _keep(self, block: bytes) -> None:
        self.dropped += len(self._new) == MOST_NEW
        self._new.append(block)
        self._arrived.set()


async def _no_still(source: str) -> StillTaken:
    raise NotDone("bad-request", f"got a request for a still of {source[:64]!r}, wanted blocks")
