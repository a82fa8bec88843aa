"""What an instrument is and shows: its state, its live values, and the readings that go to the room."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from appliance import clock
from appliance.care.acceptance import Reading
from appliance.care.room import Room
from appliance.care.sampling import Sampler
from appliance.config import Care, Device
from appliance.feed import Feed
from appliance.instruments.waves import Waves
from appliance.records.model import DeviceRef
from drivers.core.driver import Driver
from drivers.core.model import DeviceClock, Event, Identity, Notice, Numeric, Waveform
from drivers.core.vocab import BATTERY
from drivers.links.base import Chunk

log = logging.getLogger(__name__)

REFRESH_NS = 250_000_000  # an unchanged live value is said again so often, for its age
STATE_REFRESH_MS = 1000
CLOCK_UNCERTAINTY_S = 1.0  # devices keep whole seconds
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
        self._offset_s: float | None = None
        self._notices: tuple[str, ...] = ()
        self._shown_ns = 0
        self._shown_values: tuple[object, ...] = ()
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
            message["tell"] = f"device-{self._state}"
        self._feed.publish(message)

    def _is(self, state: str, why: str) -> None:
        if state == self._state:
            return
        away_s = (clock.boottime_ms() - self._since_ms) / 1000
        log.info("%s: %s after %.1f s %s (%s)", self._ref.key, state, away_s, self._state, why)
        self._state, self._since_ms = state, clock.boottime_ms()
        self.publish()

    # --- what it says

    def heard(self, events: list[Event], chunk: Chunk, data: bytes, waves: Waves) -> Reading | None:
        """Show the events of one packet; the reading to be judged, if there is one."""
        at_ms = chunk.arrival_ns // 1_000_000
        self._at_ms = at_ms
        self._learn(events, chunk)
        self._alive(at_ms)
        self._lease_is(self._room.leased(self._ref.key))
        codes = tuple(event.code for event in events if isinstance(event, Notice))
        numerics = tuple(event for event in events if isinstance(event, Numeric) and event.metric is not BATTERY)
        if self._lease is not None:
            if numerics or codes:
                self._notice(codes)
            for wave in (event for event in events if isinstance(event, Waveform)):
                message = waves.add(wave, at_ms)
                if message is not None:
                    self._feed.publish(message)
        return self._reading(numerics, codes, chunk, data) if numerics else None

    def _reading(
        self, numerics: tuple[Numeric, ...], codes: tuple[str, ...], chunk: Chunk, data: bytes
    ) -> Reading | None:
        reading = Reading(
            device=self._ref,
            arrival=clock.at(chunk.arrival_ns),
            numerics=numerics,
            notices=codes,
            clock_offset_s=self._offset_s,
            clock_uncertainty_s=None if self._offset_s is None else CLOCK_UNCERTAINTY_S,
            continuous=self._driver.streams(chunk.channel),
            raw=data,
        )
        self._show(reading)
        return reading if not reading.continuous or self._due(reading) else None

    def _due(self, reading: Reading) -> bool:
        return (self._outside if self._lease is None else self._charting).due(reading)

    def _lease_is(self, lease: str | None) -> None:
        """Another patient, or nobody: what was said before is no part of what is said now."""
        if lease != self._lease:
            self._lease = lease
            self._charting.restart()
            self._outside.restart()
            self._notices, self._shown_values = (), ()

    def _show(self, reading: Reading) -> None:
        values = tuple((numeric.metric.name, numeric.value, numeric.validity) for numeric in reading.numerics)
        at_ns = reading.arrival.boot_ns
        if values != self._shown_values or at_ns - self._shown_ns >= REFRESH_NS:
            self._shown_values, self._shown_ns = values, at_ns
            self._room.show(reading)

    def _alive(self, at_ms: int) -> None:
        if self._driver.continuous and self._state != "live":
            self._is("live", "data flowing")
        elif at_ms - self._said_ms >= STATE_REFRESH_MS:
            self.publish()

    def _learn(self, events: list[Event], chunk: Chunk) -> None:
        device_now = chunk.device_now
        for event in events:
            if isinstance(event, Identity):
                said = {name: value for name in event.__slots__ if (value := getattr(event, name)) is not None}
                self._ref = replace(self._ref, **said)
            elif isinstance(event, DeviceClock):
                device_now = event.now
            elif isinstance(event, Numeric) and event.metric is BATTERY and event.value is not None:
                self._battery = str(event.value)
        if device_now is not None:
            self._offset_s = (_local(chunk.arrival_ns) - device_now).total_seconds()

    def _notice(self, codes: tuple[str, ...]) -> None:
        if codes != self._notices:
            self._notices = codes
            at_ms = clock.boottime_ms()
            self._feed.publish({"type": "notice", "device": self._ref.key, "codes": list(codes), "at_ms": at_ms})


def _local(boot_ns: int) -> datetime:
    return clock.at(boot_ns).wall.astimezone().replace(tzinfo=None)
