"""When a continuous device's stream becomes something to chart: once it is steady, then at an interval. Pure."""

from __future__ import annotations

from drivers.core.model import Numeric, Validity


class Sampler:
    """One per continuous device. `due` tells whether this reading is the one to judge and keep.

    The first is taken after `first_s` of unbroken valid values, further ones `every_s` apart while it lasts.
    """

    def __init__(self, first_s: float, every_s: float) -> None:
        self._first_ns, self._every_ns = int(first_s * 1e9), int(every_s * 1e9)
        self._steady_since: int | None = None
        self._last: int | None = None

    def due(self, numerics: tuple[Numeric, ...], at: int) -> bool:
        """Whether to chart what was said at this instant (CLOCK_BOOTTIME, ns)."""
        if not valid(numerics):
            self._steady_since = None
            return False
        if self._steady_since is None:
            self._steady_since = at
        if at - self._steady_since < self._first_ns:
            return False
        if self._last is not None and at - self._last < self._every_ns:
            return False
        self._last = at
        return True

    def restart(self) -> None:
        """The link was lost or the lease changed hands: what comes is a new stretch."""
        self._steady_since = self._last = None


def valid(numerics: tuple[Numeric, ...]) -> bool:
    """Every value is there and valid: what a person may keep without a second look."""
    return bool(numerics) and all(numeric.validity is Validity.VALID for numeric in numerics)
