"""What a DICOM application entity needs of the unit that stands behind it. The entity itself is in `dicom_entity`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from drivers.core.errors import ChevetError
from drivers.links.calls import Network


class NoRoom(ChevetError):  # noqa: N818 - a state of the disk; the device keeps its object and sends it again
    """The object could not be kept: 0xA700 is answered."""


class Unusable(ChevetError):  # noqa: N818 - a judgement about an object
    """The object is not what it says, or cannot be read at all: 0xA900 is answered, with these words."""


class StepRefused(ChevetError):  # noqa: N818 - an answer to a device
    """A procedure step may not be made or changed so. `why`: `exists`, `unknown`, `over` or `state`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"procedure step: {why}")
        self.why = why


class Spool(Protocol):
    """Where the bytes of one object (PS3.10 file, as received) go while they arrive. `write` never raises."""

    def write(self, data: bytes) -> int: ...

    def discard(self) -> None:
        """Throw away what nobody has kept; harmless when it was kept."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A device that may call: its AE title, where from, and where it wants reports when it has hung up."""

    key: str
    title: str
    networks: tuple[Network, ...]
    reports_to: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One object, wholly received and not yet kept."""

    sop_class: str
    instance: str
    transfer_syntax: str
    spool: Spool


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The one entry of the worklist: who is to be examined, and under which identifiers the objects must come."""

    patient_id: str
    family: str
    given: str
    birth_date: date
    sex: str  # F, M or O
    accession: str
    study: str
    step: str
    modality: str
    start: datetime  # local
    description: str


class Desk(Protocol):
    """The unit. `spool` is called from any thread, the rest is awaited in its event loop; `key` is the caller's."""

    def spool(self) -> Spool: ...

    async def arrived(self, key: str, sent: Sent) -> None:
        """Keep an object: durable on return. Raises `NoRoom` or `Unusable`."""
        ...

    async def held(self, asked: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Of (SOP class, SOP instance) those that are durable here: instance -> its class."""
        ...

    async def scheduled(self, key: str) -> Scheduled | None:
        """Whom the device shall examine now; None: nobody."""
        ...

    async def step(self, key: str, uid: str, state: str, *, new: bool, accession: str) -> None:
        """A procedure step is made or changed. Raises `StepRefused` or `NoRoom`."""
        ...
