"""Large bytes (stills, sounds), sealed, each found by its consultation and the SHA-256 of its plain bytes.

A blob is on the disk before the row that names it is written. A blob that no row names is harmless.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from appliance.records.errors import StoreError, Unknown
from appliance.records.keys import DataKey, write_durably
from appliance.records.spool import Spool, rekeyed, unsealed

SPOOL, STREAM = "spool", ".stream"


class Blobs:
    """The folder of blobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, consultation: str, data: bytes, key: DataKey) -> str:
        """Keep `data`; returns its SHA-256 in hex. Keeping the same bytes twice is one file."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(consultation, sha256)
        if not path.exists():
            write_durably(path, key.seal(data, f"blob:{sha256}"))
        return sha256

    def spool(self, cap: int) -> Spool:
        """Where an object of at most `cap` bytes can arrive, sealed, until `take` keeps it."""
        return Spool(self._folder / SPOOL / os.urandom(8).hex(), cap)

    def take(self, owner: str, spool: Spool, key: DataKey) -> None:
        """Keep a closed spool for a consultation or a quarantined reading; the same bytes twice are one file."""
        path = self._path(owner, spool.sha256).with_suffix(STREAM)
        if path.exists():
            spool.discard()
        else:
            spool.keep(path, key, f"blob:{spool.sha256}")

    def clear_spool(self) -> None:
        """Remove what a crash left half received; nobody can read it, and nobody was told that it is here."""
        shutil.rmtree(self._folder / SPOOL, ignore_errors=True)

    def get(self, consultation: str, sha256: str, key: DataKey) -> bytes:
        """The bytes, proven by their hash; `Unknown` where there are none, `StoreError` where they were changed."""
        path = self._path(consultation, sha256)
        try:
            if path.exists():
                data = key.unseal(path.read_bytes(), f"blob:{sha256}")
            else:
                data = unsealed(path.with_suffix(STREAM), key, f"blob:{sha256}")
        except FileNotFoundError:
            raise Unknown(f"no blob {sha256[:12]}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(f"blob {sha256[:12]} does not have the hash it is named by")
        return data

    def adopt(self, owner: str, heir: str, sha256: str, key: DataKey, heirs_key: DataKey) -> None:
        """Give a kept object to another owner, under its key; the old one stays until `forget`. `OSError`."""
        source, place = (self._path(name, sha256).with_suffix(STREAM) for name in (owner, heir))
        if not place.exists() and not self._path(heir, sha256).exists():
            rekeyed(source, place, key, heirs_key, f"blob:{sha256}")

    def forget(self, consultation: str) -> None:
        """Remove all blobs of a consultation; its key is gone already, this frees the space."""
        shutil.rmtree(self._folder / consultation, ignore_errors=True)

    def _path(self, consultation: str, sha256: str) -> Path:
        return self._folder / consultation / f"{sha256}.sealed"
