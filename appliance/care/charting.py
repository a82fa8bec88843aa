"""From a reading, a typed value or a still to the fact that is kept. Pure but for fresh identifiers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from appliance import clock
from appliance.care.acceptance import Reading, Reason, plausible
from appliance.care.errors import Refused
from appliance.care.imaging import Document
from appliance.clock import Stamp
from appliance.records.model import DeviceRef, Object, Quarantined, Result, Value
from drivers.core.model import Numeric, Validity
from drivers.core.vocab import METRICS

RAW_LIMIT = 512
TYPED = DeviceRef("typed", "typed by the nurse", "manual", "manual", "screen")


@dataclass(frozen=True, slots=True)
class Picture:
    """A still as the media floor gives it: the camera's own bytes."""

    data: bytes
    sha256: str
    media_type: str
    width: int
    height: int
    source: str
    name: str
    captured: Stamp


def new_id() -> str:
    """An identifier that nobody else will ever make."""
    return str(uuid.uuid4())


def measured(consultation: str, reading: Reading, status: str) -> Result:
    """What a device measured."""
    at = reading.arrival
    return Result(
        id=new_id(),
        consultation=consultation,
        kind="measurement",
        status=status,
        device=reading.device,
        at=at.wall,
        at_ns=at.boot_ns,
        boot_id=at.boot_id,
        clock=_trust(at),
        numerics=tuple(_value(numeric) for numeric in reading.numerics),
        notices=reading.notices,
        taken=reading.taken,
        clock_offset_s=reading.clock_offset_s,
        clock_uncertainty_s=reading.clock_uncertainty_s,
        clock_known=reading.clock_known,
        raw=reading.raw[:RAW_LIMIT].hex() or None,
    )


def held(reading: Reading, reason: Reason, consultation: str | None) -> Quarantined:
    """What a device said and nobody may chart yet."""
    at = reading.arrival
    return Quarantined(
        id=new_id(),
        reason=reason.value,
        device=reading.device,
        at=at.wall,
        at_ns=at.boot_ns,
        boot_id=at.boot_id,
        numerics=tuple(_value(numeric) for numeric in reading.numerics),
        notices=reading.notices,
        taken=reading.taken,
        clock_offset_s=reading.clock_offset_s,
        clock_uncertainty_s=reading.clock_uncertainty_s,
        clock_known=reading.clock_known,
        consultation=consultation,
        raw=reading.raw[:RAW_LIMIT].hex() or None,
    )


def typed(consultation: str, metric: str, value: str, unit: str, reason: str) -> Result:
    """What a person read elsewhere and typed. `Refused` says what does not fit."""
    row = METRICS.get(metric)
    if row is None:
        raise Refused("no-such-metric", f"metric: got {metric!r}, wanted one of {', '.join(sorted(METRICS))}")
    if unit != row.unit:
        raise Refused("wrong-unit", f"unit of {metric}: got {unit!r}, wanted {row.unit!r}")
    numeric = Numeric(row, _decimal(metric, value), row.unit)
    if not plausible(numeric):
        assert row.plausible is not None
        low, high = row.plausible
        raise Refused("implausible", f"{metric}: {value} is outside {low} to {high} {row.unit}; read it again")
    now = clock.now()
    return Result(
        id=new_id(),
        consultation=consultation,
        kind="measurement",
        status="manual",
        device=TYPED,
        at=now.wall,
        at_ns=now.boot_ns,
        boot_id=now.boot_id,
        clock=_trust(now),
        numerics=(_value(numeric),),
        typed_by="nurse",
        reason=reason,
    )


def still(consultation: str, picture: Picture) -> Result:
    """A picture as the camera gave it."""
    at = picture.captured
    return Result(
        id=new_id(),
        consultation=consultation,
        kind="still",
        status="valid",
        device=DeviceRef(picture.source, picture.name, "camera", "camera", picture.source),
        at=at.wall,
        at_ns=at.boot_ns,
        boot_id=at.boot_id,
        clock=_trust(at),
        obj=Object(
            sha256=picture.sha256,
            media_type=picture.media_type,
            bytes=len(picture.data),
            source=picture.source,
            width=picture.width,
            height=picture.height,
        ),
    )


def document(consultation: str, received: Document) -> Result:
    """A DICOM object, with the numbers that were read from it."""
    at = received.arrival
    return Result(
        id=new_id(),
        consultation=consultation,
        kind="document",
        status="questionable" if any(n.validity is not Validity.VALID for n in received.numerics) else "valid",
        device=received.device,
        at=at.wall,
        at_ns=at.boot_ns,
        boot_id=at.boot_id,
        clock=_trust(at),
        numerics=tuple(_value(numeric) for numeric in received.numerics),
        taken=received.header.taken,
        obj=_dicom(received),
    )


def held_document(received: Document, reason: Reason, consultation: str | None) -> Quarantined:
    """A DICOM object that nobody may chart yet."""
    at = received.arrival
    return Quarantined(
        id=new_id(),
        reason=reason.value,
        device=received.device,
        at=at.wall,
        at_ns=at.boot_ns,
        boot_id=at.boot_id,
        numerics=tuple(_value(numeric) for numeric in received.numerics),
        taken=received.header.taken,
        consultation=consultation,
        obj=_dicom(received),
    )


def _dicom(received: Document) -> Object:
    return Object(
        sha256=received.sha256,
        media_type="application/dicom",
        bytes=received.size,
        source=received.device.key,
        dicom=received.header.dicom,
    )


def _value(numeric: Numeric) -> Value:
    row = numeric.metric
    return Value(row.name, row.loinc, row.mdc, numeric.value, numeric.unit, numeric.validity.value, numeric.site)


def _decimal(metric: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(text) > 12:
        raise Refused("not-a-number", f"{metric}: got {text[:20]!r}, wanted a number such as 37.2")
    return value


def _trust(at: Stamp) -> str:
    return "trusted" if at.trusted else "untrusted"
