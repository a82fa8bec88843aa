"""The two ends of a call whose way breaks (tests/bench/way.py), each in a process in its own namespace.

    python -m tests.bench.recovery_call unit      one picture and a stethoscope, the network watched
    python -m tests.bench.recovery_call doctor    answers every offer with another connection

JSON lines over standard input and output: signals as in docs/protocol.md section 2, `heard` (the platform is back and
names the doctor), and `tell`, which the doctor answers with the instants of its pictures and the numbers of its blocks.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from typing import Any

from aiortc.mediastreams import MediaStreamError

from appliance.media import netwatch
from appliance.media.call import CallState
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, open_heart
from appliance.media.otoscope import open_otoscope
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import HEADER
from tests.bench.media_call import hear, no_still, say, silence
from tests.bench.way import THERE
from tests.unit.media.receiver import Receiver

QUESTIONS = 2  # of 500 blocks each; they come at the pace of the sound


async def unit() -> None:
    camera = PictureSource("otoscope", "Otoscope", open_otoscope)
    heart = SoundSource("stethoscope", "Stethoscope", lambda: open_heart(Heart()))
    camera.start()
    heart.start()

    def changed(name: str, state: CallState) -> None:
        say({"state": state.value, "at_s": time.monotonic()})

    engine = Engine(EngineSettings())
    peers = Peers(engine, Offered((camera,), heart), silence, no_still, changed, lambda name, signal: say(signal))
    watching = asyncio.create_task(netwatch.watch(peers.network_changed))
    say({"description": await peers.join("doctor")})
    while "end" not in (heard := await hear()):
        if "heard" in heard:
            peers.heard_of("doctor")
        elif "description" in heard:
            await peers.answer("doctor", heard["description"])
    watching.cancel()
    os._exit(0)


class Doctor:
    """Looks and listens over every connection that it is offered."""

    def __init__(self) -> None:
        self.receivers: list[Receiver] = []
        self.pictures_s: list[float] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def answer(self, offer: dict[str, str]) -> None:
        receiver = Receiver(address=THERE)
        receiver.connection.on("track", self._track)
        receiver.connection.remove_listener("track", receiver._track)  # its pictures are looked at, not thrown away
        self.receivers.append(receiver)
        say({"description": await receiver.answer(offer)})

    def _track(self, track: Any) -> None:
        if track.kind == "video":
            self.tasks.append(asyncio.create_task(self._look(track)))

    async def _look(self, track: Any) -> None:
        while True:
            try:
                await track.recv()
            except MediaStreamError:
                return
            self.pictures_s.append(time.monotonic())

    def blocks(self) -> list[int]:
        return sorted({HEADER.unpack_from(block)[3] for one in self.receivers for block in one.got["stethoscope"]})

    async def backfill(self) -> None:
        """Ask for what is missing, as the viewer does."""
        had, newest = self.blocks(), self.receivers[-1]
        stream = HEADER.unpack_from(newest.got["stethoscope"][0])[6]
        missing = sorted(set(range(had[0], had[-1])) - set(had))
        for _ in range(QUESTIONS):
            if not missing:
                return
            first, count = missing[0], 1
            while count < 500 and first + count in missing:
                count += 1
            asked = {"stream": stream, "sequence": first, "count": count}
            await newest.ask(type="blocks", id=str(uuid.uuid4()), **asked)
            missing = [number for number in missing if number >= first + count]


async def doctor() -> None:
    it = Doctor()
    while "end" not in (heard := await hear()):
        if heard.get("description", {}).get("type") == "offer":
            await it.answer(heard["description"])
        elif "backfill" in heard:
            await it.backfill()
        elif "tell" in heard:
            numbers = it.blocks()
            missing = len(range(numbers[0], numbers[-1])) + 1 - len(numbers) if numbers else 0
            say({"pictures_s": it.pictures_s[-3000:], "blocks": len(numbers), "missing": missing})
    os._exit(0)


if __name__ == "__main__":
    asyncio.run({"unit": unit, "doctor": doctor}[sys.argv[1]]())
