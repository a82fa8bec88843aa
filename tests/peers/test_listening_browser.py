"""A listening, a frozen picture and a clip through everything: the demo, kiosk and viewer in a real Chromium."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re

import av
import httpx
import numpy as np
from playwright.async_api import expect

from tests.peers import test_consultation_browser as whole

demo = whole.demo
pytestmark = whole.pytestmark


async def test_a_doctor_listens_records_freezes_and_keeps_a_clip(demo: whole.Demo) -> None:
    async with whole.chromium() as context:
        kiosk = await context.new_page()
        await kiosk.goto(demo.kiosk)
        await whole.identify_and_consent(kiosk)
        viewer = await whole.join(context, demo.platform)

        await viewer.get_by_role("button", name="Listen", exact=True).click()
        await expect(kiosk.locator("[data-listening=proving]")).to_be_visible()
        for page in (viewer, kiosk):
            await expect(page.locator("[data-listening=listening] [data-grade]")).to_be_visible()
            await expect(page.get_by_text("voice are muted").first).to_be_visible()
        # How good it is depends on the time that this machine gives the browser (`make bench ARGS=sound` measures it);
        # that the grade says so does not.
        figures = (await whole.probe(viewer))["figures"]
        good = abs(figures["response_db"]) <= 0.2 and figures["snr_db"] >= 70 and figures["lost"] == 0
        if not good:
            await expect(viewer.locator("[data-grade=good]")).to_have_count(0)
        assert figures["exact"]
        assert figures["clipped"] == 0

        await viewer.locator("section.stethoscope select").select_option("mitral")
        await viewer.get_by_role("button", name="Record", exact=True).click()
        await expect(kiosk.locator("[data-listening=recording]")).to_be_visible()
        await asyncio.sleep(2)  # of sound
        await viewer.get_by_role("button", name="Stop and keep").click()
        await expect(viewer.get_by_text("Recorded: 2 s")).to_be_visible()
        await whole.saved_and_received(demo)
        await the_sound_is_whole(demo)
        await whole.shot(viewer, "viewer-listening")

        await viewer.get_by_role("button", name="Again: last 10 s").click()
        await viewer.get_by_role("button", name="Back to live").click()
        await expect(viewer.locator(".moment")).to_have_attribute("data-skew", re.compile(r"^-?\d"))
        await viewer.get_by_role("button", name="Freeze").click()
        await expect(viewer.locator(".picture-frozen:not([hidden])")).to_be_visible()
        await expect(viewer.locator(".moment-samples li").first).to_be_visible()
        await whole.shot(viewer, "viewer-frozen")

        await viewer.get_by_role("button", name="Left", exact=True).click()
        await viewer.get_by_role("button", name="Keep the last 10 s").click()
        await expect(viewer.get_by_text("Clip kept")).to_be_visible()
        results = httpx.get(f"{demo.kiosk}/api/consultations/current").json()["results"]
        clip = next(one for one in results if one["kind"] == "clip")
        assert (clip["object"]["media_type"], clip["object"]["side"]) == ("video/mp4", "left")
        await viewer.get_by_role("button", name="Stop listening").click()
        await expect(kiosk.locator("[data-listening]")).to_have_count(0)


async def the_sound_is_whole(demo: whole.Demo) -> None:
    """The platform's FLAC holds the samples that the unit hashed, and says where and how they were heard."""
    results = httpx.get(f"{demo.kiosk}/api/consultations/current").json()["results"]
    (kept,) = [one for one in results if one["kind"] == "sound"]
    sound = kept["object"]["sound"]
    data = httpx.get(f"{demo.platform}/fhir/Binary/{kept['object']['sha256']}").content
    with av.open(io.BytesIO(data), "r") as file:
        heard = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
    assert hashlib.sha256(heard.astype("<i2").tobytes()).hexdigest() == sound["pcm_sha256"]
    assert (sound["site"], sound["samples"], kept["status"]) == ("mitral", len(heard), "valid")
    assert sound["proof"]["exact"] is True
