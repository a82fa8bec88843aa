"""One encode for many, none for nobody; back-pressure leaves pictures out, and never breaks the chain unseen."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest
from av.video.frame import VideoFrame

from appliance.media.encoder import Encoded
from appliance.media.encoding import PictureEncoding, SoundEncoding, usual_rate_bps
from appliance.media.outlet import Outlet
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from drivers.links.audio import Period
from drivers.links.camera import Frame
from drivers.links.formats import Coding
from tests.unit.media.helpers import Hand, become, grey, period, tone


class Counting:
    """An encoder that only counts."""

    made = 0

    def __init__(self, width: int, height: int, rate_hz: int, rate_bps: int) -> None:
        type(self).made += 1
        self.rate_bps = rate_bps
        self._numbers = itertools.count()

    def encode(self, picture: VideoFrame, capture_ns: int, key: bool) -> Encoded | None:
        number = next(self._numbers)
        return Encoded(b"%d" % number, number, key or number == 0, capture_ns)


def packet(number: int, key: bool = False) -> Encoded:
    return Encoded(b"", number, key, 0)


async def test_outlet_passes_nothing_before_a_key_and_nothing_after_a_loss_until_the_next() -> None:
    outlet = Outlet(depth=1)
    outlet.offer(packet(0))
    outlet.offer(packet(1, key=True))
    assert (await outlet.take()).pts == 1
    outlet.offer(packet(2))
    outlet.offer(packet(3))  # no room: the chain breaks here
    assert (await outlet.take()).pts == 2
    outlet.offer(packet(4))
    outlet.offer(packet(5, key=True))
    assert (await outlet.take()).pts == 5
    assert outlet.dropped == 3


async def test_outlet_wakes_its_taker_from_another_thread() -> None:
    outlet = Outlet(depth=1)
    taker = asyncio.create_task(outlet.take())
    await asyncio.sleep(0)
    threading.Thread(target=outlet.offer, args=(packet(7, key=True),)).start()
    assert (await asyncio.wait_for(taker, 5)).pts == 7


@pytest.fixture
def hand() -> Hand[Frame]:
    return Hand[Frame]()


async def test_nothing_is_encoded_while_nobody_watches_and_once_for_two_who_do(hand: Hand[Frame]) -> None:
    Counting.made = 0
    source = PictureSource("camera", "Camera", hand.open)
    shared = PictureEncoding(source, Counting)
    source.start()
    hand.items.put(grey(100))
    await become(lambda: source.newest is not None)
    assert Counting.made == 0
    first, second = Outlet(1), Outlet(1)
    shared.join(first)
    shared.join(second)
    await become(lambda: any(t.name == "encode-camera" for t in threading.enumerate()))
    sent = asyncio.create_task(first.take())
    while not sent.done():
        hand.items.put(grey(100))
        await asyncio.sleep(0.02)
    assert await asyncio.wait_for(second.take(), 5) is sent.result()
    assert Counting.made == 1
    shared.leave(first)
    shared.leave(second)
    await become(lambda: all(t.name != "encode-camera" for t in threading.enumerate()))
    await source.aclose()


async def test_pictures_are_left_out_while_the_peer_is_behind(hand: Hand[Frame]) -> None:
    source = PictureSource("camera", "Camera", hand.open)
    shared, outlet = PictureEncoding(source, Counting), Outlet(1)
    source.start()
    shared.join(outlet)
    for _ in range(500):
        hand.items.put(grey(100))
        await asyncio.sleep(0.005)
        if shared.left_out > 3:
            break
    assert shared.left_out > 3
    assert (shared.pictures, outlet.dropped) == (1, 0)
    shared.leave(outlet)
    await source.aclose()


async def test_key_frames_that_are_asked_for_are_limited(hand: Hand[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("appliance.media.encoding.time.monotonic", lambda: now_s)
    shared = PictureEncoding(PictureSource("camera", "Camera", hand.open), Counting)

    def due() -> bool:
        return shared._key_due(())

    shared.request_key()
    assert due()
    shared.request_key()
    now_s = 100.69
    assert not due()
    now_s = 100.71
    assert due()
    assert not due()


async def test_what_is_no_picture_is_passed_over(hand: Hand[Frame]) -> None:
    source = PictureSource("camera", "Camera", hand.open)
    shared, outlet = PictureEncoding(source, Counting), Outlet(1)
    source.start()
    shared.join(outlet)
    await become(lambda: any(t.name == "encode-camera" for t in threading.enumerate()))
    sent = asyncio.create_task(outlet.take())
    while not sent.done():
        hand.items.put(Frame(b"\xff\xd8 torn", Coding.JPEG, 64, 48, 0))
        hand.items.put(Frame(b"short", Coding.YUV420P, 64, 48, 0))
        await asyncio.sleep(0.02)
        hand.items.put(grey(100))
        await asyncio.sleep(0.02)
    assert sent.result().pts == 0
    shared.leave(outlet)
    await source.aclose()


async def test_sound_is_encoded_once_for_all_who_listen() -> None:
    hand = Hand[Period]()
    source = SoundSource("stethoscope", "Stethoscope", hand.open)
    shared = SoundEncoding(source)
    first, second = Outlet(5), Outlet(5)
    shared.join(first)
    shared.join(second)
    source.start()
    sent = asyncio.create_task(first.take())
    while not sent.done():
        hand.items.put(period(tone(50, 8000, 0.02)))
        await asyncio.sleep(0.02)
    assert await asyncio.wait_for(second.take(), 5) is sent.result()
    shared.leave(first)
    shared.leave(second)
    await become(lambda: all(t.name != "encode-stethoscope" for t in threading.enumerate()))
    await source.aclose()


@pytest.mark.parametrize(
    ("size", "rate_bps"), [((1280, 720, 30), 2_488_320), ((640, 360, 15), 500_000), ((1920, 1080, 60), 4_000_000)]
)
def test_usual_rates(size: tuple[int, int, int], rate_bps: int) -> None:
    assert usual_rate_bps(*size) == rate_bps
