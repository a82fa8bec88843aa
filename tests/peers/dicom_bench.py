"""A unit that DICOM devices call, and what they call it with: for the tests against real programs."""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE

from appliance.care.room import Room
from appliance.config import Care, Device, Dicom
from appliance.feed import Feed
from appliance.instruments.dicom import Ports
from appliance.records.store import Store
from drivers.registry import DRIVERS
from tests.making import make_active

PDF = "1.2.840.10008.5.1.4.1.1.104.1"

dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="no DCMTK: apt-get install dcmtk")


@dataclass
class Bench:
    """A unit with one device, which may call from loopback as ECG1."""

    room: Room
    store: Store
    feed: Feed
    ports: Ports
    device: Device
    folder: Path

    @property
    def port(self) -> int:
        return self.ports.port(self.device)

    async def active(self, *, lease: bool = True) -> str:
        """An active consultation, the device bound."""
        ref = (await self.room.open(None, None)).id
        await make_active(self.room, ref)
        if lease:
            await self.room.lease(ref, [self.device.key])
        return ref

    def left(self) -> list[Path]:
        """Files that nobody has kept."""
        return list((self.folder / "blobs" / "spool").glob("*"))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def bench(folder: Path, settings: Dicom | None = None, **more: Any) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        store, feed = Store.open(folder), Feed()
        stack.push_async_callback(store.close)
        room = Room(store, feed, Care())
        await room.start()
        facts = {"key": "ecg", "name": "ECG", "kind": "electrocardiograph", "driver": "dicom-ecg"}
        link = f"dicom:127.0.0.1:{free_port()}"
        device = Device.model_validate({**facts, "link": link, "peers": ("127.0.0.0/8",), "ae": "ECG1", **more})
        ports = Ports(room, DRIVERS, settings or Dicom(), [device])
        await stack.enter_async_context(ports.link(device))
        yield Bench(room, store, feed, ports, device, folder)


async def run(*words: object) -> tuple[int, str]:
    """A program's exit status, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode(errors="replace")


async def until(done: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = done()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within 20 s: {what}")


def made(order: Any = None, instance: str = "2.25.77", pages: int = 1, **traits: Any) -> FileDataset:
    """An encapsulated PDF of the order's patient, or with what is said."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(PDF), UID(instance)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    found.SOPClassUID, found.SOPInstanceUID, found.Modality = PDF, instance, "DOC"
    found.Manufacturer, found.PatientName, found.PatientBirthDate = "MADE", "Durand^Anne Lise", "19770121"
    found.PatientID = "" if order is None else order.patient_id
    for name, value in traits.items():
        setattr(found, name, value)
    found.EncapsulatedDocument = b"%PDF-1.4" * 1000 * pages
    found["EncapsulatedDocument"].VR = "OB"
    return found


def saved(found: Dataset, path: Path) -> Path:
    found.save_as(path, enforce_file_format=True)
    return path


def dataset_bytes(part10: bytes) -> bytes:
    """The data set of a PS3.10 file: what follows its file meta information."""
    (length,) = struct.unpack_from("<I", part10, 140)
    return part10[144 + length :]


async def send(bench: Bench, *paths: Path, title: str = "ECG1", called: str = "CHEVET") -> tuple[int, str]:
    return await run("storescu", "-v", "-R", "-aet", title, "-aec", called, "127.0.0.1", bench.port, *paths)


def associate(bench: Bench, *contexts: str, title: str = "ECG1", **more: Any) -> Any:
    ae = AE(title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 15
    for uid in contexts:
        ae.add_requested_context(uid)
    return ae.associate("127.0.0.1", bench.port, ae_title="CHEVET", **more)
