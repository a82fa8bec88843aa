"""A slow remote party never makes the unit's memory grow: what does not fit is refused and counted."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from pyee.asyncio import AsyncIOEventEmitter

from appliance.media.channel import Channel, ChannelClosed
from appliance.media.peer import Backlog
from appliance.media.stethoscope import Block


class Slow(AsyncIOEventEmitter):
    """A data channel whose network carries nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.label, self.readyState, self.bufferedAmount = "live", "connecting", 0
        self.sent: list[Any] = []

    def send(self, message: str | bytes) -> None:
        self.sent.append(message)
        self.bufferedAmount += len(message)

    def become(self, state: str) -> None:
        self.readyState = state
        self.emit("open" if state == "open" else "close")


def channel(limit: int = 100) -> tuple[Slow, Channel]:
    slow: Any = Slow()
    return slow, Channel(slow, limit)


async def test_what_does_not_fit_is_refused_and_counted() -> None:
    slow, bounded = channel(limit=100)
    slow.become("open")
    assert [bounded.send(b"x" * 40) for _ in range(4)] == [True, True, False, False]
    assert (bounded.waiting, bounded.refused, len(slow.sent)) == (80, 2, 2)


async def test_room_comes_when_half_has_left() -> None:
    slow, bounded = channel(limit=100)
    slow.become("open")
    bounded.send(b"x" * 90)
    waiting = asyncio.create_task(bounded.room())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    slow.bufferedAmount = 50
    await asyncio.wait_for(waiting, 1)


async def test_opening_is_awaited() -> None:
    slow, bounded = channel()
    waiting = asyncio.create_task(bounded.opened())
    await asyncio.sleep(0)
    slow.become("open")
    await asyncio.wait_for(waiting, 1)


@pytest.mark.parametrize("wait", ["opened", "room"])
async def test_a_channel_that_closes_ends_every_wait(wait: str) -> None:
    slow, bounded = channel()
    if wait == "room":
        slow.become("open")
        bounded.send(b"x" * 90)
    waiting = asyncio.create_task(getattr(bounded, wait)())
    await asyncio.sleep(0)
    slow.become("closed")
    with pytest.raises(ChannelClosed, match="channel live: closed"):
        await asyncio.wait_for(waiting, 1)
    with pytest.raises(ChannelClosed):
        bounded.send(b"more")


async def test_backlog_of_sound_loses_the_oldest_and_counts_it() -> None:
    backlog = Backlog()
    for sequence in range(510):
        backlog.put(Block(np.zeros(160, np.int16), sequence, 160 * sequence, 0, 1))
    await asyncio.sleep(0)
    assert (await backlog.take()).sequence == 10
    assert backlog.dropped == 10
