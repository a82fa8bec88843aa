"""Whether a camera's own H.264 goes out as it is, or is decoded and encoded anew for a while.

It goes as it is wherever it can: untouched it costs nothing and loses nothing. It cannot where the way is narrower than
what the camera sends, and while a peer waits for a key frame that the camera does not give when asked. Pure but for the
question to the camera.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

ASK_AGAIN_S = 0.7  # a camera is asked for a key frame no more often
WAIT_S = 0.5  # so long a peer waits for it before its picture is made here
ROOM_DOWN, ROOM_UP = 0.95, 1.15  # of the camera's rate: with less it is encoded anew, with more it passes again
CALM_S = 3.0  # after so long with room


class Course(StrEnum):
    """What becomes of the camera's frames."""

    PASSED = "passed"
    ENCODED = "encoded"


class Event(StrEnum):
    """What may change the course."""

    TOO_NARROW = "too-narrow"
    KEY_OVERDUE = "key-overdue"
    ROOM_AND_KEY = "room-and-key"


NEXT: Mapping[tuple[Course, Event], Course] = MappingProxyType(
    {
        (Course.PASSED, Event.TOO_NARROW): Course.ENCODED,
        (Course.PASSED, Event.KEY_OVERDUE): Course.ENCODED,
        (Course.ENCODED, Event.ROOM_AND_KEY): Course.PASSED,
    }
)


class Passing:
    """One per encoding. `ask` asks the camera for a key frame and says whether it took the question."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self.course = Course.PASSED
        self._asked_s = -ASK_AGAIN_S
        self._wanted_s: float | None = None
        self._narrow_s = -CALM_S

    def step(self, key: bool, key_wanted: bool, rate_bps: float, own_bps: float, now_s: float) -> Course:
        """What to do with this frame. `key`: it is one; `key_wanted`: a peer needs one; `own_bps`: the camera's rate.

        A change to `PASSED` comes with a key frame only, so that every peer can follow.
        """
        event = self._event(key, key_wanted, rate_bps, own_bps, now_s)
        if event is not None:
            self.course = NEXT[self.course, event]
            self._wanted_s = None
        return self.course

    def _event(self, key: bool, key_wanted: bool, rate_bps: float, own_bps: float, now_s: float) -> Event | None:
        if rate_bps < (ROOM_DOWN if self.course is Course.PASSED else ROOM_UP) * own_bps:
            self._narrow_s = now_s
            return Event.TOO_NARROW if self.course is Course.PASSED else None
        if self.course is Course.ENCODED:
            calm = now_s - self._narrow_s >= CALM_S
            if calm and not key:
                self._question(now_s)
            return Event.ROOM_AND_KEY if calm and key else None
        if key or not key_wanted:
            self._wanted_s = None
            return None
        self._wanted_s = now_s if self._wanted_s is None else self._wanted_s
        took = self._question(now_s)
        return Event.KEY_OVERDUE if not took or now_s - self._wanted_s > WAIT_S else None

    def _question(self, now_s: float) -> bool:
        if now_s - self._asked_s < ASK_AGAIN_S:
            return True
        self._asked_s = now_s
        return self._ask()
