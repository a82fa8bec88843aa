"""Who is at the unit: a login of the platform's identity provider, kept open by a short PIN. No password is ever here.

The nurse approves on a phone (RFC 8628, by way of a `Provider`) and works. Who leaves for a moment chooses a PIN, which
re-opens the screen until the login is over. The PIN is kept as a salted hash, in memory only: a unit that restarts asks
for a full login.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from appliance import clock
from appliance.care.errors import Refused

MOST_WRONG_PINS = 3  # then the login is over: one in 3333 guesses of a four-digit PIN
PIN = re.compile(r"[0-9]{4,8}")
SLOW_DOWN_S = 5.0  # RFC 8628, section 3.5
LONGEST_INTERVAL_S = 60.0
MAX_EXPIRES_S = 1800.0


class State(StrEnum):
    """Where the login is."""

    OUT = "out"
    ASKING = "asking"
    CHOOSING = "choosing"
    IN = "in"
    LOCKED = "locked"


class Act(StrEnum):
    """What happens to it."""

    BEGIN = "begin"
    APPROVED = "approved"
    CHOOSE = "choose"
    PIN_CHOSEN = "pin-chosen"
    LOCK = "lock"
    PIN_RIGHT = "pin-right"
    END = "end"


NEXT = {
    (State.OUT, Act.BEGIN): State.ASKING,
    (State.ASKING, Act.APPROVED): State.IN,
    (State.ASKING, Act.END): State.OUT,
    (State.IN, Act.CHOOSE): State.CHOOSING,
    (State.CHOOSING, Act.PIN_CHOSEN): State.LOCKED,
    (State.CHOOSING, Act.END): State.OUT,
    (State.IN, Act.LOCK): State.LOCKED,
    (State.IN, Act.END): State.OUT,
    (State.LOCKED, Act.PIN_RIGHT): State.IN,
    (State.LOCKED, Act.END): State.OUT,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who the identity provider says it is; `rpps`: the professional's national number, where it tells one."""

    subject: str
    name: str
    rpps: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """What the phone is shown (RFC 8628, section 3.2). `complete`: the address with the code in it, for the QR."""

    device_code: str
    user_code: str
    address: str
    complete: str
    expires_s: float
    interval_s: float


class Answer(StrEnum):
    """What a poll brought while there is no token (RFC 8628, section 3.5)."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    EXPIRED = "expired_token"
    DENIED = "access_denied"
    UNREACHED = "unreached"
    REFUSED = "refused"


class Provider(Protocol):
    """The platform's identity provider."""

    async def begin(self) -> Code | None:
        """A code, or None where the provider is not reached."""
        ...

    async def poll(self, device_code: str) -> Person | Answer:
        """Whether somebody approved."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """`reopen_s`: how long after the approval a PIN is enough. `idle_s`: untouched for so long, it locks."""

    reopen_s: float
    idle_s: float


class Login:
    """One person at a time."""

    def __init__(self, provider: Provider, rules: Rules, note: Callable[[str, str, str], Awaitable[None]]) -> None:
        self._provider, self._rules, self._note = provider, rules, note
        self._state = State.OUT
        self._person: Person | None = None
        self._code: Code | None = None
        self._code_ends_s = self._until_s = self._touched_s = 0.0
        self._salt, self._hash, self._wrong = b"", b"", 0
        self._why: str | None = None
        self._asking: asyncio.Task[None] | None = None

    def describe(self) -> dict[str, Any]:
        """For the screen: docs/api.md, `GET /api/login`."""
        self._look()
        code = self._code
        return {
            "state": self._state.value,
            "name": None if self._person is None else self._person.name,
            "why": self._why,
            "tries": MOST_WRONG_PINS - self._wrong,
            "code": None
            if code is None
            else {
                "user_code": code.user_code,
                "address": code.address,
                "complete": code.complete,
                "left_s": max(0, round(self._code_ends_s - _now_s())),
            },
        }

    async def begin(self) -> None:
        """Ask the provider for a code, and wait for the phone in the background."""
        self._look()
        self._step(Act.BEGIN)
        self._why = None
        code = await self._provider.begin()
        if self._state is not State.ASKING:
            return  # given up meanwhile
        if code is None:
            await self.end("unreached")
            return
        self._code, self._code_ends_s = code, _now_s() + min(code.expires_s, MAX_EXPIRES_S)
        self._asking = asyncio.create_task(self._ask(code), name="login")

    async def pin(self, pin: str) -> None:
        """Choose the PIN, or open the screen with it. `Refused` where it does not fit."""
        self._look()
        if PIN.fullmatch(pin) is None:
            raise Refused("pin-not-possible", "a PIN has four to eight digits")
        if self._state is State.CHOOSING:
            self._salt, self._wrong = secrets.token_bytes(16), 0
            self._hash = await asyncio.to_thread(_hashed, pin, self._salt)
            return self._step(Act.PIN_CHOSEN)
        if self._state is not State.LOCKED:
            raise Refused("login-not-now", f"a PIN is not asked for now: the login is {self._state}")
        self._wrong += 1  # before the hash is computed: guesses at the same time count too
        tries = self._wrong
        if tries > MOST_WRONG_PINS:
            raise Refused("pin-locked-out", "too many wrong PINs; a full login is wanted")
        given = await asyncio.to_thread(_hashed, pin, self._salt)
        if hmac.compare_digest(given, self._hash):
            self._wrong = 0
            self._step(Act.PIN_RIGHT)
            return self.touch()
        if tries >= MOST_WRONG_PINS:
            await self.end("locked-out")
            raise Refused("pin-locked-out", "too many wrong PINs; a full login is wanted")
        raise Refused("pin-wrong", f"this is not the PIN; {MOST_WRONG_PINS - tries} tries are left")

    def lock(self) -> None:
        """The nurse goes away for a moment; the first time she chooses the PIN that will open."""
        self._look()
        self._step(Act.LOCK if self._hash else Act.CHOOSE)

    async def end(self, why: str | None = None) -> None:
        """Nobody is logged in any more."""
        if self._state is State.OUT:
            return
        who = self._person
        self._forget(why)
        if who is not None:
            await self._note("login-ended", who.subject, why or "logged out")

    def touch(self) -> None:
        """Somebody works: the idle time begins anew."""
        self._touched_s = _now_s()

    def require(self) -> None:
        """`Refused` unless somebody is logged in and the screen is open."""
        self._look()
        if self._state is not State.IN:
            raise Refused("not-logged-in", f"this wants a login; it is {self._state}")
        self.touch()

    async def aclose(self) -> None:
        """No poll goes on."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    async def _ask(self, code: Code) -> None:
        interval_s = max(1.0, code.interval_s)
        while _now_s() < self._code_ends_s:
            await asyncio.sleep(interval_s)
            got = await self._provider.poll(code.device_code)
            if self._code is not code:
                return
            if isinstance(got, Person):
                await self._approved(got)
                return
            if got in {Answer.EXPIRED, Answer.DENIED, Answer.REFUSED}:
                self._forget({Answer.EXPIRED: "expired", Answer.DENIED: "denied"}.get(got, "refused"))
                return
            if got is Answer.SLOW_DOWN:
                interval_s += SLOW_DOWN_S
            elif got is Answer.UNREACHED:
                interval_s = min(2 * interval_s, LONGEST_INTERVAL_S)
        if self._code is code:
            self._forget("expired")

    async def _approved(self, person: Person) -> None:
        self._step(Act.APPROVED)
        self._person, self._code = person, None
        self._until_s = _now_s() + self._rules.reopen_s
        self.touch()
        await self._note("login", person.subject, "device authorization")

    def _look(self) -> None:
        """What time has done since somebody looked."""
        now_s = _now_s()
        if self._person is not None and now_s >= self._until_s:
            self._forget("over")
        elif self._state is State.IN and now_s - self._touched_s >= self._rules.idle_s:
            if self._hash:
                self._step(Act.LOCK)
            else:
                self._forget("over")  # nothing but a full login could open it again

    def _forget(self, why: str | None) -> None:
        self._step(Act.END)
        self._person = self._code = None
        self._salt, self._hash, self._wrong, self._why = b"", b"", 0, why

    def _step(self, act: Act) -> None:
        after = NEXT.get((self._state, act))
        if after is None:
            raise Refused("login-not-now", f"{act} is not possible: the login is {self._state}")
        self._state = after


def _hashed(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1)


def _now_s() -> float:
    return clock.boottime_ns() / 1e9
