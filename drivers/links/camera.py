"""V4L2 cameras: pictures exactly as the camera gave them, each stamped with the instant of its capture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from drivers.core.errors import LinkError
from drivers.links.demuxed import next_packet

# A kernel stamp further than this from now is no stamp of this frame (some drivers stamp in another clock).
LATEST_STAMP_NS = 5_000_000_000


class Coding(StrEnum):
    """How a frame's bytes are to be read. Values are FFmpeg's names of the pixel format, but for the coded ones."""

    JPEG = "jpeg"
    H264 = "h264"  # one access unit, Annex B
    YUYV422 = "yuyv422"
    YUV420P = "yuv420p"
    NV12 = "nv12"


# FFmpeg's codec and pixel format of what V4L2 delivers -> our coding.
CODINGS = MappingProxyType({"mjpeg": Coding.JPEG, "h264": Coding.H264})


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


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """`device`: a stable path (/dev/v4l/by-id/..., by-path/...), never /dev/video0. Sizes in pixels."""

    device: str
    width: int = 1280
    height: int = 720
    rate_hz: int = 30
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
            raise LinkError(f"camera {settings.device}: cannot open as {options(settings)}: {error}") from error

    def read(self) -> Frame:
        """The next frame, newest last. Blocks for as long as the camera takes."""
        packet = next_packet(self._packets, f"camera {self._settings.device}")
        context = self._stream.codec_context
        coding = CODINGS.get(context.name) or Coding(str(context.pix_fmt))
        return Frame(bytes(packet), coding, context.width, context.height, capture_instant(packet))

    def close(self) -> None:
        """Give the device back. Harmless when it is already gone."""
        self._container.close()


def options(settings: CameraSettings) -> dict[str, str]:
    """FFmpeg's v4l2 options (libavdevice/v4l2.c) for these settings."""
    asked = "mjpeg" if settings.coding is Coding.JPEG else settings.coding.value
    size = f"{settings.width}x{settings.height}"
    return {"input_format": asked, "video_size": size, "framerate": str(settings.rate_hz)}


def capture_instant(packet: Packet[Any]) -> int:
    """CLOCK_BOOTTIME of the packet's capture: the kernel stamps buffers in CLOCK_MONOTONIC (V4L2, buffer flags)."""
    boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    if packet.pts is None or packet.time_base is None:
        return boot_ns
    age_ns = time.monotonic_ns() - int(packet.pts * packet.time_base * 1_000_000_000)
    return boot_ns - age_ns if 0 <= age_ns < LATEST_STAMP_NS else boot_ns
