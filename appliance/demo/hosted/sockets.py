"""`/link` and `/viewer`: docs/protocol.md, sections 2 and 3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from appliance.demo.hosted.access import Access
from appliance.demo.hosted.rooms import Message, Rooms, Unit

SUBPROTOCOL = "chevet.link.v1"
MAX_MESSAGE = 64 << 10  # bytes; uvicorn closes the line on a longer one
MAX_QUEUED = 256  # messages; a line that does not take them is closed
FIRST_MESSAGE_S = 10.0
SEND_S = 10.0


class SocketLine:
    """A WebSocket with a bounded queue in front of it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue(MAX_QUEUED)
        self._writer: asyncio.Task[None] = asyncio.create_task(self._write())
        self._reason = "done"

    def send(self, message: Message) -> None:
        """Queue a message; close the line if it does not keep up."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._reason = "too slow"
            self._writer.cancel()

    def close(self, reason: str) -> None:
        """End it after what is queued."""
        self._reason = reason
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    async def messages(self) -> AsyncIterator[Message]:
        """What comes in, until either side ends; what is no JSON object is passed over."""
        with suppress(WebSocketDisconnect, RuntimeError, KeyError):  # KeyError: a binary message
            while True:
                message = _parsed(await self._socket.receive_text())
                if message is not None:
                    yield message

    async def end(self) -> None:
        """Let go."""
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while (message := await self._queue.get()) is not None:
                async with asyncio.timeout(SEND_S):
                    await self._socket.send_text(json.dumps(message, ensure_ascii=False))
        except (WebSocketDisconnect, RuntimeError, TimeoutError):
            pass
        finally:
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
                async with asyncio.timeout(SEND_S):
                    await self._socket.close(1000, self._reason)


def routes(rooms: Rooms, access: Access) -> APIRouter:
    """The two WebSockets."""
    router = APIRouter()

    @router.websocket("/link")
    async def link(socket: WebSocket) -> None:
        if not access.is_unit(socket.headers) or SUBPROTOCOL not in socket.scope.get("subprotocols", []):
            await socket.close(4401, "the unit's bearer token and the subprotocol are wanted")
            return
        await socket.accept(SUBPROTOCOL)
        hello = await _first(socket, "hello")
        if hello is None:
            return
        line = SocketLine(socket)
        told = hello["unit"] if isinstance(hello.get("unit"), dict) else {}
        name, title, software = (str(told.get(field, ""))[:80] for field in ("id", "name", "software"))
        unit = Unit(name, title, software, line)
        open_now = hello.get("consultations")
        rooms.unit_up(unit, [one for one in open_now if isinstance(one, dict)] if isinstance(open_now, list) else [])
        try:
            async for message in line.messages():
                rooms.from_unit(unit, message)
        finally:
            rooms.unit_down(unit)
            await line.end()

    @router.websocket("/viewer")
    async def viewer(socket: WebSocket) -> None:
        await socket.accept()
        join = await _first(socket, "join")
        if join is None:
            return
        if not access.is_viewer(str(join.get("token", ""))):
            await _turn_away(socket, "wrong-token", "open this page from the platform's list of consultations")
            return
        consultation = str(join.get("consultation", ""))
        no_room = rooms.no_room(consultation)
        if no_room is not None:
            await _turn_away(socket, *no_room)
            return
        line = SocketLine(socket)
        joined = rooms.join(consultation, str(join.get("name") or "Doctor")[:80], line)
        try:
            async for message in line.messages():
                rooms.from_viewer(joined, message)
        finally:
            rooms.leave(joined)
            await line.end()

    return router


async def _first(socket: WebSocket, kind: str) -> Message | None:
    """The first message, if it comes in time and is the right one; else the line is closed."""
    message = None
    with suppress(WebSocketDisconnect, TimeoutError, KeyError):
        async with asyncio.timeout(FIRST_MESSAGE_S):
            message = _parsed(await socket.receive_text())
    if message is None or message.get("type") != kind or message.get("protocol") != 1:
        await _turn_away(socket, "protocol", f"the first message must be {kind}, protocol 1")
        return None
    return message


async def _turn_away(socket: WebSocket, code: str, words: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_text(json.dumps({"type": "error", "code": code, "message": words}))
        await socket.close(4400, code)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
