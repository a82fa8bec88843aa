"""`python -m appliance.demo.platform`: a hosted platform to try a unit against, on this machine only.

It keeps FHIR resources, relays the call between unit and doctor, serves the doctor's page, and misbehaves on demand.
A real platform needs nothing of it, only docs/protocol.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn

from appliance.demo.hosted import sockets
from appliance.demo.hosted.app import build
from appliance.demo.hosted.switches import Plug

HOST = "127.0.0.1"


def server(port: int, ui: Path, state: Path, token: str) -> uvicorn.Server:
    """The server, not yet started. `token`: what the unit must show."""
    hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
    config = uvicorn.Config(
        build(state, ui, token, hosts),
        host=HOST,
        port=port,
        http=Plug,
        ws="websockets-sansio",
        ws_max_size=sockets.MAX_MESSAGE,
        ws_ping_interval=10,
        ws_ping_timeout=10,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def main() -> int:
    """Run until stopped; 2 when it cannot start."""
    arguments = _arguments()
    try:
        token = arguments.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        print(f"the token file {arguments.token_file} cannot be read: {error}", file=sys.stderr)
        return 2
    if len(token) < 16:
        print(f"the token file {arguments.token_file} must hold a token of 16 characters or more", file=sys.stderr)
        return 2
    running = server(arguments.port, arguments.ui, arguments.state, token)
    print(f"stand-in platform: http://{HOST}:{arguments.port}/", flush=True)
    running.run()
    return 0 if running.started else 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m appliance.demo.platform", description=__doc__)
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--ui", type=Path, default=Path("kiosk_ui/dist"), help="folder with the built viewer.html")
    parser.add_argument("--state", type=Path, default=Path("state/platform"), help="folder for what is received")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the unit's bearer token")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
