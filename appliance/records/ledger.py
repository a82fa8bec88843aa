"""The records, as one SQLite connection sees them: every method is one transaction, on the disk when it returns.

Not thread-safe: `appliance.records.store.Store` owns the one thread that may use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from appliance import clock
from appliance.records import alike, audit, instances
from appliance.records.blobs import Blobs
from appliance.records.dossiers import Dossiers
from appliance.records.erasure import Erasure
from appliance.records.errors import Broken, Damaged, StoreError
from appliance.records.keys import Keyring
from appliance.records.model import (
    ConsultationRecord,
    Delivery,
    Instance,
    KeptResult,
    OutboxRow,
    Receipt,
    Result,
    Traits,
)
from appliance.records.opening import prepare
from appliance.records.quarantine import Quarantine
from appliance.records.spool import Spool
from appliance.records.vault import Duplicate, Vault

ENDED = ("closed", "abandoned")


class Ledger:
    """The open database, its keys and its blobs."""

    def __init__(self, db: sqlite3.Connection, keyring: Keyring, blobs: Blobs) -> None:
        self._vault = Vault(db, keyring, blobs)
        self.quarantine = Quarantine(self._vault, self._insert)
        self.dossiers = Dossiers(self._vault, self._queue, lambda *row: self._delivery(*row).state)
        self.erasure = Erasure(self._vault, self.quarantine)

    @classmethod
    def open(cls, path: Path, keyring: Keyring, blobs: Blobs) -> Ledger:
        """Open or make the database; `Damaged` when it cannot be trusted, `StoreError` when it is not ours to write."""
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            prepare(db, path)
            ledger = cls(db, keyring, blobs)
            ledger._vault.begin_audit()
        except sqlite3.OperationalError as error:
            db.close()
            raise StoreError(f"{path} cannot be opened: {error}") from error
        except sqlite3.DatabaseError as error:
            db.close()
            raise Damaged(f"{path} is damaged: {error}") from error
        except BaseException:
            db.close()
            raise
        return ledger

    def close(self) -> None:
        """Fold the write-ahead log into the database and let go; a failed disk is not written to any more."""
        if self.fault is None:
            self._vault.db.close()

    @property
    def fault(self) -> str | None:
        """Why nothing is written any more; None as long as the disk works."""
        return self._vault.disk.fault

    def pragma(self, words: str) -> object:
        """What SQLite says to a pragma: for inspection and tests."""
        row = self._vault.db.execute(f"PRAGMA {words}").fetchone()
        return None if row is None else row[0]

    # --- the consultation

    def open_consultation(self, record: ConsultationRecord) -> None:
        """A new consultation with a key of its own. The platform hears of it once the patient has consented."""
        key, wrapped = self._vault.keyring.make(record.id)
        body = key.seal(msgspec.json.encode(record), f"consultation:{record.id}")
        with self._vault.transaction():
            self._vault.db.execute(
                "INSERT INTO consultation(id, state, opened, key, body) VALUES (?, ?, ?, ?, ?)",
                (record.id, record.state, record.opened.isoformat(), wrapped, body),
            )
            self._vault.audit("open", record.id)

    def save_consultation(self, record: ConsultationRecord, action: str, detail: str = "") -> None:
        """The consultation as it is now; `action` and `detail` are what was done, for the audit log."""
        body = self._vault.seal(record.id, f"consultation:{record.id}", record)
        closed = None if record.closed is None else record.closed.isoformat()
        with self._vault.transaction():
            self._vault.db.execute(
                "UPDATE consultation SET state = ?, closed = ?, body = ? WHERE id = ?",
                (record.state, closed, body, record.id),
            )
            if record.consent is not None and record.consent.given:
                self._queue(record.id, "consultation", record.id)
            if record.patient is not None and record.confirmed:
                alike.note(self._vault.db, self._vault.keyring, record.id, record.patient)
            self._vault.audit(action, record.id, detail)

    def alike(self, consultation: str, traits: Traits) -> tuple[str, ...]:
        """See `alike.differing`."""
        return alike.differing(self._vault.db, self._vault.keyring, consultation, traits)

    def consultation(self, consultation: str) -> ConsultationRecord:
        """One consultation; `Unknown` where there is none."""
        row = self._vault.one("SELECT body FROM consultation WHERE id = ?", consultation)
        return self._vault.unseal(consultation, f"consultation:{consultation}", row[0], ConsultationRecord)

    def unfinished(self) -> ConsultationRecord | None:
        """The consultation that a restart found open; the newest, should there be several."""
        row = self._vault.db.execute(
            "SELECT id FROM consultation WHERE state NOT IN (?, ?) ORDER BY opened DESC LIMIT 1", ENDED
        ).fetchone()
        return None if row is None else self.consultation(row[0])

    def add_lease(self, lease: str, consultation: str, device: str, from_ns: int, until_ns: int) -> None:
        """A device is bound to a consultation from one CLOCK_BOOTTIME instant to another."""
        with self._vault.transaction():
            self._vault.db.execute(
                "INSERT INTO lease(id, consultation, device, boot_id, from_ns, until_ns) VALUES (?, ?, ?, ?, ?, ?)",
                (lease, consultation, device, clock.boot_id(), from_ns, until_ns),
            )
            self._vault.audit("lease", consultation, device)

    def end_lease(self, lease: str) -> None:
        """The lease ends before its time."""
        with self._vault.transaction():
            self._vault.db.execute("UPDATE lease SET ended = ? WHERE id = ?", (clock.wall().isoformat(), lease))
            self._vault.audit("lease-end", lease)

    def leases(self, consultation: str, at_ns: int) -> list[tuple[str, str, int, int]]:
        """Leases (id, device, from, until) of this start of the machine that still hold: what a crash must not end."""
        return self._vault.db.execute(
            "SELECT id, device, from_ns, until_ns FROM lease "
            "WHERE consultation = ? AND boot_id = ? AND ended IS NULL AND until_ns > ? ORDER BY rowid",
            (consultation, clock.boot_id(), at_ns),
        ).fetchall()

    # --- results

    def spool(self, cap: int) -> Spool:
        """Where an object of at most `cap` bytes can arrive, to be given to `keep` or `quarantine`."""
        return self._vault.blobs.spool(cap)

    def keep(self, result: Result, fingerprint: bytes | None, data: bytes | Spool | None = None) -> bool:
        """Result, outbox row and audit line in one transaction; False if this very reading was kept before.

        `fingerprint` is what makes the reading the same reading again (None: it can never come twice). `data` are
        the bytes of its object, written and synced before the row that names them.
        """
        mark = self._vault.mark(fingerprint)
        if data is not None:
            self._vault.keep_bytes(result.consultation, data, self._vault.key(result.consultation))
        try:
            with self._vault.transaction():
                self._vault.refuse_second(mark)
                self._insert(result, mark)
                instances.insert(self._vault.db, self._vault.keyring, result.obj, result.id)
                self._vault.audit("keep", result.id, result.kind)
        except Duplicate:
            return False
        return True

    def strike(self, result: str, reason: str) -> None:
        """Mark a result as entered in error. It stays; the reason is added and the platform is told."""
        consultation = self._consultation_of(result)
        with self._vault.transaction():
            self._vault.db.execute(
                "INSERT INTO addition(result, kind, at, body) VALUES (?, 'strike', ?, ?)",
                (result, clock.wall().isoformat(), self._vault.seal(consultation, f"strike:{result}", reason)),
            )
            self._queue(consultation, "strike", result)
            self._vault.audit("strike", result)

    def result(self, result: str) -> KeptResult:
        """One result with what was added to it; `Unknown` where there is none."""
        consultation = self._consultation_of(result)
        row = self._vault.one("SELECT body FROM result WHERE id = ?", result)
        plain = self._vault.unseal(consultation, f"result:{result}", row[0], Result)
        return KeptResult(plain, self._delivery(consultation, result), self._struck(consultation, result))

    def results(self, consultation: str) -> list[KeptResult]:
        """All results of a consultation, in the order in which they were kept."""
        rows = self._vault.db.execute("SELECT id FROM result WHERE consultation = ? ORDER BY rowid", (consultation,))
        return [self.result(row[0]) for row in rows.fetchall()]

    def blob(self, consultation: str, sha256: str) -> bytes:
        """The bytes of an object."""
        return self._vault.blobs.get(consultation, sha256, self._vault.key(consultation))

    # --- DICOM

    def held(self, asked: Sequence[Instance]) -> dict[str, str]:
        """See `instances.held`."""
        return instances.held(self._vault.db, self._vault.keyring, asked)

    def step(self, uid: str) -> str | None:
        """See `instances.step`."""
        return instances.step(self._vault.db, self._vault.keyring, uid)

    def save_step(self, uid: str, state: str, consultation: str | None) -> None:
        """A device tells how far its procedure step is, for this consultation or for none that is open."""
        with self._vault.transaction():
            name = instances.save_step(self._vault.db, self._vault.keyring, uid, state)
            self._vault.audit(f"step-{state}", name, consultation or "")

    # --- the outbox

    def waiting(self, limit: int, skip: frozenset[str] = frozenset()) -> list[OutboxRow]:
        """The oldest waiting row of each consultation, oldest first, consultations in `skip` left out.

        `Broken` once the disk has failed: what cannot be marked as delivered would be sent for ever.
        """
        if self.fault is not None:
            raise Broken(self.fault)
        rows = self._vault.db.execute(
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
        with self._vault.transaction():
            self._vault.db.execute("UPDATE outbox SET state = 'done' WHERE seq = ?", (seq,))
            self._receipt(ref, receipt)
            self._vault.audit("persisted", ref)

    def attempted(self, seq: int) -> None:
        """One more try that was not confirmed."""
        with self._vault.transaction():
            self._vault.db.execute("UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?", (seq,))

    def refused(self, seq: int, words: str) -> None:
        """The platform has refused a row for good; its words are kept and shown."""
        row = self._vault.one("SELECT consultation, ref FROM outbox WHERE seq = ?", seq)
        sealed = self._vault.seal(row[0], f"words:{seq}", words)
        with self._vault.transaction():
            self._vault.db.execute("UPDATE outbox SET state = 'refused', words = ? WHERE seq = ?", (sealed, seq))
            self._vault.audit("refused", row[1])

    def opened(self, ref: str, receipt: Receipt) -> None:
        """The doctor has opened a result; saying so twice changes nothing."""
        with self._vault.transaction():
            self._receipt(ref, receipt)
            self._vault.audit("opened", ref, receipt.by or "")

    def outbox(self) -> tuple[int, int, datetime | None]:
        """How many rows wait, how many were refused, since when the oldest waits."""
        waiting, oldest = self._vault.db.execute(
            "SELECT count(*), min(queued) FROM outbox WHERE state = 'waiting'"
        ).fetchone()
        refused = self._vault.db.execute("SELECT count(*) FROM outbox WHERE state = 'refused'").fetchone()[0]
        return waiting, refused, None if oldest is None else datetime.fromisoformat(oldest)

    def note(self, action: str, subject: str, detail: str) -> None:
        """A line of the audit log for what is no record: a device that was added or taken out."""
        with self._vault.transaction():
            self._vault.audit(action, subject, detail)

    def audit_break(self) -> int | None:
        """The first line of the audit log that was tampered with, if any."""
        return audit.verify(self._vault.db, self._vault.keyring.fingerprint)

    # --- how it is done

    def _insert(self, result: Result, mark: str | None) -> None:
        body = self._vault.seal(result.consultation, f"result:{result.id}", result)
        self._vault.db.execute(
            "INSERT INTO result(id, consultation, kind, at, fingerprint, body) VALUES (?, ?, ?, ?, ?, ?)",
            (result.id, result.consultation, result.kind, result.at.isoformat(), mark, body),
        )
        self._queue(result.consultation, "result", result.id)

    def _queue(self, consultation: str, kind: str, ref: str) -> None:
        self._vault.db.execute(
            "INSERT INTO outbox(consultation, kind, ref, state, attempts, queued) VALUES (?, ?, ?, 'waiting', 0, ?)",
            (consultation, kind, ref, clock.wall().isoformat()),
        )

    def _receipt(self, ref: str, receipt: Receipt) -> None:
        self._vault.db.execute(
            "INSERT OR IGNORE INTO receipt(ref, state, at, location, by) VALUES (?, ?, ?, ?, ?)",
            (ref, receipt.state, receipt.at.isoformat(), receipt.location, receipt.by),
        )

    def _delivery(self, consultation: str, ref: str) -> Delivery:
        refusal = self._vault.db.execute(
            "SELECT seq, words FROM outbox WHERE ref = ? AND state = 'refused' ORDER BY seq DESC LIMIT 1", (ref,)
        ).fetchone()
        if refusal is not None:
            return Delivery("refused", self._vault.unseal(consultation, f"words:{refusal[0]}", refusal[1], str))
        states = {row[0] for row in self._vault.db.execute("SELECT state FROM receipt WHERE ref = ?", (ref,))}
        return Delivery(next((state for state in ("opened", "persisted") if state in states), "stored"))

    def _struck(self, consultation: str, result: str) -> str | None:
        row = self._vault.db.execute(
            "SELECT body FROM addition WHERE result = ? AND kind = 'strike' ORDER BY id LIMIT 1", (result,)
        ).fetchone()
        return None if row is None else self._vault.unseal(consultation, f"strike:{result}", row[0], str)

    def _consultation_of(self, result: str) -> str:
        return str(self._vault.one("SELECT consultation FROM result WHERE id = ?", result)[0])

    def _ref(self, seq: int) -> str:
        return str(self._vault.one("SELECT ref FROM outbox WHERE seq = ?", seq)[0])
