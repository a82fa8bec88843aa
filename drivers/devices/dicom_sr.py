"""DICOM structured reports (PS3.3 A.35): numeric content items whose concept is a metric, by LOINC or MDC, in UCUM.

Whatever else a report says is kept with the object and read by nobody here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from drivers.core import dicom, units, vocab
from drivers.core.driver import Driver, Listener
from drivers.core.errors import PacketError
from drivers.core.measured import measured
from drivers.core.model import Event, Numeric, Packet

CLASSES = tuple(
    f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22, 33)
)  # basic text, enhanced, comprehensive
GIVES = (
    vocab.SYSTOLIC,
    vocab.DIASTOLIC,
    vocab.HEART_RATE,
    vocab.WEIGHT,
    vocab.HEIGHT,
    vocab.PR_INTERVAL,
    vocab.QRS_DURATION,
    vocab.QT_INTERVAL,
    vocab.QTC_INTERVAL,
)
BY_CODE = {("LN", metric.loinc): metric for metric in GIVES} | {
    ("MDC", str(metric.mdc)): metric for metric in GIVES if metric.mdc
}
DEEPEST = 16


def decode(packet: Packet) -> Iterator[Event]:
    """One report."""
    return dicom.events(packet, _events)


def _events(found: Any) -> Iterable[Event]:
    if "ContentSequence" not in found:
        raise PacketError("this DICOM report has no content")
    at = dicom.taken(found)
    numerics = [numeric for item in _numbers(found, 0) if (numeric := _numeric(item, at)) is not None]
    return [dicom.identity(found), *numerics]


def _numbers(item: Any, depth: int) -> Iterator[Any]:
    if depth > DEEPEST:
        raise PacketError(f"this DICOM report is nested deeper than {DEEPEST}")
    for one in item.get("ContentSequence") or ():
        if dicom.text(one, "ValueType") == "NUM":
            yield one
        yield from _numbers(one, depth + 1)


def _numeric(item: Any, at: Any) -> Numeric | None:
    metric = BY_CODE.get(dicom.code(item, "ConceptNameCodeSequence"))
    if metric is None:
        return None
    value = next(iter(item.get("MeasuredValueSequence") or ()), None)
    if value is None:  # the device says that it has no number (PS3.3, C.18.1)
        return measured(metric, None, taken=at)
    scheme, unit = dicom.code(value, "MeasurementUnitsCodeSequence")
    try:
        units.convert(Decimal(0), unit, metric.unit)
    except ValueError:
        scheme = "unknown"
    if scheme != "UCUM":
        raise PacketError(f"{metric.name}: wanted a unit like UCUM {metric.unit}, got {scheme} {unit}")
    return measured(metric, dicom.number(value, "NumericValue"), unit, taken=at)


DRIVER = Driver(
    name="dicom-sr",
    kind="imaging",
    claim=Listener("dicom", CLASSES),
    decoder=lambda: decode,
    quiet_s=None,
    gives=GIVES,
    evidence="PS3.3 A.35 and C.18; reports made with pydicom",
)
