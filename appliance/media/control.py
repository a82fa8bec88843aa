"""What a viewer may ask over the `control` channel (docs/protocol.md section 7); each `id` has one answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from appliance.clock import boottime_ms
from appliance.media.still import StillRefused

log = logging.getLogger(__name__)

LONGEST = 64 * 1024  # docs/protocol.md: the largest message
LONGEST_ID = 128
REMEMBERED = 64  # answers; a viewer repeats its last question, not its hundredth
AT_ONCE = 4  # questions; a viewer that asks more is told so by silence until one is answered
STILL_S = 10.0


@dataclass(frozen=True, slots=True)
class StillTaken:
    """A still that is kept: the identifier of its result, its hash and its size."""

    result: str
    sha256: str
    width: int
    height: int


TakeStill = Callable[[str], Awaitable[StillTaken]]  # source key; raises `StillRefused`


class Control:
    """Answers one viewer. `take` is awaited once for each new `id`, however often it is asked."""

    def __init__(self, take: TakeStill) -> None:
        self._take = take
        self._answers: OrderedDict[str, asyncio.Task[dict[str, Any]]] = OrderedDict()
        self.refused = 0  # messages that were no question, and questions beyond the bound

    async def answer(self, message: str | bytes) -> str | None:
        """The answer as JSON, or None where there is none to give."""
        asked = parsed(message)
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
        if asked["type"] == "ping":
            return {"type": "pong", "id": asked["id"], "now_ms": boottime_ms()}
        said = {"type": "still", "id": asked["id"]}
        try:
            taken = await asyncio.wait_for(self._take(str(asked.get("source"))), STILL_S)
        except StillRefused as refusal:
            return {**said, "ok": False, "code": refusal.code}
        except Exception:
            # The viewer must not wait for ever, nor take the call down.
            log.exception("a still failed")
            return {**said, "ok": False, "code": "failed"}
        size = {"sha256": taken.sha256, "width": taken.width, "height": taken.height}
        return {**said, "ok": True, "result": taken.result, **size}


def parsed(message: str | bytes) -> dict[str, Any] | None:
    """The question in a message; None when it is none that this unit knows."""
    if len(message) > LONGEST:
        return None
    try:
        asked = json.loads(message)
    except ValueError:
        return None
    if not isinstance(asked, dict) or asked.get("type") not in ("still", "ping"):
        return None
    key = asked.get("id")
    return asked if isinstance(key, str) and 0 < len(key) <= LONGEST_ID else None
