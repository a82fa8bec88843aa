"""Blood pressure cuffs of the Bluetooth SIG: service 0x1810, measurement 0x2A35 (BLS 1.1.1, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.core.codec import Reader
from drivers.core.cuff import blood_pressure, status_notices
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset
from drivers.core.model import Event
from drivers.core.vocab import BATTERY, DIASTOLIC, MEAN_PRESSURE, PULSE_RATE_NIBP, SYSTOLIC

KPA, TIME, PULSE, USER, STATUS = 0x01, 0x02, 0x04, 0x08, 0x10  # flags; the other bits are reserved, cuffs set them


def measurement(reader: Reader) -> Iterable[Event]:
    """One Blood Pressure Measurement; a length that does not fit the flags is refused."""
    flags = reader.u8()
    systolic, diastolic, mean = reader.sfloat(), reader.sfloat(), reader.sfloat()
    taken = reader.date_time() if flags & TIME else None
    pulse = reader.sfloat() if flags & PULSE else None
    if flags & USER:
        reader.u8()
    status = reader.u16() if flags & STATUS else 0
    reader.end()
    notices = status_notices(status)
    if flags & TIME and clock_unset(taken):
        notices.append("clock-not-set")
    unit = "kPa" if flags & KPA else "mm[Hg]"
    return blood_pressure(systolic, diastolic, mean, pulse, unit=unit, taken=taken, notices=notices)


def inflating(reader: Reader) -> Iterable[Event]:
    """One Intermediate Cuff Pressure (0x2A36): proven, and not passed on, because it is no measurement yet."""
    measurement(reader)
    return ()


DRIVER = Driver(
    name="ble-blood-pressure",
    kind="blood-pressure",
    claim=Gatt("1810", ("2a35",)),
    decoder=lambda: Characteristics({"2a35": measurement, "2a36": inflating}),
    quiet_s=None,  # it speaks once a measurement
    gives=(SYSTOLIC, DIASTOLIC, MEAN_PRESSURE, PULSE_RATE_NIBP, BATTERY),
    tier=Tier.CAPTURED,
    evidence="indications of four cuffs, a failed measurement among them",
)
