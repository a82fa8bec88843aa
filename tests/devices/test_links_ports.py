"""Ports by real udev events in a test bed (umockdev), and what a watcher tells of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from drivers.links.ports import Port, Usb, Watch, differences

PYTHON = "/usr/bin/python3"
HERE = Path(__file__).parent
BY_ID = "/dev/serial/by-id/usb-FTDI_A1-if00-port0"
PORT = Port("serial", "/dev/ttyUSB0", "p:0", (BY_ID,), "", Usb(0x0403, 0x6001, "A1", "FTDI", "FT232R", 0, "1-2", "5"))


class Bed:
    """The test bed's commands, and what was told since."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, command: str) -> None:
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)

    def told(self) -> tuple[str, dict[str, Any]]:
        assert self._process.stdout is not None
        change = json.loads(self._process.stdout.readline())
        return change["action"], change["port"]


def _ready() -> bool:
    asks = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"
    return (
        shutil.which("umockdev-wrapper") is not None
        and subprocess.run([PYTHON, "-c", asks], capture_output=True, check=False).returncode == 0
    )


@contextmanager
def bed(udev: str, first: str = "") -> Iterator[Bed]:
    if not _ready():
        pytest.skip("no umockdev: apt-get install umockdev python3-gi gir1.2-umockdev-1.0")
    command = ["umockdev-wrapper", PYTHON, str(HERE / "ports_testbed.py")]
    program = [sys.executable, "-m", "tests.devices.ports_seen", udev]
    with subprocess.Popen(
        ["timeout", "40", *command, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            found = Bed(process)
            if first:
                found.do(first)
            yield found
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)


def test_a_plug_is_told_with_its_stable_names_and_a_pull_too() -> None:
    with bed("/proc/self") as hardware:
        hardware.do("plug ttyUSB0 1-2.3 A1 7")
        action, port = hardware.told()
        assert action == "add"
        assert port["node"] == "/dev/ttyUSB0"
        assert port["place"] == "0000:00:14.0/usb2-2.3:0"
        assert BY_ID in port["links"]
        assert port["usb"] == {
            "vendor": 0x0403,
            "product": 0x6001,
            "serial": "A1",
            "maker": "FTDI",
            "model": "FT232R USB UART",
            "interface": 0,
            "socket": "1-2.3",
            "plugged": "7",
        }
        hardware.do("change ttyUSB0")
        action, port = hardware.told()
        assert (action, port["usb"]["model"]) == ("change", "renamed")
        hardware.do("unplug ttyUSB0")
        assert hardware.told()[0] == "remove"
        hardware.do("plug ttyUSB1 1-2.3 A1 8")  # the same plug, another node
        action, port = hardware.told()
        assert (action, port["node"], port["place"]) == ("add", "/dev/ttyUSB1", "0000:00:14.0/usb2-2.3:0")
        assert BY_ID in port["links"]


def test_without_udev_the_ports_are_looked_for() -> None:
    with bed("/nowhere", "plug ttyUSB0 1-4 B2 3") as hardware:
        action, port = hardware.told()
        assert (action, port["place"]) == ("add", "0000:00:14.0/usb2-4:0")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, ["remove"]),
        ({"/dev/ttyUSB0": PORT}, []),
        ({"/dev/ttyUSB0": replace(PORT, links=())}, ["change"]),
        ({"/dev/ttyUSB0": replace(PORT, place="p:1")}, ["remove", "add"]),
        ({"/dev/ttyUSB0": replace(PORT, usb=replace(PORT.usb, plugged="6"))}, ["remove", "add"]),  # type: ignore[type-var]
        ({"/dev/ttyUSB1": replace(PORT, node="/dev/ttyUSB1")}, ["remove", "add"]),
    ],
)
def test_what_changed_is_told_first_what_went(now: dict[str, Port], told: list[str]) -> None:
    assert [change.action for change in differences({"/dev/ttyUSB0": PORT}, now)] == told


async def test_a_slow_listener_finds_the_newest_and_nothing_piles_up() -> None:
    number = 0

    def look() -> dict[str, Port]:
        nonlocal number
        number += 1
        assert PORT.usb is not None
        return {PORT.node: replace(PORT, usb=replace(PORT.usb, plugged=str(min(number, 3))))}

    watch = Watch(look, Path("/nowhere"))
    changes = watch.changes()
    with anyio.fail_after(10):
        first = await anext(changes)
        assert first.action == "add"
        until = time.monotonic() + 8
        while number < 4 and time.monotonic() < until:
            await anyio.sleep(0.05)
        rest = [await anext(changes), await anext(changes)]
    assert [change.action for change in rest] == ["remove", "add"]  # two plugs later, one change
    assert rest[1].port.usb is not None
    assert rest[1].port.usb.plugged == "3"
    await changes.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "means"),
    [("/dev/ttyUSB0", True), (BY_ID, True), ("port:p:0", True), ("port:p", False), ("ttyUSB0", False), ("", False)],
)
def test_a_port_is_known_by_any_of_its_names(name: str, *, means: bool) -> None:
    assert PORT.is_named(name) is means
