"""What an instrument is and shows: its state, its live values, and the readings that go to the room."""

from __future__ import annotations

import logging
from dataclasses import replace

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
        arrival = clock.at(chunk.arrival_ns)
        codes = tuple(event.code for event in events if isinstance(event, Notice))
        numerics = tuple(event for event in events if isinstance(event, Numeric) and event.metric is not BATTERY)
        unset = ("clock-not-set",) if "clock-not-set" not in codes and self._time.unset(arrival) else ()
        if self._lease is not None:
            if numerics or codes:
                self._notice(codes + unset)
            for wave in (event for event in events if isinstance(event, Waveform)):
                message = waves.add(wave, at_ms)
                if message is not None:
                    self._feed.publish(message)
        found = [
            self._reading(part, codes, unset, arrival, data) for part in parts(numerics, self._driver, chunk.channel)
        ]
        for reading in found:
            self._show(reading)
        return [reading for reading in found if self._due(reading)]

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

    def _due(self, reading: Reading) -> bool:
        if reading.shown:
            return self._shown_on.news(reading.numerics)
        if not reading.continuous:
            return True
        return (self._outside if self._lease is None else self._charting).due(reading)

    def _lease_is(self, lease: str | None) -> None:
        """Another patient, or nobody: what was said before is no part of what is said now."""
        if lease != self._lease:
            self._lease = lease
            self._charting.restart()
            self._outside.restart()
            self._notices = ()
            self._last_shown.clear()

    def _show(self, reading: Reading) -> None:
        names = tuple(numeric.metric.name for numeric in reading.numerics)
        values = tuple((numeric.value, numeric.validity) for numeric in reading.numerics)
        before, shown_ns = self._last_shown.get(names, ((), 0))
        at_ns = reading.arrival.boot_ns
        if values != before or at_ns - shown_ns >= REFRESH_NS:
            self._last_shown[names] = values, at_ns
            self._room.show(reading)

    def _alive(self, at_ms: int) -> None:
        if self._driver.continuous and self._state != "live":
            self._is("live", "data flowing")
        elif at_ms - self._said_ms >= STATE_REFRESH_MS:
            self.publish()

    def _learn(self, events: list[Event], chunk: Chunk) -> None:
        if chunk.device_now is not None:
            self._time.read(chunk.device_now, chunk.arrival_ns, chunk.waited_s)
        for event in events:
            if isinstance(event, Identity):
                said = {name: value for name in event.__slots__ if (value := getattr(event, name)) is not None}
                self._ref = replace(self._ref, **said)
            elif isinstance(event, DeviceClock):
                self._clock_is(event, chunk)
            elif isinstance(event, Numeric) and event.metric is BATTERY and event.value is not None:
                self._battery = str(event.value)
            elif isinstance(event, Numeric):
                self._arrived(event, chunk)

    def _clock_is(self, said: DeviceClock, chunk: Chunk) -> None:
        """A message that comes unasked says when it was made, and may have waited since."""
        if isinstance(self._driver.claim, Listener):
            self._time.arrived(said.now, chunk.arrival_ns)
        else:
            self._time.read(said.now, chunk.arrival_ns, chunk.waited_s)

    def _arrived(self, numeric: Numeric, chunk: Chunk) -> None:
        fresh = self._driver.streams(chunk.channel) and not numeric.from_memory and numeric.metric not in CUFF
        if fresh and numeric.taken is not None:
            self._time.arrived(numeric.taken, chunk.arrival_ns)

    def _notice(self, codes: tuple[str, ...]) -> None:
        if codes != self._notices:
            self._notices = codes
            at_ms = clock.boottime_ms()
            self._feed.publish({"type": "notice", "device": self._ref.key, "codes": list(codes), "at_ms": at_ms})
