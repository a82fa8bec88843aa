"""A dossier as FHIR: valid, complete, and the act with its place, people, duties and recording."""

from __future__ import annotations

import base64
from dataclasses import replace

from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.care.dossier import manifest
from appliance.platform.fhir import bundles, requests
from appliance.platform.fhir.parts import Sender
from appliance.platform.fhir.text import Resource, dumps
from appliance.records.model import Acknowledged, ConsultationRecord, Dossier, Item, Person
from tests.unit.platform import making
from tests.unit.platform.making import CONFIRMED, NOON, RESULT, SENDER, SHA256, extension, only
from tests.unit.platform.rules import faults

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NURSE = Person("Nadia Petit", "10001234567")
ASKED = Dossier(
    "5d7d9a5e-6f4b-4b0e-9a43-0f6f0d6b8a15",
    CONFIRMED.id,
    NOON,
    "Melanoma?",
    "urgent",
    NURSE,
    (Item(RESULT, "still", "a" * 64, SHA256, "image/jpeg"),),
    "dermatology",
)
PERSONS = st.builds(Person, making.WORDS, st.none() | st.just("10001234567"))
ITEMS = st.builds(
    Item, st.uuids().map(str), st.sampled_from(["measurement", "still"]), st.just(SHA256), st.none() | st.just(SHA256)
)
DOSSIERS = st.builds(
    Dossier,
    st.uuids().map(str),
    st.just(CONFIRMED.id),
    making.INSTANTS,
    making.WORDS,
    st.sampled_from(["routine", "urgent", "asap", "stat"]),
    PERSONS,
    st.lists(ITEMS, max_size=3, unique_by=lambda item: item.result).map(tuple),
    st.none() | making.WORDS,
)


def proven(bundle: Resource) -> Resource:
    Bundle.model_validate_json(dumps(bundle))
    assert faults(bundle) == []
    return bundle


@SLOW
@given(DOSSIERS, making.records(), making.SENDERS)
def test_every_dossier_is_valid_fhir(it: Dossier, record: ConsultationRecord, sender: Sender) -> None:
    known = replace(record, patient=making.TRAITS, confirmed=("birth_name", "birth_date"))
    proven(requests.dossier(it, known, manifest(it), sender))


@SLOW
@given(making.records(), PERSONS, making.WORDS, st.booleans())
def test_every_act_is_valid_fhir(record: ConsultationRecord, who: Person, room: str, told: bool) -> None:
    duties = (Acknowledged("hygiene", "Nadia", NOON),) if told else ()
    recording = CONFIRMED.consent if told else None
    full = replace(
        record, finess="750000001", room=room, nurse=who, doctor=who, acknowledged=duties, recording=recording
    )
    proven(bundles.consultation(full, SENDER))


def test_what_a_dossier_says() -> None:
    bundle = proven(requests.dossier(ASKED, CONFIRMED, manifest(ASKED), SENDER))
    (question,), (task,) = only(bundle, "ServiceRequest"), only(bundle, "Task")
    (document,) = only(bundle, "DocumentReference")
    assert (question["priority"], question["reasonCode"]) == ("urgent", [{"text": "Melanoma?"}])
    assert question["supportingInfo"][1]["identifier"] == {
        "system": "urn:chevet:fhir:result",
        "value": "urn:uuid:0b6b1a54-6f0a-4f0e-9a43-0f6f0d6b8a13",
    }
    assert question["requester"]["identifier"] == {
        "system": "urn:oid:1.2.250.1.71.4.2.1",
        "value": "10001234567",
    }
    assert (task["status"], task["priority"]) == ("requested", "urgent")
    assert base64.b64decode(document["content"][0]["attachment"]["data"]) == manifest(ASKED)
    methods = {entry["resource"]["resourceType"]: entry["request"]["method"] for entry in bundle["entry"]}
    assert (methods["Task"], methods["ServiceRequest"], methods["AuditEvent"]) == ("POST", "POST", "POST")


def test_where_by_whom_and_what_was_acknowledged() -> None:
    full = replace(
        CONFIRMED,
        finess="750000001",
        room="12",
        nurse=NURSE,
        acknowledged=(Acknowledged("hygiene", "Nadia", NOON),),
    )
    (encounter,) = only(bundles.consultation(full, SENDER), "Encounter")
    assert encounter["location"] == [
        {
            "location": {
                "display": "ehpad, 12",
                "identifier": {"system": "urn:oid:1.2.250.1.71.4.2.2", "value": "750000001"},
            }
        }
    ]
    assert encounter["participant"][0]["individual"]["display"] == "Nadia Petit"
    assert extension(encounter, "urn:chevet:fhir:recording") is False
    assert extension(encounter, "urn:chevet:fhir:acknowledged") == {
        "what": "hygiene",
        "by": "Nadia",
        "at": "2026-06-01T12:00:00.250+00:00",
    }
