"""A sound card's own settings: read through its mixer, set where the installer said so, told in codes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from appliance.media import card
from appliance.media.card import Stethoscope, told
from appliance.media.sound import SoundSource
from drivers.core.errors import LinkError
from drivers.links.audio import CardSettings, Period
from drivers.links.mixer import Input, Mixer
from tests.unit.media.helpers import Hand, become, tone


class Asound:
    """libasound with one card: a microphone with gain and mute, an automatic gain control, a loudspeaker."""

    def __init__(self, volume: int = 10, on: int = 1, automatic: int = 0) -> None:
        self.names = {1: b"Speaker", 2: b"Mic", 3: b"Auto Gain Control"}
        self.volume, self.on, self.automatic = volume, on, automatic
        self.closed = 0

    def __getattr__(self, name: str) -> Callable[..., int]:
        del name
        return lambda *_: 0  # open, attach, register, load

    def snd_mixer_open(self, mixer: Any, mode: int) -> int:
        del mode
        mixer._obj.value = 7
        return 0

    def snd_mixer_close(self, mixer: ctypes.c_void_p) -> int:
        assert mixer.value == 7
        self.closed += 1
        return 0

    def snd_mixer_first_elem(self, mixer: ctypes.c_void_p) -> int:
        del mixer
        return 1

    def snd_mixer_elem_next(self, element: int) -> int | None:
        return element + 1 if element < 3 else None

    def snd_mixer_selem_get_name(self, element: int) -> bytes:
        return self.names[element]

    def snd_mixer_selem_has_capture_volume(self, element: int) -> int:
        return int(element == 2)

    def snd_mixer_selem_has_capture_switch(self, element: int) -> int:
        return int(element == 2)

    def snd_mixer_selem_get_capture_volume_range(self, element: int, low: Any, high: Any) -> int:
        low._obj.value, high._obj.value = 0, 20
        return 0

    def snd_mixer_selem_get_capture_volume(self, element: int, channel: int, out: Any) -> int:
        assert (element, channel) == (2, 0)
        out._obj.value = self.volume
        return 0

    def snd_mixer_selem_get_capture_dB(self, element: int, channel: int, out: Any) -> int:  # noqa: N802 - libasound's
        out._obj.value = -1250
        return 0

    def snd_mixer_selem_get_capture_switch(self, element: int, channel: int, out: Any) -> int:
        out._obj.value = self.on
        return 0 if element == 2 else -22

    def snd_mixer_selem_get_playback_switch(self, element: int, channel: int, out: Any) -> int:
        assert element == 3  # the loudspeaker is nobody's business
        out._obj.value = self.automatic
        return 0

    def snd_mixer_selem_set_capture_volume_all(self, element: int, value: int) -> int:
        assert element == 2
        self.volume = value
        return 0

    def snd_mixer_selem_set_capture_switch_all(self, element: int, on: int) -> int:
        if element == 2:
            self.on = on
        return 0

    def snd_mixer_selem_set_playback_switch_all(self, element: int, on: int) -> int:
        assert element == 3
        self.automatic = on
        return 0


def test_a_cards_input_is_read() -> None:
    assert Mixer("hw:STE0001", Asound(volume=5, on=0, automatic=1)).read() == Input(True, 25, -12.5, True)
    assert Mixer("hw:STE0001", Asound()).read() == Input(False, 50, -12.5, False)


def test_it_is_set_to_what_the_installer_chose() -> None:
    lib = Asound(volume=0, on=0, automatic=1)
    mixer = Mixer("hw:STE0001", lib)
    mixer.set(70)
    assert (lib.volume, lib.on, lib.automatic) == (14, 1, 0)
    mixer.close()
    mixer.close()
    assert lib.closed == 1


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        (Input(), ()),
        (Input(False, 50, 0.0, False), ()),
        (Input(True, 50, 0.0, None), ("muted",)),
        (Input(False, 9, None, True), ("gain-automatic", "gain-low")),
        (Input(False, 96, None, None), ("gain-high",)),
        (Input(False, 10, None, None), ()),
        (Input(False, 95, None, None), ()),
    ],
)
def test_what_is_wrong_with_it_is_told_in_codes(state: Input, codes: tuple[str, ...]) -> None:
    assert told(state) == codes


def stethoscope(lib: Asound, hand: Hand[Period], gain_percent: int | None = None) -> tuple[Stethoscope, list[str]]:
    asked: list[str] = []

    def mixer(name: str) -> Mixer:
        asked.append(name)
        return Mixer(name, lib)

    def open_(settings: CardSettings) -> Hand[Period]:
        asked.append(settings.device)
        return hand.open()

    return Stethoscope("hw:CARD=STE0001,DEV=0", None, gain_percent, mixer, open_), asked


async def test_a_muted_card_is_told_while_it_runs_and_no_more_when_it_is_turned_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(card, "LOOK_NS", 0)
    lib, hand = Asound(volume=1, on=0), Hand[Period]()
    opened, asked = stethoscope(lib, hand)
    source = SoundSource("stethoscope", "Stethoscope", opened.open, card=opened.codes)
    hand.items.put(Period(tone(100, 8000, 0.1), 8000, 0))
    source.start()
    await become(lambda: source.message()["codes"] == ["gain-low", "muted"])
    assert asked[:2] == ["hw:CARD=STE0001", "hw:CARD=STE0001,DEV=0"]
    lib.volume, lib.on = 10, 1
    hand.items.put(Period(tone(100, 8000, 0.1), 8000, 0))
    await become(lambda: opened.codes() == ())
    await source.aclose()


def test_the_gain_of_the_settings_is_set_at_each_opening() -> None:
    lib = Asound(volume=0, on=0, automatic=1)
    opened, _ = stethoscope(lib, Hand[Period](), gain_percent=50)
    opened.open()
    assert (lib.volume, lib.on, lib.automatic, opened.codes()) == (10, 1, 0, ())
    lib.volume = 0
    opened.open()
    assert lib.volume == 10


def test_a_card_without_a_mixer_and_a_plugin_say_nothing() -> None:
    def none(name: str) -> Mixer:
        raise LinkError(f"sound card {name}: no mixer")

    hand = Hand[Period]()
    opened = Stethoscope("hw:CARD=STE0001,DEV=0", None, 50, none, lambda _: hand.open())
    opened.open()
    assert (opened.codes(), hand.opened) == ((), 1)
    plugin = Stethoscope("pipewire", 48000, 50, none, lambda _: hand.open())
    plugin.open()
    assert hand.opened == 2


async def test_after_a_gap_the_blocks_go_on_as_another_stream_and_it_is_told() -> None:
    hand = Hand[Period]()
    source = SoundSource("stethoscope", "Stethoscope", hand.open)
    streams: list[tuple[int, int]] = []
    source.attach(lambda block: streams.append((block.stream, block.sequence)))
    for gap in (False, False, True, False):
        hand.items.put(Period(np.zeros(160, np.int16), 8000, 0, gap, 480 * gap))
    source.start()
    await become(lambda: len(streams) == 4)
    first = streams[0][0]
    assert streams == [(first, 0), (first, 1), (first + 1, 0), (first + 1, 1)]
    assert source.message()["gaps"] == 1
    await source.aclose()


async def test_contact_and_codes_of_the_samples_are_on_the_feed() -> None:
    hand = Hand[Period]()
    source = SoundSource("stethoscope", "Stethoscope", hand.open)
    source.start()
    loud = np.clip(tone(100, 8000, 2.5).astype(np.int32) * 4, -32768, 32767).astype(np.int16)
    for at in range(0, len(loud), 800):
        hand.items.put(Period(loud[at : at + 800], 8000, 0))
    await become(lambda: "clipping" in source.message()["codes"])
    assert source.message()["contact"] in {"good", "none"}
    await source.aclose()
