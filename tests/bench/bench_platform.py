"""How soon a kept result is confirmed by the platform, what that costs, and how a backlog drains."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from fhir.resources.R4B.bundle import Bundle

from appliance.platform.client import Platform
from appliance.platform.fhir import bundles
from appliance.platform.fhir.text import dumps
from appliance.platform.forwarder import Forwarder, OutboxState
from appliance.records.model import Delivery, OutboxRow, Result
from appliance.records.store import Store
from tests.hosting import TOKEN, Hosted
from tests.unit.platform.making import CONFIRMED, JUST_OPENED, PRESSURE, SENDER

LIMIT_S = 240
SINGLE = 60  # results, one after another
BACKLOG = 100  # results, all at once
BUILDS = 300


class Clocked:
    """A watcher that notes when each delivery was told."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self.news = asyncio.Event()
        self.state: OutboxState | None = None

    def delivery(self, row: OutboxRow, delivery: Delivery) -> None:
        if delivery.state == "persisted":
            self.told[row.ref] = time.perf_counter()
        self.news.set()

    def outbox(self, state: OutboxState) -> None:
        self.state = state
        self.news.set()

    async def has(self, refs: list[str]) -> None:
        """Wait until all of these were told."""
        async with asyncio.timeout(60):
            while not all(ref in self.told for ref in refs):
                self.news.clear()
                await self.news.wait()


def numbered(number: int) -> Result:
    return replace(PRESSURE, id=f"00000000-0000-4000-8000-{number:012d}")


def figures() -> list[dict[str, Any]]:
    return [*_building(), *asyncio.run(_delivering())]


def _building() -> list[dict[str, Any]]:
    ours, theirs = [], []
    for number in range(BUILDS):
        began = time.perf_counter()
        text = dumps(bundles.result(numbered(number), CONFIRMED, SENDER))
        ours.append(time.perf_counter() - began)
        if number % 10 == 0:
            began = time.perf_counter()
            Bundle.model_validate_json(text).model_dump_json()
            theirs.append(time.perf_counter() - began)
    ms, peer_ms = median(ours) * 1e3, median(theirs) * 1e3
    return [
        {
            "area": "platform",
            "name": "result to FHIR text",
            "value": round(ms, 3),
            "unit": "ms",
            "better": "lower",
            "peer": "fhir.resources, reading and writing the same bundle",
            "peer_value": round(peer_ms, 3),
            "ratio": round(ms / peer_ms, 3),
            "target": 1.0,
            "n": BUILDS,
            "method": "blood pressure with pulse: bundle built and written as JSON; median",
        },
    ]


async def _delivering() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        hosted = Hosted(Path(folder) / "platform")
        await hosted.start()
        try:
            async with _unit(Path(folder) / "unit", hosted) as (store, forwarder, clocked):
                latencies_s = await _one_by_one(store, forwarder, clocked)
                bare_s = await _bare(hosted)
                rate_hz, back_s = await _backlog(store, hosted, forwarder, clocked)
        finally:
            hosted.stop()
    return _rows(latencies_s, bare_s, rate_hz, back_s)


@asynccontextmanager
async def _unit(folder: Path, hosted: Hosted) -> AsyncIterator[tuple[Store, Forwarder, Clocked]]:
    store, clocked = Store.open(folder), Clocked()
    await store.open_consultation(JUST_OPENED)
    await store.save_consultation(CONFIRMED, "confirm")
    async with Platform(hosted.url, TOKEN) as platform:
        forwarder = Forwarder(store, platform, SENDER, clocked)
        task = asyncio.create_task(forwarder.run())
        await clocked.has([CONFIRMED.id])
        yield store, forwarder, clocked
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.close()


async def _one_by_one(store: Store, forwarder: Forwarder, clocked: Clocked) -> list[float]:
    """Seconds from before the result is kept until its receipt is told."""
    taken = []
    for number in range(SINGLE):
        began = time.perf_counter()
        await store.keep(numbered(number), None)
        forwarder.wake()
        await clocked.has([numbered(number).id])
        taken.append(clocked.told[numbered(number).id] - began)
    return taken


async def _bare(hosted: Hosted) -> list[float]:
    """The same transactions posted by plain httpx, without records or proof: what the platform itself takes."""
    taken = []
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/fhir+json"}
    async with httpx.AsyncClient(headers=headers) as http:
        for number in range(1000, 1000 + SINGLE):
            text = dumps(bundles.result(numbered(number), CONFIRMED, SENDER))
            began = time.perf_counter()
            answer = await http.post(f"{hosted.url}/fhir", content=text)
            taken.append(time.perf_counter() - began)
            assert answer.status_code == 200
    return taken


async def _backlog(store: Store, hosted: Hosted, forwarder: Forwarder, clocked: Clocked) -> tuple[float, float]:
    """(results a second while a backlog drains, seconds from the platform's return to the first receipt)."""
    await hosted.switch("down")
    refs = [numbered(number).id for number in range(2000, 2000 + BACKLOG)]
    for number in range(2000, 2000 + BACKLOG):
        await store.keep(numbered(number), None)
    forwarder.wake()
    while clocked.state is None or clocked.state.platform != "down":
        await asyncio.sleep(0.05)
    await hosted.switch("normal")
    began = time.perf_counter()
    forwarder.platform_is_back()
    await clocked.has(refs)
    first = min(clocked.told[ref] for ref in refs)
    return BACKLOG / (time.perf_counter() - first), first - began


def _rows(latencies_s: list[float], bare_s: list[float], rate_hz: float, back_s: float) -> list[dict[str, Any]]:
    worst_ms = quantiles(latencies_s, n=20)[-1] * 1e3
    typical_ms, bare_ms = median(latencies_s) * 1e3, median(bare_s) * 1e3
    common = {"area": "platform", "n": SINGLE}
    stamp = f"loopback, stand-in platform as its own process, {datetime.now().astimezone():%Y-%m-%d}"
    return [
        common
        | {
            "name": "kept until receipt shown",
            "value": round(typical_ms, 1),
            "unit": "ms",
            "better": "lower",
            "peer": "plain httpx POST of the same transaction",
            "peer_value": round(bare_ms, 1),
            "ratio": round(typical_ms / bare_ms, 2),
            "target": 2.5,
            "method": f"result and receipt each synced to disk, answer proven entry by entry; median; {stamp}",
        },
        common
        | {
            "name": "kept until receipt shown, 95th percentile",
            "value": round(worst_ms, 1),
            "unit": "ms",
            "better": "lower",
            "target": 250.0,
            "method": stamp,
        },
        common
        | {
            "name": "backlog drained",
            "value": round(rate_hz, 1),
            "unit": "results/s",
            "better": "higher",
            "target": 10.0,
            "n": BACKLOG,
            "method": f"one consultation, in order, one transaction a result; {stamp}",
        },
        common
        | {
            "name": "first receipt after the platform is back",
            "value": round(back_s, 3),
            "unit": "s",
            "better": "lower",
            "target": 1.0,
            "n": 1,
            "method": f"from the link's return, breaker open before; {stamp}",
        },
    ]
