"""Enrollment over Secure Transport (RFC 7030, RFC 8951): a certificate for a key that never leaves the unit.

The server is hostile until its certificate has been proven; its answers are capped, and every wait ends.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from provisioning.private import ProvisionError

ANSWER_CAP = 256 * 1024
WAIT_S = 15.0
RETRY_S = (1.0, 60.0)  # a server that asks for less or more is asked after these
PATIENCE_S = 600.0  # for a request that a person must release


class EstError(ProvisionError):
    """The server refused, or what it gave cannot be used; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Server:
    """`url`: a host's root, or up to and with `/.well-known/est`. `tls` proves the server, and us if it has a key."""

    url: str
    tls: ssl.SSLContext
    user: str = ""
    password: str = ""

    def at(self, operation: str) -> str:
        """Where an operation is."""
        root = self.url.rstrip("/")
        return f"{root}/{operation}" if "/.well-known/est" in root else f"{root}/.well-known/est/{operation}"


def authority(server: Server) -> list[x509.Certificate]:
    """`/cacerts`: the certificates that issued ones are proven by (section 4.1)."""
    with _client(server) as http:
        return _certificates(_answer(http, "GET", server.at("cacerts"), None))


def enroll(
    server: Server,
    request: x509.CertificateSigningRequest,
    trusted: list[x509.Certificate],
    *,
    again: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> list[x509.Certificate]:
    """`/simpleenroll`, or `/simplereenroll` by who has a certificate already: the issued one, proven (section 4.2).

    A server that says "later" (202) is asked again, for ten minutes.
    """
    where = server.at("simplereenroll" if again else "simpleenroll")
    body = base64.encodebytes(request.public_bytes(Encoding.DER))
    until = time.monotonic() + PATIENCE_S
    with _client(server) as http:
        while True:
            answer = _answer(http, "POST", where, body)
            if answer.status_code != 202:
                return proven(_certificates(answer), request, trusted)
            wait_s = _retry_s(answer.headers.get("retry-after", ""))
            if time.monotonic() + wait_s > until:
                raise EstError(f"{where}: nobody has released the request in {PATIENCE_S / 60:g} minutes")
            sleep(wait_s)


def proven(
    found: list[x509.Certificate], request: x509.CertificateSigningRequest, trusted: list[x509.Certificate]
) -> list[x509.Certificate]:
    """The issued certificate first, its issuers after it; `EstError` where it is not ours, not now, or not proven."""
    mine = [one for one in found if one.public_key() == request.public_key()]
    if not mine:
        raise EstError("the server issued a certificate for another key than the one that was asked for")
    chain, now = [mine[0]], datetime.now(UTC)
    if not mine[0].not_valid_before_utc <= now < mine[0].not_valid_after_utc:
        raise EstError(
            f"the issued certificate is good from {mine[0].not_valid_before_utc:%Y-%m-%d %H:%M} to"
            f" {mine[0].not_valid_after_utc:%Y-%m-%d %H:%M} UTC, and the unit's clock says {now:%Y-%m-%d %H:%M}"
        )
    between = [one for one in found if one is not mine[0]]
    while not any(_issued(chain[-1], root) for root in trusted):
        issuer = next((one for one in between if one not in chain and _issued(chain[-1], one)), None)
        if issuer is None:
            raise EstError("the issued certificate is not proven by the authority that the server names")
        chain.append(issuer)
    return chain


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _client(server: Server) -> httpx.Client:
    auth = httpx.BasicAuth(server.user, server.password) if server.user else None
    return httpx.Client(verify=server.tls, timeout=WAIT_S, auth=auth, trust_env=False, follow_redirects=False)


def _answer(http: httpx.Client, method: str, url: str, body: bytes | None) -> httpx.Response:
    headers = {} if body is None else {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    try:
        with http.stream(method, url, content=body, headers=headers) as answer:
            read = bytearray()
            for piece in answer.iter_bytes():
                read += piece
                if len(read) > ANSWER_CAP:
                    raise EstError(f"{url}: more than {ANSWER_CAP} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EstError(f"{url}: {error or type(error).__name__}") from error
    if answer.status_code not in {200, 202}:
        why = {401: "it does not know us", 403: "it may not give us one"}.get(answer.status_code, "")
        raise EstError(f"{url}: answered {answer.status_code}{f': {why}' if why else ''}")
    return httpx.Response(
        answer.status_code, headers={"retry-after": answer.headers.get("retry-after", "")}, content=bytes(read)
    )


def _certificates(answer: httpx.Response) -> list[x509.Certificate]:
    """A certs-only PKCS #7 in base64, with or without line ends (RFC 8951, section 3.2)."""
    try:
        found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content, validate=False))
    except (ValueError, binascii.Error, x509.InvalidVersion) as error:
        raise EstError(f"wanted certificates (PKCS #7), got {len(answer.content)} bytes of something else") from error
    if not found:
        raise EstError("the server gave no certificate")
    return found


def _retry_s(text: str) -> float:
    """Retry-After: seconds, or a date (RFC 9110, section 10.2.3)."""
    low, high = RETRY_S
    try:
        seconds = (
            float(text) if text.strip().isdigit() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        )
    except (ValueError, TypeError):
        seconds = 5.0
    return min(max(seconds, low), high)
