"""Documents of a DICOM device on their way: DCMTK sends them, the stand-in platform gives its receipt for them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.documentreference import DocumentReference
from pydicom import dcmread

from appliance.platform.answer import Refused
from appliance.platform.client import Platform
from appliance.platform.fhir import bundles
from appliance.platform.forwarder import Forwarder
from tests.devices.reference import reference
from tests.faults.forwarding import UntilEmpty
from tests.hosting import TOKEN, Hosted
from tests.peers.dicom_bench import PDF, Bench, bench, dataset_bytes, dcmtk, made, saved, send
from tests.unit.platform.making import CONFIRMED, SENDER, SHA1, SHA256, dicom_object

pytestmark = pytest.mark.peer

SR = "1.2.840.10008.5.1.4.1.1.88.33"


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[Hosted]:
    hosted = Hosted(folder)
    try:
        await hosted.start()
        yield hosted
    finally:
        hosted.stop()


async def forwarded(unit: Bench, hosted: Hosted) -> None:
    """Everything that waits is with the platform, which has said so."""
    watcher = UntilEmpty()
    async with Platform(hosted.url, TOKEN) as client:
        task = asyncio.create_task(Forwarder(unit.store, client, SENDER, watcher, lambda low, high: 0.01).run())
        try:
            await asyncio.wait_for(watcher.empty.wait(), 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def told_of(hosted: Hosted, kind: str, result: str) -> list[dict[str, Any]]:
    found = await hosted.get(f"/fhir/{kind}?identifier=urn:chevet:fhir:result|{result}")
    return [entry["resource"] for entry in found["entry"]]


def report(order: Any, path: Path) -> Path:
    """A real structured report, of this patient."""
    found = dcmread(BytesIO(reference("dicom/test-SR.dcm")))
    found.PatientID, found.PatientName, found.PatientBirthDate = order.patient_id, "Durand^Anne Lise", "19770121"
    return saved(found, path)


@dcmtk
@pytest.mark.parametrize(("sop_class", "words"), [(PDF, "Encapsulated PDF"), (SR, "Structured report")])
async def test_a_document_is_with_the_platform_as_what_it_is(tmp_path: Path, sop_class: str, words: str) -> None:
    async with bench(tmp_path / "unit") as unit, platform(tmp_path / "platform") as hosted:
        ref = await unit.active()
        order, path = unit.room.order, tmp_path / "a.dcm"
        path = saved(made(order), path) if sop_class == PDF else report(order, path)
        assert (await send(unit, path))[0] == 0
        (kept,) = await unit.store.results(ref)
        assert kept.delivery.state == "stored"
        await forwarded(unit, hosted)
        (kept,) = await unit.store.results(ref)
        assert kept.delivery.state == "persisted"

        assert await told_of(hosted, "Media", kept.result.id) == []
        (told,) = await told_of(hosted, "DocumentReference", kept.result.id)
        DocumentReference.model_validate(told)
        (content,) = told["content"]
        assert (told["type"]["text"], content["format"]["code"]) == (words, sop_class)
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            got = await http.get(f"{hosted.url}/fhir/{content['attachment']['url']}")
        assert got.headers["Content-Type"] == "application/dicom"
        assert hashlib.sha256(got.content).hexdigest() == content["attachment"]["url"].removeprefix("Binary/")
        assert dataset_bytes(got.content) == dataset_bytes(path.read_bytes())

        await unit.room.strike(ref, kept.result.id, "wrong patient")
        await forwarded(unit, hosted)
        (told,) = await told_of(hosted, "DocumentReference", kept.result.id)
        assert (told["status"], told["description"]) == ("entered-in-error", "wrong patient")


async def test_a_document_without_its_bytes_is_refused(tmp_path: Path) -> None:
    async with platform(tmp_path / "platform") as hosted, Platform(hosted.url, TOKEN) as client:
        got = await client.transact(bundles.result(dicom_object("104.1", "DOC"), CONFIRMED, SENDER, SHA1))
    assert got == Refused(f"Binary/{SHA256} was not sent")
