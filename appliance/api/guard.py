"""Who may talk to the unit: its own pages on loopback. Everything else on the machine's browser is a stranger.

A page of another origin could otherwise reach a service on loopback (DNS rebinding, cross-site requests, WebSockets
are not bound by CORS). RFC 6454 (origin), RFC 9110 section 7.2 (Host).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 64 * 1024

# The UI is one origin with no inline script; the call and the sound need nothing from anywhere else.
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        b"connect-src 'self' ws://127.0.0.1:* ws://localhost:*; worker-src 'self' blob:; frame-ancestors 'none'; "
        b"base-uri 'none'; form-action 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """ASGI middleware: refuses foreign hosts and origins and large bodies, adds security headers."""

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost", "[::1]"))
        self._origins = frozenset(b"http://" + host for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification, version 3."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refusal = self._refusal(headers)
        if refusal is not None:
            await _refuse(scope, send, *refusal)
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, bytes] | None:
        if headers.get(b"host") not in self._hosts:
            return 421, b'{"error":"wrong-host","message":"this unit answers on its own address only"}'
        origin = headers.get(b"origin")
        if origin is not None and origin not in self._origins:
            return 403, b'{"error":"wrong-origin","message":"only the unit\'s own pages may do this"}'
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY or b"chunked" in headers.get(b"transfer-encoding", b""):
            return 413, b'{"error":"too-large","message":"a request has at most 64 KiB, of a length that it tells"}'
        return None


async def _refuse(scope: Scope, send: Send, status: int, body: bytes) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *HEADERS]
        await send(message)

    return wrapped
