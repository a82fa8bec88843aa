"""A unit whose writes are recorded: `python -m tests.faults.recorded STATE`; a line for each result that is saved."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from appliance.care.room import Room
from appliance.config import Care
from appliance.feed import Feed
from appliance.records.model import Object
from appliance.records.store import Store
from tests.making import make_active, pressure, reading, result

READINGS = 60


async def main(folder: Path) -> None:
    """Readings, each third with an object beside it; two consultations; one strike each."""
    store, feed = Store.open(folder), Feed()
    room = Room(store, feed, Care())
    await room.start()
    number = 0
    for _ in range(2):
        ref = (await room.open(None, None)).id
        await make_active(room, ref)
        await room.lease(ref, ["cuff"])
        for _ in range(READINGS // 2):
            number += 1
            await room.accept(reading(pressure(str(100 + Decimal(number) / 100))))
            last = list(feed.state("result"))[-1]
            assert last["delivery"] == "stored"
            acknowledge(f"kept {ref} {last['id']}")
            if number % 3 == 0:
                await keep_object(store, ref, number)
        await room.strike(ref, last["id"], "test")
        acknowledge(f"struck {ref} {last['id']}")
        await room.abandon(ref, "test")
    os._exit(0)  # no closing: the write-ahead log stays as it is


async def keep_object(store: Store, ref: str, number: int) -> None:
    data = os.urandom(6000)
    obj = Object(hashlib.sha256(data).hexdigest(), "image/jpeg", len(data), "camera")
    made = replace(result(ref, number), kind="still", numerics=(), obj=obj)
    assert await store.keep(made, None, data)
    acknowledge(f"kept {ref} {made.id}")


def acknowledge(words: str) -> None:
    """In one write, which is recorded between the others."""
    os.write(1, words.encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
