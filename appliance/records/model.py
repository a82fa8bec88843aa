"""What is kept: plain facts, frozen. Pure; JSON in and out by `encode` and `decode` of this module."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class DeviceRef:
    """Which instrument measured: what it said of itself, and the driver and link it was read through."""

    key: str
    name: str
    kind: str
    driver: str
    link: str
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """One number of a result, in the unit the device gave (UCUM). None: the device gave no number."""

    metric: str
    loinc: str | None
    mdc: int | None
    value: Decimal | None
    unit: str
    validity: str
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """Which DICOM object it is: its UIDs, as it was received."""

    sop_class: str
    instance: str
    study: str = ""
    transfer_syntax: str = ""
    modality: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the doctor's side measured of a known sound that took the way of the patient's, and what that is worth."""

    grade: str  # good | fair | poor
    response_db: float  # the largest change of level of a tone, 20 to 2000 Hz
    snr_db: float
    jitter_ms: float  # of the blocks' arrival
    buffer_ms: float  # sound held back by the listener
    clipped: int  # samples at full scale
    lost: int  # samples that were not there when they were to be heard
    exact: bool  # every block's hash agreed
    at: datetime


@dataclass(frozen=True, slots=True)
class Sound:
    """What a recorded sound is: its samples by number and hash, where the chest-piece was, how the way was proven."""

    rate_hz: int
    samples: int
    stream: int
    first: int  # the number of its first sample in the stream, as the doctor heard it
    pcm_sha256: str  # hex, of the samples as int16, little-endian
    clipped: bool
    site: str | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """The large bytes of a result, kept by their SHA-256 (hex)."""

    sha256: str
    media_type: str
    bytes: int
    source: str
    width: int | None = None
    height: int | None = None
    dicom: Instance | None = None
    sound: Sound | None = None
    seconds: float | None = None  # of a clip or a sound
    side: str | None = None  # left | right: of the patient
    zoom: float | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """A person has taken a reading out of quarantine and said whose it is. `held` is why it was there."""

    quarantine: str
    held: str
    by: str
    at: datetime
    reason: str
    confirmed: tuple[str, ...]  # the identifiers that were checked again for it


@dataclass(frozen=True, slots=True)
class Person:
    """A professional; `rpps` where it is known."""

    name: str
    rpps: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """An accepted reading, still or sound. `at` is the unit's wall clock at arrival, `at_ns` its CLOCK_BOOTTIME.

    `taken` is the device's own clock (local, naive); `clock_offset_s` what must be added to it to get the unit's,
    within `clock_uncertainty_s`; both None where its clock is not known. `clock_known`: `read` from the device,
    or `inferred` from when its readings arrived. `clock_error_s`: how far the wall clock could be off then; None where
    nothing disciplined it. `unit`, `software`: which unit kept it, and its version, of which the drivers are a part.
    `nurse`: who was at the unit then.
    """

    id: str
    consultation: str
    kind: str  # measurement | still | clip | sound | document
    status: str  # valid | questionable | failed | manual
    device: DeviceRef
    at: datetime
    at_ns: int
    boot_id: str
    clock: str  # trusted | untrusted
    numerics: tuple[Value, ...] = ()
    notices: tuple[str, ...] = ()
    taken: datetime | None = None
    clock_offset_s: float | None = None
    clock_uncertainty_s: float | None = None
    obj: Object | None = None
    typed_by: str | None = None
    reason: str | None = None
    raw: str | None = None  # the packet it came from, hex, at most 512 bytes
    clock_known: str | None = None
    assigned: Assigned | None = None
    clock_error_s: float | None = None
    unit: str | None = None
    software: str | None = None
    nurse: Person | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """Who the patient is, and where that was read (typed, datamatrix, worklist). No INS status is decided here."""

    birth_name: str
    given_names: str
    birth_date: date
    sex: str  # F | M | U
    origin: str
    ins_matricule: str | None = None
    ins_oid: str | None = None
    birth_place: str | None = None  # INSEE code


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed or refused, when, to which version of the text and in which language."""

    given: bool
    by: str  # patient | representative
    at: datetime
    language: str
    version: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A duty before or during the consultation, and who said that it was done."""

    what: str  # hygiene | responsible-person | equipment | results
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConsultationRecord:
    """The act, as kept. `patient_id` is this unit's own identifier of the patient of this consultation."""

    id: str
    state: str
    opened: datetime
    patient_id: str
    closed: datetime | None = None
    place: str | None = None
    reason: str | None = None
    patient: Traits | None = None
    confirmed: tuple[str, ...] = ()  # the identifiers that the nurse checked aloud
    consent: Consent | None = None
    homonym: tuple[str, ...] = ()  # in what another patient kept here, of the same name, differs; () where none is
    homonym_seen: bool = False
    finess: str | None = None  # of the site
    room: str | None = None
    nurse: Person | None = None
    doctor: Person | None = None
    acknowledged: tuple[Acknowledged, ...] = ()
    recording: Consent | None = None  # what the patient said to being recorded; None: nothing is recorded


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing the platform has not yet confirmed. `seq` is the order in which it must arrive per consultation."""

    seq: int
    consultation: str
    kind: str  # consultation | result | strike | dossier
    ref: str
    attempts: int
    queued: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform's word about one outbox row: what it stored, where, when it said so."""

    state: str  # persisted | opened
    at: datetime
    location: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a result has come: stored, persisted, refused, opened; with the platform's own words when refused."""

    state: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A reading that nobody may chart yet, and why."""

    id: str
    reason: str
    device: DeviceRef
    at: datetime
    at_ns: int
    boot_id: str
    numerics: tuple[Value, ...] = ()
    notices: tuple[str, ...] = ()
    taken: datetime | None = None
    consultation: str | None = None  # the one that was open then, if any
    raw: str | None = None
    clock_offset_s: float | None = None
    clock_uncertainty_s: float | None = None
    clock_known: str | None = None
    clock_error_s: float | None = None
    obj: Object | None = None
    goes: datetime | None = None  # not before when it is removed; told some days ahead


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result with everything that was added to it since: never rewritten, only added to."""

    result: Result
    delivery: Delivery = field(default_factory=lambda: Delivery("stored"))
    struck: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What belongs to a dossier. `sha256` is of the result as kept, `object` of its bytes; both in hex."""

    result: str
    kind: str
    sha256: str
    object: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Dossier:
    """A question to a specialist (tele-expertise), with the manifest of what belongs to it."""

    id: str
    consultation: str
    at: datetime
    question: str
    urgency: str  # routine | urgent | asap | stat
    by: Person
    items: tuple[Item, ...]
    specialty: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said about a dossier."""

    state: str  # accepted | refused | answered
    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class KeptDossier:
    """A dossier with what was added to it since."""

    dossier: Dossier
    delivery: str  # stored | persisted | refused
    answers: tuple[Answer, ...] = ()
