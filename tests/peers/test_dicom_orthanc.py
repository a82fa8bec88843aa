"""Orthanc as a device: it holds objects, sends them to the unit, and asks whether they are safe there (PS3.4, J)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import Dataset, dcmread

from tests.devices.reference import reference
from tests.hosting import free_port
from tests.peers.dicom_bench import PDF, Bench, bench, dataset_bytes, made, saved

ORTHANC = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(ORTHANC is None, reason="no Orthanc: apt-get install orthanc"),
]

START_S, WAIT_S = 30.0, 30.0
IN_A_SERIES: dict[str, Any] = {
    "StudyInstanceUID": "2.25.5",
    "SeriesInstanceUID": "2.25.6",
}  # Orthanc keeps nothing without them


class Orthanc:
    """One Orthanc of the title ECG1, by its REST interface."""

    def __init__(self, http: httpx.AsyncClient, dicom_port: int) -> None:
        self._http, self.dicom_port = http, dicom_port

    async def knows(self, unit: Bench) -> None:
        """The unit is a modality of it, called `unit`."""
        (await self._http.put("/modalities/unit", json=["CHEVET", "127.0.0.1", unit.port])).raise_for_status()

    async def take(self, data: bytes) -> str:
        """Give it an object to hold; its own name of it."""
        got = (await self._http.post("/instances", content=data)).raise_for_status()
        return str(got.json()["ID"])

    async def file(self, name: str) -> bytes:
        """The PS3.10 file that it holds."""
        return (await self._http.get(f"/instances/{name}/file")).raise_for_status().content

    async def send(self, *names: str) -> httpx.Response:
        """Send objects to the unit."""
        return await self._http.post("/modalities/unit/store", json=list(names), timeout=60)

    async def commitment(self, *pairs: tuple[str, str]) -> dict[str, Any]:
        """Ask the unit whether it holds these (SOP class, SOP instance); the report that came."""
        asked = {"DicomInstances": [list(pair) for pair in pairs], "Timeout": 15}
        got = (await self._http.post("/modalities/unit/storage-commitment", json=asked, timeout=60)).raise_for_status()
        async with asyncio.timeout(WAIT_S):
            while True:
                report: dict[str, Any] = (await self._http.get(got.json()["Path"])).raise_for_status().json()
                if report["Status"] != "Pending":
                    return report
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Orthanc]:
    """An Orthanc with a store of its own on free ports; stopped in the end."""
    assert ORTHANC is not None
    rest, dicom = free_port(), free_port()
    folder.mkdir()
    settings = {
        "Name": "DEVICE",
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": rest,
        "DicomPort": dicom,
        "DicomAet": "ECG1",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "StorageCompression": False,
        "ConcurrentJobs": 2,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(ORTHANC, str(folder / "orthanc.json"), stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{rest}", trust_env=False) as http:
            await answering(http, process, folder / "log")
            yield Orthanc(http, dicom)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def answering(http: httpx.AsyncClient, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, log.read_text(errors="replace")
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/system")).is_success:
                    return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[tuple[Orthanc, Bench]]:
    """An Orthanc and a unit that knows it as its device."""
    async with (
        running(folder / "orthanc") as orthanc,
        bench(folder / "unit", reports_to=f"127.0.0.1:{orthanc.dicom_port}") as unit,
    ):
        await orthanc.knows(unit)
        yield orthanc, unit


def hashed(part10: bytes) -> str:
    """SHA-256 of a file's data set, which is what is sent."""
    return hashlib.sha256(dataset_bytes(part10)).hexdigest()


def read(part10: bytes) -> Dataset:
    """Its elements: Orthanc writes lengths of sequences anew when it sends what others have written."""
    return Dataset(dcmread(BytesIO(part10)))


async def test_what_orthanc_sends_is_charted_bit_for_bit(tmp_path: Path) -> None:
    async with pair(tmp_path) as (orthanc, unit):
        ref = await unit.active()
        first = await orthanc.take(saved(made(unit.room.order, **IN_A_SERIES), tmp_path / "a.dcm").read_bytes())
        second = await orthanc.take(
            saved(made(unit.room.order, "2.25.78", pages=90, **IN_A_SERIES), tmp_path / "b.dcm").read_bytes()
        )
        got = await orthanc.send(first, second)
        assert (got.status_code, got.json()["FailedInstancesCount"]) == (200, 0)
        kept = [one.result.obj for one in await unit.store.results(ref)]
        ours = [hashed(await unit.store.blob(ref, obj.sha256)) for obj in kept if obj is not None]
        assert ours == [hashed(await orthanc.file(name)) for name in (first, second)]
        assert len(set(ours)) == 2


@pytest.mark.parametrize("name", ["ecg12_mortara", "examples_ybr_color", "SC_rgb_jpeg_dcmtk", "test-SR", "US1_J2KR"])
async def test_real_objects_come_as_orthanc_holds_them(tmp_path: Path, name: str) -> None:
    data = reference(f"dicom/{name}.dcm")
    async with pair(tmp_path) as (orthanc, unit):
        own = await orthanc.take(data)
        assert (await orthanc.send(own)).status_code == 200
        (held,) = await unit.store.quarantined()
        assert held.obj is not None
        ours = await unit.store.quarantined_blob(held.id, held.obj.sha256)
        assert read(ours) == read(await orthanc.file(own))


async def test_a_unit_that_cannot_keep_it_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair(tmp_path) as (orthanc, unit):
        ref = await unit.active()
        own = await orthanc.take(saved(made(unit.room.order, **IN_A_SERIES), tmp_path / "a.dcm").read_bytes())
        with monkeypatch.context() as patch:
            patch.setattr("appliance.care.room.OBJECT_CAP", 100)
            assert (await orthanc.send(own)).status_code != 200
        assert await unit.store.results(ref) == []
        assert (await orthanc.send(own)).status_code == 200
        assert len(await unit.store.results(ref)) == 1


async def test_orthanc_is_told_what_is_safe_here_and_what_is_not(tmp_path: Path) -> None:
    async with pair(tmp_path) as (orthanc, unit):
        await unit.active()
        own = await orthanc.take(saved(made(unit.room.order, **IN_A_SERIES), tmp_path / "a.dcm").read_bytes())
        assert (await orthanc.send(own)).status_code == 200
        report = await orthanc.commitment((PDF, "2.25.77"))
        assert (report["Status"], report["RemoteAET"]) == ("Success", "CHEVET")
        assert report["Success"] == [{"SOPClassUID": PDF, "SOPInstanceUID": "2.25.77"}]
        assert report["Failures"] == []

        report = await orthanc.commitment((PDF, "2.25.77"), (PDF, "2.25.404"))
        assert report["Status"] == "Failure"
        assert [one["SOPInstanceUID"] for one in report["Success"]] == ["2.25.77"]
        (failure,) = report["Failures"]
        assert (failure["SOPInstanceUID"], failure["FailureReason"]) == ("2.25.404", 0x0112)
