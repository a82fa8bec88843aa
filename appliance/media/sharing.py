"""Cameras that share a USB bus: how each is run, and who gives way when there is too little bandwidth for all.

The room camera gives way first, down to not running at all; then the instrument's rate falls. Its sharpness never does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.media.capture import Reader
from drivers.core.errors import LinkError, LinkLost
from drivers.links.camera import BusFull, Camera, CameraSettings, Frame, offers
from drivers.links.formats import Coding, Offer, Rung, Wanted, exam_ladder, room_ladder
from drivers.links.named import bus_of, video_node, video_port

log = logging.getLogger(__name__)


class Hardware(Protocol):
    """What is asked of the machine; tests put another in its place."""

    def node(self, name: str) -> str:
        """The camera's node now. `LinkError` when it is not plugged in."""
        ...

    def bus(self, name: str) -> str:
        """The bus that it is on; its own name when that is not known: then it shares with nobody."""
        ...

    def offers(self, node: str) -> Sequence[Offer]:
        """What it gives."""
        ...

    def open(self, settings: CameraSettings) -> Reader[Frame]:
        """Run it. `BusFull` when there is no bandwidth."""
        ...


class Machine:
    """This machine."""

    def node(self, name: str) -> str:
        """See `Hardware`."""
        return video_node(name)

    def bus(self, name: str) -> str:
        """See `Hardware`."""
        port = video_port(name)
        return name if port is None else bus_of(port)

    def offers(self, node: str) -> Sequence[Offer]:
        """See `Hardware`."""
        return offers(node)

    def open(self, settings: CameraSettings) -> Reader[Frame]:
        """See `Hardware`."""
        return Camera(settings)


@dataclass(slots=True)
class Place:
    """One camera's place among those of its bus. Read and written under the lock of `Sharing`."""

    name: str
    room: bool
    wanted: Wanted
    bus: str = ""
    step: int = 0  # the rung of its ladder
    opened: int = 0  # the rung that it runs at; another than `step` until it has given way
    steps: int = 1  # rungs that it has
    running: bool = False
    waiting: bool = False  # an instrument, until a room camera has given way
    told: tuple[str, ...] = ()


class Sharing:
    """Opens cameras, each from the thread of its capture."""

    def __init__(self, hardware: Hardware | None = None) -> None:
        self._hardware = Machine() if hardware is None else hardware
        self._places: list[Place] = []
        self._lock = threading.Lock()

    def join(
        self, name: str, room: bool, wanted: Wanted
    ) -> tuple[Callable[[], Reader[Frame]], Callable[[], tuple[str, ...]]]:
        """What opens a camera, and what tells how it runs: `reduced`, `no-bandwidth` (docs/protocol.md section 5)."""
        place = Place(name, room, wanted)
        self._places.append(place)
        return lambda: self._open(place), lambda: place.told

    def _open(self, place: Place) -> Reader[Frame]:
        try:
            node = self._hardware.node(place.name)
        except LinkError:
            place.waiting = False
            raise
        ladder = self._ladder(place, node)
        with self._lock:
            place.bus, place.steps = self._hardware.bus(place.name), len(ladder)
        while True:
            step = place.step
            if step >= len(ladder):
                # Given way for good, or nothing is left to give: from the top at the next try, others may have gone.
                with self._lock:
                    place.step, place.told = self._start(place), ("no-bandwidth",)
                raise LinkError(f"camera {place.name}: the bus has no room for it")
            try:
                reader = self._hardware.open(settings(node, ladder[step]))
            except BusFull as error:
                self._make_room(place, step)
                log.info("%s", error)
                continue
            with self._lock:
                place.opened, place.running, place.waiting = step, True, False
                place.told = ("reduced",) if step else ()
            return Shared(reader, place, step, self._closed)

    def _make_room(self, place: Place, step: int) -> None:
        """Somebody goes a rung down: a room camera if one runs on this bus, else whoever asks."""
        with self._lock:
            others = [p for p in self._places if p is not place and p.bus == place.bus and p.room and p.running]
            if others and not place.room:
                # Asked again before it has: one rung is enough.
                others[0].step += others[0].step == others[0].opened
                place.waiting, place.told = True, ("no-bandwidth",)
                raise LinkError(f"camera {place.name}: waits until {others[0].name} has given way")
            place.step = step + 1

    def _start(self, place: Place) -> int:
        """The rung at which a camera begins: a room camera stays out while an instrument runs on its bus."""
        taken = any((p.running or p.waiting) and not p.room and p.bus == place.bus for p in self._places)
        return place.steps if place.room and taken else 0

    def _closed(self, place: Place, gave_way: bool) -> None:
        with self._lock:
            place.running = False
            if not gave_way:
                place.step, place.told = 0, ()
            if not place.room:
                for other in self._places:
                    # An instrument is gone: what was taken from the room for it is given back.
                    other.step = 0 if other.room and other.bus == place.bus else other.step

    def _ladder(self, place: Place, node: str) -> Sequence[Rung]:
        found = self._hardware.offers(node)
        ladder = (room_ladder if place.room else exam_ladder)(found, place.wanted)
        if not ladder:
            raise LinkError(f"camera {place.name}: gives none of {', '.join(place.wanted.codings)}; got {found}")
        return ladder


class Shared:
    """A camera that stops when it has to give way."""

    def __init__(self, reader: Reader[Frame], place: Place, step: int, closed: Callable[[Place, bool], None]) -> None:
        self._reader, self._place, self._step, self._closed = reader, place, step, closed

    def read(self) -> Frame:
        """The next frame. `LinkLost` when the camera is gone or must be run with less."""
        if self._gave_way:
            raise LinkLost(f"camera {self._place.name}: gives way to an instrument on its bus")
        return self._reader.read()

    def request_key(self) -> bool:
        """See `Camera.request_key`."""
        ask = getattr(self._reader, "request_key", None)
        return bool(ask is not None and ask())

    def close(self) -> None:
        """Give the camera back; its place on the bus is free."""
        self._reader.close()
        self._closed(self._place, self._gave_way)

    @property
    def _gave_way(self) -> bool:
        return self._place.step != self._step


def settings(node: str, rung: Rung) -> CameraSettings:
    """A rung, of the camera at this node."""
    return CameraSettings(node, rung.width, rung.height, rung.rate_hz, rung.coding)


# What a call can take, best first. Of an instrument the camera's own JPEG: a still is then the very picture that the
# camera gave, while one of H.264 is only as sharp as the camera coded it. Of the room its own H.264, which goes
# out untouched and takes the least of the bus.
TAKEN = (Coding.JPEG, Coding.H264, Coding.YUYV422, Coding.NV12, Coding.YUV420P)
TAKEN_OF_ROOM = (Coding.H264, Coding.JPEG, Coding.YUYV422, Coding.NV12, Coding.YUV420P)
