"""The records on a disk whose power is cut: what is there is told, then readings and objects are kept without end.

`keep_results FIRST`: tells `found` (the values on the disk, those that are there twice, and whether all is well), then
`kept` for every value from FIRST on, once the room has said that it is stored.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import struct
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from appliance.care.room import Room
from appliance.config import Care
from appliance.feed import Feed
from appliance.records.model import Object
from appliance.records.store import DATABASE, Store
from tests.guest.inside.telling import tell
from tests.making import CUFF, make_active, pressure, reading, result

DISK, PLACE = "/dev/vdc", Path("/mnt")
OBJECT_EVERY = 5
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207  # random(4)


async def main(first: int) -> None:
    """Until the power is cut."""
    subprocess.run(("mount", "-t", "ext4", DISK, str(PLACE)), check=True)
    started_anew()
    drawn_anew(first)
    store, feed = Store.open(PLACE / "state"), Feed()
    room = Room(store, feed, Care())
    await room.start()
    values, objects = await found(store)
    broken = await store.audit_break()
    check = store._ledger.pragma("integrity_check")
    aside = [path.name for path in (PLACE / "state").glob(f"{DATABASE}.damaged*")]
    twice = [value for value, count in values.items() if count > 1][:10]
    tell("found", runs=runs(values), twice=twice, objects=objects, broken=broken, check=check, aside=aside)
    record = room.record
    if record is None:
        record = await room.open(None, None)
        await make_active(room, record.id)
    await room.lease(record.id, [CUFF.key])
    for number in range(first, first + 100_000):
        if number % OBJECT_EVERY:
            await keep_reading(room, feed, str(number))
        else:
            await keep_object(store, record.id, number)
        tell("kept", value=str(number))


def drawn_anew(first: int) -> None:
    """The saved start has its random numbers with it as well: without this every life would draw the same identifiers,
    which no two starts of a real machine do.
    """
    seed = hashlib.sha256(str(first).encode()).digest()
    device = os.open("/dev/urandom", os.O_WRONLY)
    try:
        fcntl.ioctl(device, RNDADDENTROPY, struct.pack("ii", 8 * len(seed), len(seed)) + seed)
        fcntl.ioctl(device, RNDRESEEDCRNG)
    finally:
        os.close(device)


def started_anew() -> None:
    """Every life resumes the same saved start of the kernel, and its clock with it: a machine that had lost its power
    would have another identity of its start, and no lease of an earlier one would begin in its future."""
    anew = Path("/tmp/boot_id")
    anew.write_text(f"{uuid.uuid4()}\n")
    subprocess.run(("mount", "--bind", str(anew), "/proc/sys/kernel/random/boot_id"), check=True)


async def keep_reading(room: Room, feed: Feed, number: str) -> None:
    value = str(100 + Decimal(number) / 10_000)
    await room.accept(reading(pressure(value)))
    last = list(feed.state("result"))[-1]
    assert (last["numerics"][0]["value"], last["delivery"]) == (value, "stored"), last


async def keep_object(store: Store, ref: str, number: int) -> None:
    data = os.urandom(8) * 4096
    obj = Object(hashlib.sha256(data).hexdigest(), "image/jpeg", len(data), "camera")
    assert await store.keep(replace(result(ref, number), kind="still", numerics=(), obj=obj), None, data)


def runs(values: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as first and last of what goes on without a gap: a line to the host is short."""
    made: list[tuple[int, int]] = []
    for value in sorted(values):
        if made and value == made[-1][1] + 1:
            made[-1] = (made[-1][0], value)
        else:
            made.append((value, value))
    return made


async def found(store: Store) -> tuple[dict[int, int], int]:
    """How often each value is on the disk; how many objects there are, each read whole and proven by its hash."""
    seen: Counter[int] = Counter()
    objects = 0
    for (ref,) in store._ledger._vault.db.execute("SELECT id FROM consultation").fetchall():
        for kept in await store.results(ref):
            if kept.result.obj is None:
                value = kept.result.numerics[0].value
                assert value is not None
                seen[int((value - 100) * 10_000)] += 1
            else:
                assert len(await store.blob(ref, kept.result.obj.sha256)) == kept.result.obj.bytes
                seen[int(kept.result.id[-12:])] += 1
                objects += 1
    assert not await store.quarantined()
    return seen, objects


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
