"""A still as a DICOM object: VL Photographic or VL Endoscopic Image (PS3.3, A.32.4 and A.32.1). Pure.

The camera's own JPEG goes in as it is (PS3.5, A.4.1). The same still makes the same bytes: UIDs are derived from the
identifiers that are kept with it (PS3.5, B.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from uuid import UUID, uuid5

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit

from appliance.care.imaging import order
from appliance.platform.dicom.errors import NotDicom
from appliance.platform.fhir.parts import Sender
from appliance.records.model import ConsultationRecord, Object, Result, Traits

PHOTOGRAPH, ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.77.1.1"
MODALITIES = {PHOTOGRAPH: "XC", ENDOSCOPY: "ES"}
IMPLEMENTATION = "2.25.40718567845830750574797716841512094754"
SIDES = {"left": "L", "right": "R"}
STANDALONE = frozenset({0x01, *range(0xD0, 0xDA)})  # JPEG markers without a length (ISO/IEC 10918-1, B.1.1.3)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """What the frame header of a baseline JPEG says."""

    width: int
    height: int
    components: int


def still(result: Result, record: ConsultationRecord, sender: Sender, data: bytes, *, endoscopic: bool) -> bytes:
    """The PS3.10 file of a still whose bytes are `data`. `NotDicom` where it has no patient, or is no such JPEG."""
    if result.obj is None or result.kind != "still":
        raise NotDicom(f"a {result.kind} is no still")
    seen = jpeg(data)
    found = _object(ENDOSCOPY if endoscopic else PHOTOGRAPH, result.id)
    _patient(found, record)
    _study(found, result, record, sender)
    _equipment(found, result)
    _image(found, result.obj, seen, data)
    out = BytesIO()
    found.save_as(out, enforce_file_format=True)
    return out.getvalue()


def uid_of(identifier: str, what: str) -> str:
    """A UID that stays the same for the same thing (PS3.5, B.2)."""
    return f"2.25.{uuid5(UUID(identifier), what).int}"


def jpeg(data: bytes) -> Jpeg:
    """Its frame header; `NotDicom` for anything but baseline JPEG in grey or three colours, 8 bits."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
        elif marker == 0xC0:
            return _frame_header(data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4])])
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise NotDicom("this still is no baseline JPEG")


def _frame_header(body: bytes) -> Jpeg:
    components = body[5] if len(body) > 5 else 0
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    if components not in {1, 3} or len(body) != 6 + 3 * components or body[0] != 8 or not (height and width):
        raise NotDicom("the frame header of this JPEG is not one of a still")
    if components == 3 and body[7] == body[10]:  # YBR_FULL is none of the values of PS3.3, C.8.12.1.1.1
        raise NotDicom("the colours of this JPEG are not subsampled: a visible light image cannot hold it as it is")
    return Jpeg(width, height, components)


def _object(sop_class: str, result: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), UID(uid_of(result, "dicom"))
    meta.TransferSyntaxUID, meta.ImplementationClassUID = JPEGBaseline8Bit, UID(IMPLEMENTATION)
    found = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    found.SpecificCharacterSet = "ISO_IR 192"
    found.SOPClassUID, found.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    found.Modality = MODALITIES[sop_class]
    return found


def _patient(found: Dataset, record: ConsultationRecord) -> None:
    told = order(replace(record, state="active"))  # the identifiers of its order, also once it is closed
    if told is None:
        raise NotDicom("nobody has confirmed whose this is")
    patient = told.patient
    found.PatientName = f"{patient.birth_name}^{patient.given_names}"
    found.PatientID, found.AccessionNumber, found.StudyInstanceUID = told.patient_id, told.accession, told.study
    found.PatientBirthDate = patient.birth_date.strftime("%Y%m%d")
    found.PatientSex = {"F": "F", "M": "M"}.get(patient.sex, "O")
    if patient.ins_matricule and patient.ins_oid:
        found.OtherPatientIDsSequence = [_ins(patient)]


def _ins(patient: Traits) -> Dataset:
    made, issuer = Dataset(), Dataset()
    made.PatientID, made.TypeOfPatientID = patient.ins_matricule, "TEXT"
    issuer.UniversalEntityID, issuer.UniversalEntityIDType = patient.ins_oid, "ISO"
    made.IssuerOfPatientIDQualifiersSequence = [issuer]
    return made


def _study(found: Dataset, result: Result, record: ConsultationRecord, sender: Sender) -> None:
    begun, taken = record.opened.astimezone(sender.zone), result.at.astimezone(sender.zone)
    found.StudyDate, found.StudyTime = _day(begun), _time(begun)
    found.ContentDate, found.ContentTime = _day(taken), _time(taken)
    found.AcquisitionDateTime = taken.strftime("%Y%m%d%H%M%S.%f%z")
    found.TimezoneOffsetFromUTC = taken.strftime("%z")
    found.ReferringPhysicianName = found.StudyID = ""
    found.SeriesInstanceUID = uid_of(record.id, f"series {found.Modality} {result.device.key}")
    found.SeriesNumber = found.InstanceNumber = None
    found.PatientOrientation = found.Laterality = ""


def _equipment(found: Dataset, result: Result) -> None:
    device = result.device
    found.Manufacturer, found.ManufacturerModelName = device.manufacturer or "", device.model or device.name
    if device.serial:
        found.DeviceSerialNumber = device.serial
    if device.firmware:
        found.SoftwareVersions = device.firmware


def _image(found: Dataset, obj: Object, seen: Jpeg, data: bytes) -> None:
    found.ImageType, found.AcquisitionContextSequence = ["ORIGINAL", "PRIMARY"], []
    if obj.side in SIDES:
        found.ImageLaterality = SIDES[obj.side]
        del found.Laterality
    found.SamplesPerPixel, found.Rows, found.Columns = seen.components, seen.height, seen.width
    found.PhotometricInterpretation = "MONOCHROME2" if seen.components == 1 else "YBR_FULL_422"
    if seen.components == 3:
        found.PlanarConfiguration = 0
    found.BitsAllocated = found.BitsStored = 8
    found.HighBit, found.PixelRepresentation = 7, 0
    found.LossyImageCompression, found.LossyImageCompressionMethod = "01", "ISO_10918_1"
    found.LossyImageCompressionRatio = f"{seen.width * seen.height * seen.components / len(data):.2f}"
    found.PixelData = encapsulate([data])
    found["PixelData"].VR, found["PixelData"].is_undefined_length = "OB", True


def _day(at: datetime) -> str:
    return at.strftime("%Y%m%d")


def _time(at: datetime) -> str:
    return at.strftime("%H%M%S.%f")
