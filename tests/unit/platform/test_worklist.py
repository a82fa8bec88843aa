"""The platform's list of appointments: what is read of it, and what is left out and counted."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from appliance.care.worklist import Expected
from appliance.platform.fhir.text import NotJson, dumps
from appliance.platform.worklist import day

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "name": [
        {"use": "usual", "family": "MARTIN", "given": ["Zoe"]},
        {"use": "official", "family": "BENALI", "given": ["Samira", "Zoe"]},
    ],
    "birthDate": "1990-11-17",
    "gender": "female",
}
APPOINTMENT: dict[str, Any] = {
    "resourceType": "Appointment",
    "id": "a",
    "status": "booked",
    "start": "2026-11-24T10:00:00+01:00",
    "reasonCode": [{"text": "Otalgie"}],
    "participant": [{"actor": {"reference": "Practitioner/1"}}, {"actor": {"reference": "Patient/p"}}],
}


def bundle(*resources: dict[str, Any]) -> bytes:
    return dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}).encode()


def test_the_official_name_is_the_birth_name_and_the_earliest_comes_first() -> None:
    early = {**APPOINTMENT, "id": "b", "start": "2026-11-24T08:30:00Z", "reasonCode": []}
    got = day(bundle(APPOINTMENT, PATIENT, early))
    traits = ("BENALI", "Samira Zoe", "1990-11-17", "F")
    assert got.expected == (
        Expected("b", datetime.fromisoformat("2026-11-24T08:30:00+00:00"), *traits),
        Expected("a", datetime.fromisoformat("2026-11-24T10:00:00+01:00"), *traits, "Otalgie"),
    )
    assert got.unreadable == 0


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Appointment", {"start": "2026-11-24T10:00:00"}),
        ("Appointment", {"start": 7}),
        ("Appointment", {"participant": [{"actor": {"reference": "Patient/other"}}]}),
        ("Appointment", {"participant": [{"actor": {"reference": ["Patient/p"]}}]}),
        ("Appointment", {"participant": "nobody"}),
        ("Appointment", {"id": None}),
        ("Patient", {"name": []}),
        ("Patient", {"name": [{"family": "X", "given": "Y"}]}),
        ("Patient", {"birthDate": "1990"}),
    ],
)
def test_what_lacks_something_is_left_out_and_counted(kind: str, change: dict[str, Any]) -> None:
    both = deepcopy([APPOINTMENT, PATIENT])
    next(one for one in both if one["resourceType"] == kind).update(change)
    got = day(bundle(*both))
    assert (got.expected, got.unreadable) == ((), 1)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"resourceType":"OperationOutcome"}'])
def test_what_is_no_list(body: bytes) -> None:
    with pytest.raises(NotJson):
        day(body)


def test_entries_that_are_none() -> None:
    assert day(b'{"resourceType":"Bundle","entry":[1,{"resource":2},{}]}').expected == ()
