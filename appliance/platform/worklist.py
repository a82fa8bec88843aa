"""The platform's list of appointments, read (FHIR R4 Appointment and Patient; docs/protocol.md section 1). Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from appliance.care.worklist import Day, Expected
from appliance.platform.fhir.text import NotJson, Resource, loads

QUERY = "Appointment?status=booked,arrived&_include=Appointment:patient"
MOST = 200  # appointments of one unit that a screen can show
LONGEST_NAME, LONGEST_REASON = 100, 200
SEX = {"female": "F", "male": "M"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def day(body: bytes) -> Day:
    """The searchset as a list, earliest first. `NotJson` where it is no Bundle at all."""
    bundle = loads(body)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise NotJson("the platform's answer is no Bundle")
    entries = [one for one in _list(bundle.get("entry")) if isinstance(one.get("resource"), dict)]
    patients = {name: one["resource"] for one in entries if _is(one, "Patient") for name in _names(one)}
    booked = [one["resource"] for one in entries if _is(one, "Appointment")][:MOST]
    read = [_expected(one, patients) for one in booked]
    understood = sorted((one for one in read if one is not None), key=lambda one: one.at)
    return Day(tuple(understood), len(read) - len(understood))


def _expected(appointment: Resource, patients: dict[str, Resource]) -> Expected | None:
    """None where the instant, the patient or one of the traits is missing."""
    actors = _list([one.get("actor") for one in _list(appointment.get("participant"))])
    found = [patients[ref] for one in actors if (ref := str(one.get("reference"))) in patients]
    if len(found) != 1:
        return None
    patient = found[0]
    family, given = _name(patient)
    at, born = _instant(appointment.get("start")), patient.get("birthDate")
    name = appointment.get("id")
    if not (family and given and at and isinstance(born, str) and _DAY.fullmatch(born) and isinstance(name, str)):
        return None
    return Expected(name[:64], at, family, given, born, SEX.get(str(patient.get("gender")), "U"), _reason(appointment))


def _name(patient: Resource) -> tuple[str, str]:
    """Birth name and given names: of the official name, where there is one (FR Core: that is the birth name)."""
    names = _list(patient.get("name"))
    best = next((one for one in names if one.get("use") == "official"), names[0] if names else {})
    given = best.get("given")
    words = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    return _text(best.get("family"), LONGEST_NAME), _text(" ".join(words), LONGEST_NAME)


def _reason(appointment: Resource) -> str | None:
    codes = _list(appointment.get("reasonCode"))
    said = codes[0].get("text") if codes else appointment.get("description")
    return _text(said, LONGEST_REASON) or None


def _instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else None


def _names(entry: Resource) -> list[str]:
    """What a reference may call this resource."""
    return [f"Patient/{entry['resource'].get('id')}", str(entry.get("fullUrl"))]


def _is(entry: Resource, kind: str) -> bool:
    return bool(entry["resource"].get("resourceType") == kind)


def _list(value: Any) -> list[Resource]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any, longest: int) -> str:
    return " ".join(value.split())[:longest] if isinstance(value, str) else ""
