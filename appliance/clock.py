"""The unit's clocks: one that never jumps, and one that people read and that may be wrong.

Everything is ordered and aged by CLOCK_BOOTTIME (it goes on in suspend and never jumps). The wall clock is a label:
it is written beside each fact together with how far it may be trusted.
"""

from __future__ import annotations

import ctypes
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


TIME_ERROR = 5  # of adjtimex(2): nobody disciplines this clock
_MAXERROR = 3 * 8  # bytes to `maxerror` of struct timex on a machine of 64 bits: after modes, offset and freq
_libc = ctypes.CDLL(None)


def wall_error_s() -> float | None:
    """How far the wall clock can be from UTC, in seconds, as the kernel is told by what disciplines it (RFC 5905, root
    distance; adjtimex(2), `maxerror`). None: nothing disciplines it, or that is not known.
    """
    timex = ctypes.create_string_buffer(256)  # all zero: reads, changes nothing
    state = _libc.adjtimex(timex)
    if state in {-1, TIME_ERROR}:
        return None
    return ctypes.c_long.from_buffer(timex, _MAXERROR).value / 1e6


@dataclass(frozen=True, slots=True)
class Stamp:
    """One instant on both clocks. `trusted`: the wall clock is plausible. `error_s`: see `wall_error_s`."""

    boot_ns: int
    wall: datetime
    boot_id: str
    error_s: float | None = None

    @property
    def trusted(self) -> bool:
        """Whether the wall clock can be right at all."""
        return EPOCH_OF_TRUST <= self.wall < LATEST_TRUST


def now() -> Stamp:
    """This instant on both clocks."""
    return Stamp(boottime_ns(), wall(), boot_id(), wall_error_s())


def at(boot_ns: int) -> Stamp:
    """The stamp of an instant of this boot that has passed, read off the clocks as they stand now."""
    here = now()
    seconds = (boot_ns - here.boot_ns) / 1e9
    return Stamp(boot_ns, datetime.fromtimestamp(here.wall.timestamp() + seconds, UTC), here.boot_id, here.error_s)
