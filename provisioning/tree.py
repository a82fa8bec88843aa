"""A file system below a root, and the few things that are done to it: each is whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from appliance.config import ConfigError

PART = ".chevet-part"  # behind the name of what is being written


class InstallError(ConfigError):
    """Whoever installs must do something; the sentence says what was found and what was wanted."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Content = bytes | Link


def fingerprint(content: Content) -> str:
    """What tells one content from another: `link:TARGET` or `sha256:HEX`."""
    if isinstance(content, Link):
        return f"link:{content.target}"
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Tree:
    """`root` stands for `/`; paths are absolute texts as the machine will know them. With `dry` nothing is changed.

    OSError of the file system comes out as `InstallError`. A symbolic link never leads out of the root.
    """

    def __init__(self, root: Path, dry: bool = False) -> None:
        self._root, self.dry = root.absolute(), dry
        if not (self._root / "etc").is_dir():
            raise InstallError(f"{root} is not the root of a system: it has no folder etc")

    def fingerprint(self, path: str) -> str | None:
        """Of what is there; None where nothing is, `other` for what is neither a file nor a link."""
        place = self._at(path)
        if place.is_symlink():
            return fingerprint(Link(str(place.readlink())))
        if place.is_file():
            return fingerprint(self.read(path))
        return "other" if place.exists() else None

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        try:
            return self._at(path).read_bytes()
        except OSError as error:
            raise _refused(path, error) from error

    def exists(self, path: str) -> bool:
        """Whether anything is there, a dangling link too."""
        return os.path.lexists(self._at(path))

    def put(self, path: str, content: Content) -> None:
        """Write it beside its place (readable by all, written by root), then move it there."""
        if self.dry:
            return
        place = self._at(path)
        part = place.with_name(place.name + PART)
        try:
            part.unlink(missing_ok=True)
            if isinstance(content, Link):
                part.symlink_to(content.target)
            else:
                _write(part, content)
            part.replace(place)
        except OSError as error:
            raise _refused(path, error) from error

    def sweep(self, path: str) -> None:
        """Remove what an interrupted `put` of this path left."""
        self.remove(path + PART)

    def remove(self, path: str) -> None:
        """Remove a file or a link; one that is not there is removed."""
        try:
            if not self.dry:
                self._at(path).unlink(missing_ok=True)
        except OSError as error:
            raise _refused(path, error) from error

    def make_folder(self, path: str) -> None:
        """Make one folder, that all may enter, in one that exists."""
        if self.dry:
            return
        try:
            self._at(path).mkdir(exist_ok=True)
            self._at(path).chmod(0o755)
        except OSError as error:
            raise _refused(path, error) from error

    def remove_folder(self, path: str) -> bool:
        """Remove a folder if it is empty; whether it is gone."""
        if not self.exists(path) or self.dry:
            return True
        try:
            self._at(path).rmdir()
        except OSError:
            return False
        return True

    def remove_all(self, path: str) -> None:
        """Remove a folder with all that is in it."""
        try:
            if not self.dry:
                shutil.rmtree(self._at(path))
        except OSError as error:
            raise _refused(path, error) from error

    def _at(self, path: str) -> Path:
        place = self._root / path.lstrip("/")
        if not place.parent.resolve().is_relative_to(self._root.resolve()):
            raise InstallError(f"{path}: a link in {self._root} leads out of it, to {place.parent.resolve()}")
        return place


def _write(part: Path, content: bytes) -> None:
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())  # a power cut must not leave the name without the content


def _refused(path: str, error: OSError) -> InstallError:
    return InstallError(f"{path}: {error.strerror or error}")
