"""The power cut a hundred times under the file system, by killing the machine: what was lost, what was doubled."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.guest.conftest import BUILT
from tests.guest.power import cut

LIMIT_S = 7200
CUTS = int(os.environ.get("CHEVET_BENCH_CUTS", "100"))


def figures() -> list[dict[str, Any]]:
    if not (BUILT / "ready").exists():
        raise SystemExit("no guest here: `make guest` builds it")
    with tempfile.TemporaryDirectory() as folder:
        tally = asyncio.run(cut(BUILT, Path(folder), CUTS))
    method = (
        "QEMU killed at random moments (seed 1816) while the room keeps readings and objects on ext4, a fresh guest "
        f"opens the same disk; {len(tally.acknowledged)} acknowledged, {tally.objects} objects read whole at the end"
    )
    shared = {"area": "power", "unit": "results", "better": "lower", "target": 0, "n": tally.cuts, "method": method}
    return [
        {"name": "acknowledged results lost", "value": len(tally.lost), **shared},
        {"name": "results doubled", "value": len(tally.doubled), **shared},
        {"name": "starts that found the records damaged", "value": tally.unopened, **shared, "unit": "starts"},
    ]
