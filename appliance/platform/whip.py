"""The door of a media server (RFC 9725, WHIP): an offer goes in by POST, the answer comes out, PATCH and DELETE follow.

Everything that the door says is capped and timed out; one call, one outcome. The token goes to the hosts that it is for
and to nobody else, and to no log.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from appliance.platform.client import checked, retry_after

SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
LONGEST_BODY = 64 * 1024  # an answer of a dozen m-lines is some 10 kB
LONGEST_LINKS, MOST_SERVERS, LONGEST_URL, LONGEST_TAG = 8 * 1024, 8, 2048, 256
MOST_REDIRECTS = 3
DEADLINE_S = 8.0  # of a call with all its redirects, whatever trickles in
TIMEOUT = httpx.Timeout(connect=4, read=6, write=6, pool=2)
REDIRECTS = frozenset({307, 308})  # those that keep the method (RFC 9110, 15.4)
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))*)')
PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))')


@dataclass(frozen=True, slots=True)
class Relay:
    """A STUN or TURN server that the door names (RFC 9725, 4.6)."""

    url: str
    username: str | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """The door took the offer. `resource`: where PATCH and DELETE go; `tag`: of this ICE session, None without one."""

    answer: str
    resource: str
    tag: str | None
    relays: tuple[Relay, ...]


@dataclass(frozen=True, slots=True)
class NotPublished:
    """It did not. `again`: whether trying later may help, and after `wait_s` at the soonest where it said so."""

    why: str
    again: bool
    wait_s: float | None = None


class Session(Protocol):
    """What the door took, and knows by this tag."""

    @property
    def resource(self) -> str: ...

    @property
    def tag(self) -> str | None: ...


class Whip:
    """One WHIP endpoint. `hosts`: beside the endpoint's own, who may be given the token after a redirect."""

    def __init__(
        self,
        url: str,
        token: str,
        tls: ssl.SSLContext | None = None,
        hosts: Collection[str] = (),
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._url, self._token, self._deadline_s = checked(url), token, deadline_s
        self._hosts = frozenset({_authority(self._url), *hosts})
        self._http = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity"},
            timeout=TIMEOUT,
            verify=tls or True,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def publish(self, offer: str) -> Published | NotPublished:
        """POST the offer (SDP); what came of it."""
        got = await self._call("POST", self._url, offer, {"Content-Type": SDP, "Accept": SDP})
        if isinstance(got, NotPublished):
            return got
        if got.status != 201:
            return _refused(got)
        where = self._followed(got.url, got.headers.get("location"))
        if where is None:
            return NotPublished("the door gave no usable Location", again=False)
        kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != SDP or not got.body.startswith("v=0"):
            await self.end(where)  # what it made would stay open
            return NotPublished(f"got an answer of {kind[:64]!r}, wanted {SDP}", again=False)
        return Published(got.body, where, _tag(got.headers), relays(got.headers.get_list("link")))

    async def trickle(self, taken: Session, fragment: str) -> bool:
        """PATCH candidates (RFC 8840 fragment). False: this door takes none of this ICE session any more, or at all."""
        headers = {"Content-Type": FRAGMENT}
        if taken.tag is not None:
            headers["If-Match"] = taken.tag
        got = await self._call("PATCH", taken.resource, fragment, headers)
        return not isinstance(got, NotPublished) and got.status in {200, 204}

    async def restart(self, taken: Session, fragment: str) -> Published | NotPublished:
        """PATCH new ICE credentials (RFC 9725, 4.3.3): the new fragment as `answer`, under a new tag.

        A door that cannot (405, 412, 415, 428, 501) is no failure of the session: a new one may be published.
        """
        headers = {"Content-Type": FRAGMENT, "If-Match": "*"}
        got = await self._call("PATCH", taken.resource, fragment, headers)
        if isinstance(got, NotPublished):
            return got
        tag = _tag(got.headers)
        if got.status == 200 and tag is not None and "a=ice-ufrag:" in got.body:
            return Published(got.body, taken.resource, tag, ())
        return _refused(got)

    async def end(self, resource: str) -> bool:
        """DELETE the session. Whether it is gone now: also when the door knows it no more."""
        got = await self._call("DELETE", resource, "", {})
        return not isinstance(got, NotPublished) and (got.status < 300 or got.status in {404, 410})

    def _followed(self, base: str, said: str | None) -> str | None:
        """Where a Location leads, if the token may go there: never from https to http, never to another host."""
        if not said or len(said) > LONGEST_URL:
            return None
        try:
            url = urljoin(base, said)
            allowed = _authority(url) in self._hosts and not urlsplit(url).username
            secure = urlsplit(url).scheme == "https" or urlsplit(url).scheme == urlsplit(self._url).scheme == "http"
        except ValueError:
            return None
        return url if allowed and secure else None

    async def _call(self, method: str, url: str, text: str, headers: Mapping[str, str]) -> _Got | NotPublished:
        told = {**headers, "Authorization": f"Bearer {self._token}"}
        try:
            async with asyncio.timeout(self._deadline_s):
                for _ in range(MOST_REDIRECTS + 1):
                    got = await self._once(method, url, text, told)
                    if isinstance(got, NotPublished) or got.status not in REDIRECTS:
                        return got
                    onward = self._followed(url, got.headers.get("location"))
                    if onward is None:
                        return NotPublished("the door redirects to where the token may not go", again=False)
                    url = onward
                return NotPublished(f"the door redirects more than {MOST_REDIRECTS} times", again=False)
        except (TimeoutError, httpx.TimeoutException):
            return NotPublished("the door does not answer in time", again=True)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            return NotPublished(f"the door cannot be reached: {type(error).__name__}", again=True)

    async def _once(self, method: str, url: str, text: str, headers: dict[str, str]) -> _Got | NotPublished:
        async with self._http.stream(method, url, content=text.encode() or None, headers=headers) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > LONGEST_BODY:
                    return NotPublished(f"the door's answer is longer than {LONGEST_BODY} bytes", again=False)
            return _Got(url, response.status_code, response.headers, body.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Got:
    url: str
    status: int
    headers: httpx.Headers
    body: str


def relays(links: Sequence[str]) -> tuple[Relay, ...]:
    """The `ice-server` links of these headers, the first `MOST_SERVERS`; headers longer than allowed are not read."""
    text = ", ".join(links)
    if len(text) > LONGEST_LINKS:
        return ()
    found = []
    for link in LINK.finditer(text):
        url = link[1].strip()
        named = {name.lower(): _plain(quoted) or plain for name, quoted, plain in PARAMETER.findall(link[2])}
        if "ice-server" in named.get("rel", "").lower().split() and _is_ice(url):
            found.append(Relay(url, named.get("username"), named.get("credential")))
    return tuple(found[:MOST_SERVERS])


def _is_ice(url: str) -> bool:
    return url.partition(":")[0].lower() in {"stun", "stuns", "turn", "turns"} and len(url) <= 256


def _plain(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


def _tag(headers: httpx.Headers) -> str | None:
    said = headers.get("etag", "")
    return said if said and len(said) <= LONGEST_TAG else None


def _authority(url: str) -> str:
    """`host:port` of an address, with the port that its scheme means. `ValueError` when it has none."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _refused(got: _Got) -> NotPublished:
    again = got.status in LATER
    wait_s = retry_after(got.headers.get("retry-after")) if again else None
    return NotPublished(f"the door answered {got.status}", again, wait_s)
