"""A real Firefox as the remote party: pictures, sound and messages arrive.

It never takes loopback for a network, so that it and the unit get one of their own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from appliance.media.call import CallState
from tests.peers.apart import ADDRESS, own_network, why_not
from tests.peers.firefox import FIREFOX, Browser, firefox
from tests.peers.test_media_browser import Unit, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed here"),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.fixture
def apart() -> Iterator[None]:
    with own_network():
        yield


@pytest.fixture
async def unit(apart: None) -> AsyncIterator[Unit]:
    made = Unit(ADDRESS)
    for source in made.sources:
        source.start()
    yield made
    await made.peers.aclose()
    for source in made.sources:
        await source.aclose()


@pytest.fixture
async def browser(apart: None, tmp_path: Path) -> AsyncIterator[Browser]:
    with served() as page_url:
        async with firefox(tmp_path / "profile") as made:
            await made.goto(page_url)
            yield made


async def test_pictures_sound_and_messages_arrive(unit: Unit, browser: Browser) -> None:
    offer = await unit.peers.join("viewer")
    await unit.peers.answer("viewer", await browser.evaluate(f"answer({json.dumps(offer)}, null)"))
    await browser.become("connection.connectionState", lambda state: state == "connected")
    await browser.become("Object.keys(channels).length", lambda count: count == 4)
    await browser.become(
        "inbound()",
        lambda rows: (
            sum(row["kind"] == "video" and row.get("framesDecoded", 0) >= 15 for row in rows) == 2
            and any(row["kind"] == "audio" and row["packetsReceived"] > 50 for row in rows)
        ),
    )
    await browser.become("got.blocks.length", lambda count: count > 50)
    assert unit.states == [CallState.CONNECTING, CallState.CONNECTED]
