"""A release that this unit must not take: each is refused, and says why."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey
from msgspec import structs

from tests.unit.update.releases import ROOT, VERITY, Maker
from updater import manifest
from updater.manifest import File, Known, Release, UpdateError

A, B = "a" * 64, "b" * 64
NOW = datetime(2026, 12, 1, tzinfo=UTC)
GOOD = Release(
    "1.10",
    7,
    "1.2",
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
    [
        File(f"chevet_1.10_{ROOT}.root.raw", 900 << 20, A, B),
        File(f"chevet_1.10_{VERITY}.root-verity.raw", 16 << 20, A, B),
        File("chevet_1.10.efi", 80 << 20, A, B),
    ],
)


@pytest.fixture
def maker() -> Maker:
    return Maker()


def test_a_good_one_is_read_and_taken(maker: Maker) -> None:
    read = manifest.read(manifest.sign(GOOD, maker.key), [b"no key", maker.public])
    assert read == GOOD
    assert manifest.why_not(read, "1.9", Known(), "CHV-1", NOW) is None


@pytest.mark.parametrize(
    ("running", "known", "now", "why"),
    [
        ("1.10", Known(), NOW, "1.10 runs, and 1.10 is not newer"),
        ("1.11", Known(), NOW, "1.11 runs, and 1.10 is not newer"),
        ("1.9", Known(sequence=8), NOW, "the manifest has number 7, and 8 was seen already"),
        ("1.9", Known(floor="1.11"), NOW, "1.10 is older than the floor 1.11"),
        ("1.9", Known(refused={"1.10": "no screen"}), NOW, "1.10 failed on this unit: no screen"),
        ("1.9", Known(), datetime(2027, 1, 1, tzinfo=UTC), "the manifest expired on 2027-01-01"),
    ],
)
def test_what_is_not_taken(running: str, known: Known, now: datetime, why: str) -> None:
    assert manifest.why_not(GOOD, running, known, "CHV-1", now) == why


def test_a_share_is_the_same_units_each_time_and_about_as_many() -> None:
    some = structs.replace(GOOD, share=30)
    taken = [manifest.why_not(some, "1.9", Known(), f"CHV-{n}", NOW) is None for n in range(1000)]
    assert taken == [manifest.why_not(some, "1.9", Known(), f"CHV-{n}", NOW) is None for n in range(1000)]
    assert 250 < sum(taken) < 350


def test_another_signature_or_none_is_refused(maker: Maker) -> None:
    token = manifest.sign(GOOD, maker.key)
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-4]}AAAA"
    for wrong in (forged, token.replace(body, body[:-2]), f"{head}.{body}.", "", "{}", "eyJhbGciOiJub25lIn0.e30."):
        with pytest.raises(UpdateError, match="not signed by a key that this unit trusts"):
            manifest.read(wrong, [maker.public])
    with pytest.raises(UpdateError, match="trusts no signer"):
        manifest.read(token, [])


def test_something_else_that_was_signed_is_refused(maker: Maker) -> None:
    key = OKPKey.import_key(maker.key)
    other = jws.serialize_compact({"alg": "Ed25519", "typ": "chevet-configuration"}, b"{}", key, algorithms=["Ed25519"])
    with pytest.raises(UpdateError, match="what was signed is a 'chevet-configuration'"):
        manifest.read(other, [maker.public])


def test_a_huge_manifest_is_not_read(maker: Maker) -> None:
    with pytest.raises(UpdateError, match="has 65537 bytes; at most 65536"):
        manifest.read("x" * 65537, [maker.public])


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [
        ("../../etc/passwd", 1, "is no part of it"),
        (f"/chevet_1.10_{ROOT}.root.raw", 1, "is no part of it"),
        (f"chevet_1.10_{ROOT}.root.raw\n", 1, "is no part of it"),
        (f"chevet_1.9_{ROOT}.root.raw", 1, "is no part of it"),
        ("chevet_1x10.efi", 1, "is no part of it"),
        ("chevet_1.10.efi", 1, "are wanted"),  # twice: the root is missing
        (f"chevet_1.10_{ROOT}.root.raw", (1 << 30) + 1, "at most 1073741824 fit"),
        (f"chevet_1.10_{ROOT}.root.raw", 0, "cannot be read"),
    ],
)
def test_a_file_that_leads_elsewhere_or_does_not_fit(maker: Maker, name: str, size: int, why: str) -> None:
    bad = structs.replace(GOOD, files=[File(name, size, A, B), *GOOD.files[1:]])
    with pytest.raises(UpdateError, match=why):
        manifest.read(manifest.sign(bad, maker.key), [maker.public])


@pytest.mark.parametrize("version", ["1", "01.2", "1.2-rc1", "1.2/../3", "1.2.3.4.5", "", "1.123456"])
def test_a_version_of_another_form(maker: Maker, version: str) -> None:
    bad = msgspec.to_builtins(GOOD) | {"version": version}
    token = jws.serialize_compact(
        {"alg": "Ed25519", "typ": "chevet-release"},
        msgspec.json.encode(bad),
        OKPKey.import_key(maker.key),
        algorithms=["Ed25519"],
    )
    with pytest.raises(UpdateError, match=r"cannot be read.*version"):
        manifest.read(token, [maker.public])
