"""Cameras on one USB bus: who gives way to whom, and what is said of it. The bus is a number of pixels a second."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from appliance.media.capture import Reader
from appliance.media.sharing import TAKEN, TAKEN_OF_ROOM, Sharing
from drivers.core.errors import LinkError, LinkLost
from drivers.links.camera import BusFull, CameraSettings, Frame
from drivers.links.formats import Coding, Offer, Rung, Wanted, exam_ladder, room_ladder

RATES = (Fraction(5), Fraction(10), Fraction(15), Fraction(30))
HD = tuple(Offer(Coding.JPEG, w, h, RATES) for w, h in ((320, 240), (640, 480), (1280, 720), (1920, 1080)))
WANTED = Wanted(codings=TAKEN)


class Bus:
    """A bus with so many million pixels a second; cameras are plugged in by name."""

    def __init__(self, megapixels: float, *plugged: str) -> None:
        self.room = megapixels * 1e6
        self.plugged = set(plugged)
        self.running: dict[str, CameraSettings] = {}

    def node(self, name: str) -> str:
        if name not in self.plugged:
            raise LinkError(f"camera {name}: nothing is plugged into this port")
        return name

    def bus(self, name: str) -> str:
        return "elsewhere" if name.startswith("other") else "1"

    def offers(self, node: str) -> Sequence[Offer]:
        del node
        return HD

    def open(self, settings: CameraSettings) -> Reader[Frame]:
        taken = sum(float(one.width * one.height * one.rate_hz) for one in self.running.values())
        if taken + float(settings.width * settings.height * settings.rate_hz) > self.room:
            raise BusFull("no space left")
        self.running[settings.device] = settings
        return Running(self, settings.device)

    def of(self, name: str) -> tuple[int, int, int]:
        one = self.running[name]
        return one.width, one.height, int(one.rate_hz)


class Running:
    def __init__(self, bus: Bus, name: str) -> None:
        self._bus, self._name = bus, name

    def read(self) -> Frame:
        if self._name not in self._bus.plugged:
            raise LinkLost("unplugged")
        return Frame(b"\xff\xd8", Coding.JPEG, 64, 48, 0)

    def close(self) -> None:
        del self._bus.running[self._name]


def test_alone_both_run_at_their_best() -> None:
    bus = Bus(200, "room", "otoscope")
    sharing = Sharing(bus)
    for name in ("room", "otoscope"):
        open_, codes = sharing.join(name, name == "room", WANTED)
        open_().read()
        assert (bus.of(name), codes()) == ((1920, 1080, 30), ())


def test_the_room_gives_way_until_the_instrument_runs_at_its_best() -> None:
    bus = Bus(80, "room", "otoscope")  # the two want 124
    sharing = Sharing(bus)
    open_room, room_codes = sharing.join("room", True, WANTED)
    open_exam, exam_codes = sharing.join("otoscope", False, WANTED)
    room = open_room()
    assert (bus.of("room"), room_codes()) == ((1920, 1080, 30), ())
    with pytest.raises(LinkError, match="waits until room has given way"):
        open_exam()
    assert exam_codes() == ("no-bandwidth",)
    with pytest.raises(LinkLost, match="gives way"):
        room.read()
    room.close()
    open_exam()
    room = open_room()
    assert (bus.of("otoscope"), exam_codes()) == ((1920, 1080, 30), ())
    assert (bus.of("room"), room_codes()) == ((640, 480, 30), ("reduced",))
    room.read()


def test_a_room_camera_for_which_nothing_is_left_says_so_and_comes_back_when_the_instrument_goes() -> None:
    bus = Bus(63, "room", "otoscope")
    sharing = Sharing(bus)
    open_exam, _ = sharing.join("otoscope", False, WANTED)
    open_room, room_codes = sharing.join("room", True, WANTED)
    exam = open_exam()
    for _ in range(3):  # however often it is tried
        with pytest.raises(LinkError, match="the bus has no room for it"):
            open_room()
        assert room_codes() == ("no-bandwidth",)
        assert bus.of("otoscope") == (1920, 1080, 30)
    bus.plugged.remove("otoscope")
    with pytest.raises(LinkLost):
        exam.read()
    exam.close()
    open_room()
    assert (bus.of("room"), room_codes()) == ((1920, 1080, 30), ())


def test_asked_twice_before_it_has_given_way_the_room_goes_down_once() -> None:
    bus = Bus(100, "room", "otoscope")
    sharing = Sharing(bus)
    open_room, _ = sharing.join("room", True, WANTED)
    open_exam, _ = sharing.join("otoscope", False, WANTED)
    room = open_room()
    for _ in range(3):
        with pytest.raises(LinkError, match="waits until room"):
            open_exam()
    room.close()
    open_exam()
    open_room()
    assert bus.of("room") == (1280, 720, 30)


def test_a_room_that_has_given_everything_stays_out_while_the_instrument_waits() -> None:
    bus = Bus(63, "room", "otoscope")
    sharing = Sharing(bus)
    open_room, codes = sharing.join("room", True, WANTED)
    open_exam, _ = sharing.join("otoscope", False, WANTED)
    for _ in range(5):  # each time the room is back before the instrument
        room = open_room()
        with pytest.raises(LinkError, match="waits until room"):
            open_exam()
        room.close()
    for _ in range(2):
        with pytest.raises(LinkError, match="no room for it"):
            open_room()
    assert (bus.running, codes()) == ({}, ("no-bandwidth",))
    open_exam()
    assert bus.of("otoscope") == (1920, 1080, 30)


def test_an_instrument_keeps_its_sharpness_and_loses_rate_when_nobody_can_give_way() -> None:
    bus = Bus(35, "otoscope", "other")
    sharing = Sharing(bus)
    elsewhere, _ = sharing.join("other", True, Wanted(320, 240, 15, TAKEN))
    elsewhere()  # a room camera on another bus is left alone
    open_exam, codes = sharing.join("otoscope", False, WANTED)
    open_exam()
    assert (bus.of("otoscope"), codes()) == ((1920, 1080, 15), ("reduced",))
    assert bus.of("other") == (320, 240, 15)


def test_the_cameras_own_coding_goes_before_jpeg_and_jpeg_before_raw() -> None:
    raw = Offer(Coding.YUYV422, 1920, 1080, RATES)
    h264 = Offer(Coding.H264, 1280, 720, RATES)
    assert exam_ladder((raw, *HD, h264), Wanted())[0] == Rung(Coding.H264, 1280, 720, Fraction(30))
    assert exam_ladder((raw, *HD, h264), WANTED)[0] == Rung(Coding.JPEG, 1920, 1080, Fraction(30))
    assert exam_ladder((raw,), WANTED)[0].coding is Coding.YUYV422
    assert exam_ladder((h264,), WANTED)[0] == Rung(Coding.H264, 1280, 720, Fraction(30))
    room = Wanted(1280, 720, 30, TAKEN_OF_ROOM)
    assert room_ladder((raw, *HD, h264), room)[0] == Rung(Coding.H264, 1280, 720, Fraction(30))


def test_a_raw_camera_that_is_slow_at_its_largest_size_runs_at_one_that_is_not() -> None:
    slow = (Offer(Coding.YUYV422, 640, 480, RATES), Offer(Coding.YUYV422, 1920, 1080, (Fraction(5),)))
    assert exam_ladder(slow, WANTED)[0] == Rung(Coding.YUYV422, 640, 480, Fraction(30))


def test_each_rung_of_the_room_costs_less_and_each_of_the_instrument_keeps_its_size() -> None:
    assert [(r.width, r.height, int(r.rate_hz)) for r in room_ladder(HD, WANTED)] == [
        (1920, 1080, 30), (1280, 720, 30), (640, 480, 30), (640, 480, 15), (320, 240, 15)
    ]  # fmt: skip
    assert [(r.width, r.height, int(r.rate_hz)) for r in exam_ladder(HD, Wanted(1280, 720))] == [
        (1280, 720, 30), (1280, 720, 15), (1280, 720, 10), (1280, 720, 5)
    ]  # fmt: skip
