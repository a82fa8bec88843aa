"""Opens the records in every state that a recorded run could have been cut in, and holds them against what was said."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from appliance.records.store import Store
from tests.faults.crash_states import Call, calls, replay, state

HERE = Path(__file__).parent


@dataclass(slots=True)
class Tally:
    """What came of it."""

    states: int = 0
    acknowledged: int = 0  # over all states
    lost: int = 0
    doubled: int = 0
    unopened: int = 0  # set aside, refused, or with a broken audit log


def record(folder: Path) -> list[Call]:
    """One run of `tests.faults.recorded`, as what it did to its files in `folder/state`."""
    shim, log, place = folder / "recording.so", folder / "log", folder / "state"
    subprocess.run(("cc", "-shared", "-fPIC", "-o", shim, HERE / "recording_disk.c", "-ldl"), check=True)
    place.mkdir()
    told = {"LD_PRELOAD": str(shim), "RECORDED": str(place), "RECORDING": str(log), "ACKNOWLEDGING": "1"}
    command = (sys.executable, "-m", "tests.faults.recorded", str(place))
    subprocess.run(
        command, env=os.environ | told, cwd=HERE.parents[1], check=True, stdout=subprocess.DEVNULL, timeout=60
    )
    return list(calls(log))


async def check(done: list[Call], folder: Path, count: int, seed: int = 1816) -> Tally:
    """Cut `count` times at random calls, each with one state that the cut may have left."""
    rng, tally, place = random.Random(seed), Tally(), folder / "cut"
    for _ in range(count):
        before = done[: rng.randrange(1, len(done) + 1)]
        replay(state(before, rng), folder / "state", place)
        await _judge(before, place, tally)
        shutil.rmtree(place, ignore_errors=True)
    return tally


async def _judge(before: list[Call], place: Path, tally: Tally) -> None:
    tally.states += 1
    said = [tuple(line.split()) for call in before if call.kind == "A" for line in call.text.splitlines()]
    store = Store.open(place)
    try:
        found = [kept for (ref,) in _consultations(store) for kept in await store.results(ref)]
        for kept in found:
            if kept.result.obj is not None:
                await store.blob(kept.result.consultation, kept.result.obj.sha256)
        names = [kept.result.id for kept in found]
        struck = {kept.result.id for kept in found if kept.struck is not None}
        tally.acknowledged += len(said)
        tally.lost += sum(name not in (struck if what == "struck" else names) for what, _, name in said)
        tally.doubled += len(names) - len(set(names))
        tally.unopened += store.set_aside is not None or await store.audit_break() is not None
    finally:
        await store.close()


def _consultations(store: Store) -> list[tuple[str]]:
    return store._ledger._vault.db.execute("SELECT id FROM consultation").fetchall()
