"""The live feed to a screen: WebSocket `/api/live` (docs/protocol.md, section 5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from appliance.feed import Feed, Message

log = logging.getLogger(__name__)

MAX_SCREENS = 8
SEND_TIMEOUT_S = 5.0  # a screen that takes nothing for so long is gone; it will come again by itself


class Screens:
    """All screens that watch."""

    def __init__(self, feed: Feed, hello: Callable[[], Message]) -> None:
        self._feed, self._hello = feed, hello
        self._watching = 0

    async def serve(self, socket: WebSocket) -> None:
        """Send the present state, then every change, until the screen goes or stops reading."""
        if self._watching >= MAX_SCREENS:
            await socket.close(1013, "too many screens")
            return
        await socket.accept()
        self._watching += 1
        try:
            await self._serve(socket)
        finally:
            self._watching -= 1

    async def _serve(self, socket: WebSocket) -> None:
        with self._feed.subscribe(self._hello()) as receiver:
            gone = asyncio.create_task(_until_gone(socket))
            gone.add_done_callback(lambda _: receiver.close())
            try:
                async for message in receiver:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await socket.send_text(msgspec.json.encode(message).decode())
            except TimeoutError:
                log.warning("a screen has stopped reading; it is let go")
                # No farewell: it would wait behind what is not read. The server's pings end the connection.
            except (WebSocketDisconnect, RuntimeError):
                pass  # it left while we were speaking
            finally:
                gone.cancel()


async def _until_gone(socket: WebSocket) -> None:
    """Screens have nothing to say here; whatever they send is read and forgotten, so that their leaving is seen."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
