"""FHIR resources in SQLite: read, search by token, and transactions that happen wholly or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.platform.fhir.text import Resource, dumps, loads

SCHEMA = """
CREATE TABLE IF NOT EXISTS resource(
    number INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE(type, id)) STRICT;
CREATE TABLE IF NOT EXISTS token(
    type TEXT NOT NULL, id TEXT NOT NULL, parameter TEXT NOT NULL, system TEXT NOT NULL, value TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS token_found ON token(type, parameter, system, value);
CREATE TABLE IF NOT EXISTS object(sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS receipt(
    identifier TEXT PRIMARY KEY, consultation TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Token:
    """One thing a resource can be found by: `identifier` or `_tag`, with system and value."""

    parameter: str
    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """A doctor has opened a result of a consultation."""

    identifier: str
    at: str
    by: str


class Resources:
    """The open database; used from the server's worker threads, one at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._db.close()

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """What is written inside is kept when it ends well, and undone when it does not."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def read(self, kind: str, name: str) -> Resource | None:
        """One resource, its newest version."""
        with self._lock:
            row = self._db.execute("SELECT body FROM resource WHERE type = ? AND id = ?", (kind, name)).fetchone()
        return None if row is None else loads(row[0])

    def find(self, kind: str, token: Token) -> list[str]:
        """The ids of the resources of a type that carry a token."""
        query = "SELECT DISTINCT id FROM token WHERE type = ? AND parameter = ? AND system = ? AND value = ?"
        with self._lock:
            return [row[0] for row in self._db.execute(query, (kind, token.parameter, token.system, token.value))]

    def all(self, kind: str) -> list[str]:
        """The ids of all resources of a type, oldest first."""
        with self._lock:
            return [
                row[0] for row in self._db.execute("SELECT id FROM resource WHERE type = ? ORDER BY number", (kind,))
            ]

    def write(self, resource: Resource, name: str) -> Resource:
        """Keep a resource under an id; the same content again is no new version. Returns it as stored."""
        with self._lock:
            before = self.read(resource["resourceType"], name)
            version = 1 if before is None else int(before["meta"]["versionId"])
            if before is not None and _content(before) == _content(resource):
                return before
            stored = _stamped(resource, name, version if before is None else version + 1)
            self._keep(stored)
            return stored

    def newest(self, kinds: tuple[str, ...], count: int) -> list[Resource]:
        """The last written resources of some types, newest first."""
        query = f"SELECT body FROM resource WHERE type IN ({','.join('?' * len(kinds))}) ORDER BY number DESC LIMIT ?"  # noqa: S608 - only question marks
        with self._lock:
            return [loads(row[0]) for row in self._db.execute(query, (*kinds, count))]

    def count(self) -> dict[str, int]:
        """How many resources of each type there are."""
        with self._lock:
            return dict(self._db.execute("SELECT type, count(*) FROM resource GROUP BY type ORDER BY type"))

    def put_object(self, sha256: str, media_type: str, data: bytes) -> bool:
        """Keep bytes by their hash; True if they are new."""
        with self._lock:
            made = self._db.execute("INSERT OR IGNORE INTO object VALUES (?, ?, ?)", (sha256, media_type, data))
            return made.rowcount == 1

    def object(self, sha256: str) -> tuple[str, bytes] | None:
        """(media type, bytes), or None."""
        with self._lock:
            found = self._db.execute("SELECT media_type, bytes FROM object WHERE sha256 = ?", (sha256,)).fetchone()
        return None if found is None else (found[0], found[1])

    def add_receipt(self, consultation: str, receipt: Receipt) -> None:
        """Remember that a result was opened; the first time counts."""
        row = (receipt.identifier, consultation, receipt.at, receipt.by)
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO receipt VALUES (?, ?, ?, ?)", row)

    def receipts(self, count: int) -> list[Receipt]:
        """The last receipts, oldest first."""
        query = "SELECT identifier, at, by FROM receipt ORDER BY rowid DESC LIMIT ?"
        with self._lock:
            return [Receipt(*row) for row in self._db.execute(query, (count,))][::-1]

    def _keep(self, stored: Resource) -> None:
        kind, name = stored["resourceType"], stored["id"]
        self._db.execute("DELETE FROM resource WHERE type = ? AND id = ?", (kind, name))
        self._db.execute("DELETE FROM token WHERE type = ? AND id = ?", (kind, name))
        row = (kind, name, int(stored["meta"]["versionId"]), dumps(stored))
        self._db.execute("INSERT INTO resource(type, id, version, body) VALUES (?, ?, ?, ?)", row)
        for token in tokens(stored):
            self._db.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?)", (kind, name, token.parameter, token.system, token.value)
            )


def tokens(resource: Resource) -> Iterator[Token]:
    """Everything a resource can be found by."""
    for parameter, field, held in (
        ("identifier", "value", resource.get("identifier")),
        ("_tag", "code", resource.get("meta", {}).get("tag")),
    ):
        for one in held if isinstance(held, list) else []:
            if isinstance(one.get("system"), str) and isinstance(one.get(field), str):
                yield Token(parameter, one["system"], one[field])


def now() -> str:
    """The platform's wall clock, ISO 8601 with offset."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _stamped(resource: Resource, name: str, version: int) -> Resource:
    said = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": now()}
    return {"resourceType": resource["resourceType"], "id": name, **resource, "meta": said}


def _content(resource: Resource) -> dict[str, Any]:
    """The resource without what the server adds."""
    said = {key: value for key, value in resource.get("meta", {}).items() if key not in {"versionId", "lastUpdated"}}
    return {key: value for key, value in resource.items() if key not in {"id", "meta"}} | {"meta": said}
