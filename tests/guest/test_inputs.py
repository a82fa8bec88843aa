"""Cameras, their buttons and sound cards on the kernel's own drivers: what they give, pulled, and plugged elsewhere."""

from __future__ import annotations

import pytest

from tests.guest.running import Guest

pytestmark = pytest.mark.guest

CAMERA, MICROPHONE = "tests.guest.inside.camera", "tests.guest.inside.microphone"
USE_CAMERA, USE_CARD = "tests.guest.inside.use_otoscope", "tests.guest.inside.use_card"
OTOSCOPE = "/dev/v4l/by-id/usb-Simulated_Otoscope_OTO0001-video-index0"
STETHOSCOPE = "/dev/snd/by-id/usb-Simulated_Stethoscope_STE0001-00"


async def test_a_camera_and_its_button_are_found_again_under_another_number(guest: Guest) -> None:
    plug = guest.run(CAMERA, "OTO0001", "0")
    shown = (await plug.expect("pictures"))["digests"]
    use = guest.run(USE_CAMERA, OTOSCOPE, "2")
    assert (await use.expect("offers", within_s=60))["offers"] == [["jpeg", 640, 480, "15"]]
    first = await use.expect("opened")
    assert (first["by_port"], first["matrix"], first["full"]) == (first["node"], "bt601", True)
    frames = (await use.expect("frames"))["digests"]
    assert len(frames) == 3
    assert set(frames) <= set(shown)  # bit for bit
    await use.expect("press")
    await plug.kill()
    assert (await use.expect("LinkLost"))["of"] == "camera"
    assert (await use.expect("LinkLost"))["of"] == "button"
    other = guest.run(CAMERA, "OTHER", "1")  # takes the number that the otoscope had
    await other.expect("pictures")
    again = guest.run(CAMERA, "OTO0001", "2")
    await again.expect("pictures")
    second = await use.expect("opened", within_s=60)
    assert second["node"] == second["by_port"]
    assert second["node"] != first["node"]
    assert set((await use.expect("frames"))["digests"]) <= set(shown)
    await use.expect("press")
    await again.kill()
    await use.end()


async def test_a_sound_card_gives_every_sample_tells_an_overrun_and_is_found_again(guest: Guest) -> None:
    plug = guest.run(MICROPHONE, "STE0001", "0")
    await plug.expect("plugged")
    use = guest.run(USE_CARD, STETHOSCOPE, "2")
    first = await use.expect("opened", within_s=60)
    assert (first["rate_hz"], first["length"]) == (48000, 480)
    assert first["device"].startswith("hw:CARD=")
    heard = await use.expect("samples")
    assert heard["count"] == 48000
    assert heard["broken"] <= heard["gaps"]  # nothing is missing that is not told
    late = await use.expect("overrun")
    assert late["gaps"] >= 1
    assert late["lost"] > 10_000
    await plug.kill()
    await use.expect("LinkLost")
    await guest.run(MICROPHONE, "STE0001", "2").expect("plugged")
    assert (await use.expect("samples", within_s=60))["count"] == 48000
