"""TCP where we call: a monitor that serves its reports (HL7), or a serial device behind a converter on the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from drivers.core.errors import LinkLost, NotThere
from drivers.links.base import Chunk
from drivers.links.calls import READ_CAP, Inbox, Reports, hang_up, send, watch_the_cable

CONNECT_S = 5.0


class TcpLink:
    """One connection that we make. Use with `async with`, once.

    `hl7`: chunks are whole messages, and go back acknowledged; else they are bytes as they come.
    """

    def __init__(self, at: tuple[str, int], *, hl7: bool) -> None:
        self._at, self._hl7 = at, hl7

    async def __aenter__(self) -> TcpLink:
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, self._writer = await asyncio.open_connection(*self._at)
        except (OSError, TimeoutError) as error:
            raise NotThere(f"{self._name}: cannot connect: {error or 'no answer'}") from None
        watch_the_cable(self._writer)
        self._inbox = Inbox()
        self._listening = asyncio.create_task(self._listen(reader), name=f"tcp {self._name}")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._listening.cancel()
        await asyncio.wait((self._listening,))
        await hang_up(self._writer)

    def chunks(self) -> AsyncIterator[Chunk]:
        """What comes, until `LinkLost`."""
        return self._inbox.chunks()

    async def write(self, data: bytes, channel: str = "") -> None:
        """Send bytes; `LinkLost` if nobody takes them."""
        if self._inbox.lost is not None:
            raise LinkLost(self._inbox.lost)
        try:
            await send(self._writer, data)
        except (OSError, TimeoutError) as error:
            why = f"{self._name}: cannot write: {error or 'nobody takes it'}"
            self._inbox.lose(why)
            raise LinkLost(why) from None

    @property
    def _name(self) -> str:
        return f"{self._at[0]}:{self._at[1]}"

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        why = "the connection ended"
        try:
            if self._hl7:
                why = await Reports(reader, self._writer, self._inbox).run()
            else:
                while data := await reader.read(READ_CAP):
                    await self._inbox.put(data)
        except OSError as error:
            why = str(error)
        finally:
            self._inbox.lose(f"{self._name}: {why}")
