"""What the law wants known of the act besides its measures: where, by whom, in which conditions, and what is recorded.

Sources: ETH.08 (place), ETH.09.1 (recording), HAS 2024 on places (hygiene, a responsible person). Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from appliance.care.consultation import ENDED, State
from appliance.care.errors import Refused
from appliance.records.model import Acknowledged, Consent, ConsultationRecord, Person

DUTIES = ("hygiene", "responsible-person", "equipment")


def acknowledge(record: ConsultationRecord, what: str, by: str, at: datetime) -> ConsultationRecord:
    """A duty was done, and who says so; said again it is added again."""
    if what not in DUTIES:
        raise Refused("bad-request", f"acknowledgement: got {what[:40]!r}, wanted one of {', '.join(DUTIES)}")
    return replace(_open(record), acknowledged=(*record.acknowledged, Acknowledged(what, by, at)))


def validated(record: ConsultationRecord, at: datetime) -> ConsultationRecord:
    """Who ends the consultation has looked through its results: they stand as they are, or were struck."""
    by = "nurse" if record.nurse is None else record.nurse.name
    return replace(_open(record), acknowledged=(*record.acknowledged, Acknowledged("results", by, at)))


def attended(record: ConsultationRecord, nurse: Person | None, doctor: Person | None) -> ConsultationRecord:
    """Who is there; None leaves it as it is."""
    return replace(_open(record), nurse=nurse or record.nurse, doctor=doctor or record.doctor)


def recording(record: ConsultationRecord, consent: Consent) -> ConsultationRecord:
    """What the patient says to being recorded. Without a word of theirs nothing is: off is how it begins."""
    if record.consent is None or not record.consent.given:
        raise Refused("no-consent", "recording is asked for after the patient has agreed to the consultation")
    return replace(_open(record), recording=consent)


def may_record(record: ConsultationRecord) -> bool:
    """Whether the consultation itself, its sound and picture, may be recorded."""
    return record.recording is not None and record.recording.given


def _open(record: ConsultationRecord) -> ConsultationRecord:
    if State(record.state) in ENDED:
        raise Refused("not-active", "this consultation is over")
    return record
