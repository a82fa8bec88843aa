"""One row of the outbox, made into what the platform takes, and carried there once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from typing import Protocol

from appliance.care.dossier import manifest
from appliance.platform.answer import Later, Outcome, Persisted, Refused
from appliance.platform.fhir import bundles, requests
from appliance.platform.fhir.parts import Sender
from appliance.platform.fhir.text import Resource
from appliance.records.errors import StoreError, Unknown
from appliance.records.model import ConsultationRecord, KeptDossier, KeptResult, Object, OutboxRow

log = logging.getLogger(__name__)


class Facts(Protocol):
    """What is needed of `appliance.records.store.Store`."""

    async def consultation(self, consultation: str) -> ConsultationRecord: ...

    async def result(self, result: str) -> KeptResult: ...

    async def blob(self, consultation: str, sha256: str) -> bytes: ...

    async def dossier(self, dossier: str) -> KeptDossier: ...


class Destination(Protocol):
    """What is needed of `appliance.platform.client.Platform`."""

    async def transact(self, bundle: Resource) -> Outcome: ...

    async def put_object(self, sha256: str, media_type: str, data: bytes) -> Outcome: ...


class Errands:
    """Carries rows. Raises only what the records raise when they cannot be read now."""

    def __init__(self, facts: Facts, platform: Destination, sender: Sender) -> None:
        self._facts, self._platform, self._sender = facts, platform, sender

    async def run(self, row: OutboxRow) -> Outcome:
        """Send the row; what came of it. What the unit itself cannot put into words is refused, in the unit's name."""
        try:
            record = await self._facts.consultation(row.consultation)
            if row.kind == "dossier":
                return await self._dossier(row, record)
            kept = None if row.kind == "consultation" else await self._facts.result(row.ref)
        except Unknown:
            return Refused("the unit no longer holds this")
        carried = None if kept is None or kept.result.obj is None else await self._object(row, kept.result.obj)
        if isinstance(carried, Later | Refused):
            return carried
        try:
            bundle = self._bundle(row, record, kept, carried)
        except (ValueError, KeyError) as error:
            log.warning("row %d (%s) cannot be written as FHIR: %s", row.seq, row.kind, type(error).__name__)
            return Refused(f"the unit could not write this as FHIR ({type(error).__name__})")
        return await self._platform.transact(bundle)

    async def _dossier(self, row: OutboxRow, record: ConsultationRecord) -> Outcome:
        """The request; what it names went before it, in the same order as here."""
        it = (await self._facts.dossier(row.ref)).dossier
        return await self._platform.transact(requests.dossier(it, record, manifest(it), self._sender))

    def _bundle(
        self, row: OutboxRow, record: ConsultationRecord, kept: KeptResult | None, sha1: str | None
    ) -> Resource:
        if kept is None:
            return bundles.consultation(record, self._sender)
        if row.kind == "strike":
            return bundles.strike(kept.result, record, self._sender, kept.struck or "", row.queued, sha1)
        return bundles.result(kept.result, record, self._sender, sha1)

    async def _object(self, row: OutboxRow, obj: Object) -> Later | Refused | str:
        """Send the bytes first; their SHA-1 in base64, or why the result cannot follow."""
        try:
            data = await self._facts.blob(row.consultation, obj.sha256)
        except Unknown:
            return Refused("the bytes of this are no longer on the unit")
        except StoreError:
            return Refused("the bytes of this are damaged on the unit")
        outcome = await self._platform.put_object(obj.sha256, obj.media_type, data)
        return await asyncio.to_thread(sha1_of, data) if isinstance(outcome, Persisted) else outcome


def sha1_of(data: bytes) -> str:
    """Base64."""
    # FHIR R4 fixes SHA-1 for Attachment.hash; integrity rests on the SHA-256 that names the Binary.
    return base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
