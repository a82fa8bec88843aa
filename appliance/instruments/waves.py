"""Samples that come one or two at a time, gathered into messages worth sending. Pure."""

from __future__ import annotations

from appliance.feed import Message
from drivers.core.model import Waveform

GATHER_S = 0.1


class Waves:
    """One per opened link: indices count from its opening (docs/protocol.md, section 5)."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._first: dict[str, int] = {}
        self._samples: dict[str, list[int | None]] = {}

    def add(self, wave: Waveform, at_ms: int) -> Message | None:
        """Take samples in; a message once there is a tenth of a second of them."""
        name = wave.metric.name
        gathered = self._samples.setdefault(name, [])
        gathered.extend(wave.samples)
        if len(gathered) < float(wave.rate_hz) * GATHER_S:
            return None
        first = self._first.get(name, 0)
        self._first[name] = first + len(gathered)
        self._samples[name] = []
        return {
            "type": "waveform",
            "device": self._device,
            "metric": name,
            "rate_hz": str(wave.rate_hz),
            "unit": wave.unit,
            "first": first,
            "at_ms": at_ms,
            "samples": gathered,
        }
