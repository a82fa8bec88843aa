"""Patient data at rest: AES-256-GCM (NIST SP 800-38D) with a key per consultation, wrapped by the unit's key.

Destroying the wrapped key of a consultation is its deletion: nothing that was sealed with it can be read again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.records.errors import StoreError

KEY_BYTES = 32
_NONCE_BYTES = 12


class DataKey:
    """The key of one consultation. `name` is bound into every seal, so that no sealed text fits anywhere else."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, name: str) -> bytes:
        """Nonce and cipher text of `plain`; `name` is where it stands (`result:<id>`)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, name.encode())

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """The plain bytes; `StoreError` where they were changed, or stand elsewhere than they were sealed for."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
            raise StoreError(f"{name}: the sealed bytes do not open with their key") from None


class Keyring:
    """The unit's key, and the keys of consultations that it wraps."""

    def __init__(self, unit_key: bytes) -> None:
        if len(unit_key) != KEY_BYTES:
            raise StoreError(f"the unit's key has {len(unit_key)} bytes, {KEY_BYTES} are wanted")
        self._unit = DataKey(unit_key)
        self._mac_key = hashlib.sha256(b"chevet fingerprint" + unit_key).digest()

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """The key in `path`; `StoreError` where it is not there or not a key."""
        try:
            return cls(path.read_bytes())
        except FileNotFoundError:
            raise StoreError(
                f"{path} is missing, and the records beside it cannot be read without it: put it back, "
                "or move the state directory away to begin anew"
            ) from None

    @classmethod
    def create(cls, path: Path) -> Keyring:
        """A fresh key in `path`, readable by its owner only."""
        write_durably(path, os.urandom(KEY_BYTES))
        return cls.load(path)

    def make(self, name: str) -> tuple[DataKey, bytes]:
        """A fresh key, and its wrapped form to be kept beside what it seals."""
        key = os.urandom(KEY_BYTES)
        return DataKey(key), self._unit.seal(key, f"key:{name}")

    def unwrap(self, wrapped: bytes, name: str) -> DataKey:
        """The key that was wrapped for `name`."""
        return DataKey(self._unit.unseal(wrapped, f"key:{name}"))

    def fingerprint(self, text: bytes) -> str:
        """A keyed digest: tells repeats apart from news without telling what was measured."""
        return hmac.new(self._mac_key, text, hashlib.sha256).hexdigest()


def write_durably(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, on the disk when this returns, readable by its owner only."""
    make_folder(path.parent)
    half = path.with_name(path.name + ".part")
    fd = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    sync_directory(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder with those above it; its own name is on the disk too, before anything that stands in it counts."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)
        sync_directory(folder.parent)


def sync_directory(folder: Path) -> None:
    """A renamed file is only there after a power cut if its folder was synced too."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
