"""Who is on the call: with the real room and engine, and the platform's side written here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.calls import Calls
from appliance.care.room import Room
from appliance.feed import Feed
from appliance.media.engine import Engine, EngineSettings
from appliance.media.otoscope import pictures
from appliance.media.peer import Offered
from appliance.media.playback import LoopedPictures
from appliance.media.source import PictureSource
from appliance.platform.link_messages import Outgoing, PeerClosed, PeerJoined, PeerRefused, Signal
from drivers.links.formats import Coding
from tests.making import active_room
from tests.schemas import check

JPEG = pictures(64, 48, 1)[0]


@dataclass
class Bench:
    """Calls over a room in an active consultation, and what the platform was told."""

    calls: Calls
    room: Room
    feed: Feed
    ref: str
    told: list[Outgoing] = field(default_factory=list)


@asynccontextmanager
async def bench(folder: Path, *pictures: PictureSource) -> AsyncIterator[Bench]:
    room, store, feed, ref = await active_room(folder)
    told: list[Outgoing] = []
    engine = Engine(EngineSettings(("127.0.0.1",)))
    calls = Calls(room, feed, lambda: {"type": "hello"}, engine, Offered(pictures), told.append)
    try:
        yield Bench(calls, room, feed, ref, told)
    finally:
        await calls.close()
        await store.close()


async def until_told(it: Bench, kind: type[Any]) -> Any:
    async with asyncio.timeout(10):
        while True:
            for message in it.told:
                if isinstance(message, kind):
                    return message
            await asyncio.sleep(0.01)


async def test_a_doctor_who_joins_gets_an_offer_and_is_shown(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.calls.joined(PeerJoined(it.ref, "p1", "Dr House"))
        offer = await until_told(it, Signal)
        assert (offer.consultation, offer.peer, offer.description.type) == (it.ref, "p1", "offer")
        assert "m=application" in offer.description.sdp
        (shown,) = it.feed.state("consultation")
        assert shown["doctor"]["name"] == "Dr House"


async def test_nobody_joins_what_is_not_open_or_not_active(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.calls.joined(PeerJoined("another", "p1", "Dr House"))
        assert it.told == [PeerRefused("another", "p1", "no-such-consultation")]
        await it.room.abandon(it.ref, "test")
        again = (await it.room.open(None, None)).id
        await it.calls.joined(PeerJoined(again, "p2", "Dr House"))
        assert it.told[-1] == PeerRefused(again, "p2", "not-active")


async def test_too_many_doctors_are_told_so(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        for number in range(5):
            await it.calls.joined(PeerJoined(it.ref, f"p{number}", "Dr House"))
        assert (await until_told(it, PeerRefused)) == PeerRefused(it.ref, "p4", "too-many-peers")


async def test_a_doctor_does_not_watch_on_into_the_next_consultation(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.calls.joined(PeerJoined(it.ref, "p1", "Dr House"))
        heard: list[dict[str, Any]] = []

        async def listen() -> None:
            async for message in it.calls._messages():
                heard.append(message)  # noqa: PERF401 - what was heard so far counts when it is cut off

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await it.room.abandon(it.ref, "test")
        again = (await it.room.open(None, "the next patient")).id
        async with asyncio.timeout(5):
            await listening
        assert heard[-1]["type"] == "wiped"
        assert not any(message.get("id") == again for message in heard)
        assert await until_told(it, PeerClosed) == PeerClosed(it.ref, "p1")


async def test_a_press_outside_a_consultation_or_without_a_picture_says_why_and_takes_nothing(tmp_path: Path) -> None:
    source = PictureSource("otoscope", "Otoscope", lambda: LoopedPictures([JPEG], Coding.JPEG, (64, 48), 15))
    async with bench(tmp_path, source) as it:
        with it.feed.subscribe() as receiver:
            said: list[dict[str, Any]] = []

            async def listen() -> None:
                async for message in receiver:
                    if message["type"] in {"press", "result"}:
                        said.append(message)  # noqa: PERF401 - read while it is being filled

            listening = asyncio.create_task(listen())

            async def press(key: str) -> dict[str, Any]:
                before = len(said)
                await it.calls.pressed(key)
                async with asyncio.timeout(5):
                    while not any(message["type"] == "press" for message in said[before:]):
                        await asyncio.sleep(0.01)
                told = next(message for message in said[before:] if message["type"] == "press")
                check("live", told)
                return {key: told[key] for key in told if key != "at_ms"}

            assert await press("none") == {"type": "press", "source": "none", "ok": False, "code": "no-such-source"}
            lost = {"type": "press", "source": "otoscope", "ok": False, "code": "source-lost"}
            assert await press("otoscope") == lost
            source.start()
            async with asyncio.timeout(5):
                while source.newest is None:
                    await asyncio.sleep(0.01)
            assert await press("otoscope") == {"type": "press", "source": "otoscope", "ok": True}
            stills = [message for message in said if message["type"] == "result"]
            assert [(one["kind"], one["object"]["source"]) for one in stills] == [("still", "otoscope")]
            await it.room.abandon(it.ref, "test")
            over = {"type": "press", "source": "otoscope", "ok": False, "code": "not-active"}
            assert await press("otoscope") == over
            listening.cancel()
        await source.aclose()
