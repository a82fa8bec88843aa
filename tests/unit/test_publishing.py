"""What the platform may have published, and what it is told: no media server behind the door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from appliance.care.consultation import State
from appliance.care.room import Room
from appliance.media.engine import Engine, EngineSettings
from appliance.media.playback import DrawnPictures
from appliance.media.source import PictureSource
from appliance.platform.link_messages import Outgoing, PublicationNews, Publish, Unpublish
from appliance.publishing import Publishing
from tests.unit.media.helpers import become, grey

C = "6b0e2a54-7f7f-4f0e-9d4e-2f6f4a9d0a11"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/whip"


class Unit:
    def __init__(self) -> None:
        self.record = SimpleNamespace(id=C, state=State.ACTIVE, opened=datetime.now(UTC), reason=None)
        self.watchers: list[Any] = []
        room = SimpleNamespace(record=self.record, watch=self.watchers.append)
        camera = PictureSource("camera", "Camera", lambda: DrawnPictures(lambda _: grey(100).data, (64, 48), 30))
        self.sent: list[PublicationNews] = []
        engine = Engine(EngineSettings(addresses=("127.0.0.1",)))
        self.publishing = Publishing(cast(Room, room), engine, (camera,), self._send)

    def _send(self, message: Outgoing) -> None:
        assert isinstance(message, PublicationNews)
        self.sent.append(message)

    @property
    def told(self) -> list[tuple[str, str, str | None]]:
        return [(news.id, news.state, news.why) for news in self.sent]


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    made = Unit()
    yield made
    async with asyncio.timeout(60):
        await made.publishing.close()


@pytest.mark.parametrize(
    ("asked", "state", "why"),
    [
        (Publish("another", "p", "https://sfu.example/whip", "t"), State.ACTIVE, "no-such-consultation"),
        (Publish(C, "p", "https://sfu.example/whip", "t"), State.READY, "not-active"),
        (Publish(C, "p", "https://sfu.example/whip", "t", None, ("x",)), State.ACTIVE, "no-such-source"),
        (Publish(C, "p", "http://sfu.example/whip", "t"), State.ACTIVE, "bad-address"),
        (Publish(C, "p", "ftp://sfu.example/whip", "t"), State.ACTIVE, "bad-address"),
    ],
)
async def test_what_cannot_be_published_is_refused(unit: Unit, asked: Publish, state: State, why: str) -> None:
    unit.record.state = state
    await unit.publishing.publish(asked)
    assert unit.told == [("p", "refused", why)]


async def test_one_that_is_the_same_is_told_of_again_and_left_alone(unit: Unit) -> None:
    asked = Publish(C, "p", nobody(), "t")
    await unit.publishing.publish(asked)
    await become(lambda: unit.told == [("p", "connecting", None)])
    await unit.publishing.publish(asked)
    assert [state for _, state, _ in unit.told] == ["connecting", "connecting"]
    await unit.publishing.unpublish(Unpublish(C, "p"))
    assert unit.told[-1][1] == "closed"


async def test_another_token_begins_anew(unit: Unit) -> None:
    url = nobody()
    await unit.publishing.publish(Publish(C, "p", url, "t"))
    await become(lambda: len(unit.told) == 1)
    await unit.publishing.publish(Publish(C, "p", url, "u"))
    await become(lambda: [state for _, state, _ in unit.told] == ["connecting", "closed", "connecting"])


async def test_a_third_is_too_many(unit: Unit) -> None:
    for name in "abc":
        await unit.publishing.publish(Publish(C, name, nobody(), "t"))
    assert ("c", "refused", "too-many") in unit.told


async def test_the_end_of_the_consultation_is_the_end_of_all(unit: Unit) -> None:
    await unit.publishing.publish(Publish(C, "p", nobody(), "t"))
    await become(lambda: len(unit.told) == 1)
    unit.record.state = State.CLOSED
    for watcher in unit.watchers:
        watcher(unit.record)
    await become(lambda: unit.told[-1][1] == "closed")
