"""The acceptance test on a unit that is well, and with one fault at a time: each is found, named, and has a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.config import Settings, parse
from provisioning import report
from provisioning.acceptance import CHECKS, QUESTIONS, findings, passed
from provisioning.facts import Facts, Platform
from provisioning.identity import Identity
from provisioning.private import ProvisionError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
RAW: dict[str, object] = {
    "unit": {"id": "room-2", "name": "Room 2 cart"},
    "platform": {"url": "https://platform.example"},
    "devices": [{"key": "cuff", "name": "Cuff", "kind": "blood-pressure", "driver": "x", "link": "ble:any"}],
    "sources": [
        {"key": "otoscope", "name": "Otoscope", "kind": "video", "from": "v4l2:/dev/v4l/by-id/o"},
        {"key": "stethoscope", "name": "Stethoscope", "kind": "audio", "from": "alsa:hw:CARD=S"},
    ],
}
CUFF = {"key": "cuff", "state": "ready", "at_ms": 1}
CAMERA = {"key": "otoscope", "kind": "video", "state": "live", "width": 1280, "height": 720, "fps": 30, "codes": []}
SOUND = {"key": "stethoscope", "kind": "audio", "state": "live", "rate_hz": 48000, "level": -30.0, "codes": []}
LOOK = {"sharpness": 300.0, "mean": [110.0, 120.0, 130.0]}


def certificate(begin: datetime, end: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "unit")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    made = made.serial_number(1).not_valid_before(begin).not_valid_after(end)
    return made.sign(KEY, hashes.SHA256())


def settings(**more: object) -> Settings:
    return parse({**RAW, **more}, "test")


def health(**states: str) -> dict[str, Any]:
    names = ("records", "disk", "screens", "outbox", "clock")
    checks = [{"name": name, "state": states.get(name, "ok"), "detail": name} for name in names]
    return {"ready": True, "software": "0.1.0", "checks": checks}


FRESH = certificate(NOW - timedelta(days=1), NOW + timedelta(days=89))
GOOD = Facts(
    settings=settings(),
    health=health(),
    devices=(CUFF,),
    sources=(CAMERA, SOUND),
    unknown=(),
    looks={"otoscope": LOOK},
    relays=({"url": "turn:relay.example", "reached": True},),
    certificate=FRESH,
    authority=(FRESH,),
    matches=True,
    kept_in="tpm",
    platform=Platform((20.0,) * 10),
    synchronised=True,
    enabled=True,
    filtered=True,
    tpm=True,
    slot="1.0",
    now=NOW,
)
YES = dict.fromkeys(QUESTIONS, True)


def test_a_good_unit_is_accepted() -> None:
    found = findings(GOOD)
    assert [one for one in found if one.state != "ok"] == []
    assert len(found) >= 25
    assert len(QUESTIONS) <= 6
    assert passed(found, YES)
    assert not passed(found, YES | {"light": False})
    assert not passed(found, {})


EXPIRED = certificate(NOW - timedelta(days=91), NOW - timedelta(days=1))
SOON = certificate(NOW - timedelta(days=70), NOW + timedelta(days=20))
LATER = certificate(NOW + timedelta(days=1), NOW + timedelta(days=90))
FAULTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"health": health(records="fail")}, "records", "", "fail"),
    ({"health": health(disk="warn")}, "disk", "", "warn"),
    ({"health": health(clock="fail")}, "clock", "", "fail"),
    ({"health": health() | {"ready": False}}, "service", "", "fail"),
    ({"health": health() | {"checks": []}}, "screens", "", "fail"),
    ({"synchronised": False}, "clock-synchronised", "", "fail"),
    ({"synchronised": None}, "clock-synchronised", "", "warn"),
    ({"certificate": None}, "certificate", "", "fail"),
    ({"certificate": EXPIRED}, "certificate", "", "fail"),
    ({"certificate": LATER}, "certificate", "", "fail"),
    ({"certificate": SOON}, "certificate", "", "warn"),
    ({"matches": False}, "certificate-ours", "", "fail"),
    ({"authority": ()}, "certificate-proven", "", "fail"),
    ({"kept_in": "file"}, "key", "", "warn"),
    ({"platform": Platform((), 3, "no route")}, "platform", "", "fail"),
    ({"platform": Platform((20.0,) * 8, 2)}, "platform", "", "warn"),
    ({"platform": Platform((500.0,) * 10)}, "platform-delay", "", "fail"),
    ({"relays": ({"url": "turn:relay.example", "reached": False},)}, "relay", "turn:relay.example", "fail"),
    ({"relays": ()}, "relay", "", "warn"),
    ({"settings": settings(platform={"url": "http://platform.example"})}, "platform-secure", "", "fail"),
    ({"settings": settings(unit={})}, "unit-named", "", "warn"),
    ({"settings": settings(simulated=True)}, "not-simulated", "", "warn"),
    ({"settings": settings(care={"allow_test_identities": True})}, "test-identities", "", "warn"),
    ({"settings": settings(server={"host": "0.0.0.0"})}, "loopback", "", "warn"),
    ({"unknown": ({"id": "port:1", "name": "FTDI"},)}, "unknown-devices", "", "warn"),
    ({"slot": None}, "update-slot", "", "warn"),
    ({"enabled": False}, "starts-with-machine", "", "fail"),
    ({"filtered": False}, "firewall", "", "warn"),
    ({"devices": ()}, "device-seen", "cuff", "fail"),
    ({"devices": (CUFF | {"state": "lost"},)}, "device-seen", "cuff", "fail"),
    ({"devices": (CUFF | {"at_ms": None},)}, "device-read", "cuff", "fail"),
    ({"sources": (SOUND,)}, "source-live", "otoscope", "fail"),
    ({"sources": (CAMERA, SOUND | {"codes": ["muted"]})}, "sound", "stethoscope", "fail"),
    ({"sources": (CAMERA, SOUND | {"codes": ["dead"]})}, "sound", "stethoscope", "fail"),
    ({"sources": (CAMERA | {"codes": ["reduced"]}, SOUND)}, "picture-size", "otoscope", "warn"),
    ({"looks": {"otoscope": LOOK | {"sharpness": 3.0}}}, "picture-sharp", "otoscope", "fail"),
    ({"looks": {}}, "picture-sharp", "otoscope", "fail"),
    ({"looks": {"otoscope": LOOK | {"mean": [4.0, 4.0, 4.0]}}}, "picture-colour", "otoscope", "fail"),
    ({"looks": {"otoscope": LOOK | {"mean": [20.0, 200.0, 20.0]}}}, "picture-colour", "otoscope", "warn"),
]


@pytest.mark.parametrize(("fault", "check", "about", "state"), FAULTS)
def test_one_fault_is_found_and_named(fault: Mapping[str, Any], check: str, about: str, state: str) -> None:
    found = findings(replace(GOOD, **fault))
    (named,) = [one for one in found if (one.check, one.about) == (check, about)]
    assert named.state == state
    assert passed(found, YES) is not any(one.state == "fail" for one in found)
    for language in report.LANGUAGES:
        text = report.texts(language)["checks"][check]
        assert text["title"]
        assert text["todo"]


def test_every_check_and_question_has_its_words_in_every_language() -> None:
    first, *rest = (report.texts(language) for language in report.LANGUAGES)
    assert CHECKS.keys() <= first["checks"].keys()
    assert set(QUESTIONS) == first["questions"].keys()
    for other in rest:
        assert {name: other[name].keys() for name in other} == {name: first[name].keys() for name in first}


def test_the_report_is_signed_by_the_unit_and_a_change_is_seen(tmp_path: Path) -> None:
    identity, other = Identity(tmp_path / "one"), Identity(tmp_path / "other")
    place = report.Place("Room 2 cart", "Hôpital d'été", "2", "A. Martin")
    made = report.content("CHV-1", "0.1.0", place, findings(GOOD), YES, NOW)
    assert made["accepted"] is True
    token = report.signed(made, identity)
    assert report.verified(token, identity.key().public_key()) == made
    for wrong, key in ((token, other), (token.replace("A", "B", 1), identity), ("x", identity)):
        with pytest.raises(ProvisionError, match="not signed by this unit's key"):
            report.verified(wrong, key.key().public_key())
    page = report.page(made, token, identity.fingerprint(), "fr")
    assert page.startswith(b"%PDF-")
    assert b"pdfaid" in page or b"pdfaid:part" in page
