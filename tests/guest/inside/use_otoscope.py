"""Uses `Camera` and its `Button` on uvcvideo, V4L2 and evdev: `use_otoscope NAME OPENINGS`.

Waits until the camera is there under its stable name; tells `offers`, `opened` with the node behind the name and the
colour, the digests of three `frames`, a `press` of its own button, and `LinkLost` of each; then the same again.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from drivers.core.errors import LinkError, LinkLost
from drivers.links.buttons import Button, ButtonSettings
from drivers.links.camera import Camera, CameraSettings, offers
from drivers.links.formats import Wanted, exam_ladder
from drivers.links.named import video_node, video_port
from tests.guest.inside.telling import tell

PLUG_S = 30.0
T = TypeVar("T")


def plugged(open_: Callable[[], T]) -> T:
    """What opens it gives, as soon as it is there."""
    end_s = time.monotonic() + PLUG_S
    while True:
        try:
            return open_()
        except LinkError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)


def main(name: str, openings: int) -> None:
    for _ in range(openings):
        node = plugged(lambda: str(Path(video_node(name)).resolve(strict=False)) if offers(video_node(name)) else "")
        offered = offers(node)
        tell("offers", offers=[[o.coding, o.width, o.height, *map(str, o.rates_hz)] for o in offered])
        rung = exam_ladder(offered, Wanted())[0]
        camera = Camera(CameraSettings(node, rung.width, rung.height, rung.rate_hz, rung.coding))
        port = f"usb:{video_port(name)}"
        tell("opened", node=node, by_port=video_node(port), matrix=camera.colour.matrix, full=camera.colour.full)
        tell("frames", digests=[hashlib.sha256(camera.read().data).hexdigest() for _ in range(3)])
        button = plugged(lambda: Button(ButtonSettings("auto", "KEY_CAMERA", name)))
        while button.read() is None:
            pass
        tell("press")
        with contextlib.suppress(LinkLost):
            while True:
                camera.read()
        tell("LinkLost", of="camera")
        camera.close()
        with contextlib.suppress(LinkLost):
            while True:
                button.read()
        tell("LinkLost", of="button")
        button.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
