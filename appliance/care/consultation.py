"""The life of a consultation, as a table. What is not in the table cannot happen."""

from __future__ import annotations

from enum import StrEnum

from appliance.care.errors import Refused


class State(StrEnum):
    """Where a consultation stands."""

    OPEN = "open"  # nobody bound yet
    IDENTIFYING = "identifying"  # traits read, not yet confirmed aloud
    READY = "ready"  # this patient, for sure
    ACTIVE = "active"  # consent given: devices are leased, the doctor may join
    REVIEW = "review"  # nothing new is charted
    CLOSED = "closed"
    ABANDONED = "abandoned"


class Act(StrEnum):
    """What a person does to it."""

    IDENTIFY = "identify"
    CONFIRM = "confirm"
    CONSENT = "consent"
    REFUSE = "refuse"
    REVIEW = "review"
    RESUME = "resume"
    CLOSE = "close"
    ABANDON = "abandon"


ENDED = frozenset({State.CLOSED, State.ABANDONED})

NEXT: dict[tuple[State, Act], State] = {
    (State.OPEN, Act.IDENTIFY): State.IDENTIFYING,
    (State.IDENTIFYING, Act.IDENTIFY): State.IDENTIFYING,  # read again before anyone said yes
    (State.IDENTIFYING, Act.CONFIRM): State.READY,
    (State.READY, Act.CONSENT): State.ACTIVE,
    (State.READY, Act.REFUSE): State.ABANDONED,
    (State.ACTIVE, Act.REVIEW): State.REVIEW,
    (State.REVIEW, Act.RESUME): State.ACTIVE,
    (State.REVIEW, Act.CLOSE): State.CLOSED,
    (State.OPEN, Act.ABANDON): State.ABANDONED,
    (State.IDENTIFYING, Act.ABANDON): State.ABANDONED,
    (State.READY, Act.ABANDON): State.ABANDONED,
    (State.ACTIVE, Act.ABANDON): State.ABANDONED,
    (State.REVIEW, Act.ABANDON): State.ABANDONED,
}


def step(state: State, act: Act) -> State:
    """The state after `act`; `Refused("not-now")` where the table has no such pair."""
    try:
        return NEXT[state, act]
    except KeyError:
        possible = ", ".join(sorted(a.value for s, a in NEXT if s is state)) or "nothing"
        raise Refused("not-now", f"cannot {act} a consultation that is {state}; possible now: {possible}") from None
