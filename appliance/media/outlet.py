"""The hand-over from an encoder's thread to one peer's track on the loop. It is short, and what it loses is counted."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from appliance.media.encoder import Encoded


class Outlet:
    """At most `depth` packets. A picture that was lost breaks the chain: nothing passes until the next key frame."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._loop = asyncio.get_running_loop()
        self._packets: deque[Encoded] = deque()
        self._arrived = asyncio.Event()
        self._whole = False
        self.dropped = 0
        self.rate_bps: int | None = None  # what this peer can take of it; None: not known yet

    @property
    def ready(self) -> bool:
        """Whether there is room for another packet. From any thread."""
        return len(self._packets) < self._depth

    @property
    def whole(self) -> bool:
        """Whether what the peer has so far can be continued by a packet that is no key frame."""
        return self._whole

    def offer(self, packet: Encoded, depth: int = 0) -> None:
        """Hand over, from the encoder's thread. `depth`: that many may wait, where the packets are not made here and
        their size is not ours."""
        if len(self._packets) >= max(depth, self._depth) or not (self._whole or packet.key):
            self.dropped += 1
            self._whole = False
            return
        self._whole = True
        self._packets.append(packet)
        with suppress(RuntimeError):  # the loop has ended, and the peer with it
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self) -> Encoded:
        """The oldest packet; waits for one."""
        while not self._packets:
            self._arrived.clear()
            if not self._packets:
                await self._arrived.wait()
        return self._packets.popleft()
