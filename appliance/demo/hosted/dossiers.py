"""Tele-expertise on the stand-in platform: the requests that came, and a specialist's word about one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from appliance.demo.hosted import body
from appliance.demo.hosted.resources import Resources, Token, now
from appliance.demo.hosted.rooms import Rooms
from appliance.platform.fhir.parts import derived, urn
from appliance.platform.fhir.terms import URI
from appliance.platform.fhir.text import dumps

MAX_BODY, MAX_TEXT = 32 * 1024, 8000
TASK_STATUS = {"accepted": "accepted", "refused": "rejected", "answered": "completed"}  # FHIR R4, task-status


def routes(resources: Resources, rooms: Rooms) -> APIRouter:
    """`GET /dossiers`; `POST /dossiers/{id}` `{"state","by","text"}`."""
    router = APIRouter()

    @router.get("/dossiers")
    async def listed() -> Response:
        return Response(dumps(await run_in_threadpool(_listed, resources)), media_type="application/json")

    @router.post("/dossiers/{ref}")
    async def answer(ref: UUID, request: Request) -> Response:
        said = await _said(request)
        if isinstance(said, str):
            return JSONResponse({"error": "bad-answer", "message": said}, 422)
        if not await run_in_threadpool(_mark, resources, str(ref), TASK_STATUS[said["state"]]):
            return JSONResponse({"error": "no-such-dossier", "message": "there is no such request"}, 404)
        rooms.tell_dossier({"type": "dossier", "identifier": urn(str(ref)), "at": now(), **said})
        return Response(status_code=204)

    return router


async def _said(request: Request) -> dict[str, str] | str:
    try:
        asked = await body.read(request, MAX_BODY)
    except body.BadBody as error:
        return str(error)
    if not isinstance(asked, dict) or asked.get("state") not in TASK_STATUS:
        return f"state is one of {', '.join(TASK_STATUS)}"
    by, text = str(asked.get("by", ""))[:200], str(asked.get("text", ""))[:MAX_TEXT]
    return {"state": asked["state"], "by": by, "text": text}


def _mark(resources: Resources, ref: str, status: str) -> bool:
    found = resources.find("Task", Token("identifier", URI, urn(derived(ref, "task"))))
    task = resources.read("Task", found[0]) if found else None
    if task is None:
        return False
    with resources.all_or_nothing():
        resources.write({**task, "status": status, "lastModified": now()}, task["id"])
    return True


def _listed(resources: Resources) -> dict[str, Any]:
    asked = [found for name in resources.all("ServiceRequest") if (found := resources.read("ServiceRequest", name))]
    return {
        "dossiers": [
            {
                "id": one["identifier"][0]["value"].removeprefix("urn:uuid:"),
                "question": one["reasonCode"][0]["text"],
                "urgency": one.get("priority"),
                "at": one.get("authoredOn"),
            }
            for one in asked
        ]
    }
