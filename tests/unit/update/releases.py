"""Releases of small files, a machine with two slots that are folders, and an updater for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from updater.machine import Machine
from updater.publish import publish
from updater.update import Updater

ROOT, VERITY = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-aaaaaaaaaaaa"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Maker:
    """Who signs."""

    def __init__(self) -> None:
        key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
        self.key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def release(self, folder: Path, version: str, sequence: int, *, changed: int = 3, share: int = 100) -> Path:
        """64 blocks of root of which `changed` differ from version to version, 5 of hashes, a kernel that ends odd."""
        folder.mkdir()
        base, own = random.Random(1), random.Random(version)
        root = [base.randbytes(4096) for _ in range(64)]
        for number in range(changed):
            root[number * 7] = own.randbytes(4096)
        (folder / f"chevet_{version}_{ROOT}.root.raw").write_bytes(b"".join(root))
        (folder / f"chevet_{version}_{VERITY}.root-verity.raw").write_bytes(base.randbytes(4096 * 5))
        (folder / f"chevet_{version}.efi").write_bytes(base.randbytes(9000) + own.randbytes(100))
        publish(folder, version, sequence, "0.0", 3650, share, self.key)
        return folder


def machine(place: Path, running: str, release: Path) -> Machine:
    """It runs the files of `release`. Writing copies what is staged, the kernel image last, as systemd does."""
    entries, devices, slot = place / "entries", place / "devices", place / "slot"
    for folder in (entries, devices, slot):
        folder.mkdir(parents=True, exist_ok=True)
    (place / "os-release").write_text(f'IMAGE_ID="chevet"\nIMAGE_VERSION="{running}"\n')
    (entries / f"chevet_{running}.efi").write_bytes((release / f"chevet_{running}.efi").read_bytes())
    for kind, uuid in (("root", ROOT), ("root-verity", VERITY)):
        data = (release / f"chevet_{running}_{uuid}.{kind}.raw").read_bytes()
        (devices / f"{kind.replace('-', '_')}_{running}").write_bytes(data)
    source = place / "update"

    def run(words: tuple[str, ...]) -> None:
        if words[-2] == "update":
            version = words[-1]
            for path in sorted(source.iterdir(), reverse=True):
                name = f"chevet_{version}+2.efi" if path.suffix == ".efi" else path.name
                (entries if path.suffix == ".efi" else slot).joinpath(name).write_bytes(path.read_bytes())

    return Machine(entries, place / "os-release", devices, source, run)


def updater(place: Path, unit: Machine, maker: Maker, busy: Callable[[], bool] = lambda: False) -> Updater:
    """Its folder is `place`/update-state."""
    return Updater(place / "update-state", unit, (maker.public,), "CHV-1", busy, lambda: NOW)
