"""What a picture costs and what is left of it: the encoder, a camera's own H.264 passed on, detail and colour."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from statistics import median
from typing import Any

import av
import numpy as np
from aiortc.codecs.h264 import H264Encoder
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from appliance.media.choosing import choose
from appliance.media.encoder import H264
from appliance.media.ladder import DETAIL, Ladder
from appliance.media.otoscope import pictures
from appliance.media.picture import Decoder
from drivers.links.camera import Frame
from drivers.links.formats import BROADCAST, Coding, Colour, Matrix
from tests.bench.bench_media import SHIPPED, ask, end, told

AREA = "encoders"
LIMIT_S = 300.0
REPEATS, SEND_S = 5, 5.0
WIDTH, HEIGHT, RATE_HZ, RATE_BPS = 1280, 720, 15, 500_000
# ITU-R BT.601 and BT.709: luma of red, green, blue.
WEIGHTS = {Matrix.BT601: (0.299, 0.587, 0.114), Matrix.BT709: (0.2126, 0.7152, 0.0722)}
# Red, green, blue of the patches of the usual chart of 24 (ColorChecker, sRGB).
CHART = (
    *((115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170)),
    *((214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46)),
    *((56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161)),
    *((243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52)),
)
Pixels = NDArray[np.float64]


def figures() -> list[dict[str, Any]]:
    return [*chosen(), *passing(), *detail(), *colours()]


def row(name: str, value: float, unit: str, target: float | None, n: int, method: str, **more: Any) -> dict[str, Any]:
    said = {"area": AREA, "name": name, "value": round(value, 3), "unit": unit, "better": "lower"}
    return {**said, "target": target, "n": n, "method": method, **more}


def chosen() -> list[dict[str, Any]]:
    runs = [choose() for _ in range(REPEATS)]
    method = f"the choice at the start: 12 moving pictures; chosen: {', '.join(sorted({run.name for run in runs}))}"
    return [
        row("a 720p picture by the encoder that was chosen", median(run.ms for run in runs), "ms", 9, REPEATS, method)
    ]


# --- a camera's own H.264


def passing() -> list[dict[str, Any]]:
    rows = []
    for streams in (1, 3):
        passed, encoded = [], []
        for _ in range(REPEATS):
            passed.append(sent("passed", streams))
            encoded.append(sent("encoded", streams))
        ours, anew = (median(run["cpu_percent"] for run in runs) for runs in (passed, encoded))
        method = f"{streams} x 720p30, 2.5 Mbit/s, {SEND_S:g} s over loopback, limit off, sender on one core; medians"
        peer = {"peer": "encoded anew here", "peer_value": round(anew, 1), "ratio": round(ours / anew, 3)}
        rows.append(row(f"processor, {streams} x H.264 passed on", ours, "% of a core", 0.3, REPEATS, method, **peer))
        fps = median(run["fps"] for run in encoded)
        rows.append(row(f"pictures, {streams} encoded on one core", fps, "1/s", 29.5, REPEATS, method, better="higher"))
    return rows


def sent(which: str, streams: int) -> dict[str, float]:
    with ExitStack() as stack:
        receiver = stack.enter_context(end("receive", core=1))
        sender = stack.enter_context(end(which, str(SEND_S), str(streams), core=0))
        ask(receiver, told(sender))
        ask(sender, told(receiver))
        return told(sender)


# --- detail


def detail() -> list[dict[str, Any]]:
    """The drawn eardrum at 500 kbit/s: what the ladder makes of it, against aiortc's own encoder at that rate."""
    frames = [Frame(data, Coding.JPEG, WIDTH, HEIGHT, 0) for data in pictures()]
    decoder = Decoder()
    film = [decoder(frame) for frame in frames]
    ours = median(similarity(luma(seen), luma(given)) for seen, given in zip(our_way(film), film, strict=True))
    theirs = median(similarity(luma(seen), luma(given)) for seen, given in zip(their_way(film), film, strict=False))
    method = (
        f"structural similarity of the luma (Wang 2004, windows of 8 x 8) of {len(film)} pictures of the otoscope, "
        "720p15 at 500 kbit/s, decoded at the size it is seen; median; no network; ratio: ours / peer"
    )
    peer = {"peer": SHIPPED, "peer_value": round(theirs, 4), "ratio": round(ours / theirs, 4)}
    return [row("otoscope at 500 kbit/s, similarity", ours, "", 1.0, len(film), method, **peer, better="higher")]


def our_way(film: Sequence[VideoFrame]) -> list[VideoFrame]:
    rung = Ladder(DETAIL).step(RATE_BPS, WIDTH, HEIGHT, RATE_HZ, 0.0)
    width, height = rung.scaled(WIDTH, HEIGHT)
    encoder = H264(width, height, RATE_HZ // rung.every, RATE_BPS)
    packets = [
        encoder.encode(picture.reformat(width, height), number * 1_000_000_000 // RATE_HZ, number == 0)
        for number, picture in enumerate(film)
    ]
    return decoded(packet.data for packet in packets if packet is not None)


def their_way(film: Sequence[VideoFrame]) -> list[VideoFrame]:
    encoder, packets = H264Encoder(), []
    encoder.target_bitrate = RATE_BPS
    for number, picture in enumerate(film):
        picture.pts, picture.time_base = number * 90_000 // RATE_HZ, Fraction(1, 90_000)
        units = list(encoder._encode_frame(picture, number == 0))
        packets.append(b"".join(b"\0\0\0\1" + unit for unit in units))
    return decoded(packets)


def decoded(packets: Iterable[bytes]) -> list[VideoFrame]:
    codec: VideoCodecContext = CodecContext.create("h264", "r")
    codec.thread_count = 1
    seen = [picture for data in packets for picture in codec.decode(av.Packet(data))]
    return [*seen, *codec.decode(None)]


def luma(picture: VideoFrame) -> Pixels:
    whole = picture.reformat(WIDTH, HEIGHT, "yuv420p", interpolation="BICUBIC").to_ndarray()
    return whole[:HEIGHT].astype(np.float64)


def similarity(seen: Pixels, given: Pixels) -> float:
    """Structural similarity in windows that do not overlap."""
    a, b = (x.reshape(HEIGHT // 8, 8, WIDTH // 8, 8).swapaxes(1, 2).reshape(-1, 64) for x in (seen, given))
    mean_a, mean_b = a.mean(1), b.mean(1)
    both = ((a - mean_a[:, None]) * (b - mean_b[:, None])).mean(1)
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + one) * (2 * both + two)
    return float((top / ((mean_a**2 + mean_b**2 + one) * (a.var(1) + b.var(1) + two))).mean())


# --- colour


def colours() -> list[dict[str, Any]]:
    """A chart of 24 patches as cameras give it, through the decoder and the encoder, read as the stream says."""
    rows = []
    for colour in (BROADCAST, Colour(Matrix.BT601, full=True), Colour(Matrix.BT709), Colour(Matrix.BT709, full=True)):
        picture = Decoder()(Frame(chart(colour), Coding.YUV420P, WIDTH, HEIGHT, 0, colour))
        packet = H264(WIDTH, HEIGHT, RATE_HZ, 2_500_000).encode(picture, 0, True)
        assert packet is not None
        (seen,) = decoded([packet.data])
        said = Colour(Matrix.BT709 if seen.colorspace == 1 else Matrix.BT601, full=seen.color_range == 2)
        worst = float(np.abs(patches(seen, said) - np.array(CHART)).max())
        name = f"colour chart, {colour.matrix.value} {'full' if colour.full else 'limited'}, largest error"
        method = "24 patches, 8 bit red, green, blue; decoded by the matrix and range that the stream says; no network"
        rows.append(row(name, worst, "of 255", 4.0, len(CHART), method))
    return rows


def chart(colour: Colour) -> bytes:
    """Packed yuv420p, 6 x 4 patches."""
    red, green, blue = WEIGHTS[colour.matrix]
    low, span, chroma = (0, 255, 255) if colour.full else (16, 219, 224)
    planes = [np.zeros((HEIGHT >> s, WIDTH >> s), np.uint8) for s in (0, 1, 1)]
    for (across, down), (r, g, b) in zip(itertools.product(range(6), range(4)), CHART, strict=True):
        y = (red * r + green * g + blue * b) / 255
        values = y, (b / 255 - y) / (2 * (1 - blue)), (r / 255 - y) / (2 * (1 - red))
        for plane, value, scale, base in zip(planes, values, (span, chroma, chroma), (low, 128, 128), strict=True):
            tall, wide = plane.shape[0] // 4, plane.shape[1] // 6
            plane[down * tall : (down + 1) * tall, across * wide : (across + 1) * wide] = round(base + scale * value)
    return b"".join(plane.tobytes() for plane in planes)


def patches(picture: VideoFrame, colour: Colour) -> Pixels:
    """Red, green and blue in the middle of each patch, from the numbers of the picture alone."""
    red, green, blue = WEIGHTS[colour.matrix]
    low, span, chroma = (0, 255, 255) if colour.full else (16, 219, 224)
    whole = picture.reformat(format="yuv444p").to_ndarray().astype(np.float64)
    found = []
    for across, down in itertools.product(range(6), range(4)):
        x, y = (2 * across + 1) * WIDTH // 12, (2 * down + 1) * HEIGHT // 8
        luma_, u, v = whole[:, y - 20 : y + 20, x - 20 : x + 20].mean((1, 2))
        bright, cb, cr = (luma_ - low) / span, (u - 128) / chroma, (v - 128) / chroma
        r, b = bright + 2 * (1 - red) * cr, bright + 2 * (1 - blue) * cb
        found.append((r, (bright - red * r - blue * b) / green, b))
    return 255 * np.array(found)
