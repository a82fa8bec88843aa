"""Bytes of unknown length, sealed while they arrive: nothing of a patient is ever on the disk in the clear.

A file is the object's own key, sealed with the key of what keeps it, and then pieces of 64 KiB, each sealed with its
number and whether it is the last (as in STREAM, Hoang et al. 2015): a piece that was moved, repeated or cut off does
not open. Until the object is kept its key is in memory only, so that what a crash leaves behind can be read by nobody.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.records.errors import StorageFull, StoreError
from appliance.records.keys import KEY_BYTES, DataKey, make_folder, sync_directory

PIECE = 64 * 1024
SEAL = 12 + 16  # nonce and tag
HEAD = KEY_BYTES + SEAL
KEPT_HEAD = 1024 * 1024  # what can be looked at without reading the file again
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Spool:
    """One object on its way in. `write` never raises: what went wrong is told by `close`."""

    def __init__(self, path: Path, cap: int) -> None:
        self.bytes, self.head = 0, b""
        self._path, self._cap, self._pieces = path, cap, 0
        self._hash, self._waiting = hashlib.sha256(), bytearray()
        self._secret = os.urandom(KEY_BYTES)
        self._key = DataKey(self._secret)
        self._fault: StoreError | StorageFull | None = None
        self._file: BinaryIO | None = None
        with self._kept_fault():
            make_folder(path.parent)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b", buffering=0)
            self._put(bytes(HEAD))

    def write(self, data: bytes) -> int:
        """Take bytes in; how many there were."""
        self.bytes += len(data)
        if self._fault is None and self.bytes > self._cap:
            self._fault = StorageFull(f"this object is larger than the {self._cap} bytes that are taken")
        if self._fault is None:
            self._hash.update(data)
            self.head += data[: max(0, KEPT_HEAD - len(self.head))]
            self._waiting += data
            with self._kept_fault():
                while len(self._waiting) > PIECE:  # the last piece is only known at the end
                    self._seal(bytes(self._waiting[:PIECE]), last=False)
                    del self._waiting[:PIECE]
        return len(data)

    def close(self) -> None:
        """All bytes are there. `StorageFull` or `StoreError` where they could not be written."""
        if self._fault is None:
            with self._kept_fault():
                self._seal(bytes(self._waiting), last=True)
                self._waiting.clear()
        if self._fault is not None:
            raise self._fault

    @property
    def sha256(self) -> str:
        """Of the plain bytes, in hex."""
        return self._hash.hexdigest()

    def read(self) -> bytes:
        """All of a closed spool's plain bytes: for what is small enough."""
        return self.head if len(self.head) == self.bytes else b"".join(_pieces(self._path, self._key))

    def keep(self, place: Path, key: DataKey, name: str) -> None:
        """Give a closed spool to `key`, under `place` on the disk when this returns. Raises `OSError`."""
        if self._file is None:
            raise StoreError("this object was thrown away already")
        self._file.seek(0)
        self._put(key.seal(self._secret, name))
        os.fsync(self._file.fileno())
        make_folder(place.parent)
        self._path.replace(place)
        sync_directory(place.parent)
        self._file.close()

    def discard(self) -> None:
        """Throw away what was not kept."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        self._put(self._key.seal(plain, _piece(self._pieces, last=last)))
        self._pieces += 1

    def _put(self, data: bytes) -> None:
        if self._file is None or self._file.write(data) != len(data):
            raise OSError(errno.ENOSPC, "short write")

    @contextmanager
    def _kept_fault(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in FULL
            self._fault = StorageFull("there is no room left on the unit's disk") if full else StoreError(str(error))


def unsealed(path: Path, key: DataKey, name: str) -> bytes:
    """The plain bytes of a kept spool; `StoreError` where they were changed or cut off."""
    with path.open("rb") as file:
        own = DataKey(key.unseal(file.read(HEAD), name))
    return b"".join(_pieces(path, own))


def rekeyed(path: Path, place: Path, key: DataKey, other: DataKey, name: str) -> None:
    """A copy of a kept spool that opens with `other`, on the disk when this returns. Raises `OSError`."""
    half = place.with_name(place.name + ".part")
    make_folder(place.parent)
    fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb") as source, os.fdopen(fd, "wb") as copy:
        copy.write(other.seal(key.unseal(source.read(HEAD), name), name))
        shutil.copyfileobj(source, copy, PIECE)
        copy.flush()
        os.fsync(copy.fileno())
    half.replace(place)
    sync_directory(place.parent)


def _pieces(path: Path, key: DataKey) -> Iterator[bytes]:
    left, number = path.stat().st_size - HEAD, 0
    with path.open("rb") as file:
        file.seek(HEAD)
        while left > 0 or number == 0:
            sealed = file.read(PIECE + SEAL)
            left -= len(sealed)
            yield key.unseal(sealed, _piece(number, last=left <= 0))
            number += 1


def _piece(number: int, *, last: bool) -> str:
    return f"piece:{number}:{'last' if last else 'more'}"
