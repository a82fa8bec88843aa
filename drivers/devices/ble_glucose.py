"""Glucose meters of the Bluetooth SIG: service 0x1808, measurement 0x2A18, context 0x2A34, records 0x2A52 (GLS 1.0).

The newest record is asked for; the meter may hold other patients' ones. A record that announces a context waits for
it: some meters (CareSens) put ketones in glucose records, and only the context tells, by a meal that the standard does
not know. A record whose context has not come when the next record or the meter's answer does is given as questionable.

The request is repeated every half a minute: that is the time-out of an answer that never came, and finds a measurement
that is taken while we are connected. A meter that did not complete is told to abort and asked again, a few times.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from drivers.core.codec import Reader
from drivers.core.driver import Driver, Gatt, Tier
from drivers.core.errors import PacketError
from drivers.core.gatt import Characteristics
from drivers.core.measured import clock_unset, measured
from drivers.core.model import Ask, Event, Notice, Numeric, Validity
from drivers.core.vocab import BATTERY, GLUCOSE

OFFSET, VALUE, MOLAR, STATUS, CONTEXT = 0x01, 0x02, 0x04, 0x08, 0x10
# Flags of the context: what is there, in this order, with its length. Bit 6 gives the medication's unit.
BEFORE_MEAL, MEAL, AFTER_MEAL = {0x80: 1, 0x01: 3}, 0x02, {0x04: 1, 0x08: 3, 0x10: 3, 0x20: 2}
KNOWN_MEALS = range(6)  # before (1), after, fasting, casual, bedtime (5); CareSens sends 0 for an unmarked record
CONTROL_SOLUTION_TYPE, CONTROL_SOLUTION_SITE = 10, 4

# Record Access Control Point (GLS 1.0, section 3.3): code, operator; an answer is 06 00, what was asked, how it went.
LAST_RECORD, ABORT = b"\x01\x06", b"\x03\x00"
CONTROL = "2a52"
ANSWER, ANSWERED = 0x06, 0x00
REPORT, ABORTED = 0x01, 0x03
SUCCESS, NO_RECORDS, NOT_COMPLETED = 0x01, 0x06, 0x08
ATTEMPTS = 3  # then the meter is left in peace until it is asked anew

# Sensor Status Annunciation, by bit; of these, what leaves the value as it is.
SENSOR_STATUS = (
    "battery-low", "device-fault", "sample-too-small", "strip-fault", "strip-fault", "value-above-range",
    "value-below-range", "too-warm", "too-cold", "strip-fault", "device-fault", "clock-not-set",
)  # fmt: skip
HARMLESS = {"battery-low", "clock-not-set"}


class Meter:
    """The decoder: holds at most one record, that whose context has not come."""

    def __init__(self) -> None:
        self.read = Characteristics({"2a18": self._measurement, "2a34": self._context, "2a52": self._answer})
        self._held: tuple[int, list[Event]] | None = None
        self._attempts = 0

    def _measurement(self, reader: Reader) -> list[Event]:
        flags, sequence = reader.u8(), reader.u16()
        taken = _taken(reader, flags)
        value, control = _concentration(reader, flags) if flags & VALUE else (None, False)
        status = reader.u16() if flags & STATUS else 0
        reader.end()
        events = list(_events(value, "mmol/L" if flags & MOLAR else "mg/dL", taken, status, control))
        said = self._release()
        self._held = (sequence, events) if flags & CONTEXT else None
        return said if self._held else said + events

    def _context(self, reader: Reader) -> list[Event]:
        flags, sequence = reader.u8(), reader.u16()
        reader.take(sum(length for bit, length in BEFORE_MEAL.items() if flags & bit))
        meal = reader.u8() if flags & MEAL else None
        reader.take(sum(length for bit, length in AFTER_MEAL.items() if flags & bit))
        reader.end()
        if self._held is None or self._held[0] != sequence:
            return self._release()
        events, self._held = self._held[1], None
        return events if meal is None or meal in KNOWN_MEALS else [Notice("ketone-not-glucose")]

    def _answer(self, reader: Reader) -> list[Event]:
        """The record access control point has finished: no context comes any more."""
        code, operator, asked, outcome = reader.take(4)
        reader.end()
        if (code, operator) != (ANSWER, ANSWERED):
            raise PacketError(f"an answer begins 06 00, not {code:02x} {operator:02x}")
        return [*self._release(), *self._next(asked, outcome)]

    def _next(self, asked: int, outcome: int) -> list[Event]:
        """What to ask after an answer. No records, and what a meter cannot do, are no reason to ask again."""
        if asked == ABORTED and outcome == SUCCESS and self._attempts:
            return [Ask(LAST_RECORD, CONTROL)]
        if asked == REPORT and outcome == NOT_COMPLETED and self._attempts < ATTEMPTS:
            self._attempts += 1
            return [Ask(ABORT, CONTROL)]
        self._attempts = 0
        return [] if outcome in (SUCCESS, NO_RECORDS) else [Notice("measurement-failed")]

    def _release(self) -> list[Event]:
        """The held record, in doubt: what it is has never been said."""
        events, self._held = ([] if self._held is None else self._held[1]), None
        return [_doubted(event) for event in events]


def _doubted(event: Event) -> Event:
    if isinstance(event, Numeric) and event.validity is Validity.VALID:
        return replace(event, validity=Validity.QUESTIONABLE)
    return event


def _taken(reader: Reader, flags: int) -> datetime | None:
    """Base time and offset; every record has the one, some have the other."""
    base = reader.date_time()
    minutes = reader.i16() if flags & OFFSET else 0
    try:
        return None if base is None or minutes in (0x7FFF, -0x8000) else base + timedelta(minutes=minutes)
    except OverflowError:
        return None


def _concentration(reader: Reader, flags: int) -> tuple[Decimal | None, bool]:
    """The value in mg/dL or mmol/L, None where no strip was read; and whether it was control solution."""
    value, kind = reader.sfloat(), reader.u8()
    control = kind & 0x0F == CONTROL_SOLUTION_TYPE or kind >> 4 == CONTROL_SOLUTION_SITE
    if value is None or value <= 0:  # 0xFFFF, -0.1, is CareSens's failed strip
        return None, control
    return value.scaleb(3 if flags & MOLAR else 5), control  # sent in mol/L or kg/L


def _events(value: Decimal | None, unit: str, taken: datetime | None, status: int, control: bool) -> Iterator[Event]:
    codes = [code for bit, code in enumerate(SENSOR_STATUS) if status >> bit & 1] + ["control-solution"] * control
    validity = Validity.VALID if HARMLESS.issuperset(codes) else Validity.INVALID
    # Records lie in the meter for months: one that cannot say when it was taken is not believed to be of now.
    yield measured(GLUCOSE, value, unit, validity=validity, taken=taken, from_memory=taken is None)
    codes += ["measurement-failed"] * (value is None) + ["clock-not-set"] * clock_unset(taken)
    yield from map(Notice, dict.fromkeys(codes))


DRIVER = Driver(
    name="ble-glucose",
    kind="glucometer",
    claim=Gatt("1808", ("2a18", "2a34", CONTROL), control=CONTROL),  # the answers' way is open before we ask
    decoder=lambda: Meter().read,
    says=(b"\x01", ABORT),  # report stored records, stop that; never 02, which deletes them
    hello=(LAST_RECORD,),
    keepalive=(LAST_RECORD, 30.0),
    quiet_s=None,  # it speaks when it is asked
    gives=(GLUCOSE, BATTERY),
    tier=Tier.CAPTURED,
    evidence="records of two meters, a ketone's context among them",
)
