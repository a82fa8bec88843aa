"""A programme published to a media server: over loopback, with aiortc as the server and a door in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from appliance.media.call import CallState
from appliance.media.engine import Engine, EngineSettings
from appliance.media.playback import DrawnPictures
from appliance.media.source import PictureSource
from appliance.media.whip import Publisher
from tests.unit.media.helpers import become, grey
from tests.unit.media.receiver import Receiver

CONNECTING, CONNECTED, LOST, CLOSED = CallState.CONNECTING, CallState.CONNECTED, CallState.LOST, CallState.CLOSED


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Taken:
    answer: str
    resource: str
    tag: str | None = None
    relays: tuple[Relay, ...] = ()


@dataclass
class Relay:
    url: str
    username: str | None = None
    credential: str | None = None


@dataclass
class Refused:
    why: str
    again: bool
    wait_s: float | None = None


@dataclass
class Server:
    """Refuses as `first` says, spoils the answers that it is told to, and then takes every offer."""

    first: list[Refused | str] = field(default_factory=list)
    asked: int = 0
    receivers: list[Receiver] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)

    async def publish(self, offer: str) -> Taken | Refused:
        self.asked += 1
        said = self.first.pop(0) if self.first else None
        if isinstance(said, Refused):
            return said
        if said is not None:
            return Taken(said, f"spoilt-{self.asked}")
        receiver = Receiver()
        self.receivers.append(receiver)
        answer = await receiver.answer({"type": "offer", "sdp": offer})
        return Taken(answer["sdp"], str(len(self.receivers)))

    async def trickle(self, taken: object, fragment: str) -> bool:
        self.fragments.append(fragment)
        return True

    async def restart(self, taken: object, fragment: str) -> Taken | Refused:
        return Refused("no", again=False)

    async def end(self, resource: str) -> bool:
        self.ended.append(resource)
        return True


@asynccontextmanager
async def published(server: Server) -> AsyncIterator[tuple[list[CallState], asyncio.Task[None]]]:
    states: list[CallState] = []
    camera = PictureSource("camera", "Camera", lambda: DrawnPictures(lambda _: grey(100).data, (64, 48), 30))
    engine = Engine(EngineSettings(addresses=("127.0.0.1",)))
    camera.start()
    task = asyncio.create_task(Publisher(engine, server, (camera,), lambda _: 0.01, states.append).run())
    try:
        yield states, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await camera.aclose()
        for receiver in server.receivers:
            await receiver.aclose()


async def test_it_is_published_and_ended_at_the_door() -> None:
    server = Server()
    async with published(server) as (states, _):
        await become(lambda: CONNECTED in states)
    assert states == [CONNECTING, CONNECTED, CLOSED]
    assert server.ended == ["1"]


async def test_a_server_that_is_busy_is_asked_again() -> None:
    server = Server([Refused("busy", again=True, wait_s=0.05)])
    async with published(server) as (states, _):
        await become(lambda: CONNECTED in states)
    assert server.asked == 2


async def test_one_that_refuses_for_good_is_left_alone() -> None:
    server = Server([Refused("no", again=False)])
    async with published(server) as (states, task):
        await become(task.done)
    assert (server.asked, states) == (1, [CONNECTING, CLOSED])


@pytest.mark.parametrize(
    "answer",
    [
        "v=0\r\n",
        "v=0\r\no=- 2 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 126\r\na=mid:7\r\na=inactive\r\n",
        "v=0\r\n" + "a=x\r\n" * 20_000,
    ],
    ids=["no m-line", "another m-line without our codecs", "too long"],
)
async def test_an_answer_that_does_not_fit_is_ended_and_the_offer_made_again(answer: str) -> None:
    server = Server([answer])
    async with published(server) as (states, _):
        await become(lambda: CONNECTED in states)
        assert server.ended == ["spoilt-1"]
    assert server.asked == 2


async def test_a_session_that_is_lost_is_published_anew_before_the_old_one_ends() -> None:
    server = Server()
    async with published(server) as (states, _):
        await become(lambda: CONNECTED in states)
        await server.receivers[0].vanish()
        await become(lambda: len(server.receivers) == 2)
        assert server.ended == []
        await become(lambda: server.ended == ["1"])
        assert states == [CONNECTING, CONNECTED, LOST, CONNECTED]
