"""A dossier of tele-expertise: ServiceRequest (the question), Task (its progress), DocumentReference (its manifest)."""

from __future__ import annotations

import base64
import hashlib

from appliance.platform.fhir import terms
from appliance.platform.fhir.act import audited, encounter, patient, provenance
from appliance.platform.fhir.parts import (
    Sender,
    coding,
    concept,
    create,
    derived,
    extension,
    identifier,
    instant,
    meta,
    reference,
    transaction,
    urn,
)
from appliance.platform.fhir.text import Resource
from appliance.platform.fhir.things import unit
from appliance.records.model import ConsultationRecord, Dossier

SNOMED = "http://snomed.info/sct"


def dossier(it: Dossier, record: ConsultationRecord, manifest: bytes, sender: Sender) -> Resource:
    """The transaction. All of it is created once: a repeat never takes a Task back to `requested`.

    Eight entries, for some servers take no more in one transaction; the Consent went with the consultation before it.
    """
    question, task, document = it.id, derived(it.id, "task"), derived(it.id, "manifest")
    return transaction(
        [
            *patient(record, sender),
            unit(sender),
            create(record.id, encounter(record, sender)),
            create(document, _manifest(document, it, record, manifest, sender)),
            create(question, _question(it, record, document, sender)),
            create(task, _task(task, it, record, sender)),
            provenance(derived(it.id, "provenance"), "CREATE", [question, task], it.at, sender, it.by.name),
            audited(derived(it.id, "audit"), "dossier", it.at, [question], sender, it.by),
        ]
    )


def _of(record: ConsultationRecord, field: str) -> Resource:
    known = record.patient is not None and record.confirmed
    return {field: reference(record.patient_id)} if known else {}


def _question(it: Dossier, record: ConsultationRecord, document: str, sender: Sender) -> Resource:
    body: Resource = {
        "resourceType": "ServiceRequest",
        **meta(sender),
        "identifier": [identifier(it.id)],
        "status": "active",
        "intent": "order",
        "category": [concept(coding(SNOMED, "448337001", "Telemedicine consultation with provider"))],
        "priority": it.urgency,
        "code": {"text": "tele-expertise"},
        **_of(record, "subject"),
        "encounter": reference(record.id),
        "authoredOn": instant(it.at),
        "requester": {"display": it.by.name} | _rpps(it.by.rpps),
        "reasonCode": [{"text": it.question}],
        "supportingInfo": [reference(document), *(_told(item.result) for item in it.items)],
    }
    if it.specialty:
        body["performerType"] = {"text": it.specialty}
    return body


def _task(uuid: str, it: Dossier, record: ConsultationRecord, sender: Sender) -> Resource:
    return {
        "resourceType": "Task",
        **meta(sender),
        "identifier": [identifier(uuid)],
        "status": "requested",
        "intent": "order",
        "priority": it.urgency,
        "code": concept(coding("http://hl7.org/fhir/CodeSystem/task-code", "fulfill")),
        "focus": reference(it.id),
        **_of(record, "for"),
        "encounter": reference(record.id),
        "authoredOn": instant(it.at),
        "lastModified": instant(it.at),
        "requester": {"display": it.by.name} | _rpps(it.by.rpps),
    }


def _manifest(uuid: str, it: Dossier, record: ConsultationRecord, data: bytes, sender: Sender) -> Resource:
    sha1 = hashlib.sha1(data, usedforsecurity=False).digest()  # FHIR R4 fixes it for Attachment.hash
    attachment = {
        "contentType": "application/json",
        "data": base64.b64encode(data).decode(),
        "size": len(data),
        "hash": base64.b64encode(sha1).decode(),
        "title": "manifest",
        "creation": instant(it.at),
    }
    return {
        "resourceType": "DocumentReference",
        **meta(sender),
        "extension": [extension(terms.ORIGIN, "Code", "unit")],
        "identifier": [
            identifier(uuid),
            {"system": terms.URI, "value": f"urn:sha256:{hashlib.sha256(data).hexdigest()}"},
        ],
        "status": "current",
        "type": {"text": "Manifest of a tele-expertise request"},
        **_of(record, "subject"),
        "date": instant(it.at),
        "author": [reference(sender.uuid, sender.name)],
        "content": [{"attachment": attachment}],
        "context": {"encounter": [reference(record.id)]},
    }


def _told(result: str) -> Resource:
    """A result that was sent before: by its identifier, for it is not in this bundle."""
    return {"identifier": {"system": terms.RESULT, "value": urn(result)}}


def _rpps(rpps: str | None) -> Resource:
    return {} if rpps is None else {"identifier": {"system": terms.RPPS, "value": rpps}}
