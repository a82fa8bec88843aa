"""HL7 v2 over TCP, where the monitor calls us: one port for all of them, each known by the address it calls from."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from drivers.core.errors import LinkError, LinkLost, NotThere
from drivers.links.base import Chunk
from drivers.links.calls import Inbox, Network, Reports, hang_up, is_among, watch_the_cable

log = logging.getLogger(__name__)

CALL_S = 60.0  # how long one opening waits for the monitor to call
CALLS = 4  # connections of one monitor at a time
STRANGERS = 64  # addresses that are told of once each
VISIT_S = 10.0  # a monitor that calls for every report hangs up sooner than this, and
AWAY_S = 120.0  # is not lost before it has stayed away for so long


class Exchange:
    """The listening sockets of a unit, one a port, shared by its links. Lives in one event loop."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, int], list[Hl7Link]] = {}
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._strangers: set[str] = set()
        self._turn = asyncio.Lock()

    async def enter(self, link: Hl7Link) -> None:
        """Take calls for this link. `LinkError` where the port cannot be had."""
        async with self._turn:
            if link.at not in self._servers:
                try:
                    self._servers[link.at] = await asyncio.start_server(
                        lambda reader, writer: self._called(link.at, reader, writer), *link.at
                    )
                except OSError as error:
                    raise LinkError(f"cannot listen on {link.at[0]}:{link.at[1]}: {error.strerror}") from None
            self._links.setdefault(link.at, []).append(link)

    async def leave(self, link: Hl7Link) -> None:
        """Take no more calls for this link. The port stays ours: between two links the next call waits there."""
        self._links.get(link.at, []).remove(link)

    def listens(self, port: int) -> bool:
        """Whether calls are taken on a port."""
        return any(at[1] == port for at in self._servers)

    async def close(self) -> None:
        """Give all ports back."""
        servers, self._servers = self._servers, {}
        for server in servers.values():
            server.close()

    async def _called(self, at: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = str(writer.get_extra_info("peername")[0])
        link = next((link for link in self._links.get(at, []) if link.expects(caller)), None)
        if link is None:
            self._tell(caller)
            await hang_up(writer)
        else:
            await link.answer(reader, writer)

    def _tell(self, caller: str) -> None:
        if caller not in self._strangers and len(self._strangers) < STRANGERS:
            self._strangers.add(caller)
            log.warning("hl7: a call from %s was refused: no device expects one from there now", caller)


class Hl7Link:
    """One monitor that calls us. Use with `async with`, once; opening waits for its first call.

    `peers`: the addresses it may call from. It is lost when its connection ends; a monitor that calls for every report,
    when it stays away.
    """

    def __init__(self, at: tuple[str, int], peers: tuple[Network, ...], exchange: Exchange) -> None:
        self.at, self._peers, self._exchange = at, peers, exchange
        self._calls: set[asyncio.Task[None]] = set()
        self._away: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Hl7Link:
        self._inbox, self._here = Inbox(), asyncio.Event()
        await self._exchange.enter(self)
        try:
            async with asyncio.timeout(CALL_S):
                await self._here.wait()
        except BaseException as error:
            await self.__aexit__()
            if isinstance(error, TimeoutError):
                raise NotThere(f"port {self.at[1]}: the monitor has not called for {CALL_S:g} s") from None
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._exchange.leave(self)
        if self._away is not None:
            self._away.cancel()
        for call in self._calls:
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls)

    def expects(self, caller: str) -> bool:
        """Whether a call from there is this monitor's."""
        return is_among(caller, self._peers) and len(self._calls) < CALLS

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one call to its end."""
        call = asyncio.create_task(self._listen(reader, writer))
        self._calls.add(call)
        await asyncio.wait((call,))

    async def write(self, data: bytes, channel: str = "") -> None:
        """`LinkLost`, always: a monitor that calls us gets acknowledgements and nothing else."""
        raise LinkLost("nothing is ever written to a monitor that calls us")

    def chunks(self) -> AsyncIterator[Chunk]:
        """Whole messages, until `LinkLost`."""
        return self._inbox.chunks()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watch_the_cable(writer)
        if self._away is not None:
            self._away.cancel()
        begin = time.monotonic()
        self._here.set()
        why = "the call was ended"
        try:
            why = await Reports(reader, writer, self._inbox).run()
        finally:
            self._calls.discard(asyncio.current_task())
            if not self._calls:
                short = time.monotonic() - begin < VISIT_S
                loop = asyncio.get_running_loop()
                self._away = loop.call_later(AWAY_S if short else 0, self._inbox.lose, f"port {self.at[1]}: {why}")
