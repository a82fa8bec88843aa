"""Objects that are sealed while they arrive."""

from __future__ import annotations

import hashlib
import os
import resource
from pathlib import Path

import pytest

from appliance.records.blobs import Blobs
from appliance.records.errors import StorageFull, StoreError, Unknown
from appliance.records.keys import DataKey
from appliance.records.spool import HEAD, PIECE, SEAL, Spool, unsealed

MEGABYTE = 1024 * 1024
KEY = DataKey(bytes(32))


def arrived(folder: Path, *parts: bytes, cap: int = 100 * MEGABYTE) -> Spool:
    spool = Blobs(folder).spool(cap)
    for part in parts:
        assert spool.write(part) == len(part)
    spool.close()
    return spool


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 2 * MEGABYTE + 5])
def test_the_same_bytes_come_back(tmp_path: Path, size: int) -> None:
    data, blobs = os.urandom(size), Blobs(tmp_path)
    spool = arrived(tmp_path, data[:7], data[7:])
    assert (spool.bytes, spool.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert spool.read() == data
    assert spool.head == data[:MEGABYTE]
    blobs.take("c-1", spool, KEY)
    assert blobs.get("c-1", spool.sha256, KEY) == data
    assert list((tmp_path / "spool").iterdir()) == []


def test_nothing_is_on_the_disk_in_the_clear(tmp_path: Path) -> None:
    arrived(tmp_path, b"DURAND^ANNE" * 20_000)
    (file,) = (tmp_path / "spool").iterdir()
    assert file.stat().st_size > 200_000
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"DURAND" not in file.read_bytes()


def test_a_change_a_cut_and_another_key_are_noticed(tmp_path: Path) -> None:
    blobs, data = Blobs(tmp_path), os.urandom(3 * PIECE)
    spool = arrived(tmp_path, data)
    blobs.take("c-1", spool, KEY)
    path = tmp_path / "c-1" / f"{spool.sha256}.stream"
    whole, piece = path.read_bytes(), PIECE + SEAL
    swapped = (
        whole[:HEAD] + whole[HEAD + piece : HEAD + 2 * piece] + whole[HEAD : HEAD + piece] + whole[HEAD + 2 * piece :]
    )
    for broken in (whole[: HEAD + 2 * piece], whole[:HEAD], whole[:-1], swapped, whole + whole[-piece:]):
        path.write_bytes(broken)
        with pytest.raises(StoreError):
            blobs.get("c-1", spool.sha256, KEY)
    path.write_bytes(whole)
    with pytest.raises(StoreError):
        unsealed(path, DataKey(bytes(31) + b"1"), f"blob:{spool.sha256}")


def test_what_is_too_large_is_refused_at_the_end(tmp_path: Path) -> None:
    spool = Blobs(tmp_path).spool(10)
    spool.write(b"12345678901")
    spool.write(b"more")
    with pytest.raises(StorageFull, match="larger than the 10 bytes"):
        spool.close()
    spool.discard()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_full_disk_is_told_at_the_end(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = Blobs(tmp_path).spool(10 * MEGABYTE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * PIECE, limits[1]))
        for _ in range(10):
            spool.write(bytes(PIECE))
        with pytest.raises(StorageFull, match="no room left"):
            spool.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        spool.discard()


def test_a_restart_removes_what_was_half_received(tmp_path: Path) -> None:
    Blobs(tmp_path).spool(10).write(b"half")
    Blobs(tmp_path).clear_spool()
    assert not (tmp_path / "spool").exists()


def test_memory_stays_small(tmp_path: Path) -> None:
    spool = Blobs(tmp_path).spool(100 * MEGABYTE)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(60):
        spool.write(bytes(MEGABYTE))
    spool.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 20_000
    spool.discard()
    with pytest.raises((StoreError, Unknown)):
        spool.keep(tmp_path / "x", KEY, "x")
