"""What is plugged in, over the interface: listed, assigned, forgotten, and refused in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from appliance.api import app
from appliance.api.ports import Ports
from appliance.config import Server, Settings
from appliance.diagnostics import Health
from appliance.instruments.hotplug import Hotplug
from appliance.instruments.roster import Roster
from appliance.instruments.supervisor import Supervisor
from appliance.records.store import Store
from drivers.links.ports import Port, Usb
from drivers.registry import DRIVERS
from tests.making import active_room
from tests.unit.api.test_api import NoCalls

PLACE = "0000:00:14.0/usb2-2:0"
CONVERTER = Port("serial", "/dev/ttyUSB0", PLACE, (), "", Usb(0x0403, 0x6001, "", "FTDI", "FT232R", 0, "1-2", "5"))


def no_link(*_: object) -> None:
    raise AssertionError("nothing runs here")


@asynccontextmanager
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    room, store, feed, _ = await active_room(folder)
    settings, roster = Settings(server=Server(port=8080), state=folder), Roster(DRIVERS)
    roster.plug(CONVERTER)
    devices = Supervisor((), DRIVERS, no_link, room, feed, settings.care)  # type: ignore[arg-type]
    hotplug = Hotplug(roster, devices, feed, folder, store.note)
    ports = Ports(settings, store, feed, room, devices, NoCalls(), health(settings, store), None, None, plugged=hotplug)
    transport = httpx.ASGITransport(app.build(ports))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield http
    await store.close()


def health(settings: Settings, store: Store) -> Health:
    return Health(settings, store, None)


async def test_an_unknown_port_is_listed_assigned_and_forgotten(tmp_path: Path) -> None:
    async with client(tmp_path) as http:
        told = (await http.get("/api/unknown")).json()
        assert [one["id"] for one in told["unknown"]] == [f"port:{PLACE}"]
        assert {"name": "contec-cms50", "kind": "oximeter"} in told["drivers"]
        assert "ble-weight" not in {driver["name"] for driver in told["drivers"]}
        body = {"unknown": f"port:{PLACE}", "driver": "contec-cms50", "name": "Oximètre"}
        made = await http.post("/api/devices", json=body)
        assert (made.status_code, made.json()["link"]) == (201, f"serial:port:{PLACE}")
        again = await http.post("/api/devices", json=body)
        assert (again.status_code, again.json()["error"]) == (409, "taken")
        key = made.json()["key"]
        assert (await http.get("/api/unknown")).json()["added"] == [key]
        assert (await http.delete(f"/api/devices/{key}")).status_code == 204
        assert (await http.delete(f"/api/devices/{key}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"unknown": "port:elsewhere", "driver": "contec-cms50"}, 404, "no-such-unknown"),
        ({"unknown": f"port:{PLACE}", "driver": "nothing"}, 422, "no-such-driver"),
        ({"unknown": f"port:{PLACE}", "driver": "ble-weight"}, 422, "wrong-driver"),
        ({"unknown": "ble:AA:BB:CC:DD:EE:FF", "driver": "ble-weight"}, 404, "no-such-unknown"),
        ({"unknown": "/etc/passwd", "driver": "contec-cms50"}, 422, "invalid-request"),
        ({"unknown": "port:" + "x" * 200, "driver": "contec-cms50"}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_code(
    tmp_path: Path, body: dict[str, str], status: int, code: str
) -> None:
    async with client(tmp_path) as http:
        answer = await http.post("/api/devices", json=body)
        assert (answer.status_code, answer.json()["error"]) == (status, code)


async def test_a_page_of_another_origin_assigns_nothing(tmp_path: Path) -> None:
    async with client(tmp_path) as http:
        body = {"unknown": f"port:{PLACE}", "driver": "contec-cms50"}
        answer = await http.post("/api/devices", json=body, headers={"origin": "http://evil.example"})
        assert answer.status_code == 403
        assert len((await http.get("/api/unknown")).json()["unknown"]) == 1
