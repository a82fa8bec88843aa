"""What an instrument is and shows: its state, its live values, and the readings that go to the room."""

from __future__ import annotations

import logging
from dataclasses import replace
from operator import is_

from appliance import clock
from appliance.care.acceptance import Reading
from appliance.care.room import Room
from appliance.care.sampling import Sampler
from appliance.clock import Stamp
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments.budget import Budget
from appliance.instruments.parts import CUFF, Part, Shown, parts
from appliance.instruments.timekeeping import Timekeeping
from appliance.instruments.waves import Waves
from appliance.records.model import DeviceRef
from drivers.core.driver import Driver, Listener
from drivers.core.model import DeviceClock, Event, Identity, Notice, Numeric, Waveform
from drivers.core.vocab import BATTERY
from drivers.links.base import Chunk

log = logging.getLogger(__name__)

REFRESH_NS = 250_000_000  # an unchanged live value is said again so often, for its age
STATE_REFRESH_MS = 1000
NEVER_AGAIN_S = 1e9


class Bedside:
    """One per device. Synchronous: nothing here waits."""

    def __init__(self, device: Device, driver: Driver, room: Room, feed: Feed, rules: Care) -> None:
        self._driver, self._room, self._feed = driver, room, feed
        self._ref = DeviceRef(device.key, device.name, device.kind, driver.name, device.link)
        self._state, self._since_ms = "absent", clock.boottime_ms()
        self._at_ms: int | None = None
        self._said_ms = 0
        self._battery: str | None = None
        self._time, self._shown_on = Timekeeping(), Shown()
        self._tells: str | None = None
        self._floods = False
        self._notices: tuple[str, ...] = ()
        self._last_shown: dict[tuple[str, ...], tuple[tuple[object, ...], int]] = {}  # by metrics: values, when (ns)
        self._lease: str | None = None
        self._told_apart: tuple[tuple[Numeric, ...], str, list[Part]] = (), "", []
        self._charting = Sampler(rules.chart_first_s, rules.chart_every_s)
        # Outside a lease one reading a stretch is enough to show that there was one.
        self._outside = Sampler(rules.chart_first_s, NEVER_AGAIN_S)

    # --- its state

    @property
    def present(self) -> bool:
        """Whether it can be bound."""
        return self._state in {"ready", "live"}

    def opened(self) -> None:
        """The link is open. A stream that had gone silent is not back before it speaks."""
        self._time.forget()
        self._shown_on.forget()
        if not (self._driver.continuous and self._state == "lost"):
            self._is("ready", "link open")

    def lost(self, why: str) -> None:
        """The link is gone, or the device is silent."""
        self._charting.restart()
        self._outside.restart()
        self._notice(())
        if self._state != "absent":
            self._is("lost", why)

    def failed(self) -> None:
        """Its driver has a fault."""
        self._is("fault", "driver fault")

    def forget(self) -> None:
        """What it said of itself may not be so any more."""
        self._ref = replace(self._ref, manufacturer=None, model=None, serial=None, firmware=None)
        self._battery = None

    def recovering(self, tell: str | None) -> None:
        """What is being done to get it back, as a sentence code; None: nothing that the nurse must know."""
        if tell != self._tells:
            self._tells = tell
            self.publish()

    def floods(self, budget: Budget) -> None:
        """Whether it says more than can be taken."""
        if budget.flooding != self._floods:
            self._floods = budget.flooding
            end = "says too much; the rest is left out" if self._floods else "says no longer too much"
            log.warning("%s: it %s (%d chunks so far)", self._ref.key, end, budget.dropped)
            self.publish()

    def publish(self) -> None:
        """Say how it is."""
        self._said_ms = clock.boottime_ms()
        message = {
            "type": "device",
            "key": self._ref.key,
            "name": self._ref.name,
            "kind": self._ref.kind,
            "driver": self._driver.name,
            "continuous": self._driver.continuous,
            "state": self._state,
            "since_ms": self._since_ms,
            "at_ms": self._at_ms,
            "lease": self._ref.key in self._room.leases,
        }
        if self._battery is not None:
            message["battery"] = self._battery
        if self._state in {"lost", "fault"}:
            message["tell"] = self._tells or f"device-{self._state}"
        elif self._floods:
            message["tell"] = "device-floods"
        self._feed.publish(message)

    def _is(self, state: str, why: str) -> None:
        if state == self._state:
            return
        away_s = (clock.boottime_ms() - self._since_ms) / 1000
        log.info("%s: %s after %.1f s %s (%s)", self._ref.key, state, away_s, self._state, why)
        self._state, self._since_ms = state, clock.boottime_ms()
        self.publish()

    # --- what it says

    def heard(self, events: list[Event], chunk: Chunk, data: bytes, waves: Waves) -> list[Reading]:
        """Show the events of one packet; the readings to be judged."""
        at_ms = chunk.arrival_ns // 1_000_000
        self._at_ms = at_ms
        self._learn(events, chunk)
        self._alive(at_ms)
        self._lease_is(self._room.leased(self._ref.key))
        if self._lease is not None:
            for event in events:
                if isinstance(event, Waveform) and (message := waves.add(event, at_ms)) is not None:
                    self._feed.publish(message)
        codes = tuple(event.code for event in events if isinstance(event, Notice))
        numerics = tuple(event for event in events if isinstance(event, Numeric) and event.metric is not BATTERY)
        if not numerics and not codes:
            return []
        unset = self._unset(codes, chunk.arrival_ns)
        if self._lease is not None:
            self._notice(codes + unset)
        found = [self._judged(part, codes, unset, chunk, data) for part in self._parts(numerics, chunk.channel)]
        return [reading for reading in found if reading is not None]

    def _unset(self, codes: tuple[str, ...], arrival_ns: int) -> tuple[str, ...]:
        """A notice of ours, where the device does not say it itself."""
        known = self._time.known and "clock-not-set" not in codes
        return ("clock-not-set",) if known and self._time.unset(clock.at(arrival_ns)) else ()

    def _parts(self, numerics: tuple[Numeric, ...], channel: str) -> list[Part]:
        """A hundred packets a second say the same numbers: they are told apart once."""
        before, at, found = self._told_apart
        if channel != at or len(numerics) != len(before) or not all(map(is_, numerics, before)):
            found = parts(numerics, self._driver, channel)
            self._told_apart = numerics, channel, found
        return found

    def _judged(
        self, part: Part, codes: tuple[str, ...], unset: tuple[str, ...], chunk: Chunk, data: bytes
    ) -> Reading | None:
        """Show one measurement if it is time to; the reading of it, if it is one to be judged."""
        news, due = self._news(part, chunk.arrival_ns), self._due(part, chunk.arrival_ns)
        if not (news or due):
            return None
        reading = self._reading(part, codes, unset, clock.at(chunk.arrival_ns), data)
        if news:
            self._room.show(reading)
        return reading if due else None

    def _reading(
        self, part: Part, codes: tuple[str, ...], unset: tuple[str, ...], arrival: Stamp, data: bytes
    ) -> Reading:
        offset = self._time.offset(arrival)
        timed = any(numeric.taken is not None for numeric in part.numerics)
        return Reading(
            device=self._ref,
            arrival=arrival,
            numerics=part.numerics,
            notices=codes + unset if timed else codes,
            clock_offset_s=None if offset is None else offset.seconds,
            clock_uncertainty_s=None if offset is None else offset.uncertainty_s,
            clock_known=None if offset is None else offset.known,
            continuous=part.streams,
            shown=part.shown,
            raw=data,
        )

    def _due(self, part: Part, at_ns: int) -> bool:
        if part.shown:
            return self._shown_on.news(part.numerics)
        if not part.streams:
            return True
        return (self._outside if self._lease is None else self._charting).due(part.numerics, at_ns)

    def _news(self, part: Part, at_ns: int) -> bool:
        """Whether the screens do not have it, or have it for so long that they must hear that it still holds."""
        names = tuple(numeric.metric.name for numeric in part.numerics)
        values = tuple((numeric.value, numeric.validity) for numeric in part.numerics)
        before, shown_ns = self._last_shown.get(names, ((), 0))
        news = values != before or at_ns - shown_ns >= REFRESH_NS
        if news:
            self._last_shown[names] = values, at_ns
        return news

    def _lease_is(self, lease: str | None) -> None:
        """Another patient, or nobody: what was said before is no part of what is said now."""
        if lease != self._lease:
            self._lease = lease
            self._charting.restart()
            self._outside.restart()
            self._notices = ()
            self._last_shown.clear()

    def _alive(self, at_ms: int) -> None:
        if self._driver.continuous and self._state != "live":
            self._is("live", "data flowing")
        elif not self._driver.continuous or at_ms - self._said_ms >= STATE_REFRESH_MS:
            self.publish()  # what measures once may say nothing for hours: nobody would hear of its reading later

    def _learn(self, events: list[Event], chunk: Chunk) -> None:
        if chunk.device_now is not None:
            self._time.read(chunk.device_now, chunk.arrival_ns, chunk.waited_s)
        for event in events:
            if isinstance(event, Numeric):
                self._learn_numeric(event, chunk)
            elif isinstance(event, Identity):
                said = {name: value for name in event.__struct_fields__ if (value := getattr(event, name)) is not None}
                self._ref = replace(self._ref, **said)
            elif isinstance(event, DeviceClock):
                self._clock_is(event, chunk)

    def _learn_numeric(self, numeric: Numeric, chunk: Chunk) -> None:
        if numeric.metric is BATTERY:
            self._battery = self._battery if numeric.value is None else str(numeric.value)
            return
        if numeric.taken is None or numeric.from_memory or numeric.metric in CUFF:
            return
        if self._driver.streams(chunk.channel):
            self._time.arrived(numeric.taken, chunk.arrival_ns)

    def _clock_is(self, said: DeviceClock, chunk: Chunk) -> None:
        """A message that comes unasked says when it was made, and may have waited since."""
        if isinstance(self._driver.claim, Listener):
            self._time.arrived(said.now, chunk.arrival_ns)
        else:
            self._time.read(said.now, chunk.arrival_ns, chunk.waited_s)

    def _notice(self, codes: tuple[str, ...]) -> None:
        if codes != self._notices:
            self._notices = codes
            at_ms = clock.boottime_ms()
            self._feed.publish({"type": "notice", "device": self._ref.key, "codes": list(codes), "at_ms": at_ms})
