"""From a byte written to a pseudo-terminal to the message on a screen, with 20 devices running; and what they cost.

The unit is `chevet run` in a process of its own, in an active consultation. The devices are written by a thread here at
their true rates; the screen is a WebSocket here too, so that its own reading and parsing is in every figure.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
from websockets.asyncio.client import connect

from drivers.registry import DRIVERS
from tests.campaign import free_port
from tests.devices.captures import CAPTURES
from tests.making import TYPED

LIMIT_S = 240
SETTLE_S, MEASURE_S, READY_S = 4.0, 20.0, 30.0
BERRIES, IVIES, CONTECS = 14, 3, 2  # and a Masimo: 20
CHANGE_S = 0.25  # how often a Berry's pulse changes: each change is one numeric that is timed
PULSES = tuple(range(40, 120))
TICK_S = 0.002
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Wire:
    """One device: what it says each time, and the other end of its pseudo-terminal."""

    key: str
    driver: str
    every_s: float
    says: Callable[[int], bytes]
    port: int = -1
    path: str = ""
    written_s: dict[tuple[str, int], float] = field(default_factory=dict)  # what was said -> when, newest


def berry(at: int) -> Wire:
    """A BCI 5-byte oximeter at 100 Hz, whose wave and pulse tell which packet it was."""
    wire = Wire(f"berry-{at}", "bci-oximeter", 0.01, lambda _: b"")
    ticks = round(CHANGE_S / wire.every_s)

    def says(number: int) -> bytes:
        pulse = PULSES[(number // ticks + at) % len(PULSES)]
        now = time.monotonic()
        wire.written_s["pleth", number % 128] = now
        if number % ticks == 0:
            wire.written_s["pulse", pulse] = now
        return bytes((0x85, number % 128, 0x00, pulse, 97))

    wire.says = says
    return wire


def wires() -> list[Wire]:
    ivy = b"".join(packet.data for packet in CAPTURES["ivy-450c/one-message"].packets)
    contec = bytes.fromhex("01e085b396c1e1ffff")
    masimo = CAPTURES["masimo-ascii1/rad-8-and-radical-7"].packets[0].data
    return [
        *(berry(at) for at in range(BERRIES)),
        *(Wire(f"ivy-{at}", "ivy-450c", 1.0, lambda _: ivy) for at in range(IVIES)),
        *(Wire(f"contec-{at}", "contec-cms50", 1 / 60, lambda _: contec) for at in range(CONTECS)),
        Wire("masimo-0", "masimo-ascii1", 1.0, lambda _: masimo),
    ]


@contextmanager
def plugged(devices: list[Wire]) -> Iterator[None]:
    """Open the terminals, and speak on them until the end."""
    theirs = []
    for wire in devices:
        wire.port, other = os.openpty()
        tty.setraw(other)
        os.set_blocking(wire.port, False)
        wire.path = os.ttyname(other)
        theirs.append(other)
    over = threading.Event()
    speaker = threading.Thread(target=speak, args=(devices, over))
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()
        for port in [*theirs, *(wire.port for wire in devices)]:
            os.close(port)


def speak(devices: list[Wire], over: threading.Event) -> None:
    begin = time.monotonic()
    due = [begin + at * 0.0007 for at in range(len(devices))]  # not all in step
    count = [0] * len(devices)
    while not over.wait(TICK_S):
        now = time.monotonic()
        for at, wire in enumerate(devices):
            if now >= due[at]:
                due[at] = max(due[at] + wire.every_s, now - 0.1)
                with contextlib.suppress(BlockingIOError):
                    os.write(wire.port, wire.says(count[at]))
                count[at] += 1
            with contextlib.suppress(BlockingIOError):
                os.read(wire.port, 4096)  # keep-alives


def figures() -> list[dict[str, Any]]:
    unit_numeric, unit_wave, cpu = asyncio.run(of_the_unit())
    relay = asyncio.run(of_a_relay())
    peer = percentiles(relay)
    rows = [
        row("numeric, p50", unit_numeric, 0, peer),
        row("numeric, p99", unit_numeric, 1, peer, 20.0),
        row("numeric, longest", unit_numeric, 2, peer),
        row("newest sample of a wave, p50", unit_wave, 0, peer),
        row("newest sample of a wave, p99", unit_wave, 1, peer, 20.0),
        row("newest sample of a wave, longest", unit_wave, 2, peer),
    ]
    cost = {
        "area": "devices",
        "name": "unit with 20 devices",
        "value": round(cpu, 2),
        "unit": "% of a core",
        "better": "lower",
        "target": 10.0,
        "n": 1,
        "method": f"user and system time of the process over {MEASURE_S:g} s, one screen watching: "
        f"{BERRIES} Berry at 100 Hz, {IVIES} Ivy with 3 waves, {CONTECS} Contec at 60 Hz, a Masimo",
    }
    return [*rows, cost]


def row(name: str, taken: list[float], at: int, peer: tuple[float, float, float], target: float | None = None) -> Any:
    return {
        "area": "devices",
        "name": f"wire to live feed: {name}",
        "value": round(percentiles(taken)[at], 2),
        "unit": "ms",
        "better": "lower",
        "peer": "bare asyncio relay, pty to WebSocket",
        "peer_value": round(peer[at], 2),
        "target": target,
        "n": len(taken),
        "method": "write to a pseudo-terminal until the WebSocket message is parsed, 20 devices running, Berry only; "
        "numeric: a pulse that changed; wave: the last sample of its message, which holds 0.1 s by design: its first "
        "sample is 0.1 s older. Peer: each packet as it comes, unframed and undecoded",
    }


def percentiles(taken: list[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and longest, in ms."""
    cuts = quantiles(taken, n=100)
    return cuts[49] * 1000, cuts[98] * 1000, max(taken) * 1000


async def of_the_unit() -> tuple[list[float], list[float], float]:
    devices = wires()
    with tempfile.TemporaryDirectory() as folder, plugged(devices):
        port = free_port()
        config = Path(folder) / "chevet.toml"
        config.write_text(settings(Path(folder), port, devices), encoding="utf-8")
        with started(["-m", "appliance", "run", "--config", str(config)]) as process:
            base = f"http://127.0.0.1:{port}"
            await begin(base)
            return await watch(f"{base.replace('http', 'ws')}/api/live", devices, process.pid)


def settings(folder: Path, port: int, devices: list[Wire]) -> str:
    lines = [f'state = "{folder}/state"', f"server = {{ port = {port} }}"]
    lines += [f'platform = {{ url = "http://127.0.0.1:{free_port()}" }}', 'ice_addresses = ["127.0.0.1"]']
    for wire in devices:
        lines += ["[[devices]]", f'key = "{wire.key}"', f'name = "{wire.key}"', f'driver = "{wire.driver}"']
        lines += [f'kind = "{DRIVERS[wire.driver].kind}"', f'link = "serial:{wire.path}"']
    return "\n".join(lines) + "\n"


async def begin(base: str) -> None:
    """An active consultation that has every device."""
    async with httpx.AsyncClient(base_url=base, timeout=10) as http:
        async with asyncio.timeout(READY_S):
            while not await ready(http):
                await asyncio.sleep(0.1)
        ref = (await http.post("/api/consultations", json={})).json()["id"]
        for path, body in (
            ("patient", {"typed": TYPED}),
            ("patient/confirm", {"checked": ["birth_name", "birth_date"]}),
            ("consent", {"given": True, "by": "patient", "language": "fr", "version": "1"}),
            ("leases", {"device": "*"}),
        ):
            answer = await http.post(f"/api/consultations/{ref}/{path}", json=body)
            if not answer.is_success:
                raise RuntimeError(f"{path}: {answer.text}")


async def ready(http: httpx.AsyncClient) -> bool:
    try:
        found = (await http.get("/api/devices")).json()
    except httpx.HTTPError:
        return False
    devices = found["devices"] if isinstance(found, dict) else found
    live = sum(bool(device["state"] == "live") for device in devices)
    return live == BERRIES + IVIES + CONTECS + 1


async def watch(url: str, devices: list[Wire], process: int) -> tuple[list[float], list[float], float]:
    by_key = {wire.key: wire for wire in devices if wire.driver == "bci-oximeter"}
    numeric: list[float] = []
    wave: list[float] = []
    pulses: dict[str, str] = {}
    async with connect(url) as screen:
        start = time.monotonic() + SETTLE_S
        used = -1.0
        while time.monotonic() < start + MEASURE_S:
            message = json.loads(await screen.recv())
            now = time.monotonic()
            if used < 0 and now >= start:
                used = cpu_s(process)
            wire = by_key.get(str(message.get("device")))
            if wire is None or now < start:
                continue
            if message["type"] == "waveform":
                wave.append(now - wire.written_s["pleth", message["samples"][-1]])
            elif message["type"] == "numeric" and message["metric"] == "pulse-rate":
                if pulses.get(wire.key, message["value"]) != message["value"]:
                    numeric.append(now - wire.written_s["pulse", int(message["value"])])
                pulses[wire.key] = message["value"]
        return numeric, wave, 100 * (cpu_s(process) - used) / MEASURE_S


async def of_a_relay() -> list[float]:
    """The same devices through a program that does nothing but pass their bytes on."""
    devices, taken = wires(), []
    with plugged(devices):
        port = free_port()
        with started(["-m", "tests.bench.relay", str(port), *(wire.path for wire in devices)]):
            async with connect_until(f"ws://127.0.0.1:{port}") as screen:
                start = time.monotonic() + SETTLE_S
                while time.monotonic() < start + MEASURE_S:
                    at, data = str(await screen.recv()).split()
                    now, last = time.monotonic(), bytes.fromhex(data)[-5:]
                    if devices[int(at)].driver == "bci-oximeter" and now >= start and last[0] & 0x80:
                        taken.append(now - devices[int(at)].written_s["pleth", last[1]])
    return taken


@contextlib.asynccontextmanager
async def connect_until(url: str) -> Any:
    async with asyncio.timeout(READY_S):
        while True:
            with contextlib.suppress(OSError):
                screen = await connect(url)
                break
            await asyncio.sleep(0.05)
    async with screen:
        yield screen


@contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def cpu_s(process: int) -> float:
    """User and system time of all its threads so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
