"""What an archive of DICOM objects is to whoever sends, and what its words are worth. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

from pydicom import dcmread
from pydicom.dataset import FileDataset

from appliance.platform.answer import MAX_WORDS, Later, Outcome, Refused
from appliance.platform.dicom.errors import NotDicom

# Status of a C-STORE response (PS3.4, B.2.3; PS3.7, annex C), or FailureReason of a commitment or STOW-RS response.
# What another try may heal; all other failures are for good.
HEALING = {
    0x0110: "processing failure",
    0x0112: "it does not hold the object",
    0x0131: "duplicate transaction",
    0x0213: "resource limitation",
    **dict.fromkeys(range(42752, 43008), "out of resources"),
}
LASTING = {
    0x0106: "invalid attribute value",
    0x0115: "invalid argument value",
    0x0117: "invalid object instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance do not fit",
    0x0120: "missing attribute",
    0x0121: "missing attribute value",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0xA770: "SOP class not supported",
    **dict.fromkeys(range(43264, 43520), "the object does not match its SOP class"),
    **dict.fromkeys(range(49152, 53248), "it cannot understand the object"),
}
DUPLICATE = 0x0111  # it holds an object of this UID already: its commitment says whether that is ours
WARNINGS = frozenset({0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)})  # stored, with something to say


class Archive(Protocol):
    """Where DICOM objects are kept."""

    async def store(self, file: bytes) -> Outcome:
        """Give it one object, a PS3.10 file.

        `Persisted`: the archive has said of this very SOP Instance UID that it keeps it (storage commitment, or the
        response of STOW-RS). `Later`: it has not said so yet, or cannot be reached: ask again with the same bytes,
        which costs little where only the commitment is missing. `Refused`: it never will; in its words. Never raises.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and ports."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """Which object it is, as it is announced."""

    sop_class: str
    instance: str
    transfer_syntax: str
    found: FileDataset


def facts(file: bytes) -> Facts:
    """Read a PS3.10 file; `NotDicom` where it is none, or does not say which object it is."""
    try:
        found = dcmread(BytesIO(file))
        meta = found.file_meta
        read = Facts(str(found.SOPClassUID), str(found.SOPInstanceUID), str(meta.TransferSyntaxUID), found)
        announced = (str(meta.MediaStorageSOPClassUID), str(meta.MediaStorageSOPInstanceUID))
    except Exception as error:  # noqa: BLE001 - pydicom has no error of its own for bad bytes
        raise NotDicom(f"this is no DICOM file that can be sent: {type(error).__name__}") from None
    if announced != (read.sop_class, read.instance):
        raise NotDicom("the header of this DICOM file is another object's")
    return read


def of_failure(code: int, comment: str = "") -> Later | Refused:
    """The outcome of a failure, in words. A code that the standard does not know may pass: it is tried again."""
    said = HEALING.get(code) if code not in LASTING else LASTING[code]
    words = f"the archive says {code:04X}" + (f", {said}" if said else "") + (f": {plain(comment)}" if comment else "")
    return Refused(words) if code in LASTING else Later(words)


def plain(words: str) -> str:
    """What an archive says, on one line, cut."""
    line = " ".join(words.split())
    return "".join(one for one in line if one.isprintable())[:MAX_WORDS]
