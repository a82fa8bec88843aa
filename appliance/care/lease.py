"""A device's time-limited binding to one consultation. Pure: instants are CLOCK_BOOTTIME nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """`device` belongs to `consultation` in `[from_ns, until_ns)`."""

    id: str
    consultation: str
    device: str
    from_ns: int
    until_ns: int

    def holds(self, at_ns: int) -> bool:
        """Whether the device was bound at that instant."""
        return self.from_ns <= at_ns < self.until_ns
