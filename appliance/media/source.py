"""What produces pictures: one interface over cameras, files and drawn scenes, with its state and its counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from appliance.clock import boottime_ns
from appliance.media.capture import Capture, Reader, State
from appliance.media.group import Group
from appliance.media.slot import Slot
from drivers.links.camera import Frame
from drivers.links.formats import Coding

RATE_OVER = 31  # pictures over which the rate is taken


class Source(Protocol):
    """What every source has, whatever it produces."""

    key: str
    name: str
    kind: Literal["video", "audio"]

    @property
    def state(self) -> State:
        """Live, lost or absent, now."""
        ...

    def start(self) -> None:
        """Plug it in."""
        ...

    def stop(self) -> None:
        """Pull it out."""
        ...

    async def aclose(self) -> None:
        """End it for good."""
        ...

    def message(self) -> dict[str, Any]:
        """The `source` message of docs/protocol.md section 5."""
        ...


class PictureSource:
    """A camera, whatever feeds it. Every frame goes to each attached slot; the newest is kept for a still."""

    kind: Literal["video", "audio"] = "video"

    def __init__(
        self, key: str, name: str, open_: Callable[[], Reader[Frame]], codes: Callable[[], tuple[str, ...]] = tuple
    ) -> None:
        self.key, self.name = key, name
        self.detail = True  # is to be judged, and keeps its size where the way is narrow; else its motion
        self._codes = codes  # what there is to say of how the camera runs
        self.side: str | None = None  # which of the patient's is looked at now: left, right
        self.zoom: float | None = None
        self.preroll_s: float | None = None  # how much of the past is held, with the patient's consent
        self.taps: tuple[Callable[[Frame], None], ...] = ()  # each gets every frame, in the capture thread
        self._capture = Capture(key, open_, self._deliver)
        self._slots: tuple[Slot[Frame], ...] = ()
        self._dropped_before = 0
        self._newest: Frame | None = None
        self._arrivals: deque[int] = deque(maxlen=RATE_OVER)
        self._sizes: deque[int] = deque(maxlen=RATE_OVER)
        self._group = Group()
        self.start, self.stop, self.aclose = self._capture.start, self._capture.stop, self._capture.aclose

    @property
    def state(self) -> State:
        """Live, lost or absent, now."""
        return self._capture.state

    @property
    def newest(self) -> Frame | None:
        """The last frame at full size and as the camera gave it; None unless the source is live."""
        return self._newest if self.state is State.LIVE else None

    @property
    def dropped(self) -> int:
        """Frames that no consumer took in time."""
        return self._dropped_before + sum(slot.dropped for slot in self._slots)

    @property
    def rate_hz(self) -> float:
        """Frames a second, over the last two seconds or so; 0 unless live."""
        if self.state is not State.LIVE or len(self._arrivals) < 2:
            return 0.0
        return (len(self._arrivals) - 1) * 1e9 / max(1, self._arrivals[-1] - self._arrivals[0])

    @property
    def coded_bps(self) -> float:
        """What a camera that gives coded video sends, over the last second or two; 0 of any other."""
        frame = self._newest
        if frame is None or frame.coding is not Coding.H264:
            return 0.0
        sizes = list(self._sizes)
        return 8 * sum(sizes) / max(len(sizes), 1) * self.rate_hz

    @property
    def group(self) -> Sequence[Frame]:
        """Of coded video, what has to be decoded to see the newest picture."""
        return self._group.frames

    def request_key(self) -> bool:
        """Ask the camera for a key frame. False where it cannot be asked. From any thread."""
        ask = getattr(self._capture.reader, "request_key", None)
        return bool(ask is not None and ask())

    def attach(self) -> Slot[Frame]:
        """A slot that gets every frame from now on; those of coded video in line."""
        slot: Slot[Frame] = Slot(lambda frame: frame.coding is Coding.H264)
        self._slots = (*self._slots, slot)
        return slot

    def detach(self, slot: Slot[Frame]) -> None:
        """Take the slot back; its drops stay counted."""
        self._dropped_before += slot.dropped
        self._slots = tuple(other for other in self._slots if other is not slot)

    def message(self) -> dict[str, Any]:
        """The `source` message of docs/protocol.md section 5."""
        frame = self._newest
        at_ms = frame.capture_ns // 1_000_000 if frame else boottime_ns() // 1_000_000
        said = {"type": "source", "key": self.key, "name": self.name, "kind": self.kind, "state": self.state.value}
        size = {"width": frame.width, "height": frame.height} if frame else {}
        return {
            **said,
            "at_ms": at_ms,
            **size,
            "fps": round(self.rate_hz, 1),
            "dropped": self.dropped,
            "codes": list(self._codes()),
            **({"side": self.side} if self.side else {}),
            **({"zoom": self.zoom} if self.zoom is not None else {}),
            **({"preroll_s": self.preroll_s} if self.preroll_s is not None else {}),
        }

    def _deliver(self, frame: Frame) -> None:
        if self.state is not State.LIVE:
            self._arrivals.clear()
            self._sizes.clear()
            self._group.clear()
        if frame.coding is Coding.H264:
            self._group.add(frame)
            self._sizes.append(len(frame.data))
        self._newest = frame
        self._arrivals.append(boottime_ns())
        for slot in self._slots:
            slot.put(frame)
        for tap in self.taps:
            tap(frame)
