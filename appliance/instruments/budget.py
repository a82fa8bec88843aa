"""How much one device may say: what is above is left out, counted and told, so that others keep their turn. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# The fastest device says 100 chunks, 1 kB and 500 events a second; the bursts are what waits after a stalled loop.
CHUNKS_PER_S = 1000.0
BYTES_PER_S = 128 * 1024.0
EVENTS_PER_S = 2000.0
CPU_SHARE = 0.1  # of one core, for reading what it says
BURST_S = 2.0
CALM_S = 5.0  # without a loss for so long, the flood is over


@dataclass(slots=True)
class Allowance:
    """A bucket that fills by `rate` a second, up to `BURST_S` of it. It may be overdrawn once, and then must fill."""

    rate: float
    left: float = 0.0
    at_ns: int | None = None

    def open(self, now_ns: int) -> bool:
        """Whether there is anything left."""
        full = self.rate * BURST_S
        past_s = BURST_S if self.at_ns is None else (now_ns - self.at_ns) / 1e9
        self.left, self.at_ns = min(full, self.left + self.rate * past_s), now_ns
        return self.left > 0

    def take(self, amount: float) -> None:
        """Use some."""
        self.left -= amount


class Budget:
    """One per device. `dropped` counts the chunks that were left out, for ever. Times are CLOCK_BOOTTIME, ns."""

    def __init__(self) -> None:
        self.dropped = 0
        self.flooding = False
        self._chunks, self._bytes = Allowance(CHUNKS_PER_S), Allowance(BYTES_PER_S)
        self._events, self._cpu = Allowance(EVENTS_PER_S), Allowance(CPU_SHARE)
        self._dropped_ns = 0

    def admits(self, size: int, now_ns: int) -> bool:
        """Whether a chunk of so many bytes may be read now; one that may not is counted."""
        if not all(one.open(now_ns) for one in (self._chunks, self._bytes, self._events, self._cpu)):
            self.dropped += 1
            self.flooding, self._dropped_ns = True, now_ns
            return False
        self._chunks.take(1)
        self._bytes.take(size)
        if self.flooding and now_ns - self._dropped_ns > CALM_S * 1e9:
            self.flooding = False
        return True

    def spend(self, events: int, cpu_s: float) -> None:
        """What an admitted chunk came to."""
        self._events.take(events)
        self._cpu.take(cpu_s)
