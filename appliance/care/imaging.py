"""DICOM objects and the consultation: the order that devices are given, and whose an object is. Pure.

What the order says (PatientID, accession number, study) is made for one consultation and never used again: an object
that bears it is of this consultation. Nothing of the patient's own identifiers leaves by it but name, date and sex.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from appliance.care.acceptance import Reason
from appliance.care.consultation import ENDED, State
from appliance.care.errors import Refused
from appliance.care.lease import Lease
from appliance.clock import Stamp
from appliance.records.model import ConsultationRecord, DeviceRef, Instance, Traits
from drivers.core.model import Numeric

SLACK = timedelta(seconds=60)  # a device of which only the minute is known


@dataclass(frozen=True, slots=True)
class Order:
    """One scheduled procedure step: the open consultation, for devices."""

    patient_id: str
    accession: str
    study: str
    step: str
    patient: Traits
    start: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """What an object says of itself; empty or None where it does not."""

    dicom: Instance
    patient_id: str = ""
    family_name: str = ""
    birth_date: date | None = None
    accession: str = ""
    taken: datetime | None = None  # the device's clock, local


@dataclass(frozen=True, slots=True)
class Document:
    """An object as it arrived, with what could be read from it."""

    device: DeviceRef
    arrival: Stamp
    header: Header
    size: int
    sha256: str
    numerics: tuple[Numeric, ...] = ()

    def fingerprint(self) -> bytes:
        """The same instance with the same bytes is the same object; with other bytes it is another."""
        return f"dicom|{self.device.key}|{self.header.dicom.instance}|{self.sha256}".encode()


def order(record: ConsultationRecord | None) -> Order | None:
    """What devices may be told: the patient of the open consultation, once confirmed; else nobody."""
    if record is None or record.patient is None or not record.confirmed or State(record.state) in ENDED:
        return None
    short = UUID(record.id).hex[:16].upper()
    return Order(
        patient_id=UUID(record.patient_id).hex[:16].upper(),
        accession=short,
        study=f"2.25.{uuid5(UUID(record.id), 'study').int}",
        step=f"S{short[:15]}",
        patient=record.patient,
        start=record.opened,
        reason=record.reason or "",
    )


def judge(document: Document, record: ConsultationRecord | None, lease: Lease | None) -> Reason | None:
    """Why an object may not be charted; None: it may."""
    if record is None:
        return Reason.NO_CONSULTATION
    if record.state != State.ACTIVE:
        return Reason.NOT_ACTIVE
    at = document.arrival
    if lease is None or at.boot_ns < lease.from_ns:
        return Reason.NO_LEASE
    if not lease.holds(at.boot_ns):
        return Reason.LEASE_OVER
    return _whose(document, order(record), lease)


def _whose(document: Document, ours: Order | None, lease: Lease) -> Reason | None:
    header = document.header
    if ours is None or _contradicts(header, ours):
        return Reason.OTHER_PATIENT
    if header.patient_id or header.accession == ours.accession or header.dicom.study == ours.study:
        return None
    if not header.family_name or header.birth_date is None:
        return Reason.NO_IDENTITY
    return _in_time(document, lease)  # typed at the device: the same patient, but perhaps of last week


def _contradicts(header: Header, ours: Order) -> bool:
    name, own = plain(header.family_name), plain(ours.patient.birth_name)
    return (
        header.patient_id not in {"", ours.patient_id}
        or header.birth_date not in {None, ours.patient.birth_date}
        or bool(name and not (own.startswith(name) or name.startswith(own)))
    )


def _in_time(document: Document, lease: Lease) -> Reason | None:
    taken, arrival = document.header.taken, document.arrival
    if taken is None or not arrival.trusted:
        return Reason.CLOCK_UNKNOWN
    age = arrival.wall.astimezone().replace(tzinfo=None) - taken
    bound = timedelta(microseconds=(arrival.boot_ns - lease.from_ns) / 1000)
    return None if -SLACK <= age <= bound + SLACK else Reason.BEFORE_LEASE


def plain(name: str) -> str:
    """Letters only, without accents or case: devices write names as their keyboards let them."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[^\w]|_", "", "".join(one for one in letters if not unicodedata.combining(one)))


class Step(StrEnum):
    """How far a performed procedure step is (PS3.4, F.7)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


NEXT_STEP: dict[tuple[Step | None, str], Step] = {
    (None, "IN PROGRESS"): Step.IN_PROGRESS,
    (Step.IN_PROGRESS, ""): Step.IN_PROGRESS,
    (Step.IN_PROGRESS, "IN PROGRESS"): Step.IN_PROGRESS,
    (Step.IN_PROGRESS, "COMPLETED"): Step.COMPLETED,
    (Step.IN_PROGRESS, "DISCONTINUED"): Step.DISCONTINUED,
}


def next_step(now: Step | None, told: str, *, new: bool) -> Step:
    """The state after a device has told one; `Refused` with `exists`, `unknown`, `over` or `state`."""
    if new and now is not None:
        raise Refused("exists", "this procedure step is there already")
    if not new and now is None:
        raise Refused("unknown", "there is no such procedure step")
    if now in {Step.COMPLETED, Step.DISCONTINUED}:
        raise Refused("over", "this procedure step is over and may not be changed any more")
    try:
        return NEXT_STEP[now, told]
    except KeyError:
        raise Refused("state", f"a procedure step cannot become {told[:16]!r} now") from None
