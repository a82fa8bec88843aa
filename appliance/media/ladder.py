"""Which size and how many pictures a second a rate is good for, and when to change: the one decision of an encoder
whose way has become narrow. Pure.

A picture to be judged keeps its size while it can: pictures go first. A picture of people keeps its motion.
"""

from __future__ import annotations

from dataclasses import dataclass

BITS_PER_PIXEL = 0.03  # below it x264 superfast shows blocks
UP_MARGIN = 1.25  # going up is offered only when it will last
UP_AFTER_S = 2.0, 8.0  # and after so long; longer each time when it did not
MISTAKEN_S = 4.0
FULL = (1, 1)
SIZES = (FULL, (3, 4), (1, 2), (3, 8), (1, 4))
EVERY = (1, 2, 3)  # one picture of so many is sent


@dataclass(frozen=True, slots=True)
class Rung:
    """A share of the full width and height, and one picture of `every`."""

    size: tuple[int, int] = FULL
    every: int = 1

    def scaled(self, width: int, height: int) -> tuple[int, int]:
        """The size in pixels, even both ways."""
        top, bottom = self.size
        return width * top // bottom // 2 * 2, height * top // bottom // 2 * 2

    def needs_bps(self, width: int, height: int, rate_hz: float) -> float:
        """The least rate that it looks right with."""
        across, down = self.scaled(width, height)
        return across * down * rate_hz / self.every * BITS_PER_PIXEL


DETAIL = tuple(Rung(size, every) for size in SIZES for every in (EVERY if size == FULL else EVERY[1:]))
MOTION = (*(Rung(size) for size in SIZES), *(Rung(SIZES[-1], every) for every in EVERY[1:]))


class Ladder:
    """One per encoding."""

    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        self._rungs = rungs
        self._at, self._since_s = 0, 0.0
        self._patience_s = UP_AFTER_S[0]
        self._rose = False

    @property
    def rung(self) -> Rung:
        """Where it stands."""
        return self._rungs[self._at]

    def step(self, rate_bps: float, width: int, height: int, rate_hz: float, now_s: float) -> Rung:
        """Where to stand now: down at once, up by what will last."""
        last = len(self._rungs) - 1
        needs = [rung.needs_bps(width, height, rate_hz) for rung in self._rungs]
        fits = next((at for at, need in enumerate(needs) if need <= rate_bps), last)
        if fits < self._at:
            calm = now_s - self._since_s >= self._patience_s
            roomy = needs[fits] * UP_MARGIN <= rate_bps
            fits = fits if calm and roomy else self._at
        if fits > self._at:
            least_s, most_s = UP_AFTER_S
            mistaken = self._rose and now_s - self._since_s < MISTAKEN_S
            self._patience_s = min(2 * self._patience_s, most_s) if mistaken else least_s
        if fits != self._at:
            self._rose, self._at, self._since_s = fits < self._at, fits, now_s
        return self.rung
