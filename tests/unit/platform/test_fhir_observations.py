"""What a result says as Observations: literal expectations, from the FHIR R4 vital signs page and our own rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from appliance.platform.fhir import bundles
from appliance.platform.fhir.text import Resource, dumps
from appliance.records.model import Person, Result, Value
from tests.unit.platform.making import CONFIRMED, PRESSURE, SENDER, extension, measurement, only, value


def observe(result: Result) -> list[Resource]:
    return only(bundles.result(result, CONFIRMED, SENDER), "Observation")


def codes(part: Resource) -> list[tuple[str, str]]:
    return [(one["system"], one["code"]) for one in part["code"]["coding"]]


def test_blood_pressure_is_one_panel_and_its_pulse_stands_alone() -> None:
    panel, pulse = observe(PRESSURE)
    assert codes(panel) == [("http://loinc.org", "85354-9"), ("urn:iso:std:iso:11073:10101", "150020")]
    assert [(*codes(part), dumps(part["valueQuantity"])) for part in panel["component"]] == [
        (
            ("http://loinc.org", "8480-6"),
            ("urn:iso:std:iso:11073:10101", "150021"),
            '{"value":124,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}',
        ),
        (
            ("http://loinc.org", "8462-4"),
            ("urn:iso:std:iso:11073:10101", "150022"),
            '{"value":86,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}',
        ),
        (
            ("http://loinc.org", "8478-0"),
            ("urn:iso:std:iso:11073:10101", "150023"),
            '{"value":98,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}',
        ),
    ]
    assert "valueQuantity" not in panel
    assert panel["bodySite"]["coding"] == [
        {"system": "http://purl.org/sig/ont/fma", "code": "24890", "display": "Upper arm"}
    ]
    assert panel["meta"]["profile"] == ["http://hl7.org/fhir/StructureDefinition/bp"]
    assert codes(pulse) == [("http://loinc.org", "8867-4"), ("urn:iso:std:iso:11073:10101", "149546")]
    assert pulse["valueQuantity"]["value"] == Decimal(72)
    assert panel["identifier"][0] != pulse["identifier"][0]
    assert panel["identifier"][1] == pulse["identifier"][1]


def test_oxygen_saturation_carries_both_loinc_codes() -> None:
    (observation,) = observe(measurement(value("oxygen-saturation", "98")))
    assert codes(observation) == [
        ("http://loinc.org", "2708-6"),
        ("http://loinc.org", "59408-5"),
        ("urn:iso:std:iso:11073:10101", "150456"),
    ]


def test_the_digits_of_the_device_are_kept() -> None:
    (observation,) = observe(measurement(value("body-temperature", "36.60", site="ear")))
    assert '"valueQuantity":{"value":36.60,"unit":"°C"' in dumps(observation)
    assert observation["bodySite"]["coding"][0]["code"] == "52780"


def test_kilopascals_are_sent_as_mmhg_and_as_said() -> None:
    (panel,) = observe(
        measurement(value("blood-pressure-systolic", "16.0", "kPa"), value("blood-pressure-diastolic", "10.7", "kPa"))
    )
    systolic, diastolic = panel["component"]
    assert dumps(systolic["valueQuantity"]["value"]) == "120"
    assert dumps(diastolic["valueQuantity"]["value"]) == "80"
    assert dumps(extension(diastolic, "urn:chevet:fhir:as-said")["value"]) == "10.7"
    assert extension(diastolic, "urn:chevet:fhir:as-said")["code"] == "kPa"


def test_glucose_by_substance_has_its_own_loinc() -> None:
    (mass,) = observe(measurement(value("glucose", "98")))
    (substance,) = observe(measurement(value("glucose", "5.4", "mmol/L")))
    assert codes(mass)[0] == ("http://loinc.org", "2339-0")
    assert codes(substance)[0] == ("http://loinc.org", "15074-8")
    assert substance["valueQuantity"]["code"] == "mmol/L"


def test_what_loinc_does_not_know_keeps_its_mdc_code() -> None:
    (observation,) = observe(measurement(Value("pulse-quality", None, 150320, Decimal(7), "%", "valid")))
    assert codes(observation) == [("urn:iso:std:iso:11073:10101", "150320")]
    assert observation["code"]["text"] == "pulse-quality"


@pytest.mark.parametrize("number", [None, "127"])
def test_an_invalid_value_is_never_a_number(number: str | None) -> None:
    (observation,) = observe(
        measurement(value("oxygen-saturation", number, validity="invalid"), notices=("sensor-off",))
    )
    assert "valueQuantity" not in observation
    assert observation["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert extension(observation, "urn:chevet:fhir:validity") == "invalid"
    assert extension(observation, "urn:chevet:fhir:notice") == "sensor-off"
    assert observation["interpretation"] == [{"text": "invalid by the device's own word (sensor-off)"}]


def test_a_questionable_value_is_a_number_that_says_so() -> None:
    (observation,) = observe(measurement(value("oxygen-saturation", "91", validity="questionable")))
    assert observation["valueQuantity"]["value"] == Decimal(91)
    assert extension(observation, "urn:chevet:fhir:validity") == "questionable"
    assert observation["interpretation"] == [{"text": "questionable by the device's own word"}]


def test_a_valid_value_needs_no_words() -> None:
    (observation,) = observe(measurement(value("oxygen-saturation", "98")))
    assert "interpretation" not in observation


def test_a_pressure_the_device_did_not_give_is_said_to_be_unknown() -> None:
    (panel,) = observe(measurement(value("blood-pressure-systolic", "124")))
    assert [part.get("dataAbsentReason", {}).get("coding", [{}])[0].get("code") for part in panel["component"]] == [
        None,
        "unknown",
    ]


def test_a_panel_is_as_good_as_its_worst_part() -> None:
    (panel,) = observe(
        measurement(
            value("blood-pressure-systolic", "124"), value("blood-pressure-diastolic", "86", validity="questionable")
        )
    )
    assert extension(panel, "urn:chevet:fhir:validity") == "questionable"


def test_a_measurement_that_failed_altogether_is_told() -> None:
    (observation,) = observe(measurement(status="failed", notices=("cuff-loose",)))
    assert observation["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert codes(observation) == [("http://loinc.org", "85353-1")]


def test_a_typed_value_says_so_and_is_of_the_unit() -> None:
    typed = measurement(value("body-weight", "71.5"), status="manual", typed_by="nurse", reason="scale broken")
    bundle = bundles.result(typed, CONFIRMED, SENDER)
    (observation,) = only(bundle, "Observation")
    (device,) = (entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Device")
    assert device["resource"]["type"]["coding"][0]["code"] == "531981"
    assert observation["device"]["reference"] == device["fullUrl"]
    assert extension(observation, "urn:chevet:fhir:origin") == "typed"
    assert observation["performer"] == [{"display": "nurse"}]
    assert observation["method"] == {"text": "typed by hand"}
    assert observation["note"] == [{"text": "scale broken"}]


def test_it_is_said_through_what_a_value_came_and_who_was_there() -> None:
    nurse = Person("Zoe Petit", "10003456789")
    said = {"unit": "cart-17", "software": "0.9", "nurse": nurse, "clock_error_s": 0.016}
    (observation,) = observe(measurement(value("oxygen-saturation", "98"), **said))
    source = extension(observation, "urn:chevet:fhir:source")
    assert (source["software"], source["unit"]) == ("0.9", "cart-17")
    assert set(source) == {"driver", "link", "software", "unit"}
    (performer,) = observation["performer"]
    assert performer["display"] == "Zoe Petit"
    assert performer["identifier"]["value"] == "10003456789"
    error = extension(observation, "urn:chevet:fhir:clock")["error"]
    assert (dumps(error["value"]), error["code"]) == ("0.016", "s")


def test_without_a_device_clock_the_time_is_the_arrival() -> None:
    (observation,) = observe(measurement(value("oxygen-saturation", "98"), clock="untrusted"))
    assert observation["effectiveDateTime"] == "2026-06-01T12:00:00.250+00:00"
    assert observation["issued"] == "2026-06-01T12:00:00.250+00:00"
    told = extension(observation, "urn:chevet:fhir:clock")
    assert told["source"] == "unit"
    assert told["trusted"] is False
    assert dumps(told["boot-time"]["value"]) == "12345.678901234"
    assert set(told) == {"source", "trusted", "boot", "boot-time"}


def test_with_a_measured_offset_the_time_is_the_devices_corrected() -> None:
    late = measurement(
        value("oxygen-saturation", "98"),
        taken=datetime.fromisoformat("2026-06-01T13:35:50"),
        clock_offset_s=1440.5,
        clock_uncertainty_s=0.75,
    )
    (observation,) = observe(late)
    assert observation["effectiveDateTime"] == "2026-06-01T13:59:50.500+02:00"
    told = extension(observation, "urn:chevet:fhir:clock")
    assert told["source"] == "device-corrected"
    assert told["device-time"] == "2026-06-01T13:35:50"
    assert (dumps(told["offset"]["value"]), dumps(told["uncertainty"]["value"])) == ("1440.5", "0.75")


def test_a_device_time_without_an_offset_is_kept_but_not_believed() -> None:
    (observation,) = observe(
        measurement(value("oxygen-saturation", "98"), taken=datetime.fromisoformat("2026-06-01T14:00:00"))
    )
    assert observation["effectiveDateTime"] == "2026-06-01T12:00:00.250+00:00"
    assert extension(observation, "urn:chevet:fhir:clock")["device-time"] == "2026-06-01T14:00:00"


def test_the_same_result_is_always_the_same_observations() -> None:
    assert dumps(observe(PRESSURE)) == dumps(observe(replace(PRESSURE)))
    assert [one["identifier"][0]["value"] for one in observe(PRESSURE)] == [
        "urn:uuid:e0fb9a49-94c1-588d-b003-3640fe3ba950",
        "urn:uuid:c60b1fff-88a4-504b-bc00-6039a8d07256",
    ]
