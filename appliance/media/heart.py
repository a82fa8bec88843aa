"""A heart that is computed: the same sound every time, for the demonstration, the tests and the figures.

Frequencies and times follow what phonocardiography shows of a healthy adult: first sound 30 to 60 Hz at the R wave,
second sound a little higher at the end of systole, third and fourth below 30 Hz, murmurs 100 to 400 Hz in systole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.media.playback import LoopedSound
from appliance.media.stethoscope import RATE_HZ

BEATS = 6
SEED = 1816  # the year of Laennec's stethoscope


@dataclass(frozen=True, slots=True)
class Heart:
    """What is heard. `murmur`: its strength beside the first sound, 0 to 1. `level`: of the loudest sample, 0 to 1."""

    rate_bpm: int = 72
    third: bool = False
    fourth: bool = False
    murmur: float = 0.0
    level: float = 0.35


@dataclass(frozen=True, slots=True)
class Tone:
    """One component of a beat: a damped oscillation."""

    at_s: float
    frequency_hz: float
    length_s: float
    strength: float


S1 = (Tone(0.05, 45.0, 0.030, 1.0), Tone(0.085, 62.0, 0.022, 0.6))
S2 = (Tone(0.36, 60.0, 0.020, 0.7), Tone(0.385, 78.0, 0.014, 0.35))
S3 = (Tone(0.52, 28.0, 0.030, 0.3),)
S4_BEFORE_S = 0.11
S4 = Tone(0.0, 25.0, 0.030, 0.35)
SYSTOLE_S = (0.11, 0.34)


def heart_sound(heart: Heart) -> NDArray[np.int16]:
    """Six beats, seamless when repeated: int16, (n,), 8 kHz."""
    beat_s = 60.0 / heart.rate_bpm
    time_s = np.arange(round(BEATS * beat_s * RATE_HZ)) / RATE_HZ
    loop_s = len(time_s) / RATE_HZ
    sound = np.zeros_like(time_s)
    for beat in range(BEATS):
        # Breathing makes every other beat a little softer; the last beat joins the first.
        strength = 1.0 - 0.12 * np.sin(2 * np.pi * beat / BEATS)
        for tone in tones(heart, beat_s):
            sound += strength * _tone(time_s, loop_s, beat * beat_s, tone)
    sound += heart.murmur * _murmur(time_s, beat_s)
    sound += 0.004 * np.random.default_rng(SEED).standard_normal(len(time_s))
    return np.asarray(np.rint(sound * heart.level * 32767 / np.abs(sound).max()), np.int16)


def tones(heart: Heart, beat_s: float) -> tuple[Tone, ...]:
    """The components of one beat."""
    fourth = Tone(beat_s - S4_BEFORE_S, S4.frequency_hz, S4.length_s, S4.strength)
    return (*S1, *S2, *(S3 if heart.third else ()), *((fourth,) if heart.fourth else ()))


def _tone(time_s: NDArray[np.float64], loop_s: float, beat_at_s: float, tone: Tone) -> NDArray[np.float64]:
    # Distance on the loop, so that a sound at its end goes on at its beginning.
    away_s = (time_s - beat_at_s - tone.at_s + loop_s / 2) % loop_s - loop_s / 2
    envelope = np.exp(-0.5 * (away_s / tone.length_s) ** 2)
    return np.asarray(tone.strength * envelope * np.sin(2 * np.pi * tone.frequency_hz * away_s))


def _murmur(time_s: NDArray[np.float64], beat_s: float) -> NDArray[np.float64]:
    """Noise of 150 to 400 Hz that swells and fades in each systole."""
    noise = np.fft.rfft(np.random.default_rng(SEED + 1).standard_normal(len(time_s)))
    frequency_hz = np.fft.rfftfreq(len(time_s), 1 / RATE_HZ)
    noise[(frequency_hz < 150) | (frequency_hz > 400)] = 0
    band = np.fft.irfft(noise, len(time_s))
    begin_s, end_s = SYSTOLE_S
    within = np.clip((time_s % beat_s - begin_s) / (end_s - begin_s), 0, 1)
    return np.asarray(band / np.abs(band).max() * np.sin(np.pi * within) ** 2)


def open_heart(heart: Heart) -> LoopedSound:
    """A reader of it."""
    return LoopedSound(heart_sound(heart), RATE_HZ)
