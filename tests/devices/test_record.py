"""`chevet capture` on a pseudo-terminal: what either side sent can be read back, with its timing."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import record
from drivers.core.capture import parse
from drivers.core.driver import Whole
from drivers.core.errors import ForbiddenWords, PacketError
from drivers.core.model import Ask, Event, Packet
from drivers.registry import DRIVERS

PACKET = bytes.fromhex("01e085b396c1e1ffff")


def test_a_stream_is_written_down_and_can_be_read_back(tmp_path: Path) -> None:
    device, ours = os.openpty()
    tty.setraw(ours)
    heard: list[bytes] = []

    def speak() -> None:
        heard.append(os.read(device, 64))
        for _ in range(3):
            os.write(device, PACKET)
        os.close(ours)

    speaker = threading.Thread(target=speak)
    speaker.start()
    file = tmp_path / "oximeter.capture"
    out = io.StringIO()
    link = f"serial:{os.ttyname(ours)}"
    status = record.run([link, str(file), "--driver", "contec-cms50", "--seconds", "0.5"], out)
    speaker.join()
    os.close(device)
    assert status == 0
    assert heard == [bytes.fromhex("7d81a1808080808080")]
    capture = parse(file.read_text())
    assert capture.driver == "contec-cms50"
    assert b"".join(packet.data for packet in capture.packets) == PACKET * 3
    assert capture.talk[0].at_s == 0
    assert (capture.talk[0].data.hex(), capture.talk[0].from_host) == ("7d81a1808080808080", True)


def wait_for(so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not so():
        assert time.monotonic() < until
        time.sleep(0.01)


def asks_twice(packet: Packet) -> Iterator[Event]:
    if packet.data == b"A":
        yield Ask(b"\x02more")
    elif packet.data == b"B":
        yield Ask(b"\x09inflate")
    elif packet.data == b"C":
        raise PacketError("no")
    else:
        raise KeyError(packet.data)


TALKER = replace(
    DRIVERS["contec-cms50"],
    name="talker",
    decoder=lambda: asks_twice,
    framer=Whole,
    says=(b"\x02",),
    hello=(b"\x02hello",),
    keepalive=None,
)


def recorded(folder: Path, device: int, ours: int, say: list[bytes]) -> tuple[list[bytes], str]:
    """What the device heard, and the file, where it says these words, each after it has heard something."""
    heard: list[bytes] = []

    def speak() -> None:
        for words in say:
            heard.append(os.read(device, 64))
            os.write(device, words)
        heard.append(os.read(device, 64))

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    order = record.Order(f"serial:{os.ttyname(ours)}", TALKER.claim, 0.6, TALKER)
    with (folder / "talk.capture").open("x") as file:
        try:
            asyncio.run(record.Recorder(order, file).run())
        finally:
            os.write(ours, b"end")
            speaker.join(3)
    return heard, (folder / "talk.capture").read_text()


@pytest.fixture
def cable() -> Iterator[tuple[int, int]]:
    device, ours = os.openpty()
    tty.setraw(ours)
    yield device, ours
    os.close(device)
    os.close(ours)


def test_a_conversation_is_held_and_both_sides_are_written_down(tmp_path: Path, cable: tuple[int, int]) -> None:
    heard, text = recorded(tmp_path, *cable, [b"A", b"C"])
    assert heard[:2] == [b"\x02hello", b"\x02more"]
    capture = parse(text)
    assert [(said.from_host, said.data) for said in capture.talk] == [
        (True, b"\x02hello"),
        (False, b"A"),
        (True, b"\x02more"),
        (False, b"C"),
    ]
    assert [packet.data for packet in capture.packets] == [b"A", b"C"]


def test_a_driver_that_fails_is_noted_and_the_recording_goes_on(tmp_path: Path, cable: tuple[int, int]) -> None:
    _, text = recorded(tmp_path, *cable, [b"?"])
    assert [packet.data for packet in parse(text).packets] == [b"?"]
    assert "s: talker raised KeyError, which only PacketError should be" in text


def test_a_forbidden_word_is_neither_said_nor_written_down(tmp_path: Path, cable: tuple[int, int]) -> None:
    with pytest.raises(ForbiddenWords, match="talker: 09 69 6e 66 6c 61 74 65"):
        recorded(tmp_path, *cable, [b"B"])
    text = (tmp_path / "talk.capture").read_text()
    assert [said.data for said in parse(text).talk] == [b"\x02hello", b"B"]


def test_a_recorder_that_is_killed_leaves_what_it_heard(tmp_path: Path, cable: tuple[int, int]) -> None:
    device, ours = cable
    file = tmp_path / "killed.capture"
    words = [sys.executable, "-m", "drivers", "capture", f"serial:{os.ttyname(ours)}", str(file)]
    process = subprocess.Popen(words)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until and not (file.exists() and "\n@" in file.read_text()):
            os.write(device, PACKET)
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert set(b"".join(packet.data for packet in parse(file.read_text()).packets)) == set(PACKET)


def test_a_link_that_comes_back_goes_on_in_the_same_file(tmp_path: Path) -> None:
    port, out, file = tmp_path / "port", io.StringIO(), tmp_path / "back.capture"

    def live() -> None:
        for kind in (b"\x01", b"\x02"):
            device, ours = os.openpty()
            tty.setraw(ours)
            port.unlink(missing_ok=True)
            port.symlink_to(os.ttyname(ours))
            os.read(device, 64)
            os.write(device, kind + PACKET[1:])
            wait_for(lambda kind=kind: f" {kind.hex()}e0" in file.read_text())  # type: ignore[misc]
            os.close(ours)
            os.close(device)

    device = threading.Thread(target=live)
    device.start()
    wait_for(port.is_symlink)
    assert record.run([f"serial:{port}", str(file), "--driver", "contec-cms50", "--seconds", "1.5"], out) == 0
    device.join()
    text = file.read_text()
    assert [packet.data[0] for packet in parse(text).packets] == [1, 2]
    assert text.index("link lost") < text.index("link open again") < text.index("@", text.index("link open again"))


def test_a_port_that_somebody_holds_names_them(tmp_path: Path, cable: tuple[int, int]) -> None:
    _, ours = cable
    port = os.ttyname(ours)
    holding = "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True); print(1, flush=True); input()"
    command = [sys.executable, "-c", holding, port]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as unit:
        assert unit.stdout is not None
        unit.stdout.readline()
        err = io.StringIO()
        assert record.run([f"serial:{port}", str(tmp_path / "new")], io.StringIO(), err) == 2
        unit.kill()
    assert f"({unit.pid}): if that is the running unit, stop it first (systemctl stop chevet)" in err.getvalue()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["serial:/dev/none", "{}/new"], "/dev/none: nothing is plugged in there"),
        (["serial:/dev/none", "{}/new", "--driver", "toaster"], "there is no driver 'toaster'"),
        (["tcp:somewhere", "{}/new"], "'tcp:somewhere' is no link for this"),
        (["ble:any", "{}/new"], "'ble:any' is no link for this"),
        (["serial:/dev/none", "{}"], "File exists"),
    ],
)
def test_what_cannot_be_recorded_is_told(tmp_path: Path, args: list[str], words: str) -> None:
    err = io.StringIO()
    assert record.run([arg.format(tmp_path) for arg in args], io.StringIO(), err) == 2
    assert words in err.getvalue()
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("mine")
    assert record.run(["serial:/dev/none", str(file)], io.StringIO(), io.StringIO()) == 2
    assert file.read_text() == "mine"
