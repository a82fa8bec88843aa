"""`/fhir`: docs/protocol.md, section 1.

Writing needs the unit's token. Reading needs none: this is a bench on loopback that holds made-up patients, and people
look at it with curl.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from appliance.demo.hosted.access import Access
from appliance.demo.hosted.resources import Resources
from appliance.demo.hosted.transaction import REQUIRED, Refusal, outcome, run, token
from appliance.platform.fhir.text import NotJson, Resource, dumps, loads

FHIR_JSON = "application/fhir+json"
MAX_BUNDLE = 1 << 20  # bytes
MAX_OBJECT = 64 << 20


def routes(resources: Resources, access: Access, stored: Callable[[list[Resource]], None]) -> APIRouter:
    """The FHIR server; `stored` is told the resources of each transaction once they are on the disk."""
    router = APIRouter(prefix="/fhir")

    @router.get("/metadata")
    async def metadata() -> Response:
        return _fhir(_capabilities())

    @router.post("")
    @router.post("/")
    async def transact(request: Request) -> Response:
        if not access.is_unit(request.headers):
            return _refused(Refusal(401, "login", "the unit's bearer token is wanted"))
        try:
            bundle = loads(await _body(request, MAX_BUNDLE))
            answer = await run_in_threadpool(run, resources, bundle)
        except NotJson as error:
            return _refused(Refusal(400, "structure", str(error)))
        except Refusal as refusal:
            return _refused(refusal)
        stored([entry["resource"] for entry in answer["entry"]])
        if "return=minimal" in request.headers.get("prefer", ""):
            answer["entry"] = [{"response": entry["response"]} for entry in answer["entry"]]
        return _fhir(answer)

    @router.put("/Binary/{sha256}")
    async def put_object(sha256: str, request: Request) -> Response:
        if not access.is_unit(request.headers):
            return _refused(Refusal(401, "login", "the unit's bearer token is wanted"))
        try:
            data = await _body(request, MAX_OBJECT)
        except Refusal as refusal:
            return _refused(refusal)
        got = hashlib.sha256(data).hexdigest()
        if got != sha256:
            return _refused(Refusal(422, "value", f"the bytes have the SHA-256 {got}, not {sha256[:64]}"))
        media_type = request.headers.get("content-type", "application/octet-stream")
        new = await run_in_threadpool(resources.put_object, sha256, media_type, data)
        return Response(status_code=201 if new else 200, headers={"Location": f"Binary/{sha256}"})

    @router.get("/Binary/{sha256}")
    async def get_object(sha256: str) -> Response:
        found = await run_in_threadpool(resources.object, sha256)
        if found is None:
            return _refused(Refusal(404, "not-found", f"no Binary/{sha256[:64]}"))
        return Response(found[1], media_type=found[0])

    @router.get("/{kind}/{name}")
    async def read(kind: str, name: str) -> Response:
        found = await run_in_threadpool(resources.read, kind, name)
        return _refused(Refusal(404, "not-found", f"no {kind}/{name}")) if found is None else _fhir(found)

    @router.get("/{kind}")
    async def search(kind: str, request: Request) -> Response:
        try:
            return _fhir(await run_in_threadpool(_found, resources, kind, request.url.query))
        except Refusal as refusal:
            return _refused(refusal)

    return router


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(413, "too-long", f"at most {limit} bytes are taken")
    return bytes(body)


def _found(resources: Resources, kind: str, query: str) -> Resource:
    names = resources.find(kind, token(query)) if query else resources.all(kind)
    found = [resource for name in names if (resource := resources.read(kind, name)) is not None]
    entries = [{"fullUrl": f"{kind}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}


def _fhir(resource: Any, status: int = 200) -> Response:
    return Response(dumps(resource), status, media_type=FHIR_JSON)


def _refused(refusal: Refusal) -> Response:
    return _fhir(outcome(refusal.code, refusal.words), refusal.status)


def _capabilities() -> Resource:
    conditional = {"conditionalCreate": True, "conditionalUpdate": True}
    search = [{"name": "identifier", "type": "token"}, {"name": "_tag", "type": "token"}]
    interaction = [{"code": code} for code in ("read", "search-type", "create", "update")]
    kinds = [{"type": kind, "interaction": interaction, **conditional, "searchParam": search} for kind in REQUIRED]
    binary = {"type": "Binary", "interaction": [{"code": "read"}, {"code": "update"}], "updateCreate": True}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-23",
        "kind": "instance",
        "implementation": {"description": "Chevet's stand-in for a hosted platform"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "interaction": [{"code": "transaction"}], "resource": [*kinds, binary]}],
    }
