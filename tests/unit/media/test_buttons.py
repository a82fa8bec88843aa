"""Buttons: one press is one still, of the right camera, and what a pedal types goes nowhere else."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.config import parse
from appliance.media.buttons import Buttons, wanted
from drivers.core.errors import LinkError, LinkLost
from drivers.links.buttons import Button, ButtonSettings, Press
from tests.unit.media.helpers import Hand, become

KEY, CAMERA, B = 1, 212, 48  # linux/input-event-codes.h: EV_KEY, KEY_CAMERA, KEY_B
PEDAL = ButtonSettings("/dev/input/by-id/usb-Pedal-event-kbd", "KEY_B")


@dataclass(frozen=True, slots=True)
class Event:
    code: int
    value: int
    type: int = KEY


class Pedal:
    """An input node over a pipe: what is put is ready to be read, as of evdev."""

    def __init__(self, codes: Sequence[int] = (B, 30), grab_error: OSError | None = None) -> None:
        self._codes, self._grab_error = list(codes), grab_error
        self._reads, self._writes = os.pipe()
        self._batches: deque[list[Event] | OSError] = deque()
        self.grabbed = self.closed = False

    def put(self, *events: Event) -> None:
        self._batches.append(list(events))
        os.write(self._writes, b"x")

    def unplug(self) -> None:
        self._batches.append(OSError(19, "No such device"))
        os.write(self._writes, b"x")

    def fileno(self) -> int:
        return self._reads

    def grab(self) -> None:
        if self._grab_error is not None:
            raise self._grab_error
        self.grabbed = True

    def capabilities(self) -> dict[int, list[int]]:
        return {0: [0, 1, 4], KEY: self._codes}

    def read(self) -> Iterable[Event]:
        os.read(self._reads, 1)
        batch = self._batches.popleft()
        if isinstance(batch, OSError):
            raise batch
        return batch

    def close(self) -> None:
        self.closed = True
        os.close(self._reads)
        os.close(self._writes)


def opened(pedal: Pedal, settings: ButtonSettings = PEDAL) -> Button:
    return Button(settings, lambda _: pedal)


def test_a_pedal_is_grabbed_and_gives_one_press_however_long_it_is_held() -> None:
    pedal = Pedal()
    button = opened(pedal)
    assert pedal.grabbed
    pedal.put(Event(B, 1))
    assert isinstance(button.read(), Press)
    pedal.put(Event(B, 2))  # repeated by the kernel
    pedal.put(Event(B, 0))
    assert [button.read(0.01) for _ in range(3)] == [None, None, None]
    button.close()
    assert pedal.closed


def test_other_keys_and_other_events_are_no_press() -> None:
    pedal = Pedal()
    button = opened(pedal)
    pedal.put(Event(30, 1), Event(B, 1, type=4))
    assert button.read(0.01) is None


def test_a_bouncing_contact_is_one_press_and_the_next_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    pedal = Pedal()
    button = opened(pedal)
    now = [1_000_000_000]
    monkeypatch.setattr("drivers.links.buttons.time.clock_gettime_ns", lambda _: now[0])
    told = []
    for later_ms in (0, 20, 280, 290, 320):  # each counts from the one before: a contact that bounces on is one press
        now[0] += later_ms * 1_000_000
        pedal.put(Event(B, 1), Event(B, 0))
        told.append(button.read())
    assert told == [Press(1_000_000_000), None, None, None, Press(1_910_000_000)]


def test_an_unplugged_pedal_is_a_lost_link() -> None:
    pedal = Pedal()
    button = opened(pedal)
    pedal.unplug()
    with pytest.raises(LinkLost, match="No such device"):
        button.read()


def test_a_device_without_the_key_is_not_grabbed_and_one_that_is_held_is_not_ours() -> None:
    keyboard = Pedal(codes=(30,))
    with pytest.raises(LinkError, match="no device with KEY_B is plugged in"):
        opened(keyboard)
    assert (keyboard.grabbed, keyboard.closed) == (False, True)
    held = Pedal(grab_error=OSError(16, "Device or resource busy"))
    with pytest.raises(LinkError, match="somebody else holds it: Device or resource busy"):
        opened(held)
    assert held.closed


def test_a_key_that_the_kernel_does_not_know_and_a_device_that_is_not_there_are_said() -> None:
    with pytest.raises(LinkError, match="the kernel knows no key KEY_PEDAL"):
        Button(ButtonSettings("/dev/input/by-id/any", "KEY_PEDAL"))
    with pytest.raises(LinkError, match="cannot open: No such file or directory"):
        Button(ButtonSettings("/dev/input/by-id/none", "KEY_B"))


def test_a_cameras_own_button_is_always_its_own(tmp_path: Path) -> None:
    camera = {"key": "otoscope", "name": "Otoscope", "kind": "video", "from": "v4l2:usb:1-1.4"}
    drawn = {"key": "room", "name": "Room", "kind": "video", "from": "generator:room"}
    pedal = {"device": "/dev/input/by-id/pedal", "key": "KEY_B", "source": "room"}
    again = {"device": "auto", "source": "otoscope"}
    settings = parse({"sources": [camera, drawn], "buttons": [pedal, again]}, str(tmp_path))
    assert wanted(settings) == [
        ("otoscope", ButtonSettings("auto", "KEY_CAMERA", "usb:1-1.4")),
        ("room", ButtonSettings("/dev/input/by-id/pedal", "KEY_B", "")),
    ]


async def test_presses_come_out_in_order_and_too_many_are_dropped_and_counted() -> None:
    hands = {"KEY_B": Hand[Press | None](), "KEY_C": Hand[Press | None]()}
    made = Buttons(
        [("otoscope", ButtonSettings("a", "KEY_B")), ("room", ButtonSettings("b", "KEY_C"))],
        lambda settings: hands[settings.key].open(),
    )
    presses = made.presses()
    hands["KEY_B"].items.put(None)
    hands["KEY_B"].items.put(Press(1))
    async with asyncio.timeout(5):
        assert await anext(presses) == "otoscope"
        hands["KEY_C"].items.put(Press(2))
        assert await anext(presses) == "room"
        for number in range(7):
            hands["KEY_B"].items.put(Press(number))
        await become(lambda: made.dropped == 3)
        assert [await anext(presses) for _ in range(4)] == ["otoscope"] * 4
    await made.aclose()
