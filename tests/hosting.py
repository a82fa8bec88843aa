"""The stand-in platform as a process of its own, for tests: started, killed, started again on the same state."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from appliance.platform.client import Platform

TOKEN = "a-token-of-this-test-run"
START_S = 20.0


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class Hosted:
    """One stand-in platform. `start` waits until it answers."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it on its state, as it was left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "token").write_text(TOKEN)
        words = [sys.executable, "-m", "appliance.demo.platform", "--port", str(self.port)]
        words += [
            "--ui",
            str(self.folder / "ui"),
            "--state",
            str(self.folder),
            "--token-file",
            str(self.folder / "token"),
        ]
        self.process = subprocess.Popen(words, cwd=Path(__file__).parent.parent, stdout=subprocess.DEVNULL)
        async with asyncio.timeout(START_S), Platform(self.url, TOKEN) as client:
            while not await client.is_up():
                assert self.process.poll() is None, "the platform ended at once"
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as a service manager does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    async def get(self, path: str) -> Any:
        """JSON of a page of it."""
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            return (await http.get(f"{self.url}{path}")).json()

    async def switch(self, mode: str, delay_s: float = 0.2) -> None:
        """Turn its switch."""
        async with httpx.AsyncClient() as http:
            got = await http.post(f"{self.url}/switches", json={"mode": mode, "delay_s": delay_s})
            assert got.status_code == 200, got.text

    async def stored(self) -> dict[str, int]:
        """How many resources of each type it holds."""
        counts: dict[str, int] = (await self.get("/state"))["stored"]
        return counts
