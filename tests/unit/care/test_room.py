"""The room: from the first touch to the wipe, on a real store."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from appliance import clock
from appliance.care.acceptance import Chart, Hold
from appliance.care.charting import Here, Picture
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.config import Care
from appliance.feed import Feed
from appliance.records.errors import StorageFull
from appliance.records.model import Person
from appliance.records.store import Store
from drivers.core.model import Numeric, Validity
from drivers.core.vocab import SYSTOLIC
from tests.making import TYPED, active_room, make_active, pressure, reading


def present(feed: Feed, kind: str) -> list[dict[str, Any]]:
    return list(feed.state(kind))


async def test_a_leased_reading_is_charted_and_queued_in_one_go(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    assert await room.lease(ref, ["cuff"]) == ["cuff"]
    assert await room.accept(reading()) == Chart("valid")
    (kept,) = await store.results(ref)
    assert [(value.loinc, str(value.value), value.unit) for value in kept.result.numerics] == [
        ("8480-6", "124", "mm[Hg]"),
        ("8462-4", "86", "mm[Hg]"),
    ]
    assert (await store.outbox())[0] == 2  # the consultation, told with the consent and not before; the result
    assert present(feed, "result")[0]["delivery"] == "stored"
    await store.close()


async def test_without_a_lease_it_is_quarantined_and_seen(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    assert isinstance(await room.accept(reading()), Hold)
    assert await store.results(ref) == []
    assert [(held.reason, held.device.key) for held in await store.quarantined()] == [("no-lease", "cuff")]
    assert present(feed, "quarantine")[0]["reason"] == "no-lease"
    await store.close()


async def test_a_failed_measurement_is_charted_as_failed_without_a_number(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    await room.accept(reading(pressure(None, Validity.INVALID), notices=("measurement-failed",)))
    (message,) = present(feed, "result")
    assert message["status"] == "failed"
    assert [value["value"] for value in message["numerics"]] == [None, None]
    await store.close()


async def test_the_same_reading_twice_is_one_result(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    taken = clock.wall().astimezone().replace(tzinfo=None, microsecond=0)
    for _ in range(3):
        await room.accept(reading(pressure(taken=taken)))
    assert len(await store.results(ref)) == 1
    await store.close()


async def test_a_result_says_who_kept_it_and_the_end_who_looked_through_them(tmp_path: Path) -> None:
    store, feed = Store.open(tmp_path), Feed()
    room = Room(store, feed, Care(), here=Here("cart-17", "0.9"))
    nurse = Person("Zoe Petit", "10003456789")
    ref = (await room.open(None, None, nurse=nurse)).id
    await room.identify(ref, TYPED, None)
    await room.confirm(ref, ["birth_name", "birth_date"])
    await room.consent(ref, given=True, by="patient", language="fr", version="1")
    await room.lease(ref, ["cuff"])
    await room.accept(reading(pressure()))
    await room.typed(ref, metric="body-weight", value="71.5", unit="kg", reason="scale broken")
    kept = [one.result for one in await store.results(ref)]
    assert [(one.unit, one.software, one.nurse) for one in kept] == [("cart-17", "0.9", nurse)] * 2
    await room.review(ref)
    closed = await room.close(ref)
    assert [(one.what, one.by) for one in closed.acknowledged] == [("results", "Zoe Petit")]
    await store.close()


async def test_only_one_consultation_is_open(tmp_path: Path) -> None:
    room, store, _, _ = await active_room(tmp_path)
    with pytest.raises(Refused, match="open already"):
        await room.open(None, None)
    await store.close()


@pytest.mark.parametrize("checked", [[], ["birth_name"], ["birth_name", "birth_name"], ["birth_name", "shoe_size"]])
async def test_two_identifiers(tmp_path: Path, checked: list[str]) -> None:
    store, feed = Store.open(tmp_path), Feed()
    room = Room(store, feed, Care())
    ref = (await room.open(None, None)).id
    await room.identify(ref, TYPED, None)
    with pytest.raises(Refused) as refusal:
        await room.confirm(ref, checked)
    assert refusal.value.code == "two-identifiers"
    await store.close()


async def test_after_the_end_nothing_of_the_patient_is_left_in_memory(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    room.show(reading())
    await room.accept(reading())
    with feed.subscribe() as receiver:
        await room.review(ref)
        await room.close(ref)
        told = []
        async for message in receiver:
            told.append(message)
            if message["type"] == "consultation":
                break
    assert [message["type"] for message in told if message["type"] in {"numeric", "result"}] == []
    assert "wiped" in {message["type"] for message in told}
    everything = repr(vars(room)) + repr(vars(feed)) + repr(told)
    assert "DURAND" not in everything
    assert "1977" not in everything
    assert room.record is None
    assert room.leases == []
    await store.close()


async def test_values_of_a_device_nobody_bound_are_not_shown(tmp_path: Path) -> None:
    room, store, feed, ref = await active_room(tmp_path)
    room.show(reading())
    assert present(feed, "numeric") == []
    await room.lease(ref, ["cuff"])
    room.show(reading())
    assert [message["value"] for message in present(feed, "numeric")] == ["124", "86"]
    await store.close()


async def test_review_ends_every_lease(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    await room.review(ref)
    assert room.leases == []
    assert isinstance(await room.accept(reading()), Hold)
    await room.resume(ref)
    assert isinstance(await room.accept(reading()), Hold)  # bound again by a person, never by itself
    await store.close()


async def test_a_restart_takes_up_consultation_leases_and_results(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    await room.accept(reading())
    await store.close()
    store, feed = Store.open(tmp_path), Feed()
    again = Room(store, feed, Care())
    await again.start()
    assert again.leases == ["cuff"]
    (message,) = present(feed, "consultation")
    assert (message["id"], message["state"], message["resumed"]) == (ref, "active", True)
    assert "restarted" in present(feed, "unit")[0]["tell"]
    assert len(present(feed, "result")) == 1
    await store.close()


class Full:
    """A store whose disk is full for as long as `full` says."""

    def __init__(self, store: Store) -> None:
        self._store, self.full = store, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def keep(self, *args: Any) -> bool:
        if self.full:
            raise StorageFull("there is no room left on the unit's disk")
        return await self._store.keep(*args)


async def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    store, feed = Store.open(tmp_path), Feed()
    full = Full(store)
    room = Room(full, feed, Care())  # type: ignore[arg-type]
    await room.start()
    ref = (await room.open(None, None)).id
    await make_active(room, ref)
    await room.lease(ref, ["cuff"])
    await room.accept(reading())
    await room.accept(reading(pressure("130")))
    assert [message["delivery"] for message in present(feed, "result")] == ["unsaved", "unsaved"]
    assert (present(feed, "unit")[0]["storage"], present(feed, "unit")[0]["unsaved"]) == ("full", 2)
    await room.review(ref)
    with pytest.raises(Refused, match="not saved"):
        await room.close(ref)
    full.full = False
    await room.tick()
    assert [str(kept.result.numerics[0].value) for kept in await store.results(ref)] == ["124", "130"]
    assert present(feed, "unit")[0]["storage"] == "ok"
    await room.close(ref)
    await store.close()


async def test_a_typed_value_says_so_for_ever(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    kept = await room.typed(ref, metric="body-temperature", value="37.20", unit="Cel", reason="probe broken")
    assert (kept.result.status, kept.result.device.driver, str(kept.result.numerics[0].value)) == (
        "manual",
        "manual",
        "37.20",
    )
    for value, code in (("370", "implausible"), ("NaN", "not-a-number"), ("abc", "not-a-number")):
        with pytest.raises(Refused) as refusal:
            await room.typed(ref, metric="body-temperature", value=value, unit="Cel", reason="r")
        assert refusal.value.code == code
    await store.close()


async def test_keep_charts_only_what_is_shown_now(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    await room.lease(ref, ["cuff"])
    with pytest.raises(Refused, match="no valid value"):
        await room.keep(ref, "cuff")
    room.show(reading())
    assert (await room.keep(ref, "cuff")).result.status == "valid"
    room.show(reading((Numeric(SYSTOLIC, None, "mm[Hg]", Validity.INVALID),)))
    with pytest.raises(Refused):
        await room.keep(ref, "cuff")
    await store.close()


async def test_a_still_is_kept_bit_for_bit_and_a_struck_result_stays(tmp_path: Path) -> None:
    room, store, _, ref = await active_room(tmp_path)
    data = b"\xff\xd8 a picture \xff\xd9"
    digest = hashlib.sha256(data).hexdigest()
    kept = await room.picture(ref, Picture(data, digest, "image/jpeg", 640, 480, "otoscope", "Otoscope", clock.now()))
    assert await store.blob(ref, digest) == data
    assert data not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    struck = await room.strike(ref, kept.result.id, "wrong ear")
    assert (struck.struck, struck.result.obj is not None) == ("wrong ear", True)
    assert (await room.strike(ref, kept.result.id, "again")).struck == "wrong ear"
    await store.close()
