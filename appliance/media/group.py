"""Coded video of which each picture needs those before it: what was seen since the last key frame is held, so that a
picture can be had at any time."""

from __future__ import annotations

from collections.abc import Sequence

import av
from av.codec.context import CodecContext, Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from appliance.media.picture import coloured
from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding, usual

MOST_FRAMES, MOST_BYTES = 600, 16_000_000  # of one group: 20 s, or what a camera sends in them


def is_key(data: bytes) -> bool:
    """Whether an H.264 access unit (Annex B) begins a picture sequence: an IDR slice or a parameter set in it."""
    at = data.find(b"\x00\x00\x01")
    while at >= 0 and at + 3 < len(data):
        if data[at + 3] & 0x1F in {5, 7}:
            return True
        at = data.find(b"\x00\x00\x01", at + 3)
    return False


class Group:
    """The frames since the last key frame. A group that is too long is forgotten: the next key frame begins another."""

    def __init__(self) -> None:
        self._frames: tuple[Frame, ...] = ()
        self._bytes = 0

    @property
    def frames(self) -> Sequence[Frame]:
        """Key frame first; empty when nothing can be decoded. From any thread."""
        return self._frames

    def add(self, frame: Frame) -> None:
        """The next frame of the camera."""
        if is_key(frame.data):
            self._frames, self._bytes = (frame,), len(frame.data)
        elif self._frames:
            self._frames, self._bytes = (*self._frames, frame), self._bytes + len(frame.data)
            if len(self._frames) > MOST_FRAMES or self._bytes > MOST_BYTES:
                self.clear()

    def clear(self) -> None:
        """A frame is missing: what follows cannot be decoded."""
        self._frames, self._bytes = (), 0


class GroupDecoder:
    """Decodes groups as they grow; begins late where nobody needed the pictures before. One thread."""

    def __init__(self) -> None:
        self._codec = _codec()
        self._done: tuple[Frame, ...] = ()

    def __call__(self, frames: Sequence[Frame]) -> VideoFrame:
        """The picture of the last of these frames. `PacketError` when there is none."""
        if not frames:
            raise PacketError("got no key frame of coded video yet, wanted one to begin with")
        if not self._done or self._done[0] is not frames[0]:
            self._done = ()
        picture = None
        for frame in frames[len(self._done) :]:
            picture = self._one(frame) or picture
        self._done = tuple(frames)
        if picture is None:
            raise PacketError(f"got {len(frames)} frames of H.264, wanted a picture: none in them")
        return coloured(picture, frames[-1].colour or usual(Coding.H264))

    def _one(self, frame: Frame) -> VideoFrame | None:
        try:
            return next(iter(self._codec.decode(av.Packet(frame.data))), None)
        except av.FFmpegError as error:
            self._codec, self._done = _codec(), ()
            raise PacketError(f"got {len(frame.data)} bytes that are no H.264: {error}") from error


def _codec() -> VideoCodecContext:
    codec: VideoCodecContext = CodecContext.create("h264", "r")
    codec.thread_count = 1
    codec.flags |= Flags.low_delay  # no picture waits for the next one
    return codec
