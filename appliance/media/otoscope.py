"""An eardrum that is drawn, seen through an otoscope held by hand: two seconds of JPEG pictures, again and again.

Right ear, healthy: pearly membrane, handle of the malleus pointing down and back, cone of light down and forward.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from appliance.media.playback import LoopedPictures
from drivers.links.formats import Coding

WIDTH, HEIGHT, RATE_HZ = 1280, 720, 15
PICTURES = 30
SWAY = 24  # pixels to each side by which the hand moves
QUALITY = 5  # of the JPEG coder: 2 is best, 31 worst
STRIP = 24  # rows
SEED = 1855  # the year of Toynbee's speculum
Image = NDArray[np.float32]


def eardrum(width: int, height: int) -> NDArray[np.uint8]:
    """The whole scene, RGB, (height, width, 3). In strips: drawn whole, its working memory would stay with the unit."""
    random = np.random.default_rng(SEED)
    tops = range(0, height, STRIP)
    return np.concatenate([_strip(width, height, top, min(top + STRIP, height), random) for top in tops])


def _strip(width: int, height: int, top: int, bottom: int, random: np.random.Generator) -> NDArray[np.uint8]:
    x, y = _coordinates(width, height, top, bottom)
    ear = np.hypot(x, y * 1.04)
    image = _mix(np.zeros((*x.shape, 3), np.float32), (0.62, 0.32, 0.26), _smooth(1.05, 0.75, ear))
    drum = np.hypot(x * 1.12 + 0.02, y)
    image = _mix(image, (0.74, 0.46, 0.38), _smooth(0.70, 0.64, drum))  # annulus
    image = _mix(image, (0.79, 0.73, 0.66), _smooth(0.66, 0.56, drum))  # membrane
    image = _mix(image, (0.72, 0.55, 0.50), 0.5 * _smooth(0.22, 0.05, np.hypot(x, y + 0.48)))  # pars flaccida
    image = _mix(image, (0.70, 0.25, 0.22), 0.35 * _vessels(x, y) * _smooth(0.62, 0.55, drum))
    image = _mix(image, (0.90, 0.84, 0.72), 0.9 * _line(x, y, (-0.06, -0.44), (0.02, 0.04), 0.035))  # malleus
    image = _mix(image, (1.00, 0.99, 0.94), 0.85 * _cone(x, y))
    grain = random.standard_normal(x.shape, np.float32)[..., None]
    lit = image * (1.08 - 0.42 * ear[..., None] ** 2) + 0.012 * grain
    return np.asarray(np.clip(lit, 0, 1) * 255, np.uint8)


def _coordinates(width: int, height: int, top: int, bottom: int) -> tuple[Image, Image]:
    """-1 to 1 over the height, centre 0; x to the same scale."""
    y, x = np.mgrid[top:bottom, 0:width].astype(np.float32)
    return (x - width / 2) * 2 / height, (y - height / 2) * 2 / height


def _smooth(outer: float, inner: float, distance: Image) -> Image:
    """0 beyond `outer`, 1 within `inner`, smooth between."""
    t = np.clip((outer - distance) / (outer - inner), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _mix(image: Image, colour: tuple[float, float, float], much: Image) -> Image:
    return image + much[..., None] * (np.asarray(colour, np.float32) - image)


def _line(x: Image, y: Image, begin: tuple[float, float], end: tuple[float, float], width: float) -> Image:
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    along = np.clip(((x - begin[0]) * dx + (y - begin[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return _smooth(width, width / 3, np.hypot(x - begin[0] - along * dx, y - begin[1] - along * dy))


def _cone(x: Image, y: Image) -> Image:
    """The reflex: a wedge that widens from the umbo towards the edge."""
    along, across = (x - 0.02) * 0.6 + (y - 0.04) * 0.8, np.abs((x - 0.02) * 0.8 - (y - 0.04) * 0.6)
    wedge = _smooth(0.02, 0.0, np.asarray(across - 0.30 * along, np.float32))
    return wedge * _smooth(0.46, 0.34, along) * _smooth(0.0, -0.05, -along)


def _vessels(x: Image, y: Image) -> Image:
    drawn = np.zeros_like(x)
    for angle in np.linspace(0.3, 2 * math.pi, 11):
        reach = 0.44 + 0.05 * math.sin(5 * angle)
        begin = (0.60 * math.cos(angle), 0.60 * math.sin(angle))
        end = (reach * math.cos(angle + 0.25), reach * math.sin(angle + 0.25))
        bent = np.asarray(x + 0.02 * np.sin(17 * y + angle), np.float32)
        drawn = np.maximum(drawn, _line(bent, y, begin, end, 0.009))
    return drawn


def enlarged(scene: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The scene at another size: drawing it at half of it takes a quarter of the time."""
    picture = VideoFrame.from_ndarray(scene, format="rgb24").reformat(width, height, interpolation="BICUBIC")
    return np.asarray(picture.to_ndarray(), np.uint8)


def pictures(width: int = WIDTH, height: int = HEIGHT, count: int = PICTURES) -> list[bytes]:
    """The loop, each picture a JPEG as a camera would give it (4:2:0)."""
    scene = enlarged(eardrum(width // 2 + SWAY, height // 2 + SWAY), width + 2 * SWAY, height + 2 * SWAY)
    codec: VideoCodecContext = CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuvj420p"
    codec.time_base, codec.thread_count = Fraction(1, RATE_HZ), 1
    codec.options = {"qmin": str(QUALITY), "qmax": str(QUALITY)}
    drawn = []
    for number in range(count):
        turn = 2 * math.pi * number / count
        left, top = SWAY + round(SWAY * 0.9 * math.sin(turn)), SWAY + round(SWAY * 0.6 * math.sin(2 * turn))
        seen = np.ascontiguousarray(scene[top : top + height, left : left + width])
        picture = VideoFrame.from_ndarray(seen, format="rgb24").reformat(format="yuvj420p")
        picture.pts = number
        drawn.append(b"".join(bytes(packet) for packet in codec.encode(picture)))
    return drawn


def open_otoscope() -> LoopedPictures:
    """A reader of it: 1280 x 720, 15 pictures a second."""
    return LoopedPictures(pictures(), Coding.JPEG, (WIDTH, HEIGHT), RATE_HZ)
