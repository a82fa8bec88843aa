"""ALSA sound cards: samples exactly as the card gave them, each period stamped with the instant of its capture."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from drivers.core.errors import LinkError
from drivers.links.demuxed import next_packet

# The ALSA library inside PyAV's wheel looks for its configuration where the wheel was built; the system's is here.
ALSA_CONFIG = Path("/usr/share/alsa/alsa.conf")


@dataclass(frozen=True, slots=True)
class Period:
    """Consecutive samples of one channel. `capture_ns`: CLOCK_BOOTTIME of the first one."""

    samples: NDArray[np.int16]  # (n,), oldest first
    rate_hz: int
    capture_ns: int


@dataclass(frozen=True, slots=True)
class CardSettings:
    """`device`: ALSA's name by card id (`hw:CARD=STE0001,DEV=0`), never by number. `channel`: the one that is kept."""

    device: str
    rate_hz: int = 48000
    channels: int = 1
    channel: int = 0


class Card:
    """One open sound card. Blocking: for a thread. `read` raises `LinkLost` when the card goes."""

    def __init__(self, settings: CardSettings, opener: Callable[..., Any] = av.open, form: str = "alsa") -> None:
        if ALSA_CONFIG.exists():
            os.environ.setdefault("ALSA_CONFIG_PATH", str(ALSA_CONFIG))
        self._settings = settings
        asked = {"sample_rate": str(settings.rate_hz), "channels": str(settings.channels)}
        try:
            self._container: InputContainer = opener(settings.device, format=form, options=asked)
            self._packets: Iterator[Packet[Any]] = self._container.demux(self._container.streams.audio[0])
        except (OSError, ValueError, IndexError, av.FFmpegError) as error:
            raise LinkError(f"sound card {settings.device}: cannot open at {asked}: {error}") from error

    def read(self) -> Period:
        """The next period, as long as ALSA makes it. Stamped when it is complete, less its own length."""
        packet = next_packet(self._packets, f"sound card {self._settings.device}")
        arrival_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        frames = np.frombuffer(bytes(packet), dtype="<i2")
        whole = len(frames) - len(frames) % self._settings.channels
        samples = frames[self._settings.channel : whole : self._settings.channels].astype(np.int16)
        length_ns = len(samples) * 1_000_000_000 // self._settings.rate_hz
        return Period(samples, self._settings.rate_hz, arrival_ns - length_ns)

    def close(self) -> None:
        """Give the card back. Harmless when it is already gone."""
        self._container.close()
