"""The doctor and the room speak with each other: the demo, kiosk and viewer in a real Chromium.

Both have Chromium's own test microphone, which beeps once a second, and the doctor its test camera.
"""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect

from tests.peers import test_consultation_browser as whole

demo = whole.demo
pytestmark = whole.pytestmark

DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
# The loudest sample of all voices, looked at whenever the page asks; 0..1.
METER = """() => {
    const all = (root) => [...root.querySelectorAll('*')].flatMap(
        (e) => [...(e.tagName === 'AUDIO' ? [e] : []), ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
    window.meter ??= { context: new AudioContext(), of: new Map() };
    let loudest = 0;
    for (const { srcObject } of all(document)) {
        if (!srcObject) continue;
        if (!window.meter.of.has(srcObject)) {
            const analyser = new AnalyserNode(window.meter.context, { fftSize: 32768 });
            window.meter.context.createMediaStreamSource(srcObject).connect(analyser);
            window.meter.of.set(srcObject, analyser);
        }
        const samples = new Float32Array(32768);
        window.meter.of.get(srcObject).getFloatTimeDomainData(samples);
        loudest = Math.max(loudest, ...samples.map(Math.abs));
    }
    return loudest;
}"""
QUIET, LOUD = 0.001, 0.02
SPELL = 25  # looks, 0.1 s apart, each back over 0.7 s: two beeps are in it
DEADLINE_S = 60.0


async def loudness(page: Page) -> float:
    loud: float = await page.evaluate(METER)
    return loud


async def heard(page: Page) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await loudness(page) < LOUD:
            await asyncio.sleep(0.1)


async def not_heard(page: Page) -> None:
    """For a whole spell."""
    async with asyncio.timeout(DEADLINE_S):
        quiet = 0
        while quiet < SPELL:
            await asyncio.sleep(0.1)
            quiet = quiet + 1 if await loudness(page) < QUIET else 0


async def test_doctor_and_room_hear_each_other_but_for_the_listening(demo: whole.Demo) -> None:
    async with whole.chromium(*DEVICES) as context:
        kiosk = await context.new_page()
        await kiosk.goto(demo.kiosk)
        await whole.identify_and_consent(kiosk)
        viewer = await whole.join(context, demo.platform)

        # The room's microphone goes on by itself; the doctor's waits for the doctor.
        await expect(kiosk.locator("[data-own=audio-on]")).to_be_visible()
        await expect(viewer.locator("[data-own=audio-off]")).to_be_visible()
        await heard(viewer)
        await not_heard(kiosk)

        await viewer.get_by_role("button", name="Microphone off").click()
        await expect(viewer.locator("[data-own=audio-on]")).to_be_visible()
        await heard(kiosk)
        await viewer.get_by_role("button", name="Camera off").click()
        await expect(kiosk.locator("video.face")).to_be_visible()
        await whole.shot(kiosk, "nurse-talk")
        await whole.shot(viewer, "viewer-talk")

        await viewer.get_by_role("button", name="Listen", exact=True).click()
        for page in (viewer, kiosk):
            await expect(page.get_by_text("Muted while the chest-piece is on")).to_be_visible()
            await not_heard(page)
        await viewer.get_by_role("button", name="Stop listening").click()
        await heard(kiosk)
        await heard(viewer)

        await kiosk.get_by_role("button", name="Microphone on").click()
        await expect(kiosk.locator("[data-own=audio-muted]")).to_be_visible()
        await not_heard(viewer)
        await viewer.get_by_role("button", name="Camera on").click()
        await expect(viewer.locator("[data-own=video-off]")).to_be_visible()


async def test_a_browser_that_may_not_use_the_microphone_says_so(demo: whole.Demo) -> None:
    async with whole.chromium("--deny-permission-prompts") as context:
        kiosk = await context.new_page()
        await kiosk.goto(demo.kiosk)
        await whole.identify_and_consent(kiosk)
        viewer = await whole.join(context, demo.platform)
        await viewer.get_by_role("button", name="Microphone off").click()
        await expect(viewer.locator("[data-own=audio-refused], [data-own=audio-missing]")).to_be_visible()
        await expect(kiosk.locator("[data-own=audio-refused], [data-own=audio-missing]")).to_be_visible()
