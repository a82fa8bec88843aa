"""Code systems and tables. Metrics themselves are rows of `drivers.core.vocab`; here is what only FHIR needs."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

LOINC = "http://loinc.org"
MDC = "urn:iso:std:iso:11073:10101"
UCUM = "http://unitsofmeasure.org"
FMA = "http://purl.org/sig/ont/fma"
URI = "urn:ietf:rfc:3986"
DICOM_UID = "urn:dicom:uid"
DICOM_UIDS = "urn:oid:1.2.840.10008.2.6.1"  # UIDs as codes (PS3.16, table 8-1; IHE XDS-I names formats so)
DCM = "http://dicom.nema.org/resources/ontology/DCM"
EUI64 = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
BLUETOOTH = "http://hl7.org/fhir/sid/eui-48/bluetooth"
CONTINUA = "http://hl7.org/fhir/uv/phd/CodeSystem/ContinuaDeviceIdentifiers"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
STRUCTURE = "http://hl7.org/fhir/StructureDefinition"
FR_CORE = "https://hl7.fr/ig/fhir/core"
INSEE = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"

RPPS = "urn:oid:1.2.250.1.71.4.2.1"  # national identifier of professionals (ANS, IDNPS)
FINESS = "urn:oid:1.2.250.1.71.4.2.2"  # national identifier of structures

# Ours, told in docs/protocol.md section 1.
RESULT = "urn:chevet:fhir:result"
CLOCK = "urn:chevet:fhir:clock"
VALIDITY = "urn:chevet:fhir:validity"
ORIGIN = "urn:chevet:fhir:origin"
SOURCE = "urn:chevet:fhir:source"
QUARANTINE = "urn:chevet:fhir:quarantine"
NOTICE = "urn:chevet:fhir:notice"
AS_SAID = "urn:chevet:fhir:as-said"
ACKNOWLEDGED = "urn:chevet:fhir:acknowledged"
PLACE = "urn:chevet:fhir:place"
RECORDING = "urn:chevet:fhir:recording"
CONSENT_LANGUAGE = "urn:chevet:fhir:consent-language"

# The blood pressure panel (FHIR R4 vital signs): code of the whole, then its parts in their order.
PANEL_LOINC, PANEL_MDC = "85354-9", 150020
PANEL = ("blood-pressure-systolic", "blood-pressure-diastolic", "blood-pressure-mean")
PANEL_REQUIRED = PANEL[:2]
# A measurement that failed before the device said what it would have measured.
NOTHING_LOINC = "85353-1"

DISPLAY = {
    "blood-pressure": "Blood pressure",
    "blood-pressure-systolic": "Systolic blood pressure",
    "blood-pressure-diastolic": "Diastolic blood pressure",
    "blood-pressure-mean": "Mean blood pressure",
    "pulse-rate-nibp": "Pulse rate from the cuff",
    "pulse-rate": "Pulse rate",
    "heart-rate": "Heart rate",
    "oxygen-saturation": "Oxygen saturation",
    "perfusion-index": "Perfusion index",
    "body-temperature": "Body temperature",
    "respiratory-rate": "Respiratory rate",
    "body-weight": "Body weight",
    "body-height": "Body height",
    "body-fat": "Body fat",
    "glucose": "Glucose",
    "pain-severity": "Pain severity",
    "rr-interval": "RR interval",
    "pr-interval": "PR interval",
    "qrs-duration": "QRS duration",
    "qt-interval": "QT interval",
    "qtc-interval": "QT interval corrected for heart rate",
}
UNIT_DISPLAY = {"mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "[lb_av]": "lb", "{score}": "score"}

# FMA (Foundational Model of Anatomy), as the French value sets for body sites use it.
SITES = {
    "arm": ("24890", "Upper arm"),
    "wrist": ("24922", "Wrist"),
    "ear": ("52780", "Ear"),
    "forehead": ("63864", "Forehead"),
    "temple": ("46450", "Temple"),
    "mouth": ("49184", "Mouth"),
    "armpit": ("24864", "Armpit"),
    "rectum": ("14544", "Rectum"),
}

# The vital signs profile takes blood pressure in mm[Hg] only. Multiply, then round; 1 mmHg = 133.322387415 Pa.
CONVERSIONS = {("kPa", "mm[Hg]"): (Decimal(1000) / Decimal("133.322387415"), Decimal(1))}
# Mass and amount of substance have LOINC codes of their own.
LOINC_BY_UNIT = {("2339-0", "mmol/L"): "15074-8"}

INS_TYPES = {"1.2.250.1.213.1.4.8": "INS-NIR", "1.2.250.1.213.1.4.9": "INS-NIA"}
GENDERS = {"F": "female", "M": "male", "U": "unknown"}
# Encounter.status (FHIR R4) of each state of a consultation.
ENCOUNTER_STATUS = {
    "open": "arrived",
    "identifying": "arrived",
    "ready": "arrived",
    "active": "in-progress",
    "review": "in-progress",
    "closed": "finished",
    "abandoned": "cancelled",
}


def profiles(target: str) -> dict[str, str]:
    """LOINC code -> canonical of the profile, for one target of `profiles.json`; `""` is the rest's."""
    targets = json.loads(Path(__file__).with_name("profiles.json").read_text(encoding="utf-8"))
    if target not in targets:
        raise ValueError(f"no FHIR target {target!r}; known: {', '.join(targets)}")
    found: dict[str, str] = targets[target]["profiles"]
    return found
