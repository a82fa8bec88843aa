"""The link against a WebSocket server of our own, well-behaved and not."""

from __future__ import annotations

import asyncio
import json
import socket as socket_module
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from appliance.platform import link as module
from appliance.platform.client import PlatformAddress
from appliance.platform.link import Link
from appliance.platform.link_messages import (
    ConsultationChanged,
    Description,
    DossierNews,
    Hello,
    OpenConsultation,
    Opened,
    PeerClosed,
    PeerJoined,
    PeerLeft,
    Publish,
    Signal,
    UnitInfo,
    Unpublish,
)
from tests import schemas
from tests.unit.platform.fakes import until
from tests.unit.platform.making import CONSULTATION as C

AT = "2026-06-01T12:00:00+00:00"
WELCOME = {"type": "welcome", "protocol": 1, "platform": {"name": "P"}, "time": AT}
JOINED = {"type": "peer.joined", "consultation": C, "peer": "p", "role": "doctor", "name": "Dr A", "ice_servers": []}


@dataclass
class Heard:
    """Handlers that keep what they hear."""

    messages: list[object] = field(default_factory=list)
    changes: list[bool] = field(default_factory=list)

    async def peer_joined(self, message: PeerJoined) -> None:
        self.messages.append(message)

    async def peer_left(self, message: PeerLeft) -> None:
        self.messages.append(message)

    async def signal(self, message: Signal) -> None:
        self.messages.append(message)

    async def publish(self, message: Publish) -> None:
        self.messages.append(message)

    async def unpublish(self, message: Unpublish) -> None:
        self.messages.append(message)

    async def opened(self, message: Opened) -> None:
        self.messages.append(message)

    async def dossier(self, message: DossierNews) -> None:
        self.messages.append(message)

    def link_changed(self, up: bool) -> None:
        self.changes.append(up)


Talk = Callable[["Side"], Awaitable[None]]


@dataclass
class Side:
    """The platform's side of one connection."""

    socket: ServerConnection
    headers: dict[str, str]

    async def say(self, message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        message = json.loads(await asyncio.wait_for(self.socket.recv(), 5))
        schemas.check("link", message)
        assert isinstance(message, dict)
        return message

    async def greet(self) -> dict[str, Any]:
        hello = await self.hear()
        await self.say(WELCOME)
        return hello


@dataclass
class Unit:
    """What the unit would tell in hello."""

    open: list[OpenConsultation] = field(default_factory=list)

    def hello(self) -> Hello:
        return Hello(UnitInfo("unit-1", "Cart 1", "0.1.0"), tuple(self.open))


@asynccontextmanager
async def linked(talk: Talk, unit: Unit | None = None) -> AsyncIterator[tuple[Link, Heard]]:
    """A platform that talks as told on each connection; a link that holds on to it without waiting."""
    faults: list[BaseException] = []

    async def handle(socket: ServerConnection) -> None:
        request = socket.request
        try:
            await talk(Side(socket, dict(request.headers) if request else {}))
        except ConnectionClosed:
            pass
        except BaseException as error:
            faults.append(error)
            raise

    async with serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol("chevet.link.v1")]) as server:
        port = server.sockets[0].getsockname()[1]
        heard = Heard()
        link = Link(f"http://127.0.0.1:{port}", "the-token", (unit or Unit()).hello, heard, draw=lambda *_: 0.005)
        task = asyncio.create_task(link.run())
        try:
            yield link, heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled(), task.exception()
    assert faults == []


async def test_hello_then_what_the_platform_says_in_order() -> None:
    hellos: list[tuple[dict[str, Any], dict[str, str]]] = []

    async def talk(side: Side) -> None:
        hellos.append((await side.greet(), side.headers))
        await side.say(JOINED)
        await side.say({"type": "signal", "consultation": C, "peer": "p", "candidate": None})
        await side.say({"type": "receipt", "identifier": f"urn:uuid:{C}", "state": "opened", "at": AT, "by": "Dr A"})
        await side.say({"type": "peer.left", "consultation": C, "peer": "p"})
        await side.socket.wait_closed()

    async with linked(talk, Unit([OpenConsultation(C, "active", AT)])) as (link, heard):
        await until(lambda: len(heard.messages) == 4)
        assert link.up
    assert [type(message) for message in heard.messages] == [PeerJoined, Signal, Opened, PeerLeft]
    assert hellos[0][0] == {
        "type": "hello",
        "protocol": 1,
        "unit": {"id": "unit-1", "name": "Cart 1", "software": "0.1.0"},
        "consultations": [{"id": C, "state": "active", "opened": AT, "reason": None}],
    }
    assert hellos[0][1]["authorization"] == "Bearer the-token"
    assert hellos[0][1]["sec-websocket-protocol"] == "chevet.link.v1"
    assert heard.changes == [True, False]


async def test_what_the_unit_says_goes_out_in_order() -> None:
    got: list[dict[str, Any]] = []

    async def talk(side: Side) -> None:
        await side.greet()
        while True:
            got.append(await side.hear())

    async with linked(talk) as (link, heard):
        await until(lambda: heard.changes == [True])
        link.send(ConsultationChanged(C, "open", AT, "cough"))
        link.send(PeerClosed(C, "p"))
        await until(lambda: len(got) == 2)
    assert [message["type"] for message in got] == ["consultation", "peer.closed"]


async def test_after_a_loss_the_link_is_opened_again_with_what_is_open_then() -> None:
    unit, hellos = Unit([OpenConsultation(C, "active", AT)]), []

    async def talk(side: Side) -> None:
        hellos.append(await side.greet())
        if len(hellos) == 1:
            unit.open = []
            side.socket.transport.abort()
        await side.socket.wait_closed()

    async with linked(talk, unit) as (_, heard):
        await until(lambda: heard.changes == [True, False, True])
    assert [len(hello["consultations"]) for hello in hellos] == [1, 0]


async def test_a_change_between_hello_and_welcome_is_not_lost() -> None:
    got: list[dict[str, Any]] = []
    hello_came = asyncio.Event()

    async def talk(side: Side) -> None:
        await side.hear()
        hello_came.set()
        link.send(ConsultationChanged(C, "open", AT))
        await side.say(WELCOME)
        got.append(await side.hear())
        await side.socket.wait_closed()

    async with linked(talk) as (link, _):
        await until(lambda: bool(got))
    assert got[0]["id"] == C


async def test_signals_of_a_lost_link_are_not_sent_on_the_next() -> None:
    got: list[dict[str, Any]] = []
    count = 0
    queued = asyncio.Event()

    async def talk(side: Side) -> None:
        nonlocal count
        count += 1
        await side.greet()
        if count == 1:
            side.socket.transport.pause_reading()
            await queued.wait()
            side.socket.transport.abort()
            return
        await until(lambda: heard.changes == [True, False, True])
        link.send(PeerClosed(C, "new"))
        got.append(await side.hear())
        await side.socket.wait_closed()

    async with linked(talk) as (link, heard):
        await until(lambda: heard.changes == [True])
        for _ in range(module.MAX_QUEUED):  # some 15 MB: more than any socket takes unread
            link.send(Signal(C, "old", description=Description("offer", "x" * 60_000)))
        queued.set()
        await until(lambda: bool(got))
    assert got[0]["peer"] == "new"


async def test_without_a_link_a_message_is_dropped_and_counted() -> None:
    link = Link("http://127.0.0.1:1", None, Unit().hello, Heard())
    link.send(PeerClosed(C, "p"))
    assert link.dropped == 1


@pytest.mark.parametrize(("open_now", "longest_s"), [((), 30.0), ((OpenConsultation(C, "active", AT),), 2.0)])
async def test_a_patient_who_waits_makes_the_tries_frequent(
    open_now: tuple[OpenConsultation, ...], longest_s: float
) -> None:
    caps: list[float] = []

    def draw(_: float, cap_s: float) -> float:
        caps.append(cap_s)
        return 0.0

    link = Link("http://127.0.0.1:1", None, Unit(list(open_now)).hello, Heard(), draw=draw)
    task = asyncio.create_task(link.run())
    await until(lambda: len(caps) >= 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert max(caps) == longest_s


async def test_a_consultation_that_is_opened_does_not_wait_for_the_next_try() -> None:
    tries, unit, heard = [], Unit(), Heard()

    def draw(_: float, cap_s: float) -> float:
        tries.append(cap_s)
        return 3600.0

    async def talk(socket: ServerConnection) -> None:
        await Side(socket, {}).greet()
        await socket.wait_closed()

    with closing(socket_module.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    link = Link(f"http://127.0.0.1:{port}", None, unit.hello, heard, draw=draw)
    task = asyncio.create_task(link.run())
    await until(lambda: len(tries) == 1)
    async with serve(talk, "127.0.0.1", port, subprotocols=[Subprotocol("chevet.link.v1")]):
        unit.open = [OpenConsultation(C, "open", AT)]
        link.send(ConsultationChanged(C, "open", AT))
        await until(lambda: heard.changes == [True])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(tries) == 1


async def test_a_platform_that_does_not_read_costs_a_bounded_queue() -> None:
    counted = asyncio.Event()

    async def talk(side: Side) -> None:
        await side.greet()
        side.socket.transport.pause_reading()
        await counted.wait()
        side.socket.transport.abort()

    async with linked(talk) as (link, heard):
        await until(lambda: heard.changes == [True])
        for _ in range(module.MAX_QUEUED * 3):
            link.send(PeerClosed(C, "p"))
        assert link.dropped == module.MAX_QUEUED * 2
        counted.set()


@pytest.mark.parametrize(
    "first",
    [
        {"type": "error", "code": "unknown-unit", "message": "who are you"},
        {**WELCOME, "protocol": 2},
        JOINED,
        [],
    ],
)
async def test_whoever_does_not_welcome_us_is_left(first: object) -> None:
    count = 0

    async def talk(side: Side) -> None:
        nonlocal count
        count += 1
        await side.hear()
        await side.say(first)
        await side.socket.wait_closed()

    async with linked(talk) as (link, heard):
        await until(lambda: count >= 3)
        assert not link.up
    assert heard.changes == []


async def test_junk_among_the_messages_is_passed_over() -> None:
    async def talk(side: Side) -> None:
        await side.greet()
        for junk in ("", "{", "null", '{"type":"weather"}', '{"type":"peer.joined"}'):
            await side.socket.send(junk)
        await side.socket.send(b"\x00\xff")
        await side.say(JOINED)
        await side.socket.wait_closed()

    async with linked(talk) as (_, heard):
        await until(lambda: len(heard.messages) == 1)
        assert heard.changes == [True]


async def test_too_much_junk_and_the_link_is_opened_anew() -> None:
    count = 0

    async def talk(side: Side) -> None:
        nonlocal count
        count += 1
        await side.greet()
        for _ in range(module.MAX_BAD if count == 1 else 0):
            await side.socket.send("junk")
        await side.socket.wait_closed()

    async with linked(talk) as (_, heard):
        await until(lambda: heard.changes == [True, False, True])


async def test_a_message_beyond_the_cap_ends_the_connection() -> None:
    count = 0

    async def talk(side: Side) -> None:
        nonlocal count
        count += 1
        await side.greet()
        if count == 1:
            await side.socket.send("x" * 65_537)
        await side.socket.wait_closed()

    async with linked(talk) as (_, heard):
        await until(lambda: heard.changes == [True, False, True])


def test_only_https_or_this_machine() -> None:
    with pytest.raises(PlatformAddress):
        Link("http://platform.example", "t", Unit().hello, Heard())
