"""How many results a second are durably kept, beside bare SQLite that commits rows of the same size as durably."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from appliance.records.store import Store
from tests.making import consultation, result

LIMIT_S = 300
RESULTS = 500
REPEATS = 7


def figures() -> list[dict[str, Any]]:
    # Alternating, so that what else the machine does falls on both alike.
    runs = [(ours(), bare()) for _ in range(REPEATS)]
    kept, plain = median(run[0] for run in runs), median(run[1] for run in runs)
    return [
        {
            "area": "records",
            "name": "durable results",
            "value": round(kept),
            "unit": "1/s",
            "better": "higher",
            "peer": "bare SQLite",
            "peer_value": round(plain),
            "ratio": round(kept / plain, 2),
            "target": 0.5,
            "n": REPEATS,
            "method": f"{RESULTS} results, each sealed and committed with its outbox row and audit line, in turn; "
            "peer: one INSERT a commit of the same bytes, WAL, synchronous FULL, same disk; medians",
        }
    ]


def ours() -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        return asyncio.run(_ours(Path(folder)))


async def _ours(folder: Path) -> float:
    store = Store.open(folder)
    await store.open_consultation(consultation())
    begin = time.perf_counter()
    for number in range(RESULTS):
        assert await store.keep(result("c-1", number), str(number).encode())
    seconds = time.perf_counter() - begin
    await store.close()
    return RESULTS / seconds


def bare() -> float:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        db = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE result(id TEXT PRIMARY KEY, body BLOB)")
        body = msgspec.json.encode(replace(result("c-1"), reason=None)) + os.urandom(28)
        begin = time.perf_counter()
        for number in range(RESULTS):
            db.execute("INSERT INTO result VALUES (?, ?)", (f"{number:036d}", body))
        seconds = time.perf_counter() - begin
        db.close()
    return RESULTS / seconds
