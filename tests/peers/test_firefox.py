"""A real Firefox as the remote party: pictures, sound and messages arrive, on a bare page and in the doctor's viewer.

It never takes loopback for a network, so that it and the unit get one of their own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from appliance.media.call import CallState
from tests.peers.apart import ADDRESS, own_network, why_not
from tests.peers.firefox import FIREFOX, Browser, firefox
from tests.peers.test_consultation_browser import ROOT, SCREENS, Demo, started
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


def opened(demo: Demo) -> str:
    """A consultation that has got as far as the call, by the unit's interface; its id."""
    with httpx.Client(base_url=demo.kiosk, timeout=10) as http:
        consultation = http.post("/api/consultations", json={}).raise_for_status().json()["id"]
        typed = {"birth_name": "DURAND", "given_names": "ANNE", "birth_date": "1977-01-21", "sex": "F"}
        for act, body in (
            ("patient", {"typed": typed}),
            ("patient/confirm", {"checked": ["birth_name", "birth_date"]}),
            ("consent", {"given": True, "by": "patient", "language": "en", "version": "1"}),
            ("leases", {"device": "*"}),
        ):
            http.post(f"/api/consultations/{consultation}/{act}", json=body).raise_for_status()
    return str(consultation)


# Of a live stream Firefox counts no frames; that they go on is what the viewer itself watches for.
PICTURES = """[...document.querySelector("chevet-viewer").shadowRoot.querySelectorAll("figure.picture")].map((figure) =>
    [figure.dataset.state, figure.querySelector("video").videoWidth, figure.querySelector("video").currentTime])"""


@pytest.mark.skipif(not (ROOT / "kiosk_ui/dist/viewer.html").exists(), reason="the screens are not built: make ui")
async def test_the_doctors_viewer_shows_and_plays_everything(apart: None, tmp_path: Path) -> None:
    with started(tmp_path / "demo", "--call-address", ADDRESS) as demo:
        opened(demo)
        async with firefox(tmp_path / "profile") as page:
            await page.goto(demo.platform)
            await page.become("document.querySelector('a.join')?.href", bool)
            await page.goto(await page.evaluate("document.querySelector('a.join').href"))
            await page.become("window.chevet?.phase === 'connected' && window.chevet.alive", bool)
            await page.become(
                PICTURES, lambda seen: len(seen) == 2 and all(one[0] == "live" and one[2] > 2 for one in seen)
            )
            await page.become(PICTURES, lambda seen: {width for _, width, _ in seen} == {1280, 640})
            await page.become("window.chevet.samplesReceived", lambda samples: samples > 8000)
            assert await page.evaluate("window.chevet.corrupt") == 0
            await page.shot(SCREENS / "viewer-firefox.png")
