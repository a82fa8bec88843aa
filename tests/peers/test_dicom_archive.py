"""A still on its way to a real archive: Orthanc keeps it, commits itself on an association of its own, displays it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from appliance.platform.answer import Later, Outcome, Persisted, Refused
from appliance.platform.dicom.archive import facts
from appliance.platform.dicom.network import Network
from appliance.platform.dicom.stills import still
from drivers.links.dicom_send import COMMITMENT, COMMITMENT_INSTANCE, Peer, Scu
from tests.peers.dicom_bench import run
from tests.peers.test_dicom_orthanc import ORTHANC, Orthanc, running
from tests.unit.platform.making import CARD, CONFIRMED, SENDER, STILL
from tests.unit.platform.pictures import made_jpeg

pytestmark = pytest.mark.peer

orthanc_here = pytest.mark.skipif(ORTHANC is None, reason="no Orthanc: apt-get install orthanc")
dciodvfy_here = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy: apt-get install dicom3tools")
LOOPBACK = (ip_network("127.0.0.0/8"),)


def picture(form: str = "yuvj420p", *, endoscopic: bool = False) -> bytes:
    record = replace(CONFIRMED, patient=CARD)
    return still(STILL, record, SENDER, made_jpeg(640, 480, form), endoscopic=endoscopic)


@asynccontextmanager
async def archive(folder: Path) -> AsyncIterator[tuple[Orthanc, Network]]:
    async with running(folder / "orthanc") as orthanc:
        scu = Scu(Peer("ECG1", ("127.0.0.1", orthanc.dicom_port), "CHEVET", LOOPBACK, ("127.0.0.1", 0)), wait_s=60)
        network = Network(scu)
        try:
            known = ["CHEVET", "127.0.0.1", scu.port]
            (await orthanc._http.put("/modalities/unit", json=known)).raise_for_status()
            yield orthanc, network
        finally:
            await network.close()


@orthanc_here
@pytest.mark.parametrize("endoscopic", [False, True])
async def test_orthanc_keeps_a_still_commits_itself_and_shows_it(tmp_path: Path, endoscopic: bool) -> None:
    file = picture(endoscopic=endoscopic)
    async with archive(tmp_path) as (orthanc, network):
        assert await network.store(file) == Persisted(f"urn:oid:{facts(file).instance}")
        assert await network.store(file) == Persisted(f"urn:oid:{facts(file).instance}")
        http: httpx.AsyncClient = orthanc._http
        (name,) = (await http.get("/instances")).json()
        tags = (await http.get(f"/instances/{name}/simplified-tags")).json()
        assert (tags["PatientID"], tags["Modality"]) == ("9D7D9A5E6F4B4B0E", "ES" if endoscopic else "XC")
        shown = await http.get(f"/instances/{name}/preview")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")


@dciodvfy_here
@pytest.mark.parametrize("endoscopic", [False, True])
@pytest.mark.parametrize("form", ["yuvj420p", "yuvj422p"])
async def test_the_validator_finds_no_error(tmp_path: Path, form: str, endoscopic: bool) -> None:
    (tmp_path / "still.dcm").write_bytes(picture(form, endoscopic=endoscopic))
    code, said = await run("dciodvfy", tmp_path / "still.dcm")
    assert [line for line in said.splitlines() if line.startswith("Error")] == []
    assert code == 0


@contextmanager
def stand_in(*, commitment: str) -> Iterator[tuple[Network, list[Dataset]]]:
    """An archive that takes all, and commits itself `same`ly on the association, to a `wrong` object, or `fails`."""
    ae, stored = AE("ARCHIVE"), list[Dataset]()
    ae.add_supported_context(COMMITMENT)
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.1.2.4.50")

    def keep(event: Any) -> int:
        stored.append(event.dataset)
        return 0

    def act(event: Any) -> tuple[int, None]:
        asked = event.action_information
        report = Dataset()
        report.TransactionUID = asked.TransactionUID
        (item,) = asked.ReferencedSOPSequence
        if commitment == "wrong":
            item.ReferencedSOPInstanceUID = "2.25.404"
        if commitment == "fails":
            item.FailureReason = 0x0122
            report.FailedSOPSequence = [item]
        else:
            report.ReferencedSOPSequence = [item]
        asyncio.run_coroutine_threadsafe(told(event.assoc, report), loop)
        return 0, None

    async def told(assoc: Any, report: Dataset) -> None:
        kind = 2 if commitment == "fails" else 1
        await asyncio.to_thread(assoc.send_n_event_report, report, kind, COMMITMENT, COMMITMENT_INSTANCE)

    loop = asyncio.get_running_loop()
    handlers: list[Any] = [(evt.EVT_C_STORE, keep), (evt.EVT_N_ACTION, act)]
    server: Any = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        wait_s = 0.5 if commitment == "wrong" else 60
        yield Network(Scu(Peer("ARCHIVE", server.server_address, "CHEVET"), wait_s)), stored
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("commitment", "outcome"),
    [
        ("same", Persisted),
        ("wrong", Later),
        ("fails", Refused),
    ],
)
async def test_a_report_on_the_same_association_counts_for_its_own_object_only(
    commitment: str, outcome: type[Outcome]
) -> None:
    with stand_in(commitment=commitment) as (network, stored):
        assert isinstance(await network.store(picture()), outcome)
        assert len(stored) == 1


async def test_an_archive_that_is_not_there_is_tried_again() -> None:
    network = Network(Scu(Peer("ARCHIVE", ("127.0.0.1", 1), "CHEVET"), 1))
    assert await network.store(picture()) == Later("the archive: no connection")
