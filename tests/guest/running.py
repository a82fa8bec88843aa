"""The guest as a test uses it: modules run in it, and tell what happens."""

from __future__ import annotations

import asyncio
import itertools
import json
import tarfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.guest.machine import PAYLOAD_BYTES, Machine, machine

ROOT = Path(__file__).parent.parent.parent
PAYLOAD = ("drivers", "tests/__init__.py", "tests/captures", "tests/guest")
EXPECT_S = 30.0
TOLD_CAP = 10_000  # lines of one module


class GuestError(AssertionError):
    """A module in the guest did not do what was expected; the text holds all that it printed."""


class Run:
    """One module that runs in the guest."""

    def __init__(self, guest: Guest, name: int, words: tuple[str, ...]) -> None:
        self._guest, self._name, self._words = guest, name, words
        self._lines: asyncio.Queue[str | None] = asyncio.Queue(TOLD_CAP)
        self.printed: list[str] = []
        self.status: int | None = None

    async def expect(self, what: str, within_s: float = EXPECT_S) -> dict[str, Any]:
        """The next thing of this name that it tells; others before it are passed over. See `inside.telling`."""
        try:
            async with asyncio.timeout(within_s):
                while (line := await self._lines.get()) is not None:
                    told = _told(line)
                    if told.get("told") == what:
                        return told
        except TimeoutError:
            raise self._failed(f"told no {what!r} within {within_s:g} s") from None
        self._lines.put_nowait(None)
        raise self._failed(f"ended with {self.status} and told no {what!r}")

    async def end(self, within_s: float = EXPECT_S) -> list[dict[str, Any]]:
        """Wait until it ends by itself, with status 0; what else it told."""
        rest = []
        try:
            async with asyncio.timeout(within_s):
                while (line := await self._lines.get()) is not None:
                    rest.append(_told(line))
        except TimeoutError:
            raise self._failed(f"did not end within {within_s:g} s") from None
        if self.status:
            raise self._failed(f"ended with {self.status}")
        return [told for told in rest if told]

    async def kill(self) -> None:
        """End it as kill -9 does, with all its processes."""
        self._guest.ask({"id": self._name, "kill": True})
        async with asyncio.timeout(EXPECT_S):
            while await self._lines.get() is not None:
                pass

    def hear(self, said: dict[str, Any]) -> None:
        """What the agent says of it."""
        if "line" in said:
            print(f"guest {self._words[0].rpartition('.')[2]}: {said['line']}")
            self.printed.append(said["line"])
            self._lines.put_nowait(said["line"])
        else:
            self.status = said["ended"]
            self._lines.put_nowait(None)

    def _failed(self, why: str) -> GuestError:
        return GuestError("\n".join((f"{' '.join(self._words)} {why}. It printed:", *self.printed)))


class Guest:
    """A guest that is up. Made by `resumed`."""

    def __init__(self, one: Machine) -> None:
        self.machine = one
        self._runs: dict[int, Run] = {}
        self._names = itertools.count(1)

    def run(self, *words: str) -> Run:
        """Start a module with its arguments; comes back at once."""
        name = next(self._names)
        self._runs[name] = Run(self, name, words)
        self.ask({"id": name, "run": words})
        return self._runs[name]

    def ask(self, words: dict[str, Any]) -> None:
        """One line to the agent."""
        self.machine.agent.writer.write(json.dumps(words).encode() + b"\n")

    async def listen(self) -> None:
        """Hand out what the agent says; for a task."""
        while line := await self.machine.agent.reader.readline():
            said = json.loads(line)
            self._runs[said["id"]].hear(said)
        for run in self._runs.values():
            if run.status is None:
                run.hear({"ended": -1})


@asynccontextmanager
async def resumed(built: Path, payload: Path, data: Path | None = None) -> AsyncIterator[Guest]:
    """The saved guest, going on from where it was saved, with this payload and its data disk if it was saved with one.

    QEMU is killed at the end, whatever the guest was writing.
    """
    async with machine(built, payload, built / "state", data=data) as one:
        await one.until("paused", "running")
        await one.qmp("cont")
        guest = Guest(one)
        listening = asyncio.create_task(guest.listen(), name="guest")
        try:
            yield guest
        finally:
            listening.cancel()
            await asyncio.wait((listening,))


def pack(path: Path, more: Iterable[Path] = (), packages: Iterable[Path] = ()) -> None:
    """The project's code, as the guest gets it; `more` of it, and installed packages beside it."""
    with tarfile.open(path, "w") as archive:
        for name in (*map(Path, PAYLOAD), *more):
            archive.add(ROOT / name, arcname=str(name), filter=_not_compiled)
        for package in packages:
            archive.add(package, arcname=package.name, filter=_not_compiled)
    if path.stat().st_size > PAYLOAD_BYTES:
        raise GuestError(f"the payload has {path.stat().st_size} bytes, at most {PAYLOAD_BYTES}")
    with path.open("r+b") as file:
        file.truncate(PAYLOAD_BYTES)


def _not_compiled(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if entry.name.endswith("__pycache__") else entry


def _told(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
