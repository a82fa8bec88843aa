"""The audit log: who did what to which record, each line bound to the one before by SHA-256.

A line that was changed, moved or taken out breaks every hash after it. How far the log reaches is kept apart, under the
unit's key: lines cut off at the end are missed, and a log that was written anew without that key is not believed. An
older copy of the whole state directory still fits: only what somebody else was sent can tell. No patient data: subjects
are identifiers.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from datetime import datetime

import msgspec

from appliance.records.schema import UNSEALED

GENESIS = "0" * 64
SEAL = "seal-audit"  # the first line of a log that was begun before its end was kept; never a second time

Mark = Callable[[bytes], str]  # a digest under the unit's key: `Keyring.fingerprint`


def is_sealed(db: sqlite3.Connection) -> bool:
    """Whether the end of this log is kept."""
    return bool(db.execute("SELECT mark FROM audit_head").fetchone() != (UNSEALED,))


def begin(db: sqlite3.Connection, mark: Mark, at: datetime, actor: str) -> None:
    """Seal the end of a log that has none yet, inside the caller's transaction."""
    seq, kept = _end(db)
    _seal(db, mark, seq, kept)
    if seq:
        append(db, mark, at, actor=actor, action=SEAL, subject="audit", detail=f"{seq} lines before")


def append(
    db: sqlite3.Connection, mark: Mark, at: datetime, *, actor: str, action: str, subject: str, detail: str
) -> None:
    """Add a line inside the caller's transaction."""
    seq, before = _end(db)
    whole = _sealed(db) == (seq, _mark(mark, seq, before))
    line = (at.isoformat(), actor, action, subject, detail)
    kept = _hash(before, line)
    added = db.execute(
        "INSERT INTO audit(at, actor, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?)", (*line, kept)
    )
    if whole:  # else the seal stays where it was, and shows for ever that lines are missing
        _seal(db, mark, int(added.lastrowid or 0), kept)


def verify(db: sqlite3.Connection, mark: Mark) -> int | None:
    """The `seq` of the first line that does not fit, or that is missing at the end; None when the whole log holds."""
    before, last, sealed = GENESIS, 0, False
    for seq, *line, kept in db.execute("SELECT seq, at, actor, action, subject, detail, hash FROM audit ORDER BY seq"):
        again = sealed and line[2] == SEAL
        if again or _hash(before, tuple(line)) != kept:
            return int(seq)
        before, last, sealed = kept, int(seq), sealed or line[2] == SEAL
    end = _sealed(db)
    if end == (last, _mark(mark, last, before)):
        return None
    return last + 1 if end is None else min(end[0], last + 1)


def _end(db: sqlite3.Connection) -> tuple[int, str]:
    row = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (0, GENESIS) if row is None else (int(row[0]), str(row[1]))


def _sealed(db: sqlite3.Connection) -> tuple[int, str] | None:
    row = db.execute("SELECT seq, mark FROM audit_head").fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def _seal(db: sqlite3.Connection, mark: Mark, seq: int, kept: str) -> None:
    db.execute("UPDATE audit_head SET seq = ?, mark = ?", (seq, _mark(mark, seq, kept)))


def _mark(mark: Mark, seq: int, kept: str) -> str:
    return mark(f"audit {seq} {kept}".encode())


def _hash(before: str, line: tuple[str, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode((before, *line))).hexdigest()
