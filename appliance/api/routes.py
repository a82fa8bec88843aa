"""The routes of docs/api.md. Thin: each asks one thing of the room and says what came of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response, WebSocket

from appliance.api import dossiers, login, metrics, models, precheck, recordings, technician, worklist
from appliance.api.live import Screens
from appliance.api.ports import Ports
from appliance.care import messages
from appliance.care.assignment import Claim
from appliance.care.errors import Refused
from appliance.clock import boottime_ms
from appliance.config import Settings
from appliance.feed import Message
from appliance.records.model import ConsultationRecord

Json = dict[str, Any]


def hello(settings: Settings) -> Message:
    """The first message of the live feed."""
    unit = settings.unit
    return {
        "type": "hello",
        "protocol": 1,
        "unit": {"id": unit.id, "name": unit.name},
        "now_ms": boottime_ms(),
        "simulated": settings.simulated,
    }


def router(ports: Ports) -> APIRouter:
    """All routes, wired to the service's parts."""

    async def gate(request: Request) -> None:
        login.gate(ports, request)

    live = APIRouter()
    _live(live, ports)
    routes = APIRouter(prefix="/api", dependencies=[Depends(gate)])
    for add in (
        login.add,
        _unit,
        _plugged,
        _consultation,
        _charting,
        worklist.add,
        precheck.add,
        dossiers.add,
        recordings.add,
        technician.add,
        metrics.add,
        _preview,
        _talk,
        _simulator,
    ):
        add(routes, ports)
    live.include_router(routes)
    return live


def _said(ports: Ports, record: ConsultationRecord) -> Json:
    return messages.consultation(record, resumed=False, doctor=None) | {"leases": ports.room.leases}


def _live(routes: APIRouter, ports: Ports) -> None:
    screens = Screens(ports.feed, lambda: hello(ports.settings))

    @routes.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        await screens.serve(socket)


def _unit(routes: APIRouter, ports: Ports) -> None:
    @routes.get("/health")
    async def health() -> Json:
        return await ports.health.report()

    @routes.get("/devices")
    async def devices() -> Json:
        return {"devices": list(ports.feed.state("device")), "sources": list(ports.feed.state("source"))}

    @routes.post("/devices/{key}/again", status_code=204)
    async def again(key: str) -> None:
        if not ports.instruments.known(key):
            raise Refused("no-such-device", f"there is no device {key!r} on this unit")
        ports.instruments.again(key)

    @routes.get("/quarantine")
    async def quarantine() -> Json:
        return {"quarantine": [messages.quarantine(held) for held in await ports.store.quarantined()]}


def _plugged(routes: APIRouter, ports: Ports) -> None:
    plugged = ports.plugged
    if plugged is None:
        return

    @routes.get("/unknown")
    async def unknown() -> Json:
        return plugged.unknown()

    @routes.post("/devices", status_code=201)
    async def assign(body: models.AssignBody) -> Json:
        return await plugged.assign(body.unknown, body.driver, body.name)

    @routes.delete("/devices/{key}", status_code=204)
    async def forget(key: str) -> None:
        await plugged.forget(key)


def _consultation(routes: APIRouter, ports: Ports) -> None:
    room = ports.room

    @routes.post("/consultations", status_code=201)
    async def open_(body: models.OpenBody) -> Json:
        unit = ports.settings.unit
        where = {"finess": unit.finess or None, "room": unit.room or None}
        return _said(ports, await room.open(body.place or unit.place, body.reason, **where))

    @routes.get("/consultations/current")
    async def current() -> Json:
        record = room.record
        if record is None:
            raise Refused("no-consultation", "no consultation is open")
        kept = await ports.store.results(record.id)
        return _said(ports, record) | {"results": [messages.result(one) for one in kept]}

    @routes.post("/consultations/{ref}/patient")
    async def patient(ref: str, body: models.PatientBody) -> Json:
        typed = None if body.typed is None else body.typed.model_dump()
        return _said(ports, await room.identify(ref, typed, body.datamatrix))

    @routes.post("/consultations/{ref}/patient/confirm")
    async def confirm(ref: str, body: models.ConfirmBody) -> Json:
        return _said(ports, await room.confirm(ref, body.checked, homonym_seen=body.homonym_seen))

    @routes.post("/consultations/{ref}/consent")
    async def consent(ref: str, body: models.ConsentBody) -> Json:
        return _said(ports, await room.consent(ref, **body.model_dump()))

    @routes.post("/consultations/{ref}/review")
    async def review(ref: str) -> Json:
        return _said(ports, await room.review(ref))

    @routes.post("/consultations/{ref}/resume")
    async def resume(ref: str) -> Json:
        return _said(ports, await room.resume(ref))

    @routes.post("/consultations/{ref}/close")
    async def close(ref: str) -> Json:
        return _said(ports, await room.close(ref))

    @routes.post("/consultations/{ref}/abandon")
    async def abandon(ref: str, body: models.ReasonBody) -> Json:
        return _said(ports, await room.abandon(ref, body.reason))


def _charting(routes: APIRouter, ports: Ports) -> None:
    room = ports.room

    @routes.post("/consultations/{ref}/leases")
    async def lease(ref: str, body: models.LeaseBody) -> Json:
        if body.device != "*" and not ports.instruments.known(body.device):
            raise Refused("no-such-device", f"there is no device {body.device!r} on this unit")
        devices = ports.instruments.present() if body.device == "*" else [body.device]
        return {"leases": await room.lease(ref, devices)}

    @routes.delete("/consultations/{ref}/leases/{device}")
    async def unlease(ref: str, device: str) -> Json:
        return {"leases": await room.unlease(ref, device)}

    @routes.post("/consultations/{ref}/results", status_code=201)
    async def result(ref: str, body: models.ResultBody) -> Json:
        if body.keep is not None:
            return messages.result(await room.keep(ref, body.keep))
        assert body.manual is not None
        return messages.result(await room.typed(ref, **body.manual.model_dump()))

    @routes.post("/consultations/{ref}/results/{result}/strike")
    async def strike(ref: str, result: str, body: models.ReasonBody) -> Json:
        return messages.result(await room.strike(ref, result, body.reason))

    @routes.post("/consultations/{ref}/assignments", status_code=201)
    async def assign(ref: str, body: models.ClaimBody) -> Json:
        claim = Claim(body.by, body.reason, frozenset(body.checked), body.other_consultation)
        return messages.result(await room.assign(ref, body.reading, claim))

    @routes.get("/results/{result}/object")
    async def object_(result: str) -> Response:
        kept = await ports.store.result(result)
        record, obj = room.record, kept.result.obj
        if obj is None or record is None or record.id != kept.result.consultation:
            raise Refused("no-such-result", "there is no such picture or sound in the open consultation")
        data = await ports.store.blob(kept.result.consultation, obj.sha256)
        return Response(data, media_type=obj.media_type, headers={"cache-control": "no-store"})


def _preview(routes: APIRouter, ports: Ports) -> None:
    @routes.post("/preview")
    async def preview() -> Json:
        peer, description = await ports.calls.preview()
        return {"peer": peer, "description": description}

    @routes.post("/preview/{peer}", status_code=204)
    async def answer(peer: str, body: models.AnswerBody) -> None:
        await ports.calls.preview_answer(peer, body.model_dump())

    @routes.delete("/preview/{peer}", status_code=204)
    async def close(peer: str) -> None:
        await ports.calls.preview_close(peer)


def _talk(routes: APIRouter, ports: Ports) -> None:
    @routes.post("/talk")
    async def talk() -> Json:
        peer, description = await ports.calls.talk()
        return {"peer": peer, "description": description}

    @routes.post("/talk/{peer}", status_code=204)
    async def answer(peer: str, body: models.AnswerBody) -> None:
        await ports.calls.talk_answer(peer, body.model_dump())

    @routes.delete("/talk/{peer}", status_code=204)
    async def close(peer: str) -> None:
        await ports.calls.talk_close(peer)


def _simulator(routes: APIRouter, ports: Ports) -> None:
    simulator = ports.simulator
    if simulator is None:
        return

    @routes.get("/simulator")
    async def describe() -> Json:
        return simulator.describe()

    @routes.post("/simulator/{device}")
    async def act(device: str, body: models.SimulateBody) -> Json:
        return await simulator.act(device, body.action, body.recording)
