"""A call that goes on over another connection: over loopback, with aiortc as the other end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.media import recovery
from appliance.media.call import BadSignal, CallState
from appliance.media.control import StillTaken
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, heart_sound
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.playback import DrawnPictures, LoopedSound
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import HEADER
from tests.unit.media.helpers import become, grey
from tests.unit.media.receiver import Receiver

CONNECTING, CONNECTED, LOST, CLOSED = CallState.CONNECTING, CallState.CONNECTED, CallState.LOST, CallState.CLOSED


@dataclass
class Unit:
    """A unit, and a doctor's page that answers each offer with another receiver while it can be reached."""

    states: list[CallState] = field(default_factory=list)
    signals: list[Mapping[str, Any]] = field(default_factory=list)
    receivers: list[Receiver] = field(default_factory=list)
    stills: int = 0
    reachable: bool = True

    def __post_init__(self) -> None:
        self.camera = PictureSource("camera", "Camera", lambda: DrawnPictures(lambda _: grey(100).data, (64, 48), 30))
        self.heart = SoundSource("heart", "Heart", lambda: LoopedSound(heart_sound(Heart()), 8000))
        engine = Engine(EngineSettings(addresses=("127.0.0.1",)))
        self.peers = Peers(engine, Offered((self.camera,), self.heart), self.feed, self.still, self.told, self.say)
        self.tasks: set[asyncio.Task[None]] = set()

    def told(self, name: str, state: CallState) -> None:
        self.states.append(state)

    def say(self, name: str, signal: Mapping[str, Any]) -> None:
        self.signals.append(signal)
        if "description" in signal and self.reachable:
            self.tasks.add(asyncio.create_task(self.answer(signal["description"])))

    async def answer(self, offer: dict[str, str]) -> None:
        receiver = Receiver()
        self.receivers.append(receiver)
        await self.peers.answer("doctor", await receiver.answer(offer))

    async def still(self, key: str) -> StillTaken:
        self.stills += 1
        return StillTaken(f"still {self.stills}", "00" * 32, 64, 48)

    async def feed(self) -> AsyncIterator[Mapping[str, Any]]:
        yield {"type": "hello", "protocol": 1}
        while True:
            yield {"type": "beat", "now_ms": 1}
            await asyncio.sleep(0.05)

    async def connect(self) -> None:
        await self.answer(await self.peers.join("doctor"))
        await become(lambda: self.states[-1:] == [CONNECTED] and len(self.receivers[0].got["live"]) >= 2, 10)


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    made = Unit()
    made.camera.start()
    made.heart.start()
    yield made
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await made.peers.aclose()
    await made.camera.aclose()
    await made.heart.aclose()
    for receiver in made.receivers:
        await receiver.aclose()
    await become(lambda: not any(t.name.startswith("encode-") for t in threading.enumerate()))


async def test_silence_is_noticed_within_two_seconds_and_another_connection_takes_over(unit: Unit) -> None:
    await unit.connect()
    loop = asyncio.get_running_loop()
    await unit.receivers[0].vanish()
    gone_s = loop.time()
    await become(lambda: unit.states[-1] is LOST)
    assert loop.time() - gone_s < 2.0
    await become(lambda: unit.states[-1] is CONNECTED, 10)
    assert loop.time() - gone_s < 4.0
    assert unit.states == [CONNECTING, CONNECTED, LOST, CONNECTED]
    assert len(unit.peers) == 1
    await become(lambda: len(unit.receivers[-1].got["live"]) >= 2 and len(unit.receivers[-1].tracks) == 2, 10)


async def test_the_sound_goes_on_by_its_numbers_over_the_next_connection(unit: Unit) -> None:
    await unit.connect()
    await become(lambda: len(unit.receivers[0].got["stethoscope"]) >= 10)
    await unit.receivers[0].vanish()
    await become(lambda: len(unit.receivers) == 2 and len(unit.receivers[1].got["stethoscope"]) >= 10, 15)
    (before,) = {HEADER.unpack_from(block)[6] for block in unit.receivers[0].got["stethoscope"]}
    heads = [HEADER.unpack_from(block) for block in unit.receivers[1].got["stethoscope"]]
    assert {head[6] for head in heads} == {before}  # the same stream
    last = max(HEADER.unpack_from(block)[3] for block in unit.receivers[0].got["stethoscope"])
    first = min(head[3] for head in heads)
    assert first > last
    said = await unit.receivers[1].ask(type="blocks", id="m", stream=before, sequence=last + 1, count=first - last - 1)
    assert (said["ok"], said["coming"], said["gone"]) == (True, first - last - 1, 0)
    numbers = {last + 1 + at for at in range(first - last - 1)}
    await become(
        lambda: numbers <= {HEADER.unpack_from(block)[3] for block in unit.receivers[1].got["stethoscope"]}, 10
    )


async def test_what_was_asked_over_the_old_connection_is_not_done_again_over_the_new(unit: Unit) -> None:
    await unit.connect()
    said = await unit.receivers[0].ask(type="still", id="1", source="camera")
    await unit.receivers[0].vanish()
    await become(lambda: len(unit.receivers) == 2 and len(unit.receivers[1].channels) == 4, 15)
    assert await unit.receivers[1].ask(type="still", id="1", source="camera") == said
    assert unit.stills == 1


async def test_a_restart_that_the_browser_asks_is_a_new_connection_before_the_old_one_ends(unit: Unit) -> None:
    await unit.connect()
    await unit.peers.answer("doctor", {"type": "offer", "sdp": "v=0"})
    await become(lambda: len(unit.receivers) == 2 and len(unit.receivers[1].got["live"]) >= 2, 10)
    assert unit.states == [CONNECTING, CONNECTED]  # nobody was without a picture
    await become(lambda: unit.receivers[0].channels["live"].readyState == "closed", 10)


async def test_a_restart_that_nobody_answers_leaves_the_call_alone(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "ANSWER_S", 0.1)
    await unit.connect()
    unit.reachable = False
    await unit.peers.answer("doctor", {"type": "offer", "sdp": "v=0"})
    await become(lambda: not any(task.get_name() == "peer-renew" for task in asyncio.all_tasks()), 10)
    assert len([signal for signal in unit.signals if "description" in signal]) == recovery.MOST_ASKED
    heard = len(unit.receivers[0].got["live"])
    await become(lambda: len(unit.receivers[0].got["live"]) > heard + 2)
    assert unit.states == [CONNECTING, CONNECTED]


async def test_an_address_that_goes_begins_another_connection_and_others_do_not_matter(unit: Unit) -> None:
    await unit.connect()
    unit.peers.network_changed(frozenset({"127.0.0.1", "192.0.2.7"}))
    assert not any(task.get_name() == "peer-renew" for task in asyncio.all_tasks())
    unit.peers.network_changed(frozenset({"192.0.2.7"}))
    await become(lambda: len(unit.receivers) == 2 and len(unit.receivers[1].got["live"]) >= 2, 10)
    assert unit.states == [CONNECTING, CONNECTED]


async def test_offers_are_made_again_until_the_way_to_the_doctor_is_back(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "ANSWER_S", 0.2)
    await unit.connect()
    unit.reachable = False
    await unit.receivers[0].vanish()
    await become(lambda: len([signal for signal in unit.signals if "description" in signal]) >= 3, 10)
    unit.reachable = True
    unit.peers.heard_of("doctor")
    await become(lambda: unit.states[-1] is CONNECTED, 10)
    assert unit.states == [CONNECTING, CONNECTED, LOST, CONNECTED]


async def test_a_party_that_never_comes_back_is_given_up(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "GONE_S", 0.5)
    monkeypatch.setattr(recovery, "ANSWER_S", 0.2)
    await unit.connect()
    unit.reachable = False
    await unit.receivers[0].vanish()
    await become(lambda: unit.states == [CONNECTING, CONNECTED, LOST, CLOSED], 10)
    await become(lambda: len(unit.peers) == 0)


async def test_a_party_without_further_signals_cannot_be_restarted() -> None:
    party = recovery.Party(lambda on_state: pytest.fail("no connection is made"), lambda state: None, None)
    with pytest.raises(BadSignal, match="one connection only"):
        await party.answer({"type": "offer", "sdp": ""})
