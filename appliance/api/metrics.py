"""What a monitoring system wants to know of this unit, in the Prometheus text format; on the unit's own port alone.

Names follow https://prometheus.io/docs/practices/naming/. Nothing of a patient, and no name that a person gave: devices
and sources by their keys. Read from the live feed when it is asked for; nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.api.ports import Ports
from appliance.clock import boottime_ms
from appliance.feed import Feed

FORMAT = "text/plain; version=0.0.4; charset=utf-8"
DEVICE_STATES = ("absent", "ready", "live", "lost", "fault")
SOURCE_STATES = ("absent", "live", "lost")
STORAGE_STATES = ("ok", "low", "short", "full", "failed")


def add(routes: APIRouter, ports: Ports) -> None:
    """`GET /api/metrics`."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(Unit(ports))

    @routes.get("/metrics", response_class=Response)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=FORMAT)


class Unit(Collector):
    """The unit as its live feed says it is."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def collect(self) -> Iterator[Metric]:
        """At each question."""
        feed, now_ms = self._ports.feed, boottime_ms()
        yield _state("chevet_device_state", "Whether a device is in a state", "device", feed, DEVICE_STATES)
        yield _age("chevet_device_age_seconds", "Since a device was heard", "device", feed, now_ms)
        yield _state("chevet_source_state", "Whether a source is in a state", "source", feed, SOURCE_STATES)
        yield _dropped(feed)
        is_open = self._ports.room.record is not None
        yield _one("chevet_consultation_open", "Whether a consultation is open", float(is_open))
        yield _one("chevet_unknown_devices", "What is plugged in and is no device", float(_count(feed, "unknown")))
        yield _one("chevet_quarantine_readings", "Readings that nobody assigned", float(_count(feed, "quarantine")))
        yield from _outbox(feed)
        yield from _storage(feed)


def _outbox(feed: Feed) -> Iterator[Metric]:
    said = next(feed.state("outbox"), None)
    if said is None:
        return
    yield _one("chevet_outbox_waiting_results", "Results that wait for the platform", float(said["waiting"]))
    yield _one("chevet_outbox_refused_results", "Results that the platform refused", float(said["refused"]))
    yield _one("chevet_outbox_oldest_seconds", "Age of the oldest that waits", float(said["oldest_s"] or 0))
    yield _one("chevet_platform_up", "Whether the platform answers", float(said["platform"] == "up"))


def _storage(feed: Feed) -> Iterator[Metric]:
    said = next(feed.state("storage"), None)
    if said is None:
        return
    yield _one("chevet_storage_free_bytes", "Room that is left for records", float(said["free_mb"]) * 1e6)
    yield _one("chevet_storage_unsaved_results", "Results held in memory, not on the disk", float(said["unsaved"]))
    found = GaugeMetricFamily("chevet_storage_state", "Whether the storage is in a state", labels=("state",))
    for state in STORAGE_STATES:
        found.add_metric((state,), float(said["state"] == state))
    yield found


def _state(name: str, words: str, kind: str, feed: Feed, states: tuple[str, ...]) -> Metric:
    found = GaugeMetricFamily(name, words, labels=(kind, "state"))
    for message in feed.state(kind):
        for state in states:
            found.add_metric((message["key"], state), float(message["state"] == state))
    return found


def _age(name: str, words: str, kind: str, feed: Feed, now_ms: int) -> Metric:
    found = GaugeMetricFamily(name, words, labels=(kind,))
    for message in feed.state(kind):
        if message.get("at_ms") is not None:
            found.add_metric((message["key"],), max(0.0, (now_ms - message["at_ms"]) / 1000))
    return found


def _dropped(feed: Feed) -> Metric:
    found = GaugeMetricFamily("chevet_source_dropped_items", "Pictures or periods that nobody took", labels=("source",))
    for message in feed.state("source"):
        found.add_metric((message["key"],), float(message.get("dropped") or 0))
    return found


def _one(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _count(feed: Feed, kind: str) -> int:
    return sum(not message.get("gone") for message in feed.state(kind))
