"""From chunks to events: the only place where a driver's code runs. Nothing here waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from itertools import islice

from appliance import clock
from appliance.instruments.budget import Budget
from appliance.instruments.guard import Guard
from drivers.core.attached import Attached
from drivers.core.driver import Driver
from drivers.core.errors import PacketError
from drivers.core.model import Event, Packet
from drivers.links.base import Chunk

log = logging.getLogger(__name__)

EVENTS_CAP = 1000  # of one packet; a decoder that yields more does not end

Heard = list[tuple[bytes, list[Event]]]


class Hearing:
    """The framer and the decoder of one opened link, made anew for each."""

    def __init__(self, key: str, driver: Driver, guard: Guard, budget: Budget) -> None:
        self._key, self._guard, self._budget = key, guard, budget
        self._attached = guard(lambda: Attached(driver))
        self._garbled = False

    def take(self, chunk: Chunk) -> Heard:
        """Each packet that the chunk completes, with its events; none where the device has said too much.

        Raises `DriverSpun`, and whatever a faulty driver raises.
        """
        if not self._budget.admits(len(chunk.data), clock.boottime_ns()):
            return []
        since = time.thread_time()
        heard: Heard = []
        try:
            heard = self._guard(lambda: self._read(chunk))
        finally:
            self._budget.spend(sum(len(events) for _, events in heard), time.thread_time() - since)
        return heard

    def _read(self, chunk: Chunk) -> Heard:
        packets = self._attached.packets(chunk.data, chunk.channel)
        return [(packet.data, self._decode(packet)) for packet in packets]

    def _decode(self, packet: Packet) -> list[Event]:
        try:
            events = self._whole(self._attached.events(packet))
        except PacketError as error:
            if not self._garbled:
                log.warning("%s: a packet cannot be read: %s", self._key, error)
            self._garbled = True
            return []
        self._garbled = False
        return events

    def _whole(self, said: Iterable[Event]) -> list[Event]:
        events = list(islice(said, EVENTS_CAP + 1))
        if len(events) > EVENTS_CAP:
            raise PacketError(f"more than {EVENTS_CAP} events of one packet")
        return events
