"""The unit's settings, signed: read before they are believed, shown before they are applied, taken back if they harm.

A configuration is a JWS (RFC 7515, ES256) whose payload names the unit, counts up, and holds `chevet.toml`. The key
that signs is the one that the unit was given at its enrolment. An old one never comes back: its number is too low.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from msgspec import Meta, Struct

from appliance import config
from appliance.config import ConfigError
from provisioning import private
from provisioning.private import ProvisionError

KIND = "chevet-configuration"
SIGNER, APPLIED = "configuration.pem", "configuration.json"  # beside the unit's key
BEFORE = ".before"
ABSENT = "(nothing)"


class Configuration(Struct, frozen=True, forbid_unknown_fields=True):
    """What was signed."""

    serial: Annotated[str, Meta(max_length=64)]
    number: Annotated[int, Meta(ge=1)]
    expires: datetime
    toml: Annotated[str, Meta(max_length=256 * 1024)]


def verify(token: str, signer: bytes, serial: str, applied: int, now: datetime | None = None) -> Configuration:
    """The configuration in a JWS; `ProvisionError` says why this unit must not take it."""
    try:
        signed = jws.deserialize_compact(token.strip(), ECKey.import_key(signer), algorithms=["ES256"])
    except (JoseError, ValueError) as error:
        raise ProvisionError(f"the configuration is not signed by the key that this unit trusts ({error})") from error
    if signed.headers().get("typ") != KIND:
        raise ProvisionError(f"what was signed is a {signed.headers().get('typ')!r}, not a {KIND!r}")
    try:
        found = msgspec.json.decode(signed.payload, type=Configuration)
    except msgspec.DecodeError as error:
        raise ProvisionError(f"the signed configuration cannot be read: {error}") from error
    if found.serial != serial:
        raise ProvisionError(f"the configuration is for the unit {found.serial}, and this is {serial}")
    if found.number <= applied:
        raise ProvisionError(f"the configuration has number {found.number}, and {applied} was applied already")
    if found.expires.astimezone(UTC) <= (now or datetime.now(UTC)):
        raise ProvisionError(f"the configuration expired on {found.expires:%Y-%m-%d}")
    config.parse(tomllib.loads(_toml(found.toml)), "the signed configuration")
    return found


def sign(configuration: Configuration, key: bytes) -> str:
    """The JWS of a configuration; for who runs the platform, and for tests."""
    return jws.serialize_compact(
        {"alg": "ES256", "typ": KIND}, msgspec.json.encode(configuration), ECKey.import_key(key)
    )


def differences(before: str, after: str) -> list[str]:
    """What would change, a line for each setting: `server.port: 8080 -> 8081`. Settings hold no secret."""
    old, new = dict(_flat(tomllib.loads(before))), dict(_flat(tomllib.loads(_toml(after))))
    return [
        f"{name}: {old.get(name, ABSENT)} -> {new.get(name, ABSENT)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def apply(path: Path, toml: str, restart: Callable[[], None], unhealthy: Callable[[], str | None]) -> None:
    """Put the settings in place and start the unit with them; not well: the old ones are back, and `ProvisionError`.

    A cut at any instant leaves one whole file: the old one or the new one.
    """
    before = private.read(path)
    if before is not None:
        private.write(path.with_name(path.name + BEFORE), before)
    private.write(path, toml.encode())
    path.chmod(0o644)  # it holds no secret, and the service has a user of its own
    why = _started(restart, unhealthy)
    if why is None:
        return
    if before is None:
        raise ProvisionError(f"with the new settings the unit is not well: {why}; there were none before")
    private.write(path, before)
    path.chmod(0o644)
    again = _started(restart, unhealthy)
    raise ProvisionError(
        f"with the new settings the unit was not well: {why}; the old ones are back"
        f"{'' if again is None else f', and it is still not well: {again}'}"
    )


def applied(folder: Path) -> int:
    """The number of the configuration that runs; 0 where none was applied."""
    there = private.read(folder / APPLIED)
    try:
        return 0 if there is None else int(json.loads(there)["number"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProvisionError(f"{folder / APPLIED} cannot be read: {error}") from error


def remember(folder: Path, number: int) -> None:
    """This one runs, and no older one is taken any more."""
    private.write(folder / APPLIED, json.dumps({"number": number}).encode())


def _started(restart: Callable[[], None], unhealthy: Callable[[], str | None]) -> str | None:
    try:
        restart()
        return unhealthy()
    except ConfigError as error:
        return str(error)


def _toml(text: str) -> str:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProvisionError(f"the signed configuration is not TOML: {error}") from error
    return text


def _flat(table: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Settings by their full names; devices and sources by their keys and not by their places."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    elif isinstance(table, list) and table and all(isinstance(one, dict) for one in table):
        for at, one in enumerate(table):
            yield from _flat(one, f"{name}.{one.get('key', at)}")
    else:
        yield name, json.dumps(table, ensure_ascii=False, default=str)
