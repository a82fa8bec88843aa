"""One update, from what is offered to the restart; at each step it can be cut off, and is begun again.

What failed here is never tried again: the boot loader went back to the old version by itself, and this remembers why.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from updater import blocks, manifest
from updater.blocks import BLOCK, HASH, Moved
from updater.machine import Machine
from updater.manifest import TOKEN_CAP, File, Known, Release, UpdateError
from updater.sources import INDEX, MANIFEST, Source

STATE = "state.json"
STATE_CAP = 1 << 20
REFUSED_CAP = 64  # versions that failed here, the newest kept
ROOM = 64 << 20  # left free beside what is staged


class BusyError(UpdateError):
    """Not now: a consultation is open. Nothing is lost; the next attempt goes on."""


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered. `trying`: the version that was written, until it is kept or has failed."""

    known: Known = Known()
    trying: str = ""


@dataclass(frozen=True, slots=True)
class Updater:
    """`folder` is the updater's own. `busy`: whether a consultation is open. Methods raise `UpdateError`."""

    folder: Path
    machine: Machine
    signers: tuple[bytes, ...]
    serial: str
    busy: Callable[[], bool]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def state(self) -> State:
        """What is remembered; nothing where nothing was."""
        path = self.folder / STATE
        try:
            if path.stat().st_size > STATE_CAP:
                raise UpdateError(f"{path} has more than {STATE_CAP} bytes")
            return msgspec.json.decode(path.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except (OSError, msgspec.DecodeError) as error:
            raise UpdateError(f"{path} cannot be read: {error}") from error

    def settle(self) -> State:
        """Look what became of the version that was written last."""
        state = self.state()
        if not state.trying:
            return state
        standing, runs = self.machine.standing(state.trying), self.machine.running() == state.trying
        if runs or standing == "tried":  # on its last try its name is that of a failed one
            return self._keep(State(state.known)) if standing == "kept" else state
        if standing != "failed":  # its kernel image, the last that is written, never got there
            return self._keep(State(state.known))
        refused = dict(list(state.known.refused.items())[1 - REFUSED_CAP :])
        refused[state.trying] = f"it did not get well, and {self.machine.running()} came back"
        return self._keep(State(structs.replace(state.known, refused=refused)))

    def offered(self, source: Source) -> tuple[Release, str | None]:
        """What the source has, and why this unit does not take it."""
        known, running = self.settle().known, self.machine.running()
        token = source.whole(MANIFEST, TOKEN_CAP).decode("ascii", "replace")
        release = manifest.read(token, self.signers)
        why = manifest.why_not(release, running, known, self.serial, self.now())
        if why is None and self.machine.standing(running) in {"tried", "failed"}:
            why = f"{running} is still on trial"
        return release, why

    def fetch(self, source: Source, release: Release) -> Moved:
        """Stage a release: each file whole and proven, or not there under its name."""
        staged, total = self._staged(release), Moved()
        for other in self.folder.iterdir():
            if other.is_dir() and other != staged:
                shutil.rmtree(other)
        staged.mkdir(mode=0o700, exist_ok=True)
        self._check_room(release, staged)
        for file in release.files:
            moved = self._file(source, file, staged)
            for name in ("kept", "reused", "fetched", "questions"):
                setattr(total, name, getattr(total, name) + getattr(moved, name))
        return total

    def install(self, release: Release) -> None:
        """Write what is staged into the other slot. It is read once more before: a medium may have changed it."""
        staged = self._staged(release)
        for file in release.files:
            if blocks.sha256(staged / file.name) != file.sha256:
                (staged / file.name).unlink()
                raise UpdateError(f"{file.name} changed after it was fetched")
        self._check_free()
        state = self.state()
        floor = max(state.known.floor, release.floor, key=manifest.number)
        known = structs.replace(state.known, sequence=release.sequence, floor=floor)
        self._keep(State(known, release.version))
        self.machine.write(release.version, staged)
        shutil.rmtree(staged)

    def run(self, source: Source, restart: bool) -> str:
        """All of it; a sentence on what was done."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_free()
        release, why = self.offered(source)
        waiting = self.state().trying == release.version and self.machine.standing(release.version) == "tried"
        if why is not None:
            return f"nothing to do: {why}"
        told = f"{release.version} is written"
        if not waiting:
            moved = self.fetch(source, release)
            self.install(release)
            whole = sum(file.size for file in release.files)
            told += f": {moved.fetched} of {whole} bytes moved, {moved.reused} were here"
        if restart:
            self._check_free()
            self.machine.restart()
            return f"{told}; the unit starts again"
        return f"{told}; it runs after the next start"

    def _file(self, source: Source, file: File, staged: Path) -> Moved:
        path, begun = staged / file.name, staged / f"{file.name}.part"
        if path.exists() and blocks.sha256(path) == file.sha256:
            return Moved(kept=file.size)
        path.unlink(missing_ok=True)
        index = source.whole(file.name + INDEX, -(-file.size // BLOCK) * HASH)
        if _sha256(index) != file.index:
            raise UpdateError(f"{file.name}{INDEX} is not the one that was signed")

        def ask(offset: int, length: int) -> bytes:
            self._check_free()
            return source.range(file.name, offset, length)

        moved = blocks.assemble(begun, file.size, index, self.machine.seeds(), ask)
        moved.fetched += len(index)
        if blocks.sha256(begun) != file.sha256:
            begun.unlink()
            raise UpdateError(f"{file.name} is not the file that was signed")
        begun.rename(path)
        sync(staged)
        return moved

    def _staged(self, release: Release) -> Path:
        return self.folder / release.version

    def _check_free(self) -> None:
        if self.busy():
            raise BusyError("a consultation is open; the update goes on after it")

    def _check_room(self, release: Release, staged: Path) -> None:
        there = sum(path.stat().st_blocks * 512 for path in staged.iterdir())
        wanted = sum(file.size for file in release.files) + ROOM - there
        free = shutil.disk_usage(staged).free
        if free < wanted:
            raise UpdateError(f"{staged} has room for {free} bytes; {wanted} are wanted")

    def _keep(self, state: State) -> State:
        path = self.folder / STATE
        part = path.with_name(f"{STATE}.part")
        with part.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(self.folder)
        return state


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sync(folder: Path) -> None:
    """The names in a folder are on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
