"""What goes and when: never before the platform has it all, never by a clock that leaps, and then for good."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance import clock
from appliance.clock import Stamp
from appliance.records.blobs import Blobs
from appliance.records.erasure import Erased, Rule
from appliance.records.errors import Unknown
from appliance.records.model import Consent, Object, Quarantined, Receipt
from appliance.records.store import DATABASE, Store
from tests.making import CUFF, NOON, consultation, result

RULE = Rule(keep_days=7, quarantine_days=30)
DAY = timedelta(days=1)
PICTURE = b"\xff\xd8 a picture"


class Days:
    """A machine that runs for days: boot clock and wall clock go on together, until the wall clock is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.boot_id, self.passed, self.wall = "boot-1", timedelta(hours=1), NOON
        monkeypatch.setattr(clock, "now", self.now)

    def now(self) -> Stamp:
        return Stamp(int(self.passed.total_seconds() * 1e9), self.wall, self.boot_id)

    def go(self, by: timedelta) -> None:
        self.passed += by
        self.wall += by

    def restart(self, off: timedelta) -> None:
        self.boot_id, self.passed = f"{self.boot_id}+", timedelta(minutes=1)
        self.wall += off


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Days:
    return Days(monkeypatch)


async def closed(store: Store, name: str = "c-1", *, confirmed: bool = True, number: int = 0) -> None:
    """A consultation with a picture, a strike and a lease, closed; confirmed by the platform or not."""
    await store.open_consultation(consultation(name))
    consented = replace(consultation(name), state="active", consent=Consent(True, "patient", NOON, "fr", "1"))
    await store.save_consultation(consented, "consent")
    await store.add_lease(f"lease-{name}", name, "cuff", 0, 1)
    digest = "2e7cd8a5b1a4b1a3c1a7d1d5b2ad1d8e0f2a4a36a0d9c62e1c2f3a4b5c6d7e8f"
    kept = replace(result(name, number), obj=Object(digest, "image/jpeg", len(PICTURE), "otoscope"))
    await store.keep(kept, f"print-{name}".encode(), PICTURE)
    await store.strike(kept.id, "wrong ear")
    await store.save_consultation(replace(consented, state="closed", closed=NOON), "close")
    while confirmed and (rows := await store.waiting(10)):
        for row in rows:
            await store.delivered(row.seq, Receipt("persisted", NOON, "Observation/1"))


def held(name: str = "q-1") -> Quarantined:
    return Quarantined(name, "no-lease", CUFF, NOON, 1, "boot-1")


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(folder / DATABASE)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


async def test_it_goes_when_it_is_confirmed_and_the_days_have_passed(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await closed(store)
    assert await store.erase(RULE) == Erased()
    days.go(7 * DAY - timedelta(minutes=1))
    assert (await store.erase(RULE)).consultations == ()
    days.go(timedelta(minutes=1))
    assert (await store.erase(RULE)).consultations == ("c-1",)
    with pytest.raises(Unknown):
        await store.consultation("c-1")
    assert list((tmp_path / "blobs").rglob("*.sealed")) == []
    for table in ("consultation", "result", "addition", "outbox", "receipt", "lease", "trait"):
        assert rows(tmp_path, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert rows(tmp_path, "SELECT subject, detail FROM audit WHERE action = 'erase'") == [
        ("c-1", "key destroyed, rows and objects removed")
    ]
    assert await store.audit_break() is None
    await store.close()


@pytest.mark.parametrize("refuse", [False, True])
async def test_never_before_confirmation(tmp_path: Path, days: Days, refuse: bool) -> None:
    store = Store.open(tmp_path)
    await closed(store, confirmed=False)
    if refuse:
        for row in await store.waiting(10):
            await store.refused(row.seq, "no such patient")
    for _ in range(40):
        days.go(10 * DAY)
        assert (await store.erase(RULE)).consultations == ()
    assert len(await store.results("c-1")) == 1
    await store.close()


async def test_an_open_consultation_stays_even_when_all_is_confirmed(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await store.open_consultation(consultation())
    await store.keep(result("c-1"), None)
    await store.delivered((await store.waiting(1))[0].seq, Receipt("persisted", NOON))
    for _ in range(3):
        days.go(100 * DAY)
        assert (await store.erase(RULE)).consultations == ()
    await store.close()


async def test_a_clock_that_cannot_be_right_deletes_nothing(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await closed(store)
    await store.erase(RULE)
    days.wall = datetime(1970, 1, 2, tzinfo=UTC)
    for _ in range(5):
        days.go(20 * DAY)
        assert await store.erase(RULE) == Erased()
    await store.close()


async def test_a_clock_that_leaps_by_years_costs_a_day_and_no_more(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await closed(store)
    await store.erase(RULE)
    days.wall += 5000 * DAY  # in the same run of the machine: the boot clock says that no time has passed
    assert (await store.erase(RULE)).consultations == ()
    for _ in range(6):  # and over restarts, where nobody knows: a day each
        days.restart(5000 * DAY if days.wall.year < 2060 else timedelta(minutes=1))
        assert (await store.erase(RULE)).consultations == ()
    days.wall = NOON - DAY  # and back: nothing is younger than it was
    days.restart(DAY)
    assert (await store.erase(RULE)).consultations == ()
    await store.close()


async def test_the_destroyed_key_is_nowhere_in_the_files(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await closed(store)
    ((wrapped, body),) = rows(tmp_path, "SELECT key, body FROM consultation")
    assert isinstance(wrapped, bytes)
    assert isinstance(body, bytes)

    def found(secret: bytes) -> bool:
        return any(secret in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())

    assert found(wrapped)
    await store.erase(RULE)
    days.go(7 * DAY)
    await store.erase(RULE)
    assert not found(wrapped)
    assert not found(body)
    await store.close()
    assert not found(wrapped)


@pytest.mark.parametrize("step", ["forget", "row"])
async def test_a_cut_between_its_steps_is_made_good_at_the_next(
    tmp_path: Path, days: Days, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = Store.open(tmp_path)
    await closed(store)
    await store.erase(RULE)
    days.go(7 * DAY)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    if step == "forget":
        monkeypatch.setattr(Blobs, "forget", cut)
    else:
        ours = Blobs.forget

        def cut_after(self: Blobs, name: str) -> None:
            ours(self, name)
            cut()

        monkeypatch.setattr(Blobs, "forget", cut_after)
    with pytest.raises(KeyboardInterrupt):
        store._ledger.erasure.step(RULE, days.now())
    monkeypatch.undo()
    await store.close()
    again = Store.open(tmp_path)
    with pytest.raises(Unknown):
        await again.blob("c-1", "0" * 64)
    await again.erase(RULE)
    assert list((tmp_path / "blobs").rglob("*.sealed")) == []
    assert rows(tmp_path, "SELECT count(*) FROM consultation") == [(0,)]
    assert rows(tmp_path, "SELECT count(*) FROM audit WHERE action = 'erase'") == [(1,)]
    await again.close()


async def test_one_step_is_bounded(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    for number in range(9):
        await closed(store, f"c-{number}", number=number)
    await store.erase(RULE)
    days.go(7 * DAY)
    steps = [await store.erase(RULE) for _ in range(4)]
    assert [len(one.consultations) for one in steps] == [4, 4, 1, 0]
    assert [one.more for one in steps] == [True, True, False, False]
    await store.close()


async def test_a_quarantined_reading_is_announced_three_days_before_it_goes(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await store.quarantine(held(), b"print")
    assert await store.erase(RULE) == Erased()
    days.go(27 * DAY)
    ((told,), gone) = ((one := await store.erase(RULE)).told, one.readings)
    assert (told.id, told.goes, gone) == ("q-1", NOON + 30 * DAY, ())
    assert [one.goes for one in await store.quarantined()] == [NOON + 30 * DAY]  # and after a restart
    assert (await store.erase(RULE)).told == ()
    days.go(3 * DAY)
    assert (await store.erase(RULE)).readings == ("q-1",)
    assert await store.quarantined() == []
    await store.close()


async def test_a_unit_that_was_off_for_a_year_announces_before_it_removes(tmp_path: Path, days: Days) -> None:
    store = Store.open(tmp_path)
    await store.quarantine(held(), None)
    await store.erase(RULE)
    days.go(29 * DAY)
    await store.erase(RULE)
    days.restart(365 * DAY)
    assert (await store.erase(RULE)).readings == ()
    days.go(2 * DAY)
    assert (await store.erase(RULE)).readings == ("q-1",)
    await store.close()
