"""Opening the database so that what it says is on the disk is there, and telling a full disk from a broken one."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from appliance.records.errors import StorageFull, StoreError
from appliance.records.schema import MIGRATIONS, unknown_steps


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Settings, check and schema; `sqlite3.DatabaseError` where it is damaged, `StoreError` where it is not ours."""
    # WAL with FULL: NORMAL lost acknowledged commits when the power was cut (measured, see docs/decisions).
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cell_size_check = ON"):
        db.execute(f"PRAGMA {pragma}")
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    schema = Database(db)
    newer = unknown_steps(schema)
    if newer:
        raise StoreError(
            f"{path} was written by a newer Chevet (it has taken the steps {', '.join(newer)}). "
            "Install that version again, or give this one another state directory; nothing was changed."
        )
    MIGRATIONS.apply(schema)


@contextmanager
def disk_errors() -> Iterator[None]:
    """SQLite's and the system's words for "no room" become one of ours; the rest is a broken store."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise StorageFull("there is no room left on the unit's disk") from error
        raise StoreError(f"the records cannot be written: {error}") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageFull("there is no room left on the unit's disk") from error
        raise StoreError(f"the records cannot be written: {error}") from error
