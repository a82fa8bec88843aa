"""Routes for the technician's acceptance test: what the unit sees, in numbers, and never while a patient is there."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from appliance.api.ports import Ports
from appliance.care.errors import Refused
from appliance.media.refusal import NotDone

Json = dict[str, Any]


def add(routes: APIRouter, ports: Ports) -> None:
    """These routes."""

    @routes.get("/technician/sources/{key}/look")
    async def look(key: str) -> Json:
        if ports.room.record is not None:
            raise Refused("consultation-open", "a consultation is open: nothing is tested now")
        if key not in ports.cameras:
            raise Refused("no-such-source", f"no camera has the key {key[:32]!r}")
        try:
            return asdict(await asyncio.to_thread(ports.cameras[key]))
        except NotDone as error:
            raise Refused(error.code, str(error)) from None
