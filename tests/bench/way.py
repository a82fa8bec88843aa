"""A way between two network namespaces that delays, loses and narrows: what a cart's uplink does, made on purpose.

The two ends are 10.77.0.1 (the sender's) and 10.77.0.2. Needs root and /dev/net/tun. As a program it is the way itself:
settings come in as JSON lines; the kernel of many machines has no netem.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

HERE, THERE = "10.77.0.1", "10.77.0.2"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True)
class Weather:
    """`loss` as a share, both ways; `delay_ms` each way; `rate_bps` from here to there (0: no limit)."""

    loss: float = 0.0
    delay_ms: float = 25.0
    rate_bps: float = 0.0
    queue_ms: float = 300.0
    down: bool = False


class Way:
    """The way, running. `within` begins a command line on one of its ends."""

    def __init__(self, child: subprocess.Popen[str], names: tuple[str, str]) -> None:
        self._child, self.names = child, names

    def set(self, weather: Weather) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(asdict(weather)) + "\n")
        self._child.stdin.flush()

    def within(self, end: int) -> list[str]:
        return ["ip", "netns", "exec", self.names[end]]


def why_not() -> str | None:
    """Why there can be no way on this machine; None where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    return None


@contextmanager
def way(weather: Weather) -> Iterator[Way]:
    """A way of one's own, gone afterwards."""
    names = f"chevet-{os.getpid()}-a", f"chevet-{os.getpid()}-b"
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
    command = [sys.executable, "-m", "tests.bench.way", *names]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        made = Way(child, names)
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("the way did not come up")
        made.set(weather)
        yield made
    finally:
        child.kill()
        child.wait()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def tunnel(namespace: str, address: str) -> int:
    """A tun device in a namespace, as its file here."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as home, Path("/run/netns", namespace).open() as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"way", IFF_TUN | IFF_NO_PI))
        for words in (
            f"addr add {address}/24 dev way",
            "link set way up mtu 1500 txqueuelen 2000",
            "link set lo up",
            "route add default dev way",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        libc.setns(home.fileno(), CLONE_NEWNET)
    return device


class Carrier:
    """Takes packets from one end to the other."""

    def __init__(self, here: int, there: int) -> None:
        self._other = {here: there, there: here}
        self._narrow = here
        self._weather = Weather()
        self._free_s = 0.0
        self._latest_s = {here: 0.0, there: 0.0}
        self._flying: list[tuple[float, int, int, bytes]] = []
        self._count = 0

    def run(self) -> None:
        while True:
            wait_s = max(0.0, self._flying[0][0] - time.monotonic()) if self._flying else 0.2
            ready, _, _ = select.select([*self._other, sys.stdin], [], [], wait_s)
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self._weather = Weather(**json.loads(line))
            for source in self._other.keys() & set(ready):
                self._take(source)
            self._deliver()

    def _take(self, source: int) -> None:
        for _ in range(64):
            try:
                packet = os.read(source, 2048)
            except BlockingIOError:
                return
            due_s = self._due(source, len(packet))
            if due_s is not None:
                self._latest_s[source] = due_s = max(due_s, self._latest_s[source])
                self._count += 1
                heapq.heappush(self._flying, (due_s, self._count, self._other[source], packet))

    def _due(self, source: int, size: int) -> float | None:
        weather, now_s = self._weather, time.monotonic()
        if weather.down:
            return None
        if weather.rate_bps and source == self._narrow:
            begin_s = max(self._free_s, now_s)
            if (begin_s - now_s) * 1000 > weather.queue_ms:
                return None
            now_s = self._free_s = begin_s + 8 * size / weather.rate_bps
        if random.random() < weather.loss:
            return None
        return now_s + weather.delay_ms / 1000

    def _deliver(self) -> None:
        now_s = time.monotonic()
        while self._flying and self._flying[0][0] <= now_s:
            _, _, target, packet = heapq.heappop(self._flying)
            try:
                os.write(target, packet)
            except OSError:
                continue


if __name__ == "__main__":
    ends = tunnel(sys.argv[1], HERE), tunnel(sys.argv[2], THERE)
    print("ready", flush=True)
    Carrier(*ends).run()
