"""The stand-in platform, put together."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from appliance.demo.hosted import dossiers, enrolments, fhir_routes, pages, sockets, worklist
from appliance.demo.hosted.access import Access, OwnOnly
from appliance.demo.hosted.resources import Resources
from appliance.demo.hosted.rooms import Rooms
from appliance.demo.hosted.switches import Mishaps, Switches
from appliance.platform.fhir.text import Resource

REPEATED_RECEIPTS = 200


def build(
    state: Path, ui: Path, unit_token: str, hosts: frozenset[str], site: enrolments.Site | None = None
) -> FastAPI:
    """The application. `state`: a folder for its database; `ui`: the folder with the built viewer."""
    resources = Resources(state / "platform.db")
    access = Access(unit_token, secrets.token_urlsafe(24), hosts)
    switches = Switches()
    rooms = Rooms(resources.add_receipt, lambda: resources.receipts(REPEATED_RECEIPTS), [])

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        resources.close()

    app = FastAPI(title="Stand-in platform", lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(worklist.routes(access))  # before the search of what was received
    app.include_router(fhir_routes.routes(resources, access, _tell(resources, rooms)))
    app.include_router(sockets.routes(rooms, access))
    app.include_router(dossiers.routes(resources, rooms))
    app.include_router(enrolments.routes(site or enrolments.Site(), f"http://{min(hosts)}"))
    app.include_router(pages.routes(resources, rooms, switches, access.viewer_token, ui))
    if ui.is_dir():
        app.mount("/", StaticFiles(directory=ui))
    app.add_middleware(Mishaps, switches=switches)
    app.add_middleware(OwnOnly, access=access)
    return app


def _tell(resources: Resources, rooms: Rooms) -> Callable[[list[Resource]], None]:
    """Tells the viewers of a consultation of each result that was stored."""
    running: set[asyncio.Task[None]] = set()

    def stored(written: list[Resource]) -> None:
        for resource in written:
            identifier = pages.result_identifier(resource)
            where = resource.get("encounter", {}).get("reference", "")
            if identifier is not None and where.startswith("Encounter/"):
                task = asyncio.create_task(tell(resource, identifier, where.removeprefix("Encounter/")))
                running.add(task)
                task.add_done_callback(running.discard)

    async def tell(resource: Resource, identifier: str, encounter: str) -> None:
        found = await asyncio.to_thread(resources.read, "Encounter", encounter)
        for one in (found or {}).get("identifier", []):
            kind = resource["resourceType"]
            consultation = str(one.get("value", "")).removeprefix("urn:uuid:")
            rooms.persisted(consultation, identifier, kind, f"{kind}/{resource['id']}")

    return stored
