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
CLIPPED, REFERENCE, PROOF = 1, 2, 4
SILENT_DBFS = -96.3  # one step of 16 bits is the least that can be told from silence
FULL_SCALE = 32768.0
KEPT_S = 300.0  # a way that is down for 40 s, and the time to send again what it lost


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
    proof: bool = False  # of the sound that measures the way to the doctor: never the patient

    @property
    def peak(self) -> int:
        """The largest magnitude, 0 to 32768."""
        return int(np.abs(self.samples.astype(np.int32)).max(initial=0))

    def wire(self) -> bytes:
        """The block of docs/protocol.md section 6."""
        data = self.samples.astype("<i2").tobytes()
        flags = CLIPPED * self.clipped | REFERENCE * self.reference | PROOF * self.proof
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


@dataclass(frozen=True, slots=True)
class _Part:
    """Consecutive blocks of one stream: `sequence` is in row `row` (counted without end), the others follow."""

    stream: int
    sequence: int
    row: int


class Recorder:
    """The last `seconds` of sound, in memory, bit-exact: what the network lost is sent again from here.

    A clip never spans two streams. Bounded: 17 kB a second, the oldest is forgotten.
    """

    def __init__(self, seconds: float = KEPT_S) -> None:
        self._size = math.ceil(seconds * RATE_HZ / BLOCK)
        self._samples = np.zeros((self._size, BLOCK), np.int16)
        self._captured_ns = np.zeros(self._size, np.int64)
        self._flags = np.zeros(self._size, np.uint8)
        self._parts: deque[_Part] = deque()
        self._end = 0  # rows written so far
        self._lock = threading.Lock()

    def add(self, block: Block) -> None:
        """Keep the block; the oldest is forgotten beyond the bound."""
        with self._lock:
            part = self._parts[-1] if self._parts else None
            if part is None or (part.stream, part.sequence + self._end - part.row) != (block.stream, block.sequence):
                self._parts.append(_Part(block.stream, block.sequence, self._end))
            row = self._end % self._size
            self._samples[row] = block.samples
            self._captured_ns[row] = block.capture_ns
            self._flags[row] = CLIPPED * block.clipped | REFERENCE * block.reference | PROOF * block.proof
            self._end += 1
            while len(self._parts) > 1 and self._parts[1].row <= self._end - self._size:
                self._parts.popleft()

    def clear(self) -> None:
        """Forget all: the consultation is over."""
        with self._lock:
            self._parts.clear()
            self._samples[:] = 0

    def blocks(self, stream: int, sequence: int, count: int) -> list[Block]:
        """Those of the blocks `sequence` to `sequence + count` of a stream that are still here, as they were sent."""
        with self._lock:
            return [
                self._block(part, row)
                for part, end in self._bounded()
                if part.stream == stream
                for row in range(
                    max(part.row + sequence - part.sequence, part.row, self._end - self._size),
                    min(part.row + sequence + count - part.sequence, end),
                )
            ]

    def last(self, seconds: float) -> Clip | None:
        """The newest `seconds`, in whole blocks, or all there is of the newest stream; None when there is nothing."""
        with self._lock:
            if not self._parts:
                return None
            part, wanted = self._parts[-1], math.ceil(seconds * RATE_HZ / BLOCK)
            rows = range(max(part.row, self._end - min(wanted, self._size)), self._end)
            return clip([self._block(part, row) for row in rows])

    def clip(self, stream: int, first: int, count: int) -> Clip | None:
        """The blocks that hold samples `first` to `first + count` of a stream, or as many as are still here."""
        sequence = first // BLOCK
        return clip(self.blocks(stream, sequence, (first + count - 1) // BLOCK - sequence + 1))

    def _bounded(self) -> list[tuple[_Part, int]]:
        """The parts, each with the row that it does not reach."""
        ends = [*(part.row for part in self._parts), self._end][1:]
        return list(zip(self._parts, ends, strict=True))

    def _block(self, part: _Part, row: int) -> Block:
        at, sequence = row % self._size, part.sequence + row - part.row
        samples, flags = self._samples[at].copy(), int(self._flags[at])
        samples.setflags(write=False)
        clipped, reference, proof = (bool(flags & bit) for bit in (CLIPPED, REFERENCE, PROOF))
        captured_ns = int(self._captured_ns[at])
        return Block(samples, sequence, sequence * BLOCK, captured_ns, part.stream, clipped, reference, proof)


def clip(blocks: list[Block]) -> Clip | None:
    """Consecutive blocks as one; None of none."""
    if not blocks:
        return None
    samples, head = np.concatenate([block.samples for block in blocks]), blocks[0]
    return Clip(samples, head.stream, head.first, head.capture_ns, any(block.clipped for block in blocks))
