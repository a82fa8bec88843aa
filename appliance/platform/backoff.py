"""How long to wait before trying again: full jitter under a cap, and a breaker that stops knocking at a dead door."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

BASE_S = 0.5
CAP_S = 60.0
THRESHOLD = 3  # failures in a row before the breaker opens

Draw = Callable[[float, float], float]  # a number between the two


def jitter(attempt: int, draw: Draw = random.uniform, cap_s: float = CAP_S) -> float:
    """Seconds before attempt number `attempt + 1`: anywhere in [0, min(cap, base * 2^attempt)]."""
    return draw(0.0, min(cap_s, BASE_S * 2.0 ** min(max(attempt, 0), 16)))


class State(Enum):
    """Closed: calls flow. Open: none does. Trying: one is let through to see."""

    CLOSED = auto()
    OPEN = auto()
    TRYING = auto()


class Event(Enum):
    """What the breaker learns."""

    ANSWERED = auto()
    FAILED_ONCE = auto()
    FAILED_OFTEN = auto()
    WAITED = auto()


NEXT = {
    (State.CLOSED, Event.ANSWERED): State.CLOSED,
    (State.CLOSED, Event.FAILED_ONCE): State.CLOSED,
    (State.CLOSED, Event.FAILED_OFTEN): State.OPEN,
    (State.CLOSED, Event.WAITED): State.CLOSED,
    (State.OPEN, Event.ANSWERED): State.CLOSED,  # a call that was under way when it opened
    (State.OPEN, Event.FAILED_ONCE): State.OPEN,
    (State.OPEN, Event.FAILED_OFTEN): State.OPEN,
    (State.OPEN, Event.WAITED): State.TRYING,
    (State.TRYING, Event.ANSWERED): State.CLOSED,
    (State.TRYING, Event.FAILED_ONCE): State.OPEN,
    (State.TRYING, Event.FAILED_OFTEN): State.OPEN,
    (State.TRYING, Event.WAITED): State.TRYING,
}


@dataclass(slots=True)
class Breaker:
    """One destination's breaker. All times are seconds of one monotonic clock that the caller reads."""

    draw: Draw = random.uniform
    state: State = State.CLOSED
    failures: int = 0
    until_s: float = 0.0
    trying: bool = False

    def wait_s(self, now_s: float) -> float | None:
        """0: a call may go. More: not before so many seconds. None: another call is trying, wait for its end."""
        if self.state is State.OPEN and now_s >= self.until_s:
            self.state = NEXT[self.state, Event.WAITED]
        if self.state is State.OPEN:
            return self.until_s - now_s
        return None if self.state is State.TRYING and self.trying else 0.0

    def begin(self) -> None:
        """A call goes."""
        self.trying = self.state is State.TRYING

    def answered(self) -> None:
        """The destination answered, whatever it said: it is there."""
        self.state, self.failures, self.trying = NEXT[self.state, Event.ANSWERED], 0, False

    def failed(self, now_s: float, at_least_s: float = 0.0) -> None:
        """A call came to nothing."""
        self.failures += 1
        self.trying = False
        before = self.state
        self.state = NEXT[before, Event.FAILED_OFTEN if self.failures >= THRESHOLD else Event.FAILED_ONCE]
        if self.state is State.OPEN and before is not State.OPEN:
            self.until_s = now_s + max(at_least_s, jitter(self.failures, self.draw))

    def released(self) -> None:
        """The call that went was never made: nothing was learnt."""
        self.trying = False

    def retry_now(self) -> None:
        """There is news of the destination: try it at once."""
        if self.state is State.OPEN:
            self.until_s = 0.0
