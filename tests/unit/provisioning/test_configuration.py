"""Signed settings: believed only when they are for this unit, newer, and in time; taken back when they harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey

from appliance.config import ConfigError
from provisioning import configuration
from provisioning.configuration import Configuration, apply, differences, verify
from provisioning.private import ProvisionError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD = Configuration("CHV-1", 2, NOW + timedelta(days=1), '[unit]\nid = "room-2"\nname = "Room 2"\n')


def keys() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


PRIVATE, PUBLIC = keys()


def refused(token: str, words: str, serial: str = "CHV-1", applied: int = 1, signer: bytes = PUBLIC) -> None:
    with pytest.raises(ConfigError, match=words):
        verify(token, signer, serial, applied, NOW)


def test_what_was_signed_for_this_unit_is_read() -> None:
    assert verify(configuration.sign(GOOD, PRIVATE), PUBLIC, "CHV-1", 1, NOW) == GOOD


def test_and_nothing_else() -> None:
    token = configuration.sign(GOOD, PRIVATE)
    refused(token, "for the unit CHV-1, and this is CHV-2", serial="CHV-2")
    refused(token, "has number 2, and 2 was applied", applied=2)
    refused(token, "not signed by the key", signer=keys()[1])
    refused(token[:-4] + "AAAA", "not signed by the key")
    refused("nonsense", "not signed by the key")
    refused(configuration.sign(Configuration("CHV-1", 2, NOW - timedelta(seconds=1), ""), PRIVATE), "expired on 2026")
    wrong = Configuration("CHV-1", 2, GOOD.expires, "[unit]\nnom = 1\n")
    refused(configuration.sign(wrong, PRIVATE), "unit.nom: unknown key")
    refused(configuration.sign(Configuration("CHV-1", 2, GOOD.expires, "= 1"), PRIVATE), "not TOML")
    report = jws.serialize_compact({"alg": "ES256", "typ": "chevet-acceptance"}, b"{}", ECKey.import_key(PRIVATE))
    refused(report, "is a 'chevet-acceptance', not a 'chevet-configuration'")
    nothing = jws.serialize_compact({"alg": "ES256", "typ": configuration.KIND}, b'{"a":1}', ECKey.import_key(PRIVATE))
    refused(nothing, "cannot be read")


def test_differences_name_each_setting() -> None:
    before = 'state = "s"\n[server]\nport = 8080\n[[devices]]\nkey = "cuff"\nname = "Cuff"\n'
    after = 'state = "s"\n[server]\nport = 8081\n[[devices]]\nkey = "scale"\nname = "Scale"\n'
    assert differences(before, after) == [
        'devices.cuff.key: "cuff" -> (nothing)',
        'devices.cuff.name: "Cuff" -> (nothing)',
        'devices.scale.key: (nothing) -> "scale"',
        'devices.scale.name: (nothing) -> "Scale"',
        "server.port: 8080 -> 8081",
    ]


def well() -> None:
    return None


@pytest.mark.parametrize("before", [b"old", None])
def test_settings_that_do_no_harm_stay(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "chevet.toml"
    if before is not None:
        path.write_bytes(before)
    apply(path, "new", well, lambda: None)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644


def no_start() -> None:
    raise ProvisionError("systemctl says no")


@pytest.mark.parametrize(("restart", "words"), [(well, "no records"), (no_start, "systemctl says no")])
def test_settings_that_harm_are_taken_back(tmp_path: Path, restart: Callable[[], None], words: str) -> None:
    path = tmp_path / "chevet.toml"
    path.write_text("old")
    with pytest.raises(ProvisionError, match=f"was not well: {words}; the old ones are back"):
        apply(path, "new", restart, lambda: "no records" if path.read_text() == "new" else None)
    assert path.read_text() == "old"


def test_the_number_of_what_runs_is_remembered(tmp_path: Path) -> None:
    assert configuration.applied(tmp_path) == 0
    configuration.remember(tmp_path, 7)
    assert configuration.applied(tmp_path) == 7
    (tmp_path / configuration.APPLIED).write_text("{}")
    with pytest.raises(ProvisionError, match="cannot be read"):
        configuration.applied(tmp_path)
