"""ICE begun anew under the same DTLS: over loopback, with aiortc on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from appliance.media import ice_restart
from appliance.media.aioice_inside import ice
from appliance.media.call import BadSignal, Call, CallState
from appliance.media.channel import Channel
from appliance.media.engine import Engine, EngineSettings
from appliance.media.ice_restart import Fresh
from tests.unit.media.helpers import become
from tests.unit.media.receiver import Receiver


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Pair:
    def __init__(self) -> None:
        engine = Engine(EngineSettings(addresses=("127.0.0.1",)))
        self.call: Call = engine.call((), lambda state: None)
        self.channel: Channel = self.call.channel("live", 1000)
        self.receiver = Receiver()
        self.theirs: asyncio.Task[bool] | None = None

    @property
    def agent(self) -> Any:
        return ice(self.call._connection)

    async def connect(self) -> None:
        await self.call.answer(await self.receiver.answer(await self.call.offer()))
        await become(lambda: self.call.state is CallState.CONNECTED, 20)
        await self.channel.opened()

    async def begin_too(self, fresh: Fresh) -> str:
        theirs = await ice_restart.begin(self.receiver.connection)
        assert theirs is not None
        work = ice_restart.finish(self.receiver.connection, theirs, fresh.known_by, fresh.candidates)
        self.theirs = asyncio.create_task(work)
        told = "".join(f"a={one}\r\n" for one in theirs.candidates)
        return f"a=ice-ufrag:{theirs.known_by.ufrag}\r\na=ice-pwd:{theirs.known_by.password}\r\n{told}"


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.connect()
    yield made
    await made.call.aclose()
    await made.receiver.aclose()


async def test_what_is_sent_goes_on_over_new_sockets_under_new_credentials(pair: Pair) -> None:
    before = pair.agent.local_username, [one.local_candidate.port for one in pair.agent._protocols]
    assert await pair.call.restart(pair.begin_too)
    assert pair.theirs is not None
    assert await pair.theirs
    after = pair.agent.local_username, [one.local_candidate.port for one in pair.agent._protocols]
    assert before[0] != after[0]
    assert set(before[1]).isdisjoint(after[1])
    pair.channel.send("after")
    await become(lambda: pair.receiver.got["live"] == ["after"])
    assert pair.call.state is CallState.CONNECTED


async def test_one_that_is_not_taken_leaves_all_as_it_was(pair: Pair) -> None:
    async def no(fresh: Fresh) -> None:
        del fresh

    before = pair.agent.local_username, list(pair.agent._protocols)
    assert not await pair.call.restart(no)
    assert (pair.agent.local_username, pair.agent._protocols) == before
    pair.channel.send("still")
    await become(lambda: pair.receiver.got["live"] == ["still"])


@pytest.mark.parametrize("said", ["", "a=ice-ufrag:abcd\r\n", "a=ice-ufrag:a\r\na=ice-pwd:b\r\n"])
async def test_a_fragment_without_credentials_is_refused(pair: Pair, said: str) -> None:
    async def ask(fresh: Fresh) -> str:
        del fresh
        return said

    with pytest.raises(BadSignal):
        await pair.call.restart(ask)


async def test_a_call_that_is_over_does_not_begin_anew(pair: Pair) -> None:
    await pair.call.aclose()
    assert not await pair.call.restart(pair.begin_too)
