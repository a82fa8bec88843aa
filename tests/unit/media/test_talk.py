"""Who hears and sees whom, and what nobody hears while the chest-piece is on the patient."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from aiortc import AudioStreamTrack
from av import AudioFrame

from appliance.clock import boottime_ns
from appliance.media.aiortc_receiving import Came
from appliance.media.call import CallState
from appliance.media.control import StillTaken
from appliance.media.encoder import Encoded
from appliance.media.engine import Engine, EngineSettings
from appliance.media.outlet import Outlet
from appliance.media.peer import Offered
from appliance.media.peers import Peers
from appliance.media.talk import FREE_S, LARGEST_VOICE, ROOM, SILENCE, Seat, Slot, Talk, Timeline, hand_on
from tests.unit.media.helpers import become
from tests.unit.media.receiver import Receiver

SPEECH = b"\x78" + b"speech" * 10
FRAME = 960  # samples of 20 ms at 48 kHz


class Kept:
    """What an m-line was given."""

    def __init__(self) -> None:
        self.units: list[Encoded] = []

    def offer(self, unit: Encoded) -> None:
        self.units.append(unit)


def kept(slot: Slot) -> list[Encoded]:
    sink: Any = Kept()
    outlet: Outlet = sink
    slot.join(outlet)
    units: list[Encoded] = sink.units
    return units


def packet(timestamp: int, stream: int = 7, data: bytes = SPEECH) -> Came:
    return Came(stream, timestamp, data, True)


def test_all_others_hear_who_speaks() -> None:
    talk = Talk()
    doctor, interpreter, room = talk.seat("doctor"), talk.seat("interpreter"), talk.seat(ROOM)
    heard = {seat.party: kept(seat.voices[0]) for seat in (doctor, interpreter, room)}
    doctor.said(packet(0))
    assert {party: [unit.data for unit in units] for party, units in heard.items()} == {
        "doctor": [],
        "interpreter": [SPEECH],
        ROOM: [SPEECH],
    }


def test_two_who_speak_at_once_are_heard_at_once() -> None:
    talk = Talk()
    doctor, interpreter, room = talk.seat("doctor"), talk.seat("interpreter"), talk.seat(ROOM)
    first, second = kept(room.voices[0]), kept(room.voices[1])
    for number in range(3):
        doctor.said(packet(number * FRAME, 1, b"\x78doctor"))
        interpreter.said(packet(number * FRAME, 2, b"\x78interpreter"))
    assert [unit.data for unit in first] == [b"\x78doctor"] * 3
    assert [unit.data for unit in second] == [b"\x78interpreter"] * 3


def test_only_the_room_sees_faces() -> None:
    talk = Talk()
    doctor, interpreter, room = talk.seat("doctor"), talk.seat("interpreter"), talk.seat(ROOM)
    face = kept(room.faces[0])
    doctor.shown(packet(0, data=b"\x10picture"))
    assert [unit.data for unit in face] == [b"\x10picture"]
    assert interpreter.faces == ()


def test_a_face_that_is_seen_anew_is_asked_for_a_whole_picture() -> None:
    talk = Talk()
    doctor, room = talk.seat("doctor"), talk.seat(ROOM)
    asked: list[str] = []
    doctor.ask_face = lambda: asked.append("doctor")
    doctor.shown(packet(0))
    room.faces[0].request_key()
    assert asked == ["doctor", "doctor"]


def test_while_it_is_quiet_every_packet_is_one_of_silence() -> None:
    talk = Talk()
    doctor, room = talk.seat("doctor"), talk.seat(ROOM)
    at_doctor, in_room = kept(doctor.voices[0]), kept(room.voices[0])
    doctor.said(packet(0))
    talk.be_quiet(True)
    doctor.said(packet(FRAME))
    room.said(packet(FRAME))
    talk.be_quiet(False)
    doctor.said(packet(2 * FRAME))
    assert [unit.data for unit in in_room] == [SPEECH, SILENCE, SPEECH]
    assert [unit.data for unit in at_doctor] == [SILENCE]
    assert [in_room[n + 1].pts - in_room[n].pts for n in range(2)] == [FRAME, FRAME]


def test_who_comes_again_beside_its_old_connection_is_heard_once() -> None:
    talk = Talk()
    room, old = talk.seat(ROOM), talk.seat("doctor")
    first, second = kept(room.voices[0]), kept(room.voices[1])
    old.said(packet(0, 1))
    new = talk.seat("doctor")
    old.said(packet(FRAME, 1))  # the new one has not spoken yet
    new.said(packet(0, 2))
    old.said(packet(2 * FRAME, 1))
    assert (len(first), len(second)) == (2, 1)
    new.leave()
    old.said(packet(3 * FRAME, 1))
    assert (len(first), len(second)) == (3, 1)


def test_a_place_is_free_after_who_had_it_left_or_fell_silent() -> None:
    talk = Talk()
    doctor, specialist, room = talk.seat("doctor"), talk.seat("specialist"), talk.seat(ROOM)
    slots = room.voices[:1]
    now_ns = boottime_ns()
    hand_on(slots, doctor, packet(0))
    assert not slots[0].free(now_ns)
    hand_on(slots, specialist, packet(0))
    assert slots[0].speaker is doctor
    assert slots[0].free(now_ns + int((FREE_S + 1) * 1e9))
    doctor.leave()
    assert slots[0].speaker is None


def test_nothing_of_who_has_left_is_handed_on_nor_what_is_too_large() -> None:
    talk = Talk()
    doctor, room = talk.seat("doctor"), talk.seat(ROOM)
    heard = kept(room.voices[0])
    doctor.said(packet(0, data=bytes(LARGEST_VOICE + 1)))
    doctor.leave()
    doctor.said(packet(FRAME))
    assert heard == []


def test_the_clock_goes_on_over_a_wrap_and_from_one_speaker_to_the_next() -> None:
    line = Timeline(48_000)
    now_ns = 1_000_000_000_000
    first = line.pts(1, 2**32 - FRAME, now_ns)
    assert first == 48_000_000
    assert line.pts(1, 0, now_ns + 20_000_000) == first + FRAME
    assert line.pts(1, 0, now_ns + 21_000_000) is None
    assert line.pts(2, 12345, now_ns + 40_000_000) == first + 2 * FRAME
    assert line.pts(2, 12345 + 900 * 48_000, now_ns + 60_000_000) == first + 3 * FRAME  # its clock has jumped


class Tone(AudioStreamTrack):
    """A speaker that never stops."""

    def __init__(self) -> None:
        super().__init__()
        self._samples = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0.02)
        at = (np.arange(FRAME) + self._samples) / 48_000
        frame = AudioFrame.from_ndarray((8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)[None], layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._samples, Fraction(1, 48_000)
        self._samples += FRAME
        return frame


class Speaker(Receiver):
    """A remote party that speaks where it is asked to, and measures how loud it hears the others."""

    def __init__(self) -> None:
        super().__init__()
        self.loud: list[float] = []
        self._listening: list[asyncio.Task[None]] = []

    def _track(self, track: Any) -> None:
        self.tracks.append(track)
        if track.kind == "audio":
            self._listening.append(asyncio.create_task(self._listen(track)))
        else:
            self.sink.addTrack(track)

    async def _listen(self, track: Any) -> None:
        while True:
            frame = await track.recv()
            self.loud.append(float(np.abs(frame.to_ndarray()).max()))

    async def answer(self, offer: dict[str, str]) -> dict[str, str]:
        spoken = offer["sdp"].split("m=")[1:]
        lines = [n for n, text in enumerate(spoken) if text.startswith("audio") and "a=sendrecv" in text]
        assert len(lines) == 1
        made = self.connection.on("signalingstatechange", lambda: self._speak(lines[0]))
        answered = await super().answer(offer)
        assert made is not None
        return answered

    def _speak(self, line: int) -> None:
        if self.connection.signalingState == "have-remote-offer":
            transceiver = self.connection.getTransceivers()[line]
            transceiver.sender.replaceTrack(Tone())
            transceiver.direction = "sendrecv"

    async def aclose(self) -> None:
        for task in self._listening:
            task.cancel()
        await super().aclose()


class Unit:
    """Nothing but the talk."""

    def __init__(self) -> None:
        engine = Engine(EngineSettings(addresses=("127.0.0.1",)))
        self.talk = Talk()
        self.states: list[tuple[str, CallState]] = []
        self.peers = Peers(
            engine,
            Offered((), talk=self.talk),
            self.feed,
            self.still,
            lambda name, state: self.states.append((name, state)),
        )

    async def feed(self) -> AsyncIterator[Mapping[str, Any]]:
        yield {"type": "hello", "protocol": 1}
        await asyncio.Event().wait()

    async def still(self, key: str) -> StillTaken:
        raise AssertionError(key)

    async def connected(self, name: str, speaker: Speaker) -> None:
        await self.peers.answer(name, await speaker.answer(await self.peers.join(name)))
        await become(lambda: (name, CallState.CONNECTED) in self.states, 20)


@pytest.fixture
async def unit() -> AsyncIterator[Unit]:
    made = Unit()
    yield made
    await made.peers.aclose()


async def test_a_voice_is_heard_at_the_other_end_and_not_while_the_room_is_quiet(unit: Unit) -> None:
    doctor, room = Speaker(), Speaker()
    try:
        await unit.connected("doctor", doctor)
        await unit.connected(ROOM, room)
        await become(lambda: max(room.loud[-20:], default=0) > 4000 and max(doctor.loud[-20:], default=0) > 4000, 20)
        assert [line["kind"] for line in room.live()[0]["tracks"]] == ["voice", "voice", "voice", "face"]
        assert [line["kind"] for line in doctor.live()[0]["tracks"]] == ["voice", "voice", "voice", "face"]
        unit.talk.be_quiet(True)
        await become(lambda: max(room.loud[-20:]) < 100 and max(doctor.loud[-20:]) < 100, 20)
        unit.talk.be_quiet(False)
        await become(lambda: max(room.loud[-20:]) > 4000, 20)
    finally:
        await doctor.aclose()
        await room.aclose()


def test_a_seat_is_of_the_talk_that_gave_it() -> None:
    talk = Talk()
    seat = talk.seat("doctor")
    assert isinstance(seat, Seat)
    assert (len(seat.voices), len(seat.faces)) == (3, 0)
