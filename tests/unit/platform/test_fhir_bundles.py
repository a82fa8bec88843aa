"""Whole transactions: FHIR's own rules by `fhir.resources`, ours by the table, and what is told of the patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.platform.fhir import bundles
from appliance.platform.fhir.parts import Sender
from appliance.platform.fhir.terms import profiles
from appliance.platform.fhir.text import Resource, dumps
from appliance.records.model import Consent, ConsultationRecord, Instance, Object, Result
from tests.unit.platform import making
from tests.unit.platform.making import (
    CARD,
    CONFIRMED,
    CUFF,
    JUST_OPENED,
    NOON,
    PRESSURE,
    SENDER,
    SHA1,
    SHA256,
    STILL,
    only,
)
from tests.unit.platform.rules import faults

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def proven(bundle: Resource) -> Resource:
    """The bundle, valid by FHIR R4 and by our own rules."""
    Bundle.model_validate_json(dumps(bundle))
    assert faults(bundle) == []
    return bundle


@SLOW
@given(making.results(), making.records(), making.SENDERS)
def test_every_result_is_valid_fhir(result: Result, record: ConsultationRecord, sender: Sender) -> None:
    proven(bundles.result(result, record, sender))


@SLOW
@given(making.results(), making.records(), making.SENDERS, making.WORDS, making.INSTANTS)
def test_every_strike_is_valid_fhir(
    result: Result, record: ConsultationRecord, sender: Sender, reason: str, at: datetime
) -> None:
    struck = proven(bundles.strike(result, record, sender, reason, at))
    assert {one["status"] for one in only(struck, "Observation")} == {"entered-in-error"}


@SLOW
@given(making.records(), making.SENDERS)
def test_every_consultation_is_valid_fhir(record: ConsultationRecord, sender: Sender) -> None:
    proven(bundles.consultation(record, sender))


@SLOW
@given(making.results(), making.records(), st.none() | st.integers(1, 8000), making.WORDS)
def test_every_object_is_valid_fhir(result: Result, record: ConsultationRecord, width: int | None, source: str) -> None:
    obj = Object(SHA256, "image/jpeg", 3, source, width, width)
    for kind in ("still", "sound"):
        proven(bundles.result(replace(result, kind=kind, obj=obj, typed_by=None), record, SENDER, SHA1))


@given(making.results(), making.records())
def test_one_fact_has_one_text(result: Result, record: ConsultationRecord) -> None:
    assert dumps(bundles.result(result, record, SENDER)) == dumps(bundles.result(result, record, SENDER))


def requests(bundle: Resource) -> list[tuple[str, str]]:
    return [(entry["resource"]["resourceType"], entry["request"]["method"]) for entry in bundle["entry"]]


def test_what_a_result_sends() -> None:
    assert requests(proven(bundles.result(PRESSURE, CONFIRMED, SENDER))) == [
        ("Patient", "POST"),
        ("Encounter", "POST"),
        ("Device", "POST"),
        ("Device", "POST"),
        ("Observation", "POST"),
        ("Observation", "POST"),
        ("Provenance", "POST"),
    ]


def test_a_strike_changes_the_observations_and_nothing_else() -> None:
    struck = proven(bundles.strike(PRESSURE, CONFIRMED, SENDER, "wrong patient", NOON))
    assert requests(struck) == [
        ("Patient", "POST"),
        ("Encounter", "POST"),
        ("Device", "POST"),
        ("Device", "POST"),
        ("Observation", "PUT"),
        ("Observation", "PUT"),
        ("Provenance", "POST"),
    ]
    kept = bundles.result(PRESSURE, CONFIRMED, SENDER)
    for before, after in zip(only(kept, "Observation"), only(struck, "Observation"), strict=True):
        assert after == before | {"status": "entered-in-error", "note": [{"text": "wrong patient"}]}
    assert only(struck, "Provenance")[0]["activity"]["coding"][0]["code"] == "NULLIFY"


def test_nothing_of_the_patient_before_the_nurse_has_confirmed() -> None:
    unconfirmed = replace(CONFIRMED, confirmed=(), consent=None, state="identifying")
    for bundle in (bundles.consultation(unconfirmed, SENDER), bundles.consultation(JUST_OPENED, SENDER)):
        assert requests(proven(bundle)) == [
            ("Device", "PUT"),
            ("AuditEvent", "POST"),
            ("Encounter", "PUT"),
            ("Provenance", "POST"),
        ]
        assert "DURAND" not in dumps(bundle)


def test_a_matricule_is_looked_for_and_never_judged() -> None:
    (patient,) = only(bundles.consultation(replace(CONFIRMED, patient=CARD), SENDER), "Patient")
    first = bundles.consultation(replace(CONFIRMED, patient=CARD), SENDER)["entry"][0]
    assert first["request"] == {
        "method": "POST",
        "url": "Patient",
        "ifNoneExist": "identifier=urn:oid:1.2.250.1.213.1.4.8|277010115400329",
    }
    (identifier,) = patient["identifier"]
    assert identifier == {
        "type": {
            "coding": [{"system": "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203", "code": "INS-NIR"}]
        },
        "system": "urn:oid:1.2.250.1.213.1.4.8",
        "value": "277010115400329",
    }
    text = dumps(patient).lower()
    assert not [
        word for word in ("qual", "vali", "prov", "identity-reliability", '"use":"official","type"') if word in text
    ]


def test_a_typed_patient_is_this_units_and_follows_corrections() -> None:
    first = bundles.consultation(CONFIRMED, SENDER)["entry"][0]
    assert first["request"] == {
        "method": "PUT",
        "url": "Patient?identifier=urn:ietf:rfc:3986|urn:uuid:9d7d9a5e-6f4b-4b0e-9a43-0f6f0d6b8a12",
    }
    assert first["resource"]["name"] == [{"use": "official", "family": "DURAND", "given": ["ANNE LISE"]}]
    assert (first["resource"]["gender"], first["resource"]["birthDate"]) == ("female", "1977-01-21")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("open", "arrived"),
        ("ready", "arrived"),
        ("active", "in-progress"),
        ("review", "in-progress"),
        ("closed", "finished"),
        ("abandoned", "cancelled"),
    ],
)
def test_the_encounter_follows_the_consultation(state: str, status: str) -> None:
    closed = NOON if state in {"closed", "abandoned"} else None
    (encounter,) = only(bundles.consultation(replace(CONFIRMED, state=state, closed=closed), SENDER), "Encounter")
    assert encounter["status"] == status
    assert encounter["class"]["code"] == "VR"
    assert encounter["location"] == [{"location": {"display": "ehpad"}}]
    assert encounter["reasonCode"] == [{"text": "cough"}]
    assert ("end" in encounter["period"]) == (closed is not None)


def test_a_refused_consent_is_sent_as_refused() -> None:
    refused = replace(CONFIRMED, consent=Consent(False, "representative", NOON, "fr", "2026-1"), state="abandoned")
    (consent,) = only(proven(bundles.consultation(refused, SENDER)), "Consent")
    assert (consent["status"], consent["provision"]["type"]) == ("rejected", "deny")
    assert consent["performer"] == [{"display": "representative"}]
    assert consent["policyRule"] == {"text": "teleconsultation 2026-1"}


def test_the_instrument_is_a_personal_health_device() -> None:
    unit, cuff = only(bundles.result(PRESSURE, CONFIRMED, SENDER), "Device")
    assert unit["type"]["coding"] == [
        {"system": "urn:iso:std:iso:11073:10101", "code": "531981", "display": "MDC_MOC_VMS_MDS_AHD"}
    ]
    assert cuff["type"]["coding"] == [
        {"system": "urn:iso:std:iso:11073:10101", "code": "65573", "display": "MDC_MOC_VMS_MDS_SIMP"}
    ]
    assert (cuff["manufacturer"], cuff["modelNumber"], cuff["serialNumber"]) == ("A&D", "UA-651BLE", "5170")
    assert cuff["version"][0]["value"] == "1.0.3"
    assert cuff["identifier"][1]["system"] == "http://hl7.org/fhir/sid/eui-48/bluetooth"
    assert cuff["identifier"][1]["value"] == "00-1A-7D-DA-71-13"


def test_an_eui_64_is_one() -> None:
    long = replace(PRESSURE, device=replace(CUFF, link="ble:00:1A:7D:FF:FE:DA:71:13"))
    _, device = only(bundles.result(long, CONFIRMED, SENDER), "Device")
    assert device["identifier"][1]["system"] == "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
    assert device["identifier"][1]["value"] == "00-1A-7D-FF-FE-DA-71-13"


def test_another_firmware_is_another_device() -> None:
    new = replace(PRESSURE, device=replace(CUFF, firmware="1.0.4"))
    before, after = (only(bundles.result(one, CONFIRMED, SENDER), "Device")[1] for one in (PRESSURE, new))
    assert before["identifier"][0] != after["identifier"][0]


def test_a_still_is_a_media_that_names_its_bytes() -> None:
    (media,) = only(proven(bundles.result(STILL, CONFIRMED, SENDER, SHA1)), "Media")
    assert media["content"] == {
        "contentType": "image/jpeg",
        "url": f"Binary/{SHA256}",
        "size": 3,
        "hash": SHA1,
        "creation": "2026-06-01T12:00:00.250+00:00",
    }
    assert (media["width"], media["height"], media["type"]["coding"][0]["code"]) == (1280, 720, "image")
    assert {"system": "urn:ietf:rfc:3986", "value": f"urn:sha256:{SHA256}"} in media["identifier"]


def test_bytes_that_were_not_hashed_are_not_told_of() -> None:
    with pytest.raises(ValueError, match="hashed"):
        bundles.result(STILL, CONFIRMED, SENDER)


def test_test_data_are_marked_on_every_resource() -> None:
    demo = Sender("unit-1", "Cart 1", "0.1.0", test_data=True)
    for bundle in (bundles.result(PRESSURE, CONFIRMED, demo), bundles.consultation(CONFIRMED, demo)):
        for entry in proven(bundle)["entry"]:
            assert [one["code"] for one in entry["resource"]["meta"]["security"]] == ["HTEST"]
    for entry in bundles.result(PRESSURE, CONFIRMED, SENDER)["entry"]:
        assert "security" not in entry["resource"].get("meta", {})


def test_the_french_target_names_the_french_profile() -> None:
    french = replace(SENDER, profiles=profiles("ans-mesures-3.1.1"))
    panel, _ = only(proven(bundles.result(PRESSURE, CONFIRMED, french)), "Observation")
    assert panel["meta"]["profile"] == [
        "https://interop.esante.gouv.fr/ig/fhir/mesures/StructureDefinition/mesures-fr-observation-bp"
    ]
    with pytest.raises(ValueError, match="hl7-r4"):
        profiles("nowhere")


def test_a_dicom_object_is_told_with_its_uid_and_its_numbers() -> None:
    dicom = Instance("1.2.840.10008.5.1.4.1.1.9.1.1", "2.25.77", "2.25.78", "1.2.840.10008.1.2.1", "ECG")
    obj = Object(SHA256, "application/dicom", 3, "ecg", dicom=dicom)
    document = replace(making.measurement(making.value("qt-interval", "368"), obj=obj), kind="document")
    bundle = proven(bundles.result(document, CONFIRMED, SENDER, SHA1))
    assert only(bundle, "Media") == []
    (told,) = only(bundle, "DocumentReference")
    assert {"system": "urn:dicom:uid", "value": "urn:oid:2.25.77"} in told["identifier"]
    assert told["type"] == {"coding": [{"system": "http://loinc.org", "code": "11524-6"}], "text": "Electrocardiogram"}
    assert told["category"] == [{"coding": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "ECG"}]}]
    (interval,) = only(bundle, "Observation")
    assert interval["code"]["coding"][0]["code"] == "8634-8"


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("104.1", "Encapsulated PDF"),
        ("88.11", "Structured report"),
        ("88.33", "Structured report"),
        ("9.1.1", "Electrocardiogram"),
    ],
)
def test_a_document_is_told_as_a_document(sop_class: str, words: str) -> None:
    bundle = proven(bundles.result(making.dicom_object(sop_class, "DOC"), CONFIRMED, SENDER, SHA1))
    (told,) = only(bundle, "DocumentReference")
    assert (told["status"], told["type"]["text"]) == ("current", words)
    (content,) = told["content"]
    assert content["attachment"] == {
        "contentType": "application/dicom",
        "url": f"Binary/{SHA256}",
        "size": 3,
        "hash": SHA1,
        "creation": content["attachment"]["creation"],
    }
    assert content["format"] == {
        "system": "urn:oid:1.2.840.10008.2.6.1",
        "code": f"1.2.840.10008.5.1.4.1.1.{sop_class}",
        "display": words,
    }
    assert [word for word in ("subject", "author", "context") if word not in told] == []


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [("6.1", "image"), ("77.1.4", "image"), ("3.1", "video"), ("77.1.4.1", "video"), ("9.4.2", "audio")],
)
def test_what_is_seen_or_heard_is_told_as_media(sop_class: str, kind: str) -> None:
    bundle = proven(bundles.result(making.dicom_object(sop_class, "US"), CONFIRMED, SENDER, SHA1))
    (told,) = only(bundle, "Media")
    assert told["type"]["coding"][0]["code"] == kind
    assert told["modality"]["coding"][0]["code"] == "US"
    assert {"system": "urn:dicom:uid", "value": "urn:oid:2.25.77"} in told["identifier"]


def test_a_document_that_is_struck_says_so() -> None:
    struck = proven(bundles.strike(making.dicom_object("104.1"), CONFIRMED, SENDER, "wrong patient", NOON, SHA1))
    (told,) = only(struck, "DocumentReference")
    assert (told["status"], told["description"]) == ("entered-in-error", "wrong patient")
    assert ("DocumentReference", "PUT") in requests(struck)
