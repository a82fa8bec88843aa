"""Pulse oximeters of the Bluetooth SIG: service 0x1822, spot-check 0x2A5E, continuous 0x2A5F (PLXS 1.0.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from drivers.core.codec import Reader
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset, measured
from drivers.core.model import Event, Notice, Validity
from drivers.core.vocab import BATTERY, PERFUSION_INDEX, PULSE_RATE, SPO2

# Flags of the spot-check.
TIME, SPOT_STATUS, SPOT_SENSOR, SPOT_PERFUSION, CLOCK_NOT_SET = 0x01, 0x02, 0x04, 0x08, 0x10
# Flags of the continuous measurement.
FAST, SLOW, STATUS, SENSOR, PERFUSION = 0x01, 0x02, 0x04, 0x08, 0x10

VALID, DOUBTFUL, VOID = Validity.VALID, Validity.QUESTIONABLE, Validity.INVALID
WORST = (VOID, DOUBTFUL, VALID)

# Measurement Status: bit -> (notice, what it makes of the values). 5 ongoing, 7 validated, 8 fully qualified: as usual.
FROM_STORAGE = 1 << 9
MEASUREMENT = {
    6: ("early-estimate", DOUBTFUL),
    10: ("demonstration-data", VOID),
    11: ("demonstration-data", VOID),  # data for testing
    12: ("calibrating", DOUBTFUL),
    13: ("measurement-failed", VOID),  # unavailable
    14: ("signal-poor", DOUBTFUL),  # questionable
    15: ("measurement-failed", VOID),  # invalid
}
# Device and Sensor Status, the same. Bits above 15 are reserved.
SENSOR_STATUS = {
    0: ("value-held", DOUBTFUL),  # extended display update ongoing
    1: ("device-fault", VOID),
    2: ("signal-erratic", DOUBTFUL),  # signal processing irregularity
    3: ("signal-poor", DOUBTFUL),  # inadequate signal
    4: ("signal-poor", DOUBTFUL),
    5: ("low-perfusion", DOUBTFUL),
    6: ("signal-erratic", DOUBTFUL),
    7: ("no-pulse", VOID),  # nonpulsatile signal
    8: ("pulse-questionable", DOUBTFUL),
    9: ("searching", DOUBTFUL),  # signal analysis ongoing
    10: ("interference", DOUBTFUL),
    11: ("sensor-off", VOID),  # unconnected to user
    12: ("sensor-unknown", VOID),
    13: ("sensor-displaced", DOUBTFUL),
    14: ("sensor-fault", VOID),
    15: ("sensor-unplugged", VOID),
}


def spot_check(reader: Reader) -> Iterator[Event]:
    """One Spot-check Measurement."""
    flags = reader.u8()
    spo2, pulse = reader.sfloat(), reader.sfloat()
    taken = reader.date_time() if flags & TIME else None
    status = reader.u16() if flags & SPOT_STATUS else 0
    sensor = reader.u24() if flags & SPOT_SENSOR else 0
    perfusion = reader.sfloat() if flags & SPOT_PERFUSION else None
    reader.end()
    yield from _events(spo2, pulse, perfusion, status, sensor, taken)
    if flags & CLOCK_NOT_SET or (flags & TIME and clock_unset(taken)):
        yield Notice("clock-not-set")


def continuous(reader: Reader) -> Iterator[Event]:
    """One Continuous Measurement. Of its three averages (normal, fast, slow) the normal one is passed on."""
    flags = reader.u8()
    spo2, pulse = reader.sfloat(), reader.sfloat()
    for bit in (FAST, SLOW):
        if flags & bit:
            reader.take(4)
    status = reader.u16() if flags & STATUS else 0
    sensor = reader.u24() if flags & SENSOR else 0
    perfusion = reader.sfloat() if flags & PERFUSION else None
    reader.end()
    yield from _events(spo2, pulse, perfusion, status, sensor, None)


def _events(
    spo2: Decimal | None,
    pulse: Decimal | None,
    perfusion: Decimal | None,
    status: int,
    sensor: int,
    taken: datetime | None,
) -> Iterator[Event]:
    """Every condition becomes a notice; the worst of them is the validity of all values."""
    found = [meaning for bit, meaning in MEASUREMENT.items() if status >> bit & 1]
    found += [meaning for bit, meaning in SENSOR_STATUS.items() if sensor >> bit & 1]
    validity = min((means for _, means in found), key=WORST.index, default=VALID)
    stored = bool(status & FROM_STORAGE)
    for metric, value in ((SPO2, spo2), (PULSE_RATE, pulse)):
        yield measured(metric, value, validity=validity, taken=taken, from_memory=stored)
    if perfusion is not None:
        yield measured(PERFUSION_INDEX, perfusion, validity=validity, taken=taken, from_memory=stored)
    for code in dict.fromkeys(code for code, _ in found):
        yield Notice(code)


DRIVER = Driver(
    name="ble-pulse-oximeter",
    kind="oximeter",
    claim=Gatt("1822", ("2a5f", "2a5e")),
    decoder=lambda: Characteristics({"2a5e": spot_check, "2a5f": continuous}),
    quiet_s=None,  # one that only makes spot-checks is silent between them
    continuous=True,
    spot=("2a5e",),
    gives=(SPO2, PULSE_RATE, PERFUSION_INDEX, BATTERY),
    tier=Tier.CAPTURED,
    evidence="one spot-check of an oximeter of ChoiceMMed's kind",
)
