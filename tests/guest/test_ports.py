"""Ports as the real kernel and udev name them: a cable is known again under another node."""

from __future__ import annotations

from typing import Any

import pytest

from tests.guest.running import Guest, Run

pytestmark = pytest.mark.guest


async def change(use: Run, action: str) -> dict[str, Any]:
    while (told := await use.expect("change"))["action"] != action:
        continue
    return told


async def test_a_cable_keeps_its_names_when_its_node_changes(guest: Guest) -> None:
    use, one = guest.run("tests.guest.inside.watch_ports"), guest.machine
    await use.expect("watching")
    await one.plug_serial(0, port=2, serial="OXI0001")
    first = await change(use, "add")
    assert (first["node"], first["usb"], first["serial"]) == ("/dev/ttyUSB0", "0403:6001", "OXI0001")
    assert first["kernel"] == "ftdi_sio"
    assert any("by-id" in link and "OXI0001" in link for link in first["links"])
    await one.unplug_serial(0)
    assert (await change(use, "remove"))["node"] == "/dev/ttyUSB0"
    await one.plug_serial(1, port=3, serial="OTHER02")  # takes the first node
    assert (await change(use, "add"))["serial"] == "OTHER02"
    await one.plug_serial(0, port=2, serial="OXI0001")
    again = await change(use, "add")
    assert (again["node"], again["place"], again["links"]) == ("/dev/ttyUSB1", first["place"], first["links"])
    await use.kill()
