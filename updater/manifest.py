"""What a release is, as its maker signed it, and whether this unit may take it. Everything here comes from outside.

A release is a JWS (RFC 7515) under Ed25519 (RFC 9864). It names three files by a name that follows from the version, so
that no name leads anywhere else, and each by size and hash; `index` is the hash of the list of the file's block hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Meta, Struct

from drivers.core.errors import ChevetError

KIND, ALGORITHM = "chevet-release", "Ed25519"
TOKEN_CAP = 64 * 1024
VERSION = r"^(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){1,3}$"
# The size of what each goes into: a slot of 1 GiB, its hashes of 64 MiB, a kernel image (os-image/mkosi.extra).
SIZE_CAPS = {"root": 1 << 30, "root-verity": 64 << 20, "efi": 160 << 20}

Version = Annotated[str, Meta(pattern=VERSION, max_length=24)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class UpdateError(ChevetError):
    """The release or its source is at fault; the sentence says what was got and what was wanted."""


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a release. `size` in bytes."""

    name: Annotated[str, Meta(max_length=120)]
    size: Annotated[int, Meta(gt=0)]
    sha256: Sha256
    index: Sha256


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """What was signed. `floor`: no version below it is ever installed again. `share`: percent of units."""

    version: Version
    sequence: Annotated[int, Meta(ge=1, le=1 << 53)]
    floor: Version
    made: datetime
    expires: datetime
    files: Annotated[list[File], Meta(min_length=3, max_length=3)]
    share: Annotated[int, Meta(ge=0, le=100)] = 100


class Known(Struct, frozen=True):
    """What the unit remembers for good, whatever a release says."""

    sequence: int = 0
    floor: str = "0.0"
    refused: dict[str, str] = {}  # version: why


def number(version: str) -> tuple[int, ...]:
    """A version in its order: 1.10 comes after 1.9, and 1.0 is 1."""
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def read(token: str, signers: Iterable[bytes]) -> Release:
    """The release in a JWS that one of the `signers` (public keys, PEM) has signed; else `UpdateError`."""
    if len(token) > TOKEN_CAP:
        raise UpdateError(f"the release's manifest has {len(token)} bytes; at most {TOKEN_CAP} are read")
    try:
        found = msgspec.json.decode(_payload(token.strip(), signers), type=Release)
    except msgspec.DecodeError as error:
        raise UpdateError(f"the signed manifest cannot be read: {error}") from error
    if found.made.tzinfo is None or found.expires.tzinfo is None:
        raise UpdateError("the manifest's times have no zone; UTC is wanted")
    _check_files(found)
    return found


def sign(release: Release, key: bytes) -> str:
    """The JWS of a release; for who makes releases. `key`: Ed25519, PEM."""
    header = {"alg": ALGORITHM, "typ": KIND}
    return jws.serialize_compact(header, msgspec.json.encode(release), OKPKey.import_key(key), algorithms=[ALGORITHM])


def why_not(release: Release, running: str, known: Known, serial: str, now: datetime | None = None) -> str | None:
    """Why this unit must not take this release; None where it may."""
    version, moment = number(release.version), max(now or datetime.now(UTC), release.made)
    floor = max(number(known.floor), number(release.floor))
    reasons = {
        f"{release.version} failed on this unit: {known.refused.get(release.version)}": release.version
        in known.refused,
        f"{release.version} is older than the floor {'.'.join(map(str, floor))}": version < floor,
        f"the manifest has number {release.sequence}, and {known.sequence} was seen already": release.sequence
        < known.sequence,
        f"the manifest expired on {release.expires:%Y-%m-%d}": release.expires <= moment,
        f"{running} runs, and {release.version} is not newer": version <= number(running),
        f"{release.version} is for {release.share} % of the units so far, and this one is not of them": not _has_turn(
            release, serial
        ),
    }
    return next((why for why, holds in reasons.items() if holds), None)


def _has_turn(release: Release, serial: str) -> bool:
    """The same answer each time for one unit and one version, another for the next version."""
    drawn = hashlib.sha256(f"{release.version}\n{serial}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") % 100 < release.share


def _payload(token: str, signers: Iterable[bytes]) -> bytes:
    why = "the unit trusts no signer of releases"
    for signer in signers:
        try:
            signed = jws.deserialize_compact(token, OKPKey.import_key(signer), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError) as error:
            why = str(error)
            continue
        if signed.headers().get("typ") != KIND:
            raise UpdateError(f"what was signed is a {signed.headers().get('typ')!r}, not a {KIND!r}")
        return signed.payload
    raise UpdateError(f"the manifest is not signed by a key that this unit trusts ({why})")


def _check_files(release: Release) -> None:
    kinds = {part(file.name, release.version): file for file in release.files}
    if set(kinds) != set(SIZE_CAPS):
        raise UpdateError(f"the release {release.version} has {sorted(kinds)}; {sorted(SIZE_CAPS)} are wanted")
    for kind, file in kinds.items():
        if file.size > SIZE_CAPS[kind]:
            raise UpdateError(f"{file.name} has {file.size} bytes; at most {SIZE_CAPS[kind]} fit")


def part(name: str, version: str) -> str:
    """Which part of a release a file is: root, root-verity or efi. `UpdateError` for any other name."""
    one = re.escape(version)
    uuid = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    found = re.fullmatch(rf"chevet_{one}(?:\.(efi)|_{uuid}\.(root|root-verity)\.raw)", name)
    if found is None:
        raise UpdateError(f"the release {version} names a file {name!r}, which is no part of it")
    return found[1] or found[2]
