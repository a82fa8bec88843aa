"""Made-up facts for tests: nobody's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from appliance import clock
from appliance.care.acceptance import Reading
from appliance.care.room import Room
from appliance.clock import Stamp
from appliance.config import Care
from appliance.feed import Feed
from appliance.records.model import ConsultationRecord, DeviceRef, Result, Value
from appliance.records.store import Store
from drivers.core.model import Numeric, Validity
from drivers.core.vocab import DIASTOLIC, SPO2, SYSTOLIC

CUFF = DeviceRef("cuff", "Cuff", "blood-pressure", "ble-blood-pressure", "replay:cuff", "A&D", "UA-651", "S1", "1.0")
OXIMETER = DeviceRef("oximeter", "Oximeter", "oximeter", "contec-cms50", "serial:/dev/null")
TYPED = {"birth_name": "Durand", "given_names": "Anne Lise", "birth_date": "1977-01-21", "sex": "F"}
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def stamp(boot_s: float = 1000.0, wall: datetime = NOON) -> Stamp:
    """An instant on both clocks."""
    return Stamp(int(boot_s * 1e9), wall, "boot-1")


def pressure(
    systolic: str | None = "124", validity: Validity = Validity.VALID, taken: datetime | None = None
) -> tuple[Numeric, ...]:
    """The numerics of one cuff measurement."""
    high = None if systolic is None else Decimal(systolic)
    low = None if systolic is None else Decimal(86)
    return (
        Numeric(SYSTOLIC, high, "mm[Hg]", validity, taken),
        Numeric(DIASTOLIC, low, "mm[Hg]", validity, taken),
    )


def saturation(value: str = "98") -> tuple[Numeric, ...]:
    """The numerics of one oximeter packet."""
    return (Numeric(SPO2, Decimal(value), "%"),)


def reading(numerics: tuple[Numeric, ...] | None = None, arrival: Stamp | None = None, **more: object) -> Reading:
    """A cuff's reading, arrived now."""
    made = Reading(CUFF, arrival or clock.now(), pressure() if numerics is None else numerics)
    return replace(made, **more)  # type: ignore[arg-type]


def result(consultation: str, number: int = 0) -> Result:
    """A kept oximeter value."""
    now = clock.now()
    return Result(
        id=f"00000000-0000-4000-8000-{number:012d}",
        consultation=consultation,
        kind="measurement",
        status="valid",
        device=OXIMETER,
        at=now.wall,
        at_ns=now.boot_ns,
        boot_id=now.boot_id,
        clock="trusted",
        numerics=(Value("oxygen-saturation", "2708-6", 150456, Decimal(98), "%", "valid"),),
    )


def consultation(name: str = "c-1") -> ConsultationRecord:
    """An open consultation."""
    return ConsultationRecord(name, "open", NOON, f"patient-of-{name}")


async def active_room(folder: Path, rules: Care | None = None) -> tuple[Room, Store, Feed, str]:
    """A room with an active consultation; its identifier last."""
    store, feed = Store.open(folder), Feed()
    room = Room(store, feed, rules or Care())
    await room.start()
    ref = (await room.open(None, None)).id
    await make_active(room, ref)
    return room, store, feed, ref


async def make_active(room: Room, ref: str) -> None:
    """From open to active, as a nurse would."""
    await room.identify(ref, TYPED, None)
    await room.confirm(ref, ["birth_name", "birth_date"])
    await room.consent(ref, given=True, by="patient", language="fr", version="1")
