"""What is kept of pictures and sounds: stills, clips and listenings, whoever asks for them, each exactly once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance import clock
from appliance.care.charting import Listening, Picture
from appliance.care.consultation import State
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.feed import Feed
from appliance.media.auscultation import Auscultation
from appliance.media.auscultation import State as Listened
from appliance.media.clip import MEDIA_TYPE as CLIP_TYPE
from appliance.media.clip import Preroll, jpeg, torn
from appliance.media.control import Ask
from appliance.media.proof import number
from appliance.media.recording import MEDIA_TYPE as SOUND_TYPE
from appliance.media.recording import Recorded
from appliance.media.refusal import NotDone
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.still import take_still
from appliance.records.errors import StorageFull, StoreError
from appliance.records.model import ConsultationRecord, KeptResult, Proof, Sound
from drivers.core.errors import ChevetError
from drivers.links.camera import Frame

log = logging.getLogger(__name__)

ONCE_NS = 400_000_000  # a button bounces, and two people press at the same moment: one still
THUMBNAIL_WIDTH, THUMBNAIL_QUALITY = 240, 8
SIDES = ("left", "right", None)
MOST_ZOOM = 100.0


class Recordings:
    """The shutter, the past of each exam camera, and the listening. For the loop it is used on."""

    def __init__(
        self, room: Room, feed: Feed, pictures: Sequence[PictureSource], stethoscope: SoundSource | None
    ) -> None:
        self._room, self._feed, self._stethoscope = room, feed, stethoscope
        self._pictures = {source.key: source for source in pictures}
        self._prerolls = {source.key: Preroll(source) for source in pictures if source.detail}
        self._pressed: dict[tuple[str, str], tuple[int, asyncio.Task[KeptResult]]] = {}
        self.auscultation = (
            None if stethoscope is None else Auscultation(stethoscope, room.spool, self._keep, feed.publish)
        )
        self._working: set[asyncio.Task[None]] = set()
        self._heard_in: str | None = None  # the consultation whose patient is listened to
        self._active_before = False
        room.watch(self._consultation)

    @property
    def asks(self) -> Mapping[str, Ask]:
        """What a doctor may ask for (docs/protocol.md section 7)."""
        sound: dict[str, Ask] = {} if self.auscultation is None else {"auscultation": self._asked_to_listen}
        return {"clip": self._asked_for_clip, "view": self.view, **sound}

    def when_quiet(self, watcher: Callable[[bool], None]) -> None:
        """Tell when the room is to become quiet, and when it need not be any more."""
        if self.auscultation is not None:
            self.auscultation.watch(watcher)

    async def close(self) -> None:
        """Nothing is held any more."""
        for preroll in self._prerolls.values():
            preroll.end()
        await asyncio.gather(*self._working, return_exceptions=True)

    # --- pictures

    async def still(self, key: str) -> KeptResult:
        """A full-size still of a camera, charted. All who ask within `ONCE_NS` get the same one. `NotDone`."""
        return await self._once("still", key, self._still)

    async def clip(self, key: str) -> KeptResult:
        """The camera's last ten seconds, charted; likewise once. `NotDone`."""
        return await self._once("clip", key, self._clip)

    async def view(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Which of the patient's sides a camera looks at, and how far it is zoomed in: kept with every picture."""
        source, side, zoom = self._camera(str(asked.get("source"))), asked.get("side"), asked.get("zoom")
        if side not in SIDES:
            raise NotDone("bad-request", f"side: got {str(side)[:20]!r}, wanted left, right or null")
        if zoom is not None and not 0 < number(asked, "zoom") <= MOST_ZOOM:
            raise NotDone("bad-request", f"zoom: got {zoom!r}, wanted a number up to {MOST_ZOOM:g}")
        source.side, source.zoom = side, None if zoom is None else number(asked, "zoom")
        return {"side": source.side, "zoom": source.zoom}

    async def _once(self, what: str, key: str, take: Callable[[str], Any]) -> KeptResult:
        at_ns, task = self._pressed.get((what, key), (0, None))
        if task is None or (task.done() and (task.exception() or clock.boottime_ns() - at_ns > ONCE_NS)):
            task = asyncio.create_task(take(key), name=f"{what} of {key}")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be waiting any more
            self._pressed[what, key] = clock.boottime_ns(), task
        try:
            return await asyncio.shield(task)
        except Refused as refusal:
            raise NotDone(refusal.code, str(refusal)) from None
        except (StorageFull, StoreError) as error:
            raise NotDone("storage-full", str(error)) from None

    async def _still(self, key: str) -> KeptResult:
        source, ref = self._camera(key), self._active()
        side, zoom = source.side, source.zoom
        still = await asyncio.to_thread(take_still, source)
        picture = Picture(
            data=still.data,
            sha256=still.sha256,
            media_type=still.media_type,
            width=still.width,
            height=still.height,
            source=key,
            name=source.name,
            captured=clock.at(still.capture_ns),
            side=side,
            zoom=zoom,
        )
        kept = await self._room.picture(ref, picture)
        self._show(kept, source.newest)
        return kept

    async def _clip(self, key: str) -> KeptResult:
        source, ref = self._camera(key), self._active()
        preroll = self._prerolls.get(key)
        if preroll is None:
            raise NotDone("no-such-source", f"nothing of the past of {key!r} is held")
        side, zoom = source.side, source.zoom
        data, frames = await asyncio.to_thread(preroll.clip)
        picture = Picture(
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            media_type=CLIP_TYPE,
            width=frames[0].width,
            height=frames[0].height,
            source=key,
            name=source.name,
            captured=clock.at(frames[0].capture_ns),
            side=side,
            zoom=zoom,
            seconds=(frames[-1].capture_ns - frames[0].capture_ns) / 1e9,
            notices=("interrupted",) if torn(frames) else (),
        )
        kept = await self._room.picture(ref, picture)
        self._show(kept, frames[-1])
        return kept

    def _camera(self, key: str) -> PictureSource:
        source = self._pictures.get(key)
        if source is None:
            raise NotDone("no-such-source", f"there is no camera {key!r} on this unit")
        return source

    def _active(self) -> str:
        record = self._room.record
        if record is None or not self._room.active:
            raise NotDone("not-active", "recordings are made in an active consultation")
        return record.id

    def _show(self, kept: KeptResult, frame: Frame | None) -> None:
        """A small picture at once, for all screens: the full one may take its time."""
        if frame is not None:
            self._work(self._thumbnail(kept, frame))

    async def _thumbnail(self, kept: KeptResult, frame: Frame) -> None:
        try:
            small = await asyncio.to_thread(jpeg, frame, THUMBNAIL_WIDTH, THUMBNAIL_QUALITY)
        except (ChevetError, ValueError) as error:
            log.debug("no thumbnail: %s", error)
            return
        record = self._room.record
        if record is not None and record.id == kept.result.consultation:
            data = base64.b64encode(small.data).decode()
            self._feed.publish({"type": "thumbnail", "id": kept.result.id, "media_type": "image/jpeg", "data": data})

    async def _asked_for_clip(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = await self.clip(str(asked.get("source")))
        obj = kept.result.obj
        assert obj is not None
        return {"result": kept.result.id, "sha256": obj.sha256, "seconds": round(obj.seconds or 0, 2)}

    # --- sounds

    async def listen(self, asked: Mapping[str, Any], by: str) -> Mapping[str, Any]:
        """An act of the listening (docs/protocol.md section 7, `auscultation`). `NotDone`."""
        if self.auscultation is None:
            raise NotDone("no-such-source", "this unit has no stethoscope")
        if asked.get("act") not in {"stop", "end"}:
            self._heard_in = self._active()
        try:
            return await self.auscultation.act(asked, by)
        except Refused as refusal:
            raise NotDone(refusal.code, str(refusal)) from None
        except (StorageFull, StoreError) as error:
            raise NotDone("storage-full", str(error)) from None

    def nobody_listens(self) -> None:
        """The last doctor has gone: no need for quiet. What the nurse began, or what is recorded, goes on."""
        if self.auscultation is None or self.auscultation.now.state is Listened.RECORDING:
            return
        if self.auscultation.now.by == "doctor":
            self._work(self.auscultation.over())

    async def _asked_to_listen(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.listen(asked, "doctor")

    async def _keep(self, recorded: Recorded, site: str | None, proof: Proof | None) -> Mapping[str, Any]:
        record, source = self._room.record, self._stethoscope
        if record is None or source is None or record.id != self._heard_in:
            raise NotDone("not-active", "the consultation is over: the sound is not kept")
        sound = Sound(
            rate_hz=8000,
            samples=recorded.samples,
            stream=recorded.stream,
            first=recorded.first,
            pcm_sha256=recorded.pcm_sha256,
            clipped=recorded.clipped,
            site=site,
            proof=proof,
        )
        captured = clock.at(recorded.capture_ns)
        heard = Listening(recorded.spool, SOUND_TYPE, sound, source.key, source.name, captured, recorded.notices)
        kept = await self._room.picture(record.id, heard)
        return {"result": kept.result.id, "sha256": recorded.spool.sha256, "samples": recorded.samples}

    # --- the consultation

    def _consultation(self, record: ConsultationRecord | None) -> None:
        """Nothing is held without the patient's consent, and nothing outlives the consultation."""
        active = self._room.active and record is not None and record.consent is not None and record.consent.given
        for preroll in self._prerolls.values():
            (preroll.begin if active else preroll.end)()
        if self._room.active and not self._active_before and self._stethoscope is not None:
            self._stethoscope.recorder.clear()  # what was heard before the patient agreed is nobody's to ask for
        self._active_before = self._room.active
        if record is not None and record.state == State.REVIEW and self.auscultation is not None:
            self._work(self.auscultation.over())
        if record is None:
            self._forget()

    def _forget(self) -> None:
        for source in self._pictures.values():
            source.side = source.zoom = None
        self._pressed.clear()
        if self.auscultation is not None:
            self._work(self._silence(self.auscultation))

    async def _silence(self, auscultation: Auscultation) -> None:
        await auscultation.over()
        auscultation.forget()

    def _work(self, doing: Any) -> None:
        task = asyncio.ensure_future(doing)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
