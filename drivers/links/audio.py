"""ALSA sound cards: samples exactly as the card gave them, each period stamped with the instant of its capture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.links.alsa import Overrun, Pcm

# What USB sound cards have, best first: the highest that a whole number divides into 8 kHz.
RATES_HZ = (48000, 16000, 44100, 32000, 96000, 8000)
PERIODS_A_SECOND = 100  # 10 ms: what a period costs a listener of delay


@dataclass(frozen=True, slots=True)
class Period:
    """Consecutive samples of one channel. `capture_ns`: CLOCK_BOOTTIME of the first one.

    `gap`: before it the card lost samples, because nobody read them in time. `lost`: how many, as near as clocks tell.
    """

    samples: NDArray[np.int16]  # (n,), oldest first
    rate_hz: int
    capture_ns: int
    gap: bool = False
    lost: int = 0


@dataclass(frozen=True, slots=True)
class CardSettings:
    """`device`: ALSA's name by card id (`hw:CARD=STE0001,DEV=0`), never by number. `channel`: the one that is kept.

    `rate_hz`: this rate and no other; None: the best that the card has.
    """

    device: str
    rate_hz: int | None = None
    channels: int = 1
    channel: int = 0


class Samples(Protocol):
    """What a card is read through (`alsa.Pcm`)."""

    rate_hz: int
    channels: int
    period: int

    def read(self) -> tuple[bytes, int]:
        """One period, interleaved, and CLOCK_BOOTTIME of its end."""
        ...

    def close(self) -> None:
        """Give the card back."""
        ...


class Card:
    """One open sound card. Blocking: for a thread. `read` raises `LinkLost` when the card goes."""

    def __init__(self, settings: CardSettings, opener: Callable[..., Samples] = Pcm) -> None:
        rates = RATES_HZ if settings.rate_hz is None else (settings.rate_hz,)
        self._pcm = opener(settings.device, rates, settings.channels, rates[0] // PERIODS_A_SECOND)
        self._channel = settings.channel
        self._end_ns: int | None = None

    def read(self) -> Period:
        """The next period. After an overrun it says so: what was lost is never closed up unseen."""
        gap = False
        while True:
            try:
                data, end_ns = self._pcm.read()
                break
            except Overrun:
                gap = True
        rate_hz = self._pcm.rate_hz
        samples = np.frombuffer(data, "<i2")[min(self._channel, self._pcm.channels - 1) :: self._pcm.channels]
        first_ns = end_ns - len(samples) * 1_000_000_000 // rate_hz
        missing_ns = first_ns - self._end_ns if gap and self._end_ns is not None else 0
        self._end_ns = end_ns
        return Period(samples.astype(np.int16), rate_hz, first_ns, gap, max(0, missing_ns * rate_hz // 1_000_000_000))

    def close(self) -> None:
        """Give the card back. Harmless when it is already gone."""
        self._pcm.close()
