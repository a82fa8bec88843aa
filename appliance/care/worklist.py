"""Who is expected: asked of the platform when somebody looks, shown, and kept nowhere on the unit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance import clock
from appliance.care import identity
from appliance.care.errors import Refused
from appliance.care.room import Room
from appliance.records.model import ConsultationRecord

ORIGIN = "worklist"


@dataclass(frozen=True, slots=True)
class Expected:
    """One appointment: when, with which patient, why. The traits are the platform's; they are checked as typed ones."""

    id: str
    at: datetime  # with offset
    birth_name: str
    given_names: str
    birth_date: str  # YYYY-MM-DD
    sex: str  # F | M | U
    reason: str | None = None

    @property
    def traits(self) -> dict[str, str]:
        """As a nurse would type them."""
        names = ("birth_name", "given_names", "birth_date", "sex")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Day:
    """What the platform answered, earliest first; `unreadable`: how many appointments could not be understood."""

    expected: tuple[Expected, ...]
    unreadable: int = 0


Ask = Callable[[], Awaitable[Day]]  # raises `Refused` where the platform does not answer


class Worklist:
    """The way from an appointment to a consultation with its patient's traits, which are confirmed as any others."""

    def __init__(self, room: Room, ask: Ask) -> None:
        self._room, self._ask = room, ask

    async def day(self) -> Day:
        """What the platform says now. `Refused` `platform-unreached`."""
        return await self._ask()

    async def begin(self, entry: str, place: str | None, **where: Any) -> ConsultationRecord:
        """Open a consultation for this appointment. `Refused`: `no-such-entry`, and what `Room.open` refuses."""
        found = next((one for one in (await self._ask()).expected if one.id == entry), None)
        if found is None:
            raise Refused("no-such-entry", "this appointment is not in the platform's list any more")
        identity.from_typed(found.traits, clock.wall().astimezone().date())  # before anything is opened
        record = await self._room.open(place, found.reason, **where)
        return await self._room.identify(record.id, found.traits, None, origin=ORIGIN)
