"""One remote party: the pictures and sounds it gets, the live messages, the exact samples, and what it asks."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from appliance.media.backfill import Backfill
from appliance.media.call import Call, CallState
from appliance.media.channel import ChannelClosed
from appliance.media.control import Answers, Ask, Control, TakeStill
from appliance.media.governor import Budget
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import Block
from appliance.media.talk import Talk

log = logging.getLogger(__name__)

Message = Mapping[str, Any]
Subscribe = Callable[[], AsyncIterator[Message]]  # live messages, `hello` first; its own queue is bounded and coalesces

LIVE_LIMIT, WAVES_LIMIT, SOUND_LIMIT, CONTROL_LIMIT = 256 * 1024, 32 * 1024, 64 * 1024, 256 * 1024
SOUND_BACKLOG = 500  # blocks: ten seconds


@dataclass(frozen=True, slots=True)
class Offered:
    """What every remote party is offered. Each picture source is an m-line, in this order, then stethoscope and talk.

    `asks`: what it may ask for over `control`, beside stills and lost blocks. `talk`: whom it speaks with.
    """

    pictures: tuple[PictureSource, ...]
    stethoscope: SoundSource | None = None
    asks: Mapping[str, Ask] = field(default_factory=dict)
    talk: Talk | None = None


@dataclass(slots=True)
class Counts:
    """What did not reach this peer, because its network or its page was too slow."""

    waveforms_dropped: int = 0
    blocks_dropped: int = 0


class Backlog:
    """Blocks between the capture thread and one peer. Full, it loses the oldest: who listens, listens to now."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._blocks: deque[Block] = deque(maxlen=SOUND_BACKLOG)
        self._arrived = asyncio.Event()
        self.dropped = 0

    def put(self, block: Block) -> None:
        """From the capture thread."""
        with suppress(RuntimeError):  # the loop has ended, and the peer with it
            self._loop.call_soon_threadsafe(self._put, block)

    def _put(self, block: Block) -> None:
        self.dropped += len(self._blocks) == SOUND_BACKLOG
        self._blocks.append(block)
        self._arrived.set()

    async def take(self) -> Block:
        """The oldest block; waits for one."""
        while not self._blocks:
            self._arrived.clear()
            await self._arrived.wait()
        return self._blocks.popleft()


class Peer:
    """One remote party over one call. Build, `offer`, `answer`; it ends by `aclose` or when the call is closed."""

    def __init__(
        self,
        name: str,
        call: Call,
        offered: Offered,
        subscribe: Subscribe,
        still: TakeStill,
        answers: Answers | None = None,
    ) -> None:
        self._call, self._offered, self._subscribe = call, offered, subscribe
        for source in offered.pictures:
            call.add(source)
        if offered.stethoscope is not None:
            call.add(offered.stethoscope)
        if offered.talk is not None:
            call.talk(offered.talk.seat(name))
        self._live = call.channel("live", LIVE_LIMIT)
        self._waves = call.channel("waves", WAVES_LIMIT, ordered=False, max_retransmits=0)
        self._sound = call.channel("stethoscope", SOUND_LIMIT, ordered=False)
        self._control = call.channel("control", CONTROL_LIMIT)
        heard = offered.stethoscope
        self._backfill = None if heard is None else Backfill(heard.recorder, self._sound)
        lost: dict[str, Ask] = {} if self._backfill is None else {"blocks": self._backfill.ask}
        self._answers = Control(still, {**offered.asks, **lost}, answers)
        self._answering: set[asyncio.Task[None]] = set()
        self._control.on_message(self._asked)
        self._work: asyncio.Task[None] | None = None
        self._backlog: Backlog | None = None

    @property
    def state(self) -> CallState:
        """Of the call."""
        return self._call.state

    @property
    def counts(self) -> Counts:
        """What did not reach this peer."""
        return Counts(self._waves.refused, self._backlog.dropped if self._backlog else 0)

    @property
    def budget(self) -> Budget:
        """What it may be sent, and is."""
        return self._call.governor.budget

    async def offer(self) -> dict[str, str]:
        """The description to send to the remote party."""
        description = await self._call.offer()
        self._work = asyncio.create_task(self._run(), name="peer")
        return description

    def candidates(self) -> AsyncIterator[dict[str, Any]]:
        """See `Call.candidates`."""
        return self._call.candidates()

    @property
    def local_address(self) -> str | None:
        """See `Call.local_address`."""
        return self._call.local_address

    async def answer(self, description: Mapping[str, Any]) -> None:
        """See `Call.answer`."""
        await self._call.answer(description)

    async def candidate(self, candidate: Mapping[str, Any] | None) -> None:
        """See `Call.candidate`."""
        await self._call.candidate(candidate)

    async def aclose(self) -> None:
        """End it: channels, sound, connection. Repeatable."""
        tasks = [task for task in (self._work, *self._answering) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._call.aclose()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell())
                if self._offered.stethoscope is not None:
                    group.create_task(self._sound_out(self._offered.stethoscope))
                if self._backfill is not None:
                    group.create_task(self._backfill.run())
        except* ChannelClosed:
            await self._call.aclose()
        except* Exception:
            log.exception("a peer failed")
            await self._call.aclose()

    async def _tell(self) -> None:
        """Live messages, at the pace that the peer takes them: what waits, waits and coalesces in the feed."""
        await self._live.opened()
        await self._waves.opened()
        async with aclosing(stream(self._subscribe())) as messages:
            async for message in messages:
                if message.get("type") == "waveform":
                    self._waves.send(json.dumps(message))
                else:
                    await self._say(message)

    async def _say(self, message: Message) -> None:
        if message.get("type") == "hello":
            message = {**message, "tracks": [asdict(track) for track in self._call.tracks]}
        text = json.dumps(message)
        while not self._live.send(text):
            await self._live.room()

    async def _sound_out(self, source: SoundSource) -> None:
        """Every block, as it was captured; the oldest are lost only when the peer is ten seconds behind."""
        await self._sound.opened()
        self._call.exact_sound = True
        backlog = self._backlog = Backlog()
        source.attach(backlog.put)
        try:
            while True:
                block = await backlog.take()
                await self._sound.room()
                self._sound.send(block.wire())
        finally:
            source.detach(backlog.put)

    def _asked(self, message: str | bytes) -> None:
        task = asyncio.create_task(self._answer(message), name="control")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, message: str | bytes) -> None:
        said = await self._answers.answer(message)
        if said is not None:
            with suppress(ChannelClosed):
                self._control.send(said)


async def stream(messages: AsyncIterator[Message]) -> AsyncGenerator[Message, None]:
    """The same messages from an iterator that may have no `aclose`; closed with this one where it has."""
    try:
        async for message in messages:
            yield message
    finally:
        close = getattr(messages, "aclose", None)
        if close is not None:
            await close()
