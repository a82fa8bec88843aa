"""What every part of the records stands on: the one connection, the keys, the blobs, a disk that may have failed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from appliance import clock
from appliance.records import audit
from appliance.records.blobs import Blobs
from appliance.records.errors import Unknown
from appliance.records.keys import DataKey, Keyring
from appliance.records.opening import Disk
from appliance.records.spool import Spool

UNIT = "unit"  # the actor of what nobody asked for

T = TypeVar("T")


class Duplicate(Exception):  # noqa: N818 - a way out of a transaction, never seen outside
    """This very reading is kept already."""


class Vault:
    """Not thread-safe: `appliance.records.store.Store` owns the one thread that may use it."""

    def __init__(self, db: sqlite3.Connection, keyring: Keyring, blobs: Blobs) -> None:
        self.db, self.keyring, self.blobs, self.disk = db, keyring, blobs, Disk()
        self._keys: dict[str, DataKey] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk when it ends. `Broken` once the disk has failed, for good."""
        with self.disk.writing():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def audit(self, action: str, subject: str, detail: str = "", actor: str = UNIT) -> None:
        """A line of the audit log, inside the caller's transaction."""
        mark = self.keyring.fingerprint
        audit.append(self.db, mark, clock.wall(), actor=actor, action=action, subject=subject, detail=detail)

    def begin_audit(self) -> None:
        """Keep the end of the audit log from now on, where nobody did."""
        if audit.is_sealed(self.db):
            return
        with self.transaction():
            audit.begin(self.db, self.keyring.fingerprint, clock.wall(), UNIT)

    def keep_bytes(self, owner: str, data: bytes | Spool, key: DataKey) -> None:
        """Put the bytes of an object on the disk, before the row that names them is written."""
        with self.disk.writing():
            if isinstance(data, Spool):
                self.blobs.take(owner, data, key)
            else:
                self.blobs.put(owner, data, key)

    def mark(self, fingerprint: bytes | None) -> str | None:
        """How a reading is told apart from its repeat; None where it can never come twice."""
        return None if fingerprint is None else self.keyring.fingerprint(fingerprint)

    def refuse_second(self, mark: str | None) -> None:
        """`Duplicate` where this very reading is kept already, on a chart or in quarantine."""
        seen = "SELECT 1 FROM result WHERE fingerprint = ? UNION ALL SELECT 1 FROM quarantine WHERE fingerprint = ?"
        if mark is not None and self.db.execute(seen, (mark, mark)).fetchone():
            raise Duplicate

    def one(self, query: str, key: str | int) -> tuple[str, ...]:
        """The one row that a key finds; `Unknown` where there is none."""
        row = self.db.execute(query, (key,)).fetchone()
        if row is None:
            raise Unknown(f"no such row: {key}")
        return tuple(row)

    def key(self, consultation: str) -> DataKey:
        """The key of a consultation; `Unknown` where there is none, or none any more."""
        if consultation not in self._keys:
            row = self.db.execute("SELECT key FROM consultation WHERE id = ?", (consultation,)).fetchone()
            if row is None or row[0] is None:
                raise Unknown(f"consultation {consultation} has no key")
            self._keys[consultation] = self.keyring.unwrap(row[0], consultation)
        return self._keys[consultation]

    def forget_key(self, consultation: str) -> None:
        """The key was destroyed on the disk: it is not to live on in memory."""
        self._keys.pop(consultation, None)

    def seal(self, consultation: str, name: str, body: object) -> bytes:
        """A fact under the key of its consultation; `name` is where it stands."""
        return self.key(consultation).seal(msgspec.json.encode(body), name)

    def unseal(self, consultation: str, name: str, sealed: str | bytes, kind: type[T]) -> T:
        """The fact that was sealed."""
        assert isinstance(sealed, bytes)
        return msgspec.json.decode(self.key(consultation).unseal(sealed, name), type=kind)

    def _roll_back(self) -> None:
        if self.db.in_transaction:
            try:
                self.db.execute("ROLLBACK")
            except sqlite3.Error as error:  # what led here is what is told; this only says that the disk is worse
                self.disk.note(error)
