"""The stethoscope's exact blocks to a receiver of the platform's (docs/protocol.md, section 10): one WebSocket, opened
again whenever it is lost. What was lost meanwhile the receiver asks for, and gets from memory."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from appliance.platform.backoff import Draw, jitter
from appliance.platform.client import checked

log = logging.getLogger(__name__)
wire = logging.getLogger(f"{__name__}.wire")
wire.setLevel(logging.INFO)  # in detail it would tell the token

SUBPROTOCOL = Subprotocol("chevet.sound.v1")
LONGEST_QUESTION = 4096  # bytes
OPEN_S, SEND_S, PING_S, CAP_S = 4.0, 10.0, 5.0, 5.0
STEADY_S = 5.0  # a connection that lived so long was one


class Blocks(Protocol):
    """What is sent: blocks as they are, and answers to what the receiver asks."""

    async def take(self) -> bytes:
        """The next block; waits for one. What was taken and not sent is lost, and may be asked for."""
        ...

    async def answer(self, message: str) -> str | None:
        """The answer to a question, never an exception."""
        ...


class SoundWay:
    """Run `run` as one task. `hello`: what the receiver is told first. The token goes to `url` alone."""

    def __init__(
        self,
        url: str,
        token: str,
        hello: Mapping[str, Any],
        blocks: Blocks,
        tls: ssl.SSLContext | None = None,
        draw: Draw = random.uniform,
    ) -> None:
        self._url = f"ws{checked(f'http{url[2:]}')[4:]}" if url.startswith("ws") else f"ws{checked(url)[4:]}"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._hello, self._blocks, self._tls, self._draw = json.dumps(hello), blocks, tls, draw
        self.up = False

    async def run(self) -> None:
        """Hold the way until cancelled."""
        attempt = 0
        clock: Callable[[], float] = asyncio.get_running_loop().time
        while True:
            began_s = clock()
            await self._once()
            attempt = 0 if clock() - began_s > STEADY_S else attempt + 1
            await asyncio.sleep(jitter(attempt, self._draw, CAP_S))

    async def _once(self) -> None:
        try:
            async with self._connect() as socket:
                await self._send(socket, self._hello)
                self._is(True)
                await self._carry(socket)
        except (WebSocketException, OSError, TimeoutError, EOFError) as error:
            log.debug("the receiver of sound cannot be reached: %s", type(error).__name__)
        finally:
            self._is(False)

    def _connect(self) -> connect:
        return _NoRedirect(
            self._url,
            subprotocols=[SUBPROTOCOL],
            additional_headers=self._headers,
            compression=None,
            proxy=None,
            logger=wire,
            open_timeout=OPEN_S,
            close_timeout=1,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_size=LONGEST_QUESTION,
            max_queue=4,
            ssl=self._tls if self._url.startswith("wss") else None,
        )

    async def _carry(self, socket: ClientConnection) -> None:
        """Blocks out and questions in, until either ends."""
        both = [asyncio.create_task(work(socket), name="sound-way") for work in (self._out, self._in)]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _out(self, socket: ClientConnection) -> None:
        while True:
            await self._send(socket, await self._blocks.take())

    async def _in(self, socket: ClientConnection) -> None:
        async for question in socket:
            if isinstance(question, str):
                said = await self._blocks.answer(question)
                if said is not None:
                    await self._send(socket, said)

    async def _send(self, socket: ClientConnection, message: str | bytes) -> None:
        async with asyncio.timeout(SEND_S):
            await socket.send(message)

    def _is(self, up: bool) -> None:
        if up != self.up:
            self.up = up
            log.info("the exact sound %s its receiver", "reaches" if up else "has lost")


class _NoRedirect(connect):
    """The token follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
