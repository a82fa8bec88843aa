"""The check before a patient comes: what does not answer is tried again at once, then everything is told in codes.

The state of a device is what the feed says of it, so that the check and the screens can never disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from appliance.feed import Feed, Message

SETTLE_S = 8.0  # what is tried again has so long to answer; the whole check stays below 20 s
PROBE_S = 8.0
SLOW_MS = 1000
LOW_BATTERY = 20  # percent

# state of the feed: (verdict, code)
DEVICE = {
    "ready": ("ok", "ready"),
    "live": ("ok", "ready"),
    "absent": ("warn", "absent"),  # a cuff that sleeps until somebody measures has never been seen, and is well
    "lost": ("fail", "lost"),
    "fault": ("fail", "fault"),
}
SOURCE = {"live": ("ok", "ready"), "lost": ("fail", "lost"), "absent": ("fail", "lost")}


@dataclass(frozen=True, slots=True)
class Item:
    """One line: `what` device, source, network or storage; `state` ok, warn or fail; `n` a number to `code`."""

    what: str
    key: str
    name: str
    kind: str
    state: str
    code: str
    n: int | None = None


def device(message: Message) -> Item:
    """What a `device` message means for the nurse."""
    state, code = DEVICE.get(message["state"], ("fail", "fault"))
    battery = message.get("battery")
    if state == "ok" and battery is not None and battery <= LOW_BATTERY:
        state, code = "warn", "battery"
    return Item("device", message["key"], message["name"], message["kind"], state, code, battery)


def source(message: Message) -> Item:
    """What a `source` message means: a picture or a sound that comes may still have something wrong with it."""
    state, code = SOURCE.get(message["state"], ("fail", "lost"))
    if state == "ok" and message.get("codes"):
        state, code = "warn", message["codes"][0]
    return Item("source", message["key"], message["name"], message["kind"], state, code)


def network(took_ms: float | None) -> Item:
    """What the way to the platform is worth; None: no answer came."""
    if took_ms is None:
        return Item("network", "platform", "", "network", "fail", "down")
    state, code = ("ok", "up") if took_ms <= SLOW_MS else ("warn", "slow")
    return Item("network", "platform", "", "network", state, code, round(took_ms))


def storage(messages: Iterable[Message]) -> Item:
    """Whether there is room for what will be measured."""
    state = next((message["state"] for message in messages), "ok")
    verdict = {"ok": "ok", "low": "warn", "short": "warn"}.get(state, "fail")
    return Item("storage", "storage", "", "storage", verdict, state)


class Precheck:
    """`again`: try a device at once. `probe`: how many ms the platform takes to answer; None where it does not."""

    def __init__(self, feed: Feed, again: Callable[[str], None], probe: Callable[[], Awaitable[float | None]]) -> None:
        self._feed, self._again, self._probe = feed, again, probe
        self._one = asyncio.Lock()

    async def run(self) -> list[Item]:
        """Every device, every source, the network, the storage. At most 9 s; one check at a time."""
        async with self._one:
            took_ms, _ = await asyncio.gather(self._network(), self._settle())
            devices = [device(message) for message in self._feed.state("device")]
            sources = [source(message) for message in self._feed.state("source")]
            return [*devices, *sources, network(took_ms), storage(self._feed.state("storage"))]

    async def _network(self) -> float | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_S):
                return await self._probe()
        return None

    async def _settle(self) -> None:
        """Try again what does not answer, and wait until all do, or no longer than they may take."""
        tried = self._silent()
        if not tried:
            return
        for key in tried:
            self._again(key)
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                with self._feed.subscribe() as news:
                    async for _ in news:
                        if not tried & self._silent():
                            return

    def _silent(self) -> set[str]:
        """Those that were there or are broken; who was never there is asleep or at home, and is not waited for."""
        return {one["key"] for one in self._feed.state("device") if one["state"] in {"lost", "fault"}}
