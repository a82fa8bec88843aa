"""A recorded device: plays captures with their timing, and can be unplugged, silenced and told what to play."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from pathlib import Path

from drivers.core.capture import Capture, CaptureError, Recorded, parse
from drivers.core.codec import date_time
from drivers.core.driver import Driver
from drivers.core.errors import LinkError, LinkLost, PacketError
from drivers.core.model import Numeric, Packet
from drivers.links.base import Chunk

CAPTURE_CAP = 16 * 1024 * 1024  # bytes of a capture file
GAP_S = 0.02  # between packets whose arrival was not recorded
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
    """

    def __init__(
        self,
        driver: Driver,
        recordings: Mapping[str, Capture],
        looped: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        for name, capture in recordings.items():
            if capture.driver != driver.name:
                raise LinkError(f"{name}: a capture for {capture.driver}, not for {driver.name}")
            if not capture.packets:
                raise LinkError(f"{name}: a capture without packets")
        self.recordings = recordings
        self.clock = clock
        self.plugged = True
        self.speaking = True
        self.written: deque[tuple[bytes, str]] = deque(maxlen=WRITTEN_CAP)  # what the host sent, newest last
        self._driver = driver
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

    def next_recording(self) -> Capture | None:
        """What to play now; None for silence."""
        if not self.speaking:
            self._once.clear()
            return None
        return self._once.popleft() if self._once else self._looped

    def chunk(self, packet: Recorded) -> Chunk:
        """A packet as it arrives now."""
        now = None if self.clock is None else self.clock()
        data = packet.data if now is None else self._restamped(packet, now)
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

    def _restamped(self, packet: Recorded, now: datetime) -> bytes:
        """The packet with the Date Time of its measurement set to `now`, wherever in it that stands."""
        try:
            events = list(self._driver.decoder()(Packet(packet.data, packet.channel)))
        except PacketError:
            return packet.data
        data = packet.data
        for taken in {event.taken for event in events if isinstance(event, Numeric) and event.taken is not None}:
            data = data.replace(date_time(taken), date_time(now))
        return data


class ReplayLink:
    """The open link to a `ReplayDevice`."""

    def __init__(self, device: ReplayDevice) -> None:
        self._device = device

    async def __aenter__(self) -> ReplayLink:
        if not self._device.plugged:
            raise LinkError("the replayed device is unplugged")
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def write(self, data: bytes, channel: str = "") -> None:
        """Note what the host sent; `LinkLost` while unplugged."""
        self._still_there()
        self._device.written.append((data, channel))

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Packets at their time, until the device is unplugged (`LinkLost`)."""
        due = time.monotonic()
        while True:
            self._still_there()
            recording = self._device.next_recording()
            if recording is None:
                await self._device.changed(None)
                due = time.monotonic()
                continue
            for packet, wait_s in _timed(recording):
                due = max(due + wait_s, time.monotonic() - LATE_S)
                if not await self._reached(due):
                    break  # silenced
                yield self._device.chunk(packet)

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


def _timed(recording: Capture) -> list[tuple[Recorded, float]]:
    """Each packet with the seconds to wait before it. A loop waits before its first one as between any two."""
    times = [packet.at_s for packet in recording.packets]
    known = [float(at_s) for at_s in times if at_s is not None]
    usual_s = ((known[-1] - known[0]) / (len(known) - 1) if len(known) > 1 else 0.0) or GAP_S
    waits = []
    before: float | None = None
    for packet in recording.packets:
        at_s = None if packet.at_s is None else float(packet.at_s)
        waits.append(usual_s if at_s is None or before is None else max(at_s - before, 0.0))
        before = at_s
    return list(zip(recording.packets, waits, strict=True))
