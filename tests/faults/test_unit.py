"""The whole unit in this process, and what a bad day does to it: a full disk, a clock of 1970, devices pulled out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from appliance import clock, service
from appliance.config import Settings, parse
from appliance.demo.bench import Bench
from tests import schemas
from tests.campaign import free_port
from tests.making import TYPED

DEVICES = [
    {"key": "cuff", "name": "Cuff", "kind": "blood-pressure", "driver": "ble-blood-pressure", "link": "replay:cuff"},
    {"key": "oximeter", "name": "Oximeter", "kind": "oximeter", "driver": "contec-cms50"},
]


@dataclass
class Unit:
    """A running unit: its API, and what its live feed last said of each thing."""

    http: httpx.AsyncClient
    said: dict[tuple[str, str], dict[str, Any]]
    ref: str = ""

    async def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.http.post(path, json=body or {})

    async def act(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.post(f"/api/consultations/{self.ref}/{path}", body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def begin(self) -> None:
        self.ref = (await self.post("/api/consultations")).json()["id"]
        await self.act("patient", {"typed": TYPED})
        await self.act("patient/confirm", {"checked": ["birth_name", "birth_date"]})
        await self.act("consent", {"given": True, "by": "patient", "language": "fr", "version": "1"})
        await self.act("leases", {"device": "*"})

    async def simulate(self, device: str, action: str, recording: str | None = None) -> None:
        answer = await self.post(f"/api/simulator/{device}", {"action": action, "recording": recording})
        assert answer.is_success, answer.text

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for (name, _), message in self.said.items() if name == kind]

    def is_(self, device: str, state: str) -> bool:
        return bool(self.the("device", device)["state"] == state)

    def the(self, kind: str, key: str = "") -> dict[str, Any]:
        return self.said.get((kind, key), {})


@asynccontextmanager
async def unit(folder: Path) -> AsyncIterator[Unit]:
    settings = configured(folder)
    running = asyncio.create_task(service.run(settings, lambda: Bench(settings)))
    base = f"http://127.0.0.1:{settings.server.port}"
    said: dict[tuple[str, str], dict[str, Any]] = {}
    async with httpx.AsyncClient(base_url=base, timeout=10) as http:
        try:
            await until(lambda: answers(http), 20)
            listening = asyncio.create_task(listen(base, said))
            it = Unit(http, said)
            await until(lambda: all(it.the("device", one["key"]).get("state") in {"ready", "live"} for one in DEVICES))
            yield it
            listening.cancel()
            (end,) = await asyncio.gather(listening, return_exceptions=True)
            assert isinstance(end, asyncio.CancelledError), end
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def configured(folder: Path) -> Settings:
    oximeter = DEVICES[1] | {"link": f"serial:{folder}/dev/oximeter"}
    raw: dict[str, object] = {
        "state": str(folder / "state"),
        "simulated": True,
        "server": {"port": free_port()},
        "platform": {"url": f"http://127.0.0.1:{free_port()}"},  # nobody is there
        "care": {"chart_first_s": 0.1, "chart_every_s": 0.2},
        "devices": [DEVICES[0], oximeter],
    }
    return parse(raw, "this test")


async def listen(base: str, said: dict[tuple[str, str], dict[str, Any]]) -> None:
    async with connect(base.replace("http", "ws") + "/api/live") as screen:
        async for text in screen:
            message = json.loads(text)
            schemas.check("live", message)
            if message["type"] == "wiped":
                said.clear()
            key = message.get("key") or message.get("id") or message.get("device") or ""
            said[message["type"], key if message["type"] not in {"consultation", "unit"} else ""] = message


async def answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/api/health")).status_code == 200
    except httpx.HTTPError:
        return False


async def until(true: Callable[[], Any], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            found = true()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of twelve megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault
async def test_a_full_disk_is_said_and_loses_nothing(small_disk: Path) -> None:
    async with unit(small_disk) as it:
        await it.begin()
        await until(lambda: any(one["delivery"] == "stored" for one in it.of("result")))
        filler = small_disk / "filler"
        fill(filler)
        await until(lambda: it.the("unit").get("storage") == "full")
        await it.simulate("cuff", "play", "normal")
        await until(lambda: any(cuff(one) and one["delivery"] == "unsaved" for one in it.of("result")))
        assert "storage-full" in it.the("unit")["tell"]
        typed = {"metric": "body-temperature", "value": "37.2", "unit": "Cel", "reason": "probe broken"}
        refused = await it.post(f"/api/consultations/{it.ref}/results", {"manual": typed})
        assert (refused.status_code, refused.json()["error"]) == (507, "storage-full")
        shown = {one["id"] for one in it.of("result")}
        filler.unlink()
        await until(lambda: it.the("unit").get("storage") == "ok")
        await until(lambda: all(one["delivery"] == "stored" for one in it.of("result")))
        kept = {one["id"] for one in (await it.http.get("/api/consultations/current")).json()["results"]}
        assert shown <= kept
        assert any(cuff(one) for one in it.of("result"))


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def cuff(result: dict[str, Any]) -> bool:
    return bool(result["device"]["key"] == "cuff")


@pytest.mark.fault
async def test_a_clock_of_1970_loses_nothing_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = clock.boottime_ns()

    def wrong() -> datetime:
        return datetime(1970, 1, 2, tzinfo=UTC) + timedelta(seconds=(clock.boottime_ns() - began) / 1e9)

    monkeypatch.setattr(clock, "wall", wrong)
    async with unit(tmp_path) as it:
        assert it.the("unit")["clock"] == "untrusted"
        assert "clock-not-set" in it.the("unit")["tell"]
        await it.begin()
        await it.simulate("cuff", "play", "normal")
        await until(lambda: any(cuff(one) for one in it.of("result")) and len(it.of("result")) > 2)
        assert all(one["at"].startswith("1970-01-02") for one in it.of("result"))
        instants = [one["at_ms"] for one in (await it.http.get("/api/consultations/current")).json()["results"]]
        assert instants == sorted(instants)


@pytest.mark.fault
async def test_a_device_that_is_pulled_is_grey_within_a_second_and_comes_back(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        await it.begin()
        for device, back in (("oximeter", "live"), ("cuff", "ready")):
            await it.simulate(device, "stop")
            pulled = clock.boottime_ms()
            await until(partial(it.is_, device, "lost"), 1.0)
            assert clock.boottime_ms() - pulled < 1000
            await it.simulate(device, "start")
            await until(partial(it.is_, device, back))
        assert it.the("device", "oximeter")["lease"] is True


@pytest.mark.fault
async def test_a_reading_after_the_review_began_is_nobodys(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        await it.begin()
        await it.act("review")
        await it.simulate("cuff", "play", "normal")
        await until(lambda: any(one["device"]["key"] == "cuff" for one in it.of("quarantine")))
        (held,) = [one for one in it.of("quarantine") if one["device"]["key"] == "cuff"]
        assert held["reason"] == "not-active"
        assert not any(cuff(one) for one in (await it.http.get("/api/consultations/current")).json()["results"])


@pytest.mark.fault
async def test_the_platform_is_away_and_the_nurse_goes_on(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        await it.begin()
        await it.simulate("cuff", "play", "normal")
        await until(lambda: any(cuff(one) for one in it.of("result")))
        await until(lambda: it.the("outbox").get("platform") == "down")
        assert it.the("outbox")["waiting"] > 0
        assert {one["delivery"] for one in it.of("result")} == {"stored"}
        await it.act("review")
        await it.act("close")
        await until(lambda: it.the("consultation").get("id", "") is None)
        assert it.of("result") == []
