"""FHIR transactions (R4, http.html#transaction): conditional creates and updates, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from appliance.demo.hosted.resources import Resources, Token
from appliance.platform.fhir.text import Resource

MAX_ENTRIES = 200
# What this platform takes, and what each must have at least (FHIR R4, cardinality 1..).
REQUIRED = {
    "Patient": (),
    "Encounter": ("status", "class"),
    "Device": (),
    "Observation": ("status", "code"),
    "Media": ("status", "content"),
    "DocumentReference": ("status", "content"),
    "Consent": ("status", "scope", "category"),
    "ServiceRequest": ("status", "intent", "subject"),
    "Task": ("status", "intent"),
    "AuditEvent": ("type", "recorded", "agent", "source"),
    "Provenance": ("target", "recorded", "agent"),
}
STATUS = {True: "201 Created", False: "200 OK"}


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """The platform will not take it: HTTP status, code of the issue, words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


@dataclass(frozen=True, slots=True)
class _Step:
    """What one entry will do: to which id, and whether it writes."""

    resource: Resource
    id: str
    new: bool
    writes: bool


def run(resources: Resources, bundle: Any) -> Resource:
    """Do everything a transaction asks for, or nothing; `Refusal` says why not. Returns the transaction-response."""
    entries = _entries(bundle)
    with resources.all_or_nothing():
        steps = _plan(resources, entries)
        names = {entry["fullUrl"]: _name(step) for entry, step in zip(entries, steps, strict=True)}
        done = [_do(resources, step, names) for step in steps]
    answers = [_answer(resource, step.new) for resource, step in zip(done, steps, strict=True)]
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}


def token(query: str) -> Token:
    """The one token of a search: `identifier=<system>|<value>` or `_tag=...`."""
    pairs = parse_qsl(query)
    if len(pairs) != 1 or pairs[0][0] not in {"identifier", "_tag"} or "|" not in pairs[0][1]:
        raise Refusal(400, "not-supported", "a search must be identifier=<system>|<value> or _tag=<system>|<code>")
    system, _, value = pairs[0][1].partition("|")
    return Token(pairs[0][0], system, value)


def _entries(bundle: Any) -> list[Resource]:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
        raise Refusal(400, "structure", "a Bundle of type transaction is wanted")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_ENTRIES:
        raise Refusal(400, "structure", f"a transaction has 1 to {MAX_ENTRIES} entries")
    for number, entry in enumerate(entries):
        _check(number, entry)
    return entries


def _check(number: int, entry: Any) -> None:
    where = f"entry {number}"
    resource = entry.get("resource") if isinstance(entry, dict) else None
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(resource, dict) or not isinstance(request, dict) or not isinstance(entry.get("fullUrl"), str):
        raise Refusal(400, "structure", f"{where}: fullUrl, resource and request are wanted")
    kind = resource.get("resourceType")
    if kind not in REQUIRED:
        raise Refusal(422, "not-supported", f"{where}: resource type {kind!r} is not taken here")
    missing = [field for field in REQUIRED[kind] if not resource.get(field)]
    if missing:
        raise Refusal(422, "required", f"{where}: {kind} without {', '.join(missing)}")
    if not isinstance(resource.get("meta", {}), dict) or not _is_list_of_dicts(resource.get("identifier", [])):
        raise Refusal(400, "structure", f"{where}: meta is an object, identifier a list of objects")
    said = ("valueQuantity", "component", "dataAbsentReason")
    if kind == "Observation" and not any(field in resource for field in said):
        raise Refusal(422, "invariant", f"{where}: an Observation says a value or why there is none")


def _is_list_of_dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _plan(resources: Resources, entries: list[Resource]) -> list[_Step]:
    known: dict[tuple[str, Token], str] = {}
    return [_step(resources, entry["resource"], entry["request"], known) for entry in entries]


def _step(resources: Resources, resource: Resource, request: Resource, known: dict[tuple[str, Token], str]) -> _Step:
    kind = resource["resourceType"]
    wanted = _wanted(kind, request)
    found = [known[kind, wanted]] if (kind, wanted) in known else resources.find(kind, wanted)
    if len(found) > 1:
        raise Refusal(412, "multiple-matches", f"{len(found)} resources of type {kind} match the condition")
    name = found[0] if found else str(uuid4())
    known[kind, wanted] = name
    return _Step(resource, name, new=not found, writes=not found or request["method"] == "PUT")


def _wanted(kind: str, request: Resource) -> Token:
    method, url = request.get("method"), str(request.get("url", ""))
    if method == "POST" and url == kind and isinstance(request.get("ifNoneExist"), str):
        return token(request["ifNoneExist"])
    if method == "PUT" and url.startswith(f"{kind}?"):
        return token(url.removeprefix(f"{kind}?"))
    raise Refusal(400, "not-supported", "an entry must be a conditional create or a conditional update")


def _do(resources: Resources, step: _Step, names: dict[str, str]) -> Resource:
    if not step.writes:
        stored = resources.read(step.resource["resourceType"], step.id)
        if stored is not None:
            return stored
    for url in _binaries(step.resource.get("content")):
        if resources.object(url.removeprefix("Binary/")) is None:
            raise Refusal(422, "not-found", f"{url} was not sent")
    return resources.write(_rewritten(step.resource, names), step.id)


def _binaries(content: Any) -> Iterator[str]:
    """The large objects that a Media or a DocumentReference names."""
    for part in content if isinstance(content, list) else [{"attachment": content}]:
        attachment = part.get("attachment") if isinstance(part, dict) else None
        url = attachment.get("url") if isinstance(attachment, dict) else None
        if isinstance(url, str) and url.startswith("Binary/"):
            yield url


def _rewritten(value: Any, names: dict[str, str]) -> Any:
    """The same with every `urn:uuid:` reference made one to a stored resource."""
    if isinstance(value, list):
        return [_rewritten(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _rewritten(item, names) for key, item in value.items()}
    target = value.get("reference")
    if isinstance(target, str) and target.startswith("urn:uuid:"):
        if target not in names:
            raise Refusal(422, "not-found", f"reference {target} is to nothing in this transaction")
        made["reference"] = names[target]
    return made


def _name(step: _Step) -> str:
    return f"{step.resource['resourceType']}/{step.id}"


def _answer(stored: Resource, new: bool) -> Resource:
    version = stored["meta"]["versionId"]
    return {
        "resource": stored,
        "response": {
            "status": STATUS[new],
            "location": f"{stored['resourceType']}/{stored['id']}/_history/{version}",
            "etag": f'W/"{version}"',
            "lastModified": stored["meta"]["lastUpdated"],
        },
    }


def outcome(code: str, words: str) -> Resource:
    """An OperationOutcome with one error."""
    issue = {"severity": "error", "code": code, "details": {"text": words}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
