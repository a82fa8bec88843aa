"""The live messages of what is kept (docs/protocol.md, section 5)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from appliance import clock
from appliance.feed import Message
from appliance.records.model import (
    Assigned,
    ConsultationRecord,
    KeptResult,
    Object,
    Proof,
    Quarantined,
    Sound,
    Traits,
    Value,
)
from drivers.core.model import Numeric

PROCEDURES = {"IN PROGRESS": "in-progress", "COMPLETED": "completed", "DISCONTINUED": "discontinued"}


def numeric(device: str, reading: Numeric, at_ms: int) -> Message:
    """The newest value of a metric."""
    return {
        "type": "numeric",
        "device": device,
        "metric": reading.metric.name,
        "loinc": reading.metric.loinc,
        "value": None if reading.value is None else str(reading.value),
        "unit": reading.unit,
        "validity": reading.validity.value,
        "at_ms": at_ms,
        "taken": None if reading.taken is None else reading.taken.isoformat(),
        "from_memory": reading.from_memory,
    }


def result(kept: KeptResult, delivery: str | None = None) -> Message:
    """A result as it stands; `delivery` where it is not what the records say (`unsaved`)."""
    it = kept.result
    return {
        "type": "result",
        "id": it.id,
        "consultation": it.consultation,
        "kind": it.kind,
        "status": it.status,
        "device": {"key": it.device.key, "name": it.device.name, "model": it.device.model, "serial": it.device.serial},
        "at": it.at.isoformat(),
        "at_ms": it.at_ns // 1_000_000,
        "taken": None if it.taken is None else it.taken.isoformat(),
        "numerics": [_value(value) for value in it.numerics],
        "notices": list(it.notices),
        "delivery": delivery or kept.delivery.state,
        **({"reason": it.reason} if it.reason else {}),
        **({"refusal": kept.delivery.refusal} if kept.delivery.refusal else {}),
        **({"struck": kept.struck} if kept.struck is not None else {}),
        **({"assigned": _assigned(it.assigned)} if it.assigned else {}),
        **({"object": _object(it.obj)} if it.obj else {}),
    }


def consultation(record: ConsultationRecord | None, *, resumed: bool, doctor: dict[str, str] | None) -> Message:
    """The open consultation, or that there is none."""
    if record is None:
        return {"type": "consultation", "id": None, "state": None, "patient": None, "resumed": False, "doctor": None}
    consent = record.consent
    return {
        "type": "consultation",
        "id": record.id,
        "state": record.state,
        "opened": record.opened.isoformat(),
        "reason": record.reason,
        "patient": None if record.patient is None else _traits(record.patient),
        "confirmed": bool(record.confirmed),
        "homonym": list(record.homonym),
        "place": {"kind": record.place, "finess": record.finess, "room": record.room},
        "nurse": None if record.nurse is None else record.nurse.name,
        "acknowledged": [{"what": one.what, "by": one.by, "at": one.at.isoformat()} for one in record.acknowledged],
        "recording": record.recording is not None and record.recording.given,
        "consent": None
        if consent is None
        else {
            "given": consent.given,
            "by": consent.by,
            "at": consent.at.isoformat(),
            "version": consent.version,
            "language": consent.language,
        },
        "resumed": resumed,
        "doctor": doctor,
    }


def quarantine(held: Quarantined) -> Message:
    """A reading that nobody may chart yet."""
    return {
        "type": "quarantine",
        "id": held.id,
        "reason": held.reason,
        "device": {"key": held.device.key, "name": held.device.name},
        "at": held.at.isoformat(),
        "taken": None if held.taken is None else held.taken.isoformat(),
        "numerics": [_value(value) for value in held.numerics],
        **({"object": _object(held.obj)} if held.obj else {}),
        "consultation": held.consultation,
        "goes": None if held.goes is None else held.goes.isoformat(),
        "gone": False,
    }


def quarantine_gone(reading: str) -> Message:
    """It is not in quarantine any more."""
    said = {"id": reading, "reason": "", "device": {"key": "", "name": ""}, "at": clock.wall().isoformat()}
    return {"type": "quarantine", **said, "numerics": [], "gone": True}


def step(device: str, state: str) -> Message:
    """How far a device's examination of the open consultation is."""
    return {"type": "procedure", "device": device, "state": PROCEDURES[state], "at_ms": clock.boottime_ms()}


def _value(value: Value) -> dict[str, Any]:
    return {
        "metric": value.metric,
        "loinc": value.loinc,
        "value": None if value.value is None else str(value.value),
        "unit": value.unit,
        "validity": value.validity,
    }


def _assigned(assigned: Assigned) -> dict[str, Any]:
    return {
        "held": assigned.held,
        "by": assigned.by,
        "at": assigned.at.isoformat(),
        "reason": assigned.reason,
        "checked": list(assigned.confirmed),
    }


def _object(obj: Object) -> dict[str, Any]:
    return {
        "sha256": obj.sha256,
        "media_type": obj.media_type,
        "bytes": obj.bytes,
        "width": obj.width,
        "height": obj.height,
        "source": obj.source,
        **({"modality": obj.dicom.modality} if obj.dicom else {}),
        **({"seconds": round(obj.seconds, 2)} if obj.seconds is not None else {}),
        **({"side": obj.side} if obj.side else {}),
        **({"zoom": obj.zoom} if obj.zoom is not None else {}),
        **({"sound": _sound(obj.sound)} if obj.sound else {}),
    }


def _sound(sound: Sound) -> dict[str, Any]:
    return {
        "site": sound.site,
        "stream": sound.stream,
        "first": sound.first,
        "samples": sound.samples,
        "pcm_sha256": sound.pcm_sha256,
        "clipped": sound.clipped,
        "proof": None if sound.proof is None else proof(sound.proof),
    }


def proof(it: Proof) -> dict[str, Any]:
    """How the way to the doctor was, when it was proven."""
    return {**asdict(it), "at": it.at.isoformat()}


def _traits(traits: Traits) -> dict[str, Any]:
    return {
        "birth_name": traits.birth_name,
        "given_names": traits.given_names,
        "birth_date": traits.birth_date.isoformat(),
        "sex": traits.sex,
        "origin": traits.origin,
        **({"ins": traits.ins_matricule} if traits.ins_matricule else {}),
    }
