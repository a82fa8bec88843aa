"""DICOM objects that are held here, and procedure steps that were told of: found by a keyed digest of their UIDs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from appliance.records.keys import Keyring
from appliance.records.model import Instance, Object


def insert(db: sqlite3.Connection, keyring: Keyring, obj: Object | None, ref: str) -> None:
    """Note, inside the caller's transaction, that the object of `ref` (a result, a quarantined reading) is held."""
    if obj is not None and obj.dicom is not None:
        row = (_mark(keyring, obj.dicom.instance), obj.dicom.sop_class, ref)
        db.execute("INSERT INTO instance(instance, sop_class, ref) VALUES (?, ?, ?)", row)


def held(db: sqlite3.Connection, keyring: Keyring, asked: Iterable[Instance]) -> dict[str, str]:
    """SOP Instance UID -> SOP Class UID of those that are held; the class may be another than was asked for."""
    found = {}
    for one in asked:
        query = "SELECT sop_class FROM instance WHERE instance = ? ORDER BY sop_class = ? DESC LIMIT 1"
        row = db.execute(query, (_mark(keyring, one.instance), one.sop_class)).fetchone()
        if row is not None:
            found[one.instance] = str(row[0])
    return found


def step(db: sqlite3.Connection, keyring: Keyring, uid: str) -> str | None:
    """The state of a performed procedure step; None where it was never told of."""
    row = db.execute("SELECT state FROM step WHERE id = ?", (_mark(keyring, uid),)).fetchone()
    return None if row is None else str(row[0])


def save_step(db: sqlite3.Connection, keyring: Keyring, uid: str, state: str) -> str:
    """Keep a state inside the caller's transaction; returns the name under which the audit log knows the step."""
    name = _mark(keyring, uid)
    db.execute("INSERT INTO step VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET state = excluded.state", (name, state))
    return name


def _mark(keyring: Keyring, uid: str) -> str:
    return keyring.fingerprint(f"dicom:{uid}".encode())
