"""A listening that is kept: every sample as the doctor was sent it, as FLAC, sealed while it grows, of any length."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from appliance.media.refusal import NotDone
from appliance.media.sound import SoundSource
from appliance.media.stethoscope import RATE_HZ, Block
from appliance.records.errors import StorageFull, StoreError
from appliance.records.spool import Spool

log = logging.getLogger(__name__)

BACKLOG = 1500  # blocks: a disk may stall for 30 s
WAIT_S = 0.2
END_S = 20.0
MEDIA_TYPE = "audio/flac"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded. `notices`: `interrupted` where it ended before it was told to."""

    spool: Spool
    samples: int
    stream: int
    first: int
    capture_ns: int
    pcm_sha256: str
    clipped: bool
    notices: tuple[str, ...]


class Recording:
    """Records one stream from now on. A torn stream ends it: a recording never joins what does not follow."""

    def __init__(self, source: SoundSource, spool: Spool) -> None:
        self._source, self._spool = source, spool
        self._blocks = queue.Queue[Block | None](BACKLOG)
        self._head: Block | None = None
        self._next = 0
        self._interrupted, self._clipped = False, False
        self._hash = hashlib.sha256()
        self._fault: Exception | None = None
        self.samples = 0
        self._thread = threading.Thread(target=self._run, name=f"record-{source.key}", daemon=True)

    def start(self) -> None:
        """Record what comes from now on."""
        self._thread.start()
        self._source.attach(self.put)

    def put(self, block: Block) -> None:
        """From the capture thread: take the next block of the stream; any other ends the recording."""
        if self._interrupted:
            return
        head = self._head = self._head or block
        if block.stream != head.stream or (block is not head and block.sequence != self._next):
            self._interrupted = True
            return
        try:
            self._blocks.put_nowait(block)
        except queue.Full:
            log.warning("%s: the recording was ended: the disk takes nothing", self._source.key)
            self._interrupted = True
            return
        self._next = block.sequence + 1
        self.samples += len(block.samples)

    def stop(self) -> Recorded:
        """End it; blocks until all is written. `NotDone` when nothing was heard; `StorageFull`, `StoreError`."""
        self._end()
        head = self._head
        if head is None or self._fault is not None:
            self._spool.discard()
            raise self._fault or NotDone("source-lost", f"{self._source.key}: nothing was heard")
        try:
            self._spool.close()
        except (StorageFull, StoreError):
            self._spool.discard()
            raise
        notices = ("interrupted",) if self._interrupted else ()
        digest = self._hash.hexdigest()
        return Recorded(
            self._spool, self.samples, head.stream, head.first, head.capture_ns, digest, self._clipped, notices
        )

    def discard(self) -> None:
        """Throw it away: the consultation is over."""
        self._interrupted = True
        self._end()
        self._spool.discard()

    def _end(self) -> None:
        self._source.detach(self.put)
        while self._thread.is_alive():
            with suppress(queue.Full):
                self._blocks.put(None, timeout=WAIT_S)
                self._thread.join(END_S)
                return

    def _run(self) -> None:
        try:
            with av.open(self._spool, "w", format="flac") as file:
                stream = file.add_stream("flac", rate=RATE_HZ)
                stream.codec_context.layout, stream.codec_context.format = "mono", "s16"
                while (block := self._blocks.get()) is not None:
                    file.mux(stream.encode(self._frame(block)))
                file.mux(stream.encode(None))
        except Exception as error:
            log.exception("%s: the recording failed", self._source.key)
            self._fault = StoreError(f"the sound could not be recorded: {error!r}")
            self._interrupted = True

    def _frame(self, block: Block) -> av.AudioFrame:
        data = block.samples.astype("<i2")
        self._hash.update(data.tobytes())
        self._clipped |= block.clipped
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
        frame.pts = block.first - (self._head or block).first
        return frame
