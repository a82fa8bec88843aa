"""The two ends of a call over a way (tests/bench/way.py), each in a process in its own namespace.

    python -m tests.bench.media_ways send PICTURES             the unit: hard 720p30 pictures and a stethoscope
    python -m tests.bench.media_ways chromium PICTURES FILM    Chromium in its place, with the film as its camera
    python -m tests.bench.media_ways view                      the doctor: Chromium

JSON lines over standard input and output, as in media_call: an offer, an answer, and then what each is asked to tell.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Route, async_playwright

from appliance.media.call import CallState
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, open_heart
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.playback import LoopedPictures
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import HEADER
from drivers.links.formats import Coding
from tests.bench.media_call import HEIGHT, RATE_HZ, WIDTH, film, hear, no_still, say, silence
from tests.bench.way import HERE
from tests.peers.test_media_browser import CHROMIUM, FLAGS

RECEIVER = Path(__file__).parents[1] / "peers" / "media_page.html"
SENDER = Path(__file__).with_name("chromium_sender.html")
ORIGIN = "https://sender.example/"  # a camera is given to a secure origin only; the page never leaves this process
COUNTED = ("framesDecoded", "freezeCount", "totalFreezesDuration", "frameWidth", "frameHeight", "nackCount", "pliCount")


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


async def chromium(count: int, path: str) -> None:
    flags = [*FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), headless=True, args=[*flags, f"--use-file-for-fake-video-capture={path}"]
        )
        page = await browser.new_page()

        async def give(route: Route) -> None:
            await route.fulfill(body=SENDER.read_text(encoding="utf-8"), content_type="text/html")

        await page.route(ORIGIN, give)
        await page.goto(ORIGIN)
        say(await page.evaluate("(count) => offer(count)", count))
        await page.evaluate("(answer) => connection.setRemoteDescription(answer)", await hear())
        while "end" not in await hear():
            say({"sent_bps": await page.evaluate("sentBps()"), "loss": 0.0})
        await browser.close()
    os._exit(0)


async def view() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        page = await browser.new_page()
        await page.goto(RECEIVER.as_uri())
        say(await page.evaluate("(offer) => answer(offer)", await hear()))
        while "end" not in await hear():
            say(await seen(page))
        await browser.close()
    os._exit(0)


async def seen(page: Page) -> dict[str, Any]:
    """What has come so far: each picture's counts, and which blocks of sound."""
    rows = await page.evaluate("inbound()")
    video = {row["mid"]: {key: row.get(key, 0) for key in COUNTED} for row in rows if row["kind"] == "video"}
    heads = await page.evaluate("(size) => got.blocks.map((block) => block.slice(0, size))", HEADER.size)
    now_ms = await page.evaluate("performance.now()")
    return {"video": video, "blocks": sorted(number(bytes(head)) for head in heads), "now_ms": now_ms}


def number(head: bytes) -> int:
    """Of a block, from its header (docs/protocol.md)."""
    return int(HEADER.unpack(head)[SEQUENCE])


SEQUENCE = 3


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send", pictures]:
            asyncio.run(send(int(pictures)))
        case ["chromium", pictures, film_path]:
            asyncio.run(chromium(int(pictures), film_path))
        case _:
            asyncio.run(view())
