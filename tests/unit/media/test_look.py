"""A picture in numbers: sharp or not, lit or not, and of which colour."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from appliance.media.look import Look, look
from appliance.media.source import PictureSource
from appliance.media.still import StillRefused
from drivers.links.camera import Frame
from drivers.links.formats import Coding

WIDTH, HEIGHT = 1280, 720


def looked(luma: np.ndarray[tuple[int, int], np.dtype[np.uint8]], blue: int = 128, red: int = 128) -> Look:
    planes = [luma, np.full((HEIGHT // 2, WIDTH // 2), blue), np.full((HEIGHT // 2, WIDTH // 2), red)]
    data = b"".join(plane.astype(np.uint8).tobytes() for plane in planes)
    frame = Frame(data, Coding.YUV420P, WIDTH, HEIGHT, 5_000_000)
    return look(cast(PictureSource, SimpleNamespace(key="camera", newest=frame)))


def print_(period: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.where((rows // period + columns // period) % 2, 200, 60).astype(np.uint8)


def test_print_is_sharp_and_a_blur_of_it_is_not() -> None:
    rows, columns = np.indices((HEIGHT, WIDTH))
    left = 130 + 20 * np.sin(np.pi * rows / 16) * np.sin(np.pi * columns / 16)  # what a lens out of focus leaves of it
    assert looked(print_(16)).sharpness > 400
    assert looked(left.astype(np.uint8)).sharpness < 40


def test_a_cap_on_the_lens_is_dark_and_without_print() -> None:
    found = looked(np.full((HEIGHT, WIDTH), 16, np.uint8))
    assert found.sharpness == 0
    assert max(found.mean) < 16
    assert (found.width, found.height, found.at_ms) == (1280, 720, 5)


def test_colours_are_told_apart() -> None:
    grey = np.full((HEIGHT, WIDTH), 126, np.uint8)
    red, green, blue = looked(grey).mean
    assert max(red, green, blue) - min(red, green, blue) < 3
    red, green, blue = looked(grey, red=200).mean
    assert red > green + 50
    assert red > blue + 50


def test_without_a_picture_it_says_so() -> None:
    source = SimpleNamespace(key="camera", newest=None, state=SimpleNamespace(value="lost"))
    with pytest.raises(StillRefused, match="camera: no picture: the source is lost"):
        look(cast(PictureSource, source))
