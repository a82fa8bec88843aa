"""A sound card's own settings: is the input muted, how far is its gain turned up, does it change it by itself?

Read and set through libasound's simple mixer: `amixer` prints for people, and what it prints is in their language.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_uint, c_void_p
from dataclasses import dataclass
from typing import Any

from drivers.core.errors import LinkError
from drivers.links import alsa

MOST = 64  # elements of one card that are looked at
# How the kernel names the feature unit's automatic gain control (sound/usb/mixer.c) and what vendors write
AUTOMATIC = re.compile(r"auto.*gain|\bagc\b", re.IGNORECASE)
LEFT = 0  # SND_MIXER_SCHN_FRONT_LEFT: also the only channel of a mono input

_CALLS: dict[str, tuple[Any, ...]] = {
    "snd_mixer_open": (POINTER(c_void_p), c_int),
    "snd_mixer_close": (c_void_p,),
    "snd_mixer_attach": (c_void_p, c_char_p),
    "snd_mixer_selem_register": (c_void_p, c_void_p, c_void_p),
    "snd_mixer_load": (c_void_p,),
    "snd_mixer_selem_has_capture_volume": (c_void_p,),
    "snd_mixer_selem_has_capture_switch": (c_void_p,),
    "snd_mixer_selem_has_playback_switch": (c_void_p,),
    "snd_mixer_selem_get_capture_volume_range": (c_void_p, POINTER(c_long), POINTER(c_long)),
    "snd_mixer_selem_get_capture_volume": (c_void_p, c_int, POINTER(c_long)),
    "snd_mixer_selem_get_capture_dB": (c_void_p, c_int, POINTER(c_long)),
    "snd_mixer_selem_get_capture_switch": (c_void_p, c_int, POINTER(c_int)),
    "snd_mixer_selem_get_playback_switch": (c_void_p, c_int, POINTER(c_int)),
    "snd_mixer_selem_set_capture_volume_all": (c_void_p, c_long),
    "snd_mixer_selem_set_capture_switch_all": (c_void_p, c_int),
    "snd_mixer_selem_set_playback_switch_all": (c_void_p, c_int),
}


@dataclass(frozen=True, slots=True)
class Input:
    """How the card's input stands. None: the card does not have it, or does not tell."""

    muted: bool | None = None
    gain_percent: int | None = None  # of the card's own range
    gain_db: float | None = None
    automatic: bool | None = None


def library() -> Any:
    """libasound, with the types of what is called here. `LinkError` where it is not installed."""
    lib = alsa.library()
    for name, arguments in _CALLS.items():
        getattr(lib, name).argtypes = arguments
    for name in ("snd_mixer_first_elem", "snd_mixer_elem_next"):
        getattr(lib, name).argtypes, getattr(lib, name).restype = (c_void_p,), c_void_p
    lib.snd_mixer_selem_get_name.argtypes, lib.snd_mixer_selem_get_name.restype = (c_void_p,), c_char_p
    lib.snd_mixer_selem_get_index.argtypes, lib.snd_mixer_selem_get_index.restype = (c_void_p,), c_uint
    return lib


class Mixer:
    """The mixer of one card, open for a moment. `card`: `hw:CARD=STE0001`. Blocking, but only for a few transfers."""

    def __init__(self, card: str, lib: Any = None) -> None:
        self._lib = library() if lib is None else lib
        self._mixer = c_void_p()
        self._done(self._lib.snd_mixer_open(byref(self._mixer), 0), card)
        try:
            self._done(self._lib.snd_mixer_attach(self._mixer, card.encode()), card)
            self._done(self._lib.snd_mixer_selem_register(self._mixer, None, None), card)
            self._done(self._lib.snd_mixer_load(self._mixer), card)
        except LinkError:
            self.close()
            raise

    def read(self) -> Input:
        """How it stands now. With several inputs: muted if any is, the least gain."""
        muted = [not on for element in self._inputs() for on in self._number(element, "capture_switch")]
        gains = [gain for element in self._inputs() for gain in self._gain(element)]
        decibels = [hundredths / 100 for e in self._inputs() for hundredths in self._number(e, "capture_dB")]
        automatic = [bool(on) for e in self._elements() if self._automatic(e) for on in self._switch(e)]
        return Input(
            any(muted) if muted else None,
            min(gains, default=None),
            min(decibels, default=None),
            any(automatic) if automatic else None,
        )

    def set(self, gain_percent: int) -> None:
        """Inputs on, at this part of their range; the automatic gain off."""
        for element in self._inputs():
            low, high = self._range(element)
            self._lib.snd_mixer_selem_set_capture_volume_all(element, low + (high - low) * gain_percent // 100)
            if self._lib.snd_mixer_selem_has_capture_switch(element):
                self._lib.snd_mixer_selem_set_capture_switch_all(element, 1)
        for element in filter(self._automatic, self._elements()):
            self._lib.snd_mixer_selem_set_playback_switch_all(element, 0)
            self._lib.snd_mixer_selem_set_capture_switch_all(element, 0)

    def close(self) -> None:
        """Give the mixer back."""
        mixer, self._mixer = self._mixer, c_void_p()
        if mixer:
            self._lib.snd_mixer_close(mixer)

    def _elements(self) -> Iterator[int]:
        element = self._lib.snd_mixer_first_elem(self._mixer)
        for _ in range(MOST):
            if not element:
                return
            yield element
            element = self._lib.snd_mixer_elem_next(element)

    def _inputs(self) -> Iterator[int]:
        has = self._lib.snd_mixer_selem_has_capture_volume
        return (element for element in self._elements() if has(element) and not self._automatic(element))

    def _automatic(self, element: int) -> bool:
        return AUTOMATIC.search(self._lib.snd_mixer_selem_get_name(element).decode("utf-8", "replace")) is not None

    def _switch(self, element: int) -> list[int]:
        # A switch that is neither input nor output is told as an output's.
        has = self._lib.snd_mixer_selem_has_capture_switch(element)
        return self._number(element, "capture_switch" if has else "playback_switch")

    def _gain(self, element: int) -> list[int]:
        low, high = self._range(element)
        return [round(100 * (volume - low) / (high - low)) for volume in self._number(element, "capture_volume")]

    def _range(self, element: int) -> tuple[int, int]:
        low, high = c_long(), c_long()
        self._lib.snd_mixer_selem_get_capture_volume_range(element, byref(low), byref(high))
        return low.value, max(high.value, low.value + 1)

    def _number(self, element: int, what: str) -> list[int]:
        """One number of an element; none where it has none."""
        number: Any = c_int() if what.endswith("switch") else c_long()
        failed = getattr(self._lib, f"snd_mixer_selem_get_{what}")(element, LEFT, byref(number))
        return [] if failed < 0 else [number.value]

    def _done(self, result: int, card: str) -> None:
        if result < 0:
            raise LinkError(f"sound card {card}: no mixer: {os.strerror(-result)}")
