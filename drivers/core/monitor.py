"""What bedside monitors have in common: they say everything again every second, whether it was measured or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

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
    """The last cuff measurement, which the monitor repeats.

    It is given when it changes. One whose age is not told and that is there from the beginning of the connection may be
    hours old: it is doubtful. A second one with the very same numbers cannot be told from a repetition, except by time.
    """

    def __init__(self) -> None:
        self._last: tuple[Decimal | datetime | None, ...] = ()
        self._begun = False

    def repeated(
        self,
        systolic: Decimal | None,
        diastolic: Decimal | None,
        mean: Decimal | None,
        pulse: Decimal | None,
        notices: tuple[str, ...] = (),
        *,
        unit: str = "mm[Hg]",
        taken: datetime | None = None,
        own_time: bool = True,
        doubtful: bool = False,
    ) -> Iterator[Event]:
        """The events of what the monitor shows now; none where it shows nothing, or the same as before.

        Without `own_time`, `taken` is the time of all that was said together: it does not tell two measurements apart.
        """
        held, self._begun = not self._begun and taken is None, True
        now = (systolic, diastolic, mean, taken if own_time and taken is not None else pulse)
        if systolic is None or diastolic is None or now == self._last:
            return
        self._last = now
        said = ("value-held", *notices) if held else notices
        for event in blood_pressure(systolic, diastolic, mean, pulse, unit=unit, taken=taken, notices=said):
            if doubtful and isinstance(event, Numeric) and event.validity is Validity.VALID:
                event = replace(event, validity=Validity.QUESTIONABLE)  # noqa: PLW2901
            yield event
