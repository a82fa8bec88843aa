"""One consultation through everything: the demo as a person starts it, kiosk and viewer in a real Chromium.

Screenshots of the way go to `build/screens`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import BrowserContext, Locator, Page, async_playwright, expect

from tests.campaign import free_port

CHROMIUM = Path("/usr/bin/chromium")
ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "build" / "screens"
SLOW_MS = 20_000
PATIENT = re.compile("DURAND|Anne|1977", re.IGNORECASE)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is not installed"),
    pytest.mark.skipif(not (ROOT / "kiosk_ui/dist/index.html").exists(), reason="the screens are not built: make ui"),
]


@dataclass
class Demo:
    """The running demo."""

    kiosk: str
    platform: str
    process: subprocess.Popen[bytes]

    def simulate(self, device: str, action: str, recording: str | None = None) -> None:
        body = {"action": action, "recording": recording}
        httpx.post(f"{self.kiosk}/api/simulator/{device}", json=body, timeout=10).raise_for_status()

    def switch(self, mode: str) -> None:
        httpx.post(f"{self.platform}/switches", json={"mode": mode}, timeout=10).raise_for_status()

    def unit_pid(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if b"run" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))


@contextmanager
def started(state: Path, *options: str) -> Iterator[Demo]:
    """The demo as a person starts it."""
    port, platform_port = free_port(), free_port()
    ports = ["--port", str(port), "--platform-port", str(platform_port)]
    command = [sys.executable, "-m", "appliance", "demo", *ports, "--state", str(state), *options]
    state.mkdir(exist_ok=True)
    log = state / "demo.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written)
    try:
        until = time.monotonic() + 60
        while b"Ctrl-C" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield Demo(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{platform_port}", process)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with started(tmp_path) as running:
        yield running


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[BrowserContext]:
    arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*arguments, *quiet, *more])
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        context.set_default_timeout(SLOW_MS)
        expect.set_options(timeout=SLOW_MS)
        try:
            yield context
        finally:
            await browser.close()


async def shot(page: Page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENS / f"{name}.png")


async def identify_and_consent(kiosk: Page) -> None:
    await kiosk.get_by_role("button", name="New consultation").click()
    await kiosk.get_by_label("Birth name").fill("Durand")
    await kiosk.get_by_label("Given names").fill("Anne Lise")
    await kiosk.get_by_label("Birth date").fill("21/01/1977")
    await kiosk.get_by_text("female", exact=True).click()
    await shot(kiosk, "nurse-identify")
    await kiosk.get_by_role("button", name="Next: check").click()
    await kiosk.get_by_role("checkbox", name="Birth name").click()
    await kiosk.get_by_role("checkbox", name="Birth date").click()
    await shot(kiosk, "nurse-confirm")
    await kiosk.get_by_role("button", name="Yes, this is the patient").click()
    await shot(kiosk, "nurse-consent")
    await kiosk.get_by_role("button", name="Consent is given").click()
    await kiosk.get_by_role("button", name="Use all devices").click()


async def join(context: BrowserContext, platform: str) -> Page:
    page = await context.new_page()
    await page.goto(platform)
    async with context.expect_page() as opened:
        await page.get_by_text("Join").first.click()
    viewer = await opened.value
    await page.close()
    await viewer.wait_for_function("window.chevet?.phase === 'connected' && window.chevet.alive")
    return viewer


async def probe(viewer: Page) -> dict[str, Any]:
    found: dict[str, Any] = await viewer.evaluate("JSON.parse(JSON.stringify(window.chevet))")
    return found


async def pictures_move(viewer: Page) -> None:
    """Both pictures are decoded, go on, and come to their full size: what a free way carries is used."""
    script = """() => {
        const all = (root) => [...root.querySelectorAll('*')].flatMap(
            (e) => [...(e.tagName === 'VIDEO' ? [e] : []), ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
        return all(document).map((v) => [v.videoWidth, v.videoHeight, v.getVideoPlaybackQuality().totalVideoFrames]);
    }"""
    await viewer.wait_for_function(f"({script})().filter((v) => v[2] > 5).length === 2")
    await viewer.wait_for_function(f"({script})().map((v) => v[0]).sort().join() === '1280,640'")
    before = await viewer.evaluate(f"({script})()")
    assert {(1280, 720), (640, 360)} == {(width, height) for width, height, _ in before}
    await viewer.wait_for_function(f"(b) => ({script})().every((v, i) => v[2] > b[i][2] + 5)", arg=before)


async def saved_and_received(demo: Demo) -> None:
    """Everything that is charted was confirmed by the platform."""
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=demo.kiosk) as http:
        while True:
            results = (await http.get("/api/consultations/current")).json()["results"]
            if results and all(result["delivery"] in {"persisted", "opened"} for result in results):
                return
            await asyncio.sleep(0.1)


async def still_is_the_same_everywhere(demo: Demo, viewer: Page) -> None:
    await viewer.get_by_role("button", name="Take a still").click()
    kept = viewer.locator(".still-kept")
    await expect(kept).to_be_visible()
    sha256, result = await kept.get_attribute("data-sha256"), await kept.get_attribute("data-result")
    await saved_and_received(demo)
    here = httpx.get(f"{demo.kiosk}/api/results/{result}/object").content
    there = httpx.get(f"{demo.platform}/fhir/Binary/{sha256}").content
    assert hashlib.sha256(here).hexdigest() == hashlib.sha256(there).hexdigest() == sha256
    assert here[:2] == b"\xff\xd8", "the otoscope gives JPEG: the still is its own file"


def marks(kiosk: Page, viewer: Page, device: str) -> dict[str, Locator]:
    """Where each screen says how a device is."""
    if device == "otoscope":
        return {
            "kiosk": kiosk.locator(f"figure[data-source={device}]"),
            "viewer": viewer.locator(f"figure[data-source={device}]"),
        }
    sound = device == "stethoscope"
    on_kiosk = kiosk.locator(f"[data-source={device}] .mark" if sound else f"[data-device={device}] .tile-head .mark")
    on_viewer = viewer.locator("section.stethoscope .mark" if sound else f"[data-device={device}] .vital-source .mark")
    return {"kiosk": on_kiosk.first, "viewer": on_viewer.first}


async def grey_within_a_second(demo: Demo, device: str, kiosk: Page, viewer: Page) -> None:
    """Both screens say that it is lost, and then that it is back."""
    screens = marks(kiosk, viewer, device)
    for name, mark in screens.items():
        await expect(mark, f"{device} on {name}").to_have_text(re.compile("Live|Ready|now"))
    demo.simulate(device, "stop")
    pulled = time.monotonic()
    for name, mark in screens.items():
        left_ms = max(1.0, 1000 * (pulled + 1.0 - time.monotonic()))
        await expect(mark, f"{device} on {name}").to_have_text(re.compile("Lost|No picture"), timeout=left_ms)
    demo.simulate(device, "start")
    for name, mark in screens.items():
        await expect(mark, f"{device} on {name}").to_have_text(re.compile("Live|Ready|now"))


async def hold(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name)
    box = await button.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.wait_for_timeout(1500)  # a hold is time: 1.2 s
    await page.mouse.up()


async def patient_text(page: Page) -> str:
    script = """() => {
        const all = (root) => root.textContent + [...root.querySelectorAll('*')].map(
            (e) => (e.shadowRoot ? all(e.shadowRoot) : '') + (e.value ?? '')).join(' ');
        return all(document.documentElement) + location.href + JSON.stringify({...localStorage, ...sessionStorage});
    }"""
    found: str = await page.evaluate(script)
    return found


async def test_a_consultation_from_first_touch_to_wiped(demo: Demo) -> None:
    faults: list[str] = []
    async with chromium() as context:
        context.on("weberror", lambda error: faults.append(str(error.error)))
        kiosk = await context.new_page()
        await kiosk.goto(demo.kiosk)
        await expect(kiosk.get_by_text("The unit is ready")).to_be_visible()
        await shot(kiosk, "nurse-home")
        await identify_and_consent(kiosk)
        viewer = await join(context, demo.platform)
        await expect(kiosk.get_by_text("Doctor: connected")).to_be_visible()
        await pictures_move(viewer)

        demo.simulate("cuff", "play", "normal")
        demo.simulate("thermometer", "play", "fever")
        for page in (kiosk, viewer):
            await expect(page.get_by_text("124/86").first).to_be_visible()
            await expect(page.get_by_text("38.70").first).to_be_visible()
        await still_is_the_same_everywhere(demo, viewer)
        await kiosk.bring_to_front()  # a page behind another one is drawn once a second
        await expect(kiosk.locator("figure[data-source=otoscope][data-state=live]")).to_be_visible()
        await shot(kiosk, "nurse-consultation")
        await viewer.bring_to_front()
        await viewer.locator(".result-list button").first.click()
        await expect(kiosk.get_by_text("opened by the doctor").first).to_be_visible()
        await shot(viewer, "viewer-result")
        await viewer.get_by_role("button", name="Close").click()
        await shot(viewer, "viewer")

        demo.simulate("cuff", "play", "error")
        await expect(kiosk.get_by_text("The cuff could not measure: try again")).to_be_visible()
        await expect(viewer.get_by_text("Measurement failed").first).to_be_visible()
        for page in (kiosk, viewer):
            assert "2047" not in await patient_text(page)

        await viewer.get_by_role("button", name="Listen").click()
        await viewer.wait_for_function("window.chevet.listening !== null && window.chevet.proven > 150")
        heard = await probe(viewer)
        assert (heard["lost"], heard["corrupt"]) == (0, 0)
        assert {stream["rate"] for stream in heard["streams"]} == {8000}

        for device in ("oximeter", "cuff", "otoscope", "stethoscope"):
            await grey_within_a_second(demo, device, kiosk, viewer)

        demo.switch("down")
        await kiosk.get_by_role("button", name="Keep picture").click()
        await expect(kiosk.get_by_text("saved on the unit").first).to_be_visible()
        await expect(kiosk.get_by_text(re.compile("waiting to be sent"))).to_be_visible()
        await shot(kiosk, "nurse-platform-down")
        demo.switch("normal")
        await expect(kiosk.get_by_text("Everything saved here was received")).to_be_visible(timeout=60_000)

        await kiosk.get_by_role("button", name="Finish: review").click()
        await expect(kiosk.get_by_text("Everything that was charted")).to_be_visible()
        await shot(kiosk, "nurse-review")
        assert PATIENT.search(await patient_text(kiosk))
        await hold(kiosk, "Hold to close and wipe")
        await expect(kiosk.get_by_text("Nothing of the patient is left on this screen.")).to_be_visible()
        await expect(viewer.get_by_text("Nothing of the patient is left on this page.")).to_be_visible()
        await shot(kiosk, "nurse-wiped")
        for page in (kiosk, viewer):
            assert not PATIENT.search(await patient_text(page))
    assert faults == []


async def test_the_unit_is_killed_in_the_middle(demo: Demo) -> None:
    async with chromium() as context:
        kiosk = await context.new_page()
        await kiosk.goto(demo.kiosk)
        await identify_and_consent(kiosk)
        viewer = await join(context, demo.platform)
        demo.simulate("cuff", "play", "normal")
        await expect(kiosk.get_by_text("124/86").first).to_be_visible()
        await saved_and_received(demo)
        os.kill(demo.unit_pid(), signal.SIGKILL)
        await expect(kiosk.get_by_text("Connection to the unit lost").first).to_be_visible(timeout=3000)
        await viewer.wait_for_function("!window.chevet.alive", timeout=3000)
        await shot(kiosk, "nurse-unit-lost")
        await expect(kiosk.get_by_text(re.compile("The unit restarted"))).to_be_visible(timeout=30_000)
        await shot(kiosk, "nurse-restarted")
        await expect(kiosk.get_by_text("124/86").first).to_be_visible()
        await viewer.wait_for_function("window.chevet.phase === 'connected' && window.chevet.alive", timeout=60_000)
        await expect(viewer.get_by_text("124/86").first).to_be_visible()
