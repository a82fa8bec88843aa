"""A DICOM object that is neither picture nor sound: a DocumentReference says whose and what it is.

An encapsulated PDF, a structured report, an ECG. FHIR R4 keeps Media for "a photo, video, or audio recording".
"""

from __future__ import annotations

from appliance.platform.fhir import terms
from appliance.platform.fhir.media import attachment, identifiers
from appliance.platform.fhir.observations import origin_uuid, said_of
from appliance.platform.fhir.parts import Sender, coding, concept, derived, extension, instant, meta, reference
from appliance.platform.fhir.text import Resource
from appliance.records.model import ConsultationRecord, Instance, Object, Result

# Beginning of the SOP class -> words, and the LOINC code where every object of the class is just that.
KINDS: dict[str, tuple[str, str | None]] = {
    "1.2.840.10008.5.1.4.1.1.104.1": ("Encapsulated PDF", None),
    "1.2.840.10008.5.1.4.1.1.88.": ("Structured report", None),
    "1.2.840.10008.5.1.4.1.1.9.1.": ("Electrocardiogram", "11524-6"),
}


def kind(dicom: Instance | None) -> tuple[str, str | None] | None:
    """Words and LOINC code of an object that is a document; None: it is a picture or a sound."""
    uid = "" if dicom is None else dicom.sop_class
    return next((named for beginning, named in KINDS.items() if uid.startswith(beginning)), None)


def document(
    result: Result, obj: Object, sha1: str, record: ConsultationRecord, sender: Sender
) -> tuple[str, Resource]:
    """(UUID, DocumentReference); arguments as `media.media`. `ValueError` for what is no document."""
    dicom, named = obj.dicom, kind(obj.dicom)
    if dicom is None or named is None:
        raise ValueError(f"{obj.media_type} is no document")
    uuid = derived(result.id, "document")
    words, loinc = named
    body: Resource = {
        "resourceType": "DocumentReference",
        **meta(sender),
        "extension": [extension(terms.ORIGIN, "Code", "device")],
        "identifier": identifiers(uuid, result, obj),
        "status": "current",
        "type": concept(*([] if loinc is None else [coding(terms.LOINC, loinc)]), text=words),
        "date": instant(result.at),
        "author": [reference(origin_uuid(result, sender), obj.source)],
        "content": [
            {"attachment": attachment(result, obj, sha1), "format": coding(terms.DICOM_UIDS, dicom.sop_class, words)}
        ],
        "context": {"encounter": [reference(record.id)]},
    }
    if dicom.modality:
        body["category"] = [concept(coding(terms.DCM, dicom.modality))]
    if record.patient is not None and record.confirmed:
        body["subject"] = reference(record.patient_id)
    for note in said_of(result):
        body = described(body, note["text"])
    return uuid, body


def described(body: Resource, words: str) -> Resource:
    """With words of a person, for which R4 gives a DocumentReference a description and no notes."""
    return body | {"description": "\n".join(filter(None, (body.get("description"), words)))}
