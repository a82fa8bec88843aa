"""Made-up facts to be sent: nobody's. Whole ones by name, odd ones by hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from appliance.platform.fhir.parts import Sender
from appliance.platform.fhir.text import Resource
from appliance.records.model import Consent, ConsultationRecord, DeviceRef, Instance, Object, Result, Traits, Value
from drivers.core.vocab import METRICS

CONSULTATION = "7d7d9a5e-6f4b-4b0e-9a43-0f6f0d6b8a11"
PATIENT = "9d7d9a5e-6f4b-4b0e-9a43-0f6f0d6b8a12"
RESULT = "0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a13"
NOON = datetime(2026, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PARIS = timezone(timedelta(hours=2))
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of b"abc", FIPS 180-2 B.1
SHA1 = "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="  # of b"abc", FIPS 180-2 A.1, in base64

SENDER = Sender("unit-1", "Cart 1", "0.1.0", zone=PARIS)
CUFF = DeviceRef(
    "cuff", "Cuff", "blood-pressure", "ble-blood-pressure", "ble:00:1A:7D:DA:71:13", "A&D", "UA-651BLE", "5170", "1.0.3"
)
CAMERA = DeviceRef("otoscope", "Otoscope", "camera", "camera", "otoscope")
TRAITS = Traits("DURAND", "ANNE LISE", date(1977, 1, 21), "F", "typed")
CARD = replace(
    TRAITS,
    origin="datamatrix",
    ins_matricule="277010115400329",
    ins_oid="1.2.250.1.213.1.4.8",
    birth_place="01154",
)

CONFIRMED = ConsultationRecord(
    CONSULTATION,
    "active",
    NOON,
    PATIENT,
    place="ehpad",
    reason="cough",
    patient=TRAITS,
    confirmed=("birth_name", "birth_date"),
    consent=Consent(True, "patient", NOON, "fr", "2026-1"),
)
JUST_OPENED = ConsultationRecord(CONSULTATION, "open", NOON, PATIENT)


def value(
    metric: str, number: str | None, unit: str | None = None, validity: str = "valid", site: str | None = None
) -> Value:
    """A value of a metric of the vocabulary."""
    row = METRICS[metric]
    return Value(
        row.name, row.loinc, row.mdc, None if number is None else Decimal(number), unit or row.unit, validity, site
    )


def measurement(*numerics: Value, **more: Any) -> Result:
    """A result of the cuff."""
    return Result(
        id=RESULT,
        consultation=CONSULTATION,
        kind="measurement",
        status=more.pop("status", "valid"),
        device=more.pop("device", CUFF),
        at=NOON,
        at_ns=12_345_678_901_234,
        boot_id="6fcd1a0c-boot",
        clock=more.pop("clock", "trusted"),
        numerics=numerics,
        **more,
    )


PRESSURE = measurement(
    value("blood-pressure-systolic", "124", site="arm"),
    value("blood-pressure-diastolic", "86", site="arm"),
    value("blood-pressure-mean", "98", site="arm"),
    value("pulse-rate-nibp", "72"),
)
STILL = measurement(device=CAMERA, obj=Object(SHA256, "image/jpeg", 3, "otoscope", 1280, 720))
STILL = replace(STILL, kind="still", id="0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a14")


def only(bundle: Resource, kind: str) -> list[Resource]:
    """The resources of one type in a bundle."""
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def extension(resource: Resource, url: str) -> Any:
    """The value of an extension, or its parts by name; None without one."""
    for one in resource.get("extension", []):
        if one["url"] == url:
            if "extension" in one:
                return {part["url"]: _value(part) for part in one["extension"]}
            return _value(one)
    return None


def _value(part: Resource) -> Any:
    return next(held for key, held in part.items() if key.startswith("value"))


# --- what hypothesis makes

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=30
)
EARLIEST, LATEST = datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2090-01-01")
INSTANTS = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
NUMBERS = st.decimals(Decimal(-1000), Decimal(5000), allow_nan=False, allow_infinity=False, places=2) | st.decimals(
    Decimal(0), Decimal(300), allow_nan=False, allow_infinity=False, places=0
)


CODED = sorted(name for name, row in METRICS.items() if row.loinc is not None)


@st.composite
def values(draw: st.DrawFn) -> Value:
    """Any value a driver may give, sane or not."""
    row = METRICS[draw(st.sampled_from(CODED))]
    number = draw(st.none() | NUMBERS)
    validity = draw(
        st.sampled_from(["questionable", "invalid"] if number is None else ["valid", "questionable", "invalid"])
    )
    unit = draw(st.sampled_from([row.unit, "kPa" if row.unit == "mm[Hg]" else row.unit]))
    site = draw(st.none() | st.sampled_from(["arm", "ear", "wrist", "left big toe"]))
    return Value(row.name, row.loinc, row.mdc, number, unit, validity, site)


SAID = st.none() | st.just("") | WORDS  # what a device says of itself
DEVICES = st.builds(
    DeviceRef,
    WORDS,
    WORDS,
    st.sampled_from(["oximeter", "thermometer"]),
    WORDS,
    st.sampled_from(["ble:00:1A:7D:DA:71:13", "ble:00:1A:7D:FF:FE:DA:71:13", "serial:/dev/ttyUSB0"]),
    SAID,
    SAID,
    SAID,
    SAID,
)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Any measurement."""
    typed = draw(st.none() | st.just("nurse"))
    known = draw(st.booleans())
    return Result(
        id=str(draw(st.uuids())),
        consultation=CONSULTATION,
        kind="measurement",
        status=draw(st.sampled_from(["valid", "questionable", "failed", "manual"])),
        device=draw(DEVICES),
        at=draw(INSTANTS),
        at_ns=draw(st.integers(0, 2**62)),
        boot_id=draw(WORDS),
        clock=draw(st.sampled_from(["trusted", "untrusted"])),
        numerics=tuple(draw(st.lists(values(), max_size=6, unique_by=lambda one: one.metric))),
        notices=tuple(draw(st.lists(st.sampled_from(["cuff-loose", "sensor-off"]), max_size=2, unique=True))),
        taken=draw(st.none() | st.datetimes(EARLIEST, LATEST)),
        clock_offset_s=draw(st.floats(-1e8, 1e8)) if known else None,
        clock_uncertainty_s=draw(st.floats(0, 60)) if known else None,
        typed_by=typed,
        reason=None if typed is None else draw(WORDS),
    )


@st.composite
def records(draw: st.DrawFn) -> ConsultationRecord:
    """Any consultation in which something may have been charted, and some in which nothing may."""
    traits = draw(st.sampled_from([None, TRAITS, CARD]))
    given = st.builds(
        Consent, st.booleans(), st.sampled_from(["patient", "representative"]), INSTANTS, st.just("fr"), WORDS
    )
    return ConsultationRecord(
        CONSULTATION,
        draw(st.sampled_from(["open", "identifying", "ready", "active", "review", "closed", "abandoned"])),
        draw(INSTANTS),
        PATIENT,
        draw(st.none() | INSTANTS),
        draw(st.none() | WORDS),
        draw(st.none() | WORDS),
        traits,
        draw(st.sampled_from([(), ("birth_name", "birth_date")])),
        draw(st.none() | given),
    )


SENDERS = st.builds(Sender, WORDS, WORDS, WORDS, st.booleans(), st.just(PARIS))


def dicom_object(sop_class: str, modality: str = "") -> Result:
    """A DICOM object without numbers."""
    dicom = Instance(f"1.2.840.10008.5.1.4.1.1.{sop_class}", "2.25.77", "2.25.78", "1.2.840.10008.1.2.1", modality)
    obj = Object(SHA256, "application/dicom", 3, "us", dicom=dicom)
    return replace(measurement(obj=obj), kind="document", numerics=())
