"""The records opened in thousands of states that a power cut may leave, made from a record of writes and fsyncs."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.faults.states import check, record

LIMIT_S = 3600
STATES = int(os.environ.get("CHEVET_BENCH_STATES", "2000"))


def figures() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = record(folder)
        tally = asyncio.run(check(done, folder, STATES))
    method = (
        f"{len(done)} recorded calls, cut at a random one (seed 1816), what was not synced kept, lost or torn "
        f"at random; {tally.acknowledged} acknowledgements held against what was found"
    )
    shared = {"area": "crash", "unit": "results", "better": "lower", "target": 0, "n": tally.states, "method": method}
    return [
        {"name": "acknowledged results lost in a crash state", "value": tally.lost, **shared},
        {"name": "results doubled in a crash state", "value": tally.doubled, **shared},
        {"name": "crash states that did not open whole", "value": tally.unopened, **shared, "unit": "states"},
    ]
