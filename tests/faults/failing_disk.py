"""A unit's room on a disk that fails under it: run as a program, with the failing calls preloaded. Prints what it saw.

`python -m tests.faults.failing_disk STATE FLAG CALL`: three readings before the disk fails, one as it fails, one after
it works again; then it dies as by a power cut.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from appliance.care.room import Room
from appliance.config import Care
from appliance.feed import Feed
from appliance.records.errors import Broken, StoreError
from appliance.records.store import Store
from tests.making import make_active, pressure, reading


async def main(state: Path, flag: Path, call: str) -> None:
    """See the module's first line."""
    store, feed = Store.open(state), Feed()
    room = Room(store, feed, Care())
    await room.start()
    ref = (await room.open(None, None)).id
    await make_active(room, ref)
    await room.lease(ref, ["cuff"])
    for value in ("121", "122", "123"):
        await room.accept(reading(pressure(value)))
    flag.write_text(call)
    await room.accept(reading(pressure("130")))
    flag.unlink()  # the disk says that all is well again
    await room.accept(reading(pressure("131")))
    await room.tick()
    said = {
        "ref": ref,
        "fault": store.fault,
        "storage": next(feed.state("storage")),
        "delivery": {one["numerics"][0]["value"]: one["delivery"] for one in feed.state("result")},
        "refused": [await _refused(room.review(ref)), await _refused(store.waiting(1))],
        "read": len(await store.results(ref)),
    }
    print(json.dumps(said), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


async def _refused(act: Any) -> str:
    try:
        await act
    except Broken:
        return "broken"
    except StoreError as error:
        return str(error)
    return "done"


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
