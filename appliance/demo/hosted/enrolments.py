"""Units that ask to be enrolled, and the technician's page on which a person decides (docs/protocol.md, section 8)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import Annotated, Any, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse

Json = dict[str, Any]
MOST = 100

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Enrol {serial}</title><style>body{{font:18px sans-serif;max-width:28rem;margin:2rem auto;padding:0 1rem}}
b.digits{{font-size:4rem;letter-spacing:.3em}}button{{font:inherit;padding:1rem 2rem;margin:.5rem 0;width:100%}}</style>
<h1>{serial}</h1><p>Key {key}…</p><p>Does the unit's screen show these digits?<br><b class="digits">{digits}</b></p>
<p>Site: {site}. Tap the room:</p>{rooms}<button>No, refuse this unit</button>
<p id="said" role="status"></p>
<script>for(const b of document.querySelectorAll('button'))b.onclick=async()=>{{const r=await fetch(location.pathname,
{{method:'POST',headers:{{'content-type':'application/json'}},body:JSON.stringify(b.dataset.room?{{decision:'approve',
room:b.dataset.room}}:{{decision:'refuse'}})}});
document.getElementById('said').textContent=r.ok?'Done.':'Not done.'}}</script>"""


class Asked(BaseModel):
    """What a unit says of itself."""

    model_config = ConfigDict(extra="forbid")
    serial: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    version: Annotated[str, Field(max_length=64)]
    proof: Annotated[str, Field(pattern=r"^[0-9a-f]{16,200}$")]
    request: Annotated[str, Field(max_length=8192)]


class Decision(BaseModel):
    """What the technician taps."""

    model_config = ConfigDict(extra="forbid")
    decision: Literal["approve", "refuse"]
    room: Annotated[str, Field(max_length=80)] = ""


@dataclass
class Site:
    """What an approved unit is told: where certificates are issued, and what its settings are."""

    name: str = "Demo site"
    rooms: tuple[str, ...] = ("Room 1", "Room 2")
    est: Json = field(default_factory=lambda: {"url": "https://127.0.0.1:9", "authority": ""})
    signer: str = ""
    configuration: str = ""


@dataclass
class _Enrolment:
    asked: Asked
    nonce: str
    state: str = "waiting"
    room: str = ""


def routes(site: Site, root: str) -> APIRouter:
    """The unit's two routes, and the technician's page. `root`: the address that the code leads to."""
    found, known = APIRouter(), dict[str, _Enrolment]()

    def the(name: str) -> _Enrolment:
        if name not in known:
            raise HTTPException(404, "no such enrolment")
        return known[name]

    @found.post("/v1/enrolments", status_code=201)
    async def open_(asked: Asked) -> Json:
        _prove(asked)
        while len(known) >= MOST:
            known.pop(next(iter(known)))
        name, nonce = secrets.token_urlsafe(18), secrets.token_hex(16)
        known[name] = _Enrolment(asked, nonce)
        return {"enrolment": name, "nonce": nonce, "scan": f"{root}/enrol/{name}?k={asked.key[:16]}"}

    @found.get("/v1/enrolments/{name}")
    async def state(name: str) -> Json:
        one = the(name)
        if one.state != "approved":
            return {"state": one.state}
        said = {"unit": f"{one.room} cart", "site": site.name, "room": one.room, "est": site.est}
        settings = {"signer": site.signer, "configuration": site.configuration} if site.signer else {}
        return {"state": "approved", "approved": said | settings}

    @found.get("/enrol/{name}")
    async def page(name: str, k: str = "") -> HTMLResponse:
        one = the(name)
        if not hmac.compare_digest(k, one.asked.key[:16]):
            raise HTTPException(409, "the code that was scanned is not of the unit that asked")
        rooms = "".join(f'<button data-room="{escape(room)}">{escape(room)}</button>' for room in site.rooms)
        said = {"serial": one.asked.serial, "key": one.asked.key[:16], "site": escape(site.name)}
        return HTMLResponse(PAGE.format(**said, rooms=rooms, digits=_digits(one)))

    @found.post("/enrol/{name}", status_code=204)
    async def decide(name: str, said: Decision) -> None:
        one = the(name)
        if one.state != "waiting":
            raise HTTPException(409, "it was decided already")
        if said.decision == "approve" and said.room not in site.rooms:
            raise HTTPException(422, "no such room")
        one.state, one.room = ("approved", said.room) if said.decision == "approve" else ("refused", "")

    return found


def _prove(asked: Asked) -> None:
    """Whether the unit has the key that it names."""
    try:
        public = x509.load_pem_x509_csr(asked.request.encode()).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        said = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert hashlib.sha256(said).hexdigest() == asked.key
        message = f"{asked.serial}\n{asked.key}\n{asked.nonce}".encode()
        public.verify(bytes.fromhex(asked.proof), message, ec.ECDSA(hashes.SHA256()))
    except (ValueError, AssertionError, InvalidSignature) as error:
        raise HTTPException(403, "the unit does not prove the key that it names") from error


def _digits(one: _Enrolment) -> str:
    said = f"chevet enrolment 1\n{one.asked.key}\n{one.asked.nonce}\n{one.nonce}"
    return f"{int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], 'big') % 1000:03d}"
