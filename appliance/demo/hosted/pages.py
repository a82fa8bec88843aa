"""The platform's own page, its switches, and the viewer's files as they were built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from appliance.demo.hosted import body
from appliance.demo.hosted.resources import Resources
from appliance.demo.hosted.rooms import Rooms
from appliance.demo.hosted.switches import MODES, Switches
from appliance.platform.fhir.terms import RESULT
from appliance.platform.fhir.text import Resource, dumps

SHOWN = 30
LISTED = ("Observation", "Media", "DocumentReference")
MAX_BODY = 4096
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The viewer is not built</title>
<p>The viewer is not built yet. In the project's folder run <code>make ui</code>, then load this page again.</p></html>
"""
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src 'self' data:"


def routes(resources: Resources, rooms: Rooms, switches: Switches, viewer_token: str, ui: Path) -> APIRouter:
    """Everything that a person's browser asks for."""
    router = APIRouter()
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")

    @router.get("/")
    async def front() -> Response:
        return HTMLResponse(
            page.replace("%TOKEN%", viewer_token),
            headers={"Cache-Control": "no-store", "Content-Security-Policy": POLICY},
        )

    @router.get("/state")
    async def state() -> Response:
        newest = await run_in_threadpool(resources.newest, LISTED, SHOWN)
        seen = {receipt.identifier for receipt in await run_in_threadpool(resources.receipts, 1000)}
        said = {
            "units": [
                {"id": u.id, "name": u.name, "software": u.software, "since": u.since} for u in rooms.units.values()
            ],
            "consultations": [_consultation(rooms, name) for name in rooms.consultations],
            "results": [_result(one, seen) for one in newest],
            "stored": await run_in_threadpool(resources.count),
            "switches": _switches(switches),
        }
        return Response(dumps(said), media_type="application/json", headers={"Cache-Control": "no-store"})

    @router.get("/switches")
    async def get_switches() -> Response:
        return Response(dumps(_switches(switches)), media_type="application/json")

    @router.post("/switches")
    async def set_switches(request: Request) -> Response:
        wanted = await _wanted(request)
        if isinstance(wanted, str):
            return JSONResponse({"error": "bad-switch", "message": wanted}, 422)
        switches.mode, switches.delay_s = wanted
        if switches.mode == "down":
            rooms.drop_links()
        return Response(dumps(_switches(switches)), media_type="application/json")

    @router.get("/viewer.html")
    async def viewer() -> Response:
        built = ui / "viewer.html"
        return FileResponse(built) if built.is_file() else HTMLResponse(MISSING, 503)

    return router


async def _wanted(request: Request) -> tuple[str, float] | str:
    """(mode, delay in seconds), or what is wrong with the request."""
    try:
        asked = await body.read(request, MAX_BODY)
    except body.BadBody as error:
        return str(error)
    mode = asked.get("mode") if isinstance(asked, dict) else None
    delay = asked.get("delay_s", 2) if isinstance(asked, dict) else None
    if mode not in MODES:
        return f"mode is one of {', '.join(MODES)}; got {str(mode)[:40]!r}"
    try:
        delay_s = float(str(delay))
    except ValueError:
        delay_s = -1.0
    return (mode, delay_s) if 0 <= delay_s <= 120 else "delay_s is 0 to 120 seconds"


def _switches(switches: Switches) -> dict[str, Any]:
    return {"mode": switches.mode, "delay_s": str(switches.delay_s), "modes": MODES}


def _consultation(rooms: Rooms, name: str) -> dict[str, Any]:
    one = rooms.consultations[name]
    unit = rooms.units.get(one.unit)
    return {
        "id": one.id,
        "state": one.state,
        "opened": one.opened,
        "reason": one.reason,
        "unit": one.unit if unit is None else unit.name,
        "connected": unit is not None,
        "doctors": [viewer.name for viewer in rooms.viewers_in(name)],
    }


def _result(stored: Resource, seen: set[str]) -> dict[str, Any]:
    """One line of the list of results. The numbers are the text that was stored."""
    identifier = result_identifier(stored)
    return {
        "resource": f"{stored['resourceType']}/{stored['id']}",
        "at": stored.get("effectiveDateTime") or stored.get("createdDateTime") or stored.get("date"),
        "received": stored["meta"]["lastUpdated"],
        "what": _what(stored),
        "value": _value(stored),
        "status": stored.get("status"),
        "opened": identifier is not None and identifier in seen,
    }


def result_identifier(stored: Resource) -> str | None:
    """`urn:uuid:` of the unit's result that a resource belongs to."""
    for one in stored.get("identifier", []):
        if one.get("system") == RESULT:
            return f"urn:uuid:{one.get('value')}"
    return None


def _what(stored: Resource) -> str:
    named = stored.get("code") or stored.get("type") or {}
    return str(stored.get("deviceName") or named.get("text") or stored["resourceType"])


def _value(stored: Resource) -> str:
    if stored["resourceType"] == "Media":
        size = f"{stored['width']} x {stored['height']}" if "width" in stored and "height" in stored else ""
        return f"{stored.get('content', {}).get('contentType', '')} {size}".strip()
    if stored["resourceType"] == "DocumentReference":
        return str(stored["content"][0].get("attachment", {}).get("contentType", ""))
    parts = [_quantity(part) for part in [stored, *stored.get("component", [])]]
    return " / ".join(part for part in parts if part)


def _quantity(part: Resource) -> str:
    if "valueQuantity" in part:
        said = part["valueQuantity"]
        return f"{said.get('value')} {said.get('unit', '')}".strip()
    return "no value" if "dataAbsentReason" in part else ""
