"""Ten viewers through a media server (Janus) against ten direct peers: what the unit has to do for them."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.media.call import CallState
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, open_heart
from appliance.media.otoscope import open_otoscope
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.whip import Publisher
from appliance.platform.whip import Whip
from tests.bench.figures import Figure
from tests.peers.janus import JANUS, Door, Janus, own_address

LIMIT_S = 240.0
VIEWERS, WINDOWS, WINDOW_S, SETTLE_S = 10, 5, 3.0, 6.0
TOKEN = "t"
METHOD = (
    f"CPU time of the unit's process (the door of the test and its questions to Janus count with it), one picture and "
    f"the stethoscope, median of {WINDOWS} windows of {WINDOW_S:.0f} s; viewers are aiortc in another process. One run"
)
Viewer = Callable[[str], Awaitable[str]]
Sources = tuple[PictureSource, SoundSource]


def figures() -> list[dict[str, Any]]:
    address = own_address()
    why = "Janus is not installed" if not JANUS.exists() else "no address but loopback's" if address is None else None
    one, ten, direct = (None, None, None) if why or address is None else asyncio.run(measured(address))
    return [
        asdict(against("one viewer through it", one, ten, 1.1, why)),
        asdict(against("ten direct peers", direct, ten, 1.0, why)),
    ]


def against(peer: str, theirs: float | None, ours: float | None, target: float, why: str | None) -> Figure:
    name = f"unit's CPU, {VIEWERS} viewers by media server"
    ratio = None if ours is None or not theirs else ours / theirs
    return Figure("media", name, ours, "% of a core", "lower", METHOD, WINDOWS, peer, theirs, ratio, target, why)


async def measured(address: str) -> tuple[float, float, float]:
    """CPU with one and with ten viewers through the media server, and with ten direct peers."""
    camera = PictureSource("otoscope", "Otoscope", open_otoscope)
    heart = SoundSource("stethoscope", "Stethoscope", lambda: open_heart(Heart()))
    camera.start()
    heart.start()
    engine = Engine(EngineSettings(addresses=(address,)))
    try:
        with tempfile.TemporaryDirectory() as folder:
            one, ten = await by_server(engine, (camera, heart), address, Path(folder))
        return one, ten, await directly(engine, (camera, heart), address)
    finally:
        await camera.aclose()
        await heart.aclose()


async def by_server(engine: Engine, sources: Sources, address: str, folder: Path) -> tuple[float, float]:
    async with Janus(folder, address) as janus, Door(janus, TOKEN) as door, viewers(address) as view:
        connected, whip = asyncio.Event(), Whip(door.url, TOKEN)

        def changed(state: CallState) -> None:
            if state is CallState.CONNECTED:
                connected.set()

        task = asyncio.create_task(Publisher(engine, whip, sources, lambda _: 0.5, changed).run())
        try:
            async with asyncio.timeout(30):
                await connected.wait()
            (session,) = door.sessions.values()
            found = []
            for more in (1, VIEWERS - 1):
                for _ in range(more):
                    handle, offer = await janus.subscriber(session.feed)
                    await handle.ask({"request": "start"}, ("answer", await view(offer)))
                found.append(await cpu())
            return found[0], found[1]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await whip.close()


async def directly(engine: Engine, sources: Sources, address: str) -> float:
    async with viewers(address) as view:
        calls = [engine.call((), lambda _: None) for _ in range(VIEWERS)]
        for call in calls:
            for source in sources:
                call.add(source)
            offer = await call.offer()
            await call.answer({"type": "answer", "sdp": await view(offer["sdp"])})
        async with asyncio.timeout(60):
            while any(call.state is not CallState.CONNECTED for call in calls):
                await asyncio.sleep(0.05)
        try:
            return await cpu()
        finally:
            for call in calls:
                await call.aclose()


async def cpu() -> float:
    """This process's share of a core, %, once things have settled."""
    await asyncio.sleep(SETTLE_S)
    found = []
    for _ in range(WINDOWS):
        used, began = time.process_time(), time.monotonic()
        await asyncio.sleep(WINDOW_S)
        found.append(100 * (time.process_time() - used) / (time.monotonic() - began))
    return statistics.median(found)


@asynccontextmanager
async def viewers(address: str) -> AsyncIterator[Viewer]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.whip_viewers", address,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    writer, reader = child.stdin, child.stdout

    async def view(offer: str) -> str:
        writer.write(json.dumps(offer).encode() + b"\n")
        async with asyncio.timeout(60):
            answer: str = json.loads(await reader.readline())
        return answer

    try:
        yield view
    finally:
        writer.close()
        try:
            await asyncio.wait_for(child.wait(), 15)
        except TimeoutError:
            child.kill()
            await child.wait()
