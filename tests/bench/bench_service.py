"""How fast the unit's service is ready after it is started, and how much memory it holds while nothing happens."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

LIMIT_S = 240
REPEATS = 7
READY_LIMIT_S = 30.0
IDLE_S = 10.0

# The demo's devices and sources, but without its platform: a unit must be ready while it is offline.
SETTINGS = """\
simulated = true
ice_addresses = ["127.0.0.1"]
server = {{ port = {port} }}
platform = {{ url = "http://127.0.0.1:{nobody}" }}
devices = [
    {{ key = "cuff", name = "Cuff", kind = "blood-pressure", driver = "ble-blood-pressure", link = "replay:cuff" }},
    {{ key = "therm", name = "Ear", kind = "thermometer", driver = "ble-thermometer", link = "replay:thermometer" }},
]
sources = [
    {{ key = "otoscope", name = "Otoscope", kind = "video", from = "generator:otoscope" }},
    {{ key = "room", name = "Room", kind = "video", from = "generator:room" }},
    {{ key = "stethoscope", name = "Stethoscope", kind = "audio", from = "generator:heart" }},
]
"""


def figures() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        # Alternating, so that what else the machine does falls on both alike.
        runs = [(unit_start_s(Path(folder)), hello_start_s()) for _ in range(REPEATS)]
        memory_mb = unit_idle_mb(Path(folder))
    hello = "bare FastAPI under uvicorn"
    unit_s, hello_s = (median(times) for times in zip(*runs, strict=True))
    return [
        {
            "area": "service",
            "name": "start until ready",
            "value": round(unit_s, 3),
            "unit": "s",
            "better": "lower",
            "peer": hello,
            "peer_value": round(hello_s, 3),
            "target": 3.0,
            "n": REPEATS,
            "method": "process start until GET /api/health says ready, records kept from the run before; median",
        },
        {
            "area": "service",
            "name": "memory, idle",
            "value": round(memory_mb, 1),
            "unit": "MB",
            "better": "lower",
            "peer": hello,
            "peer_value": round(hello_idle_mb(), 1),
            "target": 200.0,
            "n": 1,
            "method": f"resident set {IDLE_S:g} s after it is ready: two devices, two cameras, one microphone",
        },
    ]


def unit_start_s(folder: Path) -> float:
    with unit(folder) as (_, started_s):
        return started_s


def hello_start_s() -> float:
    with hello() as (_, started_s):
        return started_s


def unit_idle_mb(folder: Path) -> float:
    with unit(folder) as (process, _):
        return idle_mb(process)


def hello_idle_mb() -> float:
    with hello() as (process, _):
        return idle_mb(process)


@contextmanager
def unit(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The service with simulated devices, ready, and the seconds that took."""
    port = free_port()
    config = folder / "chevet.toml"
    config.write_text(SETTINGS.format(port=port, nobody=free_port()), encoding="utf-8")
    with started(["-m", "appliance", "run", "--config", str(config)], port) as both:
        yield both


@contextmanager
def hello() -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    port = free_port()
    with started(["-m", "uvicorn", "tests.bench.hello:app", "--port", str(port)], port) as both:
        yield both


@contextmanager
def started(arguments: list[str], port: int) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(process, port)
        yield process, time.perf_counter() - begin
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + READY_LIMIT_S
    while not is_ready(port):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it was ready")
        if time.monotonic() > until:
            raise TimeoutError(f"{process.args!r} was not ready after {READY_LIMIT_S:g} s")
        time.sleep(0.01)


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
            return json.load(answer).get("ready") is True
    except OSError:
        return False


def idle_mb(process: subprocess.Popen[bytes]) -> float:
    time.sleep(IDLE_S)
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (resident_kb,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return resident_kb * 1024 / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
