"""One remote party and several: over loopback, with aiortc as the other end."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.media import call as calls
from appliance.media.call import BadSignal, CallState
from appliance.media.control import StillTaken
from appliance.media.description import IceServer, usable, without_mdns
from appliance.media.engine import Engine, EngineSettings
from appliance.media.heart import Heart, heart_sound
from appliance.media.peer import Offered
from appliance.media.peers import NoSuchPeer, Peers, TooManyPeers
from appliance.media.playback import DrawnPictures, LoopedSound
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import HEADER
from tests.unit.media.helpers import become, grey
from tests.unit.media.receiver import Receiver

HELLO = {"type": "hello", "protocol": 1}
WAVE = {"type": "waveform", "device": "oximeter", "samples": [1, 2, 3]}
BEAT = {"type": "beat", "now_ms": 1}


def drawn() -> DrawnPictures:
    return DrawnPictures(lambda capture_ns: grey(100).data, (64, 48), 30)


@dataclass
class Unit:
    """A unit with a small camera and a heart."""

    camera: PictureSource = field(default_factory=lambda: PictureSource("camera", "Camera", drawn))
    heart: SoundSource = field(
        default_factory=lambda: SoundSource("heart", "Heart", lambda: LoopedSound(heart_sound(Heart()), 8000))
    )
    states: list[tuple[str, CallState]] = field(default_factory=list)
    subscribed: int = 0

    def __post_init__(self) -> None:
        engine = Engine(EngineSettings(addresses=("127.0.0.1",)))
        self.peers = Peers(engine, Offered((self.camera,), self.heart), self.feed, self.still, self.told)

    def told(self, name: str, state: CallState) -> None:
        self.states.append((name, state))

    async def still(self, key: str) -> StillTaken:
        return StillTaken(f"still of {key}", "00" * 32, 64, 48)

    async def feed(self) -> AsyncIterator[Mapping[str, Any]]:
        self.subscribed += 1
        try:
            yield HELLO
            while True:
                yield WAVE
                yield BEAT
                await asyncio.sleep(0.05)
        finally:
            self.subscribed -= 1

    async def connected(self, name: str, receiver: Receiver) -> None:
        await self.peers.answer(name, await receiver.answer(await self.peers.join(name)))
        await become(lambda: (name, CallState.CONNECTED) in self.states and len(receiver.channels) == 4, 10)


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    made = Unit()
    made.camera.start()
    made.heart.start()
    yield made
    await made.peers.aclose()
    await made.camera.aclose()
    await made.heart.aclose()
    await become(lambda: not any(t.name.startswith("encode-") for t in threading.enumerate()))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    yield made
    await made.aclose()


async def test_channels_have_the_modes_of_the_protocol(unit: Unit, receiver: Receiver) -> None:
    await unit.connected("doctor", receiver)
    modes = {
        name: (channel.ordered, channel.maxRetransmits, channel.maxPacketLifeTime)
        for name, channel in receiver.channels.items()
    }
    assert modes == {
        "live": (True, None, None),
        "waves": (False, 0, None),
        "stethoscope": (False, None, None),
        "control": (True, None, None),
    }


async def test_hello_comes_first_and_tells_which_line_is_which(unit: Unit, receiver: Receiver) -> None:
    await unit.connected("doctor", receiver)
    await become(lambda: len(receiver.got["live"]) >= 3 and len(receiver.got["waves"]) >= 3)
    assert receiver.live()[0] == {
        **HELLO,
        "tracks": [
            {"mid": "0", "source": "camera", "kind": "video"},
            {"mid": "1", "source": "heart", "kind": "audio"},
        ],
    }
    assert {message["type"] for message in receiver.live()[1:]} == {"beat"}


async def test_every_sample_of_the_stethoscope_arrives_as_it_was_captured(unit: Unit, receiver: Receiver) -> None:
    await unit.connected("doctor", receiver)
    await become(lambda: len(receiver.got["stethoscope"]) >= 60)
    blocks = sorted(receiver.got["stethoscope"], key=lambda data: struct.unpack_from("<I", data, 4)[0])
    heads = [HEADER.unpack_from(block) for block in blocks]
    assert [head[3] for head in heads] == list(range(heads[0][3], heads[0][3] + len(heads)))
    samples = np.concatenate([np.frombuffer(block, "<i2", offset=40) for block in blocks])
    clip = unit.heart.recorder.clip(heads[0][6], heads[0][4], len(samples))
    assert clip is not None
    assert np.array_equal(samples, clip.samples)


async def test_pictures_and_sound_flow_as_h264_and_opus(unit: Unit, receiver: Receiver) -> None:
    await unit.connected("doctor", receiver)
    assert sorted(track.kind for track in receiver.tracks) == ["audio", "video"]

    async def received() -> dict[str, int]:
        rows = (await receiver.connection.getStats()).values()
        return {row.kind: row.packetsReceived for row in rows if row.type == "inbound-rtp"}

    async with asyncio.timeout(10):
        while min((await received()).values(), default=0) < 20:
            await asyncio.sleep(0.05)
    await become(lambda: any(t.name == "encode-camera" for t in threading.enumerate()))


async def test_a_viewer_asks_for_a_still(unit: Unit, receiver: Receiver) -> None:
    await unit.connected("doctor", receiver)
    said = await receiver.ask(type="still", id="1", source="camera")
    assert said == {
        "type": "still", "id": "1", "ok": True, "result": "still of camera", "sha256": "00" * 32, "width": 64,
        "height": 48,
    }  # fmt: skip


async def test_a_party_that_hides_its_addresses_is_found_by_its_checks(unit: Unit) -> None:
    receiver = Receiver(hidden=True)
    await unit.connected("doctor", receiver)
    await receiver.aclose()


async def test_a_party_that_vanishes_is_lost_and_its_feed_ended(
    unit: Unit, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "GONE_S", 3.0)
    await unit.connected("doctor", receiver)
    await become(lambda: unit.subscribed == 1)
    await receiver.vanish()
    await become(lambda: ("doctor", CallState.LOST) in unit.states)
    await become(lambda: unit.states[-1] == ("doctor", CallState.CLOSED), 10)
    await become(lambda: unit.subscribed == 0 and len(unit.peers) == 0)


async def test_a_party_that_never_answers_is_ended(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "CONNECT_S", 0.3)
    await unit.peers.join("doctor")
    await become(lambda: unit.states == [("doctor", CallState.CONNECTING), ("doctor", CallState.CLOSED)])
    assert len(unit.peers) == 0


async def test_a_party_that_leaves_is_gone_at_once_and_can_come_again(unit: Unit) -> None:
    for _ in range(3):
        receiver = Receiver()
        unit.states.clear()
        await unit.connected("doctor", receiver)
        await become(lambda: unit.subscribed == 1)
        await unit.peers.leave("doctor")
        assert unit.states[-1] == ("doctor", CallState.CLOSED)
        await become(lambda: unit.subscribed == 0)
        await receiver.aclose()
    assert len(unit.peers) == 0


async def test_four_parties_are_served_and_a_fifth_is_refused(unit: Unit) -> None:
    for name in ("a", "b", "c", "d"):
        await unit.peers.join(name)
    with pytest.raises(TooManyPeers, match="got peer number 5, serve at most 4"):
        await unit.peers.join("e")
    await unit.peers.join("d")  # the same one again takes its own place
    await unit.peers.leave("a")
    await unit.peers.join("e")
    assert len(unit.peers) == 4


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"type": "offer", "sdp": ""}, {"type": "answer", "sdp": 7}, {"type": "answer", "sdp": ""},
        {"type": "answer", "sdp": "v=0\r\nm=video"}, {"type": "answer", "sdp": "x" * 70_000},
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_is_refused(unit: Unit, answer: dict[str, Any]) -> None:
    await unit.peers.join("doctor")
    with pytest.raises(BadSignal):
        await unit.peers.answer("doctor", answer)


@pytest.mark.parametrize("candidate", [{"candidate": 5}, {"candidate": "candidate:1 1 udp"}, {}])
async def test_a_candidate_that_is_none_is_refused(unit: Unit, receiver: Receiver, candidate: dict[str, Any]) -> None:
    await unit.connected("doctor", receiver)
    with pytest.raises(BadSignal):
        await unit.peers.candidate("doctor", candidate)


async def test_candidates_may_come_before_the_answer_but_not_without_end(unit: Unit, receiver: Receiver) -> None:
    offer = await unit.peers.join("doctor")
    early = {"candidate": "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
    await unit.peers.candidate("doctor", early)
    await unit.peers.candidate("doctor", None)
    await unit.peers.answer("doctor", await receiver.answer(offer))
    await become(lambda: ("doctor", CallState.CONNECTED) in unit.states and len(receiver.channels) == 4, 10)
    hidden = {"candidate": "candidate:1 1 udp 1 0a1b2c3d.local 9 typ host"}
    for _ in range(63):
        await unit.peers.candidate("doctor", hidden)
    with pytest.raises(BadSignal, match="more than 64 candidates"):
        await unit.peers.candidate("doctor", hidden)


async def test_signals_for_nobody_are_refused(unit: Unit) -> None:
    with pytest.raises(NoSuchPeer, match="no peer 'ghost' here"):
        await unit.peers.answer("ghost", {})
    await unit.peers.leave("ghost")


def test_names_of_multicast_dns_are_taken_out_of_an_answer() -> None:
    sdp = (
        "m=audio 9 X 0\r\na=candidate:1 1 udp 1 6b1c.local 9 typ host\r\n"
        "a=candidate:2 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\n"
    )
    assert without_mdns(sdp) == "m=audio 9 X 0\r\na=candidate:2 1 udp 1 192.0.2.1 9 typ host\r\na=mid:0\r\n"


def listening() -> list[str]:
    """Local addresses of this process's UDP sockets, as the kernel writes them: hexadecimal, byte-swapped."""
    mine = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            mine.add(entry.readlink().name)
    rows = [line.split() for name in ("udp", "udp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return [row[1].split(":")[0] for row in rows if f"socket:[{row[9]}]" in mine]


async def test_no_socket_of_a_call_leaves_loopback(unit: Unit, receiver: Receiver) -> None:
    offer = await unit.peers.join("doctor")
    hidden = {"candidate": "candidate:1 1 udp 1 0a1b2c3d-0000-4000-8000-000000000000.local 9 typ host"}
    answer = await receiver.answer(offer)
    line = "a=candidate:1 1 udp 1 0a1b2c3d-0000-4000-8000-000000000000.local 9 typ host\r\n"
    await unit.peers.answer("doctor", {**answer, "sdp": answer["sdp"].replace("a=end-of-candidates\r\n", line, 1)})
    await unit.peers.candidate("doctor", hidden)
    await become(lambda: ("doctor", CallState.CONNECTED) in unit.states and len(receiver.channels) == 4, 10)
    found = listening()
    assert len(found) >= 2  # the unit's and the receiver's
    assert set(found) == {"0100007F"}


def test_ice_servers_that_cannot_be_read_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    good = IceServer(("turn:192.0.2.1:3478?transport=udp", "turns:turn.example"), "name", "secret")
    kept = usable([IceServer(("nonsense",)), IceServer(("turn:192.0.2.1:99999999999x",)), good])
    assert [(one.host, one.port, one.tls, one.transport) for one in kept] == [
        ("192.0.2.1", 3478, False, "udp"),
        ("turn.example", 5349, True, "tcp"),
    ]
    assert "an ICE server is left out" in caplog.text
    assert "secret" not in caplog.text


async def test_what_a_peer_missed_is_counted(unit: Unit, receiver: Receiver) -> None:
    await unit.connected("doctor", receiver)
    assert {name: (counts.waveforms_dropped, counts.blocks_dropped) for name, counts in unit.peers.counts.items()} == {
        "doctor": (0, 0)
    }
