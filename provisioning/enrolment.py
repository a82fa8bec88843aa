"""From a box to a unit of a site: a technician scans the unit's code, compares three digits, and taps the room.

Nothing is typed and nothing is shared. The unit names its key; the platform says what a person has decided about it,
and only then where certificates are issued. The three digits come from the unit's key and from both nonces: they differ
where somebody stands between, or where the technician looks at another cart of the row (docs/protocol.md, section 8).
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import httpx
import msgspec
import segno
from cryptography import x509
from msgspec import Meta, Struct

from provisioning import est, identity
from provisioning.identity import Identity
from provisioning.private import ProvisionError

ANSWER_CAP = 512 * 1024
WAIT_S, EVERY_S = 15.0, 2.0
LIFE_S = 900.0  # of one code; a new one is shown after it

Text = Annotated[str, Meta(max_length=512)]
Pem = Annotated[str, Meta(max_length=64 * 1024)]
Told = TypeVar("Told")


class Opened(Struct, frozen=True, forbid_unknown_fields=True):
    """The platform knows that the unit is there. `scan`: what the code on the screen holds."""

    enrolment: Annotated[str, Meta(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]
    nonce: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    scan: Text


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """Where certificates are issued, proven by `authority`, to who knows this password once."""

    url: Text
    authority: Pem
    user: Text = ""
    password: Text = ""


class Approved(Struct, frozen=True, forbid_unknown_fields=True):
    """What a technician decided: who the unit is, where it stands, and its signed settings (see `configuration`)."""

    est: Issuer
    unit: Text
    site: Text
    room: Text
    signer: Pem = ""
    configuration: Annotated[str, Meta(max_length=256 * 1024)] = ""


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """How it stands."""

    state: Literal["waiting", "approved", "refused"]
    approved: Approved | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """What the unit shows."""

    scan: str
    digits: str

    def terminal(self) -> str:
        """The code in block characters."""
        lines: list[str] = []
        matrix = [list(row) for row in segno.make(self.scan, error="m").matrix_iter(border=2)]
        for upper, lower in zip(matrix[::2], [*matrix[1::2], [0] * len(matrix[0])], strict=False):
            lines.append("".join(" ▄▀█"[(not low) + 2 * (not up)] for up, low in zip(upper, lower, strict=True)))
        return "\n".join(lines)

    def svg(self) -> str:
        """The code as a picture."""
        return str(segno.make(self.scan, error="m").svg_inline(scale=8, border=4))


def digits(fingerprint: str, ours: str, theirs: str) -> str:
    """The three digits that both screens show."""
    said = hashlib.sha256(f"chevet enrolment 1\n{fingerprint}\n{ours}\n{theirs}".encode()).digest()
    return f"{int.from_bytes(said[:8], 'big') % 1000:03d}"


class Enrolment:
    """One attempt. Methods raise `ProvisionError` with a sentence for the technician."""

    def __init__(self, platform: str, unit: Identity, serial: str, version: str, tls: ssl.SSLContext) -> None:
        self._url = f"{platform.rstrip('/')}/v1/enrolments"
        self._unit, self._serial, self._version, self._tls = unit, serial, version, tls
        self._opened: Opened | None = None

    def open(self) -> Code:
        """Tell the platform that the unit is there; what to show."""
        ours, mine = secrets.token_hex(16), self._unit.fingerprint()
        said = {"serial": self._serial, "key": mine, "nonce": ours, "version": self._version}
        proof = self._unit.sign(f"{self._serial}\n{mine}\n{ours}".encode()).hex()
        request = identity.pem_request(self._unit.request(self._serial))
        opened = self._ask("POST", self._url, {**said, "proof": proof, "request": request}, Opened)
        self._opened = opened
        return Code(opened.scan, digits(mine, ours, opened.nonce))

    def wait(self, sleep: Callable[[float], None] = time.sleep, life_s: float = LIFE_S) -> Approved:
        """What the technician decided."""
        assert self._opened is not None, "open() comes first"
        until = time.monotonic() + life_s
        while time.monotonic() < until:
            found = self._ask("GET", f"{self._url}/{self._opened.enrolment}", None, State)
            if found.state == "refused":
                raise ProvisionError("the technician refused this unit: the digits or the serial number did not match")
            if found.state == "approved" and found.approved is not None:
                return found.approved
            sleep(EVERY_S)
        raise ProvisionError(f"nobody has scanned the code in {life_s / 60:g} minutes; start again for a new one")

    def certify(self, approved: Approved, sleep: Callable[[float], None] = time.sleep) -> x509.Certificate:
        """Fetch the unit's certificate and keep it."""
        server = issuer(approved.est)
        trusted = est.authority(server)
        chain = est.enroll(server, self._unit.request(self._serial), trusted, sleep=sleep)
        self._unit.keep(chain, trusted)
        return chain[0]

    def _ask(self, method: str, url: str, body: object, wanted: type[Told]) -> Told:
        try:
            with (
                httpx.Client(verify=self._tls, timeout=WAIT_S, trust_env=False) as http,
                http.stream(method, url, json=body) as answer,
            ):
                read = bytearray()
                for piece in answer.iter_bytes():
                    read += piece
                    if len(read) > ANSWER_CAP:
                        raise ProvisionError(f"{url}: more than {ANSWER_CAP} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProvisionError(f"{url}: {error or type(error).__name__}: is the cable in?") from error
        if not answer.is_success:
            raise ProvisionError(f"{url}: the platform answered {answer.status_code}")
        try:
            return msgspec.json.decode(bytes(read), type=wanted)
        except msgspec.DecodeError as error:
            raise ProvisionError(f"{url}: the platform answered something else than was asked: {error}") from error


def issuer(where: Issuer) -> est.Server:
    """The issuing server, trusted by the authority that the platform named and by nothing else."""
    tls = ssl.create_default_context(cadata=where.authority)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return est.Server(where.url, tls, where.user, where.password)


def renew(unit: Identity, url: str, authority: str, serial: str) -> x509.Certificate:
    """A new certificate for the key, asked for under the old one."""
    tls = ssl.create_default_context(cadata=authority)
    tls.load_cert_chain(unit.certificate_file, unit.key_file)
    server = est.Server(url, tls)
    trusted = est.authority(server)
    chain = est.enroll(server, unit.request(serial), trusted, again=True)
    unit.keep(chain, trusted)
    return chain[0]
