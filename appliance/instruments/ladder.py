"""What is tried, in which order, when a device does not work. Pure: it decides, and does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """How an attempt to work with a device ended."""

    GONE = "gone"  # there is nothing at its place
    LEFT = "left"  # it was there, and ended the link
    DEAD = "dead"  # it is there and does not work: silent, refused, stalled, ended before it said a word
    RAISED = "raised"  # its driver has a fault
    SPUN = "spun"  # its driver came to no end


class Step(StrEnum):
    """What is done before it is tried again."""

    REOPEN = "reopen"
    RESTART = "restart"
    POWER_CYCLE = "power-cycle"
    RESET_ADAPTER = "reset-adapter"
    MANUAL = "manual"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Rung:
    """`waits_s`: one attempt each, after so many seconds. `tell`: the sentence for the nurse."""

    step: Step
    waits_s: tuple[float, ...]
    tell: str | None = None


# Every reopening makes link, framer and decoder anew; a restart also forgets all that was learned of the device.
DEAD = (
    Rung(Step.REOPEN, (0.2, 0.5, 1.0, 2.0, 5.0)),
    Rung(Step.RESTART, (5.0, 5.0), "device-restarting"),
    Rung(Step.POWER_CYCLE, (5.0, 5.0), "device-power-cycled"),
    Rung(Step.RESET_ADAPTER, (5.0, 5.0), "device-radio-reset"),
    Rung(Step.MANUAL, (5.0,), "device-manual"),  # for ever
)
# A driver that spins costs 50 ms a time: at most 50 ms in 5 s, then ever less, then nothing.
SPUN = (Rung(Step.REOPEN, (5.0,)), Rung(Step.RESTART, (10.0, 30.0, 60.0, 300.0)), Rung(Step.OFF, (), "device-off"))
RAISED = (
    Rung(Step.REOPEN, (0.2, 0.5, 1.0, 2.0, 5.0)),
    Rung(Step.RESTART, (10.0, 30.0, 60.0, 300.0)),
    Rung(Step.OFF, (), "device-off"),
)
# Nothing is repaired where nothing is.
GONE = (Rung(Step.REOPEN, (0.2, 0.5, 1.0, 2.0, 5.0)),)

TABLE = {Trouble.GONE: GONE, Trouble.LEFT: GONE, Trouble.DEAD: DEAD, Trouble.RAISED: RAISED, Trouble.SPUN: SPUN}


@dataclass(frozen=True, slots=True)
class Move:
    """What to do now, and to try again `wait_s` later; None: not before somebody asks. `first`: not said before."""

    step: Step
    wait_s: float | None
    tell: str | None
    first: bool


class Ladder:
    """One per device. The faults of a driver and the failures of a device are counted apart."""

    def __init__(self) -> None:
        self._known = False
        self._counts: dict[tuple[Rung, ...], int] = {}
        self._step: Step | None = None

    def worked(self) -> None:
        """The device spoke: it is there, and begins at the bottom when it fails again. Faults are another matter."""
        self._known = True
        self._counts = {rungs: n for rungs, n in self._counts.items() if rungs in {SPUN, RAISED}}
        self._step = None

    def healthy(self) -> None:
        """Its driver has worked for long: no fault counts any more."""
        self._counts.pop(SPUN, None)
        self._counts.pop(RAISED, None)

    def asked(self) -> None:
        """Somebody asks for it again, or has plugged it in again: from the bottom."""
        self._counts.clear()
        self._step = None

    def failed(self, trouble: Trouble) -> Move:
        """The next move. A device that never spoke is looked for quietly; one that is gone climbs no further."""
        rungs = TABLE[trouble]
        if trouble is Trouble.GONE:
            self._counts = {GONE: self._counts.get(GONE, 0)}  # it was pulled out: what comes next is a new beginning
        if rungs is DEAD and not self._known:
            rungs = GONE
        count = self._counts[rungs] = self._counts.get(rungs, 0) + 1
        rung, wait_s, begun = _at(rungs, count)
        first = begun and rung.step is not self._step
        self._step = rung.step
        return Move(rung.step if begun else Step.REOPEN, wait_s, rung.tell, first)

    def skip(self, trouble: Trouble) -> Move:
        """This rung cannot be done here: the next one."""
        rungs = TABLE[trouble]
        here, _, _ = _at(rungs, self._counts[rungs])
        while _at(rungs, self._counts[rungs])[0] is here:
            self._counts[rungs] += 1
        self._counts[rungs] -= 1
        return self.failed(trouble)


def _at(rungs: tuple[Rung, ...], count: int) -> tuple[Rung, float | None, bool]:
    """The rung of the `count`-th failure (from 1), its wait, and whether it is the rung's first."""
    for rung in rungs:
        if count <= len(rung.waits_s):
            return rung, rung.waits_s[count - 1], count == 1
        count -= len(rung.waits_s)
    last = rungs[-1]
    return last, last.waits_s[-1] if last.waits_s else None, count == 1 and not last.waits_s
