"""The platform on a bad day, at the turn of a switch: what a unit must live through, losing and inventing nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from appliance.demo.hosted.transaction import outcome
from appliance.platform.fhir.text import NotJson, dumps, loads

MODES = {
    "normal": "answers as it should",
    "slow": "answers after a delay",
    "refuse": "422 with an OperationOutcome, nothing is stored",
    "down": "closes every connection without an answer, drops the link",
    "garbage": "200 with an HTML page, nothing is stored",
    "half": "stores, and cuts its answer in the middle",
    "lie": "200 with a transaction-response, nothing is stored",
    "busy": "429 with Retry-After, nothing is stored",
}
FHIR_JSON = "application/fhir+json"
BUSY_S = 1


@dataclass(slots=True)
class Switches:
    """The mode the platform is in."""

    mode: str = "normal"
    delay_s: float = 2.0


class Plug(H11Protocol):
    """HTTP whose plug can be pulled: the transport is in `scope["state"]["transport"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the transport of this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Mishaps:
    """ASGI around the unit's two doors, `/fhir` and `/link`."""

    def __init__(self, app: ASGIApp, switches: Switches) -> None:
        self._app, self._switches = app, switches
        self._acts: dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]] = {
            "slow": self._slow,
            "refuse": _refuse,
            "garbage": _garbage,
            "half": self._half,
            "lie": _lie,
            "busy": _busy,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path, mode = scope.get("path", ""), self._switches.mode
        if mode == "down" and path.startswith(("/fhir", "/link")):
            await _pull(scope, receive)
        elif path.startswith("/fhir"):
            await self._acts.get(mode, self._app)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _slow(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(self._switches.delay_s)
        await self._app(scope, receive, send)

    async def _half(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = Response()
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                whole.status_code = message["status"]
            body.extend(message.get("body", b""))

        await self._app(scope, receive, collect)
        await Response(bytes(body[: len(body) // 2]), whole.status_code, media_type=FHIR_JSON)(scope, receive, send)


async def _pull(scope: Scope, receive: Receive) -> None:
    scope["state"]["transport"].abort()
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    words = "Refused by the switch of the stand-in platform."
    await Response(dumps(outcome("business-rule", words)), 422, media_type=FHIR_JSON)(scope, receive, send)


async def _garbage(scope: Scope, receive: Receive, send: Send) -> None:
    await HTMLResponse("<html><body><h1>Welcome to the guest network</h1></body></html>")(scope, receive, send)


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Retry-After": str(BUSY_S)}
    await Response(dumps(outcome("throttled", "busy")), 429, headers, FHIR_JSON)(scope, receive, send)


async def _lie(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        bundle = loads(await Request(scope, receive).body())
    except NotJson:
        bundle = {}
    sent = bundle.get("entry", []) if isinstance(bundle, dict) else []
    entries = [{"response": {"status": "201 Created", "location": f"Basic/{number}"}} for number in range(len(sent))]
    answer = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
    await Response(dumps(answer), 200, media_type=FHIR_JSON)(scope, receive, send)
