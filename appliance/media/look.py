"""What a camera's newest picture is like, in numbers: for a technician who must know that it is in focus and in colour.

No picture leaves here, and none is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from appliance.media.picture import Decoder
from appliance.media.source import PictureSource
from appliance.media.still import StillRefused

WIDTH = 640  # sharpness depends on the scale at which one looks: always the same one


@dataclass(frozen=True, slots=True)
class Look:
    """`sharpness`: variance of the Laplacian of the luma, 8 bit, 640 wide. `mean`: of red, green, blue, 0-255.

    Pertuz, Puig, Garcia, Analysis of focus measure operators (2013), LAP4. `at_ms`: when it was captured (boot time).
    """

    width: int
    height: int
    sharpness: float
    mean: tuple[float, float, float]
    at_ms: int


def look(source: PictureSource) -> Look:
    """Some tens of milliseconds: call this from a thread. `StillRefused` (`source-lost`) where there is no picture."""
    frame = source.newest
    if frame is None:
        raise StillRefused("source-lost", f"{source.key}: no picture: the source is {source.state.value}")
    height = max(2, round(frame.height * WIDTH / frame.width / 2) * 2)
    picture = Decoder()(frame, WIDTH, height)
    luma = picture.to_ndarray(format="gray").astype(np.float32)
    laplacian = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    red, green, blue = (round(float(value), 1) for value in picture.to_ndarray(format="rgb24").mean(axis=(0, 1)))
    sharpness = round(float(laplacian.var()), 1)
    return Look(frame.width, frame.height, sharpness, (red, green, blue), frame.capture_ns // 1_000_000)
