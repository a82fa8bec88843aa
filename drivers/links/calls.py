"""Connections on the network, both ways: who may call us, what is one whole message, and what goes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from drivers.core.errors import LinkError, LinkLost, PacketError
from drivers.core.hl7 import Cut, acknowledgement, messages
from drivers.links.base import Chunk

READ_CAP = 64 * 1024  # bytes a turn
WAITING = 32  # messages; then we read no more from the network, and the sender waits
PAUSE_S = 0.5  # a message without an envelope ends where its sender pauses
WRITE_S = 5.0
REPORT = {("ORU", "R01"), ("ORU", "")}

Network = IPv4Network | IPv6Network


def networks(peers: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks (`192.168.7.20`, `192.168.7.0/24`, `fd00::/64`); `LinkError` names what is neither."""
    found = []
    for peer in peers:
        try:
            found.append(ip_network(peer))
        except ValueError as error:
            raise LinkError(f"{peer!r} is no address and no network: {error}") from None
    return tuple(found)


def is_among(address: str, allowed: Iterable[Network]) -> bool:
    """Whether an address, as a socket tells it, is in one of the networks."""
    try:
        here = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(here, IPv6Address) and here.ipv4_mapped is not None:
        here = here.ipv4_mapped
    return any(here in network for network in allowed)


def where(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[HOST]:PORT`; `LinkError` where it is neither."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise LinkError(f"{text!r} is no HOST:PORT")
    return host, int(port)


def watch_the_cable(writer: asyncio.StreamWriter) -> None:
    """Let the kernel find out within some three seconds that nobody is there any more (tcp(7))."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000)


@dataclass(slots=True)
class Arrived:
    """A chunk on its way to whoever reads the link; `taken` once that one comes back for the next."""

    chunk: Chunk
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class Inbox:
    """What has arrived on a link's connections. Bounded: a full one makes the senders wait, and drops nothing."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Arrived] = asyncio.Queue(WAITING)
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def lost(self) -> str | None:
        """Why the link is gone; None while it is there."""
        return self._lost.result() if self._lost.done() else None

    def lose(self, why: str) -> None:
        """The link is gone; only the first reason counts."""
        if not self._lost.done():
            self._lost.set_result(why)

    async def put(self, data: bytes) -> Arrived:
        """Hand bytes over that have arrived now."""
        arrived = Arrived(Chunk(data, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))
        await self._arrived.put(arrived)
        return arrived

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Chunks as they came, then `LinkLost`."""
        while True:
            arrived = await self._next()
            yield arrived.chunk
            arrived.taken.set()

    async def _next(self) -> Arrived:
        if not self._arrived.empty():  # what came before the end is not lost with it
            return self._arrived.get_nowait()
        getting = asyncio.ensure_future(self._arrived.get())
        try:
            await asyncio.wait((getting, self._lost), return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                raise LinkLost(self._lost.result())
        finally:
            getting.cancel()
        return getting.result()


class Reports:
    """One connection on which HL7 reports come, and go back acknowledged (HL7 v2.5.1, 2.9; MLLP, appendix C)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inbox: Inbox) -> None:
        self._reader, self._writer, self._inbox = reader, writer, inbox
        self._cut = Cut()

    async def run(self) -> str:
        """Take messages until the connection ends; why it did.

        A message is acknowledged once it has been read and judged, and refused where it is none that we read. One that
        cannot be read at all is not answered: its sender has to notice.
        """
        try:
            while data := await self._read():
                for message in data:
                    await self._take(message)
        except (OSError, TimeoutError) as error:
            return str(error) or "the connection stalls"
        finally:
            self._writer.close()
        return "the connection was ended by the other side"

    async def _read(self) -> list[bytes] | None:
        """The messages that the next bytes complete; None at the end."""
        while True:
            try:
                async with asyncio.timeout(PAUSE_S):
                    data = await self._reader.read(READ_CAP)
            except TimeoutError:
                found = self._cut.pause()
            else:
                found = self._cut.feed(data) if data else self._cut.pause()
                if not data and not found:
                    return None
            if found:
                return found

    async def _take(self, message: bytes) -> None:
        try:
            read = messages(message)
        except PacketError:
            read = []
        wanted = [one for one in read if one.kind in REPORT]
        if wanted or not read:  # what cannot be read is the decoder's to complain of
            arrived = await self._inbox.put(message)
            await arrived.taken.wait()
        for one in read:
            answer = acknowledgement(one, datetime.now(), refused=one not in wanted)  # noqa: DTZ005 - as HL7 writes it
            if answer is not None:
                await send(self._writer, answer)


async def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write bytes; `TimeoutError` where nobody takes them."""
    writer.write(data)
    async with asyncio.timeout(WRITE_S):
        await writer.drain()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """End a connection without waiting long."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
