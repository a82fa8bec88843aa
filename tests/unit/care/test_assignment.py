"""A reading out of quarantine: only by a person who checked again, once, with its evidence; and homonyms are said."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.care.acceptance import Hold
from appliance.care.assignment import Claim
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.config import Care
from appliance.feed import Feed
from appliance.platform.fhir import bundles
from appliance.platform.fhir.parts import Sender
from appliance.records.errors import Unknown
from appliance.records.model import Instance, Object, Quarantined
from appliance.records.store import DATABASE, Store
from tests import schemas
from tests.making import CUFF, NOON, TYPED, active_room, make_active, pressure, reading

BOTH = frozenset({"birth_name", "birth_date"})
CLAIM = Claim("Lea Martin", "I saw it measured", BOTH)


def audit(folder: Path) -> list[tuple[str, ...]]:
    db = sqlite3.connect(folder / DATABASE)
    try:
        return db.execute("SELECT actor, action, detail FROM audit ORDER BY seq").fetchall()
    finally:
        db.close()


async def held(room: Room, feed: Feed, **more: Any) -> dict[str, Any]:
    before = {one["id"] for one in feed.state("quarantine")}
    assert isinstance(await room.accept(reading(**more)), Hold)
    (new,) = [one for one in feed.state("quarantine") if one["id"] not in before]
    schemas.check("live", new)
    return new


async def test_it_becomes_a_result_with_its_own_evidence(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    message = await held(room, feed)
    kept = await room.assign(ref, message["id"], CLAIM)
    assert list(feed.state("quarantine")) == []
    (shown,) = feed.state("result")
    schemas.check("live", shown)
    assert shown["assigned"]["by"] == "Lea Martin"
    assert (shown["assigned"]["held"], shown["assigned"]["reason"]) == ("no-lease", "I saw it measured")
    (again,) = await store.results(ref)
    assert again.result == kept.result
    assert again.result.at.isoformat() == message["at"]  # when it was measured, not when it was assigned
    assert ("Lea Martin", "assign") in [line[:2] for line in audit(tmp_path)]
    assert [(row.kind, row.ref) for row in await store.waiting(9)][:1] == [("consultation", ref)]
    assert (await store.outbox())[0] == 2
    await store.close()


async def test_never_twice_and_its_repeat_is_no_news(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    taken = NOON.replace(tzinfo=None, year=2020)
    message = await held(room, feed, numerics=pressure(taken=taken), clock_offset_s=0.0)
    assert message["reason"] == "from-memory"
    assert await store.results(ref) == []  # a device's memory is never charted by itself
    await room.assign(ref, message["id"], CLAIM)
    with pytest.raises(Unknown):
        await room.assign(ref, message["id"], CLAIM)
    await room.accept(reading(pressure(taken=taken), clock_offset_s=0.0))
    assert list(feed.state("quarantine")) == []
    assert len(await store.results(ref)) == 1
    await store.close()
    store = Store.open(tmp_path)
    with pytest.raises(Unknown):
        await store.quarantined_reading(message["id"])
    await store.close()


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (replace(CLAIM, checked=frozenset({"birth_name"})), "two-identifiers"),
        (replace(CLAIM, checked=frozenset({"birth_name", "shoe_size"})), "two-identifiers"),
        (replace(CLAIM, checked=frozenset({"birth_name", "ins"})), "two-identifiers"),
    ],
)
async def test_two_identifiers_are_checked_again(tmp_path: Path, claim: Claim, code: str) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    message = await held(room, feed)
    with pytest.raises(Refused) as refusal:
        await room.assign(ref, message["id"], claim)
    assert refusal.value.code == code
    assert len(await store.quarantined()) == 1
    assert await store.results(ref) == []
    await store.close()


async def test_after_a_wipe_it_is_not_the_next_patients_without_saying_so(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    message = await held(room, feed)
    await room.abandon(ref, "test")
    for place in (ref, "nobody"):
        with pytest.raises(Refused, match="not open"):
            await room.assign(place, message["id"], CLAIM)
    following = (await room.open(None, None)).id
    with pytest.raises(Refused, match="active consultation"):
        await room.assign(following, message["id"], replace(CLAIM, other=True))
    await make_active(room, following)
    with pytest.raises(Refused) as refusal:
        await room.assign(following, message["id"], CLAIM)
    assert refusal.value.code == "other-consultation"
    await room.assign(following, message["id"], replace(CLAIM, other=True))
    assert len(await store.results(following)) == 1
    await store.close()


async def test_what_nobody_can_have_stays_doubtful(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    message = await held(room, feed, numerics=pressure("900"))
    assert message["reason"] == "implausible"
    kept = await room.assign(ref, message["id"], CLAIM)
    assert kept.result.status == "questionable"
    assert {value.validity for value in kept.result.numerics} == {"questionable"}
    await store.close()


async def test_its_object_moves_to_the_consultations_key(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    data = b"DICM" * 50_000
    spool = store.spool(1 << 20)
    spool.write(data)
    spool.close()
    digest = hashlib.sha256(data).hexdigest()
    obj = Object(digest, "application/dicom", len(data), "cuff", dicom=Instance("1.2", "1.2.3"))
    await store.quarantine(Quarantined("q-1", "no-lease", CUFF, NOON, 1, "b", consultation=ref, obj=obj), b"p", spool)
    kept = await room.assign(ref, "q-1", CLAIM)
    assert kept.result.kind == "document"
    assert await store.blob(ref, digest) == data
    assert not (tmp_path / "blobs" / "q-1").exists()
    assert await store.held([Instance("1.2", "1.2.3")]) == {"1.2.3": "1.2"}
    await store.close()


async def test_the_platform_is_told_who_and_why(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    kept = await room.assign(ref, (await held(room, feed))["id"], CLAIM)
    assert room.record is not None
    sent = bundles.result(kept.result, room.record, Sender("u", "Unit", "0", False))
    resources = [entry["resource"] for entry in sent["entry"]]
    (panel,) = [one for one in resources if one["resourceType"] == "Observation"]
    (note,) = panel["note"]
    assert note["authorString"] == "Lea Martin"
    assert note["text"] == "Held in quarantine (no-lease), then assigned to this patient by a person: I saw it measured"
    assert {"url": "urn:chevet:fhir:quarantine", "valueCode": "no-lease"} in panel["extension"]
    (told,) = [one for one in resources if one["resourceType"] == "Provenance"]
    assert told["agent"][1]["who"] == {"display": "Lea Martin"}
    await store.close()


# --- homonyms

INS = "IS010000000000000000000000S1277010115400329S21.2.250.1.213.1.4.8\x1dS3ANNE LISE\x1dS4DURAND\x1dS5FS621-01-1977"


async def identified(room: Room, typed: dict[str, str] | None, code: str | None = None) -> tuple[str, tuple[str, ...]]:
    ref = (await room.open(None, None)).id
    record = await room.identify(ref, typed, code)
    return ref, record.homonym


@pytest.mark.parametrize(
    ("typed", "differs"),
    [
        (TYPED, ()),
        (TYPED | {"birth_name": "DURAND", "given_names": "anne-lise"}, ()),
        (TYPED | {"given_names": "Jeanne"}, ("given_names",)),
        (TYPED | {"sex": "M", "given_names": "Paul"}, ("given_names", "sex")),
        (TYPED | {"birth_date": "1977-08-02"}, ("birth_date",)),  # same name, sex and year
        (TYPED | {"birth_date": "1978-01-21"}, ()),
        (TYPED | {"birth_date": "1977-08-02", "sex": "M"}, ()),
        (TYPED | {"birth_name": "Durant"}, ()),
    ],
)
async def test_who_is_a_homonym(tmp_path: Path, typed: dict[str, str], differs: tuple[str, ...]) -> None:
    room, store, _, ref = await active_room(tmp_path)
    await room.abandon(ref, "test")
    assert (await identified(room, typed))[1] == differs
    await store.close()


async def test_an_ins_decides_where_both_have_one(tmp_path: Path) -> None:
    store, feed = Store.open(tmp_path), Feed()
    room = Room(store, feed, Care())
    for code, differs in ((INS, ()), (INS, ()), (INS.replace("277010115400329", "277010115400428"), ("ins",))):
        ref, found = await identified(room, None, code)
        assert found == differs
        await room.confirm(ref, ["birth_name", "ins"], homonym_seen=bool(differs))
        await room.abandon(ref, "test")
    await store.close()


async def test_the_warning_is_acknowledged_or_nothing_goes_on(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    await room.abandon(ref, "test")
    ref, _ = await identified(room, TYPED | {"given_names": "Jeanne"})
    (message,) = feed.state("consultation")
    schemas.check("live", message)
    assert message["homonym"] == ["given_names"]
    with pytest.raises(Refused) as refusal:
        await room.confirm(ref, BOTH)
    assert refusal.value.code == "homonym"
    await store.close()
    store = Store.open(tmp_path)  # a restart does not forget it
    room = Room(store, Feed(), Care())
    await room.start()
    with pytest.raises(Refused, match="given_names"):
        await room.confirm(ref, BOTH)
    await room.confirm(ref, BOTH, homonym_seen=True)
    assert [line[1:] for line in audit(tmp_path)][-2:] == [
        ("identify", "homonym-warning"),
        ("confirm", "homonym-seen"),
    ]
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"jeanne" not in files.lower()
    await store.close()
