"""The records, for the rest of the service: the same as `Ledger`, awaited, on the one thread that may touch the disk.

A disk that stalls for seconds therefore never stalls the event loop, the call or the screens.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from appliance import clock
from appliance.records.blobs import Blobs
from appliance.records.erasure import Erased, Rule
from appliance.records.errors import Damaged, StoreError
from appliance.records.keys import Keyring, sync_directory
from appliance.records.ledger import Ledger
from appliance.records.model import (
    Answer,
    ConsultationRecord,
    Dossier,
    Instance,
    KeptDossier,
    KeptResult,
    OutboxRow,
    Quarantined,
    Receipt,
    Result,
    Traits,
)
from appliance.records.spool import Spool

P = ParamSpec("P")
T = TypeVar("T")

DATABASE = "chevet.db"


class Store:
    """Open with `Store.open`. Every method is one durable transaction and raises what `Ledger` raises."""

    def __init__(self, ledger: Ledger, folder: Path, lock: IO[bytes], set_aside: Path | None) -> None:
        self._ledger, self._folder = ledger, folder
        self._lock = lock
        self._thread = ThreadPoolExecutor(1, "records")
        self.set_aside = set_aside  # where a damaged database went at this start, if one did

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the records in `folder`, for this process alone.

        A damaged database is set aside, never deleted, and a fresh one begun. `StoreError` where the folder is in use,
        belongs to a newer version, or lacks its key.
        """
        lock, path = _lock(folder), folder / DATABASE
        key = folder / "unit.key"
        keyring = Keyring.load(key) if key.exists() or path.exists() else Keyring.create(key)
        blobs = Blobs(folder / "blobs")
        blobs.clear_spool()
        try:
            return cls(Ledger.open(path, keyring, blobs), folder, lock, None)
        except Damaged:
            aside = _set_aside(path)
            return cls(Ledger.open(path, keyring, blobs), folder, lock, aside)

    async def close(self) -> None:
        """Finish what was begun and close the database."""
        await self._run(self._ledger.close)
        self._thread.shutdown()
        self._lock.close()

    async def open_consultation(self, record: ConsultationRecord) -> None:
        """See `Ledger.open_consultation`."""
        await self._run(self._ledger.open_consultation, record)

    async def save_consultation(self, record: ConsultationRecord, action: str, detail: str = "") -> None:
        """See `Ledger.save_consultation`."""
        await self._run(self._ledger.save_consultation, record, action, detail)

    async def consultation(self, consultation: str) -> ConsultationRecord:
        """See `Ledger.consultation`."""
        return await self._run(self._ledger.consultation, consultation)

    async def unfinished(self) -> ConsultationRecord | None:
        """See `Ledger.unfinished`."""
        return await self._run(self._ledger.unfinished)

    async def add_lease(self, lease: str, consultation: str, device: str, from_ns: int, until_ns: int) -> None:
        """See `Ledger.add_lease`."""
        await self._run(self._ledger.add_lease, lease, consultation, device, from_ns, until_ns)

    async def end_lease(self, lease: str) -> None:
        """See `Ledger.end_lease`."""
        await self._run(self._ledger.end_lease, lease)

    async def leases(self, consultation: str, at_ns: int) -> list[tuple[str, str, int, int]]:
        """See `Ledger.leases`."""
        return await self._run(self._ledger.leases, consultation, at_ns)

    async def keep(self, result: Result, fingerprint: bytes | None, data: bytes | Spool | None = None) -> bool:
        """See `Ledger.keep`."""
        return await self._run(self._ledger.keep, result, fingerprint, data)

    async def strike(self, result: str, reason: str) -> None:
        """See `Ledger.strike`."""
        await self._run(self._ledger.strike, result, reason)

    async def result(self, result: str) -> KeptResult:
        """See `Ledger.result`."""
        return await self._run(self._ledger.result, result)

    async def results(self, consultation: str) -> list[KeptResult]:
        """See `Ledger.results`."""
        return await self._run(self._ledger.results, consultation)

    async def blob(self, consultation: str, sha256: str) -> bytes:
        """See `Ledger.blob`."""
        return await self._run(self._ledger.blob, consultation, sha256)

    def spool(self, cap: int) -> Spool:
        """See `Ledger.spool`; its bytes may be written by any one thread."""
        return self._ledger.spool(cap)

    async def quarantine(self, reading: Quarantined, fingerprint: bytes | None, spool: Spool | None = None) -> bool:
        """See `Quarantine.hold`."""
        return await self._run(self._ledger.quarantine.hold, reading, fingerprint, spool)

    async def quarantined_blob(self, reading: str, sha256: str) -> bytes:
        """See `Quarantine.blob`."""
        return await self._run(self._ledger.quarantine.blob, reading, sha256)

    async def quarantine_holds(self, fingerprint: bytes) -> str | None:
        """See `Quarantine.holds`."""
        return await self._run(self._ledger.quarantine.holds, fingerprint)

    async def assign(self, reading: str, result: Result) -> None:
        """See `Quarantine.assign`."""
        await self._run(self._ledger.quarantine.assign, reading, result)

    async def add_dossier(self, dossier: Dossier) -> None:
        """See `Dossiers.add`."""
        await self._run(self._ledger.dossiers.add, dossier)

    async def dossier(self, dossier: str) -> KeptDossier:
        """See `Dossiers.get`."""
        return await self._run(self._ledger.dossiers.get, dossier)

    async def dossiers(self) -> list[KeptDossier]:
        """See `Dossiers.all`."""
        return await self._run(self._ledger.dossiers.all)

    async def answer(self, dossier: str, answer: Answer) -> None:
        """See `Dossiers.answer`."""
        await self._run(self._ledger.dossiers.answer, dossier, answer)

    async def alike(self, consultation: str, traits: Traits) -> tuple[str, ...]:
        """See `Ledger.alike`."""
        return await self._run(self._ledger.alike, consultation, traits)

    async def erase(self, rule: Rule) -> Erased:
        """See `Erasure.step`."""
        return await self._run(self._ledger.erasure.step, rule, clock.now())

    async def space(self) -> tuple[int, int]:
        """Bytes that are free, and that there are, on the file system of the records."""
        usage = await self._run(shutil.disk_usage, self._folder)
        return usage.free, usage.total

    @property
    def fault(self) -> str | None:
        """See `Ledger.fault`."""
        return self._ledger.fault

    async def held(self, asked: Sequence[Instance]) -> dict[str, str]:
        """See `Ledger.held`."""
        return await self._run(self._ledger.held, asked)

    async def step(self, uid: str) -> str | None:
        """See `Ledger.step`."""
        return await self._run(self._ledger.step, uid)

    async def save_step(self, uid: str, state: str, consultation: str | None) -> None:
        """See `Ledger.save_step`."""
        await self._run(self._ledger.save_step, uid, state, consultation)

    async def quarantined(self) -> list[Quarantined]:
        """See `Quarantine.readings`."""
        return await self._run(self._ledger.quarantine.readings)

    async def quarantined_reading(self, reading: str) -> Quarantined:
        """See `Quarantine.reading`."""
        return await self._run(self._ledger.quarantine.reading, reading)

    async def waiting(self, limit: int, skip: frozenset[str] = frozenset()) -> list[OutboxRow]:
        """See `Ledger.waiting`."""
        return await self._run(self._ledger.waiting, limit, skip)

    async def delivered(self, seq: int, receipt: Receipt) -> None:
        """See `Ledger.delivered`."""
        await self._run(self._ledger.delivered, seq, receipt)

    async def attempted(self, seq: int) -> None:
        """See `Ledger.attempted`."""
        await self._run(self._ledger.attempted, seq)

    async def refused(self, seq: int, words: str) -> None:
        """See `Ledger.refused`."""
        await self._run(self._ledger.refused, seq, words)

    async def opened(self, ref: str, receipt: Receipt) -> None:
        """See `Ledger.opened`."""
        await self._run(self._ledger.opened, ref, receipt)

    async def outbox(self) -> tuple[int, int, datetime | None]:
        """See `Ledger.outbox`."""
        return await self._run(self._ledger.outbox)

    async def note(self, action: str, subject: str, detail: str) -> None:
        """See `Ledger.note`."""
        await self._run(self._ledger.note, action, subject, detail)

    async def audit_break(self) -> int | None:
        """See `Ledger.audit_break`."""
        return await self._run(self._ledger.audit_break)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, lambda: _reading(work, *args, **kwargs)))


def _reading(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What cannot be read is a `StoreError`; whatever writes has said so itself."""
    try:
        return work(*args, **kwargs)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"the records cannot be read: {error}") from error


def _lock(folder: Path) -> IO[bytes]:
    """Two services on the same records would each believe to be alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("wb")
    except OSError as error:
        raise StoreError(f"the state directory {folder} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StoreError(f"another chevet is using {folder}: stop it, or give this one a --state of its own") from None
    return lock


def _set_aside(path: Path) -> Path:
    """Move a database that cannot be read, with its log, to a name that tells when; the unit goes on without it."""
    aside = path.with_name(f"{path.name}.damaged-{clock.wall():%Y%m%dT%H%M%S}-{clock.boottime_ns()}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    sync_directory(path.parent)
    return aside
