"""A still is the camera's own frame: the same bytes, or a PNG that loses nothing."""

from __future__ import annotations

import hashlib
import io

import av
import numpy as np
import pytest

from appliance.media.otoscope import pictures
from appliance.media.picture import Decoder, raw
from appliance.media.source import PictureSource
from appliance.media.still import StillRefused, kept, take_still
from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding, Colour, Matrix
from tests.unit.media.helpers import Hand, become, grey


async def still_of(frame: Frame) -> tuple[bytes, str, str, int, int, int, str]:
    hand = Hand[Frame]()
    source = PictureSource("otoscope", "Otoscope", hand.open)
    hand.items.put(frame)
    source.start()
    await become(lambda: source.newest is not None)
    still = take_still(source)
    await source.aclose()
    return (
        still.data, still.media_type, still.sha256, still.width, still.height, still.capture_ns, still.source
    )  # fmt: skip


async def test_jpeg_is_kept_byte_for_byte() -> None:
    jpeg = pictures(320, 180, 1)[0]
    kept = await still_of(Frame(jpeg, Coding.JPEG, 320, 180, 123))
    assert kept == (jpeg, "image/jpeg", hashlib.sha256(jpeg).hexdigest(), 320, 180, 123, "otoscope")


async def test_raw_picture_becomes_a_png_of_the_same_pixels() -> None:
    rows = np.random.default_rng(1).integers(0, 255, (48, 64, 2), np.uint8)
    frame = Frame(rows.tobytes(), Coding.YUYV422, 64, 48, 123)
    data, media_type, digest, width, height, *_ = await still_of(frame)
    assert (media_type, width, height) == ("image/png", 64, 48)
    assert digest == hashlib.sha256(data).hexdigest()
    with av.open(io.BytesIO(data), "r") as file:
        seen = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert np.array_equal(seen, raw(frame).to_ndarray(format="rgb24"))


def test_a_lost_source_gives_no_still() -> None:
    source = PictureSource("otoscope", "Otoscope", Hand[Frame]().open)
    with pytest.raises(StillRefused, match="otoscope: no picture: the source is absent") as refusal:
        take_still(source)
    assert refusal.value.code == "source-lost"


def test_drawn_eardrum_is_a_jpeg_of_its_size() -> None:
    decoded = Decoder()(Frame(pictures(320, 180, 1)[0], Coding.JPEG, 320, 180, 0))
    assert (decoded.width, decoded.height, decoded.format.name) == (320, 180, "yuv420p")
    assert decoded.to_ndarray()[90, 160] > 120  # the membrane is bright
    assert decoded.to_ndarray()[5, 5] < 30  # what the speculum hides is dark


def test_decoder_scales() -> None:
    decoded = Decoder()(grey(80, 64, 48), 32, 24)
    assert (decoded.width, decoded.height, int(decoded.to_ndarray()[12, 16])) == (32, 24, 80)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (Frame(b"\xff\xd8\xff", Coding.JPEG, 64, 48, 0), "got 3 bytes"),
        (Frame(b"12345", Coding.NV12, 64, 48, 0), "got 5 bytes of nv12, wanted 4608"),
        (Frame(b"", Coding.H264, 64, 48, 0), "got a frame coded h264, wanted a raw one"),
    ],
)
def test_bytes_that_are_no_picture_are_refused(frame: Frame, message: str) -> None:
    with pytest.raises(PacketError, match=message):
        Decoder()(frame)


@pytest.mark.parametrize(
    ("colour", "rgb"),
    [
        (None, [255, 193, 137]),  # what does not say: BT.601, 16 to 235
        (Colour(Matrix.BT601, full=True), [255, 183, 132]),
        (Colour(Matrix.BT709, full=False), [255, 199, 133]),
        (Colour(Matrix.BT709, full=True), [255, 187, 129]),
    ],
)
def test_a_pictures_colours_are_those_that_the_camera_said(colour: Colour | None, rgb: list[int]) -> None:
    planes = bytes([200]) * 256 + bytes([90]) * 64 + bytes([170]) * 64
    data, media_type = kept(Frame(planes, Coding.YUV420P, 16, 16, 0, colour))
    assert media_type == "image/png"
    with av.open(io.BytesIO(data), "r") as file:
        picture = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert picture[4, 4].tolist() == rgb


def test_full_range_is_brought_to_the_range_that_is_sent() -> None:
    planes = bytes([200]) * 256 + bytes([128]) * 128
    full = Decoder()(Frame(planes, Coding.YUV420P, 16, 16, 0, Colour(Matrix.BT709, full=True)))
    limited = Decoder()(Frame(planes, Coding.YUV420P, 16, 16, 0, Colour(Matrix.BT709, full=False)))
    assert (int(full.to_ndarray()[0, 0]), int(limited.to_ndarray()[0, 0])) == (188, 200)
    assert (int(full.colorspace), int(limited.colorspace)) == (1, 1)  # AVCOL_SPC_BT709: the matrix is carried on
