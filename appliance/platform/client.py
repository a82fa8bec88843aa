"""The platform over HTTP: one call, one outcome. Neither httpx nor an exception of the network gets out of here."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from appliance.care.errors import Refused
from appliance.care.worklist import Day
from appliance.platform import answer, worklist
from appliance.platform.answer import Later, Outcome
from appliance.platform.fhir.text import NotJson, Resource, dumps
from drivers.core.errors import ChevetError

FHIR_JSON = "application/fhir+json"
MAX_ANSWER = 4 << 20  # bytes; our largest transaction is some 20 kB, and its answer is of the same size
MAX_RETRY_AFTER_S = 600.0
TIMEOUT = httpx.Timeout(connect=5, read=15, write=15, pool=5)
DEADLINE_S = 30.0  # a whole call, whatever trickles in
SLOWEST_UPLINK = 32_000  # bytes a second: an object gets the time that this needs
PIECE_S = 0.1  # of a paced object: what leaves at once


class PlatformAddress(ChevetError):  # noqa: N818 - it names what is wrong
    """The configured address may not be used; the message says why."""


class Platform:
    """The client. `async with` it, or call `close`."""

    def __init__(
        self,
        url: str,
        token: str | None,
        tls: ssl.SSLContext | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.base = f"{checked(url)}/fhir"
        self._deadline_s = deadline_s
        # What objects may take of the way, bytes a second, while a call needs it; None: all.
        self.pace: Callable[[], float | None] = lambda: None
        headers = {"Accept": FHIR_JSON, "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=timeout,
            verify=tls or True,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=2),
        )

    async def __aenter__(self) -> Platform:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def transact(self, bundle: Resource) -> Outcome:
        """Send one transaction; what came of it."""
        headers = {"Content-Type": FHIR_JSON, "Prefer": "return=representation"}
        got = await self._call("POST", self.base, dumps(bundle).encode(), headers)
        return got if isinstance(got, Later) else answer.of_transaction(bundle, got.status, got.body, got.retry_after_s)

    async def put_object(self, sha256: str, media_type: str, data: bytes) -> Outcome:
        """Send the bytes of a still or a sound under their hash (hex), below what a call needs of the way."""
        url = f"{self.base}/Binary/{sha256}"
        headers = {"Content-Type": media_type, "Content-Length": str(len(data))}
        got = await self._call("PUT", url, data, headers, self._paced(data) if self.pace() else None)
        return got if isinstance(got, Later) else answer.of_object(got.status, got.body, got.retry_after_s)

    async def is_up(self) -> bool:
        """Whether the platform answers at all as a FHIR server."""
        got = await self._call("GET", f"{self.base}/metadata", b"", {})
        return not isinstance(got, Later) and got.status == 200 and b'"CapabilityStatement"' in got.body

    async def answers_in_ms(self) -> float | None:
        """How long the platform takes for the smallest question, in ms; None where it does not answer as it should."""
        begun = time.monotonic()
        return 1000 * (time.monotonic() - begun) if await self.is_up() else None

    async def worklist(self) -> Day:
        """Who is expected at this unit. `Refused` `platform-unreached` where the platform does not say it."""
        got = await self._call("GET", f"{self.base}/{worklist.QUERY}", b"", {})
        if isinstance(got, Later) or got.status != 200:
            why = got.reason if isinstance(got, Later) else f"it answers {got.status}"
            raise Refused("platform-unreached", f"the platform does not give its list: {why}")
        try:
            return worklist.day(got.body)
        except NotJson:
            raise Refused("platform-unreached", "the platform's list cannot be read") from None

    async def _paced(self, data: bytes) -> AsyncIterator[bytes]:
        """The bytes, at the pace that is given now; looked at again for each piece."""
        at = 0
        while at < len(data):
            rate = self.pace()
            size = len(data) if rate is None else max(1024, int(rate * PIECE_S))
            yield data[at : at + size]
            at += size
            if at < len(data):
                await asyncio.sleep(PIECE_S)

    async def _call(
        self, method: str, url: str, data: bytes, headers: dict[str, str], paced: AsyncIterator[bytes] | None = None
    ) -> _Answer | Later:
        slowest = min(SLOWEST_UPLINK, (self.pace() or SLOWEST_UPLINK) / 2)
        try:
            async with asyncio.timeout(self._deadline_s + len(data) / slowest):
                async with self._http.stream(method, url, content=paced or data or None, headers=headers) as response:
                    return await _read(response)
        except TimeoutError:
            return Later("the platform does not answer in time")
        except httpx.TimeoutException:
            return Later("the platform does not answer in time")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            return Later(f"the platform cannot be reached: {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after_s: float | None


async def _read(response: httpx.Response) -> _Answer | Later:
    """The body, but never more of it than an answer can need."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return Later("the platform's answer is packed, unasked")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER:
            return Later(f"the platform's answer is longer than {MAX_ANSWER} bytes")
    return _Answer(response.status_code, bytes(body), retry_after(response.headers.get("retry-after")))


def retry_after(said: str | None) -> float | None:
    """Seconds (RFC 9110, 10.2.3: a number or a date), capped; None where there is nothing sensible."""
    if said is None:
        return None
    if said.strip().isascii() and said.strip().isdigit():
        return min(float(said.strip()[:9]), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(said)
    except ValueError:
        return None
    wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(wait.total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def checked(url: str) -> str:
    """The platform's address without a closing slash: https, or http to this very machine; `PlatformAddress` else."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise PlatformAddress(f"the platform's address {url!r} must be https://host[:port][/path]")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise PlatformAddress(f"the platform's address {url!r} must be https: http is for this machine only")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
