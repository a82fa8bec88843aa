"""The act and the people: Patient, Encounter, Consent, and the Provenance that says who did it."""

from __future__ import annotations

from datetime import datetime

from appliance.platform.fhir import terms
from appliance.platform.fhir.parts import (
    Sender,
    coding,
    concept,
    create,
    create_tagged,
    derived,
    extension,
    identifier,
    instant,
    meta,
    reference,
    update,
)
from appliance.platform.fhir.text import Resource
from appliance.records.model import Acknowledged, Consent, ConsultationRecord, Person, Traits


def patient(record: ConsultationRecord, sender: Sender, *, change: bool = False) -> list[Resource]:
    """The patient's entry, once the nurse has confirmed who it is; else none.

    With a matricule the platform's own patient is used, found by it and by nothing else, and never changed: whether
    that identity is qualified is the platform's to say. Without one the patient is this unit's, for this consultation;
    `change` sends the traits again.
    """
    traits = record.patient
    if traits is None or not record.confirmed:
        return []
    body = _patient(record.patient_id, traits, sender)
    if traits.ins_matricule is not None and traits.ins_oid is not None:
        return [create(record.patient_id, body, f"urn:oid:{traits.ins_oid}", traits.ins_matricule)]
    return [update(record.patient_id, body) if change else create(record.patient_id, body)]


def _patient(uuid: str, traits: Traits, sender: Sender) -> Resource:
    body: Resource = {
        "resourceType": "Patient",
        **meta(sender),
        "extension": [extension(terms.ORIGIN, "Code", traits.origin)],
        "identifier": _ins(traits) or [identifier(uuid)],
        "name": [{"use": "official", "family": traits.birth_name, "given": [traits.given_names]}],
        "gender": terms.GENDERS[traits.sex],
        "birthDate": traits.birth_date.isoformat(),
    }
    if traits.birth_place is not None:
        place = extension(
            f"{terms.FR_CORE}/StructureDefinition/fr-core-address-insee-code",
            "Coding",
            coding(terms.INSEE, traits.birth_place),
        )
        body["extension"].append(extension(f"{terms.STRUCTURE}/patient-birthPlace", "Address", {"extension": [place]}))
    return body


def _ins(traits: Traits) -> list[Resource]:
    if traits.ins_matricule is None or traits.ins_oid is None:
        return []
    kind = terms.INS_TYPES.get(traits.ins_oid)
    typed = {} if kind is None else {"type": concept(coding(f"{terms.FR_CORE}/CodeSystem/fr-core-cs-v2-0203", kind))}
    return [{**typed, "system": f"urn:oid:{traits.ins_oid}", "value": traits.ins_matricule}]


def encounter(record: ConsultationRecord, sender: Sender) -> Resource:
    """The consultation as an Encounter at a distance (class VR)."""
    period = {"start": instant(record.opened)} | ({} if record.closed is None else {"end": instant(record.closed)})
    body: Resource = {
        "resourceType": "Encounter",
        **meta(sender),
        "identifier": [identifier(record.id)],
        "status": terms.ENCOUNTER_STATUS[record.state],
        "class": coding(f"{terms.TERMINOLOGY}/v3-ActCode", "VR", "virtual"),
        "period": period,
    }
    if record.patient is not None and record.confirmed:
        body["subject"] = reference(record.patient_id)
    if record.reason:
        body["reasonCode"] = [{"text": record.reason}]
    if record.place:
        body["location"] = [{"location": _location(record)}]
    people = [*_present(record.nurse, "PART"), *_present(record.doctor, "PPRF")]
    if people:
        body["participant"] = people
    body["extension"] = [
        *(extension(terms.PLACE, "Code", code) for code in (record.place,) if code and code.isalpha()),
        extension(terms.RECORDING, "Boolean", record.recording is not None and record.recording.given),
        *(_acknowledged(one) for one in record.acknowledged),
    ]
    return body


def _location(record: ConsultationRecord) -> Resource:
    """Where: in words, and the site's FINESS where the unit knows it (ETH.08)."""
    words = ", ".join(filter(None, (record.place, record.room)))
    site = {} if not record.finess else {"identifier": {"system": terms.FINESS, "value": record.finess}}
    return {"display": words} | site


def _present(person: Person | None, role: str) -> list[Resource]:
    if person is None:
        return []
    known = {} if person.rpps is None else {"identifier": {"system": terms.RPPS, "value": person.rpps}}
    kind = concept(coding(f"{terms.TERMINOLOGY}/v3-ParticipationType", role))
    return [{"type": [kind], "individual": {"display": person.name} | known}]


def _acknowledged(one: Acknowledged) -> Resource:
    parts = [
        extension("what", "Code", one.what),
        extension("by", "String", one.by),
        extension("at", "DateTime", instant(one.at)),
    ]
    return {"url": terms.ACKNOWLEDGED, "extension": parts}


def consent(record: ConsultationRecord, given: Consent, sender: Sender, to: str = "teleconsultation") -> Resource:
    """The entry of what the patient agreed to or refused; to which text, in which language, by whose mouth."""
    uuid = derived(record.id, "consent" if to == "teleconsultation" else f"consent {to}")
    performer = reference(record.patient_id) if given.by == "patient" else {"display": given.by}
    return update(
        uuid,
        {
            "resourceType": "Consent",
            **meta(sender),
            "extension": [extension(terms.CONSENT_LANGUAGE, "Code", given.language)],
            "identifier": [identifier(uuid)],
            "status": "active" if given.given else "rejected",
            "scope": concept(coding(f"{terms.TERMINOLOGY}/consentscope", "treatment")),
            "category": [concept(coding(terms.LOINC, "59284-0", "Consent Document"))],
            "patient": reference(record.patient_id),
            "dateTime": instant(given.at),
            "performer": [performer],
            "policyRule": {"text": f"{to} {given.version}"},
            "provision": {"type": "permit" if given.given else "deny"},
        },
    )


def provenance(
    uuid: str, activity: str, targets: list[str], recorded: datetime, sender: Sender, person: str | None = None
) -> Resource:
    """The entry that says who did it: the unit assembled it; `person`, where known, entered it."""
    kind = f"{terms.TERMINOLOGY}/provenance-participant-type"
    agents: list[Resource] = [{"type": concept(coding(kind, "assembler")), "who": reference(sender.uuid, sender.name)}]
    if person is not None:
        agents.append({"type": concept(coding(kind, "enterer")), "who": {"display": person}})
    return create_tagged(
        uuid,
        {
            "resourceType": "Provenance",
            **meta(sender),
            "target": [reference(target) for target in targets],
            "recorded": instant(recorded),
            "activity": concept(coding(f"{terms.TERMINOLOGY}/v3-DataOperation", activity)),
            "agent": agents,
        },
    )


def audited(
    uuid: str, action: str, at: datetime, about: list[str], sender: Sender, person: Person | None = None
) -> Resource:
    """The entry of an AuditEvent: what was done on the unit, by whom where that is known, else by the unit itself."""
    observer = reference(sender.uuid, sender.name)
    agents: list[Resource] = [{"who": observer, "requestor": person is None}]
    if person is not None:
        agents.append({"who": {"display": person.name}, "requestor": True})
    return create_tagged(
        uuid,
        {
            "resourceType": "AuditEvent",
            **meta(sender),
            "type": coding(f"{terms.TERMINOLOGY}/audit-event-type", "rest", "RESTful Operation"),
            "subtype": [{"system": "urn:chevet:audit", "code": action}],
            "action": "C" if action == "dossier" else "U",
            "recorded": instant(at),
            "outcome": "0",
            "agent": agents,
            "source": {"observer": observer},
            "entity": [{"what": reference(one)} for one in about],
        },
    )
