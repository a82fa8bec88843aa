"""When an answer counts as a confirmation: only when it shows, entry by entry, what was sent."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.platform.answer import Later, Persisted, Refused, of_object, of_transaction
from appliance.platform.fhir import bundles
from appliance.platform.fhir.text import Resource, dumps
from tests.unit.platform.making import CONFIRMED, NOON, PRESSURE, SENDER

SENT = bundles.result(PRESSURE, CONFIRMED, SENDER)
STRUCK = bundles.strike(PRESSURE, CONFIRMED, SENDER, "wrong", NOON)
PANEL = 4  # which entry is the blood pressure


def confirmed(bundle: Resource, status: str = "201 Created") -> Resource:
    """What an honest platform answers."""
    entries = [
        {
            "resource": {**entry["resource"], "id": f"n{number}"},
            "response": {"status": status, "location": f"{entry['resource']['resourceType']}/n{number}/_history/1"},
        }
        for number, entry in enumerate(bundle["entry"])
    ]
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": copy.deepcopy(entries)}


def outcome(answer: Any, bundle: Resource = SENT) -> object:
    return of_transaction(bundle, 200, dumps(answer).encode())


@pytest.mark.parametrize("status", ["201 Created", "200 OK", "200", "201"])
def test_every_entry_shown_is_a_confirmation(status: str) -> None:
    assert outcome(confirmed(SENT, status)) == Persisted("Observation/n5/_history/1")


def test_digits_that_a_server_drops_are_no_other_value() -> None:
    answer = confirmed(SENT)
    answer["entry"][PANEL]["resource"]["component"][0]["valueQuantity"]["value"] = Decimal("124.00")
    assert isinstance(outcome(answer), Persisted)


def test_what_a_server_adds_does_no_harm() -> None:
    answer = confirmed(SENT)
    for entry in answer["entry"]:
        entry["resource"]["meta"] = {**entry["resource"].get("meta", {}), "versionId": "7"}
        entry["resource"]["text"] = {"status": "generated"}
    answer["entry"][0]["resource"]["identifier"].insert(0, {"system": "urn:other", "value": "1"})
    assert isinstance(outcome(answer), Persisted)


def test_an_observation_amended_since_is_still_a_confirmation_of_its_creation() -> None:
    answer = confirmed(SENT, "200 OK")
    answer["entry"][PANEL]["resource"]["status"] = "amended"
    assert isinstance(outcome(answer), Persisted)


Damage = Callable[[Resource], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "an entry is missing": (lambda a: a["entry"].pop(), "answered 6 of 7 entries"),
    "an entry is there twice": (lambda a: a["entry"].append(a["entry"][0]), "answered 8 of 7 entries"),
    "two entries are exchanged": (lambda a: a["entry"].reverse(), "entry 0"),
    "no entries": (lambda a: a.pop("entry"), "answered 0 of 7 entries"),
    "entries are no list": (lambda a: a.update(entry={"0": 1}), "answered 0 of 7 entries"),
    "an entry is nothing": (lambda a: a["entry"].__setitem__(PANEL, None), f"entry {PANEL}: not stored"),
    "an entry failed": (lambda a: a["entry"][PANEL]["response"].update(status="400 Bad Request"), "not stored"),
    "an entry is only accepted": (lambda a: a["entry"][PANEL]["response"].update(status="202 Accepted"), "not stored"),
    "a status is a number": (lambda a: a["entry"][PANEL]["response"].update(status=201), "not stored"),
    "a status begins like one": (lambda a: a["entry"][PANEL]["response"].update(status="2000"), "not stored"),
    "no response": (lambda a: a["entry"][PANEL].pop("response"), "not stored"),
    "no resource": (lambda a: a["entry"][PANEL].pop("resource"), "not shown"),
    "another type": (lambda a: a["entry"][PANEL]["resource"].update(resourceType="Basic"), "not shown"),
    "no identifier": (lambda a: a["entry"][PANEL]["resource"].pop("identifier"), "another resource"),
    "identifiers are text": (lambda a: a["entry"][PANEL]["resource"].update(identifier="x"), "another resource"),
    "another identifier": (
        lambda a: a["entry"][PANEL]["resource"]["identifier"][0].update(value="urn:uuid:0"),
        "another resource",
    ),
    "the identifier of another system": (
        lambda a: a["entry"][0]["resource"]["identifier"][0].update(system="urn:other"),
        "entry 0: another resource",
    ),
    "a provenance without its tag": (lambda a: a["entry"][-1]["resource"]["meta"].pop("tag"), "another resource"),
    "another value": (
        lambda a: a["entry"][PANEL]["resource"]["component"][0]["valueQuantity"].update(value=Decimal(142)),
        "another value",
    ),
    "another unit": (
        lambda a: a["entry"][PANEL]["resource"]["component"][0]["valueQuantity"].update(code="kPa"),
        "another value",
    ),
    "a component is missing": (lambda a: a["entry"][PANEL]["resource"]["component"].pop(), "another value"),
    "components are exchanged": (lambda a: a["entry"][PANEL]["resource"]["component"].reverse(), "another value"),
    "the value is gone": (lambda a: a["entry"][5]["resource"].pop("valueQuantity"), "another value"),
    "the value is text": (lambda a: a["entry"][5]["resource"]["valueQuantity"].update(value="72"), "another value"),
    "the value is true": (lambda a: a["entry"][5]["resource"]["valueQuantity"].update(value=True), "another value"),
    "another bundle type": (lambda a: a.update(type="batch-response"), "no transaction-response"),
    "no bundle": (lambda a: a.update(resourceType="Parameters"), "no Bundle"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_one_damage_and_it_is_no_confirmation(name: str) -> None:
    damage, words = DAMAGES[name]
    answer = confirmed(SENT)
    damage(answer)
    got = outcome(answer)
    assert isinstance(got, Later)
    assert words in got.reason


def test_a_strike_is_confirmed_by_its_status() -> None:
    answer = confirmed(STRUCK, "200 OK")
    assert isinstance(outcome(answer, STRUCK), Persisted)
    answer["entry"][PANEL]["resource"]["status"] = "final"
    assert outcome(answer, STRUCK) == Later("entry 4: another status is shown")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"[]", b'"Bundle"', b'{"resourceType":"Bundle"', b"\xff\xfe"]
)
def test_garbage_is_tried_again(body: bytes) -> None:
    assert isinstance(of_transaction(SENT, 200, body), Later)


def test_half_an_answer_is_none() -> None:
    whole = dumps(confirmed(SENT)).encode()
    for cut in range(0, len(whole), 97):
        assert isinstance(of_transaction(SENT, 200, whole[:cut]), Later)


OUTCOME = b'{"resourceType":"OperationOutcome","issue":[{"code":"invalid","details":{"text":"No such unit"}}]}'


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, OUTCOME, Refused("No such unit")),
        (404, OUTCOME, Refused("No such unit")),
        (412, OUTCOME, Refused("No such unit")),
        (422, OUTCOME, Refused("No such unit")),
        (404, b"<html>proxy</html>", Later("status 404 without an OperationOutcome")),
        (403, b'{"error":"forbidden"}', Later("status 403 without an OperationOutcome")),
        (401, OUTCOME, Later("the platform answered 401", 7.0)),
        (408, OUTCOME, Later("the platform answered 408", 7.0)),
        (425, OUTCOME, Later("the platform answered 425", 7.0)),
        (429, OUTCOME, Later("the platform answered 429", 7.0)),
        (500, OUTCOME, Later("the platform answered 500", 7.0)),
        (503, b"", Later("the platform answered 503", 7.0)),
        (302, b"", Later("the platform answered 302", 7.0)),
        (204, b"", Later("the platform answered 204", 7.0)),
        (202, OUTCOME, Later("the platform answered 202", 7.0)),
    ],
)
def test_what_each_status_means(status: int, body: bytes, expected: object) -> None:
    assert of_transaction(SENT, status, body, 7.0) == expected
    if status not in {200, 201}:
        assert of_object(status, body, 7.0) == expected


@pytest.mark.parametrize("status", [200, 201])
def test_an_object_is_confirmed_by_its_status(status: int) -> None:
    assert of_object(status, b"") == Persisted(None)


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        ('[{"code":"invalid","diagnostics":"line\\n two\\u0007"}]', "line two"),
        ('[{"code":"invalid"},{"details":{"text":"a"},"diagnostics":"b"}]', "invalid; a: b"),
        ("[]", "refused without a reason"),
        ("7", "refused without a reason"),
        ('[7, {"code":"x"}]', "x"),
        (f'[{{"diagnostics":"{"x" * 5000}"}}]', "x" * 400),
    ],
)
def test_the_platforms_words_fit_a_screen(issue: str, words: str) -> None:
    body = f'{{"resourceType":"OperationOutcome","issue":{issue}}}'.encode()
    assert of_transaction(SENT, 422, body) == Refused(words)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceType",
                    "type",
                    "entry",
                    "response",
                    "resource",
                    "status",
                    "identifier",
                    "meta",
                    "tag",
                    "issue",
                    "component",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(JSON, st.integers(0, 6), st.sampled_from(["resource", "response", "identifier", "component", "meta"]))
def test_whatever_comes_it_is_an_outcome_and_never_an_exception(junk: object, number: int, field: str) -> None:
    assert isinstance(outcome(junk), Later)
    answer = confirmed(SENT)
    place = answer["entry"][number]
    (place if field in {"resource", "response"} else place["resource"])[field] = junk
    outcome(answer)
