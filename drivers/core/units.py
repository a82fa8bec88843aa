"""Between the units that devices use and those of the vocabulary: exact, in Decimal, and only where asked for."""

from __future__ import annotations

from decimal import Decimal

from drivers.core.vocab import Metric

# (from, to): (factor, offset added before the factor). NIST SP 811; 1 mmHg = 133.322387415 Pa.
_CONVERSIONS: dict[tuple[str, str], tuple[Decimal, Decimal]] = {
    ("kPa", "mm[Hg]"): (1000 / Decimal("133.322387415"), Decimal(0)),
    ("[degF]", "Cel"): (Decimal(5) / Decimal(9), Decimal(-32)),
    ("[lb_av]", "kg"): (Decimal("0.45359237"), Decimal(0)),
    ("g", "kg"): (Decimal("0.001"), Decimal(0)),
    ("[in_i]", "cm"): (Decimal("2.54"), Decimal(0)),
    ("m", "cm"): (Decimal(100), Decimal(0)),
    ("mmol/L", "mg/dL"): (Decimal("18.0156"), Decimal(0)),  # glucose, 180.156 g/mol; no other metric has these units
}


def convert(value: Decimal, unit: str, wanted: str) -> Decimal:
    """`value` in another UCUM unit, unrounded; `ValueError` for units that do not measure the same."""
    if unit == wanted:
        return value
    try:
        factor, offset = _CONVERSIONS[unit, wanted]
    except KeyError:
        raise ValueError(f"no way from {unit} to {wanted}") from None
    return (value + offset) * factor


def plausible(metric: Metric, value: Decimal, unit: str) -> bool:
    """Whether a living patient can have this value, whatever unit the device uses."""
    if metric.plausible is None:
        return True
    low, high = metric.plausible
    return low <= (value if unit == metric.unit else convert(value, unit, metric.unit)) <= high
