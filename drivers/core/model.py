"""What a device says, once decoded: events, in the device's own numbers, units and time.

Structs of msgspec are frozen dataclasses that cost a fifth to make, and hundreds are made a second.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from drivers.core.vocab import Metric


class Validity(StrEnum):
    """How far a value may be trusted, by the device's own word (IEEE 11073-10201 MeasurementStatus, reduced)."""

    VALID = "valid"
    QUESTIONABLE = "questionable"
    INVALID = "invalid"


class Packet(Struct, frozen=True):
    """Wire bytes as one framer or one GATT event delivered them.

    `channel` names the characteristic as BlueZ-independent text: four lower-case hex digits for SIG ones
    (`"2a35"`), the full lower-case UUID for others, `""` for a byte stream.
    """

    data: bytes
    channel: str = ""


class Numeric(Struct, frozen=True):
    """One value of a metric. `value` is None where the device gave no number, whatever bytes it sent.

    `unit` is UCUM and is the device's own (no conversion here); `taken` is the device's own clock, local and naive.
    """

    metric: Metric
    value: Decimal | None
    unit: str
    validity: Validity = Validity.VALID
    taken: datetime | None = None
    from_memory: bool = False
    site: str | None = None

    def __post_init__(self) -> None:
        if self.value is None and self.validity is Validity.VALID:
            raise ValueError(f"{self.metric.name}: a numeric without a value cannot be valid")


class Waveform(Struct, frozen=True):
    """Consecutive samples, oldest first; None is a gap, never filled. Integers in `unit` (UCUM; `"1"`: counts)."""

    metric: Metric
    rate_hz: Decimal
    unit: str
    samples: tuple[int | None, ...]


class Notice(Struct, frozen=True):
    """A technical condition; `code` is a row of `drivers.core.notices`."""

    code: str


class Identity(Struct, frozen=True):
    """What the device says of itself; None where it did not say."""

    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None


class DeviceClock(Struct, frozen=True):
    """The device's own clock, read at this packet's arrival; local and naive."""

    now: datetime


class Ask(Struct, frozen=True):
    """What must be written to the device for the conversation to go on; `Driver.says` must allow it.

    `channel` is as in `Packet`; empty: the claim's `control`, or the byte stream.
    """

    data: bytes
    channel: str = ""


Event = Numeric | Waveform | Notice | Identity | DeviceClock | Ask
