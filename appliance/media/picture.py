"""From a camera's bytes to a picture that an encoder takes."""

from __future__ import annotations

import math
from types import MappingProxyType

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding, Colour, Matrix, usual

# FFmpeg's AVColorSpace and AVColorRange
SPACES = MappingProxyType({Matrix.BT601: 6, Matrix.BT709: 1, Matrix.BT2020: 9})
LIMITED, FULL = 1, 2


def shape(frame: Frame) -> tuple[int, ...]:
    """Of a packed raw picture as PyAV wants it: planes below one another, or pixels of two bytes."""
    if frame.coding in {Coding.YUV420P, Coding.NV12}:
        return frame.height * 3 // 2, frame.width
    if frame.coding is Coding.YUYV422:
        return frame.height, frame.width, 2
    raise PacketError(f"got a frame coded {frame.coding}, wanted a raw one")


def raw(frame: Frame) -> VideoFrame:
    """A raw frame as a picture. `PacketError` when the bytes do not fill it."""
    wanted = shape(frame)
    if len(frame.data) != math.prod(wanted):
        raise PacketError(f"got {len(frame.data)} bytes of {frame.coding}, wanted {math.prod(wanted)}")
    picture = VideoFrame.from_ndarray(np.frombuffer(frame.data, np.uint8).reshape(wanted), format=frame.coding.value)
    return coloured(picture, frame.colour or usual(frame.coding))


def coloured(picture: VideoFrame, colour: Colour) -> VideoFrame:
    """The same picture, which now says how its numbers become colours: swscale and encoders go by it."""
    picture.colorspace, picture.color_range = SPACES[colour.matrix], FULL if colour.full else LIMITED
    return picture


class Decoder:
    """Frames in, pictures in yuv420p (limited range) out, in the camera's matrix. One per thread: it keeps buffers."""

    def __init__(self) -> None:
        self._jpeg: VideoCodecContext = CodecContext.create("mjpeg", "r")
        self._jpeg.thread_count = 1
        self._reformatter = VideoReformatter()

    def __call__(self, frame: Frame, width: int | None = None, height: int | None = None) -> VideoFrame:
        """The picture, scaled if a size is given. `PacketError` when the bytes are no picture."""
        picture = self._unpacked(frame) if frame.coding is Coding.JPEG else raw(frame)
        return self._reformatter.reformat(picture, width, height, "yuv420p", dst_color_range="MPEG")

    def _unpacked(self, frame: Frame) -> VideoFrame:
        try:
            pictures = self._jpeg.decode(av.Packet(frame.data))
        except av.FFmpegError as error:
            raise PacketError(f"got {len(frame.data)} bytes that are no JPEG: {error}") from error
        if not pictures:
            raise PacketError(f"got {len(frame.data)} bytes, wanted a JPEG: no picture in it")
        return coloured(pictures[0], frame.colour or usual(frame.coding))
