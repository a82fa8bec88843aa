"""A real Chromium as the remote party: two pictures, sound, exact samples, a still, and a plug that is pulled."""

from __future__ import annotations

import asyncio
import hashlib
import socketserver
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Page, async_playwright

from appliance.clock import boottime_ms
from appliance.media.call import CallState
from appliance.media.control import StillTaken
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, heart_sound
from appliance.media.otoscope import open_otoscope, pictures
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.playback import LoopedSound
from appliance.media.room import open_room
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.status import source_messages
from appliance.media.stethoscope import HEADER
from appliance.media.still import Still, take_still

CHROMIUM = Path("/usr/bin/chromium")
# On a machine without any network Chromium offers no address, unless it may use loopback and need not hide it.
ALONE = ["--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns"]
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *ALONE]
DEADLINE_S = 20.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed here"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    """The bare receiver's page, served on loopback."""
    handler = partial(Quiet, directory=str(Path(__file__).parent))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/media_page.html"
        server.shutdown()


@pytest.fixture
def page_url() -> Iterator[str]:
    with served() as url:
        yield url


class Unit:
    """The demonstration's sources and their peers, without the rest of the service."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.otoscope = PictureSource("otoscope", "Otoscope", open_otoscope)
        self.room = PictureSource("room", "Room camera", open_room)
        self.heart = heart_sound(Heart(third=True, murmur=0.3))
        self.stethoscope = SoundSource("stethoscope", "Stethoscope", lambda: LoopedSound(self.heart, 8000))
        self.sources = (self.otoscope, self.room, self.stethoscope)
        self.taken: list[Still] = []
        self.states: list[CallState] = []
        offered = Offered((self.otoscope, self.room), self.stethoscope)
        engine = Engine(EngineSettings(addresses=(address,)))
        self.peers = Peers(engine, offered, self.feed, self.still, lambda name, state: self.states.append(state))

    async def feed(self) -> AsyncIterator[Mapping[str, Any]]:
        yield {"type": "hello", "protocol": 1, "now_ms": boottime_ms()}
        async for message in source_messages(self.sources):
            yield message

    async def still(self, key: str) -> StillTaken:
        still = await asyncio.to_thread(take_still, {"otoscope": self.otoscope, "room": self.room}[key])
        self.taken.append(still)
        return StillTaken(f"result-{len(self.taken)}", still.sha256, still.width, still.height)


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    made = Unit()
    for source in made.sources:
        source.start()
    yield made
    await made.peers.aclose()
    for source in made.sources:
        await source.aclose()


@pytest.fixture
async def page(page_url: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        opened = await browser.new_page()
        await opened.goto(page_url)
        yield opened
        await browser.close()


async def become(page: Page, script: str, wanted: Callable[[Any], bool]) -> Any:
    """Look at the page until what it says is as wanted."""
    said: Any = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not wanted(said := await page.evaluate(script)):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{script} stayed {said!r}")
    return said


async def connect(unit: Unit, page: Page, codec: str | None = None) -> None:
    offer = await unit.peers.join("viewer")
    await unit.peers.answer("viewer", await page.evaluate("([offer, codec]) => answer(offer, codec)", [offer, codec]))
    await become(page, "connection.connectionState", lambda state: state == "connected")
    await become(page, "Object.keys(channels).length", lambda count: count == 4)


async def ask(page: Page, question: str) -> Any:
    before = await page.evaluate("got.control.length")
    await page.evaluate(f"channels.control.send(JSON.stringify({question}))")
    await become(page, "got.control.length", lambda count: count > before)
    return (await page.evaluate("got.control"))[-1]


async def test_pictures_sound_and_messages_arrive(unit: Unit, page: Page) -> None:
    await connect(unit, page)
    seen = await become(
        page, "got.video", lambda lines: len(lines) == 2 and all(line["frames"] >= 30 for line in lines.values())
    )
    assert {mid: (line["width"], line["height"]) for mid, line in seen.items()} == {"0": (1280, 720), "1": (640, 360)}
    assert sorted(set(await page.evaluate("codecs()"))) == ["audio/opus", "video/H264"]
    await become(page, "inbound()", heard)
    assert (await page.evaluate("got.live"))[0]["tracks"] == [
        {"mid": "0", "source": "otoscope", "kind": "video"},
        {"mid": "1", "source": "room", "kind": "video"},
        {"mid": "2", "source": "stethoscope", "kind": "audio"},
    ]
    # The page can compare a frame's capture with the `*_ms` of the messages: same clock.
    captured_ms = (await page.evaluate("got.video"))["0"]["capture"][0]
    assert -50 < boottime_ms() - captured_ms < 2000


async def test_a_browser_without_h264_gets_vp8(unit: Unit, page: Page) -> None:
    await connect(unit, page, codec="video/VP8")
    await become(
        page, "got.video", lambda lines: len(lines) == 2 and all(line["frames"] >= 15 for line in lines.values())
    )
    assert sorted(set(await page.evaluate("codecs()"))) == ["audio/opus", "video/VP8"]


def heard(rows: list[dict[str, Any]]) -> bool:
    """Sound packets came, and none was lost."""
    sound = [row for row in rows if row["kind"] == "audio"]
    return bool(sound) and sound[0]["packetsReceived"] > 50 and sound[0]["packetsLost"] == 0


async def test_samples_are_the_sources_own_bit_for_bit(unit: Unit, page: Page) -> None:
    await connect(unit, page)
    blocks = [bytes(block) for block in await become(page, "got.blocks", lambda got: len(got) >= 175)]
    blocks.sort(key=lambda block: int(HEADER.unpack_from(block)[3]))
    heads = [HEADER.unpack_from(block) for block in blocks]
    assert [head[3] for head in heads] == list(range(heads[0][3], heads[0][3] + len(heads)))
    samples = np.concatenate([np.frombuffer(block, "<i2", offset=HEADER.size) for block in blocks])
    assert len(samples) >= 3.5 * 8000
    assert digest(samples) == digest(played(unit.heart, heads[0][4], len(samples)))
    clip = unit.stethoscope.recorder.clip(heads[0][6], heads[0][4], len(samples))
    assert clip is not None
    assert digest(clip.samples) == digest(samples)


def played(loop: NDArray[np.int16], first: int, count: int) -> NDArray[np.int16]:
    """What the source played, from its own samples."""
    return loop[np.arange(first, first + count) % len(loop)]


def digest(samples: NDArray[np.int16]) -> str:
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


async def test_a_still_is_the_cameras_own_frame(unit: Unit, page: Page) -> None:
    await connect(unit, page)
    said = await ask(page, '{type: "still", id: "one", source: "otoscope"}')
    again = await ask(page, '{type: "still", id: "one", source: "otoscope"}')
    kept = unit.taken[0].data
    assert said == again == {
        "type": "still", "id": "one", "ok": True, "result": "result-1",
        "sha256": hashlib.sha256(kept).hexdigest(), "width": 1280, "height": 720,
    }  # fmt: skip
    assert len(unit.taken) == 1
    assert (kept[:2], kept[-2:]) == (b"\xff\xd8", b"\xff\xd9")
    assert kept in pictures()


@pytest.mark.parametrize("key", ["otoscope", "stethoscope"])
async def test_a_pulled_plug_is_told_and_a_replugged_source_goes_on(unit: Unit, page: Page, key: str) -> None:
    await connect(unit, page)
    source = {each.key: each for each in unit.sources}[key]
    last = f"got.live.filter(m => m.type === 'source' && m.key === '{key}').at(-1)?.state"
    await become(page, last, lambda state: state == "live")
    pulled_ms = boottime_ms()
    source.stop()
    await become(page, last, lambda state: state == "lost")
    assert boottime_ms() - pulled_ms < 600
    count = "got.video['0'].frames" if key == "otoscope" else "got.blocks.length"
    before = await page.evaluate(count)
    source.start()
    await become(page, last, lambda state: state == "live")
    await become(page, count, lambda now: now > before + 20)


async def test_a_browser_that_vanishes_leaves_nothing_behind(unit: Unit, page: Page) -> None:
    await connect(unit, page)
    await page.close()  # no farewell from the page's script
    await until(lambda: unit.states[-1] in {CallState.LOST, CallState.CLOSED})
    await unit.peers.leave("viewer")
    await until(lambda: not any(thread.name.startswith("encode-") for thread in threading.enumerate()))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.02)
