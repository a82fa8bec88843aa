"""`chevet capture` on a pseudo-terminal: what was sent can be read back, with its timing."""

from __future__ import annotations

import io
import os
import threading
import tty
from pathlib import Path

import pytest

from drivers import record
from drivers.core.capture import parse

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
    assert capture.packets[0].at_s == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["serial:/dev/none", "{}/new"], "/dev/none: cannot open at 9600 8N1"),
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
