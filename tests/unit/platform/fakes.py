"""Records and a platform in memory, for the forwarder: they do what they are told and keep what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from appliance.platform.answer import Outcome, Persisted
from appliance.platform.fhir.text import Resource
from appliance.platform.forwarder import OutboxState
from appliance.records.errors import StoreError, Unknown
from appliance.records.model import ConsultationRecord, Delivery, KeptDossier, KeptResult, OutboxRow, Receipt, Result
from tests.unit.platform.making import CONFIRMED, NOON

DEADLINE_S = 5.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; fail after a while."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.002)


@dataclass
class MemoryRecords:
    """What `Store` does, without a disk. `broken`: every call fails, as on a bad disk."""

    rows: list[OutboxRow] = field(default_factory=list)
    state: dict[int, str] = field(default_factory=dict)
    results: dict[str, KeptResult] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    consultations: dict[str, ConsultationRecord] = field(default_factory=dict)
    broken: bool = False

    def add(
        self, kind: str = "consultation", consultation: str = CONFIRMED.id, result: Result | None = None
    ) -> OutboxRow:
        """One more row."""
        ref = consultation if result is None else result.id
        row = OutboxRow(len(self.rows) + 1, consultation, kind, ref, 0, NOON)
        self.rows.append(row)
        self.state[row.seq] = "waiting"
        self.consultations.setdefault(consultation, replace(CONFIRMED, id=consultation))
        if result is not None:
            self.results[ref] = KeptResult(result, struck="wrong arm" if kind == "strike" else None)
        return row

    def _check(self) -> None:
        if self.broken:
            raise StoreError("the disk is gone")

    async def waiting(self, limit: int, skip: frozenset[str] = frozenset()) -> list[OutboxRow]:
        self._check()
        first: dict[str, OutboxRow] = {}
        for row in self.rows:
            if self.state[row.seq] == "waiting":
                first.setdefault(row.consultation, row)
        return [row for row in first.values() if row.consultation not in skip][:limit]

    async def delivered(self, seq: int, receipt: Receipt) -> None:
        self._check()
        self.state[seq], self.receipts[seq] = "done", receipt

    async def attempted(self, seq: int) -> None:
        self._check()
        self.rows[seq - 1] = replace(self.rows[seq - 1], attempts=self.rows[seq - 1].attempts + 1)

    async def refused(self, seq: int, words: str) -> None:
        self._check()
        self.state[seq], self.words[seq] = "refused", words

    async def consultation(self, consultation: str) -> ConsultationRecord:
        self._check()
        if consultation not in self.consultations:
            raise Unknown(consultation)
        return self.consultations[consultation]

    async def result(self, result: str) -> KeptResult:
        return self.results[result]

    async def dossier(self, dossier: str) -> KeptDossier:
        self._check()
        raise Unknown(f"no dossier {dossier}")

    async def blob(self, consultation: str, sha256: str) -> bytes:
        if sha256 not in self.blobs:
            raise Unknown(sha256)
        if self.blobs[sha256] == b"damaged":
            raise StoreError("damaged")
        return self.blobs[sha256]

    async def outbox(self) -> tuple[int, int, datetime | None]:
        self._check()
        states = list(self.state.values())
        return states.count("waiting"), states.count("refused"), NOON if "waiting" in states else None


Act = Callable[[Resource], Awaitable[Outcome]]


@dataclass
class FakePlatform:
    """Answers as `act` says; keeps what it was sent."""

    act: Act | None = None
    bundles: list[Resource] = field(default_factory=list)
    objects: list[tuple[str, str, bytes]] = field(default_factory=list)
    object_outcome: Outcome = field(default_factory=lambda: Persisted(None))

    async def transact(self, bundle: Resource) -> Outcome:
        self.bundles.append(bundle)
        return Persisted("Observation/1") if self.act is None else await self.act(bundle)

    async def put_object(self, sha256: str, media_type: str, data: bytes) -> Outcome:
        self.objects.append((sha256, media_type, data))
        return self.object_outcome


@dataclass
class Notes:
    """A watcher that keeps what it hears."""

    deliveries: list[tuple[int, Delivery]] = field(default_factory=list)
    states: list[OutboxState] = field(default_factory=list)

    def delivery(self, row: OutboxRow, delivery: Delivery) -> None:
        self.deliveries.append((row.seq, delivery))

    def outbox(self, state: OutboxState) -> None:
        self.states.append(state)
