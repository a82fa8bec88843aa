"""A picture, clip or sound: its bytes are sent as a Binary named by their hash, and a Media says whose and what."""

from __future__ import annotations

from decimal import Decimal

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

TYPES = {"image": "Image", "video": "Video", "audio": "Audio"}
KINDS = {"still": "image", "clip": "video", "sound": "audio", "document": "image"}
# DICOM's recordings that are no single pictures: multi-frame ultrasound, video, voice and general audio.
RECORDINGS = {
    f"1.2.840.10008.5.1.4.1.1.{uid}": name
    for uid, name in {
        "3.1": "video",
        "77.1.1.1": "video",
        "77.1.2.1": "video",
        "77.1.4.1": "video",
        "9.4.1": "audio",
        "9.4.2": "audio",
    }.items()
}


def media(result: Result, obj: Object, sha1: str, record: ConsultationRecord, sender: Sender) -> tuple[str, Resource]:
    """(UUID, Media). `sha1` is base64: FHIR R4 wants that one in Attachment.hash; the SHA-256 is an identifier."""
    uuid = derived(result.id, "media")
    sop_class = "" if obj.dicom is None else obj.dicom.sop_class
    code = RECORDINGS.get(sop_class, KINDS[result.kind])
    body: Resource = {
        "resourceType": "Media",
        **meta(sender),
        "extension": [extension(terms.ORIGIN, "Code", "device")],
        "identifier": identifiers(uuid, result, obj),
        "status": "completed",
        "type": concept(coding(f"{terms.TERMINOLOGY}/media-type", code, TYPES[code])),
        "encounter": reference(record.id),
        "createdDateTime": instant(result.at),
        "issued": instant(result.at),
        "deviceName": obj.source,
        "device": reference(origin_uuid(result, sender)),
        **_dimensions(obj),
        **_place(obj),
        "content": attachment(result, obj, sha1),
    }
    if record.patient is not None and record.confirmed:
        body["subject"] = reference(record.patient_id)
    if obj.dicom is not None and obj.dicom.modality:
        body["modality"] = concept(coding(terms.DCM, obj.dicom.modality))
    notes = said_of(result)
    if notes:
        body["note"] = notes
    return uuid, body


def identifiers(uuid: str, result: Result, obj: Object) -> list[Resource]:
    """By what an object can be found: our own, its result's, its hash's, and the one DICOM gave it."""
    found = [
        identifier(uuid),
        {"system": terms.RESULT, "value": result.id},
        {"system": terms.URI, "value": f"urn:sha256:{obj.sha256}"},
    ]
    dicom = [] if obj.dicom is None else [{"system": terms.DICOM_UID, "value": f"urn:oid:{obj.dicom.instance}"}]
    return found + dicom


def attachment(result: Result, obj: Object, sha1: str) -> Resource:
    """Where the bytes are, and what."""
    return {
        "contentType": obj.media_type,
        "url": f"Binary/{obj.sha256}",
        "size": obj.bytes,
        "hash": sha1,
        "creation": instant(result.at),
    }


def _dimensions(obj: Object) -> Resource:
    return {
        name: value for name, value in (("width", obj.width), ("height", obj.height)) if value is not None and value > 0
    }


def _place(obj: Object) -> Resource:
    """Where on the body, and how long."""
    site = obj.side if obj.sound is None else obj.sound.site
    return {
        **({"bodySite": {"text": site}} if site else {}),
        **({"duration": Decimal(str(round(obj.seconds, 3)))} if obj.seconds is not None else {}),
    }
