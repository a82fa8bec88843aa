"""Our own rules of what may leave the unit, beyond what FHIR asks for. Each says what it found wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from appliance.platform.fhir.text import Resource
from tests.unit.platform.making import extension

VALIDITIES = {"valid", "questionable", "invalid"}


def faults(bundle: Resource) -> list[str]:
    """Every rule that an entry of the bundle breaks."""
    names = {entry["fullUrl"] for entry in bundle["entry"]}
    found = [f"{entry['fullUrl']}: {fault}" for entry in bundle["entry"] for fault in _of_entry(entry, names)]
    return found + (["an entry is there twice"] if len(names) < len(bundle["entry"]) else [])


def _of_entry(entry: Resource, names: set[str]) -> Iterator[str]:
    resource = entry["resource"]
    yield from _of_request(entry)
    for reference in _references(resource):
        if reference not in names:
            yield f"refers to {reference}, which is not sent"
    rules = OBSERVATION if resource["resourceType"] == "Observation" else {}
    for words, holds in rules.items():
        if not holds(resource):
            yield words


def _of_request(entry: Resource) -> Iterator[str]:
    resource, request = entry["resource"], entry["request"]
    kind = resource["resourceType"]
    condition = request.get("ifNoneExist") or request["url"].partition("?")[2]
    if request["method"] not in {"POST", "PUT"} or request["url"].partition("?")[0] != kind:
        yield f"is sent by {request['method']} {request['url']}"
    carried = [f"identifier={one['system']}|{one['value']}" for one in resource.get("identifier", [])]
    carried += [f"_tag={one['system']}|{one['code']}" for one in resource.get("meta", {}).get("tag", [])]
    if condition not in carried:
        yield f"is conditional on {condition}, which it does not carry"
    # Seen in Medplum: whatever equals a fullUrl is rewritten to a reference, identifiers and conditions too.
    if entry["fullUrl"] in condition or any(entry["fullUrl"] == one["value"] for one in resource.get("identifier", [])):
        yield "is placed where it is identified"


def _references(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from _references(item)


def _codes(part: Resource) -> set[str]:
    return {one["system"] for one in part["code"].get("coding", [])}


def _parts(observation: Resource) -> list[Resource]:
    """Where numbers stand."""
    components: list[Resource] = observation.get("component", [])
    return components or [observation]


def _number_is_sound(part: Resource) -> bool:
    said = part.get("valueQuantity")
    if (said is None) == ("dataAbsentReason" not in part):
        return False
    return said is None or (
        isinstance(said["value"], Decimal) and said["system"] == "http://unitsofmeasure.org" and bool(said["code"])
    )


def _number_is_trusted(part: Resource) -> bool:
    return extension(part, "urn:chevet:fhir:validity") != "invalid" or "valueQuantity" not in part


OBSERVATION: dict[str, Callable[[Resource], bool]] = {
    "has a LOINC code": lambda o: all("http://loinc.org" in _codes(part) for part in [o, *o.get("component", [])]),
    "has a number in UCUM, or a reason why not": lambda o: all(_number_is_sound(part) for part in _parts(o)),
    "an invalid value is no number": lambda o: all(_number_is_trusted(part) for part in _parts(o)),
    "names its device": lambda o: bool(o["device"]["reference"]),
    "names the unit as gateway": lambda o: (
        extension(o, "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice") is not None
    ),
    "has both times": lambda o: bool(o["effectiveDateTime"]) and bool(o["issued"]),
    "says which clock": lambda o: (
        set(extension(o, "urn:chevet:fhir:clock")) >= {"source", "trusted", "boot", "boot-time"}
    ),
    "says how valid it is": lambda o: extension(o, "urn:chevet:fhir:validity") in VALIDITIES,
    "says where it came from": lambda o: extension(o, "urn:chevet:fhir:origin") in {"device", "typed"},
    "carries the result's id": lambda o: o["identifier"][1]["system"] == "urn:chevet:fhir:result",
    "is a vital sign": lambda o: o["category"][0]["coding"][0]["code"] == "vital-signs",
}
