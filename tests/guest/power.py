"""Cuts the power of a unit that keeps results: QEMU is killed at random moments, and a fresh one opens the same disk.

The guest has acknowledged a value when the room said that it was stored. The disk is truthful: what the guest's kernel
had flushed is there afterwards, what it had not is gone. Used by the test (a handful) and by the bench (a hundred).
"""

from __future__ import annotations

import asyncio
import random
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.guest.running import ROOT, pack, resumed
from tests.guest.save import save

DISK_BYTES = 512 << 20
CODE = (Path("appliance"), Path("tests/making.py"))
# What the records and the room import and the guest has not; pure Python but for pydantic's core, built for 3.11.
PACKAGES = (
    *("sqlite_utils", "sqlite_fts4", "click_default_group", "pluggy", "tabulate", "dateutil", "six.py"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions.py"),
)
OPENED_S = 60.0
APART = 1000  # numbers of one life and the next: what was kept and not heard of is not used again
MODULE = "tests.guest.inside.keep_results"


@dataclass(slots=True)
class Cut:
    """What came of it."""

    cuts: int = 0
    acknowledged: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    unopened: int = 0  # opened only by setting the database aside, damaged, or with a broken audit log
    objects: int = 0  # at the end, each read whole


async def cut(built: Path, folder: Path, cuts: int, seed: int = 1816) -> Cut:
    """Cut the power `cuts` times. `built` is the guest as `make guest` builds it."""
    payload, disk, own = folder / "payload.tar", folder / "disk.img", folder / "guest"
    site = next((ROOT / ".venv" / "lib").glob("python3*/site-packages"))
    pack(payload, CODE, [site / name for name in PACKAGES if (site / name).exists()])
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(("/sbin/mke2fs", "-q", "-t", "ext4", str(disk)), check=True)
    own.mkdir()
    for name in ("base.img", "vmlinuz", "initrd.gz"):
        (own / name).symlink_to(built.resolve() / name)
    await save(own, disk)
    moments, tally = random.Random(seed), Cut()
    for _ in range(cuts):
        await _life(own, payload, disk, tally, moments.uniform(0.0, 3.0))
        tally.cuts += 1
    await _life(own, payload, disk, tally, 0.0)
    return tally


async def _life(own: Path, payload: Path, disk: Path, tally: Cut, seconds: float) -> None:
    """From power on to power off, `seconds` after the first value was kept."""
    first = max((int(value) for value in tally.acknowledged), default=0) + APART
    async with resumed(own, payload, disk) as guest:
        run = guest.run(MODULE, str(first))
        _judge(tally, await run.expect("found", OPENED_S))
        tally.acknowledged.add((await run.expect("kept", OPENED_S))["value"])
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # the moment of the cut: what this is about
                while True:
                    tally.acknowledged.add((await run.expect("kept", OPENED_S))["value"])


def _judge(tally: Cut, found: dict[str, Any]) -> None:
    values = {str(value) for first, last in found["runs"] for value in range(first, last + 1)}
    tally.lost |= tally.acknowledged - values
    tally.doubled |= {str(value) for value in found["twice"]}
    tally.unopened += bool(found["aside"]) or found["broken"] is not None or found["check"] != "ok"
    tally.objects = found["objects"]
