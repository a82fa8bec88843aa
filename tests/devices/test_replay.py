"""`chevet replay`: what is plugged into it hears the device, and has to say what the device must hear."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from drivers import record, replay
from drivers.core.capture import parse
from drivers.core.errors import LinkLost
from drivers.links.ear import Patience
from drivers.links.replay import ReplayDevice
from drivers.registry import DRIVERS
from tests.devices.captures import FOLDER

HEAD = "# driver: contec-cms50\n# device: none\n# source: made\n# licence: own work\n# evidence: made\n"
ASKED = HEAD + "> @0 7d81a1808080808080\n@0.01 01e085b396c1e1ffff\n@0.02 01e085b096c1e1ffff\n"
STEADY = str(FOLDER / "contec-cms50/steady.capture")
NORMAL = str(FOLDER / "ble-blood-pressure/normal.capture")
MONITOR = str(FOLDER / "hl7-oru/made-quirks.capture")


def run(*args: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return replay.run(args, out, err), out.getvalue(), err.getvalue()


def test_events_come_at_the_pace_of_the_device() -> None:
    begin = time.monotonic()
    status, out, err = run(STEADY, "--to", "decode", "--slow", "4")
    assert (status, err) == (0, "")
    assert time.monotonic() - begin > 0.3
    values = [said["value"] for said in map(json.loads, out.splitlines()) if said["kind"] == "numeric"]
    assert values[:4] == ["97", "65", "97", "65"]


def test_a_faulty_play_is_a_capture_again(tmp_path: Path) -> None:
    status, out, _ = run(STEADY, "--to", "-", "--duplicate", "1")
    capture = parse(out)
    assert (status, capture.driver, len(capture.packets)) == (0, "contec-cms50", 16)
    assert capture.packets[0].data == capture.packets[1].data


def test_a_pulled_cable_ends_the_play() -> None:
    status, out, err = run(STEADY, "--to", "decode", "--unplug-after", "2")
    assert (status, err) == (0, "the replayed device was unplugged\n")
    assert sum(json.loads(line)["kind"] == "waveform" for line in out.splitlines()) == 1


def test_a_recording_is_replayed_to_a_terminal_and_recorded_again(tmp_path: Path) -> None:
    """The whole round: a host that speaks as the driver does hears the device; both directions are in its file."""
    asked, port, again = tmp_path / "asked.capture", tmp_path / "port", tmp_path / "again.capture"
    asked.write_text(ASKED)
    command = [sys.executable, "-m", "drivers", "replay", str(asked), "--link", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as device:
        assert device.stdout is not None
        assert device.stdout.readline() == f"{port}\n"
        args = [f"serial:{port}", str(again), "--driver", "contec-cms50", "--seconds", "1"]
        assert record.run(args, io.StringIO()) == 0
        assert device.wait(10) == 0
        assert device.stdout.read() == "> 7d81a1808080808080\n"
    talk = parse(again.read_text()).talk
    assert (talk[0].data.hex(), talk[0].from_host) == ("7d81a1808080808080", True)
    heard = b"".join(said.data for said in talk if not said.from_host)
    assert heard.hex() == "01e085b396c1e1ffff" + "01e085b096c1e1ffff"
    assert not port.is_symlink()


def test_a_host_that_does_not_speak_gets_nothing(tmp_path: Path) -> None:
    asked, port = tmp_path / "asked.capture", tmp_path / "port"
    asked.write_text(ASKED)
    command = [sys.executable, "-m", "drivers", "replay", str(asked), "--link", str(port), "--answer", "0.3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as device:
        assert device.stdout is not None
        device.stdout.readline()
        ours = os.open(port, os.O_RDWR | os.O_NOCTTY)
        os.write(ours, b"something else")
        assert device.wait(10) == 1
        assert device.stderr is not None
        assert device.stderr.read() == "the host did not say 7d81a1808080808080 within 0.3 s\n"
        os.close(ours)


@pytest.mark.parametrize(("tolerance", "status"), [("0", 1), ("1", 0), ("-1", 0)])
def test_how_much_of_the_words_may_differ(tmp_path: Path, tolerance: str, status: int) -> None:
    asked = tmp_path / "asked.capture"
    asked.write_text(ASKED.replace("7d81a1808080808080", "7d81a1808080808081"))
    args = [str(asked), "--to", "decode", "--answer", "0.1", "--tolerance", tolerance]
    assert run(*args)[0] == status


def test_a_monitor_calls_and_its_host_is_heard() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = bytearray()

        def answer() -> None:
            one, _ = server.accept()
            with one:
                while data := one.recv(4096):
                    heard.extend(data)
                    if heard.count(b"\x1c\r") == 3:
                        one.sendall(b"\x0bACK\x1c\r")
                        return

        host = threading.Thread(target=answer)
        host.start()
        status, out, err = run(MONITOR, "--to", f"tcp:127.0.0.1:{server.getsockname()[1]}", "--wrong-patient")
        host.join(5)
    assert (status, out, err) == (0, "> 0b41434b1c0d\n", "")
    assert heard.count(b"\rPID|1||CHEVET-0000^^^^MR||") == 3


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    status, _, err = run(MONITOR, "--to", f"tcp:127.0.0.1:{port}")
    assert (status, err.partition(" cannot connect")[0]) == (2, f"tcp:127.0.0.1:{port}:")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["none.capture"], "none.capture: [Errno 2] No such file"),
        ([NORMAL, "--to", "pigeon"], "--to 'pigeon': wanted pty, decode, - or tcp:HOST:PORT"),
        ([NORMAL, "--loss", "2"], "2 is not between 0 and 1"),
        ([STEADY, "--to", "-", "--clock-jump", "60"], "clock jump: nothing in this capture has a time"),
        ([str(FOLDER / "scale-seca/made-edges.capture"), "--error"], "holds a measurement of scale-seca that failed"),
    ],
)
def test_what_cannot_be_played_is_told(args: list[str], words: str) -> None:
    status, _, err = run(*args)
    assert status == 2
    assert words in err


def test_the_failed_measurement_of_the_family_is_played() -> None:
    _, out, _ = run(NORMAL, "--error")
    said = [json.loads(line) for line in out.splitlines()]
    assert [event.get("value") for event in said if event["kind"] == "numeric"] == [None] * 2


async def test_an_answering_device_in_the_unit_loses_a_host_that_is_silent() -> None:

    device = ReplayDevice(
        DRIVERS["contec-cms50"], {"asked": parse(ASKED)}, looped="asked", patience=Patience(answer_s=0.2)
    )
    async with device.link() as link:
        await link.write(b"noise\x7d\x81")
        await link.write(b"\xa1" + b"\x80" * 6)
        chunks = link.chunks()
        assert (await anext(chunks)).data.hex() == "01e085b396c1e1ffff"
        await anext(chunks)
        with pytest.raises(LinkLost, match=r"the host did not say 7d81a1808080808080 within 0\.2 s"):
            await anext(chunks)
