"""From what a device sent to a judged numeric: no number is no value, and an impossible one is not valid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from drivers.core.model import Numeric, Validity
from drivers.core.units import plausible
from drivers.core.vocab import Metric

FIRST_YEAR = 2015  # where clocks that nobody has set begin is earlier: 2000, 2010, 2012


def measured(
    metric: Metric,
    value: Decimal | None,
    unit: str | None = None,
    *,
    validity: Validity = Validity.VALID,
    taken: datetime | None = None,
    from_memory: bool = False,
    site: str | None = None,
) -> Numeric:
    """A numeric in the device's unit (the metric's where it has no other); invalid without a number or out of range."""
    unit = unit or metric.unit
    if value is None or not plausible(metric, value, unit):
        validity = Validity.INVALID
    return Numeric(metric, value, unit, validity, taken, from_memory, site)


def clock_unset(taken: datetime | None) -> bool:
    """Whether a device that stamps its measurements has a clock that nobody has set."""
    return taken is None or taken.year < FIRST_YEAR
