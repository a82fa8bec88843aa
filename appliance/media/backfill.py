"""What the network lost of the stethoscope, sent again: the same blocks, from memory, behind those that are new."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from appliance.media.channel import ChannelClosed
from appliance.media.refusal import NotDone
from appliance.media.stethoscope import Block, Recorder

log = logging.getLogger(__name__)

MOST = 500  # blocks for one question: ten seconds
WAITING = 2000  # blocks of all questions: a way that was down for 40 s
EVERY_S, AT_ONCE = 0.02, 2  # twice the pace of the sound itself: 290 kbit/s, and less where the channel is full
FIELDS = ("stream", "sequence", "count")


class Way(Protocol):
    """Where blocks leave: a data channel, or what stands for one."""

    @property
    def waiting(self) -> int:
        """Bytes that have not left."""
        ...

    def send(self, message: bytes) -> bool:
        """Whether there was room."""
        ...


class Backfill:
    """Answers one viewer's `blocks` (docs/protocol.md section 7). `run` sends what was asked for, for ever."""

    def __init__(self, recorder: Recorder, channel: Way) -> None:
        self._recorder, self._channel = recorder, channel
        self._waiting: dict[tuple[int, int], Block] = {}  # by stream and sequence: asked twice is sent once
        self._asked = asyncio.Event()

    async def ask(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """How many of the blocks asked for will come; the others are not here any more."""
        stream, sequence, count = numbers(asked)
        found = self._recorder.blocks(stream, sequence, count)
        if len(self._waiting) + len(found) > WAITING:
            raise NotDone("busy", f"{len(self._waiting)} blocks wait to be sent again")
        self._waiting |= {(block.stream, block.sequence): block for block in found}
        self._asked.set()
        return {"coming": len(found), "gone": count - len(found)}

    async def run(self) -> None:
        """Send, oldest question first, while nothing new waits in the channel."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            while self._waiting:
                self._send(self._due())
                await asyncio.sleep(EVERY_S)

    def _due(self) -> list[tuple[int, int]]:
        return list(self._waiting)[:AT_ONCE] if self._channel.waiting == 0 else []

    def _send(self, due: Iterable[tuple[int, int]]) -> None:
        with suppress(ChannelClosed):  # the end of the connection is told elsewhere
            for key in due:
                if self._channel.send(self._waiting[key].wire()):
                    del self._waiting[key]


def numbers(asked: Mapping[str, Any]) -> tuple[int, int, int]:
    """Stream, sequence and count of a question. `NotDone` with `bad-request`."""
    given = [asked.get(name) for name in FIELDS]
    limits = (2**32 - 1, 2**32 - 1, MOST)
    for name, value, most in zip(FIELDS, given, limits, strict=True):
        if not isinstance(value, int) or isinstance(value, bool) or not (name == "count") <= value <= most:
            raise NotDone("bad-request", f"{name}: got {str(value)[:20]!r}, wanted a whole number up to {most}")
    stream, sequence, count = (int(value) for value in given if value is not None)
    return stream, sequence, count
