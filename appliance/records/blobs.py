"""Large bytes (stills, sounds), sealed, each found by its consultation and the SHA-256 of its plain bytes.

A blob is on the disk before the row that names it is written. A blob that no row names is harmless.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from appliance.records.errors import StoreError, Unknown
from appliance.records.keys import DataKey, write_durably


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

    def get(self, consultation: str, sha256: str, key: DataKey) -> bytes:
        """The bytes, proven by their hash; `Unknown` where there are none, `StoreError` where they were changed."""
        try:
            sealed = self._path(consultation, sha256).read_bytes()
        except FileNotFoundError:
            raise Unknown(f"no blob {sha256[:12]}") from None
        data = key.unseal(sealed, f"blob:{sha256}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(f"blob {sha256[:12]} does not have the hash it is named by")
        return data

    def forget(self, consultation: str) -> None:
        """Remove all blobs of a consultation; its key is gone already, this frees the space."""
        shutil.rmtree(self._folder / consultation, ignore_errors=True)

    def _path(self, consultation: str, sha256: str) -> Path:
        return self._folder / consultation / f"{sha256}.sealed"
