"""What the live feed says of the sources (at once when a state changes, else four times a second) and of the ways to
the remote parties (once a second)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from typing import Any, Protocol

from appliance.clock import boottime_ns
from appliance.media.governor import Budget
from appliance.media.peer import Counts
from appliance.media.source import Source

LOOK_S = 0.05  # with `capture.QUIET_NS` a silent source is told as lost within 0.5 s
EVERY_NS = 250_000_000
PEERS_S = 1.0


class Ways(Protocol):
    """Connections by name: remote parties, publications."""

    @property
    def budgets(self) -> dict[str, Budget]:
        """What each may be sent, and is."""
        ...

    @property
    def counts(self) -> dict[str, Counts]:
        """What did not reach each of them; of all that have a budget."""
        ...


async def source_messages(sources: Iterable[Source]) -> AsyncIterator[dict[str, Any]]:
    """`source` messages (docs/protocol.md section 5) of all these sources, for ever."""
    watched = tuple(sources)
    told: dict[str, tuple[str, int]] = {}
    while True:
        for source in watched:
            now_ns, state = boottime_ns(), source.state.value
            before, at_ns = told.get(source.key, ("", 0))
            if state != before or now_ns - at_ns >= EVERY_NS:
                told[source.key] = state, now_ns
                yield source.message()
        await asyncio.sleep(LOOK_S)


async def peer_messages(peers: Ways) -> AsyncIterator[dict[str, Any]]:
    """`peer` messages (docs/protocol.md section 5) of all remote parties, for ever, and of each that has left."""
    known: set[str] = set()
    while True:
        budgets, counts, at_ms = peers.budgets, peers.counts, boottime_ns() // 1_000_000
        for name in known - budgets.keys():
            yield {"type": "peer", "peer": name, "gone": True, "at_ms": at_ms}
        for name, budget in budgets.items():
            yield {
                "type": "peer",
                "peer": name,
                "gone": False,
                "at_ms": at_ms,
                **asdict(budget),
                **asdict(counts[name]),
            }
        known = set(budgets)
        await asyncio.sleep(PEERS_S)
