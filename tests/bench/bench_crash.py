"""kill -9 a hundred times at random moments under load: what was lost, what was doubled."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.campaign import Campaign

LIMIT_S = 1800
KILLS = int(os.environ.get("CHEVET_BENCH_KILLS", "100"))


def figures() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        tally = asyncio.run(Campaign(Path(folder)).run(KILLS))
    load = f"{tally.acknowledged} acknowledged typed values, {tally.charted} results in all"
    method = f"kill -9 at random moments (seed 1816) under three writers, a cuff and a 60 Hz oximeter; {load}"
    shared = {"area": "crash", "unit": "results", "better": "lower", "target": 0, "n": tally.kills, "method": method}
    return [
        {"name": "acknowledged results lost", "value": tally.lost, **shared},
        {"name": "results doubled on the platform", "value": tally.doubled, **shared},
        {"name": "charted results not delivered", "value": tally.charted - tally.delivered, **shared},
        {
            "name": "restarts that lost the consultation",
            "value": tally.kills - tally.resumed,
            **shared,
            "unit": "restarts",
        },
    ]
