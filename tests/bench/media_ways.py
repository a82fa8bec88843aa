"""The two ends of a call over a way (tests/bench/way.py), each in a process in its own namespace.

    python -m tests.bench.media_ways send PICTURES     the unit: hard 720p30 pictures and a stethoscope
    python -m tests.bench.media_ways view              the doctor: Chromium

JSON lines over standard input and output, as in media_call: an offer, an answer, and then what each is asked to tell.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import asdict
from typing import Any

from playwright.async_api import async_playwright

from appliance.media.call import CallState
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, open_heart
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.playback import LoopedPictures
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from drivers.links.formats import Coding
from tests.bench.bench_media import PAGE
from tests.bench.media_call import HEIGHT, RATE_HZ, WIDTH, film, hear, no_still, say, silence
from tests.bench.way import HERE
from tests.peers.test_media_browser import CHROMIUM, FLAGS


async def send(count: int) -> None:
    pictures = film()
    size = WIDTH, HEIGHT
    sources = [
        PictureSource(f"camera{n}", f"Camera {n}", lambda: LoopedPictures(pictures, Coding.YUV420P, size, RATE_HZ))
        for n in range(count)
    ]
    for source in sources[:1] if count == 1 else sources[1:]:
        source.detail = False
    heart = SoundSource("stethoscope", "Stethoscope", lambda: open_heart(Heart()))
    for source in sources:
        source.start()
    heart.start()
    engine, connected = Engine(EngineSettings(addresses=(HERE,))), asyncio.Event()

    def changed(name: str, state: CallState) -> None:
        if state is CallState.CONNECTED:
            connected.set()

    peers = Peers(engine, Offered(tuple(sources), heart), silence, no_still, changed)
    say(await peers.join("viewer"))
    await peers.answer("viewer", await hear())
    await connected.wait()
    encodings: list[Any] = [engine.encoding(source, "H264") for source in sources]
    while "end" not in await hear():
        budget = peers.budgets["viewer"]
        rungs = [f"{each.rung.size[0]}/{each.rung.size[1]}:{each.rung.every}" for each in encodings]
        cpu_s = time.process_time()
        say({**asdict(budget), "rungs": rungs, "pictures": [each.pictures for each in encodings], "cpu_s": cpu_s})
    os._exit(0)


async def view() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        page = await browser.new_page()
        await page.goto(PAGE.as_uri())
        say(await page.evaluate("(offer) => answer(offer)", await hear()))
        while "end" not in await hear():
            rows = await page.evaluate("inbound()")
            keys = ("framesDecoded", "freezeCount", "totalFreezesDuration", "frameWidth", "nackCount", "pliCount")
            video = [{key: row.get(key, 0) for key in keys} for row in rows if row["kind"] == "video"]
            blocks = await page.evaluate("[got.blocks.length, performance.now()]")
            say({"video": sorted(video, key=str), "blocks": blocks[0], "now_ms": blocks[1]})
        await browser.close()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(send(int(sys.argv[2])) if sys.argv[1] == "send" else view())
