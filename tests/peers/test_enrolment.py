"""From the code on the unit's screen to a certificate and settings, and what can go wrong between."""

from __future__ import annotations

import io
import json
import re
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
import zxingcpp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from appliance.demo.hosted.enrolments import Site, routes
from provisioning import command, configuration
from provisioning.configuration import Configuration
from provisioning.enrolment import Enrolment
from provisioning.identity import Identity
from provisioning.private import ProvisionError
from tests.campaign import free_port
from tests.peers.est_door import PASSWORD, USER, Authority, est_server

SERIAL = "CHV-0123456789AB"


class Platform:
    """A stand-in platform on a port of its own."""

    def __init__(self) -> None:
        self.site, self.url = Site(), f"http://127.0.0.1:{free_port()}"
        app = FastAPI()
        app.include_router(routes(self.site, self.url))
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=int(self.url.rsplit(":", 1)[1]), log_level="error")
        )
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Platform:
        self._thread.start()
        while not self._server.started:
            threading.Event().wait(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.make()
    return made


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as running:
        yield running


@pytest.fixture
def unit(tmp_path: Path) -> Identity:
    return Identity(tmp_path / "state" / "identity")


def attempt(platform: Platform, unit: Identity) -> Enrolment:
    return Enrolment(platform.url, unit, SERIAL, "0.1.0", ssl.create_default_context())


def test_both_screens_show_the_same_digits_and_the_code_leads_to_the_page(platform: Platform, unit: Identity) -> None:
    code = attempt(platform, unit).open()
    page = httpx.get(code.scan).text
    assert code.digits in page
    assert SERIAL in page
    assert len(re.findall("data-room=", page)) == 2
    assert "█" in code.terminal()
    assert code.svg().startswith("<svg")


def test_a_code_of_another_unit_is_refused(platform: Platform, unit: Identity) -> None:
    scan = attempt(platform, unit).open().scan
    other = scan.partition("?")[0] + "?k=0123456789abcdef"
    assert httpx.get(other).status_code == 409


def test_who_does_not_have_the_key_is_refused(platform: Platform, unit: Identity, tmp_path: Path) -> None:
    said: list[dict[str, object]] = []

    class Impostor(Enrolment):
        def _ask(self, method, url, body, wanted):  # type: ignore[no-untyped-def]
            said.append(body)
            return super()._ask(method, url, body | {"key": Identity(tmp_path / "other").fingerprint()}, wanted)

    impostor = Impostor(platform.url, unit, SERIAL, "0.1.0", ssl.create_default_context())
    with pytest.raises(ProvisionError, match="answered 403"):
        impostor.open()
    assert said


def test_a_refused_unit_is_told(platform: Platform, unit: Identity) -> None:
    trying = attempt(platform, unit)
    code = trying.open()
    assert httpx.post(code.scan.partition("?")[0], json={"decision": "refuse"}).status_code == 204
    with pytest.raises(ProvisionError, match="refused this unit"):
        trying.wait(lambda _: None)


def test_nobody_comes(platform: Platform, unit: Identity) -> None:
    trying = attempt(platform, unit)
    trying.open()
    with pytest.raises(ProvisionError, match="nobody has scanned"):
        trying.wait(lambda _: None, life_s=0.05)


def test_a_platform_that_is_not_there(unit: Identity) -> None:
    trying = Enrolment("http://127.0.0.1:9", unit, SERIAL, "0.1.0", ssl.create_default_context())
    with pytest.raises(ProvisionError, match="is the cable in"):
        trying.open()


def test_the_whole_way_with_no_typed_character(
    platform: Platform, unit: Identity, authority: Authority, tmp_path: Path
) -> None:
    """`chevet provision enrol`, a technician's tap, the certificate, the settings with their differences; status."""
    signer = ec.generate_private_key(ec.SECP256R1())
    private = signer.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = signer.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    toml = f'state = "{tmp_path}/state"\n[unit]\nid = "room-2"\nname = "Room 2 cart"\n'
    wanted = Configuration(SERIAL, 1, datetime.now(UTC) + timedelta(days=1), toml)
    file = tmp_path / "chevet.toml"
    file.write_text(f'state = "{tmp_path}/state"\n')
    out = io.StringIO()
    with est_server(authority) as door:
        platform.site.est = {"url": door, "authority": authority.root, "user": USER, "password": PASSWORD}
        platform.site.signer, platform.site.configuration = public.decode(), configuration.sign(wanted, private)
        words = ["--config", str(file), "--serial", SERIAL, "enrol", "--platform", platform.url, "--yes"]
        done: list[object] = []

        def enrol() -> None:
            try:
                done.append(command.run([*words, "--restart", "true"], out, ask=never))
            except ProvisionError as error:
                done.append(str(error))

        # The unit that would run with these settings is not started here: its health is what fails, and is taken back.
        command.RESTART_S, before = 0.2, command.RESTART_S
        try:
            working = threading.Thread(target=enrol)
            working.start()
            approve(out)
            working.join(30)
        finally:
            command.RESTART_S = before
    said = out.getvalue()
    assert 'unit.id: (nothing) -> "room-2"' in said
    assert "enrolled: Demo site, Room 2" in said
    assert "whoever copies the disk copies the key" in said
    assert re.match("with the new settings the unit was not well: .*; the old ones are back", str(done[0]))
    assert file.read_text() == f'state = "{tmp_path}/state"\n'
    status = io.StringIO()
    assert command.run(["--config", str(file), "--serial", SERIAL, "status"], status) == 0
    told = json.loads(status.getvalue())
    assert told["certificate"]["days"] == 89
    assert told["configuration"] == 0
    assert told["place"] == {"unit": "Room 2 cart", "site": "Demo site", "room": "Room 2", "est": door}
    assert unit.certificate() is not None


def never(_: str) -> str:
    raise AssertionError("nothing is typed")


def approve(out: io.StringIO) -> None:
    """The technician: scans the code off the screen, compares the digits, taps the room."""
    while "digits: " not in out.getvalue():
        threading.Event().wait(0.02)
    said = out.getvalue()
    scan = scanned(said.partition("unit CHV")[0])
    assert said.rpartition("digits: ")[2][:3] in httpx.get(scan).text
    answer = httpx.post(scan.partition("?")[0], json={"decision": "approve", "room": "Room 2"})
    assert answer.status_code == 204


def scanned(blocks: str) -> str:
    """What a camera reads off a terminal with dark letters on a light ground, or the other way round."""
    rows = [line for line in blocks.split("\n") if line]
    lit = [[char in above for char in line] for line in rows for above in ("▀█", "▄█")]
    picture = np.kron(np.array(lit, np.uint8) * 255, np.ones((6, 6), np.uint8))
    (found,) = zxingcpp.read_barcodes(np.ascontiguousarray(picture))
    return str(found.text)
