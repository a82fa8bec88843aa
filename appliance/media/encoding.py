"""One thread and one encode for each source and codec, whatever the number of peers; none while nobody watches."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from av.video.frame import VideoFrame

from appliance.media.encoder import VIDEO_CLOCK_HZ, Encoded, Opus, PictureEncoder
from appliance.media.group import Group, GroupDecoder, is_key
from appliance.media.ladder import DETAIL, MOTION, Ladder, Rung
from appliance.media.outlet import Outlet
from appliance.media.passing import ROOM_UP, Course, Passing
from appliance.media.picture import Decoder
from appliance.media.sound import SoundSource
from appliance.media.source import PictureSource
from appliance.media.stethoscope import Block
from drivers.core.errors import PacketError
from drivers.links.camera import Frame
from drivers.links.formats import Coding

log = logging.getLogger(__name__)

KEY_EVERY_S = 0.7  # at most; a lossy link asks for many, and each costs as much as ten other pictures
WAIT_S = 0.2
USUAL_HZ = 30
BITS_PER_PIXEL, LEAST_BPS, MOST_BPS = 0.09, 500_000, 4_000_000
STEADY = 0.05  # of the rate: less is no reason to tell the encoder
PASSED_DEPTH = 15  # packets of a camera's own: its key frames take longer to leave than a picture lasts
SOUND_BACKLOG = 25  # blocks: half a second
MakeEncoder = Callable[[int, int, int, int], PictureEncoder]  # width, height, pictures a second, bits a second


def usual_rate_bps(width: int, height: int, rate_hz: int) -> int:
    """What a picture of this size needs to be judged by a doctor where the link allows it: 2.5 Mbit/s at 720p30."""
    return max(LEAST_BPS, min(MOST_BPS, int(width * height * rate_hz * BITS_PER_PIXEL)))


class Encoding(Protocol):
    """What an engine joins its peers' tracks to."""

    def join(self, outlet: Outlet) -> None:
        """Packets for this outlet too, beginning with a key frame."""
        ...

    def leave(self, outlet: Outlet) -> None:
        """No more for this one. The last one to leave ends the thread."""
        ...

    def request_key(self) -> None:
        """A peer cannot decode what it has."""
        ...


class Audience:
    """The outlets of one encoding, and the thread that lives while there are any."""

    def __init__(self, name: str, run: Callable[[threading.Event], None]) -> None:
        self._name, self._run = name, run
        self._ended = threading.Event()
        self.outlets: tuple[Outlet, ...] = ()

    def join(self, outlet: Outlet) -> None:
        """One more; the first one starts the thread."""
        self.outlets = (*self.outlets, outlet)
        if len(self.outlets) == 1:
            self._ended = threading.Event()
            threading.Thread(target=self._run, args=(self._ended,), name=self._name, daemon=True).start()

    def leave(self, outlet: Outlet) -> None:
        """One less; with the last one the thread ends by itself, within `WAIT_S`."""
        self.outlets = tuple(other for other in self.outlets if other is not outlet)
        if not self.outlets:
            self._ended.set()

    def offer(self, packet: Encoded, depth: int = 0) -> None:
        """The packet to each of them. `depth`: see `Outlet.offer`."""
        for outlet in self.outlets:
            outlet.offer(packet, depth)


class PictureEncoding:
    """The newest frame of a source, encoded once. Pictures are left out, not queued, while every peer is behind.

    `passes`: a camera's own H.264 goes out untouched where it can.
    """

    def __init__(self, source: PictureSource, make: MakeEncoder, passes: bool = False) -> None:
        self._source, self._make = source, make
        self._passing = Passing(source.request_key) if passes else None
        self._rate_bps: int | None = None
        self._ladder = Ladder(DETAIL if source.detail else MOTION)
        self._key_wanted = False
        self._key_at_s = -KEY_EVERY_S
        self._audience = Audience(f"encode-{source.key}", self._run)
        self.leave = self._audience.leave
        self.left_out = 0
        self.pictures = 0

    def join(self, outlet: Outlet) -> None:
        """See `Encoding`."""
        self._key_wanted = True
        self._audience.join(outlet)

    def request_key(self) -> None:
        """See `Encoding`. Asking again before it came changes nothing."""
        self._key_wanted = True

    def set_rate(self, rate_bps: int) -> None:
        """Aim at no more than this rate from the next picture on."""
        self._rate_bps = rate_bps

    @property
    def rung(self) -> Rung:
        """The size and the number of pictures that are sent."""
        return self._ladder.rung

    def _run(self, ended: threading.Event) -> None:
        slot = self._source.attach()
        decoder, encoder, made, turn = Decoder(), None, (0, 0, 0), 0
        group, coded, dropped = Group(), GroupDecoder(), 0
        try:
            while not ended.is_set():
                frame = slot.take(WAIT_S)
                if frame is None:
                    continue
                rate_hz = round(self._source.rate_hz) or USUAL_HZ
                rate_bps = self._aim(frame, rate_hz)
                if frame.coding is Coding.H264:
                    group.add(frame)
                    lost, dropped = slot.dropped > dropped, slot.dropped
                    if lost and not is_key(frame.data):
                        group.clear()
                    if self._passed(frame, rate_bps, broken=not group.frames):
                        continue
                rung = self._ladder.step(rate_bps, frame.width, frame.height, rate_hz, time.monotonic())
                turn = (turn + 1) % rung.every
                wanted = (*rung.scaled(frame.width, frame.height), rung.every)
                if encoder is None or wanted != made:
                    made, turn = wanted, 0
                    encoder = self._make(*wanted[:2], max(rate_hz // rung.every, 1), rate_bps)
                if turn == 0:
                    chained = frame.coding is Coding.H264
                    opened = partial(coded, group.frames) if chained else partial(decoder, frame)
                    self._one(frame, wanted[:2], opened, encoder, rate_bps)
        except Exception:
            log.exception("%s: encoder failed", self._source.key)
        finally:
            self._source.detach(slot)

    def _aim(self, frame: Frame, rate_hz: int) -> int:
        """The rate that every peer can take."""
        usual = max(usual_rate_bps(frame.width, frame.height, rate_hz), int(ROOM_UP * self._source.coded_bps) + 1)
        asked = (self._rate_bps, *(outlet.rate_bps for outlet in self._audience.outlets))
        return min([rate for rate in asked if rate is not None], default=usual)

    def _passed(self, frame: Frame, rate_bps: int, broken: bool) -> bool:
        """Hand a camera's own frame on untouched, where it can go so; whether it is done with."""
        if self._passing is None:
            return False
        outlets, key = self._audience.outlets, is_key(frame.data)
        wanted = self._key_wanted or broken or any(outlet.ready and not outlet.whole for outlet in outlets)
        before = self._passing.course
        course = self._passing.step(key, wanted, rate_bps, self._source.coded_bps, time.monotonic())
        if course is not before:
            log.info("%s: the camera's own H.264 is %s", self._source.key, course.value)
            self._key_wanted = True  # another chain begins
        if course is Course.ENCODED:
            return False
        if key:
            self._key_wanted, self._key_at_s = False, time.monotonic()
        if not broken:
            self.pictures += 1
            pts = frame.capture_ns * VIDEO_CLOCK_HZ // 1_000_000_000
            self._audience.offer(Encoded(frame.data, pts, key, frame.capture_ns), PASSED_DEPTH)
        return True

    def _one(
        self,
        frame: Frame,
        size: tuple[int, int],
        opened: Callable[[], VideoFrame],
        encoder: PictureEncoder,
        rate_bps: int,
    ) -> None:
        outlets = self._audience.outlets
        if not any(outlet.ready for outlet in outlets):
            self.left_out += 1
            return
        try:
            picture = opened()
        except PacketError as error:
            log.debug("%s: %s", self._source.key, error)
            return
        if size != (picture.width, picture.height) or picture.format.name != "yuv420p":
            picture = picture.reformat(*size, "yuv420p", interpolation="FAST_BILINEAR", dst_color_range="MPEG")
        if abs(encoder.rate_bps - rate_bps) > STEADY * rate_bps:
            encoder.rate_bps = rate_bps
        packet = encoder.encode(picture, frame.capture_ns, self._key_due(outlets))
        if packet is not None:
            self.pictures += 1
            self._audience.offer(packet)

    def _key_due(self, outlets: tuple[Outlet, ...]) -> bool:
        wanted = self._key_wanted or any(outlet.ready and not outlet.whole for outlet in outlets)
        now_s = time.monotonic()
        if not wanted or now_s - self._key_at_s < KEY_EVERY_S:
            return False
        self._key_wanted, self._key_at_s = False, now_s
        return True


class SoundEncoding:
    """Every block of a source, encoded once. Behind by half a second, the newest block is lost and counted."""

    def __init__(self, source: SoundSource) -> None:
        self._source = source
        self._audience = Audience(f"encode-{source.key}", self._run)
        self.join, self.leave = self._audience.join, self._audience.leave

    def request_key(self) -> None:
        """See `Encoding`: every packet of sound is decodable by itself."""

    def _run(self, ended: threading.Event) -> None:
        encoder, blocks = Opus(), queue.Queue[Block](SOUND_BACKLOG)

        def put(block: Block) -> None:
            try:
                blocks.put_nowait(block)
            except queue.Full:
                self._source.dropped += 1

        self._source.attach(put)
        try:
            while not ended.is_set():
                with suppress(queue.Empty):
                    packet = encoder.encode(blocks.get(timeout=WAIT_S))
                    if packet is not None:
                        self._audience.offer(packet)
        except Exception:
            log.exception("%s: encoder failed", self._source.key)
        finally:
            self._source.detach(put)
