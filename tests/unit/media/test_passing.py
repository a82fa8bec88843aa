"""A camera's own H.264: untouched where it can go so, encoded anew only while it cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from appliance.clock import boottime_ns
from appliance.media.encoder import H264, Encoded
from appliance.media.encoding import PictureEncoding
from appliance.media.group import Group, GroupDecoder
from appliance.media.outlet import Outlet
from appliance.media.passing import Course, Passing
from appliance.media.source import PictureSource
from appliance.media.still import take_still
from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding
from tests.unit.media.helpers import Hand, become

WIDTH, HEIGHT = 320, 180


def film(count: int, keys: frozenset[int] = frozenset({0})) -> list[Frame]:
    """What a camera gives: one grey step a picture, a key frame where asked."""
    camera, frames = H264(WIDTH, HEIGHT, 30, 500_000), []
    for number in range(count):
        luma = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        luma[:HEIGHT] = 40 + 5 * number
        packet = camera.encode(VideoFrame.from_ndarray(luma, format="yuv420p"), number * 33_333_333, number in keys)
        assert packet is not None
        frames.append(Frame(packet.data, Coding.H264, WIDTH, HEIGHT, boottime_ns()))
    return frames


class Camera(Hand[Frame]):
    """One that can be asked for a key frame."""

    asked = 0
    takes = True

    def request_key(self) -> bool:
        self.asked += 1
        return self.takes


def test_a_picture_can_be_had_at_any_time_of_a_group() -> None:
    group, decoder, frames = Group(), GroupDecoder(), film(12)
    for frame in frames[:8]:
        group.add(frame)
    assert abs(int(decoder(group.frames).to_ndarray()[10, 10]) - 75) <= 2  # 40 + 5 * 7
    group.add(frames[8])
    assert abs(int(decoder(group.frames).to_ndarray()[10, 10]) - 80) <= 2


def test_nothing_is_decoded_without_its_beginning() -> None:
    group = Group()
    for frame in film(4)[1:]:
        group.add(frame)
    assert group.frames == ()
    with pytest.raises(PacketError, match="no key frame of coded video yet"):
        GroupDecoder()(group.frames)


def test_a_group_without_end_is_forgotten() -> None:
    group, frames = Group(), film(2)
    group.add(frames[0])
    for _ in range(600):
        group.add(frames[1])
    assert len(group.frames) == 0


def passing(takes: bool) -> tuple[Passing, list[bool]]:
    asked: list[bool] = []

    def ask() -> bool:
        asked.append(takes)
        return takes

    return Passing(ask), asked


def test_a_key_frame_is_asked_of_the_camera_and_made_here_when_it_does_not_come() -> None:
    course, asked = passing(takes=True)
    steps = [course.step(False, True, 9e6, 2e6, at_s) for at_s in (0.0, 0.3, 0.5, 0.6)]
    assert steps == [Course.PASSED, Course.PASSED, Course.PASSED, Course.ENCODED]
    assert len(asked) == 1


def test_a_camera_that_cannot_be_asked_is_encoded_at_once_until_its_own_key_frame() -> None:
    course, _ = passing(takes=False)
    assert course.step(False, True, 9e6, 2e6, 10.0) is Course.ENCODED
    assert course.step(False, False, 9e6, 2e6, 10.1) is Course.ENCODED
    assert course.step(True, False, 9e6, 2e6, 10.2) is Course.PASSED


def test_a_narrow_way_is_encoded_for_and_passed_again_after_a_calm() -> None:
    course, asked = passing(takes=True)
    assert course.step(False, False, 1e6, 2e6, 10.0) is Course.ENCODED
    assert course.step(True, False, 9e6, 2e6, 12.0) is Course.ENCODED  # too soon
    assert course.step(False, False, 9e6, 2e6, 13.5) is Course.ENCODED  # the camera is asked for a key frame now
    assert len(asked) == 1
    assert course.step(True, False, 9e6, 2e6, 13.6) is Course.PASSED


async def taken(outlet: Outlet, count: int) -> list[Encoded]:
    async with asyncio.timeout(5):
        return [await outlet.take() for _ in range(count)]


async def give(camera: Camera, source: PictureSource, frames: list[Frame], outlet: Outlet) -> list[Encoded]:
    got = []
    for frame in frames:
        camera.items.put(frame)
        got += await taken(outlet, 1)
    return got


@pytest.fixture
async def live() -> Any:
    camera = Camera()
    source = PictureSource("otoscope", "Otoscope", camera.open)
    source.start()
    yield camera, source
    await source.aclose()


async def test_packets_are_the_cameras_own(live: tuple[Camera, PictureSource]) -> None:
    camera, source = live
    frames, outlet = film(6, frozenset({0, 3})), Outlet(1)
    encoding = PictureEncoding(source, H264, passes=True)
    encoding.join(outlet)
    await become(lambda: bool(source._slots))
    got = await give(camera, source, frames, outlet)
    encoding.leave(outlet)
    assert [packet.data for packet in got] == [frame.data for frame in frames]
    assert [packet.key for packet in got] == [True, False, False, True, False, False]
    assert [packet.capture_ns for packet in got] == [frame.capture_ns for frame in frames]


async def test_a_still_of_a_camera_that_gives_coded_video_only_is_decoded(live: tuple[Camera, PictureSource]) -> None:
    camera, source = live
    frames = film(5)
    for frame in frames:
        camera.items.put(frame)
    await become(lambda: source.newest is not None and source.newest.data == frames[-1].data)
    still = take_still(source)
    assert (still.media_type, still.width, still.height) == ("image/png", 320, 180)
    decoder: VideoCodecContext = CodecContext.create("png", "r")
    (picture,) = decoder.decode(Packet(still.data))
    assert abs(int(picture.to_ndarray(format="gray")[10, 10]) - round((60 - 16) * 255 / 219)) <= 3
