"""SerialLink on the real ftdi_sio and udev. The adapter is QEMU's FT232; the device at its other end is this file."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.guest.machine import End
from tests.guest.running import Guest, Run

pytestmark = pytest.mark.guest

USE = "tests.guest.inside.use_serial"
BY_ID = "/dev/serial/by-id/*OXI0001*"
BY_PATH = "/dev/serial/by-path/pci-*-usb-0:2:1.0-port0"
# tests/captures/masimo-ascii1: a Radical-7 with a weak signal
MASIMO = (
    b"03/17/16 19:19:36 SN=---------- SPO2=098% BPM=123 PI=00.55 SPCO=--% SPMET=--.-% SPHB=--.- SPOC=-- RESVD=--- "
    b"DESAT=-- PIDELTA=+-- PVI=--- ALARM=000000 EXC=0000C00 EXC1=00000000\r\n"
)
SCALE = b"ST,GS,+0071.85kg\r\n"


@asynccontextmanager
async def speaking(cable: End, line: bytes) -> AsyncIterator[None]:
    """A device that says this line ten times a second. What nobody takes is dropped, as on a wire."""

    async def speak() -> None:
        while True:
            cable.writer.write(line)
            await cable.writer.drain()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def expect_masimo(use: Run) -> None:
    told = [await use.expect("numeric") for _ in range(3)]
    assert [(one["metric"], one["value"], one["unit"], one["validity"]) for one in told] == [
        ("oxygen-saturation", "98", "%", "questionable"),
        ("pulse-rate", "123", "/min", "questionable"),
        ("perfusion-index", "0.55", "%", "questionable"),
    ]


async def pull(guest: Guest, cable: int, use: Run) -> float:
    """Pull the adapter out; seconds until the link was lost."""
    pulled_s = time.monotonic()
    await guest.machine.unplug_serial(cable)
    await use.expect("LinkLost", within_s=10)
    return time.monotonic() - pulled_s


@pytest.mark.parametrize("name", [BY_ID, BY_PATH], ids=["by-id", "by-path"])
async def test_a_device_is_read_lost_and_read_again_under_another_node(guest: Guest, name: str) -> None:
    one = guest.machine
    use = guest.run(USE, "masimo-ascii1", name, "2")
    async with speaking(one.cables[0], MASIMO):
        await one.plug_serial(0, port=2, serial="OXI0001")
        assert (await use.expect("opened"))["node"] == "/dev/ttyUSB0"
        await expect_masimo(use)
        assert await pull(guest, 0, use) < 2.0

        await one.plug_serial(1, port=3, serial="OTHER02")  # takes the first node
        other = guest.run(USE, "scale-and", "/dev/serial/by-id/*OTHER02*", "1")
        assert (await other.expect("opened"))["node"] == "/dev/ttyUSB0"
        await one.plug_serial(0, port=2, serial="OXI0001")
        assert (await use.expect("opened"))["node"] == "/dev/ttyUSB1"
        await expect_masimo(use)
        await pull(guest, 0, use)
    await use.end()


async def test_a_port_that_is_open_is_refused_to_others(guest: Guest) -> None:
    use = guest.run(USE, "masimo-ascii1", BY_ID, "1")
    await guest.machine.plug_serial(0, port=1, serial="OXI0001")
    await use.expect("opened")
    assert "another program has it" in (await use.expect("refused"))["why"]


async def test_seven_bits_and_even_parity_are_taken(guest: Guest) -> None:
    use = guest.run(USE, "scale-and", BY_ID, "1")
    async with speaking(guest.machine.cables[0], SCALE):
        await guest.machine.plug_serial(0, port=1, serial="OXI0001")
        await use.expect("opened")
        told = await use.expect("numeric")
    assert (told["metric"], told["value"], told["unit"]) == ("body-weight", "71.85", "kg")
    settings = guest.run("tests.guest.inside.settings_of", BY_ID)
    assert await settings.expect("settings") == {
        "told": "settings",
        "baud": 2400,
        "bits": 7,
        "parity": "E",
        "stop": 1,
    }
    await settings.end()
