"""Readings that nobody may chart yet, each under a key of its own; and how one is charted after all."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from appliance.records import instances
from appliance.records.errors import Unknown
from appliance.records.keys import DataKey
from appliance.records.model import Quarantined, Result
from appliance.records.spool import Spool
from appliance.records.vault import Duplicate, Vault


class Quarantine:
    """Every method is one transaction. `insert` puts a result and its outbox row into the caller's."""

    def __init__(self, vault: Vault, insert: Callable[[Result, str | None], None]) -> None:
        self._vault, self._insert = vault, insert

    def hold(self, reading: Quarantined, fingerprint: bytes | None, spool: Spool | None = None) -> bool:
        """Keep what may not be charted; False if it is kept already, here or as a result."""
        vault, mark = self._vault, self._vault.mark(fingerprint)
        key, wrapped = vault.keyring.make(reading.id)
        if spool is not None:
            vault.keep_bytes(reading.id, spool, key)
        body = key.seal(msgspec.json.encode(reading), f"quarantine:{reading.id}")
        try:
            with vault.transaction():
                vault.refuse_second(mark)
                vault.db.execute(
                    "INSERT INTO quarantine(id, reason, device, at, fingerprint, key, body) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (reading.id, reading.reason, reading.device.key, reading.at.isoformat(), mark, wrapped, body),
                )
                instances.insert(vault.db, vault.keyring, reading.obj, reading.id)
                vault.audit("quarantine", reading.id, reading.reason)
        except Duplicate:
            vault.blobs.forget(reading.id)
            return False
        return True

    def readings(self, limit: int = 200) -> list[Quarantined]:
        """What is in quarantine, newest first."""
        rows = self._vault.db.execute(
            "SELECT id FROM quarantine WHERE key IS NOT NULL ORDER BY rowid DESC LIMIT ?", (limit,)
        )
        return [self.reading(row[0]) for row in rows.fetchall()]

    def reading(self, name: str) -> Quarantined:
        """One of them; `Unknown` where it is not here, or not any more."""
        key = self._key(name)
        row = self._vault.db.execute("SELECT body FROM quarantine WHERE id = ?", (name,)).fetchone()
        return msgspec.json.decode(key.unseal(row[0], f"quarantine:{name}"), type=Quarantined)

    def holds(self, fingerprint: bytes) -> str | None:
        """The name under which this very reading is in quarantine; None: it is not, or not any more."""
        query = "SELECT id FROM quarantine WHERE fingerprint = ? AND key IS NOT NULL"
        row = self._vault.db.execute(query, (self._vault.mark(fingerprint),)).fetchone()
        return None if row is None else str(row[0])

    def blob(self, name: str, sha256: str) -> bytes:
        """The bytes of an object in quarantine."""
        return self._vault.blobs.get(name, sha256, self._key(name))

    def assign(self, name: str, result: Result) -> None:
        """The reading becomes `result`, and its own key is destroyed; `Unknown` where it was assigned or removed.

        A person says so (`result.assigned`), or the device has sent it again and it was judged anew.

        What remains of it in quarantine is that it was there, so that its repeat is no news. Result, outbox row and
        audit line are one transaction; the bytes of its object are under the consultation's key before it.
        """
        vault, key = self._vault, self._key(name)
        if result.obj is not None:
            with vault.disk.writing():
                vault.blobs.adopt(name, result.consultation, result.obj.sha256, key, vault.key(result.consultation))
        with vault.transaction():
            self._insert(result, None)
            vault.db.execute(
                "UPDATE quarantine SET key = NULL, body = NULL, result = ? WHERE id = ?", (result.id, name)
            )
            vault.db.execute("UPDATE instance SET ref = ? WHERE ref = ?", (result.id, name))
            self._say_assigned(name, result)
        vault.blobs.forget(name)

    def going(self, name: str, reading: Quarantined) -> None:
        """Write down, inside the caller's transaction, what the nurse is told of a reading: when it goes."""
        body = self._key(name).seal(msgspec.json.encode(reading), f"quarantine:{name}")
        self._vault.db.execute("UPDATE quarantine SET body = ? WHERE id = ?", (body, name))

    def _say_assigned(self, name: str, result: Result) -> None:
        assigned = result.assigned
        if assigned is None:
            self._vault.audit("judge-anew", name, f"it came again and is {result.id} now")
            return
        said = f"{assigned.held} to {result.id}, {' and '.join(assigned.confirmed)} checked"
        self._vault.audit("assign", name, said, actor=assigned.by)

    def _key(self, name: str) -> DataKey:
        row = self._vault.db.execute("SELECT key FROM quarantine WHERE id = ?", (name,)).fetchone()
        if row is None or row[0] is None:
            raise Unknown(f"no such reading in quarantine: {name}")
        return self._vault.keyring.unwrap(row[0], name)
