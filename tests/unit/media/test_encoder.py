"""Encoders by themselves: what is decodable, what a change of rate does, what a heart sound keeps."""

from __future__ import annotations

import itertools

import av
import numpy as np
import pytest
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from appliance.media.encoder import H264, Encoded, Opus, PictureEncoder, Vp8
from appliance.media.picture import coloured
from appliance.media.stethoscope import Block
from drivers.links.formats import Colour, Matrix
from tests.unit.media.helpers import gain_db, tone

WIDTH, HEIGHT, RATE_HZ = 320, 180, 30
MAKERS = pytest.mark.parametrize(("make", "decoder"), [(H264, "h264"), (Vp8, "libvpx")])


def noise(number: int) -> VideoFrame:
    """A picture that is hard to code, another one for each number."""
    random = np.random.default_rng(number)
    return VideoFrame.from_ndarray(random.integers(16, 235, (HEIGHT * 3 // 2, WIDTH), np.uint8), format="yuv420p")


def run(encoder: PictureEncoder, numbers: range, keys: tuple[int, ...] = ()) -> list[Encoded]:
    packets = [encoder.encode(noise(number), number * 33_333_333, number in keys) for number in numbers]
    return [packet for packet in packets if packet is not None]


@MAKERS
def test_first_picture_is_a_key_and_then_only_those_asked_for(make: type[H264] | type[Vp8], decoder: str) -> None:
    packets = run(make(WIDTH, HEIGHT, RATE_HZ, 800_000), range(12), keys=(5,))
    assert [number for number, packet in enumerate(packets) if packet.key] == [0, 5]


@MAKERS
def test_every_picture_comes_out_at_once_and_from_a_key_on_it_can_be_decoded(
    make: type[H264] | type[Vp8], decoder: str
) -> None:
    packets = run(make(WIDTH, HEIGHT, RATE_HZ, 800_000), range(10), keys=(4,))
    assert len(packets) == 10
    codec = CodecContext.create(decoder, "r")
    assert isinstance(codec, VideoCodecContext)
    pictures = [picture for packet in packets[4:] for picture in codec.decode(av.Packet(packet.data))]
    pictures += codec.decode(None)
    assert len(pictures) == 6


@MAKERS
def test_time_stamps_are_the_capture_in_the_rtp_clock(make: type[H264] | type[Vp8], decoder: str) -> None:
    encoder = make(WIDTH, HEIGHT, RATE_HZ, 800_000)
    packet = encoder.encode(noise(0), 5_000_000_000_000, False)
    assert packet is not None
    assert (packet.pts, packet.capture_ns) == (450_000_000, 5_000_000_000_000)


def test_h264_changes_its_rate_without_a_key_frame() -> None:
    encoder = H264(WIDTH, HEIGHT, RATE_HZ, 1_200_000)
    before = run(encoder, range(60))
    encoder.rate_bps = 300_000
    after = run(encoder, range(60, 180))
    assert sum(packet.key for packet in after) == 0
    assert rate(before[30:]) > 900_000
    assert rate(after[60:]) < 400_000


def test_h264_rises_beyond_what_it_was_made_for_with_one_key_frame() -> None:
    encoder = H264(WIDTH, HEIGHT, RATE_HZ, 300_000)
    run(encoder, range(60))
    encoder.rate_bps = 1_200_000
    after = run(encoder, range(60, 180))
    assert sum(packet.key for packet in after) == 1
    assert rate(after[60:]) > 900_000


def test_h264_is_constrained_baseline_and_carries_its_parameters_with_each_key() -> None:
    packet = run(H264(WIDTH, HEIGHT, RATE_HZ, 800_000), range(1))[0]
    kinds = [part[0] & 0x1F for part in packet.data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]]
    sps = packet.data[packet.data.index(b"\0\0\0\1\x67") + 4 :]
    assert [kind for kind in kinds if kind in {5, 7, 8}] == [7, 8, 5]
    assert sps[1:3] == b"\x42\xc0"  # profile 66, constraint sets 0 and 1


def rate(packets: list[Encoded]) -> float:
    return sum(len(packet.data) for packet in packets) * 8 * RATE_HZ / len(packets)


@pytest.mark.parametrize("frequency_hz", [20, 40, 60, 100, 500, 1000, 2000])
def test_opus_keeps_what_a_stethoscope_hears(frequency_hz: int) -> None:
    encoder, decoder = Opus(), CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout, decoder.format = 48000, "mono", "s16"
    heard = []
    for packet in sounds(encoder, tone(frequency_hz, 8000, 2.0)):
        heard += [frame.to_ndarray().reshape(-1) for frame in decoder.decode(av.Packet(packet.data))]
    steady = np.concatenate(heard)[48000:].astype(np.float64)
    assert abs(gain_db(steady, frequency_hz, 48000)) < 0.2


def test_opus_sends_every_block_even_in_silence() -> None:
    packets = sounds(Opus(), np.zeros(8000, np.int16))
    assert [after.pts - before.pts for before, after in itertools.pairwise(packets)] == [960] * 49
    assert min(len(packet.data) for packet in packets) > 2  # DTX would send packets of one or two bytes


def sounds(encoder: Opus, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> list[Encoded]:
    blocks = [
        Block(samples[160 * n : 160 * n + 160], n, 160 * n, 1_000_000_000 + 20_000_000 * n, 1)
        for n in range(len(samples) // 160)
    ]
    return [packet for block in blocks if (packet := encoder.encode(block)) is not None]


@pytest.mark.parametrize(("matrix", "said"), [(Matrix.BT601, 6), (Matrix.BT709, 1), (Matrix.BT2020, 9)])
def test_the_stream_says_its_matrix_and_its_range(matrix: Matrix, said: int) -> None:
    packet = H264(WIDTH, HEIGHT, RATE_HZ, 800_000).encode(coloured(noise(0), Colour(matrix)), 0, True)
    assert packet is not None
    codec: VideoCodecContext = CodecContext.create("h264", "r")
    (picture,) = [*codec.decode(Packet(packet.data)), *codec.decode(None)]
    assert (picture.colorspace, picture.color_range) == (said, 1)  # as FFmpeg numbers them; 1 is limited
