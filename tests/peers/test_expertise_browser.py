"""Tele-expertise with fingers and eyes: asked in the review while the platform is away, answered once it is back."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.async_api import Page

from tests.peers.test_consultation_browser import (
    Demo,
    chromium,
    demo,
    identify_and_consent,
    pytestmark,
    shot,
)

__all__ = ["demo", "pytestmark"]


async def hold(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).hover()
    await page.mouse.down()
    await page.wait_for_timeout(1600)  # a button that is held for 1.2 s
    await page.mouse.up()


def arrived(platform: str) -> str:
    """The id of the request, once the platform has it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        listed = httpx.get(f"{platform}/dossiers", timeout=10).json()["dossiers"]
        if listed:
            return str(listed[0]["id"])
        time.sleep(0.1)
    pytest.fail("the request never arrived")


async def test_a_specialist_is_asked_without_a_network_and_answers(demo: Demo) -> None:
    async with chromium() as context:
        kiosk = await context.new_page()
        await kiosk.goto(demo.kiosk)
        await identify_and_consent(kiosk)
        demo.switch("busy")
        await kiosk.get_by_role("button", name="Finish: review").click()
        await kiosk.get_by_role("button", name="Ask a specialist").click()
        await kiosk.locator("input[name=question]").fill("Melanoma?")
        await kiosk.locator("input[name=by]").fill("Nadia")
        await kiosk.get_by_text("Urgent", exact=True).click()
        await kiosk.get_by_role("button", name="Devices and place were cleaned").click()
        await shot(kiosk, "nurse-expertise")
        await hold(kiosk, "Hold to ask")
        await kiosk.get_by_text("saved here, not sent yet").wait_for()
        duties = httpx.get(f"{demo.kiosk}/api/consultations/current", timeout=10).json()["acknowledged"]
        assert [(one["what"], one["by"]) for one in duties] == [("hygiene", "Nadia")]
        demo.switch("normal")
        answer = {"state": "answered", "by": "Dr Roy", "text": "Benign."}
        ref = arrived(demo.platform)
        assert httpx.post(f"{demo.platform}/dossiers/{ref}", json=answer, timeout=10).status_code == 204
        until = time.monotonic() + 20
        while not (told := httpx.get(f"{demo.kiosk}/api/dossiers", timeout=10).json()["dossiers"])[0]["answers"]:
            assert time.monotonic() < until
        assert told[0]["state"] == "answered"
        await kiosk.locator("dialog").get_by_role("button", name="Close").click()
        await kiosk.get_by_role("button", name="Ask a specialist").click()
        await kiosk.get_by_text("Dr Roy: Benign.").wait_for()
