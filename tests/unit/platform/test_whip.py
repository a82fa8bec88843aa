"""The door of a media server: what it may say, and what it may try."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from appliance.platform.client import PlatformAddress
from appliance.platform.whip import NotPublished, Published, Relay, Whip, relays

TOKEN = "tok-3f9a"
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
ANSWER = "v=0\r\no=- 2 1 IN IP4 0.0.0.0\r\n"
FRAGMENT = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Door:
    """Answers each request with the next of `answers`; keeps what it was sent."""

    answers: list[bytes]
    port: int = 0
    got: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next((int(x.split(":")[1]) for x in head.split("\r\n") if x.lower().startswith("content-length")), 0)
        self.got.append(head + (await reader.readexactly(size)).decode())
        said = self.answers.pop(0)
        if said == b"slowly":
            while not writer.is_closing():
                writer.write(b"H")
                await asyncio.sleep(0.05)
        writer.write(said)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def door(*answers: bytes) -> AsyncIterator[tuple[Door, Whip]]:
    made = Door(list(answers))
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    whip = Whip(f"http://127.0.0.1:{made.port}/whip/room", TOKEN, deadline_s=1.0)
    try:
        yield made, whip
    finally:
        await whip.close()
        server.close()


def http(status: str, headers: str = "", body: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


CREATED = http("201 Created", 'Content-Type: application/sdp\r\nLocation: /session/7\r\nETag: "e1"\r\n', ANSWER)


async def test_an_offer_is_published_trickled_and_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with door(CREATED, http("204 No Content"), http("200 OK")) as (made, whip):
        published = await whip.publish(OFFER)
        assert isinstance(published, Published)
        assert published.resource == f"http://127.0.0.1:{made.port}/session/7"
        assert (published.answer, published.tag) == (ANSWER, '"e1"')
        assert await whip.trickle(published, FRAGMENT)
        assert await whip.end(published.resource)
    assert [request.split(" HTTP")[0] for request in made.got] == [
        "POST /whip/room",
        "PATCH /session/7",
        "DELETE /session/7",
    ]
    assert made.got[0].endswith(OFFER)
    assert all("authorization: bearer tok-3f9a\r\n" in request.lower() for request in made.got)
    assert 'if-match: "e1"\r\n' in made.got[1].lower()
    assert TOKEN not in caplog.text


async def test_a_restart_gets_new_credentials_under_a_new_tag() -> None:
    restarted = http("200 OK", 'ETag: "e2"\r\nContent-Type: application/trickle-ice-sdpfrag\r\n', FRAGMENT)
    async with door(CREATED, restarted) as (made, whip):
        published = await whip.publish(OFFER)
        assert isinstance(published, Published)
        again = await whip.restart(published, FRAGMENT)
    assert isinstance(again, Published)
    assert (again.tag, again.answer) == ('"e2"', FRAGMENT)
    assert "if-match: *\r\n" in made.got[1].lower()


@pytest.mark.parametrize("status", [405, 412, 415, 428, 501])
async def test_a_door_without_patch_is_told_from_one_that_took_it(status: int) -> None:
    refusal = http(f"{status} No")
    async with door(CREATED, refusal, refusal) as (_, whip):
        published = await whip.publish(OFFER)
        assert isinstance(published, Published)
        assert not await whip.trickle(published, FRAGMENT)
        assert isinstance(await whip.restart(published, FRAGMENT), NotPublished)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (http("401 Unauthorized"), NotPublished("the door answered 401", again=False)),
        (http("503 Busy", "Retry-After: 7\r\n"), NotPublished("the door answered 503", again=True, wait_s=7.0)),
        (http("201 Created", "Content-Type: application/sdp\r\n", ANSWER), "the door gave no usable Location"),
        (CREATED.replace(b"/session/7", b"http://elsewhere.example/session/7"), "the door gave no usable Location"),
        (CREATED.replace(b"/session/7", b"/" + b"x" * 3000), "the door gave no usable Location"),
        (http("307 Go", "Location: http://elsewhere.example/\r\n"), "the door redirects to where the token may not go"),
        (http("200 OK", "", "x" * 70_000), "the door's answer is longer than 65536 bytes"),
        (b"rubbish\r\n\r\n", "the door cannot be reached: RemoteProtocolError"),
        (b"slowly", "the door does not answer in time"),
        (http("201 Created", "Link: " + "x" * 200_000 + "\r\n"), "the door cannot be reached: RemoteProtocolError"),
    ],
)
async def test_what_a_door_may_try(said: bytes, expected: NotPublished | str) -> None:
    async with door(said) as (made, whip):
        got = await whip.publish(OFFER)
    assert isinstance(got, NotPublished)
    assert (got if isinstance(expected, NotPublished) else got.why) == expected
    assert len(made.got) == 1


async def test_a_redirect_keeps_method_offer_and_token_on_the_same_host() -> None:
    async with door(http("307 Go", "Location: /other\r\n"), CREATED) as (made, whip):
        assert isinstance(await whip.publish(OFFER), Published)
    assert made.got[1].startswith("POST /other")
    assert made.got[1].endswith(OFFER)


async def test_redirects_without_end_are_left() -> None:
    async with door(*[http("307 Go", "Location: /round\r\n")] * 9) as (made, whip):
        got = await whip.publish(OFFER)
    assert got == NotPublished("the door redirects more than 3 times", again=False)
    assert len(made.got) == 4


async def test_an_answer_of_another_kind_is_ended_at_the_door() -> None:
    async with door(CREATED.replace(b"application/sdp", b"text/html"), http("200 OK")) as (made, whip):
        got = await whip.publish(OFFER)
    assert got == NotPublished("got an answer of 'text/html', wanted application/sdp", again=False)
    assert made.got[1].startswith("DELETE /session/7")


def test_links_name_relays() -> None:
    turn = '<turn:t.example:3478?transport=udp>; rel="ice-server"; username="u,1"; credential="p\\"w;2"'
    assert relays([f'<stun:s.example>; rel="ice-server", {turn}', "<https://x.example>; rel=next"]) == (
        Relay("stun:s.example"),
        Relay("turn:t.example:3478?transport=udp", "u,1", 'p"w;2'),
    )


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: ["<stun:a>; rel=ice-server"] * 20, 8),
        (lambda: ["<stun:a>; rel=ice-server" + " " * 9000], 0),
        (lambda: ["<javascript:x>; rel=ice-server"], 0),
        (lambda: ["<stun:a" * 1000], 0),
    ],
)
def test_links_are_bounded(make: Callable[[], list[str]], count: int) -> None:
    assert len(relays(make())) == count


def test_a_door_in_the_clear_is_for_this_machine_only() -> None:
    with pytest.raises(PlatformAddress):
        Whip("http://sfu.example/whip", TOKEN)
