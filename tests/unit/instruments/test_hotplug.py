"""Devices that come and go while the unit runs: pseudo-terminals as ports, the real supervisor, links and records."""

from __future__ import annotations

import asyncio
import json
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments import kept
from appliance.instruments.hotplug import Hear, Hotplug
from appliance.instruments.opening import Opener
from appliance.instruments.roster import Roster
from appliance.instruments.supervisor import Supervisor
from appliance.records.store import Store
from drivers.core.errors import LinkError
from drivers.links.ports import Change, Port, Usb
from drivers.registry import DRIVERS
from tests import schemas
from tests.making import active_room
from tests.unit.instruments.test_instrument import STREAM, until

PLACE = "0000:00:14.0/usb2-2:0"
REF = f"port:{PLACE}"


class Terminal:
    """A cable: what is written to `device` arrives at the port."""

    def __init__(self) -> None:
        self.device, self._ours = os.openpty()
        tty.setraw(self._ours)
        os.set_blocking(self.device, False)
        self.node = os.ttyname(self._ours)

    def port(self, *links: str) -> Port:
        usb = Usb(0x0403, 0x6001, "A1", "FTDI", "FT232R", 0, "1-2", "5")
        return Port("serial", self.node, PLACE, links, "ftdi_sio", usb)

    def heard(self, words: bytes) -> bool:
        """Whether the unit said this since it was asked last."""
        try:
            return words in os.read(self.device, 256)
        except BlockingIOError:
            return False

    def pull(self) -> None:
        os.close(self.device)
        os.close(self._ours)


@dataclass
class Unit:
    roster: Roster
    supervisor: Supervisor
    hotplug: Hotplug
    feed: Feed
    store: Store
    room: Room
    consultation: str
    plugs: asyncio.Queue[Change]
    air: asyncio.Queue[tuple[str, str, tuple[str, ...]]]

    def said(self, kind: str) -> list[dict[str, Any]]:
        return list(self.feed.state(kind))

    def state(self, key: str) -> str:
        return next((one["state"] for one in self.said("device") if one["key"] == key), "nothing")


@asynccontextmanager
async def running(folder: Path, *configured: Device) -> AsyncIterator[Unit]:
    room, store, feed, consultation = await active_room(folder)
    plugs: asyncio.Queue[Change] = asyncio.Queue()
    air: asyncio.Queue[tuple[str, str, tuple[str, ...]]] = asyncio.Queue()
    roster = Roster(DRIVERS, configured, kept.load(folder, configured, DRIVERS))
    supervisor = Supervisor(roster.devices(), DRIVERS, Opener(DRIVERS.values(), roster.path), room, feed, Care())

    async def changes() -> AsyncIterator[Change]:
        while True:
            yield await plugs.get()

    async def listen(hear: Hear, _: float) -> None:
        hear(*await air.get())

    hotplug = Hotplug(roster, supervisor, feed, folder, store.note, changes, listen)
    tasks = [asyncio.create_task(supervisor.run()), asyncio.create_task(hotplug.run())]
    try:
        yield Unit(roster, supervisor, hotplug, feed, store, room, consultation, plugs, air)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await room.abandon(consultation, "the end")
        await store.close()


@pytest.fixture
def cable() -> Terminal:
    return Terminal()


async def test_a_converter_is_assigned_speaks_survives_a_restart_and_is_forgotten(
    tmp_path: Path, cable: Terminal
) -> None:
    async with running(tmp_path) as unit:
        unit.plugs.put_nowait(Change("add", cable.port()))
        await until(lambda: bool(unit.said("unknown")))
        schemas.check("live", unit.said("unknown")[0])
        assert unit.supervisor.present() == []
        made = await unit.hotplug.assign(REF, "contec-cms50", "Oximeter")
        assert unit.said("unknown") == []
        await until(lambda: unit.state(made["key"]) == "ready")
        assert cable.heard(b"\x7d\x81\xa1")  # its driver spoke to it
        os.write(cable.device, STREAM * 3)
        await until(lambda: unit.state(made["key"]) == "live")
        (row,) = json.loads((tmp_path / "devices.json").read_text())["devices"]
        assert (row["link"], row["driver"]) == (f"serial:port:{PLACE}", "contec-cms50")
    async with running(tmp_path) as unit:
        assert unit.supervisor.known(made["key"])
        assert unit.state(made["key"]) in {"nothing", "absent"}
        unit.plugs.put_nowait(Change("add", cable.port()))
        await until(lambda: unit.state(made["key"]) == "ready")
        await unit.room.lease(unit.consultation, [made["key"]])
        with pytest.raises(Refused, match="in use"):
            await unit.hotplug.forget(made["key"])
        await unit.room.unlease(unit.consultation, made["key"])
        await unit.hotplug.forget(made["key"])
        assert unit.said("device") == []
        assert [one["why"] for one in unit.said("unknown")] == ["converter"]
        assert json.loads((tmp_path / "devices.json").read_text())["devices"] == []
        assert await unit.store.audit_break() is None


async def test_an_arrival_is_opened_at_once_under_whatever_node(tmp_path: Path, cable: Terminal) -> None:
    by_id = "/dev/serial/by-id/usb-FTDI_A1-if00-port0"
    device = Device(key="oximeter", name="O", kind="oximeter", driver="contec-cms50", link=f"serial:{by_id}")
    async with running(tmp_path, device) as unit:
        await until(lambda: unit.state("oximeter") == "absent")
        unit.plugs.put_nowait(Change("add", cable.port(by_id)))
        await until(lambda: unit.state("oximeter") == "ready", 0.5)
        unit.plugs.put_nowait(Change("remove", cable.port(by_id)))
        cable.pull()
        await until(lambda: unit.state("oximeter") == "lost")
        other = Terminal()
        unit.plugs.put_nowait(Change("add", other.port(by_id)))
        await until(lambda: other.heard(b"\x7d\x81\xa1"), 2.0)
        os.write(other.device, STREAM * 3)
        await until(lambda: unit.state("oximeter") == "live")


async def test_a_strangers_peripheral_is_listed_and_admitted_by_one_touch(tmp_path: Path) -> None:
    async with running(tmp_path) as unit:
        unit.air.put_nowait(("AA:BB:CC:DD:EE:01", "UA-651", ("1810",)))
        await until(lambda: bool(unit.said("unknown")))
        schemas.check("live", unit.said("unknown")[0])
        assert unit.said("device") == []  # and nobody connects
        made = await unit.hotplug.assign("ble:AA:BB:CC:DD:EE:01", "ble-blood-pressure", None)
        assert (made["link"], made["name"]) == ("ble:AA:BB:CC:DD:EE:01", "UA-651")
        assert unit.supervisor.known(made["key"])
        assert unit.said("unknown") == []


async def test_what_cannot_be_kept_is_not_done(
    tmp_path: Path, cable: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with running(tmp_path) as unit:
        unit.plugs.put_nowait(Change("add", cable.port()))
        await until(lambda: bool(unit.said("unknown")))
        monkeypatch.setattr(kept, "save", full)
        with pytest.raises(Refused, match="No space left"):
            await unit.hotplug.assign(REF, "contec-cms50", None)
        assert unit.roster.devices() == []
        assert [said["id"] for said in unit.hotplug.unknown()["unknown"]] == [REF]
        with pytest.raises(Refused, match="no driver 'nothing'"):
            await unit.hotplug.assign(REF, "nothing", None)


async def test_a_second_device_for_one_port_is_told_whose_it_is(tmp_path: Path, cable: Terminal) -> None:
    names = {"one": cable.node, "two": f"port:{PLACE}"}
    devices = [
        Device(key=key, name=key, kind="oximeter", driver="contec-cms50", link=f"serial:{where}")
        for key, where in names.items()
    ]
    async with running(tmp_path, *devices) as unit:
        unit.plugs.put_nowait(Change("add", cable.port()))
        await until(lambda: unit.state("one") == "ready")
        with pytest.raises(LinkError, match=r"two: .* the port of 'one'"):
            unit.roster.path(devices[1])
        assert unit.state("two") == "absent"
