"""Tele-expertise: a question to a specialist with all that is needed to answer it, put together without a network.

What a request must hold: who asks, the patient, the question, its urgency, consent, and what was found (CI-SIS,
"Demande de télé-expertise", TLM-DA). Pure but for fresh identifiers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from appliance import clock
from appliance.care.charting import new_id
from appliance.care.consultation import State
from appliance.care.errors import Refused
from appliance.records.model import Answer, ConsultationRecord, Dossier, Item, KeptDossier, KeptResult, Person

URGENCIES = ("routine", "urgent", "asap", "stat")  # FHIR R4, request-priority


class Stage(StrEnum):
    """How far a dossier is, by the platform's own word; `requested` until it has said one."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ANSWERED = "answered"


NEXT: dict[tuple[Stage, Stage], Stage] = {
    (Stage.REQUESTED, Stage.ACCEPTED): Stage.ACCEPTED,
    (Stage.REQUESTED, Stage.REFUSED): Stage.REFUSED,
    (Stage.REQUESTED, Stage.ANSWERED): Stage.ANSWERED,
    (Stage.ACCEPTED, Stage.REFUSED): Stage.REFUSED,
    (Stage.ACCEPTED, Stage.ANSWERED): Stage.ANSWERED,
}


def build(
    record: ConsultationRecord,
    results: Iterable[KeptResult],
    *,
    question: str,
    urgency: str,
    specialty: str | None,
    by: Person,
) -> Dossier:
    """The dossier of what is on the chart now. `Refused` says what is missing."""
    if record.state not in {State.ACTIVE, State.REVIEW} or record.patient is None or not record.confirmed:
        raise Refused("not-active", f"a dossier is made of an active consultation; this one is {record.state}")
    if record.consent is None or not record.consent.given:
        raise Refused("no-consent", "the patient has not agreed")
    if urgency not in URGENCIES:
        raise Refused("bad-request", f"urgency: got {urgency!r}, wanted one of {', '.join(URGENCIES)}")
    if not question.strip():
        raise Refused("bad-request", "question: words are wanted")
    items = tuple(_item(kept) for kept in results if kept.struck is None)
    return Dossier(new_id(), record.id, clock.wall(), question.strip(), urgency, by, items, specialty)


def stage(kept: KeptDossier) -> Stage:
    """How far it is."""
    return Stage(kept.answers[-1].state) if kept.answers else Stage.REQUESTED


def news(kept: KeptDossier, answer: Answer) -> bool:
    """Whether the platform's word says something new: a repeat does not, nor one that the table does not have."""
    return (stage(kept), Stage(answer.state)) in NEXT


def manifest(dossier: Dossier) -> bytes:
    """What belongs to it, each with its SHA-256: JSON with sorted keys, the same bytes every time."""
    said = {
        "dossier": dossier.id,
        "consultation": dossier.consultation,
        "at": dossier.at.isoformat(),
        "items": [msgspec.to_builtins(item) for item in dossier.items],
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def message(kept: KeptDossier) -> dict[str, Any]:
    """For the screens (docs/api.md)."""
    it = kept.dossier
    return {
        "id": it.id,
        "consultation": it.consultation,
        "at": it.at.isoformat(),
        "question": it.question,
        "urgency": it.urgency,
        "specialty": it.specialty,
        "by": it.by.name,
        "items": len(it.items),
        "state": stage(kept).value,
        "delivery": kept.delivery,
        "answers": [
            {"state": one.state, "at": one.at.isoformat(), "by": one.by, "text": one.text} for one in kept.answers
        ],
    }


def fact(kept: KeptResult) -> bytes:
    """The bytes of a result that its item in the manifest is the hash of."""
    return msgspec.json.encode(kept.result)


def _item(kept: KeptResult) -> Item:
    it, obj = kept.result, kept.result.obj
    digest = hashlib.sha256(fact(kept)).hexdigest()
    return Item(it.id, it.kind, digest, None if obj is None else obj.sha256, None if obj is None else obj.media_type)
