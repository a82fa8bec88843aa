"""Which of a camera's formats is taken, and what is taken instead where the bus is too narrow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Coding(StrEnum):
    """How a frame's bytes are to be read. Values are FFmpeg's names of the pixel format, but for the coded ones."""

    JPEG = "jpeg"
    H264 = "h264"  # one access unit, Annex B
    YUYV422 = "yuyv422"
    YUV420P = "yuv420p"
    NV12 = "nv12"


class Matrix(StrEnum):
    """Which luma and chroma make which red, green and blue (ITU-R recommendations)."""

    BT601 = "bt601"
    BT709 = "bt709"
    BT2020 = "bt2020"


@dataclass(frozen=True, slots=True)
class Colour:
    """`full`: luma runs from 0 to 255, else from 16 to 235."""

    matrix: Matrix = Matrix.BT601
    full: bool = False


BROADCAST = Colour()  # ITU-R BT.601 as television has it: what a raw picture is that does not say
JFIF = Colour(Matrix.BT601, full=True)  # JFIF 1.02: the colour of a JPEG that does not say


def usual(coding: Coding) -> Colour:
    """The colour of what does not say."""
    return JFIF if coding is Coding.JPEG else BROADCAST


@dataclass(frozen=True, slots=True)
class Offer:
    """One size of one format, with its rates in pictures a second, slowest first."""

    coding: Coding
    width: int
    height: int
    rates_hz: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pixels, pictures a second, and the codings that whoever reads can take, best first."""

    width: int = 1920
    height: int = 1080
    rate_hz: int = 30
    codings: tuple[Coding, ...] = (Coding.H264, Coding.JPEG, Coding.YUYV422, Coding.NV12, Coding.YUV420P)


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to run a camera."""

    coding: Coding
    width: int
    height: int
    rate_hz: Fraction


# What a room camera is run at, at most, each time it has to give way: smaller, then less often.
ROOM_STEPS = ((1280, 720, 30), (960, 540, 30), (640, 480, 30), (640, 480, 15), (320, 240, 15))
FLUENT_HZ = 15  # a larger picture that comes less often is not a better one
SLOWEST_HZ = 5  # below it an instrument cannot be aimed by its picture


def exam_ladder(offered: Sequence[Offer], wanted: Wanted) -> tuple[Rung, ...]:
    """Best first. Sharpness is kept: only the rate falls."""
    coded = _coded(offered, wanted)
    best = _best(coded, wanted.width, wanted.height, wanted.rate_hz)
    if best is None:
        return ()
    rates = next(o.rates_hz for o in coded if (o.width, o.height) == (best.width, best.height))
    slower = [rate for rate in reversed(rates) if SLOWEST_HZ <= rate < best.rate_hz]
    return (best, *(Rung(best.coding, best.width, best.height, rate) for rate in slower))


def room_ladder(offered: Sequence[Offer], wanted: Wanted) -> tuple[Rung, ...]:
    """Best first, then by `ROOM_STEPS`; each rung costs less of the bus than the one before."""
    coded = _coded(offered, wanted)
    best = _best(coded, wanted.width, wanted.height, wanted.rate_hz)
    rungs = [] if best is None else [best]
    for width, height, rate_hz in ROOM_STEPS:
        rung = _best(coded, width, height, rate_hz)
        if rung is not None and _pixel_rate(rung) < _pixel_rate(rungs[-1]):
            rungs.append(rung)
    return tuple(rungs)


def _coded(offered: Sequence[Offer], wanted: Wanted) -> list[Offer]:
    """The offers in the first coding that there is."""
    for coding in wanted.codings:
        found = [offer for offer in offered if offer.coding is coding and offer.rates_hz]
        if found:
            return found
    return []


def _best(offered: Sequence[Offer], width: int, height: int, rate_hz: int) -> Rung | None:
    """The largest that fits into this size, at the highest rate up to this one; else the smallest there is."""
    if not offered:
        return None
    fitting = [offer for offer in offered if offer.width <= width and offer.height <= height]
    fluent = [offer for offer in fitting if offer.rates_hz[-1] >= min(rate_hz, FLUENT_HZ)]
    # Of two of the same size the faster: a driver may list a size twice.
    chosen = max(fluent or fitting, key=_size) if fitting else min(offered, key=_size)
    rates = [rate for rate in chosen.rates_hz if rate <= rate_hz]
    return Rung(chosen.coding, chosen.width, chosen.height, rates[-1] if rates else chosen.rates_hz[0])


def _size(offer: Offer) -> tuple[int, Fraction]:
    return offer.width * offer.height, offer.rates_hz[-1]


def _pixel_rate(rung: Rung) -> Fraction:
    return rung.width * rung.height * rung.rate_hz
