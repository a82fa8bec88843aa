"""What a person sees when the unit cannot start: one sentence, no traceback, nothing changed."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from appliance.records.store import DATABASE, Store
from tests.campaign import free_port

SOURCE = '[[sources]]\nkey = "otoscope"\nname = "Otoscope"\nkind = "video"\nfrom = "file:/nowhere/film.mjpeg"\n'


def chevet(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def configured(folder: Path, text: str) -> list[str]:
    (folder / "chevet.toml").write_text(text, encoding="utf-8")
    return ["--config", str(folder / "chevet.toml")]


def refused(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    (line,) = [line for line in answer.stderr.splitlines() if line.startswith("chevet: ")]
    return line


def test_an_unknown_key(tmp_path: Path) -> None:
    said = refused(chevet("run", *configured(tmp_path, "[server]\nprot = 8080\n")))
    assert "server.prot: unknown key; did you mean 'port'?" in said


def test_no_configuration(tmp_path: Path) -> None:
    assert "No such file" in refused(chevet("run", "--config", str(tmp_path / "none.toml")))


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        said = refused(chevet("run", *configured(tmp_path, f"[server]\nport = {port}\n")))
        assert f"127.0.0.1:{port} cannot be used" in said
        assert f"port {port} is in use" in refused(chevet("demo", "--port", str(port), "--state", str(tmp_path / "d")))


def test_a_missing_recording(tmp_path: Path) -> None:
    text = f"[server]\nport = {free_port()}\n{SOURCE}"
    assert "sources.otoscope: there is no file /nowhere/film.mjpeg" in refused(
        chevet("run", *configured(tmp_path, text))
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('driver = "ble-blood-presure"\nlink = "ble:AA:BB"', "no driver 'ble-blood-presure'"),
        ('driver = "ble-blood-pressure"\nlink = "serial:/dev/x"', "does not speak over 'serial'"),
        ('driver = "ble-blood-pressure"\nlink = "replay:cuff"', "does not speak over 'replay'"),
    ],
)
def test_a_device_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    device = f'[[devices]]\nkey = "cuff"\nname = "Cuff"\nkind = "blood-pressure"\n{text}\n'
    assert words in refused(chevet("run", *configured(tmp_path, f"[server]\nport = {free_port()}\n{device}")))


async def test_a_database_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    await Store.open(tmp_path / "state").close()
    path = tmp_path / "state" / DATABASE
    db = sqlite3.connect(path)
    db.execute("INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('chevet', '0099-later', '')")
    db.commit()
    db.close()
    before = path.read_bytes()
    said = refused(chevet("run", *configured(tmp_path, f"[server]\nport = {free_port()}\n")))
    assert "newer Chevet" in said
    assert path.read_bytes() == before


def test_a_state_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file stands where the folder should")
    said = refused(chevet("run", *configured(tmp_path, f"[server]\nport = {free_port()}\n")))
    assert "cannot be used" in said


def test_the_demo_opens_nothing_but_loopback_and_ends_within_three_seconds(tmp_path: Path) -> None:
    port, platform_port = free_port(), free_port()
    ports = ["--port", str(port), "--platform-port", str(platform_port)]
    command = [sys.executable, "-m", "appliance", "demo", *ports, "--state", str(tmp_path)]
    with (tmp_path / "out").open("wb") as out:
        demo = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until = time.monotonic() + 40
        while b"Ctrl-C" not in (tmp_path / "out").read_bytes():
            assert time.monotonic() < until, (tmp_path / "out").read_text()
            assert demo.poll() is None, (tmp_path / "out").read_text()
            time.sleep(0.05)
        said = (tmp_path / "out").read_text()
        assert f"http://127.0.0.1:{port}/" in said
        assert f"http://127.0.0.1:{platform_port}/" in said
        family = [demo.pid, *children(demo.pid)]
        assert len(family) == 3
        assert {address for pid in family for address in listening(pid)} == {"127.0.0.1"}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
            assert b'"simulated":true' in answer.read()
    finally:
        asked = time.monotonic()
        demo.send_signal(signal.SIGINT)
        status = demo.wait(30)
    assert status == 0
    assert time.monotonic() - asked < 3.0
    assert not [pid for pid in family if Path(f"/proc/{pid}/exe").exists()]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listening(pid: int) -> set[str]:
    """The local addresses of a process's listening TCP and open UDP sockets."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    found = set()
    for name, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and fields[9] in inodes:
                found.add(readable(fields[1].split(":")[0]))
    return found


def readable(address: str) -> str:
    data = bytes.fromhex(address)
    whole = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    return socket.inet_ntop(socket.AF_INET if len(whole) == 4 else socket.AF_INET6, whole)
