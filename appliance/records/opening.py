"""Opening the database so that what it says is on the disk is there, and telling a full disk from a broken one."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from appliance.records.errors import Broken, StorageFull, StoreError
from appliance.records.schema import MIGRATIONS, unknown_steps


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Settings, check and schema; `sqlite3.DatabaseError` where it is damaged, `StoreError` where it is not ours."""
    # WAL with FULL: NORMAL lost acknowledged commits when the power was cut (measured, see docs/decisions).
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cell_size_check = ON"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("PRAGMA secure_delete = ON")  # overwritten when deleted: a key that was destroyed is nowhere in the file
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


class Disk:
    """The disk as the records know it. After an I/O error nothing is written any more: what a failed fsync has lost the
    kernel does not write again, and a later one says that all is well (Rebello et al., USENIX ATC 2020).
    """

    def __init__(self) -> None:
        self.fault: str | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """SQLite's and the system's words for "no room" become one of ours; an I/O error is the last."""
        if self.fault is not None:
            raise Broken(self.fault)
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self.note(error) from error

    def note(self, error: sqlite3.Error | OSError) -> StorageFull | StoreError:
        """What a failed write is to the rest of the service."""
        if is_full(error):
            return StorageFull("there is no room left on the unit's disk")
        if is_fatal(error):
            self.fault = self.fault or f"the unit's disk has failed ({error}): nothing is saved any more"
            return Broken(self.fault)
        return StoreError(f"the records cannot be written: {error}")


def is_full(error: sqlite3.Error | OSError) -> bool:
    """Whether there was no room: nothing was written, and it may be tried again."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    code = getattr(error, "sqlite_errorcode", None)
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE} or "is full" in str(error)


def is_fatal(error: sqlite3.Error | OSError) -> bool:
    """Whether nobody knows any more what is on the disk."""
    if isinstance(error, OSError):
        return error.errno in {errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO}
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code == sqlite3.SQLITE_IOERR_NOMEM:
        return False
    return code & 0xFF in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY}
