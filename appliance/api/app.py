"""The unit's web application: routes, errors in one form, the guard, and the kiosk's files."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from appliance.api.guard import App, Guard
from appliance.api.ports import Ports
from appliance.api.routes import router
from appliance.care.errors import Refused
from appliance.records.errors import StorageFull, StoreError, Unknown

log = logging.getLogger(__name__)

STATUS = {
    "identity-not-readable": 422,
    "two-identifiers": 422,
    "homonym": 409,
    "other-consultation": 409,
    "implausible": 422,
    "no-consent": 409,
    "wrong-unit": 422,
    "not-a-number": 422,
    "no-such-metric": 422,
    "no-such-consultation": 404,
    "no-consultation": 404,
    "no-such-result": 404,
    "no-such-device": 404,
    "no-such-source": 404,
    "no-such-peer": 404,
    "no-such-recording": 404,
    "no-such-unknown": 404,
    "no-such-driver": 422,
    "no-such-entry": 404,
    "platform-unreached": 503,
    "wrong-driver": 422,
    "not-kept": 507,
    "not-logged-in": 401,
    "pin-wrong": 403,
    "pin-locked-out": 403,
    "pin-not-possible": 422,
    "storage-full": 507,
    "bad-request": 422,
}
NO_UI = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Chevet</title>
<p>The screens are not built yet. Run <code>make ui</code> in the project's folder, then reload this page.</p></html>"""


def build(ports: Ports) -> App:
    """The ASGI application."""
    app = FastAPI(title="Chevet unit", version="1", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.include_router(router(ports))
    _errors(app)
    if ports.ui is not None:
        app.mount("/", StaticFiles(directory=ports.ui, html=True), name="ui")
    else:
        app.add_api_route("/", lambda: HTMLResponse(NO_UI), include_in_schema=False)
    return Guard(app, ports.settings.server.port)


def _errors(app: FastAPI) -> None:
    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return _error(STATUS.get(error.code, 409), error.code, str(error))

    def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _error(422, "invalid-request", f"{where}: {first['msg'].removeprefix('Value error, ')}")

    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _error(error.status_code, "not-found" if error.status_code == 404 else "http", str(error.detail))

    def full(_: Request, error: Exception) -> Response:
        return _error(507, "storage-full", str(error))

    def store(_: Request, error: Exception) -> Response:
        log.error("records: %s", error)
        return _error(503, "records-not-writable", str(error))

    def unknown(_: Request, error: Exception) -> Response:
        return _error(404, "not-found", str(error))

    def unexpected(request: Request, error: Exception) -> Response:
        log.error("fault in %s %s", request.method, request.scope.get("route"), exc_info=error)
        return _error(500, "fault", "the unit has a fault of its own; what was saved before is saved")

    for kind, handler in (
        (Refused, refused),
        (RequestValidationError, invalid),
        (HTTPException, http),
        (StorageFull, full),
        (StoreError, store),
        (Unknown, unknown),
        (Exception, unexpected),
    ):
        app.add_exception_handler(kind, handler)


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": code, "message": message}, status)
