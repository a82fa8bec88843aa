"""The route of the check before a patient comes."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from appliance.api.ports import Ports

Json = dict[str, Any]


def add(routes: APIRouter, ports: Ports) -> None:
    """This route, where the unit can ask what it takes."""
    precheck = ports.precheck
    if precheck is None:
        return

    @routes.post("/precheck")
    async def run() -> Json:
        begun = time.monotonic()
        items = [asdict(one) for one in await precheck.run()]
        return {"took_ms": round(1000 * (time.monotonic() - begun)), "items": items}
