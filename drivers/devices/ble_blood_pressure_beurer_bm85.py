"""Beurer BM85: a cuff under the Blood Pressure Service whose measurement does not follow it.

Pressures are little-endian, pulse and status big-endian; the user byte is there although its flag is clear; the mean
is 0. Known by its name alone, and by the length that only this layout has.
"""

from __future__ import annotations

from collections.abc import Iterable

from drivers.core.codec import Reader
from drivers.core.cuff import blood_pressure, status_notices
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset
from drivers.core.model import Event
from drivers.core.vocab import BATTERY, DIASTOLIC, PULSE_RATE_NIBP, SYSTOLIC

LAYOUT = 0x16  # time stamp, pulse, status: the only one seen


def measurement(reader: Reader) -> Iterable[Event]:
    """One measurement, 19 bytes."""
    flags = reader.u8()
    if flags & 0x1F != LAYOUT:
        raise PacketError(f"flags {flags:#04x} at 0, this cuff sends {LAYOUT:#04x} in the lower five bits")
    systolic, diastolic, mean = reader.sfloat(), reader.sfloat(), reader.sfloat()
    taken = reader.date_time()
    pulse = reader.sfloat_be()
    reader.u8()  # user
    status = reader.u16_be()
    reader.end()
    notices = status_notices(status)
    if clock_unset(taken):
        notices.append("clock-not-set")
    return blood_pressure(systolic, diastolic, mean, pulse, taken=taken, notices=notices)


DRIVER = Driver(
    name="ble-blood-pressure-beurer-bm85",
    kind="blood-pressure",
    claim=Gatt("1810", ("2a35",), name="BM85"),
    decoder=lambda: Characteristics({"2a35": measurement}),
    quiet_s=None,
    gives=(SYSTOLIC, DIASTOLIC, PULSE_RATE_NIBP, BATTERY),
    tier=Tier.CAPTURED,
    evidence="one indication of a BM85",
)
