"""Encoders: one picture or one block in, one packet out, with no delay of their own. Used by one thread each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from appliance.media.stethoscope import BLOCK, RATE_HZ, Block

VIDEO_CLOCK_HZ = 90_000
OPUS_CLOCK_HZ = 48_000  # RFC 7587: whatever the rate of the samples
OPUS_RATE_BPS = 64_000
# libopus looks this far ahead in its audio application (2.5 ms and a delay of 4 ms): what a packet holds is older.
OPUS_AHEAD_NS = 6_500_000
VBV_S = 0.4
# FFmpeg cannot change the buffer of a running x264, nor its highest rate: the rate moves within what it was made for.
# Beyond it a new one is made, with a key frame: at once for less, after so many pictures for more.
BELOW, ABOVE, PATIENCE = 0.25, 1.15, 30
HARDWARE_STEP = 1.25
NEVER = 3000  # pictures between key frames that nobody asked for


@dataclass(frozen=True, slots=True)
class Encoded:
    """One packet. `pts` is in the media's RTP clock and comes from the capture; `key`: decodable by itself."""

    data: bytes
    pts: int
    key: bool
    capture_ns: int


UNKNOWN = (2, 0)  # FFmpeg's AVColorSpace and AVColorRange of a picture that does not say


def colour_of(picture: VideoFrame) -> tuple[int, int]:
    """Matrix and range, for the stream's own words (H.264 annex E.2.1): a receiver that is not told guesses by size."""
    return int(picture.colorspace), int(picture.color_range)


class PictureEncoder(Protocol):
    """Pictures of one size. `rate_bps` may be set at any time."""

    rate_bps: int

    def encode(self, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
        """The picture's packet; None if the encoder left it out."""
        ...


class H264:
    """x264, constrained baseline, in real time: no look-ahead, a buffer of 0.4 s; a slice for each thread."""

    def __init__(
        self, width: int, height: int, rate_hz: int, rate_bps: int, preset: str = "superfast", threads: int = 1
    ) -> None:
        self._preset, self._threads = preset, threads
        self._size = width, height, rate_hz
        self._wanted_bps = rate_bps
        self._colour = UNKNOWN
        self._codec = self._made(rate_bps)

    def _made(self, rate_bps: int) -> VideoCodecContext:
        self._made_bps, self._pictures = rate_bps, 0
        width, height, rate_hz = self._size
        codec: VideoCodecContext = CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.framerate, codec.time_base = Fraction(rate_hz, 1), Fraction(1, VIDEO_CLOCK_HZ)
        codec.bit_rate, codec.gop_size, codec.thread_count = rate_bps, NEVER, self._threads
        codec.colorspace, codec.color_range = self._colour
        codec.profile = "Baseline"  # x264 writes the constrained one
        codec.options = {
            "preset": self._preset,
            "tune": "zerolatency",
            "maxrate": str(rate_bps),
            "bufsize": str(int(rate_bps * VBV_S)),
            "x264-params": "scenecut=0:vbv-init=0.5",
        }
        return codec

    @property
    def rate_bps(self) -> int:
        """The rate aimed at."""
        return self._wanted_bps

    @rate_bps.setter
    def rate_bps(self, rate_bps: int) -> None:
        self._wanted_bps = rate_bps
        # x264 takes it with the next picture, without a key frame; never more than the most it was made for.
        self._codec.bit_rate = min(rate_bps, self._made_bps)

    def encode(self, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
        """The picture's access unit, Annex B, with SPS and PPS before each key frame."""
        self._pictures += 1
        below = self._wanted_bps < BELOW * self._made_bps
        above = self._wanted_bps > ABOVE * self._made_bps and self._pictures > PATIENCE
        colour = colour_of(picture)
        if below or above or colour != self._colour or (key and self._wanted_bps != self._made_bps):
            self._colour = colour
            self._codec = self._made(self._wanted_bps)
        return _encode(self._codec, picture, capture_ns, key)


# What makes each of them encode at once, at a constant rate, with key frames when asked (FFmpeg's options of it).
HARDWARE_OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "h264_v4l2m2m": MappingProxyType({}),
        "h264_qsv": MappingProxyType(
            {"preset": "veryfast", "async_depth": "1", "look_ahead": "0", "forced_idr": "1", "low_delay_brc": "1"}
        ),
        "h264_nvenc": MappingProxyType(
            {"preset": "p3", "tune": "ull", "rc": "cbr", "zerolatency": "1", "delay": "0", "forced-idr": "1"}
        ),
    }
)


class HardwareH264:
    """An encoder of the machine's own. Only what `choosing` has proven at the start is used; a new rate is a new
    encoder and a key frame, so it changes in steps."""

    def __init__(self, name: str, width: int, height: int, rate_hz: int, rate_bps: int) -> None:
        self._name, self._size, self.rate_bps = name, (width, height, rate_hz), rate_bps
        self._codec = self._made()

    def encode(self, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
        """The picture's access unit, Annex B."""
        far = not 1 / HARDWARE_STEP < self.rate_bps / self._made_bps < HARDWARE_STEP
        if far or (key and self.rate_bps != self._made_bps):
            self._codec = self._made()
        return _encode(self._codec, picture.reformat(format=self._codec.pix_fmt), capture_ns, key)

    def _made(self) -> VideoCodecContext:
        width, height, rate_hz = self._size
        self._made_bps = self.rate_bps
        made: Any = CodecContext.create(self._name, "w")
        codec: VideoCodecContext = made
        codec.width, codec.height = width, height
        codec.pix_fmt = "nv12" if self._name == "h264_qsv" else "yuv420p"
        codec.framerate, codec.time_base = Fraction(rate_hz, 1), Fraction(1, VIDEO_CLOCK_HZ)
        codec.bit_rate, codec.gop_size, codec.max_b_frames = self.rate_bps, NEVER, 0
        rates = {"maxrate": str(self.rate_bps), "bufsize": str(int(self.rate_bps * VBV_S))}
        codec.options = {**HARDWARE_OPTIONS[self._name], **rates}
        codec.open()
        return codec


class Vp8:
    """libvpx, for peers without H.264. FFmpeg cannot change its rate: a new rate is a new encoder and a key frame."""

    def __init__(self, width: int, height: int, rate_hz: int, rate_bps: int) -> None:
        self._size = width, height, rate_hz
        self._rate_bps = rate_bps
        self._codec = self._made()

    @property
    def rate_bps(self) -> int:
        """The rate aimed at."""
        return self._rate_bps

    @rate_bps.setter
    def rate_bps(self, rate_bps: int) -> None:
        self._rate_bps = rate_bps
        self._codec = self._made()

    def encode(self, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
        """The picture's frame."""
        return _encode(self._codec, picture, capture_ns, key)

    def _made(self) -> VideoCodecContext:
        width, height, rate_hz = self._size
        codec: VideoCodecContext = CodecContext.create("libvpx", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.framerate, codec.time_base = Fraction(rate_hz, 1), Fraction(1, VIDEO_CLOCK_HZ)
        codec.bit_rate, codec.gop_size, codec.thread_count = self._rate_bps, NEVER, 1
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-8",
            "lag-in-frames": "0",
            "error-resilient": "default",
            "minrate": str(self._rate_bps),
            "maxrate": str(self._rate_bps),
            "bufsize": str(int(self._rate_bps * VBV_S)),
            "static-thresh": "1",
        }
        return codec


def _encode(codec: VideoCodecContext, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
    pts = capture_ns * VIDEO_CLOCK_HZ // 1_000_000_000
    picture.pts, picture.time_base = pts, Fraction(1, VIDEO_CLOCK_HZ)
    picture.pict_type = PictureType.I if key else PictureType.NONE
    packets = codec.encode(picture)
    data = b"".join(bytes(packet) for packet in packets)
    return Encoded(data, pts, any(packet.is_keyframe for packet in packets), capture_ns) if data else None


class Opus:
    """Opus for hearts and lungs: audio application (the voice one cuts what lies below 100 Hz), mono, no DTX."""

    def __init__(self, rate_bps: int = OPUS_RATE_BPS) -> None:
        codec: AudioCodecContext = CodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = RATE_HZ, "mono", "s16"
        codec.bit_rate, codec.time_base = rate_bps, Fraction(1, RATE_HZ)
        codec.options = {"application": "audio", "frame_duration": "20", "fec": "1", "packet_loss": "10"}
        self._codec = codec
        self._stream: int | None = None
        self._origin = 0
        self._fed = 0

    def encode(self, block: Block) -> Encoded | None:
        """The block's packet. Its pts counts samples from the stream's first instant, so that it has no jitter."""
        if block.stream != self._stream:
            self._stream = block.stream
            self._origin = block.capture_ns * OPUS_CLOCK_HZ // 1_000_000_000 - block.first * OPUS_CLOCK_HZ // RATE_HZ
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.samples).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._fed, Fraction(1, RATE_HZ)
        self._fed += BLOCK
        data = b"".join(bytes(packet) for packet in self._codec.encode(frame))
        pts = self._origin + block.first * OPUS_CLOCK_HZ // RATE_HZ
        return Encoded(data, pts, True, block.capture_ns - OPUS_AHEAD_NS) if data else None
