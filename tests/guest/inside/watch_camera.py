"""Uses `Camera` and `Button` on uvcvideo: `watch_camera NAME OPENINGS`, NAME as `video_node` takes it, and with `*`.

Tells `opened`, the digest of each new picture (`picture`), the first press of the button (`pressed`), `LinkLost`.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from pathlib import Path

from drivers.core.errors import LinkError, LinkLost
from drivers.links.buttons import AUTO, Button, ButtonSettings
from drivers.links.camera import Camera, CameraSettings, offers
from drivers.links.named import video_node
from tests.guest.inside.telling import tell

PLUG_S, PRESS_S = 20.0, 10.0
FRAMES_CAP = 600


def main(name: str, openings: int) -> None:
    for _ in range(openings):
        path, node, camera = opened(name)
        for offer in offers(node):
            tell("offer", coding=offer.coding, width=offer.width, height=offer.height)
        tell("opened", path=path, node=node)
        threading.Thread(target=watch_button, args=(path,), daemon=True).start()
        watch(camera)


def opened(name: str) -> tuple[str, str, Camera]:
    """The one name of this pattern, its node and its camera, as soon as it can be opened: udev comes after the kernel,
    and its old names stay for a moment."""
    until = time.monotonic() + PLUG_S
    while True:
        try:
            path = name if "*" not in name else str(next(iter(Path("/").glob(name.lstrip("/")))))
            node = str(Path(video_node(path)).resolve())
            return path, node, Camera(CameraSettings(node, width=640, height=480, rate_hz=15))
        except (LinkError, StopIteration):
            assert time.monotonic() < until, f"no {name}"
            time.sleep(0.05)


def watch(camera: Camera) -> None:
    """Read until the camera is lost; tell of each different picture once."""
    seen: set[str] = set()
    began_s, frames = time.monotonic(), 0
    try:
        for frames in range(1, FRAMES_CAP):  # noqa: B007 - how many is told
            frame = camera.read()
            digest = hashlib.sha256(frame.data).hexdigest()
            if digest not in seen:
                seen.add(digest)
                tell("picture", digest=digest, coding=frame.coding, width=frame.width, height=frame.height)
    except LinkLost as error:
        tell("LinkLost", why=str(error), rate_hz=frames / (time.monotonic() - began_s))
    finally:
        camera.close()


def watch_button(camera: str) -> None:
    """Until the first press, in a thread of its own."""
    button = Button(ButtonSettings(AUTO, camera=camera))
    until = time.monotonic() + PRESS_S
    try:
        while time.monotonic() < until:
            if button.read() is not None:
                tell("pressed")
                break
    except LinkLost:
        tell("button lost")
    finally:
        button.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
