"""Readers that are no hardware: recordings and drawn scenes, given out at the pace of a real device."""

from __future__ import annotations

import itertools
import threading
import wave
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from appliance.clock import boottime_ns
from drivers.core.errors import LinkError, LinkLost
from drivers.links.audio import Period
from drivers.links.camera import Frame
from drivers.links.formats import Coding

PERIOD_S = Fraction(1, 100)  # as a sound card gives them
LATE_NS = 1_000_000_000  # later than this, the time is lost and not made up for: the unit was asleep


class Pace:
    """Instants at a fixed rate. `wait` returns each in turn, when it has come."""

    def __init__(self, rate_hz: Fraction) -> None:
        self._rate_hz = rate_hz
        self._start_ns = boottime_ns()
        self._count = 0
        self._never = threading.Event()

    def wait(self) -> int:
        """The next instant, CLOCK_BOOTTIME in ns."""
        due_ns = self._start_ns + int(self._count * 1_000_000_000 / self._rate_hz)
        late_ns = boottime_ns() - due_ns
        if late_ns > LATE_NS:
            self._start_ns, self._count = boottime_ns(), 0
            return self.wait()
        if late_ns < 0:
            self._never.wait(-late_ns / 1e9)
        self._count += 1
        return due_ns


class LoopedSound:
    """The same samples for ever, in periods of 10 ms."""

    def __init__(self, samples: NDArray[np.int16], rate_hz: int) -> None:
        self._samples, self._rate_hz = samples, rate_hz
        self._length = int(rate_hz * PERIOD_S)
        self._at = 0
        self._pace = Pace(Fraction(rate_hz, self._length))

    def read(self) -> Period:
        """The next period, when its last sample has come."""
        taken = np.arange(self._at, self._at + self._length) % len(self._samples)
        self._at = (self._at + self._length) % len(self._samples)
        end_ns = self._pace.wait()
        return Period(self._samples[taken], self._rate_hz, end_ns - int(PERIOD_S * 1_000_000_000))

    def close(self) -> None:
        """Nothing to give back."""


class LoopedPictures:
    """The same coded pictures for ever."""

    def __init__(self, pictures: Sequence[bytes], coding: Coding, size: tuple[int, int], rate_hz: int) -> None:
        self._pictures = itertools.cycle(pictures)
        self._coding, self._size = coding, size
        self._pace = Pace(Fraction(rate_hz))

    def read(self) -> Frame:
        """The next picture, when it is due."""
        capture_ns = self._pace.wait()
        return Frame(next(self._pictures), self._coding, *self._size, capture_ns)

    def close(self) -> None:
        """Nothing to give back."""


class DrawnPictures:
    """A scene that is drawn anew for each picture: `draw(capture_ns)` gives packed yuv420p."""

    def __init__(self, draw: Callable[[int], bytes], size: tuple[int, int], rate_hz: int) -> None:
        self._draw, self._size = draw, size
        self._pace = Pace(Fraction(rate_hz))

    def read(self) -> Frame:
        """The next picture, when it is due."""
        capture_ns = self._pace.wait()
        return Frame(self._draw(capture_ns), Coding.YUV420P, *self._size, capture_ns)

    def close(self) -> None:
        """Nothing to give back."""


class FilePictures:
    """A film, an MJPEG file or a numbered sequence of images (`frame%03d.jpg`), again and again.

    JPEG pictures and those of a bare H.264 stream are given as they are in the file; any other coding is decoded.
    """

    def __init__(self, path: str, rate_hz: int = 15) -> None:
        self._path = path
        self._pace = Pace(Fraction(rate_hz))
        self._pictures = self._endless()

    def read(self) -> Frame:
        """The next picture, when it is due. `LinkLost` when the file cannot be read any more."""
        data, coding, width, height = next(self._pictures)
        return Frame(data, coding, width, height, self._pace.wait())

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()

    def _endless(self) -> Generator[tuple[bytes, Coding, int, int], None, None]:
        while True:
            empty = True
            for picture in pictures_of(self._path):
                empty = False
                yield picture
            if empty:
                raise LinkLost(f"{self._path}: no picture in it")


def pictures_of(path: str) -> Iterator[tuple[bytes, Coding, int, int]]:
    """Each picture of a file once: bytes, coding, width, height. `LinkLost` when it cannot be read."""
    try:
        with av.open(path) as file:
            stream = file.streams.video[0]
            context = stream.codec_context
            if context.name == "mjpeg":
                for packet in file.demux(stream):
                    if packet.size:
                        yield jpeg(bytes(packet)), Coding.JPEG, context.width, context.height
            elif file.format.name == "h264":
                for packet in file.demux(stream):
                    if packet.size:
                        yield bytes(packet), Coding.H264, context.width, context.height
            else:
                for picture in file.decode(stream):
                    plain = picture.reformat(format="yuv420p", dst_color_range="MPEG")
                    yield plain.to_ndarray().tobytes(), Coding.YUV420P, plain.width, plain.height
    except (OSError, ValueError, IndexError, av.FFmpegError) as error:
        raise LinkLost(f"{path}: cannot be read: {error}") from error


def jpeg(data: bytes) -> bytes:
    """The same bytes. `ValueError` when they do not begin as a JPEG does (ITU-T T.81, SOI marker)."""
    if not data.startswith(b"\xff\xd8"):
        raise ValueError(f"got a picture that begins with {data[:2].hex()}, wanted ffd8")
    return data


def wav(path: Path) -> LoopedSound:
    """A WAVE file of 16 bits, any rate, for ever; of several channels the first. `LinkError` when it is none."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate_hz = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise LinkError(f"{path}: no WAVE file: {error}") from error
    if width != 2 or not data:
        raise LinkError(f"{path}: got {8 * width} bits and {len(data)} bytes, wanted some samples of 16 bits")
    return LoopedSound(np.frombuffer(data, "<i2")[::channels].astype(np.int16), rate_hz)
