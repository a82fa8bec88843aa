"""Who may speak to the stand-in: the unit by its token, the viewer by this run's, pages by their origin."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Access:
    """The tokens of this run. `hosts` are the `host:port` texts this server is known by."""

    unit_token: str
    viewer_token: str
    hosts: frozenset[str]

    def is_unit(self, headers: Headers) -> bool:
        """Whether a request carries the unit's bearer token."""
        return _same(_bearer(headers), self.unit_token)

    def is_viewer(self, token: str) -> bool:
        """Whether this is the token that the platform's page hands to a viewer."""
        return _same(token, self.viewer_token)

    def is_ours(self, headers: Headers) -> bool:
        """Host is ours, and Origin too where a browser sends one: no foreign page, no rebound name."""
        origin = headers.get("origin")
        own_page = origin is None or (origin.startswith("http://") and origin.removeprefix("http://") in self.hosts)
        return headers.get("host", "") in self.hosts and own_page


class OwnOnly:
    """Turns away every request, HTTP or WebSocket, that names another host or comes from another origin."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan" or self._access.is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": "another host or origin"})
        else:
            await PlainTextResponse("another host or origin", 403)(scope, receive, send)


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _same(given: str, wanted: str) -> bool:
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
