"""DICOM objects that are kept and passed on as they are: pictures, clips, documents, sounds. The device is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from drivers.core import dicom
from drivers.core.driver import Driver, Listener
from drivers.core.errors import PacketError
from drivers.core.model import Event, Packet

CONTENT = ("PixelData", "EncapsulatedDocument", "WaveformSequence")
ROOT = "1.2.840.10008.5.1.4.1.1."
CLASSES = (
    "6.1",  # ultrasound
    "3.1",  # ultrasound, multi-frame
    "7",  # secondary capture, and multi-frame: 1 bit, grey 8 and 16 bit, colour
    "7.1",
    "7.2",
    "7.3",
    "7.4",
    "77.1.1",  # visible light: endoscopic, microscopic, slide, photographic; then ophthalmic and dermoscopic
    "77.1.2",
    "77.1.3",
    "77.1.4",
    "77.1.5.1",
    "77.1.5.2",
    "77.1.7",
    "77.1.1.1",  # video: endoscopic, microscopic, photographic
    "77.1.2.1",
    "77.1.4.1",
    "104.1",  # encapsulated PDF
    "9.4.1",  # voice, general audio
    "9.4.2",
)


def decode(packet: Packet) -> Iterator[Event]:
    """One object."""
    return dicom.events(packet, _events)


def _events(found: Any) -> Iterable[Event]:
    if not any(keyword in found for keyword in CONTENT):
        raise PacketError(f"this DICOM object has none of {', '.join(CONTENT)}")
    return [dicom.identity(found)]


DRIVER = Driver(
    name="dicom-object",
    kind="imaging",
    claim=Listener("dicom", tuple(ROOT + uid for uid in CLASSES)),
    decoder=lambda: decode,
    quiet_s=None,
    evidence="PS3.3 and PS3.10; objects of DCMTK, Orthanc and pydicom",
)
