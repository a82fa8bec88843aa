"""How much each line of one connection may send: one budget, shared by clinical weight, followed and probed.

What the receiver tells of every packet leads (transport-wide feedback); where it tells only a limit (REMB), that does.
The estimate is of what the way leaves to pictures: sound and data are sent first and are never held back.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.media.estimate import MOST_BPS, Estimator, Way
from appliance.media.feedback import Ledger, Packet
from appliance.media.outlet import Outlet
from appliance.media.pacer import Pacer
from drivers.core.errors import PacketError

TICK_S = 0.1
FIRST_PROBES = (3.0, 6.0)  # times the first estimate, as soon as there is feedback
PROBE_EVERY_S = (1.0, 2.5)  # sooner while probes help, later while they do not
PROBE_TIMES = 2.0
HELPED, AGAIN_S = 1.2, 0.4
ENOUGH = 1.2  # times what is wanted: more need not be known
MARGIN = 0.9  # of the budget goes to the encoders; the rest is headers and what is sent again
STANDING_MS, DRAIN = 80.0, 0.6  # a queue that stands on the way is emptied by sending so much less
NEAREST_S = 10.0  # the shortest round trip of so long is the way's own
DETAIL_WEIGHT, MOTION_WEIGHT = 3, 1
NARROW_BPS, ROOMY_BPS = 200_000, 600_000  # with less, what is sent twice is sent once; with more, twice again
LOSS_SHARE = 0.05  # of the newest loss in the one that is told and acted on: two seconds
COPIES_LOSS = 0.015, 0.07  # beyond these a lost packet is sent again twice, three times
LOSSY_PLAYOUT_MS = 200  # two rounds of repetition on a way of 50 ms there and back


@dataclass(slots=True)
class Lane:
    """One picture line: where its packets come from, its weight, and what tells the most that it can use."""

    outlet: Outlet
    weight: int
    most: Callable[[], float]

    @property
    def most_bps(self) -> float:
        """The most that it can use now."""
        return self.most()


@dataclass(frozen=True, slots=True)
class Budget:
    """What one connection may send of pictures and does, in bits a second; `loss` as a share, `rtt_ms` there and back,
    of which `queue_ms` are spent waiting."""

    limit_bps: int
    sent_bps: int
    loss: float
    rtt_ms: int
    queue_ms: int


def shares(total_bps: float, lanes: Sequence[Lane]) -> list[float]:
    """The total by weight; what a lane cannot use goes to the others."""
    given = [0.0] * len(lanes)
    open_ = set(range(len(lanes)))
    left = total_bps
    while open_ and left > 1:
        weights = sum(lanes[index].weight for index in open_)
        part = {index: left * lanes[index].weight / weights for index in open_}
        full = {index for index in open_ if given[index] + part[index] >= lanes[index].most_bps}
        for index in full or open_:
            grant = min(part[index], lanes[index].most_bps - given[index])
            given[index] += grant
            left -= grant
        if not full:
            break
        open_ -= full
    return given


class Governor:
    """One per connection. `feedback` and `remb` come from the connection; `run` shares out ten times a second."""

    def __init__(self, pacer: Pacer, clock_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000) -> None:
        self.pacer, self.ledger, self.estimator = pacer, Ledger(), Estimator()
        self.lanes: list[Lane] = []
        self.rtt_ms = 100.0
        self.on_told: Callable[[Packet, bool], None] = lambda packet, came: None
        self._loss = 0.0
        self.on_narrow: Callable[[bool], None] = lambda narrow: None
        self._narrow = False
        self._clock_us = clock_us
        self._nearest: deque[tuple[float, float]] = deque()  # seconds, ms; rising
        self._remb_bps: int | None = None
        self._heard = False
        self.blind = False  # the receiver tells nothing of what comes
        self._probe_at_s, self._probe_wait_s, self._probed_bps = 0.0, PROBE_EVERY_S[0], 0.0
        self._probed_s = 0.0
        self._first = list(FIRST_PROBES)
        self._sent_bytes, self._sent_s, self._sent_bps = 0, time.monotonic(), 0.0

    def number(self, size: int, probe: int, packet: Packet | None = None) -> int:
        """The transport-wide number of the packet that leaves now."""
        return self.ledger.number(self._clock_us(), size, probe, packet)

    def feedback(self, fci: bytes) -> None:
        """What the receiver tells of single packets; what cannot be read changes nothing."""
        try:
            told = self.ledger.told(fci)
        except PacketError:
            return
        self._heard = True
        now_us = self._clock_us()
        if told:
            waited_ms = (now_us - max(one.sent.sent_us for one in told)) / 1000
            self.rtt_ms += 0.1 * (waited_ms - self.rtt_ms)
            self._near(waited_ms, now_us / 1e6)
        self.estimator.told(told, now_us, self.rtt_ms)
        # What came is heard of first: of two copies one is enough.
        for one in sorted(told, key=lambda one: one.arrived_us is None):
            if one.sent.packet is not None:
                self.on_told(one.sent.packet, one.arrived_us is not None)

    def _near(self, rtt_ms: float, now_s: float) -> None:
        while self._nearest and self._nearest[-1][1] >= rtt_ms:
            self._nearest.pop()
        self._nearest.append((now_s, rtt_ms))
        while now_s - self._nearest[0][0] > NEAREST_S:
            self._nearest.popleft()

    @property
    def queue_ms(self) -> float:
        """How long packets wait on the way, beyond its own length."""
        return self.rtt_ms - self._nearest[0][1] if self._nearest else 0.0

    @property
    def nearest_ms(self) -> float:
        """There and back, without what packets wait on the way."""
        return self._nearest[0][1] if self._nearest else self.rtt_ms

    @property
    def copies(self) -> int:
        """How often a lost packet is sent again at once: where many are lost, the repetition would be lost too."""
        if self.queue_ms > STANDING_MS / 2:
            return 1  # what is lost is lost for want of room
        return 1 + sum(self._loss > share for share in COPIES_LOSS)

    @property
    def playout_ms(self) -> int:
        """How long the receiver should hold pictures back, so that what is sent again comes in time to be shown."""
        return LOSSY_PLAYOUT_MS if self._loss > COPIES_LOSS[0] else 0

    def remb(self, limit_bps: int) -> None:
        """What the receiver says that the way carries."""
        self._remb_bps = limit_bps

    @property
    def limit_bps(self) -> float:
        """The budget for pictures now."""
        if self._heard or (self._remb_bps is None and not self.blind):
            return self.estimator.rate_bps
        return MOST_BPS if self._remb_bps is None else float(self._remb_bps)

    @property
    def budget(self) -> Budget:
        """For the feed."""
        queue_ms = max(0, round(self.queue_ms))
        return Budget(round(self.limit_bps), round(self._sent_bps), round(self._loss, 3), round(self.rtt_ms), queue_ms)

    async def run(self) -> None:
        """For ever."""
        while True:
            self._share()
            self._count()
            self._probe()
            await asyncio.sleep(TICK_S)

    def _share(self) -> None:
        budget_bps = self.limit_bps * (DRAIN if self.queue_ms > STANDING_MS else 1.0)
        self.pacer.rate_bps = budget_bps
        for lane, share in zip(self.lanes, shares(MARGIN * budget_bps, self.lanes), strict=True):
            lane.outlet.rate_bps = int(share)
        self._narrow = self.limit_bps < (ROOMY_BPS if self._narrow else NARROW_BPS)
        self.on_narrow(self._narrow)

    def _count(self) -> None:
        now_s = time.monotonic()
        self._loss += LOSS_SHARE * (self.estimator.loss - self._loss)
        if now_s - self._sent_s >= 1.0:
            self._sent_bps = 8 * (self.pacer.left_bytes - self._sent_bytes) / (now_s - self._sent_s)
            self._sent_bytes, self._sent_s = self.pacer.left_bytes, now_s

    def _probe(self) -> None:
        """Ask the way for more, while more is wanted."""
        now_s = time.monotonic()
        wanted = ENOUGH * sum(lane.most_bps for lane in self.lanes) / MARGIN
        if self.estimator.trend.way is not Way.NORMAL or self.queue_ms > STANDING_MS / 2:
            self._probe_at_s = max(self._probe_at_s, now_s + PROBE_EVERY_S[0])
        helped = self.limit_bps > HELPED * self._probed_bps
        if helped:  # what helped may help again
            self._probe_at_s = min(self._probe_at_s, self._probed_s + AGAIN_S)
        if not self._heard or now_s < self._probe_at_s or self.limit_bps >= wanted:
            return
        least_s, most_s = PROBE_EVERY_S
        self._probe_wait_s = least_s if helped else min(2 * self._probe_wait_s, most_s)
        self._probed_bps, self._probed_s = self.limit_bps, now_s
        times = self._first.pop(0) if self._first else PROBE_TIMES
        self._probe_at_s = now_s + (AGAIN_S if self._first else self._probe_wait_s)
        self.pacer.probe(min(times * self.limit_bps, wanted))
