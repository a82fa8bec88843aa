"""What is sent: one transaction for a change of the consultation, for a result, for a strike."""

from __future__ import annotations

from datetime import datetime

from appliance.platform.fhir import documents
from appliance.platform.fhir.act import audited, consent, encounter, patient, provenance
from appliance.platform.fhir.media import media
from appliance.platform.fhir.observations import observations
from appliance.platform.fhir.parts import Sender, create, derived, transaction, update
from appliance.platform.fhir.text import Resource
from appliance.platform.fhir.things import instrument, unit
from appliance.records.model import ConsultationRecord, Result


def consultation(record: ConsultationRecord, sender: Sender) -> Resource:
    """The consultation as it is now."""
    recorded = record.closed or (record.opened if record.consent is None else record.consent.at)
    entries = [
        *patient(record, sender, change=True),
        unit(sender, change=True),
        audited(derived(record.id, f"audit {record.state}"), record.state, recorded, [record.id], sender),
        update(record.id, encounter(record, sender)),
    ]
    if record.consent is not None and patient(record, sender):
        entries.append(consent(record, record.consent, sender))
    if record.recording is not None and patient(record, sender):
        entries.append(consent(record, record.recording, sender, "recording"))
    step = derived(record.id, f"provenance {record.state}")
    return transaction([*entries, provenance(step, "UPDATE", [record.id], recorded, sender)])


def result(kept: Result, record: ConsultationRecord, sender: Sender, sha1: str | None = None) -> Resource:
    """A result, with everything it refers to. `sha1` (base64) of the bytes is wanted where there are bytes."""
    facts = _facts(kept, record, sender, sha1)
    entries = [*_context(kept, record, sender), *(create(uuid, body) for uuid, body in facts)]
    person, at = (kept.typed_by, kept.at) if kept.assigned is None else (kept.assigned.by, kept.assigned.at)
    told = provenance(derived(kept.id, "provenance"), "CREATE", [uuid for uuid, _ in facts], at, sender, person)
    return transaction([*entries, told])


def strike(
    kept: Result, record: ConsultationRecord, sender: Sender, reason: str, at: datetime, sha1: str | None = None
) -> Resource:
    """A result taken back: it stays on the platform, marked as entered in error, with the reason."""
    facts = [(uuid, _struck(body, reason)) for uuid, body in _facts(kept, record, sender, sha1)]
    entries = [*_context(kept, record, sender), *(update(uuid, body) for uuid, body in facts)]
    told = provenance(derived(kept.id, "provenance strike"), "NULLIFY", [uuid for uuid, _ in facts], at, sender)
    return transaction([*entries, told])


def _context(kept: Result, record: ConsultationRecord, sender: Sender) -> list[Resource]:
    devices = [unit(sender)] if kept.typed_by is not None else [unit(sender), instrument(kept.device, sender)]
    return [*patient(record, sender), create(record.id, encounter(record, sender)), *devices]


def _facts(kept: Result, record: ConsultationRecord, sender: Sender, sha1: str | None) -> list[tuple[str, Resource]]:
    if kept.obj is None:
        return list(observations(kept, record, sender))
    if sha1 is None:
        raise ValueError("the bytes of a still or a sound must be hashed before they are told of")
    numbers = list(observations(kept, record, sender)) if kept.numerics else []
    tell = media if documents.kind(kept.obj.dicom) is None else documents.document
    return [tell(kept, kept.obj, sha1, record, sender), *numbers]


def _struck(body: Resource, reason: str) -> Resource:
    if body["resourceType"] == "DocumentReference":
        return documents.described(body, reason) | {"status": "entered-in-error"}
    return body | {"status": "entered-in-error", "note": [*body.get("note", []), {"text": reason}]}
