"""What cannot be said in DICOM."""

from __future__ import annotations

from drivers.core.errors import ChevetError


class NotDicom(ChevetError):  # noqa: N818 - it names what is wrong
    """A result that cannot be made into a DICOM object, or may not be passed on; the message is for the operator."""
