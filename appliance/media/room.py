"""A consultation room that is drawn: somebody who moves a little, and the time of day: a frozen picture shows."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from appliance.clock import at
from appliance.media.playback import DrawnPictures

WIDTH, HEIGHT, RATE_HZ = 640, 360, 15
# Digits of 3 x 5, one row a line of three bits, top first.
DIGITS = {
    "0": (7, 5, 5, 5, 7),
    "1": (2, 6, 2, 2, 7),
    "2": (7, 1, 7, 4, 7),
    "3": (7, 1, 7, 1, 7),
    "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7),
    "6": (7, 4, 7, 5, 7),
    "7": (7, 1, 2, 2, 2),
    "8": (7, 5, 7, 5, 7),
    "9": (7, 5, 7, 1, 7),
    ":": (0, 2, 0, 2, 0),
}
CELL = 6  # pixels of one bit of a digit
CLOCK_AT = (24, 24)  # x, y
Plane = NDArray[np.uint8]


class Room:
    """Draws one picture at a time as packed yuv420p: `draw(capture_ns)`."""

    def __init__(self) -> None:
        self._y, self._u, self._v = _walls()
        self._person = _person()

    def draw(self, capture_ns: int) -> bytes:
        """The room at this instant (CLOCK_BOOTTIME)."""
        y, u, v = self._y.copy(), self._u.copy(), self._v.copy()
        seconds = capture_ns / 1e9
        dx, dy = round(10 * math.sin(seconds * 0.9)) * 2, round(2 * math.sin(seconds * 1.7)) * 2
        _put(y, self._person[0], 230 + dx, 96 + dy)
        _put(u, self._person[1], 115 + dx // 2, 48 + dy // 2)
        _put(v, self._person[2], 115 + dx // 2, 48 + dy // 2)
        _clock(y, at(capture_ns).wall.astimezone())
        return b"".join((y.tobytes(), u.tobytes(), v.tobytes()))


def _walls() -> tuple[Plane, Plane, Plane]:
    y = np.empty((HEIGHT, WIDTH), np.uint8)
    y[:250] = np.linspace(185, 150, 250, dtype=np.uint8)[:, None]
    y[250:] = np.linspace(95, 120, HEIGHT - 250, dtype=np.uint8)[:, None]
    y[60:190, 460:600] = 215  # window
    y[122:126, 460:600] = y[60:190, 528:532] = 120
    u = np.full((HEIGHT // 2, WIDTH // 2), 130, np.uint8)
    v = np.full((HEIGHT // 2, WIDTH // 2), 126, np.uint8)
    u[125:], v[125:] = 118, 136
    u[30:95, 230:300] = 140
    return y, u, v


def _person() -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    """Planes of 180 x 264 luma samples; -1 is nothing."""
    rows, columns = np.mgrid[0:264, 0:180]
    head = ((columns - 90) / 46) ** 2 + ((rows - 62) / 58) ** 2 < 1
    hair = head & (rows < 40 + 10 * np.sin(columns / 16))
    body = (((columns - 90) / 86) ** 2 + ((rows - 250) / 130) ** 2 < 1) & ~head
    eyes = ((np.abs(columns - 90) - 18) ** 2 + (rows - 58) ** 2 < 16) & head
    parts = ((body, (70, 140, 110)), (head, (170, 112, 152)), (hair, (45, 122, 136)), (eyes, (30, 128, 128)))
    planes = [np.full(rows.shape, -1, np.int16) for _ in range(3)]
    for mask, colour in parts:
        for plane, value in zip(planes, colour, strict=True):
            plane[mask] = value
    return planes[0], planes[1][::2, ::2], planes[2][::2, ::2]


def _put(plane: Plane, shape: NDArray[np.int16], x: int, y: int) -> None:
    place = plane[y : y + shape.shape[0], x : x + shape.shape[1]]
    drawn = shape[: place.shape[0], : place.shape[1]]
    np.copyto(place, drawn.astype(np.uint8), where=drawn >= 0)


def _clock(plane: Plane, now: datetime) -> None:
    x, y = CLOCK_AT
    plane[y - CELL : y + 6 * CELL, x - CELL : x + 32 * CELL] = 40
    for character in now.strftime("%H:%M:%S"):
        for row, bits in enumerate(DIGITS[character]):
            for column in range(3):
                top, left = y + row * CELL, x + column * CELL
                plane[top : top + CELL, left : left + CELL] = 235 if bits >> (2 - column) & 1 else 40
        x += 4 * CELL


def open_room() -> DrawnPictures:
    """A reader of it: 640 x 360, 15 pictures a second."""
    return DrawnPictures(Room().draw, (WIDTH, HEIGHT), RATE_HZ)
