"""Devices that speak DICOM, played by DCMTK; by pynetdicom where it cannot: steps, aborts, halves."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt

from tests.devices.reference import reference
from tests.making import TYPED
from tests.peers.dicom_bench import PDF, Bench, associate, bench, dataset_bytes, dcmtk, made, run, saved, send, until
from tests.schemas import check

pytestmark = pytest.mark.peer

STEPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
WORKLIST = "1.2.840.10008.5.1.4.31"


# --- who may call


@dcmtk
async def test_only_the_known_title_from_the_known_address_to_our_title(tmp_path: Path) -> None:
    async with bench(tmp_path) as unit:
        echo = "echoscu", "-aec", "CHEVET", "-aet"
        assert (await run(*echo, "ECG1", "127.0.0.1", unit.port))[0] == 0
        code, said = await run("echoscu", "-v", "-aec", "CHEVET", "-aet", "STRANGER", "127.0.0.1", unit.port)
        assert code != 0
        assert "Calling AE Title Not Recognized" in said
        code, said = await run("echoscu", "-v", "-aec", "OTHER", "-aet", "ECG1", "127.0.0.1", unit.port)
        assert code != 0
        assert "Called AE Title Not Recognized" in said


@dcmtk
async def test_another_address_is_hung_up_on(tmp_path: Path) -> None:
    async with bench(tmp_path, peers=("192.0.2.1",)) as unit:
        assert (await run("echoscu", "-aec", "CHEVET", "-aet", "ECG1", "127.0.0.1", unit.port))[0] != 0


# --- objects


@dcmtk
async def test_an_object_of_the_patient_is_charted_bit_for_bit(tmp_path: Path) -> None:
    async with bench(tmp_path / "unit") as unit:
        ref = await unit.active()
        path = saved(made(unit.room.order), tmp_path / "a.dcm")
        code, said = await send(unit, path)
        assert code == 0, said
        (kept,) = await unit.store.results(ref)
        obj = kept.result.obj
        assert obj is not None
        assert obj.dicom is not None
        assert (kept.result.kind, kept.result.status, kept.result.device.manufacturer) == ("document", "valid", "MADE")
        assert (obj.media_type, obj.dicom.sop_class, obj.dicom.instance) == ("application/dicom", PDF, "2.25.77")
        data = await unit.store.blob(ref, obj.sha256)
        assert hashlib.sha256(data).hexdigest() == obj.sha256
        assert dataset_bytes(data) == dataset_bytes(path.read_bytes())
        assert unit.left() == []
        (message,) = unit.feed.state("result")
        check("live", message)
        assert message["object"]["modality"] == "DOC"
        assert (await send(unit, path))[0] == 0  # the device did not hear us
        assert len(await unit.store.results(ref)) == 1
        assert b"Durand" not in b"".join(one.read_bytes() for one in (tmp_path / "unit").rglob("*") if one.is_file())


@dcmtk
@pytest.mark.parametrize(
    ("traits", "reason"),
    [
        ({"PatientID": "SOMEBODY"}, "other-patient"),
        ({"PatientBirthDate": "19770122"}, "other-patient"),
        ({"PatientName": "Martin^Anne"}, "other-patient"),
        ({"PatientID": "", "PatientName": ""}, "no-identity"),
        ({"PatientID": ""}, "device-clock-unknown"),
        ({"PatientID": "", "AcquisitionDateTime": "20200101120000"}, "before-lease"),
    ],
)
async def test_what_may_be_another_patients_is_held(tmp_path: Path, traits: dict[str, Any], reason: str) -> None:
    async with bench(tmp_path / "unit") as unit:
        ref = await unit.active()
        path = saved(made(unit.room.order, **traits), tmp_path / "a.dcm")
        assert (await send(unit, path))[0] == 0
        assert await unit.store.results(ref) == []
        (held,) = await unit.store.quarantined()
        assert held.reason == reason
        assert held.obj is not None
        data = await unit.store.quarantined_blob(held.id, held.obj.sha256)
        assert dataset_bytes(data) == dataset_bytes(path.read_bytes())
        (message,) = unit.feed.state("quarantine")
        check("live", message)


@dcmtk
async def test_without_a_consultation_or_a_lease_it_is_held(tmp_path: Path) -> None:
    async with bench(tmp_path / "unit") as unit:
        assert (await send(unit, saved(made(), tmp_path / "a.dcm")))[0] == 0
        ref = await unit.active(lease=False)
        assert (await send(unit, saved(made(unit.room.order, "2.25.78"), tmp_path / "b.dcm")))[0] == 0
        assert [held.reason for held in await unit.store.quarantined()] == ["no-lease", "no-consultation"]
        assert await unit.store.results(ref) == []


@dcmtk
async def test_what_was_held_is_judged_anew_when_it_comes_again(tmp_path: Path) -> None:
    async with bench(tmp_path / "unit") as unit:
        ref = await unit.active(lease=False)
        path = saved(made(unit.room.order), tmp_path / "a.dcm")
        for _ in range(2):  # as long as nothing has changed, it stays where it is
            assert (await send(unit, path))[0] == 0
        (held,) = await unit.store.quarantined()
        assert held.reason == "no-lease"
        await unit.room.lease(ref, ["ecg"])
        for _ in range(2):  # and then it is charted once
            assert (await send(unit, path))[0] == 0
        (kept,) = await unit.store.results(ref)
        assert kept.result.obj is not None
        data = await unit.store.blob(ref, kept.result.obj.sha256)
        assert dataset_bytes(data) == dataset_bytes(path.read_bytes())
        assert await unit.store.quarantined() == []
        assert list(unit.feed.state("quarantine")) == []
        (message,) = unit.feed.state("result")
        assert (message["id"], message["status"]) == (kept.result.id, "valid")
        assert len(await unit.store.waiting(10)) == 1
        assert unit.left() == []
        assert await unit.store.audit_break() is None
    audit = sqlite3.connect(tmp_path / "unit" / "chevet.db").execute("SELECT action, subject FROM audit").fetchall()
    assert [row for row in audit if row[1] == held.id] == [("quarantine", held.id), ("judge-anew", held.id)]


@dcmtk
@pytest.mark.parametrize("name", ["ecg12_mortara", "examples_ybr_color", "SC_rgb_jpeg_dcmtk", "test-SR", "US1_J2KR"])
async def test_real_objects_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    path = tmp_path / "real.dcm"
    path.write_bytes(reference(f"dicom/{name}.dcm"))
    syntax = dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    option = {"1.2.840.10008.1.2.4.50": ["-xy"], "1.2.840.10008.1.2.4.90": ["-xv"]}.get(str(syntax), ["-xe"])
    async with bench(tmp_path / "unit") as unit:
        code, said = await run(
            "storescu", "-v", "-R", *option, "-aet", "ECG1", "-aec", "CHEVET", "127.0.0.1", unit.port, path
        )
        assert code == 0, said
        (held,) = await unit.store.quarantined()
        assert held.obj is not None
        assert held.obj.dicom is not None
        assert held.obj.dicom.transfer_syntax == syntax
        data = await unit.store.quarantined_blob(held.id, held.obj.sha256)
        ours, theirs = dcmread(BytesIO(data)), dcmread(path)
        for keyword in ("PixelData", "WaveformSequence", "ContentSequence"):
            assert ours.get(keyword) == theirs.get(keyword)
        values = {value.metric: str(value.value) for value in held.numerics}
        wanted = {"rr-interval": "982", "pr-interval": "161", "qrs-duration": "75", "qt-interval": "368"}
        assert values == (wanted | {"qtc-interval": "370"} if name == "ecg12_mortara" else {})


@dcmtk
async def test_a_class_that_is_not_taken_is_said_so(tmp_path: Path) -> None:
    async with bench(tmp_path / "unit") as unit:
        path = tmp_path / "real.dcm"
        path.write_bytes(reference("dicom/CT_small.dcm"))
        code, said = await send(unit, path)
        assert code != 0
        assert "No presentation context" in said or "No Acceptable Presentation Contexts" in said


def raw_store(assoc: Any, data: bytes, instance: str = "2.25.77", sop_class: str = PDF) -> int:
    """C-STORE of bytes as they are, whole or not."""
    from pynetdicom.dimse_primitives import C_STORE

    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, instance
    request.DataSet = BytesIO(data)
    context = next(cx for cx in assoc.accepted_contexts if cx.abstract_syntax == sop_class)
    assoc._reactor_checkpoint.clear()
    while not assoc._is_paused:
        time.sleep(0.01)
    assoc.dimse.send_msg(request, context.context_id)
    _, response = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    return int(response.Status)


async def test_bad_objects_are_refused_in_words_and_leave_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as unit:
        await unit.active()
        found = made(unit.room.order)
        whole = BytesIO()
        found.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        found.save_as(whole, enforce_file_format=True, implicit_vr=True, little_endian=True)
        data = dataset_bytes(whole.getvalue())
        assoc = await asyncio.to_thread(associate, unit, PDF)
        for bad in (data[:-100], data[: len(data) // 2], b"\xff" * 500, bytes(64)):
            assert await asyncio.to_thread(raw_store, assoc, bad) == 0xA900
        assert await asyncio.to_thread(raw_store, assoc, data, "2.25.78") == 0xA900
        assert await unit.store.quarantined() == []
        assert await asyncio.to_thread(raw_store, assoc, data) == 0x0000
        await asyncio.to_thread(assoc.release)
        assert unit.left() == []


async def test_a_full_disk_is_told_and_the_object_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as unit:
        ref = await unit.active()
        assoc = await asyncio.to_thread(associate, unit, PDF)
        found = made(unit.room.order)
        found.file_meta.TransferSyntaxUID = assoc.accepted_contexts[0].transfer_syntax[0]
        with monkeypatch.context() as patch:
            patch.setattr("appliance.care.room.OBJECT_CAP", 100)
            status = await asyncio.to_thread(assoc.send_c_store, found)
            assert status.Status == 0xA700
        assert unit.left() == []
        assert await unit.store.results(ref) == []
        assert (await asyncio.to_thread(assoc.send_c_store, found)).Status == 0x0000
        assert len(await unit.store.results(ref)) == 1
        await asyncio.to_thread(assoc.release)


async def test_an_abort_in_the_middle_leaves_no_half_object(tmp_path: Path) -> None:
    async with bench(tmp_path) as unit:
        await unit.active()
        assoc = await asyncio.to_thread(associate, unit, PDF)
        sent = 0

        def cut(event: Any) -> None:
            nonlocal sent
            sent += 1
            if sent == 8:
                assoc.dul.socket.close()

        assoc.bind(evt.EVT_PDU_SENT, cut)
        await asyncio.to_thread(assoc.send_c_store, made(unit.room.order, pages=200))
        await until(lambda: sent >= 8 and not unit.left(), "the spool is empty")
        assert await unit.store.quarantined() == []
        assert list(unit.feed.state("result")) == []


async def test_a_message_that_does_not_end_is_cut_off(tmp_path: Path) -> None:
    async with bench(tmp_path) as unit:
        assoc = await asyncio.to_thread(associate, unit, WORKLIST)
        query = Dataset()
        query.PatientComments = "x" * 4_000_000
        answers = await asyncio.to_thread(lambda: list(assoc.send_c_find(query, WORKLIST)))
        assert all(not status for status, _ in answers)
        await until(lambda: assoc.is_aborted, "the association is aborted")


# --- worklist


async def find(unit: Bench, *keys: str) -> str:
    words = [word for key in keys for word in ("-k", key)]
    code, said = await run("findscu", "-W", "-v", "-aet", "ECG1", "-aec", "CHEVET", *words, "127.0.0.1", unit.port)
    assert code == 0, said
    return said


@dcmtk
async def test_the_worklist_is_the_confirmed_patient_and_nobody_else(tmp_path: Path) -> None:
    async with bench(tmp_path) as unit:
        keys = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyInstanceUID")
        assert "Find Response: 1" not in await find(unit, *keys)
        ref = (await unit.room.open(None, None)).id
        await unit.room.identify(ref, TYPED | {"birth_name": "Lefèvre"}, None)
        assert "Find Response: 1" not in await find(unit, *keys)
        await unit.room.confirm(ref, ["birth_name", "birth_date"])
        said = await find(unit, *keys)
        order = unit.room.order
        assert order is not None
        assert "Find Response: 1" in said
        assert "Find Response: 2" not in said
        for value in (order.patient_id, order.accession, order.study[:40], "19770121", "ISO_IR 192"):
            assert value in said
        await unit.room.abandon(ref, "test")
        assert "Find Response: 1" not in await find(unit, *keys)


@dcmtk
@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("PatientName=DURAND*", True),
        ("PatientName=D?rand^*", True),
        ("PatientName=Martin*", False),
        ("PatientBirthDate=19770121", True),
        ("PatientBirthDate=19760101-19771231", True),
        ("PatientBirthDate=19780101-", False),
        ("PatientBirthDate=-19770121", True),
        ("AccessionNumber=0", False),
        ("ScheduledProcedureStepSequence[0].Modality=ECG", True),
        ("ScheduledProcedureStepSequence[0].Modality=US", False),
        ("ScheduledProcedureStepSequence[0].ScheduledStationAETitle=ECG1", True),
        ("ScheduledProcedureStepSequence[0].ScheduledStationAETitle=ECG2", False),
        ("ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20000101-20991231", True),
        ("ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20000101", False),
        ("StudyInstanceUID=2.25.1", False),
    ],
)
async def test_keys_are_matched_as_the_standard_says(tmp_path: Path, key: str, found: bool) -> None:
    async with bench(tmp_path) as unit:
        await unit.active()
        assert ("Find Response: 1" in await find(unit, key)) is found


# --- procedure steps


def step(state: str, accession: str = "") -> Dataset:
    told, scheduled = Dataset(), Dataset()
    told.PerformedProcedureStepStatus = state
    scheduled.AccessionNumber = accession
    told.ScheduledStepAttributesSequence = [scheduled]
    return told


async def test_a_step_that_is_over_is_never_changed(tmp_path: Path) -> None:
    async with bench(tmp_path) as unit:
        await unit.active()
        order = unit.room.order
        assert order is not None
        assoc = await asyncio.to_thread(associate, unit, STEPS)

        async def create(uid: str, state: str) -> int:
            told, _ = await asyncio.to_thread(assoc.send_n_create, step(state, order.accession), STEPS, uid)
            return int(told.Status)

        async def change(uid: str, state: str) -> Dataset:
            changes = Dataset()
            changes.PerformedProcedureStepStatus = state
            told, _ = await asyncio.to_thread(assoc.send_n_set, changes, STEPS, uid)
            return told  # type: ignore[no-any-return]

        assert await create("2.25.1", "COMPLETED") == 0x0106
        assert await create("2.25.1", "IN PROGRESS") == 0x0000
        assert await create("2.25.1", "IN PROGRESS") == 0x0111
        assert (await change("2.25.9", "COMPLETED")).Status == 0x0112
        (message,) = unit.feed.state("procedure")
        check("live", message)
        assert message["state"] == "in-progress"
        assert (await change("2.25.1", "COMPLETED")).Status == 0x0000
        over = await change("2.25.1", "DISCONTINUED")
        assert (over.Status, over.ErrorID) == (0x0110, 0xA710)
        (message,) = unit.feed.state("procedure")
        assert message["state"] == "completed"
        await asyncio.to_thread(assoc.release)
        assert await unit.store.audit_break() is None


# --- storage commitment


def request(*instances: str) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = "2.25.4711"
    items = []
    for instance in instances:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = PDF, instance
        items.append(item)
    asked.ReferencedSOPSequence = items
    return asked


def uids(report: Dataset, keyword: str) -> list[str]:
    return [str(item.ReferencedSOPInstanceUID) for item in report.get(keyword) or ()]


@dcmtk
@pytest.mark.parametrize("hang_up", [False, True])
async def test_only_what_is_durable_is_committed(tmp_path: Path, hang_up: bool) -> None:
    reports: list[Dataset] = []

    def reported(event: Any) -> tuple[int, None]:
        reports.append(event.event_information)
        return 0x0000, None

    here = AE("ECG1")
    here.add_supported_context(COMMITMENT, scu_role=True, scp_role=True)
    listening = here.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reported)])
    assert listening is not None
    try:
        back = f"127.0.0.1:{listening.server_address[1]}"
        async with bench(tmp_path / "unit", reports_to=back) as unit:
            await unit.active()
            assert (await send(unit, saved(made(unit.room.order), tmp_path / "a.dcm")))[0] == 0
            assoc = await asyncio.to_thread(
                associate, unit, COMMITMENT, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reported)]
            )
            if hang_up:
                assoc.bind(evt.EVT_DIMSE_RECV, lambda event: assoc.dul.socket.close())
            asked = request("2.25.77", "2.25.404")
            await asyncio.to_thread(assoc.send_n_action, asked, 1, COMMITMENT, COMMITMENT_INSTANCE)
            report = (await until(lambda: reports, "the report"))[0]
            assert report.TransactionUID == "2.25.4711"
            assert uids(report, "ReferencedSOPSequence") == ["2.25.77"]
            assert uids(report, "FailedSOPSequence") == ["2.25.404"]
            assert report.FailedSOPSequence[0].FailureReason == 0x0112
            if not hang_up:
                await asyncio.to_thread(assoc.release)
    finally:
        listening.shutdown()
