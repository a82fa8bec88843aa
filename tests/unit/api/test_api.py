"""The unit's interface on a real socket: the routes, the guard, and screens that misbehave."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from appliance.api import app, live
from appliance.api.ports import Ports
from appliance.api.server import listen, serve
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.care.worklist import Day, Expected, Worklist
from appliance.config import ConfigError, Server, Settings
from appliance.diagnostics import Health
from appliance.feed import Feed
from appliance.records.model import KeptResult
from appliance.records.store import Store
from tests.making import TYPED, reading


class Devices:
    def present(self) -> list[str]:
        return ["cuff", "oximeter"]

    def known(self, key: str) -> bool:
        return key in {"cuff", "oximeter", "thermometer"}

    def again(self, key: str) -> None:
        assert key == "oximeter"


class NoCalls:
    async def clip(self, consultation: str, source: str) -> KeptResult:
        raise Refused("source-lost", "nothing is held")

    async def view(self, consultation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return asked

    async def listen(self, consultation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Refused("not-now", "no")

    async def still(self, consultation: str, source: str) -> KeptResult:
        raise Refused("source-lost", "the camera is gone")

    async def preview(self) -> tuple[str, dict[str, str]]:
        raise Refused("too-many-peers", "no")

    async def preview_answer(self, peer: str, description: dict[str, str]) -> None:
        raise Refused("no-such-peer", "no")

    async def talk(self) -> tuple[str, dict[str, str]]:
        return "room", {"type": "offer", "sdp": "v=0"}

    async def talk_answer(self, peer: str, description: dict[str, str]) -> None:
        if peer != "room":
            raise Refused("no-such-peer", "no")

    async def talk_close(self, peer: str) -> None:
        return None

    async def preview_close(self, peer: str) -> None:
        return None


async def expected() -> Day:
    at = datetime.fromisoformat("2026-11-24T09:30:00+01:00")
    good = Expected("a-1", at, "Lefèvre", "Marcel", "1948-03-02", "M", "Essoufflement")
    return Day((good, Expected("a-2", at, "42", "Marcel", "1948-03-02", "M")), 1)


@dataclass
class Unit:
    base: str
    http: httpx.AsyncClient
    room: Room
    feed: Feed
    store: Store

    async def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.http.post(path, json=body or {})


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def unit(folder: Path) -> AsyncIterator[Unit]:
    settings = Settings(server=Server(port=free_port()), state=folder)
    store, feed = Store.open(folder), Feed()
    room = Room(store, feed, settings.care)
    await room.start()
    ports = Ports(
        settings,
        store,
        feed,
        room,
        Devices(),
        NoCalls(),
        Health(settings, store, None),
        None,
        None,
        worklist=Worklist(room, expected),
    )
    tasks = [
        asyncio.create_task(serve(app.build(ports), listen(settings.server))),
        asyncio.create_task(feed.beat()),
    ]
    base = f"http://127.0.0.1:{settings.server.port}"
    async with httpx.AsyncClient(base_url=base) as http:
        try:
            yield Unit(base, http, room, feed, store)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await store.close()


async def active(it: Unit) -> str:
    ref: str = (await it.post("/api/consultations")).json()["id"]
    steps: list[tuple[str, dict[str, Any]]] = [
        ("patient", {"typed": TYPED}),
        ("patient/confirm", {"checked": ["birth_name", "birth_date"]}),
        ("consent", {"given": True, "by": "patient", "language": "fr", "version": "1"}),
    ]
    for path, body in steps:
        answer = await it.post(f"/api/consultations/{ref}/{path}", body)
        assert answer.status_code == 200, answer.text
    return ref


async def test_a_consultation_from_open_to_wiped(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        ref = await active(it)
        assert (await it.post(f"/api/consultations/{ref}/leases", {"device": "*"})).json() == {
            "leases": ["cuff", "oximeter"]
        }
        await it.room.accept(reading())
        current = (await it.http.get("/api/consultations/current")).json()
        assert current["patient"]["birth_name"] == "DURAND"
        assert [value["value"] for value in current["results"][0]["numerics"]] == ["124", "86"]
        manual = {"metric": "body-temperature", "value": "37.20", "unit": "Cel", "reason": "no probe"}
        typed = await it.post(f"/api/consultations/{ref}/results", {"manual": manual})
        assert (typed.status_code, typed.json()["status"], typed.json()["numerics"][0]["value"]) == (
            201,
            "manual",
            "37.20",
        )
        assert (await it.post(f"/api/consultations/{ref}/review")).json()["state"] == "review"
        assert (await it.post(f"/api/consultations/{ref}/close")).json()["state"] == "closed"
        assert (await it.http.get("/api/consultations/current")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("patient", {"typed": TYPED | {"birth_date": "1977-13-01"}}, 422, "identity-not-readable"),
        ("patient", {"datamatrix": "0100000000000000"}, 422, "identity-not-readable"),
        ("patient", {}, 422, "invalid-request"),
        ("patient/confirm", {"checked": ["birth_name", "birth_date"]}, 409, "not-now"),
        ("consent", {"given": True, "by": "cat", "language": "fr", "version": "1"}, 422, "invalid-request"),
        ("leases", {"device": "toaster"}, 404, "no-such-device"),
        ("leases", {"device": "cuff"}, 409, "not-active"),
        ("results", {"keep": "cuff"}, 409, "nothing-to-keep"),
        ("stills", {"source": "otoscope"}, 409, "source-lost"),
        ("review", {}, 409, "not-now"),
    ],
)
async def test_what_cannot_be_is_said(tmp_path: Path, path: str, body: dict[str, Any], status: int, error: str) -> None:
    async with unit(tmp_path) as it:
        ref = (await it.post("/api/consultations")).json()["id"]
        answer = await it.post(f"/api/consultations/{ref}/{path}", body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert len(answer.json()["message"]) > 10


async def test_another_consultation_is_nobodys(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        await active(it)
        answer = await it.post("/api/consultations/11111111-1111-4111-8111-111111111111/review")
        assert (answer.status_code, answer.json()["error"]) == (404, "no-such-consultation")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_strangers_are_turned_away(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async with unit(tmp_path) as it:
        answer = await it.http.post("/api/consultations", json={}, headers=headers)
        assert answer.status_code == status
        assert it.room.record is None


async def test_a_large_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        answer = await it.http.post("/api/consultations", content=b"x" * 200_000)
        assert answer.status_code == 413


async def test_a_page_of_another_origin_gets_no_live_feed(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        with pytest.raises(InvalidStatus):
            async with connect(it.base.replace("http", "ws") + "/api/live", origin="http://evil.example"):  # type: ignore[arg-type]
                pass


async def test_the_live_feed_begins_with_hello_and_beats(tmp_path: Path) -> None:
    async with unit(tmp_path) as it, connect(it.base.replace("http", "ws") + "/api/live") as screen:
        first = [json.loads(await screen.recv()) for _ in range(3)]
        assert first[0]["type"] == "hello"
        async with asyncio.timeout(2):
            while json.loads(await screen.recv())["type"] != "beat":
                pass


async def test_a_message_of_ten_megabytes_ends_that_screen_and_no_other(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        url = it.base.replace("http", "ws") + "/api/live"
        async with connect(url) as other, connect(url, max_size=None) as rude:
            with pytest.raises(ConnectionClosed) as closed:
                await rude.send("x" * 10_000_000)
                while True:
                    await rude.recv()
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
            await other.recv()
        assert (await it.http.get("/api/health")).status_code == 200


async def test_a_screen_that_stops_reading_is_let_go_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_TIMEOUT_S", 0.3)
    async with unit(tmp_path) as it:
        host, port = it.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(
            f"GET /api/live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readline()
        fat = {"type": "source", "key": "x", "filler": "y" * 60_000}
        async with asyncio.timeout(20):
            number = 0
            while len(it.feed._receivers) > 0 or number == 0:
                number += 1
                it.feed.publish(fat | {"key": f"k{number % 50}"})
                await asyncio.sleep(0.002)
        writer.close()
        assert (await it.http.get("/api/health")).json()["ready"] is True


async def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    port = free_port()
    sock = listen(Server(port=port))
    with pytest.raises(ConfigError, match=f"{port} cannot be used"):
        listen(Server(port=port))
    sock.close()


async def test_without_screens_the_page_names_the_command(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        assert "make ui" in (await it.http.get("/")).text


async def test_a_device_is_asked_for_again(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        assert (await it.post("/api/devices/oximeter/again", {})).status_code == 204
        refused = await it.post("/api/devices/teapot/again", {})
        assert refused.json()["error"] == "no-such-device"


async def test_no_camera_is_tested_while_a_patient_is_there(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        there = await it.http.get("/api/technician/sources/otoscope/look")
        assert (there.status_code, there.json()["error"]) == (404, "no-such-source")
        await active(it)
        busy = await it.http.get("/api/technician/sources/otoscope/look")
        assert (busy.status_code, busy.json()["error"]) == (409, "consultation-open")


async def test_a_dossier_is_asked_listed_and_never_leaves_without_a_recipient(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        ref = await active(it)
        path = f"/api/consultations/{ref}"
        duty = await it.post(f"{path}/acknowledgements", {"what": "hygiene", "by": "Nadia"})
        assert [one["what"] for one in duty.json()["acknowledged"]] == ["hygiene"]
        people = await it.post(f"{path}/people", {"nurse": {"name": "Nadia Petit", "rpps": "10001234567"}})
        assert (people.json()["nurse"], people.json()["recording"]) == ("Nadia Petit", False)
        allowed = {"given": True, "by": "patient", "language": "fr", "version": "1"}
        assert (await it.post(f"{path}/recording", allowed)).json()["recording"] is True
        body = {"question": "Melanoma?", "urgency": "urgent", "by": {"name": "Nadia Petit"}}
        asked = await it.post(f"{path}/dossiers", body)
        assert (asked.status_code, asked.json()["state"], asked.json()["delivery"]) == (201, "requested", "stored")
        assert (await it.post(f"{path}/dossiers", body | {"urgency": "now"})).status_code == 422
        await it.post(f"{path}/review")
        await it.post(f"{path}/close")
        listed = (await it.http.get("/api/dossiers")).json()["dossiers"]
        assert [one["id"] for one in listed] == [asked.json()["id"]]
        left = await it.post(f"/api/dossiers/{listed[0]['id']}/export", {"by": "Nadia", "reason": "no network"})
        assert (left.status_code, left.json()["error"]) == (409, "no-recipient")
        assert (await it.post("/api/dossiers/none/export", {"by": "Nadia", "reason": "x"})).status_code == 404


async def test_metrics_are_read_by_prometheus_own_parser_and_name_no_patient(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        await active(it)
        it.feed.publish({"type": "device", "key": "cuff", "name": "Cuff of room 2", "state": "lost", "at_ms": 0})
        it.feed.publish({"type": "outbox", "waiting": 3, "refused": 1, "oldest_s": 12.5, "platform": "down"})
        answer = await it.http.get("/api/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        found = {
            (one.name, *one.labels.values()): one.value
            for family in text_string_to_metric_families(answer.text)
            for one in family.samples
        }
        assert found["chevet_device_state", "cuff", "lost"] == 1
        assert found["chevet_device_state", "cuff", "live"] == 0
        assert found["chevet_consultation_open",] == 1
        assert found["chevet_outbox_waiting_results",] == 3
        assert found["chevet_outbox_oldest_seconds",] == 12.5
        assert found["chevet_platform_up",] == 0
        assert found["process_resident_memory_bytes",] > 1e6
        assert "DURAND" not in answer.text
        assert "room 2" not in answer.text


async def test_an_appointment_becomes_a_consultation_with_its_patient_to_confirm(tmp_path: Path) -> None:
    async with unit(tmp_path) as it:
        listed = (await it.http.get("/api/worklist")).json()
        assert [one["birth_name"] for one in listed["entries"]] == ["Lefèvre", "42"]
        assert (listed["entries"][0]["at"], listed["unreadable"]) == ("2026-11-24T09:30:00+01:00", 1)

        for entry, status, code in (("a-2", 422, "identity-not-readable"), ("a-3", 404, "no-such-entry")):
            refused = await it.post("/api/worklist", {"entry": entry})
            assert (refused.status_code, refused.json()["error"]) == (status, code)
            assert it.room.record is None

        begun = await it.post("/api/worklist", {"entry": "a-1"})
        assert (begun.status_code, begun.json()["state"]) == (201, "identifying")
        assert begun.json()["patient"] == {
            "birth_name": "LEFÈVRE",
            "given_names": "MARCEL",
            "birth_date": "1948-03-02",
            "sex": "M",
            "origin": "worklist",
        }
        again = await it.post("/api/worklist", {"entry": "a-1"})
        assert (again.status_code, again.json()["error"]) == (409, "consultation-open")
