"""`chevet check` and `chevet support-bundle`: what they say, and what they keep to themselves."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from appliance import diagnostics, selftest
from appliance.__main__ import main
from appliance.config import load
from appliance.records.store import DATABASE, Store
from tests.campaign import free_port
from tests.making import consultation, result

SECRET = "the-token-that-nobody-may-see"


CONFIG = """
[server]
port = {port}
[platform]
url = "http://127.0.0.1:{nobody}"
token_file = "unit.token"
[[devices]]
key = "oxi"
name = "Oximeter"
kind = "oximeter"
driver = "contec-cms50"
link = "serial:/dev/nowhere"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "unit.token").write_text(SECRET)
    path = tmp_path / "chevet.toml"
    path.write_text(CONFIG.format(port=free_port(), nobody=free_port()))
    return path


def said(config: Path) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state, check.detail) for check in selftest.checks(config)}


async def kept(folder: Path) -> None:
    store = Store.open(folder)
    await store.open_consultation(consultation())
    await store.keep(result("c-1"), None)
    await store.close()


def test_a_fresh_unit(config: Path) -> None:
    found = said(config)
    assert found["records"] == ("ok", "none yet")
    assert found["device"] == ("warn", "oxi: /dev/nowhere is not there: is it plugged in?")
    assert found["platform"][0] == "warn"
    assert found["media"] == ("ok", "encoders work")
    assert found["port"][0] == "ok"


async def test_records_are_counted_and_damage_is_told_but_not_touched(config: Path) -> None:
    state = load(config).state
    await kept(state)
    settings = [check for check in selftest._state(load(config)) if check.name == "records"]
    assert (settings[0].state, settings[0].detail) == (
        "ok",
        "1 consultation, 1 result, 1 outbox, 0 quarantine, 2 audit",
    )
    (state / DATABASE).write_bytes(b"garbage" * 1000)
    (check,) = [check for check in selftest._state(load(config)) if check.name == "records"]
    assert check.state == "fail"
    assert (state / DATABASE).read_bytes() == b"garbage" * 1000


def test_a_wrong_setting_is_the_first_thing_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chevet.toml"
    path.write_text("[sever]\n")
    assert main(["check", "--config", str(path)]) == 1
    assert "FAIL  settings" in capsys.readouterr().out


async def test_the_support_bundle_holds_no_secret_and_no_patient(config: Path) -> None:
    state = load(config).state
    await kept(state)
    (state / "log").mkdir()
    (state / "log" / "chevet.log").write_text("oximeter lost\n")
    bundle = diagnostics.support_bundle(load(config), ["contec-cms50"], [])
    with tarfile.open(fileobj=io.BytesIO(bundle)) as archive:
        files = {name: archive.extractfile(name) for name in archive.getnames()}
        content = {name: file.read() for name, file in files.items() if file is not None}
    assert sorted(content) == ["about.json", "log/chevet.log"]
    assert json.loads(content["about.json"])["drivers"] == ["contec-cms50"]
    everything = b"".join(content.values())
    assert SECRET.encode() not in everything
    assert (state / "unit.key").read_bytes() not in everything
    assert b"patient-of" not in everything
