"""The estimate over a simulated way: a queue of limited length behind a fixed rate, with a delay and losses."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from appliance.media.estimate import Estimator
from appliance.media.feedback import Sent, Told

PACKET = 1200
FEEDBACK_US = 50_000


@dataclass
class Simulated:
    """One way: `rate_bps`, a queue of 300 ms, 25 ms each way. Its sender keeps to the estimate, up to `wanted_bps`."""

    rate_bps: float
    loss: float = 0.0
    wanted_bps: float = 4e6
    estimator: Estimator = field(default_factory=Estimator)
    now_us: int = 1_000_000
    free_us: float = 0.0
    delays_ms: list[float] = field(default_factory=list)
    dropped: int = 0

    def run(self, seconds: float, probes: bool = False) -> None:
        chance = random.Random(1)
        end_us, next_us, tell_us = self.now_us + int(seconds * 1e6), float(self.now_us), self.now_us + FEEDBACK_US
        probe_us, number, burst = self.now_us + 200_000, 0, 0
        waiting: list[Told] = []
        while self.now_us < end_us:
            pace_bps = min(self.estimator.rate_bps, self.wanted_bps) * 1.0
            if probes and self.now_us > probe_us and self.estimator.rate_bps < self.wanted_bps:
                number, burst, probe_us = number + 1, 12, self.now_us + 1_000_000
            if burst:
                pace_bps, burst = 2 * self.estimator.rate_bps, burst - 1
            waiting.append(self._sent(number if burst else 0, chance))
            next_us += PACKET * 8e6 / pace_bps
            self.now_us = int(next_us)
            if self.now_us > tell_us:
                told = [one for one in waiting if one.arrived_us is None or one.arrived_us + 25_000 < self.now_us]
                waiting = [one for one in waiting if one not in told]
                self.estimator.told(told, self.now_us, 50.0)
                tell_us = self.now_us + FEEDBACK_US

    def _sent(self, probe: int, chance: random.Random) -> Told:
        sent = Sent(self.now_us, PACKET, probe)
        begin_us = max(self.free_us, self.now_us)
        if begin_us - self.now_us > 300_000 or chance.random() < self.loss:
            self.dropped += begin_us - self.now_us > 300_000
            return Told(sent, None)
        self.free_us = begin_us + PACKET * 8e6 / self.rate_bps
        self.delays_ms.append((self.free_us - self.now_us) / 1000)
        return Told(sent, int(self.free_us) + 25_000)


@pytest.mark.parametrize("rate_bps", [300e3, 500e3, 1e6, 2e6])
def test_it_settles_below_what_the_way_carries(rate_bps: float) -> None:
    way = Simulated(rate_bps)
    way.run(20)
    way.delays_ms, way.dropped = [], 0
    way.run(20)
    assert 0.6 * rate_bps < way.estimator.rate_bps < 1.1 * rate_bps
    assert way.dropped == 0
    assert sorted(way.delays_ms)[len(way.delays_ms) * 95 // 100] < 150


def test_a_step_down_is_followed_within_a_second_and_a_half_and_a_step_up_by_probes_within_three() -> None:
    way = Simulated(4e6, wanted_bps=3.5e6)
    way.run(10, probes=True)
    assert way.estimator.rate_bps > 3e6
    way.rate_bps = 500e3
    way.run(1.5, probes=True)
    assert way.estimator.rate_bps < 600e3
    way.run(10, probes=True)
    way.rate_bps = 4e6
    way.run(3, probes=True)
    assert way.estimator.rate_bps > 2e6


def test_random_loss_of_five_percent_is_no_reason_to_slow_down_and_of_thirty_is() -> None:
    way = Simulated(2e6, loss=0.05, wanted_bps=1.5e6)
    way.run(20, probes=True)
    assert way.estimator.rate_bps > 1.2e6
    assert way.estimator.loss == pytest.approx(0.05, abs=0.05)
    way.loss = 0.3
    way.run(5)
    assert way.estimator.rate_bps < 600e3


def test_what_was_never_sent_is_not_claimed() -> None:
    way = Simulated(50e6, wanted_bps=400e3)
    way.run(30)
    assert way.estimator.rate_bps < 700e3
