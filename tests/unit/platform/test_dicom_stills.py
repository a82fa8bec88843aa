"""Stills as DICOM objects, and what an archive's replies are worth."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from appliance.platform.answer import Later, Persisted, Refused
from appliance.platform.dicom.archive import facts
from appliance.platform.dicom.errors import NotDicom
from appliance.platform.dicom.network import judged
from appliance.platform.dicom.stills import Jpeg, jpeg, still
from appliance.records.model import ConsultationRecord
from drivers.links.dicom_send import Reply
from tests.unit.platform.making import CARD, CONFIRMED, JUST_OPENED, SENDER, STILL
from tests.unit.platform.pictures import made_jpeg


def made(data: bytes, record: ConsultationRecord = CONFIRMED, *, endoscopic: bool = False) -> bytes:
    return still(STILL, record, SENDER, data, endoscopic=endoscopic)


def test_the_cameras_own_bytes_go_in() -> None:
    data = made_jpeg()
    found = dcmread(BytesIO(made(data)))
    (inside,) = generate_frames(found.PixelData, number_of_frames=1)
    assert inside[: len(data)] == data
    assert inside[len(data) :] in {b"", b"\0"}
    assert (found.Rows, found.Columns, found.PhotometricInterpretation) == (48, 64, "YBR_FULL_422")
    assert (str(found.PatientName), found.PatientBirthDate, found.PatientSex) == ("DURAND^ANNE LISE", "19770121", "F")
    assert (found.ContentTime, found.TimezoneOffsetFromUTC) == ("140000.250000", "+0200")


def test_the_same_still_is_the_same_object_for_ever() -> None:
    data = made_jpeg()
    assert made(data) == made(data)
    assert str(dcmread(BytesIO(made(data))).SOPInstanceUID) == "2.25.147299711495313083780070787578450917498"


def test_a_closed_consultation_keeps_the_identifiers_of_its_order() -> None:
    data = made_jpeg()
    found = dcmread(BytesIO(made(data, replace(CONFIRMED, state="closed"))))
    assert (found.PatientID, found.AccessionNumber) == ("9D7D9A5E6F4B4B0E", "7D7D9A5E6F4B4B0E")


def test_an_endoscope_is_one() -> None:
    it = facts(made(made_jpeg(), endoscopic=True))
    assert (it.sop_class, it.found.Modality) == ("1.2.840.10008.5.1.4.1.1.77.1.1", "ES")


def test_the_national_identity_goes_with_its_authority() -> None:
    (other,) = dcmread(BytesIO(made(made_jpeg(), replace(CONFIRMED, patient=CARD)))).OtherPatientIDsSequence
    assert other.PatientID == "277010115400329"
    assert other.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID == "1.2.250.1.213.1.4.8"


def test_nobodys_still_goes_nowhere() -> None:
    with pytest.raises(NotDicom, match="nobody has confirmed"):
        made(made_jpeg(), JUST_OPENED)


@pytest.mark.parametrize("cut", [0, 1, 2, 20, 150])
def test_half_a_picture_is_none(cut: int) -> None:
    with pytest.raises(NotDicom):
        jpeg(made_jpeg()[:cut])


@pytest.mark.parametrize("form", ["yuvj420p", "yuvj422p"])
def test_the_frame_header(form: str) -> None:
    assert jpeg(made_jpeg(form=form)) == Jpeg(64, 48, 3)


def test_colours_that_no_visible_light_image_holds_are_not_called_others() -> None:
    with pytest.raises(NotDicom, match="not subsampled"):
        jpeg(made_jpeg(form="yuvj444p"))


def test_only_a_commitment_confirms() -> None:
    assert judged(Reply(0x0000, committed=True), "2.25.7") == Persisted("urn:oid:2.25.7")
    assert judged(Reply(0x0111, committed=True), "2.25.7") == Persisted("urn:oid:2.25.7")
    assert judged(Reply(0x0000, trouble="no commitment yet"), "2.25.7") == Later("the archive: no commitment yet")
    assert judged(Reply(None, trouble="no connection"), "2.25.7") == Later("the archive: no connection")
    assert isinstance(judged(Reply(0xA700), "2.25.7"), Later)
    assert isinstance(judged(Reply(0x0000, failure=0x0112), "2.25.7"), Later)
    assert judged(Reply(0x0124, "who are you"), "2.25.7") == Refused(
        "the archive says 0124, not authorised: who are you"
    )
