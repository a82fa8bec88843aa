"""Kill the unit again and again under load, and count what was lost or doubled on the way to the platform.

A value counts as acknowledged when the unit answered 201 to it. Each one is told apart by its digits, so that the
platform's Observations can be counted value by value. Used by the fault tests (short) and by the benchmark (whole).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.making import TYPED

READY_S = 30.0
STALLED_S = 30.0
WRITERS = 3

UNIT = """
state = "unit"
simulated = true
ice_addresses = ["127.0.0.1"]
[unit]
id = "campaign"
name = "Campaign"
[server]
port = {port}
[platform]
url = "http://127.0.0.1:{platform_port}"
token_file = "unit.token"
test_data = true
[care]
chart_first_s = 0.05
chart_every_s = 0.05
[[devices]]
key = "cuff"
name = "Cuff"
kind = "blood-pressure"
driver = "ble-blood-pressure"
link = "replay:cuff"
[[devices]]
key = "oximeter"
name = "Oximeter"
kind = "oximeter"
driver = "contec-cms50"
link = "serial:{folder}/dev/oximeter"
"""


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(slots=True)
class Tally:
    """What came of it."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    charted: int = 0  # results of devices and hands, on the unit
    delivered: int = 0  # results that the platform has
    resumed: int = 0  # restarts after which the consultation was still open, and said so


@dataclass(slots=True)
class Campaign:
    """One unit and one platform in `folder`."""

    folder: Path
    seed: int = 1816
    port: int = field(default_factory=free_port)
    platform_port: int = field(default_factory=free_port)
    _acknowledged: set[str] = field(default_factory=set)
    _number: int = 0
    _unit: subprocess.Popen[bytes] | None = None

    async def run(self, kills: int) -> Tally:
        """Kill the unit `kills` times at random moments; count."""
        platform = self._start_platform()
        try:
            return await self._run(kills)
        finally:
            for process in (self._unit, platform):
                if process is not None:
                    process.kill()
                    process.wait()

    async def _run(self, kills: int) -> Tally:
        moments, tally = random.Random(self.seed), Tally(kills=kills)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=5) as http:
            await self._start_unit(http)
            ref = await self._consultation(http)
            for _ in range(kills):
                await self._under_load(http, ref, moments.uniform(0.02, 0.9))
                await self._start_unit(http)
                current = (await http.get("/api/consultations/current")).json()
                tally.resumed += current["id"] == ref and current["state"] == "active"
            await self._count(http, ref, tally)
        return tally

    async def _under_load(self, http: httpx.AsyncClient, ref: str, seconds: float) -> None:
        assert self._unit is not None
        writers = [asyncio.create_task(self._write(http, ref)) for _ in range(WRITERS)]
        cuff = asyncio.create_task(self._measure(http))
        await asyncio.sleep(seconds)  # the moment of the kill: what this is about
        self._unit.send_signal(signal.SIGKILL)
        self._unit.wait()
        for task in (*writers, cuff):
            task.cancel()
        await asyncio.gather(*writers, cuff, return_exceptions=True)

    async def _write(self, http: httpx.AsyncClient, ref: str) -> None:
        while True:
            self._number += 1
            value = f"{100 + self._number / 1000:.3f}"
            manual = {"metric": "body-weight", "value": value, "unit": "kg", "reason": "campaign"}
            answer = await http.post(f"/api/consultations/{ref}/results", json={"manual": manual})
            if answer.status_code == 201:
                self._acknowledged.add(value)

    async def _measure(self, http: httpx.AsyncClient) -> None:
        while True:
            await http.post("/api/simulator/cuff", json={"action": "play", "recording": "normal"})
            await asyncio.sleep(0.05)

    async def _count(self, http: httpx.AsyncClient, ref: str, tally: Tally) -> None:
        current = (await http.get("/api/consultations/current")).json()
        charted = {result["id"] for result in current["results"]}
        await http.post(f"/api/consultations/{ref}/review")
        await self._delivered(http)
        observations = await self._platform_has()
        weights = Counter(weight(one) for one in observations if weight(one) is not None)
        identifiers = Counter(one["identifier"][0]["value"] for one in observations)
        tally.acknowledged, tally.charted = len(self._acknowledged), len(charted)
        tally.lost = len(self._acknowledged - set(weights))
        tally.doubled = sum(count - 1 for count in weights.values()) + sum(n - 1 for n in identifiers.values())
        tally.delivered = len(charted & results_of(observations))

    async def _delivered(self, http: httpx.AsyncClient) -> None:
        """Wait until nothing waits for the platform any more, for as long as that gets nearer."""
        least, until = sys.maxsize, time.monotonic() + STALLED_S
        while least and time.monotonic() < until:
            checks = (await http.get("/api/health")).json()["checks"]
            waiting = next(int(one["detail"].split()[0]) for one in checks if one["name"] == "outbox")
            if waiting < least:
                least, until = waiting, time.monotonic() + STALLED_S
            await asyncio.sleep(0.3)

    async def _platform_has(self) -> list[dict[str, Any]]:
        """All Observations of the platform."""
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.get(f"http://127.0.0.1:{self.platform_port}/fhir/Observation")
        return [entry["resource"] for entry in answer.json(parse_float=str)["entry"]]

    async def _consultation(self, http: httpx.AsyncClient) -> str:
        ref: str = (await http.post("/api/consultations", json={})).json()["id"]
        await http.post(f"/api/consultations/{ref}/patient", json={"typed": TYPED})
        await http.post(f"/api/consultations/{ref}/patient/confirm", json={"checked": ["birth_name", "birth_date"]})
        consent = {"given": True, "by": "patient", "language": "fr", "version": "1"}
        assert (await http.post(f"/api/consultations/{ref}/consent", json=consent)).status_code == 200
        leases = await http.post(f"/api/consultations/{ref}/leases", json={"device": "*"})
        assert leases.json() == {"leases": ["cuff", "oximeter"]}
        return ref

    def _start_platform(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "unit.token").write_text("a-token-of-this-campaign-only")
        text = UNIT.format(port=self.port, platform_port=self.platform_port, folder=self.folder)
        (self.folder / "chevet.toml").write_text(text)
        command = [sys.executable, "-m", "appliance.demo.platform", "--port", str(self.platform_port)]
        folders = ["--ui", str(self.folder), "--state", str(self.folder / "platform")]
        return self._start([*command, *folders, "--token-file", str(self.folder / "unit.token")], "platform")

    async def _start_unit(self, http: httpx.AsyncClient) -> None:
        command = [sys.executable, "-m", "appliance", "run", "--config", str(self.folder / "chevet.toml")]
        self._unit = self._start(command, "unit")
        until = time.monotonic() + READY_S
        while True:
            try:
                devices = (await http.get("/api/devices")).json()["devices"]
                if all(device["state"] in {"ready", "live"} for device in devices):
                    return
            except httpx.HTTPError:
                assert self._unit.poll() is None, (self.folder / "unit.log").read_text()[-2000:]
            assert time.monotonic() < until, "the unit is not ready"
            await asyncio.sleep(0.02)

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ)


def weight(observation: dict[str, Any]) -> str | None:
    """The digits of a typed weight."""
    if not any(coding["code"] == "29463-7" for coding in observation["code"]["coding"]):
        return None
    return f"{Decimal(observation['valueQuantity']['value']):.3f}"


def results_of(observations: list[dict[str, Any]]) -> set[str]:
    """The unit's results that these Observations tell of."""
    return {name["value"] for one in observations for name in one["identifier"][1:]}
