"""DICOM objects (PS3.10 files) as data sets. Pure; pydicom is loaded with the first object, not with the drivers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import TYPE_CHECKING, Any

from drivers.core.errors import PacketError
from drivers.core.model import Event, Identity, Packet

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

MAGIC = slice(128, 132)
SYNTAX = bytes.fromhex("02001000") + b"UI"  # Transfer Syntax UID, always in explicit little endian
META_CAP = 1024
BIG_ENDIAN = "1.2.840.10008.1.2.2"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
# Data Set Trailing Padding (FFFC,FFFC), no bytes: it is found again at the end of a data set that is whole.
TRAILER = 0xFFFCFFFC
TRAILERS = {IMPLICIT: bytes.fromhex("fcfffcff00000000"), BIG_ENDIAN: bytes.fromhex("fffcfffc4f42000000000000")}
EXPLICIT_TRAILER = bytes.fromhex("fcfffcff4f42000000000000")


@dataclass(frozen=True, slots=True)
class Header:
    """What an object says of itself; empty or None where it does not. `taken` is the device's clock."""

    sop_class: str
    instance: str
    study: str
    modality: str
    patient_id: str
    family_name: str
    birth_date: date | None
    accession: str
    taken: datetime | None
    identity: Identity


def read(data: bytes) -> Dataset:
    """A whole object; `PacketError` where it is cut off or cannot be read."""
    return _read(data, whole=True)


def events(packet: Packet, decode: Callable[[Any], Iterable[Event]]) -> Iterator[Event]:
    """What `decode` makes of the whole object in a packet. pydicom reads a value when it is looked at, and may fail."""
    found = read(packet.data)
    try:
        return iter(list(decode(found)))
    except PacketError:
        raise
    except Exception as error:  # noqa: BLE001 - see the line above
        raise PacketError(f"a value of this DICOM object cannot be read: {type(error).__name__}") from None


def header(data: bytes) -> Header:
    """The header of an object, out of its first bytes; the rest need not be there."""
    found = _read(data, whole=False)
    return Header(
        sop_class=text(found, "SOPClassUID"),
        instance=text(found, "SOPInstanceUID"),
        study=text(found, "StudyInstanceUID"),
        modality=text(found, "Modality"),
        patient_id=text(found, "PatientID"),
        family_name=_family(found),
        birth_date=_date(text(found, "PatientBirthDate")),
        accession=text(found, "AccessionNumber"),
        taken=taken(found),
        identity=identity(found),
    )


def identity(found: Dataset) -> Identity:
    """The device."""
    return Identity(
        manufacturer=text(found, "Manufacturer") or None,
        model=text(found, "ManufacturerModelName") or None,
        serial=text(found, "DeviceSerialNumber") or None,
        firmware=text(found, "SoftwareVersions") or None,
    )


def taken(found: Dataset) -> datetime | None:
    """When it was acquired, by the device's clock."""
    stamp = text(found, "AcquisitionDateTime")
    for day, time in (
        ("AcquisitionDate", "AcquisitionTime"),
        ("ContentDate", "ContentTime"),
        ("StudyDate", "StudyTime"),
    ):
        stamp = stamp or (text(found, day) + text(found, time) if text(found, time) else "")
    try:
        return datetime.strptime(stamp[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007 - devices keep local time
    except ValueError:
        return None


def text(found: Any, keyword: str) -> str:
    """A value as text, at most 64 characters; the first of several."""
    try:
        value = found.get(keyword)
    except Exception:  # noqa: BLE001 - a value that cannot be read is none
        return ""
    first = value[0] if isinstance(value, list) and value else value
    return "" if first is None or isinstance(first, bytes) else str(first).strip(" \0")[:64]


def code(found: Any, keyword: str) -> tuple[str, str]:
    """(scheme, code) of the first item of a code sequence; empty where there is none."""
    items = found.get(keyword) or [{}]
    return text(items[0], "CodingSchemeDesignator"), text(items[0], "CodeValue")


def number(found: Any, keyword: str) -> Decimal | None:
    """A decimal as the device wrote it; None where it is no number."""
    try:
        value = Decimal(text(found, keyword))
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) < 16 else None


def _read(data: bytes, *, whole: bool) -> FileDataset:
    if data[MAGIC] != b"DICM":
        raise PacketError(f"this is no DICOM file: wanted DICM at 128, got {data[MAGIC].hex(' ') or 'nothing'}")
    from pydicom import config, dcmread  # noqa: PLC0415 - half a second, for who has such a device

    config.settings.reading_validation_mode = config.IGNORE  # its warnings quote what they complain of
    syntax = _syntax(data)
    try:
        trailer = TRAILERS.get(syntax, EXPLICIT_TRAILER) if whole and syntax != DEFLATED else b""
        found = dcmread(BytesIO(data + trailer), stop_before_pixels=not whole)
    except Exception as error:  # noqa: BLE001 - pydicom has no error of its own for bad bytes
        raise PacketError(f"this DICOM object cannot be read: {type(error).__name__}") from None
    if whole and TRAILER not in found:
        raise PacketError(f"this DICOM object is cut off, or deflated: {len(data)} bytes are not all of it")
    return found


def _syntax(data: bytes) -> str:
    at = data.find(SYNTAX, MAGIC.stop, META_CAP) + len(SYNTAX)
    length = int.from_bytes(data[at : at + 2], "little")
    return data[at + 2 : at + 2 + length].decode("ascii", "replace").strip("\0 ")


def _family(found: Dataset) -> str:
    name = found.get("PatientName")
    return str(getattr(name, "family_name", "") or "")[:64]


def _date(value: str) -> date | None:
    try:
        return datetime.strptime(value, "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        return None
