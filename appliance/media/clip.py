"""The last ten seconds of a camera: held only while the patient agrees and all screens say so, kept on request.

The camera's own packets are held (a raw picture as a JPEG), in a bound of bytes; a clip is made of them with each
picture's own instant, as H.264 in MP4, which every browser plays.
"""

from __future__ import annotations

import io
import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from appliance.media.group import is_key
from appliance.media.picture import Decoder, raw
from appliance.media.refusal import NotDone
from appliance.media.slot import Slot
from appliance.media.source import PictureSource
from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding

log = logging.getLogger(__name__)

PREROLL_S = 10.0
MOST_BYTES = 24 * 1024 * 1024  # beyond, every other picture is held
RAW_HZ = 10  # raw pictures cost an encoder: this many a second
CLOCK_HZ = 90_000
WAIT_S = 0.2
TORN_NS = 1_000_000_000
QUALITY = {"crf": "19", "preset": "superfast"}
MEDIA_TYPE = "video/mp4"


class Ring:
    """The newest pictures of one camera: at most `PREROLL_S` and `MOST_BYTES`. From any thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._frames: deque[Frame] = deque()
        self._bytes, self._every, self._count = 0, 1, 0
        self._lock = threading.Lock()

    def add(self, frame: Frame) -> None:
        """One more; the oldest go."""
        with self._lock:
            self._count += 1
            if self._count % self._every:
                return
            self._frames.append(frame)
            self._bytes += len(frame.data)
            while frame.capture_ns - self._frames[0].capture_ns > PREROLL_S * 1e9:
                self._bytes -= len(self._frames.popleft().data)
            if self._bytes > self._most:
                self._thin()

    def frames(self) -> list[Frame]:
        """What is held, oldest first."""
        with self._lock:
            return list(self._frames)

    def _thin(self) -> None:
        coded = self._frames[0].coding is Coding.H264  # each of these needs the one before: the past is shortened
        self._every = 1 if coded else self._every * 2
        kept = list(self._frames)
        self._frames = deque(kept[len(kept) // 2 :] if coded else kept[1::2])
        self._bytes = sum(len(frame.data) for frame in self._frames)


class Preroll:
    """Holds the past of one camera between `begin` and `end`; `end` forgets it all."""

    def __init__(self, source: PictureSource) -> None:
        self._source = source
        self._ring: Ring | None = None
        self._raw: Slot[Frame] = Slot()

    def begin(self) -> None:
        """The patient agreed: hold from now on. The source says so in its messages."""
        if self._ring is None:
            self._ring = Ring()
            self._source.preroll_s = PREROLL_S
            self._source.taps = (*self._source.taps, self._take)
            threading.Thread(
                target=self._shrink, args=(self._ring,), name=f"preroll-{self._source.key}", daemon=True
            ).start()

    def end(self) -> None:
        """Hold nothing, and forget what was held."""
        self._source.taps = tuple(tap for tap in self._source.taps if tap != self._take)
        self._source.preroll_s = None
        self._ring = None

    def clip(self) -> tuple[bytes, list[Frame]]:
        """The past as MP4, and the frames that it was made of; costs seconds: for a thread. `NotDone`."""
        ring = self._ring
        frames = [] if ring is None else playable(ring.frames())
        if len(frames) < 2:
            raise NotDone("source-lost", f"{self._source.key}: nothing of the last {PREROLL_S:g} s is held")
        return mp4(frames), frames

    def _take(self, frame: Frame) -> None:
        ring = self._ring
        if ring is not None and frame.coding in {Coding.JPEG, Coding.H264}:
            ring.add(frame)
        elif ring is not None:
            self._raw.put(frame)

    def _shrink(self, ring: Ring) -> None:
        """Raw pictures to JPEG, as long as this ring is wanted."""
        last_ns = 0
        while self._ring is ring:
            frame = self._raw.take(WAIT_S)
            if frame is not None and frame.capture_ns - last_ns >= 1e9 / RAW_HZ * 0.9:
                last_ns = frame.capture_ns
                try:
                    ring.add(jpeg(frame))
                except (PacketError, av.FFmpegError) as error:
                    log.debug("%s: %s", self._source.key, error)


def playable(frames: Sequence[Frame]) -> list[Frame]:
    """The frames of the newest coding and size, from the first that can be decoded by itself."""
    if not frames:
        return []
    form = (frames[-1].coding, frames[-1].width, frames[-1].height)
    same = [frame for frame in frames if (frame.coding, frame.width, frame.height) == form]
    begin = next((at for at, frame in enumerate(same) if frame.coding is not Coding.H264 or is_key(frame.data)), None)
    return [] if begin is None else same[begin:]


def torn(frames: Sequence[Frame]) -> bool:
    """Whether a second or more is missing somewhere."""
    return any(b.capture_ns - a.capture_ns > TORN_NS for a, b in pairwise(frames))


def mp4(frames: Sequence[Frame]) -> bytes:
    """H.264 in MP4, each picture at its instant of capture."""
    out, first_ns = io.BytesIO(), frames[0].capture_ns
    size = frames[0].width // 2 * 2, frames[0].height // 2 * 2
    with av.open(out, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=30, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base, stream.codec_context.thread_count = Fraction(1, CLOCK_HZ), 1
        last = -1
        for picture, capture_ns in decoded(frames):
            shown = picture.reformat(*size, format="yuv420p")
            last = shown.pts = max(last + 1, (capture_ns - first_ns) * CLOCK_HZ // 1_000_000_000)
            shown.time_base = Fraction(1, CLOCK_HZ)
            file.mux(stream.encode(shown))
        file.mux(stream.encode(None))
    return out.getvalue()


def decoded(frames: Sequence[Frame]) -> Iterator[tuple[VideoFrame, int]]:
    """Each picture with its instant; what cannot be decoded is left out."""
    if frames[0].coding is not Coding.H264:
        decoder = Decoder()
        for frame in frames:
            try:
                yield decoder(frame), frame.capture_ns
            except PacketError as error:
                log.debug("a picture of a clip is left out: %s", error)
        return
    codec: VideoCodecContext = CodecContext.create("h264", "r")
    codec.thread_count = 1
    for frame in frames:
        packet = av.Packet(frame.data)
        packet.pts = packet.dts = frame.capture_ns
        yield from ((picture, picture.pts or frame.capture_ns) for picture in codec.decode(packet))


def jpeg(frame: Frame, width: int | None = None, quality: int = 3) -> Frame:
    """A raw frame or a JPEG as a JPEG, smaller if a width is given. `quality`: FFmpeg's, 2 (best) to 31."""
    height = None if width is None else max(2, frame.height * width // frame.width // 2 * 2)
    picture = Decoder()(frame) if frame.coding is Coding.JPEG else raw(frame)
    picture = picture.reformat(width, height, "yuvj420p")
    codec: VideoCodecContext = CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, "yuvj420p"
    codec.time_base, codec.thread_count = Fraction(1, 1), 1
    codec.options = {"qmin": str(quality), "qmax": str(quality)}
    data = b"".join(bytes(packet) for packet in (*codec.encode(picture), *codec.encode(None)))
    return replace(frame, data=data, coding=Coding.JPEG, width=picture.width, height=picture.height, colour=None)
