"""Janus, the media server of Debian, behind a small WHIP door (RFC 9725): one room of its VideoRoom.

Janus has no candidate on loopback: media go by an address of this machine's own, and never leave it.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appliance.media.aioice_inside import host_addresses

JANUS = Path("/usr/bin/janus")
ROOM = 1234
START_S, ANSWER_S = 60.0, 20.0
GENERAL = """general: {{ configs_folder = "{folder}" server_name = "test" session_timeout = 120 debug_level = 3 }}
nat: {{ ice_enforce_list = "{address}" ice_lite = false full_trickle = false }}
media: {{ dtls_timeout = 500 }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
HTTP = """general: {{ json = "compact" base_path = "/janus" http = true port = {port} ip = "{address}" https = false }}
admin: {{ admin_http = false admin_https = false }}
"""
ROOMS = """room-1234: {{ description = "Room" publishers = 8 bitrate = {bitrate} bitrate_cap = true fir_freq = 0
 audiocodec = "opus" videocodec = "h264,vp8" h264_profile = "42e01f" record = false notify_joining = false }}
"""
PLUGINS = ("audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom")
TRANSPORTS = ("websockets", "rabbitmq", "mqtt", "nanomsg", "pfunix")


def own_address() -> str | None:
    """An IPv4 address of this machine that is not loopback's; None on one that has none."""
    found = sorted(one for one in host_addresses() if "." in one and not one.startswith("127."))
    return found[0] if found else None


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class Handle:
    """One handle of the plugin: what it says comes by `said`."""

    janus: Janus
    id: int
    said: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    told: list[str] = field(default_factory=list)  # webrtcup, hangup, slowlink: what Janus says of the connection

    async def ask(self, body: dict[str, Any], sdp: tuple[str, str] | None = None) -> dict[str, Any]:
        """A message to the plugin, and its answer."""
        message: dict[str, Any] = {"janus": "message", "body": body}
        if sdp is not None:
            message["jsep"] = {"type": sdp[0], "sdp": sdp[1]}
        mark = await self.janus.post(f"/{self.janus.session}/{self.id}", message)
        async with asyncio.timeout(ANSWER_S):
            while True:
                said = await self.said.get()
                if said.get("transaction") == mark:
                    return said

    async def trickle(self, candidate: dict[str, Any]) -> None:
        """One candidate, or `{"completed": True}`."""
        await self.janus.post(f"/{self.janus.session}/{self.id}", {"janus": "trickle", "candidate": candidate})

    async def leave(self) -> None:
        """Give the handle back."""
        await self.janus.post(f"/{self.janus.session}/{self.id}", {"janus": "detach"})


class Janus:
    """`async with` it. `prefix`: words before the command, such as those that enter a network namespace."""

    def __init__(self, folder: Path, address: str, bitrate: int = 6_000_000, prefix: tuple[str, ...] = ()) -> None:
        self._folder, self._bitrate, self._address, self._prefix = folder, bitrate, address, prefix
        self.port = free_port()
        self.session = 0
        self._handles: dict[int, Handle] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.AsyncClient(timeout=60, trust_env=False)
        self._poll: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Janus:
        self._folder.mkdir(parents=True, exist_ok=True)
        unused = [",".join(f"libjanus_{name}.so" for name in names) for names in (PLUGINS, TRANSPORTS)]
        facts = {"folder": self._folder, "port": self.port, "bitrate": self._bitrate}
        facts |= {"plugins": unused[0], "transports": unused[1]}
        files = {"janus.jcfg": GENERAL, "janus.transport.http.jcfg": HTTP, "janus.plugin.videoroom.jcfg": ROOMS}
        for name, text in files.items():
            (self._folder / name).write_text(text.format(address=self._address, **facts))
        log = (self._folder / "janus.log").open("wb")
        words = [*self._prefix, str(JANUS), "-C", str(self._folder / "janus.jcfg"), "-F", str(self._folder)]
        self._process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        async with asyncio.timeout(START_S):
            while not self.session:
                assert self._process.poll() is None, (self._folder / "janus.log").read_text()[-2000:]
                with suppress(httpx.HTTPError):
                    got = await self._http.post(self._url(""), json={"janus": "create", "transaction": "create"})
                    self.session = got.json()["data"]["id"]
                await asyncio.sleep(0.05)
        self._poll = asyncio.create_task(self._events(), name="janus-events")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)
        await self._http.aclose()
        if self._process is not None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, 10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _url(self, path: str) -> str:
        return f"http://{self._address}:{self.port}/janus{path}"

    async def post(self, path: str, message: dict[str, Any]) -> str:
        """A message to Janus itself: its mark. `AssertionError` where Janus refuses it."""
        mark = f"{random.getrandbits(64):016x}"
        got = (await self._http.post(self._url(path), json={**message, "transaction": mark})).json()
        assert got["janus"] in {"success", "ack"}, got
        return mark

    async def handle(self) -> Handle:
        """A new handle of the VideoRoom."""
        mark = {"janus": "attach", "plugin": "janus.plugin.videoroom", "transaction": "attach"}
        got = (await self._http.post(self._url(f"/{self.session}"), json=mark)).json()
        made = self._handles[got["data"]["id"]] = Handle(self, got["data"]["id"])
        return made

    async def _events(self) -> None:
        while True:
            got = (await self._http.get(self._url(f"/{self.session}"), params={"maxev": 10})).json()
            for event in got if isinstance(got, list) else [got]:
                handle = self._handles.get(event.get("sender", 0))
                if handle is not None:
                    handle.told.append(event["janus"])
                    handle.said.put_nowait(event)

    async def subscriber(self, feed: int) -> tuple[Handle, str]:
        """One who watches all of a feed: its handle, and the offer to it."""
        handle = await self.handle()
        body = {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}]}
        said = await handle.ask(body)
        assert "jsep" in said, said
        return handle, said["jsep"]["sdp"]


@dataclass
class Session:
    """What a POST made."""

    handle: Handle
    feed: int
    offer: str
    tag: int = 1


class Door:
    """The WHIP door. `links`: what its Link header names. `requests`: method and path of all that came, in order."""

    def __init__(self, janus: Janus, token: str, links: str = "") -> None:
        self.janus, self.token, self.links = janus, token, links
        self.sessions: dict[str, Session] = {}
        self.requests: list[str] = []
        self.fragments: list[str] = []
        self.down = False
        self.port = 0
        routes = [
            Route("/whip", self._post, methods=["POST"]),
            Route("/session/{name}", self._session, methods=["PATCH", "DELETE"]),
        ]
        settings = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off")
        self._server = uvicorn.Server(settings)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Door:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve([sock]), name="door")
        async with asyncio.timeout(START_S):
            while not self._server.started:
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    @property
    def url(self) -> str:
        """Where offers go."""
        return f"http://127.0.0.1:{self.port}/whip"

    def _turned_away(self, request: Request) -> Response | None:
        self.requests.append(f"{request.method} {request.url.path}")
        if self.down:
            return Response(status_code=503)
        given = request.headers.get("authorization")
        return None if given == f"Bearer {self.token}" else Response(status_code=401)

    async def _post(self, request: Request) -> Response:
        refused = self._turned_away(request)
        if refused is not None:
            return refused
        offer, feed, handle = (await request.body()).decode(), random.randint(1, 10**6), await self.janus.handle()
        await handle.ask({"request": "join", "ptype": "publisher", "room": ROOM, "id": feed})
        said = await handle.ask({"request": "configure"}, ("offer", offer))
        if "jsep" not in said:
            return Response(str(said), 406)
        name = str(feed)
        self.sessions[name] = Session(handle, feed, offer)
        headers = {"Location": f"/session/{name}", "ETag": '"1"', **({"Link": self.links} if self.links else {})}
        return Response(said["jsep"]["sdp"], 201, headers, "application/sdp")

    async def _session(self, request: Request) -> Response:
        refused = self._turned_away(request)
        session = self.sessions.get(request.path_params["name"])
        if refused is not None or session is None:
            return refused or Response(status_code=404)
        if request.method == "DELETE":
            del self.sessions[request.path_params["name"]]
            await session.handle.leave()
            return Response(status_code=200)
        text = (await request.body()).decode()
        self.fragments.append(text)
        match = request.headers.get("if-match")
        if match == "*":
            return await self._restart(session, text)
        if match != f'"{session.tag}"':
            return Response(status_code=412)
        for candidate in re.findall(r"(?m)^a=(candidate:[^\r\n]+)", text):
            await session.handle.trickle({"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0})
        if "a=end-of-candidates" in text:
            await session.handle.trickle({"completed": True})
        return Response(status_code=204)

    async def _restart(self, session: Session, text: str) -> Response:
        """The same offer with new credentials and candidates (RFC 9725, 4.3.3), as a browser would make it."""
        offer = re.sub(r"(?m)^a=(candidate|end-of-candidates).*\r\n", "", session.offer)
        for name in ("ice-ufrag", "ice-pwd"):
            found = re.search(rf"(?m)^a={name}:[^\r\n]+", text)
            if found is None:
                return Response(status_code=400)
            offer = re.sub(rf"(?m)^a={name}:[^\r\n]+", found[0], offer)
        offer = re.sub(r"(?m)^o=(\S+ \S+) (\d+)", lambda old: f"o={old[1]} {int(old[2]) + session.tag}", offer)
        told = "".join(f"{line}\r\n" for line in re.findall(r"(?m)^a=candidate:[^\r\n]+", text))
        offer = re.sub(r"(?m)^(a=ice-pwd:[^\r\n]+\r\n)", lambda old: old[0] + told, offer)
        said = await session.handle.ask({"request": "configure"}, ("offer", offer))
        answer = said["jsep"]["sdp"]
        session.tag += 1
        wanted = r"(?m)^a=(?:ice-ufrag|ice-pwd|candidate):?[^\r\n]+"
        body = "\r\n".join(dict.fromkeys(re.findall(wanted, answer))) + "\r\n"
        return Response(body, 200, {"ETag": f'"{session.tag}"'}, "application/trickle-ice-sdpfrag")
