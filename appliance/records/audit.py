"""The audit log: who did what to which record, each line bound to the one before by SHA-256.

A line that was changed, moved or taken out breaks every hash after it. No patient data: subjects are identifiers.
"""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime

import msgspec

GENESIS = "0" * 64


def append(db: sqlite3.Connection, at: datetime, *, actor: str, action: str, subject: str, detail: str) -> None:
    """Add a line inside the caller's transaction."""
    row = db.execute("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    before = GENESIS if row is None else row[0]
    line = (at.isoformat(), actor, action, subject, detail)
    db.execute(
        "INSERT INTO audit(at, actor, action, subject, detail, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (*line, _hash(before, line)),
    )


def verify(db: sqlite3.Connection) -> int | None:
    """The `seq` of the first line that does not fit the one before it; None when the whole log holds."""
    before = GENESIS
    for seq, *line, kept in db.execute("SELECT seq, at, actor, action, subject, detail, hash FROM audit ORDER BY seq"):
        if _hash(before, tuple(line)) != kept:
            return int(seq)
        before = kept
    return None


def _hash(before: str, line: tuple[str, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode((before, *line))).hexdigest()
