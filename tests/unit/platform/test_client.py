"""The client against servers that misbehave on the wire: each call ends, in time, with an outcome."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from appliance.platform.answer import Later, Outcome, Persisted, Refused
from appliance.platform.client import Platform, PlatformAddress, checked
from appliance.platform.fhir import bundles
from appliance.platform.fhir.text import dumps, loads
from tests.unit.platform.making import CONFIRMED, PRESSURE, SENDER, SHA256
from tests.unit.platform.test_answer import OUTCOME, confirmed

SENT = bundles.result(PRESSURE, CONFIRMED, SENDER)
TIMEOUT = httpx.Timeout(0.3)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[tuple[Platform, list[bytes]]]:
    """A server that reads one request, keeps it, and then does as `talk` says; a client of it."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        asked.append(head + await reader.readexactly(length))
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = running.sockets[0].getsockname()[1]
    client = Platform(f"http://127.0.0.1:{port}", "the-token", timeout=TIMEOUT, deadline_s=1.0)
    try:
        yield client, asked
    finally:
        await client.close()
        running.close()


def say(text: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return talk


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def transact(talk: Talk) -> Outcome:
    async with server(talk) as (client, _), asyncio.timeout(10):
        return await client.transact(SENT)


async def test_what_goes_over_the_wire() -> None:
    async with server(say(answer("200 OK", dumps(confirmed(SENT)).encode()))) as (client, asked):
        assert await client.transact(SENT) == Persisted("Observation/n5/_history/1")
    head, _, body = asked[0].partition(b"\r\n\r\n")
    lines = {line.lower() for line in head.split(b"\r\n")}
    assert head.startswith(b"POST /fhir HTTP/1.1\r\n")
    assert {b"authorization: bearer the-token", b"content-type: application/fhir+json"} <= lines
    assert b"prefer: return=representation" in lines
    assert loads(body) == SENT


async def test_an_object_goes_as_its_bytes() -> None:
    async with server(say(answer("201 Created", b""))) as (client, asked):
        assert await client.put_object(SHA256, "image/jpeg", b"abc") == Persisted(None)
    assert asked[0].startswith(f"PUT /fhir/Binary/{SHA256} HTTP/1.1\r\n".encode())
    assert b"content-type: image/jpeg" in asked[0].lower()
    assert asked[0].endswith(b"\r\n\r\nabc")


async def test_an_object_leaves_at_the_pace_that_a_call_lets_it() -> None:
    data = b"x" * 5000
    async with server(say(answer("201 Created", b""))) as (client, asked):
        client.pace = lambda: 20_000.0  # 2000 bytes each tenth of a second: three pieces, two waits
        began_s = time.monotonic()
        assert await client.put_object(SHA256, "image/jpeg", data) == Persisted(None)
        assert 0.19 < time.monotonic() - began_s < 2
    assert asked[0].endswith(b"\r\n\r\n" + data)
    assert b"content-length: 5000" in asked[0].lower()
    assert b"chunked" not in asked[0].lower()


async def test_nobody_listens() -> None:
    async with server(say(b"")) as (client, _):
        pass
    client = Platform(client.base.removesuffix("/fhir"), None, timeout=TIMEOUT)
    got = await client.transact(SENT)
    await client.close()
    assert got == Later("the platform cannot be reached: ConnectError")
    assert not await _up(b"")


async def _up(text: bytes) -> bool:
    async with server(say(text)) as (client, _):
        return await client.is_up()


async def test_only_a_fhir_server_is_up() -> None:
    assert await _up(answer("200 OK", b'{"resourceType":"CapabilityStatement"}'))
    assert not await _up(answer("200 OK", b"<html>"))
    assert not await _up(answer("503 Unavailable", b'{"resourceType":"CapabilityStatement"}'))


WHOLE = answer("200 OK", dumps(confirmed(SENT)).encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200",
        b"220 smtp ready\r\n",
        b"\x00" * 4096,
        WHOLE[: len(WHOLE) // 2],
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"res\r\nzz\r\n',
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
    ],
    ids=["nothing", "half a line", "another protocol", "zeros", "cut", "bad chunk", "huge header", "bad length"],
)
async def test_a_broken_answer_is_tried_again(text: bytes) -> None:
    assert isinstance(await transact(say(text)), Later)


async def test_a_reset_in_the_middle_is_tried_again() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE[:300])
        await writer.drain()
        writer.transport.abort()

    assert isinstance(await transact(talk), Later)


async def test_silence_ends_in_time() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    assert await transact(talk) == Later("the platform does not answer in time")


async def test_an_answer_that_trickles_for_ever_ends_in_time() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert await transact(talk) == Later("the platform does not answer in time")


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" " * 65536)
            await writer.drain()

    assert await transact(talk) == Later("the platform's answer is longer than 4194304 bytes")


async def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert await transact(say(answer("200 OK", bomb, "Content-Encoding: gzip"))) == Later(
        "the platform's answer is packed, unasked"
    )


async def test_a_redirect_is_not_followed() -> None:
    async with server(say(answer("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/fhir"))) as (
        client,
        asked,
    ):
        assert await client.transact(SENT) == Later("the platform answered 307")
    assert len(asked) == 1


async def test_a_refusal_is_passed_on_in_the_platforms_words() -> None:
    assert await transact(say(answer("422 Unprocessable", OUTCOME))) == Refused("No such unit")


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("3", 3, 3),
        ("0", 0, 0),
        ("99999999999999999999", 600, 600),
        (120, 60, 120),
        (-86_400, 0, 0),
        ("soon", None, None),
        ("-5", None, None),
        ("١٢", None, None),
    ],
)
async def test_how_long_the_platform_wants_us_to_wait(header: str | int, low: float | None, high: float | None) -> None:
    if isinstance(header, int):  # a date, so many seconds from now
        header = format_datetime(datetime.now(UTC) + timedelta(seconds=header), usegmt=True)
    text = answer("429 Too Many", b"").replace(b"\r\n\r\n", b"\r\nRetry-After: " + header.encode() + b"\r\n\r\n")
    got = await transact(say(text))
    assert isinstance(got, Later)
    if low is None or high is None:
        assert got.retry_after_s is None
    else:
        assert got.retry_after_s is not None
        assert low <= got.retry_after_s <= high


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://platform.example", "https://platform.example"),
        ("https://platform.example:8443/tele/", "https://platform.example:8443/tele"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("http://[::1]:8090", "http://[::1]:8090"),
        ("http://localhost:8090/", "http://localhost:8090"),
    ],
)
def test_addresses_that_may_be_used(url: str, base: str) -> None:
    assert checked(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "http://platform.example",
        "http://10.0.0.1",
        "ftp://platform.example",
        "platform.example",
        "https://",
        "https://user:secret@platform.example",
        "https://platform.example?x=1",
        "http://127.0.0.1.platform.example",
    ],
)
def test_addresses_that_may_not(url: str) -> None:
    with pytest.raises(PlatformAddress):
        checked(url)
