"""Stills as a camera gives them, made up."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame


def made_jpeg(width: int = 64, height: int = 48, form: str = "yuvj420p") -> bytes:
    """A baseline JPEG of a slope."""
    row = np.linspace(0, 255, width, dtype=np.uint8)
    frame = VideoFrame.from_ndarray(np.dstack([np.tile(row, (height, 1))] * 3), "rgb24").reformat(format=form)
    codec: VideoCodecContext = CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width, height, form, Fraction(1, 25)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))
