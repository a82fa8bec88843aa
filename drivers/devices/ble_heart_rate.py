"""Heart rate sensors of the Bluetooth SIG: service 0x180D, measurement 0x2A37 (HRS 1.0, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from drivers.core.codec import Reader
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.measured import measured
from drivers.core.model import Event, Notice, Validity
from drivers.core.vocab import BATTERY, HEART_RATE

WIDE, CONTACT, CONTACT_KNOWN, ENERGY, INTERVALS = 0x01, 0x02, 0x04, 0x08, 0x10


def measurement(reader: Reader) -> Iterator[Event]:
    """One Heart Rate Measurement. RR intervals fill the rest of the packet; they are proven, and not passed on."""
    flags = reader.u8()
    rate = reader.u16() if flags & WIDE else reader.u8()
    if flags & ENERGY:
        reader.u16()
    if flags & INTERVALS:
        intervals = reader.rest()
        if not intervals or len(intervals) % 2:
            raise PacketError(f"{len(intervals)} bytes of RR intervals, need pairs")
    reader.end()
    off = flags & (CONTACT_KNOWN | CONTACT) == CONTACT_KNOWN
    validity = Validity.INVALID if off else Validity.VALID
    yield measured(HEART_RATE, Decimal(rate) if rate else None, validity=validity)
    if off:
        yield Notice("sensor-off")


DRIVER = Driver(
    name="ble-heart-rate",
    kind="heart-rate",
    claim=Gatt("180d", ("2a37",)),
    decoder=lambda: Characteristics({"2a37": measurement}),
    quiet_s=5.0,  # it speaks once a second
    continuous=True,
    gives=(HEART_RATE, BATTERY),
    tier=Tier.CAPTURED,
    evidence="notifications of a chest strap",
)
