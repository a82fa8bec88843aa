"""A still: the frame that the source gave last, at full size, never the encoded picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction

from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from appliance.media.group import GroupDecoder
from appliance.media.picture import raw
from appliance.media.refusal import NotDone
from appliance.media.source import PictureSource
from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding


class StillRefused(NotDone):
    """No still can be taken. `code` is one of docs/protocol.md section 7."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture to be kept. `capture_ns`: CLOCK_BOOTTIME. `sha256`: hex, of `data`."""

    data: bytes
    media_type: str
    sha256: str
    width: int
    height: int
    capture_ns: int
    source: str


def take_still(source: PictureSource) -> Still:
    """The newest frame. JPEG: the camera's own bytes; a raw picture: a PNG of it in RGB. `StillRefused` if it is lost.

    A raw picture costs some tens of milliseconds: call this from a thread.
    """
    frame = source.newest
    if frame is None:
        raise StillRefused("source-lost", f"{source.key}: no picture: the source is {source.state.value}")
    data, media_type = kept(frame) if frame.coding is not Coding.H264 else (png_of_group(source), "image/png")
    digest = hashlib.sha256(data).hexdigest()
    return Still(data, media_type, digest, frame.width, frame.height, frame.capture_ns, source.key)


def kept(frame: Frame) -> tuple[bytes, str]:
    """The bytes to keep of a frame, and their media type."""
    if frame.coding is Coding.JPEG:
        return frame.data, "image/jpeg"
    if frame.coding is Coding.H264:
        raise StillRefused("source-lost", "a frame of coded video is no picture by itself")
    return png(frame), "image/png"


def png_of_group(source: PictureSource) -> bytes:
    """The newest picture of a camera that gives coded video only, decoded: no sharper than the camera coded it."""
    try:
        return _png(GroupDecoder()(source.group))
    except PacketError as error:
        raise StillRefused("source-lost", f"{source.key}: {error}") from error


def png(frame: Frame) -> bytes:
    """A raw frame as PNG. YUV has to become RGB for it: that conversion is the only one."""
    return _png(raw(frame))


def _png(seen: VideoFrame) -> bytes:
    picture = seen.reformat(format="rgb24")
    codec: VideoCodecContext = CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, "rgb24"
    codec.time_base = Fraction(1, 1)
    return b"".join(bytes(packet) for packet in (*codec.encode(picture), *codec.encode(None)))
