"""A recorded device: plays captures with their timing and faults, waits for what its host must say, can be pulled."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from pathlib import Path

from drivers.core.capture import Capture, CaptureError, Recorded, parse
from drivers.core.driver import Driver
from drivers.core.errors import LinkError, LinkLost, NotThere
from drivers.links.base import Chunk
from drivers.links.ear import Ear, Patience
from drivers.links.faults import NO_FAULTS, End, Faults, restamped, spoiled

CAPTURE_CAP = 16 * 1024 * 1024  # bytes of a capture file
LATE_S = 1.0  # a player that fell behind by more (the machine slept) goes on from now, without a burst
WRITTEN_CAP = 64


def load(path: Path) -> Capture:
    """A capture file. `LinkError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(CAPTURE_CAP + 1)
        if len(data) > CAPTURE_CAP:
            raise LinkError(f"{path}: more than {CAPTURE_CAP} bytes")
        return parse(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError, CaptureError) as error:
        raise LinkError(f"{path}: {error}") from None


class ReplayDevice:
    """A device that exists on paper. Its links die when it is unplugged; all of it lives in one event loop.

    `looped` names the recording that it plays over and over; without one it speaks when `play` is called. With `clock`,
    the device's own clock, packets say that their measurement was taken now, and chunks carry it as `device_now`.
    `faults` go with whatever it plays next. Where a recording holds what the host said, playing waits until it is said;
    a host that does not say it in time has lost the link.
    """

    def __init__(
        self,
        driver: Driver,
        recordings: Mapping[str, Capture],
        looped: str | None = None,
        clock: Callable[[], datetime] | None = None,
        faults: Faults = NO_FAULTS,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        for name, capture in recordings.items():
            if capture.driver != driver.name:
                raise LinkError(f"{name}: a capture for {capture.driver}, not for {driver.name}")
            if not capture.packets:
                raise LinkError(f"{name}: a capture without packets")
        self.recordings = recordings
        self.clock = clock
        self.faults, self.patience = faults, patience
        self.plugged = True
        self.speaking = True
        self.written: deque[tuple[bytes, str]] = deque(maxlen=WRITTEN_CAP)  # what the host sent, newest last
        self.driver = driver
        self._looped = None if looped is None else self._named(looped)
        self._once: deque[Capture] = deque(maxlen=WRITTEN_CAP)
        self._changed = asyncio.Event()

    def link(self) -> ReplayLink:
        """A link to it; opening it is a `LinkError` while the device is unplugged."""
        return ReplayLink(self)

    def unplug(self) -> None:
        """Pull the cable: the open link is lost at once."""
        self.plugged = False
        self._change()

    def plug(self) -> None:
        """Put the cable back."""
        self.plugged = True
        self._change()

    def stop(self) -> None:
        """Fall silent in the middle of whatever it plays; the cable stays in."""
        self.speaking = False
        self._change()

    def start(self) -> None:
        """Speak again; what was cut off is not taken up."""
        self.speaking = True
        self._change()

    def play(self, name: str) -> None:
        """Play a recording once, after what is playing now. `LinkError` with the names if there is none of this one."""
        self._once.append(self._named(name))
        self._change()

    def hear(self, data: bytes, channel: str) -> None:
        """What the host sent over one of the links."""
        self.written.append((data, channel))
        self._change()

    def next_recording(self) -> Capture | None:
        """What to play now; None for silence."""
        if not self.speaking:
            self._once.clear()
            return None
        return self._once.popleft() if self._once else self._looped

    def chunk(self, packet: Recorded) -> Chunk:
        """A packet as it arrives now."""
        now = None if self.clock is None else self.clock()
        data = packet.data if now is None else restamped(self.driver, packet, lambda taken: now)
        return Chunk(data, time.clock_gettime_ns(time.CLOCK_BOOTTIME), packet.channel, now)

    async def changed(self, at_most_s: float | None) -> bool:
        """Wait until somebody switched something, or for so long; whether somebody did."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def _change(self) -> None:
        self._changed.set()

    def _named(self, name: str) -> Capture:
        if name not in self.recordings:
            raise LinkError(f"no recording {name!r}; there are: {', '.join(sorted(self.recordings))}")
        return self.recordings[name]


class ReplayLink:
    """The open link to a `ReplayDevice`."""

    def __init__(self, device: ReplayDevice) -> None:
        self._device = device

    async def __aenter__(self) -> ReplayLink:
        self._ear, self._due = Ear(), time.monotonic()
        if not self._device.plugged:
            raise NotThere("the replayed device is unplugged")
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def write(self, data: bytes, channel: str = "") -> None:
        """Note what the host sent; `LinkLost` while unplugged."""
        self._still_there()
        self._ear.hear(data)
        self._device.hear(data, channel)

    async def chunks(self) -> AsyncIterator[Chunk]:
        """What the device plays, until it is unplugged (`LinkLost`)."""
        self._due = time.monotonic()
        while True:
            self._still_there()
            recording = self._device.next_recording()
            if recording is None:
                await self._device.changed(None)
                self._due = time.monotonic()
                continue
            async for chunk in self.perform(recording):
                yield chunk

    async def perform(self, recording: Capture) -> AsyncIterator[Chunk]:
        """Play one recording once, each packet at its time, or until the device is silenced.

        `LinkLost` when it is unplugged, or when the host does not say what the recording says it must.
        """
        play = spoiled(recording, self._device.driver, self._device.faults)
        for step in play.steps:
            if step.said.from_host:
                await self._told(step.said)
                self._due = time.monotonic()
                continue
            self._due = max(self._due + step.wait_s, time.monotonic() - LATE_S)
            if not await self._reached(self._due):
                return  # silenced
            yield self._device.chunk(step.said)
        if play.end is End.UNPLUGGED:
            self._device.unplug()
            self._still_there()
        elif play.end is End.STALLED:
            self._device.stop()

    async def _told(self, words: Recorded) -> None:
        """Wait until the host says this; whoever says something else instead has `LinkLost`."""
        patience = self._device.patience
        if not patience.answer_s:
            return
        until = time.monotonic() + patience.answer_s
        while not self._ear.said(words.data, patience.tolerance):
            if not await self._device.changed(until - time.monotonic()):
                raise LinkLost(f"the host did not say {words.data.hex()} within {patience.answer_s:g} s")
            self._still_there()

    async def _reached(self, due: float) -> bool:
        """Wait until `due`; False if the device was silenced before."""
        while (left_s := due - time.monotonic()) > 0:
            if await self._device.changed(left_s):
                self._still_there()
                if not self._device.speaking:
                    return False
        self._still_there()
        return self._device.speaking

    def _still_there(self) -> None:
        if not self._device.plugged:
            raise LinkLost("the replayed device was unplugged")
