"""Which H.264 encoder this machine uses: what its hardware proves that it can, else x264, as thorough as there is time.

Measured once, at the start, in less than two seconds. Hardware is never believed: it has to encode a film that decodes
to the same pictures, without delay, with key frames when asked and never else.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from appliance.media.encoder import H264, Encoded, HardwareH264, PictureEncoder

log = logging.getLogger(__name__)

WIDTH, HEIGHT, RATE_HZ, RATE_BPS = 1280, 720, 30, 2_500_000
PICTURES, KEY_AT, WARM = 12, 6, 3
LEAST_PSNR_DB = 28.0
HARDWARE = ("h264_v4l2m2m", "h264_qsv", "h264_nvenc")
PRESETS = ("veryfast", "superfast", "ultrafast")  # best first
MOST_MS = 9.0  # of a core, for a 720p picture: three of them at 30 a second and all else fit on one
Make = Callable[[int, int, int, int], PictureEncoder]


@dataclass(frozen=True, slots=True)
class Choice:
    """`name` as FFmpeg calls it, with what was chosen of it; `ms` for one 720p picture; `refused`: who, and why."""

    name: str
    ms: float
    make: Make
    refused: tuple[str, ...] = ()


def choose(hardware: Sequence[str] = HARDWARE, most_ms: float = MOST_MS) -> Choice:
    """Costs a second or two of one core: for a thread."""
    film, refused = _film(), []
    for name in hardware:
        make = partial(HardwareH264, name)
        try:
            ms = proven(make, film)
        except (av.FFmpegError, OSError, ValueError) as error:
            refused.append(f"{name}: {error}")
            continue
        return Choice(name, ms, make, tuple(refused))
    return _software(film, most_ms, tuple(refused))


def _software(film: Sequence[VideoFrame], most_ms: float, refused: tuple[str, ...]) -> Choice:
    """The first preset that is quick enough on one core; the quickest where none is, on two if that helps."""
    for preset in PRESETS:
        make = partial(H264, preset=preset)
        ms = proven(make, film)
        if ms <= most_ms:
            return Choice(f"libx264 {preset}", ms, make, refused)
    if (os.cpu_count() or 1) > 1:
        shared = partial(H264, preset=PRESETS[-1], threads=2)
        shared_ms = proven(shared, film)
        if shared_ms < 0.8 * ms:
            return Choice(f"libx264 {PRESETS[-1]}, 2 threads", shared_ms, shared, refused)
    return Choice(f"libx264 {PRESETS[-1]}", ms, make, refused)


def proven(make: Make, film: Sequence[VideoFrame]) -> float:
    """Milliseconds for one picture (median). `ValueError` says what the encoder did wrong."""
    encoder = make(WIDTH, HEIGHT, RATE_HZ, RATE_BPS)
    packets, times_ms = [], []
    for number, picture in enumerate(film):
        begin_s = time.perf_counter()
        packet = encoder.encode(picture, number * 1_000_000_000 // RATE_HZ, number == KEY_AT)
        times_ms.append(1000 * (time.perf_counter() - begin_s))
        if packet is None:
            raise ValueError(f"picture {number} did not come out at once")
        packets.append(packet)
    keys = [number for number, packet in enumerate(packets) if packet.key]
    if keys != [0, KEY_AT]:
        raise ValueError(f"got key frames at {keys}, wanted them at {[0, KEY_AT]}")
    _compared(packets, film)
    return float(np.median(times_ms[WARM:]))


def _compared(packets: Sequence[Encoded], film: Sequence[VideoFrame]) -> None:
    decoder: VideoCodecContext = CodecContext.create("h264", "r")
    decoder.thread_count = 1
    seen = [picture for packet in packets for picture in decoder.decode(av.Packet(packet.data))]
    seen += decoder.decode(None)
    if len(seen) != len(film):
        raise ValueError(f"got {len(seen)} pictures back, wanted {len(film)}")
    worst_db = min(psnr_db(a, b) for a, b in zip(seen, film, strict=True))
    if worst_db < LEAST_PSNR_DB:
        raise ValueError(f"a picture came back at {worst_db:.1f} dB, wanted {LEAST_PSNR_DB:g}")


def psnr_db(seen: VideoFrame, given: VideoFrame) -> float:
    """Of the luma, 8 bit."""
    size = WIDTH * HEIGHT
    planes = [picture.reformat(format="yuv420p").to_ndarray().reshape(-1)[:size] for picture in (seen, given)]
    difference = planes[0].astype(np.int16) - planes[1]
    mean = float(np.mean(np.square(difference, dtype=np.int32)))
    return 99.0 if mean == 0 else float(10 * np.log10(255**2 / mean))


def _film() -> list[VideoFrame]:
    """A scene with detail that moves: what an encoder does with it is what it does with an instrument's picture."""
    y, x = np.mgrid[0:HEIGHT, 0 : WIDTH + 4 * PICTURES].astype(np.float32)
    scene = 128 + 60 * np.sin(x / 9 + y / 23) + 40 * np.sin(y / 7 - x / 31)
    scene += np.random.default_rng(7).normal(0, 2, scene.shape)
    luma = np.clip(scene, 16, 235).astype(np.uint8)
    chroma = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
    parts = (np.concatenate([luma[:, 4 * n : 4 * n + WIDTH], chroma]) for n in range(PICTURES))
    return [VideoFrame.from_ndarray(np.ascontiguousarray(part), format="yuv420p") for part in parts]
