"""What bedside monitors have in common: they say everything again every second, whether it was measured or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core.cuff import blood_pressure
from drivers.core.measured import measured
from drivers.core.model import Event, Numeric, Validity
from drivers.core.vocab import Metric


class InUse:
    """The parameters that are measured.

    One that never had a number is not in use, and is left out; one that had is told when its number goes.
    """

    def __init__(self) -> None:
        self._given: set[Metric] = set()

    def numeric(
        self,
        metric: Metric,
        value: Decimal | None,
        unit: str | None = None,
        *,
        validity: Validity = Validity.VALID,
        taken: datetime | None = None,
        site: str | None = None,
    ) -> Iterator[Numeric]:
        """One numeric, or none."""
        if value is not None:
            self._given.add(metric)
        if metric in self._given:
            yield measured(metric, value, unit, validity=validity, taken=taken, site=site)


class LastCuff:
    """The last cuff measurement, which the monitor repeats without its age.

    It is given when it changes. One that is there from the beginning of the connection may be hours old: it is
    doubtful. A second measurement with the very same numbers cannot be told from a repetition.
    """

    def __init__(self) -> None:
        self._last: tuple[Decimal | None, ...] = ()
        self._begun = False

    def repeated(
        self,
        systolic: Decimal | None,
        diastolic: Decimal | None,
        mean: Decimal | None,
        pulse: Decimal | None,
        notices: tuple[str, ...] = (),
    ) -> Iterator[Event]:
        """The events of what the monitor shows now, in mmHg; none where it shows nothing, or the same as before."""
        held, self._begun = not self._begun, True
        now = (systolic, diastolic, mean, pulse)
        if systolic is None or diastolic is None or now == self._last:
            return
        self._last = now
        yield from blood_pressure(*now, notices=("value-held", *notices) if held else notices)
