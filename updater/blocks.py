"""A file put together from blocks that are already on this unit, and from those that are not.

An index is the first 16 bytes of the SHA-256 of each block of 4 KiB, one after the other: EROFS aligns what it holds to
that size, so that most blocks of a release are in the slot that runs. A file that was begun is its own journal: a block
in its place is kept if its hash is right, so a cut at any moment costs what was under way and no more.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from updater.manifest import UpdateError

BLOCK, HASH = 4096, 16
RUN_CAP = 256  # blocks in one question: 1 MiB in memory
READ = 1 << 20

Fetch = Callable[[int, int], bytes]  # offset, length -> exactly so many bytes


@dataclass(slots=True)
class Moved:
    """Bytes of one file, by where they came from. `questions`: how many ranges were asked for."""

    kept: int = 0  # from what was begun
    reused: int = 0  # from the running slot
    fetched: int = 0
    questions: int = 0


def digest(block: bytes) -> bytes:
    """A block's name in an index."""
    return hashlib.sha256(block).digest()[:HASH]


def pieces(path: Path) -> Iterator[bytes]:
    """The blocks of a file or a partition, the last perhaps shorter."""
    with path.open("rb") as file:
        while data := file.read(READ):
            for at in range(0, len(data), BLOCK):
                yield data[at : at + BLOCK]


def index_of(path: Path) -> bytes:
    """The index of a file."""
    return b"".join(digest(block) for block in pieces(path))


def sha256(path: Path) -> str:
    """Of a whole file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def split(index: bytes, size: int) -> list[bytes]:
    """The hashes of an index; `UpdateError` where it is not that of a file of `size` bytes."""
    wanted = -(-size // BLOCK) * HASH
    if len(index) != wanted:
        raise UpdateError(f"the index has {len(index)} bytes; {wanted} are wanted for a file of {size}")
    return [index[at : at + HASH] for at in range(0, wanted, HASH)]


def assemble(target: Path, size: int, index: bytes, seeds: list[Path], fetch: Fetch) -> Moved:
    """Fill `target` to `size` bytes whose blocks are those of `index`, synced. Repeat it after a cut to go on."""
    hashes, moved = split(index, size), Moved()
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        missing = _missing(file, hashes, size, moved)
        file.truncate(size)
        for seed in seeds:
            missing = _reuse(file, hashes, missing, seed, moved)
        for first, count in runs(sorted(missing)):
            _fill(file, hashes, first, count, size, fetch, moved)
        file.flush()
        os.fsync(file.fileno())
    return moved


def runs(blocks: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together, up to `RUN_CAP` of them: first block, how many."""
    begin = 0
    for at in range(1, len(blocks) + 1):
        if at == len(blocks) or blocks[at] != blocks[at - 1] + 1 or at - begin == RUN_CAP:
            yield blocks[begin], at - begin
            begin = at


def _missing(file: BinaryIO, hashes: list[bytes], size: int, moved: Moved) -> set[int]:
    missing, there = set(), os.fstat(file.fileno()).st_size
    for number, wanted in enumerate(hashes):
        begin = number * BLOCK
        block = file.read(min(BLOCK, size - begin)) if begin < there else b""
        if block and digest(block) == wanted:
            moved.kept += len(block)
        else:
            missing.add(number)
    return missing


def _reuse(file: BinaryIO, hashes: list[bytes], missing: set[int], seed: Path, moved: Moved) -> set[int]:
    """Each block is read and proven in one step: what stands on the medium now is what is copied."""
    wanted: dict[bytes, list[int]] = {}
    for number in missing:
        wanted.setdefault(hashes[number], []).append(number)
    for block in pieces(seed):
        if not wanted:
            break
        for number in wanted.pop(digest(block), ()):
            file.seek(number * BLOCK)
            file.write(block)
            moved.reused += len(block)
    return {number for places in wanted.values() for number in places}


def _fill(file: BinaryIO, hashes: list[bytes], first: int, count: int, size: int, fetch: Fetch, moved: Moved) -> None:
    begin = first * BLOCK
    data = fetch(begin, min(count * BLOCK, size - begin))
    moved.questions += 1
    for number in range(count):
        if digest(data[number * BLOCK : (number + 1) * BLOCK]) != hashes[first + number]:
            raise UpdateError(f"the source gave other bytes at {begin + number * BLOCK} than its index says")
    file.seek(begin)
    file.write(data)
    moved.fetched += len(data)
