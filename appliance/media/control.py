"""What a viewer may ask over the `control` channel (docs/protocol.md section 7); each `id` has one answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.clock import boottime_ms
from appliance.media.refusal import NotDone

log = logging.getLogger(__name__)

LONGEST = 64 * 1024  # docs/protocol.md: the largest message
LONGEST_ID = 128
REMEMBERED = 64  # answers; a viewer repeats its last question, not its hundredth
AT_ONCE = 4  # questions; a viewer that asks more is told so by silence until one is answered
ACT_S = 30.0  # a clip of large pictures is ten seconds of work


@dataclass(frozen=True, slots=True)
class StillTaken:
    """A still that is kept: the identifier of its result, its hash and its size."""

    result: str
    sha256: str
    width: int
    height: int


TakeStill = Callable[[str], Awaitable[StillTaken]]  # source key; raises `StillRefused`
# A question as it came in; what its answer holds beside `type`, `id` and `ok`. Raises `NotDone`.
Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

Answers = OrderedDict[str, asyncio.Task[dict[str, Any]]]  # by the question's `id`, oldest first


class Control:
    """Answers one viewer. What it asks is done once for each new `id`, however often it is asked.

    `asks`: what may be asked beside a still and the time, by its `type`. `answers`: those given over an earlier
    connection of the same viewer: what it asked there is not done again because it asks here.
    """

    def __init__(self, take: TakeStill, asks: Mapping[str, Ask] | None = None, answers: Answers | None = None) -> None:
        self._take = take
        self._asks: dict[str, Ask] = {"ping": _now, "still": self._still, **(asks or {})}
        self._answers: Answers = OrderedDict() if answers is None else answers
        self.refused = 0  # messages that were no question, and questions beyond the bound

    async def answer(self, message: str | bytes) -> str | None:
        """The answer as JSON, or None where there is none to give."""
        asked = parsed(message, self._asks)
        if asked is None or self._busy(asked["id"]):
            self.refused += 1
            return None
        key = asked["id"]
        if key not in self._answers:
            self._answers[key] = asyncio.create_task(self._act(asked), name="control")
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return json.dumps(await asyncio.shield(self._answers[key]))

    def _busy(self, key: str) -> bool:
        running = sum(not task.done() for task in self._answers.values())
        return key not in self._answers and running >= AT_ONCE

    async def _act(self, asked: dict[str, Any]) -> dict[str, Any]:
        kind = asked["type"]
        said = {"type": "pong" if kind == "ping" else kind, "id": asked["id"]}
        try:
            done = await asyncio.wait_for(self._asks[kind](asked), ACT_S)
        except NotDone as refusal:
            return {**said, "ok": False, "code": refusal.code}
        except Exception:
            # The viewer must not wait for ever, nor take the call down.
            log.exception("what a viewer asked (%s) failed", kind)
            return {**said, "ok": False, "code": "failed"}
        return {**said, **({} if kind == "ping" else {"ok": True}), **done}

    async def _still(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        taken = await self._take(str(asked.get("source")))
        return {"result": taken.result, "sha256": taken.sha256, "width": taken.width, "height": taken.height}


async def _now(asked: Mapping[str, Any]) -> dict[str, Any]:
    del asked
    return {"now_ms": boottime_ms()}


def parsed(message: str | bytes, known: Mapping[str, Ask]) -> dict[str, Any] | None:
    """The question in a message; None when it is none of those that are known."""
    if len(message) > LONGEST:
        return None
    try:
        asked = json.loads(message)
    except ValueError:
        return None
    if not isinstance(asked, dict) or not isinstance(asked.get("type"), str) or asked["type"] not in known:
        return None
    key = asked.get("id")
    return asked if isinstance(key, str) and 0 < len(key) <= LONGEST_ID else None
