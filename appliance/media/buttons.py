"""The buttons that take stills: one press, one still, of the camera that the button belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from appliance.config import Button as Configured
from appliance.config import Settings
from appliance.media.capture import Capture, Reader
from drivers.links.buttons import AUTO, Button, ButtonSettings, Press

log = logging.getLogger(__name__)

WAITING = 4  # presses while a still is being taken; more than that is somebody's foot asleep
Open = Callable[[ButtonSettings], Reader[Press | None]]


def wanted(settings: Settings) -> list[tuple[str, ButtonSettings]]:
    """Each button with the source it takes stills of. A V4L2 camera's own button is always its own."""
    cameras = {
        source.key: source.origin.partition(":")[2] for source in settings.sources if source.origin.startswith("v4l2:")
    }
    own = [Configured(source=key) for key in cameras]
    configured = [button for button in settings.buttons if button not in own]
    return [
        (button.source, ButtonSettings(button.device, button.key, cameras.get(button.source, "")))
        for button in (*own, *configured)
        if button.device != AUTO or button.source in cameras
    ]


class Buttons:
    """Every button of the unit, each read in a thread of its own. Presses come out of `presses`, in order."""

    def __init__(self, buttons: Sequence[tuple[str, ButtonSettings]], open_: Open = Button) -> None:
        self._pressed: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.dropped = 0
        self._captures = [self._capture(number, *button, open_) for number, button in enumerate(buttons)]

    async def presses(self) -> AsyncIterator[str]:
        """The key of a source each time one of its buttons is pressed, for ever."""
        self._loop = asyncio.get_running_loop()
        for capture in self._captures:
            capture.start()
        while True:
            yield await self._pressed.get()

    async def aclose(self) -> None:
        """Let the buttons go."""
        for capture in self._captures:
            await capture.aclose()

    def _capture(self, number: int, source: str, settings: ButtonSettings, open_: Open) -> Capture[Press | None]:
        def deliver(press: Press | None) -> None:
            if press is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(self._put, source)

        return Capture(f"button-{number}-{source}", lambda: open_(settings), deliver)

    def _put(self, source: str) -> None:
        try:
            self._pressed.put_nowait(source)
        except asyncio.QueueFull:
            self.dropped += 1
            log.warning("a press for %s was dropped: %d are waiting", source, WAITING)
