"""What the platform's answer is worth: confirmed, refused, or try again. Pure; rules: docs/protocol.md, section 1."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from appliance.platform.fhir.terms import LOINC
from appliance.platform.fhir.text import NotJson, Resource, loads

TRY_AGAIN = frozenset({401, 408, 425, 429})
STORED = re.compile(r"^20[01]\b")
MAX_WORDS = 400  # what a nurse's screen can show of the platform's words


@dataclass(frozen=True, slots=True)
class Persisted:
    """The platform has stored it and has shown so; `location` is where, of the entry that was the aim."""

    location: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The platform will never take it; `words` are its own."""

    words: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not confirmed. `retry_after_s` is the platform's own wish, where it has one."""

    reason: str
    retry_after_s: float | None = None


Outcome = Persisted | Refused | Later


def of_transaction(bundle: Resource, status: int, body: bytes, retry_after_s: float | None = None) -> Outcome:
    """The outcome of a transaction, from the status and the bytes that came back."""
    if status != 200:
        return of_failure(status, body, retry_after_s)
    try:
        answer = loads(body)
    except NotJson:
        return Later("the platform's answer is not JSON")
    fault = _fault(bundle, answer)
    return Later(fault) if fault else Persisted(_location(bundle, answer))


def of_object(status: int, body: bytes, retry_after_s: float | None = None) -> Outcome:
    """The outcome of `PUT Binary/<hash>`."""
    return Persisted(None) if status in {200, 201} else of_failure(status, body, retry_after_s)


def of_failure(status: int, body: bytes, retry_after_s: float | None = None) -> Outcome:
    """A status that confirms nothing. Only a platform that says why in FHIR can refuse: a proxy in between cannot."""
    if 400 <= status < 500 and status not in TRY_AGAIN:
        words = _words(body)
        return Later(f"status {status} without an OperationOutcome") if words is None else Refused(words)
    return Later(f"the platform answered {status}", retry_after_s)


def _fault(bundle: Resource, answer: Any) -> str | None:
    """The first thing that is missing in the confirmation; None when it is whole."""
    if not isinstance(answer, dict) or answer.get("resourceType") != "Bundle":
        return "the platform's answer is no Bundle"
    if answer.get("type") != "transaction-response":
        return "the platform's answer is no transaction-response"
    sent, got = bundle["entry"], answer.get("entry")
    if not isinstance(got, list) or len(got) != len(sent):
        return f"the platform answered {len(got) if isinstance(got, list) else 0} of {len(sent)} entries"
    faults = (_entry_fault(mine, theirs) for mine, theirs in zip(sent, got, strict=True))
    return next((f"entry {number}: {fault}" for number, fault in enumerate(faults) if fault), None)


def _entry_fault(sent: Resource, got: Any) -> str | None:
    response = got.get("response") if isinstance(got, dict) else None
    status = response.get("status") if isinstance(response, dict) else None
    if not isinstance(status, str) or not STORED.match(status):
        return "not stored"
    stored, mine = got.get("resource"), sent["resource"]
    if not isinstance(stored, dict) or stored.get("resourceType") != mine["resourceType"]:
        return "the stored resource is not shown"
    if not _carries(stored, *_searched(sent["request"])):
        return "another resource is shown"
    if mine["resourceType"] == "Observation" and list(_values(stored)) != list(_values(mine)):
        return "another value is shown"
    if sent["request"]["method"] == "PUT" and stored.get("status") != mine.get("status"):
        return "another status is shown"
    return None


def _searched(request: Resource) -> tuple[str, str, str]:
    """(parameter, system, value) that a conditional create or update looks for."""
    query = request.get("ifNoneExist") or urlsplit(request["url"]).query
    parameter, token = parse_qsl(query, strict_parsing=True)[0]
    system, _, value = token.partition("|")
    return parameter, system, value


def _carries(stored: Resource, parameter: str, system: str, value: str) -> bool:
    if parameter == "_tag":
        said, field = stored.get("meta"), "code"
        held = said.get("tag") if isinstance(said, dict) else None
    else:
        held, field = stored.get("identifier"), "value"
    return isinstance(held, list) and any(
        isinstance(one, dict) and one.get("system") == system and one.get(field) == value for one in held
    )


def _values(observation: Resource) -> Iterator[tuple[str | None, Decimal | None, str | None]]:
    """(LOINC of the component or None, number, unit) of everything an Observation says; digits do not matter here."""
    yield (None, *_quantity(observation))
    components = observation.get("component")
    for component in components if isinstance(components, list) else []:
        if isinstance(component, dict):
            yield (_loinc(component), *_quantity(component))


def _quantity(part: Resource) -> tuple[Decimal | None, str | None]:
    said = part.get("valueQuantity")
    if not isinstance(said, dict):
        return None, None
    value, code = said.get("value"), said.get("code")
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    return number, code if isinstance(code, str) else None


def _loinc(part: Resource) -> str | None:
    code = part.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    for one in codings if isinstance(codings, list) else []:
        if isinstance(one, dict) and one.get("system") == LOINC:
            return str(one.get("code"))
    return None


def _location(bundle: Resource, answer: Resource) -> str | None:
    """Where the aim of the transaction is: its last entry that does not tell of the others."""
    telling = {"Provenance", "AuditEvent"}
    aims = [number for number, entry in enumerate(bundle["entry"]) if entry["resource"]["resourceType"] not in telling]
    got = answer["entry"][aims[-1]] if aims else {"response": {}}
    location = got["response"].get("location")
    return location[:200] if isinstance(location, str) else None


def _words(body: bytes) -> str | None:
    """What an OperationOutcome says, on one line, cut; None when the body is none."""
    try:
        answer = loads(body)
    except NotJson:
        return None
    if not isinstance(answer, dict) or answer.get("resourceType") != "OperationOutcome":
        return None
    issues = answer.get("issue")
    said = [_issue(issue) for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    line = " ".join("; ".join(filter(None, said)).split())
    return "".join(c for c in line if c.isprintable())[:MAX_WORDS] or "refused without a reason"


def _issue(issue: Resource) -> str:
    details = issue.get("details")
    text = details.get("text") if isinstance(details, dict) else None
    said = [part for part in (text, issue.get("diagnostics")) if isinstance(part, str)]
    return ": ".join(said) or str(issue.get("code", ""))
