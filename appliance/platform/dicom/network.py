"""An archive that is reached by C-STORE: what it keeps is what it has committed itself to keep (PS3.4, J)."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pydicom.dataset import Dataset

from appliance.platform.answer import Later, Outcome, Persisted, Refused
from appliance.platform.dicom.archive import DUPLICATE, WARNINGS, facts, of_failure, plain
from appliance.platform.dicom.errors import NotDicom
from drivers.links.dicom_send import Reply

SUCCESS = 0x0000


class Carrier(Protocol):
    """What is needed of `drivers.links.dicom_send.Scu`."""

    def give(self, found: Dataset, syntax: str) -> Reply: ...

    def close(self) -> None: ...


class Network:
    """An `Archive`; see there."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def store(self, file: bytes) -> Outcome:
        """See `Archive.store`."""
        try:
            one = await asyncio.to_thread(facts, file)
        except NotDicom as error:
            return Refused(str(error))
        reply = await asyncio.to_thread(self._carrier.give, one.found, one.transfer_syntax)
        return judged(reply, one.instance)

    async def close(self) -> None:
        """See `Archive.close`."""
        await asyncio.to_thread(self._carrier.close)


def judged(reply: Reply, instance: str) -> Outcome:
    """What a reply is worth. Stored alone confirms nothing: only the commitment does."""
    if reply.committed:
        return Persisted(f"urn:oid:{instance}")
    if reply.failure is not None:
        return of_failure(reply.failure)
    if reply.status is None or reply.status in {SUCCESS, DUPLICATE} or reply.status in WARNINGS:
        return Later(plain(f"the archive: {reply.trouble}"))
    return of_failure(reply.status, reply.comment)
