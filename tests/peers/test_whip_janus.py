"""A programme published to Janus, watched by a Chromium that subscribes there; the exact sound beside it, by hash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.async_api import Page, async_playwright
from websockets.asyncio.server import ServerConnection, serve

from appliance.care.consultation import State
from appliance.care.room import Room
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, heart_sound
from appliance.media.otoscope import open_otoscope
from appliance.media.playback import LoopedSound
from appliance.media.room import open_room
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import HEADER, Block
from appliance.platform.link_messages import Outgoing, PublicationNews, Publish, Unpublish
from appliance.publishing import Publishing
from tests.peers.janus import JANUS, Door, Handle, Janus, own_address

CHROMIUM = Path("/usr/bin/chromium")
ALONE = ["--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns"]
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *ALONE]
TOKEN = "tok-5c81d2"
CONSULTATION = "6b0e2a54-7f7f-4f0e-9d4e-2f6f4a9d0a11"
DEADLINE_S = 60.0

WATCH = """async offer => {
  const connection = window.connection = new RTCPeerConnection();
  connection.ontrack = ({track}) => {  // a browser decodes only what it plays
    const player = document.body.appendChild(document.createElement(track.kind));
    player.srcObject = new MediaStream([track]);
    player.muted = track.kind === 'video';
    player.play();
  };
  await connection.setRemoteDescription({type: 'offer', sdp: offer});
  await connection.setLocalDescription(await connection.createAnswer());
  while (connection.iceGatheringState !== 'complete') await new Promise(done => setTimeout(done, 20));
  return connection.localDescription.sdp;
}"""
SEEN = """async () => {
  const rows = [...(await window.connection.getStats()).values()].filter(row => row.type === 'inbound-rtp');
  return {
    pictures: rows.filter(row => row.kind === 'video').map(row => row.framesDecoded ?? 0),
    widths: rows.filter(row => row.kind === 'video').map(row => row.frameWidth ?? 0),
    energy: rows.filter(row => row.kind === 'audio').map(row => row.totalAudioEnergy ?? 0),
    samples: rows.filter(row => row.kind === 'audio').map(row => row.totalSamplesReceived ?? 0),
  };
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed here"),
    pytest.mark.skipif(not JANUS.exists(), reason="Janus is not installed here"),
    pytest.mark.skipif(own_address() is None, reason="this machine has no address but loopback's"),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Ear:
    """Receives the exact sound: every block that comes; with `deaf`, it closes the connection after so many."""

    got: list[bytes] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)

    async def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.tokens.append(connection.request.headers["Authorization"])
        self.connections.append(connection)
        async for message in connection:
            if isinstance(message, bytes):
                self.got.append(message)
            else:
                self.said.append(json.loads(message))


def sequences(blocks: list[bytes]) -> set[int]:
    return {HEADER.unpack_from(block)[3] for block in blocks}


class Unit:
    """The publishing part of a unit in a consultation, with the demonstration's sources."""

    def __init__(self) -> None:
        sound = heart_sound(Heart(third=True, murmur=0.3))
        self.heart = SoundSource("stethoscope", "Stethoscope", lambda: LoopedSound(sound, 8000))
        otoscope, room = PictureSource("otoscope", "Otoscope", open_otoscope), PictureSource("room", "Room", open_room)
        self.sources = (otoscope, room, self.heart)
        self.captured: list[Block] = []
        self.heart.attach(self.captured.append)
        self.record = SimpleNamespace(id=CONSULTATION, state=State.ACTIVE, opened=datetime.now(UTC), reason=None)
        watched: list[Any] = []
        self.watchers = watched
        consultation = SimpleNamespace(record=self.record, watch=watched.append)
        engine = Engine(EngineSettings(addresses=(own_address() or "",)))
        self.sent: list[PublicationNews] = []
        self.publishing = Publishing(cast(Room, consultation), engine, self.sources, self._send)

    def _send(self, message: Outgoing) -> None:
        assert isinstance(message, PublicationNews)
        self.sent.append(message)

    @property
    def states(self) -> list[str]:
        return [news.state for news in self.sent]

    def end_consultation(self) -> None:
        self.record.state = State.CLOSED
        for watcher in self.watchers:
            watcher(self.record)


async def become(what: Any, deadline_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(deadline_s):
        while not what():
            await asyncio.sleep(0.02)


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    made = Unit()
    for source in made.sources:
        source.start()
    yield made
    await made.publishing.close()
    for source in made.sources:
        await source.aclose()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with Janus(tmp_path / "janus", own_address() or "") as janus, Door(janus, TOKEN) as made:
        yield made


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=FLAGS)
        yield await browser.new_page()
        await browser.close()


async def watch(page: Page, door: Door) -> Handle:
    """Subscribe to the one feed that the door has."""
    (session,) = door.sessions.values()
    handle, offer = await door.janus.subscriber(session.feed)
    answer = await page.evaluate(WATCH, offer)
    await handle.ask({"request": "start"}, ("answer", answer))
    return handle


async def moved_on(page: Page) -> None:
    """Both pictures move and the heart is heard: 30 frames, two seconds of sound and energy more than now."""
    async with asyncio.timeout(DEADLINE_S):
        while len((first := await page.evaluate(SEEN))["pictures"]) < 2 or not first["samples"]:
            await asyncio.sleep(0.1)
        now = first
        while not (
            len(now["pictures"]) == 2
            and all(new >= old + 30 for new, old in zip(now["pictures"], first["pictures"], strict=True))
            and now["samples"][0] >= first["samples"][0] + 96_000
            and now["energy"][0] > first["energy"][0]
        ):
            await asyncio.sleep(0.1)
            now = await page.evaluate(SEEN)


async def test_pictures_move_and_the_heart_is_heard_at_a_subscriber_of_the_media_server(
    unit: Unit, door: Door, page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await unit.publishing.publish(Publish(CONSULTATION, "ward", door.url, TOKEN))
    await become(lambda: "connected" in unit.states)
    assert [(track.source, track.kind) for track in unit.sent[-1].tracks] == [
        ("otoscope", "video"),
        ("room", "video"),
        ("stethoscope", "audio"),
    ]
    await watch(page, door)
    await moved_on(page)
    assert set(unit.publishing.budgets) == {"ward"}
    await unit.publishing.unpublish(Unpublish(CONSULTATION, "ward"))
    assert unit.states == ["connecting", "connected", "closed"]
    assert door.sessions == {}
    assert [request.split("/")[0] for request in door.requests] == ["POST ", "PATCH ", "DELETE "]
    assert door.fragments[0].endswith("a=end-of-candidates\r\n")
    assert TOKEN not in caplog.text


async def test_after_a_change_of_address_the_same_session_goes_on_and_its_viewers_see_it(
    unit: Unit, door: Door, page: Page
) -> None:
    await unit.publishing.publish(Publish(CONSULTATION, "ward", door.url, TOKEN))
    await become(lambda: "connected" in unit.states)
    await watch(page, door)
    await moved_on(page)
    unit.publishing.network_changed(frozenset({"203.0.113.9"}))
    await become(lambda: unit.states == ["connecting", "connected", "lost", "connected"])
    assert [request.split("/")[0] for request in door.requests] == ["POST ", "PATCH ", "PATCH "]
    (session,) = door.sessions.values()
    assert session.tag == 2
    await moved_on(page)
    await unit.publishing.unpublish(Unpublish(CONSULTATION, "ward"))
    assert door.sessions == {}


async def test_every_sample_reaches_the_receiver_of_exact_sound_also_over_a_break(unit: Unit, door: Door) -> None:
    ear = Ear()
    async with AsyncExitStack() as ending:
        server = await serve(ear.serve, "127.0.0.1", 0, subprotocols=cast(Any, ["chevet.sound.v1"]))
        ending.callback(server.close)
        port = next(iter(server.sockets)).getsockname()[1]
        await unit.publishing.publish(
            Publish(CONSULTATION, "ward", door.url, TOKEN, f"ws://127.0.0.1:{port}/sound", ("stethoscope",))
        )
        await become(lambda: len(ear.got) >= 50)
        ear.connections[0].transport.abort()
        await become(lambda: len(ear.connections) == 2 and len(ear.got) >= 150)
        first = HEADER.unpack_from(ear.got[0])
        last = HEADER.unpack_from(ear.got[-1])
        missing = sorted(set(range(first[3], last[3] + 1)) - sequences(ear.got))
        for number in missing:
            asked = {"type": "blocks", "id": f"b{number}", "stream": first[6], "sequence": number, "count": 1}
            await ear.connections[1].send(json.dumps(asked))
        await become(lambda: not set(missing) - sequences(ear.got))
        await ear.connections[1].send(json.dumps({"type": "blocks", "id": "x", "stream": 1, "sequence": 0, "count": 3}))
        await become(lambda: any(said.get("id") == "x" for said in ear.said))
        await unit.publishing.unpublish(Unpublish(CONSULTATION, "ward"))
    captured = {block.sequence: block.samples.astype("<i2").tobytes() for block in unit.captured}
    heard = {HEADER.unpack_from(block)[3]: block[HEADER.size :] for block in ear.got}
    wanted = range(first[3], last[3] + 1)
    digests = [hashlib.sha256(b"".join(which[number] for number in wanted)).hexdigest() for which in (captured, heard)]
    assert digests[0] == digests[1]
    assert ear.tokens == [f"Bearer {TOKEN}"] * 2
    assert ear.said[0] == {
        "type": "hello", "protocol": 1, "consultation": CONSULTATION, "id": "ward", "source": "stethoscope",
    }  # fmt: skip
    assert next(said for said in ear.said if said.get("id") == "x") == {
        "type": "blocks", "id": "x", "ok": True, "coming": 0, "gone": 3,
    }  # fmt: skip


async def test_the_end_of_the_consultation_ends_it_at_the_door(unit: Unit, door: Door) -> None:
    await unit.publishing.publish(Publish(CONSULTATION, "ward", door.url, TOKEN))
    await become(lambda: "connected" in unit.states)
    unit.end_consultation()
    await become(lambda: unit.states[-1] == "closed")
    await become(lambda: door.sessions == {})


async def test_a_wrong_token_is_refused_for_good_and_told(unit: Unit, door: Door) -> None:
    await unit.publishing.publish(Publish(CONSULTATION, "ward", door.url, "another"))
    await become(lambda: unit.states == ["connecting", "closed"])
    assert unit.sent[-1].why == "the door answered 401"
    assert door.requests == ["POST /whip"]
