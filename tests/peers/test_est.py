"""Enrolment over EST with a CA of OpenSSL, and what a hostile or faulty server can do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from provisioning import enrolment, est
from provisioning.enrolment import Issuer
from provisioning.identity import Identity, due, left
from provisioning.private import ProvisionError
from tests.peers.est_door import PASSWORD, USER, Authority, est_server, openssl


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.make()
    return authority


@pytest.fixture
def authority(made: Authority) -> Authority:
    made.days, made.busy, made.other, made.foreign = 90, 0, False, False
    made.asked.clear()
    return made


@pytest.fixture
def door(authority: Authority) -> Iterator[str]:
    with est_server(authority) as url:
        yield url


@pytest.fixture
def unit(tmp_path: Path) -> Identity:
    return Identity(tmp_path / "identity")


def enrolled(unit: Identity, door: str, authority: Authority, password: str = PASSWORD) -> list[object]:
    server = enrolment.issuer(Issuer(door, authority.root, USER, password))
    trusted = est.authority(server)
    chain = est.enroll(server, unit.request("CHV-1"), trusted, sleep=lambda _: None)
    unit.keep(chain, trusted)
    return list(chain)


def test_a_certificate_for_the_units_own_key(unit: Identity, door: str, authority: Authority) -> None:
    assert len(enrolled(unit, door, authority)) == 2  # and the issuing CA below the root
    mine = unit.certificate()
    assert mine is not None
    assert mine.public_key() == unit.key().public_key()
    assert timedelta(days=89) < left(mine) <= timedelta(days=90)
    assert authority.asked == ["/.well-known/est/cacerts", "/.well-known/est/simpleenroll"]
    said = openssl(unit.folder, "verify", "-CAfile", "authority.pem", "-untrusted", "unit.pem", "unit.pem")
    assert said.strip() == b"unit.pem: OK"
    assert unit.key_file.stat().st_mode & 0o777 == 0o600


def test_it_is_renewed_under_the_old_one_when_a_third_of_its_life_is_over(
    unit: Identity, door: str, authority: Authority
) -> None:
    enrolled(unit, door, authority)
    first = unit.certificate()
    assert first is not None
    begin = first.not_valid_before_utc
    assert not due(first, begin + timedelta(days=29))
    assert due(first, begin + timedelta(days=31))
    second = enrolment.renew(unit, door, authority.root, "CHV-1")
    assert second.serial_number != first.serial_number
    assert unit.certificate() == second
    assert authority.asked[-1] == "/.well-known/est/simplereenroll"


def test_a_server_that_says_later_is_asked_again(unit: Identity, door: str, authority: Authority) -> None:
    authority.busy = 2
    enrolled(unit, door, authority)
    assert authority.asked.count("/.well-known/est/simpleenroll") == 3


def test_a_password_that_was_used_up_is_told(unit: Identity, door: str, authority: Authority) -> None:
    with pytest.raises(ProvisionError, match="answered 401: it does not know us"):
        enrolled(unit, door, authority, "wrong")
    assert unit.certificate() is None


def test_a_certificate_for_another_key_is_refused(unit: Identity, door: str, authority: Authority) -> None:
    authority.other = True
    with pytest.raises(ProvisionError, match="for another key"):
        enrolled(unit, door, authority)
    assert unit.certificate() is None


def test_an_authority_that_did_not_issue_it_is_refused(unit: Identity, door: str, authority: Authority) -> None:
    authority.foreign = True
    with pytest.raises(ProvisionError, match="not proven by the authority"):
        enrolled(unit, door, authority)


def test_a_server_of_another_authority_is_not_spoken_to(unit: Identity, door: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    other.make()
    server = enrolment.issuer(Issuer(door, other.root, USER, PASSWORD))
    with pytest.raises(ProvisionError, match="CERTIFICATE_VERIFY_FAILED"):
        est.authority(server)


def test_no_server_is_a_sentence(unit: Identity, authority: Authority) -> None:
    with pytest.raises(ProvisionError, match="cacerts: "):
        est.authority(est.Server("https://127.0.0.1:9", ssl.create_default_context()))
