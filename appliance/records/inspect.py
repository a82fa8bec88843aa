"""A look at the records from outside, while nobody or somebody else has them open. Reads only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from appliance.records.store import DATABASE

TABLES = ("consultation", "result", "outbox", "quarantine", "audit")


@dataclass(frozen=True, slots=True)
class Inspection:
    """`fault` is None when the database passes its own full check; `rows` counts each table."""

    fault: str | None
    rows: dict[str, int]


def inspect(folder: Path) -> Inspection | None:
    """Check the database in `folder`; None where there is none yet."""
    path = folder / DATABASE
    if not path.exists():
        return None
    try:
        db = Database(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2))
        try:
            found = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            rows = {name: db.table(name).count for name in TABLES if name in db.table_names()}
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        return Inspection(str(error), {})
    return Inspection(None if found == "ok" else found, rows)
