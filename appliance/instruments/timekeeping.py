"""What a device's clock is worth. Pure: everything is measured against CLOCK_BOOTTIME, which never jumps.

What is kept is how far the device's clock is ahead of the unit's CLOCK_BOOTTIME; it becomes an offset to the unit's
wall clock only for one reading, at that reading's arrival. So a jump of the wall clock makes no offset wrong.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.clock import Stamp

RESOLUTION_S = 1.0  # devices say whole seconds and cut the rest off
COMMON_DELAY_S = 2.0  # a stream whose values are older is not called live
WINDOW = 8  # readings; a device whose clock is set back is believed after so many
SET_YEARS = range(2020, 2100)  # that a clock which was once set can say
FAR = timedelta(days=1)
ZERO = datetime.fromisoformat("2000-01-01")


@dataclass(frozen=True, slots=True)
class Offset:
    """What must be added to the device's clock to get the unit's local time, within `uncertainty_s`.

    `known`: `read` (the device said what time it has) or `inferred` (from when its readings arrived).
    """

    seconds: float
    uncertainty_s: float
    known: str


class Timekeeping:
    """One per device; `forget` at each contact: between two of them a battery may have been changed.

    Read: the device's time was true at some instant of the time that the answer took: the middle of it, within half of
    it. What was read and what is corrected by it are both cut to whole seconds: up to a second more, either way.

    Inferred, from a stream only: a reading cannot arrive before it was taken, so each one bounds the offset from above,
    and the quickest of the last eight bounds it best. A delay that all of them share cannot be seen: two seconds are
    allowed for it. A measurement on its own tells nothing: it may have lain in a memory.
    """

    def __init__(self) -> None:
        self._read: tuple[float, float] | None = None  # device's clock minus boot time, s; uncertainty, s
        self._seen: deque[float] = deque(maxlen=WINDOW)

    def forget(self) -> None:
        """The link was opened anew."""
        self._read = None
        self._seen.clear()

    @property
    def known(self) -> bool:
        """Whether anything was heard of the device's clock."""
        return self._read is not None or bool(self._seen)

    def read(self, device_now: datetime, arrival_ns: int, waited_s: float = 0.0) -> None:
        """The device said that it is `device_now`, in an answer that took `waited_s` and arrived at `arrival_ns`."""
        at_arrival_s = (device_now - ZERO).total_seconds() + waited_s / 2
        self._read = at_arrival_s - arrival_ns / 1e9, RESOLUTION_S + waited_s / 2

    def arrived(self, taken: datetime, arrival_ns: int) -> None:
        """A value of a stream, taken at `taken` by the device's clock, has arrived."""
        self._seen.append((taken - ZERO).total_seconds() - arrival_ns / 1e9)

    def offset(self, arrival: Stamp) -> Offset | None:
        """The offset for what arrives now; None where nothing is known."""
        if self._read is not None:
            ahead_s, uncertainty_s, known = *self._read, "read"
        elif self._seen:
            ahead_s, uncertainty_s, known = max(self._seen), RESOLUTION_S + COMMON_DELAY_S, "inferred"
        else:
            return None
        device_s = arrival.boot_ns / 1e9 + ahead_s
        return Offset((local(arrival) - ZERO).total_seconds() - device_s, uncertainty_s, known)

    def unset(self, arrival: Stamp) -> bool:
        """Whether the device's clock cannot have been set: a year of no use, or far from a time that we trust."""
        offset = self.offset(arrival)
        if offset is None:
            return False
        said = local(arrival) - timedelta(seconds=offset.seconds)
        return said.year not in SET_YEARS or (arrival.trusted and abs(offset.seconds) > FAR.total_seconds())


def local(arrival: Stamp) -> datetime:
    """Devices keep local time and no zone."""
    return arrival.wall.astimezone().replace(tzinfo=None)
