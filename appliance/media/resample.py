"""To 8 kHz, once. Swresample does the work on floats; this keeps count of which input sample each output sample is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av import AudioFrame, AudioResampler
from numpy.typing import NDArray

from appliance.media.stethoscope import RATE_HZ


class Resampler:
    """Int16 of any rate in, int16 at 8 kHz out. A source at 8 kHz already passes untouched."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._swr = None if rate_hz == RATE_HZ else AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        self._taken = 0

    def __call__(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Output samples that are complete now: shape (m,), m not fixed. Output 0 is the instant of input 0."""
        if self._swr is None:
            return samples
        frame = AudioFrame.from_ndarray(samples.astype(np.float32).reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self.rate_hz, self._taken, Fraction(1, self.rate_hz)
        self._taken += len(samples)
        parts = [out.to_ndarray().reshape(-1) for out in self._swr.resample(frame)]
        floats = np.concatenate(parts) if parts else np.empty(0, np.float32)
        return np.clip(np.rint(floats), -32768, 32767).astype(np.int16)
