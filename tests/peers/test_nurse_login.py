"""The login against an identity provider of another make (Authlib): approved, denied, expired, slowed down, forged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from appliance.care.errors import Refused
from appliance.care.login import Login, Rules
from appliance.platform.identity import IdentityProvider
from tests.peers.identity_server import Server, serving

pytestmark = pytest.mark.anyio
LIMIT_S = 15


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


Notes = list[tuple[str, str, str]]


@pytest.fixture
def noted() -> Notes:
    """What the audit log was told."""
    return []


@pytest.fixture
async def login(server: Server, noted: Notes) -> AsyncIterator[Login]:
    provider = IdentityProvider(server.url, "chevet", "openid profile")

    async def note(action: str, subject: str, detail: str) -> None:
        noted.append((action, subject, detail))

    made = Login(provider, Rules(reopen_s=3600, idle_s=600), note)
    yield made
    await made.aclose()
    await provider.aclose()


async def until(login: Login, state: str) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_S):
        while (said := login.describe())["state"] != state:
            await asyncio.sleep(0.02)
    return said


async def approved(login: Login, server: Server) -> dict[str, Any]:
    await login.begin()
    code = login.describe()["code"]
    assert code["user_code"] in code["complete"]
    assert code["address"] == f"{server.url}/device"
    server.answers[code["user_code"]] = True
    return await until(login, "in")


async def test_a_phone_approves_and_a_pin_reopens(login: Login, server: Server, noted: Notes) -> None:
    assert login.describe()["state"] == "out"
    said = await approved(login, server)
    assert (said["name"], said["code"]) == ("Léa Martin", None)
    login.require()
    login.lock()
    assert login.describe()["state"] == "choosing"
    await login.pin("2580")
    assert login.describe()["state"] == "locked"
    with pytest.raises(Refused, match="wants a login"):
        login.require()
    with pytest.raises(Refused, match="2 tries"):
        await login.pin("2581")
    await login.pin("2580")
    login.require()
    await login.end()
    assert [note[:2] for note in noted] == [("login", "s-1"), ("login-ended", "s-1")]


async def test_three_wrong_pins_end_the_login(login: Login, server: Server) -> None:
    await approved(login, server)
    login.lock()
    await login.pin("2580")
    tries = await asyncio.gather(*(login.pin("0000") for _ in range(8)), return_exceptions=True)
    assert all(isinstance(one, Refused) for one in tries)
    said = login.describe()
    assert (said["state"], said["why"], said["name"]) == ("out", "locked-out", None)


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "", "١٢٣٤"])
async def test_what_is_no_pin_is_refused(login: Login, server: Server, pin: str) -> None:
    await approved(login, server)
    login.lock()
    with pytest.raises(Refused, match="four to eight digits"):
        await login.pin(pin)


async def test_a_phone_that_denies(login: Login, server: Server) -> None:
    with pytest.raises(Refused, match="wants a login"):
        login.require()
    await login.begin()
    server.answers[login.describe()["code"]["user_code"]] = False
    assert (await until(login, "out"))["why"] == "denied"


async def test_a_code_that_nobody_uses_expires(login: Login, server: Server) -> None:
    server.expires_s = 2
    await login.begin()
    assert (await until(login, "out"))["why"] == "expired"


async def test_slow_down_makes_the_polls_rarer(login: Login, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.care.login.SLOW_DOWN_S", 1.5)
    server.slow_downs = 1
    await login.begin()
    async with asyncio.timeout(LIMIT_S):
        while len(server.polls) < 2:
            await asyncio.sleep(0.02)
    (first, _), (second, _) = server.polls
    assert second - first >= 2.4  # 1 s as told, and 1.5 s more


@pytest.mark.parametrize(
    ("claim", "value"),
    [("iss", "https://another.example"), ("aud", "another-client"), ("exp", 1_600_000_000), ("iat", 4_000_000_000)],
)
async def test_a_token_that_proves_nothing(login: Login, server: Server, claim: str, value: Any) -> None:
    server.claims = {claim: value}
    await login.begin()
    server.answers[login.describe()["code"]["user_code"]] = True
    assert (await until(login, "out"))["why"] == "refused"


async def test_a_token_signed_by_another_key(login: Login, server: Server) -> None:
    server.signing = RSAKey.generate_key(2048, {"kid": "one"})
    await login.begin()
    server.answers[login.describe()["code"]["user_code"]] = True
    assert (await until(login, "out"))["why"] == "refused"


async def test_a_provider_that_is_not_there() -> None:
    provider = IdentityProvider("http://127.0.0.1:9", "chevet", "openid")

    async def note(action: str, subject: str, detail: str) -> None:
        raise AssertionError((action, subject, detail))

    login = Login(provider, Rules(60, 60), note)
    await login.begin()
    assert (login.describe()["state"], login.describe()["why"]) == ("out", "unreached")
    await provider.aclose()


async def timed(server: Server) -> tuple[Login, IdentityProvider]:
    """Somebody who is in, for an hour at most and ten minutes idle."""
    provider = IdentityProvider(server.url, "chevet", "openid")

    async def note(action: str, subject: str, detail: str) -> None:
        pass

    login = Login(provider, Rules(reopen_s=3600, idle_s=600), note)
    await approved(login, server)
    return login, provider


async def test_time_locks_and_then_ends_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("appliance.care.login._now_s", lambda: now_s)
    login, provider = await timed(server)
    login.lock()
    await login.pin("2580")
    await login.pin("2580")
    now_s += 600
    assert login.describe()["state"] == "locked"
    await login.pin("2580")
    assert login.describe()["state"] == "in"
    now_s += 3000
    assert (login.describe()["state"], login.describe()["why"]) == ("out", "over")
    await login.aclose()
    await provider.aclose()


async def test_without_a_pin_idle_time_ends_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("appliance.care.login._now_s", lambda: now_s)
    login, provider = await timed(server)
    now_s += 600
    assert (login.describe()["state"], login.describe()["name"]) == ("out", None)
    await login.aclose()
    await provider.aclose()
