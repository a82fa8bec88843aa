"""Camera and Button on the real uvcvideo and input layer; the camera is `inside/camera.py`."""

from __future__ import annotations

import time

import pytest

from tests.guest.running import Guest, Run

pytestmark = pytest.mark.guest

CAMERA, USE = "tests.guest.inside.camera", "tests.guest.inside.watch_camera"
BY_ID = "/dev/v4l/by-id/*OTO0001*index0"
BY_PATH = "/dev/v4l/by-path/platform-vhci_hcd.0-usb-0:1:1.0-video-index0"


async def shown(camera: Run, use: Run) -> None:
    """The pictures that come out are those that went in, byte for byte."""
    digests = (await camera.expect("pictures"))["digests"]
    assert len(set(digests)) == 4
    told = [await use.expect("picture") for _ in range(4)]
    assert sorted(one["digest"] for one in told) == sorted(digests)
    assert {(one["coding"], one["width"], one["height"]) for one in told} == {("jpeg", 640, 480)}


@pytest.mark.parametrize("name", [BY_ID, BY_PATH, "usb:{socket}"], ids=["by-id", "by-path", "usb-port"])
async def test_pictures_come_as_they_were_taken_and_again_after_a_replug(guest: Guest, name: str) -> None:
    if "socket" in name:
        name = name.format(socket=(await guest.run("tests.guest.inside.sockets").expect("socket"))["vhci"])
    camera = guest.run(CAMERA, "OTO0001", "0")
    use = guest.run(USE, name, "2")
    offer = await use.expect("offer")
    assert (offer["coding"], offer["width"], offer["height"]) == ("jpeg", 640, 480)
    assert (await use.expect("opened"))["node"] == "/dev/video0"
    await shown(camera, use)

    pulled_s = time.monotonic()
    await camera.kill()
    await use.expect("LinkLost", within_s=10)
    assert time.monotonic() - pulled_s < 3.0

    other = guest.run(CAMERA, "OTO0002", "1")  # takes the first node
    await other.expect("pictures")
    await guest.run("tests.guest.inside.wait_for", "/dev/v4l/by-id/*OTO0002*index0").end()
    camera = guest.run(CAMERA, "OTO0001", "0")
    assert (await use.expect("opened"))["node"] == "/dev/video2"  # video1 is the other's metadata
    await shown(camera, use)
    await camera.kill()
    await use.expect("LinkLost", within_s=10)
    await use.end()


async def test_the_button_of_the_camera_is_heard(guest: Guest) -> None:
    guest.run(CAMERA, "OTO0001", "0")
    use = guest.run(USE, BY_ID, "1")
    await use.expect("opened")
    await use.expect("pressed")
