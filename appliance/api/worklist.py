"""Routes of the worklist: who is expected, and the beginning of an appointment's consultation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from appliance.api.models import Body
from appliance.api.ports import Ports
from appliance.care import messages

Json = dict[str, Any]


class BeginBody(Body):
    """The appointment, by its id in `GET /api/worklist`."""

    entry: Annotated[str, Field(min_length=1, max_length=64)]


def add(routes: APIRouter, ports: Ports) -> None:
    """These routes, where the unit has a platform to ask."""
    worklist = ports.worklist
    if worklist is None:
        return

    @routes.get("/worklist")
    async def day() -> Json:
        told = await worklist.day()
        entries = [asdict(one) | {"at": one.at.isoformat()} for one in told.expected]
        return {"entries": entries, "unreadable": told.unreadable}

    @routes.post("/worklist", status_code=201)
    async def begin(body: BeginBody) -> Json:
        unit = ports.settings.unit
        record = await worklist.begin(body.entry, unit.place, finess=unit.finess or None, room=unit.room or None)
        return messages.consultation(record, resumed=False, doctor=None) | {"leases": ports.room.leases}
