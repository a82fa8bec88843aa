"""Packets leave at the pace that the way carries: sound at once, pictures and what is sent again in turn.

A picture's packets wait here one at a time for each line, so that a line that may send little holds its encoder back
and no queue of old pictures grows. A probe is a short burst at a higher pace, filled up with packets sent once more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from appliance.media.estimate import START_BPS

AGAIN_LIMIT = 64  # packets to be sent again that may wait
AGAIN_WAIT_S = 0.3  # and for how long at the pace of the moment, or
AGAIN_LEAST = 2  # so many
PACKET = 1200  # bytes of a full one
CATCH_UP_S = 0.005  # an idle pacer saves up no more than this
PROBE_PACKETS, PROBE_S = (6, 15), 0.1  # at least, at most; and no longer than this where that is more
SLACK = 1.15  # an encoder's pictures differ in size

Leave = Callable[[bytes, int], Awaitable[None]]  # a packet, and the probe it belongs to (0: none)


class Pacer:
    """One per connection, on its loop. `filler` gives a packet to send once more where a probe has none; or None."""

    def __init__(self, leave: Leave, filler: Callable[[], bytes | None]) -> None:
        self.rate_bps = float(START_BPS)
        self.left_bytes = 0
        self.refused = 0  # packets that were not sent again, for want of room
        self._leave, self._filler = leave, filler
        self._media: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._again: deque[bytes] = deque()
        self._was_again = False
        self._news = asyncio.Event()
        self._next_s = 0.0
        self._probe, self._probe_bps, self._probe_left = 0, 0.0, 0

    async def media(self, data: bytes) -> None:
        """Send a packet of a picture; returns when it has left."""
        left = asyncio.get_running_loop().create_future()
        self._media.append((data, left))
        self._news.set()
        await left

    def again(self, data: bytes) -> bool:
        """Send a packet once more, soon or never; whether it will be."""
        count, waiting = len(self._again), sum(map(len, self._again)) * 8
        if count >= AGAIN_LIMIT or (count >= AGAIN_LEAST and waiting > self.rate_bps * AGAIN_WAIT_S):
            self.refused += 1
            return False
        self._again.append(data)
        self._news.set()
        return True

    def forget(self) -> None:
        """What waits to be sent again is of no more use."""
        self._again.clear()

    def probe(self, rate_bps: float) -> None:
        """Send the next packets at this rate."""
        least, most = PROBE_PACKETS
        self._probe, self._probe_bps = self._probe + 1, rate_bps
        self._probe_left = min(max(int(rate_bps * PROBE_S / 8 / PACKET), least), most)
        self._news.set()

    async def run(self) -> None:
        """For ever; `ConnectionError` when the connection is gone."""
        try:
            while True:
                taken = self._take()
                if taken is None:
                    self._news.clear()
                    await self._news.wait()
                    continue
                await self._in_time()
                await self._send(*taken)
        finally:
            for _, left in self._media:
                left.cancel()

    def _take(self) -> tuple[bytes, asyncio.Future[None] | None] | None:
        # In turn where both wait: what is new must not starve behind what was lost when the way became narrow.
        if self._again and not (self._media and self._was_again):
            self._was_again = True
            return self._again.popleft(), None
        self._was_again = False
        if self._media:
            return self._media.popleft()
        if self._probe_left and (data := self._filler()) is not None:
            return data, None
        self._probe_left = 0
        return None

    async def _in_time(self) -> None:
        now_s = time.monotonic()
        if self._next_s > now_s:
            await asyncio.sleep(self._next_s - now_s)
        else:
            self._next_s = max(self._next_s, now_s - CATCH_UP_S)

    async def _send(self, data: bytes, left: asyncio.Future[None] | None) -> None:
        probing = self._probe_left > 0
        pace_bps = self._probe_bps if probing else self.rate_bps * SLACK
        self._next_s += 8 * len(data) / pace_bps
        self._probe_left -= probing
        try:
            await self._leave(data, self._probe if probing else 0)
        except ConnectionError:
            if left is not None and not left.done():
                left.set_exception(ConnectionError("the connection is gone"))
            raise
        self.left_bytes += len(data)
        if left is not None and not left.done():
            left.set_result(None)
