"""What is wrong with a sound, from its samples alone: clipped, dead, offset, humming, or no chest under it. Pure.

Bands and limits were set on heart and lung sounds that are public (PhysioNet CinC 2016, HLS-CMDS): their power is 92 %
and more between 20 and 500 Hz, and at least -50 dBFS; up to half of what a chest-piece gives lies below 20 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]  # (n,), oldest first

FULL_SCALE = 32767
RUN = 2  # full-scale samples in a row: one alone may be a true peak
OFFSET_DBFS = -30.0  # a steady voltage: a broken input, or one with power for a microphone
HUM_SHARE = 0.25  # of the power of 20 to 2000 Hz
HUM_DBFS = -66.0  # below it nobody hears it
MAINS_HZ = (50, 60)
HARMONICS = 6
LINE_HZ = 1.0  # to each side of a harmonic
CONTACT_DBFS = -60.0
CONTACT_SHARE = 0.7  # of 20 to 2000 Hz that lies below 500 Hz: a room's noise has less
FLOOR = 1e-10  # power: -100 dBFS


class Contact(StrEnum):
    """Is the chest-piece on somebody?"""

    NONE = "none"
    POOR = "poor"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Heard:
    """One look at a second or more of sound. `level_dbfs`: RMS of 20 to 2000 Hz, a full-scale sine is -3.0."""

    level_dbfs: float
    contact: Contact
    codes: tuple[str, ...]  # sorted; docs/protocol.md section 5, `source`


def clipped(samples: Samples) -> tuple[int, int]:
    """How many samples are at full scale, and how many of them in a row at most."""
    full = (samples >= FULL_SCALE) | (samples <= -FULL_SCALE)
    if not full.any():
        return 0, 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], full, [False])).astype(np.int8)))
    return int(full.sum()), int((edges[1::2] - edges[::2]).max())


def dead(samples: Samples) -> bool:
    """The same number all the time: a cable without a microphone, or a card that has died."""
    return len(samples) > 0 and int(samples.min()) == int(samples.max())


def offset_dbfs(samples: Samples) -> float:
    """The steady part."""
    return _decibels(float(np.mean(samples / 32768.0)) ** 2)


def hum_share(samples: Samples, rate_hz: int) -> float:
    """The part of the power of 20 to 2000 Hz that lies on the mains' lines, of 50 or of 60 Hz: 0 to 1."""
    power, hz = _spectrum(samples, rate_hz)
    everything = _band(power, hz, 20, 2000)
    if everything < FLOOR:
        return 0.0
    lines = (
        sum(_band(power, hz, n * mains - LINE_HZ, n * mains + LINE_HZ) for n in range(1, HARMONICS + 1))
        for mains in MAINS_HZ
    )
    return min(1.0, max(lines) / everything)


def heard(samples: Samples, rate_hz: int) -> Heard:
    """Everything about these samples. At least one second is needed to tell hum from a heart."""
    power, hz = _spectrum(samples, rate_hz)
    everything = _band(power, hz, 20, 2000)
    level, hum = _decibels(everything), hum_share(samples, rate_hz)
    found = {
        "clipping": clipped(samples)[1] >= RUN,
        "dead": dead(samples),
        "offset": not dead(samples) and offset_dbfs(samples) > OFFSET_DBFS,
        "hum": level > HUM_DBFS and hum > HUM_SHARE,
    }
    low = _band(power, hz, 20, 500)
    contact = Contact.NONE
    if _decibels(everything * (1 - hum)) > CONTACT_DBFS:
        contact = Contact.GOOD if low >= CONTACT_SHARE * everything else Contact.POOR
    return Heard(level, contact, tuple(sorted(code for code, there in found.items() if there)))


def _spectrum(samples: Samples, rate_hz: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power per line, which sums up to that of the samples (a full-scale sine: 0.5), and the lines' frequencies."""
    window = np.hanning(len(samples))
    centred = samples / 32768.0 - np.mean(samples / 32768.0)
    power = np.abs(np.fft.rfft(centred * window)) ** 2 * 2 / max(1e-9, len(samples) * float(np.sum(window**2)))
    return np.asarray(power, np.float64), np.asarray(np.fft.rfftfreq(len(samples), 1 / rate_hz), np.float64)


def _band(power: NDArray[np.float64], hz: NDArray[np.float64], low_hz: float, high_hz: float) -> float:
    return float(power[(hz >= low_hz) & (hz <= high_hz)].sum())


def _decibels(power: float) -> float:
    return round(10 * float(np.log10(max(power, FLOOR))), 1)
