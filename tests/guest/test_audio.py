"""Card on the real snd-usb-audio and ALSA; the microphone is `inside/microphone.py`."""

from __future__ import annotations

import time

import pytest

from tests.guest.running import Guest

pytestmark = pytest.mark.guest

MICROPHONE, USE = "tests.guest.inside.microphone", "tests.guest.inside.use_audio"
BY_ID = "/dev/snd/by-id/*STE0001*"
BY_PATH = "/dev/snd/by-path/platform-vhci_hcd.0-usb-0:1:1.0"


@pytest.mark.parametrize("name", [BY_ID, BY_PATH], ids=["by-id", "by-path"])
async def test_samples_come_exactly_and_again_after_a_replug(guest: Guest, name: str) -> None:
    microphone = guest.run(MICROPHONE, "STE0001", "0")
    use = guest.run(USE, name, "2")
    assert (await use.expect("opened"))["number"] == "0"
    captured = await use.expect("captured")
    assert captured == {"told": "captured", "samples": 48000, "rate_hz": 48000, "broken": 0, "gaps": 0}

    pulled_s = time.monotonic()
    await microphone.kill()
    await use.expect("LinkLost", within_s=10)
    assert time.monotonic() - pulled_s < 3.0

    guest.run(MICROPHONE, "STE0002", "1")  # takes the first number
    await guest.run("tests.guest.inside.wait_for", "/dev/snd/by-id/*STE0002*").end()
    microphone = guest.run(MICROPHONE, "STE0001", "0")
    assert (await use.expect("opened"))["number"] == "1"
    assert (await use.expect("captured"))["broken"] == 0
    await microphone.kill()
    await use.expect("LinkLost", within_s=10)
    await use.end()
