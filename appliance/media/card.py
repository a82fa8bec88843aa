"""The stethoscope's sound card: opened by a name that stays, its input set if the installer said so, and looked at."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import closing

from appliance.clock import boottime_ns
from appliance.media.capture import Reader
from drivers.core.errors import LinkError
from drivers.links.audio import Card, CardSettings, Period
from drivers.links.mixer import Input, Mixer
from drivers.links.named import sound_card

log = logging.getLogger(__name__)

LOW_PERCENT, HIGH_PERCENT = 10, 95  # of the card's range: below it hears little, above it mostly its own noise
LOOK_NS = 2_000_000_000


def told(state: Input) -> tuple[str, ...]:
    """What a nurse or technician must know of a card's input (docs/protocol.md section 5, `source`)."""
    percent = state.gain_percent
    found = {
        "gain-automatic": state.automatic is True,
        "gain-high": percent is not None and percent > HIGH_PERCENT,
        "gain-low": percent is not None and percent < LOW_PERCENT,
        "muted": state.muted is True,
    }
    return tuple(code for code, there in found.items() if there)


class Stethoscope:
    """Opens the card each time it is plugged in; while it runs, looks at its input every two seconds."""

    def __init__(
        self,
        name: str,
        rate_hz: int | None,
        gain_percent: int | None,
        mixer: Callable[[str], Mixer] = Mixer,
        open_: Callable[[CardSettings], Reader[Period]] = Card,
    ) -> None:
        self._name, self._rate_hz, self._gain_percent = name, rate_hz, gain_percent
        self._mixer, self._opener = mixer, open_
        self._codes: tuple[str, ...] = ()

    def codes(self) -> tuple[str, ...]:
        """What was last seen."""
        return self._codes

    def open(self) -> Reader[Period]:
        """The card, capturing. `LinkError` when it is not there."""
        device = sound_card(self._name)
        hardware = re.fullmatch(r"(?:plug)?hw:(.+?)(,DEV=\d+)?", device)
        if hardware is None:  # a plugin of ALSA's: it has no input of its own
            return self._opener(CardSettings(device, self._rate_hz))
        card = hardware[1]
        self.look(card, self._gain_percent)
        return _Watched(self._opener(CardSettings(device, self._rate_hz)), lambda: self.look(card))

    def look(self, card: str, gain_percent: int | None = None) -> None:
        """Read the input's settings, after setting them if a gain is given. A card without a mixer says nothing."""
        try:
            with closing(self._mixer(f"hw:{card}")) as mixer:
                if gain_percent is not None:
                    mixer.set(gain_percent)
                codes = told(mixer.read())
        except LinkError as error:
            log.debug("%s", error)
            codes = ()
        if codes != self._codes:
            log.info("sound card %s: %s", card, ", ".join(codes) or "its input is well set")
        self._codes = codes


class _Watched:
    """A card whose input is looked at now and then, between two periods."""

    def __init__(self, reader: Reader[Period], look: Callable[[], None]) -> None:
        self._reader, self._look = reader, look
        self._looked_ns = boottime_ns()

    def read(self) -> Period:
        """The next period."""
        if boottime_ns() - self._looked_ns > LOOK_NS:
            self._look()
            self._looked_ns = boottime_ns()
        return self._reader.read()

    def close(self) -> None:
        """Give the card back."""
        self._reader.close()
