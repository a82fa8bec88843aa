"""The one table of what is measured: IEEE 11073-10101 (MDC), LOINC, UCUM, and what a living patient can have.

`plausible` bounds are wide on purpose: outside them a value is a fault of the reading, not a sign of illness.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, eq=False)  # there is one of each: telling them apart costs nothing
class Metric:
    """One row. `plausible` is in `unit`; `decimals` is the usual precision shown, never used to round a value."""

    name: str
    mdc: int | None
    loinc: str | None
    unit: str
    plausible: tuple[Decimal, Decimal] | None = None
    decimals: int = 0
    also_loinc: tuple[str, ...] = ()


def _row(
    name: str,
    mdc: int | None,
    loinc: str | None,
    unit: str,
    plausible: tuple[str, str] | None = None,
    decimals: int = 0,
    also_loinc: tuple[str, ...] = (),
) -> Metric:
    bounds = None if plausible is None else (Decimal(plausible[0]), Decimal(plausible[1]))
    return Metric(name, mdc, loinc, unit, bounds, decimals, also_loinc)


SYSTOLIC = _row("blood-pressure-systolic", 150021, "8480-6", "mm[Hg]", ("40", "300"))
DIASTOLIC = _row("blood-pressure-diastolic", 150022, "8462-4", "mm[Hg]", ("20", "200"))
MEAN_PRESSURE = _row("blood-pressure-mean", 150023, "8478-0", "mm[Hg]", ("25", "240"))
PULSE_RATE_NIBP = _row("pulse-rate-nibp", 149546, "8867-4", "/min", ("20", "300"))
PULSE_RATE = _row("pulse-rate", 149530, "8867-4", "/min", ("20", "300"))
HEART_RATE = _row("heart-rate", 147842, "8867-4", "/min", ("20", "300"))
SPO2 = _row("oxygen-saturation", 150456, "2708-6", "%", ("30", "100"), also_loinc=("59408-5",))
PERFUSION_INDEX = _row("perfusion-index", 150488, "61006-3", "%", ("0", "30"), decimals=1)
PLETH = _row("plethysmogram", 150452, None, "1")
TEMPERATURE = _row("body-temperature", 150364, "8310-5", "Cel", ("25", "45"), decimals=1)
RESPIRATORY_RATE = _row("respiratory-rate", 151562, "9279-1", "/min", ("3", "100"))
WEIGHT = _row("body-weight", 188736, "29463-7", "kg", ("0.4", "400"), decimals=1)
HEIGHT = _row("body-height", 188740, "8302-2", "cm", ("20", "260"))
BODY_FAT = _row("body-fat", 188748, "41982-0", "%", ("1", "80"), decimals=1)
GLUCOSE = _row("glucose", 160184, "2339-0", "mg/dL", ("10", "900"), also_loinc=("15074-8",))
PAIN = _row("pain-severity", None, "72514-3", "{score}", ("0", "10"))
BATTERY = _row("battery", 67996, None, "%", ("0", "100"))
RESPIRATION = _row("respiration", 151552, None, "1")
# Global durations of an electrocardiogram (ISO/IEEE 11073-10102, as in DICOM CID 3689).
RR_INTERVAL = _row("rr-interval", 147072, "8637-1", "ms", ("150", "4000"))
PR_INTERVAL = _row("pr-interval", 146944, "8625-6", "ms", ("30", "800"))
QRS_DURATION = _row("qrs-duration", 147228, "8633-0", "ms", ("20", "400"))
QT_INTERVAL = _row("qt-interval", 147232, "8634-8", "ms", ("100", "1000"))
QTC_INTERVAL = _row("qtc-interval", None, "8636-3", "ms", ("100", "1000"))

# MDC_ECG_ELEC_POTL (lead not told) and its leads; the number of a lead is that of SCP-ECG (EN 1064, section 5.6.3) too.
ECG_LEADS: dict[int, Metric] = {
    lead: _row(name, 131328 + lead, None, "uV")
    for lead, name in (
        (0, "ecg"),
        (1, "ecg-lead-i"),
        (2, "ecg-lead-ii"),
        (3, "ecg-lead-v1"),
        (4, "ecg-lead-v2"),
        (5, "ecg-lead-v3"),
        (6, "ecg-lead-v4"),
        (7, "ecg-lead-v5"),
        (8, "ecg-lead-v6"),
        (61, "ecg-lead-iii"),
        (62, "ecg-lead-avr"),
        (63, "ecg-lead-avl"),
        (64, "ecg-lead-avf"),
    )
}

# LOINC gives mass and amount of substance codes of their own.
LOINC_BY_UNIT = {("2339-0", "mmol/L"): "15074-8"}

METRICS: dict[str, Metric] = {
    row.name: row
    for row in (
        SYSTOLIC,
        DIASTOLIC,
        MEAN_PRESSURE,
        PULSE_RATE_NIBP,
        PULSE_RATE,
        HEART_RATE,
        SPO2,
        PERFUSION_INDEX,
        PLETH,
        TEMPERATURE,
        RESPIRATORY_RATE,
        WEIGHT,
        HEIGHT,
        BODY_FAT,
        GLUCOSE,
        PAIN,
        BATTERY,
        RESPIRATION,
        RR_INTERVAL,
        PR_INTERVAL,
        QRS_DURATION,
        QT_INTERVAL,
        QTC_INTERVAL,
        *ECG_LEADS.values(),
    )
}
