"""What goes, and when: a consultation once the platform has all of it, a quarantined reading once it was announced.

Days are counted by a calendar of its own, which goes on only while the wall clock can be trusted and by at most a day
where the machine was off between two looks: a clock that leaps by years removes nothing before its time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from appliance.clock import Stamp
from appliance.records.model import Quarantined
from appliance.records.quarantine import Quarantine
from appliance.records.vault import Vault

AT_ONCE = 4  # of each kind in one step: the thread of the records is not to be held long
DAY_S = 86_400
TOLD_S = 3 * DAY_S  # a quarantined reading is announced for so long before it goes

# A consultation is settled when it is over and nothing of it waits for the platform or was refused by it.
SETTLED = (
    "UPDATE consultation SET settled_s = ? WHERE settled_s IS NULL AND key IS NOT NULL "
    "AND state IN ('closed', 'abandoned') AND id NOT IN (SELECT consultation FROM outbox WHERE state != 'done')"
)
UNSETTLED = (
    "UPDATE consultation SET settled_s = NULL WHERE state NOT IN ('closed', 'abandoned') "
    "OR id IN (SELECT consultation FROM outbox WHERE state != 'done')"
)
DUE = "SELECT id FROM consultation WHERE key IS NOT NULL AND settled_s <= ? ORDER BY rowid LIMIT ?"
TO_TELL = "SELECT id FROM quarantine WHERE key IS NOT NULL AND told_s IS NULL AND since_s <= ? ORDER BY rowid LIMIT ?"
TO_GO = "SELECT id FROM quarantine WHERE key IS NOT NULL AND since_s <= ? AND told_s <= ? ORDER BY rowid LIMIT ?"
# What has no key any more, and how its last row goes.
GONE = {
    "SELECT id FROM consultation WHERE key IS NULL LIMIT ?": "DELETE FROM consultation WHERE id = ?",
    "SELECT id FROM quarantine WHERE key IS NULL AND result IS NULL LIMIT ?": "DELETE FROM quarantine WHERE id = ?",
}
# What hangs on a consultation, each before what it hangs on.
OF_A_CONSULTATION = (
    "DELETE FROM addition WHERE result IN (SELECT id FROM result WHERE consultation = ?)",
    "DELETE FROM instance WHERE ref IN (SELECT id FROM result WHERE consultation = ?)",
    "DELETE FROM receipt WHERE ref IN (SELECT ref FROM outbox WHERE consultation = ?)",
    "DELETE FROM quarantine WHERE result IN (SELECT id FROM result WHERE consultation = ?)",
    "DELETE FROM answer WHERE dossier IN (SELECT id FROM dossier WHERE consultation = ?)",
    "DELETE FROM dossier WHERE consultation = ?",
    "DELETE FROM outbox WHERE consultation = ?",
    "DELETE FROM result WHERE consultation = ?",
    "DELETE FROM lease WHERE consultation = ?",
    "DELETE FROM trait WHERE consultation = ?",
    "UPDATE consultation SET key = NULL, body = x'' WHERE id = ?",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How many days a confirmed consultation stays, and a quarantined reading."""

    keep_days: int
    quarantine_days: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What one step did. `more`: there is more to do at once; `told`: readings that go soon, with the day."""

    consultations: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    told: tuple[Quarantined, ...] = ()
    more: bool = False


class Erasure:
    """Each act is one transaction, and each may be the last: the next step goes on where the power was cut."""

    def __init__(self, vault: Vault, quarantine: Quarantine) -> None:
        self._vault, self._quarantine = vault, quarantine

    def step(self, rule: Rule, now: Stamp) -> Erased:
        """Do what is due now; nothing while the wall clock cannot be right. At most `AT_ONCE` of each kind."""
        self._sweep()
        if not now.trusted:
            return Erased()
        today_s = self._calendar(now)
        self._mark(today_s)
        consultations = self._names(DUE, today_s - rule.keep_days * DAY_S)
        for name in consultations:
            self._erase(name)
        told = self._tell(rule, now, today_s)
        readings = self._names(TO_GO, today_s - rule.quarantine_days * DAY_S, today_s - TOLD_S)
        for name in readings:
            self._erase_reading(name)
        self._sweep()
        more = AT_ONCE in {len(consultations), len(readings), len(told)}
        return Erased(consultations, readings, told, more)

    def _calendar(self, now: Stamp) -> int:
        """Seconds that have passed for sure; written down so that a restart goes on from there."""
        row = self._vault.db.execute("SELECT boot_id, boot_ns, wall, s FROM calendar WHERE id = 1").fetchone()
        total_s = 0 if row is None else row[3] + _passed_s(row, now)
        with self._vault.transaction():
            self._vault.db.execute(
                "INSERT OR REPLACE INTO calendar(id, boot_id, boot_ns, wall, s) VALUES (1, ?, ?, ?, ?)",
                (now.boot_id, now.boot_ns, now.wall.isoformat(), total_s),
            )
        return int(total_s)

    def _mark(self, today_s: int) -> None:
        """From now on the delay runs for what is confirmed; what waits again is not settled after all."""
        with self._vault.transaction():
            self._vault.db.execute(UNSETTLED)
            self._vault.db.execute(SETTLED, (today_s,))
            self._vault.db.execute("UPDATE quarantine SET since_s = ? WHERE since_s IS NULL", (today_s,))

    def _names(self, query: str, *before_s: int) -> tuple[str, ...]:
        return tuple(row[0] for row in self._vault.db.execute(query, (*before_s, AT_ONCE)).fetchall())

    def _erase(self, name: str) -> None:
        """Destroy the key and every row of a consultation; that it happened stays, not what."""
        with self._vault.transaction():
            for deed in OF_A_CONSULTATION:
                self._vault.db.execute(deed, (name,))
            self._vault.audit("erase", name, "key destroyed, rows and objects removed")
        self._vault.forget_key(name)

    def _tell(self, rule: Rule, now: Stamp, today_s: int) -> tuple[Quarantined, ...]:
        before_s = today_s - rule.quarantine_days * DAY_S + TOLD_S
        goes = now.wall + timedelta(seconds=TOLD_S)
        return tuple(self._announce(name, goes, today_s) for name in self._names(TO_TELL, before_s))

    def _announce(self, name: str, goes: datetime, today_s: int) -> Quarantined:
        reading = replace(self._quarantine.reading(name), goes=goes)
        with self._vault.transaction():
            self._quarantine.going(name, reading)
            self._vault.db.execute("UPDATE quarantine SET told_s = ? WHERE id = ?", (today_s, name))
            self._vault.audit("announce", name, "goes in 3 days")
        return reading

    def _erase_reading(self, name: str) -> None:
        with self._vault.transaction():
            self._vault.db.execute("DELETE FROM instance WHERE ref = ?", (name,))
            self._vault.db.execute(
                "UPDATE quarantine SET key = NULL, body = NULL, fingerprint = NULL WHERE id = ?", (name,)
            )
            self._vault.audit("erase", name, "key destroyed, reading removed from quarantine")

    def _sweep(self) -> None:
        """Remove the files of what has no key any more, then the last of its row: also after a power cut between."""
        swept = 0
        for query, last in GONE.items():
            for name in self._names(query):
                self._vault.blobs.forget(name)
                with self._vault.transaction():
                    self._vault.db.execute(last, (name,))
                swept += 1
        if swept:
            self._vault.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds pages as they were, keys too


def _passed_s(row: tuple[str, int, str, int], now: Stamp) -> int:
    boot_id, boot_ns, wall, _ = row
    if boot_id == now.boot_id:
        return max(0, (now.boot_ns - boot_ns) // 10**9)
    return min(max(0, int((now.wall - datetime.fromisoformat(wall)).total_seconds())), DAY_S)
