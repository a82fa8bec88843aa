"""The link to the platform: one WebSocket, opened again whenever it is lost (docs/protocol.md, section 2).

What the platform must know of the present is told in hello at each opening; a message that waits while there is no link
is of a call that is gone, and is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from appliance.platform.backoff import Draw, jitter
from appliance.platform.client import checked
from appliance.platform.link_messages import (
    MAX_MESSAGE,
    BadMessage,
    ConsultationChanged,
    DossierNews,
    Hello,
    Opened,
    Outgoing,
    PeerJoined,
    PeerLeft,
    Problem,
    Publish,
    Signal,
    Unpublish,
    Welcome,
    parse,
    write,
)

log = logging.getLogger(__name__)

SUBPROTOCOL = Subprotocol("chevet.link.v1")
MAX_QUEUED = 256  # messages to send; signals of a few peers, never of a crowd
MAX_BAD = 20  # messages of one connection that are none: then it is not our platform
CAP_S = 30.0
PING_S = 10.0
OPEN_S = 10.0
# While a consultation is open a patient waits: the doctor is back as soon as the network is. Few units are in one at a
# time, so that this is no crowd at the platform's door.
HURRIED_CAP_S, HURRIED_OPEN_S = 2.0, 4.0
SEND_S = 10.0


class Handlers(Protocol):
    """What the unit does about what the platform says. Awaited one after another, in the order of arrival.

    None may raise: what a peer sends wrong is the handler's own to deal with.
    """

    async def peer_joined(self, message: PeerJoined) -> None:
        """A viewer joined. Said again after a reconnection for each that is still there: a known one is left alone."""

    async def peer_left(self, message: PeerLeft) -> None:
        """A viewer has gone."""

    async def signal(self, message: Signal) -> None:
        """A viewer's description or candidate."""

    async def publish(self, message: Publish) -> None:
        """A media server is to get the programme. Said again after a reconnection: a known one is left alone."""

    async def unpublish(self, message: Unpublish) -> None:
        """It is to get it no more."""

    async def opened(self, message: Opened) -> None:
        """The doctor opened a result; may be said more than once."""

    async def dossier(self, message: DossierNews) -> None:
        """A dossier was accepted, refused or answered; may be said more than once."""

    def link_changed(self, up: bool) -> None:
        """The link came up (after welcome) or went down."""


class Link:
    """Run `run` as one task. `hello` is asked at each opening for what is open now."""

    def __init__(
        self,
        url: str,
        token: str | None,
        hello: Callable[[], Hello],
        handlers: Handlers,
        tls: ssl.SSLContext | None = None,
        draw: Draw = random.uniform,
    ) -> None:
        base = checked(url)
        self._url = f"ws{base.removeprefix('http')}/link"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._hello, self._handlers, self._tls, self._draw = hello, handlers, tls, draw
        self._queue: asyncio.Queue[str] = asyncio.Queue(MAX_QUEUED)
        self._wanted = asyncio.Event()
        self._taking = False  # from hello on: what changes after hello was asked for must be said after it
        self.up = False
        self.dropped = 0  # messages that were not sent, for ever

    def send(self, message: Outgoing) -> None:
        """Queue a message. `BadMessage` if it is too long; dropped and counted without a link or with a full queue."""
        text = write(message)
        if not self._taking or self._queue.full():
            self.dropped += 1
            if isinstance(message, ConsultationChanged):
                self._wanted.set()
            return
        self._queue.put_nowait(text)

    async def run(self) -> None:
        """Hold the link until cancelled."""
        attempt, lost_s = 0, time.monotonic()
        while True:
            welcomed = await self._once(lost_s)
            attempt = 0 if welcomed else attempt + 1
            lost_s = time.monotonic() if welcomed else lost_s
            await self._pause(attempt)

    async def _pause(self, attempt: int) -> None:
        """Before the next try; a consultation that is opened meanwhile does not wait for it."""
        self._wanted.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(jitter(attempt, self._draw, HURRIED_CAP_S if self._hurried else CAP_S)):
                await self._wanted.wait()

    @property
    def _hurried(self) -> bool:
        return bool(self._hello().consultations)

    async def _once(self, lost_s: float) -> bool:
        """One connection, from opening to loss; whether the platform welcomed us."""
        welcomed = False
        try:
            async with self._connect() as socket:
                self._taking = True
                await socket.send(write(self._hello()))
                await self._welcome(socket)
                welcomed = True
                log.info("link up after %.0f s", time.monotonic() - lost_s)
                await self._talk(socket)
        except (WebSocketException, OSError, TimeoutError, BadMessage, EOFError) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            log.log(logging.WARNING if welcomed else logging.DEBUG, "link down: %s", reason)
        finally:
            self._taking = False
            self._forget()
            self._is(False)
        return welcomed

    def _connect(self) -> connect:
        return _NoRedirect(
            self._url,
            subprotocols=[SUBPROTOCOL],
            additional_headers=self._headers,
            compression=None,
            proxy=None,
            open_timeout=HURRIED_OPEN_S if self._hurried else OPEN_S,
            close_timeout=2,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_size=MAX_MESSAGE,
            ssl=self._tls if self._url.startswith("wss") else None,
        )

    async def _welcome(self, socket: ClientConnection) -> None:
        async with asyncio.timeout(OPEN_S):
            first = parse(await socket.recv())
        if isinstance(first, Problem):
            raise BadMessage(f"the platform turned the unit away: {first.code}")
        if not isinstance(first, Welcome) or first.protocol != 1:
            raise BadMessage("the platform's first message is no welcome of protocol 1")

    async def _talk(self, socket: ClientConnection) -> None:
        self._is(True)
        writer = asyncio.create_task(self._write(socket), name="link-writer")
        try:
            await self._read(socket)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _read(self, socket: ClientConnection) -> None:
        bad = 0
        async for text in socket:
            try:
                message = parse(text)
            except BadMessage as error:
                bad += 1
                log.warning("link: %s", error)
                if bad >= MAX_BAD:
                    raise
            else:
                await self._dispatch(message)

    async def _dispatch(self, message: object) -> None:
        match message:
            case PeerJoined():
                await self._handlers.peer_joined(message)
            case PeerLeft():
                await self._handlers.peer_left(message)
            case Signal():
                await self._handlers.signal(message)
            case Publish():
                await self._handlers.publish(message)
            case Unpublish():
                await self._handlers.unpublish(message)
            case Opened():
                await self._handlers.opened(message)
            case DossierNews():
                await self._handlers.dossier(message)
            case Problem():
                log.warning("link: the platform complains: %s", message.code)
            case _:
                pass

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                text = await self._queue.get()
                async with asyncio.timeout(SEND_S):
                    await socket.send(text)
        except (WebSocketException, OSError, TimeoutError):
            await socket.close()

    def _forget(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
            self.dropped += 1

    def _is(self, up: bool) -> None:
        if up != self.up:
            self.up = up
            self._handlers.link_changed(up)


class _NoRedirect(connect):
    """A platform that moves is configured anew: neither token nor call follows a redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
