"""Ten thousand units come back after a day without the platform: how they knock, with our waits and naive ones.

A simulation, not a measurement: each unit's waits are drawn by the unit's own code (`platform.backoff`), the network
and the platform are a model. The platform serves `SERVED_PER_S` requests a second in the order in which they come; who
is not served within `TIMEOUT_S` has failed, and its request has cost the platform its time all the same. A unit sends
one request at a time, as ours does, and the next one `PACE_S` after an answer. The naive unit tries again each minute,
all of them since the same instant: the one at which the platform went away.
"""

from __future__ import annotations

import heapq
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from appliance.platform.backoff import Breaker

LIMIT_S = 600
UNITS = int(os.environ.get("CHEVET_FLEET_UNITS", "10000"))
RESULTS = 40  # of a day, a unit
SERVED_PER_S, TIMEOUT_S, PACE_S = 1500.0, 10.0, 0.2
NAIVE_S = 60.0
OUTAGE_S = 300.0  # simulated: after a few minutes every unit's waits are as long as after a day
MOST_S = 4 * 3600.0
RUNS = 3

Wait = Callable[["Unit", float, bool], float]


@dataclass(slots=True)
class Unit:
    """What is left to send, and when it was last told anything."""

    left: int
    breaker: Breaker


@dataclass
class Outcome:
    """Requests of each second since the platform came back, and when the last result was there."""

    arrivals: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    done_s: float = 0.0

    @property
    def peak(self) -> int:
        """The busiest second."""
        return max(self.arrivals.values())


def ours(unit: Unit, now_s: float, answered: bool) -> float:
    """The breaker and the jitter of the forwarder."""
    if answered:
        unit.breaker.answered()
        return PACE_S
    unit.breaker.failed(now_s)
    return max(unit.breaker.wait_s(now_s) or 0.0, PACE_S)


def naive(_: Unit, __: float, answered: bool) -> float:
    """Each minute."""
    return PACE_S if answered else NAIVE_S


def simulate(wait: Wait, seed: int) -> Outcome:
    """From the instant at which the platform goes away; it comes back `OUTAGE_S` later."""
    draw = random.Random(seed)
    units = [Unit(RESULTS, Breaker(draw.uniform)) for _ in range(UNITS)]
    events = [(draw.uniform(0, 0.5), at) for at in range(UNITS)]  # all lose it within half a second
    heapq.heapify(events)
    found, free_s = Outcome(), OUTAGE_S
    while events:
        now_s, at = heapq.heappop(events)
        unit = units[at]
        if now_s > MOST_S:
            break
        if now_s < OUTAGE_S:
            heapq.heappush(events, (now_s + wait(unit, now_s, False), at))
            continue
        found.arrivals[int(now_s - OUTAGE_S)] += 1
        free_s = max(free_s, now_s) + 1 / SERVED_PER_S
        if free_s - now_s > TIMEOUT_S:
            found.failed += 1
            end_s, answered = now_s + TIMEOUT_S, False
        else:
            end_s, answered = free_s, True
            unit.left -= 1
            found.done_s = end_s - OUTAGE_S
        if unit.left:
            heapq.heappush(events, (end_s + wait(unit, end_s, answered), at))
    return found


def figures() -> list[dict[str, Any]]:
    mine, theirs = ([simulate(wait, seed) for seed in range(RUNS)] for wait in (ours, naive))
    method = f"simulation, medians of {RUNS} seeds: {UNITS} units of {RESULTS} results, a platform that serves "
    method += (
        f"{SERVED_PER_S:g} requests/s, {TIMEOUT_S:g} s until a request has failed; waits by appliance.platform.backoff"
    )
    peer = f"naive: again each {NAIVE_S:g} s"

    def row(name: str, unit: str, of: Callable[[Outcome], float]) -> dict[str, Any]:
        return {
            "area": "fleet",
            "name": name,
            "value": round(median(map(of, mine)), 1),
            "unit": unit,
            "better": "lower",
            "peer": peer,
            "peer_value": round(median(map(of, theirs)), 1),
            "n": RUNS,
            "method": method,
        }

    return [
        row("peak after the platform came back", "requests/s", lambda it: float(it.peak)),
        row("requests that failed", "requests", lambda it: float(it.failed)),
        row("last result there", "s", lambda it: it.done_s),
    ]
