"""What produces sound: periods of any length and rate in; out, to all, the same numbered blocks of 20 ms at 8 kHz."""

from __future__ import annotations

import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from appliance.clock import boottime_ns
from appliance.media.capture import Capture, Reader, State
from appliance.media.listening import Heard, heard
from appliance.media.resample import Resampler
from appliance.media.stethoscope import BLOCK, RATE_HZ, SILENT_DBFS, Block, Recorder, dbfs
from drivers.links.audio import Period

log = logging.getLogger(__name__)

LOOK_S = 2.0  # of sound: enough to tell a mains line from a heart
TOLD_GAP_NS = 10_000_000_000  # how long an overrun is shown
LEVEL_BLOCKS = 13  # a level is told every 250 ms: the peak since the last one
CLIPPED_BLOCKS = 50  # a clip is shown for one second
Consumer = Callable[[Block], None]
Codes = Callable[[], tuple[str, ...]]


class Ear:
    """Looks at the newest two seconds of a stream, again and again."""

    def __init__(self) -> None:
        self.heard: Heard | None = None
        self._samples: list[NDArray[np.int16]] = []
        self._held = 0

    def hear(self, period: Period) -> None:
        """Add a period; each time there is enough, look and begin anew."""
        self._samples.append(period.samples)
        self._held += len(period.samples)
        if self._held >= LOOK_S * period.rate_hz:
            self.heard = heard(np.concatenate(self._samples), period.rate_hz)
            self._samples, self._held = [], 0


class Blocks:
    """Cuts one stream into blocks. Its number differs from that of the stream before."""

    def __init__(self, stream: int, reference: bool, proof: bool = False) -> None:
        self._stream, self._reference, self._proof = stream, reference, proof
        self._resampler: Resampler | None = None
        self._rest: NDArray[np.int16] = np.empty(0, np.int16)
        self._sequence = 0
        self._in = 0  # input samples so far

    def cut(self, period: Period) -> list[Block]:
        """The blocks that this period completes. The rate of a stream does not change."""
        if self._resampler is None:
            self._resampler = Resampler(period.rate_hz)
        clipped = bool(len(period.samples)) and int(np.abs(period.samples.astype(np.int32)).max()) >= 32767
        self._rest = np.concatenate([self._rest, self._resampler(period.samples)])
        blocks = []
        while len(self._rest) >= BLOCK:
            blocks.append(self._block(self._rest[:BLOCK], period, clipped))
            self._rest = self._rest[BLOCK:]
        self._in += len(period.samples)
        return blocks

    def _block(self, samples: NDArray[np.int16], period: Period, clipped: bool) -> Block:
        first = self._sequence * BLOCK
        # Output sample n is the instant of input sample n * rate / 8000; this period begins at input sample `_in`.
        ahead_ns = first * 1_000_000_000 // RATE_HZ - self._in * 1_000_000_000 // period.rate_hz
        kept = samples.copy()
        kept.setflags(write=False)
        marks = clipped, self._reference, self._proof
        block = Block(kept, self._sequence, first, period.capture_ns + ahead_ns, self._stream, *marks)
        self._sequence += 1
        return block


class SoundSource:
    """A stethoscope, whatever feeds it. Each consumer gets every block, in the capture thread: it must be quick.

    `reference`: the sound is known and not the patient's; it is marked so in every block.
    """

    kind: Literal["video", "audio"] = "audio"

    def __init__(
        self,
        key: str,
        name: str,
        open_: Callable[[], Reader[Period]],
        reference: bool = False,
        card: Codes = tuple,
    ) -> None:
        self.key, self.name, self.reference = key, name, reference
        self.gaps = 0  # how often the card lost samples because they were not read in time
        self._gap_ns: int | None = None
        self._card = card  # what the card itself says: muted, gain too low
        self._ear = Ear()
        self.recorder = Recorder()
        self.dropped = 0  # blocks that a consumer could not take; consumers add their own
        self._open = open_
        self._capture = Capture(key, self._opened, self._deliver)
        self._consumers: tuple[Consumer, ...] = (self.recorder.add,)
        self._stream = secrets.randbits(32)
        self._blocks, self._in_proof = Blocks(self._stream, reference), False
        self._recent: deque[tuple[int, bool]] = deque(maxlen=CLIPPED_BLOCKS)
        self._newest_ns: int | None = None
        self.input_hz: int | None = None  # the rate of the device, once it has given something
        self._proof: NDArray[np.int16] | None = None  # what is still to be heard instead of the device
        self.start, self.stop, self.aclose = self._capture.start, self._capture.stop, self._capture.aclose

    @property
    def state(self) -> State:
        """Live, lost or absent, now."""
        return self._capture.state

    def attach(self, consumer: Consumer) -> None:
        """Give it every block from now on."""
        self._consumers = (*self._consumers, consumer)

    def detach(self, consumer: Consumer) -> None:
        """Give it no more."""
        self._consumers = tuple(other for other in self._consumers if other != consumer)

    def prove(self, samples: NDArray[np.int16]) -> None:
        """Give these (at `input_hz`) in place of what the device hears, at its pace, as a stream of their own."""
        self._proof = samples

    @property
    def proving(self) -> bool:
        """Whether what is given now is not what the device hears."""
        return self._proof is not None

    def message(self) -> dict[str, Any]:
        """The `source` message of docs/protocol.md section 5."""
        newest_ns = boottime_ns() if self._newest_ns is None else self._newest_ns
        recent = tuple(self._recent) if self.state is State.LIVE else ()
        sound = self._ear.heard if self.state is State.LIVE else None
        level = dbfs(max((peak for peak, _ in recent[-LEVEL_BLOCKS:]), default=0))
        return {
            "type": "source",
            "key": self.key,
            "name": self.name,
            "kind": self.kind,
            "state": self.state.value,
            "at_ms": newest_ns // 1_000_000,
            "rate_hz": RATE_HZ,
            "level": max(level, SILENT_DBFS),
            "clipped": any(clipped for _, clipped in recent),
            "dropped": self.dropped,
            "gaps": self.gaps,
            "contact": None if sound is None else sound.contact.value,
            "codes": self._codes(sound),
        }

    def _codes(self, sound: Heard | None) -> list[str]:
        if self.state is not State.LIVE:
            return []
        fresh = self._gap_ns is not None and boottime_ns() - self._gap_ns < TOLD_GAP_NS
        return sorted({*self._card(), *(sound.codes if sound else ()), *(("gaps",) if fresh else ())})

    def _begin(self, proof: bool = False) -> None:
        """Samples that do not follow on the last ones: another stream, so that nobody joins what is torn."""
        self._stream = (self._stream + 1) % 2**32
        self._blocks, self._in_proof = Blocks(self._stream, self.reference, proof), proof
        self._ear = Ear()

    def _opened(self) -> Reader[Period]:
        reader = self._open()
        self._begin()
        self._recent.clear()
        return reader

    def _deliver(self, period: Period) -> None:
        if period.gap:
            self.gaps, self._gap_ns = self.gaps + 1, boottime_ns()
            log.warning("%s: %d samples were lost: they were not read in time", self.key, period.lost)
            self._begin()
        period = self._proven(period)
        if not self._in_proof:
            self._ear.hear(period)
        for block in self._blocks.cut(period):
            self._recent.append((0 if self._in_proof else block.peak, block.clipped))
            self._newest_ns = block.capture_ns
            for consumer in self._consumers:
                consumer(block)

    def _proven(self, period: Period) -> Period:
        """The period, or a piece as long of the sound that proves the way; its last one ends in silence."""
        self.input_hz = period.rate_hz
        left = self._proof
        if (left is not None) != self._in_proof:
            self._begin(proof=left is not None)
        if left is None:
            return period
        size = len(period.samples)
        piece = np.zeros(size, np.int16)
        piece[: len(left)] = left[:size]
        self._proof = left[size:] if len(left) > size else None
        return replace(period, samples=piece)
