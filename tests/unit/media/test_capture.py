"""The thread that reads hardware: states, loss, replug, and the plug that the simulator pulls."""

from __future__ import annotations

import logging
import threading

import pytest

from appliance.media import capture
from appliance.media.capture import Capture, State
from appliance.media.slot import Slot
from drivers.core.errors import LinkError, LinkLost
from tests.unit.media.helpers import Hand, become, until


async def test_source_is_absent_then_live_then_lost_then_live_again() -> None:
    hand = Hand[str]()
    got: list[str] = []
    source = Capture("camera", hand.open, got.append)
    assert source.state is State.ABSENT
    hand.items.put("first")
    source.start()
    await become(lambda: source.state is State.LIVE)
    hand.items.put(LinkLost("unplugged"))
    await become(lambda: source.state is State.LOST)
    hand.items.put("second")
    await become(lambda: source.state is State.LIVE)
    assert got == ["first", "second"]
    assert hand.opened >= 2
    await source.aclose()


async def test_pulling_the_plug_tells_at_once_and_closes_the_reader() -> None:
    hand = Hand[str]()
    source = Capture("camera", hand.open, lambda item: None)
    hand.items.put("picture")
    source.start()
    await become(lambda: source.state is State.LIVE)
    source.stop()
    assert source.state is State.LOST
    await become(lambda: hand.closed == hand.opened)
    opened = hand.opened
    hand.items.put("after the plug was pulled")
    source.start()
    await become(lambda: source.state is State.LIVE)
    assert hand.opened > opened
    await source.aclose()


async def test_silence_is_a_loss_even_if_the_hardware_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "QUIET_NS", 50_000_000)
    asked, hang = threading.Event(), threading.Event()

    class Hung:
        def read(self) -> str:
            if asked.is_set():
                hang.wait(5)
            asked.set()
            return "picture"

        def close(self) -> None:
            pass

    source = Capture("camera", Hung, lambda item: None)
    source.start()
    await become(lambda: source.state is State.LIVE)
    await become(lambda: source.state is State.LOST)
    hang.set()
    await source.aclose()


async def test_a_fault_of_a_reader_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    hand = Hand[str]()
    got: list[str] = []
    hand.items.put(KeyError("bug"))
    hand.items.put("picture")
    source = Capture("camera", hand.open, got.append)
    with caplog.at_level(logging.ERROR):
        source.start()
        await become(lambda: got == ["picture"])
    assert "camera: reader failed" in caplog.text
    await source.aclose()


async def test_what_cannot_be_opened_is_absent_and_tried_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(capture, "LONGEST_PAUSE_S", 0.02)
    tries = []

    def refuse() -> Hand[str]:
        tries.append(1)
        raise LinkError("no such device")

    source = Capture("camera", refuse, lambda item: None)
    source.start()
    await become(lambda: len(tries) >= 4)
    assert source.state is State.ABSENT
    await source.aclose()


async def test_closing_ends_the_thread() -> None:
    hand = Hand[str]()
    source = Capture("to-be-ended", hand.open, lambda item: None)
    source.start()
    await become(lambda: hand.opened > 0)
    await source.aclose()
    until(lambda: all(thread.name != "capture-to-be-ended" for thread in threading.enumerate()))


def test_slot_keeps_the_newest_and_counts_the_rest() -> None:
    slot = Slot[int]()
    for number in (1, 2, 3):
        slot.put(number)
    assert slot.take(0) == 3
    assert slot.take(0) is None
    assert slot.dropped == 2
