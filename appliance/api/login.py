"""Routes of the login, and the gate that everything of a patient stands behind."""

from __future__ import annotations

import io
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Request
from pydantic import Field

from appliance.api.models import Body
from appliance.api.ports import Ports
from appliance.care.login import Login

Json = dict[str, Any]

BEHIND = ("/api/consultations", "/api/results", "/api/preview", "/api/talk", "/api/quarantine", "/api/worklist")


class PinBody(Body):
    """Chosen at the first time, then asked for."""

    pin: Annotated[str, Field(min_length=1, max_length=8)]


def gate(ports: Ports, request: Request) -> None:
    """Who is not logged in reaches nothing of a patient. A unit without an identity provider asks for no login."""
    if ports.login is not None and request.url.path.startswith(BEHIND):
        ports.login.require()


def add(routes: APIRouter, ports: Ports) -> None:
    """These routes, where the unit has an identity provider; without one `GET /api/login` says `off`."""

    login = ports.login

    @routes.get("/login")
    async def state() -> Json:
        return {"state": "off"} if login is None else _said(login)

    if login is None:
        return

    @routes.post("/login/begin")
    async def begin() -> Json:
        await login.begin()
        return _said(login)

    @routes.post("/login/pin")
    async def pin(body: PinBody) -> Json:
        await login.pin(body.pin)
        return _said(login)

    @routes.post("/login/touch", status_code=204)
    async def touch() -> None:
        login.require()

    @routes.post("/login/lock")
    async def lock() -> Json:
        login.lock()
        return _said(login)

    @routes.post("/login/end")
    async def end() -> Json:
        await login.end()
        return _said(login)


def _said(login: Login) -> Json:
    described = login.describe()
    if described["code"] is not None:
        described["code"]["qr"] = _qr(described["code"]["complete"])
    return described


def _qr(text: str) -> str:
    """The address as a QR code: an SVG document (ISO/IEC 18004, error correction M)."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True)
    return out.getvalue().decode("utf-8")
