"""A release as it is offered: the files of a build, an index beside each, and the signed manifest. For its maker."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from updater import blocks, manifest
from updater.manifest import File, Release, UpdateError
from updater.sources import INDEX, MANIFEST


def publish(folder: Path, version: str, sequence: int, floor: str, days: int, share: int, key: bytes) -> Release:
    """Write indexes and manifest into a folder that holds the three files of a version; what was signed."""
    made = datetime.now(UTC).replace(microsecond=0)
    files = [_file(path, version) for path in sorted(folder.glob("chevet_*")) if path.suffix in {".raw", ".efi"}]
    if len(files) != len(manifest.SIZE_CAPS):
        raise UpdateError(f"{folder} holds {len(files)} files of a release; {len(manifest.SIZE_CAPS)} are wanted")
    release = Release(version, sequence, floor, made, made + timedelta(days=days), files, share)
    (folder / MANIFEST).write_text(manifest.sign(release, key), "ascii")
    return release


def _file(path: Path, version: str) -> File:
    manifest.part(path.name, version)
    index = blocks.index_of(path)
    path.with_name(path.name + INDEX).write_bytes(index)
    return File(path.name, path.stat().st_size, blocks.sha256(path), hashlib.sha256(index).hexdigest())
