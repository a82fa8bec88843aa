"""The store: one transaction or nothing, sealed, and never more trusted than it deserves."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import clock
from appliance.records import audit
from appliance.records.errors import StorageFull, StoreError, Unknown
from appliance.records.keys import DataKey, Keyring
from appliance.records.ledger import Ledger
from appliance.records.model import Consent, Receipt
from appliance.records.schema import UNSEALED
from appliance.records.store import DATABASE, Store
from tests.making import NOON, consultation, result


async def opened(folder: Path) -> Store:
    store = Store.open(folder)
    await store.open_consultation(consultation())
    return store


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(folder / DATABASE)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


async def test_result_outbox_row_and_audit_line_are_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await opened(tmp_path)

    def breaks(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(audit, "append", breaks)  # the last write of the transaction
    with pytest.raises(StorageFull):
        await store.keep(result("c-1"), b"one")
    monkeypatch.undo()
    assert rows(tmp_path, "SELECT id FROM result") == []
    assert rows(tmp_path, "SELECT seq FROM outbox") == []
    assert await store.keep(result("c-1"), b"one")  # and it can be kept afterwards: nothing was half done
    assert rows(tmp_path, "SELECT kind FROM outbox") == [("result",)]
    await store.close()


async def test_the_journal_is_synced_at_every_commit(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / DATABASE, Keyring(bytes(32)), None)  # type: ignore[arg-type]
    assert ledger.pragma("journal_mode") == "wal"
    assert ledger.pragma("synchronous") == 2  # FULL
    ledger.close()


async def test_a_second_time_is_no_second_result(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    assert await store.keep(result("c-1", 1), b"same")
    assert not await store.keep(result("c-1", 2), b"same")
    assert await store.keep(result("c-1", 3), None)
    assert len(await store.results("c-1")) == 2
    await store.close()


async def test_nothing_of_a_patient_can_be_read_from_the_files(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.keep(replace(result("c-1"), reason="Mme Durand dit avoir mal"), None)
    await store.strike(result("c-1").id, "Durand, pas Dupont")
    await store.refused((await store.waiting(1))[0].seq, "unknown patient Durand")
    await store.close()
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Durand" not in everything
    assert b"oxygen-saturation" not in everything


async def test_the_way_through_the_outbox(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    for number in range(3):
        await store.keep(result("c-1", number), None)
    first = (await store.waiting(10))[0]
    assert (first.kind, first.ref) == ("result", result("c-1", 0).id)
    await store.attempted(first.seq)
    assert (await store.waiting(10))[0].attempts == 1
    await store.delivered(first.seq, Receipt("persisted", NOON, "Observation/1"))
    second = (await store.waiting(10))[0]
    await store.refused(second.seq, "no such practitioner")
    await store.opened(first.ref, Receipt("opened", NOON, by="Dr House"))
    await store.opened(first.ref, Receipt("opened", NOON, by="Dr House"))
    states = [kept.delivery for kept in await store.results("c-1")]
    assert [(delivery.state, delivery.refusal) for delivery in states] == [
        ("opened", None),
        ("refused", "no such practitioner"),
        ("stored", None),
    ]
    waiting, refused, _ = await store.outbox()
    assert (waiting, refused) == (1, 1)
    assert await store.waiting(10, frozenset({"c-1"})) == []
    await store.close()


async def test_the_platform_hears_nothing_before_consent(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    record = replace(consultation(), state="ready", confirmed=("birth_name", "birth_date"))
    await store.save_consultation(record, "confirm")
    assert await store.waiting(10) == []
    refusal = replace(record, state="abandoned", consent=Consent(False, "patient", NOON, "fr", "1"))
    await store.save_consultation(refusal, "refuse")
    assert await store.waiting(10) == []
    consent = Consent(True, "patient", NOON, "fr", "1")
    await store.save_consultation(replace(record, consent=consent), "consent")
    assert [row.kind for row in await store.waiting(10)] == ["consultation"]
    await store.close()


async def test_a_damaged_database_is_set_aside_and_the_unit_goes_on(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.close()
    path = tmp_path / DATABASE
    path.write_bytes(b"not a database at all" * 500)
    again = await opened(tmp_path)
    assert again.set_aside is not None
    assert again.set_aside.read_bytes().startswith(b"not a database")
    assert await again.keep(result("c-1"), None)
    await again.close()


async def test_a_page_that_rotted_is_noticed_at_the_start(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    for number in range(200):
        await store.keep(result("c-1", number), None)
    await store.close()
    path = tmp_path / DATABASE
    data = bytearray(path.read_bytes())
    for at in range(8192, len(data), 4096):
        data[at : at + 64] = b"\xaa" * 64
    path.write_bytes(data)
    again = Store.open(tmp_path)
    assert again.set_aside is not None
    await again.close()


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.close()
    db = sqlite3.connect(tmp_path / DATABASE)
    db.execute(
        "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('chevet', '0099-later', '2030-01-01')"
    )
    db.commit()
    db.close()
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(StoreError, match=r"newer Chevet.*0099-later"):
        Store.open(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == before


async def test_two_services_cannot_use_the_same_records(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    with pytest.raises(StoreError, match="another chevet"):
        Store.open(tmp_path)
    await store.close()
    await Store.open(tmp_path).close()


async def test_records_without_their_key_are_not_overwritten(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.close()
    (tmp_path / "unit.key").unlink()
    with pytest.raises(StoreError, match=r"unit\.key is missing"):
        Store.open(tmp_path)
    assert not (tmp_path / "unit.key").exists()


async def test_the_audit_log_shows_where_it_was_changed(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    for number in range(5):
        await store.keep(result("c-1", number), None)
    assert await store.audit_break() is None
    await store.close()
    db = sqlite3.connect(tmp_path / DATABASE)
    db.execute("UPDATE audit SET subject = 'somebody else' WHERE seq = 3")
    db.commit()
    db.close()
    again = Store.open(tmp_path)
    assert await again.audit_break() == 3
    await again.close()


TAMPERED = {
    "the last line": (["DELETE FROM audit WHERE seq = 6"], 6),
    "the last lines": (["DELETE FROM audit WHERE seq > 3"], 4),
    "every line": (["DELETE FROM audit"], 1),
    "the end": (["DELETE FROM audit_head"], 7),
    "the end, forged": (["UPDATE audit_head SET seq = 3", "DELETE FROM audit WHERE seq > 3"], 3),
}


@pytest.mark.parametrize(("words", "missing"), TAMPERED.values(), ids=TAMPERED.keys())
async def test_the_audit_log_shows_that_its_end_was_cut_off(tmp_path: Path, words: list[str], missing: int) -> None:
    store = await opened(tmp_path)
    for number in range(5):
        await store.keep(result("c-1", number), None)
    await store.close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        assert db.execute("SELECT max(seq) FROM audit").fetchone() == (6,)
        for word in words:
            db.execute(word)
    again = Store.open(tmp_path)
    assert await again.audit_break() == missing
    for number in range(5, 12):  # and what is added afterwards does not hide it
        await again.keep(result("c-1", number), None)
    assert await again.audit_break() is not None
    await again.close()


async def test_a_log_that_was_written_anew_without_the_units_key_is_not_believed(tmp_path: Path) -> None:
    def forge(text: bytes) -> str:
        return text.decode().split()[-1]  # all that can be done without the key

    store = await opened(tmp_path)
    await store.keep(result("c-1"), None)
    await store.close()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
        db.execute("DELETE FROM audit")
        db.execute("UPDATE audit_head SET seq = 0, mark = ?", (forge(audit.GENESIS.encode()),))
        audit.append(db, forge, clock.wall(), actor="a", action="b", subject="c", detail="")
        audit.append(db, forge, clock.wall(), actor="a", action="b", subject="c", detail="")
    again = Store.open(tmp_path)
    assert await again.audit_break() == 2
    await again.close()


async def test_a_log_from_before_its_end_was_kept_is_sealed_once(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.keep(result("c-1"), None)
    await store.close()
    for breaks_at in (None, 4):  # the second time it is somebody who hides what is missing
        with closing(sqlite3.connect(tmp_path / DATABASE)) as db, db:
            db.execute("UPDATE audit_head SET mark = ?", (UNSEALED,))
        again = Store.open(tmp_path)
        assert await again.audit_break() == breaks_at
        await again.close()
    assert rows(tmp_path, "SELECT action FROM audit")[-2:] == [("seal-audit",), ("seal-audit",)]


def test_what_is_sealed_fits_nowhere_else() -> None:
    key = DataKey(bytes(32))
    sealed = key.seal(b"120/80", "result:a")
    assert key.unseal(sealed, "result:a") == b"120/80"
    for wrong, name in ((sealed, "result:b"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), "result:a"), (b"", "result:a")):
        with pytest.raises(StoreError):
            key.unseal(wrong, name)


async def test_a_blob_is_proven_when_it_is_read(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.keep(result("c-1"), None, b"a picture")
    (path,) = (tmp_path / "blobs").rglob("*.sealed")
    sha256 = path.name.removesuffix(".sealed")
    assert await store.blob("c-1", sha256) == b"a picture"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError):
        await store.blob("c-1", sha256)
    with pytest.raises(Unknown):
        await store.blob("c-1", "0" * 64)
    await store.close()


async def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """SQLite itself runs out of pages: the same error as a full file system, at each write of the transaction."""
    store = await opened(tmp_path)
    ledger = store._ledger
    pages = ledger.pragma("page_count")
    ledger.pragma(f"max_page_count = {pages}")
    kept = 0
    with pytest.raises(StorageFull):
        for number in range(200):
            await store.keep(result("c-1", number), None)
            kept += 1
    ledger.pragma("max_page_count = 1000000")
    assert len(await store.results("c-1")) == kept
    assert (await store.outbox())[0] == kept
    await store.close()
