"""A call on a network that has IPv6 only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from appliance.media.call import CallState
from appliance.media.control import StillTaken
from appliance.media.engine import Engine, EngineSettings
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.playback import DrawnPictures
from appliance.media.source import PictureSource
from tests.unit.media.helpers import become, grey
from tests.unit.media.receiver import Receiver


async def feed() -> AsyncIterator[Mapping[str, Any]]:
    while True:
        yield {"type": "beat"}
        await asyncio.sleep(0.05)


async def no_still(key: str) -> StillTaken:
    raise AssertionError("nobody asks for a still")


async def test_pictures_and_messages_go_over_ipv6_alone() -> None:
    states: list[CallState] = []
    camera = PictureSource("camera", "Camera", lambda: DrawnPictures(lambda _: grey(100).data, (64, 48), 30))
    engine = Engine(EngineSettings(addresses=("::1",)))
    peers = Peers(engine, Offered((camera,)), feed, no_still, lambda name, state: states.append(state))
    receiver = Receiver(address="::1")
    camera.start()
    try:
        offer = await peers.join("doctor")
        hosts = [line for line in offer["sdp"].splitlines() if line.startswith("a=candidate")]
        assert hosts
        assert all(" ::1 " in line for line in hosts)
        await peers.answer("doctor", await receiver.answer(offer))
        await become(lambda: len(receiver.got["live"]) >= 3 and len(receiver.tracks) == 1, 10)
        assert states == [CallState.CONNECTING, CallState.CONNECTED]
    finally:
        await peers.aclose()
        await camera.aclose()
        await receiver.aclose()
