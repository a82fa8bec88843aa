"""One listening to the patient: the room is quiet, the way to the doctor is proven, and what is heard may be kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Any

from appliance.clock import boottime_ms, wall
from appliance.media.capture import State as Sourced
from appliance.media.proof import (
    EDGE_S,
    HEART_S,
    LEAD_S,
    PAUSE_S,
    SECONDS,
    TONE,
    TONES_HZ,
    TONES_S,
    graded,
    proof_sound,
)
from appliance.media.recording import Recorded, Recording
from appliance.media.refusal import NotDone
from appliance.media.sound import SoundSource
from appliance.records.model import Proof
from appliance.records.spool import Spool

log = logging.getLogger(__name__)

SITES = (
    *("aortic", "pulmonary", "erb", "tricuspid", "mitral", "carotid-left", "carotid-right", "abdomen"),
    *("-".join(("lung", *place)) for place in product(("front", "back"), ("left", "right"), ("upper", "lower"))),
)
MEASURED_S = SECONDS + 5.0  # for the doctor's side to say what it measured


class State(StrEnum):
    """Of a listening."""

    IDLE = "idle"
    LISTENING = "listening"
    PROVING = "proving"
    RECORDING = "recording"


class Act(StrEnum):
    """What the doctor or the nurse does."""

    BEGIN = "begin"
    REFERENCE = "reference"
    PROVED = "proved"
    RECORD = "record"
    STOP = "stop"
    END = "end"


NEXT: Mapping[tuple[State, Act], State] = MappingProxyType(
    {
        (State.IDLE, Act.BEGIN): State.LISTENING,
        (State.LISTENING, Act.BEGIN): State.LISTENING,  # another place on the body
        (State.LISTENING, Act.REFERENCE): State.PROVING,
        (State.PROVING, Act.PROVED): State.LISTENING,
        (State.LISTENING, Act.PROVED): State.LISTENING,  # measured, and told late
        (State.LISTENING, Act.RECORD): State.RECORDING,
        (State.RECORDING, Act.STOP): State.LISTENING,
        (State.IDLE, Act.END): State.IDLE,
        (State.LISTENING, Act.END): State.IDLE,
        (State.PROVING, Act.END): State.IDLE,
        (State.RECORDING, Act.END): State.IDLE,
    }
)
# What was heard, where on the body, and how the way to the doctor was; what came of it (its result).
Keep = Callable[[Recorded, str | None, Proof | None], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Listening:
    """What all may know of it."""

    state: State = State.IDLE
    by: str | None = None
    site: str | None = None
    since_ms: int = 0
    proof: Proof | None = None


class Auscultation:
    """The unit's one listening. `spool`: where a recording grows; `tell`: the live feed. For the loop it is used on."""

    def __init__(
        self, source: SoundSource, spool: Callable[[], Spool], keep: Keep, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._source, self._spool, self._keep, self._tell = source, spool, keep, tell
        self._recording: Recording | None = None
        self._watchers: list[Callable[[bool], None]] = []
        self._late: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self.now = Listening()

    @property
    def quiet(self) -> bool:
        """Whether the room's microphone and the doctor's voice are to be silent."""
        return self.now.state is not State.IDLE

    def watch(self, watcher: Callable[[bool], None]) -> None:
        """Tell when `quiet` changes."""
        self._watchers.append(watcher)

    async def act(self, asked: Mapping[str, Any], by: str) -> Mapping[str, Any]:
        """Do what was asked (docs/protocol.md section 7, `auscultation`). `NotDone` where it does not fit."""
        act, site = word(asked.get("act"), "act", tuple(Act)), asked.get("site")
        if site is not None:
            word(site, "site", SITES)
        async with self._lock:
            following = NEXT.get((self.now.state, Act(act)))
            if following is None:
                raise NotDone("not-now", f"{act} is not possible while {self.now.state}")
            try:
                done = await self._do(Act(act), asked)
            except Exception:
                if act in {Act.STOP, Act.END}:  # what could not be kept is told, and is over
                    self._move(following, by=by, site=site)
                raise
            self._move(following, by=by, site=site)
            return done

    async def over(self) -> None:
        """The consultation goes on without it: what is being recorded is kept."""
        if self.now.state is not State.IDLE:
            try:
                await self.act({"act": "end"}, "unit")
            except Exception:
                log.exception("a listening could not be kept")
                self._move(State.IDLE, by="unit", site=None)

    def forget(self) -> None:
        """Nothing of this patient is left here."""
        self._source.recorder.clear()
        self.now = Listening()

    async def _do(self, act: Act, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if act is Act.REFERENCE:
            return await self._prove()
        if act is Act.PROVED:
            self.now = replace(self.now, proof=graded(asked.get("proof"), wall()))
            return {"grade": self.now.proof.grade if self.now.proof else None}
        if act is Act.RECORD:
            self._live()
            self._recording = Recording(self._source, self._spool())
            self._recording.start()
        if act in {Act.STOP, Act.END} and self._recording is not None:
            return await self._stopped(self._recording)
        return {}

    async def _prove(self) -> Mapping[str, Any]:
        self._live()
        sound = await asyncio.to_thread(proof_sound, self._source.input_hz or 0)
        self._source.prove(sound)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(MEASURED_S, self._not_measured)
        return {"seconds": SECONDS, "tones_hz": list(TONES_HZ), "level": TONE, "parts": parts()}

    async def _stopped(self, recording: Recording) -> Mapping[str, Any]:
        self._recording = None
        recorded = await asyncio.to_thread(recording.stop)
        try:
            return await self._keep(recorded, self.now.site, self.now.proof)
        except BaseException:
            recorded.spool.discard()
            raise

    def _live(self) -> None:
        if self._source.state is not Sourced.LIVE or self._source.input_hz is None:
            raise NotDone("source-lost", f"{self._source.key} hears nothing: it is {self._source.state.value}")

    def _not_measured(self) -> None:
        if self.now.state is State.PROVING:
            log.warning("nobody measured the reference sound")
            self._move(State.LISTENING, by=self.now.by, site=None)

    def _move(self, state: State, by: str | None, site: Any) -> None:
        before, was_quiet = self.now, self.quiet
        if self._late is not None and state is not State.PROVING:
            self._late.cancel()
        since_ms = before.since_ms if state is before.state else boottime_ms()
        proof = None if state in {State.IDLE, State.PROVING} else before.proof
        self.now = Listening(state, by, site or before.site, since_ms, proof)
        if state is State.IDLE:
            self.now = Listening(since_ms=since_ms)
        self._tell(self.message())
        for watcher in self._watchers if self.quiet is not was_quiet else ():
            watcher(self.quiet)

    def message(self) -> dict[str, Any]:
        """The `auscultation` message of docs/protocol.md section 5."""
        now, proof = self.now, self.now.proof
        return {
            "type": "auscultation",
            "source": self._source.key,
            "state": now.state.value,
            "quiet": self.quiet,
            "by": now.by,
            "site": now.site,
            "since_ms": now.since_ms,
            "proof": None if proof is None else {**asdict(proof), "at": proof.at.isoformat()},
        }


def parts() -> dict[str, list[float]]:
    """Where in the reference sound its parts begin and end, seconds; the tones without their edges."""
    tones = LEAD_S + EDGE_S, LEAD_S + TONES_S - EDGE_S
    pause = LEAD_S + TONES_S, LEAD_S + TONES_S + PAUSE_S
    return {"tones": list(tones), "silence": list(pause), "heart": [pause[1], pause[1] + HEART_S]}


def word(value: Any, name: str, known: tuple[str, ...]) -> str:
    """One of the words that are known; `NotDone` with `bad-request`."""
    if not isinstance(value, str) or value not in known:
        raise NotDone("bad-request", f"{name}: got {str(value)[:20]!r}, wanted one of {', '.join(known)}")
    return value
