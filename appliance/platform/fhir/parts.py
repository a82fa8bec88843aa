"""FHIR data types, and the two kinds of bundle entry that may be sent twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID, uuid5

from appliance.platform.fhir.terms import LOINC, MDC, TERMINOLOGY, UCUM, UNIT_DISPLAY, URI, profiles
from appliance.platform.fhir.text import Resource

# Names under this are made of names: the same unit or instrument always gets the same identifier.
THINGS = UUID("6f0c5c1e-7b0a-5d7e-9a35-2f4b8c1d7e60")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the unit, and in which way. `test_data` marks every resource as HTEST.

    `zone` is the unit's own, which instruments are set to; None: the system's.
    """

    id: str
    name: str
    software: str
    test_data: bool = False
    zone: tzinfo | None = None
    profiles: dict[str, str] = field(default_factory=lambda: profiles("hl7-r4"))

    @property
    def uuid(self) -> str:
        """The unit's own identifier as a device."""
        return str(uuid5(THINGS, f"unit\x1f{self.id}"))


def derived(base: str, what: str) -> str:
    """The UUID of something that belongs to `base` (a UUID), the same every time; `ValueError` if it is none."""
    return str(uuid5(UUID(base), what))


def urn(uuid: str) -> str:
    """`urn:uuid:` of a UUID."""
    return f"urn:uuid:{UUID(uuid)}"


def place(uuid: str) -> str:
    """The `fullUrl` of its entry. Not its identifier: servers are known to rewrite the one wherever they find it."""
    return urn(derived(uuid, "entry"))


def identifier(uuid: str) -> Resource:
    """An identifier of ours."""
    return {"system": URI, "value": urn(uuid)}


def coding(system: str, code: str | int, display: str | None = None) -> Resource:
    """One coding."""
    return {"system": system, "code": str(code)} | ({} if display is None else {"display": display})


def concept(*codings: Resource, text: str | None = None) -> Resource:
    """A CodeableConcept."""
    return ({"coding": list(codings)} if codings else {}) | ({} if text is None else {"text": text})


def measured(loinc: tuple[str, ...], mdc: int | None, text: str) -> Resource:
    """What was measured: every LOINC code, the MDC code, and words."""
    return concept(*(coding(LOINC, code) for code in loinc), *([] if mdc is None else [coding(MDC, mdc)]), text=text)


def quantity(value: Decimal, unit: str) -> Resource:
    """A Quantity in UCUM, digits as given; `ValueError` for what is no number."""
    if not value.is_finite():
        raise ValueError(f"{value} {unit} is no quantity")
    return {"value": value, "unit": UNIT_DISPLAY.get(unit, unit), "system": UCUM, "code": unit}


def extension(url: str, kind: str, value: object) -> Resource:
    """An extension with one value: `extension(VALIDITY, "Code", "valid")`."""
    return {"url": url, f"value{kind}": value}


def reference(uuid: str, display: str | None = None) -> Resource:
    """A reference to another entry of the same bundle."""
    return {"reference": place(uuid)} | ({} if display is None else {"display": display})


def instant(at: datetime) -> str:
    """ISO 8601 with milliseconds and offset; `ValueError` without a zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return at.isoformat(timespec="milliseconds")


def meta(sender: Sender, profile: str | None = None) -> Resource:
    """`meta` of a resource, as a dict to merge: profile and security label; empty where there is nothing to say."""
    said: Resource = {} if profile is None else {"profile": [profile]}
    if sender.test_data:
        said["security"] = [coding(f"{TERMINOLOGY}/v3-ActReason", "HTEST", "test health data")]
    return {"meta": said} if said else {}


def create(uuid: str, resource: Resource, system: str = URI, value: str | None = None) -> Resource:
    """An entry that creates the resource unless one with this identifier exists (FHIR R4, http.html#ccreate)."""
    search = f"identifier={_key(system, urn(uuid) if value is None else value)}"
    return _entry(uuid, resource, {"method": "POST", "url": resource["resourceType"], "ifNoneExist": search})


def create_tagged(uuid: str, resource: Resource) -> Resource:
    """The same for a type that has no identifier in R4: the UUID is its tag, and the search is by `_tag`."""
    request = {"method": "POST", "url": resource["resourceType"], "ifNoneExist": f"_tag={_key(URI, urn(uuid))}"}
    return _entry(uuid, tagged(uuid, resource), request)


def tagged(uuid: str, resource: Resource) -> Resource:
    """The resource with its UUID as a tag."""
    said = resource.get("meta", {})
    return resource | {"meta": {**said, "tag": [*said.get("tag", []), coding(URI, urn(uuid))]}}


def update(uuid: str, resource: Resource) -> Resource:
    """An entry that replaces the resource with this identifier, or creates it (FHIR R4, http.html#cond-update)."""
    return _entry(
        uuid,
        resource,
        {"method": "PUT", "url": f"{resource['resourceType']}?identifier={_key(URI, urn(uuid))}"},
    )


def transaction(entries: list[Resource]) -> Resource:
    """The bundle; an entry that is there twice is sent once."""
    unique = {entry["fullUrl"]: entry for entry in reversed(entries)}
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(reversed(unique.values()))}


def _key(system: str, value: str) -> str:
    return f"{quote(system, safe=':/')}|{quote(value, safe=':/')}"


def _entry(uuid: str, resource: Resource, request: Resource) -> Resource:
    return {"fullUrl": place(uuid), "resource": resource, "request": request}
