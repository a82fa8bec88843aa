"""The states in which a power cut may leave the records, made from a record of what was written and synced.

A state keeps all that was synced before the cut, and any subset of what was not: of the data of a file since its last
fsync, a prefix of its names' changes (a journalling file system keeps their order). See `recording_disk.c`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Call:
    """One record: kind, offset or length, the text, the bytes."""

    kind: str
    at: int
    text: str
    data: bytes = b""

    @property
    def names(self) -> bool:
        """Whether it changes folders and not a file's bytes."""
        return self.kind in "ORUM"


def calls(record: Path) -> Iterator[Call]:
    """What was done, in order; the shared memory of SQLite left out, which no restart reads."""
    with record.open("rb") as file:
        while head := file.readline():
            kind, at, count, length = head.decode().split()
            text = file.read(int(length)).decode()
            call = Call(kind, int(at), text, file.read(int(count)) if kind == "W" else b"")
            if not call.text.endswith("-shm"):
                yield call


def state(done: list[Call], rng: random.Random) -> list[Call]:
    """What of these calls a cut after the last of them may have left, in the order in which it takes effect."""
    synced = _synced(done)
    open_names = [n for n, call in enumerate(done) if call.names and n not in synced]
    last_name = rng.choice([-1, *open_names]) if open_names else -1
    share = rng.choice((0.0, 0.2, 0.5, 0.8, 1.0))
    kept = []
    for number, call in enumerate(done):
        if call.kind in "SA":
            continue
        if number in synced or (call.names and number <= last_name):
            kept.append(call)
        elif not call.names and rng.random() < share:
            kept.append(_torn(call, rng))
    return kept


def _synced(done: list[Call]) -> set[int]:
    """The calls that an fsync has made certain: of a file its bytes, of a folder the names in it (POSIX, no more)."""
    certain: set[int] = set()
    waiting: dict[str, list[int]] = {}
    for number, call in enumerate(done):
        if call.kind == "S":
            certain.update(waiting.pop(call.text, ()))
        elif call.names:
            old, _, new = call.text.partition("\0")
            if new:
                waiting[new] = waiting.pop(old, [])
            waiting.setdefault(str(Path(new or old).parent), []).append(number)
        elif call.kind != "A":
            waiting.setdefault(call.text, []).append(number)
    return certain


def _torn(call: Call, rng: random.Random) -> Call:
    """A write that was under way: whole, or some of its sectors."""
    if call.kind != "W" or len(call.data) <= SECTOR or rng.random() < 0.5:
        return call
    return Call(call.kind, call.at, call.text, call.data[: SECTOR * rng.randrange(1, len(call.data) // SECTOR + 1)])


def replay(kept: list[Call], under: Path, place: Path) -> None:
    """The state as files in `place`; what stands in a folder, or in a file, whose name was lost, is lost with it."""
    place.mkdir()
    for call in kept:
        one, *other = (place / Path(name).relative_to(under) for name in call.text.split("\0"))
        if not one.parent.is_dir() or not all(path.parent.is_dir() for path in other):
            continue
        if call.kind == "M":
            one.mkdir(exist_ok=True)
        elif call.kind == "U":
            one.unlink(missing_ok=True)
        elif call.kind == "R":
            if one.exists():
                one.replace(other[0])
        elif call.kind == "O":
            one.touch(0o600)
        elif one.exists():
            _on_file(call, one)


def _on_file(call: Call, path: Path) -> None:
    fd = os.open(path, os.O_RDWR)
    try:
        if call.kind == "T":
            os.ftruncate(fd, call.at)
        else:
            os.pwrite(fd, call.data, call.at)
    finally:
        os.close(fd)
