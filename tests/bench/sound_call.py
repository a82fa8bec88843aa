"""The two ends of the bench of sound, each in a process of its own, in a namespace where there is a way between them.

    python -m tests.bench.sound_call send ours|shipped ADDRESS    a stethoscope at 48 kHz that hears eight tones
    python -m tests.bench.sound_call view WAV                     the doctor: Chromium, whose microphone is the file

JSON lines over standard input and output: each question has one answer.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from numpy.typing import NDArray
from playwright.async_api import Page, Route, async_playwright

from appliance.clock import boottime_ns
from appliance.media import aiortc_inside as inside
from appliance.media.channel import Channel, ChannelClosed
from appliance.media.engine import Engine, EngineSettings
from appliance.media.peer import Backlog, Offered, Peer
from appliance.media.playback import LoopedSound, Pace
from appliance.media.proof import TONE, TONES_HZ
from appliance.media.sound import SoundSource
from tests.bench.media_call import hear, no_still, say, silence
from tests.peers.test_media_browser import CHROMIUM, FLAGS

CARD_HZ = 48_000
HERE = Path(__file__).parent
ROLLDOWN = HERE.parents[1] / "kiosk_ui" / "node_modules" / ".bin" / "rolldown"
WORKLET = HERE.parents[1] / "kiosk_ui" / "src" / "core" / "sound" / "worklet.ts"
ORIGIN = "https://sound.bench/"
ORDERED_LIMIT = 64 * 1024


def tones() -> NDArray[np.int16]:
    """Eight tones at once, one second, seamless: int16, 48 kHz."""
    instants, count = np.arange(CARD_HZ) / CARD_HZ, len(TONES_HZ)
    sound = np.zeros(CARD_HZ)
    for number, hz in enumerate(TONES_HZ, 1):
        sound += TONE * np.cos(2 * np.pi * hz * instants - np.pi * number * (number - 1) / count)
    return np.asarray(np.rint(32768 * sound), np.int16)


def write_wav(path: Path, seconds: int) -> None:
    """The same tones as a file, for Chromium's microphone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(CARD_HZ)
        file.writeframes(np.tile(tones(), seconds).tobytes())


# --- the unit


async def ours(address: str) -> None:
    """For each line a connection in place of the last one: `{"ordered": bool}` asks for an offer, the answer follows.

    `ordered`: the same blocks over a channel that keeps their order, and nothing else: what ours is held against.
    """
    source = SoundSource("stethoscope", "Stethoscope", lambda: LoopedSound(tones(), CARD_HZ))
    source.start()
    engine = Engine(EngineSettings(addresses=(address,)))
    peer: Peer | None = None
    while "end" not in (asked := await hear()):
        old = peer
        call = engine.call((), lambda state: None)
        peer = Peer("doctor", call, Offered((), None if asked["ordered"] else source), silence, no_still)
        ordered = call.channel("ordered", ORDERED_LIMIT) if asked["ordered"] else None
        say(await peer.offer())
        await peer.answer(await hear())
        if ordered is not None:
            task = asyncio.create_task(send_ordered(source, ordered))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if old is not None:
            await old.aclose()
    os._exit(0)


async def send_ordered(source: SoundSource, channel: Channel) -> None:
    """Each block, as `Peer` sends it."""
    backlog = Backlog()
    with suppress(ChannelClosed):
        await channel.opened()
        source.attach(backlog.put)
        try:
            while True:
                block = await backlog.take()
                await channel.room()
                channel.send(block.wire())
        finally:
            source.detach(backlog.put)


class Shipped(MediaStreamTrack):
    """The same tones for aiortc's own encoder."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sound, self._at = tones(), 0
        self._pace = Pace(Fraction(50))

    async def recv(self) -> av.AudioFrame:
        await asyncio.to_thread(self._pace.wait)
        taken = self._sound[np.arange(self._at, self._at + 960) % CARD_HZ]
        frame = av.AudioFrame.from_ndarray(taken.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = CARD_HZ, self._at, Fraction(1, CARD_HZ)
        self._at += 960
        return frame


async def shipped(address: str) -> None:
    await hear()
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver(Shipped(), direction="sendonly")
    inside.use_addresses(connection, [address])
    await connection.setLocalDescription(await connection.createOffer())
    say({"type": "offer", "sdp": connection.localDescription.sdp})
    await connection.setRemoteDescription(RTCSessionDescription(**await hear()))
    await hear()
    os._exit(0)


# --- the doctor


@asynccontextmanager
async def doctor(wav: str) -> AsyncIterator[Page]:
    """The page, at an origin of its own that needs no server."""
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    microphone = [*fake, f"--use-file-for-fake-audio-capture={wav}"]
    with tempfile.TemporaryDirectory() as folder:
        files = {"page.js": bundled(HERE / "sound_page.ts", folder), "worklet.js": bundled(WORKLET, folder)}

        async def serve(route: Route) -> None:
            name = route.request.url.removeprefix(ORIGIN)
            if name in files:
                await route.fulfill(body=files[name], content_type="text/javascript")
            else:
                page = '<!doctype html><script type="module" src="page.js"></script>'
                await route.fulfill(body=page, content_type="text/html")

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=str(CHROMIUM), headless=True, args=[*FLAGS, *microphone]
            )
            page = await browser.new_page()
            await page.route(f"{ORIGIN}**", serve)
            await page.goto(ORIGIN)
            await page.wait_for_function("window.bench !== undefined")
            yield page
            await browser.close()


def bundled(entry: Path, folder: str) -> bytes:
    out = Path(folder) / f"{entry.stem}.js"
    command = [str(ROLLDOWN), str(entry), "--file", str(out), "--format", "esm"]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


async def view(wav: str) -> None:
    """`{"do": name, "with": argument}` calls the page's function of that name; its answer, and the unit's time."""
    async with doctor(wav) as page:
        while "do" in (asked := await hear()):
            script = "async ([name, value]) => (await bench[name](value)) ?? null"
            answer: Any = await page.evaluate(script, [asked["do"], asked.get("with")])
            say({"answer": answer, "ahead_ms": await ahead_ms(page)})
    os._exit(0)


async def ahead_ms(page: Page) -> float:
    """By how much the page's clock is ahead of the unit's: by the quickest of some questions."""
    found: list[tuple[int, float]] = []
    for _ in range(9):
        began_ns = boottime_ns()
        wall_ms = await page.evaluate("performance.timeOrigin + performance.now()")
        ended_ns = boottime_ns()
        found.append((ended_ns - began_ns, wall_ms - (began_ns + ended_ns) / 2e6))
    return min(found)[1]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send", "ours", where]:
            asyncio.run(ours(where))
        case ["send", "shipped", where]:
            asyncio.run(shipped(where))
        case ["view", file]:
            asyncio.run(view(file))
