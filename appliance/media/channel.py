"""A data channel whose sender never gets ahead of the network by more than a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiortc import RTCDataChannel

LOOK_S = 0.02  # aiortc tells of a low buffer only when all channels of the connection have drained


class ChannelClosed(Exception):  # noqa: N818 - an event, not a fault
    """The remote party closed the channel, or the connection went."""


class Channel:
    """One channel. `limit`: bytes that may wait in it; beyond, `send` refuses and the caller drops or waits."""

    def __init__(self, channel: RTCDataChannel, limit: int) -> None:
        self._channel, self._limit = channel, limit
        self._changed = asyncio.Event()
        self.refused = 0
        channel.on("open", self._changed.set)
        channel.on("close", self._changed.set)

    @property
    def waiting(self) -> int:
        """Bytes that were sent here and have not left."""
        return int(self._channel.bufferedAmount)

    def on_message(self, receive: Callable[[Any], None]) -> None:
        """Give each message, text or bytes, to this."""
        self._channel.on("message", receive)

    async def opened(self) -> None:
        """Wait until it is open. `ChannelClosed` if it never will be."""
        while self._channel.readyState == "connecting":
            self._changed.clear()
            if self._channel.readyState == "connecting":
                await self._changed.wait()
        self._check()

    def send(self, message: str | bytes) -> bool:
        """Send if there is room; else count it and say False."""
        self._check()
        if self.waiting + len(message) > self._limit:
            self.refused += 1
            return False
        self._channel.send(message)
        return True

    async def room(self) -> None:
        """Wait until half of the bound is free."""
        while self.waiting > self._limit // 2:
            await asyncio.sleep(LOOK_S)
            self._check()

    def _check(self) -> None:
        if self._channel.readyState != "open":
            raise ChannelClosed(f"channel {self._channel.label}: {self._channel.readyState}")
