"""The known sound that takes the way of the patient's, and what the doctor's side may say that it measured.

Silence, eight tones at once, silence, heartbeats. The doctor's side knows the tones by this table and measures what
comes out of its player (docs/protocol.md section 6): how much each tone changed, what was added, what did not come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.media.heart import Heart, heart_sound
from appliance.media.refusal import NotDone
from appliance.media.stethoscope import RATE_HZ
from appliance.records.model import Proof

TONES_HZ = (20, 40, 60, 100, 200, 500, 1000, 2000)
TONE = 0.14  # of full scale, each: with the phases below they reach 0.92 together
LEAD_S, TONES_S, PAUSE_S, HEART_S = 0.5, 1.4, 0.4, 1.7
EDGE_S = 0.1  # the tones rise and fall: what is measured lies within
SECONDS = LEAD_S + TONES_S + PAUSE_S + HEART_S


def proof_sound(rate_hz: int) -> NDArray[np.int16]:
    """The known sound at the rate of a device: int16, (n,)."""
    heart = at_rate(heart_sound(Heart()), rate_hz)
    parts = (silence(LEAD_S, rate_hz), tones(rate_hz), silence(PAUSE_S, rate_hz), heart[: round(HEART_S * rate_hz)])
    return np.concatenate(parts)


def tones(rate_hz: int) -> NDArray[np.int16]:
    """All tones at once. Their phases (Schroeder 1970) keep the peaks low."""
    instants = np.arange(round(TONES_S * rate_hz)) / rate_hz
    count = len(TONES_HZ)
    phases = (-math.pi * number * (number - 1) / count for number in range(1, count + 1))
    sound = sum(
        (TONE * np.cos(2 * np.pi * hz * instants + phase) for hz, phase in zip(TONES_HZ, phases, strict=True)),
        np.zeros(len(instants)),
    )
    edge = np.clip(np.minimum(instants, TONES_S - instants) / EDGE_S, 0, 1)
    return np.asarray(np.rint(32768 * sound * np.sin(np.pi / 2 * edge) ** 2), np.int16)


def silence(seconds: float, rate_hz: int) -> NDArray[np.int16]:
    """Digital silence."""
    return np.zeros(round(seconds * rate_hz), np.int16)


def at_rate(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """A loop of 8 kHz at another rate, by its spectrum."""
    count = round(len(samples) * rate_hz / RATE_HZ)
    loop = np.fft.irfft(np.fft.rfft(samples), count) * (count / len(samples))
    return np.asarray(np.rint(np.clip(loop, -32768, 32767)), np.int16)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a grade asks for."""

    response_db: float
    snr_db: float
    jitter_ms: float
    buffer_ms: float
    clipped: int
    lost: int
    exact: bool


# Good: what the doctor hears is what the chest-piece gave. Fair: faint sounds may be missed, and pauses be heard.
GRADES: Mapping[str, Limits] = MappingProxyType(
    {
        "good": Limits(0.2, 70.0, 250.0, 310.0, 0, 0, exact=True),
        "fair": Limits(1.0, 40.0, 600.0, 700.0, 80, 400, exact=True),
    }
)


def graded(said: Any, at: datetime) -> Proof:
    """The figures that a doctor's side measured, with their grade. `NotDone` with `bad-request` when they are none."""
    if not isinstance(said, Mapping):
        raise NotDone("bad-request", f"proof: got {type(said).__name__}, wanted an object")
    numbers = {name: number(said, name) for name in ("response_db", "snr_db", "jitter_ms", "buffer_ms")}
    counts = {name: int(number(said, name)) for name in ("clipped", "lost")}
    figures: dict[str, Any] = {**numbers, **counts, "exact": said.get("exact") is True}
    return Proof(grade=grade(figures), **figures, at=at)


def grade(figures: Mapping[str, Any]) -> str:
    """The best grade whose limits all figures keep."""
    for name, limits in GRADES.items():
        kept = (
            figures["snr_db"] >= limits.snr_db,
            figures["exact"] or not limits.exact,
            *(figures[key] <= getattr(limits, key) for key in ("jitter_ms", "buffer_ms", "clipped", "lost")),
            abs(figures["response_db"]) <= limits.response_db,
        )
        if all(kept):
            return name
    return "poor"


def number(said: Mapping[str, Any], name: str) -> float:
    """A number that can be one; `NotDone` with `bad-request`."""
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 < value < 1e6:
        raise NotDone("bad-request", f"{name}: got {str(value)[:20]!r}, wanted a number")
    return round(float(value), 3)
