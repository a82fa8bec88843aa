"""Heart and lung sounds as samples: the block on the wire, its level, and the recorder of the very same samples."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import threading
import wave
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
BLOCK = 160  # samples: 20 ms
# docs/protocol.md section 6: version, flags, rate, sequence, first sample, capture instant, stream, samples, hash
HEADER = struct.Struct("<BBHIQQII8s")
VERSION = 1
CLIPPED, REFERENCE = 1, 2
SILENT_DBFS = -96.3  # one step of 16 bits is the least that can be told from silence
FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class Block:
    """20 ms as they go to a listener. `first` counts samples of this stream and was captured at `capture_ns`."""

    samples: NDArray[np.int16]  # (160,), 8 kHz, oldest first, read-only
    sequence: int
    first: int
    capture_ns: int
    stream: int
    clipped: bool = False
    reference: bool = False

    @property
    def peak(self) -> int:
        """The largest magnitude, 0 to 32768."""
        return int(np.abs(self.samples.astype(np.int32)).max(initial=0))

    def wire(self) -> bytes:
        """The block of docs/protocol.md section 6."""
        data = self.samples.astype("<i2").tobytes()
        flags = CLIPPED * self.clipped | REFERENCE * self.reference
        digest = hashlib.sha256(data).digest()[:8]
        facts = (VERSION, flags, RATE_HZ, self.sequence, self.first, self.capture_ns, self.stream)
        return HEADER.pack(*facts, len(self.samples), digest) + data


def dbfs(peak: int) -> float:
    """A magnitude of 16-bit samples in dB below full scale; `SILENT_DBFS` for silence."""
    return round(20 * math.log10(peak / FULL_SCALE), 1) if peak else SILENT_DBFS


@dataclass(frozen=True, slots=True)
class Clip:
    """Consecutive samples of one stream: sample `first` and those after it, captured from `capture_ns` on."""

    samples: NDArray[np.int16]  # (n,), 8 kHz, oldest first
    stream: int
    first: int
    capture_ns: int
    clipped: bool

    def wav(self) -> bytes:
        """The same samples as a RIFF/WAVE file, mono, 16 bit, 8 kHz."""
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(self.samples.astype("<i2").tobytes())
        return out.getvalue()


class Recorder:
    """The last `seconds` of one stream, in memory. A new stream forgets the old: a clip never spans two."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._blocks: deque[Block] = deque(maxlen=math.ceil(seconds * RATE_HZ / BLOCK))
        self._lock = threading.Lock()

    def add(self, block: Block) -> None:
        """Keep the block; the oldest is forgotten beyond the bound."""
        with self._lock:
            if self._blocks and self._blocks[-1].stream != block.stream:
                self._blocks.clear()
            self._blocks.append(block)

    def clear(self) -> None:
        """Forget all: the consultation is over."""
        with self._lock:
            self._blocks.clear()

    def last(self, seconds: float) -> Clip | None:
        """The newest `seconds`, in whole blocks, or all there is; None when there is nothing."""
        return self._clip(tuple(self._blocks)[-math.ceil(seconds * RATE_HZ / BLOCK) :])

    def clip(self, stream: int, first: int, count: int) -> Clip | None:
        """The blocks that hold samples `first` to `first + count` of a stream, or as many as are still here."""
        wanted = (b for b in tuple(self._blocks) if b.stream == stream and first - BLOCK < b.first < first + count)
        return self._clip(tuple(wanted))

    def _clip(self, blocks: tuple[Block, ...]) -> Clip | None:
        if not blocks:
            return None
        samples = np.concatenate([block.samples for block in blocks])
        head = blocks[0]
        return Clip(samples, head.stream, head.first, head.capture_ns, any(block.clipped for block in blocks))
