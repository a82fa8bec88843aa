"""Every driver under coverage-guided fuzzing, longer than in the tests: plays of a device, and what broke."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from drivers.registry import DRIVERS
from tests.fuzz.target import TARGET

EACH_S = int(os.environ.get("CHEVET_FUZZ_S", "20"))
LIMIT_S = 3600
ROOT = Path(__file__).parent.parent.parent
RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def figures() -> list[dict[str, Any]]:
    plays, broke = 0, []
    for name in DRIVERS:
        command = [sys.executable, "-m", TARGET, name, f"-max_total_time={EACH_S}", "-timeout=5", "-rss_limit_mb=512"]
        found = subprocess.run(
            [*command, "-print_final_stats=1"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=EACH_S + 60,
            check=False,
        )
        counted = RUNS.search(found.stderr)
        plays += int(counted[1]) if counted else 0
        if found.returncode:
            broke.append(name)
    method = f"atheris, {EACH_S} s for each of {len(DRIVERS)} drivers (CHEVET_FUZZ_S), captures as seeds, a new random "
    method += (
        f"seed each run; the invariant is that of tests/fuzz/target.py{'; broke: ' if broke else ''}{', '.join(broke)}"
    )
    return [
        row("plays of a device", plays, "plays", "higher", None, method),
        row("drivers that broke the invariant", len(broke), "drivers", "lower", 0.0, method),
    ]


def row(name: str, value: int, unit: str, better: str, target: float | None, method: str) -> dict[str, Any]:
    return {
        "area": "fuzz",
        "name": name,
        "value": value,
        "unit": unit,
        "better": better,
        "target": target,
        "n": 1,
        "method": method,
    }
