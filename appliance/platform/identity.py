"""The platform's identity provider: OAuth 2.0 device authorization grant (RFC 8628), OpenID Connect Discovery and Core.

The ID token is proven (signature by the provider's key set, issuer, audience, times) before anybody is believed.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from appliance.care.login import Answer, Code, Person
from appliance.platform.client import checked
from drivers.core.errors import ChevetError

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MAX_ANSWER = 256 * 1024
LEEWAY_S = 60.0  # between two clocks
LIMIT_S = 10.0
SMALLEST_RSA = 2048

Json = dict[str, Any]


class BadToken(ChevetError):  # noqa: N818 - it names what is wrong
    """An ID token that proves nothing; the message says why."""


class IdentityProvider:
    """A public client of one issuer. Call `aclose` at the end."""

    def __init__(self, issuer: str, client_id: str, scope: str) -> None:
        self._issuer, self._client_id, self._scope = checked(issuer), client_id, scope
        self._http = httpx.AsyncClient(timeout=LIMIT_S, follow_redirects=False, trust_env=False)
        self._said: Json | None = None

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def begin(self) -> Code | None:
        """RFC 8628, sections 3.1 and 3.2; None where the provider is not reached or does not speak it."""
        try:
            said = await self._discovered()
            asked = {"client_id": self._client_id, "scope": self._scope}
            _, got = await self._call("POST", _address(said, "device_authorization_endpoint"), asked)
            address = str(got["verification_uri"])[:500]
            return Code(
                device_code=str(got["device_code"])[:2000],
                user_code=str(got["user_code"])[:40],
                address=address,
                complete=str(got.get("verification_uri_complete", address))[:500],
                expires_s=float(got["expires_in"]),
                interval_s=float(got.get("interval", 5)),
            )
        except (httpx.HTTPError, KeyError, TypeError, ValueError):
            return None

    async def poll(self, device_code: str) -> Person | Answer:
        """RFC 8628, sections 3.4 and 3.5."""
        asked = {"grant_type": GRANT, "device_code": device_code, "client_id": self._client_id}
        try:
            said = await self._discovered()
            status, got = await self._call("POST", _address(said, "token_endpoint"), asked)
            if status != 200:
                return _answer(str(got.get("error")), status)
            _, keys = await self._call("GET", _address(said, "jwks_uri"))
            claims = proven(str(got.get("id_token")), keys, self._issuer, self._client_id)
        except BadToken:
            return Answer.REFUSED
        except (httpx.HTTPError, KeyError, TypeError, ValueError):
            return Answer.UNREACHED
        return _person(claims)

    async def _discovered(self) -> Json:
        """OpenID Connect Discovery 1.0, section 4: what it says of itself must name the issuer that was asked."""
        if self._said is None:
            _, said = await self._call("GET", f"{self._issuer}/.well-known/openid-configuration")
            if str(said.get("issuer")).rstrip("/") != self._issuer:
                raise ValueError("the identity provider names another issuer")
            self._said = said
        return self._said

    async def _call(self, method: str, url: str, form: Mapping[str, str] | None = None) -> tuple[int, Json]:
        async with self._http.stream(method, url, data=form, headers={"accept": "application/json"}) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise ValueError(f"the identity provider's answer is longer than {MAX_ANSWER} bytes")
        got = json.loads(body)
        if not isinstance(got, dict):
            raise TypeError("the identity provider's answer is not a JSON object")
        return response.status_code, got


def _address(said: Json, name: str) -> str:
    return checked(str(said[name]))


def _answer(error: str, status: int) -> Answer:
    if error in {"authorization_pending", "slow_down", "expired_token", "access_denied"}:
        return Answer(error)
    return Answer.UNREACHED if status >= 500 or status == 429 else Answer.REFUSED


def _person(claims: Json) -> Person:
    """Pro Santé Connect tells the national number as `SubjectNameID`; without a name the subject stands for it."""
    subject = str(claims["sub"])[:255]
    name = str(claims.get("name") or " ".join(str(claims.get(k, "")) for k in ("given_name", "family_name"))).strip()
    rpps = claims.get("SubjectNameID")
    return Person(subject, name[:120] or subject, None if rpps is None else str(rpps)[:32])


def proven(token: str, keys: Json, issuer: str, audience: str, now: Callable[[], float] = time.time) -> Json:
    """The claims of an ID token (OpenID Connect Core, section 3.1.3.7). `BadToken` says what is wrong with it.

    RS256 and ES256 (RFC 7518) only: `none` and symmetric algorithms prove nothing here.
    """
    try:
        head, body, signature = (part.encode("ascii") for part in token.split("."))
        header, claims = json.loads(_decoded(head)), json.loads(_decoded(body))
        _verify(_key(header, keys), header["alg"], head + b"." + body, _decoded(signature))
    except InvalidSignature:
        raise BadToken("the signature is not the identity provider's") from None
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadToken(f"the token cannot be read: {type(error).__name__}") from None
    _check(claims, issuer, audience, now())
    return dict(claims)


def _check(claims: Json, issuer: str, audience: str, now_s: float) -> None:
    audiences = claims.get("aud")
    listed = audiences if isinstance(audiences, list) else [audiences]
    if str(claims.get("iss")).rstrip("/") != issuer:
        raise BadToken("the token is of another issuer")
    if audience not in listed or claims.get("azp", audience) != audience:
        raise BadToken("the token is for another client")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise BadToken("the token names nobody")
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or now_s > expires + LEEWAY_S:
        raise BadToken("the token has expired")
    if not isinstance(issued, int | float) or issued > now_s + LEEWAY_S:
        raise BadToken("the token is of the future")


def _key(header: Json, keys: Json) -> Json:
    wanted = {"RS256": "RSA", "ES256": "EC"}[header["alg"]]
    fitting = [key for key in keys["keys"] if key.get("kty") == wanted and key.get("use", "sig") == "sig"]
    named = [key for key in fitting if key.get("kid") == header.get("kid")]
    if not named and header.get("kid") is None and len(fitting) == 1:
        named = fitting
    found: Json = dict(named[0]) if named else {}
    return found


def _verify(key: Json, algorithm: str, signed: bytes, signature: bytes) -> None:
    if algorithm == "RS256":
        numbers = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        if numbers.key_size < SMALLEST_RSA:
            raise ValueError("the key is too short")
        numbers.verify(signature, signed, padding.PKCS1v15(), SHA256())
        return
    if key["crv"] != "P-256" or len(signature) != 64:
        raise ValueError("ES256 is P-256 and 64 bytes")
    point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1()).public_key()
    halves = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    point.verify(encode_dss_signature(*halves), signed, ec.ECDSA(SHA256()))


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text.encode("ascii")), "big")


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
