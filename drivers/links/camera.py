"""V4L2 cameras: pictures exactly as the camera gave them, each stamped with the instant of its capture."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from drivers.core.errors import LinkError
from drivers.links import v4l2
from drivers.links.demuxed import next_packet
from drivers.links.formats import Coding, Colour, Offer, usual
from drivers.links.uvc_h264 import request_key

# A kernel stamp further than this from now is no stamp of this frame (some drivers stamp in another clock).
LATEST_STAMP_NS = 5_000_000_000

# FFmpeg's codec and pixel format of what V4L2 delivers -> our coding.
CODINGS = MappingProxyType({"mjpeg": Coding.JPEG, "h264": Coding.H264})


class BusFull(LinkError):  # noqa: N818 - it says what is the case
    """The USB bus has no bandwidth left for this format (STREAMON: ENOSPC)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. `data` is the camera's own bytes, untouched; raw codings are tightly packed planes.

    `capture_ns` is CLOCK_BOOTTIME.
    """

    data: bytes
    coding: Coding
    width: int
    height: int
    capture_ns: int
    colour: Colour | None = None  # None: the coding's own (`formats.usual`)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """`device`: its node now, looked up by a name that stays (`named.video_node`). Sizes in pixels."""

    device: str
    width: int = 1280
    height: int = 720
    rate_hz: Fraction | int = 30
    coding: Coding = Coding.JPEG


class Camera:
    """One open camera. Blocking: for a thread. `read` raises `LinkLost` when the camera goes."""

    def __init__(self, settings: CameraSettings, opener: Callable[..., Any] = av.open, form: str = "v4l2") -> None:
        self._settings = settings
        try:
            self._container: InputContainer = opener(settings.device, format=form, options=options(settings))
            self._stream = self._container.streams.video[0]
            self._packets: Iterator[Packet[Any]] = self._container.demux(self._stream)
        except (OSError, ValueError, IndexError, av.FFmpegError) as error:
            full = getattr(error, "errno", None) == errno.ENOSPC
            kind = BusFull if full else LinkError
            raise kind(f"camera {settings.device}: cannot open as {options(settings)}: {error}") from error
        self.colour = told_colour(settings)

    def read(self) -> Frame:
        """The next frame, newest last. Blocks for as long as the camera takes."""
        packet = next_packet(self._packets, f"camera {self._settings.device}")
        context = self._stream.codec_context
        coding = CODINGS.get(context.name) or Coding(str(context.pix_fmt))
        return Frame(bytes(packet), coding, context.width, context.height, capture_instant(packet), self.colour)

    def request_key(self) -> bool:
        """Ask a camera that gives H.264 for a key frame; whether it took the question. From any thread."""
        return self._settings.coding is Coding.H264 and request_key(self._settings.device)

    def close(self) -> None:
        """Give the device back. Harmless when it is already gone."""
        self._container.close()


def options(settings: CameraSettings) -> dict[str, str]:
    """FFmpeg's v4l2 options (libavdevice/v4l2.c) for these settings."""
    asked = "mjpeg" if settings.coding is Coding.JPEG else settings.coding.value
    size = f"{settings.width}x{settings.height}"
    return {"input_format": asked, "video_size": size, "framerate": str(settings.rate_hz)}


def offers(device: str) -> tuple[Offer, ...]:
    """What the camera at this node gives; empty when it does not tell. `LinkError` when it cannot be opened."""
    with closing(v4l2.Node(device)) as node:
        return v4l2.offers(node.ask)


def told_colour(settings: CameraSettings) -> Colour:
    """The colour of what comes, from the driver; of one that does not tell, that of the format's own standard."""
    try:
        with closing(v4l2.Node(settings.device)) as node:
            return v4l2.colour(node.ask, settings.coding)
    except (OSError, LinkError):
        return usual(settings.coding)


def capture_instant(packet: Packet[Any]) -> int:
    """CLOCK_BOOTTIME of the packet's capture: the kernel stamps buffers in CLOCK_MONOTONIC (V4L2, buffer flags)."""
    boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if packet.pts is None or packet.time_base is None:
        return boot_ns
    age_ns = time.monotonic_ns() - int(packet.pts * packet.time_base * 1_000_000_000)
    return boot_ns - age_ns if 0 <= age_ns < LATEST_STAMP_NS else boot_ns
