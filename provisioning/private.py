"""Files that only the unit may read, whole or as before."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.config import ConfigError

PART = ".part"
SIZE_CAP = 1 << 20


class ProvisionError(ConfigError):
    """A technician must do something; the sentence says what was found and what was wanted."""


def write(path: Path, data: bytes) -> None:
    """Put a file in place of what was there, mode 0600, on the disk when this returns; else `ProvisionError`."""
    part = path.with_name(path.name + PART)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise ProvisionError(f"{path} cannot be written: {error.strerror}") from error


def read(path: Path) -> bytes | None:
    """Its bytes; None where there is none. `ProvisionError` where it is unreadable or absurdly large."""
    try:
        if path.stat().st_size > SIZE_CAP:
            raise ProvisionError(f"{path} has {path.stat().st_size} bytes; at most {SIZE_CAP} are read")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProvisionError(f"{path} cannot be read: {error.strerror}") from error


def remove(path: Path) -> None:
    """Overwrite and remove a file, gone when this returns. A medium that copies on write may keep its blocks."""
    try:
        with path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ProvisionError(f"{path} cannot be removed: {error.strerror}") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
