"""Stills, clips and listenings in a real room: each once, whole, proven, and never of the wrong patient."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from appliance.care.room import Room
from appliance.feed import Feed
from appliance.media.capture import State
from appliance.media.heart import Heart, heart_sound
from appliance.media.otoscope import pictures
from appliance.media.playback import LoopedPictures, LoopedSound
from appliance.media.recording import Recorded, Recording
from appliance.media.refusal import NotDone
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.recordings import Recordings
from appliance.records.store import Store
from drivers.links.formats import Coding
from tests.making import active_room, make_active
from tests.schemas import check
from tests.unit.media.helpers import become

JPEG = pictures(64, 48, 1)[0]
GOOD = {
    "response_db": 0.02,
    "snr_db": 91.2,
    "jitter_ms": 12.0,
    "buffer_ms": 70.0,
    "clipped": 0,
    "lost": 0,
    "exact": True,
}


@dataclass
class Bench:
    recordings: Recordings
    room: Room
    store: Store
    feed: Feed
    ref: str
    camera: PictureSource
    sound: SoundSource

    async def listen(self, act: str, **more: Any) -> Any:
        return await self.recordings.listen({"act": act, **more}, "doctor")

    def told(self) -> dict[str, Any]:
        (message,) = self.feed.state("auscultation")
        check("live", message)
        return message


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    room, store, feed, ref = await active_room(folder)
    camera = PictureSource("otoscope", "Otoscope", lambda: LoopedPictures([JPEG], Coding.JPEG, (64, 48), 15))
    heart = heart_sound(Heart())
    sound = SoundSource("stethoscope", "Stethoscope", lambda: LoopedSound(heart, 8000))
    recordings = Recordings(room, feed, [camera], sound)
    for source in (camera, sound):
        source.start()
    await become(lambda: camera.newest is not None and sound.state is State.LIVE)
    try:
        yield Bench(recordings, room, store, feed, ref, camera, sound)
    finally:
        await recordings.close()
        for source in (camera, sound):
            await source.aclose()
        await store.close()


async def test_all_who_press_at_one_moment_get_one_still(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        kept = await asyncio.gather(*(it.recordings.still("otoscope") for _ in range(4)))
        assert len({one.result.id for one in kept}) == 1
        assert await it.store.blob(it.ref, kept[0].result.obj.sha256) == JPEG  # type: ignore[union-attr]
        await asyncio.sleep(0.45)
        assert (await it.recordings.still("otoscope")).result.id != kept[0].result.id
        assert len(await it.store.results(it.ref)) == 2


async def test_a_still_carries_its_side_its_zoom_and_a_thumbnail_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.recordings.view({"source": "otoscope", "side": "left", "zoom": 1.5})
        await it.recordings.still("otoscope")
        await become(lambda: any(it.feed.state("thumbnail")))
        (shown,) = it.feed.state("result")
        (small,) = it.feed.state("thumbnail")
        assert (shown["object"]["side"], shown["object"]["zoom"], small["id"]) == ("left", 1.5, shown["id"])
        check("live", shown)
        check("live", small)
        with pytest.raises(NotDone, match="wanted left, right"):
            await it.recordings.view({"source": "otoscope", "side": "up"})


async def test_the_past_is_held_only_while_the_patient_agrees(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        assert it.camera.preroll_s is None
        with pytest.raises(NotDone):
            await it.recordings.clip("otoscope")  # the room was active before anybody told
        await it.room.review(it.ref)
        await it.room.resume(it.ref)
        assert it.camera.message()["preroll_s"] == 10.0
        await become(lambda: len(it.camera.taps) == 1)
        await asyncio.sleep(0.4)
        kept = await it.recordings.clip("otoscope")
        data = await it.store.blob(it.ref, kept.result.obj.sha256)  # type: ignore[union-attr]
        with av.open(io.BytesIO(data), "r") as film:
            shown = list(film.decode(video=0))
        assert (kept.result.kind, shown[0].width, len(shown) >= 3) == ("clip", 64, True)
        await it.room.review(it.ref)
        assert (it.camera.preroll_s, it.camera.taps) == (None, ())


async def test_a_listening_is_kept_bit_for_bit_with_its_place_and_its_proof(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.listen("begin", site="mitral")
        assert (it.told()["state"], it.told()["quiet"], it.told()["site"]) == ("listening", True, "mitral")
        assert await it.listen("proved", proof=GOOD) == {"grade": "good"}
        await it.listen("record")
        recording = it.recordings.auscultation._recording  # type: ignore[union-attr]
        assert recording is not None
        await become(lambda: recording.samples >= 8000)
        done = await it.listen("stop")
        (kept,) = await it.store.results(it.ref)
        obj = kept.result.obj
        assert obj is not None
        assert obj.sound is not None
        assert (kept.result.kind, kept.result.status, obj.media_type) == ("sound", "valid", "audio/flac")
        assert (obj.sound.site, obj.sound.proof.grade if obj.sound.proof else None) == ("mitral", "good")
        (shown,) = it.feed.state("result")
        check("live", shown)
        with av.open(io.BytesIO(await it.store.blob(it.ref, done["sha256"])), "r") as file:
            heard = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
        assert hashlib.sha256(heard.astype("<i2").tobytes()).hexdigest() == obj.sound.pcm_sha256
        sent = it.sound.recorder.clip(obj.sound.stream, obj.sound.first, obj.sound.samples)
        assert sent is not None
        assert np.array_equal(sent.samples, heard)
        assert len(heard) == obj.sound.samples == done["samples"] >= 8000


async def test_what_is_recorded_when_the_review_begins_is_kept_and_the_room_is_loud_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.listen("begin")
        await it.listen("record")
        await asyncio.sleep(0.2)
        await it.room.review(it.ref)
        await become(lambda: it.told()["state"] == "idle")
        assert [one.result.kind for one in await it.store.results(it.ref)] == ["sound"]
        assert not it.recordings.auscultation.quiet  # type: ignore[union-attr]


async def test_a_recording_outlives_the_doctors_connection_and_mere_listening_does_not(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        await it.listen("begin")
        await it.listen("record")
        it.recordings.nobody_listens()
        await asyncio.sleep(0.05)
        assert it.told()["state"] == "recording"
        await it.listen("stop")
        it.recordings.nobody_listens()
        await become(lambda: it.told()["state"] == "idle")


async def test_a_sound_never_goes_to_the_next_patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, opened = Recording.stop, threading.Event()

    def late(recording: Recording) -> Recorded:
        opened.wait(5)  # the disk is slow, and the next patient is there already
        return stop(recording)

    monkeypatch.setattr(Recording, "stop", late)
    async with bench(tmp_path) as it:
        await it.listen("begin")
        await it.listen("record")
        await asyncio.sleep(0.2)
        await it.room.abandon(it.ref, "test")
        again = (await it.room.open(None, None)).id
        await make_active(it.room, again)
        opened.set()
        assert it.recordings.auscultation is not None
        auscultation = it.recordings.auscultation
        await become(lambda: auscultation.now.state.value == "idle")
        assert await it.store.results(again) == []
        assert await it.store.results(it.ref) == []


async def test_the_known_sound_takes_the_way_of_the_patients(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        blocks: list[Any] = []
        it.sound.attach(blocks.append)
        await it.listen("begin")
        told = await it.listen("reference")
        assert told["tones_hz"] == [20, 40, 60, 100, 200, 500, 1000, 2000]
        assert it.told()["state"] == "proving"
        with pytest.raises(NotDone, match="not possible while proving"):
            await it.listen("record")
        await become(lambda: len({block.stream for block in blocks if block.proof}) == 1)
        await become(lambda: bool(blocks) and blocks[-1].proof is False and any(b.proof for b in blocks), 8)
        proof = np.concatenate([block.samples for block in blocks if block.proof])
        assert len(proof) == 8000 * told["seconds"]
        assert not proof[:4000].any()
        assert 25000 < np.abs(proof).max() < 32000


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        ({}, "good"),
        ({"response_db": -0.3}, "fair"),
        ({"exact": False}, "poor"),
        ({"lost": 401}, "poor"),
        ({"snr_db": 39.9}, "poor"),
        ({"buffer_ms": 320}, "fair"),
    ],
)
async def test_a_proof_is_graded_by_its_worst_figure(tmp_path: Path, said: dict[str, Any], grade: str) -> None:
    async with bench(tmp_path) as it:
        await it.listen("begin")
        assert await it.listen("proved", proof={**GOOD, **said}) == {"grade": grade}
        assert it.told()["proof"]["grade"] == grade


@pytest.mark.parametrize(
    "asked",
    [{"act": "dance"}, {}, {"act": "begin", "site": "nose"}, {"act": "record"}, {"act": "begin", "site": 7}],
)
async def test_what_makes_no_sense_is_refused(tmp_path: Path, asked: dict[str, Any]) -> None:
    async with bench(tmp_path) as it:
        with pytest.raises(NotDone):
            await it.recordings.listen(asked, "doctor")
