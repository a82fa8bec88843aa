"""Yonker cuffs with a private service: one notification of 15 bytes a measurement.

81, systolic, diastolic, pulse, two bytes left alone, day, month, year - 2000, hour, minute, four bytes left alone.
There is no checksum, and no word for a failed measurement is public. The service is shared with oximeters of other
makers, whose packets are shorter. Source: derdilla/blood-pressure-monitor-fl, issue 615: bytes of one measurement.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from drivers.core.codec import Reader
from drivers.core.cuff import blood_pressure
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset
from drivers.core.model import Event
from drivers.core.vocab import DIASTOLIC, PULSE_RATE_NIBP, SYSTOLIC

RESULT = 0x81
SERVICE, RESULTS = "cdeacd80-5235-4c07-8846-93a37ee6b86d", "cdeacd81-5235-4c07-8846-93a37ee6b86d"


def measurement(reader: Reader) -> Iterable[Event]:
    """One measurement."""
    kind, systolic, diastolic, pulse, _, _, day, month, year, hour, minute, *_ = reader.take(15)
    reader.end()
    if kind != RESULT:
        raise PacketError(f"a result begins with {RESULT:02x}, got {kind:02x} at 0")
    try:
        taken = datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001 - the cuff's clock has no zone
    except ValueError:
        taken = None
    values = Decimal(systolic), Decimal(diastolic), None, Decimal(pulse)
    return blood_pressure(*values, taken=taken, notices=["clock-not-set"] if clock_unset(taken) else [])


DRIVER = Driver(
    name="yonker-cuff",
    kind="blood-pressure",
    claim=Gatt(SERVICE, (RESULTS,)),
    decoder=lambda: Characteristics({RESULTS: measurement}),
    quiet_s=None,  # it speaks once a measurement
    gives=(SYSTOLIC, DIASTOLIC, PULSE_RATE_NIBP),
    tier=Tier.CAPTURED,
    evidence="one measurement",
)
