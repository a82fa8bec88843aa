"""Replayed devices: their timing, their switches, their clock."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path

import anyio
import pytest

from drivers.core.capture import parse
from drivers.core.errors import LinkError, LinkLost
from drivers.core.model import Packet
from drivers.links.base import Chunk
from drivers.links.replay import ReplayDevice, ReplayLink, load
from drivers.registry import DRIVERS
from tests.devices.captures import FOLDER

CUFF = DRIVERS["ble-blood-pressure"]
OXIMETER = DRIVERS["contec-cms50"]
HEAD = "# device: none\n# source: made\n# licence: own work\n# evidence: made\n"
STREAM = parse(
    f"# driver: contec-cms50\n{HEAD}@0 01e085b396c1e1ffff\n@0.05 01e085b096c1e1ffff\n@0.1 01e085ae95c1e1ffff\n"
)


def cuff(**switches: object) -> ReplayDevice:
    recordings = {name: load(FOLDER / f"ble-blood-pressure/{name}.capture") for name in ("normal", "failed")}
    return ReplayDevice(CUFF, recordings, **switches)  # type: ignore[arg-type]


async def take(link: ReplayLink, count: int) -> list[Chunk]:
    taken = []
    with anyio.fail_after(3):
        async for chunk in link.chunks():
            taken.append(chunk)
            if len(taken) == count:
                break
    return taken


async def test_a_loop_keeps_the_recorded_timing() -> None:
    async with ReplayDevice(OXIMETER, {"steady": STREAM}, looped="steady").link() as link:
        chunks = await take(link, 7)
    took_s = (chunks[-1].arrival_ns - chunks[0].arrival_ns) / 1e9
    assert [chunk.data[3] for chunk in chunks] == [0xB3, 0xB0, 0xAE, 0xB3, 0xB0, 0xAE, 0xB3]
    assert 0.25 < took_s < 2  # 6 x 0.05 s by the clock; only the first can be late, and then the rest is not


async def test_a_recording_is_played_once_when_told() -> None:
    device = cuff()
    async with device.link() as link:
        device.play("normal")
        device.play("failed")
        chunks = await take(link, 2)
        assert [chunk.channel for chunk in chunks] == ["2a35", "2a35"]
        assert [chunk.data[1] for chunk in chunks] == [0x7C, 0xFF]
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.1):
                await anext(link.chunks())


async def test_the_link_is_lost_when_the_device_is_unplugged() -> None:
    device = ReplayDevice(OXIMETER, {"steady": STREAM}, looped="steady")
    async with device.link() as link:
        chunks = link.chunks()
        await anext(chunks)
        begun = time.monotonic()
        device.unplug()
        with pytest.raises(LinkLost):
            await anext(chunks)
        assert time.monotonic() - begun < 0.04
        with pytest.raises(LinkLost):
            await link.write(b"\x7d")
    with pytest.raises(LinkError):
        async with device.link():
            pass
    device.plug()
    async with device.link() as link:
        assert len(await take(link, 2)) == 2


async def test_an_idle_link_is_lost_too() -> None:
    device = cuff()
    async with device.link() as link:
        asyncio.get_running_loop().call_later(0.02, device.unplug)
        with pytest.raises(LinkLost), anyio.fail_after(1):
            await anext(link.chunks())


async def test_a_silenced_device_keeps_its_link() -> None:
    device = ReplayDevice(OXIMETER, {"steady": STREAM}, looped="steady")
    async with device.link() as link:
        chunks = link.chunks()
        await anext(chunks)
        device.stop()
        with pytest.raises(TimeoutError), anyio.fail_after(0.2):
            await anext(chunks)
        device.start()
        assert (await take(link, 1))[0].data[0] == 0x01


async def test_the_measurement_is_taken_now_by_the_devices_clock() -> None:
    now = datetime(2026, 11, 23, 9, 30, 5)  # noqa: DTZ001 - a device's clock has no zone
    device = cuff(clock=lambda: now)
    async with device.link() as link:
        device.play("normal")
        chunk = (await take(link, 1))[0]
    assert chunk.device_now == now
    events = list(CUFF.decoder()(Packet(chunk.data, chunk.channel)))
    assert [str(getattr(event, "taken", None)) for event in events] == ["2026-11-23 09:30:05"] * 4
    assert chunk.data.hex() == "167c0056006100ea070b17091e0533000000"


async def test_what_the_host_writes_is_kept() -> None:
    device = ReplayDevice(OXIMETER, {"steady": STREAM}, looped="steady")
    async with device.link() as link:
        await link.write(b"\x7d\x81")
    assert list(device.written) == [(b"\x7d\x81", "")]


async def test_wrong_recordings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="steady: a capture for contec-cms50, not for ble-blood-pressure"):
        ReplayDevice(CUFF, {"steady": STREAM})
    with pytest.raises(LinkError, match="no recording 'fever'; there are: failed, normal"):
        cuff().play("fever")
    bad = tmp_path / "bad.capture"
    bad.write_text("# driver: x\n2a35 nonsense\n")
    with pytest.raises(LinkError, match="line 2: 'nonsense' is neither hex nor a JSON string of bytes"):
        load(bad)
    with pytest.raises(LinkError, match="No such file"):
        load(tmp_path / "none.capture")
