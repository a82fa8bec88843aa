"""Thermometers of the Bluetooth SIG: service 0x1809, measurement 0x2A1C (HTS 1.0, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drivers.core.codec import Reader
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset, measured
from drivers.core.model import Event, Notice
from drivers.core.vocab import BATTERY, TEMPERATURE

FAHRENHEIT, TIME, TYPE = 0x01, 0x02, 0x04

# Temperature Type 0x2A1D; 2, "body (general)", names no site.
SITES = {1: "armpit", 3: "ear", 4: "finger", 5: "gastro-intestinal tract", 6: "mouth", 7: "rectum", 8: "toe", 9: "ear"}


def measurement(reader: Reader) -> Iterator[Event]:
    """One Temperature Measurement; a length that does not fit the flags is refused."""
    flags = reader.u8()
    value = reader.float32()
    taken = reader.date_time() if flags & TIME else None
    site = SITES.get(reader.u8()) if flags & TYPE else None
    reader.end()
    yield measured(TEMPERATURE, value, "[degF]" if flags & FAHRENHEIT else "Cel", taken=taken, site=site)
    if value is None:
        yield Notice("measurement-failed")
    if flags & TIME and clock_unset(taken):
        yield Notice("clock-not-set")


def rising(reader: Reader) -> Iterable[Event]:
    """One Intermediate Temperature (0x2A1E): proven, and not passed on, because it has not settled."""
    list(measurement(reader))
    return ()


DRIVER = Driver(
    name="ble-thermometer",
    kind="thermometer",
    claim=Gatt("1809", ("2a1c",)),
    decoder=lambda: Characteristics({"2a1c": measurement, "2a1e": rising}),
    quiet_s=None,  # it speaks once a measurement
    gives=(TEMPERATURE, BATTERY),
    tier=Tier.CAPTURED,
    evidence="indications of three thermometers",
)
