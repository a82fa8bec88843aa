"""The unit's clocks: one that never jumps, and one that people read and that may be wrong.

Everything is ordered and aged by CLOCK_BOOTTIME (it goes on in suspend and never jumps). The wall clock is a label:
it is written beside each fact together with how far it may be trusted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

# Before this day no Chevet existed: a clock that says so was never set (a flat RTC battery starts in 1970).
EPOCH_OF_TRUST = datetime(2026, 1, 1, tzinfo=UTC)
LATEST_TRUST = datetime(2100, 1, 1, tzinfo=UTC)


def boottime_ns() -> int:
    """Nanoseconds since the machine was started, suspend included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boottime_ms() -> int:
    """The same in milliseconds: the `*_ms` of the public protocol."""
    return boottime_ns() // 1_000_000


def wall() -> datetime:
    """Now by the wall clock, in UTC, aware."""
    return datetime.now(UTC)


@cache
def boot_id() -> str:
    """The kernel's identity of this start of the machine (proc(5), random/boot_id)."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Stamp:
    """One instant on both clocks. `trusted`: the wall clock is plausible."""

    boot_ns: int
    wall: datetime
    boot_id: str

    @property
    def trusted(self) -> bool:
        """Whether the wall clock can be right at all."""
        return EPOCH_OF_TRUST <= self.wall < LATEST_TRUST


def now() -> Stamp:
    """This instant on both clocks."""
    return Stamp(boottime_ns(), wall(), boot_id())


def at(boot_ns: int) -> Stamp:
    """The stamp of an instant of this boot that has passed, read off the clocks as they stand now."""
    here = now()
    seconds = (boot_ns - here.boot_ns) / 1e9
    return Stamp(boot_ns, datetime.fromtimestamp(here.wall.timestamp() + seconds, UTC), here.boot_id)
