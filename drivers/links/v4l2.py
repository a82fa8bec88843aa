"""What a camera offers, asked of the kernel: formats, sizes, rates and colour (linux/videodev2.h).

PyAV captures but can only print what is offered; the Python libraries that read it are under the GPL. It is four
questions: the structs are unpacked here, and nothing else of V4L2 is.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import MappingProxyType

from drivers.core.errors import LinkError
from drivers.links.formats import Coding, Colour, Matrix, Offer

ENUM_FMT, G_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC0405602, 0xC0D05604, 0xC02C564A, 0xC034564B
CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
DISCRETE = 1  # of V4L2_FRMSIZE_TYPE_* and V4L2_FRMIVAL_TYPE_*; 2 and 3 are ranges
MOST = 64  # of each: a driver that never ends its list must not hold us

CODINGS = MappingProxyType(
    {
        b"MJPG": Coding.JPEG,
        b"JPEG": Coding.JPEG,
        b"H264": Coding.H264,
        b"YUYV": Coding.YUYV422,
        b"YU12": Coding.YUV420P,
        b"NV12": Coding.NV12,
    }
)
# A camera that scales by itself names a range: these are asked of it.
SIZES = ((320, 240), (640, 360), (640, 480), (960, 540), (1280, 720), (1920, 1080))
RATES_HZ = (Fraction(5), Fraction(10), Fraction(15), Fraction(25), Fraction(30))

# enum v4l2_colorspace, v4l2_ycbcr_encoding, v4l2_quantization
REC709, BT2020, JPEG_SPACE = 3, 10, 7
ENCODINGS = MappingProxyType({1: Matrix.BT601, 2: Matrix.BT709, 3: Matrix.BT601, 4: Matrix.BT709, 6: Matrix.BT2020})
FULL, LIMITED = 1, 2

Ask = Callable[[int, bytes], bytes]  # request number and struct; the struct as the kernel filled it. `OSError`: no more


def offers(ask: Ask) -> tuple[Offer, ...]:
    """Everything the camera gives that we can take; empty when the driver does not tell."""
    found = []
    for fourcc in _formats(ask):
        for width, height in _sizes(ask, fourcc):
            rates = tuple(sorted(set(_rates(ask, fourcc, width, height))))
            found.append(Offer(CODINGS[fourcc], width, height, rates))
    return tuple(found)


def colour(ask: Ask, coding: Coding) -> Colour:
    """How the present format's numbers become colours."""
    fields = struct.unpack_from("=7I4xI3I", ask(G_FMT, struct.pack("=I", CAPTURE).ljust(208, b"\0")), 8)
    return resolved(coding, space=fields[6], encoding=fields[8], quantization=fields[9])


def resolved(coding: Coding, space: int, encoding: int, quantization: int) -> Colour:
    """The kernel's three numbers without their defaults (V4L2_MAP_YCBCR_ENC_DEFAULT, V4L2_MAP_QUANTIZATION_DEFAULT).

    But a JPEG is full range BT.601 (JFIF 1.02) unless the driver says it is not: uvcvideo calls it sRGB, whose default
    would be limited.
    """
    jpeg = coding is Coding.JPEG or space == JPEG_SPACE
    by_space = {REC709: Matrix.BT709, BT2020: Matrix.BT2020}.get(space, Matrix.BT601)
    matrix = ENCODINGS.get(encoding, Matrix.BT601 if jpeg else by_space)
    full = quantization == FULL or (quantization != LIMITED and jpeg)
    return Colour(matrix, full)


class Node:
    """An open V4L2 node, to ask; whoever captures has it open a second time. Blocking."""

    def __init__(self, path: str) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise LinkError(f"camera {path}: cannot open: {error.strerror}") from error

    def ask(self, request: int, question: bytes) -> bytes:
        """One ioctl."""
        answer = bytearray(question)
        fcntl.ioctl(self._file, request, answer)
        return bytes(answer)

    def close(self) -> None:
        """Give the node back."""
        os.close(self._file)


def _formats(ask: Ask) -> Iterator[bytes]:
    for index in range(MOST):
        try:
            answer = ask(ENUM_FMT, struct.pack("=2I", index, CAPTURE).ljust(64, b"\0"))
        except OSError:
            return
        fourcc = answer[44:48]
        if fourcc in CODINGS:
            yield fourcc


def _sizes(ask: Ask, fourcc: bytes) -> Iterator[tuple[int, int]]:
    for index in range(MOST):
        try:
            answer = ask(ENUM_FRAMESIZES, struct.pack("=I4s", index, fourcc).ljust(44, b"\0"))
        except OSError:
            return
        kind, *numbers = struct.unpack_from("=7I", answer, 8)
        if kind == DISCRETE:
            yield numbers[0], numbers[1]
            continue
        least_w, most_w, step_w, least_h, most_h, step_h = numbers
        for width, height in SIZES:
            if _reached(width, least_w, most_w, step_w) and _reached(height, least_h, most_h, step_h):
                yield width, height
        return


def _reached(wanted: int, least: int, most: int, step: int) -> bool:
    return least <= wanted <= most and (wanted - least) % max(1, step) == 0


def _rates(ask: Ask, fourcc: bytes, width: int, height: int) -> Iterator[Fraction]:
    for index in range(MOST):
        try:
            answer = ask(ENUM_FRAMEINTERVALS, struct.pack("=I4s2I", index, fourcc, width, height).ljust(52, b"\0"))
        except OSError:
            return
        kind, *numbers = struct.unpack_from("=7I", answer, 16)
        if kind == DISCRETE:
            if numbers[0] and numbers[1]:
                yield Fraction(numbers[1], numbers[0])  # told as an interval
            continue
        shortest, longest = numbers[0] / max(1, numbers[1]), numbers[2] / max(1, numbers[3])
        yield from (rate for rate in RATES_HZ if shortest <= 1 / rate <= longest)
        return
