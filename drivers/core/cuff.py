"""What every cuff has in common, whatever its protocol: one measurement is judged as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Numeric, Validity
from drivers.core.units import plausible
from drivers.core.vocab import DIASTOLIC, MEAN_PRESSURE, PULSE_RATE_NIBP, SYSTOLIC, Metric

# The cuff measured, and says why its own numbers deserve doubt.
DOUBTS = frozenset({"body-moved", "cuff-loose", "position-wrong", "value-held"})

# Measurement Status of the SIG (Blood Pressure Service 1.1.1, section 3.1.1.8).
_STATUS = {0x01: "body-moved", 0x02: "cuff-loose", 0x04: "pulse-irregular", 0x20: "position-wrong"}
_PULSE_RANGE = {1: "pulse-above-range", 2: "pulse-below-range"}  # bits 3 and 4


def status_notices(status: int) -> list[str]:
    """The conditions in the 16 bits of a SIG Measurement Status; reserved bits say nothing."""
    pulse_range = _PULSE_RANGE.get(status >> 3 & 3)
    return [code for bit, code in _STATUS.items() if status & bit] + ([pulse_range] if pulse_range else [])


def blood_pressure(
    systolic: Decimal | None,
    diastolic: Decimal | None,
    mean: Decimal | None,
    pulse: Decimal | None,
    *,
    unit: str = "mm[Hg]",
    taken: datetime | None = None,
    from_memory: bool = False,
    notices: Sequence[str] = (),
) -> Iterator[Event]:
    """What one cuff measurement says. The pressures are judged together: bytes that give one impossible pressure were
    not what they seemed, so none of them is believed. A mean or a pulse that the cuff does not give is left out.
    """
    pressures = [(SYSTOLIC, systolic), (DIASTOLIC, diastolic)]
    if mean:  # cuffs that do not measure it send NaN or 0
        pressures.append((MEAN_PRESSURE, mean))
    validity, found = _judge(pressures, unit)
    if validity is Validity.VALID and DOUBTS.intersection(notices):
        validity = Validity.QUESTIONABLE
    for metric, value in pressures:
        yield Numeric(metric, value, unit, validity, taken, from_memory)
    if pulse is not None:
        yield measured(PULSE_RATE_NIBP, pulse, validity=validity, taken=taken, from_memory=from_memory)
    for code in (*found, *notices):
        yield Notice(code)


def _judge(pressures: list[tuple[Metric, Decimal | None]], unit: str) -> tuple[Validity, tuple[str, ...]]:
    """How far these pressures may be trusted, and what to tell the nurse of it."""
    values = [value for _, value in pressures if value is not None]
    if len(values) < len(pressures):
        return Validity.INVALID, ("measurement-failed",)
    systolic, diastolic, *mean = values
    impossible = any(value is not None and not plausible(metric, value, unit) for metric, value in pressures)
    if impossible or diastolic >= systolic:
        return Validity.INVALID, ("implausible",)
    if mean and not diastolic <= mean[0] <= systolic:
        return Validity.QUESTIONABLE, ("implausible",)
    return Validity.VALID, ()
