"""The unit's web server: one socket on loopback, small limits, ended by us and not by signals of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from appliance.api.guard import App
from appliance.config import ConfigError, Server

MAX_MESSAGE = 64 * 1024
LAST_REQUESTS_S = 1


class _Uvicorn(uvicorn.Server):
    """Signals belong to the composition root."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(server: Server) -> socket.socket:
    """The socket to serve on; `ConfigError` says who has it when it is not free."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((server.host, server.port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"server.port: {server.host}:{server.port} cannot be used ({error.strerror}): is another Chevet running? "
            "Stop it, or choose another port"
        ) from error
    sock.setblocking(False)
    return sock


async def serve(app: App, sock: socket.socket) -> None:
    """Serve until cancelled; then let the last requests end, shortly."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws_max_size=MAX_MESSAGE,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        limit_concurrency=64,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=LAST_REQUESTS_S,
        h11_max_incomplete_event_size=32 * 1024,
    )
    server = _Uvicorn(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="web server")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=LAST_REQUESTS_S + 1)
        raise
