"""A still or a sound: its bytes are sent as a Binary named by their hash, and a Media says whose and what they are."""

from __future__ import annotations

from appliance.platform.fhir import terms
from appliance.platform.fhir.observations import origin_uuid, said_of
from appliance.platform.fhir.parts import (
    Sender,
    coding,
    concept,
    derived,
    extension,
    identifier,
    instant,
    meta,
    reference,
)
from appliance.platform.fhir.text import Resource
from appliance.records.model import ConsultationRecord, Object, Result

TYPES = {"still": ("image", "Image"), "sound": ("audio", "Audio"), "document": ("image", "Image")}


def media(result: Result, obj: Object, sha1: str, record: ConsultationRecord, sender: Sender) -> tuple[str, Resource]:
    """(UUID, Media). `sha1` is base64: FHIR R4 wants that one in Attachment.hash; the SHA-256 is an identifier."""
    uuid = derived(result.id, "media")
    code, display = TYPES[result.kind]
    body: Resource = {
        "resourceType": "Media",
        **meta(sender),
        "extension": [extension(terms.ORIGIN, "Code", "device")],
        "identifier": [
            identifier(uuid),
            {"system": terms.RESULT, "value": result.id},
            {"system": terms.URI, "value": f"urn:sha256:{obj.sha256}"},
        ],
        "status": "completed",
        "type": concept(coding(f"{terms.TERMINOLOGY}/media-type", code, display)),
        "encounter": reference(record.id),
        "createdDateTime": instant(result.at),
        "issued": instant(result.at),
        "deviceName": obj.source,
        "device": reference(origin_uuid(result, sender)),
        **_dimensions(obj),
        "content": {
            "contentType": obj.media_type,
            "url": f"Binary/{obj.sha256}",
            "size": obj.bytes,
            "hash": sha1,
            "creation": instant(result.at),
        },
    }
    if record.patient is not None and record.confirmed:
        body["subject"] = reference(record.patient_id)
    if obj.dicom is not None:
        body["identifier"].append({"system": terms.DICOM_UID, "value": f"urn:oid:{obj.dicom.instance}"})
        body["modality"] = concept(coding(terms.DCM, obj.dicom.modality)) if obj.dicom.modality else None
        body = {name: value for name, value in body.items() if value is not None}
    notes = said_of(result)
    if notes:
        body["note"] = notes
    return uuid, body


def _dimensions(obj: Object) -> Resource:
    return {
        name: value for name, value in (("width", obj.width), ("height", obj.height)) if value is not None and value > 0
    }
