"""How much the way to one receiver can carry, from what it tells of every packet. After draft-ietf-rmcat-gcc-02.

Three voices: the trend of the queueing delay (section 5), the share that is lost (section 6), and probes: a short burst
at a higher rate, whose arrival says at once whether the way carries it. Pure: time comes with the packets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.media.feedback import Told

START_BPS, LEAST_BPS, MOST_BPS = 300_000, 60_000, 20_000_000
BURST_US = 5_000  # packets that leave within it are one group
WINDOW = 20  # groups in the regression
SMOOTHING = 0.9
GAIN = 4.0
MOST_DELTAS = 60
THRESHOLD_MS, THRESHOLD_LEAST_MS, THRESHOLD_MOST_MS = 12.5, 6.0, 600.0
UP, DOWN = 0.0087, 0.039  # how fast the threshold follows, a millisecond
OVERUSE_MS = 10.0
BACK_OFF = 0.85
GROWTH = 1.08  # a second
ACKED_S = 0.5
BUSY = 0.5  # of the estimate is sent
LOSS_HIGH, LOSS_HEAVY = 0.10, 0.25
LOSS_S = 0.5
PROBE_PACKETS = 5
NARROW_MS, GROWS_MS, RECENT_MS = 100.0, 10.0, 150.0
LEAST_SHARE = 0.6
RECENT_PACKETS, FEW_LEAST = 10, 0.7
FORGET = 0.001  # of the difference between the longest and the shortest wait, each time it is told of
TRIAL_S = 1.0  # so long after sending less, the loss is looked at again:
OWN = 0.6  # if so much of it is still there, it is the way's own and no reason to send less
OWN_MOST = 0.15


class Way(StrEnum):
    """What the delay says."""

    NORMAL = "normal"
    OVERUSED = "overused"
    UNDERUSED = "underused"


@dataclass(slots=True)
class Group:
    """Packets that left together."""

    first_us: int
    last_us: int
    arrived_us: int


class Trend:
    """Whether the queue on the way grows: the slope of the delay over the last groups, against a moving threshold."""

    def __init__(self) -> None:
        self.way = Way.NORMAL
        self._group: Group | None = None
        self._before: Group | None = None
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._deltas = 0
        self._delay_ms = self._smooth_ms = self._over_ms = self._slope = 0.0
        self._threshold_ms = THRESHOLD_MS
        self._origin_us = 0

    def packet(self, sent_us: int, arrived_us: int) -> None:
        """One packet that arrived, in the order of sending."""
        group = self._group
        if group is not None and sent_us < group.first_us:
            return  # an old one, told late
        if group is not None and sent_us - group.first_us <= BURST_US:
            group.last_us, group.arrived_us = max(group.last_us, sent_us), max(group.arrived_us, arrived_us)
            return
        if group is not None and self._before is not None:
            self._delta(self._before, group)
        self._before, self._group = group, Group(sent_us, sent_us, arrived_us)

    def _delta(self, before: Group, group: Group) -> None:
        sent_ms = (group.last_us - before.last_us) / 1000
        delta_ms = (group.arrived_us - before.arrived_us) / 1000 - sent_ms
        self._deltas += 1
        self._origin_us = self._origin_us or group.arrived_us
        self._delay_ms += delta_ms
        self._smooth_ms = SMOOTHING * self._smooth_ms + (1 - SMOOTHING) * self._delay_ms
        self._points.append(((group.arrived_us - self._origin_us) / 1000, self._smooth_ms))
        slope = _slope(self._points) if len(self._points) == WINDOW else self._slope
        self._judge(min(self._deltas, MOST_DELTAS) * slope * GAIN, slope, max(sent_ms, 0.0))
        self._slope = slope

    def _judge(self, trend_ms: float, slope: float, passed_ms: float) -> None:
        """Section 5.3 and 5.4."""
        if trend_ms > self._threshold_ms:
            self._over_ms += passed_ms
            if self._over_ms > OVERUSE_MS and slope >= self._slope:
                self.way = Way.OVERUSED
        else:
            self._over_ms = 0.0
            self.way = Way.UNDERUSED if trend_ms < -self._threshold_ms else Way.NORMAL
        beyond_ms = abs(trend_ms) - self._threshold_ms
        if beyond_ms <= 15:
            pull = UP if beyond_ms > 0 else DOWN
            self._threshold_ms += pull * beyond_ms * min(passed_ms, 100.0)
            self._threshold_ms = min(max(self._threshold_ms, THRESHOLD_LEAST_MS), THRESHOLD_MOST_MS)


def _slope(points: Iterable[tuple[float, float]]) -> float:
    xs, ys = zip(*points, strict=True)
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - middle_x) ** 2 for x in xs)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / over if over else 0.0


@dataclass(slots=True)
class Burst:
    """What has come of one probe."""

    probe: int
    packets: list[tuple[int, int, int]] = field(default_factory=list)  # sent_us, arrived_us, bytes

    def rate_bps(self) -> float | None:
        """What it arrived with; None while too little has."""
        if len(self.packets) < PROBE_PACKETS:
            return None
        sent, arrived, sizes = zip(*sorted(self.packets), strict=True)
        span_us = max(max(arrived) - arrived[0], max(sent) - sent[0])
        return 8e6 * sum(sizes[1:]) / span_us if span_us > 0 else None


class Estimator:
    """One transport's estimate, in bits a second: `rate_bps`."""

    def __init__(self, start_bps: int = START_BPS) -> None:
        self.rate_bps = float(start_bps)
        self.loss = 0.0
        self.acked_bps: float | None = None
        self.trend = Trend()
        self._acked: deque[tuple[int, int]] = deque()
        self._lost: deque[tuple[int, int, int]] = deque()  # now, told, lost
        self._capacity_bps: float | None = None  # what it was when it was last too much
        self._told_us: int | None = None
        self._decreased_us = -(10**9)
        self._burst = Burst(0)
        self._least_us, self._waited_us = float(1 << 62), 0
        self._own = 0.0  # what is lost whatever is sent
        self._trial: tuple[int, float] | None = None  # when less was sent because of which loss

    def told(self, packets: Iterable[Told], now_us: int, rtt_ms: float) -> None:
        """Take one message in. `now_us`: the clock of `Sent.sent_us`."""
        packets = list(packets)
        came = [told for told in packets if told.arrived_us is not None]
        for told in came:
            assert told.arrived_us is not None
            self.trend.packet(told.sent.sent_us, told.arrived_us)
            self._acked.append((told.arrived_us, told.sent.size))
        self._probed(came)
        # What left before less was sent says nothing of what is sent now.
        since = [one for one in packets if one.sent.sent_us > self._decreased_us]
        self._count(len(since), sum(one.arrived_us is None for one in since), now_us)
        passed_s = 0.0 if self._told_us is None else min((now_us - self._told_us) / 1e6, 1.0)
        self._told_us = now_us
        if self._narrowed(since):
            self._decrease(self._recent_bps(), now_us)
        else:
            self._adjust(now_us, passed_s, rtt_ms)
        self.rate_bps = min(max(self.rate_bps, LEAST_BPS), MOST_BPS)

    def _count(self, told: int, lost: int, now_us: int) -> None:
        while self._acked and self._acked[-1][0] - self._acked[0][0] > ACKED_S * 1e6:
            self._acked.popleft()
        span_us = self._acked[-1][0] - self._acked[0][0] if self._acked else 0
        if span_us > ACKED_S * 1e6 / 2:
            self.acked_bps = 8e6 * sum(size for _, size in list(self._acked)[1:]) / span_us
        self._lost.append((now_us, told, lost))
        while self._lost and now_us - self._lost[0][0] > LOSS_S * 1e6:
            self._lost.popleft()
        every = sum(row[1] for row in self._lost)
        self.loss = sum(row[2] for row in self._lost) / every if every else 0.0
        if self._trial is None:
            self._own = min(self._own, self._own + 0.02 * (self.loss - self._own))
        elif now_us - self._trial[0] > TRIAL_S * 1e6:
            still = self.loss > OWN * self._trial[1] and self.trend.way is not Way.OVERUSED
            self._own, self._trial = min(self.loss, OWN_MOST) if still else 0.0, None

    def _narrowed(self, packets: Iterable[Told]) -> bool:
        """Whether a queue stands on the way and still grows: a way that is suddenly much narrower fills its queue
        before the trend has its points. How much the clocks of both ends differ cancels out."""
        waits_us = [one.arrived_us - one.sent.sent_us for one in packets if one.arrived_us is not None]
        if not waits_us:
            return False
        least_us = min(self._least_us, *waits_us)
        self._least_us = least_us + FORGET * (max(waits_us) - least_us)  # clocks drift, and ways change
        before_us, self._waited_us = self._waited_us, waits_us[-1]
        return waits_us[-1] - least_us > NARROW_MS * 1000 and waits_us[-1] - before_us > GROWS_MS * 1000

    def _recent_bps(self) -> float:
        """What came in the newest arrivals."""
        last_us = self._acked[-1][0] if self._acked else 0
        recent = [(at, size) for at, size in self._acked if last_us - at <= RECENT_MS * 1000]
        span_us = recent[-1][0] - recent[0][0] if recent else 0
        if len(recent) < RECENT_PACKETS or span_us <= 0:
            return FEW_LEAST * self.rate_bps  # too few to know how narrow it is
        return 8e6 * sum(size for _, size in recent[1:]) / span_us

    def _decrease(self, capacity_bps: float, now_us: int) -> None:
        self._capacity_bps = capacity_bps
        self.rate_bps = min(self.rate_bps, BACK_OFF * capacity_bps)
        self._decreased_us = now_us
        self._lost.clear()
        self.trend = Trend()  # the queue that is there now says nothing of the new rate

    def _adjust(self, now_us: int, passed_s: float, rtt_ms: float) -> None:
        """Section 5.5 (delay) and 6 (loss); what a radio loses whatever is sent is told from what is too much."""
        high = LOSS_HIGH + self._own
        may_decrease = now_us - self._decreased_us > max(rtt_ms, 100.0) * 1000
        if self.trend.way is Way.OVERUSED and may_decrease:
            # Who sends less than he may says little of the way by what arrives.
            busy = self.acked_bps is not None and self.acked_bps > BUSY * self.rate_bps
            came_bps = self.acked_bps if busy and self.acked_bps is not None else self.rate_bps
            # While a queue is drained less comes than could: it is no reason to more than halve.
            self._decrease(max(came_bps, LEAST_SHARE * self.rate_bps), now_us)
        elif self.loss > LOSS_HEAVY or (self.loss > high and self._trial is None):
            if not may_decrease:
                return
            self.rate_bps *= 1 - 0.5 * self.loss
            self._trial = self._trial or (now_us, self.loss)
            if self.loss > LOSS_HEAVY and self.acked_bps is not None:
                # A queue that is full at once shows no trend: what comes through is what the way carries.
                self.rate_bps = min(self.rate_bps, BACK_OFF * self.acked_bps)
            self._decreased_us = now_us
            self._lost.clear()
        elif self.trend.way is Way.NORMAL and self.loss <= high:
            self._increase(passed_s, rtt_ms)

    def _increase(self, passed_s: float, rtt_ms: float) -> None:
        near = self._capacity_bps is not None and abs(self.rate_bps - self._capacity_bps) < 0.25 * self._capacity_bps
        if near:
            grown = self.rate_bps + 1200 * 8 * passed_s * 1000 / (rtt_ms + 100)
        else:
            grown = self.rate_bps * GROWTH**passed_s
        # Beyond what was really sent nothing is known: only a probe leads there.
        most = self.rate_bps if self.acked_bps is None else max(self.rate_bps, 1.5 * self.acked_bps + 10_000)
        self.rate_bps = min(grown, most)

    def _probed(self, came: Iterable[Told]) -> None:
        """A probe is judged once, when what was sent after it has come."""
        for told in came:
            if told.sent.probe != self._burst.probe:
                rate, self._burst = self._burst.rate_bps(), Burst(told.sent.probe)
                if rate is not None and 0.95 * rate > self.rate_bps and self.trend.way is not Way.OVERUSED:
                    self.rate_bps, self._capacity_bps = 0.95 * rate, None
            if told.sent.probe and told.arrived_us is not None:
                self._burst.packets.append((told.sent.sent_us, told.arrived_us, told.sent.size))
