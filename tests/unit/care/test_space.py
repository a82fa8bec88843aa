"""Recordings are refused first, measurements last; it is said in time, and nothing is half written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from appliance import clock
from appliance.care.acceptance import Chart
from appliance.care.charting import Picture
from appliance.care.room import Room
from appliance.care.space import Level, Space
from appliance.config import Care, Records
from appliance.feed import Feed
from appliance.records.errors import StorageFull
from appliance.records.store import Store
from tests import schemas
from tests.making import make_active, reading

MB = 1_000_000
GB = 1000 * MB


class Sized:
    """The store on a disk of which a test says how much is free."""

    def __init__(self, store: Store, free: int) -> None:
        self._store, self.free = store, free

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def space(self) -> tuple[int, int]:
        return self.free, 100 * GB


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (1000 * MB, 100 * GB, Level.OK),
        (999 * MB, 100 * GB, Level.LOW),
        (301 * MB, 100 * GB, Level.LOW),
        (300 * MB, 100 * GB, Level.SHORT),
        (0, 100 * GB, Level.SHORT),
        (21 * MB, 100 * MB, Level.OK),  # a small disk: a fifth and a tenth of it
        (19 * MB, 100 * MB, Level.LOW),
        (10 * MB, 100 * MB, Level.SHORT),
    ],
)
async def test_the_marks(free: int, total: int, level: Level) -> None:
    class Disk:
        async def space(self) -> tuple[int, int]:
            return free, total

    told: list[tuple[Level, int]] = []
    space = Space(Disk(), Records(), lambda *said: told.append(said))
    await space.look()
    assert told == [(level, free)]


async def test_recordings_are_refused_first_and_measurements_go_on(tmp_path: Path) -> None:
    store, feed = Store.open(tmp_path), Feed()
    sized = Sized(store, 310 * MB)
    room = Room(sized, feed, Care())  # type: ignore[arg-type]
    await room.start()
    ref = (await room.open(None, None)).id
    await make_active(room, ref)
    await room.lease(ref, ["cuff"])
    await room.tick()
    assert storage(feed)["state"] == "low"
    small, large = b"x" * 100, b"x" * (11 * MB)
    await room.picture(ref, picture(small))
    for free, data in ((310 * MB, large), (299 * MB, small)):
        sized.free = free
        with pytest.raises(StorageFull, match="kept for measurements"):
            await room.picture(ref, picture(data))
    assert storage(feed)["state"] == "short"
    assert storage(feed)["refuses"] == ["recordings"]
    assert storage(feed)["works"] == ["measurements", "live", "sending"]
    assert len(list((tmp_path / "blobs").rglob("*.sealed"))) == 1  # nothing of what was refused
    spool = room.spool()
    spool.write(small)
    with pytest.raises(StorageFull):
        spool.close()
    spool.discard()
    assert await room.accept(reading()) == Chart("valid")
    assert [kept.result.kind for kept in await store.results(ref)] == ["still", "measurement"]
    sized.free = 50 * GB
    for _ in range(5):
        await room.tick()
    assert storage(feed)["state"] == "ok"
    await room.picture(ref, picture(large))
    await store.close()


def storage(feed: Feed) -> dict[str, Any]:
    (said,) = feed.state("storage")
    schemas.check("live", said)
    return said


def picture(data: bytes) -> Picture:
    return Picture(data, hashlib.sha256(data).hexdigest(), "image/jpeg", 1, 1, "otoscope", "Otoscope", clock.now())
