"""From a reading, a typed value or a recording to the fact that is kept. Pure but for fresh identifiers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from appliance import clock
from appliance.care.acceptance import Reading, Reason, plausible
from appliance.care.consultation import State
from appliance.care.errors import Refused
from appliance.care.imaging import Document
from appliance.clock import Stamp
from appliance.records.model import DeviceRef, Object, Quarantined, Result, Sound, Value
from appliance.records.spool import Spool
from drivers.core.model import Numeric, Validity
from drivers.core.vocab import METRICS

RAW_LIMIT = 512
TYPED = DeviceRef("typed", "typed by the nurse", "manual", "manual", "screen")


@dataclass(frozen=True, slots=True)
class Here:
    """Which unit keeps what is charted, and the version of its software."""

    unit: str
    software: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A still or a clip as the media floor gives it: the camera's own bytes. `seconds`: of a clip."""

    data: bytes
    sha256: str
    media_type: str
    width: int
    height: int
    source: str
    name: str
    captured: Stamp
    side: str | None = None
    zoom: float | None = None
    seconds: float | None = None
    notices: tuple[str, ...] = ()

    states = frozenset({State.ACTIVE})

    @property
    def size(self) -> int:
        """Bytes to be written."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Listening:
    """A recorded sound as the media floor gives it; its bytes are in a spool that is closed."""

    data: Spool
    media_type: str
    sound: Sound
    source: str
    name: str
    captured: Stamp
    notices: tuple[str, ...] = ()

    states = frozenset({State.ACTIVE, State.REVIEW})  # it was begun before: the review must not lose it

    @property
    def size(self) -> int:
        """Bytes that are still to be written: they are there already."""
        return 0


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
        clock_error_s=at.error_s,
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
        clock_error_s=at.error_s,
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
        clock_error_s=now.error_s,
        numerics=(_value(numeric),),
        typed_by="nurse",
        reason=reason,
    )


def recorded(consultation: str, what: Picture | Listening) -> Result:
    """A picture, a clip or a sound, as the device gave it."""
    at = what.captured
    picture = isinstance(what, Picture)
    kind = ("still" if what.seconds is None else "clip") if isinstance(what, Picture) else "sound"
    instrument = "camera" if picture else "stethoscope"
    return Result(
        id=new_id(),
        consultation=consultation,
        kind=kind,
        status="questionable" if what.notices else "valid",
        device=DeviceRef(what.source, what.name, instrument, instrument, what.source),
        at=at.wall,
        at_ns=at.boot_ns,
        boot_id=at.boot_id,
        clock=_trust(at),
        clock_error_s=at.error_s,
        notices=what.notices,
        obj=_pictured(what) if isinstance(what, Picture) else _heard(what),
    )


def _pictured(what: Picture) -> Object:
    return Object(
        sha256=what.sha256,
        media_type=what.media_type,
        bytes=len(what.data),
        source=what.source,
        width=what.width,
        height=what.height,
        seconds=what.seconds,
        side=what.side,
        zoom=what.zoom,
    )


def _heard(what: Listening) -> Object:
    return Object(
        sha256=what.data.sha256,
        media_type=what.media_type,
        bytes=what.data.bytes,
        source=what.source,
        sound=what.sound,
        seconds=what.sound.samples / what.sound.rate_hz,
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
        clock_error_s=at.error_s,
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
        clock_error_s=at.error_s,
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
