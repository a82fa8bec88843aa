"""Routes of what is kept of pictures and sounds: stills, clips, listenings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from appliance.api.models import Body, Key, StillBody
from appliance.api.ports import Ports
from appliance.care import messages

Json = dict[str, Any]


class ViewBody(Body):
    """Which of the patient's sides a camera looks at, and how far it is zoomed in."""

    source: Key
    side: Literal["left", "right"] | None = None
    zoom: Annotated[float, Field(gt=0, le=100)] | None = None


class ListenBody(Body):
    """An act of the listening."""

    act: Literal["begin", "record", "stop", "end"]
    site: Annotated[str, Field(max_length=32)] | None = None


def add(routes: APIRouter, ports: Ports) -> None:
    """These routes, wired to the calls."""

    @routes.post("/consultations/{ref}/stills", status_code=201)
    async def still(ref: str, body: StillBody) -> Json:
        return messages.result(await ports.calls.still(ref, body.source))

    @routes.post("/consultations/{ref}/clips", status_code=201)
    async def clip(ref: str, body: StillBody) -> Json:
        return messages.result(await ports.calls.clip(ref, body.source))

    @routes.post("/consultations/{ref}/view")
    async def view(ref: str, body: ViewBody) -> Json:
        return dict(await ports.calls.view(ref, body.model_dump()))

    @routes.post("/consultations/{ref}/auscultation")
    async def listen(ref: str, body: ListenBody) -> Json:
        return dict(await ports.calls.listen(ref, body.model_dump()))
