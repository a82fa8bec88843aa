"""An identity provider built with Authlib's own device grant (RFC 8628): what the unit's login is tried against.

Not one line of the unit is in it. The test approves or denies as a phone would.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "chevet"
Reply = tuple[int, dict[str, Any], list[tuple[str, str]]]


class Client(ClientMixin):  # type: ignore[misc]
    """A public client."""

    client_id = CLIENT

    def get_client_id(self) -> str:
        return CLIENT

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_client_secret(self, client_secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "urn:ietf:params:oauth:grant-type:device_code"

    def check_response_type(self, response_type: str) -> bool:
        return False


class Server(AuthorizationServer):  # type: ignore[misc]
    """The server, its keys, and what the phones answered."""

    def __init__(self) -> None:
        super().__init__(scopes_supported=["openid", "profile"])
        self.url = ""
        self.interval_s, self.expires_s = 1, 60
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.signing = self.key
        self.claims: dict[str, Any] = {}
        self.answers: dict[str, bool] = {}
        self.codes: dict[str, DeviceCredentialDict] = {}
        self.polls: list[tuple[float, str]] = []
        self.slow_downs = 0
        self.register_endpoint(Endpoint)
        self.register_grant(Grant)
        self.register_token_generator("default", self._token)

    def _token(self, **_: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "s-1", "name": "Léa Martin", "iat": now, "exp": now + 300}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims | self.claims, self.signing)
        return {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def query_client(self, client_id: str) -> Client | None:
        return Client() if client_id == CLIENT else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        pass

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> Reply:
        return status, body, headers

    def send_signal(self, name: str, *_: Any, **__: Any) -> None:
        pass


class Endpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    """Section 3.1."""

    CLIENT_AUTH_METHODS = ("none",)

    @property
    def EXPIRES_IN(self) -> int:  # noqa: N802 - Authlib's name
        return int(self.server.expires_s)

    @property
    def INTERVAL(self) -> int:  # noqa: N802 - Authlib's name
        return int(self.server.interval_s)

    def get_verification_uri(self) -> str:
        return f"{self.server.url}/device"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        ends = {"client_id": client_id, "scope": scope, "expires_at": time.time() + self.server.expires_s}
        self.server.codes[data["device_code"]] = DeviceCredentialDict(data | ends)


class Grant(DeviceCodeGrant):  # type: ignore[misc]
    """Section 3.4."""

    def query_device_credential(self, device_code: str) -> DeviceCredentialDict | None:
        return self.server.codes.get(device_code)

    def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
        given = self.server.answers.get(user_code)
        return None if given is None else ("s-1", given)

    def should_slow_down(self, credential: DeviceCredentialDict) -> bool:
        self.server.polls.append((time.monotonic(), credential["device_code"]))
        self.server.slow_downs -= 1
        return bool(self.server.slow_downs >= 0)


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, uri: str, form: dict[str, str]) -> None:
        super().__init__(method, uri, headers={})
        self.payload = BasicOAuth2Payload(form)
        self._form = form

    @property
    def form(self) -> dict[str, str]:
        return self._form

    @property
    def args(self) -> dict[str, str]:
        return {}


@contextmanager
def serving() -> Iterator[Server]:
    """The server on a free port of loopback, until the block ends."""
    server = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/jwks":
                return self._say(200, dict(KeySet([server.key]).as_dict(private=False)))
            places = {"device_authorization_endpoint": "device_authorization", "token_endpoint": "token"}
            found = {name: f"{server.url}/{place}" for name, place in places.items()}
            return self._say(200, {"issuer": server.url, "jwks_uri": f"{server.url}/jwks", **found})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            request = _Request("POST", server.url + self.path, dict(parse_qsl(body)))
            if self.path == "/device_authorization":
                status, answer, _ = server.create_endpoint_response("device_authorization", request)
            else:
                status, answer, _ = server.create_token_response(request)
            self._say(status, answer)

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
