"""The records, as one SQLite connection sees them: every method is one transaction, on the disk when it returns.

Not thread-safe: `appliance.records.store.Store` owns the one thread that may use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from appliance import clock
from appliance.records import audit, instances
from appliance.records.blobs import Blobs
from appliance.records.errors import Damaged, StoreError, Unknown
from appliance.records.keys import DataKey, Keyring
from appliance.records.model import (
    ConsultationRecord,
    Delivery,
    Instance,
    KeptResult,
    OutboxRow,
    Quarantined,
    Receipt,
    Result,
)
from appliance.records.opening import disk_errors, prepare
from appliance.records.spool import Spool

ENDED = ("closed", "abandoned")
UNIT = "unit"  # the actor of what nobody asked for

T = TypeVar("T")


class Ledger:
    """The open database, its keys and its blobs."""

    def __init__(self, db: sqlite3.Connection, keyring: Keyring, blobs: Blobs) -> None:
        self._db = db
        self._keyring = keyring
        self._blobs = blobs
        self._keys: dict[str, DataKey] = {}

    @classmethod
    def open(cls, path: Path, keyring: Keyring, blobs: Blobs) -> Ledger:
        """Open or make the database; `Damaged` when it cannot be trusted, `StoreError` when it is not ours to write."""
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            prepare(db, path)
        except sqlite3.OperationalError as error:
            db.close()
            raise StoreError(f"{path} cannot be opened: {error}") from error
        except sqlite3.DatabaseError as error:
            db.close()
            raise Damaged(f"{path} is damaged: {error}") from error
        except BaseException:
            db.close()
            raise
        return cls(db, keyring, blobs)

    def close(self) -> None:
        """Fold the write-ahead log into the database and let go."""
        self._db.close()

    def pragma(self, words: str) -> object:
        """What SQLite says to a pragma: for inspection and tests."""
        row = self._db.execute(f"PRAGMA {words}").fetchone()
        return None if row is None else row[0]

    # --- the consultation

    def open_consultation(self, record: ConsultationRecord) -> None:
        """A new consultation with a key of its own. The platform hears of it once the patient has consented."""
        key, wrapped = self._keyring.make(record.id)
        body = key.seal(msgspec.json.encode(record), f"consultation:{record.id}")
        with self._transaction():
            self._db.execute(
                "INSERT INTO consultation(id, state, opened, key, body) VALUES (?, ?, ?, ?, ?)",
                (record.id, record.state, record.opened.isoformat(), wrapped, body),
            )
            self._audit("open", record.id)
        self._keys[record.id] = key

    def save_consultation(self, record: ConsultationRecord, action: str) -> None:
        """The consultation as it is now; `action` is what was done, for the audit log."""
        body = self._seal(record.id, f"consultation:{record.id}", record)
        closed = None if record.closed is None else record.closed.isoformat()
        with self._transaction():
            self._db.execute(
                "UPDATE consultation SET state = ?, closed = ?, body = ? WHERE id = ?",
                (record.state, closed, body, record.id),
            )
            if record.consent is not None and record.consent.given:
                self._queue(record.id, "consultation", record.id)
            self._audit(action, record.id)

    def consultation(self, consultation: str) -> ConsultationRecord:
        """One consultation; `Unknown` where there is none."""
        row = self._one("SELECT body FROM consultation WHERE id = ?", consultation)
        return self._unseal(consultation, f"consultation:{consultation}", row[0], ConsultationRecord)

    def unfinished(self) -> ConsultationRecord | None:
        """The consultation that a restart found open; the newest, should there be several."""
        row = self._db.execute(
            "SELECT id FROM consultation WHERE state NOT IN (?, ?) ORDER BY opened DESC LIMIT 1", ENDED
        ).fetchone()
        return None if row is None else self.consultation(row[0])

    def add_lease(self, lease: str, consultation: str, device: str, from_ns: int, until_ns: int) -> None:
        """A device is bound to a consultation from one CLOCK_BOOTTIME instant to another."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO lease(id, consultation, device, boot_id, from_ns, until_ns) VALUES (?, ?, ?, ?, ?, ?)",
                (lease, consultation, device, clock.boot_id(), from_ns, until_ns),
            )
            self._audit("lease", consultation, device)

    def end_lease(self, lease: str) -> None:
        """The lease ends before its time."""
        with self._transaction():
            self._db.execute("UPDATE lease SET ended = ? WHERE id = ?", (clock.wall().isoformat(), lease))
            self._audit("lease-end", lease)

    def leases(self, consultation: str, at_ns: int) -> list[tuple[str, str, int, int]]:
        """Leases (id, device, from, until) of this start of the machine that still hold: what a crash must not end."""
        return self._db.execute(
            "SELECT id, device, from_ns, until_ns FROM lease "
            "WHERE consultation = ? AND boot_id = ? AND ended IS NULL AND until_ns > ? ORDER BY rowid",
            (consultation, clock.boot_id(), at_ns),
        ).fetchall()

    # --- results

    def spool(self, cap: int) -> Spool:
        """Where an object of at most `cap` bytes can arrive, to be given to `keep` or `quarantine`."""
        return self._blobs.spool(cap)

    def keep(self, result: Result, fingerprint: bytes | None, data: bytes | Spool | None = None) -> bool:
        """Result, outbox row and audit line in one transaction; False if this very reading was kept before.

        `fingerprint` is what makes the reading the same reading again (None: it can never come twice). `data` are
        the bytes of its object, written and synced before the row that names them.
        """
        mark = None if fingerprint is None else self._keyring.fingerprint(fingerprint)
        if data is not None:
            self._keep_bytes(result.consultation, data, self._key(result.consultation))
        body = self._seal(result.consultation, f"result:{result.id}", result)
        try:
            with self._transaction():
                self._refuse_second(mark)
                self._db.execute(
                    "INSERT INTO result(id, consultation, kind, at, fingerprint, body) VALUES (?, ?, ?, ?, ?, ?)",
                    (result.id, result.consultation, result.kind, result.at.isoformat(), mark, body),
                )
                instances.insert(self._db, self._keyring, result.obj, result.id)
                self._queue(result.consultation, "result", result.id)
                self._audit("keep", result.id, result.kind)
        except _Duplicate:
            return False
        return True

    def strike(self, result: str, reason: str) -> None:
        """Mark a result as entered in error. It stays; the reason is added and the platform is told."""
        consultation = self._consultation_of(result)
        with self._transaction():
            self._db.execute(
                "INSERT INTO addition(result, kind, at, body) VALUES (?, 'strike', ?, ?)",
                (result, clock.wall().isoformat(), self._seal(consultation, f"strike:{result}", reason)),
            )
            self._queue(consultation, "strike", result)
            self._audit("strike", result)

    def result(self, result: str) -> KeptResult:
        """One result with what was added to it; `Unknown` where there is none."""
        consultation = self._consultation_of(result)
        row = self._one("SELECT body FROM result WHERE id = ?", result)
        plain = self._unseal(consultation, f"result:{result}", row[0], Result)
        return KeptResult(plain, self._delivery(consultation, result), self._struck(consultation, result))

    def results(self, consultation: str) -> list[KeptResult]:
        """All results of a consultation, in the order in which they were kept."""
        rows = self._db.execute("SELECT id FROM result WHERE consultation = ? ORDER BY rowid", (consultation,))
        return [self.result(row[0]) for row in rows.fetchall()]

    def blob(self, consultation: str, sha256: str) -> bytes:
        """The bytes of an object."""
        return self._blobs.get(consultation, sha256, self._key(consultation))

    # --- quarantine

    def quarantine(self, reading: Quarantined, fingerprint: bytes | None, spool: Spool | None = None) -> bool:
        """Keep what may not be charted, under a key of its own; False if it is kept already, here or as a result."""
        mark = None if fingerprint is None else self._keyring.fingerprint(fingerprint)
        key, wrapped = self._keyring.make(reading.id)
        if spool is not None:
            self._keep_bytes(reading.id, spool, key)
        body = key.seal(msgspec.json.encode(reading), f"quarantine:{reading.id}")
        try:
            with self._transaction():
                self._refuse_second(mark)
                self._db.execute(
                    "INSERT INTO quarantine(id, reason, device, at, fingerprint, key, body) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (reading.id, reading.reason, reading.device.key, reading.at.isoformat(), mark, wrapped, body),
                )
                instances.insert(self._db, self._keyring, reading.obj, reading.id)
                self._audit("quarantine", reading.id, reading.reason)
        except _Duplicate:
            self._blobs.forget(reading.id)
            return False
        return True

    def quarantined(self, limit: int = 200) -> list[Quarantined]:
        """What is in quarantine, newest first."""
        rows = self._db.execute("SELECT id, key, body FROM quarantine ORDER BY rowid DESC LIMIT ?", (limit,)).fetchall()
        return [
            msgspec.json.decode(self._keyring.unwrap(key, name).unseal(body, f"quarantine:{name}"), type=Quarantined)
            for name, key, body in rows
        ]

    def quarantined_blob(self, reading: str, sha256: str) -> bytes:
        """The bytes of an object in quarantine."""
        row = self._db.execute("SELECT key FROM quarantine WHERE id = ?", (reading,)).fetchone()
        if row is None:
            raise Unknown(f"no such row: {reading}")
        return self._blobs.get(reading, sha256, self._keyring.unwrap(row[0], reading))

    # --- DICOM

    def held(self, asked: Sequence[Instance]) -> dict[str, str]:
        """See `instances.held`."""
        return instances.held(self._db, self._keyring, asked)

    def step(self, uid: str) -> str | None:
        """See `instances.step`."""
        return instances.step(self._db, self._keyring, uid)

    def save_step(self, uid: str, state: str, consultation: str | None) -> None:
        """A device tells how far its procedure step is, for this consultation or for none that is open."""
        with self._transaction():
            name = instances.save_step(self._db, self._keyring, uid, state)
            self._audit(f"step-{state}", name, consultation or "")

    # --- the outbox

    def waiting(self, limit: int, skip: frozenset[str] = frozenset()) -> list[OutboxRow]:
        """The oldest waiting row of each consultation, oldest first, consultations in `skip` left out."""
        rows = self._db.execute(
            "SELECT min(seq), consultation, kind, ref, attempts, queued FROM outbox INDEXED BY outbox_waiting "
            "WHERE state = 'waiting' GROUP BY consultation ORDER BY 1 LIMIT ?",
            (limit + len(skip),),
        )
        return [
            OutboxRow(seq, consultation, kind, ref, attempts, datetime.fromisoformat(queued))
            for seq, consultation, kind, ref, attempts, queued in rows
            if consultation not in skip
        ][:limit]

    def delivered(self, seq: int, receipt: Receipt) -> None:
        """The platform has confirmed a row: receipt and row in one transaction."""
        ref = self._ref(seq)
        with self._transaction():
            self._db.execute("UPDATE outbox SET state = 'done' WHERE seq = ?", (seq,))
            self._receipt(ref, receipt)
            self._audit("persisted", ref)

    def attempted(self, seq: int) -> None:
        """One more try that was not confirmed."""
        with self._transaction():
            self._db.execute("UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?", (seq,))

    def refused(self, seq: int, words: str) -> None:
        """The platform has refused a row for good; its words are kept and shown."""
        row = self._one("SELECT consultation, ref FROM outbox WHERE seq = ?", seq)
        sealed = self._seal(row[0], f"words:{seq}", words)
        with self._transaction():
            self._db.execute("UPDATE outbox SET state = 'refused', words = ? WHERE seq = ?", (sealed, seq))
            self._audit("refused", row[1])

    def opened(self, ref: str, receipt: Receipt) -> None:
        """The doctor has opened a result; saying so twice changes nothing."""
        with self._transaction():
            self._receipt(ref, receipt)
            self._audit("opened", ref, receipt.by or "")

    def outbox(self) -> tuple[int, int, datetime | None]:
        """How many rows wait, how many were refused, since when the oldest waits."""
        waiting, oldest = self._db.execute(
            "SELECT count(*), min(queued) FROM outbox WHERE state = 'waiting'"
        ).fetchone()
        refused = self._db.execute("SELECT count(*) FROM outbox WHERE state = 'refused'").fetchone()[0]
        return waiting, refused, None if oldest is None else datetime.fromisoformat(oldest)

    def note(self, action: str, subject: str, detail: str) -> None:
        """A line of the audit log for what is no record: a device that was added or taken out."""
        with self._transaction():
            self._audit(action, subject, detail)

    def audit_break(self) -> int | None:
        """The first line of the audit log that was tampered with, if any."""
        return audit.verify(self._db)

    # --- how it is done

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with disk_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _keep_bytes(self, owner: str, data: bytes | Spool, key: DataKey) -> None:
        with disk_errors():
            if isinstance(data, Spool):
                self._blobs.take(owner, data, key)
            else:
                self._blobs.put(owner, data, key)

    def _queue(self, consultation: str, kind: str, ref: str) -> None:
        self._db.execute(
            "INSERT INTO outbox(consultation, kind, ref, state, attempts, queued) VALUES (?, ?, ?, 'waiting', 0, ?)",
            (consultation, kind, ref, clock.wall().isoformat()),
        )

    def _receipt(self, ref: str, receipt: Receipt) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO receipt(ref, state, at, location, by) VALUES (?, ?, ?, ?, ?)",
            (ref, receipt.state, receipt.at.isoformat(), receipt.location, receipt.by),
        )

    def _audit(self, action: str, subject: str, detail: str = "") -> None:
        audit.append(self._db, clock.wall(), actor=UNIT, action=action, subject=subject, detail=detail)

    def _refuse_second(self, mark: str | None) -> None:
        seen = "SELECT 1 FROM result WHERE fingerprint = ? UNION ALL SELECT 1 FROM quarantine WHERE fingerprint = ?"
        if mark is not None and self._db.execute(seen, (mark, mark)).fetchone():
            raise _Duplicate

    def _delivery(self, consultation: str, ref: str) -> Delivery:
        refusal = self._db.execute(
            "SELECT seq, words FROM outbox WHERE ref = ? AND state = 'refused' ORDER BY seq DESC LIMIT 1", (ref,)
        ).fetchone()
        if refusal is not None:
            return Delivery("refused", self._unseal(consultation, f"words:{refusal[0]}", refusal[1], str))
        states = {row[0] for row in self._db.execute("SELECT state FROM receipt WHERE ref = ?", (ref,))}
        return Delivery(next((state for state in ("opened", "persisted") if state in states), "stored"))

    def _struck(self, consultation: str, result: str) -> str | None:
        row = self._db.execute(
            "SELECT body FROM addition WHERE result = ? AND kind = 'strike' ORDER BY id LIMIT 1", (result,)
        ).fetchone()
        return None if row is None else self._unseal(consultation, f"strike:{result}", row[0], str)

    def _consultation_of(self, result: str) -> str:
        return str(self._one("SELECT consultation FROM result WHERE id = ?", result)[0])

    def _ref(self, seq: int) -> str:
        return str(self._one("SELECT ref FROM outbox WHERE seq = ?", seq)[0])

    def _one(self, query: str, key: str | int) -> tuple[str, ...]:
        row = self._db.execute(query, (key,)).fetchone()
        if row is None:
            raise Unknown(f"no such row: {key}")
        return tuple(row)

    def _key(self, consultation: str) -> DataKey:
        if consultation not in self._keys:
            row = self._db.execute("SELECT key FROM consultation WHERE id = ?", (consultation,)).fetchone()
            if row is None or row[0] is None:
                raise Unknown(f"consultation {consultation} has no key")
            self._keys[consultation] = self._keyring.unwrap(row[0], consultation)
        return self._keys[consultation]

    def _seal(self, consultation: str, name: str, body: object) -> bytes:
        return self._key(consultation).seal(msgspec.json.encode(body), name)

    def _unseal(self, consultation: str, name: str, sealed: str | bytes, kind: type[T]) -> T:
        assert isinstance(sealed, bytes)
        return msgspec.json.decode(self._key(consultation).unseal(sealed, name), type=kind)


class _Duplicate(Exception):  # noqa: N818 - a way out of a transaction, never seen outside
    pass
