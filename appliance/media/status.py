"""What the live feed says of the sources: at once when a state changes, else four times a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from appliance.clock import boottime_ns
from appliance.media.source import Source

LOOK_S = 0.05  # with `capture.QUIET_NS` a silent source is told as lost within 0.5 s
EVERY_NS = 250_000_000


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
