"""Where a release is: a folder (a USB stick), or a server that is asked under the unit's own certificate."""

from __future__ import annotations

import ssl
from pathlib import Path
from types import TracebackType
from typing import Protocol

import httpx

from updater.manifest import UpdateError

MANIFEST = "release.jws"
INDEX = ".index"  # after a file's name
WAIT_S = 30.0


class Source(Protocol):
    """Errors are `UpdateError`. Names were proven by the manifest before they come here."""

    def whole(self, name: str, cap: int) -> bytes: ...

    def range(self, name: str, offset: int, length: int) -> bytes: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Folder:
    """A folder that somebody else has filled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def whole(self, name: str, cap: int) -> bytes:
        """A small file, whole."""
        return self._read(name, 0, cap + 1, cap)

    def range(self, name: str, offset: int, length: int) -> bytes:
        """So many bytes from there."""
        read = self._read(name, offset, length, length)
        if len(read) != length:
            raise UpdateError(f"{self._path / name}: {len(read)} bytes at {offset}; {length} are wanted")
        return read

    def _read(self, name: str, offset: int, length: int, cap: int) -> bytes:
        path = self._path / name
        try:
            if path.is_symlink() or not path.is_file():
                raise UpdateError(f"{path} is not there, or is no plain file")
            with path.open("rb") as file:
                file.seek(offset)
                read = file.read(length)
        except OSError as error:
            raise UpdateError(f"{path} cannot be read: {error.strerror}") from error
        if len(read) > cap:
            raise UpdateError(f"{path} has more than {cap} bytes")
        return read


class Web:
    """A server with ranges (RFC 9110, section 14)."""

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(verify=tls, timeout=WAIT_S, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def whole(self, name: str, cap: int) -> bytes:
        """A small file, whole."""
        return self._read(name, {}, 200, cap)

    def range(self, name: str, offset: int, length: int) -> bytes:
        """So many bytes from there."""
        read = self._read(name, {"Range": f"bytes={offset}-{offset + length - 1}"}, 206, length)
        if len(read) != length:
            raise UpdateError(f"{self._url}/{name}: {len(read)} bytes at {offset}; {length} are wanted")
        return read

    def _read(self, name: str, headers: dict[str, str], wanted: int, cap: int) -> bytes:
        url, read = f"{self._url}/{name}", bytearray()
        try:
            # Not compressed on the way: the cap is for what arrives.
            with self._http.stream("GET", url, headers={"Accept-Encoding": "identity", **headers}) as answer:
                if answer.status_code != wanted:
                    raise UpdateError(f"{url}: answered {answer.status_code}; {wanted} is wanted")
                for piece in answer.iter_raw():
                    read += piece
                    if len(read) > cap:
                        raise UpdateError(f"{url}: more than {cap} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpdateError(f"{url}: {error or type(error).__name__}") from error
        return bytes(read)
