"""The acceptance test of a unit that runs, on replayed devices: nothing typed, six answers, a signed report."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from appliance import config as config_module
from provisioning import command, enrolment, est, report
from provisioning.acceptance import QUESTIONS
from provisioning.enrolment import Issuer
from provisioning.identity import Identity
from provisioning.private import ProvisionError
from tests.campaign import free_port
from tests.peers.est_door import PASSWORD, USER, Authority, est_server

SERIAL = "CHV-0123456789AB"
READY_S = 60.0
# What a demo on a builder cannot be: none of them keeps a unit from being accepted but the otoscope's picture, which
# shows a smooth eardrum and no page of print.
FAULTS = {("picture-sharp", "otoscope")}


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A demo that runs: its settings and its address."""
    port = free_port()
    words = [sys.executable, "-m", "appliance", "demo", "--port", str(port), "--platform-port", str(free_port())]
    process = subprocess.Popen([*words, "--state", str(tmp_path / "demo")], start_new_session=True)
    url = f"http://127.0.0.1:{port}/api"
    try:
        wait_for(lambda: httpx.get(f"{url}/health").is_success)
        yield tmp_path / "demo" / "chevet.toml", url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def wait_for(is_so: object) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        with suppress(httpx.HTTPError):
            if is_so():  # type: ignore[operator]
                return
        time.sleep(0.1)
    raise AssertionError("it did not come to be in time")


def never(_: str) -> str:
    raise AssertionError("nothing is typed")


def test_a_unit_is_measured_with_questioned_and_reported(unit: tuple[Path, str], tmp_path: Path) -> None:
    config, url = unit
    identity = Identity(config_module.load(config).state / "identity")
    authority = Authority(tmp_path / "authority")
    authority.folder.mkdir()
    authority.make()
    with est_server(authority) as door:
        server = enrolment.issuer(Issuer(door, authority.root, USER, PASSWORD))
        trusted = est.authority(server)
        identity.keep(est.enroll(server, identity.request(SERIAL), trusted), trusted)
    # The technician measures once with what measures once.
    played = [one for one in httpx.get(f"{url}/simulator").json()["devices"] if one["recordings"]]
    for device in played:
        httpx.post(f"{url}/simulator/{device['key']}", json={"action": "play", "recording": device["recordings"][0]})
    wait_for(lambda: all(one["at_ms"] is not None for one in httpx.get(f"{url}/devices").json()["devices"]))
    wait_for(lambda: all(one["state"] == "live" for one in httpx.get(f"{url}/devices").json()["sources"]))
    answers = ",".join(f"{name}=y" for name in QUESTIONS)
    words = ["--config", str(config), "--serial", SERIAL, "accept", "--answers", answers, "--technician", "A. Martin"]
    out = io.StringIO()
    status = command.run([*words, "--out", str(tmp_path / "accepted")], out, ask=never)
    token = (tmp_path / "accepted.jws").read_text()
    found = report.verified(token, identity.key().public_key())
    failed = {(one["check"], one["about"]) for one in found["checks"] if one["state"] == "fail"}
    assert failed == FAULTS
    assert (status, found["accepted"]) == (1, False)
    assert len(found["checks"]) >= 25
    assert len(found["answers"]) <= 6
    assert found["place"]["technician"] == "A. Martin"
    assert "L'image est nette (otoscope)" in out.getvalue()
    assert "Ôtez le capuchon" in out.getvalue()
    assert (tmp_path / "accepted.pdf").read_bytes().startswith(b"%PDF-")
    again = io.StringIO()
    verify = ["--config", str(config), "--serial", SERIAL, "verify", str(tmp_path / "accepted.jws")]
    assert command.run(verify, again) == 0
    assert json.loads(again.getvalue()) == found


def test_a_unit_that_does_not_run_is_told(tmp_path: Path) -> None:
    config = tmp_path / "chevet.toml"
    config.write_text(f'state = "{tmp_path}/state"\nserver = {{ port = {free_port()} }}\n')
    with pytest.raises(ProvisionError, match="is the service running"):
        command.run(["--config", str(config), "--serial", SERIAL, "accept"], io.StringIO(), ask=never)


def test_a_retired_unit_can_sign_nothing_any_more(tmp_path: Path) -> None:
    config = tmp_path / "chevet.toml"
    config.write_text(f'state = "{tmp_path}/state"\n')
    identity = Identity(tmp_path / "state" / "identity")
    before = identity.fingerprint()
    words = ["--config", str(config), "--serial", SERIAL, "retire"]
    with pytest.raises(ProvisionError, match=f"say --confirm {SERIAL}"):
        command.run(words, io.StringIO(), ask=never)
    assert identity.fingerprint() == before
    out = io.StringIO()
    assert command.run([*words, "--confirm", SERIAL], out, ask=never) == 0
    assert json.loads(out.getvalue())["key"] == before
    assert not identity.key_file.exists()
