"""The modality worklist: one entry as a data set, and whether a query asks for it (PS3.4, K and C.2.2.2). Pure."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from drivers.links.dicom import Scheduled

RANGED = {"DA", "TM", "DT"}
EXACT = {"UI", "IS", "DS", "US", "SS", "UL", "SL", "FD", "FL", "AT"} | RANGED
CHARACTER_SET = 0x00080005


def entry(item: Scheduled, title: str) -> Dataset:
    """Everything that may be asked for; `title` is the AE title of the station that asks."""
    step = Dataset()
    step.Modality = item.modality
    step.ScheduledStationAETitle = title
    step.ScheduledProcedureStepStartDate = f"{item.start:%Y%m%d}"
    step.ScheduledProcedureStepStartTime = f"{item.start:%H%M%S}"
    step.ScheduledPerformingPhysicianName = ""
    step.ScheduledProcedureStepDescription = item.description
    step.ScheduledProcedureStepID = item.step
    step.ScheduledProcedureStepStatus = "SCHEDULED"
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.AccessionNumber = item.accession
    found.PatientName = f"{item.family}^{item.given}"
    found.PatientID = item.patient_id
    found.PatientBirthDate = f"{item.birth_date:%Y%m%d}"
    found.PatientSex = item.sex
    found.StudyInstanceUID = item.study
    found.RequestedProcedureID = item.step
    found.RequestedProcedureDescription = item.description
    found.ScheduledProcedureStepSequence = Sequence([step])
    return found


def asks_for(query: Any, found: Dataset) -> bool:
    """Whether every key of a query fits. An empty key fits everything, one that is not kept here too."""
    return all(_fits(key, found.get(key.tag)) for key in query if key.tag != CHARACTER_SET)


def answer(query: Any, found: Dataset) -> Dataset:
    """The keys that were asked for, with their values; empty where there is none (type 2)."""
    made = Dataset()
    for key in query:
        known = found.get(key.tag)
        if key.VR == "SQ":
            items = [] if known is None else [answer(_first(key), item) for item in known.value]
            made.add(DataElement(key.tag, "SQ", Sequence(items)))
        elif known is not None:
            made.add(known)
        elif key.tag != CHARACTER_SET:
            made.add(DataElement(key.tag, key.VR, None))
    made.SpecificCharacterSet = "ISO_IR 192"
    return made


def _first(key: Any) -> Dataset:
    """The keys of a sequence; the entry's own where it was asked for as a whole."""
    return key.value[0] if key.value else _everything()


def _everything() -> Dataset:
    """What is told of a step where nothing in particular was asked."""
    asked = Dataset()
    for name in ("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"):
        setattr(asked, name, None)
    for name in ("ScheduledProcedureStepStartTime", "ScheduledProcedureStepDescription", "ScheduledProcedureStepID"):
        setattr(asked, name, None)
    return asked


def _fits(key: Any, known: Any) -> bool:
    if key.VR == "SQ":
        items = list(known.value) if known is not None else []
        return not key.value or not list(key.value[0]) or any(asks_for(key.value[0], item) for item in items)
    wanted = [str(one) for one in key.value] if isinstance(key.value, MultiValue) else [str(key.value or "")]
    if known is None or wanted in ([""], ["*"]):
        return True
    return any(_matches(one, str(known.value or ""), key.VR) for one in wanted)


def _matches(wanted: str, value: str, vr: str) -> bool:
    if vr in RANGED and "-" in wanted:
        first, _, last = wanted.partition("-")
        return bool(value) and first <= value and (not last or value[: len(last)] <= last)
    if vr in EXACT or not set("*?") & set(wanted):
        return _plain(wanted, vr) == _plain(value, vr)
    pattern = translate(re.sub(r"[\[\]]", "?", _plain(wanted, vr)))
    return re.match(pattern, _plain(value, vr)) is not None


def _plain(text: str, vr: str) -> str:
    """Names are compared whatever their case and without the empty components at their end (PS3.5, 6.2.1)."""
    return text.rstrip("^= ").casefold() if vr == "PN" else text.strip()
